"""What an observer is told of every attempt, and the observers that are shown and shipped."""

from __future__ import annotations

import inspect
import logging
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, Final

import prometheus_client
import pytest

import kwlab
from kwlab.log import Close
from kwlab.watching import observer
from kwlab.watching.observer import AttemptEnded, Delay, Record, RetriesHidden, log_to
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import ListOptions
from tests.leaks import nothing_left
from tests.raw_server import CHUNKED, END, Connection, RawServer, added, chunk
from tests.test_retrywatcher import SEVEN, SIX, FakeClock, ended, exhaust, loop, status

BUSY: Final = b"HTTP/1.1 429 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(autouse=True)
def leaks_nothing() -> Iterator[None]:
    """Leave no thread and no socket behind."""
    with nothing_left():
        yield


def watched(
    answer: Callable[[Connection, int], None],
    *,
    is_prepared: bool = False,
    attempts: int = 1,
    change: Callable[[ListOptions], ListOptions] = lambda options: options,
) -> tuple[list[Record], list[str | None]]:
    """What the official client's watch told, and what the server was asked."""
    records: list[Record] = []
    with RawServer(answer) as server:
        api = server.api()
        if is_prepared:
            kwlab.prepared(api.api_client)

        def watch(asked: ListOptions) -> object:
            return api.list_namespaced_pod(
                "lab", watch=True, _preload_content=False, **change(asked)
            )

        def observe(record: Record) -> None:
            records.append(record)
            if len(ended(records)) == attempts:
                watcher.stop()

        with RetryWatcher("5", watch, observer=observe, clock=FakeClock()) as watcher:
            list(watcher)
        api.api_client.close()
    return records, server.asked


def test_an_attempt_is_told_with_all_its_numbers() -> None:
    """The end of an attempt says what was asked, what came, how long it took and what follows."""
    body = added(6) + added(7)
    records, _ = watched(lambda c, _: c.send(CHUNKED, chunk(body), END))

    (end,) = ended(records)
    assert ("5", "5", "7") == (end.handed, end.asked, end.resource_version)
    assert (200, 2, len(body)) == (end.status, end.delivered_total, end.bytes_total)
    assert end.headers_seconds is not None
    assert 0 <= end.headers_seconds <= end.lived_seconds
    assert (Close.TIMEOUT, "clean end") == (end.close, end.why)
    assert end.delay_seconds is not None
    assert 0 < end.delay_seconds <= 1
    assert Delay.PACE is end.delay_why


def test_what_was_asked_is_not_what_was_handed() -> None:
    """A function that drops the resourceVersion is seen to: what it asked is read off the URL."""
    records, asked = watched(
        lambda c, _: c.send(CHUNKED, END),
        change=lambda options: options.replace(resource_version=None),
    )

    assert [("5", "")] == [(end.handed, end.asked) for end in ended(records)]
    assert [None] == asked


