"""Stand in for what kind has and the rig has not: controllers, a scheduler and a kubelet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from kubernetes import client
from kubernetes.client.exceptions import ApiException

LOOK_SECONDS: Final = 0.05
SCHEDULER: Final = "default-scheduler"


class Controllers:
    """Behave to a cluster as its controllers do, until stopped.

    Every namespace gets kube-root-ca.crt and an account; one that is being removed is emptied and
    let go; a quota is counted; a pod that names the default scheduler is started.
    """

    def __init__(self, api: client.CoreV1Api) -> None:
        self._api = api
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._furnished: set[str] = set()
        self.started: list[str] = []

    def run(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            # Somebody else may be quicker, as everywhere in Kubernetes.
            with suppress(ApiException):
                self._look()

    def stop(self) -> None:
        self._stopped.set()

    def wait_for(self, namespace: str) -> None:
        """Wait until a namespace is furnished."""
        with self._changed:
            assert self._changed.wait_for(lambda: namespace in self._furnished, 30)

    def _look(self) -> None:
        for namespace in self._api.list_namespace().items:
            if namespace.metadata.deletion_timestamp is not None:
                self._let_go(namespace.metadata.name)
            else:
                self._furnish(namespace.metadata.name)
        for quota in self._api.list_resource_quota_for_all_namespaces().items:
            self._count(quota)
        for pod in self._api.list_pod_for_all_namespaces().items:
            if pod.spec.scheduler_name == SCHEDULER:
                self._keep_running(pod)

    def _count(self, quota: client.V1ResourceQuota) -> None:
        if quota.status.hard is None:
            counted = {"hard": quota.spec.hard, "used": dict.fromkeys(quota.spec.hard, "0")}
            self._api.patch_namespaced_resource_quota_status(
                quota.metadata.name, quota.metadata.namespace, {"status": counted}
            )

    def _furnish(self, namespace: str) -> None:
        known = {
            each.metadata.name for each in self._api.list_namespaced_config_map(namespace).items
        }
        if "kube-root-ca.crt" not in known:
            about = {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": "none"}}
            self._api.create_namespaced_config_map(namespace, about)
            with suppress(ApiException):
                self._api.create_namespaced_service_account(
                    namespace, {"metadata": {"name": "default"}}
                )
        with self._changed:
            self._furnished.add(namespace)
            self._changed.notify_all()

    def _let_go(self, namespace: str) -> None:
        self._api.delete_collection_namespaced_pod(namespace, grace_period_seconds=0)
        self._api.delete_collection_namespaced_config_map(namespace)
        if self._api.list_namespaced_pod(namespace).items:
            return
        free: dict[str, Any] = {"metadata": {"name": namespace}, "spec": {"finalizers": []}}
        self._api.replace_namespace_finalize(namespace, free)
        with self._changed:
            self._furnished.discard(namespace)

    def _keep_running(self, pod: client.V1Pod) -> None:
        if pod.status.phase == "Running" and pod.metadata.deletion_timestamp is None:
            return
        where = pod.metadata.name, pod.metadata.namespace
        self.started.append(pod.metadata.name)
        self._api.patch_namespaced_pod_status(*where, {"status": {"phase": "Running"}})


@contextmanager
def controllers(api: client.CoreV1Api) -> Iterator[Controllers]:
    """Run the stand-in beside a server."""
    running = Controllers(api)
    thread = threading.Thread(target=running.run, name="controllers")
    thread.start()
    try:
        yield running
    finally:
        running.stop()
        thread.join()
