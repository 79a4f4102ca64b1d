"""``make peers``: it goes wrong as its scripts say, it counts right, and its page is whole."""

from __future__ import annotations

import datetime
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks.peers import page
from benchmarks.peers.cell import Outcome, Told, most_in_a_second, run
from benchmarks.peers.libraries import LIBRARIES, Library
from benchmarks.peers.notes import NOTES
from benchmarks.peers.scripts import AT, CHANGES, SCRIPTS, Script, ScriptedServer, history
from kwlab.history import Change
from kwlab.server.exchange import End, Request, Response
from kwlab.wire import EventType
from tests.histories import PODS_PATH

PAGE: Final = Path(__file__).parents[1] / "docs" / "peers.md"
SPEED: Final = 4.0
LONG_SECONDS: Final = 200.0
"""Of the history; what is right ends a run at once."""


def script(name: str) -> Script:
    return next(each for each in SCRIPTS if each.name == name)


def tried(library_name: str, script_name: str) -> Outcome:
    """Run a cell fast, with what is installed here, and with patience for a busy machine."""
    patient = replace(script(script_name), patience_seconds=LONG_SECONDS)
    return run(library(library_name), Path(sys.executable), patient, speed=SPEED)


def library(name: str) -> Library:
    return next(each for each in LIBRARIES if each.name == name)


# ---- the harness, with what is installed here


@pytest.mark.parametrize("name", ["cut", "close-at-once"])
def test_retrywatcher_comes_through(name: str) -> None:
    """RetryWatcher is told of every change once, with few requests, and goes on."""
    outcome = tried("kwlab RetryWatcher", name)
    assert "running" == outcome.ended
    assert (CHANGES, 0, 0, 0) == (
        outcome.delivered,
        outcome.replayed,
        outcome.lost,
        outcome.wrong,
    )
    assert outcome.requests <= 6
    # A clock of hundredths of a second gives whole hundredths, and less than nothing now and then.
    assert 0 < 1000 * outcome.cpu_seconds / outcome.delivered < 100


def test_the_official_watch_raises_at_a_cut() -> None:
    """The official ``Watch`` ends with the transport's exception; what is left is not lost."""
    outcome = tried("kubernetes Watch", "cut")
    assert "urllib3.ProtocolError" == outcome.ended
    assert (2, 0, 0, None) == (outcome.requests, outcome.replayed, outcome.lost, outcome.wrong)
    assert 0 < outcome.delivered < CHANGES


def test_the_official_watch_asks_as_fast_as_it_can() -> None:
    """A watch that is ended at once is asked for again with no pause, and the server counts it."""
    outcome = tried("kubernetes Watch", "close-at-once")
    assert ("running", 0) == (outcome.ended, outcome.lost)
    assert outcome.requests >= outcome.peak > page.MANY_REQUESTS / 2
    assert outcome.requests > page.MANY_REQUESTS


# ---- the scripts


def asked(name: str, at: float, resource_version: str | None) -> Response:
    """Ask the server of a script for a watch."""
    query = (("watch", "true"),)
    if resource_version is not None:
        query += (("resourceVersion", resource_version),)
    return ScriptedServer(script(name)).respond(Request("GET", PODS_PATH, query), at)


def lines(response: Response) -> list[bytes]:
    return [frame.data for frame in response.frames if isinstance(frame.data, bytes)]


def last(response: Response) -> object:
    *_, frame = response.frames
    return frame.data


def version_at(at: float) -> str:
    happened = [change for change in history().changes if change.at <= at]
    return happened[-1].object.resource_version if happened else history().resource_version


@pytest.mark.parametrize("each", SCRIPTS, ids=lambda each: each.name)
def test_a_list_is_whole_whatever_goes_wrong_with_watches(each: Script) -> None:
    """Before it goes wrong a list is what exists."""
    response = ScriptedServer(each).respond(Request("GET", PODS_PATH), 0.0)
    [body] = lines(response)
    assert len(history().objects) == len(json.loads(body)["items"])


