"""A request and its answer as values: what came, and what is sent when.

No rule of Kubernetes stands here: those are in :mod:`kwlab.server.query` and
:mod:`kwlab.server.apiserver`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

import msgspec

from kwlab import wire

JSON: Final = {"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
TEXT: Final = {
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "no-cache, private",
    "X-Content-Type-Options": "nosniff",
}


class End(enum.Enum):
    """Name how an answer ends."""

    DONE = "done"
    """Whole: the final chunk is sent."""
    FIN = "fin"
    """TCP is closed without the final chunk."""
    RESET = "reset"
    """TCP is reset."""
    HANG = "hang"
    """Nothing more comes, and nothing says so."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Hold bytes, or an end, and when they are due.

    Parameters
    ----------
    due : float
        In seconds since the start of the history; never before the frame in front of it.
    data : bytes or End
        After an End nothing follows.
    logged : bytes or None
        What the log keeps of the bytes; None for all of them, empty for nothing.
    """

    due: float
    data: bytes | End
    logged: bytes | None = None


_ORIGIN: Final = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://(?:\[[^]/?]*\])?[^][/?]*")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SHOWN: Final = 256


@dataclass(frozen=True, slots=True)
class Request:
    """Hold one request.

    Parameters
    ----------
    method : str
    path : str
        Unquoted, without the query.
    query : tuple of (str, str)
        In order, unquoted; of two equal names the first one counts.
    accept : str
        As the ``Accept`` header says; empty when there is none.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    accept: str = ""

    @classmethod
    def parse(cls, method: str, target: str, accept: str = "") -> Request:
        """Read a request target.

        Parameters
        ----------
        method : str
        target : str
            ``/api/v1/pods?watch=true``, with or without scheme and host.
        accept : str
            The ``Accept`` header.

        Returns
        -------
        Request
            A parameter that cannot be read is not there, as with Go: one with ``;`` or a bad ``%``.

        Raises
        ------
        ValueError
            When there is no path, or it has a bad ``%``.

        References
        ----------
        Go 1.26, ``net/url``: ``ParseRequestURI`` and ``parseQuery``.
        """
        path, _, query = _ORIGIN.sub("", target).partition("?")
        if not path.startswith(("/", "*")) or _BAD_ESCAPE.search(path):
            raise ValueError(f"no request target: {target[:_SHOWN]}")
        return cls(method, unquote(path), tuple(_parameters(query)), accept)

    def get(self, name: str) -> str | None:
        """Give the first value of a parameter; None when it is not there.

        Parameters
        ----------
        name : str

        Returns
        -------
        str or None
        """
        return next((value for key, value in self.query if key == name), None)

    def flag(self, name: str) -> bool:
        """Read a parameter as the server reads a boolean.

        Parameters
        ----------
        name : str

        Returns
        -------
        bool
            False when it is not there, ``0``, or ``false`` in any case; else True.

        References
        ----------
        k8s.io/apimachinery 0.37, ``runtime.Convert_Slice_string_To_bool``.
        """
        value = self.get(name)
        return value is not None and value.lower() not in {"false", "0"}


@dataclass(frozen=True, slots=True)
class Response:
    """Hold an answer.

    Parameters
    ----------
    due : float
        When status and headers are sent, in seconds.
    status : int
    headers : mapping of str to str
    frames : iterator of Frame
        Ends with a frame that holds an End.
    """

    due: float
    status: int
    headers: Mapping[str, str]
    frames: Iterator[Frame] = field(repr=False)


class Refusal(Exception):
    """Carry an error answer to the one place that sends it.

    Parameters
    ----------
    code : int
        The HTTP code.
    reason, message : str
        As in a Status; a reason may be empty.
    details : mapping, optional
        Of the Status.
    token : str
        A ``continue`` for the Status's own metadata; empty for none.
    waited_seconds : float
        How long the server waited before it gave up.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        token: str = "",
        waited_seconds: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details
        self.token, self.waited_seconds = token, waited_seconds

    @property
    def body(self) -> bytes:
        """Give the Status object."""
        metadata = {"continue": self.token} if self.token else {}
        return wire.status_body(
            self.code, self.reason, self.message, details=self.details, metadata=metadata
        )


def _parameters(query: str) -> Iterator[tuple[str, str]]:
    for pair in query.split("&"):
        if pair and ";" not in pair and not _BAD_ESCAPE.search(pair):
            name, _, value = pair.partition("=")
            yield unquote_plus(name), unquote_plus(value)


def whole(at: float, status: int, headers: Mapping[str, str], body: bytes) -> Response:
    """Make an answer that is sent at once.

    Parameters
    ----------
    at : float
        In seconds.
    status : int
    headers : mapping of str to str
    body : bytes

    Returns
    -------
    Response
    """
    headers = {**headers, "Content-Length": str(len(body))}
    return Response(at, status, headers, iter((Frame(at, body), Frame(at, End.DONE))))


def in_pieces(at: float, body: wire.ListPieces) -> Response:
    """Make an answer out of a list that may be long: nobody holds all of it at once.

    Parameters
    ----------
    at : float
        In seconds.
    body : kwlab.wire.ListPieces

    Returns
    -------
    Response
        The log keeps a long list without its items.
    """

    def frames() -> Iterator[Frame]:
        pieces = iter(body)
        first = next(pieces)
        is_whole = len(first) == body.size
        yield Frame(at, first, None if is_whole else body.without_items)
        for piece in pieces:
            yield Frame(at, piece, b"")
        yield Frame(at, End.DONE)

    return Response(at, 200, {**JSON, "Content-Length": str(body.size)}, frames())


def refused(refusal: Refusal, at: float, *, is_indented: bool = False) -> Response:
    """Make the answer that a refusal stands for.

    Parameters
    ----------
    refusal : Refusal
    at : float
        When the request came, in seconds.
    is_indented : bool
        As a real server writes it to a client that takes no plain JSON.

    Returns
    -------
    Response
    """
    headers = dict(JSON)
    if retry_after := (refusal.details or {}).get("retryAfterSeconds"):
        headers["Retry-After"] = str(retry_after)
    body = msgspec.json.format(refusal.body, indent=2) if is_indented else refusal.body + b"\n"
    return whole(at + refusal.waited_seconds, refusal.code, headers, body)
