"""What a comparison found: the counts, what each program believes, and what was asked.

Text first: every line here is the same on a recording and on a cluster, in a notebook, in a
terminal and for a screen reader. The picture is :mod:`kwlab.strip`'s.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kwlab.errors import LabError, WatchEnded
from kwlab.history import History
from kwlab.log import Attempt, Close
from kwlab.messages import say, seconds
from kwlab.metrics import Count
from kwlab.naming import counted, listed, name_list
from kwlab.scope import in_words, scopes, watchable
from kwlab.table import Table

_COLUMNS: Final = (
    "delivered", "new", "inferred", "replayed", "not_requested", "superseded", "lost",
)  # fmt: skip
"""In the order of both sums; what all have zero of is left out, but for the four of the story."""

NAMES_AT_MOST = 6
"""So many names are read; of more, only those that matter are given."""


@dataclass(frozen=True, slots=True)
class Guess:
    """Say what you expect, before you look.

    Parameters
    ----------
    events : str, optional
        ``"more"``, ``"fewer"`` or ``"same"``: events handed to the program, against changes.
    pods : int, optional
        How many pods the program will believe in at the end.
    asked : sequence of str or None, optional
        What the last function will ask of the server, a connection each: ``"rv@4"``, ``"none"``.

    Raises
    ------
    LabError
        For any other value.
    """

    events: str | None = None
    pods: int | None = None
    asked: Sequence[str | None] | None = None

    def __post_init__(self) -> None:
        if self.events not in {None, "more", "fewer", "same"}:
            raise LabError(say("guess.events", value=repr(self.events)))
        if self.pods is not None and (isinstance(self.pods, bool) or not _is_count(self.pods)):
            raise LabError(say("guess.pods", value=repr(self.pods)))
        if self.asked is not None and not _are_names(self.asked):
            raise LabError(say("guess.asked", value=repr(self.asked)))


def _are_names(value: object) -> bool:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return False
    return all(
        one in {None, "none"} or (isinstance(one, str) and one.startswith("rv@")) for one in value
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 0


@dataclass(frozen=True, slots=True)
class Run:
    """Hold how one watch function did.

    Parameters
    ----------
    count : Count
    ended : WatchEnded or None
        What ended it before the recording was over.
    """

    count: Count
    ended: WatchEnded | None = None


def note(count: Count) -> str:
    """Say in a few words what a function does with the resourceVersion that it is handed.

    Parameters
    ----------
    count : Count

    Returns
    -------
    str
        Empty when it asked for no watch.
    """
    asking = [attempt for attempt in count.attempts if attempt.watch is not None]
    if not asking:
        return ""
    if all((attempt.asked or "") == attempt.handed for attempt in asking):
        return say("note.passes")
    return say("note.drops" if all(a.asked is None for a in asking) else "note.own")


def counts_table(runs: Sequence[Run]) -> Table:
    """Make the table of counts, a row a watcher.

    Parameters
    ----------
    runs : sequence of Run

    Returns
    -------
    Table
    """
    counts = [run.count for run in runs]
    found = [{"delivered": c.delivered, **c.terms[0], **c.terms[1]} for c in counts]
    names = [name for name in _COLUMNS if any(name in numbers for numbers in found)]
    rows = tuple(
        (one.watcher, *(str(numbers.get(name, 0)) for name in names), _deletions(one))
        for one, numbers in zip(counts, found, strict=True)
    )
    heads = ("", *(say(f"count.{name}") for name in names), "")
    return Table(heads, rows, left=frozenset({0, len(names) + 1}))


def _deletions(count: Count) -> str:
    return say("count.deletions", n=count.lost_deletions) if count.lost_deletions else ""


def sentences(runs: Sequence[Run], history: History, guess: Guess | None) -> Iterator[str]:
    """Say what each program believes against what exists, and how the guess went.

    Parameters
    ----------
    runs : sequence of Run
    history : History
        All that was recorded, whatever each of them watched.
    guess : Guess or None
        About the first one.

    Yields
    ------
    str
    """
    yield from _scoped([run.count for run in runs], history)
    for run in runs:
        if not _is_aside(run.count, history):
            yield from _sums(run.count)
    for run in runs:
        if run.ended is not None:
            at = seconds(max(a.closed_at or 0.0 for a in run.count.attempts))
            reason = history.in_names(str(run.ended))
            yield say("finding.ended", watcher=run.count.watcher, seconds=at, reason=reason)
    counts = [run.count for run in runs if not _is_aside(run.count, history)]
    yield from _held(counts, is_only=len(runs) == 1)
    yield from _alike(runs)
    if guess is not None:
        yield from _judged(guess, runs, history)


def _is_aside(count: Count, history: History) -> bool:
    """Tell whether there is nothing of what a function asked about: then no loss proves nothing."""
    return _is_empty(count.told) and not _is_empty(history)


def _is_empty(past: History) -> bool:
    return not past.objects and not past.changes


def _scoped(counts: Sequence[Count], history: History) -> Iterator[str]:
    """Say what was counted, where that is not everything; once for all who watched the same."""
    groups: dict[tuple[str, int], list[Count]] = {}
    for count in counts:
        asked = ", ".join(in_words(scope, history) for scope in scopes(count.attempts))
        groups.setdefault((asked, len(count.told.changes)), []).append(count)
    total, there = len(history.changes), ", ".join(watchable(history))
    for (asked, n), alike in groups.items():
        facts = {"watchers": listed([count.watcher for count in alike]), "what": asked}
        if _is_aside(alike[0], history):
            yield say("finding.watched_nothing", **facts, there=there)
        elif n < total:
            yield say("finding.watched", **facts, n=n, total=total)


def _held(counts: Sequence[Count], *, is_only: bool) -> Iterator[str]:
    """Say what is believed and what exists; once, where all watch the same."""
    if is_only and counts:
        yield f"{_believes(counts[0], is_only=True)} {_exist(counts[0])}"
        return
    yield from (_believes(count, is_only=False) for count in counts)
    if all(count.told == counts[0].told for count in counts):
        yield from map(_exist, counts[:1])
    else:
        yield from (_exist(count, whose="_for") for count in counts)


def _sums(count: Count) -> Iterator[str]:
    received, changes = count.sums()
    yield say("finding.sums", watcher=count.watcher, received=received, changes=changes)
    if count.disguised:
        yield say("finding.disguised", n=count.disguised)


def _believes(count: Count, *, is_only: bool) -> str:
    text = _believed(count, is_only=is_only)
    if not count.strangers:
        return text
    names = name_list([belief.shown for belief in count.strangers])
    return f"{text} {say('finding.strangers', n=len(count.strangers), names=names)}"


def _believed(count: Count, *, is_only: bool) -> str:
    number = len(count.believed)
    ghosts = tuple(ghost.shown for ghost in count.ghosts)
    who = say("finding.program") if is_only else count.watcher
    facts = {"who": who, "count": counted(number, count.told.resources), "n": len(ghosts)}
    if number <= NAMES_AT_MOST:
        names = ", ".join(belief.shown for belief in count.believed)
        return say(
            "finding.believes" if number else "finding.believes_nothing", **facts, names=names
        )
    if not ghosts:
        return say("finding.believes_truly", **facts)
    return say("finding.believes_ghosts", **facts, names=", ".join(ghosts))


def _exist(count: Count, whose: str = "") -> str:
    number = len(count.real)
    key = f"finding.exist{'_names' if 0 < number <= NAMES_AT_MOST else ''}{whose}"
    facts = {"watcher": count.watcher, "names": ", ".join(count.real)}
    return say(key, count=counted(number, count.told.resources), **facts)


def _alike(runs: Sequence[Run]) -> Iterator[str]:
    first, *others = runs
    for run in others:
        if behaviour(run.count) == behaviour(first.count):
            yield say("finding.alike", watcher=run.count.watcher, other=first.count.watcher)


def behaviour(count: Count) -> tuple[object, ...]:
    """Give what two functions that behave alike have in common: what was asked and delivered.

    Parameters
    ----------
    count : Count

    Returns
    -------
    tuple
        To compare; it means nothing else.
    """
    return tuple(
        (tuple(request.query for request in attempt.requests), tuple(attempt.delivered))
        for attempt in count.attempts
    )


def _judged(guess: Guess, runs: Sequence[Run], history: History) -> Iterator[str]:
    parts = [
        *_judged_events(guess.events, runs[0].count),
        *_judged_pods(guess.pods, runs[0].count),
        *_judged_asked(guess.asked or (), runs[-1].count, history),
    ]
    if (guess.events is None) != (guess.pods is None):
        parts.append(say("guess.open", what="events" if guess.events is None else "pods"))
    yield " ".join(parts) or say("guess.none")


def _judged_events(guessed: str | None, count: Count) -> Iterator[str]:
    if guessed is None:
        return
    came = _direction(count.delivered, len(count.changes))
    key = "guess.events_right" if guessed == came else "guess.events_wrong"
    words = {"guess": say(f"guess.{guessed}"), "came": say(f"guess.{came}")}
    yield say(key, **words, delivered=count.delivered, changes=len(count.changes))


def _judged_pods(guessed: int | None, count: Count) -> Iterator[str]:
    if guessed is None:
        return
    believed = len(count.believed)
    key = "guess.pods_right" if guessed == believed else "guess.pods_wrong"
    yield say(key, guess=counted(guessed, count.told.resources), believed=believed)


def _judged_asked(guessed: Sequence[str | None], count: Count, history: History) -> Iterator[str]:
    if not any(guessed):
        return
    asked = [history.name_of(one.asked) for one in count.attempts if one.watch]
    right = sum(one == other for one, other in zip(guessed, asked, strict=False))
    yield say("guess.asked_right", right=right, n=len(asked), watcher=count.watcher)
    if blank := len(asked) - sum(map(bool, guessed[: len(asked)])):
        yield say("guess.open", what=blank)


def _direction(delivered: int, changes: int) -> str:
    return "same" if delivered == changes else "more" if delivered > changes else "fewer"


def requests_table(runs: Sequence[Run], history: History, guess: Guess | None = None) -> Table:
    """Make the table of what was handed over and what was asked.

    Functions that were called at the same moments, with the same resourceVersions, stand side by
    side, a row an attempt; others stand one below the other.

    Parameters
    ----------
    runs : sequence of Run
    history : History
    guess : Guess, optional
        What was expected of the last function.

    Returns
    -------
    Table
    """
    called = [tuple(_called(run, history)) for run in runs]
    asked = [[_asked(attempt, history) for attempt in run.count.attempts] for run in runs]
    if len(set(called)) > 1:
        return _stacked(runs, called, asked)
    columns = dict(zip(_asked_heads(runs), asked, strict=True))
    if guess is not None and guess.asked is not None:
        columns[say("requests.guess")] = _guessed(guess.asked, runs[-1].count.attempts, history)
    rows = tuple(zip(*zip(*called[0], strict=True), *columns.values(), strict=True))
    heads = (*_called_heads(), *columns)
    return Table(heads, rows, left=frozenset(range(2, len(heads))))


def _stacked(
    runs: Sequence[Run],
    called: Sequence[Sequence[tuple[str, ...]]],
    asked: Sequence[Sequence[str]],
) -> Table:
    rows = tuple(
        (run.count.watcher, *cells, one)
        for run, attempts, heard in zip(runs, called, asked, strict=True)
        for cells, one in zip(attempts, heard, strict=True)
    )
    heads = (say("requests.watcher"), *_called_heads(), say("requests.asked"))
    return Table(heads, rows, left=frozenset({0, 3, 4, 5}))


def _called_heads() -> tuple[str, ...]:
    return tuple(say(f"requests.{name}") for name in ("connection", "opened", "after", "handed"))


def _asked_heads(runs: Sequence[Run]) -> list[str]:
    if len(runs) == 1:
        return [say("requests.asked")]
    return [say("requests.asked_by", watcher=run.count.watcher) for run in runs]


def _called(run: Run, history: History) -> Iterator[tuple[str, ...]]:
    before = say("close.start")
    for number, attempt in enumerate(run.count.attempts, start=1):
        at = say("seconds", seconds=seconds(attempt.at))
        yield str(number), at, before, history.name_of(attempt.handed)
        before = _close(attempt)


def _guessed(
    asked: Sequence[str | None], attempts: Sequence[Attempt], history: History
) -> list[str]:
    """Judge a guess beside each attempt that reached the server; nobody guesses a refusal."""
    left = list(asked)
    return [
        _judged_guess(left.pop(0) if left else None, _asked(attempt, history))
        if attempt.watch
        else ""
        for attempt in attempts
    ]


def _judged_guess(guessed: str | None, asked: str) -> str:
    if not guessed:
        return say("requests.no_guess")
    return say("requests.right" if guessed == asked else "requests.wrong", guess=guessed)


def _asked(attempt: Attempt, history: History) -> str:
    if attempt.watch is not None:
        return history.name_of(attempt.asked)
    return say("close.refused") if attempt.close is Close.REFUSED else say("requests.nothing")


def _close(attempt: Attempt) -> str:
    code = f" {attempt.status}" if attempt.status else ""
    return say(f"close.{attempt.close or Close.OVER}") + code


def paragraphs(lines: Sequence[str]) -> str:
    """Set sentences as HTML, a paragraph each.

    Parameters
    ----------
    lines : sequence of str

    Returns
    -------
    str
    """
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)
