"""Exercise 2: change one line of ``wrong``, so that it passes on what it was handed."""

from __future__ import annotations

from kwlab.exercises.base import Exercise, wrong_function
from kwlab.judging import trials
from kwlab.judging.judge import Judgement, judge
from kwlab.judging.misconceptions import Task
from kwlab.lab import Lab
from kwlab.watching.response import WatchFunction


class PassItOn(Exercise):
    """Try a watch function on two recordings, with cuts and absences.

    Parameters
    ----------
    played_in : Lab
        Whose client the learner's function uses.
    """

    def __init__(self, played_in: Lab) -> None:
        super().__init__("pass-it-on", hints=3)
        self._lab = played_in

    def check(self, function: WatchFunction) -> Judgement:
        """Run a watch function through both recordings.

        Parameters
        ----------
        function : callable
            The learner's; it uses the client of the lab that was opened last.

        Returns
        -------
        Judgement
        """
        task = Task(
            self.name,
            call="lab.api.list_namespaced_pod(…)",
            trials=trials.recordings(),
            stub=wrong_function(self._lab),
        )
        return judge(function, task, self._lab)
