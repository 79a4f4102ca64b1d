"""The watch strip in a notebook: scrubbed and stepped, by mouse and by keyboard.

The picture is drawn once. Over it lies a second SVG of the same size, and a step replaces that
and the sentence below, nothing else: what has the focus is never drawn again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from kwlab.calls import choice, methods_by_name
from kwlab.errors import LabError
from kwlab.history import History
from kwlab.messages import say
from kwlab.metrics import Count
from kwlab.strip.draw import Picture
from kwlab.strip.layout import LEFT, RIGHT, WIDTH
from kwlab.strip.marks import Canvas, number
from kwlab.strip.plan import seconds_text
from kwlab.strip.steps import Goal, Walk
from kwlab.table import Table
from kwlab.view import Viewed, bundle

if TYPE_CHECKING:
    pass

BUTTONS: Final[Mapping[str, Goal | None]] = {
    "previous-reconnect": "reconnect",
    "back": None,
    "step": None,
    "next-reconnect": "reconnect",
    "next-lost": "lost",
    "next-replay": "replay",
}
"""The buttons, and what there must be for each to be of use."""


GOALS: Final[tuple[Goal, ...]] = ("change", "lost", "replay", "reconnect")
WORDS: Final = ("controls", "slider", "scroll", "hint")


@methods_by_name
class WatchStrip(Viewed):
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

    _part = Path(__file__)

    def __init__(
        self,
        counts: Sequence[Count],
        history: History,
        *,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.picture = Picture(counts, history, notes=notes)
        self._index: int | None = None
        self._wrapped = ""

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
        self._walk_to((self.position + 1) % len(self._walk.stops), is_forward=True)

    def back(self) -> None:
        """Go one stop back; from the first, to the end."""
        self._walk_to((self.position - 1) % len(self._walk.stops), is_forward=False)

    def next(self, goal: Goal) -> None:
        """Go to the next of a kind; after the last, to the first.

        Parameters
        ----------
        goal : str
            ``change``, ``lost``, ``replay`` or ``reconnect``.
        """
        choice("goal", goal, GOALS)
        if self._walk.has(goal):
            self._walk_to(self._walk.next(goal, self.position), is_forward=True)

    def previous(self, goal: Goal) -> None:
        """Go to the one of a kind before this; before the first, to the last.

        Parameters
        ----------
        goal : str
            ``change``, ``lost``, ``replay`` or ``reconnect``.
        """
        choice("goal", goal, GOALS)
        if self._walk.has(goal):
            self._walk_to(self._walk.previous(goal, self.position), is_forward=False)

    def __str__(self) -> str:
        with self._moving:
            said, wrapped = self._walk.say(self.position), self._wrapped
        if not wrapped:
            return said
        first, *others = said.splitlines()
        return "\n".join((say(f"strip.step.{wrapped}_again", line=first), *others))

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
            size, axis = drawing.plan.size, drawing.plan.axis
            beside = min(size.r + 3, axis.unit / 2) if stop.change else 0.0
            cursor = stop.x + beside
            for top, bottom in self._lanes():
                canvas.rect(cursor, top, RIGHT + 9 - cursor, bottom - top, "veil")
            for left, top, bottom in self._totals():
                canvas.rect(left, top, WIDTH - 4 - left, bottom - top, "veil")
            canvas.path(f"M{number(cursor)} 5V{number(drawing.foot)}", "kl", 1.5)
            canvas.path(f"M{number(cursor - 5)} 2h10v5l-5 5l-5 -5z", "k")
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

    def _totals(self) -> Iterator[tuple[float, float, float]]:
        """Give where the totals of the end stand: at the right, and in the line that adds up."""
        plan = self.picture.drawing.plan
        yield RIGHT + 9, 4.0, plan.cluster_end - 1
        for panel in plan.panels:
            adds_up = panel.sums + (22 if panel.has_sums else -13)
            yield RIGHT + 9, panel.top + 2, adds_up
            yield LEFT - 4, adds_up, panel.end - 2

    def press(self, button: str) -> None:
        """Do what a button does.

        Parameters
        ----------
        button : str
            ``previous-reconnect``, ``back``, ``step``, ``next-reconnect``, ``next-lost`` or
            ``next-replay``.
        """
        choice("button", button, BUTTONS)
        goal = BUTTONS[button]
        if goal is None:
            (self.back if button == "back" else self.step)()
        elif button.startswith("previous"):
            self.previous(goal)
        else:
            self.next(goal)

    def _walk_to(self, index: int, *, is_forward: bool) -> None:
        """Move in a direction, and say so where that led round the end."""
        # At first it stands at the end without having walked there.
        has_walked = self._index is not None
        if is_forward:
            self._move(index, "first" if has_walked and index <= self.position else "")
        else:
            self._move(index, "last" if has_walked and index >= self.position else "")

    def _move(self, index: int, wrapped: str = "") -> None:
        with self._moving:
            self._index, self._wrapped = index, wrapped
            self._show()

    def _state(self) -> dict[str, Any]:
        stop, place = self._walk.stops[self.position], self.position + 1
        words = say(
            "strip.slider_text",
            place=place,
            n=len(self._walk.stops),
            at=seconds_text(stop.at),
        )
        return {
            "place": place,
            "place_text": words,
            "overlay": self.overlay(),
            "lines": str(self).splitlines(),
        }

    def _fixed(self) -> dict[str, Any]:
        buttons = [
            {
                "name": name,
                "label": say(f"strip.button.{name.replace('-', '_')}"),
                "disabled": goal is not None and not self._walk.has(goal),
            }
            for name, goal in BUTTONS.items()
        ]
        return {
            "picture": self.picture.drawing.svg(width=None, colours="jupyter"),
            "words": {
                "tables": say("strip.table.open"),
                **{name: say(f"strip.{name}") for name in WORDS},
            },
            "tables": self.picture.tables_html(),
            "buttons": buttons,
            "stops": len(self._walk.stops),
        }

    def _hear(self, message: Mapping[str, Any]) -> None:
        """Do what the view asks for; it always gets a state back."""
        place = message.get("go")
        if message.get("press") in BUTTONS:
            self.press(message["press"])
        elif isinstance(place, int) and 1 <= place <= len(self._walk.stops):
            self._move(place - 1)

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return bundle(repr(self), self.picture.to_html(), lambda: self.widget)
