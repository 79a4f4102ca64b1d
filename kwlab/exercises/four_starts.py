"""Exercise 3: how many events a watch gets from each of four starts, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kwlab.exercises.base import Exercise, judged_numbers, misread, story_lab
from kwlab.judging.judge import Judgement

MOMENT_SECONDS: Final = 32.05
"""When the story's server can be reached again after its outage."""
FUTURE: Final = "999999999"
"""A resourceVersion that the story's cluster does not get to."""


class FourStarts(Exercise):
    """Ask how many events each of four starts gets; the answers come from asking the server."""

    def __init__(self) -> None:
        super().__init__("four-starts", hints=3)
        own = story_lab()
        versions = {"unset": None, "zero": "0", "list_rv": "rv@0", "future": FUTURE}
        self._expected = {
            start: len(own.ask(at=MOMENT_SECONDS, resource_version=version).events)
            for start, version in versions.items()
        }
        past = own.history
        before = past.happened(MOMENT_SECONDS)
        self._changes = len(past.changes)
        self._only_new = self._changes - before
        self._existing = len(past.state(before))

    def check(
        self,
        *,
        unset: int | None = None,
        zero: int | None = None,
        list_rv: int | None = None,
        future: int | None = None,
    ) -> Judgement:
        """Check four numbers: events from 32.05 s to the end of the story.

        Parameters
        ----------
        unset : int, optional
            Without a resourceVersion.
        zero : int, optional
            From resourceVersion "0".
        list_rv : int, optional
            From the resourceVersion of the list at the start.
        future : int, optional
            From one that is not reached.

        Returns
        -------
        Judgement
        """
        answers = {"unset": unset, "zero": zero, "list_rv": list_rv, "future": future}
        wrong = {
            start: why
            for start, mistaken in self._mistaken().items()
            if (why := misread(answers[start], self._expected[start], mistaken))
        }
        return judged_numbers(self.name, wrong, answers, self._facts())

    def _mistaken(self) -> Mapping[str, Mapping[str, object]]:
        new, all_of_them = self._only_new, self._changes
        return {
            "unset": {"only_new": new, "log": all_of_them, "nothing": 0},
            "zero": {"only_new": new, "log": all_of_them, "nothing": 0},
            "list_rv": {
                "only_new": new,
                "present": self._expected["unset"],
                "until_now": all_of_them - new,
            },
            "future": {"only_new": new, "log": all_of_them, "present": self._expected["unset"]},
        }

    def _facts(self) -> Mapping[str, object]:
        return {
            **self._expected,
            "at": f"{MOMENT_SECONDS:g}",
            "changes": self._changes,
            "new": self._only_new,
            "existing": self._existing,
        }
