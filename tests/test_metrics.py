"""There is one way to count, and it gives the published results."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwlab import recording, wire
from kwlab.history import History
from kwlab.log import Attempt, Log, Seen
from kwlab.made import Step, made, made_evenly
from kwlab.metrics import Count, Fate, count
from kwlab.server import faults
from kwlab.server.faults import Cut
from kwlab.wire import EventType, WatchEvent
from tests.histories import NAMESPACE, pods, shipped
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
    assert ((Fate.REPLAYED, Fate.DISGUISED, Fate.REPLAYED),) == found.fates
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


@st.composite
def histories(draw: st.DrawFn) -> History:
    names = ["a", "b", "c", "d"]
    alive = set(draw(st.sets(st.sampled_from(names))))
    start, at, steps = sorted(alive), 0.0, []
    for _ in range(draw(st.integers(0, 25))):
        at = round(at + draw(st.integers(0, 40)) / 10, 1)
        name = draw(st.sampled_from(names))
        if name not in alive:
            alive.add(name)
            steps.append(Step(at, "add", name))
        elif draw(st.booleans()):
            steps.append(Step(at, "modify", name))
        else:
            alive.remove(name)
            steps.append(Step(at, "delete", name))
    end = at + draw(st.integers(0, 30)) / 10
    return made(shipped("pods-churn"), steps, existing=start, seconds=round(end, 1))


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
    past: History, scenario: tuple[Cut, ...], seed: int, timeout: int
) -> None:
    """Whatever is cut, and however, who resumes is delivered each change once, in order."""
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


def dumb(past: History, found: Count) -> tuple[int, int, int, set[tuple[str, str]]]:
    """Model the wrong function from the times at which it was connected, and nothing else.

    It knows no types, no bytes and no server: while connected it learns what there is, then every
    change; what it believes is what it was last told.
    """
    told: list[tuple[str, tuple[str, str], bool]] = []
    for attempt in found.attempts:
        if attempt.close == "refused":
            continue
        alive = {item.name: item for item in past.objects}
        for change in past.changes:
            if change.at <= attempt.at:
                alive.pop(change.object.name, None)
                if change.type is not EventType.DELETED:
                    alive[change.object.name] = change.object
        told += [(name, item.identity, True) for name, item in sorted(alive.items())]
        for change in past.changes:
            if attempt.at < change.at <= (attempt.closed_at or 0.0):
                item = change.object
                told.append((item.name, item.identity, change.type is not EventType.DELETED))
    seen = {item.identity for item in past.objects}
    believed = {item.name: item.uid for item in past.objects}
    replayed = 0
    for name, identity, is_alive in told:
        replayed += identity in seen
        seen.add(identity)
        believed.pop(name, None)
        if is_alive:
            believed[name] = identity[0]
    lost = sum(change.object.identity not in seen for change in found.changes)
    return len(told), replayed, lost, set(believed.items())


@settings(max_examples=60)
@given(histories(), cuts, pieces, st.integers(1, 30))
def test_wrong_is_what_a_dumb_model_says(
    past: History, scenario: tuple[Cut, ...], seed: int, timeout: int
) -> None:
    """Delivered, replayed, lost and believed are those of a model that knows times only."""
    found = run(past, wrong, scenario=scenario, timeout_seconds=timeout, cut=cutting(seed))
    believed = {(belief.name, belief.uid) for belief in found.believed}
    assert dumb(past, found) == (found.delivered, found.replayed, len(found.lost), believed)
    assert found.delivered == found.new + found.replayed
    assert len(found.changes) == len(
        {seen.identity for _, seen, f in found.deliveries() if f is not Fate.REPLAYED}
    ) + len(found.lost)


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
