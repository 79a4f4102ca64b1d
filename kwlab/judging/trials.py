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
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from kwlab import history, wire
from kwlab.history import History, Object, Resource
from kwlab.judging.misconceptions import Trial
from kwlab.lab import STORY, load
from kwlab.made import Step, made

SERVER: Final = "1.36"
OTHERS: Final[Mapping[str, str]] = {"app": "not-this-one"}
"""The labels of what is there, and changes, and is not asked for."""
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


def scripts(
    resource: Resource, labels: Mapping[str, str], namespaces: tuple[str, str]
) -> tuple[Trial, ...]:
    """Make the four fault scripts for one resource type.

    Parameters
    ----------
    resource : Resource
    labels : mapping of str to str
        Of what is asked for; empty when everything is.
    namespaces : tuple of (str, str)
        A watch of one namespace is of the first; one of all has something in both.

    Returns
    -------
    tuple of Trial
        In the order of the table above.
    """
    script = _Script(resource, labels, namespaces)
    return (
        Trial("cut", *script.played(_cut, 40.0)),
        Trial("deletion", *script.played(_deletion, 40.0)),
        Trial("recreation", *script.played(_recreation, 40.0)),
        Trial("bookmark", *script.played(_bookmark, 340.0)),
    )


Story = Callable[["_Script"], Iterator[Step | dict[str, Any]]]


class _Script:
    """Make the steps of one story, all of them of one resource type."""

    def __init__(
        self, resource: Resource, labels: Mapping[str, str], namespaces: tuple[str, str]
    ) -> None:
        self._resource = resource
        self._labels = labels
        self.here, self.there = namespaces

    def played(self, story: Story, seconds: float) -> tuple[History, list[dict[str, Any]]]:
        told = list(story(self))
        steps = [step for step in told if isinstance(step, Step)]
        faults = [fault for fault in told if isinstance(fault, dict)]
        existing = [f"{self.here}/web-1", f"{self.here}/web-2", f"{self.here}/web-3"]
        return made(self._template(), steps, existing=existing, seconds=seconds), faults

    def noise(self, at: float, action: Any = "modify") -> Step:
        """Change what nobody asked for: by its labels, or, without a selector, its namespace."""
        return Step(at, action, "other", self.here if self._labels else self.there, OTHERS)

    def _template(self) -> History:
        """Give one object to clone: a recorded one where there is one of that type."""
        metadata: dict[str, Any] = {"name": "web", "namespace": self.here, "uid": "0"}
        if self._labels:
            metadata["labels"] = dict(self._labels)
        kind = {"kind": self._resource.kind, "apiVersion": self._resource.api_version}
        data = wire.encode({**kind, **_recorded(self._resource), "metadata": metadata})
        model = Object(self._resource, self.here, "web", "0", "1", data)
        empty = History(SERVER, (self._resource,), "1", (), (), 0.0)
        return replace(empty, objects=(model,))


def _recorded(resource: Resource) -> dict[str, Any]:
    """Give what a recorded object has beside its metadata: code that is checked may read it."""
    recorded = history.from_recording(load(STORY)).objects[0]
    if recorded.resource != resource:
        return {}
    value: dict[str, Any] = msgspec.json.decode(recorded.data)
    return value


def _cut(script: _Script) -> Iterator[Step | dict[str, Any]]:
    yield Step(2.0, "modify", "web-1", script.here)
    yield script.noise(4.0, "add")
    yield Step(5.0, "add", "web-1", script.there)
    yield Step(6.0, "add", "web-4", script.here)
    yield Step(8.0, "delete", "web-2", script.here)
    yield {"fault": "cut", "at": 10.0}
    yield script.noise(12.0)
    yield Step(14.0, "modify", "web-3", script.here)
    yield {"fault": "cut", "at": 20.0}
    yield Step(24.0, "delete", "web-4", script.here)


def _deletion(script: _Script) -> Iterator[Step | dict[str, Any]]:
    yield Step(2.0, "modify", "web-1", script.here)
    yield script.noise(4.0, "add")
    yield {"fault": "cut", "at": 10.0, "away_seconds": 5.0}
    yield Step(11.0, "modify", "web-2", script.here)
    yield Step(12.0, "delete", "web-2", script.here)
    yield script.noise(13.0)
    yield Step(24.0, "modify", "web-3", script.here)


def _recreation(script: _Script) -> Iterator[Step | dict[str, Any]]:
    yield Step(2.0, "modify", "web-1", script.here)
    yield script.noise(4.0, "add")
    yield {"fault": "cut", "at": 10.0, "away_seconds": 5.0}
    yield Step(11.0, "delete", "web-2", script.here)
    yield Step(12.0, "add", "web-2", script.here)
    yield Step(24.0, "modify", "web-2", script.here)


def _bookmark(script: _Script) -> Iterator[Step | dict[str, Any]]:
    yield Step(2.0, "modify", "web-1", script.here)
    yield script.noise(4.0, "add")
    yield from (script.noise(5.0 + NOISE_APART_SECONDS * n) for n in range(NOISE_STEPS))
    yield {"fault": "cut", "at": 310.0, "away_seconds": 3.0}
    yield Step(311.0, "delete", "web-2", script.here)
    yield Step(330.0, "modify", "web-3", script.here)
