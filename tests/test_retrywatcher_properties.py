"""Whatever happens and fails, a RetryWatcher delivers each change once, or says its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from types import MappingProxyType, ModuleType
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwlab.errors import Denied, NoProgress, WatchEnded
from kwlab.made import Step
from kwlab.server import door
from kwlab.server.faults import Cut, Error, Fault, Forget, Malformed, Refuse, Silence
from kwlab.watching import causes, resume, retryoptions
from kwlab.watching.resume import Do, Kind, Phase, Rule
from kwlab.watching.retryoptions import DEFAULT, STRICT, Backoff, RetryOptions
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import Decoded, LineDecoder, ListOptions, Unreadable, WatchEvent
from tests.histories import pods
from tests.mutants import found_out, functions_of, is_any_broken
from tests.nightly import IS_NIGHTLY, SCHEDULES
from tests.retrying import Stop, Trial, Way, holds, run
from tests.test_reflector_properties import AWAY, Past, pasts, scenarios

options = st.builds(
    lambda idle, limit: replace(DEFAULT, idle_seconds=idle, no_progress_limit=limit),
    st.sampled_from([15.0, 20.0]),
    st.sampled_from([None, 3, 10]),
)


@settings(max_examples=SCHEDULES)
@given(
    pasts(),
    scenarios,
    options | st.just(STRICT),
    st.integers(1, 40),
    st.sampled_from([None, None, 1, 3]),
    st.sampled_from([Way.RESPONSE, Way.RESPONSE, Way.GENERATOR]),
    st.sampled_from([0.0, 0.5]),
)
def test_a_retry_watcher_delivers_each_change_once_or_says_its_end(
    past: Past,
    scenario: list[Fault],
    chosen: RetryOptions,
    timeout: int,
    window: int | None,
    way: Way,
    random: float,
) -> None:
    """Nothing lost in the window, nothing twice, in order, in time, and typed ends."""
    trial = Trial(
        past=past.made(),
        scenario=scenario,
        options=chosen,
        timeout_seconds=timeout,
        window=window,
        way=way,
        random=random,
    )
    holds(run(trial))


# ---- with a rule switched off, something of it breaks

AWAY_MADE: Final = AWAY.made()
QUIET: Final = pods(
    Step(5.0, "modify", "a"),
    Step(20.0, "add", "other", resource="configmaps"),
    Step(80.0, "modify", "a"),
    existing=("a",),
    seconds=400.0,
)
"""Nothing happens to pods for more than a minute, and a bookmark is all that comes."""

IMPATIENT: Final = replace(DEFAULT, no_progress_limit=3, idle_seconds=20.0)
PATIENT: Final = replace(IMPATIENT, idle_seconds=5.0)
NAMELESS: Final = '{"type":"MODIFIED","object":{"metadata":{"name":"b","uid":"b"}}}'
NO_STATUS: Final = '{"type":"ERROR","object":{"metadata":{}}}'


def every(
    seconds: float, what: Callable[..., Fault], *, first_at: float = 32.0, **facts: Any
) -> tuple[Fault, ...]:
    """Let something go wrong again and again for a minute, when nothing changes any more."""
    return tuple(what(at=first_at + seconds * n, **facts) for n in range(int(60 / seconds)))


def trial(*scenario: Fault, **facts: Any) -> Trial:
    return Trial(scenario=scenario, **{"past": AWAY_MADE, **facts})


def at_once(**facts: Any) -> tuple[Fault, ...]:
    return (Cut(at=12.2), Refuse(at=12.2, **facts))


TRIALS: Final = [
    trial(Cut(at=10.0, away_seconds=2.5), Error(at=20.0, code=500), Cut(at=40.0)),
    trial(Cut(at=10.0, away_seconds=5.0), Forget(at=14.0)),
    trial(*at_once(seconds=60.0, code=410)),
    trial(*at_once(seconds=6.0, code=410), options=STRICT),
    trial(*at_once(seconds=60.0, code=403)),
    trial(*at_once(seconds=60.0, code=404)),
    trial(*at_once(seconds=6.0, code=404), options=STRICT),
    trial(*at_once(seconds=6.0, code=401), options=STRICT),
    trial(*at_once(seconds=900.0, code=500), options=IMPATIENT),
    trial(*at_once(seconds=60.0, code=503), options=IMPATIENT),
    trial(*at_once(seconds=30.0, code=503), random=0.5),
    trial(*at_once(seconds=5.0, code=429, retry_after_seconds=9)),
    trial(*at_once(seconds=5.0, code=429, retry_after_seconds=400), past=QUIET),
    trial(Error(at=20.0, code=429, retry_after_seconds=7), random=0.5),
    trial(Malformed(at=10.0)),
    trial(Malformed(at=10.0, line=NAMELESS)),
    trial(Malformed(at=10.0, line=NO_STATUS)),
    trial(Silence(at=10.0), options=replace(DEFAULT, idle_seconds=20.0)),
    trial(Refuse(at=0.0, seconds=5.0, code=503), Cut(at=11.5), Cut(at=12.7)),
    trial(Cut(at=70.0), past=QUIET),
    # The same again and again, and nothing gets on.
    trial(*every(0.4, Error, code=500), options=IMPATIENT),
    trial(*every(0.4, Error, code=500)[:9], options=STRICT),
    trial(*every(0.4, Malformed), options=IMPATIENT),
    trial(*every(0.4, Cut), options=IMPATIENT),
    trial(*every(0.4, Cut, how="reset"), random=0.5),
    trial(*every(3.0, Cut), options=IMPATIENT),
    trial(*every(0.2, Silence), options=replace(IMPATIENT, idle_seconds=5.0)),
    trial(*every(0.2, Silence)[:40], options=IMPATIENT, read_timeout_seconds=4.0),
    trial(*every(0.2, Silence), options=IMPATIENT, read_timeout_seconds=12.0),
    trial(
        *every(0.2, Silence),
        options=replace(IMPATIENT, idle_seconds=None),
        read_timeout_seconds=4.0,
    ),
    # A bookmark came, and then nothing.
    trial(*every(8.0, Silence, first_at=39.0), options=PATIENT, timeout_seconds=5),
    # One that lived for long, between those that did not.
    trial(*every(0.4, Cut)[:8], *every(0.4, Cut)[30:], options=replace(DEFAULT, idle_seconds=20.0)),
    trial(*every(0.4, Cut), options=replace(DEFAULT, backoff=Backoff(initial_seconds=0.1))),
    trial(timeout_seconds=-1, options=IMPATIENT),
    trial(timeout_seconds=-1, options=STRICT, past=pods(seconds=10.0)),
    trial(*every(9.0, Silence), options=replace(IMPATIENT, idle_seconds=5.0), timeout_seconds=3),
    trial(*every(0.4, Cut, away_seconds=0.4), options=IMPATIENT),
    # The function itself.
    trial(trouble={1: ValueError("no such thing")}, timeout_seconds=8),
    trial(trouble={1: ValueError("no such thing")}, timeout_seconds=8, options=STRICT),
    trial(trouble={1: None}, timeout_seconds=8),
    trial(trouble={1: None}, timeout_seconds=8, options=STRICT),
    trial(trouble={n: TimeoutError() for n in range(1, 7)}, options=IMPATIENT, timeout_seconds=8),
    trial(trouble={2: Stop()}, timeout_seconds=8),
    trial(trouble={1: ValueError("no such thing")}, timeout_seconds=8, way=Way.GENERATOR),
    trial(stop_after=2),
    trial(options=replace(DEFAULT, deadline_seconds=20.0)),
    trial(*at_once(seconds=90.0, code=503), options=replace(DEFAULT, deadline_seconds=20.0)),
    trial(trouble={1: ValueError("no such thing")}, way=Way.GENERATOR, options=STRICT),
    *(
        trial(Refuse(at=at, seconds=60.0, code=code), timeout_seconds=8, way=Way.GENERATOR, **more)
        for at, code in ((5.0, 403), (5.0, 404), (5.0, 410), (35.0, 500), (35.0, 502))
        for more in ({"options": replace(IMPATIENT, no_progress_limit=1)}, {"options": STRICT})
    ),
    trial(Cut(at=9.0, away_seconds=3.0), way=Way.BY_HAND, timeout_seconds=8),
    trial(Cut(at=10.0, line_bytes=10_000), Cut(at=11.2, line_bytes=80)),
]


@pytest.fixture(autouse=True, scope="module")
def _mutants_do_not_loop_for_long() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(door, "HOT_LOOP_REQUESTS", 60)
        yield


_killers: Final = list(TRIALS)


def is_broken(trial: Trial, given: RetryOptions | None = None) -> bool:
    """Tell whether something does not hold, or the watcher fails in a way of its own."""
    try:
        holds(run(trial, given))
    except Exception:
        return True
    return False


def is_found_out() -> bool:
    return is_any_broken(_killers, is_broken)


def test_the_trials_that_break_the_mutants_break_nothing_else() -> None:
    """With every rule in force all that must hold holds, whatever the faults."""
    assert [] == [trial for trial in TRIALS if is_broken(trial)]


OFF: Final[dict[str, Any]] = {
    **{each.name: getattr(STRICT, each.name) for each in fields(RetryOptions)},
    "min_restart_delay_seconds": 0.0,
    "deadline_seconds": None,
    "max_retry_after_seconds": None,
}
"""What switches an option off: client-go's way, where it has one."""


