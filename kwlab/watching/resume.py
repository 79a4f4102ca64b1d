"""Where to go on from, and when: the resumption of a cut watch as a table and one pure step.

Nothing here reads a socket, a clock or a random number. :data:`TABLE` says for each phase and
kind of cause what is done; :func:`step` looks it up and counts. The diagram in the notebooks is
drawn from the table.

By default a watch is resumed as client-go's RetryWatcher (v0.37.2) resumes it, except where the
same request would be made for ever or a program's own mistake would be hidden. Each difference
is a field of :class:`~kwlab.watching.retryoptions.RetryOptions`; ``STRICT`` turns all of them off.

=========================== =================================== ============================
what happens                client-go, and ``STRICT``           by default
=========================== =================================== ============================
410 as an HTTP status       asks for the same RV for ever       ends: Expired
404 as an HTTP status       asks again for ever                 ends: NotFound
the function raises         calls it again for ever             its own error
the function returns None   calls it again for ever             WatchFunctionError
the same failure, no        asks again for ever                 ends: NoProgress, Stalled or
progress                                                        ProtocolError
one failure after another   every second                        exponential back-off, jitter
a Retry-After of a year     waits for a year                    waits as long as is allowed
a half-open connection      waits for ever                      asks again
an end                      an ERROR event, then silence        a typed error
=========================== =================================== ============================

References
----------
client-go v0.37.2 ``tools/watch/retrywatcher.go``; ``tools/cache/reflector.go`` for the back-off
and for what a very short watch is.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace

from kwlab.errors import Denied, Expired, NoProgress, NotFound, ProtocolError, Stalled, WatchEnded
from kwlab.log import Close
from kwlab.watching.retryoptions import DEFAULT, STRICT, Backoff, RetryOptions
from kwlab.wire import EventType, Status, WatchEvent

__all__ = [
    "DEFAULT",
    "STRICT",
    "TABLE",
    "Action",
    "Backoff",
    "Cause",
    "Do",
    "Happening",
    "Kind",
    "Phase",
    "RetryOptions",
    "Rule",
    "State",
    "cause_of",
    "close_of",
    "rule",
    "step",
]


class Phase(enum.StrEnum):
    """Name where a watcher stands."""

    ASKING = "asking"
    """The watch function was called and has not answered."""
    OPEN = "open"
    """The answer is being read."""
    WAITING = "waiting"
    """The last attempt is over, the next is not due."""
    ENDED = "ended"
    """There will be no further attempt."""


class Kind(enum.StrEnum):
    """Name what can happen to a watcher."""

    OPENED = "opened"
    EVENT = "event"
    BOOKMARK = "bookmark"
    NO_RESOURCE_VERSION = "object without resourceVersion"
    ERROR_EXPIRED = "ERROR 410"
    ERROR = "ERROR"
    UNREADABLE = "unreadable line"
    CLEAN_END = "clean end"
    CUT = "cut"
    SILENT = "silence"
    REFUSED = "no connection"
    STATUS_EXPIRED = "HTTP 410"
    STATUS_DENIED = "HTTP 401, 403"
    STATUS_NOT_FOUND = "HTTP 404"
    STATUS_LATER = "HTTP 429, 502, 503, 504"
    STATUS = "another HTTP status"
    NOTHING = "function returned None"
    RAISED = "function raised"
    DUE = "next attempt due"
    STOPPED = "stop()"


class Do(enum.StrEnum):
    """Name what a watcher does."""

    ASK = "ask"
    READ = "read"
    DELIVER = "deliver"
    SKIP = "skip"
    RECONNECT = "reconnect"
    END = "end"
    RAISE = "raise"
    """Hand the function's own error to whoever iterates."""
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Cause:
    """Hold what happened to an attempt, other than an event.

    Parameters
    ----------
    kind : Kind
        What happened.
    code : int or None
        The HTTP code; None when there was no answer.
    status : Status or None
        What the server said about it.
    retry_after_seconds : float
        How long the server asked to be left alone, in seconds; 0 when it did not ask.
    detail : str
        What happened, for a message.
    error : Exception or None
        The exception behind it.
    lived_seconds : float
        From the start of the attempt to its end; the loop fills it in, for it has the clock.
    """

    kind: Kind
    code: int | None = None
    status: Status | None = None
    retry_after_seconds: float = 0.0
    detail: str = ""
    error: Exception | None = None
    lived_seconds: float = 0.0


