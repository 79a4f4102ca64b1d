"""Two sliders, pods and reconnects, that run watch functions again wherever they are moved to.

What is shown was measured, not computed: the learner's own functions run, through the official
client, on a history made to the size that the sliders ask for. A function that was edited since
runs as it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kwlab import lab
from kwlab.calls import methods_by_name
from kwlab.charts import Chart, cost_chart
from kwlab.cost import picture
from kwlab.cost.measure import LIMITS, Measured, Size, measure
from kwlab.finding import paragraphs
from kwlab.frames import told
from kwlab.messages import say
from kwlab.metrics import Cost
from kwlab.strip.marks import Colours, figure
from kwlab.table import Table
from kwlab.view import Viewed, bundle
from kwlab.watching.response import WatchFunction

if TYPE_CHECKING:
    pass

SLIDERS = ("pods", "reconnects")


@methods_by_name
class CostExplorer(Viewed):
    """Measure what watch functions are handed when nothing happens but reconnects.

    It is made, not recorded: recorded objects, cloned, and a connection that is cut once a second
    for an instant. The functions use the client of a lab that was opened.

    Parameters
    ----------
    pods : int
        How many there are all along, 1 to 500.
    reconnects : int
        How often the connection is cut, 0 to 60.
    changes : int
        How many changes there are, evenly spread, 0 to 500; none by default.
    **functions : callable
        One to three watch functions, each under a name of your choice.

    Raises
    ------
    LabError
        For a number out of its range, no function, more than three, or no open lab.
    WatchFunctionError
        When a function breaks its contract; it says what to write instead.
    """

    _part = Path(__file__)

    def __init__(
        self,
        *,
        pods: int = 10,
        reconnects: int = 4,
        changes: int = 0,
        **functions: WatchFunction,
    ) -> None:
        __tracebackhide__ = True
        super().__init__()
        self._functions = {name: _Followed(each) for name, each in functions.items()}
        self._template = lab.current_lab().history
        self._size = Size(pods, reconnects, changes)
        self._trouble = ""
        self._measured = self._measure(self._size)

    def set(
        self,
        *,
        pods: int | None = None,
        reconnects: int | None = None,
        changes: int | None = None,
    ) -> None:
        """Move the sliders, and run the functions again.

        Parameters
        ----------
        pods, reconnects, changes : int, optional
            As they are when None.

        Raises
        ------
        LabError
            For a number out of its range; it stays as it is.
        WatchFunctionError
            When a function breaks its contract; it stays as it is.
        """
        __tracebackhide__ = True
        with self._moving:
            size = self._sized(pods, reconnects, changes)
            self._move(size, self._measure(size))

    def measure(
        self,
        *,
        pods: int | Sequence[int] | None = None,
        reconnects: int | Sequence[int] | None = None,
        changes: int | None = None,
    ) -> tuple[Cost, ...]:
        """Run the functions at other sizes, and leave the sliders where they are.

        Parameters
        ----------
        pods, reconnects : int or sequence of int, optional
            Each with each; as the sliders are when None.
        changes : int, optional

        Returns
        -------
        tuple of Cost
            One for each function and size, smaller sizes first as they were given.

        Raises
        ------
        LabError
            For a number out of its range.
        """
        __tracebackhide__ = True
        sizes = [
            self._sized(each, often, changes) for each in _each(pods) for often in _each(reconnects)
        ]
        return tuple(cost for size in sizes for cost in self._measure(size).costs)

    def chart(
        self,
        *,
        pods: int | Sequence[int] = (10, 50, 100),
        reconnects: int | Sequence[int] = (0, 10, 20),
        changes: int | None = None,
    ) -> Chart:
        """Draw what several sizes cost, against objects × connections.

        Parameters
        ----------
        pods, reconnects : int or sequence of int
            Each with each.
        changes : int, optional

        Returns
        -------
        kwlab.charts.Chart
        """
        __tracebackhide__ = True
        return cost_chart(self.measure(pods=pods, reconnects=reconnects, changes=changes))

    @property
    def costs(self) -> tuple[Cost, ...]:
        """Give what each function was handed where the sliders stand, in the order of names."""
        return self._measured.costs

    def to_table(self) -> Table:
        """Give the same facts as a table, a row a function.

        Returns
        -------
        Table
        """
        with self._moving:
            return picture.table(self.costs, say("cost.caption", size=self._words()))

    def svg(self, *, width: int | None = picture.WIDTH, colours: Colours = "auto") -> str:
        """Draw the bars.

        Parameters
        ----------
        width : int or None
            In pixels; None fills what it stands in.
        colours : str
            As for the strip.

        Returns
        -------
        str
        """
        with self._moving:
            return picture.draw(
                self.costs,
                title=self._words(),
                product=self._product(),
                alt=self.alt,
                width=width,
                colours=colours,
            )

    @property
    def alt(self) -> str:
        """Say in a few sentences what the picture shows."""
        return say("cost.alt", sentence=str(self), product=self._product())

    def __str__(self) -> str:
        with self._moving:
            return self._sentence()

    def _sentence(self) -> str:
        if self._trouble:
            return say("cost.raised", size=self._words(), error=self._trouble)
        handed = ", ".join(
            say(
                "cost.handed_too" if index else "cost.handed",
                watcher=cost.watcher,
                n=cost.delivered,
                count=picture.thousands(cost.delivered),
            )
            for index, cost in enumerate(self.costs)
        )
        sentence = say("cost.sentence", size=self._words(), handed=handed)
        return " ".join((sentence, *self._measured.ended))

    def __repr__(self) -> str:
        return say("cost.shown", sentence=self)

    def _sized(self, pods: int | None, reconnects: int | None, changes: int | None) -> Size:
        now = self._size
        return Size(
            now.pods if pods is None else pods,
            now.reconnects if reconnects is None else reconnects,
            now.changes if changes is None else changes,
        )

    def _measure(self, size: Size) -> Measured:
        __tracebackhide__ = True
        functions = {name: each.as_it_is_now() for name, each in self._functions.items()}
        return measure(self._template, functions, size)

    def _words(self) -> str:
        size = self._size
        changes = "cost.changes" if size.changes else "cost.no_change"
        reconnects = "cost.reconnects" if size.reconnects else "cost.no_reconnect"
        return say(
            "cost.size",
            objects=self._objects(),
            changes=say(changes, n=size.changes),
            reconnects=say(reconnects, n=size.reconnects),
        )

    def _objects(self) -> str:
        resource = self._measured.resource or self._template.resources[0]
        return resource.named(self._size.pods)

    def _product(self) -> str:
        connections = self._size.reconnects + 1
        total = picture.thousands(self._size.pods * connections)
        return say("cost.product", objects=self._objects(), n=connections, count=total)

    def _move(self, size: Size, measured: Measured, trouble: str = "") -> None:
        self._size, self._measured, self._trouble = size, measured, trouble
        self._show()

    def _state(self) -> dict[str, Any]:
        return {
            **{name: getattr(self._size, name) for name in SLIDERS},
            "picture": self.svg(width=None, colours="jupyter"),
            "lines": [str(self)],
        }

    def _fixed(self) -> dict[str, Any]:
        sliders = [
            {"name": name, "label": say(f"cost.slider.{name}"), "min": low, "max": high}
            for name, (low, high) in LIMITS.items()
            if name in SLIDERS
        ]
        return {"controls": say("cost.controls"), "sliders": sliders}

    def _hear(self, message: Mapping[str, Any]) -> None:
        """Go where the sliders are; what a learner's function raises is said there."""
        asked = message.get("go")
        if not isinstance(asked, Mapping) or not all(_is_within(asked, name) for name in SLIDERS):
            return
        size = self._sized(asked["pods"], asked["reconnects"], None)
        try:
            self._move(size, self._measure(size))
        except Exception as error:
            self._move(size, Measured(()), told(error))

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        shown = figure(self.svg(), self.alt, self.to_table().to_html(), width=(480, picture.WIDTH))
        html = shown if self.costs else paragraphs([str(self)])
        return bundle(repr(self), html, lambda: self.widget)


class _Followed:
    """Follow a function of the notebook through edits: its cell, run again, makes another one."""

    def __init__(self, function: WatchFunction) -> None:
        self._function = function
        self._is_followed = self._named() is function

    def as_it_is_now(self) -> WatchFunction:
        """Give what the function's name stands for now, if it stood for this one."""
        if self._is_followed and callable(newest := self._named()):
            self._function = newest
        return self._function

    def _named(self) -> Callable[..., Any] | None:
        names = getattr(self._function, "__globals__", {})
        named: Callable[..., Any] | None = names.get(getattr(self._function, "__name__", None))
        return named


def _each(value: int | Sequence[int] | None) -> Sequence[int | None]:
    return value if isinstance(value, Sequence) else (value,)


def _is_within(asked: Mapping[str, Any], name: str) -> bool:
    low, high = LIMITS[name]
    value = asked.get(name)
    return isinstance(value, int) and low <= value <= high
