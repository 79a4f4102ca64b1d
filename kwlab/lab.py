"""One object that puts a recording behind the official client, and compares watch functions on it.

``open_lab()`` opens the story recording. A watch function is run by RetryWatcher against an
embedded API server, alone and on a clock of its own, so nothing races and every run is the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kwlab import finding, history, recording, wire
from kwlab.errors import LabError, RecordingOver, WatchEnded, WatchFunctionError
from kwlab.finding import Guess, Run
from kwlab.history import History, Resource
from kwlab.log import Attempt, Log, Seen
from kwlab.messages import say
from kwlab.metrics import Count, count
from kwlab.response import WatchFunction, is_preloading
from kwlab.retrywatcher import AttemptEnded, AttemptStarted, Delivered, Record, RetryWatcher
from kwlab.server import faults
from kwlab.server.door import Door, Session
from kwlab.strip.draw import picture
from kwlab.strip.widget import WatchStrip
from kwlab.table import Table
from kwlab.wire import LineDecoder, ListOptions, WatchEvent

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

STORY: Final = "pods-cut-twice"
"""The recording that ``open_lab()`` opens."""
FUNCTIONS_AT_MOST: Final = 3
"""More lanes than this do not fit one picture."""

Faults = Sequence[faults.Fault | Mapping[str, Any]]


class Comparison:
    """Hold how one to three watch functions did on one history.

    As text it is the finding; in a notebook the picture stands below it.

    Parameters
    ----------
    runs : sequence of Run
    history : History
    scenario : faults.Scenario
    guess : Guess or None
    """

    def __init__(
        self,
        runs: Sequence[Run],
        history: History,
        scenario: faults.Scenario,
        guess: Guess | None = None,
    ) -> None:
        self.runs = tuple(runs)
        self.history = history
        self.scenario = scenario
        self.guess = guess
        self._strip: WatchStrip | None = None

    @property
    def _counts(self) -> list[Count]:
        return [run.count for run in self.runs]

    @property
    def _notes(self) -> dict[str, str]:
        return {count.watcher: finding.note(count) for count in self._counts}

    def __getitem__(self, watcher: str) -> Run:
        """Give the run of one function by its name."""
        for run in self.runs:
            if run.count.watcher == watcher:
                return run
        known = ", ".join(run.count.watcher for run in self.runs)
        raise LabError(say("lab.no_such_watcher", watcher=watcher, known=known))

    @property
    def requests(self) -> Table:
        """Give what was handed to each function and what it asked, a row an attempt."""
        return finding.requests_table(self.runs, self.history, self.guess)

    @property
    def strip(self) -> WatchStrip:
        """Give the watch strip, to be scrubbed and stepped; always the same one."""
        if self._strip is None:
            self._strip = WatchStrip(self._counts, self.history, notes=self._notes)
        return self._strip

    def __str__(self) -> str:
        table = finding.counts_table(self.runs)
        lines = finding.sentences(self.runs, self.history, self.guess)
        return "\n".join((str(table), "", *lines))

    def __repr__(self) -> str:
        return str(self)

    def to_markdown(self) -> str:
        """Give the finding as Markdown, for a pull request.

        Returns
        -------
        str
        """
        table = finding.counts_table(self.runs).to_markdown()
        lines = finding.sentences(self.runs, self.history, self.guess)
        return "\n\n".join((table, *lines)) + "\n"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        table = finding.counts_table(self.runs).to_html()
        lines = tuple(finding.sentences(self.runs, self.history, self.guess))
        shown = picture(self._counts, self.history, notes=self._notes)
        return {
            "text/plain": str(self),
            "text/html": f"{table}{finding.paragraphs(lines)}{shown.to_html()}",
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what the server sends to one question, asked at one moment.

    Parameters
    ----------
    events : tuple of WatchEvent
        In order, bookmarks and ERROR events among them.
    history : History
    """

    events: tuple[WatchEvent, ...]
    history: History

    def __str__(self) -> str:
        if not self.events:
            return say("ask.silence")
        return str(self.to_table())

    def __repr__(self) -> str:
        return str(self)

    def to_table(self) -> Table:
        """Give a row an event: type, name, resourceVersion.

        Returns
        -------
        Table
        """
        rows = tuple(self._row(event) for event in self.events)
        heads = tuple(say(f"ask.{name}") for name in ("type", "name", "resource_version"))
        return Table(heads, rows, left=frozenset({0, 1, 2}))

    def _row(self, event: WatchEvent) -> tuple[str, str, str]:
        if event.status is not None:
            return event.type.value, f"{event.status.code} {event.status.reason}", ""
        return event.type.value, event.name, self.history.name_of(event.resource_version)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        shown = self.to_table().to_html() if self.events else finding.paragraphs([str(self)])
        return {"text/plain": str(self), "text/html": shown}