Happening: TypeAlias = WatchEvent | Cause
"""What :func:`step` is fed with."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Say what is done about one kind of cause in one phase.

    Parameters
    ----------
    do : Do
        What is done.
    to : Phase
        Where that leads.
    ending : type of WatchEnded or None
        How it ends, when it ends.
    given_up_as : type of WatchEnded or None
        How it ends when it was done ``no_progress_limit`` times without progress; None: it is
        done for ever.
    option : str or None
        The field of :class:`RetryOptions` that has to be true, or client-go's rule holds, which
        is to reconnect.
    """

    do: Do
    to: Phase
    ending: type[WatchEnded] | None = None
    given_up_as: type[WatchEnded] | None = None
    option: str | None = None


_RETRY: Final = Rule(Do.RECONNECT, Phase.WAITING)
_RETRY_WITHIN_LIMIT: Final = Rule(Do.RECONNECT, Phase.WAITING, given_up_as=NoProgress)
_STOP: Final = Rule(Do.STOP, Phase.ENDED)
_RAISE: Final = Rule(Do.RAISE, Phase.ENDED, option="is_function_error_final")


def _end(ending: type[WatchEnded], option: str | None = None) -> Rule:
    return Rule(Do.END, Phase.ENDED, ending=ending, option=option)


_FAILURES: Final[dict[Kind, Rule]] = {
    Kind.STATUS_EXPIRED: _end(Expired, "is_expired_status_final"),
    Kind.STATUS_DENIED: _end(Denied),
    Kind.STATUS_NOT_FOUND: _end(NotFound, "is_not_found_final"),
    # Too busy, or a balancer with nobody behind it: nothing is said about the resourceVersion.
    Kind.STATUS_LATER: _RETRY,
    Kind.STATUS: _RETRY_WITHIN_LIMIT,
    Kind.REFUSED: _RETRY,
    Kind.NOTHING: _RAISE,
    Kind.RAISED: _RAISE,
    Kind.STOPPED: _STOP,
}

TABLE: Final[Mapping[tuple[Phase, Kind], Rule]] = MappingProxyType(
    {
        **{(Phase.ASKING, kind): rule for kind, rule in _FAILURES.items()},
        (Phase.ASKING, Kind.OPENED): Rule(Do.READ, Phase.OPEN),
        (Phase.ASKING, Kind.SILENT): _RETRY,
        # A generator function may ask again, and fail, after it has yielded.
        **{(Phase.OPEN, kind): rule for kind, rule in _FAILURES.items()},
        (Phase.OPEN, Kind.EVENT): Rule(Do.DELIVER, Phase.OPEN),
        (Phase.OPEN, Kind.BOOKMARK): Rule(Do.SKIP, Phase.OPEN),
        (Phase.OPEN, Kind.NO_RESOURCE_VERSION): _end(ProtocolError),
        (Phase.OPEN, Kind.ERROR_EXPIRED): _end(Expired),
        (Phase.OPEN, Kind.ERROR): _RETRY_WITHIN_LIMIT,
        (Phase.OPEN, Kind.UNREADABLE): Rule(Do.RECONNECT, Phase.WAITING, given_up_as=ProtocolError),
        (Phase.OPEN, Kind.CLEAN_END): _RETRY_WITHIN_LIMIT,
        (Phase.OPEN, Kind.CUT): _RETRY_WITHIN_LIMIT,
        (Phase.OPEN, Kind.SILENT): Rule(Do.RECONNECT, Phase.WAITING, given_up_as=Stalled),
        (Phase.WAITING, Kind.DUE): Rule(Do.ASK, Phase.ASKING),
        (Phase.WAITING, Kind.STOPPED): _STOP,
    }
)
"""What is done in each phase about each kind of cause. What does not stand here cannot happen."""


