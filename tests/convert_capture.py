"""Turn a capture (``header``, ``list``, ``watch``, ``wrong``, ``correct``, ``changes``) into a
recording, and what its loops were really sent into a file for the fidelity tests.

    python tests/convert_capture.py capture.json out-folder

A capture holds its list as decoded values, so the bytes of a listed object are taken from the
first time that a loop was sent it, and encoded as Go does where no loop was.

A change is given the time at which the long watch was told of it. Where a loop shows that the
server knew of it some milliseconds before or after the loop asked or was closed, the time is moved
to that side: the clock of the recorder is not the server's, and what was sent decides.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from msgspec import structs

from kwlab import history, recording, wire
from kwlab.server.apiserver import ApiServer
from kwlab.server.exchange import Request
from kwlab.server.watchcache import WatchCache

LOOPS = ("wrong", "correct")
SKEW_SECONDS = 1.0
"""How far the recorder and the server may be apart in what they call now."""
STEP_SECONDS = 0.001
"""How much later than a moment "after" it is: captures count milliseconds."""

_TOO_OLD = re.compile(r"too old resource version: \d+ \((\d+)\)")


@dataclass(frozen=True)
class Attempt:
    """One attempt of one loop, its query as it stands in a URL."""

    loop: str
    path: str
    asked: float
    closed: float
    query: tuple[tuple[str, str], ...]
    lines: tuple[bytes, ...]
    times: tuple[float, ...]

    @property
    def request(self) -> Request:
        return Request.parse("GET", f"{self.path}?{urlencode(self.query)}")

    @property
    def until(self) -> float:
        """When it ended on the server: at the timeout, or earlier, when the loop closed it."""
        seconds = next((float(v) for k, v in self.query if k == "timeoutSeconds"), 0.0)
        return min(self.closed, self.asked + seconds) if seconds > 0 else self.closed

    def events(self) -> Iterator[tuple[float, wire.WatchEvent]]:
        for at, line in zip(self.times, self.lines, strict=True):
            yield at, wire.WatchEvent(line)


def read_attempt(value: dict[str, Any], loop: str, path: str) -> Attempt:
    """Read an attempt; one that was still open ends with its last line."""
    lines = value.get("lines") or []
    closed = value.get("closed")
    if closed is None:
        closed = max([value["asked"], *(line["t"] for line in lines)])
    query = tuple((name, _spelled(one)) for name, one in value["query"].items() if one is not None)
    return Attempt(
        loop=value.get("loop", loop),
        path=value.get("path", path),
        asked=float(value["asked"]),
        closed=float(closed),
        query=query,
        lines=tuple(line["line"].rstrip("\n").encode() for line in lines),
        times=tuple(float(line["t"]) for line in lines),
    )


def recorded_attempts(path: Path) -> list[Attempt]:
    """Read the attempts that stand beside a recording, in the order in which they were made."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    found = [read_attempt(json.loads(one), "", "") for one in text.splitlines()]
    return sorted(found, key=lambda one: one.asked)


def attempts(capture: dict[str, Any]) -> tuple[Attempt, ...]:
    """Read what each loop asked and was sent."""
    path = capture["header"]["path"].partition("?")[0]
    return tuple(
        read_attempt(value, loop, path) for loop in LOOPS for value in capture.get(loop) or ()
    )


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def convert(capture: dict[str, Any], name: str) -> recording.Recording:
    """Make a recording of a capture."""
    return as_shown(_as_told(capture, name), attempts(capture))


def _as_told(capture: dict[str, Any], name: str) -> recording.Recording:
    """Make a recording with the times of the long watch."""
    header, tried = capture["header"], attempts(capture)
    told = [(float(line["t"]), wire.WatchEvent(line["line"].encode())) for line in capture["watch"]]
    seen = [pair for one in tried for pair in one.events()]
    sent = {(e.uid, e.resource_version): e.object_bytes for _, e in seen if e.uid}
    entry = _resource(capture, [e for _, e in told + seen])
    namespace = re.search("/namespaces/([^/?]+)", header["path"])
    version = capture["list"]["metadata"]["resourceVersion"]
    changes = [
        recording.RecordedChange(at, event.type, _item(entry.plural, event.object_bytes))
        for at, event in told
        if event.uid and _rank(event.resource_version) > _rank(version)
    ]
    return recording.Recording(
        recording.Header(
            kwlab_recording=recording.VERSION,
            name=name,
            server=str(header["server"]),
            recorded=str(header["recorded"]),
            namespace=namespace[1] if namespace else "",
            resource_version=version,
            resources=(entry,),
            seconds=max([at for at, _ in told] + [one.closed for one in tried] + [0.0]),
        ),
        tuple(_listed(capture, entry, sent)),
        tuple(changes),
        tuple(_progress(told, seen)),
        tuple(_oldest(tried)),
    )


