"""State at a moment, the window of events per resource type, and where a watch starts.

This is the only place that reads a resourceVersion as a number: it plays the server's part.
To everyone else a resourceVersion is opaque.

References
----------
kube-apiserver 1.37, ``staging/src/k8s.io/apiserver/pkg/storage/cacher/watch_cache.go``.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from kwlab.history import Change, History, Object, Resource
from kwlab.server.quoting import quoted
from kwlab.wire import EventType

WINDOW_LOWER_EVENTS: Final = 100
WINDOW_UPPER_EVENTS: Final = 102_400
FRESH_SECONDS: Final = 75.0
"""While the oldest kept event is younger than this, the window grows."""

SNAPSHOT_CHANGES: Final = 64
"""The state is kept after every so many changes, so that a reconnect does not replay them all."""


@dataclass(frozen=True, slots=True)
class Present:
    """Start with what exists, each as a synthetic ADDED; then the changes after ``number``.

    Parameters
    ----------
    objects : tuple of Object
        In key order.
    number : int
        How many changes had happened.
    """

    objects: tuple[Object, ...]
    number: int


@dataclass(frozen=True, slots=True)
class Since:
    """Start with the changes that come after a resourceVersion.

    Parameters
    ----------
    number : int
        How many changes had happened at that resourceVersion.
    silent_below : int
        Until the server has reached this resourceVersion there are no bookmarks either.
    """

    number: int
    silent_below: int = 0


@dataclass(frozen=True, slots=True)
class TooOld:
    """Refuse a resourceVersion that has left the window.

    Parameters
    ----------
    oldest : int
        The smallest resourceVersion that is still answered.
    """

    oldest: int


Start: TypeAlias = Present | Since | TooOld


def parse_version(text: str) -> int:
    """Read a resourceVersion as the server does.

    Parameters
    ----------
    text : str

    Returns
    -------
    int

    Raises
    ------
    ValueError
        With the sentence of the server.
    """
    if text.isascii() and text.isdecimal():
        significant = text.lstrip("0") or "0"
        if len(significant) <= 20 and (version := int(significant)) < 2**64:
            return version
        reason = "value out of range"
    else:
        reason = "invalid syntax"
    raise ValueError(
        f"resourceVersion: Invalid value: {quoted(text)}: "
        f"strconv.ParseUint: parsing {quoted(text)}: {reason}"
    )


class _Kept:
    """Keep one resource type's changes, and its state after every few of them."""

    def __init__(self, history: History, resource: Resource) -> None:
        self.changes = [c for c in history.changes if c.object.resource == resource]
        self.numbers = [c.number for c in self.changes]
        start = {item.key: item for item in history.objects if item.resource == resource}
        self._snapshots = [start]

    def after(self, number: int) -> int:
        """Count this type's changes among the first so many of all."""
        return bisect.bisect_right(self.numbers, number)

    def state(self, count: int) -> dict[bytes, Object]:
        """Give a new dict of what existed after so many of this type's changes."""
        whole, rest = divmod(count, SNAPSHOT_CHANGES)
        while len(self._snapshots) <= whole:
            done = (len(self._snapshots) - 1) * SNAPSHOT_CHANGES
            self._snapshots.append(self._applied(done, done + SNAPSHOT_CHANGES))
        return self._applied(count - rest, count)

    def _applied(self, start: int, end: int) -> dict[bytes, Object]:
        state = dict(self._snapshots[start // SNAPSHOT_CHANGES])
        for change in self.changes[start:end]:
            if change.type is EventType.DELETED:
                state.pop(change.object.key, None)
            else:
                state[change.object.key] = change.object
        return state


class WatchCache:
    """Answer what the server knew at a moment of a history.

    Parameters
    ----------
    history : History
    window_events : int
        How many events of a resource type are kept at least.
    window_limit_events : int
        How many are kept at most, while they are fresh.
    forgotten : sequence of float
        When the window was emptied, as a restart does, in seconds.
    """

    def __init__(
        self,
        history: History,
        *,
        window_events: int = WINDOW_LOWER_EVENTS,
        window_limit_events: int = WINDOW_UPPER_EVENTS,
        forgotten: Sequence[float] = (),
    ) -> None:
        self.history = history
        self._lower = window_events
        self._upper = max(window_events, window_limit_events)
        self._forgotten = sorted(forgotten)
        self._first = parse_version(history.resource_version)
        self._versions = [parse_version(c.object.resource_version) for c in history.changes]
        self._progress = _highest(history.progress)
        self._seen_oldest = [(at, parse_version(text)) for at, text in history.oldest]
        self._kept: dict[Resource, _Kept] = {}
        self._windows: dict[Resource, tuple[list[float], list[int]]] = {}

    def version(self, at: float) -> int:
        """Give the server's resourceVersion at a time.

        Parameters
        ----------
        at : float
            In seconds.

        Returns
        -------
        int
            Always below that of the next change.
        """
        happened = self.history.happened(at)
        known = self._versions[happened - 1] if happened else self._first
        reached = bisect.bisect_right(self._progress, at, key=lambda moment: moment[0])
        progress = self._progress[reached - 1][1] if reached else 0
        if happened < len(self._versions):
            progress = min(progress, self._versions[happened] - 1)
        return max(known, progress)

    def reaches(self, version: int) -> float:
        """Give when the server reaches a resourceVersion.

        Parameters
        ----------
        version : int

        Returns
        -------
        float
            In seconds; infinite for one that it never reaches.
        """
        number = bisect.bisect_left(self._versions, version)
        moments = [at for at, _ in self._progress if self.version(at) >= version]
        moments += [change.at for change in self.history.changes[number : number + 1]]
        return min(moments, default=float("inf"))

    def is_compacted(self, version: int) -> bool:
        """Tell whether the state at a resourceVersion is out of reach for ever.

        Parameters
        ----------
        version : int

        Returns
        -------
        bool
            True before the list with which the history begins.
        """
        return version < self._first

    def number_at(self, version: int) -> int:
        """Count the changes up to and at a resourceVersion.

        Parameters
        ----------
        version : int

        Returns
        -------
        int
        """
        return bisect.bisect_right(self._versions, version)

    def objects(self, resource: Resource, namespace: str | None, number: int) -> list[Object]:
        """List what existed after so many changes, in key order.

        Parameters
        ----------
        resource : Resource
        namespace : str or None
            None for all.
        number : int

        Returns
        -------
        list of Object
        """
        kept = self._of(resource)
        state = kept.state(kept.after(number))
        found = [state[key] for key in sorted(state)]
        if namespace is None:
            return found
        return [item for item in found if item.namespace == namespace]

    def changes(self, resource: Resource, namespace: str | None, number: int) -> list[Change]:
        """List the changes after the first ``number``.

        Parameters
        ----------
        resource : Resource
        namespace : str or None
            None for all.
        number : int

        Returns
        -------
        list of Change
            In order.
        """
        kept = self._of(resource)
        found = kept.changes[kept.after(number) :]
        if namespace is None:
            return found
        return [change for change in found if change.object.namespace == namespace]

    def start(
        self, resource: Resource, namespace: str | None, version: int | None, at: float
    ) -> Start:
        """Decide where a watch starts.

        Parameters
        ----------
        resource : Resource
        namespace : str or None
            None for all.
        version : int or None
            The resourceVersion asked for; None or 0 for any.
        at : float
            When it is asked, in seconds.

        Returns
        -------
        Present or Since or TooOld
        """
        if not version:
            number = self.history.happened(at)
            return Present(tuple(self.objects(resource, namespace, number)), number)
        for oldest in (self._oldest_seen(at), self.oldest(resource, at)):
            if version < oldest:
                return TooOld(oldest)
        return Since(self.number_at(version), version)

    def oldest(self, resource: Resource, at: float) -> int:
        """Give the smallest resourceVersion that a watch may still start from.

        Parameters
        ----------
        resource : Resource
            The window belongs to the type, in all namespaces.
        at : float
            In seconds.

        Returns
        -------
        int
        """
        if resource not in self._windows:
            self._windows[resource] = self._slide(resource)
        times, oldest = self._windows[resource]
        return oldest[bisect.bisect_right(times, at)]

    def _of(self, resource: Resource) -> _Kept:
        if resource not in self._kept:
            self._kept[resource] = _Kept(self.history, resource)
        return self._kept[resource]

    def _oldest_seen(self, at: float) -> int:
        """Give what the recorded server itself said was its oldest, last before a time."""
        return next((oldest for when, oldest in reversed(self._seen_oldest) if when <= at), 0)

    def _slide(self, resource: Resource) -> tuple[list[float], list[int]]:
        """Give the moments at which the window moves, and the oldest answered before and after."""
        window = _Window(self._first, self._lower, self._upper)
        events = [(c.at, self._versions[c.number - 1]) for c in self._of(resource).changes]
        restarts: list[tuple[float, None]] = [(at, None) for at in self._forgotten]
        times, oldest = [], [self._first]
        for at, version in sorted([*events, *restarts], key=lambda moment: moment[0]):
            if version is None:
                window = _Window(self.version(at), self._lower, self._upper)
            else:
                window.take(at, version)
            times.append(at)
            oldest.append(window.oldest)
        return times, oldest


class _Window:
    """Keep the newest events of one type, in a ring that grows and shrinks as the server's does."""

    def __init__(self, listed: int, lower: int, upper: int) -> None:
        self._listed = listed
        self._lower, self._upper = lower, upper
        self._capacity = lower
        self._events: list[tuple[float, int]] = []
        self._start = 0

    @property
    def oldest(self) -> int:
        return self._events[self._start][1] - 1 if self._start else self._listed

    def take(self, at: float, version: int) -> None:
        if len(self._events) - self._start == self._capacity:
            self._resize(at)
            self._start = max(self._start, len(self._events) - self._capacity)
            if len(self._events) - self._start == self._capacity:
                self._start += 1
        self._events.append((at, version))

    def _resize(self, now: float) -> None:
        oldest, _ = self._events[self._start]
        quarter, _ = self._events[-(self._capacity // 4 or self._capacity)]
        if now - oldest < FRESH_SECONDS:
            self._capacity = min(self._capacity * 2, self._upper)
        elif now - quarter > FRESH_SECONDS:
            self._capacity = max(self._capacity // 2, self._lower)


def _highest(progress: Sequence[tuple[float, str]]) -> list[tuple[float, int]]:
    best, moments = 0, []
    for at, text in progress:
        best = max(best, parse_version(text))
        moments.append((at, best))
    return moments
