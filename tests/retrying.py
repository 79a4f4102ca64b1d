"""Run a RetryWatcher on a history to its end, in virtual time, and say what must hold of any run.

What must hold is read off what the server was asked, what it sent, and when: not off the watcher.
"""

from __future__ import annotations

import enum
import functools
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kubernetes.client import CoreV1Api

from kwlab.errors import (
    Denied,
    Expired,
    NoProgress,
    NotFound,
    ProtocolError,
    RecordingOver,
    Stalled,
    WatchEnded,
    WatchFunctionError,
)
from kwlab.history import History
from kwlab.log import Close, Request
from kwlab.server import faults
from kwlab.server.door import Door, Session
from kwlab.server.faults import Fault, Refuse, Silence
from kwlab.watching.response import events
from kwlab.watching.retryoptions import DEFAULT, RetryOptions
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import EventType, LineDecoder, ListOptions, WatchEvent
from tests.histories import NAMESPACE

TICK_SECONDS: Final = 0.002
"""What a clock of floating-point numbers, and the shortest read timeout, may be off by."""


class Way(enum.Enum):
    """Name how a watch function is written."""

    RESPONSE = enum.auto()
    """It returns the open response."""
    GENERATOR = enum.auto()
    """It yields the events of a response, and asks again by itself when one has ended cleanly."""
    BY_HAND = enum.auto()
    """It does so too, and reads the bytes itself."""


class Stop(Exception):
    """Stand for a stop() that comes while the function is called."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Say what is played to a watcher.

    Parameters
    ----------
    past : History
    scenario : sequence of faults
    options : RetryOptions
        What the watcher is promised to do.
    way : Way
    trouble : mapping of int to Exception or None
        In which calls, counted from 0, the function itself fails, and with what; None: it returns
        nothing there. A generator fails when a response has ended cleanly.
    stop_after : int or None
        After how many events the consumer stops.
    read_timeout_seconds : float or None
        The function's own.
    """

    past: History
    scenario: Sequence[Fault] = ()
    options: RetryOptions = DEFAULT
    timeout_seconds: int = 30
    window: int | None = None
    random: float = 0.0
    way: Way = Way.RESPONSE
    trouble: Mapping[int, Exception | None] = field(default_factory=dict)
    stop_after: int | None = None
    read_timeout_seconds: float | None = None


@dataclass
class Call:
    """Hold one call of the watch function."""

    at: float
    handed: str
    asked_total: int = 0
    requests: list[Request] = field(default_factory=list)
    trouble: list[Exception | None] = field(default_factory=list)


@dataclass
class Run:
    """Hold one run to its end: what was called, asked and delivered, and how it ended."""

    trial: Trial
    session: Session
    calls: list[Call]
    events: list[WatchEvent]
    stood: list[str]
    """Where the watcher stood while each event was being handled."""
    error: BaseException | None = None

    @property
    def options(self) -> RetryOptions:
        return self.trial.options

    @property
    def last_error(self) -> WatchEvent | None:
        """The ERROR event with which client-go ends."""
        last = self.events[-1] if self.events else None
        return last if last is not None and last.type is EventType.ERROR else None


def run(trial: Trial, options: RetryOptions | None = None) -> Run:
    """Play a trial to a watcher that was given its options, or others."""
    server = faults.FaultyServer(trial.past, trial.scenario, window_events=trial.window)
    session = Session(server)
    found = Run(trial, session, [], [], [])
    watcher = RetryWatcher(
        trial.past.resource_version,
        _Function(found, lambda: watcher.stop()),  # noqa: PLW0108 - it is being made
        options=options or trial.options,
        clock=session.clock,
        random=lambda: trial.random,
    )
    try:
        for event in watcher:
            found.events.append(event)
            found.stood.append(watcher.resource_version)
            if len(found.events) == trial.stop_after:
                watcher.stop()
    except (RecordingOver, WatchEnded) as error:
        found.error = error
    except Exception as error:
        trouble = found.calls[-1].trouble
        if trouble not in ([error], [None]):
            raise
        found.error = error
    return found


