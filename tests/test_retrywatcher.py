"""The loop: pacing, acknowledgement, ends, stopping, what an observer is told."""

from __future__ import annotations

import doctest
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client

import kwlab
from kwlab import errors
from kwlab.log import Close
from kwlab.watching import reachable, retrywatcher
from kwlab.watching.observer import AttemptEnded, AttemptStarted, Delay, Delivered, Record
from kwlab.watching.response import events
from kwlab.watching.resume import DEFAULT, RetryOptions
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import EventType, ListOptions, Status, WatchEvent
from tests.scripted_server import ScriptedServer, line
from tests.test_response import Frames

SIX, SEVEN, EIGHT = (line({"type": "ADDED", "rv": version}) for version in "678")


class FakeClock:
    """Time that passes only by sleeping, and by what a test adds."""

    def __init__(self) -> None:
        self.time = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 9))
        self.time += seconds


class Script:
    """A watch function that does one thing after another, and then says that it is over."""

    def __init__(self, clock: FakeClock, *attempts: Any, lived: float = 0.0) -> None:
        self.clock, self.attempts, self.lived = clock, list(attempts), lived
        self.handed: list[ListOptions] = []
        self.bodies: list[Frames] = []

    @property
    def asked(self) -> list[str | None]:
        return [options.resource_version for options in self.handed]

    def __call__(self, options: ListOptions) -> object:
        self.handed.append(options)
        if not self.attempts:
            raise errors.RecordingOver("over")
        self.clock.time += self.lived
        attempt = self.attempts.pop(0)
        if isinstance(attempt, BaseException):
            raise attempt
        if not isinstance(attempt, list):
            return attempt
        self.bodies.append(Frames(attempt))
        return self.bodies[-1].response()


def loop(
    *attempts: Any, lived: float = 0.0, random: float = 0.0, **arguments: Any
) -> tuple[FakeClock, Script, list[Record], RetryWatcher]:
    clock, records = FakeClock(), list[Record]()
    script = Script(clock, *attempts, lived=lived)
    watcher = RetryWatcher(
        "5", script, clock=clock, random=lambda: random, observer=records.append, **arguments
    )
    return clock, script, records, watcher


def exhaust(watcher: RetryWatcher) -> tuple[list[str], BaseException | None]:
    """The resourceVersions delivered, and what ended the iteration."""
    found: list[str] = []
    with watcher:
        try:
            for event in watcher:
                found.append(event.resource_version)
        except BaseException as error:
            return found, error
    return found, None


def ended(records: list[Record]) -> list[AttemptEnded]:
    return [record for record in records if isinstance(record, AttemptEnded)]


def status(code: int, reason: str = "", **headers: str) -> client.ApiException:
    error = client.ApiException(status=code)
    error.headers = headers
    error.body = f'{{"kind":"Status","code":{code},"reason":"{reason}"}}'
    return error


@pytest.mark.parametrize(("lived", "delay"), [(0.2, 0.8), (0.0, 1.0), (1.0, None), (60.0, None)])
def test_the_second_counts_from_the_start_of_an_attempt(lived: float, delay: float | None) -> None:
    """An attempt that lived 1 s or more is followed at once, one of 0.2 s after 0.8 s."""
    clock, _, records, watcher = loop([SIX], [SEVEN], lived=lived)

    exhaust(watcher)

    assert ([] if delay is None else [delay] * 2) == clock.slept
    assert [delay or 0.0] * 2 == [round(r.delay_seconds or 0.0, 9) for r in ended(records)[:2]]


def test_each_attempt_asks_from_the_last_event() -> None:
    """Each attempt is handed the last resourceVersion and allows bookmarks, and nothing else."""
    _, script, _, watcher = loop([SIX, SEVEN], [], [EIGHT])

    delivered, _ = exhaust(watcher)

    assert ["6", "7", "8"] == delivered
    assert ["5", "7", "7", "8"] == script.asked
    assert {"resource_version": "5", "allow_watch_bookmarks": True} == dict(script.handed[0])


