"""Exercises: what a learner answers or writes is tried, and the answer names what broke.

Behaviour is checked, not text: a learner's watch function runs on several recordings with
several scenarios, and the verdict names the property that broke, at which connection, with the
misconception behind it and the strip that shows it.
"""

from __future__ import annotations

import enum
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, overload

from kwlab import finding, lab, recording
from kwlab.errors import LabError, WatchFunctionError
from kwlab.finding import Run
from kwlab.lab import Comparison, Lab
from kwlab.log import Attempt
from kwlab.messages import say
from kwlab.metrics import Count, Fate
from kwlab.response import WatchFunction
from kwlab.wire import ListOptions


class Verdict(enum.Enum):
    """Name what a check says."""

    NOT_ATTEMPTED = "not attempted"
    NOT_YET = "not yet"
    CORRECT = "correct"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Hold what a check says, and why.

    Parameters
    ----------
    verdict : Verdict
    text : str
        A sentence or two.
    shown : Comparison or None
        The run that broke a property, for its strip.
    """

    verdict: Verdict
    text: str
    shown: Comparison | None = None

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        picture = self.shown._repr_mimebundle_()["text/html"] if self.shown else ""
        text = finding.paragraphs([self.text])
        return {"text/plain": self.text, "text/html": text + picture}


class Text(str):
    """Show a string as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Exercise:
    """Give hints, and the solution to whoever wants it.

    Parameters
    ----------
    name : str
        As in ``kwlab.exercise(name)``.
    hints : int
        How many hints the catalogue has for it.
    """

    def __init__(self, name: str, hints: int) -> None:
        self.name = name
        self._hints = hints
        self._given = 0

    def hint(self) -> Text:
        """Give the next hint; after the last one, the last one again.

        Returns
        -------
        Text
        """
        self._given = min(self._given + 1, self._hints)
        of = say("exercise.hint", number=self._given, hints=self._hints)
        return Text(f"{of} {say(f'{self.name}.hint{self._given}')}")

    def solution(self) -> Text:
        """Give the solution.

        Returns
        -------
        Text
        """
        return Text(say(f"{self.name}.solution", **self._facts()))

    def _facts(self) -> Mapping[str, object]:
        return {}


class ReadTheStrip(Exercise):
    """Ask for three numbers that the strip of ``wrong`` on the story shows."""

    def __init__(self) -> None:
        super().__init__("read-the-strip", hints=3)
        self._count = _wrong_on_the_story()

    def check(
        self,
        *,
        replayed_after_first_cut: int | None = None,
        lost_while_away: int | None = None,
        ghosts: int | None = None,
    ) -> Judgement:
        """Check three numbers.

        Parameters
        ----------
        replayed_after_first_cut : int, optional
            Events that told nothing new, on the connection after the first cut.
        lost_while_away : int, optional
            Changes that were never delivered.
        ghosts : int, optional
            Pods that the program believes in and that are gone.

        Returns
        -------
        Judgement
        """
        answers = (replayed_after_first_cut, lost_while_away, ghosts)
        if None in answers:
            text = say("exercise.numbers_missing")
            return Judgement(Verdict.NOT_ATTEMPTED, text)
        parts = [
            part
            for part, answer in zip(self._parts(), answers, strict=True)
            if answer != part.expected
        ]
        if not parts:
            return Judgement(Verdict.CORRECT, say("read-the-strip.correct", **self._facts()))
        asked = dict(zip((part.name for part in self._parts()), answers, strict=True))
        lines = [part.explain(asked[part.name], self._facts()) for part in parts]
        return Judgement(Verdict.NOT_YET, " ".join((say("exercise.not_yet"), *lines)))

    def _parts(self) -> tuple[_Part, ...]:
        count = self._count
        deletions, ghosts = count.lost_deletions, len(count.ghosts)
        return (
            _Part("replayed_after_first_cut", _after_first_cut(count), {"all": count.replayed}),
            _Part("lost_while_away", len(count.lost), {"deletions": deletions}),
            _Part("ghosts", ghosts, {"believed": len(count.believed), "lost": len(count.lost)}),
        )

    def _facts(self) -> Mapping[str, object]:
        count = self._count
        again = [
            seen.name
            for number, seen, fate in count.deliveries()
            if number == 1 and fate is Fate.REPLAYED
        ]
        return {
            "first": _after_first_cut(count),
            "again": ", ".join(again),
            "lost": len(count.lost),
            "deletions": count.lost_deletions,
            "ghosts": len(count.ghosts),
            "ghost_names": ", ".join(ghost.name for ghost in count.ghosts),
            "real": ", ".join(count.real),
        }


