"""The 37 rows of client-go's RetryWatcher, over real HTTP with the official client."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from kwlab import errors
from kwlab.log import Close
from kwlab.watching.resume import DEFAULT, STRICT, RetryOptions
from kwlab.watching.retrywatcher import AttemptEnded, Delivered, Record, RetryWatcher
from kwlab.wire import ListOptions, WatchEvent
from tests.scripted_server import ScriptedServer

DATA = json.loads((Path(__file__).parent / "data/retrywatcher-conformance.json").read_text("utf-8"))
ROWS: list[dict[str, Any]] = DATA["rows"]
WIRE_ROWS = [row for row in ROWS if not row["outcome"].startswith("constructor_error")]
LIVELOCK_CONNECTS = 5
DEFAULT_ENDS: dict[str, type[Exception]] = {
    "RW-01": RuntimeError,
    "RW-02": errors.Expired,
    "RW-03": errors.WatchFunctionError,
    "RW-07": errors.Expired,
    "RW-08": errors.Denied,
    "RW-09": errors.Denied,
    "RW-D02": errors.ProtocolError,
    "RW-D03": errors.ProtocolError,
    "RW-D04": errors.ProtocolError,
    "RW-D05": errors.ProtocolError,
    "RW-D10": errors.Denied,
    "RW-D11": errors.NotFound,
    "RW-D12": errors.Expired,
}


class FakeClock:
    """Time that passes only by sleeping; ``slept`` holds each sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@dataclass
class Run:
    """One row run to its end."""

    events: list[WatchEvent] = field(default_factory=list)
    error: Exception | None = None
    asked: list[str | None] = field(default_factory=list)
    connects: int = 0
    slept: list[float] = field(default_factory=list)
    resource_version: str = ""
    closes: list[Close] = field(default_factory=list)


class Stopper:
    """Stop a watcher once a row's events and connections are all there."""

    def __init__(self, row: dict[str, Any]) -> None:
        limit = row["expected_connects"]
        self.connects = LIVELOCK_CONNECTS if limit == "unbounded" else limit
        self.delivered = len(row["expected"])
        self.is_unbounded = limit == "unbounded"
        self.seen = self.attempts = 0
        self.is_idle = False
        self.watcher: RetryWatcher | None = None
        self._lock = threading.Lock()

    def observe(self, record: Record) -> None:
        with self._lock:
            self.seen += isinstance(record, Delivered)
        if self.is_unbounded and isinstance(record, AttemptEnded) and self.watcher is not None:
            self.attempts += 1
            if self.attempts >= self.connects:
                self.watcher.stop()
        self.check()

    def idle(self) -> None:
        """The server has nothing more to send."""
        self.is_idle = True
        self.check()

    def check(self) -> None:
        with self._lock:
            done = self.is_idle and self.seen >= self.delivered and self.calls >= self.connects
        if done and not self.is_unbounded and self.watcher is not None:
            self.watcher.stop()

    calls = 0


def api_of(server: ScriptedServer) -> client.CoreV1Api:
    configuration = client.Configuration(host=server.url)
    configuration.retries = False
    return client.CoreV1Api(client.ApiClient(configuration))


def watch_function(row: dict[str, Any], api: client.CoreV1Api, stopper: Stopper, run: Run) -> Any:
    """The official client's call, with the failures that are not on a wire."""

    def watch(options: ListOptions) -> object:
        connects = row["connects"]
        how = connects[min(run.connects, len(connects) - 1)].get("fail", {}).get("kind")
        run.connects += 1
        stopper.calls = run.connects
        run.asked.append(options.resource_version)
        if how == "plain":
            raise RuntimeError("test error")
        if how == "nil":
            return None
        timeout = {"_request_timeout": (5, 0.05)} if how == "timeout" else {}
        return api.list_namespaced_pod(
            "lab", watch=True, _preload_content=False, **options, **timeout
        )

    return watch


