"""The same server behind a socket: the same bytes, the same failures, and no client disturbed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import urllib3
from kubernetes import watch
from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException

from kwlab import recording
from kwlab.commands import main
from kwlab.errors import LabError, ScenarioError
from kwlab.history import History, from_recording
from kwlab.log import Close
from kwlab.made import made_evenly
from kwlab.server import connection, faults, http1, loopback
from kwlab.server.door import Door, Session
from kwlab.server.exchange import Request
from kwlab.server.serve import Served
from tests.histories import NAMESPACE, PODS_PATH, busy, pods, shipped
from tests.serving import (
    LONG,
    PAST,
    answer_on,
    ask_in_process,
    body_of,
    connected,
    head_of,
    is_well,
    is_whole,
    nothing_is_left,
    official,
    refusal_to,
    until,
    watching,
)

__all__ = ["nothing_is_left"]


# ---- the same as in-process


AGGREGATED: Final = (
    "Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
)
TABLE: Final = "Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def questions(past: History) -> list[tuple[str, ...]]:
    """What to ask of any recording, at whatever time it comes, and with which headers."""
    resource, seen = past.resources[0], [*past.objects, *(c.object for c in past.changes)][0]
    prefix = f"/apis/{resource.group}" if resource.group else "/api"
    path = f"{prefix}/{resource.version}/namespaces/{seen.namespace}/{resource.plural}"
    middle = past.changes[len(past.changes) // 2].object.resource_version
    first = past.resource_version
    plain = [
        path,
        f"{path}?limit=1",
        f"{path}/{seen.name}",
        f"{path}/nobody",
        f"{path}?watch=true&timeoutSeconds=4",
        f"{path}?watch=true&timeoutSeconds=4&resourceVersion={first}",
        f"{path}?watch=1&timeoutSeconds=4&resourceVersion=0&allowWatchBookmarks=true",
        f"{path}?watch=1&timeoutSeconds=4&resourceVersion={first}&labelSelector=app%3Dnone",
        f"{path}?watch=1&timeoutSeconds=4&resourceVersion={middle}",
        f"{path}?watch=1&timeoutSeconds=-1",
        f"{path}?watch=1&timeoutSeconds=abc",
        f"{path}?watch=1&timeoutSeconds=4&resourceVersion=1",
        f"{path}?watch=1&timeoutSeconds=4&resourceVersion=abc",
        f"{path}?resourceVersion=99999999",
        f"{path}?watch=1&timeoutSeconds=4&sendInitialEvents=true"
        "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
        f"{path}?watch=1&timeoutSeconds=30&resourceVersion={first}",
        "/api/v1/nothings",
        "/nowhere",
        "/version",
        "/api",
    ]
    printed = [
        path,
        f"{path}/{seen.name}",
        f"{path}?includeObject=none",
        f"{path}?watch=true&timeoutSeconds=4&includeObject=Object",
        f"{path}?watch=1&timeoutSeconds=4&resourceVersion=0&allowWatchBookmarks=true",
        f"{path}?watch=1&timeoutSeconds=30&resourceVersion={first}",
    ]
    return [
        *((target,) for target in plain),
        *((target, TABLE) for target in printed),
        *((target, AGGREGATED) for target in ("/api", "/apis", "/api/v1")),
        (path, "Accept: text/html"),
    ]


def ask_over_the_socket(served: Served, targets: list[tuple[str, ...]]) -> list[bytes]:
    """Ask one question after the other, on one connection for as long as it holds."""
    answers: list[bytes] = []
    while len(answers) < len(targets):
        with contextlib.suppress(ConnectionRefusedError), connected(served) as opened:
            while len(answers) < len(targets):
                asked = len(served.requests)
                answer = b""
                with contextlib.suppress(ConnectionError):
                    target, *headers = targets[len(answers)]
                    opened.sendall(head_of(served, target, "GET", *headers))
                    answer = answer_on(opened)
                if len(served.requests) == asked:
                    break  # cut while it was idle: nobody heard the question
                answers.append(answer)
                if not is_whole(answer):
                    break
    return answers


@pytest.mark.parametrize("plays", ["its own scenario", "nothing wrong", "cuts and worse"])
@pytest.mark.parametrize("name", recording.shipped())
def test_both_doors_give_the_same_bytes(name: str, plays: str) -> None:
    """To the same question at the same time both doors give the same bytes, and log the same."""
    taken = recording.load(recording.shipped()[name])
    past = from_recording(taken)
    worse = [
        {"fault": "cut", "at": 0.15 * past.seconds, "how": "reset"},
        {"fault": "malformed", "at": 0.2 * past.seconds},
        {"fault": "error", "at": 0.25 * past.seconds},
        {"fault": "refuse", "at": 0.4 * past.seconds, "code": 429, "retry_after_seconds": 1},
        {"fault": "forget", "at": 0.5 * past.seconds},
        {"fault": "cut", "at": 0.6 * past.seconds, "away_seconds": 2},
    ]
    entries = {"its own scenario": taken.header.scenario, "cuts and worse": worse}.get(plays, ())
    scenario = faults.parse(entries)
    targets = questions(past)
    with Served(past, scenario, speed=200) as served:
        answers = ask_over_the_socket(served, targets)
    assert len(targets) == len(served.requests)
    for asked, target, answer in zip(served.requests, targets, answers, strict=True):
        expected, logged = ask_in_process(past, scenario, asked, *target)
        assert expected == answer, (target, asked.at)
        assert (logged.status, logged.sent, logged.close, logged.closed_at) == (
            asked.status,
            asked.sent,
            asked.close,
            asked.closed_at,
        )


def raised(turn: Callable[[], object]) -> tuple[type[BaseException], type[object]]:
    with pytest.raises(urllib3.exceptions.HTTPError) as caught:
        turn()
    return caught.type, type(caught.value.args[-1])


@pytest.mark.parametrize(
    ("fault", "query"),
    [
        ({"fault": "cut", "at": 3.5}, {}),
        ({"fault": "cut", "at": 3.5, "how": "reset"}, {}),
        ({"fault": "silence", "at": 3.5}, {}),
        (
            {"fault": "cut", "at": 2.0},
            {
                "resource_version": "9999",
                "send_initial_events": True,
                "resource_version_match": "NotOlderThan",
            },
        ),
    ],
    ids=["cut", "reset", "silence", "cut before the headers"],
)
def test_failures_are_those_of_the_door(fault: dict[str, Any], query: dict[str, Any]) -> None:
    """A cut, a reset and silence raise in the client what they raise in-process."""
    session = Session(faults.FaultyServer(PAST, faults.parse([fault])))
    door = CoreV1Api(Door(session).client())
    expected = raised(lambda: watching(door, _request_timeout=(5, 8), **query).read())
    with Served(PAST, [fault], speed=50) as served, official(served) as api:
        assert expected == raised(
            lambda: watching(api, _request_timeout=(LONG, 0.3), **query).read()
        )
        api.api_client.rest_client.pool_manager.clear()
        until(lambda: served.requests[0].close)
    (asked,), (logged,) = served.requests, session.requests
    assert logged.close == asked.close
    assert [line for _, line in logged.sent] == [line for _, line in asked.sent]


# ---- on the wire


def test_chunks_are_those_of_a_real_server() -> None:
    """A burst shares chunks of 2048 bytes, a long event is cut, and what is due later waits."""
    past = pods(*busy(1, apart=1.0), existing=("a", "b"), seconds=100.0)
    with Served(past, speed=100) as served, connected(served) as opened:
        opened.sendall(head_of(served, f"{PODS_PATH}?watch=1&timeoutSeconds=5"))
        answer = answer_on(opened)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert [
        "HTTP/1.1 200 OK",
        "Content-Type: application/json",
        "Cache-Control: no-cache, private",
        "Transfer-Encoding: chunked",
    ] == head.decode().split("\r\n")
    sizes = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        sizes.append(int(size, 16))
        rest = rest[sizes[-1] + 2 :]
    burst, later = (
        b"".join(line for at, line in served.requests[0].sent if (at < 1) is is_first)
        for is_first in (True, False)
    )
    line = len(served.requests[0].sent[0][1])
    assert line > 2048
    # Go's buffer: filled, the rest past it or into it, and flushed when nothing waits.
    assert 2048 == sizes[0]
    assert 0 == sizes[-1]
    total, borders = 0, set()
    for size in sizes:
        total += size
        borders.add(total)
    assert len(burst) in borders
    assert len(burst) + len(later) == total
    assert body_of(answer) == burst + later


def test_nothing_is_due_before_the_head() -> None:
    """What a fault sends while a request still waits comes after the head."""
    server = faults.FaultyServer(PAST, faults.parse([{"fault": "malformed", "at": 2.0}]))
    query = "watch=1&resourceVersion=9999&sendInitialEvents=1&resourceVersionMatch=NotOlderThan"
    response = server.respond(Request.parse("GET", f"{PODS_PATH}?{query}"), 1.0)
    assert {4.0} == {part.due for part in http1.parts(response)}


def test_headers_come_at_once() -> None:
    """A watch that nothing happens on is answered with its headers at once."""
    with Served(pods(seconds=100.0), speed=0.001) as served, connected(served) as opened:
        opened.sendall(head_of(served, f"{PODS_PATH}?watch=1&timeoutSeconds=5"))
        assert opened.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_connection_is_kept_after_a_clean_end() -> None:
    """After a clean end, and after an error answer, the next request comes on the connection."""
    with Served(PAST, speed=1000) as served, connected(served) as opened:
        for target in (f"{PODS_PATH}?watch=1&timeoutSeconds=5", "/nowhere", PODS_PATH):
            opened.sendall(head_of(served, target))
            assert is_whole(answer_on(opened))
    assert [200, 404, 200] == [request.status for request in served.requests]


def test_questions_asked_at_once_are_answered_in_order() -> None:
    """Requests may be sent ahead: the second waits for the end of the first."""
    with Served(PAST, speed=1000) as served, connected(served) as opened:
        first = head_of(served, f"{PODS_PATH}?watch=1&timeoutSeconds=30&resourceVersion=1000")
        opened.sendall(first + head_of(served, "/nowhere"))
        data = b""
        while not data.endswith(b"404 page not found\n"):
            data += opened.recv(65536)
    watched, asked = served.requests
    assert (30.0, Close.TIMEOUT) == (watched.closed_at, watched.close)
    assert asked.at >= 30.0


def test_who_wants_the_connection_closed_is_told_so() -> None:
    """`Connection: close` is answered with the same, and the connection is closed."""
    with Served(PAST) as served, connected(served) as opened:
        opened.sendall(head_of(served, PODS_PATH, "GET", "Connection: close"))
        answer = b"".join(iter(lambda: opened.recv(65536), b""))
    assert b"\r\nConnection: close\r\n" in answer.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert is_whole(answer)


def test_head_has_no_body() -> None:
    """HEAD is refused as a real server does it, without the body that it announces."""
    with Served(PAST) as served, connected(served) as opened:
        opened.sendall(head_of(served, PODS_PATH, "HEAD"))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += opened.recv(1)
        assert head.startswith(b"HTTP/1.1 405 ")
        opened.sendall(head_of(served, PODS_PATH))
        assert answer_on(opened).startswith(b"HTTP/1.1 200 OK\r\n")


def test_writes_are_refused_whatever_they_carry() -> None:
    """A write gets its 405, even with a body that the server does not want."""
    with Served(PAST) as served, official(served) as api:
        for size in (10, 300_000):
            body = {"kind": "Pod", "metadata": {"labels": {"x": "x" * size}}}
            with pytest.raises(ApiException) as caught:
                api.create_namespaced_pod(NAMESPACE, body)
            assert 405 == caught.value.status
        with pytest.raises(ApiException) as caught:
            api.delete_namespaced_pod("a", NAMESPACE)
        assert 405 == caught.value.status


def test_a_refusal_is_read_by_who_still_writes() -> None:
    """The answer to a write comes before its body has, and is not lost by that."""
    with Served(PAST) as served, connected(served) as opened:
        opened.sendall(head_of(served, PODS_PATH, "POST", "Content-Length: 100000"))
        until(lambda: served.requests and served.requests[0].close)
        for _ in range(10):
            opened.sendall(b"x" * 10_000)
        answer = b"".join(iter(lambda: opened.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert is_whole(answer)


# ---- time and outages


def test_time_begins_with_the_first_request() -> None:
    """However long a client takes to start, and looks around, its first list is asked at 0."""
    with Served(PAST, speed=1e6) as served, connected(served) as opened:
        for target in ("/version", "/api", "/api/v1", "/readyz", "/nowhere"):
            opened.sendall(head_of(served, target))
            assert is_whole(answer_on(opened))
        assert not served.wait_until(1.0, timeout_seconds=0.01)
        assert 0.0 == served.now()
        opened.sendall(head_of(served, PODS_PATH))
        answer_on(opened)
        assert served.wait_until(PAST.seconds, timeout_seconds=LONG)
        assert served.now() >= PAST.seconds
    assert {0.0} == {request.at for request in served.requests}


def test_while_the_server_is_away_connections_are_refused() -> None:
    """A cut closes idle connections too, nobody is let in until it is over, then all are."""
    scenario = [{"fault": "cut", "at": 10, "away_seconds": 40}]
    with Served(PAST, scenario, speed=200) as served, connected(served) as idle:
        idle.sendall(head_of(served, PODS_PATH))
        answer_on(idle)
        assert b"" == idle.recv(1)
        with pytest.raises(ConnectionRefusedError), connected(served):
            pass
        assert 10 <= served.now() < 50
        served.wait_until(50.0, timeout_seconds=LONG)
        until(lambda: reaches(served))
        with connected(served) as opened:
            opened.sendall(head_of(served, PODS_PATH))
            assert is_whole(answer_on(opened))


def reaches(served: Served) -> bool:
    with contextlib.suppress(ConnectionRefusedError), connected(served):
        return True
    return False


def test_the_port_stays_taken_while_the_server_is_away() -> None:
    """Nobody else is given the port during an outage."""
    with Served(PAST, [{"fault": "cut", "at": 0, "away_seconds": 90}]) as served:
        with connected(served) as opened:
            # Leave no connection behind that would keep the port taken by itself.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            opened.sendall(head_of(served, PODS_PATH))
            with contextlib.suppress(ConnectionResetError):
                assert b"" == opened.recv(1)
        until(lambda: not reaches(served))
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", served.port))


def test_a_port_that_is_lost_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody else has the port when an outage ends, the server waits for it."""
    listener, failures = loopback.Port.listener, [OSError("in use")]

    def fails_once(port: loopback.Port) -> socket.socket:
        if served_once and failures:
            raise failures.pop()
        served_once.append(True)
        return listener(port)

    served_once: list[bool] = []
    monkeypatch.setattr(loopback.Port, "listener", fails_once)
    scenario = [{"fault": "cut", "at": 10, "away_seconds": 5}]
    with Served(PAST, scenario, speed=1000) as served:
        assert is_well(served)
        served.wait_until(15.0, timeout_seconds=LONG)
        until(lambda: not failures and reaches(served))
        assert is_well(served)


