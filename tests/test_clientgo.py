"""client-go's real RetryWatcher and ours with ``strict=True``: the same wire, the same behaviour.

The rows of the contract are played to both by one scripted server. Beyond them, random schedules:
both talk to one served history at the same time, while the same faults strike both, and have to
ask for the same resourceVersions in the same order and deliver the same events. A virtual run says
what these are, and when the attempts will be: faults and attempts are kept apart by
``MARGIN_SECONDS``, so that no answer depends on who was a bit faster.
"""

from __future__ import annotations

import functools
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

import pytest
from kubernetes import client

from kwlab.errors import RecordingOver, WatchEnded
from kwlab.history import History
from kwlab.made import made_evenly
from kwlab.server import faults
from kwlab.server.door import Door, Session
from kwlab.server.serve import Served
from kwlab.watching.observer import AttemptEnded, AttemptStarted, Record
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import ListOptions, WatchEvent
from tests.conftest import SEED
from tests.histories import NAMESPACE, shipped
from tests.nightly import IS_NIGHTLY
from tests.realserver import ClientGo, watching_client
from tests.scripted_server import ScriptedServer
from tests.test_conformance import ROWS as ALL_ROWS
from tests.test_conformance import WIRE_ROWS

pytestmark = pytest.mark.needs("rig")

SCHEDULES: Final = 1_000 if IS_NIGHTLY else 200
AT_ONCE: Final = (40, 10, 3)
"""On a busy machine a watcher may be late by more than the margin. What differs is tried again with
fewer at a time; what is no accident happens again."""
SECONDS: Final = 7.0
CHANGES_FROM, CHANGES_UNTIL = 1.1, 6.0
MARGIN_SECONDS: Final = 0.2
WAIT_SECONDS: Final = 30.0
LATE_SECONDS: Final = 3.0
UNREADABLE: Final = '{"type":"MODIFIED","object":}'
"""No JSON from its first wrong byte on. Go's decoder reads on over the end of a line that is only
cut short, and notices it with the next one; ours notices at once."""
OWN_CLIENT: Final = "kwlab-strict"
LIVELOCK_CONNECTS: Final = 3

Told: TypeAlias = tuple[str, str]
"""Type, and resourceVersion or code."""


def api_at(url: str) -> client.CoreV1Api:
    configuration = client.Configuration(host=url)
    configuration.retries = False
    reached = client.ApiClient(configuration)
    reached.user_agent = OWN_CLIENT
    return client.CoreV1Api(reached)


def watch_function(
    api: client.CoreV1Api, name: str = "correct", timeout_seconds: int | None = None
) -> Callable[[ListOptions], Any]:
    def watch(options: ListOptions) -> Any:
        if name == "wrong":
            options = ListOptions()
        if timeout_seconds is not None:
            options = options.replace(timeout_seconds=timeout_seconds)
        return api.list_namespaced_pod(NAMESPACE, watch=True, _preload_content=False, **options)

    return watch


def told_by_us(event: WatchEvent) -> Told:
    if event.status is not None:
        return event.type.value, str(event.status.code)
    return event.type.value, event.resource_version


def told_by_clientgo(ran: ClientGo) -> list[Told]:
    return [
        (line["type"], str(line["code"]) if "code" in line else line.get("resourceVersion", ""))
        for line in ran.of("event")
    ]


@contextmanager
def iterating(watcher: RetryWatcher) -> Iterator[list[Told]]:
    """Iterate in a thread until the block ends."""
    told: list[Told] = []
    thread = threading.Thread(target=lambda: told.extend(map(told_by_us, watcher)))
    thread.start()
    try:
        yield told
    finally:
        watcher.stop()
        thread.join()
        watcher.close()


# The rows of the contract, on one wire.

NOT_ON_A_WIRE: Final = frozenset({"plain", "nil", "timeout"})
NOT_PLAYED: Final = {
    "RW-C1": 'the constructor refuses ""',
    "RW-C2": 'the constructor refuses "0"',
    "RW-01": "the watch function fails by itself, with an error that no client makes",
    "RW-03": "the watch function gives neither a watch nor an error",
    "RW-D09": "the time-out among its failures is the client's own",
}
"""Rows that no server can bring about, and why; ours alone is tried on them in test_conformance."""
ROWS: Final = [
    row
    for row in WIRE_ROWS
    if not any(c.get("fail", {}).get("kind") in NOT_ON_A_WIRE for c in row["connects"])
]


