"""A client in any language is judged by what the server saw of it, and by nothing else."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import urllib3
from kubernetes import config, watch
from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException

import kwlab
from kwlab.commands import _strip_path, main
from kwlab.judging.clients import ClientVerdict, ClientVerdicts, judge_clients
from kwlab.judging.judge import Verdict
from kwlab.judging.properties import Property
from kwlab.lab import STORY, load
from kwlab.log import Close
from kwlab.made import Step
from kwlab.server.serve import Served
from kwlab.wire import ListOptions
from tests import foreign_loops
from tests.foreign_loops import Watched, watched
from tests.histories import NAMESPACE, PODS_PATH, busy, pods, shipped
from tests.notebook_files import ROOT
from tests.realserver import watching_client

P1, P2, P3, P4, P5, P7 = (
    Property.HANDED,
    Property.ONCE,
    Property.DELETIONS,
    Property.RELISTS,
    Property.BOOKMARKS,
    Property.WAITS,
)
LONG: Final = 60.0
STORY_PAST: Final = shipped(STORY)
STORY_CUTS: Final = load(STORY).header.scenario
FORGETS: Final = [{"fault": "forget", "at": 32.5}, {"fault": "cut", "at": 31.05, "away_seconds": 3}]
REFUSES: Final = [{"fault": "cut", "at": 15}, {"fault": "refuse", "at": 15, "code": 503}]
QUIET: Final = pods(
    Step(1.0, "modify", "a"),
    *busy(30, apart=1.0, start=2.0, resource="configmaps"),
    Step(45.0, "modify", "a"),
    existing=("a", "b"),
    seconds=60.0,
)
SHORT: Final = "watch=1&allowWatchBookmarks=true&timeoutSeconds=10"


def judged(saw: Watched) -> ClientVerdict:
    (one,) = judge_clients(saw).each
    return one


def story(ask: Callable[..., str], **habits: Any) -> ClientVerdict:
    return judged(watched(STORY_PAST, STORY_CUTS, PODS_PATH, ask, **habits))


def kinds(one: ClientVerdict) -> set[Property]:
    return {broken.property for broken in one.broken}


# ---- what breaks, and what does not


@pytest.mark.parametrize(
    ("ask", "habits", "breaks"),
    [
        (foreign_loops.handed, {}, set()),
        (foreign_loops.one_before, {}, {P1, P2}),
        (foreign_loops.watch_list_once, {"starts_with_list": False}, set()),
        (foreign_loops.dropped, {}, {P1, P2, P3}),
        (foreign_loops.dropped, {"starts_with_list": False}, {P1, P2, P3}),
        (foreign_loops.zero, {}, {P1, P2, P3}),
        (foreign_loops.zero, {"starts_with_list": False}, {P1, P2, P3}),
        (foreign_loops.pinned, {}, {P1, P2}),
    ],
)
def test_a_loop_breaks_what_it_is_known_to_break(
    ask: Callable[..., str], habits: dict[str, Any], breaks: set[Property]
) -> None:
    """Where a loop goes on from is judged by what it had been sent, and how it began is not."""
    one = story(ask, **habits)
    assert breaks == kinds(one), one
    assert (Verdict.NOT_YET if breaks else Verdict.CORRECT) is one.verdict


def test_the_counts_are_those_of_a_notebook() -> None:
    """The wrong loop's numbers are the ones that the lab finds for the same bug."""
    lab = kwlab.open_lab()

    def wrong(options: ListOptions) -> Any:
        return lab.api.list_namespaced_pod(
            NAMESPACE, watch=True, _preload_content=False, timeout_seconds=400
        )

    expected, came = lab.run(wrong).runs[0].count, story(foreign_loops.dropped).shown.runs[0].count
    assert (expected.delivered, expected.replayed) == (came.delivered, came.replayed)
    assert (expected.lost, expected.believed) == (came.lost, came.believed)


