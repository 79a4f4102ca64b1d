"""Every rule is an option with a default and a reason, and each difference to client-go shows."""

from __future__ import annotations

import dataclasses
import doctest
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.client import CoreV1Api

from kwlab import errors
from kwlab.log import Close
from kwlab.server.door import Door, Session
from kwlab.server.faults import FaultyServer
from kwlab.watching import retryoptions
from kwlab.watching.observer import AttemptEnded, Record
from kwlab.watching.retryoptions import DEFAULT, STRICT, RetryOptions, table
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import ListOptions
from tests.histories import NAMESPACE, busy, pods
from tests.scripted_server import line
from tests.test_retrywatcher import SIX, FakeClock, Script, ended, exhaust, loop, status

FIELDS = [field.name for field in dataclasses.fields(RetryOptions)]
DIFFERENT = {name for name in FIELDS if getattr(DEFAULT, name) != getattr(STRICT, name)}


def test_the_table_has_a_row_for_each_option() -> None:
    """The options table has each option once, with its two values and a reason in sentences."""
    assert FIELDS == [row.name for row in table()]
    for row in table():
        assert (row.default, row.strict) == (
            repr(getattr(DEFAULT, row.name)),
            repr(getattr(STRICT, row.name)),
        )
        assert row.meaning.endswith(".")
        assert len(row.meaning.split()) >= 8


def test_no_default_is_written_twice() -> None:
    """The docstring gives reasons and units; the values stand in the dataclass alone."""
    described = inspect.getdoc(RetryOptions) or ""
    for name in ("max_retry_after_seconds", "idle_seconds"):
        assert str(int(getattr(DEFAULT, name))) not in described


def test_the_examples_of_the_options_run() -> None:
    """The doctest of the options gives what it shows."""
    assert 0 == doctest.testmod(retryoptions).failed


def slept(options: RetryOptions, *attempts: Any) -> list[float]:
    clock, _, _, watcher = loop(*attempts, options=options)
    exhaust(watcher)
    return clock.slept


def asked_total(options: RetryOptions, *attempts: Any) -> int:
    _, script, _, watcher = loop(*attempts, options=options)
    exhaust(watcher)
    return len(script.asked)


def ends_with(options: RetryOptions, *attempts: Any) -> type[BaseException] | None:
    error = exhaust(loop(*attempts, options=options)[3])[1]
    return type(error)


class Timed:
    """A socket that notes its timeouts."""

    def __init__(self) -> None:
        self.timeouts: list[float | None] = []

    def gettimeout(self) -> None:
        return None

    def settimeout(self, seconds: float | None) -> None:
        self.timeouts.append(seconds)


def read_timeouts(options: RetryOptions) -> list[float | None]:
    """The timeouts that are set on the socket of an open answer."""
    timed, clock = Timed(), FakeClock()
    script = Script(clock, [SIX])

    def watch(asked: Any) -> Any:
        opened: Any = script(asked)
        opened._connection = type("C", (), {"sock": timed, "close": lambda _: None})()
        return opened

    exhaust(RetryWatcher("5", watch, options=options, clock=clock))
    return timed.timeouts


REFUSED = [ConnectionRefusedError()] * 3
BUSY = status(429, **{"Retry-After": "86400"})
OUTCOMES: dict[str, tuple[Callable[[RetryOptions], object], object, object]] = {
    "backoff": (lambda o: slept(o, *REFUSED), [1.0, 1.6, 3.2], [1.0, 1.0, 1.0]),
    "max_retry_after_seconds": (lambda o: slept(o, BUSY), [300.0], [86400.0]),
    "idle_seconds": (read_timeouts, [150.0], []),
    "no_progress_limit": (lambda o: asked_total(o, *[status(500)] * 30), 10, 31),
    "is_expired_status_final": (
        lambda o: ends_with(o, status(410)),
        errors.Expired,
        errors.RecordingOver,
    ),
    "is_not_found_final": (
        lambda o: ends_with(o, status(404)),
        errors.NotFound,
        errors.RecordingOver,
    ),
    "is_function_error_final": (
        lambda o: ends_with(o, NameError("pod")),
        NameError,
        errors.RecordingOver,
    ),
    "is_end_raised": (
        lambda o: ends_with(o, [line({"type": "ERROR", "status": {"code": 410}})]),
        errors.Expired,
        type(None),
    ),
}
"""For each difference: what to look at, how it is by default, and how client-go does it."""


@pytest.mark.parametrize("name", sorted(DIFFERENT))
def test_each_difference_shows_and_can_be_turned_off(name: str) -> None:
    """Each option that differs from client-go's way changes what happens, and it alone does."""
    outcome, ours, theirs = OUTCOMES[name]

    assert ours == outcome(DEFAULT)
    assert theirs == outcome(dataclasses.replace(DEFAULT, **{name: getattr(STRICT, name)}))
    assert theirs == outcome(STRICT)


