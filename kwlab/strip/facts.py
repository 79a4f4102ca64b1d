"""What each watcher was told, connection by connection and life by life: facts, no pixels.

The picture, its tables and its sentences are all made from these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from kwlab.history import Change, History
from kwlab.log import Attempt, Close, Seen
from kwlab.metrics import Count, Fate, Receipt, Slot, slot_of
from kwlab.wire import EventType

_NO_CONNECTION = frozenset({Close.REFUSED, Close.STATUS})
_NO_START = frozenset({None, "", "0"})


@dataclass(frozen=True, slots=True)
class Told:
    """Hold one delivered event in its place.

    Parameters
    ----------
    index : int
        Its place among all that the watcher was delivered, from 0.
    receipt : Receipt
    is_opening : bool
        Whether it belongs to what a connection sent first: replayed, or older than the
        connection, or between such events.
    """

    index: int
    receipt: Receipt
    is_opening: bool

    @property
    def seen(self) -> Seen:
        """Give the event."""
        return self.receipt.seen

    @property
    def fate(self) -> Fate:
        """Tell what it was worth."""
        return self.receipt.fate

    @property
    def change(self) -> Change | None:
        """Give what it tells of; None when that was so at the start, or was not requested."""
        return self.receipt.change

    @property
    def is_late(self) -> bool:
        """Tell whether a change is told only after the watcher had been away."""
        return self.receipt.is_late or self.fate is Fate.INFERRED

    @property
    def manner(self) -> str:
        """Name how it tells, as the end of a sentence's key: ``late``, ``disguised``."""
        is_late = self.fate is Fate.NEW and self.is_late
        return "late" if is_late else self.fate.name.lower()

    def tells_of(self, change: Change) -> bool:
        """Tell whether it is the first word of a change, whatever that looks like to others.

        Parameters
        ----------
        change : Change

        Returns
        -------
        bool
        """
        told = self.change if self.receipt.tells else None
        return told is not None and told.number == change.number


@dataclass(frozen=True, slots=True)
class Connection:
    """Hold one attempt of a watcher.

    Parameters
    ----------
    number : int
        Counted from 1 over all attempts.
    at, closed_at : float
        When it was asked for, and when it ended, in seconds.
    close : Close
    status : int or None
        The HTTP code, or the code of the ERROR event, that ended it.
    is_open : bool
        Whether there was a connection at all.
    handed : str
        The resourceVersion that the function was handed.
    asked : str or None
        The one that the server heard; None when there was none.
    is_dropped : bool
        Whether the server was asked to start before what had been handed over.
    told : tuple of Told
    bookmarks : tuple of Seen
    """

    number: int
    at: float
    closed_at: float
    close: Close
    status: int | None
    is_open: bool
    handed: str
    asked: str | None
    is_dropped: bool
    told: tuple[Told, ...]
    bookmarks: tuple[Seen, ...]

    @property
    def opening(self) -> tuple[Told, ...]:
        """Give what it sent first."""
        return tuple(told for told in self.told if told.is_opening)

    @property
    def replayed(self) -> int:
        """Count what it told again."""
        return sum(told.fate is Fate.REPLAYED for told in self.told)


@dataclass(frozen=True, slots=True)
class Absence:
    """Hold a time in which a watcher had no connection.

    Parameters
    ----------
    start, end : float
        In seconds.
    before, after : Connection or None
        The connections around it; None at the edges.
    tries : tuple of Connection
        The attempts in it that came to nothing.
    lost : tuple of Change
        What happened in it and was never delivered.
    """

    start: float
    end: float
    before: Connection | None
    after: Connection | None
    tries: tuple[Connection, ...]
    lost: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Spell:
    """Hold a time in which a watcher believed in one object.

    Parameters
    ----------
    uid : str
    start, end : Told or None
        What it began and ended with; None for the list at the start, and for the end of all.
    """

    uid: str
    start: Told | None
    end: Told | None


