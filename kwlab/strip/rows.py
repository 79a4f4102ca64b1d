"""Which row each object's life has in a watch strip: numbers only, no SVG."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kwlab.history import Change, History
from kwlab.strip.facts import Lane
from kwlab.strip.layout import LEFT, RIGHT, Axis, Density, lane_end
from kwlab.wire import EventType

ROWS_LIMIT: Final = 40
"""From more rows on, only objects with a loss get one."""


@dataclass(frozen=True, slots=True)
class Life:
    """Hold the row of one object's life.

    Parameters
    ----------
    uid, name : str
    start, end : float
        From when to when anybody believes in it or it exists, in pixels.
    is_ghost : bool
        Whether it leaves a ghost in some lane.
    """

    uid: str
    name: str
    start: float
    end: float
    is_ghost: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """Say which row each life has.

    Parameters
    ----------
    of : mapping of str to int
        By uid; those without a row are not in it.
    names : tuple of str
        The name that a row had first.
    ghosts : frozenset of int
        The rows that hold a ghost.
    others : frozenset of str
        The uids that share one band, having no row.
    """

    of: Mapping[str, int]
    names: tuple[str, ...]
    ghosts: frozenset[int]
    others: frozenset[str]


def lives(
    lanes: Sequence[Lane],
    history: History,
    changes: Sequence[Change],
    where: Axis,
    placed: Sequence[Sequence[float]],
    names: Mapping[str, str],
) -> tuple[Life, ...]:
    """Find every life that is drawn.

    Parameters
    ----------
    lanes : sequence of Lane
    history : History
    changes : sequence of Change
        Those that are drawn.
    where : Axis
    placed : sequence of sequence of float
        By lane, as :func:`places` gives it.
    names : mapping of str to str
        By uid.

    Returns
    -------
    tuple of Life
        By start and name; those that leave a ghost last, in order of death.
    """
    start = {item.uid: LEFT for item in history.objects}
    end: dict[str, float] = {}
    for change in changes:
        start.setdefault(change.object.uid, where.column(change))
        if change.type is EventType.DELETED:
            end[change.object.uid] = where.column(change)
    died, ghosts = dict(end), set()
    for number, (lane, xs) in enumerate(zip(lanes, placed, strict=True)):
        last = lane_end(lane, number, where)
        for spell in lane.spells:
            begin = xs[spell.start.index] if spell.start else LEFT
            stop = xs[spell.end.index] if spell.end else last
            start[spell.uid] = min(begin, start.get(spell.uid, begin))
            end[spell.uid] = max(stop, end.get(spell.uid, stop))
        gone = {c.object.uid for c in lane.count.lost if c.type is EventType.DELETED}
        ghosts |= {s.uid for s in lane.spells if s.uid in gone}
    found = [
        Life(uid, names.get(uid, uid), x, end.get(uid, RIGHT), uid in ghosts)
        for uid, x in start.items()
    ]
    return tuple(sorted(found, key=lambda life: _rank(life, died)))


def _rank(life: Life, died: Mapping[str, float]) -> tuple[float, float, str, str]:
    death = died.get(life.uid, RIGHT) if life.is_ghost else 0.0
    return death, life.start, life.name, life.uid


def rows(found: Sequence[Life], lanes: Sequence[Lane], size: Density) -> Rows:
    """Give each life a free row.

    Parameters
    ----------
    found : sequence of Life
        In order of preference.
    lanes : sequence of Lane
    size : Density
        At letters, lives of one name alone share a row.

    Returns
    -------
    Rows
    """
    if size.has_letters:
        found = _by_name(found)
    allocated = _allocate(found, size)
    if len(allocated.names) <= ROWS_LIMIT:
        return allocated
    chosen = _chosen(found, lanes)
    kept = _allocate([life for life in found if life.uid in chosen], size)
    others = frozenset(life.uid for life in found) - frozenset(kept.of)
    return Rows(kept.of, kept.names, kept.ghosts, others)


def _by_name(found: Sequence[Life]) -> list[Life]:
    """Put every life of a name that leaves a ghost where the ghost stands."""
    haunted = list(dict.fromkeys(life.name for life in found if life.is_ghost))
    calm = [life for life in found if life.name not in haunted]
    lives_of = {name: [life for life in found if life.name == name] for name in haunted}
    return calm + [life for name in haunted for life in lives_of[name]]


def _allocate(found: Iterable[Life], size: Density) -> Rows:
    of: dict[str, int] = {}
    names: list[str] = []
    free_from: list[float] = []
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    ghosts = set()
    for life in found:
        row = _free_row(life, free_from, by_name[life.name], size)
        if row == len(free_from):
            free_from.append(life.end)
            names.append(life.name)
        free_from[row] = life.end
        if row not in by_name[life.name]:
            by_name[life.name].append(row)
        of[life.uid] = row
        if life.is_ghost:
            ghosts.add(row)
    return Rows(of, tuple(names), frozenset(ghosts), frozenset())


def _free_row(
    life: Life, free_from: Sequence[float], same_name: Sequence[int], size: Density
) -> int:
    if size.has_letters:
        candidates = list(same_name)
    else:
        candidates = [] if life.is_ghost else [*same_name, *range(len(free_from))]
    fitting = (row for row in candidates if free_from[row] <= life.start)
    return next(fitting, len(free_from))


def _chosen(found: Sequence[Life], lanes: Sequence[Lane]) -> set[str]:
    """Choose who gets a row in a crowd: who was lost to somebody, then who changed."""
    lost = {change.object.uid for lane in lanes for change in lane.count.lost}
    changed = {change.object.uid for lane in lanes for change in lane.count.changes}
    chosen = [life.uid for life in found if life.uid in lost][:ROWS_LIMIT]
    more = [life.uid for life in found if life.uid in changed and life.uid not in lost]
    if len(chosen) + len(more) <= ROWS_LIMIT:
        chosen += more
    return set(chosen)


def spread(xs: Sequence[float], distance: float, low: float, high: float) -> tuple[float, ...]:
    """Move places apart until none is nearer to the next than a distance.

    Parameters
    ----------
    xs : sequence of float
        Rising.
    distance : float
    low, high : float
        Where all should stay, as far as there is room.

    Returns
    -------
    tuple of float
        Rising; unchanged where all were far enough apart.
    """
    found = list(xs)
    for index in range(1, len(found)):
        found[index] = max(found[index], found[index - 1] + distance)
    shift = (sum(found) - sum(xs)) / max(1, len(found))
    moved = [x - shift for x in found]
    if moved and moved[0] < low:
        moved = [x + low - moved[0] for x in moved]
    if moved and moved[-1] > high:
        moved = [x + high - moved[-1] for x in moved]
    return tuple(moved)
