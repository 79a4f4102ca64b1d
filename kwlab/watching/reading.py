"""An open response to what happens: its events, and the one cause that ended them.

However the body is framed, cut or compressed; in memory no longer than one line.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Final, Protocol, TypeAlias, TypeGuard

from kwlab.errors import WatchFunctionError
from kwlab.messages import say
from kwlab.watching import causes
from kwlab.watching.resume import Cause, Happening, Kind
from kwlab.wire import EXCERPT_BYTES, Decoded, LineDecoder, Unreadable, WatchEvent

READ_BYTES: Final = 64 * 1024
"""How much is taken at once when it is there; a read returns as soon as anything is."""

STATUS_BYTES: Final = 64 * 1024
"""How much of the body of a refusal is read: a Status is a few hundred bytes."""


class OpenResponse(Protocol):
    """Describe the part of ``urllib3.HTTPResponse`` that is used here."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]:
        """Give the headers, whatever case they are asked for in."""

    def read1(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        """Give what is there, at most so much, and nothing at the end."""

    @property
    def chunked(self) -> bool:
        """Tell whether the body is sent in chunks."""

    def supports_chunked_reads(self) -> bool:
        """Tell whether read_chunked() would work."""

    def read_chunked(
        self, amt: int | None = None, decode_content: bool | None = None
    ) -> Iterator[bytes]:
        """Give the chunks, cut where one is longer than ``amt``, as each is there."""

    def close(self) -> None:
        """Let go of the connection."""


Happenings: TypeAlias = Generator[Happening, None, None]
"""Events and, last, the cause that ended them."""


def read(
    response: OpenResponse,
    took: Callable[[int], None],
    is_over: Callable[[], bool] | None = None,
) -> Happenings:
    """Read an answer to its end, and close it however that comes.

    Parameters
    ----------
    response : OpenResponse
    took : callable
        Told how many bytes came, once, however it ends.
    is_over : callable, optional
        Asked each time that some came whether reading ends there: a server that sends blank lines
        for ever is never silent, and never sends an event.

    Yields
    ------
    WatchEvent or Cause
        The events in order, and last the one cause that ended them. Nothing follows a line that
        cannot be read.

    Raises
    ------
    WatchFunctionError
        When a list came in place of a watch.
    """
    try:
        if response.status >= 300:
            yield _refused(response)
        else:
            yield from _lines(response, took, is_over)
    finally:
        close(response)


def _lines(
    response: OpenResponse, took: Callable[[int], None], is_over: Callable[[], bool] | None
) -> Happenings:
    decoder = LineDecoder()
    end = Cause(Kind.CLEAN_END)
    size = 0
    try:
        for chunk in _chunks(response):
            size += len(chunk)
            if is_over is not None and is_over():
                break
            for decoded in decoder.feed(chunk):
                # Written out, and not as a call of _is_readable: this is once an event.
                if isinstance(decoded, WatchEvent) and (
                    decoded.line.isascii() or _is_readable(decoded)
                ):
                    yield decoded
                else:
                    yield _unreadable(decoded)
                    return
    except Exception as error:
        end = causes.of_error(error, is_open=True)
    finally:
        took(size)
    is_clean = end.kind is Kind.CLEAN_END
    # What a clean end follows was sent whole; what a cut tore is sent again.
    for decoded in decoder.feed(b"\n") if is_clean else decoder.close():
        if _is_readable(decoded):
            yield decoded
        else:
            end = _unreadable(decoded)
    yield end


def _is_readable(decoded: Decoded) -> TypeGuard[WatchEvent]:
    if isinstance(decoded, Unreadable):
        return False
    # msgspec passes over the text of what it does not keep: it was not looked at yet.
    try:
        decoded.line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _chunks(response: OpenResponse) -> Iterator[bytes]:
    """Give the bytes of a body as they come; raise what reading raises."""
    # A watch is not compressed; where a proxy does it, urllib3 undoes it at some cost per read.
    is_encoded = bool(response.headers.get("Content-Encoding"))
    if not _is_chunked(response):
        return iter(lambda: response.read1(READ_BYTES, is_encoded), b"")
    # A third of the cost of read1, which sets up its error handling for every read. It waits for
    # a whole chunk, which its sender had in hand when it wrote the size.
    chunks: Iterator[bytes] = response.read_chunked(READ_BYTES, is_encoded)
    return chunks if is_encoded else _with_torn_chunk(chunks)


def _is_chunked(response: OpenResponse) -> bool:
    return response.chunked and response.supports_chunked_reads()


def _with_torn_chunk(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Give also what a cut left of the last chunk: whole events may stand in it."""
    try:
        yield from chunks
    except Exception as error:
        torn = error.__cause__
        if isinstance(torn, http.client.IncompleteRead) and torn.partial:
            yield torn.partial
        raise


def _unreadable(line: Decoded) -> Cause:
    if isinstance(line, WatchEvent):
        line = Unreadable(line.line[:EXCERPT_BYTES], "it is not UTF-8")
    if line.list_kind is not None:
        raise WatchFunctionError(say("function.not_a_watch", kind=line.list_kind))
    return Cause(Kind.UNREADABLE, detail=f"{line.reason}: {line.excerpt!r}")


def _refused(response: OpenResponse) -> Cause:
    try:
        body = response.read1(STATUS_BYTES, True)
    except Exception:
        # The code and the headers have come, and say what to do.
        body = b""
    return causes.of_status(response.status, response.headers, body)


def close(opened: object) -> None:
    """Close, and give the connection back to its pool, whatever the client's response is.

    Parameters
    ----------
    opened : object
        Anything; what has no ``close`` is left as it is.
    """
    for name in ("close", "release_conn"):
        method = getattr(opened, name, None)
        if callable(method):
            method()
