"""Retry loops by hand, so that a log can show what only a loop can do wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException

import kwlab
from kwlab.errors import RecordingOver, StreamBroken
from kwlab.history import History
from kwlab.log import Attempt, Close, Log, Origin, Seen
from kwlab.server import faults
from kwlab.server.door import Door, Session
from kwlab.wire import EventType, WatchEvent
from tests.histories import NAMESPACE


@dataclass
class Loop:
    """List, watch, and list again after a 410; each habit can be left off."""

    past: History
    scenario: list[dict[str, Any]]
    pause_seconds: float = 1.0
    timeout_seconds: int = 60
    relists: bool = True
    infers: bool = True
    log: Log = field(default_factory=lambda: Log("loop"))

    def __post_init__(self) -> None:
        self.session = Session(faults.FaultyServer(self.past, faults.parse(self.scenario)))
        self.api = CoreV1Api(Door(self.session).client())
        self.store = {item.uid: item for item in self.past.objects}

    def run(self) -> Log:
        version, is_expired = self.past.resource_version, False
        try:
            while True:
                version, is_expired = self._attempt(version, is_expired)
                self.session.clock.sleep(self.pause_seconds)
        except RecordingOver:
            self._end(Close.OVER)
        return self.log

    def _attempt(self, version: str, is_expired: bool) -> tuple[str, bool]:
        attempt = Attempt(self.session.clock.now(), version)
        self.log.attempts.append(attempt)
        self._asked_before = len(self.session.requests)
        status = None
        try:
            if is_expired and self.relists:
                version = self._relist(attempt)
            for event in self._watch(version):
                if event.status is not None:
                    status = event.status.code
                    break
                version = event.resource_version
                if event.type is not EventType.BOOKMARK:
                    self._deliver(attempt, Seen.of(event, self.session.clock.now()))
        except StreamBroken:
            pass
        except ApiException as error:
            status = error.status
        except Exception as error:
            assert "Connection refused" in str(error)
        attempt.status = status
        self._end(Close.CUT)
        return version, status == 410

    def _watch(self, version: str) -> Iterator[WatchEvent]:
        return kwlab.events(
            self.api.list_namespaced_pod(
                NAMESPACE,
                watch=True,
                _preload_content=False,
                resource_version=version,
                allow_watch_bookmarks=True,
                timeout_seconds=self.timeout_seconds,
            )
        )

    def _relist(self, attempt: Attempt) -> str:
        listed = self.api.list_namespaced_pod(NAMESPACE)
        found = {item.metadata.uid for item in listed.items}
        for uid, known in list(self.store.items()):
            if uid not in found and self.infers:
                at, version = self.session.clock.now(), known.resource_version
                names = known.namespace, known.name, uid, version
                self._deliver(attempt, Seen(at, EventType.DELETED, *names, Origin.INFERRED))
        attempt.listed = str(listed.metadata.resource_version)
        return attempt.listed

    def _deliver(self, attempt: Attempt, seen: Seen) -> None:
        attempt.delivered.append(seen)
        if seen.type is EventType.DELETED:
            self.store.pop(seen.uid, None)
        else:
            self.store[seen.uid] = seen  # type: ignore[assignment]

    def _end(self, close: Close) -> None:
        attempt = self.log.attempts[-1]
        if attempt.closed_at is None:
            attempt.closed_at, attempt.close = self.session.clock.now(), close
            attempt.requests = self.session.requests[self._asked_before :]
