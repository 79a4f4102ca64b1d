"""Where everything in a watch strip stands: numbers only, no SVG.

The axis is the order of events. Quiet time costs nothing; each disconnect and each reconnect
has room of its own, although on an axis of time a gap is some pixels wide and a replay has no
width at all.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from kwlab.history import Change
from kwlab.strip.facts import Absence, Lane, crowding

WIDTH: Final = 1000.0
"""All coordinates are for a picture of this width; other sizes are scaled."""
LEFT: Final = 104.0
RIGHT: Final = 872.0
FIXED_SHARE: Final = 0.75
"""How much of the plot may go to what takes no time."""


@dataclass(frozen=True, slots=True)
class Density:
    """Hold the sizes that go with so many marks, in pixels.

    Parameters
    ----------
    name : str
        ``letters``, ``shapes`` or ``ticks``.
    r : float
        Radius of a mark.
    row, ghost_row : float
        Height of a row, and of one that holds a ghost's sentence.
    bar : float
        Height of a bar.
    burst : float
        Room for what a connection sends first.
    edge, end : float
        Half a gap, and the room before a connection's end.
    connected : float
        The least width of a connection.
    gap_unit : float
        Width of a change in a gap.
    """

    name: str
    r: float
    row: float
    bar: float
    ghost_row: float
    burst: float
    edge: float
    end: float
    connected: float
    gap_unit: float

    @property
    def has_letters(self) -> bool:
        """Tell whether marks carry letters."""
        return self.name == "letters"

    @property
    def halo(self) -> float:
        """Give the width of the line that keeps a mark from melting into its neighbour."""
        return 0.5 if self.has_ticks else 1.0

    @property
    def has_ticks(self) -> bool:
        """Tell whether a MODIFIED is a mere tick."""
        return self.name == "ticks"


LETTERS: Final = Density("letters", 11, 34, 12, 34, 46, 39, 20, 60, 22)
SHAPES: Final = Density("shapes", 5, 15, 7, 20, 20, 9, 9, 54, 13)
TICKS: Final = Density("ticks", 2.6, 8, 4.4, 16, 15, 6, 5, 54, 8)


def density(changes: int, connections: int, names: int) -> Density:
    """Choose sizes.

    Parameters
    ----------
    changes, connections, names : int
        How many there are to draw.

    Returns
    -------
    Density
    """
    room = (RIGHT - LEFT - 30 * connections) / (changes + 1)
    if room > 24 and names <= 6:
        return LETTERS
    return SHAPES if room > 8 else TICKS


Cut: TypeAlias = tuple[float, float]
"""A cut of a scenario: when, and for how long nobody answers, in seconds."""


@dataclass(frozen=True, slots=True)
class Room:
    """Hold the room in which a connection opens.

    Parameters
    ----------
    left, width : float
    """

    left: float
    width: float

    @property
    def right(self) -> float:
        """Give its end."""
        return self.left + self.width


@dataclass(frozen=True, slots=True)
class Gap:
    """Hold a time in which some watcher was away, those that overlap merged.

    Parameters
    ----------
    start, end : float
        In seconds.
    first, last : int
        Its changes are ``changes[first:last]``.
    left, right : float
        In pixels.
    """

    start: float
    end: float
    first: int
    last: int
    left: float = 0.0
    right: float = 0.0


@dataclass(frozen=True, slots=True)
class Axis:
    """Say where every event stands.

    Parameters
    ----------
    columns : tuple of float
        Of each change.
    unit : float
        The width of a change between disconnects.
    gaps : tuple of Gap
    rooms : mapping of (int, int) to Room
        By lane and connection number.
    ends : mapping of (int, int) to float
        Likewise, where each connection ends.
    places : mapping of int to int
        The column of each change, by its number: where not all is watched, numbers are left out.
    """

    columns: tuple[float, ...]
    unit: float
    gaps: tuple[Gap, ...]
    rooms: Mapping[tuple[int, int], Room]
    ends: Mapping[tuple[int, int], float]
    places: Mapping[int, int]
    _points: tuple[tuple[float, float], ...] = field(repr=False)

    def at(self, seconds: float) -> float:
        """Give the place of a time.

        Parameters
        ----------
        seconds : float

        Returns
        -------
        float
            Where several places share a time, the last.
        """
        index = bisect.bisect_right(self._points, (seconds, WIDTH))
        if index == 0:
            return LEFT
        if index == len(self._points):
            return RIGHT
        (t0, x0), (t1, x1) = self._points[index - 1 : index + 1]
        return x0 + (x1 - x0) * (seconds - t0) / (t1 - t0)

    def column(self, change: Change) -> float:
        """Give the place of a change.

        Parameters
        ----------
        change : Change

        Returns
        -------
        float
        """
        return self.columns[self.places[change.number]]


@dataclass(frozen=True, slots=True)
class _Slot:
    """Hold one thing inside a gap: a change, or an end or an opening of one lane alone."""

    weight: float
    change: int | None = None
    end: tuple[int, int] | None = None
    opening: tuple[int, int] | None = None


class _AxisBuilder:
    """Lay the segments out, connected and gaps in turn."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        changes: Sequence[Change],
        seconds: float,
        size: Density,
        cuts: Sequence[Cut],
        gap_widths: Mapping[int, float],
    ) -> None:
        self.lanes, self.changes, self.seconds, self.size = lanes, changes, seconds, size
        self.gaps = _merged(lanes, changes, cuts)
        self.gap_widths = gap_widths
        self.columns = [LEFT] * len(changes)
        self.rooms: dict[tuple[int, int], Room] = {}
        self.ends: dict[tuple[int, int], float] = {}
        self.points: list[tuple[float, float]] = [(0.0, LEFT)]
        self.absences = [list(self._absences(index)) for index in range(len(self.gaps))]
        self.opens = dict(self._openings())
        self.slots = [self._slots(index) for index in range(len(self.gaps))]
        self.bursts = [self._burst(index) for index in range(len(self.gaps) + 1)]

    def build(self) -> Axis:
        scale, unit = self._solve()
        x = LEFT
        for index in range(len(self.gaps) + 1):
            if self._has_segment(index):
                width = self._connected_width(index, unit, scale)
                self._place_connected(index, x, width, scale)
                x += width
            if index < len(self.gaps):
                width = self._gap_width(index, unit, scale)
                self._place_gap(index, x, width)
                x += width
        self._place_stragglers()
        points = tuple(sorted(self.points))
        places = {change.number: place for place, change in enumerate(self.changes)}
        columns, gaps = tuple(self.columns), tuple(self.gaps)
        return Axis(columns, unit, gaps, self.rooms, self.ends, places, points)

    def _solve(self) -> tuple[float, float]:
        total, scale = RIGHT - LEFT, 1.0
        fixed = self._total(0.0, 1.0)
        if fixed > FIXED_SHARE * total:
            scale = FIXED_SHARE * total / fixed
        low, high = 0.0, total
        for _ in range(50):
            middle = (low + high) / 2
            if self._total(middle, scale) > total:
                high = middle
            else:
                low = middle
        return scale, low

    def _total(self, unit: float, scale: float) -> float:
        count = len(self.gaps)
        connected = sum(
            self._connected_width(index, unit, scale)
            for index in range(count + 1)
            if self._has_segment(index)
        )
        return connected + sum(self._gap_width(index, unit, scale) for index in range(count))

    def _has_segment(self, index: int) -> bool:
        """Tell whether anybody is connected before this gap (or after the last)."""
        if index == 0 and self.gaps:
            return self.gaps[0].start > 0 or not self.lanes
        if index == len(self.gaps) and self.gaps:
            return self.gaps[-1].end < self.seconds or self._opens_at_end()
        return True

    def _opens_at_end(self) -> bool:
        absences = [absence for lane in self.lanes for absence in lane.absences]
        return any(a.after is not None and a.end >= self.gaps[-1].end for a in absences)

    def _span(self, index: int) -> tuple[int, int]:
        """Give the changes of a connected segment."""
        first = self.gaps[index - 1].last if index else 0
        last = self.gaps[index].first if index < len(self.gaps) else len(self.changes)
        return first, last

    def _burst(self, index: int) -> float:
        """Give the room that opens a connected segment: less when nobody is sent anything."""
        openings = [
            crowding(connection.opening)
            for number, lane in enumerate(self.lanes)
            for connection in lane.open_connections
            if self.opens[number, connection.number] == index
        ]
        most = max(openings, default=0)
        return self.size.burst * (max(1.0, 0.55 * most) if most else 0.3)

    def _openings(self) -> Iterator[tuple[tuple[int, int], int | None]]:
        """Give the segment that each connection opens at the edge of; None inside a gap."""
        for number, lane in enumerate(self.lanes):
            before = {a.after.number: a for a in lane.absences if a.after}
            for connection in lane.open_connections:
                absence = before.get(connection.number)
                segment = 0 if absence is None else self._segment_after(absence)
                yield (number, connection.number), segment

    def _segment_after(self, absence: Absence) -> int | None:
        index, gap = self._gap_of(absence)
        is_last = not self._between(gap, absence.end, gap.end)
        return index + 1 if is_last and self._has_segment(index + 1) else None

    def _gap_of(self, absence: Absence) -> tuple[int, Gap]:
        starts = [gap.start for gap in self.gaps]
        index = max(0, bisect.bisect_right(starts, absence.start) - 1)
        return index, self.gaps[index]

    def _between(self, gap: Gap, start: float, end: float) -> int:
        return sum(start < c.at <= end for c in self.changes[gap.first : gap.last])

    def _connected_width(self, index: int, unit: float, scale: float) -> float:
        first, last = self._span(index)
        width = scale * (self.bursts[index] + self.size.end) + (last - first) * unit
        return max(scale * self.size.connected, width)

    def _gap_width(self, index: int, unit: float, scale: float) -> float:
        least = max(2 * self.size.edge, self.gap_widths.get(index, 0.0) + 12)
        if not self.lanes:
            least = 2 * SHAPES.edge
        weights = sum(
            scale * slot.weight if slot.change is None else max(scale * slot.weight, 0.8 * unit)
            for slot in self.slots[index]
        )
        return max(scale * least, 6 * scale + weights)

    def _place_connected(self, index: int, x: float, width: float, scale: float) -> None:
        first, last = self._span(index)
        burst, end = scale * self.bursts[index], scale * self.size.end
        step = (width - burst - end) / max(1, last - first)
        start = self.gaps[index - 1].end if index else 0.0
        self.points += [(start, x), (start, x + burst)]
        for number in range(first, last):
            self._put_change(number, x + burst + (number - first + 0.5) * step)
        room = Room(x, burst)
        for number, lane in enumerate(self.lanes):
            for connection in lane.open_connections:
                if self.opens[number, connection.number] == index:
                    self.rooms[number, connection.number] = room
        if index == len(self.gaps):
            self.points.append((max(self.seconds, start), x + width))

    def _put_change(self, number: int, x: float) -> None:
        self.columns[number] = x
        self.points.append((self.changes[number].at, x))

    def _place_gap(self, index: int, x: float, width: float) -> None:
        gap = self.gaps[index]
        self.gaps[index] = Gap(gap.start, gap.end, gap.first, gap.last, x, x + width)
        self.points += [(gap.start, x), (gap.end, x + width)]
        for lane, absence in self.absences[index]:
            if absence.before and not self._between(gap, gap.start, absence.start):
                self.ends[lane, absence.before.number] = x
        slots = self.slots[index]
        total = sum(slot.weight for slot in slots) or 1.0
        step, place = (width - 6) / total, x + 3
        for slot in slots:
            self._put_slot(slot, place, slot.weight * step)
            place += slot.weight * step

    def _put_slot(self, slot: _Slot, x: float, width: float) -> None:
        if slot.change is not None:
            self._put_change(slot.change, x + width / 2)
        elif slot.end is not None:
            self.ends[slot.end] = x + width / 3
        elif slot.opening is not None:
            self.rooms[slot.opening] = Room(x, min(width, self.size.burst))

    def _slots(self, index: int) -> list[_Slot]:
        """Give what stands inside a gap, in order."""
        gap = self.gaps[index]
        found = [
            (self.changes[number].at, 0, _Slot(self.size.gap_unit, change=number))
            for number in range(gap.first, gap.last)
        ]
        for lane, absence in self.absences[index]:
            if absence.before and self._between(gap, gap.start, absence.start):
                key = lane, absence.before.number
                found.append((absence.start, 1, _Slot(self.size.edge + self.size.end, end=key)))
            key = lane, absence.after.number if absence.after else 0
            if absence.after and self.opens[key] is None:
                found.append((absence.end, 2, _Slot(self.size.burst, opening=key)))
        return [slot for _, _, slot in sorted(found, key=lambda item: item[:2])]

    def _absences(self, index: int) -> Iterator[tuple[int, Absence]]:
        for lane, facts in enumerate(self.lanes):
            for absence in facts.absences:
                if self._gap_of(absence)[0] == index:
                    yield lane, absence

    def _place_stragglers(self) -> None:
        """Place what has no gap: first openings and last ends."""
        known = Axis((), 0, (), {}, {}, {}, tuple(sorted(self.points)))
        for number, lane in enumerate(self.lanes):
            for connection in lane.open_connections:
                key = number, connection.number
                self.rooms.setdefault(key, Room(known.at(connection.at), self.size.burst))
                self.ends.setdefault(key, known.at(connection.closed_at))


