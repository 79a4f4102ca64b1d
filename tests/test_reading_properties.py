"""However an answer is framed, cut or compressed, what came whole of it is read, once."""

from __future__ import annotations

import gzip
import http.client
import io
import zlib
from dataclasses import dataclass
from typing import Any, Final

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from kwlab.errors import WatchFunctionError
from kwlab.watching import reading
from kwlab.watching.resume import Kind
from kwlab.wire import EventType, WatchEvent, event_line
from tests.mutants import found_out, functions_of


def line(number: int, name: str = "a") -> bytes:
    body = f'{{"metadata":{{"name":"{name}","resourceVersion":"{number}"}}}}'
    return event_line(EventType.MODIFIED, body.encode())


LINES: Final = (line(1), line(2, "ä"), b"\n", line(3))
NO_JSON: Final = b"<html>\n"
NO_UTF8: Final = line(4).replace(b"}}", b'},"spec":"\xff"}')
LIST: Final = b'{"kind":"PodList","items":[]}\n'


@dataclass(frozen=True)
class Sent:
    """Say what is sent, how, and what becomes of it.

    Parameters
    ----------
    lines : tuple of bytes
    chunk_bytes : int or None
        How large the chunks are; None: none, and the connection is closed at the end.
    cut : int or None
        After how many bytes of the body, as it stands on the wire, it is cut.
    """

    lines: tuple[bytes, ...] = LINES
    chunk_bytes: int | None = 4096
    cut: int | None = None
    is_zipped: bool = False
    status: int = 200
    over_after: int | None = None

    @property
    def body(self) -> bytes:
        whole = b"".join(self.lines)
        return gzip.compress(whole, mtime=0) if self.is_zipped else whole

    def chunks(self) -> list[bytes]:
        size = self.chunk_bytes or len(self.body)
        return [self.body[at : at + size] for at in range(0, len(self.body), size)]

    def response(self) -> urllib3.HTTPResponse:
        """Let urllib3 read it from memory."""
        framed = self.body
        head = b"HTTP/1.1 %d Something\r\n" % self.status
        if self.chunk_bytes is not None:
            head += b"Transfer-Encoding: chunked\r\n"
            framed = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in self.chunks()) + b"0\r\n\r\n"
        if self.is_zipped:
            head += b"Content-Encoding: gzip\r\n"
        answer = http.client.HTTPResponse(
            _Socket(head + b"\r\n" + framed[: self.cut]), method="GET"
        )
        answer.begin()
        return urllib3.HTTPResponse(
            answer,
            headers=dict(answer.headers),
            status=answer.status,
            preload_content=False,
            original_response=answer,
        )

    def arrived(self) -> tuple[bytes, bool]:
        """Give what of the body arrived, and whether its end did."""
        if self.chunk_bytes is None or self.cut is None:
            return self.body[: self.cut], True
        rest, got = self.cut, b""
        for chunk in self.chunks():
            head = len(b"%x\r\n" % len(chunk))
            rest -= head + len(chunk) + 2
            # http.client gives up a chunk that is cut behind its last byte, for what follows it.
            if not -2 <= rest < 0:
                got += chunk[: max(0, rest + len(chunk) + 2)]
            elif rest == -1:
                got += b"\r"
        # To urllib3 the size of the last chunk is the end, whether or not its line is whole.
        return got, rest >= len(b"0")


