"""Clients that mean harm, or know no better: bounded memory, no crash, and nobody disturbed."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import urllib3

from kwlab import wire
from kwlab.log import Close
from kwlab.server import connection, selectors
from kwlab.server.exchange import Request
from kwlab.server.faults import FaultyServer
from kwlab.server.serve import Served
from tests.histories import PODS_PATH
from tests.hostile_server import CHANGES, OBJECTS
from tests.serving import (
    LONG,
    PAST,
    answer_on,
    body_of,
    connected,
    head_of,
    is_well,
    nothing_is_left,
    official,
    refusal_to,
    until,
    watching,
)

__all__ = ["nothing_is_left"]

MEGABYTE: Final = 1024 * 1024
RESET_ON_CLOSE: Final = b"\1\0\0\0\0\0\0\0"
ALL: Final = f"{PODS_PATH}?watch=1&timeoutSeconds=90&resourceVersion={PAST.resource_version}"


# ---- a storm, beside a client that behaves


class Process:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._process, self._input, self._output = process, process.stdin, process.stdout
        port, self.resource_version = self._output.readline().split()
        self.port = int(port)

    def peak_bytes(self) -> int:
        """Give the most memory that it ever had."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    def head(self, target: str, *more: str) -> bytes:
        lines = (f"GET {target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *more, "", "")
        return "\r\n".join(lines).encode()

    def connect(self, receive: int = 0) -> socket.socket:
        opened = socket.socket()
        opened.settimeout(LONG)
        if receive:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        opened.connect(("127.0.0.1", self.port))
        return opened

    def end(self) -> tuple[int, int]:
        """End it; give how many requests it remembers, and how many it does not."""
        self._input.close()
        remembered, forgotten = self._output.readline().split()
        assert 0 == self._process.wait(LONG)
        return int(remembered), int(forgotten)


@pytest.fixture
def process() -> Iterator[Process]:
    command = [sys.executable, "-m", "tests.hostile_server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as opened:
        try:
            yield Process(opened)
        finally:
            opened.kill()


def lines_to(process: Process) -> list[bytes]:
    """Watch as a client that behaves does, to the end of the history."""
    query = f"watch=1&timeoutSeconds=62&resourceVersion={process.resource_version}"
    with process.connect() as opened:
        opened.sendall(process.head(f"{PODS_PATH}?{query}", "User-Agent: good"))
        return body_of(answer_on(opened)).splitlines()


def storm(process: Process, held: contextlib.ExitStack) -> None:
    """Do all at once what one should not do."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for number in range(150):
        # Each wants 4 MB, and reads none of it; no two bodies are the same.
        unread = held.enter_context(process.connect(receive=4096))
        unread.sendall(process.head(f"{PODS_PATH}?limit={OBJECTS - number}"))
    for number in range(50):
        unread = held.enter_context(process.connect(receive=4096))
        unread.sendall(process.head(f"{PODS_PATH}?watch=1&slow={number}"))
    with process.connect() as asking:
        for number in range(600):
            # The server remembers what was asked, and this is 60 kB each.
            asking.sendall(process.head(f"/nowhere/{number:060000d}"))
            answer_of_404(asking)
    for target in (
        f"{PODS_PATH}?labelSelector=" + "+" * 60_000,
        f"{PODS_PATH}?labelSelector=" + ",".join(f"!a{n}" for n in range(8_000)),
        f"{PODS_PATH}?labelSelector=" + ",".join(f"app!=a{n}" for n in range(6_000)),
        f"{PODS_PATH}?fieldSelector=" + ",".join(f"metadata.name!=a{n}" for n in range(2_500)),
    ):
        with process.connect() as slow:
            slow.sendall(process.head(target))
            assert slow.recv(12).startswith(b"HTTP/1.1 ")
    for number in range(200):
        with process.connect() as gone, contextlib.suppress(ConnectionError):
            gone.sendall(chance.randbytes(chance.randrange(1, 70_000)))
            if number % 2:
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def answer_of_404(opened: socket.socket) -> None:
    data = b""
    while not data.endswith(b"404 page not found\n"):
        more = opened.recv(65536)
        assert more
        data += more


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures memory as Linux does")
def test_a_storm_costs_little_memory_and_disturbs_nobody(process: Process) -> None:
    """Two hundred readers that do not read, and worse, leave memory bounded and others served."""
    with process.connect() as first:
        first.sendall(process.head(PODS_PATH))
        assert len(answer_on(first)) > 4 * MEGABYTE
    before = process.peak_bytes()
    seen: list[bytes] = []
    watching = threading.Thread(target=lambda: seen.extend(lines_to(process)))
    watching.start()
    with contextlib.ExitStack() as held:
        storm(process, held)
        watching.join(LONG)
        assert not watching.is_alive()
        grown = process.peak_bytes() - before
        print(f"{grown / MEGABYTE:.0f} MB more")
    assert CHANGES == len(seen) == len(set(seen))
    assert grown < 100 * MEGABYTE
    remembered, forgotten = process.end()
    assert forgotten > 0
    assert remembered > 0


# ---- what the server remembers


def test_long_questions_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked is memory too: of many long questions the oldest are forgotten."""
    monkeypatch.setattr(connection, "LOG_LIMIT_BYTES", 300_000)
    with Served(PAST) as served, connected(served) as opened:
        for number in range(10):
            opened.sendall(head_of(served, f"/{number:060000d}"))
            answer_on(opened)
        assert 10 == len(served.requests) + served.forgotten
        assert served.forgotten > 4


def test_a_forgotten_watch_takes_no_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open watch that is forgotten goes on, and pushes nobody else out of the log."""
    line = len(PAST.changes[0].object.data)
    monkeypatch.setattr(connection, "LOG_LIMIT_BYTES", 4 * line)
    with Served(PAST, speed=50) as served, connected(served) as opened:
        opened.sendall(head_of(served, ALL))
        assert len(PAST.changes) == body_of(answer_on(opened)).count(b"\n")
        assert 1 == served.forgotten
        opened.sendall(head_of(served, "/nowhere"))
        answer_on(opened)
        assert ["/nowhere"] == [request.path for request in served.requests]


def test_a_name_does_nothing_to_a_terminal() -> None:
    """A client is remembered without what its name would do where it is printed."""
    with Served(PAST) as served, connected(served) as opened:
        opened.sendall(head_of(served, "/nowhere", "GET", "User-Agent: a\x9b2Jb"))
        answer_on(opened)
        assert ["a2Jb"] == [name.replace("\xc2", "") for name in served.clients]
        refused = refusal_to(served, head_of(served, "/", "GET", "User-Agent: a\x1b[2Jb"))
    assert refused.startswith(b"HTTP/1.1 400 Bad Request\r\n")


# ---- questions that are answered as any other


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://127.0.0.1:{port}" + PODS_PATH, 200),
        ("http://elsewhere.example" + PODS_PATH, 200),
        (PODS_PATH + "?limit=" + "0" * 60_000 + "1", 200),
        (PODS_PATH + "?resourceVersion=" + "0" * 60_000, 200),
        (PODS_PATH + "?limit=" + "9" * 60_000, 400),
        (PODS_PATH + "?labelSelector=" + "+" * 60_000, 200),
        (PODS_PATH + "?labelSelector=a" + "=" * 60_000, 400),
        (PODS_PATH + "?labelSelector=" + "(" * 60_000, 400),
        (PODS_PATH + "?" + "a&" * 30_000, 200),
        (PODS_PATH + "?labelSelector=%zz%", 200),
        (PODS_PATH + "?labelSelector=%00", 200),
        (PODS_PATH + "/%00", 404),
        ("/" + "%" * 60_000, 400),
        ("/" * 60_000, 404),
        (PODS_PATH + " HTTP/1.1\r\nX: " + " " * 60_000 + "y\r\n z: ", 200),
        ("*", 404),
    ],
    ids=lambda value: str(value)[:70].removeprefix(PODS_PATH),
)
def test_strange_questions_are_answered(target: str, status: int) -> None:
    """An absolute address, 60,000 zeros, blanks or signs, NUL and % get their answer, and soon."""
    with Served(PAST) as served, connected(served) as opened:
        opened.sendall(head_of(served, target.replace("{port}", str(served.port))))
        answer = answer_on(opened)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert is_well(served)


def test_a_token_that_is_nested_without_end() -> None:
    """A `continue` that no parser gets to the end of is refused as any that is not the server's."""
    token = "eyJ4Ijpb" + "W1tb" * 15_000
    server = FaultyServer(PAST)
    response = server.respond(Request.parse("GET", f"{PODS_PATH}?continue={token}"), 1.0)
    assert 400 == response.status


def test_a_long_selector_costs_what_an_object_has_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thousands of requirements an object is asked only about the labels that it has."""
    asked: list[str] = []
    matches = selectors.Requirement.matches

    def counted(self: selectors.Requirement, value: str | None) -> bool:
        asked.append(self.key)
        return matches(self, value)

    text = ",".join([f"!a{number}" for number in range(5_000)] + ["app!=x", "app!=y"] * 1_000)
    selects = selectors.label_selector(text)
    monkeypatch.setattr(selectors.Requirement, "matches", counted)
    item = PAST.objects[0]
    assert "app" in selectors.labels_of(item)
    assert selects(item)
    assert ["app"] == asked


def test_http_1_0_is_refused() -> None:
    """HTTP/1.0 has no chunks, so that a cut would look like an end: it is refused."""
    with Served(PAST) as served:
        data = head_of(served, PODS_PATH).replace(b"HTTP/1.1", b"HTTP/1.0")
        assert refusal_to(served, data).startswith(b"HTTP/1.1 505 ")
        assert is_well(served)


# ---- what a cut is, at the client's socket


def read_to_the_end(opened: socket.socket) -> tuple[bytes, type[BaseException] | None]:
    """Read until the peer says that nothing more comes, or something breaks."""
    data = b""
    try:
        while more := opened.recv(65536):
            data += more
    except OSError as error:
        return data, type(error)
    return data, None


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({}, None),
        ({"how": "reset"}, ConnectionResetError),
        ({"line_bytes": 100}, None),
        ({"line_bytes": 1, "how": "reset"}, ConnectionResetError),
        ({"line_bytes": 10**6}, None),
    ],
    ids=["FIN", "RST", "FIN in a line", "RST in a line", "FIN before a line's end"],
)
def test_how_a_connection_breaks(
    fault: dict[str, object], error: type[BaseException] | None
) -> None:
    """FIN reads as b'', RST raises, a line that is cut has no end, and no final chunk comes."""
    scenario = [{"fault": "cut", "at": 3.5} | fault]
    with Served(PAST, scenario, speed=50) as served, connected(served) as opened:
        opened.sendall(head_of(served, ALL))
        data, raised = read_to_the_end(opened)
    assert error is raised
    assert not data.endswith(b"\r\n0\r\n\r\n")
    lines = [wire.event_line(change.type, change.object.data) for change in PAST.changes]
    cut_at = min(int(str(fault.get("line_bytes", 0))), len(lines[3]) - 1)
    assert b"".join(lines[:3]) + lines[3][:cut_at] == body_of(data)
    assert (Close.CUT, 3.5) == (served.requests[0].close, served.requests[0].closed_at)


def test_silence_on_the_socket() -> None:
    """A half-open connection says nothing more, and is not closed."""
    scenario = [{"fault": "silence", "at": 3.5}]
    with Served(PAST, scenario, speed=50) as served, connected(served) as opened:
        opened.sendall(head_of(served, ALL))
        got = b""
        while got.count(b"\n{") + got.startswith(b"{") < 3:
            got += opened.recv(65536)
        assert served.wait_until(10.0, timeout_seconds=LONG)
        opened.settimeout(0.1)
        rest, raised = read_to_the_end(opened)
        assert TimeoutError is raised
        lines = [wire.event_line(change.type, change.object.data) for change in PAST.changes]
        assert b"".join(lines[:3]) == body_of(got + rest)
        assert served.requests[0].close is None
        opened.sendall(b"G")  # it would be refused by a socket that is closed


def test_a_cut_while_a_refusal_is_read() -> None:
    """A cut that strikes a connection which is being refused is no mistake of the server."""
    with Served(PAST, [{"fault": "cut", "at": 10.0}], speed=50) as served:
        with connected(served) as opened:
            assert is_well(served)
            opened.sendall(b"nonsense\r\n\r\n")
            data, _ = read_to_the_end(opened)
            assert data.startswith(b"HTTP/1.1 400 ")
            served.wait_until(15.0, timeout_seconds=LONG)
        until(lambda: is_well(served))


def test_a_line_that_was_cut_is_asked_for_again() -> None:
    """The official client raises on a line without an end, and what it had before was whole."""
    fault = {"fault": "cut", "at": 3.5, "line_bytes": 60}
    with Served(PAST, [fault], speed=50) as served, official(served) as api:
        response = watching(api, resource_version=PAST.resource_version)
        got = bytearray()
        with pytest.raises(urllib3.exceptions.ProtocolError):
            while data := response.read1(65536):
                got += data
        assert 3 == got.count(b"\n")
        assert 60 == len(got.rpartition(b"\n")[2])
