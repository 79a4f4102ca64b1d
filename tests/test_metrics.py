"""There is one way to count, and it gives the published results."""

from __future__ import annotations

import gzip
import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwlab import recording, wire
from kwlab.comparison import Comparison
from kwlab.finding import Run, counts_table
from kwlab.history import History, Object, narrowed
from kwlab.judging.clients import judge_clients
from kwlab.log import Attempt, Log, Origin, Seen
from kwlab.made import Step, made, made_evenly
from kwlab.metrics import Count, Fate, count
from kwlab.server import faults
from kwlab.server.faults import Cut, Fault, Forget
from kwlab.watching.reflectoroptions import ReflectorOptions
from kwlab.wire import EventType, ListOptions, WatchEvent
from tests import foreign_loops, reflecting
from tests.histories import NAMESPACE, PODS_PATH, pods, shipped
from tests.loops import Loop
from tests.test_reflector_properties import options, scenarios
from tests.watching import correct, run, wrong

DATA = Path(__file__).parent / "data"


def logged(name: str, loop: str) -> Log:
    """Make the log of what a real server really sent to a real loop."""
    log = Log(loop)
    text = gzip.decompress((DATA / f"{name}.attempts.jsonl.gz").read_bytes()).decode()
    for one in map(json.loads, text.splitlines()):
        if one["loop"] == loop:
            attempt = Attempt(one["asked"], "", closed_at=one["closed"])
            for line in one["lines"]:
                event = WatchEvent(line["line"].encode())
                if event.type is not EventType.BOOKMARK:
                    attempt.delivered.append(Seen.of(event, line["t"]))
            log.attempts.append(attempt)
    return log


def summary(found: Count) -> dict[str, int]:
    return {
        "delivered": found.delivered,
        "new": found.new,
        "replayed": found.replayed,
        "disguised": found.disguised,
        "changes": len(found.changes),
        "lost": len(found.lost),
        "deletions": found.lost_deletions,
    }


def test_churn_at_the_recorded_instants() -> None:
    """Of 215 changes the wrong loop saw 205 among 337 events, and five deletions never."""
    found = count(logged("pods-churn", "wrong"), shipped("pods-churn"))
    assert {
        "delivered": 337,
        "new": 205,
        "replayed": 132,
        "disguised": 2,
        "changes": 215,
        "lost": 10,
        "deletions": 5,
    } == summary(found)
    known = {item.identity for item in shipped("pods-churn").objects}
    replays = [seen for _, seen, fate in found.deliveries() if fate is Fate.REPLAYED]
    first = {seen.identity for seen in replays if seen.identity in known}
    assert 10 == len(first)


def test_churn_resumed() -> None:
    """The correct loop saw every one of 215 changes once, in order."""
    found = count(logged("pods-churn", "correct"), shipped("pods-churn"))
    assert (215, 215, 0, 0) == (found.delivered, found.new, found.replayed, len(found.lost))
    assert [c.object.identity for c in found.changes] == [
        seen.identity for _, seen, _ in found.deliveries()
    ]
    assert () == found.ghosts


def test_rollout_at_the_recorded_instants() -> None:
    """A rollout replays a lot and loses nothing: 123 events for 40 changes."""
    found = count(logged("pods-rollout", "wrong"), shipped("pods-rollout"))
    assert (123, 40, 83, 0) == (found.delivered, found.new, found.replayed, len(found.lost))


def test_churn_at_the_pace_of_retrywatcher() -> None:
    """With clean timeouts RetryWatcher comes back at once: it replays a lot and loses nothing."""
    past = shipped("pods-churn")
    again = sum(len(past.state(past.happened(15.0 * turn))) for turn in range(11))
    found = run(past, wrong, timeout_seconds=15)
    assert (364, 149) == (again + 215, again)
    assert (364, 149, 0) == (found.delivered, found.replayed, len(found.lost))
    found = run(shipped("pods-churn"), correct, timeout_seconds=15)
    assert (215, 215, 0) == (found.delivered, found.new, len(found.lost))


STORY = faults.parse(recording.load(recording.shipped()["pods-cut-twice"]).header.scenario)


