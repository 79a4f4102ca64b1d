"""HTTP/1.1 as bytes: a request's head read, an answer written part by part. No socket, no clock.

Both doors read and write with this, so to the same question at the same time both give the same
bytes. So no answer has a ``Date``: the server's clock is the history's, which runs at any speed,
and one that does not tell the time must not send it (RFC 9110, 6.6.1).

References
----------
RFC 9112, and Go 1.26 ``net/http/server.go``, in whose words malformed requests are refused.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import Final

from kwlab.server.exchange import End, Frame, Request, Response

CHUNK_BYTES: Final = 2048
"""What is collected before it becomes a chunk: Go's ``bufferBeforeChunkingSize``."""

_BROKEN: Final = (End.FIN, End.RESET, End.HANG)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z -]+")
"""What the parser lets through; the server then refuses the blank in it, with a word more."""
_FOLD: Final = re.compile(r"\r\n[ \t]+")
_VERSION: Final = re.compile(r"HTTP/\d\.\d")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""No part of a header's value, as ``net/textproto`` says."""
_ONCE: Final = frozenset({"content-length", "host"})
"""Said twice, and not the same, they leave open where a request ends or whose it is."""
_FINAL_CHUNK: Final = b"0\r\n\r\n"


class Malformed(Exception):
    """Carry the answer to what is no request; the connection is closed after it.

    Parameters
    ----------
    code : int
        The HTTP code.
    detail : str
        What was wrong; empty where Go gives none.
    body : str
        Where it is not the status once more.
    """

    def __init__(self, code: int, detail: str = "", *, body: str = "") -> None:
        self.code = code
        self.text = f"{code} {_phrase(code)}" + (f": {detail}" if detail else "")
        self.body = body or self.text
        super().__init__(self.text)

    @property
    def answer(self) -> bytes:
        """Give the whole answer, as ``net/http`` writes it."""
        return (
            f"HTTP/1.1 {self.text}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Connection: close\r\n\r\n{self.body}"
        ).encode("latin-1")


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold the head of one request.

    Parameters
    ----------
    request : Request
    host : str
        As the ``Host`` header says.
    client : str
        As the ``User-Agent`` header says; empty when there is none.
    has_body : bool
        Whether a body follows.
    is_last : bool
        Whether the client wants the connection closed after the answer.
    """

    request: Request
    host: str
    client: str
    has_body: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Hold the next bytes of an answer, and when they are due.

    Parameters
    ----------
    due : float
        In seconds; never before the part in front of it.
    data : bytes
        May be empty, with an end.
    lines : tuple of bytes
        The lines of the answer that these bytes complete.
    end : End or None
        How the answer ends with these bytes; None when more follows.
    """

    due: float
    data: bytes
    lines: tuple[bytes, ...] = ()
    end: End | None = None


def read_head(head: bytes) -> Asked:
    """Read a request's head.

    Parameters
    ----------
    head : bytes
        Up to the blank line; what follows it is left alone.

    Returns
    -------
    Asked

    Raises
    ------
    Malformed
        400 for what is no request, 501 for a body that comes in an unknown way, 505 for what is
        not HTTP/1.1.
    """
    first, _, rest = head.partition(b"\r\n\r\n")[0].decode("latin-1").partition("\r\n")
    method, target = _request_line(first)
    headers = _headers(rest)
    if "host" not in headers:
        raise Malformed(400, "missing required Host header")
    if headers.get("transfer-encoding", "chunked").lower() != "chunked":
        raise Malformed(501, body="Unsupported transfer encoding")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()):
        raise Malformed(400)
    try:
        request = Request.parse(method, target, headers.get("accept", ""))
    except ValueError as error:
        raise Malformed(400) from error
    return Asked(
        request,
        host=headers["host"],
        client=headers.get("user-agent", ""),
        has_body="transfer-encoding" in headers or length.strip("0") != "",
        is_last="close" in headers.get("connection", "").lower(),
    )


