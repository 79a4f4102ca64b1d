"""The watch strip: one picture of what each watcher asked for, was sent, and believes.

One bar is one object's life as the watcher believes it; columns are events in order. A panel
is read in three steps, each straight below the one before: what each connection asked from,
what that did to the rows, and how much it comes to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from kwlab.calls import choice
from kwlab.errors import LabError
from kwlab.history import Change, History
from kwlab.messages import say
from kwlab.metrics import Count
from kwlab.strip import tables
from kwlab.strip.layout import LEFT, RIGHT, WIDTH, Cut, Gap
from kwlab.strip.legend import legend
from kwlab.strip.marks import (
    Canvas,
    Colours,
    attribute,
    figure,
    frame,
    lettered,
    number,
    shape,
)
from kwlab.strip.panel import LABELS, TOTALS, PanelDrawing, elided
from kwlab.strip.plan import Plan, about_text, plan, seconds_text, short
from kwlab.table import Table
from kwlab.wire import EventType


@dataclass(frozen=True, slots=True)
class Drawing:
    """Hold a drawn strip.

    Parameters
    ----------
    plan : Plan
    body : str
        The SVG elements, without the root.
    height : float
        Of the whole, at a width of 1,000.
    foot : float
        Where the last panel ends.
    """

    plan: Plan
    body: str
    height: float
    foot: float

    def svg(self, *, width: int | None = 1000, colours: Colours = "auto") -> str:
        """Write the picture.

        Parameters
        ----------
        width : int or None
            In pixels; the picture is scaled. None fills what it stands in.
        colours : str

        Returns
        -------
        str
        """
        said = attribute(tables.alt_text(self.plan))
        return self.frame(self.body, f'role="img" aria-label={said}', width, colours)

    def frame(
        self, body: str, attributes: str, width: int | None = None, colours: Colours = "jupyter"
    ) -> str:
        """Put elements into an SVG of this picture's size.

        Parameters
        ----------
        body : str
        attributes : str
            Of the root, further to its size.
        width : int or None
        colours : str

        Returns
        -------
        str
        """
        size = WIDTH, self.height
        return frame(body, size, attributes, width=width, colours=colours)


def draw(
    counts: Sequence[Count],
    history: History,
    *,
    notes: Mapping[str, str] | None = None,
    cuts: Sequence[Cut] = (),
    width: int = 1000,
    colours: Colours = "auto",
) -> str:
    """Draw the watch strip.

    Parameters
    ----------
    counts : sequence of Count
        One to three watchers; none draws the cluster's lane alone.
    history : History
    notes : mapping of str to str, optional
        By watcher, what it does, in a few words.
    cuts : sequence of Cut
        Cuts to mark on the cluster's lane when it stands alone.
    width : int
        In pixels. The picture is laid out for 1,000 and scaled; it reads from 700 on.
    colours : str
        ``auto`` follows the reader's preference, ``jupyter`` the theme of JupyterLab; or
        ``light``, ``dark``, ``grey``.

    Returns
    -------
    str
        SVG, the same bytes for the same facts everywhere.
    """
    return compose(counts, history, notes=notes, cuts=cuts).svg(width=width, colours=colours)


def compose(
    counts: Sequence[Count],
    history: History,
    *,
    notes: Mapping[str, str] | None = None,
    cuts: Sequence[Cut] = (),
) -> Drawing:
    """Draw the strip for any size and colours.

    Parameters
    ----------
    counts : sequence of Count
    history : History
    notes : mapping of str to str, optional
    cuts : sequence of Cut

    Returns
    -------
    Drawing
    """
    planned = plan(counts, history, cuts)
    canvas = Canvas()
    _cluster(canvas, planned)
    for index, count in enumerate(planned.counts):
        PanelDrawing(canvas, planned, index, (notes or {}).get(count.watcher, "")).draw()
    foot = planned.panels[-1].end if planned.panels else planned.cluster_end
    bottom = legend(canvas, planned, *_cuts(canvas, planned, foot))
    card = Canvas()
    card.rect(0.5, 0.5, 999, bottom - 1, "card", extra=' rx="6"')
    return Drawing(planned, "".join(card.parts + canvas.parts), bottom, foot)


class Picture:
    """Show a watch strip that stands still, as picture, text and tables.

    Parameters
    ----------
    counts : sequence of Count
    history : History
    notes : mapping of str to str, optional
        By watcher, what it does, in a few words.
    cuts : sequence of Cut
        To mark on the cluster's lane when it stands alone.
    """

    def __init__(
        self,
        counts: Sequence[Count],
        history: History,
        *,
        notes: Mapping[str, str] | None = None,
        cuts: Sequence[Cut] = (),
    ) -> None:
        self._counts, self._history = tuple(counts), history
        self._notes, self._cuts = dict(notes or {}), tuple(cuts)

    @cached_property
    def drawing(self) -> Drawing:
        """Draw it, once."""
        return compose(self._counts, self._history, notes=self._notes, cuts=self._cuts)

    @property
    def alt(self) -> str:
        """Say in one line what the picture shows."""
        return tables.alt_text(self.drawing.plan)

    def __repr__(self) -> str:
        return self.alt

    def svg(self, *, width: int = 1000, colours: Colours = "auto") -> str:
        """Write the picture as SVG.

        Parameters
        ----------
        width : int
            In pixels.
        colours : str
            As for :func:`draw`.

        Returns
        -------
        str
        """
        return self.drawing.svg(width=width, colours=colours)

    def to_table(self, of: Literal["connections", "changes"] = "connections") -> Table:
        """Give the same facts as a table.

        Parameters
        ----------
        of : str
            ``connections`` for a row a connection, ``changes`` for a row a change.

        Returns
        -------
        Table
        """
        choice("of", of, ("connections", "changes"))
        make = tables.changes if of == "changes" else tables.connections
        return make(self.drawing.plan)

    def to_html(self) -> str:
        """Give a figure: the picture as an image with alt text, and both tables behind a fold.

        Returns
        -------
        str
        """
        return figure(self.svg(), self.alt, self.tables_html(), width=(700, 1000))

    def tables_html(self) -> str:
        """Give both tables as HTML; of the cluster alone, the one of its changes.

        Returns
        -------
        str
        """
        folded = self.to_table("changes").to_html()
        return self.to_table().to_html() + folded if self._counts else folded

    def to_markdown(self, finding: str = "") -> str:
        """Give a finding and the table of connections as Markdown.

        Parameters
        ----------
        finding : str
            Markdown that goes before the table; the alt text when there is none.

        Returns
        -------
        str
        """
        return f"{finding.rstrip() or self.alt}\n\n{self.to_table().to_markdown()}\n"

    def save(self, path: str | Path, *, finding: str = "") -> Path:
        """Write the picture (``.svg``), or the finding with the table (``.md``).

        Parameters
        ----------
        path : str or Path
        finding : str
            As for :meth:`to_markdown`.

        Returns
        -------
        Path
            Of the file.

        Raises
        ------
        LabError
            For another suffix, and when the file cannot be written.
        """
        if not isinstance(path, str | Path):
            raise LabError(say("call.path", value=repr(path)))
        target = Path(path)
        suffix = target.suffix.lower()
        if suffix not in {".svg", ".md"}:
            raise LabError(say("strip.save.suffix", path=path))
        text = self.svg() + "\n" if suffix == ".svg" else self.to_markdown(finding)
        try:
            target.write_bytes(text.encode())
        except OSError as error:
            reason = error.strerror or str(error)
            raise LabError(say("strip.save.failed", path=path, reason=reason)) from error
        return target

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.to_html()}


def picture(
    counts: Sequence[Count],
    history: History,
    *,
    notes: Mapping[str, str] | None = None,
    cuts: Sequence[Cut] = (),
) -> Picture:
    """Make a watch strip that stands still.

    Parameters
    ----------
    counts : sequence of Count
        One to three; none for the cluster alone.
    history : History
    notes : mapping of str to str, optional
        By watcher, what it does, in a few words.
    cuts : sequence of Cut
        To mark on the cluster's lane when it stands alone.

    Returns
    -------
    Picture
    """
    return Picture(counts, history, notes=notes, cuts=cuts)


def _cluster(canvas: Canvas, planned: Plan) -> None:
    y = planned.cluster_line
    _scenario(canvas, planned)
    canvas.text(LABELS, y + 5, say("strip.cluster"), "ink", 15, is_bold=True)
    canvas.path(f"M{number(LEFT)} {number(y)}H{number(RIGHT)}", "rule", 1)
    for change in planned.changes:
        _cluster_mark(canvas, planned, change)
    for change in _numbered(planned):
        x = planned.axis.column(change)
        canvas.label(x, y - 21 if planned.size.has_letters else y - 15, [str(change.number)],
                     anchor="middle")  # fmt: skip
    if planned.size.has_letters and not planned.lanes:
        _cluster_names(canvas, planned)
    total = len(planned.changes)
    text = say("strip.changes", n=total, count=short(total))
    canvas.text(TOTALS, y + 5, text, "ink", 13, is_bold=True)


def _cluster_names(canvas: Canvas, planned: Plan) -> None:
    """Name who changes, on two lines where one is too narrow."""
    for change in planned.changes:
        x, name = planned.axis.column(change), planned.shown[change.object.uid]
        for y in (planned.cluster_line + 25, planned.cluster_line + 40):
            if canvas.label(x, y, [elided(name, 10)], "ink", anchor="middle", title=name):
                break


def _cluster_mark(canvas: Canvas, planned: Plan, change: Change) -> None:
    x, y, r = planned.axis.column(change), planned.cluster_line, planned.size.r
    title = say(
        "strip.title.change",
        number=change.number,
        type=change.type.value,
        name=planned.shown[change.object.uid],
        at=seconds_text(change.at),
        value=change.object.resource_version,
    )
    if planned.size.has_ticks and change.type is EventType.MODIFIED:
        canvas.path(f"M{number(x)} {number(y - 2.8)}v5.6", "kl", 1.4, title=title)
        return
    y += planned.offset(change)
    shape(canvas, change.type, x, y, r, "km", width=planned.size.halo, title=title)
    if planned.size.has_letters:
        lettered(canvas, change.type, x, y, r, "in")


def _numbered(planned: Plan) -> Iterator[Change]:
    """Give the changes whose number is written: all, or those that a rail names."""
    if planned.size.has_letters:
        yield from planned.changes
        return
    asked = {
        planned.names.number(connection.asked)
        for lane in planned.lanes
        for connection in lane.open_connections
    }
    yield from (change for change in planned.changes if change.number in asked)


def _scenario(canvas: Canvas, planned: Plan) -> None:
    """Mark the cuts of a scenario on the cluster's lane, when it stands alone."""
    if planned.lanes:
        return
    top, bottom, left = 8.0, planned.cluster_end - 2, LEFT
    for gap in planned.axis.gaps:
        canvas.rect(left, top, gap.left - left, bottom - top, "on")
        left = gap.right
        middle = (gap.left + gap.right) / 2
        for x in (gap.left, gap.right) if gap.end > gap.start else (middle,):
            canvas.path(f"M{number(x)} {number(top)}V{number(bottom)}", "kl", 1.4, dash="3 2.5")
    canvas.rect(left, top, RIGHT - left, bottom - top, "on")


