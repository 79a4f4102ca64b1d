"""One object that puts a recording behind the official client, and compares watch functions on it.

``open_lab()`` opens the story recording. A watch function is run by RetryWatcher against an
embedded API server, alone and on a clock of its own, so nothing races and every run is the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from kwlab import finding, history, recording, wire
from kwlab.errors import KwlabError, LabError, RecordingOver, WatchEnded, WatchFunctionError
from kwlab.finding import Guess, Run
from kwlab.history import History, Resource
from kwlab.log import Attempt, Log, Seen
from kwlab.messages import say
from kwlab.metrics import Count, count
from kwlab.response import WatchFunction, why_unreturned
from kwlab.retrywatcher import AttemptEnded, AttemptStarted, Delivered, Record, RetryWatcher
from kwlab.server import faults
from kwlab.server.door import HOST, Door, Session, every_door_to
from kwlab.strip.draw import picture
from kwlab.strip.widget import WatchStrip
from kwlab.table import Table
from kwlab.wire import LineDecoder, ListOptions, WatchEvent

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api
    from urllib3 import PoolManager

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


@dataclass(frozen=True, slots=True)
class _Stage:
    """Hold what is played behind the client; what was made has no name."""

    history: History
    namespace: str
    scenario: faults.Scenario
    name: str = ""

    @classmethod
    def of(cls, played: recording.Recording | History, scenario: Faults | None) -> _Stage:
        if isinstance(played, History):
            seen = (*played.objects, *(change.object for change in played.changes))
            namespace = seen[0].namespace if seen else "default"
            return cls(played, namespace, faults.parse(scenario or ()))
        header = played.header
        goes_wrong = faults.parse(header.scenario if scenario is None else scenario)
        return cls(history.from_recording(played), header.namespace, goes_wrong, header.name)

    def session(self, scenario: faults.Scenario | None = None) -> Session:
        """Begin at the start, with this stage's scenario unless another is given."""
        played = self.scenario if scenario is None else scenario
        return Session(faults.FaultyServer(self.history, played))


class Lab:
    """Put one recording, or one history that was made, behind the official client.

    Parameters
    ----------
    played : kwlab.recording.Recording or History
    """

    _played: ClassVar[_Stage | None] = None
    """What is played behind every lab: a learner's function may use any lab that it opened."""

    def __init__(self, played: recording.Recording | History) -> None:
        self._own = _Stage.of(played, None)
        self._door = Door(self._own.session())
        self._api: CoreV1Api | None = None

    @property
    def _stage(self) -> _Stage:
        return Lab._played or self._own

    @property
    def history(self) -> History:
        """Give the history that is played."""
        return self._stage.history

    @property
    def scenario(self) -> faults.Scenario:
        """Give what goes wrong in it, unless a comparison says otherwise."""
        return self._stage.scenario

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
        return self._stage.namespace

    @property
    def resource_version(self) -> str:
        """Give the list's resourceVersion at the start: the real one, opaque."""
        return self.history.resource_version

    @property
    def http(self) -> PoolManager:
        """Give the urllib3 pool under the official client, for code that uses another client.

        What is under :attr:`url` is reached through it, and through no other pool.
        """
        pool: PoolManager = self._door.client().rest_client.pool_manager
        return pool

    @property
    def url(self) -> str:
        """Give what stands in front of every path: no real address."""
        return HOST

    @property
    def requests_total(self) -> int:
        """Count the requests that reached the server since the run began."""
        return len(self._door.session.requests)

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
            What goes wrong; the recording's own when None.
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
        """
        if unnamed:
            raise LabError(say("lab.unnamed"))
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
        if guess is not None and not isinstance(guess, Guess):
            raise LabError(say("guess.kind", value=repr(guess)))
        played = self.scenario if scenario is None else faults.parse(scenario)
        try:
            runs = [self._watched(name, each, played) for name, each in functions.items()]
        except KwlabError:
            raise
        except Exception as error:
            # The learner's own error: show their frames, not the dozen of ours in front.
            raise error.with_traceback(_below_kwlab(error.__traceback__)) from None
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
        if name is None or not (name == "none" or name.startswith("rv@")):
            return name
        try:
            return self.history.resource_version_of(name)
        except ValueError as error:
            raise LabError(say("ask.version", reason=str(error))) from error

    def _open_watch(self, options: ListOptions) -> Any:
        resource = self.history.resources[0]
        path = watch_path(resource, self.namespace, options)
        return self.http.request("GET", self.url + path, preload_content=False)

    @contextlib.contextmanager
    def _opened(self, scenario: faults.Scenario) -> Iterator[Session]:
        """Lead every client to one session, and this one back to the start afterwards."""
        stage, session = self._stage, self._stage.session(scenario)
        try:
            with _behind_every_lab(stage, session):
                yield session
        finally:
            self._door.session = self._own.session()

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
    def playing(
        self, other: recording.Recording | History, *, scenario: Faults | None = None
    ) -> Iterator[None]:
        """Put something else behind every lab for a while; functions that use one need not know.

        Parameters
        ----------
        other : kwlab.recording.Recording or History
            Exercises try several recordings, and a cost is measured on a history that was made.
        scenario : sequence of faults, optional
            What goes wrong in it; the recording's own when None, and nothing in a history.

        Yields
        ------
        None

        Raises
        ------
        ScenarioError
            When the scenario cannot be played; the lab stays as it was.
        """
        stage = _Stage.of(other, scenario)
        with _behind_every_lab(stage, stage.session()):
            yield

    def __str__(self) -> str:
        return "\n".join(self._introduction())

    def __repr__(self) -> str:
        return str(self)

    def _introduction(self) -> Iterator[str]:
        end = self.history.state(len(self.history.changes))
        noun = self.history.resources[0]
        title = "lab.title_made" if self.history.is_made else "lab.title"
        yield say(title, name=self._stage.name, server=self.history.server)
        yield say(
            "lab.numbers",
            start=noun.named(len(self.history.objects)),
            changes=len(self.history.changes),
            seconds=f"{self.history.seconds:g}",
            end=noun.named(len(end)),
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


@contextlib.contextmanager
def _behind_every_lab(stage: _Stage, session: Session) -> Iterator[None]:
    kept, Lab._played = Lab._played, stage
    try:
        with every_door_to(session):
            yield
    finally:
        Lab._played = kept


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


def _below_kwlab(trace: TracebackType | None) -> TracebackType | None:
    """Cut off the frames of kwlab in front of the function's own."""
    below = trace
    while below is not None and below.tb_frame.f_globals.get("__package__", "") == __package__:
        below = below.tb_next
    return below or trace


def _exhaust(watcher: RetryWatcher) -> WatchEnded | None:
    try:
        with watcher:
            for _ in watcher:
                pass
    except RecordingOver as over:
        if why := why_unreturned(over):
            raise WatchFunctionError(why) from over
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


def _cut_words(cut: faults.Cut, past: History) -> str:
    at = f"{cut.moment(past):.0f}"
    if cut.away_seconds:
        return say("lab.cut_away", at=at, n=cut.away_seconds, seconds=f"{cut.away_seconds:g}")
    return say("lab.cut_instant", at=at)


_opened: Final[list[Lab]] = []
"""The lab that was opened last, if any: exercises play what they need behind it."""


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
