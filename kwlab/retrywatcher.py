"""Resume a watch whenever it ends: client-go's RetryWatcher, as a pull iterator.

It resumes and does nothing else: it lists nothing, it stores nothing, and it ends rather than
skip a change. The rules stand in :mod:`kwlab.resume`; here are the clock, the random numbers, the
connection and the observer that the rules are fed from.
"""

from __future__ import annotations

import contextlib
import random as _random
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import TracebackType
from typing import Final, Protocol, TypeAlias

from kwlab.errors import (
    Denied,
    Expired,
    NoProgress,
    NotFound,
    ProtocolError,
    RecordingOver,
    ResourceVersionError,
    Stalled,
    WatchEnded,
)
from kwlab.log import Close
from kwlab.messages import say
from kwlab.response import Answer, WatchFunction
from kwlab.resume import (
    DEFAULT,
    STRICT,
    Action,
    Cause,
    Do,
    Happening,
    Kind,
    RetryOptions,
    State,
    close_of,
    step,
)
from kwlab.wire import EventType, ListOptions, Status, WatchEvent, error_event


class Clock(Protocol):
    """Tell the time and let it pass."""

    def now(self) -> float:
        """Give the time in seconds, from any beginning; it never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""


class _RealClock:
    """Keep real time, and wake when the watcher is stopped."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self._stopped.wait(min(seconds, threading.TIMEOUT_MAX))


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """Tell an observer that the watch function is about to be called.

    Parameters
    ----------
    at : float
        When, in seconds of the watcher's clock.
    handed : str
        The resourceVersion that it is handed.
    """

    at: float
    handed: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """Tell an observer that an event is about to be delivered.

    Parameters
    ----------
    at : float
        When, in seconds of the watcher's clock.
    event : WatchEvent
    """

    at: float
    event: WatchEvent


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """Tell an observer how an attempt went.

    Parameters
    ----------
    started_at, closed_at : float
        From the call to the close, in seconds of the watcher's clock.
    handed : str
        The resourceVersion that the function was handed.
    resource_version : str
        Where the next attempt would resume from.
    close : Close
        How it ended.
    code : int or None
        The HTTP code, or the code of the ERROR event, that ended it.
    delivered_total : int
        How many events were delivered; bookmarks are not among them.
    delay_seconds : float or None
        From the close to the next attempt, in seconds; None when there will be none.
    why : str
        What ended it, in a few words.
    """

    started_at: float
    closed_at: float
    handed: str
    resource_version: str
    close: Close
    code: int | None
    delivered_total: int
    delay_seconds: float | None
    why: str


Record: TypeAlias = AttemptStarted | Delivered | AttemptEnded
"""What an observer is called with."""

Observer: TypeAlias = Callable[[Record], None]
"""A hook for logs and metrics, called in the thread that iterates."""


