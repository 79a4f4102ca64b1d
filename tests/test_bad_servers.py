"""Bad input, from a server or a watch function: a typed end, nothing stepped over, flat memory."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import resource
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from kubernetes import client

import kwlab
from kwlab import errors
from kwlab.watching import reading
from kwlab.watching.retryoptions import RetryOptions
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import (
    LINE_LIMIT_BYTES,
    LineDecoder,
    ListOptions,
    Status,
    WatchEvent,
    error_event,
)
from tests.leaks import nothing_left
from tests.nightly import EVENTS_TOTAL
from tests.raw_server import CHUNKED, CLOSING, END, Connection, RawServer, added, chunk
from tests.test_response import Frames
from tests.test_retrywatcher import FakeClock

TWICE: Final = RetryOptions(no_progress_limit=2)
MEGABYTE: Final = 1024 * 1024


@pytest.fixture(autouse=True)
def leaks_nothing() -> Iterator[None]:
    """Leave no thread and no socket behind."""
    client.CoreV1Api(client.ApiClient(client.Configuration(host="http://127.0.0.1:1")))
    with nothing_left():
        yield


def body(data: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(data), headers, data)


def watched(
    answer: Callable[[Connection, int], None],
    *,
    take: int = 10**9,
) -> tuple[list[Any], BaseException | None, list[str | None]]:
    """The events delivered, what ended the iteration, and what the server was asked for."""
    found: list[Any] = []
    with RawServer(answer) as server:
        api = server.api()
        api.api_client.rest_client.pool_manager.connection_pool_kw["retries"] = False

        def watch(asked: ListOptions) -> object:
            return api.list_namespaced_pod("lab", watch=True, _preload_content=False, **asked)

        error: BaseException | None = None
        try:
            with RetryWatcher("5", watch, options=TWICE, clock=FakeClock()) as watcher:
                found.extend(itertools.islice(watcher, take))
        except errors.KwlabError as raised:
            error = raised
        api.api_client.close()
    return found, error, server.asked


def versions(events: list[Any]) -> list[str]:
    return [event.resource_version for event in events]


def once(*parts: bytes) -> Callable[[Connection, int], None]:
    """Send this to each request."""
    return lambda connection, _: connection.send(*parts)


HTML = b"<!doctype html><html><body>502 Bad Gateway</body></html>"
POISON = (
    b'{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"7"},"x":"\xff"}}\n'
)
DEEP = b'{"type":"ADDED","object":{"metadata":{"resourceVersion":"7"},"x":' + b"[" * 50_000 + b"\n"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (once(body(HTML + b"\n")), "<!doctype html>"),
        (once(body(HTML)), "<!doctype html>"),
        (once(CHUNKED, chunk(HTML), END), "<!doctype html>"),
        (once(CHUNKED, chunk(POISON), END), "it is not UTF-8"),
        (once(CHUNKED, chunk(POISON.rstrip()), END), "it is not UTF-8"),
        (once(CHUNKED, chunk(b"\xff\xfe\n"), END), "could not be read"),
        (once(CHUNKED, chunk(b"null\n"), END), "could not be read"),
        (once(CHUNKED, chunk(b"[" * 100_000 + b"\n"), END), "could not be read"),
        (once(CHUNKED, chunk(DEEP), END), "could not be read"),
        (once(body(b"\x1f\x8b\x08not gzip", b"Content-Encoding: gzip\r\n")), "could not be read"),
    ],
    ids=[
        *("html", "html without newline", "html in chunks", "not UTF-8", "not UTF-8 at the end"),
        *("no text", "null", "deep", "deep in an object", "no gzip"),
    ],
)
def test_what_is_no_watch_ends_typed(answer: Callable[[Connection, int], None], says: str) -> None:
    """What is not the watch protocol is asked for again, then ends in ProtocolError that shows it.

    The resourceVersion to go on from is the last good one.
    """
    found, error, asked = watched(answer)

    assert [] == found
    assert isinstance(error, errors.ProtocolError)
    assert says in str(error)
    assert len(str(error)) < 1_500
    assert "5" == error.resource_version
    assert ["5", "5"] == asked


def test_a_line_that_is_not_utf8_is_never_stepped_over() -> None:
    """An event before bad text is delivered; from it, and not from behind, it is asked again."""
    found, error, asked = watched(
        once(CHUNKED, chunk(added(6)), chunk(POISON), chunk(added(8)), END)
    )

    assert ["6"] == versions(found[:1])
    assert isinstance(error, errors.ProtocolError)
    assert ["5", "6"] == asked[:2]
    assert "8" not in versions(found)


def pack_deflate(data: bytes) -> bytes:
    return zlib.compress(data)


@pytest.mark.parametrize(
    ("name", "pack"), [(b"gzip", gzip.compress), (b"deflate", pack_deflate)], ids=["gzip", "zlib"]
)
def test_compressed_answers_are_read(name: bytes, pack: Callable[[bytes], bytes]) -> None:
    """A compressed watch gives its events, and goes on after the last of them."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % name

    def answer(connection: Connection, number: int) -> None:
        connection.send(head, chunk(pack(added(5 + number))), END)

    found, error, asked = watched(answer, take=3)

    assert (["6", "7", "8"], None, ["5", "6", "7"]) == (versions(found), error, asked)


