"""Whatever happens and whatever fails, a RetryWatcher delivers each change once, or says its end.

What must hold is read off what the server was asked and what it sent, not off the watcher.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes.client import CoreV1Api

from kwlab.errors import Expired, RecordingOver, WatchEnded
from kwlab.history import History
from kwlab.log import Request
from kwlab.made import Step
from kwlab.server import faults
from kwlab.server.door import Door, Session
from kwlab.server.faults import Cut, Error, Fault, Forget, Malformed, Refuse, Silence
from kwlab.watching import resume
from kwlab.watching.resume import Kind, Rule, State
from kwlab.watching.retryoptions import DEFAULT, RetryOptions
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import Decoded, EventType, LineDecoder, ListOptions, Unreadable, WatchEvent
from tests.histories import NAMESPACE, pods
from tests.nightly import SCHEDULES
from tests.test_reflector_properties import AWAY, Past, pasts, scenarios

FINAL: Final = frozenset({401, 403, 404, 410})


@dataclass
class Run:
    """Hold one run to the end of its history: what was asked, delivered, and how it ended."""

    past: History
    scenario: Sequence[Fault]
    options: RetryOptions
    session: Session
    events: list[WatchEvent]
    stood: list[str]
    """Where the watcher stood while each event was being handled."""
    error: BaseException | None = None

    @property
    def requests(self) -> Sequence[Request]:
        return self.session.requests


def run(
    past: History,
    scenario: Sequence[Fault] = (),
    options: RetryOptions = DEFAULT,
    *,
    timeout_seconds: int = 30,
    window: int | None = None,
) -> Run:
    session = Session(faults.FaultyServer(past, scenario, window_events=window))
    api = CoreV1Api(Door(session).client())

    def watch(asked: ListOptions) -> object:
        asked = asked.replace(timeout_seconds=timeout_seconds)
        return api.list_namespaced_pod(NAMESPACE, watch=True, _preload_content=False, **asked)

    found = Run(past, scenario, options, session, [], [])
    watcher = RetryWatcher(
        past.resource_version, watch, options=options, clock=session.clock, random=lambda: 0.0
    )
    try:
        for event in watcher:
            found.events.append(event)
            found.stood.append(watcher.resource_version)
    except (RecordingOver, WatchEnded) as error:
        found.error = error
    return found


# ---- what must hold of any run


def holds(found: Run) -> None:
    each_change_is_delivered_once_and_in_order(found)
    it_ends_for_a_reason_that_it_says(found)
    it_asks_from_the_last_whole_line(found)
    an_event_is_acknowledged_by_the_next(found)
    nothing_is_asked_after_a_final_refusal(found)
    requests_are_paced(found)
    failures_are_backed_off_and_bounded(found)
    the_server_is_left_alone_as_it_asks(found)


def each_change_is_delivered_once_and_in_order(found: Run) -> None:
    """What was delivered is the beginning of what happened; all of it, where it did not end."""
    changed = [change.object for change in found.past.changes]
    happened = [one.identity for one in changed if one.resource.plural == "pods"]
    delivered = [(event.uid, event.resource_version) for event in found.events]
    assert happened[: len(delivered)] == delivered
    if isinstance(found.error, RecordingOver):
        assert happened == delivered


def it_ends_for_a_reason_that_it_says(found: Run) -> None:
    """It ends with a typed error that says where to go on from, and 410 only where one came."""
    if isinstance(found.error, RecordingOver):
        return
    assert isinstance(found.error, WatchEnded)
    assert standing(found.requests, found.past.resource_version) == found.error.resource_version
    assert isinstance(found.error, Expired) == is_gone(found.requests[-1])


def it_asks_from_the_last_whole_line(found: Run) -> None:
    """Events and bookmarks move the resourceVersion; nothing else does, nor what follows junk."""
    version = found.past.resource_version
    for request in found.requests:
        assert version == request.parameter("resourceVersion")
        version = standing([request], version)


def an_event_is_acknowledged_by_the_next(found: Run) -> None:
    """While an event is being handled its resourceVersion is not where it would go on from."""
    for event, stood in zip(found.events, found.stood, strict=True):
        assert event.resource_version != stood


def nothing_is_asked_after_a_final_refusal(found: Run) -> None:
    """A refusal that asking again does not change is the end."""
    assert not any(
        is_gone(request) or request.status in FINAL for request in list(found.requests)[:-1]
    )


def requests_are_paced(found: Run) -> None:
    """From one request to the next is a second, at least."""
    for one, following in itertools.pairwise(found.requests):
        assert following.at - one.at > 0.999


def failures_are_backed_off_and_bounded(found: Run) -> None:
    """Each failure in a row is waited out for longer, and there is an end; progress resets it."""
    backoff, limit = DEFAULT.backoff, found.options.no_progress_limit
    assert backoff is not None
    in_a_row = 0
    for one, following in itertools.pairwise([*found.requests, None]):
        assert one is not None
        in_a_row = in_a_row + 1 if one.status >= 400 else 0
        assert limit is None or in_a_row <= limit
        if in_a_row >= 2 and following is not None:
            assert following.at - one.at > min(30.0, backoff.seconds(in_a_row)) - 0.001
        elif following is not None and moved(one) and is_reachable(found, next_at(one)):
            assert following.at < next_at(one) + 0.001


def the_server_is_left_alone_as_it_asks(found: Run) -> None:
    """A Retry-After is kept."""
    refusals = [each for each in timed(found) if isinstance(each[1], Refuse)]
    for one, following in itertools.pairwise(found.requests):
        asked = [f.retry_after_seconds for at, f in refusals if at <= one.at < at + f.seconds]
        assert one.status < 400 or following.at - one.at > asked[0] - 0.001


def timed(found: Run) -> list[tuple[float, Any]]:
    """Give the faults with their moments, in order."""
    return sorted(
        ((fault.moment(found.past), fault) for fault in found.scenario), key=lambda pair: pair[0]
    )


def next_at(one: Request) -> float:
    """Give when, after progress, it is asked again: at once, and a second from the start."""
    return max(one.closed_at or one.at, one.at + 1.0)


def is_reachable(found: Run, at: float) -> bool:
    return not any(
        isinstance(fault, Cut) and moment <= at < moment + fault.away_seconds
        for moment, fault in timed(found)
    )


def lines(request: Request) -> Iterator[dict[str, Any]]:
    """Give what could be read of an answer, up to what could not, or with an error at the end."""
    if request.status != 200:
        return
    for _, line in request.sent:
        try:
            value = json.loads(line)
        except ValueError:
            return
        yield value
        if value["type"] == "ERROR":
            return


def standing(requests: Iterable[Request], version: str) -> str:
    """Give the resourceVersion of the last line of all."""
    for request in requests:
        for value in lines(request):
            version = value["object"]["metadata"].get("resourceVersion", version)
    return version


def moved(request: Request) -> bool:
    return standing([request], "") not in {"", request.parameter("resourceVersion")}


def is_gone(request: Request) -> bool:
    return request.status == 410 or any(
        value["type"] == "ERROR" and value["object"]["code"] == 410 for value in lines(request)
    )


options = st.builds(
    lambda idle, limit: replace(DEFAULT, idle_seconds=idle, no_progress_limit=limit),
    st.sampled_from([15.0, 20.0]),
    st.sampled_from([None, 3, 10]),
)


@settings(max_examples=SCHEDULES)
@given(pasts(), scenarios, options, st.integers(1, 40), st.sampled_from([None, None, 1, 3]))
def test_a_retry_watcher_delivers_each_change_once_or_says_its_end(
    past: Past, scenario: list[Fault], chosen: RetryOptions, timeout: int, window: int | None
) -> None:
    """Nothing lost in the window, nothing twice, in order, paced, backed off, typed ends."""
    holds(run(past.made(), scenario, chosen, timeout_seconds=timeout, window=window))


# ---- with a rule switched off, something of it breaks

QUIET: Final = pods(
    Step(5.0, "modify", "a"),
    Step(20.0, "add", "other", resource="configmaps"),
    Step(80.0, "modify", "a"),
    existing=("a",),
    seconds=200.0,
)
"""Nothing happens to pods for more than a minute, and a bookmark is all that comes."""


AWAY_MADE: Final = AWAY.made()


@dataclass(frozen=True)
class Trial:
    """Play faults to a watcher on a history."""

    scenario: tuple[Fault, ...]
    options: RetryOptions = DEFAULT
    past: History = AWAY_MADE


TRIALS: Final = [
    Trial((Cut(at=10.0, away_seconds=2.5), Error(at=20.0, code=500), Cut(at=40.0))),
    Trial((Cut(at=10.0, away_seconds=5.0), Forget(at=14.0))),
    Trial((Cut(at=12.2), Refuse(at=12.2, seconds=60.0, code=410))),
    Trial((Cut(at=12.2), Refuse(at=12.2, seconds=60.0, code=404))),
    Trial(
        (Cut(at=12.2), Refuse(at=12.2, seconds=900.0, code=503)),
        replace(DEFAULT, no_progress_limit=5),
    ),
    Trial((Cut(at=12.2), Refuse(at=12.2, seconds=5.0, code=429, retry_after_seconds=9))),
    Trial((Malformed(at=10.0),)),
    Trial((Silence(at=10.0),), replace(DEFAULT, idle_seconds=20.0)),
    Trial((Refuse(at=0.0, seconds=5.0, code=503), Cut(at=11.5), Cut(at=12.7))),
    Trial((Cut(at=70.0),), past=QUIET),
]


def is_broken(trial: Trial, **switched: Any) -> bool:
    try:
        holds(run(trial.past, trial.scenario, replace(trial.options, **switched)))
    except AssertionError:
        return True
    return False


OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "the least time between attempts": {"min_restart_delay_seconds": 0.0},
    "back-off": {"backoff": None},
    "Retry-After": {"max_retry_after_seconds": 0.0},
    "the idle timer": {"idle_seconds": None},
    "the limit without progress": {"no_progress_limit": None},
    "410 as a status is final": {"is_expired_status_final": False},
    "404 is final": {"is_not_found_final": False},
    "an end is raised": {"is_end_raised": False},
}
"""Rules that are options, and what switches them off."""


def from_the_beginning(watcher: RetryWatcher) -> ListOptions:
    return ListOptions(resource_version=AWAY_MADE.resource_version, allow_watch_bookmarks=True)


def too_early(watcher: RetryWatcher, attempt: Any) -> Iterator[WatchEvent]:
    """Acknowledge an event before it is handled, as whoever counts it on delivery does."""
    action = None
    attempts = ATTEMPT(watcher, attempt)
    try:
        while True:
            event = next(attempts)
            watcher._state, _ = resume.step(watcher._state, event)
            yield event
    except StopIteration as end:
        action = end.value
    return action


def event_stays(state: State, event: WatchEvent, chosen: RetryOptions) -> Any:
    moved_to, action = LINE(state, event, chosen)
    if action.do is resume.Do.DELIVER:
        return state, action
    return moved_to, action


def bookmark_stays(state: State, event: WatchEvent, chosen: RetryOptions) -> Any:
    moved_to, action = LINE(state, event, chosen)
    return (state if event.type is EventType.BOOKMARK else moved_to), action


def past_junk(decoder: LineDecoder, chunk: bytes) -> Iterator[Decoded]:
    for one in FEED(decoder, chunk):
        decoder._ended = False
        if not isinstance(one, Unreadable):
            yield one


LINE, FEED, ATTEMPT = resume._line, LineDecoder.feed, RetryWatcher._attempt
RETRIED: Final = Rule(resume.Do.RECONNECT, resume.Phase.WAITING)

RULES: Final[dict[str, tuple[object, str, object]]] = {
    "it resumes from the last event": (RetryWatcher, "_asking", from_the_beginning),
    "an event is acknowledged by the next": (RetryWatcher, "_attempt", too_early),
    "a delivered event moves the resourceVersion": (resume, "_line", event_stays),
    "a bookmark moves the resourceVersion": (resume, "_line", bookmark_stays),
    "410 in the stream is final": (
        resume,
        "TABLE",
        {**resume.TABLE, (resume.Phase.OPEN, Kind.ERROR_EXPIRED): RETRIED},
    ),
    "what cannot be read is not stepped over": (LineDecoder, "feed", past_junk),
    "progress resets the back-off": (State, "has_progressed", False),
    "a Retry-After of the server's is read": (resume, "_wait", lambda cause, options: 0.0),
}


def test_the_trials_that_break_the_mutants_break_nothing_else() -> None:
    """With every rule in force all that must hold holds, whatever the faults."""
    assert [False] * len(TRIALS) == [is_broken(trial) for trial in TRIALS]


@pytest.mark.parametrize("rule", OPTIONS)
def test_without_an_option_something_breaks(rule: str) -> None:
    """No option is there for nothing: with client-go's way in its place a property fails."""
    assert any(is_broken(trial, **OPTIONS[rule]) for trial in TRIALS)


@pytest.mark.parametrize("rule", RULES)
def test_with_a_rule_switched_off_something_breaks(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No rule is there for nothing: without it one of the properties fails."""
    monkeypatch.setattr(*RULES[rule])
    assert any(map(is_broken, TRIALS))
