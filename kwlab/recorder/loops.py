"""A wrong and a correct watch loop beside a recording: what each asked, and what it was sent.

Each of their attempts is a line of a second file::

    {"loop": "wrong", "path": "/api/v1/namespaces/lab/pods", "asked": 3.021,
     "query": {"timeoutSeconds": "3", "watch": "true"},
     "lines": [{"t": 3.027, "line": "{…}"}], "closed": 6.024}

so that whoever replays the recording can ask the same at the same time, and compare.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from kwlab.recorder.asking import Source
from kwlab.recorder.journal import Journal, Redact
from kwlab.recorder.wholelines import WholeLines
from kwlab.recording import ResourceEntry, rank
from kwlab.watching.clock import RealClock
from kwlab.watching.response import events
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import EventType, ListOptions, WatchEvent, changed_object

WRONG: Final = "wrong"
CORRECT: Final = "correct"


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """Say how the loops beside a recording watch.

    Parameters
    ----------
    timeout_seconds : int
        After which the server ends each watch, in seconds.
    away_seconds : float
        How long each loop stays away then, in seconds: what changes meanwhile is what a wrong
        one loses.
    """

    timeout_seconds: int
    away_seconds: float


class Attempts:
    """Write what loops asked and were sent.

    Parameters
    ----------
    path : Path
        A new ``.jsonl`` or ``.jsonl.gz`` file.
    redact : callable
        Applied to every object.
    """

    def __init__(self, path: Path, redact: Redact) -> None:
        self._lines = WholeLines(path)
        self._redact = redact

    @property
    def path(self) -> Path:
        """Give the file."""
        return self._lines.path

    def add(self, attempt: _Attempt) -> None:
        """Write an attempt that is over."""
        lines = [
            {"t": at, "line": changed_object(event, self._redact(event.object_bytes)).decode()}
            for at, event in attempt.sent
        ]
        value = {
            "loop": attempt.loop,
            "path": attempt.path,
            "asked": attempt.asked,
            "query": attempt.query,
            "lines": lines,
            "closed": attempt.closed,
        }
        self._lines.append(msgspec.json.encode(value))

    def close(self) -> None:
        """Close the file."""
        self._lines.close()


@dataclass(slots=True)
class _Attempt:
    loop: str
    path: str
    asked: float
    query: dict[str, str] = field(default_factory=dict)
    sent: list[tuple[float, WatchEvent]] = field(default_factory=list)
    closed: float = 0.0


class Loop:
    """Run one watch function under RetryWatcher, in a thread of its own.

    Parameters
    ----------
    name : str
        ``wrong`` drops the resourceVersion that it is handed, ``correct`` passes it on.
    source : Source
    resource : ResourceEntry
    options : LoopOptions
    journal : Journal
    attempts : Attempts
    failed : callable
        Called with its name and with what ends it before it is stopped.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        resource: ResourceEntry,
        options: LoopOptions,
        journal: Journal,
        attempts: Attempts,
        failed: Callable[[str, Exception], None],
    ) -> None:
        self.name, self.resource = name, resource
        self._source, self._options = source, options
        self._journal, self._attempts, self._failed = journal, attempts, failed
        self._clock = RealClock()
        self._is_stopping = False
        self._watcher: RetryWatcher | None = None
        self._pause_seconds = 0.0
        self._thread = threading.Thread(target=self._run, name=f"kwlab-{name}", daemon=True)
        self.reached = ""

    def start(self, resource_version: str, *, after_seconds: float) -> None:
        """Begin at a resourceVersion, in so many seconds."""
        self._pause_seconds = after_seconds
        self._watcher = RetryWatcher(resource_version, self._watch)
        self._thread.start()

    def stop(self) -> None:
        """Close its watch, and wait until what it was sent is written."""
        self._is_stopping = True
        self._clock.wake()
        if self._watcher is not None:
            self._watcher.stop()
            self._thread.join()

    def _run(self) -> None:
        assert self._watcher is not None
        try:
            with self._watcher as watcher:
                for event in watcher:
                    self.reached = max(self.reached, event.resource_version, key=rank)
        except Exception as error:
            self._failed(self.name, error)

    def _watch(self, options: ListOptions) -> Iterator[WatchEvent]:
        self._clock.sleep(self._pause_seconds)
        self._pause_seconds = self._options.away_seconds
        if self._is_stopping:
            return
        timeout = self._options.timeout_seconds
        kept = options if self.name == CORRECT else ListOptions()
        attempt = _Attempt(self.name, self._source.path(self.resource), self._journal.at())
        response = self._source.watch(self.resource, kept.replace(timeout_seconds=timeout))
        attempt.query = _query(response)
        try:
            for event in events(response):
                attempt.sent.append((self._journal.at(), event))
                if event.type is EventType.BOOKMARK:
                    self._journal.progress(event.resource_version)
                yield event
        finally:
            attempt.closed = self._journal.at()
            self._attempts.add(attempt)


def _query(response: Any) -> dict[str, str]:
    """Read what was really asked."""
    return dict(parse_qsl(urlsplit(response.response.url).query))