def test_a_line_of_five_megabytes_is_an_event() -> None:
    """A line that is longer than any object of etcd is read whole."""
    long = added(6)[:-2] + b',"padding":"' + b"x" * 5 * MEGABYTE + b'"}\n'

    found, error, _ = watched(once(CHUNKED, chunk(long), chunk(added(7))), take=2)

    assert (["6", "7"], None) == (versions(found), error)
    assert 5 * MEGABYTE == len(found[0].object_bytes and found[0].line) - len(added(6)[:-2]) - 14


def test_blank_lines_are_nothing() -> None:
    """100,000 blank lines before and between events are no events, and no failure."""
    blank = b"\n" * 50_000 + b"\r\n" * 50_000

    found, error, asked = watched(
        once(CHUNKED, chunk(blank), chunk(added(6)), chunk(blank), chunk(added(7))), take=2
    )

    assert (["6", "7"], None, ["5"]) == (versions(found), error, asked)


def test_a_line_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endless line is given up at the limit, in memory no larger than that, with a typed error.

    The limit is lowered here, so that two attempts are not 32 MB; its value is tested beside.
    """
    limit = MEGABYTE
    monkeypatch.setattr(reading, "LineDecoder", lambda: LineDecoder(limit_bytes=limit))
    sent: list[int] = []

    def endless(connection: Connection, _: int) -> None:
        sent.append(0)
        connection.send(CHUNKED, chunk(b'{"type":"ADDED","object":{"x":"'))
        while True:
            connection.send(chunk(b"y" * 65536))
            sent[-1] += 65536

    found, error, asked = watched(endless)

    assert ([], ["5", "5"]) == (found, asked)
    assert isinstance(error, errors.ProtocolError)
    assert f"the line is longer than {limit:,} bytes" in str(error)
    # What the kernel's buffers hold is sent, but not read.
    assert all(size < limit + 16 * MEGABYTE for size in sent)


def test_the_longest_line_is_bounded() -> None:
    """The longest line that is kept is ten times the largest object of etcd, and no more."""
    assert 16 * MEGABYTE == LINE_LIMIT_BYTES
    decoder = LineDecoder()
    parts = (next(decoder.feed(b"x" * MEGABYTE), None) for _ in range(20))
    unreadable = next(filter(None, parts))
    assert "16,777,216" in getattr(unreadable, "reason", "")


@pytest.mark.parametrize("how", [CHUNKED, CLOSING], ids=["chunked", "Connection: close"])
def test_an_answer_of_nothing_ends_typed(how: bytes) -> None:
    """A server that ends every watch at once, with nothing in it, is not asked for ever."""
    found, error, asked = watched(once(how, END))

    assert ([], ["5", "5"]) == (found, asked)
    assert isinstance(error, errors.NoProgress)


class Sequence:
    """A watch function that answers differently each time."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)
        self.asked: list[str | None] = []

    def __call__(self, options: ListOptions) -> object:
        self.asked.append(options.resource_version)
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        ([], errors.WatchFunctionError, "returned a list"),
        (None, errors.WatchFunctionError, "end it with `return`"),
        ({"type": "ADDED"}, errors.WatchFunctionError, "returned a dict"),
        (iter([b"x"]), errors.WatchFunctionError, "yielded a bytes"),
        (KeyError("pod"), KeyError, "pod"),
    ],
)
def test_a_function_that_changes_its_answer_is_told_so(
    answer: object, error: type[Exception], says: str
) -> None:
    """A function that answered well once, and then otherwise, is told of it; nothing is lost."""
    function = Sequence(Frames([added(6)]).response(), answer)
    found = []

    with (
        pytest.raises(error, match=says),
        RetryWatcher("5", function, clock=FakeClock()) as watcher,
    ):
        for event in watcher:
            found.append(event.resource_version)

    assert (["6"], ["5", "6"], "6") == (found, function.asked, watcher.resource_version)