class _Function:
    """Watch pods as a trial says, and note each call."""

    def __init__(self, found: Run, stop: Any) -> None:
        self._found, self._stop = found, stop
        self._api = CoreV1Api(Door(found.session).client())

    def __call__(self, options: ListOptions) -> object:
        calls, trial = self._found.calls, self._found.trial
        call = Call(self._found.session.clock.now(), options["resource_version"])
        calls.append(call)
        if trial.way is not Way.RESPONSE:
            return self._generator(call, options)
        if len(calls) - 1 in trial.trouble:
            return self._trouble(call)
        return self._ask(call, options)

    def _trouble(self, call: Call) -> object:
        error = self._found.trial.trouble[self._found.calls.index(call)]
        call.trouble.append(error)
        if isinstance(error, Stop):
            self._stop()
            return self._ask(call, ListOptions(resource_version=call.handed))
        if error is not None:
            raise error
        return None

    def _generator(self, call: Call, options: ListOptions) -> Iterator[WatchEvent]:
        for _ in range(2):
            response = self._ask(call, options)
            read = events if self._found.trial.way is Way.GENERATOR else _by_hand
            for event in read(response):
                options = options.replace(resource_version=event.resource_version)
                yield event
            if self._found.calls.index(call) in self._found.trial.trouble:
                self._trouble(call)

    def _ask(self, call: Call, options: ListOptions) -> Any:
        call.asked_total += 1
        requests = self._found.session.requests
        before = len(requests)
        try:
            return self._api.list_namespaced_pod(
                NAMESPACE,
                watch=True,
                _preload_content=False,
                _request_timeout=self._found.trial.read_timeout_seconds,
                **options.replace(timeout_seconds=self._found.trial.timeout_seconds),
            )
        finally:
            call.requests += requests[before:]


def _by_hand(response: Any) -> Iterator[WatchEvent]:
    decoder = LineDecoder()
    for chunk in response.stream():
        for event in decoder.feed(chunk):
            assert isinstance(event, WatchEvent)
            yield event


# ---- what an attempt came to, as the server saw it


class Came(enum.Enum):
    """Name what came of an attempt."""

    GONE = "410 in the stream"
    GONE_STATUS = "410"
    DENIED = "401, 403"
    MISSING = "404"
    LATER = "429, 502, 503, 504"
    STATUS = "another status"
    ANONYMOUS = "an object without resourceVersion"
    ERROR = "an ERROR event"
    JUNK = "what cannot be read"
    CLEAN = "a clean end"
    CUT = "a cut"
    SILENT = "silence"
    ABSENT = "nobody there"
    TROUBLE = "the function failed"
    LEFT = "the client went, or the recording was over"


_STATUSES: Final = {
    401: Came.DENIED,
    403: Came.DENIED,
    404: Came.MISSING,
    410: Came.GONE_STATUS,
    **dict.fromkeys((429, 502, 503, 504), Came.LATER),
}
_CLOSES: Final = {Close.TIMEOUT: Came.CLEAN, Close.CUT: Came.CUT, Close.SILENT: Came.SILENT}
_ENDS: Final[Mapping[Came, tuple[type[WatchEnded], str]]] = {
    Came.GONE: (Expired, ""),
    Came.GONE_STATUS: (Expired, "is_expired_status_final"),
    Came.DENIED: (Denied, ""),
    Came.MISSING: (NotFound, "is_not_found_final"),
    Came.ANONYMOUS: (ProtocolError, ""),
}
"""What ends at once, how, and which option has to be on for it."""
_GIVEN_UP: Final[Mapping[Came, type[WatchEnded]]] = {
    Came.STATUS: NoProgress,
    Came.ERROR: NoProgress,
    Came.CLEAN: NoProgress,
    Came.CUT: NoProgress,
    Came.JUNK: ProtocolError,
    Came.SILENT: Stalled,
}
"""What ends when it was repeated too often without progress, and how."""


@dataclass(frozen=True)
class Attempt:
    """Hold what one call came to, and what has to follow."""

    call: Call
    came: Came
    ending: type[Exception] | None
    """How it has to end with this attempt; None where it has to go on."""
    due: float
    """When the next has to begin, where there is one."""


def attempts(found: Run) -> Iterator[Attempt]:
    """Follow a run by what the server was asked and sent, and say what has to follow each time."""
    options, failures, counted = found.options, 0, 0
    for call in found.calls:
        closed_at = max([call.at, *map(_closed_at, call.requests)])
        came = _came(found, call)
        has_moved = standing(call.requests, call.handed) != call.handed
        has_failed = not has_moved and _has_failed(call, came, closed_at - call.at, options)
        if has_failed:
            failures, counted = failures + 1, counted + (came in _GIVEN_UP)
        elif has_moved or came is Came.CLEAN:
            failures = counted = 0
        ending = _ending(call, came, options)
        if ending is None and has_failed and options.no_progress_limit == counted:
            ending = _GIVEN_UP.get(came)
        waited = closed_at + min(_asked_for(found, call), _longest(options))
        yield Attempt(call, came, ending, max(waited, call.at + _pace(failures, found.trial)))


def _closed_at(request: Request) -> float:
    """Give when an answer was over; one that is not a stream is over as it comes."""
    if request.status != 200:
        return request.at
    return request.at if request.closed_at is None else request.closed_at


