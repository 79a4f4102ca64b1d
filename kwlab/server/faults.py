"""What goes wrong between server and client, on purpose and always at the same place.

A scenario is a list of faults. Each is one line of JSON in a recording's header, and one class
here::

    {"fault": "cut", "at": 15.0}                          the connection ends in the middle
    {"fault": "cut", "after_change": 9, "away_seconds": 1}   … and nobody answers for a second
    {"fault": "cut", "at": 15.0, "line_bytes": 80}        … in the middle of the next line
    {"fault": "refuse", "at": 20, "code": 503, "seconds": 2}  requests get an HTTP status
    {"fault": "error", "at": 30, "code": 410}             an ERROR event ends open watches
    {"fault": "malformed", "after_change": 3}             a line that is no JSON
    {"fault": "silence", "at": 40}                        open connections say nothing any more
    {"fault": "forget", "at": 45}                         the window is emptied, as by a restart

``at`` is in seconds since the start; ``after_change`` is the moment of that change, after it
was sent.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from kwlab import wire
from kwlab.errors import ScenarioError
from kwlab.history import History
from kwlab.server.apiserver import ApiServer
from kwlab.server.exchange import JSON, TEXT, End, Frame, Request, Response, whole
from kwlab.server.namespaces import with_namespaces
from kwlab.server.watchcache import WatchCache

REASONS: Mapping[int, tuple[str, str]] = {
    400: ("BadRequest", "the request is malformed"),
    401: ("Unauthorized", "Unauthorized"),
    403: ("Forbidden", 'pods is forbidden: User "kwlab" cannot watch resource "pods"'),
    404: ("NotFound", "the server could not find the requested resource"),
    410: ("Expired", "The resourceVersion for the provided watch is too old."),
    429: ("TooManyRequests", "Too many requests, please try again later."),
    500: ("InternalError", "an internal error occurred"),
    502: ("", "bad gateway"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "the server was unable to return a response in the time allotted"),
}
"""Reason and message that a real server gives with a code."""


Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
LineBytes: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
RetrySeconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Code: TypeAlias = Annotated[int, msgspec.Meta(ge=400, le=599)]


class _Timed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    at: float | None = None
    after_change: int | None = None

    def moment(self, history: History) -> float:
        """Give the time of this fault, in seconds."""
        name = type(self).__name__
        if (self.at is None) == (self.after_change is None):
            raise ScenarioError(f"{name} wants one of at and after_change")
        if self.at is not None:
            if not 0 <= self.at < float("inf"):
                raise ScenarioError(f"{name}: at is {self.at}; expected seconds from 0 on")
            return self.at
        number = self.after_change or 0
        if not 1 <= number <= len(history.changes):
            raise ScenarioError(
                f"{name}: there is no change {number}; this history has {len(history.changes)}"
            )
        return history.changes[number - 1].at


class Cut(_Timed, frozen=True, tag_field="fault", tag="cut"):
    """Break every open connection, and answer nobody for ``away_seconds`` after it.

    ``how`` is ``fin`` (TCP is closed without the final chunk, as by a killed server) or
    ``reset``. Of the line that an open watch would have been sent next, ``line_bytes`` still go
    out; a whole line never does.
    """

    away_seconds: Seconds = 0.0
    line_bytes: LineBytes = 0
    how: Literal["fin", "reset"] = "fin"


class Refuse(_Timed, frozen=True, tag_field="fault", tag="refuse"):
    """Answer every request of ``seconds`` with an HTTP status; open watches go on.

    429 is the one of priority and fairness: ``text/plain``, no Status. ``retry_after_seconds``
    becomes the header.
    """

    code: Code
    seconds: Seconds = 1.0
    retry_after_seconds: RetrySeconds = 0


class Error(_Timed, frozen=True, tag_field="fault", tag="error"):
    """End every open watch with an ERROR event."""

    code: Code = 410
    retry_after_seconds: RetrySeconds = 0


class Malformed(_Timed, frozen=True, tag_field="fault", tag="malformed"):
    """Send a line that cannot be read on every open watch, and go on as if nothing was."""

    line: str = '{"type":"MODIFIED","object":{"metadata":'


class Silence(_Timed, frozen=True, tag_field="fault", tag="silence"):
    """Let every open connection hang: no event, no end."""


class Forget(_Timed, frozen=True, tag_field="fault", tag="forget"):
    """Empty the window: a resourceVersion from before it gets 410."""


Fault: TypeAlias = Cut | Refuse | Error | Malformed | Silence | Forget
Scenario: TypeAlias = tuple[Fault, ...]


def parse(entries: Iterable[Fault | Mapping[str, Any]]) -> Scenario:
    """Read a scenario.

    Parameters
    ----------
    entries : iterable of fault or mapping
        Faults, or what stands for them in a recording's header.

    Returns
    -------
    tuple of faults

    Raises
    ------
    ScenarioError
        When an entry is not a fault.
    """
    try:
        # A fault made in Python is checked as one that was read.
        return tuple(
            msgspec.convert(
                msgspec.to_builtins(entry if isinstance(entry, Fault) else dict(entry)), Fault
            )
            for entry in entries
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise ScenarioError(f"this is no scenario: {error}") from error


def read(text: str | bytes) -> Scenario:
    """Read the text of a scenario file.

    Parameters
    ----------
    text : str or bytes
        A JSON array of faults, or a fault a line; empty for none.

    Returns
    -------
    tuple of faults

    Raises
    ------
    ScenarioError
        When it is not JSON, or an entry is not a fault.
    """
    try:
        entries = [msgspec.json.decode(line) for line in _documents(text)]
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"this is no scenario: {error}") from error
    return parse(entries[0] if entries and isinstance(entries[0], list) else entries)


def _documents(text: str | bytes) -> list[bytes]:
    data = text.encode() if isinstance(text, str) else text
    if data.lstrip().startswith(b"["):
        return [data]
    return [line for line in data.splitlines() if line.strip()]


class FaultyServer:
    """Put a scenario in front of the API server.

    Parameters
    ----------
    history : History
    scenario : sequence of faults
    window_events : int, optional
        A smaller window than a real server's.

    Raises
    ------
    ScenarioError
        When a fault's moment is not one of this history.
    """

    def __init__(
        self, history: History, scenario: Sequence[Fault] = (), *, window_events: int | None = None
    ) -> None:
        timed = sorted(((fault.moment(history), fault) for fault in scenario), key=_moment)
        self._timed = timed
        self.history = history
        forgotten = [at for at, fault in timed if isinstance(fault, Forget)]
        told_of = with_namespaces(history)
        if window_events is None:
            cache = WatchCache(told_of, forgotten=forgotten)
        else:
            cache = WatchCache(
                told_of,
                window_events=window_events,
                window_limit_events=window_events,
                forgotten=forgotten,
            )
        self.api = ApiServer(cache)

    @property
    def timed(self) -> tuple[tuple[float, Fault], ...]:
        """Give the faults with their moments, in seconds, in order."""
        return tuple(self._timed)

    def reach(self, at: float) -> None:
        """Let a connection be made, or not.

        Parameters
        ----------
        at : float
            In seconds.

        Raises
        ------
        ConnectionRefusedError
            When the server is away at that time.
        """
        for moment, fault in self._timed:
            if isinstance(fault, Cut) and moment <= at < moment + fault.away_seconds:
                raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    def respond(self, request: Request, at: float) -> Response:
        """Answer one request, or fail as the scenario says.

        Parameters
        ----------
        request : Request
        at : float
            When it arrives, in seconds.

        Returns
        -------
        Response

        Raises
        ------
        ConnectionRefusedError
            When the server is away at that time.
        """
        self.reach(at)
        for moment, fault in self._timed:
            if isinstance(fault, Refuse) and moment <= at < moment + fault.seconds:
                return _refusal(fault, at)
        response = self.api.respond(request, at)
        # A list has no events: a line of a watch in it would not be its length.
        is_watch = "Content-Length" not in response.headers
        faults = [(m, f) for m, f in self._timed if m > at and (is_watch or _breaks(f))]
        frames = _faulty(response.frames, faults, response.due)
        early = next((pair for pair in faults if _breaks(pair[1]) and pair[0] < response.due), None)
        # It strikes before the headers are sent, so none are.
        due = response.due if early is None else early[0]
        return Response(due, response.status, response.headers, frames)


def _breaks(fault: Fault) -> bool:
    return isinstance(fault, Cut | Silence)


def _moment(pair: tuple[float, Fault]) -> float:
    return pair[0]


def _refusal(fault: Refuse, at: float) -> Response:
    reason, message = REASONS.get(fault.code, ("", f"status {fault.code}"))
    retry = {"Retry-After": str(fault.retry_after_seconds)} if fault.retry_after_seconds else {}
    if fault.code == 429:
        return whole(at, 429, {**TEXT, **retry}, message.encode() + b"\n")
    body = wire.status_body(fault.code, reason, message) + b"\n"
    return whole(at, fault.code, {**JSON, **retry}, body)


def _faulty(
    frames: Iterator[Frame], faults: list[tuple[float, Fault]], due: float
) -> Iterator[Frame]:
    """Pass frames on until a fault is due; a frame due at the same moment still gets through."""
    waiting = list(faults)
    for frame in frames:
        while waiting and waiting[0][0] < frame.due:
            moment, fault = waiting.pop(0)
            if moment >= due and (begun := _begun(frame, fault)):
                yield Frame(moment, begun)
            struck = list(_strike(fault, moment))
            yield from struck
            if struck and isinstance(struck[-1].data, End):
                return
        yield frame


def _begun(frame: Frame, fault: Fault) -> bytes:
    """Give what of a line still goes out before it is cut."""
    if isinstance(fault, Cut) and isinstance(frame.data, bytes):
        return frame.data[: min(fault.line_bytes, len(frame.data) - 1)]
    return b""


def _strike(fault: Fault, at: float) -> Iterator[Frame]:
    match fault:
        case Cut():
            yield Frame(at, End.RESET if fault.how == "reset" else End.FIN)
        case Silence():
            yield Frame(at, End.HANG)
        case Malformed():
            yield Frame(at, fault.line.encode() + b"\n")
        case Error():
            reason, message = REASONS.get(fault.code, ("", f"status {fault.code}"))
            seconds = fault.retry_after_seconds
            details = {"retryAfterSeconds": seconds} if seconds else None
            status = wire.status_body(fault.code, reason, message, details=details)
            yield Frame(at, wire.event_line(wire.EventType.ERROR, status))
            yield Frame(at, End.DONE)
        case _:
            return