def test_a_watch_is_ended_cleanly_where_the_script_says() -> None:
    """Whoever watches is ended at the next of the script's moments, and has all up to it."""
    response = asked("close", 0.0, history().resource_version)
    frames = list(response.frames)
    assert (End.DONE, 1.5) == (frames[-1].data, frames[-1].due)
    assert sum(change.at < 1.5 for change in history().changes) == len(frames) - 1


def test_a_watch_that_is_ended_at_once_brings_nothing() -> None:
    """Changes that are waiting are not sent first; later it is a watch like any other."""
    first = history().resource_version
    assert [End.DONE] == [frame.data for frame in asked("close-at-once", AT, first).frames]
    assert CHANGES == len(lines(asked("close-at-once", 4.0, first)))


@pytest.mark.parametrize("form", ["http", "stream"])
def test_what_is_forgotten_gets_410_in_both_forms(form: str) -> None:
    """A resourceVersion from before is refused for ever, a later one and none at all are not."""
    old, new = version_at(1.0), version_at(AT)
    for at in (AT, 5.0):
        response = asked(f"410-{form}", at, old)
        assert (410 if form == "http" else 200) == response.status
        assert b'"code":410' in lines(response)[0]
        for resource_version in (new, None):
            response = asked(f"410-{form}", at, resource_version)
            assert 200 == response.status
            assert b'"code":410' not in lines(response)[0]
    assert b'"code":410' in lines(asked(f"410-{form}-repeated", AT, new))[0]
    assert b'"code":410' not in lines(asked(f"410-{form}-repeated", 4.0, new))[0]


def test_nobody_can_have_the_last_resource_version_before_410() -> None:
    """What changes just before is withheld, so that no watcher is ahead of what is forgotten."""
    sent = lines(asked("410-stream", 0.0, history().resource_version))
    seen = json.loads(sent[-1])["object"]["metadata"]["resourceVersion"]
    after, until = script("410-stream").out_of_reach
    assert version_at(after) == seen != version_at(until)


