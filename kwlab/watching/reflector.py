"""List, watch, resume, and list again: what exists and every change, through every fault.

A Reflector is client-go's (``tools/cache/reflector.go``, v0.37.2) as a pull iterator. What exists
comes from :mod:`kwlab.watching.listing`, what changes from
:class:`~kwlab.watching.retrywatcher.RetryWatcher`, and when both failed, how a new list differs
from what was known, from :mod:`kwlab.watching.store`. Here is the order of the three: list, watch
until the resourceVersion has expired, and again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from msgspec.structs import replace as replace_struct

from kwlab.errors import (
    Denied,
    Expired,
    NoProgress,
    NotFound,
    ProtocolError,
    Stalled,
    WatchEnded,
)
from kwlab.log import Close, Origin
from kwlab.messages import say
from kwlab.watching.causes import in_full
from kwlab.watching.clock import OwnClock
from kwlab.watching.listing import Listing, Present, request_timeout
from kwlab.watching.listmethod import ListAndWatch, bound, knows_watch_list
from kwlab.watching.observer import (
    AttemptEnded,
    Delivered,
    Gap,
    Listed,
    ListFailed,
    Record,
    ReflectorRecord,
    RetriesHidden,
    hidden_retries,
)
from kwlab.watching.pausing import Pause
from kwlab.watching.pulling import Pulled
from kwlab.watching.reflectoroptions import DEFAULT, ReflectorOptions
from kwlab.watching.resume import Action, Cause, Do, Kind, Phase, State, step
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.watching.store import ReflectorEvent, Store, differences
from kwlab.wire import ListOptions

_logger: Final = logging.getLogger(__name__)


class Reflector(Pulled[ReflectorEvent]):
    """Iterate over what exists and over every change, through every fault.

    It lists, watches from the list, resumes a watch that was cut, and lists again when the server
    has forgotten where to resume from. The events of one iteration, applied to an empty store in
    their order, always give what the server had: after a list that closes a gap they say what is
    new, what has changed, and, inferred, what is gone.

    Asking for the next event acknowledges the last. Use it as a context manager, so that the
    connection is closed. One thread iterates; any thread may call :meth:`stop` and read
    :attr:`store` and :attr:`has_synced`. On the ``api`` of a lab the iteration is by the lab's
    time, and :class:`~kwlab.errors.RecordingOver` ends it when the story is over.

    Parameters
    ----------
    list_and_watch : callable
        A list method of the official client that can watch too: ``api.list_namespaced_pod``.
    *args
        What it takes in front: the namespace.
    options : ReflectorOptions, optional
        :data:`kwlab.watching.reflectoroptions.DEFAULT` when None.
    **selectors
        What else it takes, in the client's own spelling: ``label_selector``, ``field_selector``,
        ``_request_timeout``. Where to start and how to watch is the Reflector's.

    Raises
    ------
    WatchFunctionError
        When the method cannot be called so; it says what to write instead.

    References
    ----------
    client-go v0.37.2, ``tools/cache/reflector.go``.

    Examples
    --------
    >>> from kwlab import open_lab
    >>> lab = open_lab()
    >>> with Reflector(lab.api.list_namespaced_pod, lab.namespace) as reflector:
    ...     event = next(reflector)
    >>> event.origin.value, event.type.value, event.name in {name for _, name in reflector.store}
    ('list', 'ADDED', True)
    """

    def __init__(
        self,
        list_and_watch: Callable[..., Any],
        *args: object,
        options: ReflectorOptions | None = None,
        **selectors: object,
    ) -> None:
        method = bound(list_and_watch, args, selectors)
        self.store = Store()
        self._method = method
        self._options = chosen = options or DEFAULT
        self._retry = replace(chosen.retry, is_end_raised=True, is_expired_status_final=True)
        self._own_clock = OwnClock() if chosen.clock is None else None
        self._clock = self._own_clock or chosen.clock or OwnClock()
        self._listing = Listing(
            method,
            page_size=chosen.page_size,
            silence_seconds=chosen.retry.idle_seconds,
            watch_list_seconds=_watch_list_seconds(method, chosen),
            clock=self._clock,
            on_hidden_retries=self._note_hidden_retries,
        )
        self._has_said_retries = self._has_said_failure = False
        self._is_stopping = False
        self._resource_version = ""
        self._watcher: RetryWatcher | None = None
        self._in_step_at, self._why_listed = 0.0, ""
        self._watched_seconds, self._known_version, self._has_bookmarks = 0.0, "", False
        self._has_synced = False
        self._pause = Pause(chosen.retry.backoff, chosen.backoff_reset_seconds, chosen.random)
        self._until: float | None = None
        self._untold: deque[ReflectorEvent] = deque()
        self._begin()

    def _begin(self) -> None:
        # A first list closes no gap; one after an interruption does.
        self._why_listed = "interrupted"
        self._steps = self._remembering(self._rounds())
        self._events = (event for event in self._steps if event is not None)

    @property
    def has_synced(self) -> bool:
        """Tell whether a first list is wholly in the store, from any thread."""
        return self._has_synced

    def sync(self) -> bool:
        """Make the first list, and return when the store holds it, also where it is empty.

        It waits as iteration does, by the same rules. Iteration then begins with the list's
        events. Where iteration has begun there is nothing left to do.

        Returns
        -------
        bool
            :attr:`has_synced`; False after :meth:`stop`, and at the deadline.

        Raises
        ------
        WatchEnded
            When it cannot go on.
        WatchFunctionError
            When the method broke its contract.
        """
        if isinstance(self._failure, Exception):
            raise self._failure
        iter(self)
        if not self._has_synced:
            next(self._steps, None)
        return self._has_synced

    @property
    def resource_version(self) -> str:
        """Give how far it has come: the last acknowledged event's, or a later bookmark's.

        A list's own, once all its events are acknowledged; empty before the first.
        """
        watcher = self._watcher
        return self._resource_version if watcher is None else watcher.resource_version

    def stop(self) -> None:
        """End the iteration, silently and from any thread.

        A thread that reads an open answer, or waits for the next list or watch by the real clock,
        wakes at once; so does one that waits for TLS or for headers, with a client that went
        through :func:`kwlab.prepared`. Without that, and while TCP makes a connection, it ends
        when that is done, or after ``retry.idle_seconds``.
        """
        self._is_stopping = True
        self._listing.interrupt()
        watcher = self._watcher
        if watcher is not None:
            watcher.stop()
        if self._own_clock is not None:
            self._own_clock.wake()

    def _rounds(self) -> _Steps:
        deadline = self._retry.deadline_seconds
        if self._until is None:
            self._until = float("inf") if deadline is None else self._clock.now() + deadline
        until, state = self._until, State.at("")
        yield from self._tell()
        while not self._is_over(until):
            round_ = _Round(self._clock.now(), self._resource_version)
            ended = yield from self._round(round_, until)
            if ended is None or self._is_over(until):
                return
            state, action = step(self._stood(state, round_), ended, self._retry)
            delay = self._delay(round_, action)
            if not round_.watched_from:
                self._report_failure(round_, ended, delay)
            if delay is None:
                raise self._ending(action, ended) from ended.error
            if not round_.watched_from:
                self._say_failure(ended, delay)
            self._clock.sleep(min(delay, until - self._clock.now()))

    def _is_over(self, until: float) -> bool:
        return self._is_stopping or self._clock.now() >= until

    def _round(
        self, round_: _Round, until: float
    ) -> Generator[ReflectorEvent | None, None, Cause | None]:
        """List, then watch; give why another list is needed, or None when it is over."""
        found = self._listing.fetch(round_.known, until)
        if isinstance(found, Cause):
            return found
        round_.watched_from = found.resource_version
        self._report_present(round_, found)
        yield from self._catch_up(found)
        ended = yield from self._watch(found.resource_version, until)
        self._why_listed = "" if ended is None else ended.detail
        return ended

    def _catch_up(self, found: Present) -> _Steps:
        """Deliver how what exists differs from what was known, then stand where the list stands."""
        origin = Origin.RELIST if self._resource_version else Origin.LIST
        events = list(differences(self.store.events(), found.objects, origin=origin))
        self._untold.extend(events)
        self.store.apply_all(events)
        if not self._has_synced:
            self._has_synced = True
            # Nothing is delivered here; it is where sync() returns.
            yield None
        yield from self._tell()
        if not self._untold:
            self._resource_version = found.resource_version

    def _tell(self) -> Generator[ReflectorEvent, None, None]:
        """Deliver what the store holds and was not delivered yet."""
        while self._untold and not self._is_stopping:
            self._report(Delivered(self._clock.now(), self._untold[0]))
            yield self._untold[0]
            self._untold.popleft()

    def _watch(
        self, resource_version: str, until: float
    ) -> Generator[ReflectorEvent, None, Cause | None]:
        """Deliver what changes; give why it cannot be resumed, or None when it is over."""
        if self._is_stopping:
            return None
        deadline = None if until == float("inf") else max(0.0, until - self._clock.now())
        self._in_step_at, self._watched_seconds = self._clock.now(), 0.0
        self._known_version = resource_version
        watcher = self._watcher = RetryWatcher(
            resource_version,
            self._opened,
            options=replace(self._retry, deadline_seconds=deadline),
            # The same time, and not the same clock: closing a watcher wakes who sleeps by it.
            clock=self._options.clock or OwnClock(self._own_clock),
            random=self._options.random,
            observer=self._note,
        )
        # A stop() that came before this watcher was known has stopped nothing.
        if self._is_stopping:
            watcher.stop()
        try:
            with watcher:
                for event in watcher:
                    told = ReflectorEvent(event.line, Origin.WATCH)
                    self.store.apply(told)
                    yield told
        except Expired as expired:
            # To the table a list whose watch never gets anywhere is an answer that failed, and one
            # whose watch was quiet for long has only come to its end.
            watched = self._watched_seconds
            was_quiet = watched > self._retry.min_restart_delay_seconds
            kind = Kind.CLEAN_END if was_quiet else Kind.ERROR
            detail = f"{expired.code} Expired"
            return Cause(kind, code=expired.code, detail=detail, lived_seconds=watched)
        finally:
            self._resource_version = watcher.resource_version
            self._watcher = None
        return None

    def _opened(self, options: ListOptions) -> Any:
        asked = options.replace(timeout_seconds=self._drawn_seconds())
        return self._method(
            watch=True, _preload_content=False, **request_timeout(self._method), **asked
        )

    def _drawn_seconds(self) -> int:
        low, high = self._options.watch_seconds
        drawn = low + int((high - low) * self._options.random())
        idle = self._retry.idle_seconds
        if idle is None or self._has_bookmarks or high <= _QUIET_SHARE * idle:
            return drawn
        return max(1, int(drawn * _QUIET_SHARE * idle / high))

    def _stood(self, state: State, round_: _Round) -> State:
        """Give where the round stood before it ended: only a watch is progress, a list is not."""
        watched_from = round_.watched_from or self._resource_version
        phase = Phase.OPEN if round_.watched_from or self._listing.is_answered else Phase.ASKING
        return replace_struct(
            state, phase=phase, resource_version=self._resource_version, asked=watched_from
        )

    def _delay(self, round_: _Round, action: Action) -> float | None:
        """Give how long to wait from now on, in seconds; None where that would not help."""
        if action.do is not Do.RECONNECT:
            return None
        now, pace = self._clock.now(), action.pace_seconds
        if action.jitter:
            pace *= 1 + action.jitter * self._options.random()
        paced = round_.started_at + pace - now
        return max(paced, action.wait_seconds, self._pause.after(now - round_.started_at))

    def _ending(self, action: Action, cause: Cause) -> BaseException:
        if action.do is Do.RAISE and cause.error is not None:
            return cause.error
        assert action.ending is not None
        message = say(_SENTENCES[action.ending], detail=cause.detail, n=action.repeated)
        if self._is_in_real_time:
            _logger.warning("%s", message)
        return action.ending(message, resource_version=self._resource_version, code=cause.code)

    def _note(self, record: Record) -> None:
        """Remember until when a watch was in step, for how long, and whether bookmarks came."""
        if isinstance(record, Delivered):
            self._in_step_at = record.at
            self._known_version = record.event.resource_version
        elif isinstance(record, AttemptEnded):
            # No event has moved it so far.
            self._has_bookmarks |= record.resource_version != self._known_version
            self._known_version = record.resource_version
            # One that was refused never was in step.
            if record.close in _OPEN_TO_THE_END:
                self._in_step_at = record.closed_at
            if record.headers_seconds is not None and record.close in _HEARD_TO_THE_END:
                lived = record.closed_at - record.started_at - record.headers_seconds
                self._watched_seconds = max(self._watched_seconds, lived)
        self._report(record)

    @property
    def _is_in_real_time(self) -> bool:
        return self._own_clock is not None and self._own_clock.is_real

    def _note_hidden_retries(self, retries_total: int) -> None:
        record = RetriesHidden(self._clock.now(), self._resource_version, retries_total)
        if not self._has_said_retries:
            self._has_said_retries = True
            _logger.warning("%s", hidden_retries(record))
        self._report(record)

    def _say_failure(self, cause: Cause, delay_seconds: float) -> None:
        """Say the first list in a row that failed, for somebody waits and nothing else shows it."""
        if self._is_in_real_time and not self._has_said_failure:
            self._has_said_failure = True
            message = say("reflector.failed", why=in_full(cause), seconds=f"{delay_seconds:.1f}")
            _logger.warning("%s", message)

    def _report(self, record: ReflectorRecord) -> None:
        if self._options.observer is not None:
            self._options.observer(record)

    def _report_present(self, round_: _Round, found: Present) -> None:
        self._has_said_failure = False
        now, version = self._clock.now(), found.resource_version
        objects, requests = len(found.objects), found.requests_total
        self._report(Listed(round_.started_at, now, round_.known, version, objects, requests))
        if round_.known:
            self._report(Gap(round_.known, version, now - self._in_step_at, self._why_listed))

    def _report_failure(self, round_: _Round, cause: Cause, delay: float | None) -> None:
        now, why = self._clock.now(), cause.detail or str(cause.kind)
        self._report(ListFailed(round_.started_at, now, round_.known, cause.code, delay, why))


_Steps: TypeAlias = Generator[ReflectorEvent | None, None, None]
"""The events, and None once: where the first list is in the store."""


@dataclass(slots=True)
class _Round:
    """Hold what is known of one list and the watch that follows it."""

    started_at: float
    known: str
    watched_from: str = ""


def _watch_list_seconds(method: ListAndWatch, options: ReflectorOptions) -> float | None:
    if not options.use_watch_list:
        return None
    if not knows_watch_list(method):
        name = getattr(method.func, "__name__", repr(method.func))
        _logger.warning("%s", say("reflector.no_watch_list", method=name))
        return None
    return options.watch_list_deadline_seconds


_OPEN_TO_THE_END: Final = frozenset({Close.TIMEOUT, Close.CUT})
_HEARD_TO_THE_END: Final = _OPEN_TO_THE_END | {Close.ERROR}
_QUIET_SHARE: Final = 0.8
"""Of the idle timer: how long a watch may be when it may hear nothing before its end."""

_SENTENCES: Final[dict[type[WatchEnded], str]] = {
    Denied: "end.denied",
    NotFound: "end.not_found",
    ProtocolError: "reflector.unreadable",
    NoProgress: "reflector.no_progress",
    Stalled: "reflector.stalled",
}
