"""What a watch function is tried on: recordings, and fault scripts on histories that are made.

Each script can break a property that the others cannot:

=========== ============================================ ===========================
script      what happens                                 what it can break
=========== ============================================ ===========================
cut         the connection is cut, and at once open      P1, P2: replays
deletion    an object is deleted during an absence       P3: the deletion is lost
recreation  one is deleted during an absence, and        P3: the first one's deletion
            another made under its name                  is lost behind its name
bookmark    nothing that is watched changes while the    P5, and 410 without bookmarks
            window moves on; then a cut
=========== ============================================ ===========================

Each can do so with one object alone: a selector may leave only one name. What happens to others
of other names is noise then.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import msgspec

from kwlab import history, wire
from kwlab.errors import LabError
from kwlab.history import History, Object, Resource
from kwlab.judging import matching
from kwlab.judging.blank import blank
from kwlab.judging.misconceptions import Trial
from kwlab.lab import STORY, load
from kwlab.made import Action, Step, made
from kwlab.messages import say
from kwlab.scope import Scope
from kwlab.server.selectors import SelectorError

SERVER: Final = "1.36"
ELSEWHERE: Final = "kwlab-other"
"""A namespace in which there is something too."""
NOISE_STEPS: Final = 240
"""More than a window of 100 events, and slow enough (75 s for 100 of them) that it does not grow.

