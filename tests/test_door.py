"""The official client, unmodified, on the other side of the in-process door."""

from __future__ import annotations

import contextlib
import gc
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from kubernetes import watch
from kubernetes.client import ApiClient, Configuration, CoreV1Api
from kubernetes.client.exceptions import ApiException

from kwlab.errors import RecordingOver
from kwlab.log import Close
from kwlab.server import faults
from kwlab.server.door import HOT_LOOP_REQUESTS, Door, Session
from tests.histories import NAMESPACE, PODS_PATH, busy, pods

PAST = pods(*busy(10, apart=1.0), existing=("a", "b"), seconds=100.0)


def opened(*scenario: dict[str, Any]) -> tuple[Session, CoreV1Api]:
    session = Session(faults.FaultyServer(PAST, faults.parse(scenario)))
    return session, CoreV1Api(Door(session).client())


def watching(api: CoreV1Api, **options: Any) -> Any:
    return api.list_namespaced_pod(
        NAMESPACE, watch=True, _preload_content=False, **{"timeout_seconds": 20, **options}
    )


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Leave no thread and no file or socket open, and let no real time pass."""
    watching(opened()[1]).close()
    gc.collect()
    threads, files = threading.active_count(), open_files()
    yield
    gc.collect()
    # Fewer is no leak: something from before this test was closed meanwhile.
    assert threading.active_count() <= threads
    assert open_files() <= files


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


@pytest.fixture(autouse=True)
def nobody_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(seconds: float) -> None:
        raise AssertionError(f"somebody slept {seconds} s for real")

    monkeypatch.setattr(time, "sleep", refuse)


def test_list_and_get() -> None:
    """The client lists and gets objects as from any server."""
    _, api = opened()
    listed = api.list_namespaced_pod(NAMESPACE)
    assert (["a", "b"], "1000") == (
        [pod.metadata.name for pod in listed.items],
        listed.metadata.resource_version,
    )
    assert "a" == api.read_namespaced_pod("a", NAMESPACE).metadata.name
    with pytest.raises(ApiException) as caught:
        api.read_namespaced_pod("zzz", NAMESPACE)
    assert 404 == caught.value.status


def whole(response: Any) -> bytes:
    return bytes(response.read())


def in_ones(response: Any) -> bytes:
    return b"".join(iter(lambda: response.read(1), b""))


def in_read1(response: Any) -> bytes:
    return b"".join(iter(response.read1, b""))


STYLES: dict[str, Callable[[Any], bytes]] = {
    "read()": whole,
    "read(1)": in_ones,
    "read1()": in_read1,
    "stream()": lambda response: b"".join(response.stream()),
    "stream(7)": lambda response: b"".join(response.stream(7)),
    "stream(None)": lambda response: b"".join(response.stream(None)),
    "read_chunked()": lambda response: b"".join(response.read_chunked()),
    "read_chunked(3)": lambda response: b"".join(response.read_chunked(3)),
    "iteration": b"".join,
}


@pytest.mark.parametrize("style", STYLES)
def test_every_way_to_read(style: str) -> None:
    """Whatever urllib3 method reads a watch, the same bytes come."""
    session, api = opened()
    body = STYLES[style](watching(api, resource_version="1000"))
    assert b"".join(data for _, data in session.requests[0].sent) == body
    assert (10, 20.0, Close.TIMEOUT) == (
        body.count(b"\n"),
        session.clock.now(),
        session.requests[0].close,
    )


def test_time_passes_event_by_event() -> None:
    """Reading an event moves the clock to when it is due, and not farther."""
    session, api = opened()
    chunks = watching(api, resource_version="1000").stream(None)
    for second in (1.0, 2.0, 3.0):
        # A long event comes in several chunks.
        while not next(chunks).endswith(b"\n"):
            assert second == session.clock.now()
        assert second == session.clock.now()


def test_what_was_asked_is_logged() -> None:
    """The door logs the request as it came: path, query, status."""
    session, api = opened()
    watching(api, resource_version="1005").read()
    (request,) = session.requests
    assert (0.0, PODS_PATH, 200, True) == (
        request.at,
        request.path,
        request.status,
        request.is_watch,
    )
    assert ("1005", "20") == (
        request.parameter("resourceVersion"),
        request.parameter("timeoutSeconds"),
    )


def test_the_clients_own_watch() -> None:
    """Watch().stream() gives typed events."""
    _, api = opened()
    stream = watch.Watch().stream(
        api.list_namespaced_pod, NAMESPACE, resource_version="1000", timeout_seconds=5
    )
    seen = [(event["type"], event["object"].metadata.resource_version) for event in stream]
    assert [("ADDED", "1001"), ("MODIFIED", "1002")] == seen[:2]
    assert 5 == len(seen)


def test_the_loop_that_people_ship_ends() -> None:
    """The endless loop of many programs ends when the recording does."""
    session, api = opened()
    seen: list[str] = []

    def loop() -> None:
        while True:
            for event in watch.Watch().stream(
                api.list_namespaced_pod, NAMESPACE, timeout_seconds=60
            ):
                seen.append(event["type"])

    with pytest.raises(RecordingOver):
        loop()
    # Two pods and ten changes; then, at 60 s, three pods.
    assert (15, [0.0, 60.0], 100.0) == (
        len(seen),
        [request.at for request in session.requests],
        session.clock.now(),
    )
    assert {None} == {request.parameter("resourceVersion") for request in session.requests}


def test_the_loop_that_swallows_everything_ends() -> None:
    """The same loop ends inside try and except Exception, too."""
    session, api = opened({"fault": "cut", "at": 30}, {"fault": "cut", "at": 50, "how": "reset"})

    def turn() -> None:
        for _ in watch.Watch().stream(api.list_namespaced_pod, NAMESPACE, timeout_seconds=60):
            pass

    assert 3 == ended(turn)
    assert ([Close.CUT, Close.CUT, Close.OVER], 100.0) == (
        [request.close for request in session.requests],
        session.clock.now(),
    )


def ended(turn: Callable[[], Any]) -> int:
    """Turn for ever, swallowing errors as people do; give how often."""
    turns = 0
    with pytest.raises(RecordingOver):
        while True:
            turns += 1
            with contextlib.suppress(Exception):
                turn()
    return turns


def test_hot_loops_end() -> None:
    """A loop in which no time passes ends after a thousand requests, whatever it asks."""
    session, api = opened()
    assert HOT_LOOP_REQUESTS + 1 == ended(lambda: api.list_namespaced_pod(NAMESPACE, limit=1))
    assert 0.0 == session.clock.now()
    _, api = opened()
    assert HOT_LOOP_REQUESTS + 1 == ended(lambda: watching(api, timeout_seconds=-1).read())


def test_hot_loops_against_nobody_end() -> None:
    """A loop that is refused at once, again and again, ends too."""
    for fault in (
        {"fault": "cut", "at": 0, "away_seconds": 50},
        {"fault": "refuse", "at": 0, "code": 403, "seconds": 50},
    ):
        _, api = opened(fault)
        assert HOT_LOOP_REQUESTS + 1 == ended(lambda api=api: watching(api).read())


def test_a_silent_server_and_a_read_timeout() -> None:
    """The client's read timeout holds in virtual time, from the last byte on."""
    session, api = opened({"fault": "silence", "at": 3.5})
    response = watching(api, resource_version="1000", _request_timeout=7)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        response.read()
    assert (3, 10.0, Close.SILENT) == (
        len(session.requests[0].sent),
        session.clock.now(),
        session.requests[0].close,
    )


