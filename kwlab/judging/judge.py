"""Try a watch function on several histories, and say what broke and which misconception it shows.

Behaviour is judged, not text. Every trial is played to its end, and then the most telling reason
is looked for in all of them: a cache of seen events shows itself only where something was lost.
What no reason explains still fails, by the property that it breaks.
"""

from __future__ import annotations

import enum
import functools
import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kwlab import finding
from kwlab.comparison import Comparison
from kwlab.errors import WatchFunctionError
from kwlab.finding import Run
from kwlab.frames import line_of, told
from kwlab.history import narrowed
from kwlab.judging import bounded
from kwlab.judging.bounded import TimeUp, limited
from kwlab.judging.misconceptions import (
    MISCONCEPTIONS,
    Misconception,
    Outcome,
    Task,
    Trial,
    facts_of,
    what_broke,
)
from kwlab.judging.properties import Broken, Property
from kwlab.lab import Lab
from kwlab.log import Attempt, Log, Request
from kwlab.messages import say
from kwlab.metrics import count
from kwlab.watching.response import WatchFunction
from kwlab.wire import ListOptions

LIMIT_SECONDS: Final = 20.0
"""How long a whole check may take, in real seconds; that of a right function takes one or two."""
LATE_SECONDS: Final = 1.0
"""What was stopped so much later than that was waiting or computing outside Python."""


class Verdict(enum.Enum):
    """Name what a check says. Only CORRECT is true, so that an ``assert`` means what it says."""

    NOT_ATTEMPTED = "not attempted"
    NOT_YET = "not yet"
    CORRECT = "correct"

    def __bool__(self) -> bool:
        return self is Verdict.CORRECT


@dataclass(frozen=True, slots=True)
class Judgement:
    """Hold what a check says, and why; true where the verdict is CORRECT, and false elsewhere.

    Parameters
    ----------
    verdict : Verdict
    text : str
        A sentence or two.
    shown : Comparison or None
        The run that broke a property, for its strip.
    broken : Broken or None
        The property, the connection, what was expected and what came.
    misconception : str
        The name of the mistake, such as ``pinned``; empty when it has none.
    printed : tuple of str
        What is shown of what the function printed, a line each.
    """

    verdict: Verdict
    text: str
    shown: Comparison | None = None
    broken: Broken | None = None
    misconception: str = ""
    printed: tuple[str, ...] = ()

    @property
    def is_correct(self) -> bool:
        """Tell whether nothing broke."""
        return bool(self.verdict)

    def __bool__(self) -> bool:
        return self.is_correct

    def __str__(self) -> str:
        return "\n".join((self.text, *self.printed))

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        picture = self.shown._repr_mimebundle_()["text/html"] if self.shown else ""
        text = finding.paragraphs([*self.text.splitlines(), *self.printed])
        return {"text/plain": str(self), "text/html": text + picture}


class Limit:
    """Count down what is left of a check's seconds."""

    def __init__(self, lab: Lab, seconds: float | None = None) -> None:
        # To load the client, on a busy machine many seconds long, is not the function's time.
        _ = lab.api
        self._seconds = LIMIT_SECONDS if seconds is None else seconds
        self._began = time.monotonic()

    def left(self) -> float:
        """Return the seconds that are left."""
        return self._began + self._seconds - time.monotonic()

    def why(self, name: str) -> str:
        """Say that a function was stopped."""
        text = say("exercise.endless", name=name, seconds=f"{self._seconds:.3g}")
        late = -self.left()
        return (
            f"{text} {say('exercise.late', seconds=f'{late:.0f}')}" if late > LATE_SECONDS else text
        )


