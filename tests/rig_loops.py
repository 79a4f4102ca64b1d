"""Random changes on a real server, with a wrong and a correct loop beside them, as a capture."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from tests.realserver import Answer, RealServer

CHANGES: Final = 60
TIMEOUT_SECONDS: Final = 2
LONGEST_PAUSE_SECONDS: Final = 0.4
LONGEST_ABSENCE_SECONDS: Final = 1.0
APART_SECONDS: Final = 0.05
NAMES: Final = ("m", "m-1", "m.1", "m0", "a", "z")
APPS: Final = ("web", "db", None)


class Apart:
    """Keep changes away from where an attempt begins or ends.

    Within a few milliseconds two connections of a real server do not tell the same order, and a
    capture of both could not be replayed by one clock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: list[float] = []

    @contextmanager
    def asking(self) -> Iterator[None]:
        with self._lock:
            time.sleep(APART_SECONDS)
            yield
            self._ends.append(time.monotonic() + TIMEOUT_SECONDS)
            time.sleep(APART_SECONDS)

    @contextmanager
    def changing(self) -> Iterator[None]:
        with self._lock:
            while any(abs(end - time.monotonic()) < 2 * APART_SECONDS for end in self._ends):
                time.sleep(APART_SECONDS / 10)
            yield


@dataclass
class Loop:
    """Watch again and again; the wrong one forgets where it was."""

    server: RealServer
    path: str
    began: float
    chance: random.Random
    version: str
    is_wrong: bool
    apart: Apart
    selector: str = ""
    attempts: list[dict[str, Any]] = field(default_factory=list)

    def run(self, is_over: threading.Event) -> list[dict[str, Any]]:
        """Go on until it is over, and once more."""
        is_last = False
        while not is_last:
            is_last = is_over.is_set()
            self._attempt()
            # An absence is part of what is recorded.
            time.sleep(self.chance.uniform(0, LONGEST_ABSENCE_SECONDS))
        return self.attempts

    def _attempt(self) -> None:
        query = {"watch": "true", "timeoutSeconds": str(TIMEOUT_SECONDS)}
        if self.selector:
            query["labelSelector"] = self.selector
        if not self.is_wrong:
            query |= {"allowWatchBookmarks": "true", "resourceVersion": self.version}
        with ExitStack() as stack:
            with self.apart.asking():
                target = f"{self.path}?{urlencode(query)}"
                answer = stack.enter_context(self.server.asking(target))
            answer.wait_for_end()
        assert answer.ended is not None
        for line in answer.lines:
            self.version = line.value["object"]["metadata"]["resourceVersion"]
        self.attempts.append(
            {
                "asked": answer.asked - self.began,
                "closed": answer.ended - self.began,
                "query": query,
                "lines": timed(answer, self.began),
            }
        )


def timed(answer: Answer, began: float) -> list[dict[str, Any]]:
    return [{"t": line.at - began, "line": line.data.decode()} for line in answer.lines]


def capture(server: RealServer, namespace: str, seed: int) -> dict[str, dict[str, Any]]:
    """Change a namespace at random, and give a capture of all and one of what a selector shows."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    chances = [random.Random(f"{seed} {number}") for number in range(5)]
    alive: set[str] = set()
    for _ in range(4):
        change(server, namespace, alive, chances[0])
    listed = json.loads(server.ask(path).body)
    version = listed["metadata"]["resourceVersion"]
    began = time.monotonic()
    is_over, apart = threading.Event(), Apart()
    loops = [
        Loop(server, path, began, chance, version, is_wrong, apart, selector)
        for chance, (is_wrong, selector) in zip(
            chances[1:],
            [(True, ""), (False, ""), (True, "app=web"), (False, "app=web")],
            strict=True,
        )
    ]
    with (
        server.asking(f"{path}?watch=1&resourceVersion={version}&timeoutSeconds=300") as watch,
        ThreadPoolExecutor(len(loops)) as pool,
    ):
        running = [pool.submit(loop.run, is_over) for loop in loops]
        for _ in range(CHANGES):
            with apart.changing():
                change(server, namespace, alive, chances[0])
            if chances[0].random() < 0.7:
                time.sleep(chances[0].uniform(0, LONGEST_PAUSE_SECONDS))
        is_over.set()
        wrong, correct, wrong_seeing, correct_seeing = [one.result() for one in running]
        watch.wait_for_lines(CHANGES)
    common = {
        "header": {
            "server": server.version,
            "resource": "configmaps",
            "path": path,
            "recorded": "2026-11-23T00:00:00+00:00",
        },
        "list": {**listed, "items": [plain(item) for item in listed["items"]]},
        "watch": timed(watch, began),
        "changes": [],
    }
    return {
        "everything": {**common, "wrong": wrong, "correct": correct},
        "app=web": {**common, "wrong": wrong_seeing, "correct": correct_seeing},
    }


def plain(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in {"kind", "apiVersion"}}


def change(server: RealServer, namespace: str, alive: set[str], chance: random.Random) -> None:
    """Make one change that changes something."""
    name = chance.choice(NAMES)
    value = {
        "metadata": {"labels": {"app": chance.choice(APPS)}},
        "data": {"k": str(chance.random())},
    }
    if name not in alive:
        value["metadata"] = {"name": name, "labels": {"app": chance.choice(APPS[:2])}}
        server.core.create_namespaced_config_map(namespace, value)
        alive.add(name)
    elif chance.random() < 0.35:
        server.core.delete_namespaced_config_map(name, namespace)
        alive.discard(name)
    else:
        server.core.patch_namespaced_config_map(name, namespace, value)
