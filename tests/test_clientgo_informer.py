"""client-go's own informer and our Reflector: the same faults, and in the end the same store."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, TypeAlias

import pytest

from kwlab.history import History
from kwlab.made import made_evenly
from kwlab.server import faults
from kwlab.server.serve import Served
from kwlab.watching.reflector import Reflector
from kwlab.watching.store import Key
from kwlab.wire import EventType
from tests.conftest import SEED
from tests.histories import NAMESPACE, shipped
from tests.leaks import until
from tests.nightly import IS_NIGHTLY
from tests.realserver import ClientGo, watching_client
from tests.reflecting import existing
from tests.test_clientgo import api_at

pytestmark = pytest.mark.needs("rig")

SCHEDULES: Final = 100 if IS_NIGHTLY else 10
AT_ONCE: Final = 10
CHANGES_FROM, CHANGES_UNTIL = 2.0, 7.0

Held: TypeAlias = dict[Key, tuple[str, str]]
"""Uid and resourceVersion of each object, by namespace and name."""


def past(source: random.Random) -> History:
    """Pods that change for some seconds, a deletion last, and a long quiet in which to catch up."""
    even = made_evenly(
        shipped("pods-churn"),
        objects=5,
        changes=source.randint(20, 60),
        seconds=CHANGES_UNTIL - CHANGES_FROM,
        namespace=NAMESPACE,
    )
    later = tuple(replace(one, at=round(one.at + CHANGES_FROM, 3)) for one in even.changes)
    last = max(n for n, one in enumerate(later) if one.type is EventType.DELETED)
    return replace(even, changes=later[: last + 1], seconds=120.0)


def scenario(source: random.Random) -> Iterator[faults.Fault]:
    """Cut both off while things change, the last time until after it, and forget that time."""
    for number in range(source.randint(1, 3)):
        at = round(source.uniform(1.5, CHANGES_UNTIL - 2.0), 2)
        away = source.choice([0.0, 0.7, 1.5]) if number else CHANGES_UNTIL + 0.2 - at
        yield faults.Cut(at=at, away_seconds=away, line_bytes=source.choice([0, 40]))
        if number == 0 or source.random() < 0.6:
            yield faults.Forget(at=at + away)
        if source.random() < 0.4:
            code = source.choice([429, 500, 503])
            yield faults.Refuse(at=at + away, seconds=1.0, code=code, retry_after_seconds=1)


def held_by_clientgo(ran: ClientGo) -> Held:
    held: Held = {}
    for line in ran.of("event"):
        key = (line["namespace"], line["name"])
        if line["type"] == "DELETED":
            held.pop(key, None)
        else:
            held[key] = (line["uid"], line["resourceVersion"])
    return held


def held_by_us(reflector: Reflector) -> Held:
    events = reflector.store.events()
    return {key: (one.uid, one.resource_version) for key, one in events.items()}


@contextmanager
def iterating(reflector: Reflector) -> Iterator[None]:
    thread = threading.Thread(target=lambda: list(reflector))
    thread.start()
    try:
        yield
    finally:
        reflector.stop()
        thread.join()
        reflector.close()


def both(seed: int) -> tuple[Held, Held, Held]:
    """Let both follow one server; give what each holds once both have caught up, and what is."""
    source = random.Random(seed)
    history, faulty = past(source), tuple(scenario(source))
    exists: Held = {key: item.identity for key, item in existing(history).items()}
    with Served(history, faulty) as server:
        api = api_at(server.url)
        arguments = ("--url", server.url, "--namespace", NAMESPACE)
        reflector = Reflector(api.list_namespaced_pod, NAMESPACE)
        with watching_client("informer", *arguments) as ran, iterating(reflector):
            assert server.wait_until(CHANGES_UNTIL, timeout_seconds=30.0)
            until(lambda: held_by_clientgo(ran) == exists and held_by_us(reflector) == exists)
            found = held_by_clientgo(ran), held_by_us(reflector), exists
        api.api_client.close()
    return found


def test_the_store_is_that_of_an_informer() -> None:
    """Under random cuts, outages, refusals and relists both end with what exists."""
    print(f"KWLAB_SEED={SEED}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for theirs, ours, exists in pool.map(both, range(SEED, SEED + SCHEDULES)):
            assert exists == theirs == ours
