"""One object that puts a story behind the official client, and compares watch functions on it.

``open_lab()`` opens the story recording; with the name of a context, a real cluster plays it. A
watch function is run by RetryWatcher, and what it was told is counted against what happened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from kwlab import finding, recording
from kwlab.calls import by_name, is_number, methods_by_name
from kwlab.comparison import Answer, Comparison
from kwlab.errors import KwlabError, LabError
from kwlab.finding import Guess
from kwlab.frames import cut
from kwlab.history import History, Resource
from kwlab.introduction import introduction
from kwlab.messages import say
from kwlab.running import watch_path
from kwlab.scope import Scope, in_words, path_of
from kwlab.server import faults
from kwlab.server.door import HOST, Door, Way
from kwlab.stage import Faults, RecordedStage, Stage, played
from kwlab.strip.draw import picture
from kwlab.watching.response import WatchFunction, live_by
from kwlab.wire import ListOptions

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, CoreV1Api
    from urllib3 import PoolManager

STORY: Final = "pods-cut-twice"
"""The recording that ``open_lab()`` opens."""
CONTEXT: Final = "KWLAB_CONTEXT"
"""The environment variable that names the context of a cluster."""
NAMESPACE: Final = "KWLAB_NAMESPACE"
"""The environment variable that names the namespace on it."""
FUNCTIONS_AT_MOST: Final = 3
"""More lanes than this do not fit one picture."""


@methods_by_name
class Lab:
    """Put one story behind the official client.

    Parameters
    ----------
    story : kwlab.recording.Recording, History or Stage
        What is played; of a stage, also by whom.
    scenario : sequence of faults, optional
        What goes wrong in a recording or history; the recording's own when None.

    Raises
    ------
    ScenarioError
        When the scenario cannot be played.
    """

    def __init__(
        self, story: recording.Recording | History | Stage, scenario: Faults | None = None
    ) -> None:
        if isinstance(story, recording.Recording | History):
            self._own: Stage = RecordedStage.of(story, scenario)
        elif hasattr(story, "session"):
            self._own = story
        else:
            raise LabError(say("lab.story", value=repr(story)))
        self._door = _Door(self._own.session())
        self._client: ApiClient | None = None
        self._api: CoreV1Api | None = None

    @property
    def _stage(self) -> Stage:
        run = played()
        return self._own if run is None else run.stage

    @property
    def history(self) -> History:
        """Give the history that is played; on a cluster, as it was recorded."""
        return self._stage.history

    @property
    def scenario(self) -> faults.Scenario:
        """Give what goes wrong in it, unless a comparison says otherwise."""
        return self._stage.scenario

    @property
    def api(self) -> CoreV1Api:
        """Give the official client; between runs it stands at the start of the story."""
        if self._api is None:
            from kubernetes.client import CoreV1Api

            self._api = CoreV1Api(self._api_client)
        return self._api

    @property
    def _api_client(self) -> ApiClient:
        if self._client is None:
            self._client = self._door.client()
        return self._client

    @property
    def namespace(self) -> str:
        """Give the namespace that the story plays in."""
        return self._stage.namespace

    @property
    def resource_version(self) -> str:
        """Give the list's resourceVersion at the start: the real one, opaque."""
        return self._stage.resource_version

    @property
    def http(self) -> PoolManager:
        """Give the urllib3 pool under the official client, for code that uses another client.

        What is under :attr:`url` is reached through it, and through no other pool.
        """
        pool: PoolManager = self._api_client.rest_client.pool_manager
        return pool

    @property
    def url(self) -> str:
        """Give what stands in front of every path: no real address."""
        return HOST

    @property
    def requests_total(self) -> int:
        """Count the requests that reached the server since the run began."""
        return len(self._door.here().requests)

    def compare(
        self,
        *unnamed: object,
        guess: Guess | None = None,
        scenario: Faults | None = None,
        **functions: WatchFunction,
    ) -> Comparison:
        """Run one to three watch functions on the same history, each alone.

        Parameters
        ----------
        guess : Guess, optional
            What you expect of the first one.
        scenario : sequence of faults, optional
            What goes wrong; the recording's own when None. On a cluster, cuts alone.
        *unnamed
            Refused: a lane needs a name.
        **functions : callable
            Each under a name of your choice.

        Returns
        -------
        Comparison

        Raises
        ------
        LabError
            For no function, more than three, or what is no function.
        WatchFunctionError
            When a function breaks its contract; it says what to write instead.
        ScenarioError
            When the scenario cannot be played.
        ClusterError
            When a real cluster refuses, or is not reached any more.
        """
        __tracebackhide__ = True
        if unnamed:
            raise LabError(say("lab.unnamed"))
        return self._compare(functions, guess, scenario)

    def compare_all(
        self,
        functions: Mapping[str, WatchFunction],
        *,
        guess: Guess | None = None,
        scenario: Faults | None = None,
    ) -> Comparison:
        """Run watch functions whose names are not known beforehand; else as :meth:`compare`.

        Parameters
        ----------
        functions : mapping of str to callable
        guess : Guess, optional
        scenario : sequence of faults, optional

        Returns
        -------
        Comparison
        """
        __tracebackhide__ = True
        if not isinstance(functions, Mapping):
            raise LabError(say("lab.mapping", value=repr(functions)))
        return self._compare(functions, guess, scenario)

    def _compare(
        self, functions: Mapping[str, WatchFunction], guess: Guess | None, scenario: Faults | None
    ) -> Comparison:
        __tracebackhide__ = True
        if not 1 <= len(functions) <= FUNCTIONS_AT_MOST:
            raise LabError(say("lab.functions", n=len(functions), limit=FUNCTIONS_AT_MOST))
        for name, function in functions.items():
            if not callable(function):
                raise LabError(say("lab.not_callable", name=name, kind=type(function).__name__))
        if guess is not None and not isinstance(guess, Guess):
            raise LabError(say("guess.kind", value=repr(guess)))
        goes_wrong = self._own.scenario if scenario is None else faults.parse(scenario)
        try:
            runs, happened = self._own.run(functions, goes_wrong)
        except KwlabError:
            raise
        except Exception as error:
            raise cut(error) from error.__cause__
        finally:
            self._door.way = self._own.session()
        return Comparison(runs, happened, goes_wrong, guess)

    def run(self, function: WatchFunction, *, scenario: Faults | None = None) -> Comparison:
        """Run one watch function under its own name.

        Parameters
        ----------
        function : callable
        scenario : sequence of faults, optional
            As for :meth:`compare`.

        Returns
        -------
        Comparison
            With one run.
        """
        __tracebackhide__ = True
        name = getattr(function, "__name__", "watcher")
        return self.compare_all({name: function}, scenario=scenario)

    def ask(
        self, *, at: float, resource_version: str | None = None, resource: str | None = None
    ) -> Answer:
        """Ask the server for a watch at one moment, and hear it to the end of the recording.

        Nothing goes wrong on the way: the recording's cuts are left out. Both go in by name, for a
        9 alone could be the moment or rv@9.

        Parameters
        ----------
        at : float
            When, in seconds since the recording began.
        resource_version : str, optional
            Where to start: ``"rv@9"``, a real one, or None to ask for none.
        resource : str, optional
            What to watch: ``"configmaps"``. The recording's first type when None.

        Returns
        -------
        Answer

        Raises
        ------
        LabError
            When the recording has no such moment, or no such type.
        """
        watched = self._resource(resource)
        if not is_number(at):
            raise LabError(say("ask.at", value=repr(at)))
        if not (resource_version is None or isinstance(resource_version, str)):
            raise LabError(say("ask.start", value=repr(resource_version)))
        if not 0 <= at <= self.history.seconds:
            raise LabError(say("ask.moment", at=f"{at:g}", seconds=f"{self.history.seconds:g}"))
        try:
            opens = partial(self._open_watch, watched)
            answer = self._own.ask(at, resource_version, opens)
        finally:
            self._door.way = self._own.session()
        if len(self.history.resources) == 1:
            return answer
        asked = Scope(path_of(watched, self.namespace), "", "")
        return replace(answer, asked=in_words(asked, self.history))

    def _open_watch(self, resource: Resource, options: ListOptions) -> Any:
        path = watch_path(resource, self.namespace, options)
        return self.http.request("GET", self.url + path, preload_content=False)

    def _resource(self, plural: str | None) -> Resource:
        known = {resource.plural: resource for resource in self.history.resources}
        if plural is None:
            return self.history.resources[0]
        if str(plural) not in known:
            raise LabError(say("ask.resource", resource=plural, known=", ".join(known)))
        return known[plural]

    def close(self) -> None:
        """Remove what was made on a cluster; a lab on a recording has nothing to remove."""
        self._own.close()

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __str__(self) -> str:
        return "\n".join(self._introduction())

    def __repr__(self) -> str:
        return str(self)

    def _introduction(self) -> Iterator[str]:
        yield self._stage.title()
        yield from introduction(self.history, self.scenario, self.namespace)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        cuts = [
            (cut.moment(self.history), cut.away_seconds)
            for cut in self.scenario
            if isinstance(cut, faults.Cut)
        ]
        shown = picture([], self.history, cuts=cuts)
        lines = finding.paragraphs(tuple(self._introduction()))
        return {"text/plain": str(self), "text/html": f"{lines}{shown.to_html()}"}


