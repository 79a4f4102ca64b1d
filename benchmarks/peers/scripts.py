"""What goes wrong: one history, and the fault scripts that every library is put through.

kwlab's own faults are used where there is one. What a scenario file cannot say stands here: a
server that ends watches cleanly by its own choice, that answers 410 to a resourceVersion which it
has forgotten, and that breaks off within a line.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from kwlab import wire
from kwlab.history import History
from kwlab.made import made_evenly
from kwlab.server.discovery import is_about_objects
from kwlab.server.exchange import JSON, End, Frame, Request, Response, whole
from kwlab.server.faults import (
    REASONS,
    Cut,
    Error,
    Fault,
    FaultyServer,
    Refuse,
    Silence,
)
from kwlab.server.serve import Served
from kwlab.server.watchcache import parse_version
from tests.histories import NAMESPACE, shipped

SECONDS: Final = 6.0
CHANGES: Final = 60
OBJECTS: Final = 8
AT: Final = 2.0
"""When it goes wrong for the first time, in seconds since the first request."""
WITHHELD_SECONDS: Final = 0.35
"""So long before a watch ends, its changes are not sent any more, where a 410 is to come."""


@functools.cache
def history() -> History:
    """Make the history that all share: one change every tenth of a second, of shipped pods."""
    return made_evenly(
        shipped("pods-churn"),
        objects=OBJECTS,
        changes=CHANGES,
        seconds=SECONDS,
        namespace=NAMESPACE,
    )


@dataclass(frozen=True, slots=True)
class Expired:
    """Answer 410 to watches from a resourceVersion of before :data:`AT`.

    Parameters
    ----------
    form : str
        ``http`` for the status of the answer, ``stream`` for an ERROR event after a 200.
    until : float
        Until then a watch from any resourceVersion gets it, in seconds; later only those that
        begin before :data:`AT`.
    """

    form: Literal["http", "stream"]
    until: float = AT


@dataclass(frozen=True, slots=True)
class Script:
    """Describe one way to go wrong.

    Parameters
    ----------
    name : str
        Short, for the command line.
    title : str
        For the page.
    scenario : tuple of faults
        kwlab's own.
    ends : tuple of float
        When the server ends every open watch cleanly, in seconds.
    ends_at_once_until : float
        From :data:`AT` until then each watch is ended before its first event, in seconds.
    expired : Expired or None
    is_garbled : bool
        Whether the first deletion's line after :data:`AT` is cut off in its middle, and the next
        line follows.
    half_line : End or None
        How the answer ends in the middle of that line.
    out_of_reach : tuple of (float, float)
        Changes between these moments cannot be had from any watch afterwards, in seconds.
    patience_seconds : float
        How long after the end of the history a library is waited for.
    """

    name: str
    title: str
    scenario: tuple[Fault, ...] = ()
    ends: tuple[float, ...] = ()
    ends_at_once_until: float = 0.0
    expired: Expired | None = None
    is_garbled: bool = False
    half_line: End | None = None
    out_of_reach: tuple[float, float] = (0.0, 0.0)
    patience_seconds: float = 10.0


_FORGOTTEN: Final = (AT - WITHHELD_SECONDS, AT)
_FORGOTTEN_FOR_LONG: Final = (AT - WITHHELD_SECONDS, 4.0)

SCRIPTS: Final = (
    Script("nothing", "Nothing goes wrong"),
    Script("close", "A clean end of the watch every 1.5 s", ends=(1.5, 3.0, 4.5)),
    Script("close-at-once", "Every watch is ended at once, for 2 s", ends_at_once_until=4.0),
    Script(
        "cut",
        "The connection is cut, twice (FIN, RST)",
        scenario=(Cut(at=AT), Cut(at=3.5, how="reset")),
    ),
    Script("outage", "The server is away for 3 s", scenario=(Cut(at=AT, away_seconds=3.0),)),
    Script(
        "410-http",
        "HTTP 410 to resourceVersions from before",
        expired=Expired("http"),
        out_of_reach=_FORGOTTEN,
    ),
    Script(
        "410-stream",
        "410 in the stream, to resourceVersions from before",
        expired=Expired("stream"),
        out_of_reach=_FORGOTTEN,
    ),
    Script(
        "410-http-repeated",
        "HTTP 410 to every resourceVersion, for 2 s",
        expired=Expired("http", 4.0),
        out_of_reach=_FORGOTTEN_FOR_LONG,
    ),
    Script(
        "410-stream-repeated",
        "410 in the stream, to every resourceVersion, for 2 s",
        expired=Expired("stream", 4.0),
        out_of_reach=_FORGOTTEN_FOR_LONG,
    ),
    Script("500", "HTTP 500, for 2 s", ends=(AT,), scenario=(Refuse(at=AT, code=500, seconds=2),)),
    Script("503", "HTTP 503, for 2 s", ends=(AT,), scenario=(Refuse(at=AT, code=503, seconds=2),)),
    Script(
        "429",
        "HTTP 429 with Retry-After: 1, for 2 s",
        ends=(AT,),
        scenario=(Refuse(at=AT, code=429, seconds=2, retry_after_seconds=1),),
    ),
    Script("error-500", "An ERROR event with code 500", scenario=(Error(at=AT, code=500),)),
    Script(
        "malformed",
        "The line of a deletion is cut off, and the watch goes on",
        is_garbled=True,
    ),
    Script("line-cut", "The connection is cut in the middle of a line", half_line=End.FIN),
    Script("line-ended", "The answer ends cleanly in the middle of a line", half_line=End.DONE),
    Script(
        "silence",
        "The open connection falls silent (half-open)",
        scenario=(Silence(at=AT),),
        patience_seconds=170.0,
    ),
    Script(
        "403",
        "The permission is lost (HTTP 403 from now on)",
        ends=(AT,),
        scenario=(Refuse(at=AT, code=403, seconds=3600),),
    ),
)
"""In the order of the page."""


_DELETION: Final = b'{"type":"DELETED"'


class PeerServed(Served):
    """Serve the history with one script, over loopback."""

    def __init__(self, script: Script, *, speed: float = 1.0) -> None:
        super().__init__(history(), script.scenario, speed=speed)
        self._server = ScriptedServer(script)


class ScriptedServer(FaultyServer):
    """Answer as kwlab's server does, and go wrong as a script says.

    Parameters
    ----------
    script : Script
    """

    def __init__(self, script: Script) -> None:
        super().__init__(history(), script.scenario)
        self._script = script

    def respond(self, request: Request, at: float) -> Response:
        """Answer one request; a watch may be ended or refused as the script says."""
        if not is_about_objects(request.path):
            # Who may not list pods may still ask what there is.
            self.reach(at)
            return self.api.respond(request, at)
        response = super().respond(request, at)
        # A list, and whatever was refused already, is whole.
        if "Content-Length" in response.headers:
            return response
        if (expired := self._script.expired) and self._is_forgotten(request, expired, at):
            return _gone(expired, at)
        frames = self._shaped(response.frames, at)
        return Response(response.due, response.status, response.headers, frames)

    def _is_forgotten(self, request: Request, expired: Expired, at: float) -> bool:
        asked = request.get("resourceVersion")
        if at < AT or not asked or asked == "0":
            return False
        return at < expired.until or parse_version(asked) < self.api.cache.version(AT)

    def _shaped(self, frames: Iterator[Frame], at: float) -> Iterator[Frame]:
        """Break a line, and end the watch where the script ends it."""
        script, end = self._script, self._end_of_watch(at)
        if script.half_line is not None or script.is_garbled:
            frames = _broken(frames, at, script.half_line)
        withheld = end - WITHHELD_SECONDS if script.expired else end
        for frame in frames:
            if frame.due >= end:
                yield Frame(end, End.DONE)
                return
            if frame.due <= withheld or isinstance(frame.data, End):
                yield frame

    def _end_of_watch(self, at: float) -> float:
        script = self._script
        if AT <= at < script.ends_at_once_until:
            return at
        ends = (*script.ends, AT) if script.ends_at_once_until or script.expired else script.ends
        return next((moment for moment in ends if moment > at), float("inf"))


def _broken(frames: Iterator[Frame], at: float, end: End | None) -> Iterator[Frame]:
    """Break a deletion's line off; end there, or go on after a newline."""
    is_due = at < AT
    for frame in frames:
        is_line = isinstance(frame.data, bytes) and frame.data.startswith(_DELETION)
        if not (is_due and is_line and frame.due > AT):
            yield frame
            continue
        is_due = False
        half = frame.data[: len(frame.data) // 2]
        if end is not None:
            yield Frame(frame.due, half)
            yield Frame(frame.due, end)
            return
        yield Frame(frame.due, half + b"\n")


def _gone(expired: Expired, at: float) -> Response:
    reason, message = REASONS[410]
    status = wire.status_body(410, reason, message)
    if expired.form == "http":
        return whole(at, 410, JSON, status + b"\n")
    line = wire.event_line(wire.EventType.ERROR, status)
    return Response(at, 200, JSON, iter((Frame(at, line), Frame(at, End.DONE))))
