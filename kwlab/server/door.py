"""The in-process door: the official client reaches the embedded server without a socket.

Only the connection below urllib3 is replaced, so pooling, timeouts, chunked decoding and errors
are the real ones. Reading a frame moves a virtual clock to when the frame is due: a minute of
watch timeout passes at once, and a silent server honours the client's read timeout. When the
recording is over, the next read raises :class:`~kwlab.errors.RecordingOver`.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError
from urllib3.util import Timeout

from kwlab.errors import RecordingOver
from kwlab.log import Close
from kwlab.log import Request as LoggedRequest
from kwlab.server import http1
from kwlab.server.exchange import End, Request, Response
from kwlab.server.faults import FaultyServer
from kwlab.server.virtualclock import VirtualClock

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

HOT_LOOP_REQUESTS: Final = 1000
"""So many requests at one moment of virtual time are a loop that would never end."""
HOST: Final = "http://kwlab.invalid"
"""Never looked up: the name only stands in URLs (RFC 2606)."""

_HOT: Final = (
    f"{HOT_LOOP_REQUESTS:,} requests were made and no time passed between them: "
    "this loop would never end."
)


class Way(Protocol):
    """Lead from a door to a server."""

    @property
    def requests(self) -> Sequence[LoggedRequest]:
        """Give what reached the server, in order."""

    @property
    def clock(self) -> Any:
        """Give the clock that time passes by there; None where time is real."""

    def open(self) -> Any:
        """Connect; give what stands where a socket would, and tells whether it ``is_open``.

        Raises
        ------
        ConnectionRefusedError
            When nobody listens.
        """


class Session:
    """Run one client against one server on a clock of its own.

    Parameters
    ----------
    server : FaultyServer

    Attributes
    ----------
    clock : VirtualClock
    requests : list of kwlab.log.Request
        What reached the server, in order.
    """

    def __init__(self, server: FaultyServer) -> None:
        self.server = server
        self.clock = VirtualClock(server.history.seconds)
        self.requests: list[LoggedRequest] = []
        self._visited_at = -1.0
        self._visits = 0

    def connect(self) -> None:
        """Let a connection be made, or refuse it as the scenario says.

        Raises
        ------
        ConnectionRefusedError
            When the server is away.
        RecordingOver
            When it was tried so often at one moment that time will never pass.
        """
        try:
            self.server.reach(self.clock.now())
        except ConnectionRefusedError:
            self._visit()
            raise

    def open(self) -> Any:
        """Connect, as :meth:`connect` says.

        Returns
        -------
        object
            Where a socket would stand.
        """
        self.connect()
        return _DoorSocket(self)

    def respond(self, request: Request) -> tuple[Response, LoggedRequest]:
        """Pass a request on, and log it."""
        now = self._visit()
        logged = LoggedRequest(now, request.path, request.query)
        self.requests.append(logged)
        response = self.server.respond(request, now)
        logged.status = response.status
        return response, logged

    def _visit(self) -> float:
        now = self.clock.now()
        self._visits = self._visits + 1 if now == self._visited_at else 1
        self._visited_at = now
        if self._visits > HOT_LOOP_REQUESTS:
            raise RecordingOver(_HOT)
        return now


class Door:
    """Give the official client a way to a server.

    Parameters
    ----------
    way : Way
    """

    def __init__(self, way: Way) -> None:
        self.way = way

    def lead(self) -> Way:
        """Give the way for a request that is made now, in this thread."""
        return self.way

    def client(self) -> ApiClient:
        """Make an official client; only its connections lead here.

        Returns
        -------
        kubernetes.client.ApiClient
        """
        from kubernetes.client import ApiClient, Configuration

        configuration = Configuration()
        configuration.host = HOST
        # A 429 with Retry-After would sleep inside the watch function, for real.
        configuration.retries = False
        configuration.proxy = None
        client = ApiClient(configuration)
        manager: Any = client.rest_client.pool_manager
        manager.pool_classes_by_scheme = {"http": _Pool}
        pool_key = manager.key_fn_by_scheme["http"]

        def key_of(context: dict[str, Any]) -> object:
            # Each way has a pool of its own: threads that share a client share no connection.
            key, way = pool_key(context), self.lead()
            context["way"] = way
            return key, way

        manager.key_fn_by_scheme["http"] = key_of
        return client


class _Connection(HTTPConnection):
    """Connect by a way."""

    def __init__(self, *args: Any, way: Way, **options: Any) -> None:
        super().__init__(*args, **options)
        self._way = way

    def _new_conn(self) -> Any:
        try:
            return self._way.open()
        except ConnectionRefusedError as error:
            message = f"Failed to establish a new connection: {error}"
            raise NewConnectionError(self, message) from error

    @property
    def is_connected(self) -> bool:
        sock: Any = self.sock
        return sock is not None and sock.is_open


class _Pool(urllib3.HTTPConnectionPool):
    """Keep the connections of one way."""

    ConnectionCls = _Connection

    def _get_timeout(self, timeout: Any) -> Timeout:
        asked = super()._get_timeout(timeout)
        return _VirtualTimeout(connect=asked._connect, read=asked._read, total=asked.total)


class _VirtualTimeout(Timeout):
    """Leave out the real microseconds that connecting took: a run has no wall clock in it."""

    def get_connect_duration(self) -> float:
        return 0.0


class _DoorSocket:
    """Stand where a socket would: what is written is a request, what is read is its answer."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._written = bytearray()
        self._timeout: float | None = None
        self._answer: _Answer | None = None
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        if self._is_closed or (self._answer is not None and self._answer.is_broken):
            return False
        try:
            self.session.server.reach(self.session.clock.now())
        except ConnectionRefusedError:
            return False
        return True

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds

    def gettimeout(self) -> float | None:
        return self._timeout

    def setsockopt(self, *_: object) -> None:
        """Accept what the client sets on a real socket."""

    def sendall(self, data: bytes) -> None:
        self._written += data

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        try:
            asked = http1.read_head(bytes(self._written))
            self._written.clear()
            self._answer = _Answer(self.session, asked.request, self)
        except BaseException as error:
            return io.BufferedReader(_Failure(error))
        return io.BufferedReader(self._answer)

    def shutdown(self, _how: int) -> None:
        self.close()

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            if self._answer is not None:
                self._answer.give_up()