def test_the_story() -> None:
    """Cut twice: 17 events for 14 changes, 4 lost, 2 of them deletions; 3 believed, 1 exists."""
    found = run(shipped("pods-cut-twice"), wrong, scenario=STORY)
    assert {
        "delivered": 17,
        "new": 10,
        "replayed": 7,
        "disguised": 0,
        "changes": 14,
        "lost": 4,
        "deletions": 2,
    } == summary(found)
    assert (["job-09", "web-2", "web-9"], ("web-9",)) == (
        [belief.name for belief in found.believed],
        found.real,
    )
    assert ["job-09", "web-2"] == [ghost.name for ghost in found.ghosts]


def test_the_story_resumed() -> None:
    """With the resourceVersion handed on, 14 events for 14 changes, and the belief is right."""
    found = run(shipped("pods-cut-twice"), correct, scenario=STORY)
    assert (14, 14, 0, 0) == (found.delivered, found.new, found.replayed, len(found.lost))
    assert [("web-9", True)] == [(belief.name, belief.exists) for belief in found.believed]


def test_what_happens_after_the_last_close_is_pending() -> None:
    """Changes after the last close are neither delivered nor lost."""
    past = pods(Step(1.0, "add", "a"), Step(2.0, "add", "b"))
    first = past.changes[0].object
    seen = Seen(1.0, EventType.ADDED, first.namespace, "a", first.uid, first.resource_version)
    attempt = Attempt(0.0, "1000", delivered=[seen], closed_at=1.5)
    found = count(Log("x", [attempt]), past)
    assert (1, 0, ("a",)) == (len(found.changes), len(found.lost), found.real)


def test_the_same_event_twice_and_disguised() -> None:
    """An event known from the list is a replay; a change under another type is new, disguised."""
    past = pods(Step(1.0, "modify", "a"), existing=("a",))
    old, new = past.objects[0], past.changes[0].object
    delivered = [
        Seen(0.0, EventType.ADDED, NAMESPACE, "a", item.uid, item.resource_version)
        for item in (old, new, new)
    ]
    found = count(Log("x", [Attempt(0.0, "", delivered=delivered, closed_at=2.0)]), past)
    assert [Fate.REPLAYED, Fate.DISGUISED, Fate.REPLAYED] == [
        fate for _, _, fate in found.deliveries()
    ]
    assert (3, 1, 2, 1) == (found.delivered, found.new, found.replayed, found.disguised)


def test_a_recreation_is_another_object() -> None:
    """A program that believes in an object that was deleted and made again believes in a ghost."""
    past = pods(Step(1.0, "delete", "a"), Step(2.0, "add", "a"), existing=("a",))
    found = count(Log("x", [Attempt(0.0, "", closed_at=3.0)]), past)
    assert ([("a", False)], ("a",)) == (
        [(belief.name, belief.exists) for belief in found.believed],
        found.real,
    )


# ---- for any history, scenario and way to cut the bytes


labels = st.sampled_from([{"app": "web"}, {"app": "other"}])


@dataclass(frozen=True)
class Past:
    """Hold what a history is made of: that is short where Hypothesis shows it."""

    existing: tuple[str, ...]
    steps: tuple[Step, ...]
    seconds: float

    def made(self) -> History:
        return made(shipped("pods-churn"), self.steps, existing=self.existing, seconds=self.seconds)


@st.composite
def histories(draw: st.DrawFn, least: int = 0, quiet_seconds: float = 0.0) -> Past:
    names = ["a", "b", "c", "d"]
    alive = set(draw(st.sets(st.sampled_from(names))))
    start, at, steps = sorted(alive), 0.0, []
    for _ in range(draw(st.integers(least, 25))):
        at = round(at + draw(st.integers(0, 40)) / 10, 1)
        name = draw(st.sampled_from(names))
        if name not in alive:
            alive.add(name)
            steps.append(Step(at, "add", name, labels=draw(labels)))
        elif draw(st.booleans()):
            steps.append(Step(at, "modify", name, labels=draw(labels)))
        else:
            alive.remove(name)
            steps.append(Step(at, "delete", name))
    end = at + draw(st.integers(0, 30)) / 10 + quiet_seconds
    return Past(tuple(start), tuple(steps), round(end, 1))


