"""Exercise 1: what becomes of ``wrong`` on the story, had its second cut come two changes earlier.

The picture of the notebook shows the run as it was. This one is on no page before it is answered:
it is really run, and shown with the verdict.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from kwlab.calls import methods_by_name
from kwlab.exercises.base import Exercise, judged_answers, misread, story_lab, wrong_function
from kwlab.judging.judge import Judgement
from kwlab.metrics import Count, Fate

EARLIER: Final = (
    {"fault": "cut", "at": 15.0},
    # Less than the pause of the retry loop: it asks again after 1 s, before the next change.
    {"fault": "cut", "after_change": 7, "away_seconds": 0.9},
)
BACK: Final = 3
"""Which attempt came through after the second cut, from 0; the one before it met nobody."""


@methods_by_name
class ReadTheStrip(Exercise):
    """Ask what the run of ``wrong`` would have been with another cut."""

    def __init__(self) -> None:
        super().__init__("read-the-strip", hints=3)
        own = story_lab()
        wrong = wrong_function(own)
        self._was = own.compare(wrong=wrong).runs[0].count
        self._shown = own.compare(wrong=wrong, scenario=EARLIER)
        self._count = self._shown.runs[0].count

    def check(
        self, ghosts: object = None, never_came: object = None, came_again: object = None
    ) -> Judgement:
        """Check what would happen if the second cut came right after change 7, for a second.

        Parameters
        ----------
        ghosts : sequence of str, optional
            The pods that the program thinks exist at the end, and that are gone.
        never_came : int, optional
            The changes that never reach the program.
        came_again : int, optional
            The events after that cut that tell the program nothing new.

        Returns
        -------
        Judgement
            Of what was answered; what is None is named as open.
        """
        answers = {"ghosts": ghosts, "never_came": never_came, "came_again": came_again}
        wrong = {
            question: self._misread(question, answer)
            for question, answer in answers.items()
            if answer is not None
        }
        return judged_answers(self.name, answers, wrong, self._facts(), shown=self._shown)

    def _misread(self, question: str, answer: object) -> str:
        now, was = self._count, self._was
        if question == "ghosts":
            return self._misread_names(_names(answer))
        if question == "never_came":
            lost, before = len(now.lost), len(was.lost)
            mistaken = {"was": before, "neighbour": lost + 1, "added": lost + before}
            return misread(answer, lost, mistaken)
        again = _again(now)
        # One more, and it is counted what was deleted a moment before: it is not there any more.
        mistaken = {"was": _again(was), "gone": again + 1, "all": now.replayed}
        return misread(answer, again, mistaken)

    def _misread_names(self, names: frozenset[str] | None) -> str:
        if names is None:
            return "no_names"
        past = self._shown.history
        known = {one.name for one in (*past.objects, *(change.object for change in past.changes))}
        if names - known:
            return "unknown"
        if names & set(self._count.real):
            return "real"
        right, was = _ghosts(self._count), _ghosts(self._was)
        return misread(names, right, {"was": was, "added": was | right, "none": frozenset()})

    def _facts(self) -> Mapping[str, object]:
        count = self._count
        again = [
            seen.name
            for number, seen, fate in count.deliveries()
            if number == BACK and fate is Fate.REPLAYED
        ]
        return {
            "names": sorted(_ghosts(count)),
            "ghosts": ", ".join(sorted(_ghosts(count))),
            "told": ", ".join(sorted(_ghosts(self._was) - _ghosts(count))),
            "lost": len(count.lost),
            "n": len(again),
            "again": ", ".join(sorted(again)),
        }


def _ghosts(count: Count) -> frozenset[str]:
    return frozenset(ghost.name for ghost in count.ghosts)


def _names(answer: object) -> frozenset[str] | None:
    """Read names as people write them: a list, or one text with commas."""
    if isinstance(answer, str):
        return frozenset(re.findall(r"[^\s,]+", answer))
    if not isinstance(answer, list | tuple | set | frozenset):
        return None
    return frozenset(answer) if all(isinstance(name, str) for name in answer) else None


def _again(count: Count) -> int:
    return sum(receipt.fate is Fate.REPLAYED for receipt in count.receipts[BACK])