def test_a_silent_server_without_a_timeout() -> None:
    """Without a read timeout, silence lasts until the recording is over."""
    session, api = opened({"fault": "silence", "at": 3.5})
    with pytest.raises(RecordingOver):
        watching(api, resource_version="1000").read()
    assert (100.0, Close.OVER) == (session.clock.now(), session.requests[0].close)


def test_headers_that_take_too_long() -> None:
    """A read timeout holds for the headers as well."""
    session, api = opened()
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        api.list_namespaced_pod(NAMESPACE, resource_version="99999", _request_timeout=2)
    assert 2.0 == session.clock.now()
    with pytest.raises(ApiException) as caught:
        api.list_namespaced_pod(NAMESPACE, resource_version="99999")
    assert (504, 5.0) == (caught.value.status, session.clock.now())


def test_connections_are_reused() -> None:
    """After a clean end the same connection is used again, after a cut a new one is made."""
    session, api = opened({"fault": "cut", "at": 30})
    made = count_connections(session)
    for _ in range(2):
        watching(api, timeout_seconds=5).read()
    assert 1 == len(made)
    with contextlib.suppress(urllib3.exceptions.ProtocolError):
        watching(api, timeout_seconds=60).read()
    watching(api, timeout_seconds=5).read()
    assert 2 == len(made)


def count_connections(session: Session) -> list[float]:
    made: list[float] = []
    connect = session.connect

    def counted() -> None:
        made.append(session.clock.now())
        connect()

    session.connect = counted  # type: ignore[method-assign]
    return made