@pytest.mark.parametrize(("sent_at", "breaks"), [(9.9, set()), (9.7, {P1, P2})])
def test_what_was_sent_just_before_a_cut_may_not_have_been_read(
    sent_at: float, breaks: set[Property]
) -> None:
    """Going on from before the last event is right where that was sent in the last moment."""
    past = pods(
        Step(5.0, "modify", "a"),
        Step(sent_at, "modify", "b"),
        Step(20.0, "modify", "a"),
        existing=("a", "b"),
        seconds=30.0,
    )
    cut = [{"fault": "cut", "at": 10}]
    one = judged(watched(past, cut, PODS_PATH, foreign_loops.one_before))
    assert breaks == kinds(one), one
    assert len(breaks) // 2 == one.shown.runs[0].count.replayed


@pytest.mark.parametrize(
    ("ask", "habits"),
    [
        (foreign_loops.handed, {"again": True}),
        (foreign_loops.watch_list, {"starts_with_list": False}),
    ],
)
def test_listing_again_is_neither_wrong_nor_resuming(
    ask: Callable[..., str], habits: dict[str, Any]
) -> None:
    """Who lists at each reconnect is told so: what a list covers is not lost, if it compares."""
    one = story(ask, **habits)
    assert (Verdict.CORRECT, ()) == (one.verdict, one.broken)
    assert one.text.startswith("Nothing broke that a server can see, but at 2 of 2 reconnects it ")
    assert "a server cannot see" in one.text
    counted = one.shown.runs[0].count
    assert ((), ()) == (counted.lost, counted.ghosts)
    sums = "12 delivered = 10 new + 2 inferred + 0 replayed; 14 changes = 10 new + 2 inferred + "
    assert f"mine: {sums}2 superseded + 0 lost." in str(one)
    assert "2 changes were superseded" in one.text


def test_a_list_that_nothing_goes_on_from_covers_no_request() -> None:
    """Who lists again and then asks for no resourceVersion has lost nothing, and is wrong."""
    one = story(foreign_loops.dropped, again=True)
    assert {P1, P2} == kinds(one), one
    assert () == one.shown.runs[0].count.lost


@pytest.mark.parametrize(("after_410", "breaks"), [(True, set()), (False, {P4})])
def test_a_410_leads_to_a_list(after_410: bool, breaks: set[Property]) -> None:
    """Listing after a 410 is right; asking for the expired one again is not."""
    one = judged(watched(STORY_PAST, FORGETS, PODS_PATH, foreign_loops.handed, after_410=after_410))
    assert breaks == kinds(one), one
    said = "came a watch from rv@9." if breaks else "After a 410 it listed again"
    assert said in one.text
    assert 410 in [attempt.status for attempt in one.attempts]


@pytest.mark.parametrize(("pause_seconds", "breaks"), [(1.0, set()), (0.05, {P7})])
def test_a_hot_loop_breaks_the_pause(pause_seconds: float, breaks: set[Property]) -> None:
    """Asking many times a second while the server refuses is a property that breaks."""
    one = judged(
        watched(STORY_PAST, REFUSES, PODS_PATH, foreign_loops.handed, pause_seconds=pause_seconds)
    )
    assert breaks == kinds(one), one


def test_the_pause_is_judged_in_the_seconds_of_the_client() -> None:
    """At half speed a pause of a second takes half a second of the history: that is no hot loop."""
    saw = watched(STORY_PAST, REFUSES, PODS_PATH, foreign_loops.handed, pause_seconds=0.5)
    assert {P7} == kinds(judged(saw))
    assert set() == kinds(judged(replace(saw, speed=0.5)))


@pytest.mark.parametrize("speed", [1.0, 8.0, 30.0, 60.0])
def test_a_recording_that_is_hurried_makes_no_hot_loop(speed: float) -> None:
    """Who comes back at once after 15 s of watching does so at any speed; who is refused waits."""
    at_once = {"pause_seconds": 0.05 * speed}
    saw = watched(STORY_PAST, STORY_CUTS, PODS_PATH, foreign_loops.handed, **at_once)
    assert set() == kinds(judged(replace(saw, speed=speed)))
    refuses = [STORY_CUTS[0], {"fault": "refuse", "at": 15, "seconds": 20, "code": 503}]
    saw = watched(STORY_PAST, refuses, PODS_PATH, foreign_loops.handed, **at_once)
    assert {P7} == kinds(judged(replace(saw, speed=speed)))


