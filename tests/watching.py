"""Run a watch function against a history, with nothing of the lab in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kubernetes.client import CoreV1Api

from kwlab.errors import RecordingOver
from kwlab.history import History
from kwlab.log import Attempt, Log, Seen
from kwlab.metrics import Count, count
from kwlab.server.door import Door, Session
from kwlab.server.exchange import Frame, Request, Response
from kwlab.server.faults import Fault, FaultyServer
from kwlab.watching.retrywatcher import (
    AttemptEnded,
    AttemptStarted,
    Delivered,
    Record,
    RetryWatcher,
)
from kwlab.wire import ListOptions
from tests.histories import NAMESPACE

Cut = Callable[[bytes], Iterator[bytes]]
Asks = Callable[[ListOptions], ListOptions]


class CuttingServer(FaultyServer):
    """Send the same bytes, cut at other places: a chunk is not an event."""

    def __init__(self, history: History, scenario: tuple[Fault, ...], cut: Cut) -> None:
        super().__init__(history, scenario)
        self._cut = cut

    def respond(self, request: Request, at: float) -> Response:
        whole = super().respond(request, at)
        if "Content-Length" in whole.headers:
            return whole
        return Response(whole.due, whole.status, whole.headers, self._frames(whole.frames))

    def _frames(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            if isinstance(frame.data, bytes):
                yield from (Frame(frame.due, part) for part in self._cut(frame.data))
            else:
                yield frame


def whole_lines(data: bytes) -> Iterator[bytes]:
    yield data


def wrong(options: ListOptions) -> ListOptions:
    return options.replace(resource_version=None)


def correct(options: ListOptions) -> ListOptions:
    return options


def run(
    past: History,
    asks: Asks,
    *,
    scenario: tuple[Fault, ...] = (),
    timeout_seconds: int = 60,
    cut: Cut = whole_lines,
    namespace: str = NAMESPACE,
    told: History | None = None,
) -> Count:
    """Run RetryWatcher to the end of a history, and count."""
    session = Session(CuttingServer(past, scenario, cut))
    api = CoreV1Api(Door(session).client())
    log = Log("watcher")

    def function(options: ListOptions) -> Any:
        asked = asks(options).replace(timeout_seconds=timeout_seconds)
        return api.list_namespaced_pod(namespace, watch=True, _preload_content=False, **asked)

    def note(record: Record) -> None:
        match record:
            case AttemptStarted():
                log.attempts.append(Attempt(record.at, record.handed))
            case Delivered():
                log.attempts[-1].delivered.append(Seen.of(record.event, record.at))
            case AttemptEnded():
                log.attempts[-1].closed_at = record.closed_at
                log.attempts[-1].close = record.close

    watcher = RetryWatcher(
        past.resource_version, function, clock=session.clock, random=lambda: 0.0, observer=note
    )
    try:
        for _ in watcher:
            pass
    except RecordingOver:
        pass
    for attempt in log.attempts:
        if attempt.closed_at is None:
            attempt.closed_at = session.clock.now()
    return count(log, told or past, past)
