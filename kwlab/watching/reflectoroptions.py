"""How a Reflector lists and watches: every choice in one dataclass, with its default and why."""

from __future__ import annotations

import random as _random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from kwlab.messages import say
from kwlab.watching import retryoptions
from kwlab.watching.choices import Number, check, require
from kwlab.watching.clock import Clock
from kwlab.watching.observer import ReflectorObserver
from kwlab.watching.retryoptions import RetryOptions


@dataclass(frozen=True, slots=True)
class ReflectorOptions:
    """Choose how a Reflector lists and watches.

    They are one argument of their own, so that no name of theirs is taken for a selector.

    Parameters
    ----------
    page_size : int
        How many objects a page of a list holds at most; 0 for no pages. client-go's 500 keep one
        answer at a few megabytes. A watch cache ignores it, and a list at a known resourceVersion
        is asked for whole, because pages come from etcd.
    use_watch_list : bool
        Whether what exists is fetched as the beginning of a watch (WatchList, KEP-3157), which
        spares the server's memory. Not by default: a server before 1.32 refuses it, and that
        costs a request. Where the client's method has no ``send_initial_events``, as those of
        ``CustomObjectsApi``, it is listed, and a WARNING is logged.
    watch_list_deadline_seconds : float
        How long a WatchList may take until its end bookmark, in seconds; then it is listed. 60 s
        is what kube-apiserver gives a list (``--request-timeout``).
    watch_seconds : tuple of (int, int)
        Between which timeouts, in seconds, each watch draws its own. client-go's 5 to 10 minutes:
        all the clients of a server that was restarted do not come back in one instant for ever.
        Until the server has shown that it sends bookmarks, they are scaled so that the longest is
        0.8 of ``retry.idle_seconds``: a quiet watch without bookmarks then ends cleanly, and is
        not taken for a dead one.
    backoff_reset_seconds : float
        How long a list and the watches after it have to last for the pause before the next list
        to be the first of ``retry.backoff`` again, in seconds (client-go's
        ``defaultBackoffReset``). Each list but the first waits for that back-off, from the end of
        what was before: watches that expire soon cost the server a whole list each, and where
        all expire at once a thousand clients do not list in one instant. With ``retry.backoff``
        None there is no pause.
    retry : RetryOptions
        Which rules hold for watches; the back-off, the limit, the deadline and the longest silence
        hold for lists too. That 410 as an HTTP status is final and that ends are raised holds
        always: it is how a Reflector learns that it has to list again.
    clock : Clock, optional
        When None, real time, and on the ``api`` of a lab the lab's.
    random : callable
        Gives numbers from 0 up to 1, for the back-off and the timeouts.
    observer : callable, optional
        Called with each :data:`ReflectorRecord`.

    Raises
    ------
    OptionError
        For what an option cannot be.

    References
    ----------
    client-go v0.37.2, ``reflector.go`` (``defaultMinWatchTimeout``, ``defaultMaxWatchTimeout``,
    ``defaultBackoffReset``) and ``pager.go`` (``defaultPageSize``).
    """

    page_size: int = 500
    use_watch_list: bool = False
    watch_list_deadline_seconds: float = 60.0
    watch_seconds: tuple[int, int] = (300, 600)
    backoff_reset_seconds: float = 120.0
    retry: RetryOptions = field(default_factory=RetryOptions)
    clock: Clock | None = None
    random: Callable[[], float] = _random.random
    observer: ReflectorObserver | None = None

    def __post_init__(self) -> None:
        check(
            self,
            page_size=Number(is_whole=True),
            use_watch_list=bool,
            watch_list_deadline_seconds=Number(is_above=True),
            backoff_reset_seconds=Number(),
            retry=RetryOptions,
        )
        is_pair = _is_pair(self.watch_seconds)
        require(self, "watch_seconds", say("choice.watch_seconds"), is_met=is_pair)
        has_time = all(callable(getattr(self.clock, name, None)) for name in ("now", "sleep"))
        is_clock = self.clock is None or has_time
        require(self, "clock", say("choice.clock"), is_met=is_clock)
        require(self, "random", say("choice.callable"), is_met=callable(self.random))
        is_hook = self.observer is None or callable(self.observer)
        require(self, "observer", say("choice.observer"), is_met=is_hook)


def _is_pair(value: object) -> bool:
    if not isinstance(value, tuple | list) or len(value) != 2:
        return False
    seconds = Number(1, is_whole=True)
    return all(map(seconds.allows, value)) and value[0] <= value[1]


DEFAULT: Final = ReflectorOptions()
"""kwlab's own choice."""


def table() -> tuple[retryoptions.Row, ...]:
    """Give the options with their defaults and reasons, made from the docstring and the values.

    Returns
    -------
    tuple of kwlab.watching.retryoptions.Row
        In the order of the fields.

    Examples
    --------
    >>> table()[0].name, table()[0].default
    ('page_size', '500')
    """
    return retryoptions.table(DEFAULT, None)
