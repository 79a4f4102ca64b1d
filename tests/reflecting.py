"""Run a Reflector on a history to its end, in virtual time, and say what must hold of any run."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kubernetes.client import CoreV1Api

from kwlab.errors import RecordingOver
from kwlab.history import History, Object
from kwlab.log import Request
from kwlab.server import faults
from kwlab.server.door import Door, Session
from kwlab.watching.observer import Gap, Listed, ReflectorRecord
from kwlab.watching.reflector import Reflector
from kwlab.watching.reflectoroptions import ReflectorOptions
from kwlab.watching.store import Origin, ReflectorEvent
from kwlab.wire import EventType
from tests.histories import NAMESPACE

Key = tuple[str, str]


@dataclass
class Run:
    """Hold one run: what was delivered, told and asked."""

    past: History
    session: Session
    reflector: Reflector
    events: list[ReflectorEvent]
    records: list[ReflectorRecord]

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
    **selectors: Any,
) -> Run:
    """Reflect a history to its end, or until the consumer stops after so many events."""
    server = faults.FaultyServer(past, faults.parse(scenario), window_events=window)
    session, records = Session(server), list[ReflectorRecord]()
    reflector = Reflector(
        CoreV1Api(Door(session).client()).list_namespaced_pod,
        NAMESPACE,
        options=replace(
            options or ReflectorOptions(),
            clock=session.clock,
            random=lambda: 0.0,
            observer=records.append,
        ),
        **selectors,
    )
    events: list[ReflectorEvent] = []
    found = Run(past, session, reflector, events, records)
    try:
        for event in reflector:
            events.append(event)
            if len(events) == stop_after:
                reflector.stop()
    except RecordingOver:
        pass
    return found


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
        if request.status == 410 or any(b'"code":410' in line for line in lines):
            refused.add((kind, version))


def requests_are_bounded(found: Run) -> None:
    """However it fails, a second holds no more than two watches, and two lists with fallbacks."""
    for kinds, most in (({"watch"}, 2), ({"list", "watchlist"}, 4)):
        times = [r.at for r in found.session.requests if short(r).split()[0] in kinds]
        for first, last in zip(times, itertools.islice(times, most, None), strict=False):
            assert last - first > 0.999, f"{most + 1} times {kinds} at {first:g} to {last:g}"


def nothing_is_lost_without_a_gap(found: Run) -> None:
    """Every change after the first list is watched, or there is a gap that says so."""
    listed = [record for record in found.records if isinstance(record, Listed)]
    if len(listed) == 1:
        first = int(found.past.name_of(listed[0].resource_version).removeprefix("rv@"))
        told = [_identity(event) for event in found.events if event.origin is Origin.WATCH]
        assert [change.object.identity for change in found.past.changes[first:]] == told
    assert len(listed) == len(found.gaps) + 1


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