cuts = st.lists(
    st.builds(
        lambda at, away, how: Cut(at=at / 10, away_seconds=away / 10, how=how),
        st.integers(0, 500),
        st.just(0) | st.integers(0, 60),
        st.sampled_from(["fin", "reset"]),
    ),
    max_size=5,
).map(tuple)

pieces = st.integers(0, 2**16)


def cutting(seed: int) -> object:
    chance = random.Random(seed)

    def cut(data: bytes) -> Iterator[bytes]:
        start = 0
        while start < len(data):
            end = start + chance.choice([1, 2, 50, 500, 4096])
            yield data[start:end]
            start = end

    return cut


@settings(max_examples=60)
@given(histories(), cuts, pieces, st.integers(1, 30))
def test_correct_delivers_each_change_once_and_in_order(
    drawn: Past, scenario: tuple[Cut, ...], seed: int, timeout: int
) -> None:
    """Whatever is cut, and however, who resumes is delivered each change once, in order."""
    past = drawn.made()
    found = run(past, correct, scenario=scenario, timeout_seconds=timeout, cut=cutting(seed))
    delivered = [seen.identity for _, seen, _ in found.deliveries()]
    everything = [change.object.identity for change in past.changes]
    # What happened while nobody was connected at the very end is still to come.
    assert everything[: len(delivered)] == delivered
    assert len(found.changes) <= len(delivered) + missed_at_the_end(past, scenario, found)


def missed_at_the_end(past: History, scenario: tuple[Cut, ...], found: Count) -> int:
    """Count the changes since the last connection was open."""
    closes = [a.closed_at or 0.0 for a in found.attempts if a.close != "refused"]
    return sum(change.at >= max(closes, default=0.0) for change in found.changes)


def model(past: History, found: Count, drops: set[int], loses: set[int]) -> dict[str, Any]:
    """Model what a watch was sent, and was worth, from the times at which it was connected.

    It goes through states by hand, and knows no types beyond these rules, no bytes, no server.
    """
    fates: Counter[str] = Counter()
    got, store = set[int](), {item.name: item.uid for item in past.objects if _is_web(item)}
    asking = [one for one in enumerate(found.attempts) if one[1].close != "refused"]
    for call, attempt in asking:
        asks = (lambda _: True) if call in loses else _is_web
        known = int(attempt.handed) - 1000
        alive = {item.name: (0, item) for item in past.objects}
        sent: list[tuple[int, Object, str]] = []
        for n, change in enumerate(past.changes, start=1):
            was, now = change.previous, change.object
            is_gone = change.type is EventType.DELETED
            if change.at <= attempt.at:
                alive[now.name] = (n, now)
                if is_gone:
                    del alive[now.name]
            is_owed = change.at > attempt.at or (call not in drops and n > known)
            if not is_owed or change.at > (attempt.closed_at or 0.0):
                continue
            before, after = was is not None and asks(was), asks(now) and not is_gone
            if before or after:
                kind = "DELETED" if not after else "MODIFIED" if before else "ADDED"
                sent.append((n, now, kind))
        if call in drops:
            sent[:0] = [(n, item, "ADDED") for n, item in alive.values() if asks(item)]
        for n, item, kind in sent:
            was = past.changes[n - 1].previous if n else item
            is_wanted = _is_web(was) if kind == "DELETED" and was else _is_web(item)
            fate = "not_requested" if not is_wanted else "replayed" if n in got | {0} else "new"
            fates[fate] += 1
            if fate == "new":
                got.add(n)
                expected = "MODIFIED" if was and _is_web(was) else "ADDED"
                fates["disguised"] += kind not in {"DELETED", expected}
                fates["late"] += past.changes[n - 1].at <= attempt.at
            store.pop(item.name, None)
            if kind != "DELETED":
                store[item.name] = item.uid
    end = max((a.closed_at or 0.0 for a in found.attempts), default=0.0)
    owed = {
        n
        for n, change in enumerate(past.changes, start=1)
        if change.at <= end
        and ((change.previous and _is_web(change.previous)) or _is_web(change.object))
    }
    names = ("new", "replayed", "not_requested", "disguised", "late")
    return {**{name: fates[name] for name in names}, "lost": owed - got, "store": store}