class _Door(Door):
    """Lead to the run that a request belongs to; outside of a run, where the lab stands."""

    def here(self) -> Way:
        run = played()
        return self.way if run is None else run.way

    def lead(self) -> Way:
        way = self.here()
        if way.clock is not None:
            live_by(way.clock)
        return way


_opened: Final[list[Lab]] = []
"""The lab that was opened last, if any: exercises play what they need behind it."""


@by_name
def open_lab(
    recording: str | Path = STORY,
    *,
    context: str | None = None,
    namespace: str | None = None,
) -> Lab:
    """Open a recording, or have a real cluster play it.

    Parameters
    ----------
    recording : str or Path
        The name of a shipped recording, or a file of your own.
    context : str, optional
        A context of your kubeconfig, or ``in-cluster`` for the service account of the pod that
        this runs in. When None, the environment variable ``KWLAB_CONTEXT`` counts. Where both
        are empty, no cluster is touched.
    namespace : str, optional
        Which namespace of the cluster kwlab may use. When None, ``KWLAB_NAMESPACE`` counts; then
        the service account's own, or ``kwlab``. It is made if it is not there, and refused if it
        is there without kwlab's label.

    Returns
    -------
    Lab

    Raises
    ------
    LabError
        When no shipped recording has that name.
    RecordingError
        When the file cannot be used; with file, line and reason.
    ClusterError
        When the cluster cannot be used; it says what to do.
    """
    for name, value in (("context", context), ("namespace", namespace)):
        if not (value is None or isinstance(value, str)):
            raise LabError(say("lab.text", name=name, value=repr(value)))
    story = load(recording)
    named = os.environ.get(CONTEXT) if context is None else context
    if named:
        from kwlab.cluster.stage import open_stage

        opened = Lab(open_stage(story, named, namespace or os.environ.get(NAMESPACE)))
    else:
        opened = Lab(story)
    _opened[:] = [opened]
    return opened


def current_lab() -> Lab:
    """Give the lab that was opened last: exercises play their recordings in it.

    Returns
    -------
    Lab

    Raises
    ------
    LabError
        When none was opened.
    """
    if not _opened:
        raise LabError(say("lab.none"))
    return _opened[0]


def load(recording_or_name: str | Path) -> recording.Recording:
    """Load a shipped recording by its name, or a file.

    Parameters
    ----------
    recording_or_name : str or Path

    Returns
    -------
    Recording

    Raises
    ------
    LabError
        When it looks like a name and no shipped recording has it.
    RecordingError
        When the file cannot be used.
    """
    if not isinstance(recording_or_name, str | Path):
        raise LabError(say("call.path", value=repr(recording_or_name)))
    shipped = recording.shipped()
    text = str(recording_or_name)
    if text in shipped:
        return recording.load(shipped[text])
    if Path(text).suffix == "" and not os.path.exists(text):  # noqa: PTH110 — a long name raises no error
        raise LabError(say("lab.no_such_recording", name=text, known=", ".join(shipped)))
    return recording.load(recording_or_name)
