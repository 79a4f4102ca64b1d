"""A cluster that behaves like kind's, and its kubeconfig, for the tests of what is live."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.controllers import Controllers, controllers
from tests.realserver import RealServer

CONTEXT: Final = "admin"


@dataclass(frozen=True)
class LiveCluster:
    """Hold a real API server with a stand-in for a cluster's controllers."""

    server: RealServer
    controllers: Controllers

    @property
    def core(self) -> client.CoreV1Api:
        return self.server.core

    @property
    def environment(self) -> Mapping[str, str]:
        """Give what makes a program play there."""
        return {**os.environ, "KUBECONFIG": self.server.kubeconfig, "KWLAB_CONTEXT": CONTEXT}

    def pods(self, namespace: str) -> list[str]:
        return [pod.metadata.name for pod in self.core.list_namespaced_pod(namespace).items]

    def is_there(self, namespace: str) -> bool:
        """Tell whether a namespace exists, and is not on its way out."""
        try:
            found = self.core.read_namespace(namespace)
        except ApiException as error:
            assert error.status == 404
            return False
        return found.metadata.deletion_timestamp is None


@contextmanager
def live_cluster(*flags: str) -> Iterator[LiveCluster]:
    """Run a cluster of one's own: others do not expect its controllers."""
    with RealServer(flags) as server, controllers(server.core) as running:
        yield LiveCluster(server, running)
