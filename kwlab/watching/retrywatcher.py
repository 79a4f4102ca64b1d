"""Resume a watch whenever it ends: client-go's RetryWatcher, as a pull iterator.

It resumes and does nothing else: it lists nothing, it stores nothing, and it ends rather than
skip a change. The rules stand in :mod:`kwlab.watching.resume`; here are the clock, the random
numbers, the connection and the observer that the rules are fed from.
"""

from __future__ import annotations

import logging
import random as _random
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from kwlab.errors import Expired, RecordingOver, ResourceVersionError
from kwlab.log import Close
from kwlab.messages import say
from kwlab.watching.causes import in_full
from kwlab.watching.clock import Clock, OwnClock, RealClock
from kwlab.watching.ending import last_event, typed_end
from kwlab.watching.observer import (
    AttemptEnded,
    AttemptStarted,
    Delay,
    Delivered,
    Observer,
    Record,
    RetriesHidden,
    hidden_retries,
)
from kwlab.watching.pulling import Pulled
from kwlab.watching.response import Answer, WatchFunction
from kwlab.watching.resume import Action, Cause, Do, Happening, Kind, State, close_of, step
from kwlab.watching.retryoptions import DEFAULT, STRICT, RetryOptions
from kwlab.wire import ListOptions, WatchEvent

__all__ = [
    "AttemptEnded",
    "AttemptStarted",
    "Clock",
    "Delay",
    "Delivered",
    "Observer",
    "Record",
    "RetriesHidden",
    "RetryOptions",
    "RetryWatcher",
]

_logger: Final = logging.getLogger(__name__)


