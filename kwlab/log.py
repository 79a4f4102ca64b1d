"""What was asked, sent and delivered, in the order in which it happened.

Requests are taken at the door or at the connection, never from the options that a function
was handed: what counts is what the server heard. Times are seconds since the recording began.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from kwlab.wire import EventType, WatchEvent, resource_version_of


class Close(enum.StrEnum):
    """Name how a request or an attempt ended."""

    TIMEOUT = "timeout"
    """The server ended the stream cleanly."""
    CUT = "cut"
    """The connection broke in the middle."""
    REFUSED = "refused"
    """There was no connection."""
    STATUS = "status"
    """The answer was an HTTP status in place of a stream."""
    ERROR = "error"
    """An ERROR event ended the stream."""
    UNREADABLE = "unreadable"
    """A line could not be read."""
    SILENT = "silent"
    """Nothing came for as long as the client would wait."""
    FAILED = "failed"
    """The watch function itself failed, or returned nothing."""
    STOPPED = "stopped"
    """The client closed."""
    OVER = "over"
    """The recording was over."""


class Origin(enum.StrEnum):
    """Name how a program knows of an event."""

    LIST = "list"
    """The first list held the object."""
    WATCH = "watch"
    """The server sent the event."""
    RELIST = "relist"
    """A later list held the object, new or in another state."""
    INFERRED = "inferred"
    """A later list did not hold the object: it was deleted, and nobody saw when."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Name one event at one time, without its object.

    Parameters
    ----------
    at : float
        When it came, in seconds.
    type : EventType
        As it was sent.
    namespace, name, uid : str
        Which object.
    resource_version : str
        The object's own.
    origin : Origin
    """

    at: float
    type: EventType
    namespace: str
    name: str
    uid: str
    resource_version: str
    origin: Origin = Origin.WATCH

    @classmethod
    def of(cls, event: WatchEvent, at: float, origin: Origin = Origin.WATCH) -> Seen:
        """Note an event at a time.

        Parameters
        ----------
        event : WatchEvent
        at : float
            In seconds.
        origin : Origin

        Returns
        -------
        Seen
        """
        names = event.namespace, event.name, event.uid, event.resource_version
        return cls(at, event.type, *names, origin)

    @property
    def identity(self) -> tuple[str, str]:
        """Give the (uid, resourceVersion) by which changes are counted."""
        return self.uid, self.resource_version


@dataclass(slots=True)
class Request:
    """Hold one request as the server saw it. It grows until ``closed_at`` is set.

    Parameters
    ----------
    at : float
        When it was asked, in seconds.
    path : str
        Without the query.
    query : tuple of (str, str)
        As sent, in order, unquoted.
    status : int or None
        The HTTP code of the answer.
    sent : list of (float, bytes)
        The lines of the answer, each with its time in seconds.
    closed_at : float or None
        When it ended, in seconds.
    close : Close or None
        How.
    client : str
        How the client names itself (``User-Agent``); empty in-process.
    """

    at: float
    path: str
    query: tuple[tuple[str, str], ...]
    status: int | None = None
    sent: list[tuple[float, bytes]] = field(default_factory=list, repr=False)
    closed_at: float | None = None
    close: Close | None = None
    client: str = ""

    def end(self, close: Close, at: float) -> None:
        """Note how and when it ended; a second end changes nothing.

        Parameters
        ----------
        close : Close
        at : float
            In seconds.
        """
        if self.close is None:
            self.close, self.closed_at = close, at

    def seen(self) -> Iterator[Seen]:
        """Read what was sent, bookmarks and ERROR events among it.

        Yields
        ------
        Seen
            In order, up to a line that cannot be read, or that tells no resourceVersion: no client
            reads on after it.
        """
        for at, line in self.sent:
            try:
                event = WatchEvent(line)
            except ValueError:
                return
            if not event.resource_version and event.type is not EventType.ERROR:
                return
            yield Seen.of(event, at)

    def parameter(self, name: str) -> str | None:
        """Give the first value of a query parameter; None when it was not sent.

        Parameters
        ----------
        name : str
            As on the wire: ``resourceVersion``.

        Returns
        -------
        str or None
        """
        return next((value for key, value in self.query if key == name), None)

    @property
    def listed(self) -> str:
        """Give the resourceVersion of the list that was sent; empty when that is none."""
        is_whole = self.status == 200 and self.close is not Close.CUT and bool(self.sent)
        try:
            return resource_version_of(self.sent[0][1]) if is_whole else ""
        except ValueError:
            return ""

    @property
    def is_watch(self) -> bool:
        """Tell whether this asks for a watch rather than a list or an object."""
        value = self.parameter("watch")
        is_asked = value is not None and value.lower() not in {"false", "0"}
        return is_asked or "/watch/" in self.path


@dataclass(slots=True)
class Attempt:
    """Hold one call of a watch function. It grows until ``closed_at`` is set.

    Parameters
    ----------
    at : float
        When the function was called, in seconds.
    handed : str
        The resourceVersion that it was handed; empty where there was none to hand over.
    requests : list of Request
        What reached the server during the call, in order; empty when nothing did.
    delivered : list of Seen
        What the loop passed on, in order: neither bookmarks nor what the first list held.
    status : int or None
        The HTTP code or the code of the ERROR event that ended it.
    is_anew : bool
        Whether it begins from a list, or shows one: what was handed over before does not count.
    listed : str
        The resourceVersion of a later list that it was to compare with what it knew. What that
        told is in ``delivered``, by its origin. Empty when there was none.
    """

    at: float
    handed: str
    requests: list[Request] = field(default_factory=list)
    delivered: list[Seen] = field(default_factory=list)
    closed_at: float | None = None
    close: Close | None = None
    status: int | None = None
    is_anew: bool = False
    listed: str = ""

    @property
    def watch(self) -> Request | None:
        """Give the last watch that reached the server; None when none did."""
        return next((r for r in reversed(self.requests) if r.is_watch), None)

    @property
    def asked(self) -> str | None:
        """Give the resourceVersion asked of the server; None when none was asked for."""
        watch = self.watch
        return watch.parameter("resourceVersion") if watch else None


@dataclass(slots=True)
class Log:
    """Hold all that one watcher asked and was delivered.

    Parameters
    ----------
    watcher : str
        The name that the learner gave it.
    attempts : list of Attempt
        In order.
    """

    watcher: str
    attempts: list[Attempt] = field(default_factory=list)
