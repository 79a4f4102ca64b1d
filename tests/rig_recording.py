"""Record a real API server: what happened, by one long watch for each resource type, and when."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Self

from kwlab import wire
from kwlab.history import History, Object, Resource, numbered
from kwlab.wire import EventType
from tests.realserver import Answer, Line, RealServer


def path_of(resource: Resource, namespace: str | None = None) -> str:
    """Give the path of a resource type, in one namespace or in all."""
    root = f"/apis/{resource.group}" if resource.group else "/api"
    space = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}/{resource.version}{space}/{resource.plural}"


@dataclass
class Recorder:
    """Watch resource types in all namespaces from now on."""

    server: RealServer
    resources: tuple[Resource, ...]

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        self._stack = ExitStack()
        self._progress: list[tuple[float, str]] = []
        how = "watch=1&allowWatchBookmarks=true&timeoutSeconds=900"
        self._watches = {
            resource: self._stack.enter_context(self.server.asking(f"{path_of(resource)}?{how}"))
            for resource in self.resources
        }
        for watch in self._watches.values():
            watch.wait_for(lambda answer: _present(answer)[1], "the end of the initial events")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def at(self, moment: float) -> float:
        """Give a moment of the monotonic clock in seconds since the start."""
        return moment - self.began

    def settle(self) -> dict[Resource, str]:
        """Wait until the watches know what a list knows, and give the lists' resourceVersions."""
        return {resource: self._settled(resource) for resource in self.resources}

    def _settled(self, resource: Resource) -> str:
        listed = json.loads(self.server.ask(path_of(resource)).body)
        there = {_identity(item) for item in listed["items"]}
        self._watches[resource].wait_for(
            lambda answer: _state(answer) == there, f"the watch to know all {resource.plural}"
        )
        version: str = listed["metadata"]["resourceVersion"]
        self._progress.append((self.at(time.monotonic()), version))
        return version

    def history(self) -> History:
        """Give what was recorded so far."""
        objects: list[Object] = []
        versions: list[int] = []
        told: list[tuple[int, float, EventType, Object]] = []
        for resource, watch in self._watches.items():
            present, end = _present(watch)
            objects += [_object(resource, line) for line in present]
            versions.append(int(_version(end)))
            for line in watch.lines[len(present) + 1 :]:
                kind = EventType(line.value["type"])
                if kind is EventType.BOOKMARK:
                    self._progress.append((self.at(line.at), _version(line)))
                else:
                    at = self.at(line.at)
                    told.append((int(_version(line)), at, kind, _object(resource, line)))
        told.sort(key=lambda one: one[0])
        # Each watch hears of a change in its own time; the resourceVersions know the order.
        times = accumulate((one[1] for one in told), max)
        timed = ((at, kind, item) for at, (_, _, kind, item) in zip(times, told, strict=True))
        return History(
            server=self.server.version,
            resources=self.resources,
            resource_version=str(max(versions)),
            objects=tuple(objects),
            changes=tuple(numbered(objects, timed)),
            seconds=self.at(time.monotonic()),
            progress=tuple(sorted(self._progress)),
        )


def _present(answer: Answer) -> tuple[list[Line], Line | None]:
    """Give the synthetic events, and the bookmark that ends them."""
    for number, line in enumerate(answer.lines):
        if line.value["type"] == "BOOKMARK":
            return answer.lines[:number], line
    return answer.lines, None


def _state(answer: Answer) -> set[tuple[str, str]]:
    state: dict[str, str] = {}
    for value in (line.value for line in answer.lines):
        if value["type"] == "BOOKMARK":
            continue
        uid, version = _identity(value["object"])
        state[uid] = version
        if value["type"] == "DELETED":
            del state[uid]
    return set(state.items())


def _identity(value: dict[str, Any]) -> tuple[str, str]:
    return value["metadata"]["uid"], value["metadata"]["resourceVersion"]


def _version(line: Line | None) -> str:
    assert line is not None
    version: str = line.value["object"]["metadata"]["resourceVersion"]
    return version


def _object(resource: Resource, line: Line) -> Object:
    data = line.data.partition(b',"object":')[2][:-1]
    who = wire.identify(data)
    return Object(resource, who.namespace, who.name, who.uid, who.resource_version, data)


def versions_of(history: History, resource: Resource) -> Iterator[int]:
    """Give the resourceVersion of each change of a resource type, in order."""
    for change in history.changes:
        if change.object.resource == resource:
            yield int(change.object.resource_version)
