"""Whatever happens and whatever fails, a Reflector ends up with what the server has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwlab.history import History
from kwlab.log import Origin
from kwlab.made import Step, made
from kwlab.server import door
from kwlab.server.faults import Cut, Error, Fault, Forget, Malformed, Refuse, Silence
from kwlab.watching import listing, pausing, reflector, store
from kwlab.watching.observer import Gap
from kwlab.watching.pausing import Pause
from kwlab.watching.reflector import Reflector
from kwlab.watching.reflectoroptions import ReflectorOptions
from kwlab.watching.retryoptions import RetryOptions
from kwlab.watching.store import ReflectorEvent, Store, differences
from kwlab.wire import EventType, ListPage, WatchEvent
from tests.histories import shipped
from tests.mutants import found_out, is_any_broken
from tests.nightly import SCHEDULES
from tests.reflecting import Manner, holds, order_is_kept, run

QUIET_SECONDS = 100.0
"""How long nothing happens at the end, so that the last back-off is over before the recording."""


@dataclass(frozen=True)
class Past:
    """Hold what a history is made of: Hypothesis shows it when something fails."""

    existing: tuple[str, ...]
    steps: tuple[Step, ...]

    def made(self) -> History:
        last = self.steps[-1].at if self.steps else 0.0
        end = max(last, 40.0) + QUIET_SECONDS
        return made(shipped("pods-churn"), self.steps, existing=self.existing, seconds=end)


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    names = ["a", "b", "c", "d"]
    alive = set(draw(st.sets(st.sampled_from(names))))
    start, at, steps = tuple(sorted(alive)), 0.0, list[Step]()
    for _ in range(draw(st.integers(0, 25))):
        at = round(at + draw(st.integers(0, 30)) / 10, 1)
        name = draw(st.sampled_from(names))
        if name not in alive:
            alive.add(name)
            steps.append(Step(at, "add", name))
        elif draw(st.booleans()):
            steps.append(Step(at, "modify", name))
        else:
            alive.remove(name)
            steps.append(Step(at, "delete", name))
    return Past(start, tuple(steps))


moments = st.integers(0, 400).map(lambda tenths: tenths / 10)
spans = st.integers(0, 80).map(lambda tenths: tenths / 10)
scenarios = st.lists(
    st.builds(Cut, at=moments, away_seconds=spans, how=st.sampled_from(["fin", "reset"]))
    | st.builds(
        Refuse,
        at=moments,
        seconds=spans,
        code=st.sampled_from([410, 429, 500, 503, 504]),
        retry_after_seconds=st.integers(0, 3),
    )
    | st.builds(Error, at=moments, code=st.sampled_from([410, 500]))
    | st.builds(Malformed, at=moments)
    | st.builds(Silence, at=moments)
    | st.builds(Forget, at=moments),
    max_size=6,
)
options = st.builds(
    lambda watch_list, page_size, seconds: ReflectorOptions(
        use_watch_list=watch_list,
        watch_list_deadline_seconds=10.0,
        page_size=page_size,
        watch_seconds=(seconds, 2 * seconds),
        # The store has to be right at the end: what it takes to end instead is tried elsewhere.
        retry=replace(RetryOptions(), idle_seconds=20.0, no_progress_limit=None),
    ),
    st.booleans(),
    st.integers(0, 3),
    st.integers(5, 40),
)


@settings(max_examples=SCHEDULES)
@given(pasts(), scenarios, options, st.sampled_from([None, 1, 3]))
def test_a_reflector_ends_up_with_what_the_server_has(
    past: Past, scenario: list[Fault], chosen: ReflectorOptions, window: int | None
) -> None:
    """Store, replay, order, once, no refused version again, bounded requests, gaps that say so."""
    holds(run(past.made(), scenario, options=chosen, window=window))


# ---- with a rule switched off, something of it breaks

AWAY = Past(
    ("a", "b", "c", "d", "f"),
    (
        Step(1.0, "modify", "f"),
        Step(11.0, "modify", "b"),
        Step(12.0, "delete", "c"),
        Step(12.5, "delete", "d"),
        Step(13.0, "add", "d"),
        Step(13.5, "add", "e"),
        Step(30.0, "delete", "f"),
    ),
)
AWAY_MADE = AWAY.made()


@dataclass(frozen=True)
class Trial:
    """Play faults to a Reflector on a history, with a server of some manner."""

    scenario: tuple[Fault, ...] = ()
    options: ReflectorOptions = field(default_factory=ReflectorOptions)
    manner: Manner = field(default_factory=Manner)
    random: float = 0.0


FORGOTTEN = (Cut(at=10.0, away_seconds=5.0), Forget(at=14.0))
PAGED = ReflectorOptions(page_size=2)
STREAMED = ReflectorOptions(use_watch_list=True, watch_list_deadline_seconds=5.0)
SOON_HEALTHY = ReflectorOptions(backoff_reset_seconds=5.0)
UNPAUSED = ReflectorOptions(retry=RetryOptions(backoff=None))
TRIALS = [
    Trial(FORGOTTEN),
    Trial(FORGOTTEN, STREAMED),
    Trial((Cut(at=10.0), Refuse(at=10.0, seconds=5.0, code=410)), replace(PAGED, page_size=1)),
    Trial((Refuse(at=0.0, seconds=5.0, code=503), Error(at=10.0), Error(at=14.0))),
    Trial(FORGOTTEN, PAGED, Manner(has_pages=True)),
    Trial(FORGOTTEN, PAGED, Manner(has_pages=True, rest_codes=(410, 410))),
    Trial(FORGOTTEN, PAGED, Manner(has_pages=True, rest_codes=(500,))),
    Trial(FORGOTTEN, PAGED, Manner(lags=True)),
    Trial((Error(at=10.0), Error(at=14.0)), PAGED, Manner(lags=True)),
    Trial(FORGOTTEN, STREAMED, Manner(lags=True)),
    *(Trial(FORGOTTEN, STREAMED, Manner(refuses_watch_list=c)) for c in (400, 404, 405, 422, 501)),
    Trial(FORGOTTEN, STREAMED, Manner(refuses_watch_list=403)),
    Trial(FORGOTTEN, STREAMED, Manner(withholds_end=True)),
    Trial(FORGOTTEN, STREAMED, Manner(ends_early=True)),
    Trial(FORGOTTEN, STREAMED, Manner(slow_seconds=3.0)),
    Trial((Cut(at=10.0), Forget(at=10.5), Error(at=10.8)), STREAMED, Manner(slow_seconds=3.0)),
    Trial((Refuse(at=10.0, seconds=5.0, code=429, retry_after_seconds=4), Error(at=9.0)), STREAMED),
    # Each watch is quiet for a while, or moves on, and expires.
    Trial((Error(at=2.0), Error(at=6.0), Error(at=15.0), Error(at=21.0)), random=0.5),
    Trial((Error(at=5.0), Error(at=10.0), Error(at=30.0)), SOON_HEALTHY),
    Trial((Error(at=5.0), Error(at=10.0), Error(at=30.0)), UNPAUSED),
]


def without(kept: Callable[[ReflectorEvent], bool]) -> Callable[..., Iterator[ReflectorEvent]]:
    return lambda *sides, origin: filter(kept, differences(*sides, origin=origin))


def by_name_alone(known: Any, present: Any, *, origin: Origin) -> Iterator[ReflectorEvent]:
    for event in differences(known, present, origin=origin):
        key = (event.namespace, event.name)
        if key not in known or key not in present:
            yield event
        elif event.type is not EventType.DELETED:
            yield ReflectorEvent.of(event, origin, EventType.MODIFIED)


def whole_list(known: Any, present: Any, *, origin: Origin) -> Iterator[ReflectorEvent]:
    for event in present.values():
        yield ReflectorEvent.of(event, origin, EventType.ADDED)


def unchanged_too(known: Any, present: Any, *, origin: Origin) -> Iterator[ReflectorEvent]:
    yield from differences(known, present, origin=origin)
    for key, event in present.items():
        if key in known and known[key].resource_version == event.resource_version:
            yield ReflectorEvent.of(event, origin, EventType.MODIFIED)


class Never(Exception):
    """Stand for an error that nobody raises."""


def first_page_only(body: bytes) -> ListPage:
    return replace(PARSE(body), token="")


def deletions_ignored(believed: Store, event: WatchEvent) -> None:
    if event.type is not EventType.DELETED:
        APPLY(believed, event)


def from_the_first_list(one: Reflector, version: str, until: float) -> Any:
    return WATCH(one, "1000", until)


def silent(one: Reflector, record: object) -> None:
    if not isinstance(record, Gap):
        REPORT(one, record)


PARSE, APPLY = ListPage.parse, Store.apply
REPORT, WATCH = Reflector._report, Reflector._watch

RULES: dict[str, tuple[object, str, object]] = {
    "deletions are inferred": (
        reflector,
        "differences",
        without(lambda event: event.origin is not Origin.INFERRED),
    ),
    "a recreation is known by its uid": (reflector, "differences", by_name_alone),
    "what has changed is MODIFIED": (
        reflector,
        "differences",
        without(lambda event: event.type is not EventType.MODIFIED),
    ),
    "what is new is ADDED": (
        reflector,
        "differences",
        without(lambda event: event.origin is not Origin.RELIST or event.type != "ADDED"),
    ),
    "what was known is not ADDED again": (reflector, "differences", whole_list),
    "what has not changed is no event": (reflector, "differences", unchanged_too),
    "it lists again after a 410": (reflector, "Expired", Never),
    "a refused list names no resourceVersion": (listing, "is_unavailable", lambda cause: False),
    "all pages are fetched": (ListPage, "parse", first_page_only),
    "a deletion leaves the store": (Store, "apply", deletions_ignored),
    "lists are paced": (Reflector, "_delay", lambda *_: 0.1),
    "a list waits for its back-off": (Pause, "after", lambda *_: 0.0),
    "a gap is told": (Reflector, "_report", silent),
    "it watches from where the list stands": (
        Reflector,
        "_watch",
        from_the_first_list,
    ),
}


@pytest.fixture(autouse=True, scope="module")
def _mutants_do_not_loop_for_long() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(door, "HOT_LOOP_REQUESTS", 60)
        yield


_killers = list(TRIALS)


def is_broken(trial: Trial) -> bool:
    """Tell whether something does not hold, or the Reflector fails in a way of its own."""
    try:
        made = AWAY_MADE
        holds(
            run(
                made,
                trial.scenario,
                options=trial.options,
                manner=trial.manner,
                random=trial.random,
            )
        )
    except Exception:
        return True
    return False


def is_found_out() -> bool:
    return is_any_broken(_killers, is_broken)


def test_the_trials_that_break_the_mutants_break_nothing_else() -> None:
    """With every rule in force all that must hold holds, whatever the faults."""
    assert [] == [trial for trial in TRIALS if is_broken(trial)]


@pytest.mark.parametrize("rule", RULES)
def test_with_a_rule_switched_off_something_breaks(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No rule is there for nothing: without it one of the properties fails."""
    monkeypatch.setattr(*RULES[rule])
    assert is_found_out()