@dataclass(frozen=True, slots=True)
class Lane:
    """Hold all facts of one watcher.

    Parameters
    ----------
    count : Count
    connections : tuple of Connection
        In order; those that came to nothing among them.
    absences : tuple of Absence
    spells : tuple of Spell
        In the order in which they began.
    told : tuple of Told
        In order of delivery.
    lost_connected : tuple of Change
        What was lost although there was a connection.
    closed_at : float
        When the last attempt ended, in seconds.
    lost, watched : frozenset of int
        The numbers of the changes that were lost, and of all that it could be told.
    """

    count: Count
    connections: tuple[Connection, ...]
    absences: tuple[Absence, ...]
    spells: tuple[Spell, ...]
    told: tuple[Told, ...]
    lost_connected: tuple[Change, ...]
    closed_at: float
    lost: frozenset[int]
    watched: frozenset[int]

    @property
    def open_connections(self) -> tuple[Connection, ...]:
        """Give the attempts that reached the server and were let in."""
        return tuple(c for c in self.connections if c.is_open)


class Names:
    """Name resourceVersions by the change that they follow.

    A bookmark carries a resourceVersion that no change has: it follows what had happened when
    it came.

    Parameters
    ----------
    history : History
    bookmarks : iterable of Seen
        As they were sent to anybody.
    """

    def __init__(self, history: History, bookmarks: Iterable[Seen]) -> None:
        self._history = history
        self._marked: dict[str, int] = {
            version: history.happened(at) for at, version in history.progress
        }
        for seen in bookmarks:
            self._marked.setdefault(seen.resource_version, history.happened(seen.at))

    def name(self, resource_version: str | None) -> str:
        """Give ``rv@9``; ``none`` for none, and the value itself when nothing is known of it.

        Parameters
        ----------
        resource_version : str or None

        Returns
        -------
        str
        """
        name = self._history.name_of(resource_version)
        if name == resource_version and resource_version in self._marked:
            return f"rv@{self._marked[resource_version]}"
        return name

    def number(self, resource_version: str | None) -> int | None:
        """Give the change that a resourceVersion follows; None when nothing is known of it.

        Parameters
        ----------
        resource_version : str or None

        Returns
        -------
        int or None
        """
        number = self.name(resource_version).removeprefix("rv@")
        return int(number) if number.isdecimal() and number != resource_version else None

    def is_dropped(self, handed: str, asked: str | None) -> bool:
        """Tell whether a request starts before what was handed over.

        Parameters
        ----------
        handed : str
        asked : str or None

        Returns
        -------
        bool
            False when it cannot be told.
        """
        if asked in _NO_START:
            return handed not in _NO_START
        given, heard = self.number(handed), self.number(asked)
        return given is not None and heard is not None and heard < given


def read(counts: Sequence[Count], history: History) -> tuple[tuple[Lane, ...], Names]:
    """Read the facts of every watcher.

    Parameters
    ----------
    counts : sequence of Count
    history : History
        The whole, whose changes give the moments their names.

    Returns
    -------
    tuple of (tuple of Lane, Names)
        The lanes in the order of the counts.
    """
    marked = [[tuple(_bookmarks(attempt)) for attempt in count.attempts] for count in counts]
    names = Names(history, (seen for lane in marked for attempt in lane for seen in attempt))
    lanes = zip(counts, marked, strict=True)
    return tuple(_lane(count, names, found) for count, found in lanes), names


def drawn(counts: Sequence[Count], history: History) -> History:
    """Give what a strip shows of a history: what somebody in it watches.

    Parameters
    ----------
    counts : sequence of Count
    history : History

    Returns
    -------
    History
        The whole when there is nobody. The changes keep their numbers.
    """
    parts = [count.told for count in counts] or [history]
    if all(part == parts[0] for part in parts):
        return parts[0]
    objects = {item.uid for part in parts for item in part.objects}
    numbers = {change.number for part in parts for change in part.changes}
    return replace(
        history,
        resources=tuple(r for r in history.resources if any(r in p.resources for p in parts)),
        objects=tuple(item for item in history.objects if item.uid in objects),
        changes=tuple(change for change in history.changes if change.number in numbers),
    )