class Lab:
    """Put one recording behind the official client.

    Parameters
    ----------
    recording : kwlab.recording.Recording
    """

    def __init__(self, recording: recording.Recording) -> None:
        self._recording = recording
        self.history = history.from_recording(recording)
        self.scenario = faults.parse(recording.header.scenario)
        self._door = Door(self._session(self.scenario))
        self._api: CoreV1Api | None = None

    @property
    def api(self) -> CoreV1Api:
        """Give the official client; between runs it stands at the start of the recording."""
        if self._api is None:
            from kubernetes.client import CoreV1Api

            self._api = CoreV1Api(self._door.client())
        return self._api

    @property
    def namespace(self) -> str:
        """Give the namespace that was recorded."""
        return self._recording.header.namespace

    @property
    def resource_version(self) -> str:
        """Give the list's resourceVersion at the start: the real one, opaque."""
        return self.history.resource_version

    def compare(
        self,
        *,
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
            What goes wrong; the recording's own when None.
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
        """
        return self.compare_all(functions, guess=guess, scenario=scenario)

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
        if not 1 <= len(functions) <= FUNCTIONS_AT_MOST:
            raise LabError(say("lab.functions", n=len(functions), limit=FUNCTIONS_AT_MOST))
        for name, function in functions.items():
            if not callable(function):
                raise LabError(say("lab.not_callable", name=name, kind=type(function).__name__))
        played = self.scenario if scenario is None else faults.parse(scenario)
        runs = [self._watched(name, each, played) for name, each in functions.items()]
        return Comparison(runs, self.history, played, guess)

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
        name = getattr(function, "__name__", "watcher")
        return self.compare_all({name: function}, scenario=scenario)

    def ask(self, at: float, resource_version: str | None = None) -> Answer:
        """Ask the server for a watch at one moment, and hear it to the end of the recording.

        Nothing goes wrong on the way: the recording's cuts are left out.

        Parameters
        ----------
        at : float
            When, in seconds since the recording began.
        resource_version : str, optional
            Where to start: ``"rv@9"``, a real one, or None to ask for none.

        Returns
        -------
        Answer

        Raises
        ------
        LabError
            When the recording has no such moment.
        """
        if not 0 <= at <= self.history.seconds:
            raise LabError(say("ask.moment", at=f"{at:g}", seconds=f"{self.history.seconds:g}"))
        version = self._real_version(resource_version)
        with self._opened(()) as session:
            session.clock.move_to(at)
            options = ListOptions(resource_version=version)
            response = self._open_watch(options)
            return Answer(tuple(_until_over(response)), self.history)

    def _real_version(self, name: str | None) -> str | None:
        if name is None or not name.startswith("rv@"):
            return name
        try:
            return self.history.resource_version_of(name)
        except ValueError as error:
            raise LabError(say("ask.version", reason=str(error))) from error

    def _open_watch(self, options: ListOptions) -> Any:
        resource = self.history.resources[0]
        path = watch_path(resource, self.namespace, options)
        client = self._door.client()
        return client.rest_client.pool_manager.request(
            "GET", client.configuration.host + path, preload_content=False
        )

    def _session(self, scenario: faults.Scenario) -> Session:
        return Session(faults.FaultyServer(self.history, scenario))

    @contextlib.contextmanager
    def _opened(self, scenario: faults.Scenario) -> Iterator[Session]:
        """Lead the client to a session of its own, and back to the start afterwards."""
        session = self._session(scenario)
        self._door.session = session
        try:
            yield session
        finally:
            self._door.session = self._session(self.scenario)

    def _watched(self, name: str, function: WatchFunction, scenario: faults.Scenario) -> Run:
        with self._opened(scenario) as session:
            recorder = _Recorder(name, session)
            watcher = RetryWatcher(
                self.resource_version,
                function,
                clock=session.clock,
                # The same jitter in every run: a notebook gives the same text every time.
                random=lambda: 0.0,
                observer=recorder,
            )
            ended = _exhaust(watcher)
        return Run(count(recorder.log, self.history), ended)

    @contextlib.contextmanager
    def playing(self, other: recording.Recording) -> Iterator[None]:
        """Put another recording behind this lab for a while: exercises try several.

        Parameters
        ----------
        other : kwlab.recording.Recording

        Yields
        ------
        None
        """
        kept = self._recording, self.history, self.scenario
        self._recording = other
        self.history = history.from_recording(other)
        self.scenario = faults.parse(other.header.scenario)
        self._door.session = self._session(self.scenario)
        try:
            yield
        finally:
            self._recording, self.history, self.scenario = kept
            self._door.session = self._session(self.scenario)

    def __str__(self) -> str:
        return "\n".join(self._introduction())

    def __repr__(self) -> str:
        return str(self)

    def _introduction(self) -> Iterator[str]:
        header, end = self._recording.header, self.history.state(len(self.history.changes))
        noun = self.history.resources[0]
        yield say("lab.title", name=header.name, server=header.server)
        yield say(
            "lab.numbers",
            start=_of(noun, len(self.history.objects)),
            changes=len(self.history.changes),
            seconds=f"{self.history.seconds:g}",
            end=_of(noun, len(end)),
        )
        if cuts := [fault for fault in self.scenario if isinstance(fault, faults.Cut)]:
            moments = [_cut_words(cut, self.history) for cut in cuts]
            yield say("lab.cuts", n=len(cuts), cuts=", ".join(moments))

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        cuts = [
            (cut.moment(self.history), cut.away_seconds)
            for cut in self.scenario
            if isinstance(cut, faults.Cut)
        ]
        shown = picture([], self.history, cuts=cuts)
        lines = finding.paragraphs(tuple(self._introduction()))
        return {"text/plain": str(self), "text/html": f"{lines}{shown.to_html()}"}


class _Recorder:
    """Write down what RetryWatcher tells and what reached the server."""

    def __init__(self, name: str, session: Session) -> None:
        self.log = Log(name)
        self._session = session
        self._asked_before = 0

    def __call__(self, record: Record) -> None:
        match record:
            case Delivered():
                self.log.attempts[-1].delivered.append(Seen.of(record.event, record.at))
            case AttemptStarted():
                self._asked_before = len(self._session.requests)
                self.log.attempts.append(Attempt(record.at, record.handed))
            case AttemptEnded():
                attempt = self.log.attempts[-1]
                attempt.requests = self._session.requests[self._asked_before :]
                attempt.closed_at, attempt.close = record.closed_at, record.close
                attempt.status = record.code


def _exhaust(watcher: RetryWatcher) -> WatchEnded | None:
    try:
        with watcher:
            for _ in watcher:
                pass
    except RecordingOver as over:
        if is_preloading(over):
            raise WatchFunctionError(say("function.preloading")) from over
        return None
    except WatchEnded as ended:
        return ended
    return None


def _until_over(response: Any) -> Iterator[WatchEvent]:
    decoder = LineDecoder()
    with contextlib.suppress(RecordingOver), contextlib.closing(response):
        while chunk := response.read1():
            for event in decoder.feed(chunk):
                if isinstance(event, WatchEvent):
                    yield event


def watch_path(resource: Resource, namespace: str, options: ListOptions) -> str:
    """Give the path and query that watch a resource in a namespace.

    Parameters
    ----------
    resource : Resource
    namespace : str
    options : ListOptions

    Returns
    -------
    str
    """
    prefix = f"/apis/{resource.group}" if resource.group else "/api"
    return (
        f"{prefix}/{resource.version}/namespaces/{namespace}/{resource.plural}?"
        f"{wire.query(options.replace(), watch=True)}"
    )


def _of(resource: Resource, number: int) -> str:
    return f"{number} {resource.kind.lower() if number == 1 else resource.plural}"


def _cut_words(cut: faults.Cut, past: History) -> str:
    at = f"{cut.moment(past):.0f}"
    if cut.away_seconds:
        return say("lab.cut_away", at=at, n=cut.away_seconds, seconds=f"{cut.away_seconds:g}")
    return say("lab.cut_instant", at=at)


_opened: Final[list[Lab]] = []
"""The lab that was opened last, if any."""


def open_lab(recording_or_name: str | Path = STORY) -> Lab:
    """Open a recording.

    Parameters
    ----------
    recording_or_name : str or Path
        The name of a shipped recording, or a file of your own.

    Returns
    -------
    Lab

    Raises
    ------
    LabError
        When no shipped recording has that name.
    RecordingError
        When the file cannot be used; with file, line and reason.
    """
    _opened[:] = [Lab(load(recording_or_name))]
    return _opened[0]


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
    shipped = recording.shipped()
    text = str(recording_or_name)
    if text in shipped:
        return recording.load(shipped[text])
    if Path(text).suffix == "" and not Path(text).exists():
        raise LabError(say("lab.no_such_recording", name=text, known=", ".join(shipped)))
    return recording.load(recording_or_name)
