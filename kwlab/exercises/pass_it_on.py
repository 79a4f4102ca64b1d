"""Exercise 2: change one line of ``wrong``, so that it passes on what it was handed."""

from __future__ import annotations

from typing import Final

from kwlab.calls import methods_by_name
from kwlab.exercises.base import Exercise, wrong_function
from kwlab.history import Resource
from kwlab.judging import trials
from kwlab.judging.judge import Judgement, judge
from kwlab.judging.misconceptions import Task
from kwlab.lab import STORY, Lab, load
from kwlab.scope import Scope
from kwlab.watched import selected_by
from kwlab.watching.response import WatchFunction

PODS: Final = Resource("", "v1", "pods", "Pod")


@methods_by_name
class PassItOn(Exercise):
    """Try a watch function on two recordings with cuts and absences, and through a quiet time.

    Parameters
    ----------
    played_in : Lab
        Whose client the learner's function uses.
    """

    def __init__(self, played_in: Lab) -> None:
        super().__init__("pass-it-on", hints=3)
        self._lab = played_in

    def check(self, function: WatchFunction) -> Judgement:
        """Run a watch function through both recordings, and a time in which its pods are quiet.

        Parameters
        ----------
        function : callable
            The learner's; it uses the client of the lab that was opened last.

        Returns
        -------
        Judgement
        """
        namespace = load(STORY).header.namespace
        scope = Scope(f"/api/v1/namespaces/{namespace}/pods", "", "")
        quiet = trials.scripts(scope, PODS, namespace)[-1]
        task = Task(
            self.name,
            call="lab.api.list_namespaced_pod(…)",
            trials=(*trials.recordings(), quiet),
            selects=selected_by(scope, PODS),
            path=scope.path,
            stub=wrong_function(self._lab),
        )
        return judge(function, task, self._lab)
