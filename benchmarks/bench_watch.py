"""What an event costs a client: kwlab beside the official ``Watch``, and beside the bare floor.

Over loopback, the same bytes for each: a thread of its own sends them, and the client's thread
alone is timed, in CPU seconds.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import urllib3

from kwlab import history, recording, wire
from kwlab.watching.retrywatcher import RetryWatcher

EVENTS: Final = 4300


def body() -> bytes:
    """Repeat the churn's events as one chunked answer, an event a chunk."""
    past = history.from_recording(recording.load(recording.shipped()["pods-churn"]))
    lines = [wire.event_line(change.type, change.object.data) for change in past.changes]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in lines)
    return chunks * (EVENTS // len(lines)) + b"0\r\n\r\n"


class Sender:
    """Send one answer to whoever asks, on a thread of its own."""

    def __init__(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        self._answer = head + b"Transfer-Encoding: chunked\r\n\r\n" + body()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._answer_all, args=(connection,), daemon=True).start()

    def _answer_all(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while connection.recv(65536):
                connection.sendall(self._answer)

    def api(self) -> Any:
        """Make the official client for it."""
        from kubernetes.client import ApiClient, Configuration, CoreV1Api

        configuration = Configuration()
        configuration.host = self.url
        configuration.retries = False
        return CoreV1Api(ApiClient(configuration))


def cpu(read: Callable[[], Iterator[object]]) -> Callable[[], float]:
    """Time the reading of all events, in CPU seconds of this thread."""

    def once() -> float:
        start = time.thread_time()
        events = read()
        for _ in zip(range(EVENTS), events, strict=False):
            pass
        with contextlib.suppress(AttributeError):
            events.close()  # type: ignore[attr-defined]
        return time.thread_time() - start

    return once


class _Metadata(msgspec.Struct, rename="camel"):
    resource_version: str


class _Object(msgspec.Struct):
    metadata: _Metadata


class _Head(msgspec.Struct):
    type: str
    object: _Object


def floor() -> Callable[[], float]:
    """Read with urllib3 alone, and decode type and resourceVersion of each line."""
    url, decode = Sender().url, msgspec.json.Decoder(_Head).decode
    pool = urllib3.PoolManager()

    def read() -> Iterator[object]:
        response = pool.request("GET", url, preload_content=False)
        rest = b""
        for data in response.read_chunked(65536, decode_content=False):
            *lines, rest = (rest + data if rest else data).split(b"\n")
            yield from map(decode, lines)

    return cpu(read)


def ours() -> Callable[[], float]:
    """Read with the official client and RetryWatcher."""
    api = Sender().api()

    def watched(options: wire.ListOptions) -> Any:
        return api.list_namespaced_pod("any", watch=True, _preload_content=False, **options)

    def read() -> Iterator[object]:
        with RetryWatcher("1", watched) as watcher:
            yield from watcher

    return cpu(read)


def official() -> Callable[[], float]:
    """Read with the official client's Watch."""
    from kubernetes.watch import Watch

    api = Sender().api()

    def read() -> Iterator[object]:
        watch: Any = Watch()
        yield from watch.stream(api.list_namespaced_pod, "any")

    return cpu(read)
