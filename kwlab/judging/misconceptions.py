"""What may be wrong with a watch function, by how it shows: each reason a name and a finder.

A reason is looked for in an :class:`Outcome`: how a function did in one :class:`Trial` of a
:class:`Task`. The sentence for it is ``judged.{name}`` in the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

from kwlab.comparison import Comparison
from kwlab.finding import Run
from kwlab.history import History, Object
from kwlab.judging import properties
from kwlab.judging.properties import Broken, Property
from kwlab.log import Attempt, Close
from kwlab.metrics import Fate
from kwlab.recording import Recording
from kwlab.scope import Scope, scopes
from kwlab.stage import Faults
from kwlab.watching.response import WatchFunction
from kwlab.wire import EventType, ListOptions, query

Selects: TypeAlias = Callable[[Object], bool]


@dataclass(frozen=True, slots=True)
class Trial:
    """Name one thing to try a watch function on.

    Parameters
    ----------
    name : str
    played : Recording or History
    scenario : sequence of faults, optional
        The recording's own when None.
    """

    name: str
    played: Recording | History
    scenario: Faults | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Say what a watch function is to do, and on what it is tried.

    Parameters
    ----------
    name : str
        The catalogue has a sentence ``{name}.correct``.
    call : str
        The call that is to be returned, for a hint.
    trials : sequence of Trial
    selects : callable, optional
        From an Object to whether it is asked for; all when None.
    path : str
        The only path to watch; empty when it does not matter.
    stub : callable, optional
        What the learner starts from: whoever does the same has attempted nothing.
    scope : Scope, optional
        What the function itself asked for first.
    """

    name: str
    call: str
    trials: Sequence[Trial]
    selects: Selects | None = None
    path: str = ""
    stub: WatchFunction | None = None
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold how a watch function did in one trial.

    Parameters
    ----------
    task : Task
    shown : Comparison
        With one run, counted against what was asked for.
    printed : tuple of str
    unread : tuple
        For each call, the arguments of each ``options.replace()`` whose copy nobody looked at.
    """

    task: Task
    shown: Comparison
    printed: tuple[str, ...] = ()
    unread: tuple[tuple[Mapping[str, Any], ...], ...] = ()

    @property
    def run(self) -> Run:
        """Give the one run."""
        return self.shown.runs[0]

    @property
    def history(self) -> History:
        """Give what it was counted against."""
        return self.shown.history


def what_broke(outcome: Outcome) -> tuple[Broken, ...]:
    """Give the properties of a watch function that broke.

    Parameters
    ----------
    outcome : Outcome

    Returns
    -------
    tuple of Broken
        In the order of the properties; empty when all hold.
    """
    return properties.broken(
        outcome.run.count, outcome.history, among=properties.OF_A_WATCH_FUNCTION
    )


def facts_of(outcome: Outcome, attempt: Attempt) -> dict[str, object]:
    """Give what a sentence about a misconception may name.

    Parameters
    ----------
    outcome : Outcome
    attempt : Attempt
        The one that shows it.

    Returns
    -------
    dict of str to object
    """
    counted, watch = outcome.run.count, attempt.watch
    return {
        "name": counted.watcher,
        "delivered": counted.delivered,
        "changes": len(counted.changes),
        "replayed": counted.replayed,
        "lost": len(counted.lost),
        "deletions": counted.lost_deletions,
        "reason": outcome.history.in_names(str(outcome.run.ended or "")),
        "connection": counted.attempts.index(attempt) + 1,
        "handed": outcome.history.name_of(attempt.handed),
        "asked": outcome.history.name_of(attempt.asked),
        "opened": _opened(attempt),
        "call": outcome.task.call,
        "path": watch.path if watch else "",
        "expected_path": outcome.task.path,
        "namespaces": ", ".join(sorted(_namespaces(outcome))),
        "n": len(list(_strangers(outcome))),
        "scope": str(Scope.of(watch)) if watch else "",
        "first_scope": str(_first_scope(outcome) or ""),
        "replaced": ", ".join(f"{k}={v!r}" for k, v in _thrown(outcome, attempt).items()),
        "timeout": watch.parameter("timeoutSeconds") if watch else None,
    }


Finder: TypeAlias = Callable[[Outcome], Attempt | None]


@dataclass(frozen=True, slots=True)
class Misconception:
    """Name one thing that may be wrong.

    Parameters
    ----------
    name : str
        The catalogue has a sentence ``judged.{name}``.
    property : Property or None
        What it breaks; None for what is no matter of resuming.
    found : callable
        From an Outcome to the attempt that shows it, or None.
    """

    name: str
    property: Property | None
    found: Finder


def _asking(run: Run) -> Iterator[Attempt]:
    return (attempt for attempt in run.count.attempts if attempt.watch is not None)


def _first(attempts: Iterable[Attempt], is_so: Callable[[Attempt], bool]) -> Attempt | None:
    return next(filter(is_so, attempts), None)


def _silent(outcome: Outcome) -> Attempt | None:
    """Find a function that never asked the server for a watch."""
    attempts = outcome.run.count.attempts
    return attempts[0] if next(_asking(outcome.run), None) is None and attempts else None


def _namespaced(outcome: Outcome) -> Attempt | None:
    expected = outcome.task.path
    plural = expected.rpartition("/")[2]
    if not expected or "/namespaces/" in expected:
        return None
    return _first(
        _asking(outcome.run), lambda a: "/namespaces/" in _path(a) and _path(a).endswith(plural)
    )


def _elsewhere(outcome: Outcome) -> Attempt | None:
    expected = outcome.task.path
    return _first(_asking(outcome.run), lambda a: bool(expected) and _path(a) != expected)


def _nowhere(outcome: Outcome) -> Attempt | None:
    """Find a namespace in which there is nothing to watch."""
    known = _namespaces(outcome)
    return _first(
        _asking(outcome.run),
        lambda a: (
            "/namespaces/" in _path(a)
            and _path(a).split("/namespaces/")[1].split("/")[0] not in known
        ),
    )


def _namespaces(outcome: Outcome) -> set[str]:
    past = outcome.history
    return {item.namespace for item in (*past.objects, *(c.object for c in past.changes))}


def _path(attempt: Attempt) -> str:
    return attempt.watch.path if attempt.watch else ""


def _strangers(outcome: Outcome) -> Iterator[Attempt]:
    """Give an attempt for each event of an object that was not to be asked for."""
    count = outcome.run.count
    for number, _, fate in count.deliveries():
        if fate is Fate.NOT_REQUESTED:
            yield count.attempts[number]


def _thrown_away(outcome: Outcome) -> Attempt | None:
    """Find a ``replace()`` that was taken for a change in place; all else was passed on."""
    return _first(_asking(outcome.run), lambda a: a.asked == a.handed and bool(_thrown(outcome, a)))


def _thrown(outcome: Outcome, attempt: Attempt) -> Mapping[str, Any]:
    """Give what a copy had that nobody looked at and nobody sent; empty where there is none."""
    sent = {pair for request in attempt.requests for pair in request.query}
    for unread in outcome.unread[outcome.run.count.attempts.index(attempt) :][:1]:
        for fields in unread:
            if not sent.issuperset(parse_qsl(query(ListOptions(**fields)))):
                return fields
    return {}


def _selector(outcome: Outcome) -> Attempt | None:
    return next(_strangers(outcome), None)


def _changed(outcome: Outcome) -> Attempt | None:
    """Find a watch of something else than the first, where it does harm."""
    first = _first_scope(outcome)
    does_harm = outcome.run.count.lost or any(_strangers(outcome))
    return _first(
        _asking(outcome.run) if does_harm else (),
        lambda a: a.watch is not None and Scope.of(a.watch) != first,
    )


def _first_scope(outcome: Outcome) -> Scope | None:
    return outcome.task.scope or next(iter(scopes(outcome.run.count.attempts)), None)


def _own_loop(outcome: Outcome) -> Attempt | None:
    """Find a loop inside a generator, where something else shows that it does harm."""
    looping = _first(outcome.run.count.attempts, lambda a: _opened(a) > 1)
    return looping if looping is not None and what_broke(outcome) else None


def _opened(attempt: Attempt) -> int:
    return sum(request.is_watch and request.status == 200 for request in attempt.requests)


def _zero(outcome: Outcome) -> Attempt | None:
    return _first(_asking(outcome.run), lambda attempt: attempt.asked == "0")


def _pinned(outcome: Outcome) -> Attempt | None:
    start = outcome.history.resource_version
    asking = list(_asking(outcome.run))
    if any(attempt.asked != start for attempt in asking):
        return None
    return _first(asking, lambda attempt: attempt.handed != start)


def _hidden(outcome: Outcome) -> Attempt | None:
    """Find a cache of seen events: nothing twice, though no resourceVersion is asked for."""
    if outcome.run.count.replayed or not outcome.run.count.lost:
        return None
    return _dropped(outcome)


def _dropped(outcome: Outcome) -> Attempt | None:
    return _first(_asking(outcome.run), lambda attempt: attempt.asked is None)


def _made_up(outcome: Outcome) -> Attempt | None:
    """Find a resourceVersion that nobody gave the function: arithmetic on what is opaque."""
    given: set[str | None] = {None, "0", outcome.history.resource_version}
    for attempt in outcome.run.count.attempts:
        given.add(attempt.handed)
        if attempt.asked not in given:
            return attempt
        given.update(seen.resource_version for seen in attempt.delivered)
    return None


def _other(outcome: Outcome) -> Attempt | None:
    return _first(_asking(outcome.run), lambda attempt: attempt.asked != attempt.handed)


def _kept_back(outcome: Outcome) -> Attempt | None:
    """Find a generator that does not pass bookmarks on to the loop."""
    broken = properties.heeds_bookmarks(outcome.run.count, outcome.history)
    return None if broken is None else outcome.run.count.attempts[broken.connection - 1]


def _expired(outcome: Outcome) -> Attempt | None:
    last = outcome.run.count.attempts[-1]
    return last if last.status == properties.EXPIRED else None


def _no_bookmarks(outcome: Outcome) -> Attempt | None:
    """Find a watch that expired because it had not asked for bookmarks."""
    last = _expired(outcome)
    if last is None or last.watch is None:
        return None
    return None if last.watch.parameter("allowWatchBookmarks") == "true" else last


def _short_timeout(outcome: Outcome) -> Attempt | None:
    """Find a watch that expired because no connection lived for long enough to get a bookmark."""
    watches = [attempt.watch for attempt in _asking(outcome.run) if attempt.watch is not None]
    is_told = any(seen.type is EventType.BOOKMARK for watch in watches for seen in watch.seen())
    is_ended = any(watch.close is Close.TIMEOUT for watch in watches)
    return _expired(outcome) if is_ended and not is_told else None


def _ended(outcome: Outcome) -> Attempt | None:
    return outcome.run.count.attempts[-1] if outcome.run.ended else None


def _twice(outcome: Outcome) -> Attempt | None:
    return outcome.run.count.attempts[-1] if outcome.run.count.replayed else None


def _lossy(outcome: Outcome) -> Attempt | None:
    return outcome.run.count.attempts[-1] if outcome.run.count.lost else None


MISCONCEPTIONS: Final[tuple[Misconception, ...]] = (
    Misconception("silent", None, _silent),
    Misconception("namespaced", None, _namespaced),
    Misconception("nowhere", None, _nowhere),
    Misconception("elsewhere", None, _elsewhere),
    Misconception("thrown_away", None, _thrown_away),
    Misconception("changed", None, _changed),
    Misconception("selector", None, _selector),
    Misconception("own_loop", Property.ONCE, _own_loop),
    Misconception("zero", Property.HANDED, _zero),
    Misconception("pinned", Property.HANDED, _pinned),
    Misconception("hidden", Property.DELETIONS, _hidden),
    Misconception("dropped", Property.HANDED, _dropped),
    Misconception("made_up", Property.HANDED, _made_up),
    Misconception("other", Property.HANDED, _other),
    Misconception("kept_back", Property.BOOKMARKS, _kept_back),
    Misconception("no_bookmarks", Property.BOOKMARKS, _no_bookmarks),
    Misconception("short_timeout", None, _short_timeout),
    Misconception("ended", None, _ended),
    Misconception("twice", Property.ONCE, _twice),
    Misconception("lossy", Property.DELETIONS, _lossy),
)
"""What may be wrong, the most telling first."""
