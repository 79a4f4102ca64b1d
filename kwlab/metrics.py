"""What a watcher received, counted against what happened.

There is one way to count. Identity is (uid, resourceVersion). Each received event is worth one
:class:`Fate`, and so is each change up to the last close; every number is derived from these.
Two sums always hold: *received = new + inferred + duplicates + not requested*, and
*changes = new + inferred + superseded + missed*. Older names are ``delivered`` for received,
``replayed`` for duplicates and ``lost`` for missed.

What happened after the last close is pending, not missed. What a watch did not ask about is
neither: it is counted against the part of a history that it asked for (:mod:`kwlab.watched`).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from kwlab.history import Change, History, Object
from kwlab.log import Attempt, Log, Origin, Seen
from kwlab.messages import say
from kwlab.naming import shown_names, terms_in_words
from kwlab.scope import everything
from kwlab.wire import EventType


class Fate(enum.StrEnum):
    """Name what a received event was worth, and what became of a change."""

    NEW = "new"
    """It told of a change for the first time."""
    DISGUISED = "disguised"
    """It told of a change for the first time, but under another type: it is new too."""
    INFERRED = "inferred"
    """A deletion that was told by comparing a list with the store."""
    REPLAYED = "replayed"
    """It was received before, or is as old as the list that the program started from."""
    NOT_REQUESTED = "not requested"
    """It is outside the selector that should have been sent."""
    SUPERSEDED = "superseded"
    """The change never came, but a list told what came of its object: no harm is done."""
    MISSED = "missed"
    """The change never came, and nothing made up for it."""


NEWS: Final = (Fate.NEW, Fate.DISGUISED)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Hold one received event, and what it was worth."""

    seen: Seen
    fate: Fate
    change: Change | None
    """What it tells of; None for an object as the first list held it, and for strangers."""
    is_late: bool
    """Whether it is new, and the change is older than the connection that told of it."""

    @property
    def tells(self) -> bool:
        """Tell whether it is the first word of its change."""
        return self.fate in {*NEWS, Fate.INFERRED}


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
    is_requested : bool
        Whether the program was to hear of it.
    """

    namespace: str
    name: str
    uid: str
    exists: bool
    shown: str
    is_requested: bool = True


@dataclass(frozen=True, slots=True)
class Count:
    """Hold what one watcher received, against what happened.

    Parameters
    ----------
    watcher : str
    attempts : tuple of Attempt
        As logged.
    receipts : tuple of tuple of Receipt
        One for each received event, in the order of attempts and events.
    changes : tuple of Change
        What happened up to the last close, in order.
    became : tuple of Fate
        What became of each of them.
    believed : tuple of Belief
        The store that follows from the list and the events, sorted as ``real``.
    real : tuple of str
        What exists at the last close, by the names that tell it apart, sorted.
    told : History
        What it was counted against.
    plurals : mapping of str to str
        The resource type of every object that could be received, by uid.
    """

    watcher: str
    attempts: tuple[Attempt, ...]
    receipts: tuple[tuple[Receipt, ...], ...]
    changes: tuple[Change, ...]
    became: tuple[Fate, ...]
    believed: tuple[Belief, ...]
    real: tuple[str, ...]
    told: History
    plurals: Mapping[str, str]

    def deliveries(self) -> Iterator[tuple[int, Seen, Fate]]:
        """Go through what was received: the attempt's number from 0, the event, its worth."""
        for number, row in enumerate(self.receipts):
            yield from ((number, receipt.seen, receipt.fate) for receipt in row)

    def _worth(self, *fates: Fate) -> int:
        return sum(receipt.fate in fates for row in self.receipts for receipt in row)

    def _that_became(self, fate: Fate) -> tuple[Change, ...]:
        pairs = zip(self.changes, self.became, strict=True)
        return tuple(change for change, became in pairs if became is fate)

    @property
    def delivered(self) -> int:
        """Count the received events."""
        return sum(map(len, self.receipts))

    @property
    def new(self) -> int:
        """Count the received events that told of a change, disguised and late ones among them."""
        return self._worth(*NEWS)

    @property
    def inferred(self) -> int:
        """Count the deletions that were told by comparing a list with the store."""
        return self._worth(Fate.INFERRED)

    @property
    def replayed(self) -> int:
        """Count the received events that told nothing new."""
        return self._worth(Fate.REPLAYED)

    @property
    def not_requested(self) -> int:
        """Count the received events of what should not have been asked for."""
        return self._worth(Fate.NOT_REQUESTED)

    @property
    def disguised(self) -> int:
        """Count the new events that came under another type."""
        return self._worth(Fate.DISGUISED)

    @property
    def late(self) -> int:
        """Count the new events whose change is older than the connection that told of it."""
        return sum(receipt.is_late for row in self.receipts for receipt in row)

    @property
    def superseded(self) -> tuple[Change, ...]:
        """Give the changes that never came, but for which a list made up."""
        return self._that_became(Fate.SUPERSEDED)

    @property
    def lost(self) -> tuple[Change, ...]:
        """Give the changes that never came, and for which nothing made up.

        A deletion that was inferred from a list is told, and a superseded one does no harm: a
        program that lists again and compares loses nothing.
        """
        return self._that_became(Fate.MISSED)

    @property
    def lost_deletions(self) -> int:
        """Count the deletions among what was lost."""
        return sum(change.type is EventType.DELETED for change in self.lost)

    @property
    def terms(self) -> tuple[dict[str, int], dict[str, int]]:
        """Give the terms of the two sums, of what was received and of the changes, by name.

        What most programs never meet is left out where it is zero.
        """
        received = {
            "new": self.new,
            "inferred": self.inferred,
            "replayed": self.replayed,
            "not_requested": self.not_requested,
        }
        changes = {
            "new": sum(became in NEWS for became in self.became),
            "inferred": self.became.count(Fate.INFERRED),
            "superseded": self.became.count(Fate.SUPERSEDED),
            "lost": self.became.count(Fate.MISSED),
        }
        return _without_rare_zeros(received), _without_rare_zeros(changes)

    def sums(self, shown: Callable[[int], str] = str) -> tuple[str, str]:
        """Write both: ``17 delivered = 10 new + 7 replayed``, and that of the changes."""
        received, changes = (terms_in_words(terms, shown) for terms in self.terms)
        n = len(self.changes)
        return (
            f"{say('strip.delivered', count=shown(self.delivered))} = {received}",
            f"{say('strip.changes', n=n, count=shown(n))} = {changes}",
        )

    @property
    def ghosts(self) -> tuple[Belief, ...]:
        """Give what the program believes in although it is gone."""
        return tuple(belief for belief in self.believed if not belief.exists)

    @property
    def strangers(self) -> tuple[Belief, ...]:
        """Give what the program believes in although it should not have asked for it."""
        return tuple(belief for belief in self.believed if not belief.is_requested)


