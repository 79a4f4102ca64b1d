"""List, then watch for so long, and write down what changes and when.

The recorder's own watches are RetryWatcher's: cut, they go on from where they were. What changed
meanwhile is recorded at the time at which it was told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kwlab import recording
from kwlab.cluster.connection import Connection
from kwlab.errors import LabError, RecordingError
from kwlab.log import Close
from kwlab.messages import say
from kwlab.recorder.asking import Source
from kwlab.recorder.journal import Journal, Redact
from kwlab.recorder.loops import CORRECT, WRONG, Attempts, Loop, LoopOptions
from kwlab.recorder.wholelines import check_free
from kwlab.recording import Header, Item, ResourceEntry, rank
from kwlab.watching.clock import RealClock
from kwlab.watching.observer import AttemptEnded, Record
from kwlab.watching.response import events
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import EventType, ListOptions, WatchEvent

SUFFIXES: Final = (".jsonl", ".jsonl.gz")
WATCH_SECONDS: Final = 300
"""client-go's Reflector asks for 5 to 10 minutes (v0.37.2, ``reflector.go``)."""
PROGRESS_SECONDS: Final = 5.0
PROGRESS_LINES: Final = 20
"""It is said every five seconds how it goes; of a long recording, so many times."""
APART_SECONDS: Final = 0.2
"""Loops that ask in one instant would not show which changes came before it."""
CATCH_UP_SECONDS: Final = 2.0
"""How long the recording may take to be told what a loop beside it was told."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Say what to record.

    Parameters
    ----------
    resources : tuple of ResourceEntry
    namespace : str
    seconds : float
    selector : str
        A label selector; empty for everything.
    is_from_nothing : bool
        Whether there may be no object at the start.
    loops : LoopOptions or None
        How a wrong and a correct loop watch beside it; None for no loops.
    scenario : tuple of dict
        What goes wrong when the recording is played.
    redact : callable
        Applied to every object before it is written.
    """

    resources: tuple[ResourceEntry, ...]
    namespace: str
    seconds: float
    selector: str = ""
    is_from_nothing: bool = False
    loops: LoopOptions | None = None
    scenario: tuple[dict[str, Any], ...] = ()
    redact: Redact = bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """Say what was recorded.

    Parameters
    ----------
    path : Path
    attempts : Path or None
        What the loops were sent.
    objects_total, changes_total : int
    seconds : float
    """

    path: Path
    attempts: Path | None
    objects_total: int
    changes_total: int
    seconds: float


