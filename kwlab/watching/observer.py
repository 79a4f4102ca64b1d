"""What a watcher tells about itself: a record for each step, handed to one hook.

A log, metrics and a trace are observers; several are called by one that calls each. With
``prometheus_client``, and in the same shape with OpenTelemetry's counters::

    from prometheus_client import Counter, Histogram
    from kwlab.watching.observer import AttemptEnded

    CLOSED = Counter("watch_attempts", "Attempts, by how they closed.", ["close"])
    EVENTS = Counter("watch_events", "Events delivered.")
    RECEIVED = Counter("watch_received_bytes", "Bytes of watch answers.")
    LIVED = Histogram("watch_attempt_seconds", "From the call to the close.")

    def count(record):
        if isinstance(record, AttemptEnded):
            CLOSED.labels(record.close).inc()
            EVENTS.inc(record.delivered_total)
            RECEIVED.inc(record.bytes_total)
            LIVED.observe(record.lived_seconds)

and then ``RetryWatcher(resource_version, function, observer=count)``. An observer that raises ends
the iteration with what it raised.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from kwlab.log import Close
from kwlab.messages import say
from kwlab.wire import WatchEvent


class Delay(enum.StrEnum):
    """Name what decided when the next attempt begins."""

    NONE = "none"
    """It begins at once: the last attempt lived long enough."""
    PACE = "pace"
    """The least time from one start to the next."""
    BACK_OFF = "back-off"
    """Failures in a row."""
    RETRY_AFTER = "Retry-After"
    """The server asked for it."""


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """Tell an observer that the watch function is about to be called.

    Parameters
    ----------
    at : float
        When, in seconds of the watcher's clock.
    handed : str
        The resourceVersion that it is handed.
    """

    at: float
    handed: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """Tell an observer that an event is about to be delivered.

    Parameters
    ----------
    at : float
        When, in seconds of the watcher's clock.
    event : WatchEvent
    """

    at: float
    event: WatchEvent


@dataclass(frozen=True, slots=True)
class RetriesHidden:
    """Tell an observer that the client itself asked more than once before a call returned.

    Parameters
    ----------
    at : float
        When that was found, in seconds of the watcher's clock.
    handed : str
        The resourceVersion that a watch function was handed, or the last known before a list.
    retries_total : int
        How many requests came before the last one, at least.
    """

    at: float
    handed: str
    retries_total: int


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """Tell an observer how an attempt went.

    Parameters
    ----------
    started_at, closed_at : float
        From the call to the close, in seconds of the watcher's clock.
    handed : str
        The resourceVersion that the function was handed.
    resource_version : str
        Where the next attempt would resume from.
    close : Close
        How it ended.
    code : int or None
        The HTTP code, or the code of the ERROR event, that ended it.
    delivered_total : int
        How many events were delivered; bookmarks are not among them.
    delay_seconds : float or None
        From the close to the next attempt, in seconds; None when there will be none.
    why : str
        What ended it, in a few words.
    delay_why : Delay
        What decided about the delay.
    asked : str or None
        The resourceVersion in the URL that was asked, "" when it held none; None when there was no
        open answer to read it from.
    status : int or None
        The HTTP code of the answer; None when there was none.
    headers_seconds : float or None
        From the call to the headers of the answer, in seconds; None when none came.
    bytes_total : int
        The bytes of the body that were read, after the client has decompressed them.
    """

    started_at: float
    closed_at: float
    handed: str
    resource_version: str
    close: Close
    code: int | None
    delivered_total: int
    delay_seconds: float | None
    why: str
    delay_why: Delay = Delay.NONE
    asked: str | None = None
    status: int | None = None
    headers_seconds: float | None = None
    bytes_total: int = 0

    @property
    def lived_seconds(self) -> float:
        """Give how long it took from the call to the close, in seconds."""
        return self.closed_at - self.started_at


@dataclass(frozen=True, slots=True)
class Listed:
    """Tell an observer that what exists was fetched.

    Parameters
    ----------
    started_at, closed_at : float
        From the first request to the end of the last, in seconds of the reflector's clock.
    known : str
        The last resourceVersion before it; empty when there was none.
    resource_version : str
        From which it is watched now.
    objects_total : int
        How many objects exist.
    requests_total : int
        How many requests it took: pages, and what it fell back from.
    """

    started_at: float
    closed_at: float
    known: str
    resource_version: str
    objects_total: int
    requests_total: int


@dataclass(frozen=True, slots=True)
class ListFailed:
    """Tell an observer that fetching what exists failed.

    Parameters
    ----------
    started_at, closed_at : float
        From the first request to the end of the last, in seconds of the reflector's clock.
    known : str
        The last resourceVersion; empty when there is none.
    code : int or None
        The HTTP code, or the code of the ERROR event, that ended it.
    delay_seconds : float or None
        From the failure to the next list, in seconds; None when there will be none.
    why : str
        What ended it, in a few words.
    """

    started_at: float
    closed_at: float
    known: str
    code: int | None
    delay_seconds: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Tell an observer that changes were not seen one by one, and a list came in their place.

    The events that follow say what has become of everything, and nothing of how.

    Parameters
    ----------
    from_resource_version : str
        The last one that was known; what happened up to it was delivered.
    to_resource_version : str
        That of the list; what happens after it is watched again.
    seconds : float
        From when a watch was last in step to the list, in seconds.
    why : str
        Why there was no watch to resume, in a few words.
    """

    from_resource_version: str
    to_resource_version: str
    seconds: float
    why: str