class RetryWatcher:
    """Iterate over the changes after a resourceVersion, through every reconnect.

    Asking for the next event acknowledges the last: an event whose handling failed is sent again
    to whoever resumes from :attr:`resource_version`. Use it as a context manager, so that the
    connection is closed. One thread iterates; any thread may call :meth:`stop`.

    Parameters
    ----------
    resource_version : str
        Where to begin: the list's own, or one that was saved. Not "" and not "0", from which a
        server sends whatever it has.
    watch_function : callable
        Takes :class:`~kwlab.wire.ListOptions` and returns the client's open response, or is a
        generator over :func:`kwlab.response.events`.
    options : RetryOptions, optional
        Which rules hold; :data:`kwlab.resume.DEFAULT` when None.
    strict : bool
        Whether to do as client-go does to the letter, live-locks included.
    clock : Clock, optional
        The real one when None.
    random : callable
        Gives numbers from 0 up to 1, for the jitter of the back-off.
    observer : callable, optional
        Called with each :data:`Record`.

    Raises
    ------
    ResourceVersionError
        For "" and "0".
    ValueError
        When both ``strict`` and ``options`` are given.

    References
    ----------
    client-go v0.37.2, ``tools/watch/retrywatcher.go``.

    Examples
    --------
    >>> def two_changes(options):
    ...     for name, version in (("a", "8"), ("b", "9")):
    ...         yield WatchEvent(
    ...             b'{"type":"ADDED","object":{"metadata":{"name":"%s","resourceVersion":"%s"}}}'
    ...             % (name.encode(), version.encode())
    ...         )
    >>> with RetryWatcher("7", two_changes) as watcher:
    ...     print(next(watcher).name, watcher.resource_version)
    ...     print(next(watcher).name, watcher.resource_version)
    a 7
    b 8
    """

    def __init__(
        self,
        resource_version: str,
        watch_function: WatchFunction,
        *,
        options: RetryOptions | None = None,
        strict: bool = False,
        clock: Clock | None = None,
        random: Callable[[], float] = _random.random,
        observer: Observer | None = None,
    ) -> None:
        if resource_version in {"", "0"}:
            message = say("retrywatcher.initial", resource_version=resource_version)
            raise ResourceVersionError(message)
        if strict and options is not None:
            raise ValueError(say("retrywatcher.options_and_strict"))
        self._watch_function = watch_function
        self._options = STRICT if strict else options or DEFAULT
        self._stopped = threading.Event()
        self._is_stopping = False
        self._clock = clock or _RealClock(self._stopped)
        self._random = random
        self._observer = observer
        self._state = State.at(resource_version)
        self._answer: Answer | None = None
        self._failure: BaseException | None = None
        self._events = self._run()

    @property
    def resource_version(self) -> str:
        """Give where to go on from: the last acknowledged event's, or a later bookmark's."""
        return self._state.resource_version

    def stop(self) -> None:
        """End the iteration, silently and from any thread.

        A thread that waits for the next event wakes where the socket can be reached, and a
        thread that waits for the next attempt wakes with the real clock. A thread that still
        waits for the watch function to return ends when that does: give the function a
        ``_request_timeout``.
        """
        self._is_stopping = True
        self._stopped.set()
        answer = self._answer
        if answer is not None:
            answer.interrupt()

    def close(self) -> None:
        """Stop, and close the open response."""
        self.stop()
        # Another thread may be inside the iteration; then it closes, as soon as it wakes.
        with contextlib.suppress(ValueError):
            self._events.close()

    def __enter__(self) -> RetryWatcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[WatchEvent]:
        """Give the one iteration of this watcher, which a second loop continues.

        Returns
        -------
        iterator of WatchEvent
        """
        return self._events if self._failure is None else self._fail_again()

    def __next__(self) -> WatchEvent:
        """Acknowledge the last event and wait for the next.

        Returns
        -------
        WatchEvent

        Raises
        ------
        StopIteration
            After :meth:`stop`.
        WatchEnded
            When it cannot go on; ``resource_version`` in it says where to go on from.
        WatchFunctionError
            When the watch function broke its contract.
        """
        return next(iter(self))

    def _fail_again(self) -> Iterator[WatchEvent]:
        assert self._failure is not None
        raise self._failure
        yield

    def _run(self) -> _Events:
        try:
            yield from self._attempts()
        except GeneratorExit:
            raise
        except BaseException as error:
            self._failure = error
            raise

    def _attempts(self) -> _Events:
        while not self._is_stopping:
            attempt = _Attempt(self._clock.now(), self.resource_version)
            if self._observer is not None:
                self._observer(AttemptStarted(attempt.started_at, attempt.handed))
            try:
                action = yield from self._attempt(attempt)
            except BaseException as error:
                self._report(attempt, _close_by(error), type(error).__name__)
                raise
            if action is None or action.cause is None:
                self._state, _ = step(self._state, Cause(Kind.STOPPED), self._options)
                self._report(attempt, Close.STOPPED, Kind.STOPPED)
            elif action.do is Do.RECONNECT:
                self._wait(self._reported_delay(attempt, action, action.cause))
            else:
                self._report(
                    attempt, close_of(action.cause.kind), _why(action.cause), action.cause.code
                )
                yield from self._end(action, action.cause, attempt.last)
                return

    def _attempt(self, attempt: _Attempt) -> Generator[WatchEvent, None, Action | None]:
        """Deliver what one attempt brings; give what to do after it, or None when stopped."""
        options = ListOptions(resource_version=attempt.handed, allow_watch_bookmarks=True)
        answer = self._answer = Answer(self._watch_function, options)
        try:
            # A stop() that came before this answer was known has interrupted nothing.
            for happened in () if self._is_stopping else answer:
                if self._is_stopping:
                    break
                happening = self._timed(happened, attempt)
                state, action = step(self._state, happening, self._options)
                if action.do is Do.DELIVER and isinstance(happening, WatchEvent):
                    attempt.delivered_total += 1
                    if self._observer is not None:
                        self._observer(Delivered(self._clock.now(), happening))
                    yield happening
                elif action.do is not Do.SKIP and action.do is not Do.READ:
                    self._state, attempt.last = state, happening
                    return action
                # Only now: until the next event is asked for, this one is not acknowledged.
                self._state = state
            return None
        finally:
            self._answer = None
            answer.close()
            attempt.closed_at = self._clock.now()

    def _timed(self, happening: Happening, attempt: _Attempt) -> Happening:
        if isinstance(happening, WatchEvent):
            return happening
        return replace(happening, lived_seconds=self._clock.now() - attempt.started_at)

    def _reported_delay(self, attempt: _Attempt, action: Action, cause: Cause) -> float:
        delay = self._delay(attempt, action)
        self._report(attempt, close_of(cause.kind), _why(cause), cause.code, delay)
        return delay

    def _delay(self, attempt: _Attempt, action: Action) -> float:
        pace = action.pace_seconds
        if action.jitter:
            pace *= 1 + action.jitter * self._random()
        due = max(attempt.started_at + pace, attempt.closed_at + action.wait_seconds)
        return max(0.0, due - attempt.closed_at)

    def _wait(self, delay_seconds: float) -> None:
        if delay_seconds > 0 and not self._is_stopping:
            self._clock.sleep(delay_seconds)
        self._state, _ = step(self._state, Cause(Kind.DUE), self._options)

    def _end(self, action: Action, cause: Cause, last: Happening | None) -> _Events:
        if action.do is Do.RAISE and cause.error is not None:
            raise cause.error
        if self._options.is_end_raised:
            raise self._ending(action, cause) from cause.error
        yield _last_event(cause, last)

    def _ending(self, action: Action, cause: Cause) -> WatchEnded:
        assert action.ending is not None
        key = _SENTENCES[action.ending]
        if cause.kind is Kind.NO_RESOURCE_VERSION:
            key = "end.no_resource_version"
        message = say(
            key,
            resource_version=self.resource_version,
            code=cause.code,
            detail=cause.detail,
            n=action.repeated,
        )
        return action.ending(message, resource_version=self.resource_version, code=cause.code)

    def _report(
        self,
        attempt: _Attempt,
        close: Close,
        why: str,
        code: int | None = None,
        delay_seconds: float | None = None,
    ) -> None:
        if self._observer is None:
            return
        self._observer(
            AttemptEnded(
                started_at=attempt.started_at,
                closed_at=attempt.closed_at,
                handed=attempt.handed,
                resource_version=self.resource_version,
                close=close,
                code=code,
                delivered_total=attempt.delivered_total,
                delay_seconds=delay_seconds,
                why=why,
            )
        )


