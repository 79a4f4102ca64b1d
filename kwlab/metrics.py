"""What a watcher was delivered, counted against what happened.

There is one way to count. Identity is (uid, resourceVersion). Up to the last close:
*delivered = new + replayed* and *changes = new + lost*. What happened after the last close is
pending, not lost. What a watch did not ask about is neither: it is counted against the part of a
history that it was told (:mod:`kwlab.watched`).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kwlab.history import Change, History, Object
from kwlab.log import Attempt, Log, Seen
from kwlab.naming import shown_names
from kwlab.wire import EventType


class Fate(enum.StrEnum):
    """Name what a delivered event was worth."""

    NEW = "new"
    """It told of a change for the first time."""
    DISGUISED = "disguised"
    """It told of a change for the first time, but under another type."""
    REPLAYED = "replayed"
    """It was delivered before, or stood in the list that the program started from."""


@dataclass(frozen=True, slots=True)
class Belief:
    """Name one object that the program believes in.

    Parameters
    ----------
    namespace, name, uid : str
    exists : bool
        Whether the cluster has it.
    shown : str
        Its name, with whatever tells it from others that are watched.
    """

    namespace: str
    name: str
    uid: str
    exists: bool
    shown: str


@dataclass(frozen=True, slots=True)
class Count:
    """Hold what one watcher was delivered, against what happened.

    Parameters
    ----------
    watcher : str
    attempts : tuple of Attempt
        As logged.
    fates : tuple of tuple of Fate
        One for each delivered event, in the order of attempts and events.
    changes : tuple of Change
        What happened up to the last close, in order.
    lost : tuple of Change
        Those of them that were never delivered.
    believed : tuple of Belief
        The store that follows from the list and the events, sorted as ``real``.
    real : tuple of str
        What exists at the last close, by the names that tell it apart, sorted.
    told : History
        What it was counted against.
    """

    watcher: str
    attempts: tuple[Attempt, ...]
    fates: tuple[tuple[Fate, ...], ...]
    changes: tuple[Change, ...]
    lost: tuple[Change, ...]
    believed: tuple[Belief, ...]
    real: tuple[str, ...]
    told: History

    def deliveries(self) -> Iterator[tuple[int, Seen, Fate]]:
        """Go through what was delivered.

        Yields
        ------
        tuple of (int, Seen, Fate)
            The attempt's number from 0, the event, and what it was worth; in order.
        """
        for number, (attempt, fates) in enumerate(zip(self.attempts, self.fates, strict=True)):
            for seen, fate in zip(attempt.delivered, fates, strict=True):
                yield number, seen, fate

    @property
    def delivered(self) -> int:
        """Count the delivered events."""
        return sum(map(len, self.fates))

    @property
    def replayed(self) -> int:
        """Count the delivered events that told nothing new."""
        return sum(fates.count(Fate.REPLAYED) for fates in self.fates)

    @property
    def disguised(self) -> int:
        """Count the new events that came under another type."""
        return sum(fates.count(Fate.DISGUISED) for fates in self.fates)

    @property
    def new(self) -> int:
        """Count the delivered events that told of a change, disguised ones among them."""
        return self.delivered - self.replayed

    @property
    def lost_deletions(self) -> int:
        """Count the deletions among what was lost."""
        return sum(change.type is EventType.DELETED for change in self.lost)

    @property
    def ghosts(self) -> tuple[Belief, ...]:
        """Give what the program believes in although it is gone."""
        return tuple(belief for belief in self.believed if not belief.exists)


@dataclass(frozen=True, slots=True)
class Cost:
    """Hold what one watcher was handed for so many objects, changes and reconnects.

    Parameters
    ----------
    watcher : str
    objects, changes, reconnects : int
        What there was: objects all along, changes to them, and cuts of the connection.
    connections : int
        How often it asked for a watch and was answered.
    delivered, replayed : int
        Events, and those of them that told nothing new.
    """

    watcher: str
    objects: int
    changes: int
    reconnects: int
    connections: int
    delivered: int
    replayed: int

    @property
    def new(self) -> int:
        """Count the delivered events that told of a change."""
        return self.delivered - self.replayed

    @property
    def product(self) -> int:
        """Give objects × connections, which each reconnect at a cut makes: one, and one a cut."""
        return self.objects * (self.reconnects + 1)


def cost_of(count: Count, *, objects: int, changes: int, reconnects: int) -> Cost:
    """Sum up what a watcher was handed on a history of a known size.

    Parameters
    ----------
    count : Count
    objects, changes, reconnects : int
        The size.

    Returns
    -------
    Cost
    """
    connections = sum(
        attempt.watch is not None and attempt.watch.status == 200 for attempt in count.attempts
    )
    return Cost(
        watcher=count.watcher,
        objects=objects,
        changes=changes,
        reconnects=reconnects,
        connections=connections,
        delivered=count.delivered,
        replayed=count.replayed,
    )


def count(log: Log, history: History) -> Count:
    """Count what a watcher was delivered.

    Parameters
    ----------
    log : Log
        Finished: every attempt has its ``closed_at``.
    history : History
        What the watcher could be told, over the same times.

    Returns
    -------
    Count
    """
    closed_at = max((a.closed_at for a in log.attempts if a.closed_at is not None), default=0.0)
    happened = history.changes[: history.happened(closed_at)]
    fates, delivered = _fates(log, history)
    present = history.state(len(happened)).values()
    existing = {item.uid for item in present}
    seen = (one for attempt in log.attempts for one in attempt.delivered)
    names = shown_names(history, ((one.namespace, one.name, one.uid) for one in seen))
    return Count(
        watcher=log.watcher,
        attempts=tuple(log.attempts),
        fates=fates,
        changes=happened,
        lost=tuple(change for change in happened if change.object.identity not in delivered),
        believed=tuple(_believed(log, history, existing, names)),
        real=tuple(sorted(names[item.uid] for item in present)),
        told=history,
    )


def _fates(log: Log, history: History) -> tuple[tuple[tuple[Fate, ...], ...], set[tuple[str, str]]]:
    known = {item.identity for item in history.objects}
    types = {change.object.identity: change.type for change in history.changes}
    fates = []
    for attempt in log.attempts:
        row = []
        for seen in attempt.delivered:
            if seen.identity in known:
                row.append(Fate.REPLAYED)
            else:
                known.add(seen.identity)
                told = types.get(seen.identity, seen.type)
                row.append(Fate.NEW if told is seen.type else Fate.DISGUISED)
        fates.append(tuple(row))
    return tuple(fates), known


def _believed(
    log: Log, history: History, existing: set[str], names: Mapping[str, str]
) -> Iterator[Belief]:
    told = (seen for attempt in log.attempts for seen in attempt.delivered)
    held = believed_after(history, told).items()
    for (namespace, name, _), uid in sorted(held, key=lambda item: names[item[1]]):
        yield Belief(namespace, name, uid, uid in existing, names[uid])


Slot: TypeAlias = tuple[str, str, str]
"""Where a program keeps one object: namespace, name, and the plural of its type."""


def slot_of(seen: Seen | Object, history: History) -> Slot:
    """Give the place that an object has in a program's store.

    Parameters
    ----------
    seen : Seen or Object
    history : History
        It knows the type of each object.

    Returns
    -------
    tuple of (str, str, str)
        Objects of two types may share namespace and name.
    """
    return seen.namespace, seen.name, history.plurals.get(seen.uid, "")


def believed_after(history: History, told: Iterable[Seen]) -> dict[Slot, str]:
    """Give what a program believes in that started from a list and was delivered events.

    Parameters
    ----------
    history : History
        Whose list; of what is watched.
    told : iterable of Seen
        In order of delivery.

    Returns
    -------
    dict of tuple to str
        The uid in each place, in the order in which the places were filled.
    """
    store = {slot_of(item, history): item.uid for item in history.objects}
    for seen in told:
        slot = slot_of(seen, history)
        if seen.type is EventType.DELETED:
            store.pop(slot, None)
        else:
            store[slot] = seen.uid
    return store