class Script:
    """One row behind a server, and when everything in it has happened."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        self.server = ScriptedServer(row["connects"], is_alone=False)

    @property
    def connects(self) -> int:
        limit = self.row["expected_connects"]
        return LIVELOCK_CONNECTS if limit == "unbounded" else int(limit)

    @property
    def asked(self) -> list[str | None]:
        return self.server.asked[: self.connects]

    def wait(self, delivered: Callable[[], int]) -> None:
        expected = len(self.row["expected"])
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            if len(self.server.asked) >= self.connects and delivered() >= expected:
                return
            time.sleep(0.02)
        pytest.fail(f"{self.row['id']}: {self.server.asked}, {delivered()} delivered")


def clientgo_on(row: dict[str, Any]) -> tuple[list[str | None], list[Told]]:
    script = Script(row)
    with (
        script.server as server,
        watching_client(
            "retrywatcher",
            "--url", server.url,
            "--namespace", "lab",
            "--resource-version", row["initial_rv"],
        ) as ran,
    ):  # fmt: skip
        script.wait(lambda: len(ran.of("event")))
    return script.asked, told_by_clientgo(ran)


def ours_on(row: dict[str, Any]) -> tuple[list[str | None], list[Told]]:
    script = Script(row)
    with script.server as server:
        watcher = RetryWatcher(row["initial_rv"], watch_function(api_at(server.url)), strict=True)
        with iterating(watcher) as told:
            script.wait(lambda: len(told))
    return script.asked, told


def test_rows_on_one_wire() -> None:
    """Every row that a server can play: the real RetryWatcher and ours ask and deliver alike."""
    assert 32 == len(ROWS)
    assert NOT_PLAYED.keys() == {row["id"] for row in ALL_ROWS if row not in ROWS}
    with ThreadPoolExecutor(len(ROWS)) as pool:
        theirs = list(pool.map(clientgo_on, ROWS))
        ours = list(pool.map(ours_on, ROWS))

    for row, their, our in zip(ROWS, theirs, ours, strict=True):
        assert (row["id"], *their) == (row["id"], *our)


# Random schedules of faults, served to both at the same time.


@dataclass(frozen=True)
class Schedule:
    """What strikes a watch, and how it asks."""

    seed: int
    function: str
    timeout_seconds: int | None
    scenario: faults.Scenario

    @property
    def history(self) -> History:
        return slow_history()


@functools.cache
def slow_history() -> History:
    """A few pods that change from time to time, after everybody has begun."""
    span = CHANGES_UNTIL - CHANGES_FROM
    even = made_evenly(
        shipped("pods-churn"), objects=4, changes=8, seconds=span, namespace=NAMESPACE
    )
    later = tuple(replace(change, at=round(change.at + CHANGES_FROM, 3)) for change in even.changes)
    return replace(even, changes=later, seconds=SECONDS)


def drawn(seed: int) -> Schedule:
    """Draw schedules until one keeps its margins."""
    source = random.Random(seed)
    while True:
        schedule = Schedule(
            seed,
            function=source.choice(["correct", "correct", "wrong"]),
            timeout_seconds=source.choice([None, None, 1, 2, 3]),
            scenario=tuple(some_faults(source)),
        )
        if keeps_margins(schedule):
            return schedule


def some_faults(source: random.Random) -> Iterator[faults.Fault]:
    for number in range(1, 1 + source.randint(1, 4)):
        # Thousandths of its own: an attempt that ends at this moment was ended by this fault.
        at = round(round(source.uniform(1.6, 5.6), 2) + number / 1000, 3)
        yield from source.choice([cut, refused, refused, ended])(source, at)


def cut(source: random.Random, at: float) -> Iterator[faults.Fault]:
    yield faults.Cut(
        at=at,
        how=source.choice(["fin", "reset"]),
        away_seconds=source.choice([0.0, 0.6, 1.4]),
        line_bytes=source.choice([0, 40]),
    )
    if source.random() < 0.2:
        yield faults.Forget(at=at)


def refused(source: random.Random, at: float) -> Iterator[faults.Fault]:
    """Refuse whoever comes back after a cut, for a while."""
    yield faults.Cut(at=at)
    code = source.choice([400, 401, 403, 404, 409, 410, 429, 500, 502, 503, 504])
    yield faults.Refuse(
        at=at,
        code=code,
        seconds=source.choice([0.5, 1.3, 2.3]),
        retry_after_seconds=source.choice([1, 2]) if code == 429 else 0,
    )


def ended(source: random.Random, at: float) -> Iterator[faults.Fault]:
    yield source.choice(
        [
            faults.Error(at=at, code=source.choice([403, 410, 429, 500, 504])),
            faults.Error(at=at, code=504, retry_after_seconds=source.choice([1, 2])),
            faults.Malformed(at=at, line=UNREADABLE),
            faults.Malformed(at=at, line='{"type":"UNHEARD","object":{}}'),
        ]
    )


@dataclass
class Run:
    """What a watcher asked for and delivered, and, where it is known, when its attempts were."""

    asked: list[str | None] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)

    def observe(self, record: Record) -> None:
        match record:
            case AttemptStarted(at=at):
                self.moments.append(at)
            case AttemptEnded(closed_at=at):
                self.moments.append(at)


def virtual(schedule: Schedule) -> Run:
    """Run ours at the in-process door, where no time passes."""
    session = Session(faults.FaultyServer(schedule.history, schedule.scenario))
    door = Door(session)
    run = Run()
    function = watch_function(
        client.CoreV1Api(door.client()), schedule.function, schedule.timeout_seconds
    )
    watcher = RetryWatcher(
        schedule.history.resource_version,
        function,
        strict=True,
        clock=session.clock,
        random=lambda: 0.0,
        observer=run.observe,
    )
    with closing(watcher):
        try:
            for event in watcher:
                run.told.append(told_by_us(event))
        except (RecordingOver, WatchEnded):
            pass
    run.asked = asked_of(session.requests)
    return run


def asked_of(requests: Iterable[Any]) -> list[str | None]:
    return [request.parameter("resourceVersion") for request in requests if request.is_watch]


def keeps_margins(schedule: Schedule) -> bool:
    struck = [fault.moment(schedule.history) for fault in schedule.scenario]
    ends = [
        at + getattr(fault, "seconds", getattr(fault, "away_seconds", 0.0))
        for at, fault in zip(struck, schedule.scenario, strict=True)
    ]
    changes = [change.at for change in schedule.history.changes]
    fixed = sorted([*struck, *ends])
    if any(abs(a - b) < MARGIN_SECONDS for a in set(struck) for b in changes):
        return False
    if any(0 < b - a < MARGIN_SECONDS for a, b in itertools.pairwise(fixed)):
        return False
    own = [m for m in virtual(schedule).moments if m > 0 and not any(m == at for at in struck)]
    boundaries = [*fixed, *changes, SECONDS]
    return all(abs(m - b) >= MARGIN_SECONDS for m in own for b in boundaries if b != m)


def served(schedule: Schedule, events: int) -> tuple[Run, Run]:
    """Let both talk to one server at the same time, until each has delivered so many events."""
    theirs, ours = Run(), Run()
    with Served(schedule.history, schedule.scenario) as server:
        arguments = ["--url", server.url, "--namespace", NAMESPACE]
        arguments += ["--resource-version", schedule.history.resource_version]
        arguments += ["--function", schedule.function]
        if schedule.timeout_seconds is not None:
            arguments += ["--timeout-seconds", str(schedule.timeout_seconds)]
        function = watch_function(api_at(server.url), schedule.function, schedule.timeout_seconds)
        with watching_client("retrywatcher", *arguments) as ran:
            ran.wait_for(lambda r: r.of("request"), "client-go asks")
            watcher = RetryWatcher(schedule.history.resource_version, function, strict=True)
            with iterating(watcher) as told:
                assert server.wait_until(SECONDS, timeout_seconds=WAIT_SECONDS)
                until = time.monotonic() + LATE_SECONDS
                while min(len(ran.of("event")), len(told)) < events and time.monotonic() < until:
                    time.sleep(0.02)
        theirs.told, ours.told = told_by_clientgo(ran)[:events], told[:events]
        asked = {
            is_ours: asked_of(
                request
                for name, requests in server.clients.items()
                if (name == OWN_CLIENT) == is_ours
                for request in requests
                if request.at < SECONDS
            )
            for is_ours in (True, False)
        }
        ours.asked, theirs.asked = asked[True], asked[False]
    return theirs, ours


def differences(schedule: Schedule) -> str:
    """Say how they differ; empty when they do not."""
    expected = virtual(schedule)
    theirs, ours = served(schedule, len(expected.told))
    runs = {"expected": expected, "client-go": theirs, "ours": ours}
    if all((run.asked, run.told) == (expected.asked, expected.told) for run in runs.values()):
        return ""
    return "\n".join([str(schedule), *(f"{n:9} {run.asked} {run.told}" for n, run in runs.items())])


def test_random_schedules() -> None:
    """Under random faults the real RetryWatcher and ours ask and deliver alike."""
    print(f"KWLAB_SEED={SEED}")
    schedules = [drawn(SEED + number) for number in range(SCHEDULES)]
    found: list[str] = []
    for at_once in AT_ONCE:
        with ThreadPoolExecutor(at_once) as pool:
            found = list(pool.map(differences, schedules))
        schedules = [s for s, differ in zip(schedules, found, strict=True) if differ]

    assert [] == list(filter(None, found)), f"KWLAB_SEED={SEED}"
