"""Verdicts on random schedules are what a simple model says, and who is right is never accused."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

import kwlab
from kwlab.history import Change, narrowed
from kwlab.judging.properties import OF_A_WATCH_FUNCTION, Property, broken
from kwlab.log import Log, Request
from kwlab.metrics import count
from kwlab.running import watched
from kwlab.server import faults
from kwlab.server.door import Door, Session
from kwlab.server.faults import Silence
from kwlab.wire import LineDecoder, ListOptions, WatchEvent
from tests.conftest import SEED
from tests.histories import PODS_PATH, shipped
from tests.nightly import IS_NIGHTLY
from tests.schedules import CALM_SECONDS, Schedule, schedule
from tests.watch_functions import WatchFunction

SCHEDULES: Final = 1_000 if IS_NIGHTLY else 100
SHARE: Final = (1, 1) if IS_NIGHTLY else (6, 3)
"""Of so many schedules who is right, and who is wrong, plays one; all together play each."""
P1, P2, P3, P5 = Property.HANDED, Property.ONCE, Property.DELETIONS, Property.BOOKMARKS


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
        self.told = narrowed(played.history, lambda item: item.resource.plural == "pods")
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


def violated(player: Player) -> set[Property]:
    """Say what is violated, of P1, P2, P3 and P5."""
    found = set()
    known = {item.identity for item in player.told.objects}
    for seen in (seen for attempt in player.log.attempts for seen in attempt.delivered):
        found |= {P2} if seen.identity in known else set()
        known.add(seen.identity)
    for call, following in itertools.pairwise([*player.calls, None]):
        assert call is not None
        may_ask = {call.given}
        for request in call.requests:
            found |= set() if (request.parameter("resourceVersion") or "") in may_ask else {P1}
            sent = [line for line in lines(request) if line[0] != "ERROR"]
            may_ask |= {sent[-1][1]} if sent else set()
        if following is not None and call.requests and sent and sent[-1][2]:
            is_heeded = sent[-1][0] != "BOOKMARK" or following.given == sent[-1][1]
            found |= set() if is_heeded else {P5}
    for change in player.told.changes:
        if change.type == "DELETED" and change.object.identity not in known:
            asked = [(call, request) for call in player.calls for request in call.requests]
            is_told = any(could_tell(player, change, *each) for each in asked)
            found |= {P3} if is_told else set()
    return found


def could_tell(player: Player, change: Change, call: Call, request: Request) -> bool:
    """Say whether who goes on from where it was would have been told of a change on this watch."""
    number = int(change.object.resource_version)
    is_refused = request.status != 200 or next(lines(request), [""])[0] == "ERROR"
    if is_refused or int(call.given) >= number or request.closed_at is None:
        return False
    if int(request.parameter("resourceVersion") or 0) >= number:
        # It asks from behind it: no matter whether the connection fell silent.
        return change.at <= request.closed_at
    faults = player.played.scenario
    silent = [f.at or 0.0 for f in faults if isinstance(f, Silence) and (f.at or 0) > request.at]
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
    return {n: (player.accused(), violated(player)) for n, player in players.items()}


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
