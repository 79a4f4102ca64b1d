"""A Reflector on bytes: stopped at any moment, at its deadline, over TLS, and for a million events.

Threads and sockets are counted before and after each test.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import pytest

import kwlab
from kwlab.log import Origin
from kwlab.watching.observer import Gap, Listed, ListFailed, ReflectorRecord, RetriesHidden, log_to
from kwlab.watching.reflector import Reflector
from kwlab.watching.reflectoroptions import ReflectorOptions
from kwlab.watching.retryoptions import RetryOptions
from tests.leaks import LONG, until
from tests.nightly import EVENTS_TOTAL
from tests.raw_server import CHUNKED, CLOSING, END, Connection, RawServer, added, chunk
from tests.reflecting import run
from tests.test_bad_servers import MEGABYTE, resident_bytes
from tests.test_observers import BUSY, hidden
from tests.test_reflector import EXPIRED, PAST
from tests.test_retrywatcher import FakeClock
from tests.test_stop import STOP_SECONDS, Server, authority, ca_file, leaks_nothing, serve

__all__ = ["authority", "ca_file", "leaks_nothing", "serve"]

Answer = Callable[[Connection, int], None]

OPEN: Final = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
GONE: Final = b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n'


def list_of(version: int, *items: dict[str, object]) -> bytes:
    return json.dumps({"metadata": {"resourceVersion": str(version)}, "items": items}).encode()


def whole(body: bytes) -> bytes:
    return OPEN % len(body) + body


def torn(body: bytes) -> bytes:
    return OPEN % len(body) + body[:20]


def torn_and_closing(body: bytes) -> bytes:
    return torn(body).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def at(number: int, *parts: bytes) -> Answer:
    """Bring a Reflector to its request of this number, and leave that one open."""

    def answer(connection: Connection, asked: int) -> None:
        if asked == number:
            connection.send(*parts)
            connection.hold()
        elif connection.is_watch:
            connection.send(CHUNKED, chunk(GONE), END)
        else:
            connection.send(whole(list_of(5)))

    return answer


BODY: Final = list_of(5)
AT_ONCE: Final = ReflectorOptions(retry=RetryOptions(min_restart_delay_seconds=0.0, backoff=None))
MOMENTS: Final[dict[str, Answer]] = {
    "list": at(1, torn(BODY)),
    "list, Connection: close": at(1, torn_and_closing(BODY)),
    "watch": at(2, CHUNKED, chunk(added(6)), chunk(added(7)[:40])),
    "watch, Connection: close": at(2, CLOSING, chunk(added(6))),
    "relist": at(3, torn(BODY)),
    "relist, Connection: close": at(3, torn_and_closing(BODY)),
}
WITHOUT_HEADERS: Final[dict[str, Answer]] = {"headers of a list": at(1), "of a relist": at(3)}


def consumed(
    server: RawServer,
    ca: str,
    *,
    is_prepared: bool,
    options: ReflectorOptions | None = None,
    once: Callable[[Reflector], None] = lambda reflector: None,
    retries: bool = True,
) -> tuple[BaseException | None, float]:
    """Iterate in a thread; give what it ended with, and how long that took after ``once``."""
    api = server.api(ca)
    if is_prepared:
        kwlab.prepared(api.api_client)
    elif not retries:
        api.api_client.rest_client.pool_manager.connection_pool_kw["retries"] = False
    reflector = Reflector(api.list_namespaced_pod, "lab", options=options)
    failed: list[BaseException] = []

    def consume() -> None:
        try:
            with reflector:
                list(reflector)
        except BaseException as error:
            failed.append(error)
        api.api_client.close()

    thread = threading.Thread(target=consume)
    thread.start()
    once(reflector)
    start = time.monotonic()
    thread.join(LONG)
    assert not thread.is_alive()
    return (failed or [None])[0], time.monotonic() - start


@pytest.mark.parametrize("is_prepared", [True, False], ids=["prepared", "as made"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_stop_ends_an_open_answer(
    moment: str, is_prepared: bool, serve: Server, ca_file: str
) -> None:
    """stop() ends a list, a watch and a relist silently and at once, whatever the client."""
    check_stop(MOMENTS[moment], serve, ca_file, is_prepared=is_prepared)


@pytest.mark.parametrize("moment", WITHOUT_HEADERS)
def test_stop_ends_a_wait_for_headers(moment: str, serve: Server, ca_file: str) -> None:
    """So it does where no headers came, with a client that was prepared."""
    check_stop(WITHOUT_HEADERS[moment], serve, ca_file, is_prepared=True)


def check_stop(answer: Answer, serve: Server, ca: str, *, is_prepared: bool) -> None:
    with serve(answer) as server:

        def stop(reflector: Reflector) -> None:
            assert server.is_holding.wait(LONG)
            reflector.stop()

        error, took = consumed(server, ca, is_prepared=is_prepared, options=AT_ONCE, once=stop)
    assert error is None
    assert took < STOP_SECONDS


@pytest.mark.parametrize("moment", [*MOMENTS, *WITHOUT_HEADERS])
def test_the_deadline_holds_wherever_it_stands(moment: str, serve: Server, ca_file: str) -> None:
    """A list or watch that brings nothing does not outlive the deadline, and ends silently."""
    options = replace(AT_ONCE, retry=replace(AT_ONCE.retry, deadline_seconds=0.6))
    with serve({**MOMENTS, **WITHOUT_HEADERS}[moment]) as server:
        error, took = consumed(server, ca_file, is_prepared=True, options=options)
        assert server.is_holding.is_set()
    assert error is None
    assert took < 0.6 + STOP_SECONDS


def test_the_deadline_holds_while_a_list_trickles(serve: Server, ca_file: str) -> None:
    """A list of which a byte comes now and then is no way past the deadline either."""
    is_over = threading.Event()

    def trickle(connection: Connection, _: int) -> None:
        connection.send(CHUNKED)
        while not is_over.wait(0.01):
            connection.send(chunk(b" "))

    options = ReflectorOptions(retry=RetryOptions(deadline_seconds=0.4))
    with serve(trickle) as server:
        error, took = consumed(server, ca_file, is_prepared=True, options=options)
        is_over.set()
    assert error is None
    assert took < 0.4 + STOP_SECONDS


@pytest.mark.parametrize(
    ("sent", "times"),
    [(b"\n", 10**6), (b"x", 10**6), (b"\n", 30)],
    ids=["blank lines", "a line without end", "and then nothing"],
)
def test_a_watch_list_that_trickles_is_given_up_at_its_deadline(
    sent: bytes, times: int, serve: Server, ca_file: str
) -> None:
    """What is no event holds off neither its deadline nor the list that comes in its place."""
    is_over, asked_at, are_watches = threading.Event(), list[float](), list[bool]()

    def trickle(connection: Connection, number: int) -> None:
        are_watches.append(connection.is_watch)
        asked_at.append(time.monotonic())
        if number == 1:
            connection.send(CHUNKED)
            for _ in range(times):
                connection.send(chunk(sent))
                if is_over.wait(0.02):
                    break
            connection.hold()
        elif not connection.is_watch:
            is_over.set()
            connection.send(whole(list_of(5)))
        else:
            connection.hold()

    def stop(reflector: Reflector) -> None:
        until(lambda: len(asked_at) == 3)
        is_over.set()
        reflector.stop()

    options = ReflectorOptions(use_watch_list=True, watch_list_deadline_seconds=1.0)
    with serve(trickle) as server:
        error, _ = consumed(server, ca_file, is_prepared=True, options=options, once=stop)
    assert error is None
    assert [True, False, True] == are_watches[:3]
    assert asked_at[1] - asked_at[0] < 1.0 + STOP_SECONDS


def test_the_deadline_holds_while_a_watch_list_trickles(serve: Server, ca_file: str) -> None:
    """The Reflector's own deadline is kept where its WatchList's is later."""
    is_over = threading.Event()

    def trickle(connection: Connection, _: int) -> None:
        connection.send(CHUNKED)
        while not is_over.wait(0.01):
            connection.send(chunk(b"\n"))

    options = ReflectorOptions(use_watch_list=True, retry=RetryOptions(deadline_seconds=0.4))
    with serve(trickle) as server:
        error, took = consumed(server, ca_file, is_prepared=True, options=options)
        is_over.set()
    assert error is None
    assert 1 == len(server.asked)
    assert took < 0.4 + STOP_SECONDS


class Endless:
    """A list that never ends, of which something is there at every read."""

    status, headers, url = 200, {}, ""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.reads = 0

    def read1(self, *_: object) -> bytes:
        self._clock.time += 0.1
        self.reads += 1
        assert self.reads < 100
        return b" "

    def read_chunked(self, *_: object) -> Iterator[bytes]:
        yield self.read1()

    def close(self) -> None:
        """Close nothing."""


def test_the_deadline_holds_where_no_read_waits() -> None:
    """A list that brings something at every read is given up at the deadline too."""
    clock = FakeClock()
    answer = Endless(clock)
    retry = RetryOptions(deadline_seconds=1.0)

    def method(**options: object) -> object:
        return answer

    assert [] == list(Reflector(method, options=ReflectorOptions(clock=clock, retry=retry)))
    assert answer.reads in {10, 11}


# ---- what is told


def listed_after(refusals: int) -> tuple[list[ReflectorRecord], int]:
    """What a Reflector tells whose first list is refused so often, with a client as it is made."""

    def answer(connection: Connection, number: int) -> None:
        connection.send(BUSY if number <= refusals else whole(BODY))

    records: list[ReflectorRecord] = []
    with RawServer(answer) as server:
        api = server.api()

        def observe(record: ReflectorRecord) -> None:
            records.append(record)
            if isinstance(record, Listed):
                reflector.stop()

        options = ReflectorOptions(observer=observe, clock=FakeClock())
        with Reflector(api.list_namespaced_pod, "lab", options=options) as reflector:
            list(reflector)
        api.api_client.close()
    return records, len(server.asked)


def test_hidden_retries_of_a_list_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """What urllib3 repeated by itself is told of lists as of watches, and said once."""
    records, asked_total = listed_after(refusals=2)

    assert (3, [2]) == (asked_total, hidden(records))
    (said,) = [r.getMessage() for r in caplog.records if r.name == "kwlab.watching.reflector"]
    assert "asked 2 times more by itself" in said


def test_retries_of_a_list_that_did_not_help_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Where urllib3 gave up, that is told before the failure is, and the program is told once."""
    records, asked_total = listed_after(refusals=6)

    kinds = [type(record) for record in records]
    assert [RetriesHidden, ListFailed, RetriesHidden, Listed] == kinds
    assert 1 == len(
        [record for record in caplog.records if record.name == "kwlab.watching.reflector"]
    )
    assert (7, [3, 2], 429) == (asked_total, hidden(records), records[1].code)  # type: ignore[union-attr]


