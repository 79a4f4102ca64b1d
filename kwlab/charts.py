"""Charts, where a chart is a chart: what watch functions cost, against objects × connections.

Functions here draw on axes, as seaborn's do, and give back what they drew on; matplotlib is
imported when one is called, and pyplot never, so that there is no global state and nothing to
close. In a notebook a chart is two outputs: a PNG with the alt text and the table as its text,
and the same table as HTML. The picture's bytes differ with matplotlib's version, so they stand
only where no comparison of outputs looks (nbval skips ``image/png``), and never in the HTML.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Final

from kwlab.errors import LabError
from kwlab.extra import require
from kwlab.finding import paragraphs
from kwlab.messages import say
from kwlab.metrics import Cost
from kwlab.strip.marks import PALETTES, fold
from kwlab.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_INCHES: Final = (7.2, 3.8)
DOTS_PER_INCH: Final = 144
"""Twice what is shown, for screens that can."""

_COLOURS: Final = PALETTES["light"]
"""The strip's: Okabe-Ito blue and vermillion."""
_UNNAMED: Final = "_crosses"
"""A label that matplotlib leaves out of legends."""
_DASHES: Final = ("-", "--", ":")
"""The first, second and third function, so that two that behave alike are told apart."""
_LABELS_APART: Final = 0.06
"""Ends that are nearer than this share of the axis have their labels one above the other."""


def plot_cost(runs: Iterable[Cost], *, ax: Axes | None = None) -> Axes:
    """Draw what functions were handed, against objects × connections: a line a function.

    Blue triangles, filled: nothing was replayed. Vermillion circles, hollow and crossed: something
    was; these are the marks of the watch strip.

    Parameters
    ----------
    runs : iterable of Cost
        As :meth:`kwlab.CostExplorer.measure` gives them, in any order.
    ax : matplotlib Axes, optional
        Where to draw; axes on a figure of their own when None.

    Returns
    -------
    matplotlib Axes
        What was drawn on: for each function a line under its name and a label at its end.

    Raises
    ------
    LabError
        When there is nothing to draw, or no matplotlib.
    """
    lines = _lines(runs)
    drawn_on = _new_axes() if ax is None else ax
    for (watcher, costs), dash in zip(lines.items(), cycle(_DASHES), strict=False):
        _draw_line(drawn_on, watcher, costs, dash)
    _label_ends(drawn_on, lines)
    drawn_on.set_xlabel(say("chart.product"))
    drawn_on.set_ylabel(say("chart.delivered"))
    drawn_on.set_title(say("cost.made"), loc="right", fontsize=10, color=_COLOURS["soft"])
    for axis in (drawn_on.xaxis, drawn_on.yaxis):
        axis.set_major_formatter("{x:,.0f}")
    for side in ("top", "right"):
        drawn_on.spines[side].set_visible(False)
    return drawn_on


def cost_chart(runs: Iterable[Cost]) -> Chart:
    """Make a chart of what functions were handed, with its alt text and its table.

    Parameters
    ----------
    runs : iterable of Cost

    Returns
    -------
    Chart

    Raises
    ------
    LabError
        When there is nothing to draw, or no matplotlib.
    """
    require("matplotlib")
    import matplotlib.style

    costs = tuple(runs)
    # Whatever a matplotlibrc says, a notebook shows the same to everybody.
    with matplotlib.style.context("default"):
        figure = plot_cost(costs).get_figure(root=True)
    assert figure is not None
    return Chart(figure, alt=cost_alt(costs), table=cost_table(costs))


class Chart:
    """Show a figure in a notebook, with alt text and its numbers as a table.

    Parameters
    ----------
    figure : matplotlib Figure
    alt : str
    table : Table
    """

    def __init__(self, figure: Figure, *, alt: str, table: Table) -> None:
        self.figure = figure
        self.alt = alt
        self._table = table

    def to_table(self) -> Table:
        """Give the numbers.

        Returns
        -------
        Table
        """
        return self._table

    def png(self) -> bytes:
        """Draw it.

        Returns
        -------
        bytes
            They differ with matplotlib's version.
        """
        import matplotlib.style

        data = io.BytesIO()
        with matplotlib.style.context("default"):
            # Without the name and version of the software that wrote it.
            metadata = {"Software": None}
            self.figure.savefig(data, format="png", dpi=DOTS_PER_INCH, metadata=metadata)
        return data.getvalue()

    def to_html(self) -> str:
        """Give what there is beside the picture: alt text and table.

        Returns
        -------
        str
        """
        return paragraphs([self.alt]) + fold(self._table.to_html())

    def __str__(self) -> str:
        return f"{self.alt}\n\n{self._table}"

    def __repr__(self) -> str:
        return str(self)

    def _ipython_display_(self) -> None:
        from IPython.core.display_functions import publish_display_data

        inches, _ = self.figure.get_size_inches()
        width = round(inches * DOTS_PER_INCH / 2)
        picture = {"image/png": self.png(), "text/plain": str(self)}
        publish_display_data(picture, metadata={"image/png": {"width": width}})
        # A second output: JupyterLab shows one face of an output, and of these two the HTML.
        publish_display_data({"text/html": self.to_html(), "text/plain": self.alt})


