"""Connections to a cluster's server: straight, or through a port of loopback."""

from __future__ import annotations

from typing import Any, Final

from urllib3.util import parse_url

from kwlab.cluster.connection import CONNECT_SECONDS, Connection
from kwlab.errors import ClusterError
from kwlab.messages import say

_REPLACED: Final = (b"host:", b"authorization:")


class ServerEndpoint:
    """Open connections as the official client does: its certificates, its checks, its credentials.

    Parameters
    ----------
    connection : Connection
    through : tuple of (str, int), optional
        Host and port to connect to in place of the server's: what listens there passes the bytes
        on. The server's certificate is checked against the server's own name all the same.

    Raises
    ------
    ClusterError
        When the client reaches the cluster through a proxy.
    """

    def __init__(self, connection: Connection, through: tuple[str, int] | None = None) -> None:
        self._connection = connection
        self._manager = connection.client.rest_client.pool_manager
        if _has_proxy(connection):
            facts = {"context": connection.context, "url": connection.url}
            raise ClusterError(say("cluster.proxy", **facts))
        url = parse_url(connection.url)
        self.scheme = url.scheme or "https"
        self.host = (url.host or "").strip("[]")
        self.port = url.port or (443 if self.scheme == "https" else 80)
        self._host_header = (url.netloc or "").encode()
        self._prefix = (url.path or "").rstrip("/").encode()
        self._through = through or (self.host, self.port)

    def dial(self) -> Any:
        """Connect.

        Returns
        -------
        socket
            With TLS where the server has it.

        Raises
        ------
        urllib3.exceptions.HTTPError
            As the official client would see it.
        """
        host, port = self._through
        known = self._manager.connection_pool_kw
        as_itself = {"server_hostname": known.get("server_hostname") or self.host}
        settings = as_itself if self.scheme == "https" else {}
        pool = self._manager.connection_from_host(host, port, self.scheme, settings)
        connection: Any = pool._new_conn()
        connection.timeout = CONNECT_SECONDS
        connection.connect()
        return connection.sock

    def signed(self, head: bytes) -> bytes:
        """Give a request's head as it goes to the server.

        Parameters
        ----------
        head : bytes
            With its blank line.

        Returns
        -------
        bytes
            With the server's path prefix and name, and the credentials of the context.
        """
        first, *lines = head.split(b"\r\n")
        method, target, version = first.split(b" ")
        kept = [line for line in lines if not line.lower().startswith(_REPLACED)]
        own = [b"Host: " + self._host_header]
        if credentials := self._credentials():
            own.append(b"Authorization: " + credentials)
        return b"\r\n".join([b" ".join((method, self._prefix + target, version)), *own, *kept])

    def _credentials(self) -> bytes:
        # Asked every time: the client renews what has expired.
        settings = self._connection.configuration.auth_settings()
        value = settings.get("BearerToken", {}).get("value") or ""
        return str(value).encode("latin-1")


def _has_proxy(connection: Connection) -> bool:
    """Tell whether the client goes through a proxy, of whatever kind."""
    from kubernetes.client.rest import should_bypass_proxies

    settings = connection.configuration
    bypassed = settings.no_proxy or ""
    return bool(settings.proxy) and not should_bypass_proxies(connection.url, bypassed)
