"""The watch strip: one picture of what each watcher asked for, was sent, and believes.

One bar is one object's life as the watcher believes it; columns are events in order. A panel
is read in three steps, each straight below the one before: what each connection asked from,
what that did to the rows, and how much it comes to.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Literal

from kwlab.errors import LabError
from kwlab.history import Change, History
from kwlab.messages import say
from kwlab.metrics import Count
from kwlab.strip import tables
from kwlab.strip.layout import LEFT, RIGHT, WIDTH, Cut, Gap
from kwlab.strip.legend import legend
from kwlab.strip.marks import (
    FONT,
    Canvas,
    Colours,
    attribute,
    lettered,
    number,
    shape,
    style,
)
from kwlab.strip.panel import LABELS, TOTALS, PanelDrawing
from kwlab.strip.plan import Plan, plan, seconds_text, short
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
        size = ' style="display:block"'
        if width is not None:
            size = f' width="{width}" height="{number(self.height * width / WIDTH)}"'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 {number(self.height)}"'
            f'{size} font-family="{FONT}" {attributes}>{style(colours)}'
            f'<g class="kwstrip-{colours}">{body}</g></svg>'
        )


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
    bottom = legend(canvas, planned, _cuts(canvas, planned, foot))
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
        make = tables.changes if of == "changes" else tables.connections
        return make(self.drawing.plan)

    def to_html(self) -> str:
        """Give a figure: the picture as an image with alt text, and both tables behind a fold.

        Returns
        -------
        str
        """
        data = base64.b64encode(self.svg().encode()).decode()
        image = (
            f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(self.alt)}" '
            'style="width:100%;min-width:700px;max-width:1000px;height:auto">'
        )
        folded = self.to_table("changes").to_html()
        if self._counts:
            folded = self.to_table().to_html() + folded
        # Or R, M and X would reach the learner's cell from the open fold.
        quiet = 'data-lm-suppress-shortcuts="true"'
        summary = f"<summary {quiet}>{escape(say('strip.table.open'))}</summary>"
        return (
            f'<figure style="margin:0;overflow-x:auto">{image}'
            f"<details>{summary}{folded}</details></figure>"
        )

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
    total = len(planned.changes)
    text = say("strip.changes", n=total, count=short(total))
    canvas.text(TOTALS, y + 5, text, "ink", 13, is_bold=True)


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


def _cuts(canvas: Canvas, planned: Plan, foot: float) -> float:
    """Write when the connections ended; give where the legend begins."""
    canvas.path(f"M12 {number(foot)}H988", "rule", 1)
    gaps = [gap for gap in planned.axis.gaps if gap.start > 0 or not planned.lanes]
    if not gaps:
        return foot
    canvas.text(LABELS, foot + 18, say("strip.cut_at"))
    for gap in gaps:
        x = gap.left if planned.lanes else (gap.left + gap.right) / 2
        canvas.path(f"M{number(x)} {number(foot - 3)}v7", "kl", 1.4)
        canvas.label(x, foot + 18, _gap_texts(planned, gap), anchor="middle", high=TOTALS)
    return foot + 20


def _gap_texts(planned: Plan, gap: Gap) -> list[str]:
    at = seconds_text(gap.start)
    away = gap.end - gap.start
    if planned.lanes or not away:
        return [at]
    return [say("strip.cut_away", at=at, seconds=seconds_text(away)), at]