def test_a_line_is_broken_once() -> None:
    """It is half a line; a garbled one is followed by the next, else the answer ends there."""
    first = history().resource_version
    garbled = lines(asked("malformed", 0.0, first))
    whole = lines(asked("nothing", 0.0, first))
    [number] = [n for n, pair in enumerate(zip(garbled, whole, strict=True)) if pair[0] != pair[1]]
    assert garbled[number] == whole[number][: len(whole[number]) // 2] + b"\n"
    for name, end in (("line-cut", End.FIN), ("line-ended", End.DONE)):
        assert whole[number].startswith(lines(asked(name, 0.0, first))[-1])
        assert end is last(asked(name, 0.0, first))
    assert whole == lines(asked("malformed", AT, first))


def test_a_lost_permission_leaves_discovery_alone() -> None:
    """What is refused is lists and watches; a client may still ask which resources there are."""
    server = ScriptedServer(script("403"))
    assert 403 == server.respond(Request("GET", PODS_PATH), AT).status
    assert 403 == asked("403", AT, version_at(AT)).status
    assert 200 == server.respond(Request("GET", "/api/v1"), AT).status


# ---- counting


def test_the_busiest_second() -> None:
    """It begins anywhere, and what is a whole second later is not in it."""
    assert 3 == most_in_a_second([0.0, 0.9, 1.5, 1.6, 1.9, 3.0])
    assert 1 == most_in_a_second([0.0, 1.0, 2.0])
    assert 0 == most_in_a_second([])


def told(*events: tuple[str, Change]) -> Told:
    found = Told()
    for kind, change in events:
        item = change.object
        found.take(
            json.dumps(
                {
                    "type": kind,
                    "namespace": item.namespace,
                    "name": item.name,
                    "uid": item.uid,
                    "resource_version": item.resource_version,
                    "cpu": 0.0,
                }
            )
        )
    return found


def all_told() -> list[tuple[str, Change]]:
    listed = [("LISTED", Change(0, 0.0, EventType.ADDED, item, None)) for item in history().objects]
    return listed + [(change.type.value, change) for change in history().changes]


def test_everything_told_once_is_right() -> None:
    """Nothing is lost, nothing was told twice, and what is believed is what exists."""
    found = told(*all_told())
    assert (CHANGES, 0, 0) == (found.delivered, found.replayed, found.wrong(history()))
    assert [] == found.lost(history(), script("nothing"), is_running=True)


def test_a_deletion_that_was_stepped_over() -> None:
    """It is lost, and the program believes in what is gone, until a later event says otherwise."""
    events = all_told()
    last_deletion = max(n for n, (kind, _) in enumerate(events) if kind == "DELETED")
    change = events[last_deletion][1]
    until = next(
        (n for n in range(last_deletion + 1, len(events))
         if events[n][1].object.name == change.object.name), len(events)
    )  # fmt: skip
    found = told(*(event for n, event in enumerate(events[:until]) if n != last_deletion))
    lost = found.lost(history(), script("nothing"), is_running=False)
    assert ([change] if until > last_deletion + 1 else []) == lost
    assert found.wrong(history()) > 0


def test_what_is_told_twice_is_replayed() -> None:
    """The same object at the same resourceVersion, a second list and a second deletion too."""
    events = all_told()
    deletion = next(event for event in events if event[0] == "DELETED")
    found = told(*events, events[0], deletion, ("ADDED", events[-1][1]))
    assert (CHANGES + 3, 3) == (found.delivered, found.replayed)


def test_an_inferred_deletion_is_a_deletion() -> None:
    """One that a list implies has the last known resourceVersion, and is not a replay."""
    events = all_told()
    number = next(n for n, (kind, _) in enumerate(events) if kind == "DELETED")
    item = events[number][1].previous
    assert item is not None
    events[number] = ("DELETED", Change(0, 0.0, EventType.DELETED, item, None))
    found = told(*events)
    assert (0, 0) == (found.replayed, found.wrong(history()))
    assert [] == found.lost(history(), script("nothing"), is_running=True)


def test_objects_may_be_kept_by_name_or_by_uid() -> None:
    """A recreation told alone, and a late event of what it replaced, are not held against it."""
    events = all_told()
    names = {change.object.name for kind, change in events if kind == "ADDED"}
    gone = max(
        n
        for n, (kind, change) in enumerate(events)
        if kind == "DELETED" and change.object.name in names
    )
    deleted = events[gone][1]
    assert deleted.previous is not None
    without = [*events[:gone], *events[gone + 1 :]]
    late = ("MODIFIED", Change(0, 0.0, EventType.MODIFIED, deleted.previous, None))
    assert 0 == told(*without).wrong(history())
    assert 0 == told(*without, late, events[gone]).wrong(history())


def test_what_nobody_could_have_is_not_lost() -> None:
    """Changes that no watch gives any more are left out; so are those after the end."""
    after, until = script("410-stream").out_of_reach
    seen = [pair for pair in all_told() if not after < pair[1].at <= until]
    assert [] == told(*seen).lost(history(), script("410-stream"), is_running=True)
    assert told(*seen).lost(history(), script("nothing"), is_running=True)
    begun = told(*all_told()[:20])
    assert [] == begun.lost(history(), script("nothing"), is_running=False)
    assert CHANGES + len(history().objects) - 20 == len(
        begun.lost(history(), script("nothing"), is_running=True)
    )


# ---- the page


def outcome(**facts: Any) -> Outcome:
    values: dict[str, Any] = {
        "library": "kopf",
        "script": "cut",
        "requests": 4,
        "peak": 2,
        "delivered": 60,
        "replayed": 0,
        "no_events": 0,
        "lost": 0,
        "lost_deletions": 0,
        "wrong": 0,
        "ended": "running",
        "code": None,
        "at": 6.0,
        "cpu_seconds": 0.12,
    }
    return Outcome(**{**values, **facts})


@pytest.mark.parametrize(
    ("facts", "verdict", "ending"),
    [
        ({}, "right", "running; right since 6.0 s"),
        ({"wrong": 2, "at": 16.02}, "2 wrong", "running; at 16 s wrong about 2 objects"),
        (
            {"lost": 3, "replayed": 4, "peak": 500},
            "right, 3 lost, 4 replayed, 500 requests in 1 s",
            "running; right since 6.0 s",
        ),
        (
            {"ended": "a.b.ApiException", "code": 410, "wrong": None, "at": 2.04},
            "raised `ApiException` (410)",
            "raised `a.b.ApiException` (410) at 2.0 s",
        ),
        ({"ended": "ended", "wrong": None}, "ended", "ended without an exception at 6.0 s"),
    ],
)
def test_an_outcome_in_words(facts: dict[str, Any], verdict: str, ending: str) -> None:
    """The overview has a word or two, the table a clause."""
    assert (verdict, ending) == (page.verdict(outcome(**facts)), page.ending(outcome(**facts)))


@pytest.mark.parametrize(
    ("cpu_seconds", "cell"), [(0.12, "2.0"), (0.0035, "0.1"), (0.0029, "< 0.1"), (0.0, "< 0.1")]
)
def test_cpu_is_never_less_than_nothing(cpu_seconds: float, cell: str) -> None:
    """What is too little to tell is said to be so."""
    assert cell == page._row("", outcome(cpu_seconds=cpu_seconds))[-1]


def tables(text: str) -> list[list[list[str]]]:
    """Read all tables of a page: rows of cells, the head first."""
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if line.startswith("| "):
            found[-1].append([cell.strip() for cell in line.strip("|").split(" | ")])
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def assert_whole(text: str) -> None:
    versions, glance, _, *each = tables(text)
    pins = {one.package: one.requirement.partition("==")[2] for one in LIBRARIES}
    for package, version in versions[2:]:
        assert not pins[package] or version.split(",")[0] == pins[package]
    assert pins.keys() == {row[0] for row in versions[2:]}
    titles = [one.title for one in SCRIPTS]
    assert ["", *(one.name for one in LIBRARIES)] == glance[0]
    assert titles == [row[0] for row in glance[2:]]
    assert len(LIBRARIES) == len(each)
    for one, table in zip(LIBRARIES, each, strict=True):
        assert f"### {one.name}\n" in text
        assert list(page.COLUMNS) == table[0]
        assert titles == [row[0] for row in table[2:]]
        assert all(len(page.COLUMNS) == len(row) for row in table)
        assert all(int(row[1]) >= int(row[2]) >= 1 for row in table[2:])
        assert not any(row[-1].startswith("-") for row in table[2:])


def test_the_committed_page_is_whole() -> None:
    """Each library stands with each script on it, at the version that is pinned."""
    text = PAGE.read_text(encoding="utf-8")
    assert_whole(text)
    assert "make peers" in text


def test_a_page_is_written_whole() -> None:
    """What is written has the date and the versions that it was given."""
    outcomes = [outcome(library=lib.name, script=s.name) for lib in LIBRARIES for s in SCRIPTS]
    versions = {
        lib.package: f"{lib.requirement.partition('==')[2]}, aiohttp 1" for lib in LIBRARIES
    }
    text = page.written(outcomes, versions, datetime.date(2030, 1, 2))
    assert_whole(text)
    assert "2030-01-02" in text


def test_a_note_is_about_a_version_that_is_tried() -> None:
    """When a pin changes, its notes have to be read again."""
    assert {(one.name, one.requirement) for one in LIBRARIES} >= NOTES.keys()