class RetryWatcher(Pulled[WatchEvent]):
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
        generator over :func:`kwlab.watching.response.events`.
    options : RetryOptions, optional
        Which rules hold; :data:`kwlab.watching.retryoptions.DEFAULT` when None.
    strict : bool
        Whether to do as client-go does to the letter, live-locks included.
    clock : Clock, optional
        When None, real time; on the ``api`` of a lab the lab's, which ends the iteration by
        :class:`~kwlab.errors.RecordingOver` when the story is over.
    random : callable
        Gives numbers from 0 up to 1, for the jitter of the back-off.
    observer : callable, optional
        Called with each :data:`kwlab.watching.observer.Record`.

    Raises
    ------
    ResourceVersionError
        For "" and "0", and for what is no str.
    ValueError
        When both ``strict`` and ``options`` are given.

    Notes
    -----
    Idle timer and deadline are timeouts of the socket, and hold wherever it is known: while an
    open answer of urllib3 is read, and with :func:`kwlab.prepared` also where the server answers
    ``Connection: close``, while headers are waited for, and while TCP and TLS are. Elsewhere the
    function's own ``_request_timeout`` counts. A function that waits for something else, the look
    for the address of a host name among it, is not interrupted.

    In real time the first failure in a row is logged as a WARNING, and so is an end that raises;
    Expired is not, for a caller lists again. The rest is for the observer.

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
        if not isinstance(resource_version, str):
            kind = type(resource_version).__name__
            raise ResourceVersionError(say("retrywatcher.no_text", kind=kind))
        if resource_version in {"", "0"}:
            message = say("retrywatcher.initial", resource_version=resource_version)
            raise ResourceVersionError(message)
        if strict and options is not None:
            raise ValueError(say("retrywatcher.options_and_strict"))
        self._watch_function = watch_function
        self._options = STRICT if strict else options or DEFAULT
        self._is_stopping = False
        self._clock = clock or OwnClock()
        self._deadline: float | None = None
        self._has_said_retries = False
        self._random = random
        self._observer = observer
        self._state = State.at(resource_version)
        self._answer: Answer | None = None
        self._begin()

    def _begin(self) -> None:
        self._state = State.at(self.resource_version)
        self._events = self._steps = self._remembering(self._attempts())

    @property
    def resource_version(self) -> str:
        """Give where to go on from: the last acknowledged event's, or a later bookmark's."""
        return self._state.resource_version

    def stop(self) -> None:
        """End the iteration silently, from any thread, a signal handler or the loop itself.

        A thread that reads an open answer, or waits for the next attempt by the real clock, wakes
        at once; so does one that waits for TLS or for the headers, with a client that went through
        :func:`kwlab.prepared`. Without that, and while TCP makes a connection, the watch function
        is not woken: iteration ends when it returns, so give it a ``_request_timeout``; with such
        a client ``idle_seconds`` is one. The consumer is never told of a transport error for it.
        """
        self._is_stopping = True
        if isinstance(self._clock, RealClock):
            self._clock.wake()
        answer = self._answer
        if answer is not None:
            answer.interrupt()

    def _attempts(self) -> _Events:
        if self._options.deadline_seconds is not None and self._deadline is None:
            self._deadline = self._clock.now() + self._options.deadline_seconds
        while not self._is_over():
            answer = Answer(self._watch_function, self._asking(), clock=self._clock)
            attempt = _Attempt(
                self._clock.now(), self.resource_version, answer, self._state.failures
            )
            if self._observer is not None:
                self._observer(AttemptStarted(attempt.started_at, attempt.handed))
            try:
                action = yield from self._attempt(attempt)
            except BaseException as error:
                self._report(attempt, _close_by(error), type(error).__name__)
                raise
            if action is None or action.cause is None:
                self._state, _ = step(self._state, Cause(Kind.STOPPED), self._options)
                self._report(attempt, Close.STOPPED, self._why_over())
                return
            if action.do is not Do.RECONNECT:
                self._report_cause(attempt, action.cause)
                yield from self._end(action, action.cause, attempt.last)
                return
            delay, why = self._delay(attempt, action)
            self._report_cause(attempt, action.cause, delay, why)
            self._say_failure(attempt, action.cause, delay)
            self._wait(delay)

    def _asking(self) -> ListOptions:
        return ListOptions(resource_version=self.resource_version, allow_watch_bookmarks=True)

    def _is_over(self) -> bool:
        return self._is_stopping or (
            self._deadline is not None and self._clock.now() >= self._deadline
        )

    def _why_over(self) -> str:
        return str(Kind.STOPPED) if self._is_stopping else "deadline"

    def _attempt(self, attempt: _Attempt) -> Generator[WatchEvent, None, Action | None]:
        """Deliver what one attempt brings; give what to do after it, or None when it is over."""
        answer = self._answer = attempt.answer
        idle = self._options.idle_seconds
        answer.until = self._deadline
        answer.limit(idle)
        has_deadline = self._deadline is not None
        try:
            # A stop() that came before this answer was known has interrupted nothing.
            for happened in () if self._is_over() else answer:
                # What a stop() did to the transport is nothing that happened.
                if self._is_stopping or (has_deadline and self._is_over()):
                    return None
                happening = happened
                if not isinstance(happened, WatchEvent):
                    lived = self._clock.now() - attempt.started_at
                    happening = replace(happened, lived_seconds=lived)
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
                if has_deadline:
                    answer.limit(idle)
            return None
        finally:
            self._answer = None
            answer.close()
            attempt.closed_at = self._clock.now()
            self._say_hidden_retries(attempt)

    def _delay(self, attempt: _Attempt, action: Action) -> tuple[float, Delay]:
        """Give the seconds from the close to the next attempt, and what decided about them."""
        pace = action.pace_seconds
        if action.jitter:
            pace *= 1 + action.jitter * self._random()
        paced = attempt.started_at + pace - attempt.closed_at
        if action.wait_seconds > max(paced, 0.0):
            return action.wait_seconds, Delay.RETRY_AFTER
        if paced <= 0:
            return 0.0, Delay.NONE
        is_slowed = action.pace_seconds > self._options.min_restart_delay_seconds
        return paced, Delay.BACK_OFF if is_slowed else Delay.PACE

    def _wait(self, delay_seconds: float) -> None:
        if self._deadline is not None:
            delay_seconds = min(delay_seconds, self._deadline - self._clock.now())
        if delay_seconds > 0 and not self._is_stopping:
            self._clock.sleep(delay_seconds)
        self._state, _ = step(self._state, Cause(Kind.DUE), self._options)

    def _end(self, action: Action, cause: Cause, last: Happening | None) -> _Events:
        if action.do is Do.RAISE and cause.error is not None:
            raise cause.error
        ended = typed_end(action, cause, self.resource_version)
        # After Expired a caller lists again, as a matter of course.
        if self._is_in_real_time and not isinstance(ended, Expired):
            # Its text: a record that held the error would hold the frames that raised it.
            _logger.warning("%s", str(ended))
        if self._options.is_end_raised:
            raise ended from cause.error
        yield last_event(cause, last)

    def _say_failure(self, attempt: _Attempt, cause: Cause, delay_seconds: float) -> None:
        """Say the first failure in a row, for somebody waits and nothing else shows it."""
        if self._is_in_real_time and attempt.failures_before == 0 < self._state.failures:
            seconds, why = f"{delay_seconds:.1f}", in_full(cause)
            message = say(
                "retrywatcher.failed", resource_version=attempt.handed, why=why, seconds=seconds
            )
            _logger.warning("%s", message)

    @property
    def _is_in_real_time(self) -> bool:
        return isinstance(self._clock, OwnClock) and self._clock.is_real

    def _say_hidden_retries(self, attempt: _Attempt) -> None:
        if not attempt.answer.hidden_retries:
            return
        record = RetriesHidden(attempt.closed_at, attempt.handed, attempt.answer.hidden_retries)
        if not self._has_said_retries:
            self._has_said_retries = True
            _logger.warning("%s", hidden_retries(record))
        if self._observer is not None:
            self._observer(record)

    def _report_cause(
        self,
        attempt: _Attempt,
        cause: Cause,
        delay_seconds: float | None = None,
        delay_why: Delay = Delay.NONE,
    ) -> None:
        close, why = close_of(cause.kind), cause.detail or str(cause.kind)
        self._report(attempt, close, why, cause.code, delay_seconds, delay_why)

    def _report(
        self,
        attempt: _Attempt,
        close: Close,
        why: str,
        code: int | None = None,
        delay_seconds: float | None = None,
        delay_why: Delay = Delay.NONE,
    ) -> None:
        if self._observer is None:
            return
        answer = attempt.answer
        headers_at = answer.headers_at
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
                delay_why=delay_why,
                asked=answer.asked,
                status=answer.status,
                headers_seconds=None if headers_at is None else headers_at - attempt.started_at,
                bytes_total=answer.bytes_total,
            )
        )


_Events: TypeAlias = Generator[WatchEvent, None, None]


@dataclass(slots=True)
class _Attempt:
    """Hold what is known of an attempt while it goes on."""

    started_at: float
    handed: str
    answer: Answer
    failures_before: int
    closed_at: float = 0.0
    delivered_total: int = 0
    last: Happening | None = None


def _close_by(error: BaseException) -> Close:
    if isinstance(error, RecordingOver):
        return Close.OVER
    return Close.FAILED if isinstance(error, Exception) else Close.STOPPED