@dataclass(frozen=True, slots=True)
class _Part:
    """Hold one number that is asked for, and the wrong ones that have a reason."""

    name: str
    expected: int
    mistaken: Mapping[str, int]

    def explain(self, answer: int | None, facts: Mapping[str, object]) -> str:
        for why, number in self.mistaken.items():
            if answer == number:
                return say(f"read-the-strip.{self.name}.{why}", answer=answer, **facts)
        return say(f"read-the-strip.{self.name}.other", answer=answer, **facts)


def _after_first_cut(count: Count) -> int:
    return count.fates[1].count(Fate.REPLAYED)


class PassItOn(Exercise):
    """Try a watch function on two recordings, with cuts and absences."""

    def __init__(self, played_in: Lab) -> None:
        super().__init__("pass-it-on", hints=3)
        self._lab = played_in

    def check(self, function: WatchFunction) -> Judgement:
        """Run a watch function through every trial.

        Parameters
        ----------
        function : callable
            The learner's; it uses the client of the lab that was opened last.

        Returns
        -------
        Judgement
            The first trial that breaks a property decides.
        """
        name = getattr(function, "__name__", "mine")
        reconnects = 0
        trials = tuple(_trials())
        for trial in trials:
            try:
                shown = self._tried(trial, name, function)
            except WatchFunctionError as error:
                return _not_yet(str(error))
            except Exception as error:
                return _not_yet(say("exercise.raised", name=name, error=_where(error)))
            if judgement := _diagnosis(shown, self._stub(trial)):
                return judgement
            reconnects += len(shown.runs[0].count.attempts) - 1
        text = say("pass-it-on.correct", n=len(trials), reconnects=reconnects)
        return Judgement(Verdict.CORRECT, text)

    def _tried(self, trial: _Trial, name: str, function: WatchFunction) -> Comparison:
        with self._lab.playing(trial.recording):
            return self._lab.compare_all({name: function}, scenario=trial.scenario)

    def _stub(self, trial: _Trial) -> Count:
        return self._tried(trial, "wrong", wrong_function(self._lab)).runs[0].count


@dataclass(frozen=True, slots=True)
class _Trial:
    recording: recording.Recording
    scenario: lab.Faults | None = None


def _trials() -> Iterator[_Trial]:
    yield _Trial(lab.load(lab.STORY))
    churn = lab.load("pods-churn")
    cuts = [
        {"fault": "cut", "at": float(at), "away_seconds": at % 2}
        for at in range(15, int(churn.header.seconds), 15)
    ]
    yield _Trial(churn, cuts)


def wrong_function(of: Lab) -> WatchFunction:
    """Give the function that the notebooks call wrong, for one lab.

    Parameters
    ----------
    of : Lab

    Returns
    -------
    callable
    """

    def wrong(_options: ListOptions) -> object:
        options = ListOptions(timeout_seconds=60)
        return of.api.list_namespaced_pod(
            of.namespace, watch=True, _preload_content=False, **options
        )

    return wrong


def _wrong_on_the_story() -> Count:
    own = Lab(lab.load(lab.STORY))
    return own.compare(wrong=wrong_function(own)).runs[0].count


def _not_yet(text: str, shown: Comparison | None = None) -> Judgement:
    return Judgement(Verdict.NOT_YET, f"{say('exercise.not_yet')} {text}", shown)