def test_asking_for_the_next_event_acknowledges_the_last() -> None:
    """Until event N+1 is asked for, the resourceVersion to resume from is that of N-1."""
    _, _, _, watcher = loop([SIX, SEVEN])

    with watcher:
        assert ("6", "5") == (next(watcher).resource_version, watcher.resource_version)
        assert ("7", "6") == (next(watcher).resource_version, watcher.resource_version)

    assert "6" == watcher.resource_version


def test_a_bookmark_moves_and_is_not_delivered() -> None:
    """A bookmark moves the resourceVersion that the next attempt is handed."""
    _, script, _, watcher = loop([SIX, line({"type": "BOOKMARK", "rv": "50"})])

    delivered, _ = exhaust(watcher)

    assert ["6"] == delivered
    assert ["5", "50"] == script.asked


def test_failures_back_off_and_progress_resets() -> None:
    """Failures in a row are answered ever later, and an event makes the next one the first."""
    refused = [ConnectionRefusedError()] * 4
    clock, _, _, watcher = loop(*refused, [SIX], *refused[:2])

    exhaust(watcher)

    assert [1.0, 1.6, 3.2, 6.4, 1.0, 1.0, 1.6] == clock.slept


def test_jitter_lengthens_the_back_off_only() -> None:
    """Jitter is drawn from the second failure on, so that one cut stays on the second."""
    clock, _, _, watcher = loop(*[ConnectionRefusedError()] * 3, random=0.5)

    exhaust(watcher)

    assert [1.0, 2.4, 4.8] == clock.slept


@pytest.mark.parametrize(
    "failure",
    [
        status(429, **{"Retry-After": "7"}),
        [b'{"type":"ERROR","object":{"kind":"Status","code":429,'
         b'"details":{"retryAfterSeconds":7}}}\n'],
    ],
)  # fmt: skip
def test_retry_after_is_kept(failure: object) -> None:
    """A delay that the server asks for is waited, from a header and from an ERROR event."""
    clock, _, _, watcher = loop(failure, lived=3.0)

    exhaust(watcher)

    assert [7.0] == clock.slept


@pytest.mark.parametrize(
    ("failure", "error", "code", "text"),
    [
        (status(410, "Expired"), errors.Expired, 410, "list again and watch from the list's"),
        (status(401), errors.Denied, 401, "asking again will not help"),
        (status(403, "Forbidden"), errors.Denied, 403, "HTTP 403 Forbidden"),
        (status(404), errors.NotFound, 404, "check the path and name"),
        ([line({"type": "ADDED"})], errors.ProtocolError, None, "sent an object without one"),
        ([line({"type": "ERROR", "status": {"code": 410}})], errors.Expired, 410, "410"),
    ],
)
def test_an_end_is_typed_and_says_where_to_go_on_from(
    failure: object, error: type[errors.WatchEnded], code: int | None, text: str
) -> None:
    """A watch that cannot go on raises its typed error with the resourceVersion to go on from."""
    _, script, records, watcher = loop([SIX], failure)

    delivered, raised = exhaust(watcher)

    assert ["6"] == delivered
    assert isinstance(raised, error)
    assert ("6", code) == (raised.resource_version, raised.code)
    assert text in str(raised)
    assert ["5", "6"] == script.asked
    assert (None, code) == (ended(records)[-1].delay_seconds, ended(records)[-1].code)


