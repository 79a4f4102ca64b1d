"""The official client's ``Watch``.

https://github.com/kubernetes-client/python/blob/v37.0.2/kubernetes/watch/watch.py (docstring of
``stream``: list, then watch from the list's resourceVersion), and, as ``loop``, the loop that
people put around it: https://github.com/kubernetes-client/python/blob/master/examples/watch/
"""

from __future__ import annotations

import sys

import report
from kubernetes import client, config, watch


def once() -> None:
    """List, and let one ``Watch`` resume by itself."""
    api = client.CoreV1Api()
    listed = api.list_namespaced_pod(report.NAMESPACE)
    for pod in listed.items:
        report.model("LISTED", pod)
    stream = watch.Watch().stream(
        api.list_namespaced_pod,
        report.NAMESPACE,
        resource_version=listed.metadata.resource_version,
    )
    for event in stream:
        told(event)


def loop() -> None:
    """Watch again and again, each time from nothing."""
    api = client.CoreV1Api()
    while True:
        stream = watch.Watch().stream(api.list_namespaced_pod, report.NAMESPACE, timeout_seconds=60)
        for event in stream:
            told(event)


def told(event) -> None:
    """Report one event; ``Watch`` also yields None, for a line that it could not read."""
    if event is None:
        report.say(no_event=True)
    else:
        report.model(event["type"], event["object"])


config.load_kube_config()
report.run(loop if "loop" in sys.argv else once)