EQUIVALENT = {
    # All pages of a list are of one resourceVersion, and who asks for no pages is given none.
    "Listing._pages: first or page.resource_version without first",
    "Listing._pages: is_rest and limit and (page.kind is Kind.STATUS_EXPIRED) without limit",
    "Listing._pages: limit or None without None",
    # A refusal always has a Status, if only of its code.
    "is_unavailable: cause.status is not None is True",
}
"""Mutants that do what the rule does."""

DECIDING = [
    *((listing, f"Listing.{name}") for name in ("_list", "_pages")),
    *(
        (listing, name)
        for name in ("is_unavailable", "_list_options", "_is_no_watch_list", "_take")
    ),
    (pausing, "Pause.after"),
    *((store, name) for name in ("Store.apply", "Store.apply_all", "differences")),
]


@pytest.mark.parametrize(("module", "name"), DECIDING)
def test_with_anything_that_is_decided_switched_off_something_breaks(
    module: ModuleType, name: str
) -> None:
    """Each condition, side of a condition, operand and argument is there for something."""
    noticed = found_out(module, name, EQUIVALENT, is_found_out)
    assert {one: one not in EQUIVALENT for one in noticed} == noticed


def test_a_run_out_of_order_is_found() -> None:
    """The order is looked at: the same events the other way round are refused."""
    found = run(AWAY.made())
    order_is_kept(found)
    found.events.reverse()
    with pytest.raises(AssertionError):
        order_is_kept(found)
