"""Verdicts on random schedules are what a simple model says, and who is right is never accused."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

import kwlab
from kwlab.history import Change, History, narrowed
from kwlab.judging.chains import UNREAD_SECONDS
from kwlab.judging.clients import judge_clients
from kwlab.judging.properties import OF_A_WATCH_FUNCTION, Property, broken
from kwlab.log import Close, Log, Request, Seen
from kwlab.metrics import count
from kwlab.running import watched
from kwlab.server import faults
from kwlab.server.door import Door, Session
from kwlab.server.faults import Scenario, Silence
from kwlab.wire import LineDecoder, ListOptions, WatchEvent
from tests import foreign_loops
from tests.conftest import SEED
from tests.foreign_loops import Watched
from tests.histories import PODS_PATH, shipped
from tests.nightly import IS_NIGHTLY
from tests.schedules import CALM_SECONDS, Schedule, schedule
from tests.watch_functions import WatchFunction

SCHEDULES: Final = 1_000 if IS_NIGHTLY else 100
SHARE: Final = (1, 1, 1) if IS_NIGHTLY else (6, 3, 10)
"""Of so many schedules who is right, who is wrong, and a served loop plays one."""
P1, P2, P3, P5 = Property.HANDED, Property.ONCE, Property.DELETIONS, Property.BOOKMARKS


def pods_of(played: Schedule) -> History:
    return narrowed(played.history, lambda item: item.resource.plural == "pods")


@dataclass
class Call:
    """Hold what one call was given, and what it asked of the server."""

    given: str
    requests: list[Request] = field(default_factory=list)


class Player:
    """Play one schedule to one watch function, and write down each call."""

    def __init__(self, played: Schedule, make: Callable[[Player], WatchFunction]) -> None:
        self.played = played
        self.session = Session(faults.FaultyServer(played.history, played.scenario))
        self._pool = Door(self.session).client().rest_client.pool_manager
        self.start = played.history.resource_version
        self.told = pods_of(played)
        self.calls: list[Call] = []
        self._function = make(self)
        clock = self.session.clock
        self.log: Log = watched("it", self._called, self.start, clock=clock, asked=self.session)[0]

    def _called(self, options: ListOptions) -> Any:
        self.calls.append(Call(options["resource_version"]))
        return self._function(options)

    def watch(
        self, version: str | None, seconds: float | None = 20.0, *, marks: bool = True
    ) -> Any:
        """Open a watch with a read timeout; what reaches the server belongs to the call."""
        asked = {"resourceVersion": version} if version is not None else {}
        asked |= {"allowWatchBookmarks": "true"} if marks else {}
        query = {"watch": "1", "timeoutSeconds": str(self.played.watch_seconds), **asked}
        before, url = len(self.session.requests), f"http://kwlab.invalid{PODS_PATH}"
        try:
            return self._pool.request(
                "GET", url, fields=query, preload_content=False, timeout=seconds
            )
        finally:
            self.calls[-1].requests += self.session.requests[before:]

    def violated(self) -> set[Property]:
        """Give those that the model finds violated."""
        delivered = (seen for attempt in self.log.attempts for seen in attempt.delivered)
        return violated(self.played.scenario, self.told, self.calls, delivered)

    def accused(self) -> set[Property]:
        """Give the properties that a verdict would name."""
        found = broken(count(self.log, self.told), self.told, OF_A_WATCH_FUNCTION)
        return {one.property for one in found}


# ---- right, and wrong each in a way of its own


def given(options: ListOptions) -> str:
    return str(options["resource_version"])


def looping(player: Player) -> WatchFunction:
    """Go on by itself, from where it is; it does not pause."""

    def function(options: ListOptions) -> Iterator[WatchEvent]:
        version = given(options)
        for _ in range(3):
            for event in kwlab.events(player.watch(version)):
                version = event.resource_version
                yield event

    return function


def by_hand(player: Player) -> WatchFunction:
    """Read whole lines only, and nothing after one that cannot be read."""

    def function(options: ListOptions) -> Iterator[WatchEvent]:
        decoder = LineDecoder()
        for chunk in player.watch(given(options)).stream():
            for event in decoder.feed(chunk):
                if not isinstance(event, WatchEvent):
                    return
                yield event

    return function


def times(number: Callable[[WatchEvent], int]) -> Callable[[Player], WatchFunction]:
    """Pass each event on so many times."""

    def make(player: Player) -> WatchFunction:
        def function(options: ListOptions) -> Iterator[WatchEvent]:
            for event in kwlab.events(player.watch(given(options))):
                yield from [event] * number(event)

        return function

    return make


def hiding(player: Player) -> WatchFunction:
    """Ask from anywhere, and leave out what came before."""
    known = {item.identity for item in player.told.objects}

    def function(options: ListOptions) -> Iterator[WatchEvent]:
        for event in kwlab.events(player.watch(None)):
            if (key := (event.uid, event.resource_version)) not in known:
                known.add(key)
                yield event

    return function


RIGHT: Final[dict[str, Callable[[Player], WatchFunction]]] = {
    "without a read timeout": lambda player: lambda options: player.watch(given(options), None),
    "with a read timeout": lambda player: lambda options: player.watch(given(options), 7.0),
    "without bookmarks": lambda player: lambda options: player.watch(given(options), marks=False),
    "as a generator": times(lambda event: 1),
    "by hand": by_hand,
    "with a loop": looping,
}
WRONG: Final[dict[str, Callable[[Player], WatchFunction]]] = {
    "drops the options": lambda player: lambda options: player.watch(None, marks=False),
    "asks from 0": lambda player: lambda options: player.watch("0"),
    "asks from the list": lambda player: lambda options: player.watch(player.start),
    "adds one": lambda player: lambda options: player.watch(str(int(given(options)) + 1)),
    "hides what came before": hiding,
    "keeps bookmarks back": times(lambda event: event.type != "BOOKMARK"),
    "keeps deletions back": times(lambda event: event.type != "DELETED"),
    "says some things twice": times(lambda event: 1 + (event.type == "MODIFIED")),
}


# ---- the model: from what was given, asked and sent, and from what went wrong when


def lines(request: Request) -> Iterator[tuple[str, str, bool]]:
    """Give type, resourceVersion and whether it is whole, of each line that can be read."""
    for _, line in request.sent:
        try:
            value = json.loads(line)
            version = value["object"]["metadata"].get("resourceVersion", "")
        except (ValueError, KeyError):
            return
        if not version and value["type"] != "ERROR":
            return
        yield value["type"], version, line.endswith(b"\n")


def violated(
    scenario: Scenario, told: History, calls: list[Call], delivered: Iterable[Seen]
) -> set[Property]:
    """Say what is violated, of P1, P2, P3 and P5."""
    found = set()
    known = {item.identity for item in told.objects}
    for seen in delivered:
        found |= {P2} if seen.identity in known else set()
        known.add(seen.identity)
    for call, following in itertools.pairwise([*calls, None]):
        assert call is not None
        may_ask = {call.given}
        for request in call.requests:
            found |= set() if (request.parameter("resourceVersion") or "") in may_ask else {P1}
            sent = [line for line in lines(request) if line[0] != "ERROR"]
            may_ask |= {sent[-1][1]} if sent else set()
        if following is not None and call.requests and sent and sent[-1][2]:
            is_heeded = sent[-1][0] != "BOOKMARK" or following.given == sent[-1][1]
            found |= set() if is_heeded else {P5}
    for change in told.changes:
        if change.type == "DELETED" and change.object.identity not in known:
            asked = [(call, request) for call in calls for request in call.requests]
            is_told = any(could_tell(scenario, change, *each) for each in asked)
            found |= {P3} if is_told else set()
    return found


def could_tell(scenario: Scenario, change: Change, call: Call, request: Request) -> bool:
    """Say whether who goes on from where it was would have been told of a change on this watch."""
    number = int(change.object.resource_version)
    is_refused = request.status != 200 or next(lines(request), [""])[0] == "ERROR"
    if is_refused or int(call.given) >= number or request.closed_at is None:
        return False
    if int(request.parameter("resourceVersion") or 0) >= number:
        # It asks from behind it: no matter whether the connection fell silent.
        return change.at <= request.closed_at
    silent = [f.at or 0.0 for f in scenario if isinstance(f, Silence) and (f.at or 0) > request.at]
    return change.at <= min([request.closed_at, *silent])


# ---- both on the same schedules


@functools.cache
def random_schedule(number: int) -> Schedule:
    """Make one; every other goes wrong up to its end."""
    calm = CALM_SECONDS if number % 2 else 0.0
    return schedule(f"{SEED}:{number}", shipped("pods-churn"), calm_seconds=calm)


@functools.cache
def played(name: str) -> dict[int, tuple[set[Property], set[Property]]]:
    """Give what one function is accused of, and what it violates, by the number of the schedule."""
    share = SHARE[name in WRONG]
    numbers = range([*RIGHT, *WRONG].index(name) % share, SCHEDULES, share)
    players = {n: Player(random_schedule(n), (RIGHT | WRONG)[name]) for n in numbers}
    return {n: (player.accused(), player.violated()) for n, player in players.items()}


@pytest.mark.parametrize("name", RIGHT)
def test_who_is_right_is_never_accused(name: str) -> None:
    """Whatever happens and goes wrong, silence and 410 and the end of the story among it."""
    may = {Property.WAITS} if name == "with a loop" else set()
    wrongly = {n: one for n, one in played(name).items() if one[0] - may or one[1]}
    assert {} == wrongly, f"KWLAB_SEED={SEED}"


@pytest.mark.parametrize("name", WRONG)
def test_who_is_wrong_is_accused_of_what_is_violated(name: str) -> None:
    """A verdict names P1, P2, P3 and P5 where the model does, and nothing else anywhere."""
    differ = {n: one for n, one in played(name).items() if one[0] != one[1]}
    assert {} == differ, f"KWLAB_SEED={SEED}"


@pytest.mark.parametrize("one", [P1, P2, P3, P5], ids=lambda one: one.value)
def test_one_schedule_in_twenty_can_violate_it(one: Property) -> None:
    """The schedules are no walk-over: each property is violated on enough of them."""
    on = {n for name in WRONG for n, (_, found) in played(name).items() if one in found}
    assert len(on) >= SCHEDULES // 20


# ---- what a server sees of a loop in any language

RIGHT_LOOPS: Final[dict[str, dict[str, Any]]] = {
    "goes on": {},
    "lists again": {"again": True},
    "shows all first": {"ask": foreign_loops.watch_list_once, "starts_with_list": False},
}
WRONG_LOOPS: Final[dict[str, dict[str, Any]]] = {
    "drops": {"ask": foreign_loops.dropped},
    "asks from 0": {"ask": foreign_loops.zero},
    "asks from the list": {"ask": foreign_loops.pinned},
}


def served(number: int, habits: dict[str, Any]) -> tuple[Schedule, Watched, set[Property]]:
    """Play a schedule to a loop; give what a server saw, and what it is accused of."""
    one = random_schedule(number)
    options = f"watch=1&allowWatchBookmarks=true&timeoutSeconds={one.watch_seconds}"
    habits = {"ask": foreign_loops.handed, "options": options, **habits}
    saw = foreign_loops.watched(one.history, one.scenario, PODS_PATH, **habits)
    accused = {found.property for each in judge_clients(saw).each for found in each.broken}
    return one, saw, accused


@pytest.mark.parametrize("name", RIGHT_LOOPS)
def test_a_loop_that_is_right_is_never_accused(name: str) -> None:
    """A loop in any language, seen by a server."""
    numbers = range(0, SCHEDULES, SHARE[2])
    accused = {n: found for n in numbers if (found := served(n, RIGHT_LOOPS[name])[2])}
    assert {} == accused, f"KWLAB_SEED={SEED}"


@pytest.mark.parametrize("name", WRONG_LOOPS)
def test_a_loop_that_is_wrong_is_accused_of_what_is_violated(name: str) -> None:
    """The model, given the server's log, finds the same."""
    differ = {}
    for n in range(0, SCHEDULES, SHARE[2]):
        one, saw, accused = served(n, WRONG_LOOPS[name])
        found = violated_as_seen(one, saw)
        if found is not None and found != accused:
            differ[n] = found, accused
    assert {} == differ, f"KWLAB_SEED={SEED}"