@pytest.mark.parametrize(
    ("ask", "breaks"), [(foreign_loops.handed, set()), (foreign_loops.no_bookmarks, {P5})]
)
def test_bookmarks_are_heeded(ask: Callable[..., str], breaks: set[Property]) -> None:
    """Who goes on from the last event, and not from the bookmark after it, kept it back."""
    one = judged(watched(QUIET, [], PODS_PATH, ask, options=SHORT))
    assert breaks == kinds(one), one
    assert len(one.attempts) > 4
    assert 2 == len(one.shown.runs[0].count.changes)


def test_after_a_clean_end_everything_was_read() -> None:
    """A server that ends a watch has sent all of it: who goes on from before the last is wrong."""
    short = "watch=1&timeoutSeconds=10"
    one = judged(watched(STORY_PAST, [], PODS_PATH, foreign_loops.one_before, options=short))
    assert {P1, P2} == kinds(one), one


TWO_TYPES: Final = pods(
    Step(2.0, "add", "a", resource="configmaps"),
    Step(3.0, "modify", "a"),
    Step(10.5, "delete", "a", resource="configmaps"),
    Step(10.7, "delete", "a"),
    Step(20.0, "modify", "b"),
    existing=("a", "b"),
    seconds=30.0,
)
MAPS_PATH: Final = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


@pytest.mark.parametrize(
    ("path", "changes", "believes"),
    [(PODS_PATH, 3, "believes in 1 pod: b."), (MAPS_PATH, 2, "believes in 0 configmaps.")],
)
def test_of_several_types_only_what_is_watched_is_judged(
    path: str, changes: int, believes: str
) -> None:
    """A client is owed its own type: counts, sentences and strip are of that alone."""
    cut = [{"fault": "cut", "at": 10, "away_seconds": 1}]
    one = judged(watched(TWO_TYPES, cut, path, foreign_loops.handed))
    assert Verdict.CORRECT is one.verdict, one
    count = one.shown.runs[0].count
    assert (changes, changes, ()) == (count.delivered, len(count.changes), count.lost)
    assert believes in str(one)
    assert changes == len([r for r in one.shown.strip.to_table("changes").rows if r[1] != "rv@0"])
    wrong = judged(watched(TWO_TYPES, cut, path, foreign_loops.dropped))
    assert 1 == len(wrong.shown.runs[0].count.lost)
    assert P3 in kinds(wrong)


def test_who_watches_nothing_that_was_recorded_is_not_called_correct() -> None:
    """Where nothing could be lost, nothing is proven: one sentence says what was watched."""
    path = "/api/v1/namespaces/elsewhere/pods"
    saw = watched(TWO_TYPES, [{"fault": "cut", "at": 10}], path, foreign_loops.handed)
    one = judged(saw)
    assert Verdict.NOT_ATTEMPTED is one.verdict
    assert f"Cannot be judged: nothing of {path} is in this recording." == one.text
    assert 2 == judge_clients(saw).exit_status
    forgets = watched(TWO_TYPES, [{"fault": "cut", "at": 10}], path, foreign_loops.dropped)
    assert {P1} == kinds(judged(forgets))


def test_a_list_after_a_bookmark_takes_its_place() -> None:
    """Who lists again has heeded what came before, whatever it was."""
    one = judged(watched(QUIET, [], PODS_PATH, foreign_loops.handed, again=True, options=SHORT))
    assert (Verdict.CORRECT, set()) == (one.verdict, kinds(one)), one


def test_a_list_that_the_end_came_after_is_seen() -> None:
    """Who listed after a 410, and had no time left to watch from there, did what it must."""
    away = {"fault": "cut", "at": 31.05, "away_seconds": 13}
    late = [away, {"fault": "forget", "at": 44.0}]
    one = judged(watched(STORY_PAST, late, PODS_PATH, foreign_loops.handed, pause_seconds=2.0))
    assert 410 == one.attempts[-2].status
    assert set() == kinds(one), one