def test_too_many_requests() -> None:
    """A 429 comes with its Retry-After, as plain text."""
    fault = {"fault": "refuse", "at": 0, "code": 429, "retry_after_seconds": 2, "seconds": 50}
    with (
        Served(PAST, [fault]) as served,
        official(served) as api,
        pytest.raises(ApiException) as caught,
    ):
        watching(api)
    assert (429, "2", 1) == (
        caught.value.status,
        caught.value.headers["Retry-After"],
        len(served.requests),
    )


def test_a_client_that_goes_is_noticed() -> None:
    """A watch whose client closes is logged as stopped, though nothing was to be sent."""
    with Served(pods(seconds=100.0), speed=1.0) as served:
        with connected(served) as opened:
            opened.sendall(head_of(served, f"{PODS_PATH}?watch=1&timeoutSeconds=90"))
            opened.recv(65536)
        until(lambda: served.requests[0].close)
    assert Close.STOPPED == served.requests[0].close
    assert served.requests[0].closed_at is not None
    assert served.requests[0].closed_at < 90


# ---- several clients


def test_each_client_is_remembered_by_its_name() -> None:
    """What each client asked stands under the User-Agent that it sent."""
    with Served(PAST, speed=1000) as served:
        for name in ("kubectl/v1.37", "mine/1", "kubectl/v1.37"):
            with connected(served) as opened:
                opened.sendall(head_of(served, PODS_PATH, "GET", f"User-Agent: {name}"))
                answer_on(opened)
    counts = {name: len(requests) for name, requests in served.clients.items()}
    assert {"kubectl/v1.37": 2, "mine/1": 1} == counts