def on_the_wire(connects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [c for c in connects if c.get("fail", {}).get("kind") not in {"plain", "nil"}]


def play(row: dict[str, Any], options: RetryOptions) -> Run:
    run, clock, stopper = Run(), FakeClock(), Stopper(row)
    with ScriptedServer(on_the_wire(row["connects"]), when_idle=stopper.idle) as server:
        api = api_of(server)
        function = watch_function(row, api, stopper, run)
        with RetryWatcher(
            row["initial_rv"],
            function,
            options=options,
            clock=clock,
            random=lambda: 0.0,
            observer=partial(_observe, run, stopper),
        ) as watcher:
            stopper.watcher = watcher
            try:
                run.events.extend(watcher)
            except Exception as error:
                run.error = error
            run.resource_version = watcher.resource_version
        api.api_client.close()
        heard = [query["resourceVersion"] for query in server.requests]
    assert all(query.get("allowWatchBookmarks") == "true" for query in server.requests)
    assert heard == run.asked[len(run.asked) - len(heard) :]
    run.slept = clock.slept
    return run


def _observe(run: Run, stopper: Stopper, record: Record) -> None:
    if isinstance(record, AttemptEnded):
        run.closes.append(record.close)
    stopper.observe(record)


def assert_delivered(expected: list[dict[str, Any]], events: list[WatchEvent]) -> None:
    assert [entry["type"] for entry in expected] == [str(event.type) for event in events]
    for entry, event in zip(expected, events, strict=True):
        if "rv" in entry:
            assert entry["rv"] == event.resource_version
        else:
            assert_status(entry["status"], event)


def assert_status(expected: dict[str, Any], event: WatchEvent) -> None:
    status = event.status
    assert status is not None
    assert (expected["code"], expected["reason"]) == (status.code, status.reason)
    assert expected.get("message_contains", "") in status.message


@pytest.mark.parametrize("row", WIRE_ROWS, ids=lambda row: row["id"])
def test_conformance_strict(row: dict[str, Any]) -> None:
    """With strict=True a RetryWatcher does what client-go's does, row by row."""
    run = play(row, STRICT)

    assert run.error is None
    assert_delivered(row["expected"], run.events)
    expected = row["expected_connects"]
    assert (LIVELOCK_CONNECTS if expected == "unbounded" else expected) == run.connects
    assert row.get("expected_request_rvs", run.asked) == run.asked
    assert row.get("min_delay_between_connects", 0) <= max(run.slept, default=0)
    stopped = row["outcome"] == "stopped"
    assert stopped == (run.closes[-1] is not Close.STOPPED) or row["outcome"] == "livelock"
    if row["outcome"] == "livelock":
        assert [row["initial_rv"]] * LIVELOCK_CONNECTS == run.asked
        assert [1.0] * (LIVELOCK_CONNECTS - 1) == run.slept[: LIVELOCK_CONNECTS - 1]


@pytest.mark.parametrize("row", WIRE_ROWS, ids=lambda row: row["id"])
def test_conformance_default(row: dict[str, Any]) -> None:
    """By default a RetryWatcher differs from client-go in the listed rows only, by typed ends."""
    run = play({**row, "expected_connects": _finite(row)}, DEFAULT)

    end = DEFAULT_ENDS.get(row["id"])
    assert (end or type(None)) is type(run.error)
    changes = [entry for entry in row["expected"] if entry["type"] != "ERROR"]
    is_early = row["id"] in {"RW-01", "RW-02", "RW-03", "RW-D11"}
    assert_delivered([] if is_early else changes, run.events)
    if isinstance(run.error, errors.WatchEnded):
        assert run.resource_version == run.error.resource_version
        last = run.events[-1].resource_version if run.events else row["initial_rv"]
        assert last == run.error.resource_version
    elif end is None:
        assert row["expected_connects"] == run.connects


def _finite(row: dict[str, Any]) -> int:
    expected = row["expected_connects"]
    return 1000 if expected == "unbounded" else expected


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row not in WIRE_ROWS], ids=lambda row: row["id"]
)
@pytest.mark.parametrize("strict", [False, True])
def test_conformance_initial(row: dict[str, Any], strict: bool) -> None:
    """A RetryWatcher refuses to begin at "" and at "0"."""
    message = row["outcome"].removeprefix("constructor_error: ")

    with pytest.raises(errors.ResourceVersionError) as refused:
        RetryWatcher(row["initial_rv"], lambda options: options, strict=strict)

    assert message == str(refused.value)


def test_conformance_is_complete() -> None:
    """All 37 rows are run."""
    assert 37 == len(ROWS)
    assert {row["id"] for row in ROWS} >= set(DEFAULT_ENDS)
