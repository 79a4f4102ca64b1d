"""What a story is about, in a few sentences, before anything is watched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kwlab.history import History
from kwlab.messages import about, say
from kwlab.naming import counted, listed
from kwlab.scope import namespaces
from kwlab.server import faults


def introduction(past: History, scenario: faults.Scenario, namespace: str) -> Iterator[str]:
    """Say how much there is of what, where, and when the connection is cut.

    Parameters
    ----------
    past : History
    scenario : faults.Scenario
    namespace : str
        The one that a lab gives to watch functions.

    Yields
    ------
    str
    """
    yield from _numbers(past)
    spaces = namespaces(past)
    if len(spaces) > 1:
        yield say("lab.namespaces", names=listed(spaces), namespace=namespace)
    if cuts := [fault for fault in scenario if isinstance(fault, faults.Cut)]:
        moments = [_cut_words(cut, past) for cut in cuts]
        yield say("lab.cuts", n=len(cuts), cuts=", ".join(moments))


def _numbers(past: History) -> Iterator[str]:
    """Say how much there is of what, a line for each type where there are several."""
    facts = {"changes": len(past.changes), "seconds": f"{past.seconds:g}"}
    if len(past.resources) == 1:
        start, end = len(past.objects), len(past.state(len(past.changes)))
        kinds = past.resources
        yield say("lab.numbers", **facts, start=counted(start, kinds), end=counted(end, kinds))
        return
    yield say("lab.several", **facts, resources=listed([one.plural for one in past.resources]))
    ends = Counter(item.resource for item in past.state(len(past.changes)).values())
    starts = Counter(item.resource for item in past.objects)
    changes = Counter(change.object.resource for change in past.changes)
    for one in past.resources:
        numbers = {"start": starts[one], "n": changes[one], "end": ends[one]}
        yield say("lab.numbers_each", plural=one.plural, **numbers)


def _cut_words(cut: faults.Cut, past: History) -> str:
    at = about(cut.moment(past))
    if cut.away_seconds:
        return say("lab.cut_away", at=at, n=cut.away_seconds, seconds=f"{cut.away_seconds:g}")
    return say("lab.cut_instant", at=at)
