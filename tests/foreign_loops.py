"""Loops around a watch as people write them in any language: plain HTTP, no client library."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import urllib3

from kwlab.errors import RecordingOver
from kwlab.history import History
from kwlab.log import Request
from kwlab.server import faults
from kwlab.server.door import Door, Session

OPTIONS: Final = "watch=1&allowWatchBookmarks=true&timeoutSeconds=400"


@dataclass
class Foreign:
    """List once, then watch for ever; each habit can be another.

    ``ask`` says from where a watch goes on, as a query; ``again`` whether it lists before each
    watch, ``after_410`` after one that expired.
    """

    pool: urllib3.PoolManager
    url: str
    sleep: Callable[[float], object]
    ask: Callable[[Foreign], str]
    starts_with_list: bool = True
    again: bool = False
    after_410: bool = True
    pause_seconds: float = 1.0
    options: str = OPTIONS
    selector: str = ""
    headers: dict[str, str] | None = None
    version: str = ""
    listed: str = ""
    before: str = ""
    events: list[str] = field(default_factory=list)
    needs_list: bool = False

    def __post_init__(self) -> None:
        self.needs_list = self.starts_with_list

    def list(self) -> None:
        answer = self.pool.request("GET", f"{self.url}?{self.selector}", headers=self.headers)
        if answer.status == 200:
            self.version = self.listed = json.loads(answer.data)["metadata"]["resourceVersion"]
            self.needs_list = False

    def turn(self) -> None:
        if self.again or self.needs_list:
            self.list()
            if self.needs_list:
                return
        query = "&".join(filter(None, (self.options, self.ask(self), self.selector)))
        answer = self.pool.request(
            "GET", f"{self.url}?{query}", preload_content=False, headers=self.headers
        )
        rest = b""
        self.needs_list = self.after_410 and answer.status == 410
        with contextlib.closing(answer):
            while answer.status == 200 and (data := answer.read1()):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self.read(json.loads(line))

    def read(self, event: dict[str, Any]) -> None:
        if event["type"] == "ERROR":
            self.needs_list = self.after_410 and event["object"].get("code") == 410
            if self.needs_list:
                self.list()
            return
        self.before = self.version
        self.version = event["object"]["metadata"]["resourceVersion"]
        if event["type"] != "BOOKMARK":
            self.events.append(self.version)

    def run(self) -> None:
        while True:
            with contextlib.suppress(
                urllib3.exceptions.HTTPError, ConnectionError, ValueError, KeyError
            ):
                self.turn()
            self.sleep(self.pause_seconds)


def handed(loop: Foreign) -> str:
    return f"resourceVersion={loop.version}"


def dropped(loop: Foreign) -> str:
    return ""


def zero(loop: Foreign) -> str:
    return "resourceVersion=0"


def pinned(loop: Foreign) -> str:
    return f"resourceVersion={loop.listed}"


def one_before(loop: Foreign) -> str:
    return f"resourceVersion={loop.before or loop.version}"


def no_bookmarks(loop: Foreign) -> str:
    return f"resourceVersion={loop.events[-1] if loop.events else loop.listed}"


def watch_list(loop: Foreign) -> str:
    return "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"


def watch_list_once(loop: Foreign) -> str:
    return handed(loop) if loop.version else watch_list(loop)


@dataclass(frozen=True)
class Watched:
    """Hold what a server in the same process saw, on a clock of its own."""

    history: History
    scenario: faults.Scenario
    requests: tuple[Request, ...]
    ended_at: float
    speed: float = 1.0
    forgotten: int = 0

    def now(self) -> float:
        return self.ended_at

    def by(self, client: str) -> Watched:
        """Give the same, asked under another name."""
        return replace(self, requests=tuple(replace(r, client=client) for r in self.requests))

    def beside(self, other: Watched) -> Watched:
        """Give what a server sees of both at once."""
        requests = sorted((*self.requests, *other.requests), key=lambda request: request.at)
        return replace(self, requests=tuple(requests))


def watched(
    history: History,
    scenario: Sequence[faults.Fault | Mapping[str, Any]],
    path: str,
    ask: Callable[[Foreign], str],
    **habits: Any,
) -> Watched:
    """Run a loop in virtual time, to the end of the history."""
    played = faults.parse(scenario)
    session = Session(faults.FaultyServer(history, played))
    pool = Door(session).client().rest_client.pool_manager
    loop = Foreign(pool, f"http://kwlab.invalid{path}", session.clock.sleep, ask, **habits)
    with contextlib.suppress(RecordingOver):
        loop.run()
    requests = tuple(session.requests)
    return Watched(history, played, requests, session.clock.now()).by("mine/1")
