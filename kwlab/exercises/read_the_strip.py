"""Exercise 1: three numbers that the strip of ``wrong`` on the story shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kwlab.errors import LabError
from kwlab.exercises.base import (
    Exercise,
    is_number,
    judged_numbers,
    misread,
    story_lab,
    wrong_function,
)
from kwlab.judging.judge import Judgement, Verdict
from kwlab.messages import say
from kwlab.metrics import Count, Fate

AFTER_FIRST_CUT: Final = 1
AFTER_SECOND_CUT: Final = 3
"""Which attempt that is, from 0; the one between the two met nobody."""


class ReadTheStrip(Exercise):
    """Ask for three numbers that the strip of ``wrong`` on the story shows."""

    def __init__(self) -> None:
        super().__init__("read-the-strip", hints=3)
        own = story_lab()
        self._count = own.compare(wrong=wrong_function(own)).runs[0].count

    def check(
        self,
        *unnamed: object,
        replayed_after_second_cut: int | None = None,
        lost_while_away: int | None = None,
        ghosts: int | None = None,
    ) -> Judgement:
        """Check three numbers.

        Parameters
        ----------
        *unnamed
            Refused: which number is which would be a guess.
        replayed_after_second_cut : int, optional
            Events that told nothing new, on the connection after the second cut.
        lost_while_away : int, optional
            Changes that were never delivered.
        ghosts : int, optional
            Pods that the program believes in and that are gone.

        Returns
        -------
        Judgement

        Raises
        ------
        LabError
            For a number without a name.
        """
        if unnamed:
            names = ", ".join(f"{name}=…" for name in self._parts())
            raise LabError(say("exercise.by_name", names=names))
        answers = {
            "replayed_after_second_cut": replayed_after_second_cut,
            "lost_while_away": lost_while_away,
            "ghosts": ghosts,
        }
        for question, answer in answers.items():
            if answer is not None and not is_number(answer):
                text = say("exercise.not_a_number", question=question, answer=repr(answer))
                return Judgement(Verdict.NOT_YET, f"{say('exercise.not_yet')} {text}")
        wrong = {
            name: why
            for name, (expected, mistaken) in self._parts().items()
            if (why := misread(answers[name], expected, mistaken))
        }
        return judged_numbers(self.name, wrong, answers, self._facts())

    def _parts(self) -> dict[str, tuple[int, Mapping[str, object]]]:
        """Give each number that is asked for, and the wrong ones that have a reason."""
        count = self._count
        lost, ghosts = len(count.lost), len(count.ghosts)
        return {
            "replayed_after_second_cut": (
                _again(count, AFTER_SECOND_CUT),
                {"all": count.replayed, "first": _again(count, AFTER_FIRST_CUT)},
            ),
            "lost_while_away": (lost, {"deletions": count.lost_deletions}),
            "ghosts": (ghosts, {"believed": len(count.believed), "lost": lost}),
        }

    def _facts(self) -> Mapping[str, object]:
        count = self._count
        again = [
            seen.name
            for number, seen, fate in count.deliveries()
            if number == AFTER_SECOND_CUT and fate is Fate.REPLAYED
        ]
        return {
            "n": len(again),
            "again": ", ".join(again),
            "lost": len(count.lost),
            "deletions": count.lost_deletions,
            "ghosts": len(count.ghosts),
            "ghost_names": ", ".join(ghost.name for ghost in count.ghosts),
            "real": ", ".join(count.real),
        }


def _again(count: Count, attempt: int) -> int:
    return count.fates[attempt].count(Fate.REPLAYED)
