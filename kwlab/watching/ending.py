"""How an iteration ends that cannot go on: a typed error, or client-go's last ERROR event."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Final

from kwlab.errors import (
    Denied,
    Expired,
    NoProgress,
    NotFound,
    ProtocolError,
    Stalled,
    WatchEnded,
)
from kwlab.messages import say
from kwlab.watching.resume import Action, Cause, Happening, Kind
from kwlab.wire import EventType, Status, WatchEvent, error_event

_SENTENCES: Final[dict[type[WatchEnded], str]] = {
    Expired: "end.expired",
    Denied: "end.denied",
    NotFound: "end.not_found",
    ProtocolError: "end.unreadable",
    NoProgress: "end.no_progress",
    Stalled: "end.stalled",
}


def typed_end(action: Action, cause: Cause, resource_version: str) -> WatchEnded:
    """Make the error that an iteration ends with.

    Parameters
    ----------
    action : Action
        One that ends.
    cause : Cause
        What ended it.
    resource_version : str
        Where to go on from.

    Returns
    -------
    WatchEnded
    """
    assert action.ending is not None
    key = _SENTENCES[action.ending]
    if cause.kind is Kind.NO_RESOURCE_VERSION:
        key = "end.no_resource_version"
    message = say(
        key,
        resource_version=resource_version,
        code=cause.code,
        detail=cause.detail or str(cause.kind),
        n=action.repeated,
    )
    return action.ending(message, resource_version=resource_version, code=cause.code)


def last_event(cause: Cause, last: Happening | None) -> WatchEvent:
    """Give the ERROR event with which client-go ends: the server's own, or one of its making.

    Parameters
    ----------
    cause : Cause
        What ended it.
    last : WatchEvent, Cause or None
        What came last.

    Returns
    -------
    WatchEvent
    """
    if isinstance(last, WatchEvent) and last.type is EventType.ERROR:
        return last
    if cause.kind is Kind.NO_RESOURCE_VERSION:
        message = say("retrywatcher.no_resource_version")
        return error_event(Status(500, "InternalError", message))
    status = cause.status or Status(cause.code or 0)
    return error_event(replace(status, reason=status.reason or _reason(status.code)))


def _reason(code: int) -> str:
    """Name a code as client-go does where the server named no reason."""
    try:
        return HTTPStatus(code).phrase.replace(" ", "")
    except ValueError:
        return "Unknown"
