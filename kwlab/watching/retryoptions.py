"""Where a watcher knows better than client-go: every rule an option, with its default and why.

client-go's RetryWatcher is what ``STRICT`` does, its live-locks included. Each difference is one
field of :class:`RetryOptions`; the reasons stand in its docstring, and :func:`table` gives them
with the values of both, so that no default is written twice.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field, fields, is_dataclass
from types import BuiltinMethodType
from typing import Final

from kwlab.messages import say
from kwlab.watching.choices import Number, check, require


@dataclass(frozen=True, slots=True)
class Backoff:
    """Say how the pace slows from one failure to the next.

    The defaults are those of client-go's Reflector (v0.37.2, ``reflector.go``).

    Parameters
    ----------
    initial_seconds : float
        After the first failure, in seconds. RetryWatcher's own minimum holds beside it.
    factor : float
        By how much each further failure stretches it; at least 1.
    max_seconds : float
        Where it stops growing, in seconds, before jitter.
    jitter : float
        The share of itself that may be added at random, so that a thousand clients do not come
        back in one instant: 1.0 gives between once and twice.

    Raises
    ------
    OptionError
        For what is no such number.
    """

    initial_seconds: float = 0.8
    factor: float = 2.0
    max_seconds: float = 30.0
    jitter: float = 1.0

    def __post_init__(self) -> None:
        positive = Number()
        check(self, initial_seconds=positive, factor=Number(1), max_seconds=positive)
        check(self, jitter=positive)

    def seconds(self, failures: int) -> float:
        """Give the pace after so many failures in a row, in seconds, before jitter.

        Parameters
        ----------
        failures : int
            At least 1.

        Returns
        -------
        float
        """
        try:
            return min(self.max_seconds, self.initial_seconds * self.factor ** (failures - 1))
        except OverflowError:
            return self.max_seconds


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """Choose where a watcher knows better than client-go, and by how much.

    Parameters
    ----------
    min_restart_delay_seconds : float
        From the start of one attempt to the start of the next, at least, in seconds (client-go's
        ``minRestartDelay``, ``NonSliding``): an attempt that lived longer is followed at once. An
        attempt on an open connection that ends sooner, without progress, is a failure (the
        Reflector's ``VeryShortWatchError``).
    backoff : Backoff or None
        The pace from the second failure in a row on; reset by progress, or by a watch that the
        server kept open for ``min_restart_delay_seconds`` and ended cleanly, never by a 200.
        None: no back-off, for client-go has none.
    max_retry_after_seconds : float or None
        The longest Retry-After that is kept, in seconds: a proxy's mistake of a year would silence
        a program for a year. kube-apiserver asks for 32 at most (``dropped_requests_tracker.go``).
        0: none is kept. None: each is kept, however long.
    idle_seconds : float or None
        How long an open connection may bring nothing, in seconds, before it is given up and asked
        for again: over HTTP/1.1 a half-open one never ends. A server that was allowed bookmarks
        sends one a minute (``defaultBookmarkFrequency``), so two were missed. A quiet watch
        without bookmarks is told from a dead one by a ``timeout_seconds`` below this: it ends
        cleanly. Where the function's own read timeout is shorter than half of this, silence is no
        failure. Without ``kwlab.prepared`` it holds only on answers that keep their
        connection, not on HTTP/1.0 or ``Connection: close``. None: no timer, and only the
        function's own read timeout counts.
    deadline_seconds : float or None
        When iteration ends silently, in seconds after the first event was asked for; on a silent
        connection where ``idle_seconds`` holds too. None: never; a program that works in turns
        says how long a turn is.
    no_progress_limit : int or None
        After how many failures at one resourceVersion to give up, where the server was there and
        failed. One that is absent, or says to come later (429, 502, 503, 504), says nothing about
        the resourceVersion and is asked for ever. None: never, and a poisoned line is asked for
        once a second until somebody notices.
    is_expired_status_final : bool
        Whether 410 as an HTTP status ends as 410 in the stream does: the same request cannot
        succeed later.
    is_not_found_final : bool
        Whether 404 ends: a misspelt resource should not look like a quiet one.
    is_function_error_final : bool
        Whether what the watch function itself raises, or that it returns None, reaches the
        caller: a NameError repeated once a second helps nobody.
    is_end_raised : bool
        Whether an end raises its typed error; otherwise it is delivered as an ERROR event and
        iteration ends, as client-go closes its channel.

    Raises
    ------
    OptionError
        For what an option cannot be.

    References
    ----------
    client-go v0.37.2 ``tools/watch/retrywatcher.go`` and ``tools/cache/reflector.go``; apiserver
    v0.37.2 ``util/flowcontrol/dropped_requests_tracker.go`` and ``storage/cacher/cacher.go``.
    """

    min_restart_delay_seconds: float = 1.0
    backoff: Backoff | None = field(default_factory=Backoff)
    max_retry_after_seconds: float | None = 300.0
    idle_seconds: float | None = 150.0
    deadline_seconds: float | None = None
    no_progress_limit: int | None = 10
    is_expired_status_final: bool = True
    is_not_found_final: bool = True
    is_function_error_final: bool = True
    is_end_raised: bool = True

    def __post_init__(self) -> None:
        check(
            self,
            min_restart_delay_seconds=Number(),
            max_retry_after_seconds=Number(or_none=True),
            idle_seconds=Number(is_above=True, or_none=True),
            deadline_seconds=Number(or_none=True),
            no_progress_limit=Number(1, is_whole=True, or_none=True),
            is_expired_status_final=bool,
            is_not_found_final=bool,
            is_function_error_final=bool,
            is_end_raised=bool,
        )
        is_backoff = isinstance(self.backoff, Backoff | None)
        require(self, "backoff", say("choice.backoff"), is_met=is_backoff)


DEFAULT: Final = RetryOptions()
"""kwlab's own rules."""

STRICT: Final = RetryOptions(
    backoff=None,
    max_retry_after_seconds=None,
    idle_seconds=None,
    no_progress_limit=None,
    is_expired_status_final=False,
    is_not_found_final=False,
    is_function_error_final=False,
    is_end_raised=False,
)
"""client-go to the letter, its live-locks included."""


@dataclass(frozen=True, slots=True)
class Row:
    """Describe one option, as the reference shows it.

    Parameters
    ----------
    name : str
        The field.
    default, strict : str
        What it is by default, and what client-go does, as Python writes it; "" where nothing is
        said of client-go.
    meaning : str
        What it does and why, in sentences.
    """

    name: str
    default: str
    strict: str
    meaning: str


_ENTRY: Final = re.compile(r"^(\w+) : .+\n((?:    .+\n?)+)", re.MULTILINE)


def table(default: object = DEFAULT, strict: object = STRICT) -> tuple[Row, ...]:
    """Give options with their defaults and reasons, made from the docstring and the values.

    Parameters
    ----------
    default : dataclass
        With kwlab's own choice; its class describes each field in its docstring.
    strict : dataclass or None
        With client-go's, of the same class; None where that is not compared.

    Returns
    -------
    tuple of Row
        In the order of the fields.

    Raises
    ------
    KeyError
        When a field is not described.

    Examples
    --------
    >>> table()[1].name, table()[1].strict
    ('backoff', 'None')
    """
    assert is_dataclass(default)
    entries = _ENTRY.findall(inspect.getdoc(type(default)) or "")
    meanings = {name: " ".join(text.split()) for name, text in entries}
    return tuple(
        Row(
            each.name,
            _written(getattr(default, each.name)),
            "" if strict is None else _written(getattr(strict, each.name)),
            meanings[each.name],
        )
        for each in fields(default)
    )


def _written(value: object) -> str:
    """Write a value as Python does, and what has no such form by its name."""
    if value == DEFAULT:
        # It has a table of its own.
        return f"{type(value).__name__}()"
    if isinstance(value, BuiltinMethodType):
        return f"{type(value.__self__).__module__}.{value.__name__}"
    return repr(value)
