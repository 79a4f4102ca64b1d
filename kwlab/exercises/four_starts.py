"""Exercise 3: how many events a watch gets from each of four starts, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kwlab.calls import methods_by_name
from kwlab.exercises.base import Exercise, judged_answers, misread, story_lab
from kwlab.judging.judge import Judgement

MOMENT_SECONDS: Final = 27.0
"""A moment of which the notebook has shown nothing; between the two outages of the story."""
SHOWN_SECONDS: Final = 32.05
"""The moment at which the notebook's own cells ask, without a resourceVersion and from rv@9."""
FUTURE: Final = "999999999"
"""A resourceVersion that the story's cluster does not get to."""


@methods_by_name
class FourStarts(Exercise):
    """Ask how many events each of four starts gets; the answers come from asking the server."""

    def __init__(self) -> None:
        super().__init__("four-starts", hints=3)
        own = story_lab()
        versions = {"unset": None, "zero": "0", "rv_4": "rv@4", "future": FUTURE}
        self._expected = {
            start: len(own.ask(at=MOMENT_SECONDS, resource_version=version).events)
            for start, version in versions.items()
        }
        self._shown = [
            len(own.ask(at=SHOWN_SECONDS, resource_version=version).events)
            for version in (None, "rv@9")
        ]
        past = own.history
        before = past.happened(MOMENT_SECONDS)
        self._changes = len(past.changes)
        self._only_new = self._changes - before
        self._existing = len(past.state(before))

    def check(
        self,
        unset: int | None = None,
        zero: int | None = None,
        rv_4: int | None = None,
        future: int | None = None,
    ) -> Judgement:
        """Check four numbers: events from 27 s to the end of the story.

        Parameters
        ----------
        unset : int, optional
            Without a resourceVersion.
        zero : int, optional
            From resourceVersion "0".
        rv_4 : int, optional
            From the resourceVersion of the fourth change.
        future : int, optional
            From one that is not reached.

        Returns
        -------
        Judgement
            Of what was answered; what is None is named as open.
        """
        answers = {"unset": unset, "zero": zero, "rv_4": rv_4, "future": future}
        wrong = {
            start: misread(answers[start], self._expected[start], mistaken)
            for start, mistaken in self._mistaken().items()
            if answers[start] is not None
        }
        return judged_answers(self.name, answers, wrong, self._facts())

    def _mistaken(self) -> Mapping[str, Mapping[str, object]]:
        new, all_of_them = self._only_new, self._changes
        present, since = self._expected["unset"], self._expected["rv_4"]
        shown, shown_since = self._shown
        unasked = {
            "only_new": new,
            "log": all_of_them,
            "existing": self._existing,
            "nothing": 0,
            "shown": shown,
        }
        return {
            "unset": unasked,
            "zero": unasked,
            "rv_4": {
                "only_new": new,
                "log": all_of_them,
                "present": present,
                "until_now": since - new,
                "shown": shown_since,
            },
            "future": {"only_new": new, "log": all_of_them, "present": present, "error": "error"},
        }

    def _facts(self) -> Mapping[str, object]:
        return {
            **self._expected,
            "at": f"{MOMENT_SECONDS:g}",
            "shown": f"{SHOWN_SECONDS:.0f}",
            "changes": self._changes,
            "new": self._only_new,
            "existing": self._existing,
        }