``kwlab.server.watchcache``; a real kube-apiserver's watch cache does the same.
"""
NOISE_APART_SECONDS: Final = 1.25


def recordings() -> tuple[Trial, ...]:
    """Give the two recordings of pods in which something is replayed and something is lost.

    Returns
    -------
    tuple of Trial
        The story, and the long one with cuts and absences of one second in turn.
    """
    churn = load("pods-churn")
    cuts = [
        {"fault": "cut", "at": float(at), "away_seconds": at % 2}
        for at in range(15, int(churn.header.seconds), 15)
    ]
    return Trial("story", load(STORY)), Trial("churn", churn, cuts)


def scripts(scope: Scope, resource: Resource, home: str) -> tuple[Trial, ...]:
    """Make the four fault scripts for what is watched.

    Parameters
    ----------
    scope : Scope
    resource : Resource
    home : str
        The namespace where none is asked for.

    Returns
    -------
    tuple of Trial
        In the order of the table above.

    Raises
    ------
    LabError
        When the server would not read a selector, or nothing can match.
    """
    script = _Script(scope, resource, home)
    return (
        Trial("cut", *script.played(_cut, 40.0)),
        Trial("deletion", *script.played(_deletion, 40.0)),
        Trial("recreation", *script.played(_recreation, 40.0)),
        Trial("bookmark", *script.played(_bookmark, 400.0)),
    )


Told = Iterator[Step | dict[str, Any]]
Story = Callable[["_Script"], Told]


class _Script:
    """Make the steps of one story."""

    def __init__(self, scope: Scope, resource: Resource, home: str) -> None:
        self._resource = resource
        try:
            found = matching.examples(scope, resource, _model(resource, home))
        except SelectorError as error:
            raise LabError(say("check.refused", path=str(scope), error=error)) from error
        if found is None:
            raise LabError(say("check.selector", path=str(scope)))
        self.name, self.here = _place(found.one)
        names = (f"{self.name}-{n}" for n in itertools.count(2))
        self._names = (name for name in names if name not in scope.fields)
        self.siblings = list(itertools.islice(self._names, 3))
        self._one = found.one
        # Without a requirement all is asked for, and noise is what happens to other objects.
        self._others = [self._apart(other) for other in found.others or (found.one,)]
        self._left = [other for other in found.others if _place(other) == _place(found.one)]

    def played(self, story: Story, seconds: float) -> tuple[History, list[dict[str, Any]]]:
        told = list(story(self))
        steps = [step for step in told if isinstance(step, Step)]
        faults = [fault for fault in told if isinstance(fault, dict)]
        existing = [f"{self.here}/{name}" for name in (self.name, *self.siblings)]
        model = Object(self._resource, self.here, self.name, "0", "1", wire.encode(self._one))
        empty = History(SERVER, (self._resource, _UNRELATED), "1", (model,), (), 0.0)
        return made(empty, steps, existing=existing, seconds=seconds), faults

    def noise(self, at: float, action: Action = "modify") -> Told:
        """Change what nobody asked for, each for another reason."""
        for name, namespace, value in self._others:
            yield Step(at, action, name, namespace, value=value)

    def one_noise(self, at: float, number: int) -> Step:
        """Change one of those, in turn."""
        name, namespace, value = self._others[number % len(self._others)]
        return Step(at, "modify", name, namespace, value=value)

    def step(self, at: float, action: Action, name: str = "") -> Step:
        """Change an object that is asked for, unless its name is not."""
        return Step(at, action, name or self.name, self.here)

    def elsewhere(self, at: float) -> Told:
        """Add one of the same name in another namespace."""
        taken = {self.here, *(where for name, where, _ in self._others if name == self.name)}
        if self._resource.is_namespaced and ELSEWHERE not in taken:
            yield Step(at, "add", self.name, ELSEWHERE)

    def leaves(self, at: float, name: str = "") -> Told:
        """Let an object stop matching, for one reason after the other: the watch is told once."""
        for value in self._left:
            yield replace(self.step(at, "modify", name), value=value)

    def enters(self, at: float) -> Step:
        """Let the one object match again."""
        return replace(self.step(at, "modify"), value=self._one)

    def _apart(self, item: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
        """Give what does not match a name of its own, unless it is its place that does not."""
        name, namespace = _place(item)
        is_taken = (name, namespace) == (self.name, self.here)
        return next(self._names) if is_taken else name, namespace, item


def _place(item: dict[str, Any]) -> tuple[str, str]:
    return item["metadata"]["name"], item["metadata"].get("namespace", "")


def _model(resource: Resource, home: str) -> dict[str, Any]:
    """Give an object: a recorded one where there is one, code that is checked may read it."""
    recorded = history.from_recording(load(STORY)).objects[0]
    value = blank(resource)
    if recorded.resource == resource:
        value = msgspec.json.decode(recorded.data)
    where = {"namespace": home} if resource.is_namespaced else {}
    return {**value, "metadata": {**value["metadata"], "name": "web", **where}}


_UNRELATED: Final = Resource("example.com", "v1", "ticks", "Tick", is_namespaced=False)
"""What moves the resourceVersion where everything else is watched."""


def _cut(script: _Script) -> Told:
    second, third, _ = script.siblings
    yield script.step(2.0, "modify")
    yield from script.noise(4.0, "add")
    yield from script.elsewhere(5.0)
    yield script.step(8.0, "delete", second)
    yield {"fault": "cut", "at": 10.0}
    yield from script.noise(12.0)
    yield script.step(14.0, "modify")
    yield script.step(16.0, "add", second)
    yield from script.leaves(18.0)
    yield {"fault": "cut", "at": 20.0}
    yield from script.leaves(22.0)
    yield script.enters(23.0)
    yield script.step(24.0, "delete", third)


def _deletion(script: _Script) -> Told:
    second, third, _ = script.siblings
    yield script.step(2.0, "modify")
    yield from script.noise(4.0, "add")
    yield {"fault": "cut", "at": 10.0, "away_seconds": 5.0}
    yield script.step(11.0, "modify")
    yield script.step(12.0, "delete")
    yield from script.noise(13.0)
    yield from script.leaves(14.0, second)
    yield script.step(24.0, "modify", third)


def _recreation(script: _Script) -> Told:
    yield script.step(2.0, "modify")
    yield from script.noise(4.0, "add")
    yield {"fault": "cut", "at": 10.0, "away_seconds": 5.0}
    yield script.step(11.0, "delete")
    yield script.step(12.0, "add")
    yield script.step(24.0, "modify")


def _bookmark(script: _Script) -> Told:
    yield script.step(2.0, "modify")
    yield from script.noise(4.0, "add")
    yield from (script.one_noise(5.0 + NOISE_APART_SECONDS * n, n) for n in range(NOISE_STEPS))
    # Where all of that is watched, something else has to change before a minute of quiet.
    yield Step(306.0, "add", "tick", resource=_UNRELATED.plural)
    yield {"fault": "cut", "at": 370.0, "away_seconds": 3.0}
    yield script.step(371.0, "delete")
    yield script.step(390.0, "modify", script.siblings[0])
