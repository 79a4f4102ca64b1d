"""The legend of a watch strip: only what occurs in the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from kwlab.log import Close
from kwlab.messages import say
from kwlab.metrics import Fate
from kwlab.strip.layout import LEFT
from kwlab.strip.marks import Canvas, cross, lettered, number, shape, text_width
from kwlab.strip.panel import DOTS, GHOST_DASH
from kwlab.strip.plan import Plan
from kwlab.wire import EventType

LINE: Final = 18.0
Sample: TypeAlias = Callable[[Canvas, float, float], None]


def legend(canvas: Canvas, planned: Plan, top: float, note: str = "") -> float:
    """Draw the legend.

    Parameters
    ----------
    canvas : Canvas
    planned : Plan
    top : float
        Where it begins.
    note : str
        What is said after it.

    Returns
    -------
    float
        Where it ends.
    """
    x, y = LEFT, top + 17
    for sample, room, text in _all_entries(planned, note):
        width = room + text_width(text, 12)
        if x + width > 988 and x > LEFT:
            x, y = LEFT, y + LINE
        sample(canvas, x, y - 4)
        canvas.text(x + room, y, text)
        x += width + 18
    return y + 13


def _all_entries(planned: Plan, note: str) -> Iterator[tuple[Sample, float, str]]:
    yield from _entries(planned)
    if note:
        yield _nothing, 0, note


def _nothing(canvas: Canvas, x: float, y: float) -> None:
    """Draw no sample."""


def _entries(planned: Plan) -> Iterator[tuple[Sample, float, str]]:
    """Give what occurs in this picture: how to draw it, how wide it is, and its name."""
    yield from _shape_entries(planned)
    if planned.lanes:
        yield _connected, 26, say("strip.legend.connected")
    told = [t for lane in planned.lanes for t in lane.told]
    if any(c.is_dropped for lane in planned.lanes for c in lane.open_connections[1:]):
        yield _hook, 18, say("strip.legend.dropped")
    if any(t.fate is Fate.REPLAYED for t in told):
        yield _columns, 18, say("strip.legend.column")
        room = 24 if planned.size.has_letters else 18
        yield _again(planned), room, say("strip.legend.replayed", type=EventType.ADDED.value)
    if any(t.fate is Fate.NOT_REQUESTED for t in told):
        yield _shape_sample(planned, EventType.ADDED, "k"), 16, say("strip.legend.not_requested")
    if any(t.is_late for t in told):
        yield _late, 24, say("strip.legend.late")
    if any(t.is_late and t.seen.type is EventType.DELETED for t in told):
        yield _gone, 26, say("strip.legend.gone")
    if any(lane.count.lost_deletions for lane in planned.lanes):
        yield _ghost, 26, say("strip.legend.ghost")
    if any(not c.is_open for lane in planned.lanes for c in lane.connections):
        yield _diamond, 16, say("strip.legend.refused")
    if any(c.close is Close.CUT for lane in planned.lanes for c in lane.connections):
        yield _zigzag, 12, say("strip.legend.cut")
    if any(c.bookmarks for lane in planned.lanes for c in lane.connections):
        yield _pennant, 12, say("strip.legend.bookmark")


def _shape_entries(planned: Plan) -> Iterator[tuple[Sample, float, str]]:
    kinds = {change.type for change in planned.changes}
    kinds |= {told.seen.type for lane in planned.lanes for told in lane.told}
    kind = "b" if planned.lanes else "k"
    for change in (EventType.ADDED, EventType.MODIFIED, EventType.DELETED):
        if change in kinds:
            yield _shape_sample(planned, change, kind), 16, change.value


def _shape_sample(planned: Plan, change: EventType, kind: str) -> Sample:
    def sample(canvas: Canvas, x: float, y: float) -> None:
        if planned.size.has_ticks and change is EventType.MODIFIED:
            canvas.path(f"M{number(x + 5)} {number(y - 3.5)}v7", f"{kind}l", 1.4)
        else:
            shape(canvas, change, x + 5, y, 5, kind)

    return sample


def _again(planned: Plan) -> Sample:
    def sample(canvas: Canvas, x: float, y: float) -> None:
        if planned.size.has_ticks:
            cross(canvas, x + 6, y, 3.2, 1.6)
            return
        if planned.size.has_letters:
            shape(canvas, EventType.ADDED, x + 8, y, 8, "vo", width=1.5)
            lettered(canvas, EventType.ADDED, x + 8, y + 0.8, 8, "vt")
            cross(canvas, x + 16, y - 6, 3, 1.8)
            return
        shape(canvas, EventType.ADDED, x + 6, y, 5, "vo", width=1.5)
        cross(canvas, x + 6, y, 2.5, 1.4)

    return sample


def _connected(canvas: Canvas, x: float, y: float) -> None:
    canvas.rect(x, y - 6, 20, 12, "on")
    canvas.path(f"M{number(x)} {number(y - 5)}h20", "bl", 3)


def _hook(canvas: Canvas, x: float, y: float) -> None:
    canvas.path(f"M{number(x)} {number(y - 5)}h2q4 0 4 4v2", "v", 1.6)
    canvas.path(f"M{number(x + 2)} {number(y)}h8l-4 6z", "vf")


def _columns(canvas: Canvas, x: float, y: float) -> None:
    canvas.rect(x, y - 7, 12, 14, "col")


def _late(canvas: Canvas, x: float, y: float) -> None:
    canvas.path(f"M{number(x)} {number(y)}h18", "bl", 1.4, dash=DOTS)


def _gone(canvas: Canvas, x: float, y: float) -> None:
    canvas.rect(x, y - 2.7, 20, 5.4, "band")
    _late(canvas, x + 1, y)


def _ghost(canvas: Canvas, x: float, y: float) -> None:
    canvas.rect(
        x, y - 5, 20, 10, "vo", extra=f' stroke-dasharray="{GHOST_DASH}" stroke-width="1.3"'
    )


def _diamond(canvas: Canvas, x: float, y: float) -> None:
    canvas.path(f"M{number(x + 5)} {number(y - 5)}l5 5l-5 5l-5 -5z", "k")


def _zigzag(canvas: Canvas, x: float, y: float) -> None:
    canvas.path(f"M{number(x + 3)} {number(y - 7)}l-3 4l6 3l-6 3l3 4", "bl", 2)


def _pennant(canvas: Canvas, x: float, y: float) -> None:
    canvas.path(f"M{number(x)} {number(y - 5)}v9m0 -6l5.5 3l-5.5 3z", "g", 1)