@pytest.mark.parametrize("name", [each.name for each in fields(RetryOptions)])
def test_without_an_option_something_breaks(name: str) -> None:
    """No option is there for nothing: with another value in its place a property fails."""
    assert any(is_broken(each, replace(each.options, **{name: OFF[name]})) for each in TRIALS)


_RETRIED: Final = Rule(Do.RECONNECT, Phase.WAITING)
NOWHERE: Final = frozenset({(Phase.OPEN, Kind.NOTHING), (Phase.WAITING, Kind.STOPPED)})
"""What no run comes to: a generator is not None, and who waits has no attempt to stop."""
UNASKED: Final = frozenset({(Phase.OPEN, Kind.EVENT), (Phase.OPEN, Kind.BOOKMARK)})
"""What the diagram shows and :func:`resume._line` decides, whose mutants are found out below."""


def other_rules(row: Rule) -> Iterator[Rule | None]:
    """Give what a row of the table might say instead; None where it says nothing."""
    yield None
    if row.do is Do.RECONNECT:
        yield Rule(Do.END, Phase.ENDED, ending=NoProgress)
    elif row.do is not Do.STOP:
        yield _RETRIED
    if row.given_up_as is not None:
        yield replace(row, given_up_as=None)
        yield replace(row, given_up_as=Denied)
    if row.ending is not None:
        yield replace(row, ending=WatchEnded)
    if row.option is not None:
        yield replace(row, option=None)