def test_a_410_before_an_absence_to_the_end_proves_nothing() -> None:
    """Nobody could list again, for the server was away until the end."""
    away = [{"fault": "error", "at": 30.0}, {"fault": "cut", "at": 30.0, "away_seconds": 60}]
    one = judged(watched(STORY_PAST, away, PODS_PATH, foreign_loops.handed))
    assert ([410], set()) == ([each.status for each in one.attempts], kinds(one)), one


def test_a_410_behind_a_line_that_cannot_be_read_is_not_seen() -> None:
    """Nobody reads on after such a line, so that nobody has to list again."""
    scenario = [{"fault": "malformed", "at": 30.0}, {"fault": "error", "at": 30.0}]
    one = judged(watched(STORY_PAST, scenario, PODS_PATH, foreign_loops.handed))
    assert (2, set()) == (len(one.attempts), kinds(one)), one


def test_a_bookmark_just_before_a_cut_may_not_have_been_read() -> None:
    """Going on from the event before a bookmark is right when a cut may have swallowed it."""
    cut = [{"fault": "cut", "at": at + 8.1} for at in (0.0, 9.1, 18.2)]
    one = judged(watched(QUIET, cut, PODS_PATH, foreign_loops.no_bookmarks, options=SHORT))
    assert 2 < len([attempt for attempt in one.attempts if attempt.close is Close.CUT])
    assert not [broken for broken in one.broken if broken.connection < 5], one


def test_what_is_sent_as_a_table_counts_as_the_objects_in_it() -> None:
    """kubectl is sent Tables; each tells of the object that its row carries."""
    as_table = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    saw = watched(STORY_PAST, STORY_CUTS, PODS_PATH, foreign_loops.dropped, headers=as_table)
    assert b'"kind":"Table"' in saw.requests[1].sent[0][1]
    one = judged(saw)
    assert {P1, P2, P3} == kinds(one), one
    assert (17, 7) == (one.shown.runs[0].count.delivered, one.shown.runs[0].count.replayed)


# ---- what cannot be judged


def test_a_watch_that_was_never_cut_proves_nothing() -> None:
    """One connection to the end: nobody knows from where it would have gone on."""
    verdicts = judge_clients(watched(STORY_PAST, [], PODS_PATH, foreign_loops.handed))
    assert (Verdict.NOT_ATTEMPTED, 2) == (verdicts.verdict, verdicts.exit_status)
    assert [False, False] == [bool(verdicts), bool(verdicts.each[0])]
    assert repr(verdicts).startswith("mine/1: Cannot be judged: its one watch was never ended")
    assert "its one watch was never ended for it" in str(verdicts)
    assert "mine: 14 delivered = 14 new" in str(verdicts)


def test_a_client_that_never_comes_back_proves_nothing() -> None:
    """A watch that was cut, and no other after it."""
    saw = watched(STORY_PAST, STORY_CUTS, PODS_PATH, foreign_loops.handed)
    verdicts = judge_clients(replace(saw, requests=saw.requests[:2]))
    assert 2 == verdicts.exit_status
    assert "its one watch ended at 15.0 s (cut) and it never asked again" in str(verdicts)


def test_nobody_came() -> None:
    """No request at all, and nothing but a list, cannot be judged, each with its sentence."""
    saw = watched(STORY_PAST, STORY_CUTS, PODS_PATH, foreign_loops.handed)
    only_a_list = replace(saw, requests=saw.requests[:1])
    assert "mine/1 asked for no watch." == str(judge_clients(only_a_list))
    verdicts = judge_clients(replace(saw, requests=()))
    assert 2 == verdicts.exit_status
    assert str(verdicts).startswith("Cannot be judged: nobody asked for anything.")


def test_what_is_refused_is_named() -> None:
    """A watch of what the recording does not have is named, with its status."""
    path, habits = "/apis/example.org/v1/things", {"starts_with_list": False}
    verdicts = judge_clients(watched(STORY_PAST, [], path, foreign_loops.dropped, **habits))
    expected = "mine/1 asked for a watch of /apis/example.org/v1/things, and never got one "
    assert str(verdicts).startswith(f"{expected}(status 404)")
    assert 2 == verdicts.exit_status