def _came(found: Run, call: Call) -> Came:
    if call.trouble:
        error = call.trouble[-1]
        if isinstance(error, Stop):
            return Came.LEFT
        return Came.ABSENT if isinstance(error, OSError) else Came.TROUBLE
    if len(call.requests) < call.asked_total:
        is_known_open = found.trial.way is Way.GENERATOR and call.requests
        return Came.CUT if is_known_open else Came.ABSENT
    request = call.requests[-1]
    if request.status is not None and request.status >= 400:
        return _STATUSES.get(request.status, Came.STATUS)
    came = read(request)[1]
    # Whoever reads by hand says no more than the exception does.
    return Came.ABSENT if came is Came.CUT and found.trial.way is Way.BY_HAND else came


def _has_failed(call: Call, came: Came, lived_seconds: float, options: RetryOptions) -> bool:
    if came in {Came.CLEAN, Came.CUT}:
        return lived_seconds < options.min_restart_delay_seconds
    if came is Came.SILENT:
        is_heard = any(request.sent for request in call.requests)
        idle_seconds = options.idle_seconds or 0.0
        return not is_heard and lived_seconds >= idle_seconds / 2
    return True


def _ending(call: Call, came: Came, options: RetryOptions) -> type[Exception] | None:
    if came is Came.TROUBLE:
        error = call.trouble[-1]
        failed = WatchFunctionError if error is None else type(error)
        return failed if options.is_function_error_final else None
    ending, option = _ENDS.get(came, (None, ""))
    return ending if not option or getattr(options, option) else None


def _longest(options: RetryOptions) -> float:
    longest = options.max_retry_after_seconds
    return float("inf") if longest is None else longest


def _pace(failures: int, trial: Trial) -> float:
    least, backoff = trial.options.min_restart_delay_seconds, trial.options.backoff
    if backoff is None or failures < 2:
        return least
    slowed = min(backoff.max_seconds, backoff.initial_seconds * backoff.factor ** (failures - 1))
    return max(least, slowed) * (1 + backoff.jitter * trial.random)


def _asked_for(found: Run, call: Call) -> float:
    """Give how long the server asked to be left alone, in header or ERROR event, in seconds."""
    if not call.requests:
        return 0.0
    last = call.requests[-1]
    values, _ = read(last)
    details = values[-1]["object"].get("details") or {} if values else {}
    named: float = details.get("retryAfterSeconds", 0)
    for at, fault in timed(found.trial):
        if isinstance(fault, Refuse) and at <= last.at < at + fault.seconds:
            return max(named, fault.retry_after_seconds)
    return named


def timed(trial: Trial) -> list[tuple[float, Any]]:
    """Give the faults with their moments, in order."""
    moments = ((fault.moment(trial.past), fault) for fault in trial.scenario)
    return sorted(moments, key=lambda pair: pair[0])


def read(request: Request) -> tuple[list[dict[str, Any]], Came]:
    """Give what of an answer is to be read, and what came of it."""
    values: list[dict[str, Any]] = []
    if request.status == 200:
        for _, line in request.sent:
            try:
                values.append(_value(line))
            except ValueError:
                if line.endswith(b"\n"):
                    return values, Came.JUNK
                break
            came = _told(values[-1])
            if came is not None:
                return values, came
    return values, _CLOSES.get(request.close, Came.LEFT)  # type: ignore[arg-type]


