"""A client whose sockets a watcher can reach, also while it waits for headers.

Only urllib3's public surface is used: the pool manager's classes by scheme, a pool's connection
class, and the connection's ``getresponse`` and ``timeout``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from kwlab.watching.response import current

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
    for the headers of an answer, the idle timer runs there too, and an answer with ``Connection:
    close`` is under it like any other. The client does not repeat requests by itself any more: the
    watcher does, and knows when. Prepare it before its first request; the connections that it kept
    are closed. Where other calls should go on repeating themselves, give the watch a client of its
    own. Making a connection (name, TCP and TLS) is still bounded by ``_request_timeout`` only.

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
        """Show its socket to whoever watches, before it waits for an answer."""

        timeout: float | None

        def getresponse(self) -> Any:
            answer = current()
            if answer is not None and self.sock is not None:
                self.timeout = answer.shortest(self.timeout)
                answer.reach(self.sock)
            return super().getresponse()

    return Reachable