Record: TypeAlias = AttemptStarted | Delivered | RetriesHidden | AttemptEnded
"""What an observer is called with."""

Observer: TypeAlias = Callable[[Record], None]
"""A hook for logs and metrics, called in the thread that iterates."""

ReflectorRecord: TypeAlias = Record | Listed | ListFailed | Gap
"""What a Reflector's observer is called with: RetryWatcher's records, and its own."""

ReflectorObserver: TypeAlias = Callable[[ReflectorRecord], None]
"""A hook for logs and metrics, called in the thread that iterates."""


def log_to(logger: logging.Logger) -> ReflectorObserver:
    """Make an observer that writes to a logger of the standard library.

    Each end of an attempt or a list is one line, INFO where it will be followed, succeeded or was
    stopped, WARNING where it was the last; a gap is a WARNING; starts and events are DEBUG. The
    record itself is there as ``record.watch``.

    Parameters
    ----------
    logger : logging.Logger

    Returns
    -------
    callable
        For a RetryWatcher or a Reflector.
    """

    def observe(record: ReflectorRecord) -> None:
        level = _level(record)
        if logger.isEnabledFor(level):
            logger.log(level, "%s", _line(record), extra={"watch": record})

    return observe


def _level(record: ReflectorRecord) -> int:
    match record:
        case RetriesHidden() | Gap() | ListFailed(delay_seconds=None):
            return logging.WARNING
        case AttemptEnded(delay_seconds=None, close=close) if close is not Close.STOPPED:
            return logging.WARNING
        case AttemptEnded() | Listed() | ListFailed():
            return logging.INFO
    return logging.DEBUG


def _line(record: ReflectorRecord) -> str:
    match record:
        case AttemptStarted():
            line = say("observed.started", resource_version=record.handed)
        case Delivered(event=event):
            line = say(
                "observed.delivered",
                type=event.type,
                name=event.name,
                resource_version=event.resource_version,
            )
        case RetriesHidden():
            line = hidden_retries(record)
        case AttemptEnded():
            line = f"{_ended(record)} {_next(record)}"
        case Listed():
            line = _listed(record)
        case ListFailed():
            line = f"{_list_failed(record)} {_next_list(record)}"
        case Gap():
            line = _gap(record)
    return line


def _ended(record: AttemptEnded) -> str:
    return say(
        "observed.ended",
        handed=record.handed,
        seconds=f"{record.lived_seconds:.1f}",
        why=record.why,
        n=record.delivered_total,
        bytes=record.bytes_total,
    )


def _next(record: AttemptEnded) -> str:
    if record.delay_seconds is None:
        return say("observed.last", resource_version=record.resource_version)
    return say(
        "observed.next",
        resource_version=record.resource_version,
        seconds=f"{record.delay_seconds:.1f}",
        why=record.delay_why,
    )


def _listed(record: Listed) -> str:
    return say(
        "observed.listed",
        n=record.objects_total,
        resource_version=record.resource_version,
        seconds=f"{record.closed_at - record.started_at:.1f}",
        requests=record.requests_total,
    )


def _list_failed(record: ListFailed) -> str:
    seconds = f"{record.closed_at - record.started_at:.1f}"
    return say("observed.list_failed", seconds=seconds, why=record.why)


def _next_list(record: ListFailed) -> str:
    if record.delay_seconds is None:
        return say("observed.last", resource_version=record.known or "∅")
    return say("observed.next_list", seconds=f"{record.delay_seconds:.1f}")


def _gap(record: Gap) -> str:
    return say(
        "observed.gap",
        from_resource_version=record.from_resource_version,
        to_resource_version=record.to_resource_version,
        seconds=f"{record.seconds:.1f}",
        why=record.why,
    )


def hidden_retries(record: RetriesHidden) -> str:
    """Say what the client did behind the watch function's back, and what to write instead.

    Parameters
    ----------
    record : RetriesHidden

    Returns
    -------
    str
    """
    return say("observed.retries", n=record.retries_total)