def _where(error: Exception) -> str:
    """Name an error and the learner's line that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    learners = [frame for frame in frames if "site-packages" not in frame.filename]
    line = learners[-1].line if learners else ""
    return f"{type(error).__name__}: {error}" + (f" ({line.strip()})" if line else "")


def _diagnosis(shown: Comparison, stub: Count) -> Judgement | None:
    run = shown.runs[0]
    if finding.behaviour(run.count) == finding.behaviour(stub):
        text = say("pass-it-on.stub", name=run.count.watcher)
        return Judgement(Verdict.NOT_ATTEMPTED, text)
    facts = _facts(run)
    for key, is_so in _MISCONCEPTIONS.items():
        attempt = is_so(run, shown)
        if attempt is not None:
            return _not_yet(say(f"pass-it-on.{key}", **facts, **_place(attempt, shown)), shown)
    return None


def _facts(run: Run) -> dict[str, object]:
    count = run.count
    return {
        "name": count.watcher,
        "delivered": count.delivered,
        "changes": len(count.changes),
        "replayed": count.replayed,
        "lost": len(count.lost),
        "deletions": count.lost_deletions,
        "reason": str(run.ended or ""),
    }


def _place(attempt: Attempt, shown: Comparison) -> dict[str, object]:
    attempts = shown.runs[0].count.attempts
    return {
        "connection": attempts.index(attempt) + 1,
        "handed": shown.history.name_of(attempt.handed),
        "asked": shown.history.name_of(attempt.asked),
    }


def _asking(run: Run) -> Iterator[Attempt]:
    return (attempt for attempt in run.count.attempts if attempt.watch is not None)


def _first(run: Run, is_so: Callable[[Attempt], bool]) -> Attempt | None:
    return next(filter(is_so, _asking(run)), None)


def _silent(run: Run, _shown: Comparison) -> Attempt | None:
    """Find a function that never asked the server anything."""
    attempts = run.count.attempts
    return attempts[0] if next(_asking(run), None) is None and attempts else None


def _zero(run: Run, _shown: Comparison) -> Attempt | None:
    return _first(run, lambda attempt: attempt.asked == "0")


def _pinned(run: Run, shown: Comparison) -> Attempt | None:
    start = shown.history.resource_version
    asking = list(_asking(run))
    if any(attempt.asked != start for attempt in asking):
        return None
    return _first(run, lambda attempt: attempt.handed != start)


def _hidden(run: Run, _shown: Comparison) -> Attempt | None:
    """Find a cache of seen events: nothing twice, though no resourceVersion is asked for."""
    if run.count.replayed or not run.count.lost:
        return None
    return _first(run, lambda attempt: attempt.asked is None)


def _dropped(run: Run, _shown: Comparison) -> Attempt | None:
    return _first(run, lambda attempt: attempt.asked is None)


def _made_up(run: Run, shown: Comparison) -> Attempt | None:
    """Find a resourceVersion between two changes: arithmetic on what is opaque."""
    name = shown.history.name_of
    return _first(run, lambda one: one.asked != one.handed and name(one.asked) == name(one.handed))


def _other(run: Run, _shown: Comparison) -> Attempt | None:
    return _first(run, lambda attempt: attempt.asked != attempt.handed)


def _ended(run: Run, _shown: Comparison) -> Attempt | None:
    return run.count.attempts[-1] if run.ended else None


def _twice(run: Run, _shown: Comparison) -> Attempt | None:
    return run.count.attempts[-1] if run.count.replayed else None


def _lossy(run: Run, _shown: Comparison) -> Attempt | None:
    return run.count.attempts[-1] if run.count.lost else None


_MISCONCEPTIONS: Final[Mapping[str, Callable[[Run, Comparison], Attempt | None]]] = {
    "silent": _silent,
    "zero": _zero,
    "pinned": _pinned,
    "hidden": _hidden,
    "dropped": _dropped,
    "made_up": _made_up,
    "other": _other,
    "ended": _ended,
    "twice": _twice,
    "lossy": _lossy,
}
"""What may be wrong, the most telling first; each finds the attempt that shows it, or None."""


_EXERCISES: Final[Mapping[str, Callable[[], Exercise]]] = {
    "read-the-strip": ReadTheStrip,
    "pass-it-on": lambda: PassItOn(lab.current_lab()),
}


@overload
def exercise(name: Literal["read-the-strip"]) -> ReadTheStrip: ...


@overload
def exercise(name: Literal["pass-it-on"]) -> PassItOn: ...


def exercise(name: str) -> Exercise:
    """Give an exercise by its name.

    Parameters
    ----------
    name : str

    Returns
    -------
    Exercise
        With ``check``, ``hint`` and ``solution``.

    Raises
    ------
    LabError
        When there is none of that name, or it needs an open lab and there is none.
    """
    if name not in _EXERCISES:
        raise LabError(say("exercise.unknown", name=name, known=", ".join(_EXERCISES)))
    return _EXERCISES[name]()