def test_many_watch_at_once() -> None:
    """Two hundred clients each get every event."""
    expected = 10
    with Served(PAST, speed=20) as served, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(served)) for _ in range(200)]
        target = f"{PODS_PATH}?watch=1&timeoutSeconds=30&resourceVersion=1000"
        for opened in clients:
            opened.sendall(head_of(served, target))
        answers = [body_of(answer_on(opened)) for opened in clients]
    assert {expected} == {answer.count(b"\n") for answer in answers}
    assert 1 == len(set(answers))


def test_more_than_the_limit_are_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection more than the limit is closed at once, and the others go on."""
    monkeypatch.setattr(loopback, "CONNECTIONS_AT_MOST", 20)
    with Served(PAST) as served, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(served)) for _ in range(20)]
        clients[-1].sendall(head_of(served, PODS_PATH))
        assert is_whole(answer_on(clients[-1]))
        with connected(served) as over, contextlib.suppress(ConnectionResetError):
            assert b"" == over.recv(1)
        clients[0].sendall(head_of(served, PODS_PATH))
        assert is_whole(answer_on(clients[0]))


# ---- hostile clients


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400 Bad Request: missing required Host header"),
        (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400 Bad Request"),
        (b"GET http://[x/ HTTP/1.1\r\nHost: x\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/one\r\nHost: x\r\n\r\n", b"400 Bad Request"),
        (b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX Y: 1\r\n\r\n", b"400 Bad Request: invalid header name"),
        (b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"400 Bad Request"),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"400 Bad Request",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: foo\r\n\r\n",
            b"501 Not Implemented",
        ),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505 "),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"421 Misdirected Request"),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"431 "),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 5_000_000, b"431 "),
    ],
)
def test_what_is_no_request_is_refused(data: bytes, status: bytes) -> None:
    """What cannot be read is refused in a line, its connection closed, and no time begins."""
    with Served(PAST) as served:
        answer = refusal_to(served, data)
        assert not answer or answer.startswith(b"HTTP/1.1 " + status)
        assert answer or len(data) > 1_000_000
        assert 0.0 == served.now()
        assert is_well(served)


def test_random_bytes() -> None:
    """Whatever bytes come, and whenever their client goes, the next client is answered."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with Served(PAST, speed=1000) as served:
        whole = head_of(served, f"{PODS_PATH}?watch=1&timeoutSeconds=5", "GET", "User-Agent: x")
        for _ in range(150):
            data = bytearray(chance.choice([whole, chance.randbytes(chance.randrange(300))]))
            for _ in range(chance.randrange(6)):
                if data:
                    data[chance.randrange(len(data))] = chance.randrange(256)
            with connected(served) as opened, contextlib.suppress(ConnectionError):
                opened.sendall(bytes(data[: chance.randrange(len(data) + 1)]))
                if chance.random() < 0.5:
                    opened.shutdown(socket.SHUT_WR)
                    opened.recv(10)
        assert is_well(served)


