"""A real HTTP/1.1 server on loopback that does at each connection what a script says.

The script is the ``connects`` list of ``data/retrywatcher-conformance.json``; the ``semantics``
part of that file says what each entry means. Two more, for tests of the wire itself: ``{"raw":
bytes}`` sends a whole answer as it stands and closes, ``{"chunks": [bytes, …], "end": "clean" |
"cut" | "open"}`` sends chunks.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Script = list[dict[str, Any]]


class ScriptedServer:
    """Serve a script; ``requests`` holds the query of each request, in order.

    A server that is alone checks that no thread is left of those that began with it.
    """

    def __init__(
        self,
        connects: Script,
        *,
        when_idle: Callable[[], None] = lambda: None,
        is_alone: bool = True,
    ) -> None:
        self.connects, self.when_idle, self.is_alone = connects, when_idle, is_alone
        self.requests: list[dict[str, str]] = []
        self.sent_errors: set[str] = set()
        self.open_sockets: set[socket.socket] = set()
        self._httpd = _Server(("127.0.0.1", 0), _Handler)
        self._httpd.script = self
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=(0.01,))
        self._threads_before = set(threading.enumerate())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._httpd.server_port}"

    @property
    def asked(self) -> list[str | None]:
        """The resourceVersion of each request, None where it had none."""
        return [query.get("resourceVersion") for query in self.requests]

    def next_connect(self, query: dict[str, str]) -> dict[str, Any]:
        self.requests.append(query)
        return self.connects[min(len(self.requests), len(self.connects)) - 1]

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._httpd.shutdown()
        for opened in list(self.open_sockets):
            _quietly(opened.shutdown, socket.SHUT_RDWR)
        self._httpd.server_close()
        self._thread.join()
        left = set(threading.enumerate()) - self._threads_before
        assert not (self.is_alone and left), f"threads left: {left}"


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    script: ScriptedServer

    def handle_error(self, *_: object) -> None:
        """A client that goes away is what is tested here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def setup(self) -> None:
        super().setup()
        self.server.script.open_sockets.add(self.connection)

    def finish(self) -> None:
        self.server.script.open_sockets.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        query = dict(reversed(parse_qsl(urlsplit(self.path).query, keep_blank_values=True)))
        connect = self.server.script.next_connect(query)
        ((what, how),) = [(k, v) for k, v in connect.items() if k != "end"]
        {"fail": self.fail, "open": self.open, "raw": self.raw, "chunks": self.chunks}[what](
            how,
            **({"query": query} if what == "open" else {}),
            **({"end": connect.get("end", "clean")} if what == "chunks" else {}),
        )

    def fail(self, how: dict[str, Any]) -> None:
        {
            "http": self.fail_with_status,
            "eof": lambda _: None,
            "unexpected_eof": lambda _: self.send(b"HTTP/1."),
            "conn_reset": lambda _: self.reset(),
            "timeout": lambda _: self.wait_for_the_client_to_go(),
        }[how["kind"]](how)
        if how["kind"] != "http":
            self.close_connection = True

    def fail_with_status(self, how: dict[str, Any]) -> None:
        body = b"" if how.get("no_status") else json.dumps(status_object(how)).encode()
        self.send_response(how["code"])
        for name, value in how.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.send(body)

    def open(self, how: dict[str, Any], query: dict[str, str]) -> None:
        entries = how["verbatim"] if "verbatim" in how else self.to_send(how["server_log"], query)
        limit = how.get("close_after")
        self.begin_chunked()
        for entry in entries[:limit]:
            self.send_chunk(line(entry))
        if limit is not None and len(entries) >= limit:
            self.send(b"0\r\n\r\n")
        else:
            self.stay_open()

    def to_send(self, log: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
        asked = int(query.get("resourceVersion") or 0)
        return [entry for entry in log if self.is_news(entry, asked)]

    def is_news(self, entry: dict[str, Any], asked: int) -> bool:
        if entry["type"] == "ERROR":
            key = json.dumps(entry)
            is_new = key not in self.server.script.sent_errors
            self.server.script.sent_errors.add(key)
            return is_new
        version = entry.get("rv")
        return not version or int(version) > asked

    def raw(self, answer: bytes) -> None:
        self.send(answer)
        self.close_connection = True

    def chunks(self, chunks: list[bytes], end: str) -> None:
        self.begin_chunked()
        for chunk in chunks:
            self.send_chunk(chunk)
        if end == "clean":
            self.send(b"0\r\n\r\n")
        elif end == "open":
            self.stay_open()
        else:
            self.close_connection = True

    def begin_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send(self, data: bytes) -> None:
        self.wfile.write(data)

    def send_chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def stay_open(self) -> None:
        self.server.script.when_idle()
        self.wait_for_the_client_to_go()
        self.close_connection = True

    def wait_for_the_client_to_go(self) -> None:
        _quietly(self.connection.recv, 1)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def line(entry: dict[str, Any]) -> bytes:
    """The bytes of one entry of a script's log."""
    return json.dumps({"type": entry["type"], "object": _object(entry)}).encode() + b"\n"


def _object(entry: dict[str, Any]) -> dict[str, Any]:
    if "status" in entry:
        return status_object(entry["status"])
    if entry.get("no_metadata"):
        return {"kind": "Pod", "apiVersion": "v1"}
    name = f"pod-{entry.get('rv', '')}"
    metadata = {"name": name, "namespace": "lab", "uid": name, "resourceVersion": entry.get("rv")}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": {k: v for k, v in metadata.items() if v}}


def status_object(how: dict[str, Any]) -> dict[str, Any]:
    """A Status as a server writes it."""
    given = {key: how[key] for key in ("code", "reason", "details", "message") if key in how}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", **given}


def _quietly(call: Callable[..., object], *args: object) -> None:
    try:
        call(*args)
    except OSError:
        return
