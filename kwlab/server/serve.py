"""The embedded server behind a socket, for clients in any language.

HTTP/1.1 on 127.0.0.1 only, any number of clients at once, one thread. What is sent, and when, is
the same as at the in-process door; here time is real, and runs ``speed`` times as fast as on a
clock. It begins to run at the first request, so that a client may take its time to start, and it
goes on when the history is over: then nothing more happens, as on a quiet cluster.

A cut closes every connection (FIN, or RST), idle ones among them. While the server is away
nothing listens, so that a client is refused as by a server that is gone; the port stays taken.
A silent connection stays open and says nothing, until the client or the server ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self

from kwlab.errors import LabError
from kwlab.history import History
from kwlab.log import Request
from kwlab.messages import say
from kwlab.server import faults
from kwlab.server.connection import Clock, Ledger
from kwlab.server.discovery import is_about_objects
from kwlab.server.loopback import HOST, Loopback, Port

QUIET_SECONDS: Final = 1.0
LATE_SECONDS: Final = 10.0
"""So long after the end somebody may still come back, in real seconds; client-go waits for 1 s."""
_LOOK_SECONDS: Final = 0.05


class Served:
    """Serve a history on loopback for as long as a ``with`` block lasts.

    Parameters
    ----------
    history : History
    scenario : iterable of faults or mappings
        What goes wrong, as :func:`kwlab.server.faults.parse` reads it.
    speed : float
        How many seconds of the history pass in a second; more than 0.
    port : int
        0 for a free one.

    Raises
    ------
    ScenarioError
        When the scenario cannot be played.
    LabError
        For a speed that is none; and, on entering, when the port cannot be had.

    Attributes
    ----------
    history : History
    scenario : tuple of faults
    speed : float

    Notes
    -----
    On leaving, every connection is closed, and no thread, socket or file is left.
    """

    def __init__(
        self,
        history: History,
        scenario: Iterable[faults.Fault | Mapping[str, Any]] = (),
        *,
        speed: float = 1.0,
        port: int = 0,
    ) -> None:
        if not 0 < speed < float("inf"):
            raise LabError(say("serve.speed", speed=f"{speed:g}"))
        self.history = history
        self.scenario = faults.parse(scenario)
        self.speed = speed
        self._server = faults.FaultyServer(history, self.scenario)
        self._clock = Clock(speed)
        self._ledger = Ledger()
        self._port = Port(port)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loopback: Loopback | None = None
        self._thread: threading.Thread | None = None
        self._kubeconfig: Path | None = None
        self._failures: list[BaseException] = []

    @property
    def port(self) -> int:
        """Give the port; 0 before the ``with`` block when a free one was asked for."""
        return self._port.number

    @property
    def url(self) -> str:
        """Give the address that a client is pointed at."""
        return f"http://{HOST}:{self.port}"

    @property
    def kubeconfig(self) -> Path:
        """Give the path of a kubeconfig for this server; it is removed at the end.

        Raises
        ------
        LabError
            Outside the ``with`` block.
        """
        if self._kubeconfig is None:
            raise LabError(say("serve.closed"))
        return self._kubeconfig

    @property
    def requests(self) -> tuple[Request, ...]:
        """Give what was asked by all clients, in the order in which it came.

        The records of open watches still grow. They stay after the end.
        """
        return self._ledger.all()

    @property
    def clients(self) -> dict[str, tuple[Request, ...]]:
        """Give the same by client, under the name that each gives itself (``User-Agent``)."""
        found: dict[str, list[Request]] = {}
        for request in self.requests:
            found.setdefault(request.client, []).append(request)
        return {client: tuple(requests) for client, requests in found.items()}

    @property
    def forgotten(self) -> int:
        """Count the oldest requests that are no longer remembered."""
        return self._ledger.forgotten

    def now(self) -> float:
        """Give the time of the history, in seconds; 0 until the first request."""
        return self._clock.now()

    def wait_until(self, at: float, *, timeout_seconds: float) -> bool:
        """Wait for a moment of the history.

        Parameters
        ----------
        at : float
            In seconds of the history; ``served.history.seconds`` for its end.
        timeout_seconds : float
            In real seconds. Until the first request no time passes, so without a limit this
            might never return.

        Returns
        -------
        bool
            Whether it has come.
        """
        deadline = time.monotonic() + timeout_seconds
        if not self._clock.began.wait(timeout_seconds):
            return False
        wanted = self._clock.real(at)
        time.sleep(max(0.0, min(wanted, deadline) - time.monotonic()))
        return wanted <= deadline

    @property
    def over_at(self) -> float:
        """Give when the history and everything that goes wrong in it are over, in seconds."""
        ends = [
            at + getattr(fault, "away_seconds", 0.0) + getattr(fault, "seconds", 0.0)
            for at, fault in self._server.timed
        ]
        return max([self.history.seconds, *ends])

    def wait_for_request(self) -> Request:
        """Wait until somebody asks for objects, with which time begins.

        Returns
        -------
        Request
            The first such request.
        """
        while True:
            for request in self.requests:
                if is_about_objects(request.path):
                    return request
            time.sleep(_LOOK_SECONDS)

    def wait_for_clients(self, *, timeout_seconds: float) -> bool:
        """Wait until all is over, and whoever was cut has come back.

        Parameters
        ----------
        timeout_seconds : float
            In real seconds.

        Returns
        -------
        bool
            Whether all is over, and for :data:`QUIET_SECONDS` everybody who watched has had a
            watch open. For who never comes back it waits :data:`LATE_SECONDS`.
        """
        deadline = time.monotonic() + timeout_seconds
        if not self.wait_until(self.over_at, timeout_seconds=timeout_seconds):
            return False
        late = self._clock.real(self.over_at) + LATE_SECONDS
        while not self._is_quiet():
            if (now := time.monotonic()) >= min(late, deadline):
                return now < deadline
            time.sleep(_LOOK_SECONDS)
        return True

    def _is_quiet(self) -> bool:
        last = {(r.client, r.path, _selectors(r)): r for r in self.requests if r.is_watch}
        since = self.now() - QUIET_SECONDS * self.speed
        return all(request.close is None and request.at <= since for request in last.values())

    def __enter__(self) -> Self:
        self._port.open()
        try:
            self._kubeconfig = _write_kubeconfig(self.url, _namespace(self.history))
            self._loop = asyncio.new_event_loop()
            self._loopback = Loopback(self._server, self._clock, self._ledger, self._port)
            self._thread = threading.Thread(target=self._run, name="kwlab-serve", daemon=True)
            self._thread.start()
        except BaseException:
            self._port.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None and self._loopback is not None and self._thread is not None
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself, with a failure
            self._loop.call_soon_threadsafe(self._loopback.stop)
        self._thread.join()
        self._port.close()
        if self._kubeconfig is not None:
            self._kubeconfig.unlink(missing_ok=True)
            self._kubeconfig = None
        if self._failures:
            raise self._failures[0]

    def _run(self) -> None:
        assert self._loop is not None and self._loopback is not None
        loop = self._loop
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._loopback.run())
        except Exception as error:
            self._failures.append(error)
        self._failures += self._loopback.failures


def _selectors(request: Request) -> tuple[str | None, ...]:
    return request.parameter("labelSelector"), request.parameter("fieldSelector")


def _namespace(history: History) -> str:
    seen = (*history.objects, *(change.object for change in history.changes[:1]))
    return (seen[0].namespace if seen else "") or "default"


def _write_kubeconfig(url: str, namespace: str) -> Path:
    """Write a kubeconfig that only its owner reads; JSON, which is YAML too."""
    name = "kwlab"
    context = {"cluster": name, "user": name, "namespace": namespace}
    value = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": {}}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }
    handle, path = tempfile.mkstemp(prefix="kwlab-", suffix=".kubeconfig")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
    return Path(path)