_Events: TypeAlias = Generator[WatchEvent, None, None]


@dataclass(slots=True)
class _Attempt:
    """Hold what is known of an attempt while it goes on."""

    started_at: float
    handed: str
    closed_at: float = 0.0
    delivered_total: int = 0
    last: Happening | None = None


_SENTENCES: Final[dict[type[WatchEnded], str]] = {
    Expired: "end.expired",
    Denied: "end.denied",
    NotFound: "end.not_found",
    ProtocolError: "end.unreadable",
    NoProgress: "end.no_progress",
    Stalled: "end.stalled",
}


def _why(cause: Cause) -> str:
    return cause.detail or str(cause.kind)


def _close_by(error: BaseException) -> Close:
    if isinstance(error, RecordingOver):
        return Close.OVER
    return Close.FAILED if isinstance(error, Exception) else Close.STOPPED


def _last_event(cause: Cause, last: Happening | None) -> WatchEvent:
    """Give the ERROR event with which client-go ends: the server's own, or one of its making."""
    if isinstance(last, WatchEvent) and last.type is EventType.ERROR:
        return last
    if cause.kind is Kind.NO_RESOURCE_VERSION:
        message = say("retrywatcher.no_resource_version")
        return error_event(Status(500, "InternalError", message))
    status = cause.status or Status(cause.code or 0)
    reason = status.reason or HTTPStatus(status.code).phrase.replace(" ", "")
    return error_event(replace(status, reason=reason))