class _Socket:
    """Stand where http.client looks for a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> Any:
        return io.BytesIO(self._data)


def holds(sent: Sent) -> None:
    """Each whole line in front of the end is read once and in order, and the end is its own."""
    response, took, asked = sent.response(), list[int](), list[bool]()

    def is_over() -> bool:
        asked.append(True)
        return len(asked) > (sent.over_after or 0)

    try:
        asking = None if sent.over_after is None else is_over
        *events, end = reading.read(response, took.append, asking)
    except WatchFunctionError as error:
        assert LIST.strip() in b"".join(sent.lines)
        assert "PodList" in str(error)
        assert response.closed
        return
    assert response.closed
    if sent.status >= 300:
        assert ([], sent.status) == (events, end.code)
        return
    arrived, is_whole = sent.arrived()
    assert LIST not in sent.lines
    if sent.over_after is not None:
        assert len(asked) == sent.over_after + 1
        return
    if not sent.is_zipped and end.kind is not Kind.UNREADABLE:
        assert [len(arrived)] == took
    text = _unzipped(arrived) if sent.is_zipped else arrived
    expected, kind = _expected(text, is_whole)
    got = [event.line for event in events if isinstance(event, WatchEvent)]
    if sent.is_zipped and not is_whole:
        assert (expected[: len(got)], Kind.CUT) == (got, end.kind)
        return
    assert (expected, kind) == (got, end.kind)


def _unzipped(data: bytes) -> bytes:
    return zlib.decompressobj(31).decompress(data)


def _expected(text: bytes, is_whole: bool) -> tuple[list[bytes], Kind]:
    """Read lines as simply as can be."""
    kind = Kind.CLEAN_END if is_whole else Kind.CUT
    *whole, torn = text.split(b"\n")
    found: list[bytes] = []
    for one in whole:
        if one and not _is_event(one):
            return found, Kind.UNREADABLE
        found += [one] if one else []
    if torn and _is_event(torn):
        found.append(torn)
    elif torn and (is_whole or not _is_utf8_event(torn)):
        kind = Kind.UNREADABLE
    return found, kind


def _is_event(one: bytes) -> bool:
    try:
        one.decode()
        WatchEvent(one)
    except ValueError:
        return False
    return True


def _is_utf8_event(one: bytes) -> bool:
    """Tell apart a torn event, which is sent again, from a whole one that cannot be read."""
    try:
        WatchEvent(one)
    except ValueError:
        return True
    return _is_event(one)


bodies = st.lists(st.sampled_from([*LINES, NO_JSON, NO_UTF8]), max_size=5).map(tuple)


@given(bodies, st.sampled_from([None, 7, 60, 4096]), st.none() | st.integers(0, 400))
def test_what_came_whole_is_read_once(
    lines: tuple[bytes, ...], chunk_bytes: int | None, cut: int | None
) -> None:
    """Whatever the lines, the chunks and the cut."""
    holds(Sent(lines, chunk_bytes, cut))


TRIALS: Final = [
    *(Sent(chunk_bytes=size, cut=cut) for size in (90, 4096) for cut in range(0, 260, 13)),
    *(Sent(chunk_bytes=None, cut=cut) for cut in (None, 3, 77, 150)),
    *(Sent((*LINES, bad, line(5)), size) for bad in (NO_JSON, NO_UTF8) for size in (None, 60)),
    *(Sent((NO_UTF8[:-1],), size, cut) for size in (None, 200) for cut in (None, 60, 77)),
    *(Sent(is_zipped=True, chunk_bytes=size) for size in (None, 9)),
    *(Sent(is_zipped=True, cut=cut) for cut in range(5, 100, 5)),
    Sent((line(1), line(2)[:-1])),
    Sent((line(1),), cut=len(line(1)) + len(b"4a\r\n") - 1),
    Sent((LIST,)),
    Sent((LIST[:-1],)),
    Sent(status=503, lines=(b"no",)),
    Sent(chunk_bytes=60, over_after=1),
]


def is_broken(sent: Sent) -> bool:
    try:
        holds(sent)
    except Exception:
        return True
    return False


def test_the_trials_that_break_the_mutants_break_nothing_else() -> None:
    """With every rule in force all that must hold holds."""
    assert [] == [sent for sent in TRIALS if is_broken(sent)]


DECIDING: Final = [name for name in functions_of(reading) if not name.startswith("OpenResponse.")]
EQUIVALENT: Final = {
    # Reading without chunks reads the same, three times as slowly; looking at ASCII costs time.
    "_lines: decoded.line.isascii() or _is_readable(decoded) without decoded.line.isascii()",
    "_chunks: not _is_chunked(response) is True",
    "_is_chunked: response.chunked and response.supports_chunked_reads() is False",
    # Not http.client's, and closed in one way only: not the official client's response.
    "_is_chunked: response.chunked and response.supports_chunked_reads()"
    " without response.supports_chunked_reads()",
    "close: callable(method) is True",
    # Nothing torn is nothing to read.
    "_with_torn_chunk: isinstance(torn, http.client.IncompleteRead) and torn.partial"
    " without torn.partial",
}
"""Mutants that do what the rule does."""


@pytest.mark.parametrize("name", DECIDING)
def test_with_anything_that_is_decided_switched_off_something_breaks(name: str) -> None:
    """Each condition, side of a condition, operand and argument is there for something."""
    noticed = found_out(reading, name, EQUIVALENT, lambda: any(map(is_broken, TRIALS)))
    assert {one: one not in EQUIVALENT for one in noticed} == noticed