class Recorder:
    """Record a cluster once: made, it has listed what exists; :meth:`run` writes what changes.

    Parameters
    ----------
    connection : Connection
    wanted : Wanted
    path : Path
        A new file, ``.jsonl`` or ``.jsonl.gz``.
    tell : callable
        Called with each sentence about how it goes.

    Raises
    ------
    ClusterError
        When the cluster refuses or is not reached; there is no file then.
    LabError
        When nothing exists, and that was not expected.
    RecordingError
        When the file exists already, or cannot be written.
    """

    def __init__(
        self, connection: Connection, wanted: Wanted, path: Path, tell: Callable[[str], None]
    ) -> None:
        check_target(path, has_loops=wanted.loops is not None)
        self._wanted, self._path, self._tell = wanted, path, tell
        self._source = Source(connection, wanted.namespace, wanted.selector)
        self._clock = RealClock()
        self._is_stopping = False
        self._failure: Exception | None = None
        self._began, recorded = time.monotonic(), datetime.now(UTC)
        version, items = self._source.present(wanted.resources)
        for resource in wanted.resources:
            self._source.check_watch(resource, version)
        self._check_present(items)
        self._header = Header(
            kwlab_recording=recording.VERSION,
            name=path.name.partition(".")[0],
            server=connection.version,
            recorded=recorded.isoformat(timespec="seconds"),
            namespace=wanted.namespace,
            resource_version=version,
            resources=wanted.resources,
            scenario=wanted.scenario,
        )
        self._objects_total = len(items)
        self._attempts: Attempts | None = None
        self._journal = self._files(items)

    def stop(self) -> None:
        """End it before its time, from any thread or signal handler; the file is complete then."""
        self._is_stopping = True
        self._clock.wake()

    def run(self) -> Recorded:
        """Record until the time is over, or until it is stopped.

        Returns
        -------
        Recorded

        Raises
        ------
        WatchEnded
            When a watch cannot go on; the file holds what came before.
        RecordingError
            When the file cannot be written any more; it holds what was written.
        """
        watches = [self._follow(resource) for resource in self._wanted.resources]
        loops = list(self._loops())
        for number, loop in enumerate(loops):
            after = number * APART_SECONDS
            loop.start(self._header.resource_version, after_seconds=after)
        try:
            self._wait()
        finally:
            for loop in loops:
                loop.stop()
            self._catch_up(loops)
            for watcher, thread in watches:
                watcher.stop()
                thread.join()
            if self._attempts is not None:
                self._attempts.close()
            seconds = self._close()
        if self._failure is not None:
            raise self._failure
        attempts = None if self._attempts is None else self._attempts.path
        total = self._journal.changes_total
        return Recorded(self._path, attempts, self._objects_total, total, seconds)

    def _close(self) -> float:
        try:
            return self._journal.close()
        except RecordingError as error:
            self._failure = self._failure or error
            return self._journal.at()

    def _check_present(self, items: list[Item]) -> None:
        plurals = ", ".join(one.plural for one in self._wanted.resources)
        facts = {"resources": plurals, "namespace": self._wanted.namespace}
        if not items and not self._wanted.is_from_nothing:
            raise LabError(say("record.nothing", **facts))
        if not items:
            self._tell(say("record.from_nothing", **facts))

    def _files(self, items: list[Item]) -> Journal:
        redact = self._wanted.redact
        with ExitStack() as undo:
            if self._wanted.loops is not None:
                self._attempts = Attempts(attempts_path(self._path), redact)
                undo.callback(self._attempts.path.unlink)
                undo.callback(self._attempts.close)
            journal = Journal(self._path, self._header, items, redact=redact, began=self._began)
            undo.pop_all()
        return journal

    def _follow(self, resource: ResourceEntry) -> tuple[RetryWatcher, threading.Thread]:
        def watch(options: ListOptions) -> Iterator[WatchEvent]:
            response = self._source.watch(resource, options.replace(timeout_seconds=WATCH_SECONDS))
            for event in events(response):
                if event.type is EventType.BOOKMARK:
                    self._journal.progress(event.resource_version)
                yield event

        def note(record: Record) -> None:
            match record:
                case AttemptEnded(close=Close.TIMEOUT) | AttemptEnded(delay_seconds=None):
                    return
                case AttemptEnded(why=why):
                    self._tell(say("record.cut", resource=resource.plural, why=why))

        def write() -> None:
            try:
                with watcher:
                    for event in watcher:
                        self._journal.change(resource.plural, event)
            except Exception as error:
                self._failure = self._failure or error
                self.stop()

        watcher = RetryWatcher(self._header.resource_version, watch, observer=note)
        thread = threading.Thread(target=write, name=f"kwlab-record-{resource.plural}", daemon=True)
        thread.start()
        return watcher, thread

    def _loops(self) -> Iterator[Loop]:
        if self._wanted.loops is None or self._attempts is None:
            return
        for resource in self._wanted.resources:
            for name in (WRONG, CORRECT):
                yield Loop(
                    name,
                    self._source,
                    resource,
                    self._wanted.loops,
                    self._journal,
                    self._attempts,
                    self._note_failed_loop,
                )

    def _note_failed_loop(self, name: str, error: Exception) -> None:
        if isinstance(error, RecordingError):
            self._failure = self._failure or error
            self.stop()
        else:
            self._tell(say("record.loop", name=name, reason=error))

    def _wait(self) -> None:
        until = self._wanted.seconds
        self._tell(say("record.begun", path=self._path, seconds=f"{until:g}"))
        step = max(PROGRESS_SECONDS, until / PROGRESS_LINES)
        due = step
        while not self._is_stopping and (now := self._journal.at()) < until:
            if now >= due:
                due += step
                total = self._journal.changes_total
                facts = {"seconds": int(now), "of": f"{until:g}"}
                self._tell(say("record.progress", n=total, **facts))
            self._clock.sleep(min(due, until) - now)

    def _catch_up(self, loops: list[Loop]) -> None:
        """Let the recording be told what the loops were told."""
        for loop in loops:
            if rank(loop.reached) > rank(self._header.resource_version):
                self._journal.wait_for(loop.resource.plural, loop.reached, CATCH_UP_SECONDS)


def attempts_path(path: Path) -> Path:
    """Give the file beside a recording that holds what loops were sent.

    Parameters
    ----------
    path : Path
        Of the recording.

    Returns
    -------
    Path
        ``my.attempts.jsonl`` beside ``my.jsonl``.
    """
    name, _, suffix = path.name.partition(".jsonl")
    return path.with_name(f"{name}.attempts.jsonl{suffix}")


def check_target(path: Path, *, has_loops: bool) -> None:
    """Find out whether a recording may be written there, before anybody is asked for anything.

    Parameters
    ----------
    path : Path
    has_loops : bool
        Whether a second file is written beside it.

    Raises
    ------
    RecordingError
        When it is there already, has no folder, or has another suffix.
    """
    if not path.name.endswith(SUFFIXES):
        raise RecordingError(str(path), 0, say("record.suffix"))
    check_free(path)
    if has_loops:
        check_free(attempts_path(path))
