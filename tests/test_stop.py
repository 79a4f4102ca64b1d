"""stop() from anywhere, at any moment, over HTTP and TLS; and the timers that do the same."""

from __future__ import annotations

import os
import signal
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest
import trustme
from kubernetes import client

import kwlab
from kwlab.log import Close
from kwlab.watching.observer import AttemptEnded, AttemptStarted, Delay, Record
from kwlab.watching.retryoptions import RetryOptions
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import ListOptions
from tests.leaks import LONG, nothing_left
from tests.raw_server import CHUNKED, CLOSING, END, Connection, RawServer, added, chunk

STOP_SECONDS: Final = 0.5
"""What the design promises."""

Server = Callable[[Callable[[Connection, int], None]], RawServer]


def no_headers(connection: Connection, _: int) -> None:
    connection.hold()


def mid_line(connection: Connection, _: int) -> None:
    connection.send(CHUNKED, chunk(added(6)), chunk(added(7)[:40]))
    connection.hold()


def closing(connection: Connection, _: int) -> None:
    connection.send(CLOSING, chunk(added(6)))
    connection.hold()


def failing(connection: Connection, _: int) -> None:
    connection.send(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")


def busy_for_a_minute(connection: Connection, _: int) -> None:
    connection.send(b"HTTP/1.1 429 Busy\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(params=["http", "tls"])
def serve(request: pytest.FixtureRequest, authority: trustme.CA) -> Server:
    context = None
    if request.param == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
    return lambda answer: RawServer(answer, context)


@pytest.fixture(autouse=True)
def leaks_nothing() -> Iterator[None]:
    """Leave no thread and no socket behind, however a watch was stopped."""
    # Its first use opens what stays open.
    ssl.create_default_context()
    client.CoreV1Api(client.ApiClient(client.Configuration(host="http://127.0.0.1:1")))
    with nothing_left():
        yield


class Watched:
    """A watcher on one server, what it told, and how long it took to stop."""

    def __init__(
        self,
        api: client.CoreV1Api,
        options: RetryOptions | None = None,
        **arguments: Any,
    ) -> None:
        self.records: list[Record] = []
        self.is_waiting = threading.Event()
        self.delivered: list[str] = []
        self.error: BaseException | None = None
        self._api = api

        def watch(asked: ListOptions) -> object:
            return api.list_namespaced_pod(
                "lab", watch=True, _preload_content=False, **asked, **arguments
            )

        self.watcher = RetryWatcher("5", watch, options=options, observer=self._observe)

    @property
    def ended(self) -> list[AttemptEnded]:
        return [record for record in self.records if isinstance(record, AttemptEnded)]

    def _observe(self, record: Record) -> None:
        self.records.append(record)
        if isinstance(record, AttemptEnded) and record.delay_seconds:
            self.is_waiting.set()

    def consume(self) -> None:
        try:
            with self.watcher:
                for event in self.watcher:
                    self.delivered.append(event.resource_version)
        except BaseException as error:
            self.error = error
        self._api.api_client.close()


def stopped_from_a_thread(watched: Watched, is_there: threading.Event) -> float:
    thread = threading.Thread(target=watched.consume)
    thread.start()
    assert is_there.wait(LONG)
    start = time.monotonic()
    watched.watcher.stop()
    thread.join(LONG)
    took = time.monotonic() - start
    assert not thread.is_alive()
    return took


def stopped_from_a_signal(watched: Watched, is_there: threading.Event) -> float:
    if not hasattr(signal, "SIGUSR1"):
        pytest.skip("needs SIGUSR1")
    started: list[float] = []
    is_over = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        watched.watcher.stop()

    def strike() -> None:
        assert is_there.wait(LONG)
        started.append(time.monotonic())
        # Python runs no handler for a signal that comes in the instant before a read begins.
        while not is_over.wait(0.1):
            os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handle)
    striker = threading.Thread(target=strike)
    striker.start()
    try:
        watched.consume()
        took = time.monotonic() - started[0]
    finally:
        is_over.set()
        striker.join()
        signal.signal(signal.SIGUSR1, before)
    return took


@pytest.mark.parametrize("stopped", [stopped_from_a_thread, stopped_from_a_signal])
@pytest.mark.parametrize(
    "answer", [no_headers, mid_line, closing, failing, busy_for_a_minute], ids=lambda a: a.__name__
)
def test_stop_ends_within_half_a_second(
    answer: Callable[[Connection, int], None],
    stopped: Callable[[Watched, threading.Event], float],
    serve: Server,
    ca_file: str,
) -> None:
    """With a prepared client stop() is silent and quick at every moment of an attempt."""
    with serve(answer) as server:
        api = server.api(ca_file)
        kwlab.prepared(api.api_client)
        watched = Watched(api)
        is_held = answer in {no_headers, mid_line, closing}
        took = stopped(watched, server.is_holding if is_held else watched.is_waiting)

    assert watched.error is None
    assert took < STOP_SECONDS
    if is_held:
        assert Close.STOPPED is watched.ended[-1].close
    elif answer is busy_for_a_minute:
        assert (60.0, Delay.RETRY_AFTER) == (
            watched.ended[-1].delay_seconds,
            watched.ended[-1].delay_why,
        )


@pytest.mark.parametrize("answer", [mid_line, closing], ids=lambda a: a.__name__)
def test_stop_wakes_a_read_of_any_client(
    answer: Callable[[Connection, int], None], serve: Server, ca_file: str
) -> None:
    """An open answer is woken with a client that nobody prepared, Connection: close or not."""
    with serve(answer) as server:
        watched = Watched(server.api(ca_file))
        took = stopped_from_a_thread(watched, server.is_holding)

    assert watched.error is None
    assert took < STOP_SECONDS


def test_stop_waits_for_the_functions_own_timeout_otherwise(serve: Server, ca_file: str) -> None:
    """A client that nobody prepared waits for headers as long as its own read timeout."""
    with serve(no_headers) as server:
        api = server.api(ca_file)
        api.api_client.rest_client.pool_manager.connection_pool_kw["retries"] = False
        watched = Watched(api, _request_timeout=(LONG, 1.0))
        took = stopped_from_a_thread(watched, server.is_holding)

    assert watched.error is None
    assert took < 1.0 + STOP_SECONDS
    assert 1 == len(server.asked)


def test_stop_in_the_loop_is_the_last_thing_in_it(serve: Server, ca_file: str) -> None:
    """The consumer itself may stop: no event follows, and nothing is waited for."""
    with serve(mid_line) as server:
        watched = Watched(server.api(ca_file))
        start = time.monotonic()
        with watched.watcher as watcher:
            for event in watcher:
                watched.delivered.append(event.resource_version)
                watcher.stop()
        took = time.monotonic() - start
        watched._api.api_client.close()

    assert ["6"] == watched.delivered
    assert took < LONG / 2


def test_stop_is_no_news_to_a_function_that_never_returns() -> None:
    """stop() itself never blocks; a function that blocks ends the iteration when it returns."""
    is_called, may_return = threading.Event(), threading.Event()
    found: list[object] = []

    def blocks(_: ListOptions) -> object:
        is_called.set()
        assert may_return.wait(LONG)
        return None

    watcher = RetryWatcher("5", blocks)
    thread = threading.Thread(target=lambda: found.extend(watcher))
    thread.start()
    assert is_called.wait(LONG)
    start = time.monotonic()
    watcher.stop()
    watcher.close()
    took = time.monotonic() - start
    may_return.set()
    thread.join(LONG)

    assert took < STOP_SECONDS
    assert ([], False) == (found, thread.is_alive())


@pytest.mark.parametrize("answer", [no_headers, mid_line, closing], ids=lambda a: a.__name__)
def test_the_idle_timer_gives_up_a_half_open_connection(
    answer: Callable[[Connection, int], None], serve: Server, ca_file: str
) -> None:
    """A connection on which nothing comes is given up, and asked for again from the last event."""
    with serve(answer) as server:
        api = server.api(ca_file)
        kwlab.prepared(api.api_client)
        options = RetryOptions(idle_seconds=0.2, min_restart_delay_seconds=0.0, backoff=None)
        watched = Watched(api, options)
        stop_after(watched, attempts=3)
        watched.consume()

    assert watched.error is None
    assert ("5" if answer is no_headers else "6") == server.asked[-1]
    assert [Close.SILENT] * 3 == [record.close for record in watched.ended]
    assert all(record.lived_seconds >= 0.2 for record in watched.ended)


def test_the_idle_timer_needs_no_preparation(serve: Server, ca_file: str) -> None:
    """An open answer of the official client as it is made is under the idle timer."""
    with serve(mid_line) as server:
        watched = Watched(server.api(ca_file), RetryOptions(idle_seconds=0.2))
        stop_after(watched, attempts=1)
        watched.consume()

    assert watched.error is None
    assert [Close.SILENT] == [record.close for record in watched.ended]


def test_a_shorter_timeout_of_the_functions_own_is_kept(serve: Server, ca_file: str) -> None:
    """The function's own read timeout ends a silent read before a longer idle timer does."""
    with serve(mid_line) as server:
        watched = Watched(
            server.api(ca_file), RetryOptions(idle_seconds=3600), _request_timeout=(LONG, 0.2)
        )
        stop_after(watched, attempts=1)
        watched.consume()

    assert [Close.SILENT] == [record.close for record in watched.ended]


def stop_after(watched: Watched, attempts: int) -> None:
    """Stop once so many attempts are over."""
    observe = watched.watcher._observer
    assert observe is not None

    def count(record: Record) -> None:
        observe(record)
        if len(watched.ended) == attempts:
            watched.watcher.stop()

    watched.watcher._observer = count


@pytest.mark.parametrize(
    "answer", [no_headers, mid_line, failing, busy_for_a_minute], ids=lambda a: a.__name__
)
def test_the_deadline_ends_silently(
    answer: Callable[[Connection, int], None], serve: Server, ca_file: str
) -> None:
    """The deadline ends the iteration without an error, wherever it stands."""
    with serve(answer) as server:
        api = server.api(ca_file)
        kwlab.prepared(api.api_client)
        watched = Watched(api, RetryOptions(deadline_seconds=0.4))
        start = time.monotonic()
        watched.consume()
        took = time.monotonic() - start

    assert watched.error is None
    assert 0.4 <= took < 0.4 + STOP_SECONDS
    assert isinstance(watched.records[0], AttemptStarted)


def test_a_finished_watch_leaves_its_connection_as_it_was(serve: Server, ca_file: str) -> None:
    """The next request on a connection has the timeout that its caller asks for."""

    def twice(connection: Connection, number: int) -> None:
        connection.send(CHUNKED, chunk(added(5 + number)))
        if number == 1:
            connection.send(END)
        else:
            connection.hold()

    with serve(twice) as server:
        api = server.api(ca_file)
        options = RetryOptions(idle_seconds=0.2, min_restart_delay_seconds=0.0)
        watched = Watched(api, options)
        stop_after(watched, attempts=1)
        watched.consume()
        response: Any = api.list_namespaced_pod("lab", watch=True, _preload_content=False)
        timeout = response.connection.sock.gettimeout()
        response.close()
        api.api_client.close()

    assert 2 == len(server.asked)
    assert timeout is None
