"""kwlab's ``Reflector`` with the official client.

The docstrings of ``kwlab.watching.reflector``.
"""

from __future__ import annotations

import report
from kubernetes import client, config

from kwlab import Reflector


def main() -> None:
    """List, watch, and list again where that is needed."""
    api = client.CoreV1Api()
    with Reflector(api.list_namespaced_pod, report.NAMESPACE) as reflector:
        for event in reflector:
            kind = "LISTED" if event.origin.value == "list" else event.type.value
            report.event(kind, event.object["metadata"])


config.load_kube_config()
report.run(main)
