"""The plan of one watch strip: facts, axis, rows and panels put together, before any mark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kwlab.history import Change, History
from kwlab.log import Close
from kwlab.messages import about, say
from kwlab.metrics import Count
from kwlab.naming import shown_names
from kwlab.strip import facts, layout
from kwlab.strip import rows as strip_rows
from kwlab.strip.facts import Absence, Connection, Lane, Names
from kwlab.strip.layout import LETTERS, Axis, Cut, Density
from kwlab.strip.marks import number as digits
from kwlab.strip.marks import text_width
from kwlab.strip.rows import Rows
from kwlab.wire import EventType

HOOK: Final = 16.0
"""The width of the hook by which a resourceVersion falls out of a rail, in pixels."""
BAND: Final = 24.0
"""The height of the band that stands for all objects without a row."""
LINE: Final = 16.0


@dataclass(frozen=True, slots=True)
class Panel:
    """Say where the parts of one watcher's panel stand, in pixels from the top of the picture.

    Parameters
    ----------
    top : float
        The rule above it.
    rail : float
    caption : float or None
        The base line of the caption above the rows; None when there is none.
    centres : tuple of float
        The middle of each row.
    heights : tuple of float
        Of each row.
    band : float or None
        The middle of the band of all others; None when everybody has a row.
    bottom : float
        Where the rows end.
    has_sums : bool
        Whether there are lines for replayed and lost.
    end : float
        The rule below it.
    """

    top: float
    rail: float
    caption: float | None
    centres: tuple[float, ...]
    heights: tuple[float, ...]
    band: float | None
    bottom: float
    has_sums: bool
    end: float

    @property
    def sums(self) -> float:
        """Give the base line of the first line below the rows."""
        return self.bottom + 17


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold all that is known before a mark is drawn.

    Parameters
    ----------
    history : History
        What is drawn of it: what somebody watches.
    counts : tuple of Count
    lanes : tuple of Lane
    names : Names
    shown : mapping of str to str
        What each uid is called.
    cuts : tuple of Cut
    changes : tuple of Change
        Those that are drawn.
    seconds : float
        Where the axis ends.
    size : Density
    axis : Axis
    placed : tuple of tuple of float
        By lane, the place of each delivered event.
    rows : Rows
    panels : tuple of Panel
    wording : int
        How long the texts in the gaps are: 2 long, 1 short, 0 none.
    """

    history: History
    counts: tuple[Count, ...]
    lanes: tuple[Lane, ...]
    names: Names
    shown: Mapping[str, str]
    cuts: tuple[Cut, ...]
    changes: tuple[Change, ...]
    seconds: float
    size: Density
    axis: Axis
    placed: tuple[tuple[float, ...], ...]
    rows: Rows
    panels: tuple[Panel, ...]
    wording: int

    @property
    def cluster_line(self) -> float:
        """Give the height of the cluster's line."""
        return 38.0 if self.size.has_letters else 32.0

    @property
    def cluster_end(self) -> float:
        """Give the rule below the cluster's lane."""
        return _cluster_end(self.size, self.lanes)

    def centre(self, panel: Panel, uid: str) -> float | None:
        """Give the middle of an object's row; None when it has neither row nor band.

        Parameters
        ----------
        panel : Panel
        uid : str

        Returns
        -------
        float or None
        """
        row = self.rows.of.get(uid)
        return panel.band if row is None else panel.centres[row]

    def lost_places(self, lane: Lane) -> Mapping[int, float]:
        """Give the place of each lost change, by its number, so that none hides another.

        Parameters
        ----------
        lane : Lane

        Returns
        -------
        mapping of int to float
        """
        by_uid: dict[str, list[Change]] = {}
        for change in lane.count.lost:
            by_uid.setdefault(change.object.uid, []).append(change)
        found: dict[int, float] = {}
        for changes in by_uid.values():
            columns = [self.axis.column(change) for change in changes]
            low, high = columns[0] - 3 * self.size.edge, columns[-1] + 3 * self.size.edge
            distance = 2 * max(3.0, self.size.r) + 1
            placed = strip_rows.spread(columns, distance, low, high)
            found.update(zip((change.number for change in changes), placed, strict=True))
        return found

    def rings(self, change: Change) -> Iterator[tuple[float, float]]:
        """Give every place at which a change stands or is told, a pair a lane.

        Parameters
        ----------
        change : Change

        Yields
        ------
        tuple of (float, float)
            The cluster's own first.
        """
        yield self.axis.column(change), self.cluster_line + self.offset(change)
        for number, (lane, panel) in enumerate(zip(self.lanes, self.panels, strict=True)):
            y = self.centre(panel, change.object.uid)
            if y is None:
                continue
            if change.number in lane.lost:
                yield self.lost_places(lane)[change.number], y
                continue
            for told in lane.told:
                if told.tells_of(change):
                    yield self.placed[number][told.index], y

    def offset(self, change: Change) -> float:
        """Give how far off the cluster's line a change stands, so that ticks stay readable.

        Parameters
        ----------
        change : Change

        Returns
        -------
        float
        """
        if not self.size.has_ticks:
            return 0.0
        return {EventType.ADDED: -4.2, EventType.DELETED: 4.2}.get(change.type, 0.0)