def cost_table(runs: Iterable[Cost]) -> Table:
    """Give the numbers of the chart: a row a size, a column a function.

    Parameters
    ----------
    runs : iterable of Cost

    Returns
    -------
    Table
        By objects × connections.
    """
    lines = _lines(runs)
    heads = tuple(say(f"chart.{name}") for name in ("objects", "changes", "reconnects", "product"))
    sizes = sorted({_size(cost) for costs in lines.values() for cost in costs}, key=_by_product)
    handed = {(watcher, _size(cost)): cost for watcher, line in lines.items() for cost in line}
    rows = []
    for size in sizes:
        found = [handed.get((watcher, size)) for watcher in lines]
        cells = ("" if cost is None else f"{cost.delivered:,}" for cost in found)
        rows.append((*(f"{number:,}" for number in (*size, _by_product(size)[0])), *cells))
    return Table((*heads, *lines), tuple(rows), caption=say("chart.caption"))


def cost_alt(runs: Iterable[Cost]) -> str:
    """Say in a few sentences what the chart shows.

    Parameters
    ----------
    runs : iterable of Cost

    Returns
    -------
    str
    """
    lines = _lines(runs)
    sizes = {_size(cost) for costs in lines.values() for cost in costs}
    return " ".join(
        (say("chart.alt", n=len(sizes)), *(_told(name, costs) for name, costs in lines.items()))
    )


def _told(watcher: str, costs: Sequence[Cost]) -> str:
    first, last = costs[0], costs[-1]
    is_flat = len({cost.delivered for cost in costs}) == 1
    return say(
        "chart.alt_flat" if is_flat else "chart.alt_grows",
        watcher=watcher,
        first=f"{first.delivered:,}",
        last=f"{last.delivered:,}",
        low=f"{first.product:,}",
        high=f"{last.product:,}",
    )


def _lines(runs: Iterable[Cost]) -> dict[str, list[Cost]]:
    """Sort runs into lines, a function each, from left to right."""
    lines: dict[str, list[Cost]] = {}
    for cost in runs:
        lines.setdefault(cost.watcher, []).append(cost)
    if not lines:
        raise LabError(say("chart.none"))
    return {
        watcher: sorted(costs, key=lambda cost: (cost.product, cost.delivered))
        for watcher, costs in lines.items()
    }


def _size(cost: Cost) -> tuple[int, int, int]:
    return cost.objects, cost.changes, cost.reconnects


def _by_product(size: tuple[int, int, int]) -> tuple[int, tuple[int, int, int]]:
    objects, _, reconnects = size
    return objects * (reconnects + 1), size


def _new_axes() -> Axes:
    require("matplotlib")
    from matplotlib.figure import Figure

    return Figure(figsize=SIZE_INCHES, layout="constrained").add_subplot()


def _draw_line(ax: Axes, watcher: str, costs: Sequence[Cost], dash: str) -> None:
    xs, ys = [cost.product for cost in costs], [cost.delivered for cost in costs]
    if not _is_wasteful(costs):
        ax.plot(xs, ys, dash, label=watcher, color=_COLOURS["blue"], marker="^", markersize=7)
        return
    red, inside = _COLOURS["red"], _COLOURS["card"]
    ax.plot(
        xs, ys, dash, label=watcher, color=red, marker="o", markersize=9, markerfacecolor=inside
    )
    ax.plot(xs, ys, "x", label=_UNNAMED, color=red, markersize=5)


def _is_wasteful(costs: Sequence[Cost]) -> bool:
    return any(cost.replayed for cost in costs)


def _label_ends(ax: Axes, lines: dict[str, list[Cost]]) -> None:
    """Name each line at its end, with its number; labels of near ends stand one above the other."""
    top = max(cost.delivered for costs in lines.values() for cost in costs) or 1
    below, steps = -1.0, 0
    for watcher, costs in sorted(lines.items(), key=lambda line: line[1][-1].delivered):
        end = costs[-1]
        steps = steps + 1 if below >= 0 and end.delivered - below < _LABELS_APART * top else 0
        below = end.delivered
        ax.annotate(
            say("chart.line", watcher=watcher, count=f"{end.delivered:,}"),
            (end.product, end.delivered),
            xytext=(10, 14 * steps),
            textcoords="offset points",
            va="center",
            color=_COLOURS["redtext" if _is_wasteful(costs) else "blue"],
        )