def _progress(
    told: list[tuple[float, wire.WatchEvent]], seen: list[tuple[float, wire.WatchEvent]]
) -> Iterator[tuple[float, str]]:
    """Give the bookmarks of the long watch, and of the loops those that say more."""
    marks = [(at, 0, event.resource_version) for at, event in told if _is_bookmark(event)]
    marks += [(at, 1, event.resource_version) for at, event in seen if _is_bookmark(event)]
    events = sorted((at, event.resource_version) for at, event in told if event.uid)
    known = ""
    for at, is_loop, version in sorted(marks):
        known = max([known, *(v for t, v in events if t <= at)], key=_rank)
        if not is_loop or _rank(version) > _rank(known):
            yield at, version
        known = max(known, version, key=_rank)


def _rank(version: str) -> tuple[int, str]:
    return len(version), version


def _is_bookmark(event: wire.WatchEvent) -> bool:
    return event.type is wire.EventType.BOOKMARK


def _oldest(tried: tuple[Attempt, ...]) -> Iterator[tuple[float, str]]:
    """Give what the server said, in its 410s, was the oldest resourceVersion that it answered."""
    for one in sorted(tried, key=lambda attempt: attempt.asked):
        for _, event in one.events():
            if event.status and (found := _TOO_OLD.search(event.status.message)):
                yield one.asked, found[1]


def _resource(capture: dict[str, Any], events: list[wire.WatchEvent]) -> recording.ResourceEntry:
    parts = capture["header"]["path"].partition("?")[0].strip("/").split("/")
    group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[2])
    items = [item["metadata"].get("namespace", "") for item in capture["list"]["items"] or ()]
    return recording.ResourceEntry(
        plural=parts[-1],
        kind=capture["list"]["kind"].removesuffix("List"),
        group=group,
        version=version,
        namespaced="namespaces" in parts[:-1] or any(items) or any(e.namespace for e in events),
    )


def _listed(
    capture: dict[str, Any], entry: recording.ResourceEntry, sent: dict[tuple[str, str], bytes]
) -> Iterator[recording.Item]:
    api_version = f"{entry.group}/{entry.version}" if entry.group else entry.version
    for item in capture["list"]["items"] or ():
        metadata = item["metadata"]
        known = sent.get((metadata["uid"], metadata["resourceVersion"]))
        # Lists of built-in types leave out kind and apiVersion, which events have in front;
        # custom resources keep theirs where they are.
        named = item if "kind" in item else {"kind": entry.kind, "apiVersion": api_version, **item}
        yield _item(entry.plural, known or wire.encode(named))


def _item(plural: str, data: bytes) -> recording.Item:
    return recording.Item(plural, wire.identify(data), data)


def as_shown(raw: recording.Recording, tried: Sequence[Attempt]) -> recording.Recording:
    """Give the changes times that agree with what each loop was sent, if there are such."""
    moved = tuple(_moved(raw, tried))
    last = max([raw.header.seconds, *(change.at for change in moved)])
    return replace(raw, header=structs.replace(raw.header, seconds=last), changes=moved)


def _moved(
    raw: recording.Recording, tried: Sequence[Attempt]
) -> Iterator[recording.RecordedChange]:
    low = [0.0] * len(raw.changes)
    high = [float("inf")] * len(raw.changes)
    for plural in {change.item.plural for change in raw.changes}:
        _narrow(low, high, raw, plural, [one for one in tried if one.path.endswith(f"/{plural}")])
    # All types have one order: what comes before a change is no later than it.
    high = [*accumulate(reversed(high), min)][::-1]
    at = 0.0
    for change, lowest, highest in zip(raw.changes, low, high, strict=True):
        wanted = max(min(max(change.at, lowest), highest), at)
        if wanted > highest or wanted < lowest:
            print(
                f"{raw.header.name}: loops disagree about {change.item.identity}", file=sys.stderr
            )
            wanted = max(change.at, at)
        at = wanted
        yield replace(change, at=wanted)


