"""What all exercises have: a ladder of hints, and a solution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

from kwlab.judging.judge import Judgement, Verdict
from kwlab.lab import STORY, Lab, load
from kwlab.messages import say
from kwlab.watching.response import WatchFunction
from kwlab.wire import ListOptions


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

    _given: ClassVar[Counter[str]] = Counter()
    """How many hints were given, by name: who asks for an exercise anew goes on with its ladder."""

    def __init__(self, name: str, hints: int) -> None:
        self.name = name
        self._hints = hints

    def __repr__(self) -> str:
        return say("exercise.shown", name=self.name)

    def hint(self) -> Text:
        """Give the next hint; after the last one, the last one again.

        Returns
        -------
        Text
        """
        number = self._given[self.name] = min(self._given[self.name] + 1, self._hints)
        of = say("exercise.hint", number=number, hints=self._hints)
        return Text(f"{of} {say(f'{self.name}.hint{number}')}")

    def solution(self) -> Text:
        """Give the solution.

        Returns
        -------
        Text
        """
        return Text(say(f"{self.name}.solution", **self._facts()))

    def _facts(self) -> Mapping[str, object]:
        return {}


def judged_numbers(
    name: str, wrong: Mapping[str, str], answers: Mapping[str, object], facts: Mapping[str, object]
) -> Judgement:
    """Judge numbers that were asked for.

    Parameters
    ----------
    name : str
        Of the exercise.
    wrong : mapping of str to str
        For each question that was answered wrongly, the name of the misreading, or ``other``.
    answers : mapping of str to object
        What was answered, None where nothing was.
    facts : mapping of str to object
        For the sentences.

    Returns
    -------
    Judgement
    """
    if None in answers.values():
        return Judgement(Verdict.NOT_ATTEMPTED, say("exercise.numbers_missing", name=name))
    if not wrong:
        return Judgement(Verdict.CORRECT, say(f"{name}.correct", **facts))
    lines = [
        say(f"{name}.{question}.{why}", answer=answers[question], **facts)
        for question, why in wrong.items()
    ]
    first = next(iter(wrong.items()))
    # One mistake goes into the same line; several get a line each.
    text = ("\n" if lines[1:] else " ").join((say("exercise.not_yet"), *lines))
    return Judgement(Verdict.NOT_YET, text, misconception=".".join(first))


def is_number(answer: object) -> bool:
    """Tell whether an answer is a whole number; True is an int to Python, and no number.

    Parameters
    ----------
    answer : object

    Returns
    -------
    bool
    """
    return isinstance(answer, int) and not isinstance(answer, bool)


def misread(answer: object, expected: int, mistaken: Mapping[str, object]) -> str:
    """Name the misreading behind a number.

    Parameters
    ----------
    answer : object
    expected : int
    mistaken : mapping of str to object
        What each misreading gives.

    Returns
    -------
    str
        Empty when the answer is right, ``other`` when no misreading gives it.
    """
    if is_number(answer) and answer == expected:
        return ""
    return next((why for why, number in mistaken.items() if answer == number), "other")


def story_lab() -> Lab:
    """Open the story, apart from the learner's own lab.

    Returns
    -------
    Lab
    """
    return Lab(load(STORY))


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
