"""The namespace that kwlab uses on a cluster: its own, labelled, and left as it was found."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from kwlab.cluster import ownership
from kwlab.cluster.connection import IN_CLUSTER, Connection
from kwlab.errors import ClusterError
from kwlab.messages import say

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

DEFAULT: Final = "kwlab"
KINDS: Final = ("pod", "config_map")
"""What kwlab makes in it, as the official client spells it."""
TERMINATING_SECONDS: Final = 15.0
"""How long one that is being removed is waited for: kind takes some five seconds."""
POLL_SECONDS: Final = 0.1


def named(connection: Connection, namespace: str | None) -> str:
    """Give the namespace that counts.

    Parameters
    ----------
    connection : Connection
    namespace : str or None
        As somebody named it.

    Returns
    -------
    str
        Else the service account's own, or ``kwlab``; never the one of a context, where other
        people's work is.
    """
    if namespace:
        return namespace
    return connection.namespace if connection.context == IN_CLUSTER else DEFAULT


class Namespace:
    """Hold a namespace of a cluster.

    Parameters
    ----------
    connection : Connection
    name : str
    """

    def __init__(self, connection: Connection, name: str) -> None:
        from kubernetes.client import CoreV1Api

        self.connection, self.name = connection, name
        self.api: CoreV1Api = CoreV1Api(connection.client)

    def claim(self, *, patience_seconds: float = TERMINATING_SECONDS) -> None:
        """Make it if it is not there; take it if it is labelled.

        Parameters
        ----------
        patience_seconds : float
            How long one that is being removed is waited for.

        Raises
        ------
        ClusterError
            When it is there without kwlab's label, or is still being removed, or the cluster
            refuses.
        """
        late = time.monotonic() + patience_seconds
        with self.connection.clear_errors():
            while (found := self._read()) is not None and _is_terminating(found):
                if time.monotonic() >= late:
                    raise ClusterError(say("cluster.terminating", **self._facts))
                time.sleep(POLL_SECONDS)
            if found is None:
                create: Any = self.api.create_namespace
                create(ownership.namespace(self.name))
        if found is not None and not _is_ours(found):
            raise ClusterError(say("cluster.not_ours", **self._facts))

    def release(self) -> bool:
        """Remove all that kwlab made: its objects, and the namespace if it made that too.

        Returns
        -------
        bool
            Whether there was such a namespace; one that is on its way out counts as none.

        Raises
        ------
        ClusterError
            When it is there without kwlab's label, or the cluster refuses.
        """
        with self.connection.clear_errors():
            found = self._read()
            if found is None or _is_terminating(found):
                return False
            if not _is_ours(found):
                raise ClusterError(say("cluster.not_ours", **self._facts))
            for kind in KINDS:
                self.empty(kind)
            if (found.metadata.annotations or {}).get(ownership.MADE_HERE):
                self.api.delete_namespace(self.name)
            return True

    def empty(self, kind: str) -> None:
        """Remove our objects of one kind.

        Parameters
        ----------
        kind : str
            As the official client spells it.
        """
        remove = getattr(self.api, f"delete_collection_namespaced_{kind}")
        remove(self.name, label_selector=ownership.SELECTOR, grace_period_seconds=0)

    @property
    def _facts(self) -> dict[str, str]:
        return {
            "namespace": self.name,
            "context": self.connection.context,
            "label": ownership.SELECTOR,
        }

    def _read(self) -> Any:
        from kubernetes.client.exceptions import ApiException

        try:
            return self.api.read_namespace(self.name)
        except ApiException as error:
            if error.status == 404:
                return None
            raise


def _is_ours(found: Any) -> bool:
    return bool((found.metadata.labels or {}).get(ownership.LABEL) == ownership.OWNER)


def _is_terminating(found: Any) -> bool:
    return found.metadata.deletion_timestamp is not None
