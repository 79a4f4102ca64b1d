"""Retry loops on a lab's client live by the lab's time, and end when its story ends."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import kwlab
from kwlab import recording
from kwlab.errors import RecordingOver
from kwlab.lab import Lab
from kwlab.watching.clock import RealClock
from tests import watch_functions as functions

Loop = kwlab.Reflector | kwlab.RetryWatcher


def reflector(lab: Lab, **retry: Any) -> kwlab.Reflector:
    options = kwlab.ReflectorOptions(retry=kwlab.RetryOptions(**retry))
    return kwlab.Reflector(lab.api.list_namespaced_pod, lab.namespace, options=options)


def watcher(lab: Lab, **retry: Any) -> kwlab.RetryWatcher:
    options = kwlab.RetryOptions(**retry)
    return kwlab.RetryWatcher(lab.resource_version, functions.correct(lab), options=options)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect how long somebody would have slept in real time."""
    seconds: list[float] = []
    monkeypatch.setattr(RealClock, "sleep", lambda _, wait: seconds.append(wait))
    return seconds


@pytest.mark.parametrize("name", recording.shipped())
@pytest.mark.parametrize("loop", [reflector, watcher])
def test_a_loop_ends_when_the_story_ends(name: str, loop: Any, slept: list[float]) -> None:
    """It comes through every absence without a real pause, and RecordingOver is its end."""
    lab = kwlab.open_lab(name)
    identities = []
    with pytest.raises(RecordingOver), loop(lab) as events:
        identities.extend((event.uid, event.resource_version) for event in events)
    changes = [change.object.identity for change in lab.history.changes]
    if isinstance(events, kwlab.Reflector):
        exists = lab.history.state(len(changes))
        assert {item.identity for item in exists.values()} == {
            (event.uid, event.resource_version) for event in events.store.events().values()
        }
    else:
        assert changes == identities
    assert [] == slept


@pytest.mark.parametrize("loop", [reflector, watcher])
def test_stop_and_deadline_end_it_silently(loop: Any, slept: list[float]) -> None:
    """stop() after an event ends it at once, and a deadline after so many seconds of the story."""
    with loop(kwlab.open_lab()) as events:
        for _ in events:
            events.stop()
    lab = kwlab.open_lab()
    with loop(lab, deadline_seconds=32.5) as events:
        total = sum(1 for _ in events)
    existing = len(lab.history.objects) if loop is reflector else 0
    assert lab.history.happened(32.5) + existing == total
    assert [] == slept


def test_two_loops_on_two_threads_share_the_labs_time(slept: list[float]) -> None:
    """A loop lives by the lab's time on whatever thread it is."""
    lab, ends = kwlab.open_lab(), list[str]()

    def iterate(loop: Any) -> None:
        try:
            with loop(lab) as events:
                list(events)
        except BaseException as error:
            ends.append(type(error).__name__)

    threads = [threading.Thread(target=iterate, args=(loop,)) for loop in (reflector, watcher)]
    for thread in threads:
        thread.start()
        thread.join()
    assert ["RecordingOver", "RecordingOver"] == ends
    assert [] == slept


def test_other_loops_of_the_program_keep_real_time(slept: list[float]) -> None:
    """A loop on something else waits in real time, also where its function runs a lab's loop."""
    asked = 0

    def elsewhere(_: kwlab.ListOptions) -> object:
        nonlocal asked
        asked += 1
        with pytest.raises(RecordingOver), reflector(kwlab.open_lab()) as events:
            list(events)
        if asked == 3:
            other.stop()
        return iter(())

    with kwlab.RetryWatcher("7", elsewhere) as other:
        assert [] == list(other)
    assert 2 == len(slept)
