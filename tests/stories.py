"""Small made-up histories, and what a watcher with a policy would have logged on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kwlab import metrics
from kwlab.history import History, Object, Resource, numbered
from kwlab.log import Attempt, Close, Log, Request, Seen
from kwlab.metrics import Count
from kwlab.wire import EventType

POD: Final = Resource("", "v1", "pods", "Pod")
TYPES: Final = {"A": EventType.ADDED, "M": EventType.MODIFIED, "D": EventType.DELETED}

Policy = Callable[[str], str | None]
Script = Iterable[tuple[float, str, str]]


def drop(_: str) -> None:
    """Ask without a resourceVersion, whatever was handed over: the bug."""


def keep(handed: str) -> str:
    """Ask from what was handed over: the fix."""
    return handed


@dataclass(frozen=True)
class Absence:
    """Say when a connection ends, for how long there is none, and why."""

    at: float
    seconds: float = 0.0
    close: Close = Close.TIMEOUT
    status: int | None = None
    tries: int = 0


def history(start: Sequence[str], script: Script, seconds: float) -> History:
    """Make a history of pods from (time, type, name); a recreated pod gets another uid."""
    born = dict.fromkeys(start, 0)
    version = 40
    objects = []
    for name in start:
        version += 1
        objects.append(_pod(name, 0, version))
    listed = version
    timed = []
    for at, kind, name in script:
        version += 1
        if kind == "A":
            born[name] = born.get(name, -1) + 1
        timed.append((at, TYPES[kind], _pod(name, born[name], version)))
    changes = tuple(numbered(objects, timed))
    return History("1.36", (POD,), str(listed), tuple(objects), changes, seconds)


def _pod(name: str, birth: int, version: int) -> Object:
    return Object(POD, "default", name, f"{name}#{birth}", str(version), b"{}")


def watch(
    past: History,
    watcher: str,
    policy: Policy,
    absences: Sequence[Absence] = (),
    *,
    has_bookmarks: bool = False,
) -> Log:
    """Log what a watcher would be sent: the list at the start is known, then a watch at a time."""
    log, handed, at = Log(watcher), past.resource_version, 0.0
    for absence in (*absences, Absence(past.seconds, close=Close.OVER)):
        asked = policy(handed)
        sent = _sent(past, asked, at, absence.at)
        attempt = _attempt(at, handed, asked, absence)
        attempt.delivered.extend(sent)
        if sent:
            handed = sent[-1].resource_version
        if has_bookmarks:
            attempt.requests[0].sent.append((absence.at - 0.1, _bookmark(handed)))
        log.attempts.append(attempt)
        for number in range(absence.tries):
            tried = absence.at + number * absence.seconds / absence.tries
            log.attempts.append(_refused(tried, handed, absence.status))
        at = absence.at + absence.seconds
    return log


def _sent(past: History, asked: str | None, start: float, end: float) -> list[Seen]:
    sent, first = [], past.happened(start)
    if asked is None:
        present = sorted(past.state(first).values(), key=lambda item: item.key)
        sent = [_seen(start + 0.01, EventType.ADDED, item) for item in present]
    else:
        versions = [past.resource_version, *(c.object.resource_version for c in past.changes)]
        first = versions.index(asked)
    later = past.changes[first : past.happened(end)]
    return sent + [_seen(max(start + 0.02, c.at), c.type, c.object) for c in later]


def _seen(at: float, kind: EventType, item: Object) -> Seen:
    return Seen(at, kind, item.namespace, item.name, item.uid, item.resource_version)


def _attempt(at: float, handed: str, asked: str | None, absence: Absence) -> Attempt:
    version = () if asked is None else (("resourceVersion", asked),)
    request = Request(at, "/api/v1/pods", (("watch", "true"), *version), 200)
    return Attempt(at, handed, [request], closed_at=absence.at, close=absence.close)


def _refused(at: float, handed: str, status: int | None) -> Attempt:
    if status is None:
        return Attempt(at, handed, closed_at=at, close=Close.REFUSED)
    request = Request(at, "/api/v1/pods", (("watch", "true"),), status)
    return Attempt(at, handed, [request], closed_at=at, close=Close.STATUS, status=status)


def _bookmark(version: str) -> bytes:
    metadata = {"resourceVersion": version}
    return json.dumps({"type": "BOOKMARK", "object": {"metadata": metadata}}).encode()


def pair(
    past: History, absences: Sequence[Absence] = (), *, has_bookmarks: bool = False
) -> list[Count]:
    """Count a wrong and a correct watcher on one history."""
    return [
        metrics.count(watch(past, name, policy, absences, has_bookmarks=has_bookmarks), past)
        for name, policy in (("wrong", drop), ("correct", keep))
    ]


def toy() -> tuple[list[Count], History]:
    """Give the history of the strip's specification.

    It has a lost deletion, a change that arrives as ADDED, a replay although nothing happened,
    and a deletion that arrives.
    """
    script = [
        (2.0, "A", "web-2"), (5.0, "M", "web-0"), (9.0, "M", "web-1"), (12.0, "M", "web-2"),
        (16.5, "D", "web-1"),
        (20.0, "M", "web-0"), (26.0, "M", "web-2"),
        (31.5, "M", "web-0"),
        (36.0, "M", "web-2"), (42.0, "M", "web-0"),
        (52.0, "M", "web-2"), (56.0, "D", "web-2"),
    ]  # fmt: skip
    past = history(["web-0", "web-1"], script, 60.0)
    return pair(past, [Absence(15, 3), Absence(30, 3), Absence(45, 1)]), past


def story() -> tuple[list[Count], History]:
    """Give a history like the story recording's: a cut, then a cut with an absence."""
    script = [
        (3.5, "M", "web-2"), (7.8, "M", "web-2"), (7.81, "D", "web-2"), (8.0, "A", "web-2"),
        (21.3, "M", "web-9"), (25.2, "A", "job-09"), (28.6, "M", "web-4"), (28.7, "D", "web-4"),
        (29.7, "M", "web-2"),
        (31.3, "M", "job-09"), (31.4, "D", "job-09"), (31.95, "M", "web-2"), (32.0, "D", "web-2"),
        (33.8, "M", "web-9"),
    ]  # fmt: skip
    past = history(["web-2", "web-4", "web-9"], script, 46.0)
    cuts = [Absence(15.0, 0.0, Close.CUT), Absence(31.05, 1.0, Close.CUT, tries=1)]
    return pair(past, cuts), past


def busy(
    pods: int, changes: int, reconnects: int, *, away_seconds: float = 0.5
) -> tuple[list[Count], History]:
    """Give a history of any size: pods are modified, deleted and recreated in turn."""
    script: list[tuple[float, str, str]] = []
    for number in range(changes):
        name, round_ = f"pod-{number % max(pods, 1):04d}", number // max(pods, 1)
        script.append((1.0 + number, "M" if (number + round_) % 3 else "D", name))
    past = history([f"pod-{n:04d}" for n in range(pods)], _legal(script), changes + 2.0)
    gap = (changes + 1) / (reconnects + 1)
    return pair(past, [Absence(gap * (n + 1), away_seconds) for n in range(reconnects)]), past


def _legal(script: Script) -> list[tuple[float, str, str]]:
    """Turn what cannot happen into what can: a pod that is gone can only be created."""
    gone: set[str] = set()
    found = []
    for at, kind, name in script:
        real = "A" if name in gone else kind
        (gone.add if real == "D" else gone.discard)(name)
        found.append((at, real, name))
    return found