@pytest.mark.parametrize(
    ("failure", "error", "text"),
    [
        (status(500, "InternalError"), errors.NoProgress,
         "10 attempts in a row got nowhere after resourceVersion 5; the last ended with HTTP 500"),
        ([b"<html>\n"], errors.ProtocolError, "could not be read 10 times in a row"),
        ([TimeoutError()], errors.Stalled, "10 connections in a row were open"),
        ([], errors.NoProgress, "10 attempts in a row"),
    ],
)  # fmt: skip
def test_the_same_failure_ends_at_the_limit(
    failure: object, error: type[errors.WatchEnded], text: str
) -> None:
    """The same failure at one resourceVersion ends in a typed error, with its count."""
    _, script, _, watcher = loop(*[failure] * 20, options=RetryOptions(idle_seconds=None))

    _, raised = exhaust(watcher)

    assert isinstance(raised, error)
    assert text in str(raised)
    assert ["5"] * 10 == script.asked


def test_an_unreadable_line_is_never_stepped_over() -> None:
    """What follows a line that cannot be read is asked for again, and delivered when it can."""
    _, script, records, watcher = loop([SIX, b"garbage\n", EIGHT], [SEVEN, EIGHT])

    delivered, _ = exhaust(watcher)

    assert ["6", "7", "8"] == delivered
    assert ["5", "6", "8"] == script.asked
    assert Close.UNREADABLE is ended(records)[0].close


def test_a_programs_own_error_reaches_the_program() -> None:
    """What a watch function raises by itself is raised as it is, with its own traceback."""
    mistake = NameError("name 'pod' is not defined")
    _, script, records, watcher = loop(mistake)

    _, raised = exhaust(watcher)

    assert mistake is raised
    assert "__call__" in [
        entry.name for entry in pytest.ExceptionInfo.from_exception(raised).traceback
    ]
    assert (1, Close.FAILED) == (len(script.asked), ended(records)[-1].close)


def test_a_broken_contract_is_an_error_even_when_strict() -> None:
    """A list in place of a response is refused by default and when strict."""
    for strict in (False, True):
        _, raised = exhaust(loop({"a": "dict"}, strict=strict)[3])
        assert isinstance(raised, errors.WatchFunctionError)


def test_strict_delivers_the_error_and_ends() -> None:
    """With strict=True an end is an ERROR event, and then iteration ends silently."""
    sent = line({"type": "ERROR", "status": {"code": 410, "reason": "Gone", "message": "m"}})
    _, _, _, watcher = loop([SIX, sent], strict=True)

    with watcher:
        six, error = list(watcher)

    assert ("6", EventType.ERROR) == (six.resource_version, error.type)
    assert Status(410, "Gone", "m") == error.status
    assert sent.strip() == error.line


def test_strict_makes_the_status_that_a_server_left_out() -> None:
    """With strict=True a 403 without a body is delivered as the Status that client-go makes."""
    bare = client.ApiException(status=403)
    _, _, _, watcher = loop(bare, strict=True)

    with watcher:
        (error,) = list(watcher)

    assert Status(403, "Forbidden") == error.status


def test_an_end_is_not_forgotten() -> None:
    """Asking again after an end raises the same error: only stop() ends silently."""
    _, _, _, watcher = loop(status(410))

    with watcher:
        with pytest.raises(errors.Expired) as first:
            next(watcher)
        with pytest.raises(errors.Expired) as second:
            list(watcher)

    assert first.value is second.value


def test_a_second_loop_continues_the_first() -> None:
    """A loop that is left and taken up again goes on behind the event that it was left at."""
    _, _, _, watcher = loop([SIX, SEVEN, EIGHT])

    with watcher:
        first = next(iter(watcher)).resource_version
        second = next(watcher).resource_version

    assert ["6", "7"] == [first, second]


@pytest.mark.parametrize("place", ["call", "read", "sleep"])
def test_the_end_of_a_recording_passes_through(place: str) -> None:
    """RecordingOver passes untouched, the response is closed and an open attempt is reported."""
    over = errors.RecordingOver("over")
    attempts = {"call": [over], "read": [[SIX, over]], "sleep": [[SIX]]}[place]
    clock, script, records, watcher = loop(*attempts)
    if place == "sleep":
        clock.sleep = _raising(over)  # type: ignore[method-assign]

    _, raised = exhaust(watcher)

    assert over is raised
    assert (Close.TIMEOUT if place == "sleep" else Close.OVER) is ended(records)[-1].close
    assert all(body.closed for body in script.bodies)


