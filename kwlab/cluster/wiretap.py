"""What really goes over a connection to a cluster, read along: asked, sent, and read by the client.

The client's own connection is used as it is. Only the bytes on their way are looked at: what is
written down is what went over the wire, never what a function was handed.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

import h11

from kwlab.errors import RecordingOver
from kwlab.log import Close, Request
from kwlab.messages import say
from kwlab.server import http1
from kwlab.wire import WatchEvent

_HEAD_END: Final = b"\r\n\r\n"


class Endpoint(Protocol):
    """Open connections to a server, and say who asks."""

    def dial(self) -> Any:
        """Connect; give the socket, with TLS where the server has it."""

    def signed(self, head: bytes) -> bytes:
        """Give a request's head as it goes to the server, with its address and credentials."""


class Exchange:
    """Hold one request and what its answer has brought so far.

    Parameters
    ----------
    request : kwlab.log.Request
        It grows as the answer comes.

    Attributes
    ----------
    is_reading : bool
        Whether the client waits for more: then it has dealt with all that came before.
    is_cut : bool
        Whether the wire was cut, and the client need not know it yet.
    seen : set of str
        The resourceVersions that were read.
    expected : set of str
        Those that the server will send for sure.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.is_reading = False
        self.is_cut = False
        self.seen: set[str] = set()
        self.expected: set[str] = set()
        self._rest = b""
        self._parser = h11.Connection(h11.CLIENT)
        self._parser.send(h11.Request(method="GET", target="/", headers=[("Host", "kwlab")]))
        self._parser.send(h11.EndOfMessage())

    @property
    def is_up_to_date(self) -> bool:
        """Tell whether an open watch has brought all that it can, and its client asks for more."""
        is_open = self.request.is_watch and self.request.status == 200
        is_open = is_open and self.request.close is None and not self.is_cut
        return is_open and self.is_reading and self.expected <= self.seen

    def feed(self, data: bytes, at: float) -> None:
        """Take what was read.

        Parameters
        ----------
        data : bytes
        at : float
            When, in seconds of the story.
        """
        # What the client cannot read either is its own to complain about.
        with contextlib.suppress(h11.ProtocolError):
            self._parser.receive_data(data)
            while isinstance(event := self._parser.next_event(), h11.Event):
                self._take(event, at)

    def _take(self, event: h11.Event, at: float) -> None:
        match event:
            case h11.Response():
                self.request.status = event.status_code
            case h11.Data() if self.request.is_watch and self.request.status == 200:
                *lines, self._rest = (self._rest + bytes(event.data)).split(b"\n")
                for line in lines:
                    self._note(line, at)
            case h11.EndOfMessage():
                self.request.end(Close.TIMEOUT, at)

    def _note(self, line: bytes, at: float) -> None:
        self.request.sent.append((at, line + b"\n"))
        with contextlib.suppress(ValueError):
            self.seen.add(WatchEvent(line).resource_version)


class LiveWay:
    """Lead from a door to a real server, and read along.

    Parameters
    ----------
    endpoint : Endpoint
    now : callable
        Gives the time of the story, in seconds.
    asks : callable
        Called with each exchange before its request is sent.
    is_over : callable
        Tells whether the story is over: then a read ends the run.
    changed : threading.Condition
        Notified whenever something was asked or read.
    clock : object
        The story's, while it is played.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        now: Callable[[], float] = lambda: 0.0,
        asks: Callable[[Exchange], None] = lambda _: None,
        is_over: Callable[[], bool] = lambda: False,
        changed: threading.Condition | None = None,
        clock: object = None,
    ) -> None:
        self.endpoint, self.now, self.is_over = endpoint, now, is_over
        self._asks, self.clock = asks, clock
        self.changed = changed or threading.Condition()
        self.exchanges: list[Exchange] = []

    @property
    def requests(self) -> list[Request]:
        """Give what reached the server, in order."""
        return [exchange.request for exchange in self.exchanges]

    def open(self) -> LiveSocket:
        """Connect.

        Returns
        -------
        LiveSocket

        Raises
        ------
        RecordingOver
            When the story is over.
        """
        self.check()
        return LiveSocket(self, self.endpoint.dial())

    def begin(self, head: bytes) -> Exchange:
        """Note a request that is about to be sent.

        Parameters
        ----------
        head : bytes

        Returns
        -------
        Exchange
        """
        asked = http1.read_head(head).request
        exchange = Exchange(Request(self.now(), asked.path, asked.query))
        with self.changed:
            self._asks(exchange)
            self.exchanges.append(exchange)
        return exchange

    def check(self) -> None:
        """End the run when the story is over.

        Raises
        ------
        RecordingOver
        """
        if self.is_over():
            raise RecordingOver(say("cluster.over"))


class LiveSocket:
    """Stand where the client's socket would, in front of the real one.

    Parameters
    ----------
    way : LiveWay
    sock : socket
        Connected.
    """

    def __init__(self, way: LiveWay, sock: Any) -> None:
        self.way = way
        self._sock = sock
        self._is_asking = True
        self._exchange: Exchange | None = None
        self.is_open = True

    def sendall(self, data: bytes) -> None:
        """Send; the head of a request is read first, and signed."""
        if self._is_asking:
            self._is_asking = False
            self._exchange = self.way.begin(bytes(data))
            head, _, body = bytes(data).partition(_HEAD_END)
            data = self.way.endpoint.signed(head + _HEAD_END) + body
        self._sock.sendall(data)

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        """Give what reads the answer."""
        assert self._exchange is not None
        self._is_asking = True
        return io.BufferedReader(_Tap(self, self._exchange, self._sock.makefile("rb", buffering=0)))

    def settimeout(self, seconds: float | None) -> None:
        """Set how long a read may wait, in real seconds."""
        self._sock.settimeout(seconds)

    def gettimeout(self) -> float | None:
        """Give how long a read may wait, in real seconds."""
        timeout: float | None = self._sock.gettimeout()
        return timeout

    def setsockopt(self, *options: Any) -> None:
        """Set what the client sets."""
        self._sock.setsockopt(*options)

    def shutdown(self, how: int) -> None:
        """Wake whoever reads."""
        self.is_open = False
        with contextlib.suppress(OSError):
            self._sock.shutdown(how)

    def close(self) -> None:
        """Close; an answer that is still read stays open until it is closed too."""
        self.is_open = False
        self._sock.close()


class _Tap(io.RawIOBase):
    """Read an answer's bytes, and let the exchange see them."""

    def __init__(self, socket: LiveSocket, exchange: Exchange, raw: Any) -> None:
        self._socket, self._exchange, self._raw = socket, exchange, raw
        self._way = socket.way

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._set_reading(True)
        try:
            size: int = self._raw.readinto(buffer) or 0
        except TimeoutError:
            self._end(Close.SILENT)
            raise
        except OSError:
            self._end(Close.CUT)
            raise
        finally:
            self._set_reading(False)
        if not size:
            self._end(Close.CUT)
        with self._way.changed:
            self._exchange.feed(bytes(memoryview(buffer)[:size]), self._way.now())
        return size

    def close(self) -> None:
        if not self.closed:
            self._exchange.request.end(Close.STOPPED, self._way.now())
            self._raw.close()
        super().close()

    def _set_reading(self, is_reading: bool) -> None:
        with self._way.changed:
            self._exchange.is_reading = is_reading
            self._way.changed.notify_all()

    def _end(self, close: Close) -> None:
        self._socket.is_open = False
        is_over = self._way.is_over()
        self._exchange.request.end(Close.OVER if is_over else close, self._way.now())
        self._way.check()