@pytest.mark.parametrize("where", resume.TABLE, ids=str)
def test_without_a_row_of_the_table_something_breaks(
    where: tuple[Phase, Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each row of the table is there for something, and so is each thing that it says."""
    noticed = []
    is_away = where in NOWHERE | UNASKED
    others = [] if is_away and not IS_NIGHTLY else list(other_rules(resume.TABLE[where]))
    for other in others:
        table = {key: row for key, row in resume.TABLE.items() if key != where}
        with monkeypatch.context() as patched:
            changed = table if other is None else {**table, where: other}
            patched.setattr(resume, "TABLE", MappingProxyType(changed))
            noticed.append(is_found_out())
    assert [not is_away] * len(others) == noticed


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


def past_junk(decoder: LineDecoder, chunk: bytes) -> Iterator[Decoded]:
    for one in FEED(decoder, chunk):
        decoder._ended = False
        if not isinstance(one, Unreadable):
            yield one


def paced_from_the_close(watcher: RetryWatcher, attempt: Any, action: Any) -> Any:
    delay, why = DELAY(watcher, attempt, action)
    return max(delay, action.pace_seconds), why


FEED, ATTEMPT, DELAY = LineDecoder.feed, RetryWatcher._attempt, RetryWatcher._delay

RULES: Final[dict[str, tuple[object, str, object]]] = {
    "it resumes from the last event": (RetryWatcher, "_asking", from_the_beginning),
    "an event is acknowledged by the next": (RetryWatcher, "_attempt", too_early),
    "what cannot be read is not stepped over": (LineDecoder, "feed", past_junk),
    "the pace counts from the start of an attempt": (RetryWatcher, "_delay", paced_from_the_close),
    "a Retry-After header is read": (causes, "_retry_after_seconds", lambda headers: 0.0),
}
"""Rules that hold in the loop around the table."""


@pytest.mark.parametrize("rule", RULES)
def test_with_a_rule_switched_off_something_breaks(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No rule is there for nothing: without it one of the properties fails."""
    monkeypatch.setattr(*RULES[rule])
    assert is_found_out()


EQUIVALENT: Final = {
    # Only an open answer has events, and a table that is whole says of each cause what to do.
    "step: state.phase is Phase.OPEN and happening.type is not EventType.ERROR"
    " without state.phase is Phase.OPEN",
    "rule: found is None is False",
    "cause_of: event.type is not EventType.ERROR is False",
    "cause_of: event.type is EventType.BOOKMARK is True",
    "cause_of: event.type is EventType.BOOKMARK is False",
    "_turn: found.do in {Do.DELIVER, Do.SKIP} is False",
    "_turn: without Do.DELIVER",
    "_turn: without Do.SKIP",
    # What is written there stands there already, or nobody looks at it again.
    "_turn: found.do is Do.ASK is True",
    "_reconnect: without phase=Phase.ENDED",
    "cause_of: without status=status",
    # The limit is reached by counting, so an attempt that is not counted does not reach it.
    "_reconnect: limit is not None and answered > state.answered and (answered >= limit)"
    " without answered > state.answered",
    # A wait of less than nothing is none, for the clock too.
    "_wait: max(0.0, cause.retry_after_seconds) without 0.0",
}
"""Mutants that do what the rule does; a rule of the table is not among them."""

DECIDING: Final = [
    *((resume, name) for name in functions_of(resume) if name not in {"_end", "close_of"}),
    (retryoptions, "Backoff.seconds"),
]


@pytest.mark.parametrize(("module", "name"), DECIDING)
def test_with_anything_that_is_decided_switched_off_something_breaks(
    module: ModuleType, name: str
) -> None:
    """Each condition, side of a condition, operand and argument is there for something."""
    noticed = found_out(module, name, EQUIVALENT, is_found_out)
    assert {one: one not in EQUIVALENT for one in noticed} == noticed