def _lane(count: Count, names: Names, bookmarks: Sequence[tuple[Seen, ...]]) -> Lane:
    connections = tuple(_connections(count, names, bookmarks))
    told = tuple(told for connection in connections for told in connection.told)
    absences = tuple(_absences(connections, count))
    missed = {change.number for absence in absences for change in absence.lost}
    return Lane(
        count=count,
        connections=connections,
        absences=absences,
        spells=tuple(_spells(told, count)),
        told=told,
        lost_connected=tuple(c for c in count.lost if c.number not in missed),
        closed_at=max((c.closed_at for c in connections), default=0.0),
        lost=frozenset(change.number for change in count.lost),
        watched=frozenset(change.number for change in count.told.changes),
    )


def _connections(
    count: Count,
    names: Names,
    bookmarks: Sequence[tuple[Seen, ...]],
) -> Iterator[Connection]:
    index = 0
    for number, (attempt, row) in enumerate(zip(count.attempts, count.receipts, strict=True), 1):
        told = tuple(_told(attempt, row, index))
        index += len(told)
        is_open = attempt.close not in _NO_CONNECTION and bool(attempt.watch or told)
        yield Connection(
            number=number,
            at=attempt.at,
            closed_at=attempt.at if attempt.closed_at is None else attempt.closed_at,
            close=attempt.close or Close.OVER,
            status=attempt.status,
            is_open=is_open,
            handed=attempt.handed,
            asked=attempt.asked,
            is_dropped=attempt.watch is not None
            and names.is_dropped(attempt.handed, attempt.asked),
            told=told,
            bookmarks=bookmarks[number - 1],
        )


def _told(attempt: Attempt, receipts: Sequence[Receipt], index: int) -> Iterator[Told]:
    opening = 0
    for number, one in enumerate(receipts, 1):
        is_old = one.change is not None and one.change.at <= attempt.at
        if one.fate is Fate.REPLAYED or is_old:
            opening = number
    for number, one in enumerate(receipts):
        yield Told(index + number, one, number < opening)


def _bookmarks(attempt: Attempt) -> Iterator[Seen]:
    for request in attempt.requests:
        yield from (seen for seen in request.seen() if seen.type is EventType.BOOKMARK)


def _absences(connections: Sequence[Connection], count: Count) -> Iterator[Absence]:
    lost = count.lost
    start, before = 0.0, None
    tries: list[Connection] = []
    for connection in connections:
        if not connection.is_open:
            tries.append(connection)
            continue
        if before is not None or tries or _between(count.changes, start, connection.at):
            yield _absence(start, connection.at, before, connection, tries, lost)
        start, before, tries = connection.closed_at, connection, []
    end = max((c.closed_at for c in connections), default=start)
    if tries or _between(lost, start, end):
        yield _absence(start, max(start, end), before, None, tries, lost)


def _absence(
    start: float,
    end: float,
    before: Connection | None,
    after: Connection | None,
    tries: Sequence[Connection],
    lost: Sequence[Change],
) -> Absence:
    return Absence(start, end, before, after, tuple(tries), _between(lost, start, end))


def _between(changes: Sequence[Change], start: float, end: float) -> tuple[Change, ...]:
    return tuple(change for change in changes if start < change.at <= end)


def _spells(told: Sequence[Told], count: Count) -> Iterator[Spell]:
    store: dict[Slot, tuple[str, Told | None]] = {
        slot_of(item, count.plurals): (item.uid, None)
        for item in sorted(count.told.objects, key=lambda item: (item.namespace, item.name))
    }
    for event in told:
        seen, slot = event.seen, slot_of(event.seen, count.plurals)
        held = store.get(slot)
        if held and (seen.type is EventType.DELETED or held[0] != seen.uid):
            yield Spell(held[0], held[1], event)
            del store[slot]
        if seen.type is not EventType.DELETED:
            store.setdefault(slot, (seen.uid, event))
    for uid, start in store.values():
        yield Spell(uid, start, None)


def crowding(opening: Iterable[Told]) -> int:
    """Count the most events of one object in what a connection sent first.

    Parameters
    ----------
    opening : iterable of Told

    Returns
    -------
    int
        0 when nothing was sent.
    """
    return max(Counter(told.seen.uid for told in opening).values(), default=0)
