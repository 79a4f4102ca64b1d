"""What stands behind a lab: who plays the story, and who is asked.

A stage on a recording answers with the embedded server, each function alone and on a clock of
its own, so nothing races and every run is the same. :mod:`kwlab.cluster.stage` has the other one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from kwlab import history, recording
from kwlab.comparison import Answer
from kwlab.errors import LabError
from kwlab.finding import Run
from kwlab.history import History
from kwlab.messages import say
from kwlab.metrics import count
from kwlab.running import heard, watched
from kwlab.server import faults
from kwlab.server.door import Session, Way
from kwlab.watched import watched_by
from kwlab.watching.response import WatchFunction
from kwlab.wire import ListOptions

Faults = Sequence[faults.Fault | Mapping[str, Any]]

_Result = TypeVar("_Result")

Opens: TypeAlias = Callable[[ListOptions], Any]
"""Opens a watch of what the stage plays, and gives the open response."""


class Stage(Protocol):
    """Play a story for watch functions, and for whoever asks."""

    @property
    def history(self) -> History:
        """Give the story: what exists at the start, and what changes."""

    @property
    def namespace(self) -> str:
        """Give the namespace that it plays in."""

    @property
    def scenario(self) -> faults.Scenario:
        """Give what goes wrong in it."""

    @property
    def resource_version(self) -> str:
        """Give the list's resourceVersion at the start: the real one, opaque."""

    def title(self) -> str:
        """Say in one sentence what is played, and by whom."""

    def session(self) -> Way:
        """Give the way for requests between runs: it leads to the start of the story."""

    def run(
        self, functions: Mapping[str, WatchFunction], scenario: faults.Scenario
    ) -> tuple[list[Run], History]:
        """Play the story to each function; give how each did, and what happened."""

    def ask(self, at: float, resource_version: str | None, opens: Opens) -> Answer:
        """Play the story with nothing going wrong, and ask for a watch at one moment."""

    def close(self) -> None:
        """Remove what playing has left behind."""


@dataclass(frozen=True, slots=True)
class RecordedStage:
    """Play a recording on the embedded server; what was made has no name.

    Parameters
    ----------
    history : History
    namespace : str
    scenario : faults.Scenario
    name : str
    """

    history: History
    namespace: str
    scenario: faults.Scenario
    name: str = ""

    @classmethod
    def of(cls, played: recording.Recording | History, scenario: Faults | None) -> RecordedStage:
        """Set up a stage.

        Parameters
        ----------
        played : kwlab.recording.Recording or History
        scenario : sequence of faults or None
            The recording's own when None, and nothing in a history.

        Returns
        -------
        RecordedStage
        """
        if isinstance(played, History):
            seen = (*played.objects, *(change.object for change in played.changes))
            namespace = seen[0].namespace if seen else "default"
            return cls(played, namespace, faults.parse(scenario or ()))
        header = played.header
        goes_wrong = faults.parse(header.scenario if scenario is None else scenario)
        return cls(history.from_recording(played), header.namespace, goes_wrong, header.name)

    @property
    def resource_version(self) -> str:
        """Give the list's resourceVersion at the start: the real one, opaque."""
        return self.history.resource_version

    def title(self) -> str:
        """Say what is played."""
        key = "lab.title_made" if self.history.is_made else "lab.title"
        return say(key, name=self.name, server=self.history.server)

    def session(self, scenario: faults.Scenario | None = None) -> Session:
        """Begin at the start, with this stage's scenario unless another is given."""
        goes_wrong = self.scenario if scenario is None else scenario
        return Session(faults.FaultyServer(self.history, goes_wrong))

    def run(
        self, functions: Mapping[str, WatchFunction], scenario: faults.Scenario
    ) -> tuple[list[Run], History]:
        """Play the story to each function, one after the other."""
        return [self._run(name, each, scenario) for name, each in functions.items()], self.history

    def _run(self, name: str, function: WatchFunction, scenario: faults.Scenario) -> Run:
        session = self.session(scenario)
        act = partial(watched, name, function, self.resource_version)
        log, ended = playing(self, session, partial(act, clock=session.clock, asked=session))
        return Run(count(log, watched_by(log, self.history), self.history), ended)

    def ask(self, at: float, resource_version: str | None, opens: Opens) -> Answer:
        """Ask the embedded server at one moment, and hear it to the end of the recording."""
        version = real_version(resource_version, self.history)
        session = self.session(())
        session.clock.move_to(at)

        def act() -> Answer:
            response = opens(ListOptions(resource_version=version))
            events, refused = heard(response)
            return Answer(events, self.history, refused=refused)

        return playing(self, session, act)

    def close(self) -> None:
        """Do nothing: a recording leaves nothing behind."""


@dataclass(frozen=True, slots=True)
class Played:
    """Hold what is behind every lab in a run, for a function may use any lab that was opened."""

    stage: Stage
    way: Way


_played: Final[ContextVar[Played | None]] = ContextVar("_played", default=None)
"""Of the run that this code belongs to, and so of no other run on any other thread.

``asyncio`` takes it along into tasks and into ``to_thread``. A thread that a function starts
belongs to its run where it is given a copy of the context: ``Thread(target=copy_context().run,
args=(read,))``, or from Python 3.14 on with ``-X thread_inherit_context=1``.
"""


def played() -> Played | None:
    """Give what is behind every lab here; None outside of a run."""
    return _played.get()


def playing(stage: Stage, way: Way, act: Callable[[], _Result]) -> _Result:
    """Call what belongs to a run, and give what it gives.

    In a context of its own nothing has to be put back: no interrupt, at whatever instruction it
    comes, leaves a run behind.
    """

    def acting() -> _Result:
        _played.set(Played(stage, way))
        return act()

    return copy_context().run(acting)


def real_version(name: str | None, past: History) -> str | None:
    """Give the resourceVersion that a name such as ``rv@9`` stands for.

    Parameters
    ----------
    name : str or None
        A real one is given back as it is.
    past : History

    Returns
    -------
    str or None

    Raises
    ------
    LabError
        When the history has no such change.
    """
    if name is None or not (name == "none" or name.startswith("rv@")):
        return name
    try:
        return past.resource_version_of(name)
    except ValueError as error:
        raise LabError(say("ask.version", reason=str(error))) from error
