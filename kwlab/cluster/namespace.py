"""The namespace that kwlab uses on a cluster: its own, labelled, and left as it was found."""

from __future__ import annotations

import itertools
import re
import time
from typing import TYPE_CHECKING, Any, Final

from kwlab.cluster import connection as reaching
from kwlab.cluster import ownership, strangers
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
SHOWN: Final = 3
"""So many of other people's things are named."""


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

    Raises
    ------
    ClusterError
        As :func:`check_name` does.
    """
    if namespace:
        check_name(namespace)
        return namespace
    return connection.namespace if connection.context == IN_CLUSTER else DEFAULT


def check_name(namespace: str) -> None:
    """Refuse what no namespace is called: in a path it could lead to something else.

    Parameters
    ----------
    namespace : str

    Raises
    ------
    ClusterError
        When it is no DNS label (RFC 1123).
    """
    if _DNS_LABEL.fullmatch(namespace) is None:
        raise ClusterError(say("cluster.no_name", name=namespace))


_DNS_LABEL: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")


class Namespace:
    """Hold a namespace of a cluster.

    Parameters
    ----------
    connection : Connection
    name : str

    Attributes
    ----------
    may_be_left : bool
        Whether it was asked for, and the cluster has not refused it: then it may be there even
        where no answer came.
    kept : str
        Why a namespace that kwlab made was not removed by :meth:`release`; empty where it was.
    """

    def __init__(self, connection: Connection, name: str) -> None:
        from kubernetes.client import CoreV1Api

        self.connection, self.name = connection, name
        self.api: CoreV1Api = CoreV1Api(connection.client)
        self.may_be_left = False
        self.kept = ""

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
            while (found := self._read()) is None or _is_terminating(found):
                if found is None and self._make():
                    return
                if time.monotonic() >= late:
                    raise ClusterError(say("cluster.terminating", **self._facts))
                time.sleep(POLL_SECONDS)
        if not _is_ours(found):
            raise ClusterError(say("cluster.not_ours", **self._facts))

    def release(self) -> bool:
        """Remove all that kwlab made: its objects, and the namespace if it made that too.

        A namespace that holds something else by now, or may hold it, is kept: it would all go.

        Returns
        -------
        bool
            Whether there was such a namespace; one that is on its way out counts as none.

        Raises
        ------
        ClusterError
            When it is there without kwlab's label, or the cluster refuses.
        """
        self.kept = ""
        with self.connection.clear_errors():
            found = self._read()
            if found is None or _is_terminating(found):
                return False
            if not _is_ours(found):
                raise ClusterError(say("cluster.not_ours", **self._facts))
            for kind in KINDS:
                self.empty(kind)
        if (found.metadata.annotations or {}).get(ownership.MADE_HERE):
            self.kept = self._holds_others()
            if not self.kept:
                with self.connection.clear_errors():
                    self._remove(found.metadata.uid)
        return True

    def empty(self, kind: str, seconds: float | None = None) -> None:
        """Remove our objects of one kind.

        Parameters
        ----------
        kind : str
            As the official client spells it.
        seconds : float, optional
            How long that may take.
        """
        remove = getattr(self.api, f"delete_collection_namespaced_{kind}")
        remove(
            self.name,
            label_selector=ownership.SELECTOR,
            grace_period_seconds=0,
            _request_timeout=seconds or reaching.REMOVAL_SECONDS,
        )

    @property
    def _facts(self) -> dict[str, str]:
        return {
            "namespace": self.name,
            "context": self.connection.context,
            "label": ownership.SELECTOR,
        }

    def _make(self) -> bool:
        """Make it; tell whether nobody else has made it in the same moment."""
        from kubernetes.client.exceptions import ApiException

        create: Any = self.api.create_namespace
        self.may_be_left = True
        try:
            create(ownership.namespace(self.name), _request_timeout=reaching.ANSWER_SECONDS)
        except ApiException as error:
            self.may_be_left = not 400 <= error.status < 500
            if error.status == 409:
                return False
            raise
        return True

    def _holds_others(self) -> str:
        """Say what else is in it, or that nobody can tell; empty when there is nothing."""
        try:
            with self.connection.clear_errors():
                others = strangers.found(self.connection, self.name)
                shown = list(itertools.islice(others, SHOWN + 1))
        except ClusterError as error:
            return say("cluster.kept_unseen", reason=error, **self._facts)
        if not shown:
            return ""
        key = "cluster.kept_more" if len(shown) > SHOWN else "cluster.kept"
        return say(key, what=", ".join(shown[:SHOWN]), **self._facts)

    def _remove(self, uid: str) -> None:
        remove: Any = self.api.delete_namespace
        only = {"preconditions": {"uid": uid}}
        remove(self.name, body=only, _request_timeout=reaching.ANSWER_SECONDS)

    def _read(self) -> Any:
        from kubernetes.client.exceptions import ApiException

        read: Any = self.api.read_namespace
        try:
            return read(self.name, _request_timeout=reaching.ANSWER_SECONDS)
        except ApiException as error:
            if error.status == 404:
                return None
            raise


def _is_ours(found: Any) -> bool:
    return bool((found.metadata.labels or {}).get(ownership.LABEL) == ownership.OWNER)


def _is_terminating(found: Any) -> bool:
    return found.metadata.deletion_timestamp is not None