def test_a_client_that_is_gone_before_its_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that is not connected any more is a client that has gone, and no mistake."""

    def not_connected(_: asyncio.StreamWriter) -> None:
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr(asyncio.StreamWriter, "write_eof", not_connected)
    with Served(PAST) as served:
        assert refusal_to(served, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        assert is_well(served)


def test_a_reader_that_never_reads() -> None:
    """It takes a bounded amount of memory, disturbs nobody, and is broken by a cut."""
    past = made_evenly(PAST, objects=3, changes=3000, seconds=10.0)
    total = sum(len(change.object.data) for change in past.changes)
    target = f"{PODS_PATH}?watch=1&timeoutSeconds=30&resourceVersion={past.resource_version}"
    scenario = [{"fault": "cut", "at": 20.0}]
    with Served(past, scenario, speed=20) as served, connected(served, receive=4096) as lazy:
        lazy.sendall(head_of(served, target, "GET", "User-Agent: lazy"))
        with connected(served) as keen:
            keen.sendall(head_of(served, target, "GET", "User-Agent: keen"))
            assert 3000 == body_of(answer_on(keen)).count(b"\n")
        (unread,) = served.clients["lazy"]
        taken = sum(len(line) for _, line in unread.sent)
        assert taken < 2_000_000 < total
        until(lambda: unread.close)
        assert Close.CUT == unread.close


def test_a_slow_reader_gets_everything() -> None:
    """A client that reads a few bytes at a time gets all of it in the end."""
    past = made_evenly(PAST, objects=3, changes=300, seconds=1.0)
    with Served(past, speed=1e6) as served, connected(served, receive=4096) as opened:
        opened.sendall(
            head_of(served, f"{PODS_PATH}?watch=1&timeoutSeconds=5&resourceVersion=1000")
        )
        data = b""
        while not is_whole(data):
            data += opened.recv(997)
    assert b"".join(line for _, line in served.requests[0].sent) == body_of(data)


def test_clients_that_vanish() -> None:
    """Clients that reset in the middle of an answer leave nothing behind and disturb nobody."""
    past = made_evenly(PAST, objects=3, changes=2000, seconds=10.0)
    target = f"{PODS_PATH}?watch=1&timeoutSeconds=30&resourceVersion=1000"
    with Served(past, speed=50) as served, connected(served) as keen:
        keen.sendall(head_of(served, target))
        for _ in range(50):
            with connected(served) as opened:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                opened.sendall(head_of(served, target))
        assert 2000 == body_of(answer_on(keen)).count(b"\n")
        until(lambda: all(request.close for request in served.requests))


def test_a_head_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not finish its question, or asks none, is hung up on."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.05)
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.1)
    with Served(PAST) as served:
        for data in (b"GET / HT", b""):
            assert b"" == refusal_to(served, data)


def test_the_log_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more requests, or bytes, than the limit the oldest are forgotten, and it says so."""
    monkeypatch.setattr(connection, "LOG_LIMIT_REQUESTS", 3)
    with Served(PAST) as served:
        for _ in range(5):
            assert is_well(served)
        assert (3, 2) == (len(served.requests), served.forgotten)
        monkeypatch.setattr(connection, "LOG_LIMIT_BYTES", 1)
        assert is_well(served)
        assert 0 == len(served.requests)