def _merged(lanes: Iterable[Lane], changes: Sequence[Change], cuts: Iterable[Cut]) -> list[Gap]:
    times = [(absence.start, absence.end) for lane in lanes for absence in lane.absences]
    times += [(at, at + away) for at, away in cuts]
    merged: list[tuple[float, float]] = []
    for start, end in sorted(times):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    at = [change.at for change in changes]
    return [
        Gap(start, end, bisect.bisect_right(at, start), bisect.bisect_right(at, end))
        for start, end in merged
    ]


def axis(
    lanes: Sequence[Lane],
    changes: Sequence[Change],
    seconds: float,
    size: Density,
    *,
    cuts: Sequence[Cut] = (),
    gap_widths: Mapping[int, float] | None = None,
) -> Axis:
    """Lay out the axis that all lanes share.

    Parameters
    ----------
    lanes : sequence of Lane
    changes : sequence of Change
        Those to draw, from the first on.
    seconds : float
        Where the axis ends.
    size : Density
    cuts : sequence of Cut
        Cuts to leave room for when there are no lanes.
    gap_widths : mapping of int to float, optional
        What the text in a gap needs, by the gap's number from 0.

    Returns
    -------
    Axis
    """
    return _AxisBuilder(lanes, changes, seconds, size, cuts, gap_widths or {}).build()