def short(number: int) -> str:
    """Write a count so that it stays short: 13.2k from 10,000 on.

    Parameters
    ----------
    number : int

    Returns
    -------
    str
    """
    return str(number) if number < 10_000 else f"{number / 1000:.1f}k"


def seconds_text(seconds: float) -> str:
    """Write a time in seconds to one decimal, and without it where it is whole.

    Parameters
    ----------
    seconds : float

    Returns
    -------
    str
    """
    return say("seconds", seconds=digits(seconds + 1e-9))


def about_text(seconds: float) -> str:
    """Write when a connection was cut, where room is short.

    Parameters
    ----------
    seconds : float

    Returns
    -------
    str
    """
    return say("seconds", seconds=about(seconds))


def reason(connection: Connection) -> str:
    """Name how a connection ended, in one word.

    Parameters
    ----------
    connection : Connection

    Returns
    -------
    str
        Empty at the end of the recording.
    """
    if connection.status and connection.close in {Close.STATUS, Close.ERROR}:
        return str(connection.status)
    return "" if connection.close is Close.OVER else say(f"strip.close.{connection.close.value}")


def tries_text(absence: Absence) -> str:
    """Name why the attempts in an absence came to nothing.

    Parameters
    ----------
    absence : Absence

    Returns
    -------
    str
        Empty when there were none.
    """
    return ", ".join(dict.fromkeys(reason(connection) for connection in absence.tries))


def seen_texts(wording: int, name: str) -> list[str]:
    """Give what a gap says of the last resourceVersion seen, the longest first.

    Parameters
    ----------
    wording : int
    name : str

    Returns
    -------
    list of str
    """
    keys = ["strip.last_seen.long", "strip.last_seen.short"][2 - wording :] if wording else []
    return [say(key, rv=name) for key in keys]


def dropped_texts(wording: int, name: str) -> list[str]:
    """Give what a gap says at the hook, the longest first.

    Parameters
    ----------
    wording : int
    name : str

    Returns
    -------
    list of str
    """
    keys = ["strip.dropped.long", "strip.dropped.short"][2 - wording :] if wording else []
    return [say(key, rv=name) for key in keys]


