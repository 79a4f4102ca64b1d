"""Exercises: each known-wrong answer gets the sentence that is meant for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import kwlab
from kwlab.errors import LabError
from kwlab.exercises import Verdict
from kwlab.lab import Lab
from tests import watch_functions as functions


@pytest.fixture
def lab() -> Lab:
    return kwlab.open_lab()


def test_the_strip_is_not_read_before_numbers_are_given() -> None:
    """None in any place means not attempted."""
    judged = kwlab.exercise("read-the-strip").check(replayed_after_first_cut=3)
    expected = "Not attempted yet: put a number in place of None. ex.hint() helps."
    assert (judged.verdict, str(judged)) == (Verdict.NOT_ATTEMPTED, expected)


def test_the_strip_is_read() -> None:
    """Three, four and two are what the strip shows."""
    judged = kwlab.exercise("read-the-strip").check(
        replayed_after_first_cut=3, lost_while_away=4, ghosts=2
    )
    assert judged.verdict is Verdict.CORRECT
    assert "(web-2, web-4, web-9)" in str(judged)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (
            (7, 4, 2),
            "7 is all that was replayed; the strip's first cut replays 3: web-2, web-4, web-9.",
        ),
        ((9, 4, 2), "9 is not what came again"),
        ((3, 2, 2), "2 are only the deletions; each was preceded by a change that is lost too."),
        ((3, 9, 2), "9 is not what was lost"),
        ((3, 4, 3), "3 is all that it believes in; web-9 is real."),
        ((3, 4, 4), "4 changes were lost, but a ghost is a pod"),
        ((3, 4, 9), "9 is not the number of ghosts"),
    ],
)
def test_a_misread_strip_gets_its_own_sentence(answers: tuple[int, ...], says: str) -> None:
    """A wrong number is answered with the misreading behind it, and with nothing else."""
    names = ("replayed_after_first_cut", "lost_while_away", "ghosts")
    judged = kwlab.exercise("read-the-strip").check(**dict(zip(names, answers, strict=True)))
    assert judged.verdict is Verdict.NOT_YET
    assert str(judged).startswith(f"Not yet: {says}")


def test_the_stub_is_not_an_attempt(lab: Lab) -> None:
    """A function that still does what the wrong one does is not attempted."""
    judged = kwlab.exercise("pass-it-on").check(functions.wrong(lab))
    assert judged.verdict is Verdict.NOT_ATTEMPTED
    assert str(judged).endswith("still does what wrong does.")


def test_the_solution_is_correct(lab: Lab) -> None:
    """The solution passes on both recordings, over all their reconnects."""
    judged = kwlab.exercise("pass-it-on").check(functions.correct(lab))
    expected = (
        "Correct. 2 recordings, 18 reconnects: every request carried what it was handed; "
        "nothing twice; no deletion lost."
    )
    assert (judged.verdict, str(judged)) == (Verdict.CORRECT, expected)


@pytest.mark.parametrize(
    ("known_wrong", "says"),
    [
        (functions.pinned, "you ask for the list's resourceVersion each time: 27 events, 13 of"),
        (functions.zero, "a resourceVersion of 0 means “any state you have”"),
        (functions.dedup, "nothing came twice, but 4 changes are still lost, 2 of them deletions"),
        (functions.bare, "connection 1 was handed rv@0 and asked for none"),
        (
            functions.one_up,
            "connection 1 was handed rv@0 and asked for a resourceVersion that nobody gave it",
        ),
        (functions.nothing, "The watch function returned nothing: end it with `return`"),
        (functions.preloaded, "The client was still reading the watch to its end"),
        (functions.camel, "There is no resourceVersion: the Python client spells it"),
        (functions.misspelt, "<lambda> raised NameError: name 'optoins' is not defined"),
    ],
)
def test_a_known_wrong_function_gets_its_own_sentence(
    lab: Lab, known_wrong: Callable[[Lab], Any], says: str
) -> None:
    """Each popular mistake is named, and no other is."""
    judged = kwlab.exercise("pass-it-on").check(known_wrong(lab))
    assert judged.verdict is Verdict.NOT_YET
    assert str(judged).startswith(f"Not yet: {says}")


def test_a_broken_property_is_shown(lab: Lab) -> None:
    """A verdict about behaviour carries the strip that shows it."""
    judged = kwlab.exercise("pass-it-on").check(functions.zero(lab))
    assert "<img" in judged._repr_mimebundle_()["text/html"]


def test_the_lab_is_as_it_was_after_a_check(lab: Lab) -> None:
    """Exercises play other recordings in the learner's lab, and put its own back."""
    before = str(lab)
    kwlab.exercise("pass-it-on").check(functions.misspelt(lab))
    assert str(lab) == before


@pytest.mark.parametrize("name", ["read-the-strip", "pass-it-on"])
def test_hints_are_a_ladder(lab: Lab, name: str) -> None:
    """Hints come one after the other, the last one stays, and no template is left open."""
    ex = kwlab.exercise(name)
    given = [str(ex.hint()) for _ in range(4)]
    assert [text[:10] for text in given] == ["Hint 1 of ", "Hint 2 of ", "Hint 3 of ", "Hint 3 of "]
    assert "{" not in "".join(given) + str(ex.solution())


def test_an_unknown_exercise_is_refused() -> None:
    """A name that no exercise has is answered with the names that there are."""
    with pytest.raises(LabError, match="There is read-the-strip, pass-it-on"):
        kwlab.exercise("read-the-tape")