def test_every_difference_is_tried() -> None:
    """What differs from client-go is exactly what is tried here."""
    assert DIFFERENT == set(OUTCOMES)


@pytest.mark.parametrize(
    ("longest", "waited"), [(0.0, 1.0), (5.0, 5.0), (7.0, 7.0), (60.0, 7.0), (None, 7.0)]
)
def test_a_retry_after_is_bounded(longest: float | None, waited: float) -> None:
    """A Retry-After is kept up to its bound; 0 keeps none of it, and None all."""
    options = RetryOptions(max_retry_after_seconds=longest)

    assert [waited] == slept(options, status(429, **{"Retry-After": "7"}))


def test_the_deadline_is_in_the_watchers_clock() -> None:
    """The deadline ends a wait, silently, at the moment that the watcher's clock shows."""
    clock, script, records, watcher = loop(
        *[ConnectionRefusedError()] * 30, options=RetryOptions(deadline_seconds=5.0)
    )

    delivered, error = exhaust(watcher)

    assert ([], None) == (delivered, error)
    assert 105.0 == clock.time
    assert [1.0, 1.6, 2.4] == clock.slept
    assert 3 == len(script.asked) == len(ended(records))


def test_the_deadline_ends_a_busy_stream() -> None:
    """After the deadline no event is delivered, and the last one delivered is where to go on."""
    clock, _, records, watcher = loop(
        [SIX, *(line({"type": "ADDED", "rv": str(n)}) for n in range(7, 100))],
        options=RetryOptions(deadline_seconds=5.0),
    )
    found = []

    with watcher:
        for event in watcher:
            found.append(event.resource_version)
            clock.time += 2.0

    assert ["6", "7", "8"] == found
    assert "8" == watcher.resource_version
    assert (Close.STOPPED, "deadline") == (ended(records)[-1].close, ended(records)[-1].why)


def test_a_deadline_leaves_a_read_no_more_time_than_is_left() -> None:
    """Where both are set, a read waits for the shorter of the idle timer and what is left."""
    short = RetryOptions(deadline_seconds=20.0)

    assert {150.0} == set(read_timeouts(RetryOptions(deadline_seconds=1000.0)))
    assert {20.0} == set(read_timeouts(short))
    assert {20.0} == set(read_timeouts(dataclasses.replace(short, idle_seconds=None)))


def test_an_end_without_a_status_can_be_delivered() -> None:
    """Where ends are not raised, one without a code of the server's is an ERROR event too."""
    options = RetryOptions(is_end_raised=False, no_progress_limit=2)
    _, _, _, watcher = loop([b"garbage\n"], [b"garbage\n"], options=options)

    with watcher:
        (last,) = list(watcher)

    assert last.status is not None
    assert (0, "Unknown") == (last.status.code, last.status.reason)


def quiet(change: Callable[[ListOptions], ListOptions]) -> tuple[list[AttemptEnded], object]:
    """How the attempts on a quiet cluster of half an hour end, at the door, in virtual time."""
    past = pods(*busy(1, apart=1.0), seconds=1700.0)
    session = Session(FaultyServer(past))
    api = CoreV1Api(Door(session).client())
    records: list[Record] = []

    def watch(options: ListOptions) -> object:
        asked = change(options)
        return api.list_namespaced_pod(NAMESPACE, watch=True, _preload_content=False, **asked)

    watcher = RetryWatcher(
        past.resource_version,
        watch,
        clock=session.clock,
        random=lambda: 0.0,
        observer=records.append,
    )
    error = exhaust(watcher)[1]
    return ended(records), error


def closes(change: Callable[[ListOptions], ListOptions]) -> list[Close]:
    attempts, _ = quiet(change)
    return [end.close for end in attempts]


def test_a_quiet_watch_with_bookmarks_is_not_idle() -> None:
    """Where bookmarks come, a watch without a timeout of its own lives on through a quiet time."""
    assert [Close.OVER] == closes(lambda options: options)


def test_a_quiet_watch_with_a_short_timeout_is_not_idle() -> None:
    """Without bookmarks, a timeout_seconds below the idle timer ends a quiet watch cleanly."""
    found = closes(lambda o: o.replace(allow_watch_bookmarks=None, timeout_seconds=120))

    assert {Close.TIMEOUT, Close.OVER} == set(found)


def test_a_silence_without_bookmarks_or_timeout_ends_stalled() -> None:
    """Without both, quiet and dead look alike: ten silences in a row end in Stalled, and why."""
    attempts, error = quiet(lambda options: options.replace(allow_watch_bookmarks=None))

    assert [Close.SILENT] * 11 == [end.close for end in attempts]
    assert {150.0} == {round(end.lived_seconds, 6) for end in attempts[1:]}
    assert isinstance(error, errors.Stalled)
    assert "`timeout_seconds` below idle_seconds" in str(error)