# ---- a life from beginning to end


def test_leaving_ends_what_is_open() -> None:
    """Leaving the block ends open watches, and the log says when."""
    with contextlib.ExitStack() as stack, Served(PAST) as served:
        opened = stack.enter_context(connected(served))
        opened.sendall(head_of(served, f"{PODS_PATH}?watch=1"))
        opened.recv(65536)
    assert Close.OVER == served.requests[0].close


def test_an_error_of_the_server_is_raised_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the server ends one connection, and is raised where the server is closed."""

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), Served(PAST) as served:
        with monkeypatch.context() as patched, connected(served) as opened:
            patched.setattr(faults.FaultyServer, "respond", fails)
            opened.sendall(head_of(served, PODS_PATH))
            assert b"" == opened.recv(1)
        assert is_well(served)


def test_a_port_that_is_taken() -> None:
    """A port that somebody listens on is refused with a sentence, and nothing is left open."""
    with (
        Served(PAST) as served,
        pytest.raises(LabError, match=f"Cannot listen on port {served.port}"),
        Served(PAST, port=served.port),
    ):
        pass


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_a_speed_that_is_none(speed: float) -> None:
    """Time neither stands nor runs backwards."""
    with pytest.raises(LabError, match="cannot be served"):
        Served(PAST, speed=speed)


def test_a_kubeconfig_exists_while_the_server_does() -> None:
    """The kubeconfig leads here, names the namespace, is its owner's alone, and goes again."""
    with Served(PAST) as served:
        path = served.kubeconfig
        value = json.loads(path.read_bytes())
        assert served.url == value["clusters"][0]["cluster"]["server"]
        assert NAMESPACE == value["contexts"][0]["context"]["namespace"]
        assert os.name != "posix" or 0o600 == path.stat().st_mode & 0o777
    assert not path.exists()
    with pytest.raises(LabError, match="not running"):
        _ = served.kubeconfig