def test_what_is_forgotten_is_not_called_correct() -> None:
    """When the server remembers only the latest requests, nobody's past is known."""
    saw = watched(STORY_PAST, STORY_CUTS, PODS_PATH, foreign_loops.handed)
    assert 0 == judge_clients(saw).exit_status
    verdicts = judge_clients(replace(saw, forgotten=3))
    assert 2 == verdicts.exit_status
    assert "The oldest 3 requests are forgotten" in str(verdicts)


# ---- who is who


def test_clients_stand_apart_by_their_names() -> None:
    """Each has a verdict of its own, and the worst of them is everybody's."""
    right = watched(STORY_PAST, STORY_CUTS, PODS_PATH, foreign_loops.handed, pause_seconds=1.3)
    wrong = watched(STORY_PAST, STORY_CUTS, PODS_PATH, foreign_loops.dropped)
    verdicts = judge_clients(right.beside(wrong.by("theirs/2 (linux)")))
    assert {"mine/1": True, "theirs/2 (linux)": False} == {
        one.client: one.is_correct for one in verdicts.each
    }
    for one in verdicts.each:
        assert {one.client} == {r.client for each in one.attempts for r in each.requests}
    assert 1 == verdicts.exit_status


@pytest.mark.parametrize(("close", "status"), [(Close.CUT, 2), (Close.STOPPED, 0)])
def test_who_was_left_off_leaves_the_verdict_open(close: Close, status: int) -> None:
    """One went on correctly; another was cut and never came back, or had ended by itself."""
    right = watched(STORY_PAST, STORY_CUTS, PODS_PATH, foreign_loops.handed)
    other = replace(right, requests=right.requests[:2]).by("once/1")
    other.requests[1].close = close
    assert status == judge_clients(right.beside(other)).exit_status


def test_each_goes_on_from_what_it_was_sent_itself() -> None:
    """Of two processes of one name the one that knows a resourceVersion is the one that asks."""
    cut = [{"fault": "cut", "at": 29.0}]
    plain = "watch=1&timeoutSeconds=400"
    first = watched(QUIET, cut, PODS_PATH, foreign_loops.handed, options=SHORT)
    second = watched(QUIET, cut, PODS_PATH, foreign_loops.handed, options=plain, pause_seconds=0.9)
    verdicts = judge_clients(first.beside(second))
    assert [len(first.requests) - 1, 2] == [len(one.attempts) for one in verdicts.each]
    assert verdicts, verdicts


def test_two_processes_of_one_name_stand_apart() -> None:
    """Of two watches that were open at once, each goes on from what it was sent itself."""
    first, second = (
        watched(STORY_PAST, STORY_CUTS, PODS_PATH, foreign_loops.handed, pause_seconds=pause)
        for pause in (1.0, 1.3)
    )
    verdicts = judge_clients(first.beside(second))
    assert [3, 3] == [len(one.attempts) for one in verdicts.each]
    assert verdicts, verdicts


def test_a_selector_is_a_watch_of_its_own() -> None:
    """Counted is what the selector lets through; a second watch of one client is another lane."""
    narrow = watched(
        STORY_PAST,
        STORY_CUTS,
        PODS_PATH,
        foreign_loops.handed,
        selector="fieldSelector=metadata.name=web-9",
    )
    wide = watched(STORY_PAST, STORY_CUTS, PODS_PATH, foreign_loops.dropped)
    other, one = sorted(judge_clients(narrow.beside(wide)).each, key=lambda one: one.path)
    assert (f"{PODS_PATH}?metadata.name=web-9", PODS_PATH) == (one.path, other.path)
    assert (True, False) == (bool(one), bool(other))
    about = sum(change.object.name == "web-9" for change in STORY_PAST.changes)
    assert about == one.shown.runs[0].count.delivered == len(one.shown.history.changes)


def test_what_a_client_calls_itself_steers_no_terminal() -> None:
    """Control characters of a User-Agent are not printed."""
    saw = watched(STORY_PAST, STORY_CUTS, PODS_PATH, foreign_loops.handed)
    assert "\x1b" not in str(judge_clients(saw.by("\x1b[2Jmine/1")))
    assert str(judge_clients(saw.by(""))).startswith("a client without a name watched /api/v1/")