def plan(counts: Sequence[Count], history: History, cuts: Sequence[Cut] = ()) -> Plan:
    """Plan a strip.

    Parameters
    ----------
    counts : sequence of Count
        One to three; none for the cluster alone.
    history : History
        The whole; drawn is what the counts were made of.
    cuts : sequence of Cut
        What to mark on the cluster's lane when it stands alone.

    Returns
    -------
    Plan
    """
    lanes, names = facts.read(counts, history)
    drawn = facts.drawn(counts, history)
    seen = (seen for count in counts for _, seen, _ in count.deliveries())
    shown = shown_names(drawn, ((one.namespace, one.name, one.uid) for one in seen))
    seconds = max((lane.closed_at for lane in lanes), default=drawn.seconds)
    changes = drawn.changes[: drawn.happened(seconds)]
    used_cuts = () if lanes else tuple(cuts)
    found_gaps = layout.gaps(lanes, changes, used_cuts)
    size = layout.density(len(changes), len(found_gaps) + 1, len(set(shown.values())))
    axis, wording = _worded(lanes, names, changes, seconds, size, used_cuts)
    placed = tuple(layout.places(lane, n, axis) for n, lane in enumerate(lanes))
    lives = strip_rows.lives(lanes, drawn, changes, axis, placed, shown)
    rows = strip_rows.rows(lives, lanes, size)
    return Plan(
        drawn, tuple(counts), lanes, names, shown, used_cuts, changes, seconds, size, axis,
        placed, rows, tuple(_panels(lanes, rows, size)), wording,
    )  # fmt: skip


def _worded(
    lanes: Sequence[Lane],
    names: Names,
    changes: Sequence[Change],
    seconds: float,
    size: Density,
    cuts: Sequence[Cut],
) -> tuple[Axis, int]:
    """Choose the longest wording of the gaps that leaves the marks apart."""
    for wording in (2, 1, 0) if size is LETTERS else (0,):
        widths = _gap_widths(lanes, names, changes, wording)
        axis = layout.axis(lanes, changes, seconds, size, cuts=cuts, gap_widths=widths)
        if axis.unit >= 2.2 * size.r:
            break
    return axis, wording


def _gap_widths(
    lanes: Sequence[Lane], names: Names, changes: Sequence[Change], wording: int
) -> dict[int, float]:
    starts = [gap.start for gap in layout.gaps(lanes, changes)]
    needed = dict.fromkeys(range(len(starts)), 0.0)
    for lane in lanes:
        for absence in lane.absences:
            index = max(i for i, start in enumerate(starts) if start <= absence.start)
            needed[index] = max(needed[index], _absence_width(absence, names, wording))
    return needed


def _absence_width(absence: Absence, names: Names, wording: int) -> float:
    tries = text_width(tries_text(absence), 12)
    below = tries + 8 if absence.tries else 0.0
    if absence.before is None or absence.after is None:
        return below
    name = names.name(absence.after.handed)
    above = max((text_width(t, 12) for t in seen_texts(wording, name)[:1]), default=0.0)
    if absence.after.is_dropped:
        below += sum(HOOK + text_width(text, 12) for text in dropped_texts(wording, name)[:1])
    return max(above, below)


def _cluster_end(size: Density, lanes: Sequence[Lane]) -> float:
    if not size.has_letters:
        return 48.0
    return 60.0 if lanes else 86.0


def _panels(lanes: Sequence[Lane], rows: Rows, size: Density) -> Iterator[Panel]:
    top = _cluster_end(size, lanes)
    for lane in lanes:
        panel = _panel(lane, rows, size, top)
        yield panel
        top = panel.end


def _panel(lane: Lane, rows: Rows, size: Density, top: float) -> Panel:
    count = lane.count
    has_caption = count.replayed > 0 or count.disguised > 0
    says_ends = size.has_letters or any(
        c.close in {Close.CUT, Close.ERROR, Close.REFUSED, Close.STATUS} for c in lane.connections
    )
    first = top + (72 if says_ends or has_caption else 62)
    caption = first + 10 if has_caption else None
    y = first + (LINE if has_caption else 0)
    has_ghosts = bool(count.lost_deletions)
    heights = tuple(
        size.ghost_row if has_ghosts and row in rows.ghosts else size.row
        for row in range(len(rows.names))
    )
    centres = tuple(y + sum(heights[:row]) + height / 2 for row, height in enumerate(heights))
    y += sum(heights)
    band = y + BAND / 2 if rows.others else None
    has_sums = count.replayed > 0 or bool(count.lost)
    least = top + (78 if has_sums else 124)
    bottom = max(y + (BAND if rows.others else 0) + 3, least)
    end = bottom + (62 if has_sums else 29)
    return Panel(top, top + 51.5, caption, centres, heights, band, bottom, has_sums, end)
