"""Run one watch function to its end, and write down what it asked and what it was delivered.

Who watches whom is told here once, for a recording and for a cluster.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from kwlab import wire
from kwlab.errors import RecordingOver, WatchEnded, WatchFunctionError
from kwlab.frames import is_raised_here
from kwlab.history import Resource
from kwlab.log import Attempt, Log, Origin, Request, Seen
from kwlab.messages import say
from kwlab.scope import path_of
from kwlab.watching.response import WatchFunction, why_unreturned
from kwlab.watching.retrywatcher import (
    AttemptEnded,
    AttemptStarted,
    Clock,
    Delivered,
    Record,
    RetryWatcher,
)
from kwlab.wire import EventType, LineDecoder, ListOptions, Status, WatchEvent


class Asked(Protocol):
    """Know what was asked so far."""

    @property
    def requests(self) -> Sequence[Request]:
        """Give what reached the server, in order."""


def watched(
    name: str,
    function: WatchFunction,
    resource_version: str,
    *,
    clock: Clock,
    asked: Asked,
    counts: Callable[[WatchEvent], bool] = lambda _: True,
) -> tuple[Log, WatchEnded | None]:
    """Run a watch function under RetryWatcher until the story is over or it cannot go on.

    Parameters
    ----------
    name : str
        Of the function, in the log.
    function : callable
    resource_version : str
        Where to begin.
    clock : Clock
        It raises RecordingOver when the story is over.
    asked : Asked
    counts : callable
        Which delivered events are written down; all of them unless told otherwise.

    Returns
    -------
    tuple of (Log, WatchEnded or None)
        The finished log, and what ended the function before the story was over.

    Raises
    ------
    WatchFunctionError
        When the function breaks its contract.
    """
    recorder = _Recorder(name, asked, counts)
    # The same jitter in every run: a notebook gives the same text every time.
    watcher = RetryWatcher(
        resource_version, function, clock=clock, random=lambda: 0.0, observer=recorder
    )
    return recorder.log, _exhaust(watcher)


class _Recorder:
    """Write down what RetryWatcher tells and what reached the server."""

    def __init__(self, name: str, asked: Asked, counts: Callable[[WatchEvent], bool]) -> None:
        self.log = Log(name)
        self._asked, self._counts = asked, counts
        self._asked_before = 0

    def __call__(self, record: Record) -> None:
        match record:
            case Delivered():
                if self._counts(record.event):
                    self.log.attempts[-1].delivered.append(Seen.of(record.event, record.at))
            case AttemptStarted():
                self._asked_before = len(self._asked.requests)
                self.log.attempts.append(Attempt(record.at, record.handed))
            case AttemptEnded():
                attempt = self.log.attempts[-1]
                attempt.requests = list(self._asked.requests[self._asked_before :])
                attempt.closed_at, attempt.close = record.closed_at, record.close
                attempt.status = record.code
                _note_list(attempt)


def _note_list(attempt: Attempt) -> None:
    """Tell what came through a list that the function made: what no watch had sent."""
    watches = [request for request in attempt.requests if request.is_watch]
    paths = {watch.path for watch in watches}
    others = (one for one in attempt.requests if not one.is_watch and one.path in paths)
    lists = [one.listed for one in others if one.listed]
    if lists:
        sent = {(seen.type, seen.identity) for watch in watches for seen in watch.seen()}
        attempt.listed = lists[-1]
        attempt.delivered = [
            seen if (seen.type, seen.identity) in sent else replace(seen, origin=_origin(seen))
            for seen in attempt.delivered
        ]


def _origin(seen: Seen) -> Origin:
    return Origin.INFERRED if seen.type is EventType.DELETED else Origin.RELIST


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
    except BaseException as error:
        # A signal that ends the program is kwlab's own SystemExit.
        if type(error).__name__ in _LEAVING and not is_raised_here(error):
            kind = type(error).__name__
            raise WatchFunctionError(say("function.left", error=kind)) from error
        raise
    return None


_LEAVING: Final = frozenset({"SystemExit", "GeneratorExit", "CancelledError"})
"""What would end whoever called the function, and without a word."""


def heard(response: Any) -> tuple[tuple[WatchEvent, ...], Status | None]:
    """Read an open response until the story is over; of a refusal, what the server says.

    Parameters
    ----------
    response : urllib3.BaseHTTPResponse
        Closed at the end.

    Returns
    -------
    tuple of WatchEvent
    Status or None
        None where the request was not refused.
    """
    decoder, events = LineDecoder(), list[WatchEvent]()
    with contextlib.suppress(RecordingOver), contextlib.closing(response):
        if response.status != 200:
            return (), Status.parse(response.read()) or Status(response.status)
        while chunk := response.read1():
            events += (one for one in decoder.feed(chunk) if isinstance(one, WatchEvent))
    return tuple(events), None


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
    return f"{path_of(resource, namespace)}?{wire.query(options.replace(), watch=True)}"