@functools.lru_cache(4096)
def _value(line: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(line)
    return value


def _told(value: dict[str, Any]) -> Came | None:
    """Say what a line ends an answer as; None where it does not."""
    if value["type"] == "ERROR":
        return Came.GONE if value["object"].get("code") == 410 else Came.ERROR
    return None if value["object"]["metadata"].get("resourceVersion") else Came.ANONYMOUS


def standing(requests: Iterable[Request], version: str) -> str:
    """Give the resourceVersion of the last line that was to be read."""
    for request in requests:
        for value in read(request)[0]:
            version = value["object"].get("metadata", {}).get("resourceVersion") or version
    return version


# ---- what must hold of any run


def holds(found: Run) -> None:
    """All that must hold."""
    each_change_is_delivered_once_and_in_order(found)
    what_was_sent_is_delivered(found)
    it_asks_from_the_last_line(found)
    an_event_is_acknowledged_by_the_next(found)
    it_ends_where_it_must_and_nowhere_else(found)
    each_attempt_begins_when_it_is_due(found)
    nobody_waits_for_a_dead_connection(found)
    it_ends_in_time(found)


def each_change_is_delivered_once_and_in_order(found: Run) -> None:
    """What was delivered is the beginning of what happened; all of it, where it could be."""
    changed = [change.object for change in found.trial.past.changes]
    happened = [one.identity for one in changed if one.resource.plural == "pods"]
    assert happened[: len(delivered(found))] == delivered(found)
    last = found.session.requests[-1] if found.session.requests else None
    if last is not None and last.close is Close.OVER and last.status == 200:
        silenced = any(isinstance(f, Silence) and at > last.at for at, f in timed(found.trial))
        assert silenced or happened == delivered(found)


def what_was_sent_is_delivered(found: Run) -> None:
    """Each whole line in front of the end of its answer is delivered, where nobody stops."""
    if has_stopped(found):
        return
    sent = [
        (value["object"]["metadata"]["uid"], value["object"]["metadata"]["resourceVersion"])
        for request in found.session.requests
        for value in read(request)[0]
        if value["type"] not in {"BOOKMARK", "ERROR"} and _told(value) is None
    ]
    assert sent == delivered(found)


def it_asks_from_the_last_line(found: Run) -> None:
    """Events and bookmarks move the resourceVersion; nothing else does, nor what follows junk."""
    version = found.trial.past.resource_version
    for call in found.calls:
        assert version == call.handed
        for request in call.requests:
            assert version == request.parameter("resourceVersion")
            version = standing([request], version)
    if isinstance(found.error, WatchEnded):
        assert version == found.error.resource_version


def an_event_is_acknowledged_by_the_next(found: Run) -> None:
    """While an event is being handled its resourceVersion is not where it would go on from."""
    for event, stood in zip(found.events, found.stood, strict=True):
        assert event.type is EventType.ERROR or event.resource_version != stood


def it_ends_where_it_must_and_nowhere_else(found: Run) -> None:
    """A final refusal ends it, so does one failure too many, and each says its own end."""
    made = list(attempts(found))
    assert [None] * len(made[:-1]) == [attempt.ending for attempt in made[:-1]]
    ending = made[-1].ending if made else None
    if ending is None:
        assert found.error is None or isinstance(found.error, RecordingOver)
        assert found.last_error is None
        assert isinstance(found.error, RecordingOver) or has_stopped(found)
    elif found.options.is_end_raised or not issubclass(ending, WatchEnded):
        assert ending is type(found.error)
        assert found.last_error is None
        if isinstance(found.error, WatchEnded):
            assert _code(made[-1]) == found.error.code
    else:
        assert found.error is None
        assert found.last_error is not None
        assert found.last_error.status is not None
        assert (_code(made[-1]) or 500) == found.last_error.status.code


def _code(attempt: Attempt) -> int | None:
    """Give the code with which the server ended an attempt."""
    request = attempt.call.requests[-1]
    if request.status != 200:
        return request.status
    values, came = read(request)
    code: int | None = values[-1]["object"].get("code") if values else None
    return code if came in {Came.GONE, Came.ERROR} else None


def each_attempt_begins_when_it_is_due(found: Run) -> None:
    """Pace, back-off and the server's Retry-After are kept to the moment."""
    for one, following in itertools.pairwise([*attempts(found), None]):
        assert one is not None
        if following is not None:
            assert abs(following.call.at - one.due) < TICK_SECONDS, (one, following)
        elif one.ending is None and one.came is not Came.LEFT and not has_stopped(found):
            assert one.due > found.trial.past.seconds


def nobody_waits_for_a_dead_connection(found: Run) -> None:
    """What brings nothing is given up after the idle time, and not before."""
    idle, own = found.options.idle_seconds, found.trial.read_timeout_seconds
    patience = min(one for one in (idle, own, float("inf")) if one is not None)
    for request in found.session.requests:
        heard_at = [request.at, *(at for at, _ in request.sent)]
        for one, following in itertools.pairwise([*heard_at, request.closed_at or heard_at[-1]]):
            assert following - one < patience + TICK_SECONDS
        if request.close is Close.SILENT and not has_stopped(found):
            assert request.closed_at is not None
            assert request.closed_at - heard_at[-1] > patience - TICK_SECONDS


def it_ends_in_time(found: Run) -> None:
    """At the deadline it is over, without a word."""
    deadline = found.options.deadline_seconds
    if deadline is not None:
        assert found.session.clock.now() < deadline + TICK_SECONDS
    if found.trial.stop_after is not None:
        assert len(found.events) <= found.trial.stop_after
    stopped_in = [n for n, error in found.trial.trouble.items() if isinstance(error, Stop)]
    if stopped_in and found.trial.way is Way.RESPONSE:
        assert len(found.calls) <= stopped_in[0] + 1


def delivered(found: Run) -> list[tuple[str, str]]:
    return [(e.uid, e.resource_version) for e in found.events if e.type is not EventType.ERROR]


def has_stopped(found: Run) -> bool:
    """Tell whether somebody stopped it, or its deadline did."""
    deadline = found.options.deadline_seconds
    is_late = deadline is not None and found.session.clock.now() > deadline - TICK_SECONDS
    by_function = any(isinstance(e, Stop) for call in found.calls for e in call.trouble)
    return is_late or by_function or found.trial.stop_after == len(found.events)