def test_lists_and_gaps_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """log_to() has a line for each list, each failed one and each gap, with the record on it."""
    logger = logging.getLogger("my.reflector")
    caplog.set_level(logging.INFO, logger="my.reflector")
    scenario = [*EXPIRED["ERROR event"], {"fault": "refuse", "at": 0.0, "code": 503}]
    records = run(PAST, scenario).records

    for record in records:
        log_to(logger)(record)

    lines = [
        (one.levelname, one.getMessage())
        for one in caplog.records
        if isinstance(one.watch, Listed | ListFailed | Gap)  # type: ignore[attr-defined]
    ]
    (failed, listed, relisted, gap) = lines
    assert failed[0] == listed[0] == relisted[0] == "INFO"
    assert failed[1].startswith("the list failed after 0.0 s by HTTP 503 ")
    assert failed[1].endswith("; next in 1.0 s")
    assert "listed 4 objects at resourceVersion 1001 in 0.0 s (requests: 1)" == listed[1]
    assert relisted[1].startswith("listed 4 objects at resourceVersion 1006 in ")
    assert gap[0] == "WARNING"
    assert gap[1].startswith("no change from resourceVersion 1001 to 1006 was seen by itself, ")


def test_a_list_that_was_the_last_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """A failed list that no other follows is logged as what ended it."""
    logger = logging.getLogger("my.reflector")
    caplog.set_level(logging.INFO, logger="my.reflector")
    log_to(logger)(ListFailed(0.0, 1.0, "", 403, None, "HTTP 403"))

    (line,) = caplog.records
    assert ("WARNING", "the list failed after 1.0 s by HTTP 403; it stands at ∅") == (
        line.levelname,
        line.getMessage(),
    )


