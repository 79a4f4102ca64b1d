"""A client whose sockets a watcher can reach, also while it waits for TLS or for headers.

Only urllib3's public surface is used: the pool manager's classes by scheme, a pool's connection
class, and the connection's ``connect``, ``getresponse``, ``sock`` and ``timeout``.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from kwlab.watching.response import Answer, current

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection


class Client(Protocol):
    """Describe the part of ``kubernetes.client.ApiClient`` that is used here."""

    configuration: Any
    rest_client: Any


_AClient = TypeVar("_AClient", bound=Client)


def prepared(api_client: _AClient) -> _AClient:
    """Prepare the official client for watching: nothing in it waits where nobody can wake it.

    From then on :meth:`RetryWatcher.stop` and the deadline also wake a watch function that waits
    for TLS or for the headers of an answer, the idle timer runs there too, and an answer with
    ``Connection: close`` is under it like any other. Idle timer and deadline bound the making of a
    TCP connection too, to each address of the host, but :meth:`RetryWatcher.stop` does not wake
    it; nothing bounds the look for the address of a host name. The client does not repeat requests
    by itself any more: the watcher does, and knows when. Prepare it before its first request; the
    connections that it kept are closed. Where other calls should go on repeating themselves, give
    the watch a client of its own.

    Parameters
    ----------
    api_client : kubernetes.client.ApiClient
        It is changed.

    Returns
    -------
    kubernetes.client.ApiClient
        The same one.

    Examples
    --------
    >>> from kubernetes import client
    >>> api = client.CoreV1Api(prepared(client.ApiClient()))
    """
    manager = api_client.rest_client.pool_manager
    api_client.configuration.client_go_retries = False
    manager.connection_pool_kw["retries"] = False
    manager.pool_classes_by_scheme = {
        scheme: _with_reachable(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    manager.clear()
    return api_client


def _with_reachable(pool_class: type[Any]) -> type[Any]:
    connection_class = _reachable(cast("type[HTTPConnection]", pool_class.ConnectionCls))
    return type(pool_class.__name__, (pool_class,), {"ConnectionCls": connection_class})


def _reachable(connection_class: type[Any]) -> type[Any]:
    class Reachable(connection_class):  # type: ignore[misc]
        """Show its socket to whoever watches, before it waits for TLS and for an answer."""

        timeout: float | None
        _connected: Any = None
        _connecting_for: Answer | None = None
        _shown: socket.socket | None = None

        @property
        def sock(self) -> Any:
            """Give what is connected, None before."""
            return self._connected

        @sock.setter
        def sock(self, connected: Any) -> None:
            self._connected = connected
            answer = self._connecting_for
            if answer is not None and self._shown is None and isinstance(connected, socket.socket):
                connected.settimeout(answer.shortest(connected.gettimeout()))
                # TLS takes the socket away into an object that nobody sees before it is done.
                self._shown = connected.dup()
                answer.reach(self._shown)

        def connect(self) -> None:
            answer = self._connecting_for = current()
            if answer is not None:
                self.timeout = answer.shortest(self.timeout)
            try:
                super().connect()
            finally:
                self._connecting_for = None
                self._hide(answer)

        def _hide(self, answer: Answer | None) -> None:
            if answer is not None and self._shown is not None:
                answer.reach(None)
                self._shown.close()
                self._shown = None

        def getresponse(self) -> Any:
            answer = current()
            if answer is not None and self.sock is not None:
                self.timeout = answer.shortest(self.timeout)
                answer.reach(self.sock)
            return super().getresponse()

    return Reachable