# ---- real clients on a real socket


def official_stream(served: Served, stop: threading.Event) -> None:
    """The loop that people ship."""
    api_client = config.new_client_from_config(str(served.kubeconfig))
    api_client.user_agent = "official-stream/1"
    api = CoreV1Api(api_client)
    while not stop.is_set():
        with contextlib.suppress(urllib3.exceptions.HTTPError, ApiException):
            for _ in watch.Watch().stream(api.list_namespaced_pod, NAMESPACE, timeout_seconds=300):
                pass
        stop.wait(0.1)
    api_client.rest_client.pool_manager.clear()


def retry_watcher(name: str, *, is_right: bool) -> Callable[[Served, threading.Event], None]:
    def run(served: Served, stop: threading.Event) -> None:
        api_client = config.new_client_from_config(str(served.kubeconfig))
        api_client.user_agent = name
        api = CoreV1Api(api_client)

        def function(options: ListOptions) -> Any:
            asked = options if is_right else ListOptions()
            return api.list_namespaced_pod(
                NAMESPACE,
                watch=True,
                _preload_content=False,
                _request_timeout=LONG,
                **asked.replace(timeout_seconds=300),
            )

        version = api.list_namespaced_pod(NAMESPACE).metadata.resource_version
        with kwlab.RetryWatcher(version, function) as watcher:
            threading.Thread(target=lambda: (stop.wait(), watcher.stop())).start()
            for _ in watcher:
                pass
        api_client.rest_client.pool_manager.clear()

    return run


def plain_http(served: Served, stop: threading.Event) -> None:
    """The standard library, and a resourceVersion that is passed on."""
    place, version = urlsplit(served.url).netloc, ""
    while not stop.is_set():
        connection = http.client.HTTPConnection(place, timeout=LONG)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            if not version:
                connection.request("GET", PODS_PATH, headers={"User-Agent": "plain-http/1"})
                version = json.load(connection.getresponse())["metadata"]["resourceVersion"]
            target = f"{PODS_PATH}?watch=1&resourceVersion={version}"
            connection.request("GET", target, headers={"User-Agent": "plain-http/1"})
            answer = connection.getresponse()
            while line := answer.readline():
                version = json.loads(line)["object"]["metadata"]["resourceVersion"]
        stop.wait(0.1)


CLIENTS: Final = {
    "official-stream/1": official_stream,
    "retry-wrong/1": retry_watcher("retry-wrong/1", is_right=False),
    "retry-right/1": retry_watcher("retry-right/1", is_right=True),
    "plain-http/1": plain_http,
}


@pytest.fixture(scope="module")
def seen_together() -> ClientVerdicts:
    """Let four clients watch the story at once, through its cuts, ten times as fast as it was."""
    stop = threading.Event()
    with Served(STORY_PAST, STORY_CUTS, speed=10) as served:
        threads = [
            threading.Thread(target=run, args=(served, stop), name=name)
            for name, run in CLIENTS.items()
        ]
        for thread in threads:
            thread.start()
        assert served.wait_for_clients(timeout_seconds=LONG)
        inside = judge_clients(served)
        stop.set()
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()
    assert [one.verdict for one in inside.each] == [
        one.verdict for one in judge_clients(served).each
    ]
    return inside


@pytest.mark.parametrize(
    ("client", "is_right"),
    [
        ("official-stream/1", False),
        ("retry-wrong/1", False),
        ("retry-right/1", True),
        ("plain-http/1", True),
    ],
)
def test_real_clients_are_told_apart(
    seen_together: ClientVerdicts, client: str, is_right: bool
) -> None:
    """Clients that watch at once, in this language or another, each get their own verdict."""
    (one,) = [one for one in seen_together.each if one.client == client]
    assert is_right is one.is_correct, one
    assert 3 == len(one.attempts), one
    if not is_right:
        assert P1 in kinds(one), one
    assert 1 == seen_together.exit_status


# ---- client-go


CLIENT_GO: Final = {
    "retrywatcher, correct": ("retrywatcher", "--function", "correct"),
    "retrywatcher, wrong": ("retrywatcher", "--function", "wrong"),
    "informer": ("informer",),
}


