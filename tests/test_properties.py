"""Properties: each is broken by a function or a loop of its own, on a script that can break it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import kwlab
from kwlab.history import narrowed
from kwlab.judging import properties
from kwlab.judging.properties import Broken, Property, broken
from kwlab.lab import Lab
from kwlab.log import Attempt, Close, Log, Request, Seen
from kwlab.made import Step
from kwlab.metrics import Count, count
from kwlab.wire import EventType, LineDecoder, ListOptions, WatchEvent
from tests import histories
from tests.loops import Loop
from tests.watch_functions import WatchFunction

PAST = histories.pods(
    Step(2.0, "modify", "web-1"),
    # Nobody watches it; it moves the resourceVersion of bookmarks.
    Step(3.0, "add", "other", resource="configmaps"),
    Step(8.0, "delete", "web-2"),
    Step(11.0, "modify", "web-3"),
    Step(12.0, "delete", "web-3"),
    Step(24.0, "modify", "web-1"),
    Step(31.0, "add", "web-4"),
    existing=("web-1", "web-2", "web-3"),
    seconds=40.0,
)
TOLD = narrowed(PAST, lambda item: item.resource.plural == "pods")
CUT = {"fault": "cut", "at": 9.0}
AWAY = {"fault": "cut", "at": 10.0, "away_seconds": 5.0}
FORGOTTEN = {"fault": "forget", "at": 14.0}


def watch(lab: Lab, **options: Any) -> Any:
    """Open a watch that the server ends so soon that it sends a bookmark first."""
    options = {"timeout_seconds": 6, **options}
    return lab.api.list_namespaced_pod(lab.namespace, watch=True, _preload_content=False, **options)


def correct(lab: Lab) -> WatchFunction:
    return lambda options: watch(lab, **options)


def drops_and_hides(lab: Lab) -> WatchFunction:
    """Drop the resourceVersion, and hide it: nothing is lost by a cut, and nothing comes twice."""
    seen = {item.identity for item in lab.history.objects}

    def function(options: ListOptions) -> Iterator[WatchEvent]:
        for event in kwlab.events(watch(lab, timeout_seconds=60)):
            if (key := (event.uid, event.resource_version)) not in seen:
                seen.add(key)
                yield event

    return function


def says_all_twice(lab: Lab) -> WatchFunction:
    def function(options: ListOptions) -> Iterator[WatchEvent]:
        for event in kwlab.events(watch(lab, **options)):
            yield from (event, event)

    return function


def swallows_deletions(lab: Lab) -> WatchFunction:
    def function(options: ListOptions) -> Iterator[WatchEvent]:
        events = kwlab.events(watch(lab, **options))
        yield from (event for event in events if event.type != "DELETED")

    return function


def swallows_bookmarks(lab: Lab) -> WatchFunction:
    def function(options: ListOptions) -> Iterator[WatchEvent]:
        events = kwlab.events(watch(lab, **options))
        yield from (event for event in events if event.type != "BOOKMARK")

    return function


# Held here, or the garbage collector closes what a function left open, before or after a check.
LEFT_OPEN: list[object] = []


def leaves_open(lab: Lab) -> WatchFunction:
    def function(options: ListOptions) -> Iterator[WatchEvent]:
        response = watch(lab, **options.replace(timeout_seconds=60))
        chunks = response.read_chunked()
        decoder = LineDecoder()
        events = (event for chunk in chunks for event in decoder.feed(chunk))
        LEFT_OPEN.append((response, chunks, events))
        event = next(events)
        assert isinstance(event, WatchEvent)
        yield event

    return function


@dataclass(frozen=True)
class Script:
    """Play one scenario, to a watch function or to a loop."""

    scenario: list[dict[str, Any]]
    right: Callable[[list[dict[str, Any]]], Count]
    wrong: Callable[[list[dict[str, Any]]], Count]


def of(function: Callable[[Lab], WatchFunction]) -> Callable[[list[dict[str, Any]]], Count]:
    def run(scenario: list[dict[str, Any]]) -> Count:
        lab = Lab(PAST)
        attempts = lab.run(function(lab), scenario=scenario).runs[0].count.attempts
        return count(Log("function", list(attempts)), TOLD)

    return run


def loop(**habits: Any) -> Callable[[list[dict[str, Any]]], Count]:
    return lambda scenario: count(Loop(PAST, scenario, **habits).run(), TOLD)


SCRIPTS = {
    Property.HANDED: Script([CUT], of(correct), of(drops_and_hides)),
    Property.ONCE: Script([CUT], of(correct), of(says_all_twice)),
    Property.DELETIONS: Script([AWAY], of(correct), of(swallows_deletions)),
    Property.RELISTS: Script([AWAY, FORGOTTEN], loop(), loop(relists=False)),
    Property.BOOKMARKS: Script([CUT], of(correct), of(swallows_bookmarks)),
    Property.STOPS: Script([CUT], of(correct), of(leaves_open)),
    Property.WAITS: Script([AWAY], loop(), loop(pause_seconds=0.01)),
}


@pytest.mark.parametrize("one", Property, ids=lambda one: one.value)
def test_a_broken_example_breaks_its_own_property_and_no_other(one: Property) -> None:
    """The script can break the property, and what breaks it breaks nothing else."""
    script = SCRIPTS[one]
    assert [one] == [found.property for found in broken(script.wrong(script.scenario), TOLD)]


UNKNOWABLE: dict[str, list[dict[str, Any]]] = {
    "silence and 410": [{"fault": "silence", "at": 5.0}, {"fault": "forget", "at": 11.0}],
    "silence and 410 as a status": [
        {"fault": "silence", "at": 5.0},
        {"fault": "refuse", "at": 11.0, "seconds": 9.0, "code": 410},
    ],
    "silence and 401": [
        {"fault": "silence", "at": 5.0},
        {"fault": "refuse", "at": 11.0, "seconds": 9.0, "code": 401},
    ],
    "silence and absence": [
        {"fault": "silence", "at": 5.0},
        {"fault": "cut", "at": 11.0, "away_seconds": 60.0},
    ],
    "absence to the end": [{"fault": "cut", "at": 7.5, "away_seconds": 60.0}],
    "503 to the end": [
        {"fault": "cut", "at": 7.5},
        {"fault": "refuse", "at": 7.5, "code": 503, "seconds": 60.0},
    ],
}


@pytest.mark.parametrize("name", UNKNOWABLE)
def test_nobody_is_accused_of_what_nobody_could_know(name: str) -> None:
    """What came after a connection was last heard is no loss of the function's, nor is the end."""
    counted = of(lambda lab: lambda options: watch(lab, **options, _request_timeout=8.0))
    assert () == broken(counted(UNKNOWABLE[name]), TOLD, properties.OF_A_WATCH_FUNCTION)


