"""Exercise 4: a watch function from memory, for other objects than those of the notebook."""

from __future__ import annotations

from typing import Final

from kwlab.calls import methods_by_name
from kwlab.exercises.base import Exercise
from kwlab.history import Resource
from kwlab.judging import trials
from kwlab.judging.judge import Judgement, judge
from kwlab.judging.misconceptions import Task
from kwlab.lab import Lab
from kwlab.scope import Scope
from kwlab.watched import selected_by
from kwlab.watching.response import WatchFunction

SELECTOR: Final = "app=web"
CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")


@methods_by_name
class WriteIt(Exercise):
    """Try a watch function for the ConfigMaps of all namespaces with one label.

    Parameters
    ----------
    played_in : Lab
        Whose client the learner's function uses.
    """

    def __init__(self, played_in: Lab) -> None:
        super().__init__("write-it", hints=3)
        self._lab = played_in

    def check(self, function: WatchFunction) -> Judgement:
        """Run a watch function through four fault scripts.

        Parameters
        ----------
        function : callable
            The learner's: ``lab.api.list_config_map_for_all_namespaces``, with
            ``label_selector="app=web"``, on the lab that was opened last.

        Returns
        -------
        Judgement
        """
        scope = Scope("/api/v1/configmaps", SELECTOR, "")
        task = Task(
            self.name,
            call="lab.api.list_config_map_for_all_namespaces(…)",
            trials=trials.scripts(scope, CONFIG_MAPS, self._lab.namespace),
            selects=selected_by(scope, CONFIG_MAPS),
            path=scope.path,
        )
        return judge(function, task, self._lab)
