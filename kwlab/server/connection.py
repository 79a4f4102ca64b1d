"""One client's conversation over a socket: a request, its answer as it falls due, the next one.

What every client may hold of the server is bounded here: the size of a head, how long it takes,
and what waits to be written to a client that does not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from typing import Final, Protocol

from kwlab.log import Close
from kwlab.log import Request as LoggedRequest
from kwlab.server import faults, http1
from kwlab.server.discovery import is_about_objects
from kwlab.server.exchange import End

HEAD_LIMIT_BYTES: Final = 64 * 1024
"""A longer head is refused with 431; Go's server takes 1 MB."""
HEAD_SECONDS: Final = 32.0
"""A head that takes longer is hung up on: kube-apiserver's ``ReadHeaderTimeout``."""
IDLE_SECONDS: Final = 90.0
"""A connection without a request is closed after so long: kube-apiserver's ``IdleTimeout``."""
LINGER_SECONDS: Final = 0.5
"""So long the client may read a refusal before its connection is closed, as with Go."""
CUT_GRACE_SECONDS: Final = 1.0
"""A client that has not taken by then what was sent before a cut, loses it."""
CLIENT_LIMIT: Final = 256
"""So much of a ``User-Agent`` is remembered."""
LOG_LIMIT_BYTES: Final = 128 * 1024 * 1024
LOG_LIMIT_REQUESTS: Final = 100_000
"""What is remembered of all clients together; of more, the oldest requests are forgotten."""

_WRITE_BYTES: Final = 64 * 1024
_ENTRY_BYTES: Final = 128
"""What Python needs for one remembered line, beside the bytes that the line has."""
_LONG_SECONDS: Final = 3600.0
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_GONE: Final = (OSError, asyncio.IncompleteReadError)
"""Whatever goes wrong with a socket, the client is out of reach."""


class Acceptor(Protocol):
    """Name what a connection needs of the server that accepted it."""

    server: faults.FaultyServer
    clock: Clock
    ledger: Ledger
    hosts: frozenset[str]

    def begin(self) -> None:
        """Let time begin: somebody asks for objects for the first time."""


class Clock:
    """Turn the history's seconds into those of a monotonic clock.

    Parameters
    ----------
    speed : float
        Seconds of the history in a second.

    Attributes
    ----------
    began : threading.Event
        Set at the first request.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start = 0.0
        self.began = threading.Event()

    def begin(self) -> None:
        """Let the history's time start now; a second call changes nothing."""
        if not self.began.is_set():
            self._start = time.monotonic()
            self.began.set()

    def now(self) -> float:
        """Give the history's time, in seconds; 0 until it has begun."""
        return (time.monotonic() - self._start) * self._speed if self.began.is_set() else 0.0

    def real(self, at: float) -> float:
        """Give the monotonic time of a moment of the history."""
        return self._start + at / self._speed

    def wait_seconds(self, due: float) -> float:
        """Give how long a moment is still to come; 0 or less when it is past."""
        return self.real(due) - time.monotonic()


class Ledger:
    """Remember what was asked and sent, up to a limit.

    Attributes
    ----------
    forgotten : int
        How many of the oldest requests are not remembered any more.
    """

    def __init__(self) -> None:
        self._requests: dict[int, LoggedRequest] = {}
        self._bytes = 0
        self._lock = threading.Lock()
        self.forgotten = 0

    def all(self) -> tuple[LoggedRequest, ...]:
        """Give what is remembered, oldest first."""
        with self._lock:
            return tuple(self._requests.values())

    def add(self, request: LoggedRequest) -> None:
        """Remember a request."""
        with self._lock:
            self._requests[id(request)] = request
            self._bytes += _asked_bytes(request)
            self._shrink()

    def sent(self, request: LoggedRequest, lines: list[tuple[float, bytes]]) -> None:
        """Remember what was written for a request: lines with their times."""
        with self._lock:
            if id(request) in self._requests:
                request.sent += lines
                self._bytes += _sent_bytes(lines)
                self._shrink()

    def _shrink(self) -> None:
        while self._requests and (
            self._bytes > LOG_LIMIT_BYTES or len(self._requests) > LOG_LIMIT_REQUESTS
        ):
            oldest = self._requests.pop(next(iter(self._requests)))
            self._bytes -= _asked_bytes(oldest) + _sent_bytes(oldest.sent)
            # Its watch may be open for long: it lets go of the lines too.
            oldest.sent = []
            self.forgotten += 1


