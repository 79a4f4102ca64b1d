"""The official client's ``SharedInformer``.

https://github.com/kubernetes-client/python/blob/v37.0.2/kubernetes/informer/informer.py
"""

from __future__ import annotations

import functools
import threading

import report
from kubernetes import client, config
from kubernetes.informer import ADDED, DELETED, MODIFIED, SharedInformer


def main() -> None:
    """Start it, and wait for as long as the harness wants."""
    informer = SharedInformer(client.CoreV1Api().list_namespaced_pod, namespace=report.NAMESPACE)
    for kind in (ADDED, MODIFIED, DELETED):
        informer.add_event_handler(kind, functools.partial(report.model, kind))
    informer.start()
    threading.Event().wait()


config.load_kube_config()
report.run(main)
