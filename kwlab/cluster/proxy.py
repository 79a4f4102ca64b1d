"""A port of loopback that leads to the cluster, and can be cut and left: a network in miniature.

TLS goes through untouched, so client and server are each other's, and only the wire is ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterable
from typing import Any, Final, TypeVar

from kwlab.server.loopback import HOST, Port

_READ_BYTES: Final = 64 * 1024
_PATIENCE_SECONDS: Final = 5.0
_LINGER_NOT: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: what is closed then is reset."""

_Result = TypeVar("_Result")


class LoopbackProxy:
    """Pass bytes on between a port of loopback and a server.

    Parameters
    ----------
    host : str
    port : int
        Of the server.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._port = Port(0)
        # Of selectors on every system: Windows would give one without add_reader.
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._run, name="kwlab-proxy", daemon=True)
        self._listener: socket.socket | None = None
        self._open: dict[asyncio.Task[None], socket.socket] = {}

    @property
    def address(self) -> tuple[str, int]:
        """Give host and port to connect to; the same all along."""
        return HOST, self._port.number

    def open(self) -> None:
        """Take a port, and pass on what connects to it.

        Raises
        ------
        LabError
            When there is no port to be had.
        """
        self._port.open()
        self._thread.start()
        self.come_back()

    def come_back(self) -> None:
        """Listen again."""
        self._do(self._listen())

    def cut(self, *, is_reset: bool = False) -> None:
        """Break every open connection.

        Parameters
        ----------
        is_reset : bool
            Whether by a TCP reset, in place of an end without the final chunk.
        """
        self._do(self._cut(is_reset=is_reset))

    def leave(self) -> None:
        """Refuse whoever connects, until :meth:`come_back`."""
        self._do(self._refuse())

    def close(self) -> None:
        """End it; every connection is cut."""
        if not self._thread.is_alive():
            return
        self._do(self._refuse())
        self._do(self._cut(is_reset=False))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_SECONDS)
        self._port.close()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def _do(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(_PATIENCE_SECONDS)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = self._port.listener()
            self._listener.setblocking(False)
            # Not asyncio's server: one that is closed while somebody connects leaves them hanging.
            self._loop.add_reader(self._listener, self._accept, self._listener)

    async def _refuse(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock, _ = listener.accept()
            task = asyncio.ensure_future(self._pass_on(sock))
            self._open[task] = sock
            task.add_done_callback(self._open.pop)

    async def _cut(self, *, is_reset: bool) -> None:
        # Whoever was accepted just now has to begin before it can end.
        await asyncio.sleep(0)
        if is_reset:
            for sock in self._open.values():
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        await _cancelled(self._open)

    async def _pass_on(self, sock: socket.socket) -> None:
        ends: list[asyncio.StreamWriter] = []
        try:
            with contextlib.suppress(OSError):
                reader, client = await asyncio.open_connection(sock=sock)
                ends.append(client)
                answers, server = await asyncio.open_connection(*self._target)
                ends.append(server)
                await _until_either_ends(_pump(reader, server), _pump(answers, client))
        except asyncio.CancelledError:
            for end in ends:
                end.transport.abort()
            raise
        finally:
            for end in ends:
                end.close()
            if not ends:
                sock.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_READ_BYTES):
        writer.write(data)
        await writer.drain()


async def _until_either_ends(*pumps: Coroutine[Any, Any, None]) -> None:
    both = [asyncio.ensure_future(pump) for pump in pumps]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancelled(both)


async def _cancelled(tasks: Iterable[asyncio.Future[None]]) -> None:
    ended = list(tasks)
    for task in ended:
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)
