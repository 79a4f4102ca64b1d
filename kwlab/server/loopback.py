"""Who listens on loopback and when: connections accepted, cut and refused, on one event loop."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import Final

from kwlab.errors import LabError
from kwlab.messages import say
from kwlab.server import faults
from kwlab.server.connection import HEAD_LIMIT_BYTES, Clock, Connection, Ledger

HOST: Final = "127.0.0.1"
CONNECTIONS_AT_MOST: Final = 500
"""More are hung up on: a process may have some 1,000 files open."""
RETRY_SECONDS: Final = 0.05

_BACKLOG: Final = 512
_SEND_BUFFER_BYTES: Final = 256 * 1024


class Port:
    """Hold a port on loopback, whether anybody listens on it or not.

    Parameters
    ----------
    number : int
        0 for a free one: then it is known once the port is open.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._holder: socket.socket | None = None
        self._first: socket.socket | None = None

    def open(self) -> None:
        """Take the port, and listen at once: who connects early waits and is not refused.

        Raises
        ------
        LabError
            When it cannot be had; nothing is left open then.
        """
        try:
            if sys.platform == "linux":
                # Bound and not listening: connections are refused, and the port stays ours.
                # Else the kernel lends it to an outgoing connection while the server is away.
                self._holder = self._bound()
            self._first = self._listening()
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            wanted = self.number
            self.close()
            raise LabError(say("serve.port", port=wanted, reason=reason)) from error

    def listener(self) -> socket.socket:
        """Give a new listening socket; it belongs to the caller."""
        first, self._first = self._first, None
        return first or self._listening()

    def close(self) -> None:
        """Give the port back."""
        for opened in (self._holder, self._first):
            if opened is not None:
                opened.close()
        self._holder = self._first = None

    def _listening(self) -> socket.socket:
        listener = self._bound()
        try:
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        return listener

    def _bound(self) -> socket.socket:
        bound = socket.socket()
        try:
            if os.name == "posix":
                # Connections of a moment ago do not keep the port taken.
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Accepted connections inherit it: what the kernel holds for a slow reader is bounded.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            bound.bind((HOST, self.number))
        except BaseException:
            bound.close()
            raise
        self.number = bound.getsockname()[1]
        return bound


class Loopback:
    """Accept connections, and play what the scenario does to all of them.

    Parameters
    ----------
    server : FaultyServer
    clock : Clock
    ledger : Ledger
    port : Port
        Open.

    Attributes
    ----------
    failures : list of BaseException
        What should not have happened; whoever ended the server raises it.
    """

    def __init__(
        self, server: faults.FaultyServer, clock: Clock, ledger: Ledger, port: Port
    ) -> None:
        self.server, self.clock, self.ledger = server, clock, ledger
        self.failures: list[BaseException] = []
        self.hosts = frozenset({f"{HOST}:{port.number}", f"localhost:{port.number}"})
        self._port = port
        self._listening: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._begun = asyncio.Event()
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End it; on its own event loop only."""
        self._stopped.set()

    async def run(self) -> None:
        """Serve until stopped; every connection is closed then."""
        await self._listen()
        playing = asyncio.create_task(self._play())
        playing.add_done_callback(self._note)
        try:
            await self._stopped.wait()
        finally:
            self._refuse()
            await _cancelled([playing, *self._connections])

    def begin(self) -> None:
        """Let time begin: somebody asks for the first time."""
        self.clock.begin()
        self._begun.set()

    async def _listen(self) -> None:
        while self._listening is None:
            try:
                listener = self._port.listener()
            except OSError:
                # Where the port cannot be held meanwhile, somebody may have it for a moment.
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._listening = await asyncio.start_server(
                    self._accept, sock=listener, limit=HEAD_LIMIT_BYTES
                )

    def _refuse(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= CONNECTIONS_AT_MOST:
            writer.transport.abort()
            return
        connection = Connection(self, reader, writer)
        task = asyncio.create_task(connection.run())
        self._connections[task] = connection
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._connections[task]
        self._note(task)

    def _note(self, task: asyncio.Task[None]) -> None:
        """Keep what should not have happened; it is raised when the server ends."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)

    async def _play(self) -> None:
        """Cut connections, stop listening and listen again, as the scenario says."""
        await self._begun.wait()
        cuts = [(at, cut) for at, cut in self.server.timed if isinstance(cut, faults.Cut)]
        starts = dict(cuts)
        for moment in sorted({*starts, *(at + cut.away_seconds for at, cut in cuts)}):
            await asyncio.sleep(max(self.clock.wait_seconds(moment), 0.0))
            await self._follow(moment, starts.get(moment))

    async def _follow(self, moment: float, cut: faults.Cut | None) -> None:
        try:
            self.server.reach(moment)
        except ConnectionRefusedError:
            self._refuse()
        else:
            await self._listen()
        if cut is not None:
            for connection in list(self._connections.values()):
                connection.cut(moment, is_reset=cut.how == "reset")


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