def test_an_idle_connection_does_not_outlive_the_server() -> None:
    """When the server is away, a connection of the pool is no way to it."""
    session, api = opened({"fault": "cut", "at": 6, "away_seconds": 5})
    watching(api, timeout_seconds=5).read()
    session.clock.sleep(2.0)
    with pytest.raises(urllib3.exceptions.NewConnectionError):
        watching(api)


def test_too_many_requests_are_neither_repeated_nor_slept_over() -> None:
    """A 429 with Retry-After is one request, and the client does not sleep."""
    session, api = opened({"fault": "refuse", "at": 0, "code": 429, "retry_after_seconds": 2})
    with pytest.raises(ApiException) as caught:
        watching(api)
    assert (429, "2", 1) == (
        caught.value.status,
        caught.value.headers["Retry-After"],
        len(session.requests),
    )


def test_closing_is_logged() -> None:
    """A client that closes in the middle is logged as one that stopped."""
    session, api = opened()
    response = watching(api)
    next(response.stream(None))
    response.close()
    assert Close.STOPPED == session.requests[0].close


def test_a_code_without_a_name() -> None:
    """A refusal may have a code that HTTP has no phrase for."""
    _, api = opened({"fault": "refuse", "at": 0, "code": 599})
    with pytest.raises(ApiException) as caught:
        watching(api)
    assert 599 == caught.value.status


def test_writes_are_refused() -> None:
    """Writes are refused by the server, never with silence."""
    _, api = opened()
    with pytest.raises(ApiException) as caught:
        api.delete_namespaced_pod("a", NAMESPACE)
    assert 405 == caught.value.status
    with pytest.raises(ApiException) as caught:
        api.create_namespaced_pod(NAMESPACE, {"kind": "Pod", "metadata": {"name": "x"}})
    assert 405 == caught.value.status


def test_one_client_for_one_session_after_the_other() -> None:
    """A new session starts anew: its clock at 0, and no connection of the old one."""
    first, second = (Session(faults.FaultyServer(PAST)) for _ in range(2))
    door = Door(first)
    api = CoreV1Api(door.client())
    watching(api).read()
    door.way = second
    watching(api, timeout_seconds=5).read()
    assert (20.0, 5.0, 1, 1) == (
        first.clock.now(),
        second.clock.now(),
        len(first.requests),
        len(second.requests),
    )


# ---- the same errors as over a socket


LINE = b'{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"x"}}}\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


Raised = tuple[type[BaseException], type[object]]
"""What was raised, and what it says was the cause."""


def over_a_socket(answer: Callable[[socket.socket], None] | None) -> Raised:
    """Ask a tiny real server that fails on purpose, and give what the client raises."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if answer is None:
            listener.close()
            return raised_by(host)

        done = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                answer(connection)
                if answer is silent:
                    done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            return raised_by(host)
        finally:
            done.set()
            thread.join()


def raised_by(host: str) -> Raised:
    configuration = Configuration()
    configuration.host, configuration.retries, configuration.proxy = host, False, None
    client = ApiClient(configuration)
    try:
        return raised(lambda: watching(CoreV1Api(client), _request_timeout=(5, 0.2)).read())
    finally:
        client.rest_client.pool_manager.clear()


def raised(turn: Callable[[], object]) -> Raised:
    with pytest.raises(urllib3.exceptions.HTTPError) as caught:
        turn()
    return caught.type, type(caught.value.args[-1])


def fin(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"%x\r\n%s\r\n" % (len(LINE), LINE))


def reset(connection: socket.socket) -> None:
    fin(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(connection: socket.socket) -> None:
    fin(connection)


def early(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("answer", "fault", "query"),
    [
        (fin, {"fault": "cut", "at": 3.5}, {}),
        (reset, {"fault": "cut", "at": 3.5, "how": "reset"}, {}),
        (silent, {"fault": "silence", "at": 3.5}, {}),
        (None, {"fault": "cut", "at": 0, "away_seconds": 9}, {}),
        (
            early,
            {"fault": "cut", "at": 2.0},
            {
                "resource_version": "9999",
                "send_initial_events": True,
                "resource_version_match": "NotOlderThan",
            },
        ),
    ],
    ids=["cut", "reset", "silence", "refused", "cut before the headers"],
)
def test_errors_are_those_of_a_real_socket(
    answer: Callable[[socket.socket], None] | None, fault: dict[str, Any], query: dict[str, Any]
) -> None:
    """A cut, a reset, silence and a refusal raise what they raise over a real socket."""
    _, api = opened(fault)
    assert over_a_socket(answer) == raised(
        lambda: watching(api, _request_timeout=(5, 8), **query).read()
    )
