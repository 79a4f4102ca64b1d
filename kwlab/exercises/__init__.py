"""Exercises: what a learner answers or writes is tried, and the answer names what broke.

``kwlab.exercise(name)`` gives one, with ``check``, ``hint`` and ``solution``. A function that is
written runs on several histories with several scenarios (:mod:`kwlab.judging`); a number that is
asked for is computed by asking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, overload

from kwlab import lab
from kwlab.calls import by_name
from kwlab.errors import LabError
from kwlab.exercises.base import Exercise as Exercise
from kwlab.exercises.base import Text as Text
from kwlab.exercises.four_starts import FourStarts
from kwlab.exercises.pass_it_on import PassItOn
from kwlab.exercises.read_the_strip import ReadTheStrip
from kwlab.exercises.write_it import WriteIt
from kwlab.judging.judge import Judgement as Judgement
from kwlab.judging.judge import Verdict as Verdict
from kwlab.messages import say

EXERCISES: Final[Mapping[str, Callable[[], Exercise]]] = {
    "read-the-strip": ReadTheStrip,
    "pass-it-on": lambda: PassItOn(lab.current_lab()),
    "four-starts": FourStarts,
    "write-it": lambda: WriteIt(lab.current_lab()),
}
"""Every exercise by its name, in the order in which the notebooks come to them."""


@overload
def exercise(name: Literal["read-the-strip"]) -> ReadTheStrip: ...


@overload
def exercise(name: Literal["pass-it-on"]) -> PassItOn: ...


@overload
def exercise(name: Literal["four-starts"]) -> FourStarts: ...


@overload
def exercise(name: Literal["write-it"]) -> WriteIt: ...


@by_name
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
    if str(name) not in EXERCISES:
        raise LabError(say("exercise.unknown", name=name, known=", ".join(EXERCISES)))
    return EXERCISES[name]()