def _raising(error: BaseException) -> Callable[[float], None]:
    def sleep(_: float) -> None:
        raise error

    return sleep


def test_an_observer_is_told_all_in_order() -> None:
    """An observer is told of each attempt's start, each delivery and each end, with times."""
    clock, _, records, watcher = loop([SIX, line({"type": "BOOKMARK", "rv": "9"})], lived=0.25)

    exhaust(watcher)

    start, delivered, end, *_ = records
    assert AttemptStarted(100.0, "5") == start
    assert isinstance(delivered, Delivered)
    assert (100.25, "6") == (delivered.at, delivered.event.resource_version)
    assert end == AttemptEnded(
        *(100.0, 100.25, "5", "9", Close.TIMEOUT, None, 1, 0.75, "clean end", Delay.PACE),
        status=200,
        headers_seconds=0.25,
        bytes_total=len(SIX) + len(line({"type": "BOOKMARK", "rv": "9"})),
    )
    assert [AttemptStarted, Delivered, AttemptEnded, AttemptStarted, AttemptEnded] == [
        type(record) for record in records
    ]
    assert [0.75] == clock.slept


def test_leaving_the_block_closes_the_response() -> None:
    """Leaving the with block closes the response and reports the attempt as stopped."""
    _, script, records, watcher = loop([SIX, SEVEN])

    with watcher:
        next(watcher)

    assert script.bodies[0].closed
    assert [Close.STOPPED] == [record.close for record in ended(records)]
    assert [] == list(watcher)


def test_stop_inside_the_loop_ends_it_silently() -> None:
    """stop() in the body of the loop ends it before the next event."""
    _, _, _, watcher = loop([SIX, SEVEN])
    found = []

    with watcher:
        for event in watcher:
            found.append(event.resource_version)
            watcher.stop()

    assert ["6"] == found


def test_stop_before_the_loop_asks_nothing() -> None:
    """A watcher that was stopped before it began asks nothing."""
    _, script, _, watcher = loop([SIX])

    watcher.stop()

    assert [] == list(watcher)
    assert [] == script.asked


def test_a_generator_function_resumes_from_what_it_let_pass() -> None:
    """Events that a generator filters out are sent again, for nobody acknowledged them."""
    bodies = [[SIX, SEVEN], [SEVEN, EIGHT]]
    asked: list[str | None] = []

    def even(options: ListOptions) -> Iterator[WatchEvent]:
        asked.append(options.resource_version)
        if not bodies:
            raise errors.RecordingOver("over")
        for event in events(Frames([*bodies.pop(0), ConnectionResetError()]).response()):
            if event.resource_version in "68":
                yield event

    delivered, _ = exhaust(RetryWatcher("5", even, clock=FakeClock()))

    assert ["6", "8"] == delivered
    assert ["5", "6", "8"] == asked


def test_the_examples_of_the_watcher_run() -> None:
    """The doctests of the watcher and of prepared() give what they show."""
    assert 0 == doctest.testmod(retrywatcher).failed == doctest.testmod(reachable).failed


def test_options_and_strict_exclude_each_other() -> None:
    """strict=True is a set of options, and refuses to be mixed with another."""
    with pytest.raises(ValueError, match="either strict=True or options"):
        RetryWatcher("5", lambda _: None, strict=True, options=DEFAULT)


@pytest.mark.parametrize("is_generator", [False, True])
def test_stop_from_another_thread_wakes_a_read(is_generator: bool) -> None:
    """stop() from another thread ends a loop that waits on an open, silent connection."""
    waits = threading.Event()
    with ScriptedServer([{"chunks": [SIX], "end": "open"}], when_idle=waits.set) as server:
        api, records = _api(server), list[Record]()
        function = _generator(api) if is_generator else _function(api)
        watcher = RetryWatcher("5", function, observer=records.append)
        found: list[str] = []
        thread = threading.Thread(target=lambda: found.extend(e.resource_version for e in watcher))
        thread.start()
        assert waits.wait(10)
        watcher.stop()
        thread.join(10)
        assert not thread.is_alive()
        api.api_client.close()

    assert found in (["6"], [])
    assert Close.STOPPED is ended(records)[-1].close