@pytest.fixture(scope="module")
def seen_of_client_go() -> dict[str, ClientVerdicts]:
    """Let client-go watch the story, each way of it on a server of its own, all at once."""
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, (kind, *function) in CLIENT_GO.items():
            served = stack.enter_context(Served(STORY_PAST, STORY_CUTS, speed=10))
            where = ["--url", served.url, "--resource", "pods", "--namespace", NAMESPACE]
            ends = ["--timeout-seconds", "300", "--for", "60"]
            stack.enter_context(watching_client(kind, *where, *function, *ends))
            servers[name] = served
        assert all(served.wait_for_clients(timeout_seconds=LONG) for served in servers.values())
        return {name: judge_clients(served) for name, served in servers.items()}


@pytest.mark.needs("rig")
@pytest.mark.parametrize("name", CLIENT_GO)
def test_client_go_is_judged_by_its_watch_function(
    seen_of_client_go: dict[str, ClientVerdicts], name: str
) -> None:
    """RetryWatcher with the wrong function breaks P1 to P3; with the right one, and in an informer
    that begins with a WatchList, nothing breaks.
    """
    verdicts = seen_of_client_go[name]
    (one,) = verdicts.each
    is_wrong = name.endswith("wrong")
    assert ({P1, P2, P3} if is_wrong else set()) == kinds(one), one
    assert (int(is_wrong), 3) == (verdicts.exit_status, len(one.attempts)), one
    counted = one.shown.runs[0].count
    assert is_wrong is bool(counted.replayed and counted.lost_deletions and counted.ghosts)


# ---- python -m kwlab serve --check