def _narrow(
    low: list[float],
    high: list[float],
    raw: recording.Recording,
    plural: str,
    tried: Sequence[Attempt],
) -> None:
    """Say between which moments the changes of one type happened, from what its loops show."""
    mine = [n for n, change in enumerate(raw.changes) if change.item.plural == plural]
    alone = replace(raw, changes=tuple(raw.changes[n] for n in mine))
    told = [change.at for change in alone.changes]
    for one in tried:
        if (between := _shown_between(alone, told, one)) is None:
            continue
        for moment, known in zip((one.asked, one.until), between, strict=True):
            if known is None:
                continue
            for number in mine[:known]:
                high[number] = min(high[number], moment)
            for number in mine[known:]:
                low[number] = max(low[number], moment + STEP_SECONDS)


def _shown_between(
    raw: recording.Recording, told: list[float], one: Attempt
) -> tuple[int | None, int] | None:
    """Count the changes that the server knew when it was asked and when it ended, from its lines.

    The server itself is asked, over a history in which the n-th change happens at n seconds:
    between which two moments does it send these very lines?
    """
    lines = [line for line in one.lines if b'{"type":"BOOKMARK"' not in line[:18]]
    if any(line.startswith(b'{"type":"ERROR"') for line in lines):
        return None
    counted = replace(
        raw,
        changes=tuple(replace(c, at=float(n)) for n, c in enumerate(raw.changes, start=1)),
        progress=(),
        oldest=(),
    )
    server = ApiServer(WatchCache(history.from_recording(counted), window_events=len(told) + 1))
    query = tuple(
        (name, value)
        for name, value in one.query
        if name not in {"timeoutSeconds", "allowWatchBookmarks"}
    )
    request = Request("GET", one.path, query)
    is_resumed = one.request.get("resourceVersion") not in {None, "", "0"}
    for start in [None] if is_resumed else _near(told, one.asked):
        response = server.respond(request, float(start if start is not None else len(told)))
        if response.status != 200:
            return None
        sent = [(frame.due, frame.data) for frame in response.frames]
        if is_resumed:
            sent = _dated(sent, raw)
        for end in _near(told, one.until):
            if [data for due, data in sent if due <= end and isinstance(data, bytes)] == [
                line + b"\n" for line in lines
            ]:
                return start, end
    return None


def _dated(sent: list[tuple[float, Any]], raw: recording.Recording) -> list[tuple[float, Any]]:
    """Give each line the number of its change: a resumed watch sends the past at once."""
    number = {change.item.identity.resource_version: n for n, change in enumerate(raw.changes, 1)}
    return [
        (float(number.get(wire.WatchEvent(data).resource_version, 0)), data)
        for _, data in sent
        if isinstance(data, bytes)
    ]


def _near(told: list[float], moment: float) -> list[int]:
    """Give how many changes the server may have known at a moment, most likely first."""
    likely = sum(at <= moment for at in told)
    edges = [0.0, *told]
    counts = [
        count
        for count in range(len(told) + 1)
        if count == likely
        or (count < likely and moment - told[count] <= SKEW_SECONDS)
        or (count > likely and edges[count] - moment <= SKEW_SECONDS)
    ]
    return sorted(counts, key=lambda count: abs(count - likely))


def main(source: Path, folder: Path) -> None:
    """Convert one capture into ``NAME.jsonl.gz`` and ``NAME.attempts.jsonl.gz``."""
    capture = json.loads(source.read_text(encoding="utf-8"))
    name = source.stem
    recording.save(convert(capture, name), folder / f"{name}.jsonl.gz")
    path = capture["header"]["path"]
    lines = [
        json.dumps({"loop": loop, "path": path, **value}) + "\n"
        for loop in LOOPS
        for value in capture.get(loop) or ()
    ]
    packed = gzip.compress("".join(lines).encode(), mtime=0)
    (folder / f"{name}.attempts.jsonl.gz").write_bytes(packed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