def _without_rare_zeros(terms: Mapping[str, int]) -> dict[str, int]:
    return {name: n for name, n in terms.items() if n or name in {"new", "replayed", "lost"}}


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
    delivered, replayed, not_requested : int
        Events, those of them that told nothing new, and those of what was not asked for.
    """

    watcher: str
    objects: int
    changes: int
    reconnects: int
    connections: int
    delivered: int
    replayed: int
    not_requested: int = 0

    @property
    def new(self) -> int:
        """Count the delivered events that told of a change."""
        return self.delivered - self.replayed - self.not_requested

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
        not_requested=count.not_requested,
    )


def count(log: Log, history: History, whole: History | None = None) -> Count:
    """Count what a watcher received.

    Parameters
    ----------
    log : Log
        Finished: every attempt has its ``closed_at``.
    history : History
        What the watcher was to be told, over the same times.
    whole : History, optional
        All that a server could send: what is in it alone was not requested. The same when None.

    Returns
    -------
    Count
    """
    whole = history if whole is None else whole
    reading = _Reading(history, whole)
    receipts = tuple(map(reading.read, log.attempts))
    seen = [receipt.seen for row in receipts for receipt in row]
    closed_at = max((a.closed_at for a in log.attempts if a.closed_at is not None), default=0.0)
    # On a cluster another clock says when a change happened: what was told of has happened.
    happened = max(history.happened(closed_at), 1 + max(reading.became, default=-1))
    present = history.state(happened).values()
    names = shown_names(history, ((one.namespace, one.name, one.uid) for one in seen))
    strangers = {r.seen.uid: r.fate is Fate.NOT_REQUESTED for row in receipts for r in row}
    existing = {item.uid for item in present}
    anywhere = {item.uid for item in whole.state(whole.happened(closed_at)).values()}
    believed = (
        Belief(
            *slot[:2],
            uid,
            exists=uid in (anywhere if strangers.get(uid) else existing),
            shown=names[uid],
            is_requested=not strangers.get(uid),
        )
        for slot, uid in believed_after(history, seen, whole.plurals).items()
    )
    return Count(
        watcher=log.watcher,
        attempts=tuple(log.attempts),
        receipts=receipts,
        changes=history.changes[:happened],
        became=tuple(reading.became.get(place, Fate.MISSED) for place in range(happened)),
        believed=tuple(sorted(believed, key=lambda belief: belief.shown)),
        real=tuple(sorted(names[item.uid] for item in present)),
        told=history,
        plurals=whole.plurals,
    )


class _Reading:
    """Read what was received, in order; ``became`` says by place what became of a change."""

    def __init__(self, told: History, whole: History) -> None:
        self.told = told
        self.became: dict[int, Fate] = {}
        self._places = {change.object.identity: n for n, change in enumerate(told.changes)}
        self._held = {item.uid: item.resource_version for item in told.objects}
        requested = {item.identity for item in everything(told)}
        self._others = {item.identity for item in everything(whole)} - requested

    def read(self, attempt: Attempt) -> tuple[Receipt, ...]:
        """Judge what one attempt brought: first what its list told, then what was watched."""
        listed = self._listed(attempt)
        told = [n for n, seen in enumerate(attempt.delivered, 1) if seen.origin is not Origin.WATCH]
        of_list = max(told, default=0)
        row = [self._receipt(attempt, seen, listed) for seen in attempt.delivered[:of_list]]
        if listed is not None:
            self._supersede(listed)
        row += [self._receipt(attempt, seen, None) for seen in attempt.delivered[of_list:]]
        return tuple(row)

    def _listed(self, attempt: Attempt) -> int | None:
        if not attempt.listed:
            return None
        found = self.told.followed_by(attempt.listed)
        return self.told.happened(attempt.at) if found is None else found

    def _supersede(self, listed: int) -> None:
        """Excuse what never came, of objects of which the program now holds what a list held."""
        state = {item.uid: item.resource_version for item in self.told.state(listed).values()}
        for place, change in enumerate(self.told.changes[:listed]):
            uid = change.object.uid
            if place not in self.became and self._held.get(uid) == state.get(uid):
                self.became[place] = Fate.SUPERSEDED

    def _receipt(self, attempt: Attempt, seen: Seen, listed: int | None) -> Receipt:
        fate, place = self._judged(seen, listed)
        change = None if place is None else self.told.changes[place]
        if place is not None and fate is not Fate.REPLAYED:
            self.became[place] = fate
        if seen.type is EventType.DELETED:
            self._held.pop(seen.uid, None)
        else:
            self._held[seen.uid] = seen.resource_version
        is_late = fate in NEWS and change is not None and change.at <= _opened_at(attempt, seen)
        return Receipt(seen, fate, change, is_late)

    def _judged(self, seen: Seen, listed: int | None) -> tuple[Fate, int | None]:
        if seen.origin is Origin.INFERRED:
            # It carries the last state that was known, not that of the deletion.
            gone = self._last_deletion(seen, listed)
            if gone is not None:
                return Fate.INFERRED, gone
        place = self._places.get(seen.identity)
        is_deletion = place is not None and self.told.changes[place].type is EventType.DELETED
        if is_deletion and seen.type is not EventType.DELETED:
            # The state in which it left the selection: whoever asked rightly is told DELETED.
            return Fate.NOT_REQUESTED, None
        if place is None:
            is_other = seen.identity in self._others or seen.type is EventType.BOOKMARK
            return (Fate.NOT_REQUESTED if is_other else Fate.REPLAYED), None
        if self._is_told(place):
            return Fate.REPLAYED, place
        is_as_it_was = self.told.changes[place].type is seen.type
        return (Fate.NEW if is_as_it_was else Fate.DISGUISED), place

    def _last_deletion(self, seen: Seen, listed: int | None) -> int | None:
        """Give the place of an object's last deletion before a list; None when it was told."""
        until = self.told.happened(seen.at) if listed is None else listed
        for place in reversed(range(until)):
            change = self.told.changes[place]
            if change.object.uid == seen.uid and change.type is EventType.DELETED:
                return None if self._is_told(place) else place
        return None

    def _is_told(self, place: int) -> bool:
        return self.became.get(place, Fate.SUPERSEDED) is not Fate.SUPERSEDED


def _opened_at(attempt: Attempt, seen: Seen) -> float:
    """Give when the connection that told of it was opened: a call may open several."""
    watches = (request.at for request in attempt.requests if request.is_watch)
    return max((at for at in watches if at <= seen.at), default=attempt.at)


Slot: TypeAlias = tuple[str, str, str]
"""Where a program keeps one object: namespace, name, and the plural of its type."""


def slot_of(item: Seen | Object, plurals: Mapping[str, str]) -> Slot:
    """Give the place of an object in a program's store: two types may share namespace and name."""
    return item.namespace, item.name, plurals.get(item.uid, "")


def believed_after(
    history: History, told: Iterable[Seen], plurals: Mapping[str, str]
) -> dict[Slot, str]:
    """Give what a program believes in that started from a history's list and received events.

    The uid in each place, in the order in which the places were filled.
    """
    store = {slot_of(item, plurals): item.uid for item in history.objects}
    for seen in told:
        slot = slot_of(seen, plurals)
        if seen.type is EventType.DELETED:
            store.pop(slot, None)
        else:
            store[slot] = seen.uid
    return store
