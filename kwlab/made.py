"""Histories that are made, not recorded: recorded objects cloned under other names.

Sliders, benchmarks and property tests need any size and any order of events. Everything in an
object but its identity is what a real server once sent, and the history says that it was made.
Nothing is random: the same steps give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import msgspec

from kwlab import wire
from kwlab.errors import LabError
from kwlab.history import History, Object, Resource, numbered
from kwlab.wire import EventType

Action: TypeAlias = Literal["add", "modify", "delete"]

FIRST_VERSION: Final = 1000
"""The resourceVersion of the list with which a made history begins."""

_IDENTITY: Final = {"name", "namespace", "uid", "resourceVersion"}
_TYPES: Final[Mapping[str, EventType]] = {
    "add": EventType.ADDED,
    "modify": EventType.MODIFIED,
    "delete": EventType.DELETED,
}


@dataclass(frozen=True, slots=True)
class Step:
    """Name one change to make.

    Parameters
    ----------
    at : float
        In seconds since the start; not before the step in front of it.
    action : str
        ``add``, ``modify`` or ``delete``.
    name : str
    namespace : str, optional
        The template's when None.
    labels : mapping of str to str, optional
        What they are from now on; unchanged when None.
    resource : str, optional
        The plural of the resource type; the template's first when empty.
    value : mapping of str to any, optional
        All that the object is from now on, but for its identity; unchanged when None.
    """

    at: float
    action: Action
    name: str
    namespace: str | None = None
    labels: Mapping[str, str] | None = field(default=None, hash=False)
    resource: str = ""
    value: Mapping[str, Any] | None = field(default=None, hash=False)


def made(
    template: History,
    steps: Iterable[Step],
    *,
    existing: Iterable[str] = (),
    seconds: float | None = None,
    resources: Iterable[Resource] = (),
) -> History:
    """Make a history out of another one's objects.

    Parameters
    ----------
    template : History
        Its first object of a resource type is what all of that type are cloned from; of a type
        that it has no object of, an object with nothing but metadata is made.
    steps : iterable of Step
        The changes, in order.
    existing : iterable of str
        The names of the objects that the list at the start holds, as ``name`` or
        ``namespace/name``; all of the first resource type.
    seconds : float, optional
        How long the history lasts; until the last step when None.
    resources : iterable of Resource
        Types that the template has not got.

    Returns
    -------
    History

    Raises
    ------
    LabError
        When a step adds what exists, or changes or deletes what does not.
    """
    maker = _Maker(template, (*template.resources, *resources))
    objects = tuple(maker.listed(list(existing)))
    timed = [(step.at, _TYPES[step.action], maker.take(step)) for step in steps]
    last = timed[-1][0] if timed else 0.0
    return History(
        server=template.server,
        resources=maker.resources,
        resource_version=str(FIRST_VERSION),
        objects=objects,
        changes=tuple(numbered(objects, timed)),
        seconds=last if seconds is None else seconds,
        is_made=True,
        recorded=template.recorded,
    )


def made_evenly(
    template: History, *, objects: int, changes: int, seconds: float, namespace: str | None = None
) -> History:
    """Make a history of any size, its changes evenly spread.

    Parameters
    ----------
    template : History
    objects : int
        How many the list at the start holds.
    changes : int
        Of every six, four modify, one deletes and one adds again what was deleted.
    seconds : float
        How long it lasts.
    namespace : str, optional
        The template's when None.

    Returns
    -------
    History
    """
    width = len(str(max(objects - 1, 0)))
    names = [f"web-{number:0{width}}" for number in range(max(objects, 1))]
    where = namespace if namespace is not None else _namespace(template)
    steps = _even_steps(names[:objects], names[0], changes, seconds, where)
    existing = [f"{where}/{name}" for name in names[:objects]]
    return made(template, steps, existing=existing, seconds=seconds)


def _even_steps(
    alive: list[str], spare: str, changes: int, seconds: float, namespace: str
) -> Iterator[Step]:
    present, gone = list(alive), [] if alive else [spare]
    for number in range(changes):
        at = round(seconds * (number + 1) / (changes + 1), 6)
        phase = number % 6
        if gone and (phase == 3 or not present):
            name = gone.pop(0)
            present.append(name)
            yield Step(at, "add", name, namespace)
        elif phase == 0 and not gone:
            name = present.pop((number * 7) % len(present))
            gone.append(name)
            yield Step(at, "delete", name, namespace)
        else:
            yield Step(at, "modify", present[(number * 7) % len(present)], namespace)


def _namespace(template: History) -> str:
    seen = (*template.objects, *(change.object for change in template.changes))
    return seen[0].namespace if seen else "default"


class _Maker:
    """Clone objects, and keep what exists so far."""

    def __init__(self, template: History, resources: tuple[Resource, ...]) -> None:
        self.resources = resources
        self._namespace = _namespace(template)
        self._version = FIRST_VERSION
        self._born = 0
        self._alive: dict[tuple[str, str, str], dict[str, Any]] = {}
        seen = (*template.objects, *(change.object for change in template.changes))
        self._models: dict[str, dict[str, Any]] = {
            resource.plural: next(
                (msgspec.json.decode(o.data) for o in seen if o.resource == resource),
                {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {}},
            )
            for resource in resources
        }

    def listed(self, names: list[str]) -> Iterator[Object]:
        resource = self.resources[0]
        self._version -= len(names)
        for text in names:
            namespace, slash, name = text.rpartition("/")
            self._version += 1
            where = namespace if slash else self._namespace
            yield self._born_as(resource, where, name)

    def take(self, step: Step) -> Object:
        resource = self._resource(step.resource)
        namespace = self._namespace if step.namespace is None else step.namespace
        slot = resource.plural, namespace if resource.is_namespaced else "", step.name
        self._version += 1
        if step.action == "add":
            if slot in self._alive:
                raise LabError(f"{step.name} is added at {step.at:g} s, but exists already")
            return self._born_as(resource, slot[1], step.name, step.labels, step.value)
        if slot not in self._alive:
            raise LabError(f"{step.name} is to {step.action} at {step.at:g} s, but does not exist")
        value = self._alive.pop(slot)
        if step.value is not None:
            own = {name: value["metadata"][name] for name in _IDENTITY & value["metadata"].keys()}
            value = {**step.value, "metadata": {**step.value["metadata"], **own}}
        if step.labels is not None:
            value["metadata"] = {**value["metadata"], "labels": dict(step.labels)}
        if step.action == "modify":
            self._alive[slot] = value
        return self._object(resource, value)

    def _resource(self, plural: str) -> Resource:
        if not plural:
            return self.resources[0]
        for resource in self.resources:
            if resource.plural == plural:
                return resource
        raise LabError(f"there is no resource {plural} in this history")

    def _born_as(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        labels: Mapping[str, str] | None = None,
        model: Mapping[str, Any] | None = None,
    ) -> Object:
        self._born += 1
        value = dict(self._models[resource.plural] if model is None else model)
        metadata = dict(value["metadata"])
        if labels is not None:
            metadata["labels"] = dict(labels)
        front = {"name": name, "namespace": namespace} if resource.is_namespaced else {"name": name}
        uid = f"00000000-0000-4000-8000-{self._born:012x}"
        value["metadata"] = {**front, "uid": uid, "resourceVersion": "", **_without(metadata)}
        self._alive[resource.plural, namespace if resource.is_namespaced else "", name] = value
        return self._object(resource, value)

    def _object(self, resource: Resource, value: dict[str, Any]) -> Object:
        version = str(self._version)
        metadata = value["metadata"] = {**value["metadata"], "resourceVersion": version}
        data = wire.encode(value)
        where = metadata.get("namespace", "")
        return Object(resource, where, metadata["name"], metadata["uid"], version, data)


def _without(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if name not in _IDENTITY}
