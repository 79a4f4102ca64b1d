"""The bars: what each function was handed, the number at the end, in the strip's colours and marks.

What was replayed is hollow and crossed, what was new is filled; the rule stands at objects ×
connections, so that one sees what the waste is made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kwlab.messages import say
from kwlab.metrics import Cost
from kwlab.naming import terms_in_words
from kwlab.strip.marks import Canvas, Colours, attribute, frame, number, text_width
from kwlab.table import Table

WIDTH: Final = 720
LEFT: Final = 150.0
"""Where the bars begin; the names stand before."""
RIGHT: Final = 620.0
"""Where the longest bar may end; its number stands behind."""
TOP: Final = 76.0
ROW: Final = 56.0
BAR: Final = 20.0
CROSS_EVERY: Final = 16.0


def thousands(value: int) -> str:
    """Write a count for people.

    Parameters
    ----------
    value : int

    Returns
    -------
    str

    Examples
    --------
    >>> thousands(30500)
    '30,500'
    """
    return f"{value:,}"


def ceiling(value: int) -> int:
    """Round up to 1, 2 or 5 times a power of ten: where the axis ends.

    Parameters
    ----------
    value : int

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> [ceiling(value) for value in (0, 1, 50, 51, 1050, 30500)]
    [1, 1, 50, 100, 2000, 50000]
    """
    power = 1
    while power * 10 <= value:
        power *= 10
    return next(power * step for step in (1, 2, 5, 10) if power * step >= value)


def draw(
    costs: Sequence[Cost],
    *,
    title: str,
    product: str,
    alt: str,
    width: int | None = WIDTH,
    colours: Colours = "auto",
) -> str:
    """Draw the bars.

    Parameters
    ----------
    costs : sequence of Cost
        Of one size; none gives the frame alone.
    title : str
        The size, in words.
    product : str
        What stands at the rule.
    alt : str
    width : int or None
        In pixels; None fills what it stands in.
    colours : str
        As for the strip.

    Returns
    -------
    str
        SVG, the same bytes for the same facts everywhere.
    """
    canvas = Canvas()
    foot = TOP + ROW * len(costs)
    scale = _Scale(costs)
    canvas.text(16, 28, title, "ink", 15, is_bold=True)
    canvas.text(WIDTH - 16, 28, say("cost.made"), "soft", 13, anchor="end")
    if costs:
        _rule(canvas, scale.at(costs[0].product), foot, product)
        _axis(canvas, scale, foot)
    for index, cost in enumerate(costs):
        _row(canvas, cost, scale, TOP + ROW * index)
    if costs:
        _legend(canvas, foot + 46)
    height = foot + (64 if costs else 0)
    card = Canvas()
    card.rect(0.5, 0.5, WIDTH - 1, height - 1, "card", extra=' rx="6"')
    said = f'role="img" aria-label={attribute(alt)}'
    body = "".join(card.parts + canvas.parts)
    return frame(body, (WIDTH, height), said, width=width, colours=colours)


class _Scale:
    """Put a count on the axis."""

    def __init__(self, costs: Sequence[Cost]) -> None:
        counts = [count for cost in costs for count in (cost.delivered, cost.product)]
        self.end = ceiling(max(counts, default=0))

    def at(self, count: int) -> float:
        return LEFT + (RIGHT - LEFT) * count / self.end


def _rule(canvas: Canvas, x: float, foot: float, product: str) -> None:
    canvas.path(f"M{number(x)} {number(TOP - 16)}V{number(foot)}", "kl", 1, dash="3 3")
    half = text_width(product, 13) / 2
    centre = min(max(x, LEFT + half), WIDTH - 16 - half)
    canvas.text(centre, TOP - 22, product, "ink", 13, anchor="middle")


def _axis(canvas: Canvas, scale: _Scale, foot: float) -> None:
    canvas.path(f"M{number(LEFT)} {number(TOP - 8)}V{number(foot)}H{number(RIGHT)}", "rule", 1)
    halves = (0, scale.end // 2, scale.end) if scale.end % 2 == 0 else (0, scale.end)
    for count in halves:
        x = scale.at(count)
        canvas.path(f"M{number(x)} {number(foot)}v4", "rule", 1)
        canvas.text(x, foot + 17, thousands(count), "soft", 12, anchor="middle")


def _row(canvas: Canvas, cost: Cost, scale: _Scale, top: float) -> None:
    canvas.text(
        LEFT - 12, top + 15, _short(cost.watcher), "ink", 15, anchor="end", is_bold=True,
        title=cost.watcher,
    )  # fmt: skip
    wasted = cost.delivered - cost.new
    split, end = scale.at(wasted), scale.at(cost.delivered)
    if wasted:
        _replayed(canvas, top, split)
    if cost.new:
        canvas.rect(split, top, max(end - split, 2), BAR, "b")
    canvas.text(end + 8, top + 15, thousands(cost.delivered), "ink", 15, is_bold=True)
    kind = "vt" if wasted else "soft"
    canvas.text(LEFT + 2, top + BAR + 15, sum_of(cost), kind, 12)


def _replayed(canvas: Canvas, top: float, end: float) -> None:
    canvas.rect(LEFT, top, max(end - LEFT, 2), BAR, "vo", extra=' stroke-width="1.6"')
    room = end - LEFT
    crosses = int(room // CROSS_EVERY)
    for index in range(crosses):
        x = LEFT + room * (index + 0.5) / crosses
        canvas.path(_cross(x, top + BAR / 2), "v", 1.6)


def _cross(x: float, y: float) -> str:
    return f"M{number(x - 3.5)} {number(y - 3.5)}l7 7M{number(x - 3.5)} {number(y + 3.5)}l7 -7"


def _legend(canvas: Canvas, y: float) -> None:
    canvas.rect(LEFT, y - 11, 26, 13, "vo", extra=' stroke-width="1.6"')
    canvas.path(_cross(LEFT + 13, y - 4.5), "v", 1.6)
    canvas.text(LEFT + 34, y, say("cost.key.replayed"), "soft", 12)
    after = LEFT + 34 + text_width(say("cost.key.replayed"), 12) + 24
    canvas.rect(after, y - 11, 26, 13, "b")
    canvas.text(after + 34, y, say("cost.key.new"), "soft", 12)


def _short(name: str) -> str:
    fits = 13
    return name if len(name) <= fits else f"{name[: fits - 1]}…"


def sum_of(cost: Cost) -> str:
    """Say what the events were worth.

    Parameters
    ----------
    cost : Cost

    Returns
    -------
    str
        ``0 new + 50 replayed``.
    """
    terms = {"new": cost.new, "replayed": cost.replayed}
    if cost.not_requested:
        terms["not_requested"] = cost.not_requested
    return terms_in_words(terms, thousands)


def table(costs: Sequence[Cost], caption: str) -> Table:
    """Give the same facts, a row a function.

    Parameters
    ----------
    costs : sequence of Cost
    caption : str

    Returns
    -------
    Table
    """
    names = ["connections", "delivered", "new", "replayed"]
    if any(cost.not_requested for cost in costs):
        names.append("not_requested")
    rows = tuple(
        (cost.watcher, *(thousands(getattr(cost, name)) for name in names)) for cost in costs
    )
    heads = tuple(say(f"cost.head.{name}") for name in ("watcher", *names))
    return Table(heads, rows, left=frozenset({0}), caption=caption)
