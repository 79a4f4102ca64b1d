"""What all exercises have: a ladder of hints, and a solution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

from kwlab.calls import methods_by_name
from kwlab.comparison import Comparison
from kwlab.judging.judge import Judgement, Verdict
from kwlab.lab import STORY, Lab, load
from kwlab.messages import say
from kwlab.naming import listed
from kwlab.watching.response import WatchFunction
from kwlab.wire import ListOptions


class Text(str):
    """Show a string as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@methods_by_name
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
        return Text(f"{of} {say(f'{self.name}.hint{number}', **self._facts())}")

    def solution(self) -> Text:
        """Give the solution.

        Returns
        -------
        Text
        """
        return Text(say(f"{self.name}.solution", **self._facts()))

    def _facts(self) -> Mapping[str, object]:
        return {}


def judged_answers(
    name: str,
    answers: Mapping[str, object],
    wrong: Mapping[str, str],
    facts: Mapping[str, object],
    *,
    shown: Comparison | None = None,
) -> Judgement:
    """Judge the answers that were given, and name the blanks.

    Parameters
    ----------
    name : str
        Of the exercise.
    answers : mapping of str to object
        What was answered to each question, None where nothing was.
    wrong : mapping of str to str
        For each question that was answered, the name of the misreading; empty for a right answer.
    facts : mapping of str to object
        For the sentences.
    shown : Comparison, optional
        What proves the right answers: the picture below them.

    Returns
    -------
    Judgement
    """
    if not wrong:
        return Judgement(Verdict.NOT_ATTEMPTED, say("exercise.no_answers", name=name))
    if not any(wrong.values()) and len(wrong) == len(answers):
        return Judgement(Verdict.CORRECT, say(f"{name}.correct", **facts), shown)
    lines = [
        say(f"{name}.{question}.{why}", answer=answers[question], **facts)
        if why != "no_number"
        else say("exercise.not_a_number", question=question, answer=repr(answers[question]))
        for question, why in wrong.items()
        if why
    ]
    right = [question for question, why in wrong.items() if not why]
    blank = [question for question in answers if question not in wrong]
    for key, some in (("exercise.right", right), ("exercise.blank_answers", blank)):
        lines += [say(key, names=listed(some), n=len(some))] if some else []
    first = next((f"{question}.{why}" for question, why in wrong.items() if why), "")
    begins = say("exercise.not_yet" if first else "exercise.so_far")
    # One mistake goes into the same line; several get a line each.
    text = ("\n" if lines[1:] else " ").join((begins, *lines))
    return Judgement(Verdict.NOT_YET, text, misconception=first)


def misread(answer: object, expected: object, mistaken: Mapping[str, object]) -> str:
    """Name the misreading behind an answer.

    Parameters
    ----------
    answer : object
    expected : object
    mistaken : mapping of str to object
        What each misreading gives.

    Returns
    -------
    str
        Empty when the answer is right, ``other`` when no misreading gives it, ``no_number`` when
        a whole number was asked for and this is none.
    """
    for why, one in {"": expected, **mistaken}.items():
        # True is 1 to Python, and no number.
        if type(answer) is type(one) and answer == one:
            return why
    return "other" if type(answer) is type(expected) else "no_number"


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