def judge(
    function: WatchFunction,
    task: Task,
    lab: Lab,
    *,
    name: str = "",
    limit: Limit | None = None,
) -> Judgement:
    """Try a watch function.

    Parameters
    ----------
    function : callable
        It uses the client of the lab.
    task : Task
    lab : Lab
        It is left as it is.
    name : str
        What to call the function; its own name when empty.
    limit : Limit, optional
        How long all of it may take; :data:`LIMIT_SECONDS` from now on when None.

    Returns
    -------
    Judgement
        What the function raises, prints or never comes back from is part of it.
    """
    refusal = _uncallable(function)
    if refusal is not None:
        return refusal
    outcomes = []
    limit = limit or Limit(lab)
    tried = _Tried(function, lab, name)
    for trial in task.trials:
        with bounded.printed() as printed:
            outcome = _outcome(tried, task, trial, limit)
        if isinstance(outcome, Judgement):
            return replace(outcome, printed=printed.shown())
        outcomes.append(replace(outcome, printed=printed.shown()))
        if len(outcomes) == 1 and task.stub is not None and _is_alike(outcomes[0], trial):
            text = say(f"{task.name}.stub", name=tried.__name__)
            return Judgement(Verdict.NOT_ATTEMPTED, text, printed=printed.shown())
    diagnosis = _diagnosis(outcomes)
    return _correct(outcomes) if diagnosis is None else diagnosis


def first_request(
    function: WatchFunction,
    task: Task,
    lab: Lab,
    *,
    name: str = "",
    limit: Limit | None = None,
) -> Request | Judgement | None:
    """Play the first trial of a task, to see what a function watches.

    Parameters
    ----------
    function : callable
    task : Task
    lab : Lab
    name : str
    limit : Limit, optional
        As for :func:`judge`.

    Returns
    -------
    Request, Judgement or None
        The first watch, or a list where there is no watch; a Judgement when the function could
        not be played, and None when it asked for nothing.
    """
    with bounded.printed():
        outcome = _outcome(_Tried(function, lab, name), task, task.trials[0], limit or Limit(lab))
    if isinstance(outcome, Judgement):
        return outcome
    requests = [r for attempt in outcome.run.count.attempts for r in attempt.requests]
    return next((r for r in requests if r.is_watch), requests[0] if requests else None)


def _uncallable(function: object) -> Judgement | None:
    """Refuse what cannot be called with options, before anything is played."""
    if not callable(function):
        kind = "None" if function is None else f"a {type(function).__name__}"
        return _not_yet(say("exercise.not_callable", kind=kind), "not_callable")
    if error := misfit(function, ListOptions()):
        return _not_yet(say("function.signature", error=error), "signature")
    return None


def misfit(function: Callable[..., object], *arguments: object) -> TypeError | None:
    """Tell why a function cannot be called with so many arguments.

    Parameters
    ----------
    function : callable
    *arguments
        What it would be given.

    Returns
    -------
    TypeError or None
        None when it can, or when it does not tell, as functions written in C.
    """
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        return error
    except ValueError:
        return None
    return None


class _Given(ListOptions):
    """Options that know what became of their copies: ``replace()`` changes nothing in place."""

    __slots__ = ("_copies", "_is_read")
    _copies: list[tuple[dict[str, Any], _Given]]
    _is_read: bool

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        object.__setattr__(self, "_copies", [])
        object.__setattr__(self, "_is_read", False)

    def replace(self, **fields: Any) -> ListOptions:
        object.__setattr__(self, "_is_read", True)
        copy = _Given(**super().replace(**fields))
        self._copies.append((fields, copy))
        return copy

    def __getitem__(self, name: str) -> Any:
        object.__setattr__(self, "_is_read", True)
        return super().__getitem__(name)

    def unread(self) -> Iterator[dict[str, Any]]:
        """Give what was replaced in each copy that nobody looked at."""
        for fields, copy in self._copies:
            if not copy._is_read:
                yield fields
            yield from copy.unread()


# Python's own errors name the class, and a learner knows this one.
_Given.__name__ = ListOptions.__name__


class _Tried:
    """Call a function, and remember whether it ever did anything."""

    def __init__(self, function: WatchFunction, lab: Lab, name: str) -> None:
        functools.update_wrapper(self, function, updated=())
        self.__name__ = name or getattr(function, "__name__", "mine")
        self._function = function
        self._lab = lab
        self.is_attempted = False

    def __call__(self, options: ListOptions) -> object:
        is_silent = False
        try:
            returned = self._function(options)
            is_silent = returned is None and self._lab.requests_total == 0
            return returned
        finally:
            self.is_attempted |= not is_silent


