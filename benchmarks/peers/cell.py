"""Run one library against one script, over loopback, and count."""

from __future__ import annotations

import bisect
import json
import os
import resource
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

from benchmarks.peers.libraries import Library
from benchmarks.peers.scripts import SECONDS, PeerServed, Script, history
from kwlab.history import Change, History
from kwlab.wire import EventType
from tests.histories import NAMESPACE, PODS_PATH

START_SECONDS: Final = 120.0
"""So long a library may take until its first request."""
SETTLE_SECONDS: Final = 2.0
"""So long what a library believes has to stay right."""
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold what came of one library and one script.

    Parameters
    ----------
    library, script : str
        Their names.
    requests : int
        Lists and watches that the server was asked for.
    peak : int
        The most of them in one second.
    delivered : int
        Events that the library handed on, those of its first list not among them.
    replayed : int
        Events that told what had been told before.
    no_events : int
        Things handed on that are no events: None, or a line as it came.
    lost, lost_deletions : int
        Changes that could have been had and were never told.
    wrong : int or None
        Objects of which the program believes something else than what exists; None where the
        library has ended.
    ended : str
        ``running``, ``ended``, or what was raised.
    code : int or None
        The HTTP code or the Status's, where that was raised.
    at : float
        When it ended, or when what it believes was right again for good; else when the patience
        was over; in seconds.
    cpu_seconds : float
        Of its process, since the first event: what is imported when it is first used is not in it.
    """

    library: str
    script: str
    requests: int
    peak: int
    delivered: int
    replayed: int
    no_events: int
    lost: int
    lost_deletions: int
    wrong: int | None
    ended: str
    code: int | None
    at: float
    cpu_seconds: float

    @property
    def is_running(self) -> bool:
        """Tell whether it was still running at the end."""
        return self.ended == "running"


Believed: TypeAlias = dict[tuple[str, ...], tuple[str, str]]
"""From what a program keeps an object under, to its uid and resourceVersion."""


@dataclass
class Told:
    """Collect what a library tells, and what a program believes that goes by it."""

    first_cpu_seconds: float | None = None
    delivered: int = 0
    replayed: int = 0
    no_events: int = 0
    raised: dict[str, Any] | None = None
    is_ended: bool = False
    seen: set[tuple[str, str]] = field(default_factory=set)
    by_name: Believed = field(default_factory=dict)
    by_uid: Believed = field(default_factory=dict)

    def take(self, line: str) -> None:
        """Note one line of an adapter's report."""
        said = json.loads(line)
        if "type" in said:
            self._event(said)
        elif "raised" in said:
            self.raised = said
        elif "ended" in said:
            self.is_ended = True
        elif "no_event" in said:
            self.no_events += 1

    def _event(self, said: dict[str, Any]) -> None:
        if self.first_cpu_seconds is None:
            self.first_cpu_seconds = said["cpu"]
        slot, uid = (said["namespace"], said["name"]), said["uid"]
        is_deletion = said["type"] == EventType.DELETED
        # An inferred deletion has the last known resourceVersion: the uid says which it is.
        identity = (uid, "deleted" if is_deletion else said["resource_version"])
        is_first_list = said["type"] == "LISTED" and identity not in self.seen
        self.delivered += not is_first_list
        self.replayed += identity in self.seen
        self.seen.add(identity)
        self.by_name = _applied(self.by_name, slot, uid, said, is_deletion)
        self.by_uid = _applied(self.by_uid, (uid,), uid, said, is_deletion)

    def has(self, change: Change) -> bool:
        """Tell whether a change was told of."""
        item = change.object
        is_deletion = change.type is EventType.DELETED
        return (item.uid, "deleted" if is_deletion else item.resource_version) in self.seen

    def wrong(self, past: History) -> int:
        """Count the objects of which something else is believed than what exists at the end.

        A program may keep objects by name or by uid; what comes out better counts.
        """
        real = {item.uid: item for item in past.objects}
        for change in past.changes:
            real.pop(change.object.uid, None)
            if change.type is not EventType.DELETED:
                real[change.object.uid] = change.object
        by_name = {(item.namespace, item.name): item.identity for item in real.values()}
        by_uid = {(item.uid,): item.identity for item in real.values()}
        return min(_different(by_name, self.by_name), _different(by_uid, self.by_uid))

    def lost(self, past: History, script: Script, *, is_running: bool) -> list[Change]:
        """List the changes that could have been had and were never told.

        Of a library that has ended, those before the last one that it told: whoever resumes from
        there gets the rest.
        """
        after, until = script.out_of_reach
        numbers = [change.number for change in past.changes if self.has(change)]
        last = len(past.changes) if is_running else max(numbers, default=0)
        return [
            change
            for change in past.changes[:last]
            if not self.has(change) and not after < change.at <= until
        ]


