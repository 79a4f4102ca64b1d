"""A server on loopback that answers with bytes: over TLS or not, and however badly.

``answer(connection, number)`` is called for each request, counted from 1; it writes what it likes.
``connection.hold()`` says nothing more until the client is gone. Of connections after so many
``handshakes`` only TCP is answered, as by a load balancer with nothing behind it.
"""

from __future__ import annotations

import contextlib
import math
import re
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Final

from kubernetes import client

from tests.scripted_server import line

CHUNKED: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)
CLOSING: Final = CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
END: Final = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def added(version: object) -> bytes:
    """The line of one ADDED event."""
    return line({"type": "ADDED", "rv": str(version)})


class Connection:
    """What a script writes to."""

    def __init__(self, server: RawServer, sock: socket.socket) -> None:
        self._server, self._sock = server, sock
        self.asked: str | None = None
        self.is_watch = False

    def read_head(self) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            more = self._sock.recv(65536)
            if not more:
                return False
            data += more
        found = re.search(rb"resourceVersion=([^&\s]*)", data)
        self.asked = found[1].decode() if found else None
        self.is_watch = b"watch=" in data
        return True

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self._sock.sendall(part)

    def hold(self) -> None:
        self._server.is_holding.set()
        while self._sock.recv(65536):
            """A client that speaks while it should wait is not heard."""


class RawServer:
    """Answer every request by a script, each connection on a thread of its own."""

    def __init__(
        self,
        answer: Callable[[Connection, int], None],
        tls: ssl.SSLContext | None = None,
        *,
        handshakes: float = math.inf,
    ) -> None:
        self.accepted_total = 0
        self.asked: list[str | None] = []
        self.is_holding = threading.Event()
        self._answer, self._tls, self._handshakes = answer, tls, handshakes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = [threading.Thread(target=self._accept)]

    @property
    def url(self) -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def api(self, ca_file: str | None = None) -> client.CoreV1Api:
        """The official client as its users set it up, urllib3's own retries included."""
        configuration = client.Configuration(host=self.url)
        configuration.ssl_ca_cert = ca_file
        return client.CoreV1Api(client.ApiClient(configuration))

    def __enter__(self) -> RawServer:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake an accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for opened in list(self._sockets):
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                opened, _ = self._listener.accept()
                self.accepted_total += 1
                is_answered = self.accepted_total <= self._handshakes
                serve = self._serve if is_answered else self._accept_only
                thread = threading.Thread(target=serve, args=(opened,))
                self._threads.append(thread)
                thread.start()

    def _accept_only(self, opened: socket.socket) -> None:
        with contextlib.suppress(OSError), opened:
            self._sockets.add(opened)
            try:
                Connection(self, opened).hold()
            finally:
                self._sockets.discard(opened)

    def _serve(self, opened: socket.socket) -> None:
        with contextlib.suppress(OSError), opened:
            if self._tls is not None:
                opened = self._tls.wrap_socket(opened, server_side=True)
            self._sockets.add(opened)
            try:
                self._converse(Connection(self, opened))
            finally:
                self._sockets.discard(opened)
                opened.close()

    def _converse(self, connection: Connection) -> None:
        while connection.read_head():
            self.asked.append(connection.asked)
            self._answer(connection, len(self.asked))
