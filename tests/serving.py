"""A server behind a socket, and how tests talk to it."""

from __future__ import annotations

import contextlib
import gc
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from kubernetes import client as kubernetes_client
from kubernetes import config
from kubernetes.client import ApiClient, CoreV1Api

from kwlab.history import History
from kwlab.log import Request as LoggedRequest
from kwlab.server import faults
from kwlab.server.door import Session, _DoorSocket
from kwlab.server.serve import Served
from tests.histories import NAMESPACE, PODS_PATH, busy, pods

PAST: Final = pods(*busy(10, apart=1.0), existing=("a", "b"), seconds=100.0)
LONG: Final = 20.0
"""A real second or so is what anything here takes; after so many the test has failed."""


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no thread, no socket and no file."""
    CoreV1Api(ApiClient(kubernetes_client.Configuration(host="http://127.0.0.1:1")))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(threading.enumerate()), open_files()
    yield
    if open_files() > before[1]:
        gc.collect()
    assert set(threading.enumerate()) <= before[0]
    assert open_files() <= before[1]
    assert not list(tmp_path.glob("*.kubeconfig"))


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, and fail when it does not come."""
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.002)


@contextlib.contextmanager
def connected(served: Served, **options: int) -> Iterator[socket.socket]:
    with socket.socket() as opened:
        opened.settimeout(LONG)
        if "receive" in options:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["receive"])
        opened.connect(("127.0.0.1", served.port))
        yield opened


@contextlib.contextmanager
def official(served: Served) -> Iterator[CoreV1Api]:
    """The official client, as its users set it up."""
    api_client = config.new_client_from_config(str(served.kubeconfig))
    api_client.rest_client.pool_manager.connection_pool_kw["retries"] = False
    try:
        yield CoreV1Api(api_client)
    finally:
        api_client.rest_client.pool_manager.clear()


def head_of(served: Served, target: str, method: str = "GET", *more: str) -> bytes:
    lines = (f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{served.port}", *more, "", "")
    return "\r\n".join(lines).encode()


def answer_on(opened: socket.socket) -> bytes:
    """Read one answer off the wire: its head, and its body up to where it says it ends."""
    data = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while not is_whole(data) and (more := opened.recv(65536)):
            data += more
    return bytes(data)


def is_whole(data: bytes | bytearray) -> bool:
    border = data.find(b"\r\n\r\n") + 4
    if border < 4:
        return False
    length = re.search(rb"Content-Length: (\d+)", data[:border])
    return len(data) - border == int(length[1]) if length else data.endswith(b"\n0\r\n\r\n")


def body_of(answer: bytes) -> bytes:
    """Take the chunks of an answer apart."""
    place, found = answer.index(b"\r\n\r\n") + 4, []
    while place < len(answer):
        end = answer.index(b"\r\n", place)
        size = int(answer[place:end], 16)
        found.append(answer[end + 2 : end + 2 + size])
        place = end + size + 4
    return b"".join(found)


def ask_in_process(
    past: History, scenario: faults.Scenario, asked: LoggedRequest, target: str, *headers: str
) -> tuple[bytes, LoggedRequest]:
    """Ask at the in-process door what was asked of the socket, at the very same time."""
    session = Session(faults.FaultyServer(past, scenario))
    session.clock.end = float("inf")
    session.clock.move_to(asked.at)
    opened = _DoorSocket(session)
    head = (f"GET {target} HTTP/1.1", "Host: kwlab.invalid", *headers, "", "")
    opened.sendall("\r\n".join(head).encode())
    answer, reader = b"", opened.makefile("rb")
    with contextlib.suppress(ConnectionResetError):
        for part in iter(reader.read1, b""):
            answer += part
    return answer, session.requests[0]


def watching(api: CoreV1Api, **options: Any) -> Any:
    return api.list_namespaced_pod(
        NAMESPACE, watch=True, _preload_content=False, **{"timeout_seconds": 20, **options}
    )


def is_well(served: Served) -> bool:
    with connected(served) as opened:
        opened.sendall(head_of(served, PODS_PATH))
        return is_whole(answer_on(opened))


def refusal_to(served: Served, data: bytes) -> bytes:
    with connected(served) as opened, contextlib.suppress(ConnectionError):
        opened.sendall(data)
        return b"".join(iter(lambda: opened.recv(65536), b""))
    return b""
