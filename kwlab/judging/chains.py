"""What one watcher did, put together from what the server saw of its requests.

A server is not told which requests belong together, nor what a client's loop was handed. Both
follow from what was sent. Requests of one ``User-Agent`` about the same objects are a chain:
a watch goes on from the chain whose last watch has ended, first from one that was sent the
resourceVersion asked for; where all are still open, another watcher begins. What was handed over
is what was sent last: of a list its resourceVersion, of a watch that of its last event or bookmark.
What came just before a connection broke may not have been read, so asking from before it is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from kwlab.history import History, Object, numbered
from kwlab.judging.properties import EXPIRED
from kwlab.log import Attempt, Close, Log, Origin, Request, Seen
from kwlab.scope import Scope
from kwlab.wire import EventType, WatchEvent, out_of_table

UNREAD_SECONDS: Final = 0.25
"""What was sent so shortly before a break may not have been read, in real seconds."""
OVERLAP_SECONDS: Final = 0.25
"""A client that hangs up and asks again is sometimes heard asking first, in real seconds."""

_ANYWHERE: Final = ("", "0")
_CLEAN: Final = (Close.TIMEOUT, Close.ERROR)
_NO_CHANGE: Final = (EventType.BOOKMARK, EventType.ERROR)


@dataclass
class Chain:
    """Hold the attempts of one watcher. It grows as requests are put to it.

    Parameters
    ----------
    client : str
        Its ``User-Agent``.
    scope : Scope
    speed : float
        Seconds of the history in a real one.
    attempts : list of Attempt
        In order; what a list told is not among what was delivered yet.
    """

    client: str
    scope: Scope
    speed: float
    attempts: list[Attempt] = field(default_factory=list)
    _handed: list[tuple[str, EventType | None, int]] = field(default_factory=list)
    """What may have been handed over last: resourceVersion, event, lines read; the best last."""

    @property
    def name(self) -> str:
        """Give the first word of what the client calls itself; else of what it watches."""
        called = self.client.split("/")[0].split(" ")[0]
        return called or self.scope.path.rpartition("/")[2]

    @property
    def closed_at(self) -> float:
        """Give when the last watch ended, in seconds; the present for one that is open."""
        return self.attempts[-1].closed_at or 0.0

    def is_free(self, at: float) -> bool:
        """Tell whether the last watch had ended by a time."""
        return self.closed_at <= at + OVERLAP_SECONDS * self.speed

    def knows(self, version: str) -> bool:
        """Tell whether it may go on from a resourceVersion."""
        return any(version == handed for handed, _, _ in self._handed)

    def add(self, watch: Request, lists: Sequence[Request]) -> Request | None:
        """Put a watch to this chain.

        Parameters
        ----------
        watch : Request
        lists : sequence of Request
            Those of the same client about the same objects, up to it, that nobody went on from.

        Returns
        -------
        Request or None
            The list from which it went on.
        """
        asked = watch.parameter("resourceVersion") or ""
        listed = self._listed(asked, lists)
        is_shown = _sends_initial(watch)
        attempt = Attempt(watch.at, asked, [watch], closed_at=watch.closed_at)
        attempt.is_anew = is_shown or listed is not None or self._is_at_nothing
        if attempt.is_anew:
            self._untear()
        if listed is not None and not is_shown:
            attempt.requests.insert(0, listed)
            attempt.handed = listed.listed
        elif not attempt.is_anew:
            attempt.handed = self._resumed(asked)
        if self.attempts:
            # It was heard asking before it was heard hanging up.
            self.attempts[-1].closed_at = min(self.closed_at, watch.at)
        attempt.close, attempt.status = _ending(watch)
        self.attempts.append(attempt)
        if attempt.close is not Close.STATUS:
            self._handed = list(self._sent(attempt))
        elif attempt.is_anew:
            self._handed = [(attempt.handed, None, 0)]
        return listed

    def relisted(self, listed: Request) -> None:
        """Note a list after the last watch, from which nobody has gone on yet."""
        version = listed.listed
        attempt = Attempt(listed.at, version, [listed], closed_at=listed.at, close=Close.OVER)
        attempt.is_anew = True
        self.attempts.append(attempt)

    @property
    def _is_at_nothing(self) -> bool:
        """Tell whether nothing was listed or sent yet from which it could go on."""
        is_refused = all(attempt.close is Close.STATUS for attempt in self.attempts)
        return is_refused and all(version in _ANYWHERE for version, _, _ in self._handed)

    def _untear(self) -> None:
        """Leave out a whole event whose line was cut: who begins anew did not go on from it."""
        watch = self.attempts[-1].watch if self.attempts else None
        if watch is not None and watch.sent and not watch.sent[-1][1].endswith(b"\n"):
            del watch.sent[-1]

    def _listed(self, asked: str, lists: Sequence[Request]) -> Request | None:
        since = self.closed_at - OVERLAP_SECONDS * self.speed if self.attempts else 0.0
        recent = [listed for listed in lists if listed.at >= since]
        for listed in reversed(recent):
            if listed.listed == asked:
                return listed
        return recent[-1] if recent and not self.knows(asked) else None

    def _resumed(self, asked: str) -> str:
        """Say what was handed over, given what is asked; forget what was not read then."""
        for version, _, read in reversed(self._handed):
            if version == asked:
                self._unread(read)
                return version
        if not self._handed:
            return asked
        version, kind, _ = self._handed[-1]
        if kind is EventType.BOOKMARK and asked == self._before_bookmarks():
            # It goes on from the last event: to itself it hands that, and no bookmark.
            return asked
        return version

    def _before_bookmarks(self) -> str:
        attempt = self.attempts[-1]
        watch = attempt.watch
        sent = [] if watch is None else [s for s in watch.seen() if s.type not in _NO_CHANGE]
        return sent[-1].resource_version if sent else attempt.handed

    def _unread(self, read: int) -> None:
        streams = (one for one in reversed(self.attempts) if one.close is not Close.STATUS)
        last = next(streams, None)
        if last is not None and last.watch is not None and last.close not in _CLEAN:
            del last.watch.sent[read:]

    def _sent(self, attempt: Attempt) -> Iterator[tuple[str, EventType | None, int]]:
        """Give what the client may be at after an attempt, the last that was sent last."""
        watch = attempt.requests[-1]
        known = [(watch.at, attempt.handed, None, 0), *_versions(watch)]
        recent = self.closed_at - UNREAD_SECONDS * self.speed
        is_clean = attempt.close in _CLEAN
        for number, (_, version, kind, read) in enumerate(known):
            following = known[number + 1 : number + 2]
            if not following or (not is_clean and following[0][0] > recent):
                yield version, kind, read


def _versions(watch: Request) -> Iterator[tuple[float, str, EventType | None, int]]:
    """Give each resourceVersion that was sent: when, by what, and as which line, from 1."""
    for number, (at, line) in enumerate(watch.sent, start=1):
        try:
            event = WatchEvent(line)
        except ValueError:
            continue
        if event.type is not EventType.ERROR and event.resource_version:
            yield at, event.resource_version, event.type, number


def _sends_initial(watch: Request) -> bool:
    return (watch.parameter("sendInitialEvents") or "false").lower() not in {"false", "0"}


def _ending(watch: Request) -> tuple[Close, int | None]:
    if watch.status is None or watch.status >= 300:
        return Close.STATUS, watch.status
    if watch.sent:
        # Whoever hangs up after it was told no less.
        try:
            status = WatchEvent(watch.sent[-1][1]).status
        except ValueError:
            status = None
        # Behind a line that cannot be read nobody sees it.
        if status is not None and len(list(watch.seen())) == len(watch.sent):
            return Close.ERROR, status.code
    return watch.close or Close.OVER, None


def chains(requests: Iterable[Request], *, now: float, speed: float) -> list[Chain]:
    """Put requests together, a chain for each watcher.

    Parameters
    ----------
    requests : iterable of Request
        In the order in which they came; left as they are.
    now : float
        Until when the server was looked at, in seconds.
    speed : float
        Seconds of the history in a real one.

    Returns
    -------
    list of Chain
        By the time of their first watch. One whose every watch was refused is among them.
    """
    found: list[Chain] = []
    lists: dict[tuple[str, Scope], list[Request]] = {}
    for request in requests:
        seen = _as_of(request, now)
        who = seen.client, Scope.of(seen)
        waiting = lists.setdefault(who, [])
        if not seen.is_watch:
            waiting += [seen] if seen.listed else []
            continue
        chain = _chosen([chain for chain in found if (chain.client, chain.scope) == who], seen)
        if chain is None:
            chain = Chain(*who, speed)
            found.append(chain)
        if listed := chain.add(seen, waiting):
            waiting.remove(listed)
    for chain in found:
        later = [one for one in lists[chain.client, chain.scope] if one.at >= chain.closed_at]
        if later and chain.attempts[-1].status == EXPIRED:
            chain.relisted(later[0])
    return found


def _chosen(own: Sequence[Chain], watch: Request) -> Chain | None:
    """Choose the chain that a watch goes on from; None when all are still open."""
    asked = watch.parameter("resourceVersion") or ""
    free = [chain for chain in own if chain.is_free(watch.at)]
    return max(free, key=lambda chain: (chain.knows(asked), chain.closed_at), default=None)


def _as_of(request: Request, now: float) -> Request:
    """Copy a record that may still grow; what is open counts as open until now."""
    sent = [*request.sent]
    if request.is_watch:
        # What kubectl is sent for people tells of the same objects.
        sent = [(at, out_of_table(line)) for at, line in sent]
    seen = replace(request, client=printable(request.client), sent=sent)
    if seen.close is None:
        seen.closed_at, seen.close = now, Close.OVER
    return seen


def printable(text: str) -> str:
    """Keep what a client sent from steering somebody's terminal.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def counted_against(chain: Chain, history: History) -> tuple[Log, History]:
    """Make the log of a watcher, and the history that it could be told.

    The history, of which the chain's scope is told, is given from the list on, or from what the
    first watch showed, or from the resourceVersion that was asked for. What a later list shows
    counts as delivered with the watch after it, as to a program that compares.
    """
    start = _shown(chain.attempts[0], history)
    reader = _Reader(history, start)
    attempts = [reader.read(attempt) for attempt in chain.attempts]
    state = tuple(history.state(start).values())
    told = ((change.at, change.type, change.object) for change in history.changes[start:])
    version = _version_after(history, start)
    changes = tuple(numbered(state, told))
    past = replace(history, resource_version=version, objects=state, changes=changes)
    return Log(chain.name, attempts), past


