"""kwlab's ``RetryWatcher`` with the official client; as ``prepared``, with the client prepared.

README.md and the docstrings of ``kwlab.watching.retrywatcher`` and ``kwlab.watching.reachable``.
"""

from __future__ import annotations

import sys
from typing import Any

import report
from kubernetes import client, config

from kwlab import ListOptions, RetryWatcher, prepared


def main() -> None:
    """List, and watch from the list's resourceVersion."""
    api_client = client.ApiClient()
    api = client.CoreV1Api(prepared(api_client) if "prepared" in sys.argv else api_client)

    def pods(options: ListOptions) -> Any:
        options = options.replace(timeout_seconds=60)
        return api.list_namespaced_pod(
            report.NAMESPACE, watch=True, _preload_content=False, **options
        )

    listed = api.list_namespaced_pod(report.NAMESPACE)
    for pod in listed.items:
        report.model("LISTED", pod)
    with RetryWatcher(listed.metadata.resource_version, pods) as watcher:
        for event in watcher:
            report.event(event.type.value, event.object["metadata"])


config.load_kube_config()
report.run(main)
