"""What a watch that resumes well never does: seven properties of what was counted.

Each is a function of a :class:`~kwlab.metrics.Count` and the history that it was counted against,
and gives the first place where it broke. P1, P2, P3 and P5 judge a watch function that a retry
loop calls; P4 judges the loop around it; P6 and P7 judge both.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from kwlab.history import Change, History, rank
from kwlab.log import Attempt, Close, Request, Seen
from kwlab.messages import say, seconds
from kwlab.metrics import Count, Fate
from kwlab.wire import EventType

SHORTEST_PACE_SECONDS: Final = 0.8
"""From the start of one attempt to the next: the back-off that client-go's Reflector begins with.

Its RetryWatcher waits for 1 s. client-go v0.37.2, ``tools/cache/reflector.go``.
"""
EXPIRED: Final = 410
_INSTANT_SECONDS: Final = 1e-6
"""Times are sums of floats; a difference below this is none."""


class Property(enum.Enum):
    """Name what must hold of a watch that is cut."""

    HANDED = "P1"
    """Every request carries the resourceVersion that was handed over."""
    ONCE = "P2"
    """Nothing is delivered twice."""
    DELETIONS = "P3"
    """No deletion is lost, unless a 410 says so."""
    RELISTS = "P4"
    """A 410 leads to a list, and to the deletions that it shows."""
    BOOKMARKS = "P5"
    """A bookmark moves the resourceVersion and is not delivered."""
    STOPS = "P6"
    """What was opened is closed, when it is told to and not later."""
    WAITS = "P7"
    """There is a pause between one attempt and the next."""

    def __str__(self) -> str:
        return say(f"property.{self.value}")


@dataclass(frozen=True, slots=True)
class Broken:
    """Say where a property broke.

    Parameters
    ----------
    property : Property
    connection : int
        The attempt, counted from 1.
    expected, came : str
        A few words each: ``rv@4`` and ``none``.
    """

    property: Property
    connection: int
    expected: str
    came: str

    def __str__(self) -> str:
        return say(
            f"property.{self.property.value}.broken",
            connection=self.connection,
            expected=self.expected,
            came=self.came,
        )


Check: TypeAlias = Callable[[Count, History], Broken | None]
"""A property as a function: None where it holds."""


def carries_what_it_was_handed(count: Count, history: History) -> Broken | None:
    """Check P1: what was asked of the server is what the function was handed.

    Parameters
    ----------
    count : Count
    history : History

    Returns
    -------
    Broken or None
        The attempt after a 410 may ask from a list of its own.
    """
    for number, watch, given in _watched(count):
        if (watch.parameter("resourceVersion") or "") not in given:
            names = _apart(history, given[0], watch.parameter("resourceVersion"))
            return Broken(Property.HANDED, number, *names)
    return None


def delivers_once(count: Count, history: History) -> Broken | None:
    """Check P2: no event tells what was told before, or what the list said.

    Parameters
    ----------
    count : Count
    history : History

    Returns
    -------
    Broken or None
        An inferred deletion carries the last state that was seen; it counts as told twice only
        when the deletion was.
    """
    deleted: set[str] = set()
    for number, seen, fate in count.deliveries():
        is_deletion = seen.type is EventType.DELETED
        is_first = is_deletion and seen.uid not in deleted
        if fate is Fate.REPLAYED and not is_first:
            return Broken(Property.ONCE, number + 1, say("property.nothing"), _event(history, seen))
        if is_deletion:
            deleted.add(seen.uid)
    return None


def loses_no_deletion(count: Count, history: History) -> Broken | None:
    """Check P3: no watch goes past a deletion that never arrives.

    Parameters
    ----------
    count : Count
    history : History

    Returns
    -------
    Broken or None
        The watch that went past a deletion. Nobody could learn of one that came after what was
        last heard of a connection, so silence, absence and the end of a recording prove nothing.
    """
    for change in count.lost:
        if change.type is EventType.DELETED:
            for number, watch, given in _watched(count):
                if _goes_past(change, watch, given):
                    expected = _change(history, change)
                    return Broken(Property.DELETIONS, number, expected, say("property.nothing"))
    return None


def relists_when_expired(count: Count, history: History) -> Broken | None:
    """Check P4: after a 410 comes a list, and what it no longer shows is delivered as deleted.

    Parameters
    ----------
    count : Count
    history : History

    Returns
    -------
    Broken or None
        A 410 so near the end that nobody could have asked again proves nothing.
    """
    for number, attempt in enumerate(count.attempts, start=1):
        closed_at = attempt.closed_at or attempt.at
        is_too_late = closed_at + SHORTEST_PACE_SECONDS > history.seconds
        if attempt.status != EXPIRED or is_too_late:
            continue
        following = _next_request(count, number)
        is_relist = following is not None and not following.is_watch
        if following is None or not (is_relist or count.attempts[number].is_anew):
            came = _asked_instead(history, following)
            return Broken(Property.RELISTS, number, say("property.list"), came)
        for missing in _not_inferred(count, history, number, following.at):
            expected = say("property.deleted", name=missing.name)
            return Broken(Property.RELISTS, number, expected, say("property.nothing"))
    return None


def heeds_bookmarks(count: Count, history: History) -> Broken | None:
    """Check P5: the attempt after a bookmark resumes from it, and nobody is delivered one.

    Parameters
    ----------
    count : Count
    history : History

    Returns
    -------
    Broken or None
    """
    for number, seen, _fate in count.deliveries():
        if seen.type is EventType.BOOKMARK:
            came = _event(history, seen)
            return Broken(Property.BOOKMARKS, number + 1, say("property.nothing"), came)
    for number, (before, after) in enumerate(pairwise(count.attempts), start=2):
        last = None if after.is_anew else _last_sent(before)
        is_bookmark = last is not None and last.type is EventType.BOOKMARK
        if last is not None and is_bookmark and after.handed != last.resource_version:
            names = _apart(history, last.resource_version, after.handed)
            return Broken(Property.BOOKMARKS, number, *names)
    return None


def stops_cleanly(count: Count, history: History) -> Broken | None:
    """Check P6: no watch is open after the attempt that opened it.

    Parameters
    ----------
    count : Count
    history : History

    Returns
    -------
    Broken or None
    """
    for number, attempt in enumerate(count.attempts, start=1):
        told_at = history.seconds if attempt.closed_at is None else attempt.closed_at
        for request in _watches(attempt):
            if _is_stream(request) and not _is_closed_by(request, told_at):
                expected = say("property.closed", seconds=seconds(told_at))
                return Broken(Property.STOPS, number, expected, _closed(request))
    return None


def waits_between_attempts(count: Count, _history: History) -> Broken | None:
    """Check P7: one attempt does not follow another at once.

    Parameters
    ----------
    count : Count

    Returns
    -------
    Broken or None
        A list after a 410 may follow at once: it asks another question.
    """
    starts = list(_starts(count))
    for (before, _), (at, number) in pairwise(starts):
        apart = at - before
        is_relist = number > 1 and count.attempts[number - 2].status == EXPIRED
        came, expected = seconds(apart), seconds(SHORTEST_PACE_SECONDS)
        if came != expected and apart < SHORTEST_PACE_SECONDS and not is_relist:
            least = say("seconds", seconds=expected)
            return Broken(Property.WAITS, number, least, say("seconds", seconds=came))
    return None


CHECKS: Final[Mapping[Property, Check]] = {
    Property.HANDED: carries_what_it_was_handed,
    Property.ONCE: delivers_once,
    Property.DELETIONS: loses_no_deletion,
    Property.RELISTS: relists_when_expired,
    Property.BOOKMARKS: heeds_bookmarks,
    Property.STOPS: stops_cleanly,
    Property.WAITS: waits_between_attempts,
}
"""Every property, and the function that checks it."""

OF_A_WATCH_FUNCTION: Final = tuple(each for each in Property if each is not Property.RELISTS)
"""What a watch function answers for; to list again is for the loop that calls it."""


def broken(
    count: Count, history: History, among: Iterable[Property] = tuple(Property)
) -> tuple[Broken, ...]:
    """Check properties.

    Parameters
    ----------
    count : Count
    history : History
        What it was counted against.
    among : iterable of Property
        Which; all when not given.

    Returns
    -------
    tuple of Broken
        One for each property that broke, in their order; empty when all hold.
    """
    found = (CHECKS[each](count, history) for each in among)
    return tuple(one for one in found if one is not None)


def _watches(attempt: Attempt) -> Iterator[Request]:
    return (request for request in attempt.requests if request.is_watch)


def _is_stream(request: Request) -> bool:
    return request.status is not None and request.status < 300


def _apart(history: History, expected: str | None, came: str | None) -> tuple[str, str]:
    """Name two resourceVersions; between two changes, where names are alike, by their values."""
    names = history.name_of(expected), history.name_of(came)
    return names if names[0] != names[1] else (str(expected), str(came))


def _event(history: History, seen: Seen) -> str:
    return f"{seen.type.value} {seen.name} {history.name_of(seen.resource_version)}"


def _change(history: History, change: Change) -> str:
    name = history.name_of(change.object.resource_version)
    return f"{change.type.value} {change.object.name} {name}"


def _watched(count: Count) -> Iterator[tuple[int, Request, tuple[str, ...]]]:
    """Give each watch with its attempt, from 1, and the resourceVersions that it may ask from.

    The first is what was handed over; within one call it may also go on from what was sent there.
    After a 410 a list says where to begin.
    """
    is_expired = False
    for number, attempt in enumerate(count.attempts, start=1):
        given = [attempt.handed]
        for watch in _watches(attempt):
            asked = watch.parameter("resourceVersion") or ""
            yield number, watch, (asked,) if is_expired else tuple(given)
            given += [s.resource_version for s in watch.seen() if s.type is not EventType.ERROR][
                -1:
            ]
        is_expired = attempt.status == EXPIRED


def _goes_past(change: Change, watch: Request, given: Sequence[str]) -> bool:
    """Check whether a program that stood before a change was told on a watch what came after it."""
    asked, place = watch.parameter("resourceVersion") or "", rank(change.object.resource_version)
    is_elsewhere = asked not in given
    if not _is_stream(watch) or place <= rank(given[0] if is_elsewhere else asked):
        return False
    read = _read(watch)
    if any(place <= rank(one.resource_version) for one in read):
        return True
    errors = [number for number, one in enumerate(read) if one.type is EventType.ERROR]
    is_ended = watch.close is Close.TIMEOUT and not errors
    is_closed_later = watch.closed_at is not None and change.at <= watch.closed_at
    is_behind = change.at <= watch.at or (is_closed_later and place <= rank(asked))
    return (is_elsewhere and is_behind and errors[:1] != [0]) or (is_ended and is_closed_later)


def _read(watch: Request) -> list[Seen]:
    """Give what was read for sure: of a line that a cut tore, nobody knows."""
    seen = list(watch.seen())
    return seen[:-1] if _is_torn(watch) and len(seen) == len(watch.sent) else seen


def _is_torn(watch: Request) -> bool:
    return bool(watch.sent) and not watch.sent[-1][1].endswith(b"\n")


def _next_request(count: Count, number: int) -> Request | None:
    later = (request for attempt in count.attempts[number:] for request in attempt.requests)
    return next(later, None)


def _asked_instead(history: History, request: Request | None) -> str:
    if request is None:
        return say("property.nothing")
    asked = history.name_of(request.parameter("resourceVersion"))
    return say("property.watch", asked=asked)


def _not_inferred(count: Count, history: History, number: int, listed_at: float) -> Iterator[Seen]:
    """Give what was believed in at a 410, had gone by the list, and was not told of after it."""
    believed = {
        item.uid: Seen(
            0.0, EventType.ADDED, item.namespace, item.name, item.uid, item.resource_version
        )
        for item in history.objects
    }
    for attempt in count.attempts[:number]:
        for seen in attempt.delivered:
            if seen.type is EventType.DELETED:
                believed.pop(seen.uid, None)
            else:
                believed[seen.uid] = seen
    existing = {item.uid for item in history.state(history.happened(listed_at)).values()}
    told = {
        seen.uid
        for attempt in count.attempts[number:]
        for seen in attempt.delivered
        if seen.type is EventType.DELETED
    }
    return (seen for uid, seen in believed.items() if uid not in existing | told)


def _last_sent(attempt: Attempt) -> Seen | None:
    """Give the last event or bookmark; None where nobody knows whether it was read."""
    watch = attempt.watch
    if watch is None or attempt.status == EXPIRED or len(_read(watch)) < len(list(watch.seen())):
        return None
    sent = [seen for seen in watch.seen() if seen.type is not EventType.ERROR]
    return sent[-1] if sent else None


def _is_closed_by(request: Request, at: float) -> bool:
    return request.closed_at is not None and request.closed_at <= at + _INSTANT_SECONDS


def _closed(request: Request) -> str:
    if request.closed_at is None:
        return say("property.open")
    return say("property.closed", seconds=seconds(request.closed_at))


def _starts(count: Count) -> Iterator[tuple[float, int]]:
    """Give when the server was asked, or could not be reached, and by which attempt."""
    for number, attempt in enumerate(count.attempts, start=1):
        times = [request.at for request in _watches(attempt)] or [attempt.at]
        yield from ((at, number) for at in times)