def test_stop_from_another_thread_wakes_the_wait() -> None:
    """stop() from another thread ends a loop that waits for the next attempt."""
    refused = threading.Event()

    def observe(record: Record) -> None:
        if isinstance(record, AttemptEnded):
            refused.set()

    def fail(_: ListOptions) -> object:
        raise ConnectionRefusedError

    options = RetryOptions(min_restart_delay_seconds=3600.0)
    watcher = RetryWatcher("5", fail, observer=observe, options=options)
    thread = threading.Thread(target=lambda: list(watcher))
    thread.start()
    assert refused.wait(10)
    watcher.stop()
    thread.join(10)

    assert not thread.is_alive()


def _api(server: ScriptedServer) -> client.CoreV1Api:
    configuration = client.Configuration(host=server.url)
    configuration.retries = False
    return client.CoreV1Api(client.ApiClient(configuration))


def _function(api: client.CoreV1Api) -> Callable[[ListOptions], object]:
    def watch(options: ListOptions) -> object:
        return api.list_namespaced_pod("lab", watch=True, _preload_content=False, **options)

    return watch


def _generator(api: client.CoreV1Api) -> Callable[[ListOptions], object]:
    def watch(options: ListOptions) -> Iterator[WatchEvent]:
        yield from events(_function(api)(options))

    return watch


@pytest.mark.parametrize("kind", ["RetryWatcher", "Reflector"])
def test_after_an_interruption_it_goes_on(kind: str) -> None:
    """Ctrl-C ends one loop, and the next is no silent end: it goes on from where it was."""
    calls: list[bool] = []

    class Client:
        def list_pods(self, watch: bool = False, **options: object) -> object:
            calls.append(watch)
            if len(calls) == 2:
                pulled.stop()
                raise ConnectionRefusedError
            raise KeyboardInterrupt(options)

    pulled: kwlab.RetryWatcher | kwlab.Reflector = (
        kwlab.RetryWatcher("5", lambda options: Client().list_pods())
        if kind == "RetryWatcher"
        else kwlab.Reflector(Client().list_pods)
    )
    with pulled:
        with pytest.raises(KeyboardInterrupt):
            next(pulled)
        assert [] == list(pulled)
    assert 2 == len(calls)


def test_an_interrupted_watch_goes_on_from_the_last_event() -> None:
    """What was delivered before Ctrl-C is acknowledged by asking for more, and not sent again."""
    _, script, _, watcher = loop([SIX, KeyboardInterrupt()], [SEVEN])

    with pytest.raises(KeyboardInterrupt):
        list(watcher)
    names, _ = exhaust(watcher)

    assert (["5", "6"], ["7"]) == (script.asked[:2], names)


@pytest.mark.parametrize("resource_version", [None, 7, b"7", "", "0"])
def test_only_a_place_in_history_is_gone_on_from(resource_version: Any) -> None:
    """None or a number is refused at once, and not asked for as if it were no resourceVersion."""
    with pytest.raises(errors.ResourceVersionError):
        RetryWatcher(resource_version, lambda options: None)


def test_what_an_observer_raises_reaches_whoever_closes() -> None:
    """A ValueError of an observer is not taken for another thread inside the iteration."""

    def observe(record: Record) -> None:
        if isinstance(record, AttemptEnded):
            raise ValueError("no such label")

    watcher = RetryWatcher("5", Script(FakeClock(), [SIX]), observer=observe)
    next(watcher)

    with pytest.raises(ValueError, match="no such label"):
        watcher.close()