def _cuts(canvas: Canvas, planned: Plan, foot: float) -> tuple[float, str]:
    """Write when the connections ended; give where the legend begins, and what it must add."""
    canvas.path(f"M12 {number(foot)}H988", "rule", 1)
    gaps = [gap for gap in planned.axis.gaps if gap.start > 0 or not planned.lanes]
    order = [say("strip.order.long"), say("strip.order.short")]
    if not gaps:
        return foot, order[0]
    canvas.text(LABELS, foot + 18, say("strip.cut_at"))
    for gap in gaps:
        x = gap.left if planned.lanes or gap.end > gap.start else (gap.left + gap.right) / 2
        canvas.path(f"M{number(x)} {number(foot - 3)}v7", "kl", 1.4)
        canvas.label(
            x,
            foot + 18,
            _gap_texts(planned, gap, about_text(gap.start)),
            anchor="middle",
            high=TOTALS,
        )
    is_said = canvas.label(988, foot + 18, order, anchor="end", low=LEFT)
    return foot + 20, "" if is_said else order[0]


def _gap_texts(planned: Plan, gap: Gap, at: str) -> list[str]:
    away = gap.end - gap.start
    if planned.lanes or not away:
        return [at]
    return [say("strip.cut_away", at=at, seconds=seconds_text(away)), at]