def _version_after(history: History, number: int) -> str:
    at = history.changes[number - 1].object if number else history
    return at.resource_version


def _shown(attempt: Attempt, history: History) -> int:
    """Give how many changes the list before an attempt, or its first events, show."""
    happened = history.happened(attempt.at)
    if attempt.handed in _ANYWHERE or attempt.watch is None or _sends_initial(attempt.watch):
        return happened
    return history.followed_by(attempt.handed) or 0


class _Reader:
    """Read what each attempt told, in order."""

    def __init__(self, history: History, start: int) -> None:
        self.history = history
        self._numbers = {c.object.identity: c.number for c in history.changes}
        self._held: dict[str, Object | Seen] = {o.uid: o for o in history.state(start).values()}
        self._is_first = True

    def read(self, attempt: Attempt) -> Attempt:
        seen = list(attempt.watch.seen()) if attempt.watch else []
        told = [s for s in seen if s.type not in _NO_CHANGE]
        listed = ""
        if attempt.is_anew:
            number = _shown(attempt, self.history)
            shown = {item.uid: item for item in self.history.state(number).values()}
            if attempt.handed in _ANYWHERE or (attempt.watch and _sends_initial(attempt.watch)):
                told = _after_opening(told, {item.identity for item in shown.values()})
            if not self._is_first:
                listed = _version_after(self.history, number)
                told = [*self._compared(shown, attempt.at), *told]
        self._is_first = False
        for each in told:
            self._held[each.uid] = each
            if each.type is EventType.DELETED:
                del self._held[each.uid]
        return replace(attempt, delivered=told, listed=listed)

    def _compared(self, shown: Mapping[str, Object], at: float) -> list[Seen]:
        """Give what a list tells to a program that compares it with what it knows."""
        gone = [held for uid, held in self._held.items() if uid not in shown]
        inferred = [_as_seen(each, at, EventType.DELETED, Origin.INFERRED) for each in gone]
        changed = []
        for uid, item in shown.items():
            held = self._held.get(uid)
            if held is None or held.resource_version != item.resource_version:
                kind = EventType.ADDED if held is None else EventType.MODIFIED
                changed.append(_as_seen(item, at, kind, Origin.RELIST))
        return [*inferred, *sorted(changed, key=lambda seen: self._numbers.get(seen.identity, 0))]


def _as_seen(item: Object | Seen, at: float, kind: EventType, origin: Origin) -> Seen:
    return Seen(at, kind, item.namespace, item.name, item.uid, item.resource_version, origin)


def _after_opening(told: Sequence[Seen], known: set[tuple[str, str]]) -> list[Seen]:
    """Leave out what a watch showed of the present before it told of changes."""
    for number, seen in enumerate(told):
        if seen.type is not EventType.ADDED or seen.identity not in known:
            return list(told[number:])
    return []
