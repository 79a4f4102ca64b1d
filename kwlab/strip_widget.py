"""The watch strip in a notebook: scrubbed and stepped, by mouse and by keyboard.

The picture is drawn once. Over it lies a second SVG of the same size, and a step replaces that
and the sentence below, nothing else: what has the focus is never drawn again. No letter keys:
those belong to the notebook.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from kwlab.errors import LabError
from kwlab.history import History
from kwlab.messages import say
from kwlab.metrics import Count
from kwlab.strip import Picture
from kwlab.strip_layout import RIGHT
from kwlab.strip_marks import Canvas, number
from kwlab.strip_steps import Goal, Walk
from kwlab.table import Table

if TYPE_CHECKING:
    import ipywidgets

VIEW: Final = "application/vnd.jupyter.widget-view+json"

_STYLE: Final = (
    "<style>.kwstrip-over{pointer-events:none}.kwstrip-stage{overflow-x:auto;max-width:1000px}"
    ".kwstrip-stage svg{min-width:700px}.kwstrip-stage .widget-html-content{line-height:normal}"
    "</style>"
)


class WatchStrip:
    """Walk along a watch strip.

    It begins at the end, with the whole picture in view. Without a notebook it walks as well:
    print it.

    Parameters
    ----------
    counts : sequence of Count
        One to three.
    history : History
    notes : mapping of str to str, optional
        By watcher, what it does, in a few words.
    """

    def __init__(
        self,
        counts: Sequence[Count],
        history: History,
        *,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        self.picture = Picture(counts, history, notes=notes)
        self._index: int | None = None
        self._view: _View | None = None

    @cached_property
    def _walk(self) -> Walk:
        return Walk(self.picture.drawing.plan)

    @property
    def position(self) -> int:
        """Give the stop at which it stands, from 0."""
        return len(self._walk.stops) - 1 if self._index is None else self._index

    def go_to(
        self,
        *,
        change: int | None = None,
        lost: int | None = None,
        replay: int | None = None,
        reconnect: int | None = None,
        at: float | None = None,
    ) -> None:
        """Go to a place: give one of these.

        Parameters
        ----------
        change : int, optional
            The change's number.
        lost : int, optional
            The first, second, … change that somebody lost.
        replay : int, optional
            The first, second, … connection that sends something again.
        reconnect : int, optional
            The first, second, … connection after the one at the start.
        at : float, optional
            A time in seconds: the last stop up to it.

        Raises
        ------
        LabError
            When there is no such place; it stays where it is.
        """
        goals: dict[Goal, int | None] = {
            "change": change, "lost": lost, "replay": replay, "reconnect": reconnect,
        }  # fmt: skip
        given = [(goal, value) for goal, value in goals.items() if value is not None]
        if len(given) + (at is not None) != 1:
            raise LabError(say("strip.go.which"))
        self._move(self._walk.at(at) if at is not None else self._walk.find(*given[0]))

    def step(self) -> None:
        """Go one stop on; from the end, to the first."""
        self._move((self.position + 1) % len(self._walk.stops))

    def back(self) -> None:
        """Go one stop back; from the first, to the end."""
        self._move((self.position - 1) % len(self._walk.stops))

    def next(self, goal: Goal) -> None:
        """Go to the next of a kind; after the last, to the first.

        Parameters
        ----------
        goal : str
            ``change``, ``lost``, ``replay`` or ``reconnect``.
        """
        self._move(self._walk.next(goal, self.position))

    def previous(self, goal: Goal) -> None:
        """Go to the one of a kind before this; before the first, to the last.

        Parameters
        ----------
        goal : str
            ``change``, ``lost``, ``replay`` or ``reconnect``.
        """
        self._move(self._walk.previous(goal, self.position))

    def __str__(self) -> str:
        return self._walk.say(self.position)

    def __repr__(self) -> str:
        return self.picture.alt

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
        return self.picture.to_table(of)

    def save(self, path: str | Path, *, finding: str = "") -> Path:
        """Write the picture (``.svg``), or a finding with the table (``.md``).

        Parameters
        ----------
        path : str or Path
        finding : str
            Markdown that goes before the table.

        Returns
        -------
        Path
            Of the file.

        Raises
        ------
        LabError
            For another suffix, and when the file cannot be written.
        """
        return self.picture.save(path, finding=finding)

    def overlay(self) -> str:
        """Draw what a step replaces: cursor, veil over the future, rings round the change.

        Returns
        -------
        str
            SVG of the picture's size.
        """
        drawing, canvas = self.picture.drawing, Canvas()
        stop = self._walk.stops[self.position]
        if stop.kind != "end":
            for top, bottom in self._lanes():
                canvas.rect(stop.x, top, RIGHT + 9 - stop.x, bottom - top, "veil")
            x = number(stop.x)
            canvas.path(f"M{x} 5V{number(drawing.foot)}", "kl", 1.5)
            canvas.path(f"M{number(stop.x - 6)} 2h12v6l-6 6l-6 -6z", "k")
        if stop.change is not None:
            r = number(max(7.0, drawing.plan.size.r + 6))
            for x0, y0 in drawing.plan.rings(stop.change):
                place = f'cx="{number(x0)}" cy="{number(y0)}" r="{r}"'
                canvas.add("circle", f'{place} class="kl" stroke-width="2.2"')
        return drawing.frame("".join(canvas.parts), 'aria-hidden="true"')

    def _lanes(self) -> list[tuple[float, float]]:
        plan = self.picture.drawing.plan
        lanes = [(4.0, plan.cluster_end - 1)]
        for panel in plan.panels:
            bottom = panel.sums + 22 if panel.has_sums else panel.bottom
            lanes.append((panel.rail - 19, bottom))
        return lanes

    def _move(self, index: int) -> None:
        self._index = index
        if self._view is not None:
            self._view.show(self)

    @property
    def widget(self) -> ipywidgets.VBox:
        """Give the widget, made when it is first asked for; always the same one."""
        if self._view is None:
            self._view = _View(self, len(self._walk.stops), self._walk)
        return self._view.box

    def _jump(self, index: int) -> None:
        if index != self.position:
            self._move(index)

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        bundle: dict[str, Any] = {
            "text/plain": repr(self),
            "text/html": self.picture.to_html(),
        }
        if _is_in_kernel():
            bundle[VIEW] = {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.widget.model_id,
            }
        return bundle


class _View:
    """Hold the widgets of one strip."""

    def __init__(self, strip: WatchStrip, stops: int, walk: Walk) -> None:
        import ipywidgets

        self._strip = strip
        here = ipywidgets.Layout(grid_area="1 / 1 / 2 / 2", margin="0", width="100%")
        picture = strip.picture.drawing.svg(width=None, colours="jupyter")
        still = ipywidgets.HTML(_STYLE + picture, layout=here)
        self.overlay = ipywidgets.HTML(strip.overlay(), layout=here)
        self.overlay.add_class("kwstrip-over")
        stage = ipywidgets.GridBox(
            [still, self.overlay], layout=ipywidgets.Layout(grid_template_columns="100%")
        )
        stage.add_class("kwstrip-stage")
        self.slider = ipywidgets.IntSlider(
            value=strip.position + 1,
            min=1,
            max=stops,
            description=say("strip.slider"),
            layout=ipywidgets.Layout(width="min(100%, 1000px)"),
        )
        self.slider.add_class("kwstrip-slider")
        self.slider.observe(lambda change: strip._jump(change["new"] - 1), "value")
        self.sentence = ipywidgets.HTML(_sentence(strip))
        self.sentence.add_class("kwstrip-sentence")
        buttons = ipywidgets.HBox(
            list(self._buttons(walk)), layout=ipywidgets.Layout(flex_flow="row wrap")
        )
        self.box = ipywidgets.VBox([stage, buttons, self.slider, self.sentence])
        self.box.add_class("kwstrip-widget")

    def _buttons(self, walk: Walk) -> Any:
        import ipywidgets

        strip = self._strip
        actions: tuple[tuple[str, Any, bool], ...] = (
            ("previous_reconnect", lambda: strip.previous("reconnect"), walk.has("reconnect")),
            ("back", strip.back, True),
            ("step", strip.step, True),
            ("next_reconnect", lambda: strip.next("reconnect"), walk.has("reconnect")),
            ("next_lost", lambda: strip.next("lost"), walk.has("lost")),
            ("next_replay", lambda: strip.next("replay"), walk.has("replay")),
        )
        for name, action, is_any in actions:
            button = ipywidgets.Button(
                description=say(f"strip.button.{name}"),
                disabled=not is_any,
                layout=ipywidgets.Layout(width="auto"),
            )
            button.add_class(f"kwstrip-{name.replace('_', '-')}")
            button.on_click(lambda _, action=action: action())
            yield button

    def show(self, strip: WatchStrip) -> None:
        """Show where the strip stands."""
        self.overlay.value = strip.overlay()
        self.sentence.value = _sentence(strip)
        self.slider.value = strip.position + 1


def _sentence(strip: WatchStrip) -> str:
    lines = "".join(f"<div>{escape(line)}</div>" for line in str(strip).splitlines())
    return f'<div role="status" aria-live="polite" style="line-height:1.5">{lines}</div>'


def _is_in_kernel() -> bool:
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module else None
    return hasattr(shell, "kernel")