# ---- foreign clients, unmodified


def test_the_official_client_watches_through_cuts_and_an_outage() -> None:
    """The official Watch, fed by its kubeconfig, resumes after two cuts and an outage."""
    past = shipped("pods-churn")
    scenario = [
        {"fault": "cut", "at": 15},
        {"fault": "cut", "at": 40, "how": "reset"},
        {"fault": "cut", "at": 80, "away_seconds": 10},
    ]
    seen: list[str] = []
    with Served(past, scenario, speed=100) as served, official(served) as api:
        version = api.list_namespaced_pod(NAMESPACE, limit=1).metadata.resource_version
        assert past.resource_version == version
        while served.now() < past.seconds:
            left = max(1, int(past.seconds - served.now()) + 1)
            stream = watch.Watch().stream(
                api.list_namespaced_pod,
                NAMESPACE,
                resource_version=version,
                timeout_seconds=left,
                _request_timeout=(LONG, LONG),
            )
            with contextlib.suppress(urllib3.exceptions.HTTPError, StopIteration):
                for event in stream:
                    version = event["object"].metadata.resource_version
                    seen.append(version)
    expected = [change.object.resource_version for change in past.changes]
    assert expected == seen


# ---- python -m kwlab serve


def test_the_command_says_where_and_ends_cleanly(tmp_path: Path) -> None:
    """One line says address and kubeconfig; Ctrl-C or SIGTERM ends it with 0, nothing is left."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        command = [sys.executable, "-m", "kwlab", "serve", "pods-churn", "--speed", "5"]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            port = int(re.findall(r"http://127\.0\.0\.1:(\d+)", line)[0])
            path = Path(re.findall(r"KUBECONFIG=(\S+)", line)[0])
            assert path.exists()
            with socket.create_connection(("127.0.0.1", port), LONG) as opened:
                head = f"GET {PODS_PATH}?watch=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
                opened.sendall(head.encode())
                assert opened.recv(65536).startswith(b"HTTP/1.1 200 OK")
                process.send_signal(ending)
                out, err = process.communicate(timeout=LONG)
        assert ("", "", 0) == (out, err, process.returncode)
        assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "reason", "status"),
    [
        (["nobody"], "There is no recording nobody", 64),
        (["broken.jsonl"], "broken.jsonl, line 1", 64),
        (["--scenario", "missing.jsonl"], "missing.jsonl cannot be read as a scenario", 64),
        (["--scenario", "bad.jsonl"], "bad.jsonl cannot be read as a scenario", 64),
        (["--scenario", "late.jsonl"], "there is no change 9999", 1),
        (["--port", "{taken}"], "Cannot listen on port {taken}", 1),
    ],
)
def test_what_cannot_be_served_is_one_line(
    arguments: list[str],
    reason: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A busy port, a broken recording and a bad scenario are one line each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    Path("broken.jsonl").write_text("{}\n")
    Path("bad.jsonl").write_text('{"fault": "cut"\n')
    Path("late.jsonl").write_text('{"fault": "cut", "after_change": 9999}\n')
    with Served(PAST) as served:
        taken = str(served.port)
        assert status == main(["serve", *(each.replace("{taken}", taken) for each in arguments)])
    error = capsys.readouterr().err
    assert error.startswith("kwlab: ")
    assert reason.replace("{taken}", taken) in error
    assert 1 == error.count("\n")


def test_a_scenario_file_is_a_list_or_a_fault_a_line() -> None:
    """Both ways to write a scenario are read, and an empty file is none."""
    cut, silence = '{"fault": "cut", "at": 1}', '{"fault": "silence", "at": 2}'
    expected = faults.parse([json.loads(cut), json.loads(silence)])
    assert expected == faults.read(f"{cut}\n\n{silence}\n")
    assert expected == faults.read(f" [{cut}, {silence}]")
    assert () == faults.read("")
    for text in ("{", "[1]", '"x"', "[" * 100_000, cut + silence):
        with pytest.raises(ScenarioError):
            faults.read(text)