def _is_web(item: Object) -> bool:
    return bool(json.loads(item.data)["metadata"].get("labels", {}).get("app") == "web")


calls = st.sets(st.integers(0, 6))


@settings(max_examples=80)
@given(histories(), cuts, pieces, st.integers(1, 30), calls, calls)
def test_what_a_watch_is_worth_is_what_a_dumb_model_says(
    drawn: Past,
    scenario: tuple[Cut, ...],
    seed: int,
    timeout: int,
    drops: set[int],
    loses: set[int],
) -> None:
    """Where some calls drop the resourceVersion and some the selector, all numbers are right."""
    past = drawn.made()
    numbers = itertools.count()

    def asks(options: ListOptions) -> ListOptions:
        call = next(numbers)
        selector = None if call in loses else "app=web"
        version = None if call in drops else options["resource_version"]
        return options.replace(resource_version=version, label_selector=selector)

    told = narrowed(past, _is_web)
    found = run(
        past, asks, scenario=scenario, timeout_seconds=timeout, cut=cutting(seed), told=told
    )
    numbered = {c.object.identity: n for n, c in enumerate(past.changes, start=1)}
    assert model(past, found, drops, loses) == {
        "new": found.new,
        "replayed": found.replayed,
        "not_requested": found.not_requested,
        "disguised": found.disguised,
        "late": found.late,
        "lost": {numbered[change.object.identity] for change in found.lost},
        "store": {belief.name: belief.uid for belief in found.believed},
    }
    assert (0, ()) == (found.inferred, found.superseded)
    everything_adds_up(found, past)


def everything_adds_up(found: Count, past: History) -> None:
    """Every sum holds, in the numbers, in the sentences, in the table and in the strip."""
    assert found.delivered == sum(found.terms[0].values())
    assert len(found.changes) == sum(found.terms[1].values())
    assert found.terms[0]["new"] == found.terms[1]["new"]
    comparison = Comparison([Run(found)], past, ())
    table = counts_table(comparison.runs)
    row = dict(zip(table.heads, table.rows[0], strict=True))
    assert int(row["delivered"]) == sum(
        int(row.get(name, 0)) for name in ("new", "inferred", "replayed", "not requested")
    )
    is_said = [str(comparison)] if found.told.objects or found.told.changes else []
    for shown in (*is_said, comparison.strip.picture.svg()):
        for total, terms in re.findall(r"(\d+) (?:delivered|changes?) = ([\w +]+)", shown):
            assert int(total) == sum(map(int, re.findall(r"\d+", terms)))
        assert 2 == len(re.findall(r"\d+ (?:delivered|changes?) = \d", shown))
    rows = [
        dict(zip(t.heads, r, strict=True)) for t in [comparison.strip.to_table()] for r in t.rows
    ]
    for each in rows:
        kinds = ("inferred", "replayed", "not requested", "changes")
        assert int(each["delivered"]) == sum(int(each.get(kind, 0)) for kind in kinds)


long = histories(least=12, quiet_seconds=100.0)
absences = st.lists(
    st.builds(
        lambda at, away: (Cut(at=at / 10, away_seconds=away), Forget(at=at / 10 + away)),
        st.integers(0, 300),
        st.integers(3, 15),
    ),
    min_size=1,
    max_size=3,
).map(lambda pairs: [fault for pair in pairs for fault in pair])


@settings(max_examples=40)
@given(long, absences, scenarios, options, st.booleans())
def test_a_reflector_loses_nothing_by_listing_again(
    drawn: Past,
    away: list[Fault],
    others: list[Fault],
    chosen: ReflectorOptions,
    is_selective: bool,
) -> None:
    """What its lists told is new or inferred, what they hid is superseded, nothing is missed."""
    past = drawn.made()
    selectors = {"label_selector": "app=web"} if is_selective else {}
    ran = reflecting.run(past, [*away, *others], options=chosen, **selectors)
    told = narrowed(past, _is_web) if is_selective else past
    log, start = reflecting.log_of(ran)
    known = told.followed_by(start) or 0
    told = replace(
        told,
        resource_version=start,
        objects=tuple(told.state(known).values()),
        changes=told.changes[known:],
    )
    found = count(log, told, past)
    events = Counter(e.origin for e in ran.events if e.origin is not Origin.LIST)
    inferred = events.pop(Origin.INFERRED, 0)
    assert (inferred, events.total()) == (found.inferred, found.new)
    assert (0, 0, (), ()) == (found.replayed, found.not_requested, found.lost, found.ghosts)
    everything_adds_up(found, past)