# One is made for every event, which takes a frozen dataclass six times as long.
class State(msgspec.Struct, frozen=True):
    """Hold all that a watcher knows between two causes.

    Parameters
    ----------
    resource_version : str
        Where the next attempt resumes from.
    phase : Phase
        Where the watcher stands.
    failures : int
        Attempts in a row that failed without progress: the pace of the back-off.
    answered : int
        Those of them in which the server was there and failed: what the limit counts.
    is_heard : bool
        Whether a line came in this attempt.
    asked : str
        The resourceVersion that this attempt was handed.
    """

    resource_version: str
    phase: Phase = Phase.ASKING
    failures: int = 0
    answered: int = 0
    is_heard: bool = False
    asked: str = ""

    @classmethod
    def at(cls, resource_version: str) -> State:
        """Stand at the beginning, about to ask from a resourceVersion.

        Parameters
        ----------
        resource_version : str

        Returns
        -------
        State
        """
        return cls(resource_version, asked=resource_version)

    @property
    def has_progressed(self) -> bool:
        """Tell whether this attempt has moved the resourceVersion away from where it began.

        The end counts, not the way: a function that throws the resourceVersion away is sent
        older ones again and arrives where it was.
        """
        return self.resource_version != self.asked


@dataclass(frozen=True, slots=True)
class Action:
    """Say what to do next.

    Parameters
    ----------
    do : Do
        What.
    cause : Cause or None
        Why, where an attempt is over.
    ending : type of WatchEnded or None
        What to end with, where it ends.
    pace_seconds : float
        From the start of the last attempt to the start of the next, in seconds, at least.
    jitter : float
        The share of the pace that may be added at random.
    wait_seconds : float
        From the end of the last attempt to the start of the next, in seconds, at least.
    repeated : int
        How many attempts in a row failed without progress.
    """

    do: Do
    cause: Cause | None = None
    ending: type[WatchEnded] | None = None
    pace_seconds: float = 0.0
    jitter: float = 0.0
    wait_seconds: float = 0.0
    repeated: int = 0


_DELIVER: Final = Action(Do.DELIVER)
_SKIP: Final = Action(Do.SKIP)


def step(
    state: State, happening: Happening, options: RetryOptions = DEFAULT
) -> tuple[State, Action]:
    """Give what follows from what happened.

    Parameters
    ----------
    state : State
        Where the watcher stands.
    happening : WatchEvent or Cause
        What happened.
    options : RetryOptions
        Which rules hold.

    Returns
    -------
    state : State
        Where the watcher then stands. After a delivery it holds once the event is acknowledged.
    action : Action
        What is to be done.

    Raises
    ------
    ValueError
        When that cannot happen in this phase.

    Examples
    --------
    >>> state, action = step(State("7", Phase.OPEN, asked="6"), Cause(Kind.CUT, lived_seconds=60.0))
    >>> action.do, action.pace_seconds, state.resource_version
    (<Do.RECONNECT: 'reconnect'>, 1.0, '7')
    """
    if isinstance(happening, WatchEvent):
        if state.phase is Phase.OPEN and happening.type is not EventType.ERROR:
            return _line(state, happening, options)
        happening = cause_of(happening)
    return _turn(state, happening, options)


def rule(phase: Phase, kind: Kind, options: RetryOptions = DEFAULT) -> Rule:
    """Look up what is done about a kind of cause in a phase.

    Parameters
    ----------
    phase : Phase
    kind : Kind
    options : RetryOptions
        Which rules hold.

    Returns
    -------
    Rule

    Raises
    ------
    ValueError
        When that cannot happen in this phase.
    """
    found = TABLE.get((phase, kind))
    if found is None:
        raise ValueError(f"{kind!s} cannot happen while {phase!s}")
    if found.option is not None and not getattr(options, found.option):
        return _RETRY
    return found


def _line(state: State, event: WatchEvent, options: RetryOptions) -> tuple[State, Action]:
    version = event.resource_version
    if not version:
        return _turn(state, Cause(Kind.NO_RESOURCE_VERSION), options)
    action = _SKIP if event.type is EventType.BOOKMARK else _DELIVER
    return State(version, Phase.OPEN, state.failures, state.answered, True, state.asked), action


def cause_of(event: WatchEvent) -> Cause:
    """Say what an event means to an attempt, apart from what it tells.

    Parameters
    ----------
    event : WatchEvent

    Returns
    -------
    Cause
        Of an ERROR event, what ended the attempt.
    """
    if event.type is not EventType.ERROR:
        return Cause(Kind.BOOKMARK if event.type is EventType.BOOKMARK else Kind.EVENT)
    status = event.status
    if status is None:
        return Cause(Kind.ERROR, detail="an ERROR event without a Status")
    kind = Kind.ERROR_EXPIRED if status.code == 410 else Kind.ERROR
    return Cause(
        kind,
        code=status.code,
        status=status,
        retry_after_seconds=status.retry_after_seconds,
        detail=f"an ERROR event: {status.code} {status.reason}".rstrip(),
    )


