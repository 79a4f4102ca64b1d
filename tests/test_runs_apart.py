"""Runs never see each other: two threads in the middle of two runs, at every step of both."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import kwlab
from kwlab import stage
from kwlab.lab import Lab
from kwlab.server.door import Session
from kwlab.server.virtualclock import VirtualClock
from tests import watch_functions as functions

Task = Callable[[], str]

STEPS: Any = ((functions, "watch"), (Session, "respond"), (VirtualClock, "move_to"))


@pytest.fixture
def lab() -> Lab:
    return kwlab.open_lab()


def compare(lab: Lab) -> Task:
    return lambda: str(lab.compare(wrong=functions.wrong(lab), correct=functions.correct(lab)))


def another(lab: Lab) -> Task:
    """Another story behind the same functions."""
    rollout = kwlab.open_lab("pods-rollout")
    cuts = [{"fault": "cut", "at": 10, "away_seconds": 2}]
    wrong = functions.wrong(lab)
    return lambda: str(rollout.compare(wrong=wrong, scenario=cuts))


def cost(lab: Lab) -> Task:
    explorer = kwlab.CostExplorer(wrong=functions.wrong(lab), correct=functions.correct(lab))

    def moved() -> str:
        explorer.set(pods=30, reconnects=9)
        return str(explorer)

    return moved


def exercise(lab: Lab) -> Task:
    return lambda: str(kwlab.exercise("pass-it-on").check(functions.correct(lab)))


def ask(lab: Lab) -> Task:
    return lambda: str(lab.ask(at=32.05, resource_version="rv@9"))


def overlapped(monkeypatch: pytest.MonkeyPatch, *tasks: Task) -> list[str]:
    """Do two things at once: at each call, request and step of a clock both are in the middle."""
    meeting = threading.Barrier(2)
    said = [""] * len(tasks)

    def meets(function: Callable[..., Any]) -> Callable[..., Any]:
        def met(*args: Any, **options: Any) -> Any:
            with contextlib.suppress(threading.BrokenBarrierError):
                meeting.wait(60)
            return function(*args, **options)

        return met

    def do(number: int) -> None:
        try:
            said[number] = tasks[number]()
        except BaseException as error:
            said[number] = repr(error)
        finally:
            # The other one goes on alone.
            meeting.abort()

    with monkeypatch.context() as patch:
        for owner, name in STEPS:
            patch.setattr(owner, name, meets(getattr(owner, name)))
        threads = [threading.Thread(target=do, args=(n,)) for n in range(len(tasks))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return said


@pytest.mark.parametrize("other", [another, cost, exercise, ask])
def test_two_runs_that_overlap_say_what_each_says_alone(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, other: Callable[[Lab], Task]
) -> None:
    """A comparison beside whatever runs on another thread, in step with it: both are as alone."""
    tasks = compare(lab), other(lab)
    alone = [task() for task in tasks]
    assert alone == overlapped(monkeypatch, *tasks)
    assert 3 == len(kwlab.open_lab().api.list_namespaced_pod(lab.namespace).items)


def test_what_is_read_between_runs_goes_on_where_it_was(lab: Lab) -> None:
    """Runs of an explorer, an exercise and another lab leave a lab's own watch as it is."""
    expected = [event.name for event in kwlab.events(functions.watch(lab, timeout_seconds=14))]
    fresh = kwlab.open_lab()
    events = kwlab.events(functions.watch(fresh, timeout_seconds=14))
    names = [next(events).name]
    for task in (cost(lab), exercise(lab), another(lab)):
        task()
    assert expected == names + [event.name for event in events]
    assert 1 == fresh.requests_total


def test_a_connection_is_kept_for_its_own_run(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that take turns at one client neither use nor close each other's idle connections."""
    opened: Counter[Session] = Counter()
    open_ = Session.open

    def counted(session: Session) -> Any:
        opened[session] += 1
        return open_(session)

    monkeypatch.setattr(Session, "open", counted)
    played = stage.RecordedStage.of(lab.history, None)
    first, second = played.session(), played.session()
    for session in (first, second, first, second):
        stage.playing(played, session, lambda: lab.api.list_namespaced_pod(lab.namespace))
    assert {first: 1, second: 1} == opened
    assert [2, 2] == [len(session.requests) for session in (first, second)]


@pytest.mark.parametrize("step", STEPS[1:])
def test_an_interrupt_leaves_no_run_behind(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, step: tuple[type, str]
) -> None:
    """Ctrl-C in the middle of a run: afterwards the lab is what it was, and no run goes on."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    expected = compare(lab)()
    for task in (compare(lab), ask(lab), exercise(lab)):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(*step, interrupted)
            task()
        assert stage.played() is None
        assert 3 == len(lab.api.list_namespaced_pod(lab.namespace).items)
    assert expected == compare(lab)()


@pytest.mark.parametrize("how", ["task", "to_thread", "thread"])
def test_what_a_function_starts_belongs_to_its_run(lab: Lab, how: str) -> None:
    """A task does, ``to_thread`` does, and a thread with a copy of the context."""
    expected = compare(lab)()

    def elsewhere(function: functions.WatchFunction) -> functions.WatchFunction:
        async def task(options: kwlab.ListOptions) -> object:
            return function(options)

        def watch(options: kwlab.ListOptions) -> object:
            if how == "task":
                return asyncio.run(task(options))
            if how == "to_thread":
                return asyncio.run(asyncio.to_thread(function, options))
            found: list[object] = []
            thread = threading.Thread(
                target=contextvars.copy_context().run, args=(read, function, options, found)
            )
            thread.start()
            thread.join()
            if isinstance(found[0], Exception):
                raise found[0]
            return found[0]

        return watch

    loops = {"wrong": functions.wrong(lab), "correct": functions.correct(lab)}
    elsewheres = {name: elsewhere(each) for name, each in loops.items()}
    # On a thread of its own: a browser test of the same worker leaves an event loop running here.
    with ThreadPoolExecutor(1) as one:
        assert expected == str(one.submit(lab.compare, **elsewheres).result())


def read(
    function: functions.WatchFunction, options: kwlab.ListOptions, found: list[object]
) -> None:
    try:
        found.append(function(options))
    except Exception as error:
        found.append(error)
