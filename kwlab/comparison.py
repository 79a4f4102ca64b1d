"""What a comparison or a question found, with all its faces: text, table, picture, Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kwlab import finding
from kwlab.calls import methods_by_name
from kwlab.errors import LabError
from kwlab.finding import Guess, Run
from kwlab.history import History
from kwlab.messages import say
from kwlab.metrics import Count
from kwlab.server import faults
from kwlab.strip.draw import picture
from kwlab.strip.widget import WatchStrip
from kwlab.table import Table
from kwlab.wire import Status, WatchEvent


@methods_by_name
class Comparison:
    """Hold how one to three watch functions did on one history.

    As text it is the finding; in a notebook the picture stands below it.

    Parameters
    ----------
    runs : sequence of Run
    history : History
        All that was recorded; each run was counted against what its function asked about.
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
    asked : str
        What it was about; empty where there is but one thing to ask for.
    refused : Status or None
        What the server said where it refused the request.
    """

    events: tuple[WatchEvent, ...]
    history: History
    asked: str = ""
    refused: Status | None = None

    def __str__(self) -> str:
        told = [str(self.to_table())] if self.events else []
        return "\n".join((*self._asked(), *told, *self._said()))

    def _asked(self) -> tuple[str, ...]:
        return (say("ask.asked", what=self.asked),) if self.asked else ()

    def _said(self) -> tuple[str, ...]:
        """Say what the server said: in place of events, or as the last one."""
        said = self.refused or (self.events[-1].status if self.events else None)
        if said is None:
            return () if self.events else (say("ask.silence"),)
        key = "ask.refused" if self.refused else "ask.ended"
        what = f"{said.code} {said.reason}".rstrip()
        return (say(key, status=what, message=self.history.in_names(said.message)),)

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
        name = self.history.name_of(event.resource_version)
        # What existed at the start was changed last before that, at moments that have no name.
        known = say("ask.before") if name == event.resource_version else name
        return event.type.value, event.name, known

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        told = self.to_table().to_html() if self.events else ""
        shown = finding.paragraphs(self._asked()) + told + finding.paragraphs(self._said())
        return {"text/plain": str(self), "text/html": shown}