def _turn(state: State, cause: Cause, options: RetryOptions) -> tuple[State, Action]:
    found = rule(state.phase, cause.kind, options)
    if found.do in {Do.DELIVER, Do.SKIP}:
        raise ValueError(f"{cause.kind!s} cannot happen without the event itself")
    if found.do is Do.RECONNECT:
        return _reconnect(state, cause, found, options)
    action = Action(found.do, cause=cause, ending=found.ending)
    if found.do is Do.ASK:
        return replace(state, phase=found.to, asked=state.resource_version, is_heard=False), action
    return replace(state, phase=found.to), action


def _reconnect(
    state: State, cause: Cause, found: Rule, options: RetryOptions
) -> tuple[State, Action]:
    failures, answered = _counted(state, cause, found, options)
    following = replace(state, phase=found.to, failures=failures, answered=answered)
    limit = options.no_progress_limit
    if limit is not None and answered > state.answered and answered >= limit:
        given_up = Action(Do.END, cause=cause, ending=found.given_up_as, repeated=answered)
        return replace(following, phase=Phase.ENDED), given_up
    pace, jitter = _pace(failures, options)
    return following, Action(
        Do.RECONNECT,
        cause=cause,
        pace_seconds=pace,
        jitter=jitter,
        wait_seconds=_wait(cause, options),
        repeated=failures,
    )


def _counted(state: State, cause: Cause, found: Rule, options: RetryOptions) -> tuple[int, int]:
    if state.has_progressed:
        return 0, 0
    if _is_failure(state, cause, options):
        return state.failures + 1, state.answered + (found.given_up_as is not None)
    if cause.kind is Kind.CLEAN_END:
        return 0, 0
    return state.failures, state.answered


def _is_failure(state: State, cause: Cause, options: RetryOptions) -> bool:
    """Tell whether an attempt without progress failed, or only had nothing to say."""
    if cause.kind in {Kind.CLEAN_END, Kind.CUT}:
        return cause.lived_seconds < options.min_restart_delay_seconds
    if cause.kind is Kind.SILENT and state.phase is Phase.OPEN:
        # In half of the idle time not even one bookmark was due: a quiet server says nothing.
        idle = options.idle_seconds
        return not state.is_heard and (idle is None or cause.lived_seconds >= idle / 2)
    return True


def _pace(failures: int, options: RetryOptions) -> tuple[float, float]:
    pace, backoff = options.min_restart_delay_seconds, options.backoff
    if backoff is None or failures < 2:
        return pace, 0.0
    return max(pace, backoff.seconds(failures)), backoff.jitter


def _wait(cause: Cause, options: RetryOptions) -> float:
    longest = options.max_retry_after_seconds
    asked = max(0.0, cause.retry_after_seconds)
    return asked if longest is None else min(asked, longest)


_CLOSES: Final[Mapping[Kind, Close]] = {
    Kind.NO_RESOURCE_VERSION: Close.UNREADABLE,
    Kind.ERROR_EXPIRED: Close.ERROR,
    Kind.ERROR: Close.ERROR,
    Kind.UNREADABLE: Close.UNREADABLE,
    Kind.CLEAN_END: Close.TIMEOUT,
    Kind.CUT: Close.CUT,
    Kind.SILENT: Close.SILENT,
    Kind.REFUSED: Close.REFUSED,
    Kind.STATUS_EXPIRED: Close.STATUS,
    Kind.STATUS_DENIED: Close.STATUS,
    Kind.STATUS_NOT_FOUND: Close.STATUS,
    Kind.STATUS_LATER: Close.STATUS,
    Kind.STATUS: Close.STATUS,
    Kind.NOTHING: Close.FAILED,
    Kind.RAISED: Close.FAILED,
    Kind.STOPPED: Close.STOPPED,
}


def close_of(kind: Kind) -> Close:
    """Name the close that a log notes for a kind of cause.

    Parameters
    ----------
    kind : Kind
        One that ends an attempt.

    Returns
    -------
    Close

    Raises
    ------
    KeyError
        When that kind ends no attempt.
    """
    return _CLOSES[kind]