@settings(max_examples=40)
@given(
    long,
    absences,
    st.sampled_from([foreign_loops.handed, foreign_loops.dropped]),
    st.booleans(),
    st.sampled_from(["", "labelSelector=app%3Dweb"]),
)
def test_a_served_verdict_adds_up(
    drawn: Past, away: list[Fault], ask: Any, again: bool, selector: str
) -> None:
    """Whatever a client does its sums hold; one that goes on from what it had misses nothing."""
    past = drawn.made()
    habits = {"again": again, "selector": selector}
    saw = foreign_loops.watched(past, away, PODS_PATH, ask, **habits)
    for one in judge_clients(saw).each:
        found = one.shown.runs[0].count
        everything_adds_up(found, past)
        if ask is foreign_loops.handed:
            assert (0, (), ()) == (found.replayed, found.lost, found.ghosts)


RELISTED = pods(
    Step(2.0, "modify", "a"),
    Step(11.0, "modify", "b"),
    Step(12.0, "delete", "b"),
    Step(12.2, "add", "brief"),
    Step(12.4, "delete", "brief"),
    Step(20.0, "add", "c"),
    existing=("a", "b"),
    seconds=40.0,
)
FORGOTTEN = [{"fault": "cut", "at": 10.0, "away_seconds": 5.0}, {"fault": "forget", "at": 14.0}]


@pytest.mark.parametrize(
    ("infers", "sums"),
    [
        (True, "6 changes = 2 new + 1 inferred + 3 superseded + 0 lost"),
        (False, "6 changes = 2 new + 2 superseded + 2 lost"),
    ],
)
def test_a_correct_relist_loses_nothing(infers: bool, sums: str) -> None:
    """After a 410 an inferred deletion makes up for what never came; without it that is lost."""
    found = count(Loop(RELISTED, FORGOTTEN, infers=infers).run(), RELISTED)
    assert (sums, 0) == (found.sums()[1], found.replayed)
    assert (["b"], 2 * [EventType.DELETED]) != ([g.name for g in found.ghosts], infers)
    everything_adds_up(found, RELISTED)


# ---- made histories


def test_made_histories_are_deterministic_and_say_so() -> None:
    """The same steps give the same bytes, and a made history says that it is no recording."""
    one, other = (
        made_evenly(shipped("pods-churn"), objects=20, changes=50, seconds=30) for _ in range(2)
    )
    assert one == other
    assert (True, False) == (one.is_made, shipped("pods-churn").is_made)
    assert (20, 50, 30) == (len(one.objects), len(one.changes), one.seconds)
    assert {"ADDED", "MODIFIED", "DELETED"} == {change.type for change in one.changes}


def test_made_objects_are_recorded_ones_under_other_names() -> None:
    """All but identity and labels of a made object is what a real server sent."""
    past = pods(Step(1.0, "add", "x", namespace="other", labels={"k": "<v>"}))
    item = past.changes[0].object
    assert ("other", "x", "1001") == (item.namespace, item.name, item.resource_version)
    assert wire.Identity("other", "x", item.uid, "1001") == wire.identify(item.data)
    assert rb'"labels":{"k":"\u003cv\u003e"}' in item.data
    model = shipped("pods-churn").objects[0].data
    assert model[model.index(b'"spec"') :] == item.data[item.data.index(b'"spec"') :]


@pytest.mark.parametrize(
    "steps",
    [
        [Step(1.0, "add", "a")],
        [Step(1.0, "modify", "b")],
        [Step(1.0, "delete", "b")],
        [Step(1.0, "add", "b", resource="things")],
    ],
)
def test_steps_that_cannot_be(steps: list[Step]) -> None:
    """A step that adds what exists, or changes what does not, is refused in a sentence."""
    from kwlab.errors import LabError

    with pytest.raises(LabError):
        pods(*steps, existing=("a",))