@pytest.mark.parametrize("one", Property, ids=lambda one: one.value)
def test_a_right_example_keeps_them_all_on_the_same_script(one: Property) -> None:
    """A property is no trap: on the script that can break it a right function keeps it."""
    script = SCRIPTS[one]
    assert () == broken(script.right(script.scenario), TOLD)


def test_every_property_has_a_check_and_a_script() -> None:
    """P1 to P7 are all checked, and all of them can fail."""
    assert list(Property) == list(properties.CHECKS) == list(SCRIPTS)


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (Property.HANDED, Broken(Property.HANDED, 1, "rv@0", "none")),
        (Property.ONCE, Broken(Property.ONCE, 1, "nothing", "MODIFIED web-1 rv@1")),
        (Property.DELETIONS, Broken(Property.DELETIONS, 2, "DELETED web-2 rv@2", "nothing")),
        (Property.STOPS, Broken(Property.STOPS, 1, "closed at 2.0 s", "left open")),
    ],
)
def test_the_first_break_is_named(one: Property, says: Broken) -> None:
    """What broke is named by connection, by what was expected and by what came."""
    script = SCRIPTS[one]
    assert (says,) == broken(script.wrong(script.scenario), TOLD)


def test_a_relist_without_the_missing_deletions_is_no_relist() -> None:
    """P4 wants the deletions that the list shows by silence, not the list alone."""
    found = broken(loop(infers=False)([AWAY, FORGOTTEN]), TOLD)
    assert [(Property.RELISTS, "the deletion of web-3", "nothing")] == [
        (one.property, one.expected, one.came) for one in found
    ]


def test_a_watch_in_place_of_a_list_is_named() -> None:
    """P4 says what was asked for in place of a list."""
    (found,) = broken(loop(relists=False)([AWAY, FORGOTTEN]), TOLD)
    assert ("a list", "a watch from rv@2") == (found.expected, found.came)


def test_a_watcher_that_gives_up_at_a_410_does_not_relist() -> None:
    """RetryWatcher leaves the list to whoever made it: P4 is not a watch function's."""
    counted = of(correct)([AWAY, FORGOTTEN])
    (found,) = broken(counted, TOLD)
    assert (Property.RELISTS, "nothing") == (found.property, found.came)
    assert () == broken(counted, TOLD, properties.OF_A_WATCH_FUNCTION)


def _request(at: float, closed_at: float | None) -> Request:
    query = (("watch", "true"), ("resourceVersion", PAST.resource_version))
    return Request(at, histories.PODS_PATH, query, 200, [], closed_at, Close.CUT)


def _counted(*attempts: Attempt) -> Count:
    return count(Log("hand", list(attempts)), TOLD)


def test_an_open_connection_is_left_open() -> None:
    """P6 counts what was never closed, and says so."""
    attempt = Attempt(0.0, PAST.resource_version, [_request(0.0, None)], closed_at=1.0)
    (found,) = broken(_counted(attempt), TOLD)
    assert Broken(Property.STOPS, 1, "closed at 1.0 s", "left open") == found


def test_a_list_may_follow_a_410_at_once() -> None:
    """P7 is about asking the same again; after anything but a 410 so short a pause breaks it."""
    listed = Request(0.2, histories.PODS_PATH, (), 200, [], 0.2, Close.TIMEOUT)
    for status, breaks in ((410, []), (None, [Property.WAITS])):
        first = Attempt(0.0, PAST.resource_version, [_request(0.0, 0.1)], [], 0.1, status=status)
        second = Attempt(0.2, PAST.resource_version, [listed, _request(0.2, 1.0)], [], 1.0)
        assert breaks == [one.property for one in broken(_counted(first, second), TOLD)]


def test_a_delivered_bookmark_is_a_break() -> None:
    """P5 has two sides: a bookmark moves the resourceVersion, and nobody is delivered it."""
    bookmark = Seen(0.5, EventType.BOOKMARK, "", "", "", PAST.resource_version)
    attempt = Attempt(0.0, PAST.resource_version, [_request(0.0, 1.0)], [bookmark], 1.0)
    (found,) = broken(_counted(attempt), TOLD)
    assert (Property.BOOKMARKS, "nothing") == (found.property, found.expected)


def test_what_broke_is_said_in_a_sentence() -> None:
    """A property has a name, and a break a sentence of its own."""
    for one in Property:
        assert str(one).startswith(f"{one.value}: ")
        said = str(Broken(one, 3, "this", "that"))
        assert "connection 3" in said
        assert "{" not in said