def _outcome(tried: _Tried, task: Task, trial: Trial, limit: Limit) -> Outcome | Judgement:
    try:
        return limited(limit.left(), lambda: _played(tried.__name__, tried, task, trial))
    except WatchFunctionError as error:
        if not tried.is_attempted:
            text = say("exercise.blank", name=tried.__name__)
            return Judgement(Verdict.NOT_ATTEMPTED, text)
        line = line_of(error.__cause__)
        return _not_yet(str(error) + (f" ({line})" if line else ""), "contract")
    except TimeUp:
        return _not_yet(limit.why(tried.__name__), "endless")
    except Exception as error:
        text = say("exercise.raised", name=tried.__name__, error=told(error))
        return _not_yet(text, "raised")


def _played(name: str, function: WatchFunction, task: Task, trial: Trial) -> Outcome:
    given: list[_Given] = []

    def called(options: ListOptions) -> object:
        given.append(_Given(**options))
        return function(given[-1])

    shown = Lab(trial.played, trial.scenario).compare_all({name: called})
    # The server knows everything. What the task is about counts, whatever the function asked for:
    # who watches less than that loses something.
    past, run = shown.history, shown.runs[0]
    told = past if task.selects is None else narrowed(past, task.selects)
    counted = count(Log(name, list(run.count.attempts)), told, past)
    unread = tuple(tuple(options.unread()) for options in given)
    return Outcome(task, Comparison([Run(counted, run.ended)], told, shown.scenario), unread=unread)


def _is_alike(outcome: Outcome, trial: Trial) -> bool:
    stub = outcome.task.stub
    assert stub is not None
    like = _played("stub", stub, outcome.task, trial)
    return finding.behaviour(outcome.run.count) == finding.behaviour(like.run.count)


def _not_yet(
    text: str,
    misconception: str,
    outcome: Outcome | None = None,
    broken: Broken | None = None,
) -> Judgement:
    sentence = f"{say('exercise.not_yet')} {text}"
    if outcome is None:
        return Judgement(Verdict.NOT_YET, sentence, misconception=misconception)
    return Judgement(
        Verdict.NOT_YET, sentence, outcome.shown, broken, misconception, outcome.printed
    )


def _correct(outcomes: Sequence[Outcome]) -> Judgement:
    attempts = [attempt for outcome in outcomes for attempt in outcome.run.count.attempts]
    task = outcomes[0].task
    reconnects = len(attempts) - len(outcomes)
    lines = [say(f"{task.name}.correct", n=len(outcomes), reconnects=reconnects)]
    watches = [attempt.watch for attempt in attempts if attempt.watch is not None]
    timeouts = {watch.parameter("timeoutSeconds") for watch in watches}
    if None in timeouts:
        lines.append(say("judged.no_timeout"))
    if "0" in timeouts:
        lines.append(say("judged.zero_timeout"))
    return Judgement(Verdict.CORRECT, " ".join(lines), printed=outcomes[-1].printed)


def _diagnosis(outcomes: Sequence[Outcome]) -> Judgement | None:
    for misconception in MISCONCEPTIONS:
        for outcome in outcomes:
            attempt = misconception.found(outcome)
            if attempt is not None:
                return _explained(misconception, attempt, outcome)
    for outcome in outcomes:
        for broken in what_broke(outcome):
            return _not_yet(str(broken), "", outcome, broken)
    return None


def _explained(misconception: Misconception, attempt: Attempt, outcome: Outcome) -> Judgement:
    facts = facts_of(outcome, attempt)
    text = say(f"judged.{misconception.name}", **facts)
    broken = next((b for b in what_broke(outcome) if b.property is misconception.property), None)
    if broken is None and misconception.property is Property.BOOKMARKS:
        # None was sent, so the log alone cannot show that one was missing.
        connection = outcome.run.count.attempts.index(attempt) + 1
        words = say("property.bookmark"), say("property.expired")
        broken = Broken(Property.BOOKMARKS, connection, *words)
    return _not_yet(text, misconception.name, outcome, broken)