# ---- memory


class Busy:
    """Change fifty pods one after the other, and break off after each so many in some way.

    Version n is a change of pod n % 50. Each fifth break is a 410, before which some changes are
    never sent.
    """

    PODS: Final = 50
    PER_ANSWER: Final = 997

    def __init__(self) -> None:
        self.version = self.PODS

    def __call__(self, connection: Connection, number: int) -> None:
        if not connection.is_watch:
            pods = range(self.version - self.PODS + 1, self.version + 1)
            connection.send(whole(list_of(self.version, *map(self.pod, pods))))
            return
        first = int(connection.asked or 0) + 1
        self.version = first + self.PER_ANSWER - 1
        sent = b"".join(map(self.modified, range(first, self.version + 1)))
        connection.send(CHUNKED, chunk(sent))
        if number % 5 == 0:
            connection.send(chunk(GONE), END)
            self.version += 10
        elif number % 5 == 1:
            connection.send(chunk(self.modified(self.version + 1)[:30]))
            raise OSError("cut in the middle of a line")
        else:
            connection.send(END)

    def pod(self, version: int) -> dict[str, object]:
        name = f"pod-{version % self.PODS}"
        return {"metadata": {"name": name, "uid": name, "resourceVersion": str(version)}}

    def modified(self, version: int) -> bytes:
        return b'{"type":"MODIFIED","object":%s}\n' % json.dumps(self.pod(version)).encode()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_many_events_and_relists_take_no_memory() -> None:
    """30,000 events, and 1,000,000 at night, with a fault each 997: all known, memory flat."""
    busy = Busy()
    origins = dict.fromkeys(Origin, 0)
    options = ReflectorOptions(clock=FakeClock(), random=lambda: 0.0)
    with RawServer(busy) as server:
        api = server.api()
        with Reflector(api.list_namespaced_pod, "lab", options=options) as reflector:
            before = 0
            for count, event in enumerate(reflector, start=1):
                last = int(event.resource_version)
                origins[event.origin] += 1
                if count == EVENTS_TOTAL // 10:
                    before = resident_bytes()
                if count >= EVENTS_TOTAL and event.origin is Origin.WATCH:
                    break
            grown = resident_bytes() - before
            held = {event.resource_version for event in reflector.store.events().values()}
        api.api_client.close()

    print(f"{count:,} events {origins} in {len(server.asked):,} requests: grown by {grown:,} bytes")
    assert {str(version) for version in range(last - busy.PODS + 1, last + 1)} == held
    assert origins[Origin.RELIST] >= 10 * (EVENTS_TOTAL // (6 * busy.PER_ANSWER))
    assert grown < 8 * MEGABYTE
