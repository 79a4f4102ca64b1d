"""An immutable history: what existed at the start, and every change since, in order.

It comes from a recording, or it is made: recorded objects cloned under other names, so that
sliders and property tests have any size. What is made says so (:attr:`History.is_made`).
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from kwlab.recording import Item, Recording
from kwlab.wire import EventType, with_resource_version

_QUOTED: Final = re.compile(r"resource ?version:? \d+(?:(?: \(|, current: )\d+)?", re.IGNORECASE)
"""``resourceVersion 716``, and ``resource version: 716 (731)`` as a server says of the oldest."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Name a resource type as the API does.

    Parameters
    ----------
    group : str
        Empty for the core group.
    version : str
        ``v1``.
    plural : str
        As in paths: ``pods``.
    kind : str
        As in objects: ``Pod``.
    is_namespaced : bool
    """

    group: str
    version: str
    plural: str
    kind: str
    is_namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Give the ``apiVersion`` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def named(self, number: int) -> str:
        """Count objects by the name of their type.

        Parameters
        ----------
        number : int

        Returns
        -------
        str
            ``1 pod``, ``3 pods``.
        """
        return f"{number} {self.kind.lower() if number == 1 else self.plural}"


@dataclass(frozen=True, slots=True)
class Object:
    """Hold one state of one object, as the server sent it.

    Parameters
    ----------
    resource : Resource
    namespace, name, uid, resource_version : str
    data : bytes
        The object's JSON, never re-encoded.
    """

    resource: Resource
    namespace: str
    name: str
    uid: str
    resource_version: str
    data: bytes = field(repr=False)

    @property
    def identity(self) -> tuple[str, str]:
        """Give the (uid, resourceVersion) by which changes are counted."""
        return self.uid, self.resource_version

    @property
    def key(self) -> bytes:
        """Give the bytes by which the API server orders objects: ``namespace/name``."""
        return f"{self.namespace}/{self.name}".encode() if self.namespace else self.name.encode()


@dataclass(frozen=True, slots=True)
class Change:
    """Hold one change of the cluster.

    Parameters
    ----------
    number : int
        Counted from 1 over the whole history; ``rv@n`` names the moment after it.
    at : float
        In seconds since the start.
    type : EventType
        ADDED, MODIFIED or DELETED.
    object : Object
        The state after the change; of a deletion the last state, with the deletion's RV.
    previous : Object or None
        The state before; None for a new object.
    """

    number: int
    at: float
    type: EventType
    object: Object
    previous: Object | None


@dataclass(frozen=True)
class History:
    """Hold what existed at the start and what happened since.

    Parameters
    ----------
    server : str
        The version of the server that it was recorded from: ``1.36``.
    resources : tuple of Resource
    resource_version : str
        Of the list at the start.
    objects : tuple of Object
        What that list held, in any order.
    changes : tuple of Change
        In the order in which they happened.
    seconds : float
        How long it lasts.
    progress : tuple of (float, str)
        Moments at which the server's resourceVersion is known though nothing changed here.
    oldest : tuple of (float, str)
        Moments at which the server said which resourceVersion was the oldest that it answered.
    is_made : bool
        Whether it was generated, not recorded.
    recorded : str
        The instant at which it began, in RFC 3339; empty when nobody knows.
    """

    server: str
    resources: tuple[Resource, ...]
    resource_version: str
    objects: tuple[Object, ...]
    changes: tuple[Change, ...]
    seconds: float
    progress: tuple[tuple[float, str], ...] = ()
    oldest: tuple[tuple[float, str], ...] = ()
    is_made: bool = False
    recorded: str = ""

    @cached_property
    def _times(self) -> list[float]:
        return [change.at for change in self.changes]

    @cached_property
    def plurals(self) -> dict[str, str]:
        """Give the resource type of every object that is ever there, by uid."""
        seen = (*self.objects, *(change.object for change in self.changes))
        return {item.uid: item.resource.plural for item in seen}

    @cached_property
    def _ranks(self) -> list[tuple[int, str]]:
        versions = [self.resource_version, *(c.object.resource_version for c in self.changes)]
        return [rank(version) for version in versions]

    @cached_property
    def _last_rank(self) -> tuple[int, str]:
        return max([self._ranks[-1], *(rank(version) for _, version in self.progress)])

    def happened(self, at: float) -> int:
        """Count the changes up to and at a time.

        Parameters
        ----------
        at : float
            In seconds since the start.

        Returns
        -------
        int
            So ``changes[:happened(at)]`` is the past.
        """
        return bisect.bisect_right(self._times, at)

    def state(self, number: int) -> dict[bytes, Object]:
        """Give what exists after so many changes.

        Parameters
        ----------
        number : int
            0 for the start.

        Returns
        -------
        dict of bytes to Object
            By resource-independent key ``plural namespace/name``, in no order.
        """
        return state_after(self.objects, self.changes[:number])

    def name_of(self, resource_version: str | None) -> str:
        """Name a resourceVersion by the change that it follows.

        Parameters
        ----------
        resource_version : str or None
            A real one; None when none was asked for.

        Returns
        -------
        str
            ``rv@0`` for the list, ``rv@9`` for the ninth change and up to the tenth, ``none``
            for none, and the value itself when it is before or after this history.
        """
        if resource_version is None:
            return "none"
        followed = self.followed_by(resource_version)
        return resource_version if followed is None else f"rv@{followed}"

    def followed_by(self, resource_version: str) -> int | None:
        """Count the changes that a resourceVersion follows; None before and after this history."""
        place = rank(resource_version)
        if not self._ranks[0] <= place <= self._last_rank:
            return None
        return bisect.bisect_right(self._ranks, place) - 1

    def in_names(self, text: str) -> str:
        """Name the resourceVersions that a sentence quotes, as a server's Status does.

        Parameters
        ----------
        text : str

        Returns
        -------
        str
        """
        return _QUOTED.sub(
            lambda found: re.sub(r"\d+", lambda number: self.name_of(number[0]), found[0]), text
        )

    def resource_version_of(self, name: str) -> str | None:
        """Give the real resourceVersion of a name such as ``rv@9``.

        Parameters
        ----------
        name : str
            As :meth:`name_of` gives it.

        Returns
        -------
        str or None
            None for ``none``.

        Raises
        ------
        ValueError
            When this history has no such change.
        """
        number = name.removeprefix("rv@")
        if number == "none":
            return None
        if number.isdecimal() and int(number) <= len(self.changes):
            moments = (self.resource_version, *(c.object.resource_version for c in self.changes))
            return moments[int(number)]
        raise ValueError(f"there is no {name}: this history has rv@0 to rv@{len(self.changes)}")


def from_recording(recording: Recording) -> History:
    """Take the history out of a recording.

    Parameters
    ----------
    recording : Recording

    Returns
    -------
    History
    """
    header = recording.header
    resources = {
        entry.plural: Resource(
            entry.group, entry.version, entry.plural, entry.kind, entry.namespaced
        )
        for entry in header.resources
    }

    def held(item: Item) -> Object:
        who = item.identity
        return Object(
            resources[item.plural],
            who.namespace,
            who.name,
            who.uid,
            who.resource_version,
            item.data,
        )

    objects = tuple(map(held, recording.items))
    timed = ((change.at, change.type, held(change.item)) for change in recording.changes)
    return History(
        server=header.server,
        resources=tuple(resources.values()),
        resource_version=header.resource_version,
        objects=objects,
        changes=tuple(numbered(objects, timed)),
        seconds=header.seconds,
        progress=recording.progress,
        oldest=recording.oldest,
        recorded=header.recorded,
    )


def numbered(
    objects: Iterable[Object], timed: Iterable[tuple[float, EventType, Object]]
) -> Iterator[Change]:
    """Give each change its number and the state before it.

    Parameters
    ----------
    objects : iterable of Object
        What existed before the first one.
    timed : iterable of (float, EventType, Object)
        In the order in which they happened.

    Yields
    ------
    Change
    """
    before = {_slot(item): item for item in objects}
    for number, (at, kind, item) in enumerate(timed, start=1):
        yield Change(number, at, kind, item, before.get(_slot(item)))
        before[_slot(item)] = item
        if kind is EventType.DELETED:
            del before[_slot(item)]


def narrowed(history: History, selects: Callable[[Object], bool]) -> History:
    """Give a history as a watch with a selector is told it.

    Parameters
    ----------
    history : History
    selects : callable
        From an Object to whether the selector takes it.

    Returns
    -------
    History
        An object that starts to match is ADDED, one that stops is DELETED in its last matching
        state, with the change's resourceVersion. What the selector leaves out is progress, so
        that a bookmark's resourceVersion has a name. The numbers of the changes are its own.
    """
    objects = tuple(filter(selects, history.objects))
    timed: list[tuple[float, EventType, Object]] = []
    progress = list(history.progress)
    for change in history.changes:
        seen = told(change, selects)
        if seen is None:
            progress.append((change.at, change.object.resource_version))
        else:
            timed.append((change.at, *seen))
    return replace(
        history,
        objects=objects,
        changes=tuple(numbered(objects, timed)),
        progress=tuple(sorted(progress, key=lambda known: known[0])),
    )


def told(change: Change, selects: Callable[[Object], bool]) -> tuple[EventType, Object] | None:
    """Say what a change looks like to a selector: at its boundary, another type.

    Parameters
    ----------
    change : Change
    selects : callable
        From an Object to whether the selector takes it.

    Returns
    -------
    tuple of (EventType, Object) or None
        None for a change that the selector is not told of. An object that stops to match is
        DELETED in its last matching state, with the change's resourceVersion in its bytes too.
    """
    was = change.previous is not None and selects(change.previous)
    if change.type is EventType.DELETED:
        return (EventType.DELETED, change.object) if was else None
    if selects(change.object):
        return (EventType.MODIFIED if was else EventType.ADDED), change.object
    if change.previous is None or not was:
        return None
    version = change.object.resource_version
    data = with_resource_version(change.previous.data, version)
    return EventType.DELETED, replace(change.previous, resource_version=version, data=data)


def state_after(objects: Iterable[Object], changes: Sequence[Change]) -> dict[bytes, Object]:
    """Apply changes to a starting state.

    Parameters
    ----------
    objects : iterable of Object
    changes : sequence of Change

    Returns
    -------
    dict of bytes to Object
        By ``plural namespace/name``.
    """
    state = {_slot(item): item for item in objects}
    for change in changes:
        if change.type is EventType.DELETED:
            state.pop(_slot(change.object), None)
        else:
            state[_slot(change.object)] = change.object
    return state


def rank(resource_version: str) -> tuple[int, str]:
    """Order resourceVersions as KEP-5504 says, without reading a number.

    Parameters
    ----------
    resource_version : str

    Returns
    -------
    tuple of (int, str)
        A later one is greater.
    """
    return len(resource_version), resource_version


def _slot(item: Object) -> bytes:
    return item.resource.plural.encode() + b" " + item.key
