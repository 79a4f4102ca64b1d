"""What a Reflector believes, and how a list differs from it.

The store holds each object as the last event told it. A list says what exists and nothing of how
it came to be; :func:`differences` says it in events, so that whoever follows the events believes
what the list says.

References
----------
client-go v0.37.2, ``tools/cache/delta_fifo.go`` (``Replace``): deletions are inferred from what a
list no longer holds. It goes by name alone: an object that was deleted and made again while
nobody watched is an update there, and a deletion and an addition here.
"""

from __future__ import annotations

import threading
from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import Any, TypeAlias

from kwlab import wire
from kwlab.log import Origin
from kwlab.wire import EventType, WatchEvent

Key: TypeAlias = tuple[str, str]
"""Namespace and name; the namespace is empty for objects that have none."""


class ReflectorEvent(WatchEvent):
    """Hold one event, and how it is known.

    Parameters
    ----------
    line : bytes
        As for :class:`~kwlab.wire.WatchEvent`. An object that came in a list has neither ``kind``
        nor ``apiVersion``; one whose deletion was inferred is in its last known state, with the
        resourceVersion of that.
    origin : Origin
    """

    __slots__ = ("origin",)

    def __init__(self, line: bytes, origin: Origin) -> None:
        super().__init__(line)
        self.origin = origin

    @classmethod
    def of(cls, event: WatchEvent, origin: Origin, kind: EventType) -> ReflectorEvent:
        """Say of an event's object something else.

        Parameters
        ----------
        event : WatchEvent
        origin : Origin
        kind : EventType

        Returns
        -------
        ReflectorEvent
        """
        if kind is event.type:
            return cls(event.line, origin)
        return cls(wire.event_line(kind, event.object_bytes).rstrip(), origin)

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]} origin={self.origin.value}>"


class Store(Mapping[Key, dict[str, Any]]):
    """Give what a Reflector believes to exist: objects by (namespace, name).

    It may be read at any time, from any thread and from a signal handler. An event is in it before
    it is delivered, and those of a list all at once, before the first of them is: what is counted
    in it is whole. Iteration goes over what was there when it began; :meth:`items` and
    :meth:`values` too. To copy it, say ``dict(store.items())``: ``dict(store)`` looks up each name
    for itself, and some may be gone by then. Objects are decoded when they are first looked at, and
    shared by all who look: do not change them.

    Examples
    --------
    >>> len(Store())
    0
    """

    def __init__(self) -> None:
        # A signal handler interrupts the very thread that may hold it.
        self._lock = threading.RLock()
        self._events: dict[Key, WatchEvent] = {}

    def __getitem__(self, key: Key) -> dict[str, Any]:
        return self._events[key].object

    def __iter__(self) -> Iterator[Key]:
        return iter(self.events())

    def __len__(self) -> int:
        return len(self._events)

    def items(self) -> ItemsView[Key, dict[str, Any]]:
        """Give keys and objects of one moment.

        Returns
        -------
        view of ((str, str), dict)
        """
        return {key: event.object for key, event in self.events().items()}.items()

    def values(self) -> ValuesView[dict[str, Any]]:
        """Give the objects of one moment.

        Returns
        -------
        view of dict
        """
        return dict(self.items()).values()

    def events(self) -> dict[Key, WatchEvent]:
        """Copy what is held at one moment, as events: their objects are not decoded.

        Returns
        -------
        dict of (str, str) to WatchEvent
            The event that last told of each object.
        """
        with self._lock:
            return dict(self._events)

    def apply(self, event: WatchEvent) -> None:
        """Take an event in; whoever is reading goes on with what there was.

        Parameters
        ----------
        event : WatchEvent
            ADDED, MODIFIED or DELETED.
        """
        key = key_of(event)
        with self._lock:
            if event.type is EventType.DELETED:
                self._events.pop(key, None)
            else:
                self._events[key] = event

    def apply_all(self, events: Iterable[WatchEvent]) -> None:
        """Take events in at one moment: nobody sees some of them and not the others.

        Parameters
        ----------
        events : iterable of WatchEvent
            ADDED, MODIFIED or DELETED, in their order.
        """
        changed = self.events()
        for event in events:
            if event.type is EventType.DELETED:
                changed.pop(key_of(event), None)
            else:
                changed[key_of(event)] = event
        with self._lock:
            self._events = changed

    def __repr__(self) -> str:
        return f"<Store of {len(self)} objects>"


def key_of(event: WatchEvent) -> Key:
    """Name the object of an event.

    Parameters
    ----------
    event : WatchEvent

    Returns
    -------
    tuple of (str, str)
    """
    return event.namespace, event.name


def differences(
    known: Mapping[Key, WatchEvent], present: Mapping[Key, WatchEvent], *, origin: Origin
) -> Iterator[ReflectorEvent]:
    """Say in events how what exists differs from what was known.

    Parameters
    ----------
    known : mapping of (str, str) to WatchEvent
        What was believed.
    present : mapping of (str, str) to WatchEvent
        What exists, in the order of the list.
    origin : Origin
        How what is new is known: LIST or RELIST.

    Yields
    ------
    ReflectorEvent
        First the inferred DELETED of what is gone, each with its last known object; one that was
        made again under its name is gone too, and known by its uid. Then, in the list's order,
        ADDED for what is new and MODIFIED for what has another resourceVersion. Nothing for what
        is as it was.
    """
    for key, was in known.items():
        if key not in present or present[key].uid != was.uid:
            yield ReflectorEvent.of(was, Origin.INFERRED, EventType.DELETED)
    for key, now in present.items():
        before = known.get(key)
        if before is None or before.uid != now.uid:
            yield ReflectorEvent.of(now, origin, EventType.ADDED)
        elif before.resource_version != now.resource_version:
            yield ReflectorEvent.of(now, origin, EventType.MODIFIED)