def test_a_refusal_is_told_with_its_status() -> None:
    """A refused attempt tells its HTTP code, when it came, and that nothing was opened."""
    records, _ = watched(
        lambda c, _: c.send(b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n"), is_prepared=True
    )

    (end,) = ended(records)
    assert (503, 503, None, Close.STATUS) == (end.status, end.code, end.asked, end.close)
    assert end.headers_seconds is not None


def test_the_reason_of_a_delay_is_told() -> None:
    """Each delay says what decided about it."""
    _, _, paced, watcher = loop([SIX])
    exhaust(watcher)
    _, _, slowed, watcher = loop(*[ConnectionRefusedError()] * 3)
    exhaust(watcher)
    _, _, asked, watcher = loop(status(429, **{"Retry-After": "9"}))
    exhaust(watcher)
    _, _, long, watcher = loop([SIX], lived=5.0)
    exhaust(watcher)

    reasons = [[end.delay_why for end in ended(each)][:-1] for each in (paced, slowed, asked, long)]
    assert [
        [Delay.PACE],
        [Delay.PACE, Delay.BACK_OFF, Delay.BACK_OFF],
        [Delay.RETRY_AFTER],
        [Delay.NONE],
    ] == reasons


def twice_busy(connection: Connection, number: int) -> None:
    connection.send(*([BUSY] if number <= 2 else [CHUNKED, chunk(added(6)), END]))


def hidden(records: list[Record]) -> list[int]:
    return [record.retries_total for record in records if isinstance(record, RetriesHidden)]


def test_hidden_retries_are_told_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """What urllib3 repeated by itself is a record each time, and one sentence for the program."""

    def always_twice(connection: Connection, number: int) -> None:
        twice_busy(connection, (number - 1) % 3 + 1)

    records, asked = watched(always_twice, attempts=2)

    assert ["5", "5", "5", "6", "6", "6"] == asked
    assert [2, 2] == hidden(records)
    (said,) = [r.getMessage() for r in caplog.records if r.name == "kwlab.watching.retrywatcher"]
    assert re.search(r"asked 2 times more by itself .* `Configuration.retries = False`", said)


def test_retries_that_did_not_help_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Where urllib3 gave up after repeating, that is told too, and it is no missing server."""
    records, asked = watched(lambda c, _: c.send(BUSY))

    assert ["5"] * 4 == asked
    assert [3] == hidden(records)
    assert (Close.STATUS, 429) == (ended(records)[0].close, ended(records)[0].code)
    assert 1 == len(caplog.records)


def test_a_connection_that_was_tried_again_is_told() -> None:
    """Where urllib3 tried a missing server again, that is told, though it is not said how often."""

    def hang_up(connection: Connection, _: int) -> None:
        raise OSError

    records, asked = watched(hang_up)

    assert ["5"] * 4 == asked
    assert [1] == hidden(records)
    assert Close.REFUSED is ended(records)[0].close


def test_a_prepared_client_hides_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """With a prepared client each request is an attempt, and each refusal is the watcher's."""
    records, asked = watched(twice_busy, is_prepared=True, attempts=3)

    assert ["5", "5", "5"] == asked
    assert [429, 429, 200] == [end.status for end in ended(records)]
    assert ([], []) == (hidden(records), caplog.records)


def test_the_logger_gets_a_line_an_attempt(caplog: pytest.LogCaptureFixture) -> None:
    """log_to() writes a line for each end, with the record on it, and the rest as DEBUG."""
    logger = logging.getLogger("my.watch")
    caplog.set_level(logging.DEBUG, logger="my.watch")
    _, _, records, watcher = loop([SIX, SEVEN], status(410, "Expired"))
    exhaust(watcher)

    for record in records:
        log_to(logger)(record)

    levels = [record.levelname for record in caplog.records]
    assert ["DEBUG", "DEBUG", "DEBUG", "INFO", "DEBUG", "WARNING"] == levels
    assert (
        "the watch from resourceVersion 5 ended after 0.0 s by clean end, with 2 events in "
        f"{len(SIX + SEVEN)} bytes; next from 7 in 1.0 s (pace)" == caplog.records[3].getMessage()
    )
    assert caplog.records[5].getMessage().endswith("; it stands at 7")
    assert records[3] is caplog.records[3].watch  # type: ignore[attr-defined]


def test_a_logger_that_does_not_listen_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """An event is not written out where DEBUG is off."""
    logger = logging.getLogger("my.quiet.watch")
    caplog.set_level(logging.INFO, logger="my.quiet.watch")
    _, _, records, watcher = loop([SIX])
    exhaust(watcher)

    for record in records:
        log_to(logger)(record)

    assert {"INFO", "WARNING"} >= {record.levelname for record in caplog.records}


def example() -> str:
    """The lines of code in the docstring of kwlab.watching.observer."""
    blocks = re.findall(r"::\n\n((?:    .*\n|\n)+)", inspect.getdoc(observer) or "")
    return textwrap.dedent(blocks[0])


def test_the_counters_that_are_shown_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example for prometheus_client runs as it stands and counts what happened."""
    registry = prometheus_client.CollectorRegistry()
    for name in ("Counter", "Histogram"):
        made = getattr(prometheus_client, name)
        monkeypatch.setattr(prometheus_client, name, _in(registry, made))
    namespace: dict[str, Any] = {}
    exec(compile(example(), "kwlab.watching.observer", "exec"), namespace)
    _, _, records, watcher = loop([SIX, SEVEN], ConnectionRefusedError(), [])
    exhaust(watcher)

    for record in records:
        namespace["count"](record)

    assert 1.0 == registry.get_sample_value("watch_attempts_total", {"close": "refused"})
    assert 2.0 == registry.get_sample_value("watch_events_total")
    assert len(SIX + SEVEN) == registry.get_sample_value("watch_received_bytes_total")
    assert len(ended(records)) == registry.get_sample_value("watch_attempt_seconds_count")


def _in(registry: prometheus_client.CollectorRegistry, made: Any) -> Any:
    return lambda *arguments: made(*arguments, registry=registry)


def test_the_example_is_short() -> None:
    """The example is read at one glance."""
    assert len([line for line in example().splitlines() if line.strip()]) <= 12


def test_an_observer_that_raises_is_heard() -> None:
    """What an observer raises ends the iteration, and is not taken for the network's."""

    def broken(record: Record) -> None:
        if isinstance(record, AttemptEnded):
            raise ZeroDivisionError

    _, script, _, _ = loop([SIX])

    with pytest.raises(ZeroDivisionError), RetryWatcher("5", script, observer=broken) as watcher:
        list(watcher)
