"""Run watch functions on a history of any size, made from recorded objects.

All objects are there from the start to the end. The connection is cut once a second, for an
instant: so every function is cut as often, whatever its own timeout, and RetryWatcher, which waits
a second from attempt to attempt, comes back at once. Nothing is lost, then: what is measured is
the waste alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kwlab.errors import LabError
from kwlab.finding import Run
from kwlab.history import History, Resource
from kwlab.lab import Lab
from kwlab.made import Step, made
from kwlab.messages import say, seconds
from kwlab.metrics import Cost, cost_of
from kwlab.server.faults import Cut
from kwlab.watching.response import WatchFunction

LIMITS: Final[Mapping[str, tuple[int, int]]] = {
    "pods": (1, 500),
    "reconnects": (0, 60),
    "changes": (0, 500),
}
"""The least and the most of each. At its largest a run takes about a second."""

_SECONDS_AFTER_THE_LAST_CUT: Final = 0.5
"""So that a watch with a timeout of one second does not end once more, at the very end."""


@dataclass(frozen=True, slots=True)
class Size:
    """Say how much there is of everything.

    Parameters
    ----------
    pods, reconnects, changes : int
        As in :data:`LIMITS`.

    Raises
    ------
    LabError
        For what is no whole number, or is too small or too large.
    """

    pods: int
    reconnects: int
    changes: int

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise LabError(say("cost.value", name=name, value=repr(value), low=low, high=high))

    def history(self, template: History) -> History:
        """Make a history of this size.

        Parameters
        ----------
        template : History
            Its first object is what all are cloned from.

        Returns
        -------
        History
        """
        names = [f"web-{number:03}" for number in range(self.pods)]
        lasts = self.reconnects + _SECONDS_AFTER_THE_LAST_CUT
        steps = (
            Step(lasts * (number + 1) / (self.changes + 1), "modify", names[number % self.pods])
            for number in range(self.changes)
        )
        return made(template, steps, existing=names, seconds=lasts)

    def cuts(self) -> list[Cut]:
        """Give the cuts: one a second, for an instant.

        Returns
        -------
        list of Cut
        """
        return [Cut(at=float(number)) for number in range(1, self.reconnects + 1)]


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold what each function was handed.

    Parameters
    ----------
    costs : tuple of Cost
        One a function, in their order.
    ended : tuple of str
        A sentence for each function that ended before the history did.
    resource : Resource or None
        What there were so many of; None where nothing was measured.
    """

    costs: tuple[Cost, ...]
    ended: tuple[str, ...] = ()
    resource: Resource | None = None


def measure(template: History, functions: Mapping[str, WatchFunction], size: Size) -> Measured:
    """Run watch functions on a history of one size, each alone.

    Parameters
    ----------
    template : History
        Its first object is what all are cloned from.
    functions : mapping of str to callable
    size : Size

    Returns
    -------
    Measured

    Raises
    ------
    LabError
        For no function, more than three, or what is no function.
    WatchFunctionError
        When a function breaks its contract.
    """
    __tracebackhide__ = True
    runs = Lab(size.history(template), size.cuts()).compare_all(functions).runs
    costs = tuple(
        cost_of(run.count, objects=size.pods, changes=size.changes, reconnects=size.reconnects)
        for run in runs
    )
    return Measured(costs, tuple(_ended(runs)), template.resources[0])


def _ended(runs: Sequence[Run]) -> Iterator[str]:
    for run in runs:
        if run.ended is not None:
            at = seconds(max(attempt.closed_at or 0.0 for attempt in run.count.attempts))
            watcher, reason = run.count.watcher, str(run.ended)
            yield say("finding.ended", watcher=watcher, seconds=at, reason=reason)
