"""Run a Reflector on a history to its end, in virtual time, and say what must hold of any run."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kubernetes.client import CoreV1Api

from kwlab.errors import RecordingOver
from kwlab.history import History, Object
from kwlab.log import Attempt, Log, Origin, Request, Seen
from kwlab.server import faults
from kwlab.server.door import Door, Session
from kwlab.server.exchange import End, Frame, Refusal, Response, refused
from kwlab.server.exchange import Request as Asked
from kwlab.watching.observer import (
    AttemptEnded,
    AttemptStarted,
    Delivered,
    Gap,
    Listed,
    ListFailed,
    ReflectorRecord,
)
from kwlab.watching.reflector import Reflector
from kwlab.watching.reflectoroptions import ReflectorOptions
from kwlab.watching.retryoptions import Backoff
from kwlab.watching.store import ReflectorEvent
from kwlab.wire import EventType
from tests.histories import NAMESPACE
from tests.retrying import TICK_SECONDS

Key = tuple[str, str]


@dataclass
class Run:
    """Hold one run: what was delivered, told and asked."""

    past: History
    session: Session
    reflector: Reflector
    events: list[ReflectorEvent]
    records: list[ReflectorRecord]
    options: ReflectorOptions
    has_no_end: bool = False
    random: float = 0.0

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """Origin, type and name of each event."""
        return [(e.origin.value, e.type.value, e.name) for e in self.events]

    @property
    def asked(self) -> list[str]:
        """What was asked, in short: ``list 0``, ``watch 1003``, ``watchlist``, ``continue``."""
        return [short(request) for request in self.session.requests]

    @property
    def gaps(self) -> list[Gap]:
        return [record for record in self.records if isinstance(record, Gap)]


@dataclass(frozen=True, kw_only=True)
class Manner:
    """Say how a server differs from the embedded one, as real ones do.

    Parameters
    ----------
    has_pages : bool
        It has no watch cache: it gives pages from anywhere.
    rest_codes : tuple of int
        With which codes it refuses the rest of a list, the first times that one is asked for.
    lags : bool
        It has not reached any resourceVersion that a list names: another replica has.
    refuses_watch_list : int or None
        With which code; None: it knows WatchList.
    withholds_end : bool
        The bookmark that ends a WatchList does not come.
    ends_early : bool
        A clean end comes in its place.
    slow_seconds : float
        How much later it comes than what it ends, in seconds.
    """

    has_pages: bool = False
    rest_codes: tuple[int, ...] = ()
    lags: bool = False
    refuses_watch_list: int | None = None
    withholds_end: bool = False
    ends_early: bool = False
    slow_seconds: float = 0.0


class MannerlyServer(faults.FaultyServer):
    """Serve a history with faults, in another server's manner."""

    manner = Manner()
    rests_total = 0

    def respond(self, request: Asked, at: float) -> Response:
        named, is_watch_list = request.get("resourceVersion"), request.flag("sendInitialEvents")
        is_list = not request.flag("watch")
        if request.get("continue"):
            self.rests_total += 1
            for code in self.manner.rest_codes[self.rests_total - 1 : self.rests_total]:
                return refused(Refusal(code, "Refused", "no rest of that list"), at)
        if is_watch_list and self.manner.refuses_watch_list is not None:
            return refused(Refusal(self.manner.refuses_watch_list, "Refused", "no WatchList"), at)
        if is_list and named == "0" and self.manner.has_pages:
            request = _asking(request, "")
        if (is_list or is_watch_list) and named not in {None, "", "0"} and self.manner.lags:
            request = _asking(request, NEVER_REACHED)
        answer = super().respond(request, at)
        if not is_watch_list or "Content-Length" in answer.headers:
            return answer
        return Response(answer.due, answer.status, answer.headers, self._held(answer.frames))

    def _held(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Let the end bookmark of a WatchList come late, or not at all."""
        held, due = None, math.inf
        for frame in frames:
            if held is not None and frame.due >= due:
                version = str(self.api.cache.version(due)).encode()
                yield Frame(due, _VERSION.sub(b'"resourceVersion":"%s"' % version, held))
                held = None
            is_end = isinstance(frame.data, bytes) and b"initial-events-end" in frame.data
            if is_end and self.manner.slow_seconds:
                assert isinstance(frame.data, bytes)
                held, due = frame.data, frame.due + self.manner.slow_seconds
            elif is_end and self.manner.ends_early:
                yield Frame(frame.due, End.DONE)
                return
            elif not (is_end and self.manner.withholds_end):
                yield frame


NEVER_REACHED = "999999999"
_VERSION = re.compile(rb'"resourceVersion":"\d+"')


def _asking(request: Asked, version: str) -> Asked:
    rest = [(key, value) for key, value in request.query if key != "resourceVersion"]
    if not version:
        # Without one there is nothing that it might be not older than.
        rest = [(key, value) for key, value in rest if key != "resourceVersionMatch"]
    named = [("resourceVersion", version)] if version else []
    return replace(request, query=tuple(rest + named))


def short(request: Request) -> str:
    query = dict(request.query)
    if "continue" in query:
        return "continue"
    watch = "watchlist" if "sendInitialEvents" in query else "watch"
    kind = watch if "watch" in query else "list"
    return f"{kind} {query.get('resourceVersion', '')}".strip()


def run(
    past: History,
    scenario: Sequence[faults.Fault | dict[str, Any]] = (),
    *,
    options: ReflectorOptions | None = None,
    window: int | None = None,
    stop_after: int | None = None,
    manner: Manner | None = None,
    random: float = 0.0,
    **selectors: Any,
) -> Run:
    """Reflect a history to its end, or until the consumer stops after so many events."""
    server = MannerlyServer(past, faults.parse(scenario), window_events=window)
    server.manner = manner or Manner()
    session, records = Session(server), list[ReflectorRecord]()
    reflector = Reflector(
        CoreV1Api(Door(session).client()).list_namespaced_pod,
        NAMESPACE,
        options=replace(
            options or ReflectorOptions(),
            clock=session.clock,
            random=lambda: random,
            observer=records.append,
        ),
        **selectors,
    )
    events: list[ReflectorEvent] = []
    chosen = options or ReflectorOptions()
    has_no_end = server.manner.withholds_end or server.manner.ends_early
    found = Run(past, session, reflector, events, records, chosen, has_no_end, random)
    try:
        for event in reflector:
            events.append(event)
            if len(events) == stop_after:
                reflector.stop()
    except RecordingOver:
        pass
    return found


def log_of(found: Run) -> tuple[Log, str]:
    """Make the log of a run, and give the resourceVersion of the list that it began with."""
    log, start = Log("reflector"), ""
    for record in found.records:
        match record:
            case Listed():
                listed = record.resource_version if start else ""
                start = start or record.resource_version
                at = record.closed_at
                log.attempts.append(Attempt(at, record.known, closed_at=at, listed=listed))
            case AttemptStarted():
                log.attempts.append(Attempt(record.at, record.handed))
            case Delivered():
                event = record.event
                origin = event.origin if isinstance(event, ReflectorEvent) else Origin.WATCH
                if origin is not Origin.LIST:
                    log.attempts[-1].delivered.append(Seen.of(event, record.at, origin))
            case AttemptEnded():
                log.attempts[-1].closed_at = record.closed_at
    for attempt in log.attempts:
        if attempt.closed_at is None:
            attempt.closed_at = found.session.clock.now()
    return log, start


def existing(past: History, number: int | None = None) -> dict[Key, Object]:
    """What exists after so many changes; at the end when None."""
    state = past.state(len(past.changes) if number is None else number)
    return {(item.namespace, item.name): item for item in state.values()}


# ---- what must hold of any run


def holds(found: Run) -> None:
    """All that must hold of a run that reached the end of its history."""
    store_equals_the_servers(found)
    replay_gives_the_store(found)
    nothing_is_delivered_twice(found)
    order_is_kept(found)
    no_refused_version_is_asked_again(found)
    requests_are_bounded(found)
    each_list_waits_for_its_back_off(found)
    what_a_server_does_not_know_is_not_asked_again(found)
    a_list_is_not_older_than_what_is_known(found)
    known_lists_are_asked_for_whole(found)
    it_lists_as_it_was_told(found)
    nothing_is_lost_without_a_gap(found)


def store_equals_the_servers(found: Run) -> None:
    """The store holds in the end what exists, in the state in which it exists."""
    believed = {key: _identity(event) for key, event in found.reflector.store.events().items()}
    assert {key: item.identity for key, item in existing(found.past).items()} == believed


def replay_gives_the_store(found: Run) -> None:
    """The events in their order, on an empty dict, give the store: no event comes out of turn."""
    replayed: dict[Key, tuple[str, str]] = {}
    for event in found.events:
        key = (event.namespace, event.name)
        was = replayed.get(key)
        if event.type is EventType.ADDED:
            assert was is None, f"{event} and {was} is there"
        else:
            assert was is not None and was[0] == event.uid, f"{event} and {was} is there"
        replayed[key] = _identity(event)
        if event.type is EventType.DELETED:
            del replayed[key]
    store = found.reflector.store.events()
    assert replayed == {key: _identity(event) for key, event in store.items()}


def nothing_is_delivered_twice(found: Run) -> None:
    """A state of an object is delivered once, and an object is deleted once."""
    states = [_identity(e) for e in found.events if e.type is not EventType.DELETED]
    deleted = [event.uid for event in found.events if event.type is EventType.DELETED]
    assert len(set(states)) == len(states)
    assert len(set(deleted)) == len(deleted)


def order_is_kept(found: Run) -> None:
    """An object's states come in their order, and what was watched in the order it happened."""
    places = {change.object.identity: change.number for change in found.past.changes}
    watched = [places[_identity(e)] for e in found.events if e.origin is Origin.WATCH]
    assert sorted(watched) == watched
    of_one: dict[str, list[int]] = {}
    for event in found.events:
        if event.origin is not Origin.INFERRED:
            of_one.setdefault(event.uid, []).append(places.get(_identity(event), 0))
    assert all(sorted(numbers) == numbers for numbers in of_one.values())


def no_refused_version_is_asked_again(found: Run) -> None:
    """What was refused as expired is not asked for again, unless a list hands it anew."""
    refused: set[tuple[str, str]] = set()
    for request in found.session.requests:
        kind, version = short(request).split()[0], dict(request.query).get("resourceVersion", "")
        assert not version or (kind, version) not in refused, f"{kind} {version} was refused"
        # Nothing behind a line that cannot be read was read.
        lines = list(itertools.takewhile(_is_json, (line for _, line in request.sent)))
        if kind != "watch" and request.status == 200:
            refused = {one for one in refused if not any(_hands(line, one[1]) for line in lines)}
        if any(word in line for line in lines for word in _NOT_THERE) or request.status == 410:
            refused.add((kind, version))


def requests_are_bounded(found: Run) -> None:
    """However it fails, a second holds no more than two watches, and two lists with fallbacks."""
    for kinds, most in (({"watch"}, 2), ({"list", "watchlist"}, 4)):
        times = [r.at for r in found.session.requests if short(r).split()[0] in kinds]
        for first, last in zip(times, itertools.islice(times, most, None), strict=False):
            assert last - first > 0.999, f"{most + 1} times {kinds} at {first:g} to {last:g}"


def each_list_waits_for_its_back_off(found: Run) -> None:
    """Whatever came of the list and the watch before: only that they lasted takes it back."""
    options, rounds, began, ended = found.options, 0, 0.0, 0.0
    is_watched = False
    for record in found.records:
        if isinstance(record, AttemptEnded):
            ended, is_watched = record.closed_at, True
        if not isinstance(record, Listed | ListFailed):
            continue
        if record is not found.records[0]:
            rounds = 1 if ended - began >= options.backoff_reset_seconds else rounds + 1
            due = ended + _pause(options.retry.backoff, rounds, found.random)
            assert record.started_at > due - TICK_SECONDS, record
            latest = max(due, began + options.retry.min_restart_delay_seconds)
            # Before a list that failed nobody but the server knows how long it asked to wait.
            assert not is_watched or record.started_at < latest + TICK_SECONDS, record
        began, ended, is_watched = record.started_at, record.closed_at, False


def _pause(backoff: Backoff | None, rounds: int, random: float) -> float:
    if backoff is None:
        return 0.0
    seconds = min(backoff.max_seconds, backoff.initial_seconds * backoff.factor ** (rounds - 1))
    return seconds * (1 + backoff.jitter * random)


def what_a_server_does_not_know_is_not_asked_again(found: Run) -> None:
    """A WatchList that was not known, or had no end, is asked for once; then it is listed."""
    lists = [r for r in found.session.requests if short(r).split()[0] in {"list", "watchlist"}]
    unknown = [
        number
        for number, request in enumerate(lists)
        if short(request).startswith("watchlist")
        and (request.status in {400, 404, 405, 422, 501} or found.has_no_end)
    ]
    assert len(unknown) <= 1
    for number, request in enumerate(lists):
        is_known = found.options.use_watch_list and not any(one < number for one in unknown)
        after_refusal = number > 0 and short(lists[number - 1]).startswith("watchlist")
        if is_known and not after_refusal:
            assert short(request).startswith("watchlist")
        assert is_known or not short(request).startswith("watchlist")


def a_list_is_not_older_than_what_is_known(found: Run) -> None:
    """Whoever names a resourceVersion says how it is meant: from a page on it is exact else."""
    for request in found.session.requests:
        query = dict(request.query)
        if short(request).startswith("list") and query.get("resourceVersion"):
            assert query.get("resourceVersionMatch") == "NotOlderThan"


def known_lists_are_asked_for_whole(found: Run) -> None:
    """Pages come from etcd: what a watch cache knows is asked for whole, unless there is none."""
    has_pages = was_refused = False
    for request in found.session.requests:
        query = dict(request.query)
        is_known = query.get("resourceVersion", "0") not in {"", "0"}
        if short(request).startswith("list") and is_known:
            assert (has_pages and not was_refused) == ("limit" in query)
        is_first = short(request) == "list 0"
        has_pages |= is_first and any(b'"continue":"' in line for _, line in request.sent)
        # The rest of a list that has expired is no rest: all of it is asked for.
        was_refused = short(request) == "continue" and request.status == 410


def it_lists_as_it_was_told(found: Run) -> None:
    """Pages are as large as chosen, and a WatchList is whole and as long as chosen."""
    options = found.options
    asked = [
        request for request in found.session.requests if not short(request).startswith("watch ")
    ]
    assert not asked or options.use_watch_list == short(asked[0]).startswith("watchlist")
    size = str(options.page_size) if options.page_size else None
    refused_rest = False
    for request in asked:
        query = dict(request.query)
        version = query.get("resourceVersion", "")
        if short(request).startswith("watchlist"):
            assert str(math.ceil(options.watch_list_deadline_seconds)) == query["timeoutSeconds"]
            assert ("NotOlderThan", "true") == (
                query["resourceVersionMatch"],
                query["allowWatchBookmarks"],
            )
        elif refused_rest:
            assert "limit" not in query
        elif version in {"", "0"}:
            assert size == query.get("limit")
        refused_rest = short(request) == "continue" and request.status == 410


def nothing_is_lost_without_a_gap(found: Run) -> None:
    """Every change after the first list is watched, or there is a gap that says so."""
    listed = [record for record in found.records if isinstance(record, Listed)]
    if len(listed) == 1:
        first = int(found.past.name_of(listed[0].resource_version).removeprefix("rv@"))
        told = [_identity(event) for event in found.events if event.origin is Origin.WATCH]
        assert [change.object.identity for change in found.past.changes[first:]] == told
    assert len(listed) == len(found.gaps) + 1


_NOT_THERE = (b'"code":410', b"ResourceVersionTooLarge")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _hands(line: bytes, version: str) -> bool:
    """Tell whether a line is a list, or the end of a WatchList, with this resourceVersion."""
    named = b'"resourceVersion":"%s"' % version.encode()
    return named in (line if b"initial-events-end" in line else line[:100])


def _identity(event: Any) -> tuple[str, str]:
    return event.uid, event.resource_version