def _asked_bytes(request: LoggedRequest) -> int:
    """Measure a question: a long one, asked often, is memory as well."""
    size = sys.getsizeof
    words = sum(size(pair) + size(pair[0]) + size(pair[1]) for pair in request.query)
    return size(request) + size(request.path) + words + size(request.client)


def _sent_bytes(lines: list[tuple[float, bytes]]) -> int:
    return sum(len(line) for _, line in lines) + _ENTRY_BYTES * len(lines)


class _CutWhileIdle(Exception):
    """Wake a connection that waits for a request: the scenario breaks it."""

    def __init__(self, is_reset: bool) -> None:
        super().__init__()
        self.is_reset = is_reset


class Connection:
    """Converse with one client: a request, its answer, the next request.

    Parameters
    ----------
    acceptor : Acceptor
    reader : asyncio.StreamReader
    writer : asyncio.StreamWriter
    """

    def __init__(
        self, acceptor: Acceptor, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._acceptor, self._clock = acceptor, acceptor.clock
        self._reader, self._writer = reader, writer
        # Waiting to write then means: until the kernel has taken all of it.
        writer.transport.set_write_buffer_limits(high=0)
        self._opened_at = acceptor.clock.now()
        self._logged: LoggedRequest | None = None
        self._is_silent = False
        self._hearing: asyncio.Task[bytes] | None = None

    async def run(self) -> None:
        """Answer until one of the two ends it; the connection is closed then."""
        try:
            while await self._exchange():
                self._logged = None
        except _CutWhileIdle as cut:
            await self._break(is_reset=cut.is_reset)
        except _GONE:
            self._end(Close.SILENT if self._is_silent else Close.STOPPED)
        except http1.Malformed as malformed:
            # A cut may strike while it lingers: it is closed either way.
            with contextlib.suppress(*_GONE, _CutWhileIdle):
                self._writer.write(malformed.answer)
                await self._linger()
        finally:
            self._end(Close.OVER)
            _dropped(self._hearing)
            self._writer.transport.abort()

    def cut(self, at: float, *, is_reset: bool) -> None:
        """Break the connection where the scenario says so.

        An idle one is broken here; an open answer has the cut among its frames.

        Parameters
        ----------
        at : float
            The moment of the cut, in seconds. What came after it is not struck.
        is_reset : bool
            RST in place of FIN.
        """
        if self._logged is None:
            if self._opened_at < at:
                self._reader.set_exception(_CutWhileIdle(is_reset))
        elif self._logged.at < at and not self._is_silent:
            loop = asyncio.get_running_loop()
            loop.call_later(CUT_GRACE_SECONDS, self._break_if_answering, self._logged)

    def _break_if_answering(self, logged: LoggedRequest) -> None:
        """Break what a client does not read: it would never come to its cut."""
        if self._logged is logged and logged.close is None:
            self._end(Close.CUT)
            self._writer.transport.abort()

    async def _break(self, *, is_reset: bool) -> None:
        if is_reset:
            opened = self._writer.get_extra_info("socket")
            await _delivered(opened)
            with contextlib.suppress(OSError):
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._writer.transport.abort()
        else:
            self._writer.close()
        await self._writer.wait_closed()

    async def _exchange(self) -> bool:
        """Answer one request; tell whether another one may follow."""
        head = await self._read_head()
        if not head:
            return False
        asked = http1.read_head(head)
        if asked.host not in self._acceptor.hosts:
            # A page in a browser could reach this server under a name of its own.
            raise http1.Malformed(421)
        # Read first: the first request is asked at 0, not some microseconds after it.
        at = self._clock.now()
        if is_about_objects(asked.request.path):
            self._acceptor.begin()
        try:
            response = self._acceptor.server.respond(asked.request, at)
        except ConnectionRefusedError:
            return False
        request = asked.request
        is_last = asked.is_last or asked.has_body
        self._logged = LoggedRequest(
            at, request.path, request.query, response.status, client=_name(asked.client)
        )
        self._acceptor.ledger.add(self._logged)
        parts = http1.parts(response, method=request.method, is_last=is_last)
        end = await self._send(parts, self._logged)
        if end is End.DONE and not is_last:
            return True
        if end is End.DONE:
            await self._linger()
        await self._break(is_reset=end is End.RESET)
        return False

    async def _read_head(self) -> bytes:
        """Give the next head; nothing when the client has no more to ask."""
        async with asyncio.timeout(IDLE_SECONDS):
            first = await self._first_byte()
        if not first:
            return b""
        async with asyncio.timeout(HEAD_SECONDS):
            try:
                return first + await self._reader.readuntil(b"\r\n\r\n")
            except asyncio.LimitOverrunError:
                raise http1.Malformed(431) from None

    def _hear(self) -> asyncio.Task[bytes]:
        """Wait for a byte of the next request: how a client that goes away is noticed."""
        if self._hearing is None:
            self._hearing = asyncio.create_task(self._reader.read(1))
        return self._hearing

    async def _first_byte(self) -> bytes:
        byte = await self._hear()
        self._hearing = None
        return byte

    async def _send(self, parts: Iterator[http1.Part], logged: LoggedRequest) -> End:
        """Send an answer as it falls due; what is late goes out together."""
        batch = _Batch()
        for part in parts:
            wait_seconds = self._clock.wait_seconds(part.due)
            # A long list goes out alone: joined to its head it would be copied for each client.
            if wait_seconds > 0 or batch.size + len(part.data) > _WRITE_BYTES:
                await self._write(batch, logged)
                await self._wait(wait_seconds)
            if part.end is End.HANG:
                break
            batch.add(part)
            if part.end is not None:
                self._end(Close.TIMEOUT if part.end is End.DONE else Close.CUT, part.due)
                await self._write(batch, logged)
                return part.end
        await self._write(batch, logged)
        self._is_silent = True
        while True:
            await self._wait(_LONG_SECONDS)

    async def _write(self, batch: _Batch, logged: LoggedRequest) -> None:
        data, lines = batch.take()
        # Noted first: what a client has read is in the log, whenever somebody looks.
        self._acceptor.ledger.sent(logged, lines)
        for start in range(0, len(data), _WRITE_BYTES):
            self._writer.write(data[start : start + _WRITE_BYTES])
            await self._writer.drain()
            # Draining does not let others have a turn when there is nothing to wait for.
            await asyncio.sleep(0)

    async def _wait(self, seconds: float) -> None:
        """Let time pass, unless the client goes away."""
        if seconds <= 0:
            return
        hearing = self._hear()
        if not hearing.done():
            await asyncio.wait({hearing}, timeout=seconds)
        elif hearing.result():
            # The next request is on its way, and waits.
            await asyncio.sleep(seconds)
        if hearing.done() and not hearing.result():
            raise ConnectionResetError("the client has gone")

    async def _linger(self) -> None:
        """Let the client read: closing while it still sends would reset the connection."""
        await self._writer.drain()
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                if await self._first_byte():
                    while await self._reader.read(_WRITE_BYTES):
                        pass

    def _end(self, close: Close, at: float | None = None) -> None:
        if self._logged is not None:
            self._logged.end(close, self._clock.now() if at is None else at)


def _name(client: str) -> str:
    """Leave out of a client's name what would do something to a terminal."""
    return "".join(filter(str.isprintable, client[:CLIENT_LIMIT]))


class _Batch:
    """Collect what goes out in one write."""

    def __init__(self) -> None:
        self._data: list[bytes] = []
        self._lines: list[tuple[float, bytes]] = []
        self.size = 0

    def add(self, part: http1.Part) -> None:
        self._data.append(part.data)
        self._lines += [(part.due, line) for line in part.lines]
        self.size += len(part.data)

    def take(self) -> tuple[bytes, list[tuple[float, bytes]]]:
        taken = b"".join(self._data), self._lines
        self._data, self._lines, self.size = [], [], 0
        return taken


async def _delivered(opened: socket.socket) -> None:
    """Wait until the client's kernel has all that was sent: a reset throws the rest away."""
    deadline = time.monotonic() + CUT_GRACE_SECONDS
    while _held_bytes(opened) and time.monotonic() < deadline:
        await asyncio.sleep(0.001)


def _held_bytes(opened: socket.socket) -> int:
    """Count what this kernel has not delivered yet; 0 where it cannot be asked."""
    if sys.platform == "win32":
        return 0
    import fcntl
    import termios

    try:
        held = fcntl.ioctl(opened.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    except (OSError, ValueError):
        return 0
    return int.from_bytes(held, sys.byteorder)


def _dropped(task: asyncio.Task[bytes] | None) -> None:
    """Let a task be, and asyncio not complain that nobody looked at its end."""
    if task is not None and not task.cancel() and not task.cancelled():
        task.exception()