def test_a_function_may_change_from_response_to_generator() -> None:
    """An open response now and a generator next time are both a watch."""
    from kwlab.watching.response import events

    function = Sequence(Frames([added(6)]).response(), events(Frames([added(7)]).response()))

    with RetryWatcher("5", function, clock=FakeClock()) as watcher:
        assert ["6", "7"] == versions(list(itertools.islice(watcher, 2)))


def resident_bytes() -> int:
    """What the process has in memory now."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("this system does not say how much memory is in use")
    return int(statm.read_text().split()[1]) * resource.getpagesize()


class Faulty:
    """Send events from where it was asked, and break every connection in one way or another."""

    PER_ANSWER: Final = 997

    def __call__(self, connection: Connection, number: int) -> None:
        first = int(connection.asked or 0) + 1
        lines = [added(version) for version in range(first, first + self.PER_ANSWER)]
        connection.send(CHUNKED, chunk(b"".join(lines)))
        how = number % 5
        if how == 0:
            connection.send(END)
        elif how == 1:
            connection.send(chunk(added(first + self.PER_ANSWER)[:30]))
            raise OSError("cut in the middle of a line")
        elif how == 2:
            connection.send(chunk(b'{"type":"ERROR","object":{"kind":"Status","code":500}}\n'), END)
        elif how == 3:
            connection.send(chunk(HTML + b"\n"), END)
        else:
            connection.send(chunk(b"\n" * 1000), END)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_many_events_with_faults_take_no_memory() -> None:
    """30,000 events, and 1,000,000 at night, through a fault each 997: all there, memory flat."""
    last = 5
    with RawServer(Faulty()) as server:
        api = server.api()

        def watch(asked: ListOptions) -> object:
            return api.list_namespaced_pod("lab", watch=True, _preload_content=False, **asked)

        with contextlib.closing(
            RetryWatcher("5", watch, clock=FakeClock(), random=lambda: 0.0)
        ) as watcher:
            before = 0
            for count, event in enumerate(watcher, start=1):
                assert last + 1 == int(event.resource_version)
                last += 1
                if count == EVENTS_TOTAL // 10:
                    before = resident_bytes()
                if count == EVENTS_TOTAL:
                    break
            grown = resident_bytes() - before
        api.api_client.close()
        asked_total = len(server.asked)

    print(f"{EVENTS_TOTAL:,} events in {asked_total:,} requests: grown by {grown:,} bytes")
    assert EVENTS_TOTAL + 5 == last
    assert grown < 8 * MEGABYTE


def test_a_refusal_whose_body_cannot_be_unpacked_is_that_refusal() -> None:
    """A proxy's broken error page is met like any 502."""
    page = b"HTTP/1.1 502 Bad Gateway\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nno!\n"
    found, error, asked = watched(once(page))

    assert ([], ["5", "5"]) == (found, asked)
    assert isinstance(error, errors.NoProgress)


def test_a_filter_cannot_hide_that_it_is_over() -> None:
    """An ERROR event has no name; whoever filters by name is ended by it all the same."""
    gone = error_event(Status(410, "Expired", "too old resource version")).line

    def named(asked: ListOptions) -> Iterator[WatchEvent]:
        for event in kwlab.events(
            server.api().list_namespaced_pod("lab", watch=True, _preload_content=False, **asked)
        ):
            if event.name.startswith("web-"):
                yield event

    with (
        RawServer(once(CHUNKED, chunk(gone + b"\n"), END)) as server,
        RetryWatcher("5", named, options=TWICE, clock=FakeClock()) as watcher,
        pytest.raises(errors.Expired) as expired,
    ):
        next(watcher)
    assert "5" == expired.value.resource_version


def test_a_trickle_of_blank_lines_does_not_hold_off_the_deadline() -> None:
    """A server that always says something, and never an event, is left when it is time."""
    over = threading.Event()

    def trickle(connection: Connection, _: int) -> None:
        connection.send(CHUNKED)
        with contextlib.suppress(OSError):
            while not over.wait(0.02):
                connection.send(chunk(b"\n"))

    def watch(asked: ListOptions) -> object:
        return api.list_namespaced_pod("lab", watch=True, _preload_content=False, **asked)

    with RawServer(trickle) as server:
        api = server.api()
        safety = threading.Timer(10.0, over.set)
        safety.start()
        began = time.monotonic()
        with RetryWatcher("5", watch, options=RetryOptions(deadline_seconds=0.5)) as watcher:
            assert [] == list(watcher)
        lived = time.monotonic() - began
        over.set()
        safety.cancel()
        safety.join()
        api.api_client.close()
    assert lived < 5.0