def _applied(
    believed: Believed, key: tuple[str, ...], uid: str, said: dict[str, Any], is_deletion: bool
) -> Believed:
    """Give what is believed after an event; a new dict, because another thread compares."""
    after = dict(believed)
    if not is_deletion:
        after[key] = uid, said["resource_version"]
    # Another object of that name may have come meanwhile.
    elif after.get(key, ("",))[0] == uid:
        del after[key]
    return after


def _different(real: Believed, believed: Believed) -> int:
    return sum(real.get(key) != believed.get(key) for key in real.keys() | believed.keys())


def run(library: Library, python: Path, script: Script, *, speed: float = 1.0) -> Outcome:
    """Start a library's program against a server with a script, wait, and count.

    Parameters
    ----------
    library : Library
    python : Path
        That of its environment.
    script : Script
    speed : float
        How many seconds of the history pass in a second.

    Returns
    -------
    Outcome

    Raises
    ------
    RuntimeError
        When the program never asked for anything.
    """
    told = Told()
    before = _children_cpu_seconds()
    with PeerServed(script, speed=speed) as served:
        environment = {
            **os.environ,
            "KUBECONFIG": str(served.kubeconfig),
            "KWLAB_NAMESPACE": NAMESPACE,
            "NO_PROXY": "*",
        }
        with (
            ThreadPoolExecutor(1) as pool,
            subprocess.Popen(
                library.command(python),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment,
            ) as process,
        ):
            assert process.stdout is not None
            reading = pool.submit(_read, process.stdout, told)
            try:
                has_begun = served.wait_until(0.0, timeout_seconds=START_SECONDS)
                at = _wait(served, script, told, process)
                has_ended = process.poll() is not None
            finally:
                process.kill()
                process.wait()
            reading.result()
        asked = sorted(r.at for r in served.requests if r.path == PODS_PATH)
    if not has_begun:
        raise RuntimeError(f"{library.name} asked for nothing: {told.raised}")
    cpu_seconds = _children_cpu_seconds() - before - (told.first_cpu_seconds or 0.0)
    return _outcome(library, script, told, asked, has_ended, at, cpu_seconds)


def _outcome(
    library: Library,
    script: Script,
    told: Told,
    asked: list[float],
    has_ended: bool,
    at: float,
    cpu_seconds: float,
) -> Outcome:
    lost = told.lost(history(), script, is_running=not has_ended)
    return Outcome(
        library=library.name,
        script=script.name,
        requests=len(asked),
        peak=most_in_a_second(asked),
        delivered=told.delivered,
        replayed=told.replayed,
        no_events=told.no_events,
        lost=len(lost),
        lost_deletions=sum(change.type is EventType.DELETED for change in lost),
        wrong=None if has_ended else told.wrong(history()),
        ended=_ending(told) if has_ended else "running",
        code=told.raised["code"] if has_ended and told.raised else None,
        at=at,
        cpu_seconds=cpu_seconds,
    )


def _wait(served: PeerServed, script: Script, told: Told, process: subprocess.Popen[str]) -> float:
    """Wait until it has ended, or is right for good, or the patience is over; give when."""
    past, right_since = history(), float("inf")
    while process.poll() is None and (now := served.now()) < SECONDS + script.patience_seconds:
        if now < SECONDS or told.wrong(past):
            right_since = float("inf")
        elif right_since > now:
            right_since = now
        elif now - right_since > SETTLE_SECONDS:
            return right_since
        time.sleep(_LOOK_SECONDS)
    return served.now()


def _read(lines: IO[str], told: Told) -> None:
    for line in lines:
        # A library that prints something itself is no failure of its own.
        if line.startswith("{"):
            told.take(line)


def _ending(told: Told) -> str:
    if told.raised:
        return str(told.raised["raised"])
    return "ended" if told.is_ended else "its process died"


def most_in_a_second(times: Sequence[float]) -> int:
    """Count the most of some sorted moments, in seconds, that fall into one second."""
    ends = (bisect.bisect_left(times, at + 1.0) for at in times)
    return max((end - number for number, end in enumerate(ends)), default=0)


def _children_cpu_seconds() -> float:
    # os.times() counts in hundredths of a second: as much as sixty events cost.
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