def gaps(
    lanes: Sequence[Lane], changes: Sequence[Change], cuts: Sequence[Cut] = ()
) -> tuple[Gap, ...]:
    """Give the gaps that an axis will have, not yet placed.

    Parameters
    ----------
    lanes : sequence of Lane
    changes : sequence of Change
    cuts : sequence of Cut

    Returns
    -------
    tuple of Gap
        In order.
    """
    return tuple(_merged(lanes, changes, cuts))


def places(lane: Lane, number: int, where: Axis) -> tuple[float, ...]:
    """Give the place of every event that a watcher was delivered.

    A live event stands in its change's column, one of the opening in the opening's room;
    several of one object are spread there.

    Parameters
    ----------
    lane : Lane
    number : int
        The lane's, from 0.
    where : Axis

    Returns
    -------
    tuple of float
        In order of delivery.
    """
    found: list[float] = []
    for connection in lane.connections:
        sizes = Counter(told.seen.uid for told in connection.opening)
        passed: Counter[str] = Counter()
        room = where.rooms.get((number, connection.number))
        for told in connection.told:
            if room and told.is_opening:
                share = _share(passed[told.seen.uid], sizes[told.seen.uid])
                passed[told.seen.uid] += 1
                found.append(room.left + share * room.width)
            else:
                found.append(where.column(told.change) if told.change else where.at(told.seen.at))
    return tuple(found)


def _share(index: int, count: int) -> float:
    return 0.42 if count == 1 else 0.25 + 0.55 * index / (count - 1)


def lane_end(lane: Lane, number: int, where: Axis) -> float:
    """Give the place where a watcher's last attempt ends.

    Parameters
    ----------
    lane : Lane
    number : int
        The lane's, from 0.
    where : Axis

    Returns
    -------
    float
        The left edge when there was no attempt.
    """
    if not lane.connections:
        return LEFT
    last = lane.connections[-1]
    return where.ends[number, last.number] if last.is_open else where.at(last.closed_at)
