"""Whether compare() gives what the story's own facts say, worked out here without any server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kwlab.doctor.findings import Finding, ok, problem
from kwlab.messages import say

if TYPE_CHECKING:
    from kwlab.comparison import Comparison
    from kwlab.history import History
    from kwlab.wire import ListOptions


@dataclass(frozen=True, slots=True)
class Numbers:
    """Hold what a watch function was told, in numbers.

    Parameters
    ----------
    delivered, new, lost : int
    """

    delivered: int
    new: int
    lost: int

    def __str__(self) -> str:
        facts = {"new": self.new, "replayed": self.delivered - self.new, "lost": self.lost}
        return say("doctor.numbers", delivered=self.delivered, **facts)


def compare(_context: str) -> Finding:
    """Compare two watch functions on the story.

    Returns
    -------
    Finding
        A problem when a number is not what the recording says.
    """
    comparison = compare_story()
    expected = {"wrong": told_anew(comparison), "correct": told_on(comparison.history)}
    for name, numbers in expected.items():
        count = comparison[name].count
        found = Numbers(count.delivered, count.new, len(count.lost))
        if found != numbers:
            return problem("compare.other", name=name, found=found, expected=numbers)
    return ok("compare.fine", numbers=expected["wrong"])


def compare_story() -> Comparison:
    """Compare a wrong and a correct watch function on the story, never on a cluster.

    Returns
    -------
    Comparison
    """
    from kwlab.lab import open_lab
    from kwlab.wire import ListOptions

    lab = open_lab(context="")

    def correct(options: ListOptions) -> Any:
        watch: Any = lab.api.list_namespaced_pod
        return watch(lab.namespace, watch=True, _preload_content=False, **options)

    def wrong(_options: ListOptions) -> Any:
        return correct(ListOptions(timeout_seconds=60))

    return lab.compare(wrong=wrong, correct=correct)


def told_on(history: History) -> Numbers:
    """Work out what a function is told that goes on where it was.

    Parameters
    ----------
    history : History

    Returns
    -------
    Numbers
        Each change once.
    """
    return Numbers(len(history.changes), len(history.changes), 0)


def told_anew(comparison: Comparison) -> Numbers:
    """Work out what a function is told that begins anew after each cut.

    Parameters
    ----------
    comparison : Comparison
        Of it, only what was played counts: cuts alone, each away for whole seconds, because
        RetryWatcher asks once a second; and no longer between them than a watch may last.

    Returns
    -------
    Numbers
        At each connection what exists then, and what changes while it lasts.
    """
    from kwlab.server.faults import Cut

    history = comparison.history
    cuts = [fault for fault in comparison.scenario if isinstance(fault, Cut)]
    begun = [0.0, *(cut.moment(history) + cut.away_seconds for cut in cuts)]
    ended = [*(cut.moment(history) for cut in cuts), history.seconds]
    told: list[tuple[str, str]] = []
    for opened, closed in zip(begun, ended, strict=True):
        first, last = history.happened(opened), history.happened(closed)
        told += [item.identity for item in history.state(first).values()]
        told += [change.object.identity for change in history.changes[first:last]]
    new = len(set(told) - {item.identity for item in history.objects})
    return Numbers(len(told), new, len(history.changes) - new)
