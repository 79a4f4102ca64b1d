"""The time that a watcher lives by: a parameter, so that it may be virtual."""

from __future__ import annotations

import contextlib
import queue
import time
from typing import Final, Protocol

_SLICE_SECONDS: Final = 0.2
"""A signal that comes just before a wait begins does not end it: its handler runs after it."""


class Clock(Protocol):
    """Tell the time and let it pass."""

    def now(self) -> float:
        """Give the time in seconds, from any beginning; it never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""


class RealClock:
    """Keep real time, in which one sleeper can be woken."""

    def __init__(self) -> None:
        # Not an Event: its lock would be taken twice where a signal handler sets it while the
        # same thread begins to wait. A SimpleQueue's put() may interrupt its own get().
        self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()

    def now(self) -> float:
        """Give the monotonic time, in seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass, or fewer when it is woken.

        Parameters
        ----------
        seconds : float
        """
        until = self.now() + seconds
        while (left := until - self.now()) > 0:
            with contextlib.suppress(queue.Empty):
                return self._woken.get(timeout=min(left, _SLICE_SECONDS))
        return None

    def wake(self) -> None:
        """End the sleep, or the next one, from any thread or signal handler."""
        self._woken.put(None)


class OwnClock(RealClock):
    """Keep real time, until a request goes to a server whose time is another: then keep that.

    The time that it tells goes on from where it was, so that what was written down before and
    what is due later stay comparable.
    """

    def __init__(self, like: OwnClock | None = None) -> None:
        super().__init__()
        self._server: Clock | None = None if like is None else like._server
        self._ahead_seconds: float = 0.0 if like is None else like._ahead_seconds

    @property
    def is_real(self) -> bool:
        """Tell whether no server has a time of its own."""
        return self._server is None

    def now(self) -> float:
        """Give the time, in seconds."""
        return self._ahead_seconds + (super().now() if self._server is None else self._server.now())

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass; a server may raise what ends all."""
        if self._server is None:
            super().sleep(seconds)
        else:
            self._server.sleep(seconds)

    def follow(self, server: Clock) -> None:
        """Keep a server's time from now on."""
        if server is not self._server:
            now = self.now()
            self._server, self._ahead_seconds = server, now - server.now()