_UNCLEAN: Final = (Close.CUT, Close.STOPPED)


def violated_as_seen(one: Schedule, saw: Watched) -> set[Property] | None:
    """Give what the model finds; None after a second list, and where nobody knows what was read."""
    calls, delivered, standing, told = list[Call](), list[Seen](), [""], pods_of(one)
    for request in saw.requests:
        if not request.is_watch:
            if calls or request.status != 200:
                return None
            standing = [json.loads(request.sent[0][1])["metadata"]["resourceVersion"]]
            listed = told.state(told.happened(request.at)).values()
            told = replace(told, objects=tuple(listed))
            continue
        asked = request.parameter("resourceVersion") or ""
        # Who goes on from before a bookmark hands that to itself.
        calls.append(Call(asked if asked in standing else standing[-1], [request]))
        request.closed_at = saw.ended_at if request.closed_at is None else request.closed_at
        heard_at = request.sent[-1][0] if request.sent else 0.0
        if request.close in _UNCLEAN and heard_at > request.closed_at - 2 * UNREAD_SECONDS:
            return None
        sent = [line for line in lines(request) if line[0] != "ERROR"]
        delivered += [seen for seen in request.seen() if seen.type not in ("BOOKMARK", "ERROR")]
        changes = [version for kind, version, _ in sent if kind != "BOOKMARK"]
        standing = [*(changes[-1:] or [calls[-1].given]), *(v for _, v, _ in sent[-1:])]
    return violated(one.scenario, told, calls, delivered)