class _Failure(io.RawIOBase):
    """Fail when it is read: http.client leaves an answer half made where this fails earlier."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def readable(self) -> bool:
        return True

    def readinto(self, _: object) -> int:
        raise self._error


class _Answer(io.RawIOBase):
    """Read an answer's bytes as the frames fall due."""

    def __init__(self, session: Session, request: Request, socket: _DoorSocket) -> None:
        self._clock = session.clock
        self._socket = socket
        response, self._logged = session.respond(request)
        self._parts = self._bytes(http1.parts(response, method=request.method))
        self._rest = b""
        self.is_broken = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._parts, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def give_up(self) -> None:
        self._end(Close.STOPPED)

    def _bytes(self, parts: Iterator[http1.Part]) -> Iterator[bytes]:
        for part in parts:
            self._wait_until(float("inf") if part.end is End.HANG else part.due)
            self._logged.sent += [(part.due, line) for line in part.lines]
            if part.end is not None:
                self._finish(part.end)
            if part.data:
                yield part.data

    def _finish(self, end: End) -> None:
        if end is End.DONE:
            self._end(Close.TIMEOUT)
            return
        self.is_broken = True
        self._end(Close.CUT)
        if end is End.RESET:
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    def _wait_until(self, due: float) -> None:
        timeout = self._socket.gettimeout()
        try:
            if timeout is not None and due > self._clock.now() + timeout:
                self._clock.sleep(timeout)
                self._end(Close.SILENT)
                raise TimeoutError("timed out")
            self._clock.move_to(due)
        except RecordingOver:
            self._end(Close.OVER)
            raise

    def _end(self, close: Close) -> None:
        self._logged.end(close, self._clock.now())