@contextlib.contextmanager
def serving(tmp_path: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command, up to the line that says where it listens."""
    with subprocess.Popen(
        [sys.executable, "-m", "kwlab", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
    ) as process:
        try:
            assert process.stdout is not None
            address = re.findall(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
            yield process, address
        finally:
            process.kill()


def watch_until_it_ends(url: str, name: str, *, is_right: bool) -> None:
    """List and watch, until nobody has listened for longer than the story's outage."""
    version, gone = "", 0
    while gone < 20:
        pool = urllib3.PoolManager(headers={"User-Agent": name}, retries=False)
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            if not version:
                listed = pool.request("GET", f"{url}{PODS_PATH}").json()
                version = listed["metadata"]["resourceVersion"]
            asked = f"?watch=1&resourceVersion={version}" if is_right else "?watch=1"
            answer = pool.request("GET", f"{url}{PODS_PATH}{asked}", preload_content=False)
            gone = 0
            for line in answer:
                version = json.loads(line)["object"]["metadata"]["resourceVersion"]
        pool.clear()
        gone += 1
        time.sleep(0.1)


def test_the_command_ends_with_a_verdict(tmp_path: Path) -> None:
    """At the end of the recording: finding, properties, strip, and a status for CI."""
    with (
        serving(tmp_path, "--check", "--speed", "10") as (right, right_url),
        serving(tmp_path, "--save", "strip.svg", "--speed", "10") as (wrong, wrong_url),
    ):
        other = threading.Thread(
            target=watch_until_it_ends, args=(right_url, "mine/1"), kwargs={"is_right": True}
        )
        other.start()
        watch_until_it_ends(wrong_url, "theirs/2", is_right=False)
        other.join(LONG)
        said = [process.communicate(timeout=LONG) for process in (right, wrong)]
        assert [("", 0), ("", 1)] == [
            (err, process.returncode)
            for (_, err), process in zip(said, (right, wrong), strict=True)
        ]
    (out, _), (bad, _) = said
    assert f"mine/1 asks for {PODS_PATH}.\n" in out
    assert f"mine/1 watched {PODS_PATH}, 3 connections:\n" in out
    assert "mine: 14 delivered = 14 new + 0 replayed; 14 changes = 14 new + 0 lost.\n" in out
    assert "Correct. At each of 2 reconnects it went on from what it had been sent" in out
    assert "lost   (" not in out
    assert "P1: every request carries" in bad
    assert "connection 1 was handed rv@0 and asked for none.\n" in bad
    assert "2 of them deletions)" in bad
    assert "Wrote strip.svg.\n" in bad
    assert (tmp_path / "strip.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_asks_for_the_verdict(tmp_path: Path, ending: signal.Signals) -> None:
    """Ended early it still says what it saw; what was never cut cannot be judged."""
    with serving(tmp_path, "--check", "--speed", "0.01") as (process, url):
        pool = urllib3.PoolManager(headers={"User-Agent": "mine/1"}, retries=False)
        answer = pool.request("GET", f"{url}{PODS_PATH}?watch=1", preload_content=False)
        assert answer.readline()
        process.send_signal(ending)
        out, err = process.communicate(timeout=LONG)
        answer.close()
        pool.clear()
    assert ("", 2) == (err, process.returncode)
    assert "Cannot be judged: its one watch was never ended for it" in out
    assert [] == [*tmp_path.glob("*.kubeconfig")]


def test_nohup_is_heeded(tmp_path: Path) -> None:
    """Who was started to outlive its terminal goes on when that is closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with serving(tmp_path, "--speed", "0.01") as (process, url):
            process.send_signal(signal.SIGHUP)
            with urllib3.PoolManager(retries=False) as pool:
                assert 200 == pool.request("GET", f"{url}{PODS_PATH}").status
            assert process.poll() is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_ctrl_c_before_anybody_came(tmp_path: Path) -> None:
    """A server that nobody asked has nothing to say, and says so by its status too."""
    with serving(tmp_path, "--check") as (process, _):
        assert process.stdout is not None
        assert "Then come the verdicts." in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONG)
    assert ("", 2) == (err, process.returncode)
    assert "Cannot be judged: nobody asked for anything." in out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--scenario", "late.jsonl"], "Cut: there is no change 9999"),
        (["--port", "{taken}"], "Cannot listen on port {taken}"),
    ],
)
def test_what_cannot_be_served_cannot_be_judged(
    arguments: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """What is found on serving, and a busy port, are a line each, with the status for “cannot”."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    Path("late.jsonl").write_text('{"fault": "cut", "after_change": 9999}\n')
    with Served(QUIET) as served:
        taken = str(served.port)
        given = [each.replace("{taken}", taken) for each in arguments]
        assert 2 == main(["serve", "--check", *given])
    error = capsys.readouterr().err
    assert error.startswith(f"kwlab: {reason.replace('{taken}', taken)}")
    assert 1 == error.count("\n")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("strip.png", "strip.png does not end in .svg or .md"),
        ("missing/strip.svg", "missing/strip.svg cannot be written: No such file or directory"),
        ("file/strip.svg", "file/strip.svg cannot be written: Not a directory"),
        ("folder.md", "folder.md cannot be written: Is a directory"),
        ("/proc/strip.svg", "/proc/strip.svg cannot be written: "),
        ("x" * 300 + ".svg", ".svg cannot be written: File name too long"),
    ],
)
def test_where_no_strip_can_be_written_nothing_is_served(
    path: str,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A path that cannot be written is wrong usage, and not an error after minutes."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("folder.md").mkdir()
    with pytest.raises(SystemExit, match="64"):
        main(["serve", "--save", path])
    assert reason in capsys.readouterr().err


def test_a_strip_that_can_be_written_is_not_touched_before_its_time(tmp_path: Path) -> None:
    """The test of the path makes no file, and takes nothing from one that is there."""
    (tmp_path / "old.svg").write_text("old")
    for name in ("old.svg", "new.svg"):
        assert tmp_path / name == _strip_path(str(tmp_path / name))
    assert [("old.svg", "old")] == [(path.name, path.read_text()) for path in tmp_path.iterdir()]


def test_several_strips_are_several_files(seen_together: ClientVerdicts, tmp_path: Path) -> None:
    """The first has the name that was given, the others are numbered."""
    written = seen_together.save(tmp_path / "strip.md")
    assert ["strip.md", "strip-2.md", "strip-3.md", "strip-4.md"] == [p.name for p in written]
    for path, one in zip(written, seen_together.each, strict=True):
        assert one.text in path.read_text(encoding="utf-8")