def _request_line(line: str) -> tuple[str, str]:
    words = line.split(" ")
    if len(words) != 3 or not words[1] or not _TOKEN.fullmatch(words[0]):
        raise Malformed(400)
    if not _VERSION.fullmatch(words[2]):
        raise Malformed(400)
    if words[2] != "HTTP/1.1":
        raise Malformed(505, "unsupported protocol version")
    return words[0], words[1]


def _headers(text: str) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    # A line that begins with a blank goes on with the one before.
    if text.startswith((" ", "\t")):
        raise Malformed(400)
    lines = _FOLD.sub(" ", text).split("\r\n") if text else []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name) or _CONTROL.search(value):
            raise Malformed(400)
        value = value.strip(" \t")
        if headers.setdefault(name.lower(), value) != value and name.lower() in _ONCE:
            raise Malformed(400)
    if any(" " in name for name in headers):
        raise Malformed(400, "invalid header name")
    return headers


def parts(response: Response, *, method: str = "GET", is_last: bool = False) -> Iterator[Part]:
    """Write an answer.

    Parameters
    ----------
    response : Response
    method : str
        Of the request: an answer to HEAD has no body.
    is_last : bool
        Whether the head says that the connection is closed after it.

    Yields
    ------
    Part
        The head, then the body as its frames fall due; the last one has an end. Where the
        server breaks before it has answered there is no head. A chunk is not an event: what is
        due at one moment shares chunks, and a long event is cut.
    """
    frames = response.frames
    first = next(frames)
    if first.data in _BROKEN and first.due <= response.due:
        yield Part(first.due, b"", end=_end(first))
        return
    yield Part(response.due, _head(response, is_last=is_last))
    frames = chain((first,), frames)
    if method == "HEAD":
        frames = (frame for frame in frames if isinstance(frame.data, End))
    is_chunked = "Content-Length" not in response.headers
    written = _chunked if is_chunked else _plain
    yield from written(frames, response.due)


def _plain(frames: Iterator[Frame], due: float) -> Iterator[Part]:
    for frame in frames:
        # What a fault sends may be due while the head is still waited for.
        due = max(due, frame.due)
        if isinstance(frame.data, End):
            yield Part(due, b"", end=frame.data)
            return
        line = frame.data if frame.logged is None else frame.logged
        yield Part(due, frame.data, (line,) if line else ())


def _chunked(frames: Iterator[Frame], due: float) -> Iterator[Part]:
    """Make chunks as Go's buffered writer does: it is filled, sent, and flushed when idle."""
    waiting = b""
    lines: list[bytes] = []
    for frame in frames:
        if waiting and (frame.due > due or isinstance(frame.data, End)):
            yield Part(due, _chunk(waiting), tuple(lines))
            waiting, lines = b"", []
        due = max(due, frame.due)
        if isinstance(frame.data, End):
            yield Part(due, _FINAL_CHUNK if frame.data is End.DONE else b"", end=frame.data)
            return
        waiting += frame.data
        if len(waiting) > CHUNK_BYTES:
            yield Part(due, _chunk(waiting[:CHUNK_BYTES]), tuple(lines))
            waiting, lines = waiting[CHUNK_BYTES:], []
        lines.append(frame.data)
        if len(waiting) > CHUNK_BYTES:
            # It would not fit the empty buffer, so it goes past it.
            yield Part(due, _chunk(waiting), tuple(lines))
            waiting, lines = b"", []


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _end(frame: Frame) -> End | None:
    return frame.data if isinstance(frame.data, End) else None


def _head(response: Response, *, is_last: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {_phrase(response.status)}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    if "Content-Length" not in response.headers:
        lines.append("Transfer-Encoding: chunked")
    if is_last:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _phrase(code: int) -> str:
    with contextlib.suppress(ValueError):
        return HTTPStatus(code).phrase
    return ""
