"""The recording file: load it with every line checked, and write it.

A recording is JSON lines, gzipped when its name ends in ``.gz``. The first line is the header::

    {"kwlab_recording": 1, "name": "pods-churn", "server": "1.36",
     "recorded": "2026-11-23T05:13:16+00:00", "seconds": 159.1,
     "namespace": "default", "resource_version": "3520",
     "resources": [{"group": "", "version": "v1", "plural": "pods", "kind": "Pod"}],
     "scenario": [{"fault": "cut", "at": 15.0}]}

Then a line for each object that the list at the start held, and after those a line for each
change, in the order in which they happened, ``at`` in seconds since the start::

    {"item": "pods", "object": {…}}
    {"at": 1.029, "change": "pods", "type": "MODIFIED", "object": {…}}
    {"at": 59.778, "progress": "3619"}

    {"at": 93.204, "oldest": "3540"}

A *progress* line says that the server's resourceVersion was known to be at least this; it comes
from a bookmark. An *oldest* line says which resourceVersion was the oldest that the server
answered; it comes from a 410. Objects keep the very bytes that the server sent.

Changes of one type stand in their order. Watches of several types hear of them each in its own
time, so a change may stand after a later one of another type: it is put in order when it is read.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import msgspec

from kwlab.errors import RecordingError
from kwlab.wire import EventType, Identity, identify

VERSION: Final = 1
LINE_LIMIT_BYTES: Final = 4 * 1024 * 1024
FILE_LIMIT_BYTES: Final = 512 * 1024 * 1024
"""What a file may unpack to, in bytes: a small hostile .gz unpacks to a thousand times its size."""


class ResourceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name a resource type in a header."""

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hold the first line of a recording.

    ``seconds`` is how long it lasts; 0 when the recorder was interrupted: then the last line
    says. ``scenario`` is a list of faults as :mod:`kwlab.server.faults` reads them.
    """

    kwlab_recording: int
    name: str
    server: str
    recorded: str
    namespace: str
    resource_version: str
    resources: tuple[ResourceEntry, ...]
    seconds: float = 0.0
    scenario: tuple[dict[str, Any], ...] = ()


class _Line(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    at: float | None = None
    item: str = ""
    change: str = ""
    progress: str = ""
    oldest: str = ""
    type: EventType | None = None
    object: msgspec.Raw = msgspec.Raw()


class _Labels(msgspec.Struct):
    labels: dict[str, str] | None = None


class _Labelled(msgspec.Struct):
    """What a selector reads of any object, so that it can."""

    metadata: _Labels


@dataclass(frozen=True, slots=True)
class Item:
    """Hold one object of the list at the start, or of a change.

    Parameters
    ----------
    plural : str
        Its resource type.
    identity : Identity
    data : bytes
        The object's JSON as the server sent it.
    """

    plural: str
    identity: Identity
    data: bytes


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """Hold one change.

    Parameters
    ----------
    at : float
        In seconds since the start.
    type : EventType
        ADDED, MODIFIED or DELETED.
    item : Item
    """

    at: float
    type: EventType
    item: Item


@dataclass(frozen=True, slots=True)
class Recording:
    """Hold a whole recording.

    Parameters
    ----------
    header : Header
    items : tuple of Item
        What the list at the start held.
    changes : tuple of RecordedChange
        In order.
    progress : tuple of (float, str)
        When the server's resourceVersion was known to be at least this.
    oldest : tuple of (float, str)
        When the server said which resourceVersion was the oldest that it answered.
    """

    header: Header
    items: tuple[Item, ...]
    changes: tuple[RecordedChange, ...]
    progress: tuple[tuple[float, str], ...] = ()
    oldest: tuple[tuple[float, str], ...] = ()


_decode_header = msgspec.json.Decoder(Header).decode
_decode_line = msgspec.json.Decoder(_Line).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.encode
_KINDS: Final = ("item", "change", "progress", "oldest")


def load(path: str | Path) -> Recording:
    """Read a recording and check every line.

    Parameters
    ----------
    path : str or Path
        A ``.jsonl`` or ``.jsonl.gz`` file.

    Returns
    -------
    Recording

    Raises
    ------
    RecordingError
        With file, line and reason; nothing of the file is used then.
    """
    reader = _Reader(str(path))
    try:
        for number, line in enumerate(_lines(Path(path)), start=1):
            reader.take(number, line)
    except FileNotFoundError as error:
        raise RecordingError(str(path), 0, "there is no such file") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise reader.fault(f"the file is cut or damaged ({error})", reader.number + 1) from error
    except OSError as error:
        raise RecordingError(str(path), 0, error.strerror or str(error)) from error
    except ValueError as error:
        raise RecordingError(str(path), 0, f"this is no path ({error})") from error
    return reader.finish()


def save(recording: Recording, path: str | Path) -> None:
    """Write a recording; the same recording gives the same bytes.

    Parameters
    ----------
    recording : Recording
    path : str or Path
        Gzipped when it ends in ``.gz``.
    """
    body = b"\n".join(_written(recording)) + b"\n"
    if str(path).endswith(".gz"):
        buffer = io.BytesIO()
        with gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=0) as packed:
            packed.write(body)
        body = buffer.getvalue()
    Path(path).write_bytes(body)


def _written(recording: Recording) -> Iterator[bytes]:
    yield from beginning(recording.header, recording.items)
    timed = [(change.at, change_line(change)) for change in recording.changes]
    timed += [(at, progress_line(at, version)) for at, version in recording.progress]
    timed += [(at, _encode(_Line(at, oldest=version))) for at, version in recording.oldest]
    timed.sort(key=lambda pair: pair[0])
    yield from (line for _, line in timed)


def beginning(header: Header, items: Iterable[Item]) -> Iterator[bytes]:
    """Give the lines with which a recording begins.

    Parameters
    ----------
    header : Header
    items : iterable of Item

    Yields
    ------
    bytes
        Without its newline.
    """
    yield _encode(header)
    for item in items:
        yield _encode(_Line(item=item.plural, object=msgspec.Raw(item.data)))


def change_line(change: RecordedChange) -> bytes:
    """Give the line of a change, without its newline.

    Parameters
    ----------
    change : RecordedChange

    Returns
    -------
    bytes
    """
    data = msgspec.Raw(change.item.data)
    return _encode(_Line(change.at, change=change.item.plural, type=change.type, object=data))


def progress_line(at: float, resource_version: str) -> bytes:
    """Give the line that says how far the server was known to be, without its newline.

    Parameters
    ----------
    at : float
        In seconds since the start.
    resource_version : str

    Returns
    -------
    bytes
    """
    return _encode(_Line(at, progress=resource_version))


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as raw:
        file: io.BufferedIOBase = raw
        if raw.peek(2)[:2] == b"\x1f\x8b":
            file = gzip.GzipFile(fileobj=raw)
        total = 0
        while line := file.readline(LINE_LIMIT_BYTES + 1):
            total += len(line)
            if total > FILE_LIMIT_BYTES:
                raise EOFError(f"it unpacks to more than {FILE_LIMIT_BYTES:,} bytes")
            yield line


class _Reader:
    """Take a recording line by line, and refuse the first line that is wrong."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.number = 0
        self._header: Header | None = None
        self._plurals: frozenset[str] = frozenset()
        self._items: list[Item] = []
        self._changes: list[RecordedChange] = []
        self._progress: list[tuple[float, str]] = []
        self._oldest: list[tuple[float, str]] = []
        self._last_at = 0.0
        self._listed = ""
        self._last_versions: dict[str, str] = {}
        self._versions: set[str] = set()
        self._alive: dict[tuple[str, str, str], str] = {}

    def fault(self, reason: str, number: int | None = None) -> RecordingError:
        return RecordingError(self._path, self.number if number is None else number, reason)

    def take(self, number: int, line: bytes) -> None:
        self.number = number
        if not line.endswith(b"\n"):
            cut = len(line) <= LINE_LIMIT_BYTES
            limit = f"the line is longer than {LINE_LIMIT_BYTES:,} bytes"
            raise self.fault("the line has no end: the file was cut" if cut else limit)
        try:
            if self._header is None:
                self._take_header(line)
            else:
                self._take_line(_decode_line(line))
        except RecursionError as error:
            raise self.fault("the line is nested too deeply") from error
        except ValueError as error:
            raise self.fault(str(error)) from error

    def finish(self) -> Recording:
        if self._header is None:
            raise RecordingError(self._path, 0, "the file is empty")
        header = self._header
        if header.seconds < self._last_at:
            if header.seconds:
                reason = f"seconds is {header.seconds:g}, but line {self.number} is later"
                raise self.fault(reason, 1)
            header = msgspec.structs.replace(header, seconds=self._last_at)
        return Recording(
            header,
            tuple(self._items),
            _in_order(self._changes),
            tuple(self._progress),
            tuple(self._oldest),
        )

    def _take_header(self, line: bytes) -> None:
        header = _decode_header(line)
        if header.kwlab_recording != VERSION:
            raise ValueError(
                f"this is format {header.kwlab_recording}; this kwlab reads format {VERSION}"
            )
        if header.seconds < 0:
            raise ValueError(f"seconds is {header.seconds:g}: expected 0 or more")
        if not header.resources:
            raise ValueError("the header names no resources")
        _check_version(header.resource_version)
        self._plurals = frozenset(entry.plural for entry in header.resources)
        if len(self._plurals) < len(header.resources) or "" in self._plurals:
            raise ValueError("the header's resources want a plural each, and no plural twice")
        self._header = header
        self._listed = header.resource_version

    def _take_line(self, line: _Line) -> None:
        kinds = [name for name in _KINDS if getattr(line, name)]
        if len(kinds) != 1:
            raise ValueError(f"expected a line with one of {', '.join(_KINDS)}")
        if line.progress or line.oldest:
            if line.type or bytes(line.object):
                raise ValueError(f"a line with {kinds[0]} has at and nothing else")
            moment = self._moment(line), line.progress or line.oldest
            _check_version(moment[1])
            (self._progress if line.progress else self._oldest).append(moment)
        elif line.item:
            self._take_item(line)
        else:
            self._take_change(line)

    def _take_item(self, line: _Line) -> None:
        if self._changes or self._progress or self._oldest:
            raise ValueError("an item of the list stands after the first change")
        if line.type or line.at is not None:
            raise ValueError("a line with item has an object and nothing else")
        item = self._item(line.item, line)
        if _rises(self._listed, item.identity.resource_version):
            raise ValueError(
                f"the item's resourceVersion {item.identity.resource_version} "
                f"is above the list's {self._listed}"
            )
        if _slot(item) in self._alive:
            raise ValueError(f"{item.identity.name} stands in the list twice")
        self._alive[_slot(item)] = item.identity.uid
        self._items.append(item)

    def _take_change(self, line: _Line) -> None:
        if line.type not in {EventType.ADDED, EventType.MODIFIED, EventType.DELETED}:
            raise ValueError(f"a change is ADDED, MODIFIED or DELETED, not {line.type}")
        at, item = self._moment(line), self._item(line.change, line)
        version = item.identity.resource_version
        last = self._last_versions.get(item.plural, self._listed)
        if not _rises(last, version):
            raise ValueError(f"resourceVersion {version} follows {last}: it must rise")
        if version in self._versions:
            raise ValueError(f"resourceVersion {version} stands in the file twice")
        self._check_life(line.type, item)
        self._last_versions[item.plural] = version
        self._versions.add(version)
        self._changes.append(RecordedChange(at, line.type, item))

    def _check_life(self, kind: EventType, item: Item) -> None:
        slot, uid = _slot(item), item.identity.uid
        if kind is EventType.ADDED:
            if slot in self._alive:
                raise ValueError(f"{item.identity.name} is ADDED, but exists already")
            self._alive[slot] = uid
        elif self._alive.get(slot) != uid:
            raise ValueError(f"{item.identity.name} ({uid}) is {kind}, but does not exist")
        elif kind is EventType.DELETED:
            del self._alive[slot]

    def _moment(self, line: _Line) -> float:
        if line.at is None or not self._last_at <= line.at < float("inf"):
            raise ValueError(f"at is {line.at}: expected seconds, not before {self._last_at:g}")
        self._last_at = line.at
        return line.at

    def _item(self, plural: str, line: _Line) -> Item:
        if plural not in self._plurals:
            raise ValueError(f"{plural} is no resource of the header's")
        data = bytes(line.object)
        if not data:
            raise ValueError("the line has no object")
        # A line is checked whole, or a damaged label would only be noticed by a selector.
        value = _decode_object(data)
        identity = identify(data)
        msgspec.convert(value, _Labelled)
        _check_version(identity.resource_version)
        return Item(plural, identity, data)


def _in_order(changes: list[RecordedChange]) -> tuple[RecordedChange, ...]:
    ordered = sorted(changes, key=lambda change: rank(change.item.identity.resource_version))
    times = accumulate((change.at for change in ordered), max)
    return tuple(
        change if change.at == at else replace(change, at=at)
        for change, at in zip(ordered, times, strict=True)
    )


def _slot(item: Item) -> tuple[str, str, str]:
    return item.plural, item.identity.namespace, item.identity.name


def _check_version(version: str) -> None:
    if not (version.isascii() and version.isdecimal()) or version[0] == "0" or len(version) > 19:
        raise ValueError(f"resourceVersion {version[:40]!r} is not a positive decimal number")


def _rises(earlier: str, later: str) -> bool:
    return rank(earlier) < rank(later)


def rank(resource_version: str) -> tuple[int, str]:
    """Order resourceVersions as KEP-5504 says, without reading a number.

    Parameters
    ----------
    resource_version : str

    Returns
    -------
    tuple of (int, str)
        The longer one is later, else the digits decide.
    """
    return len(resource_version), resource_version


def shipped() -> dict[str, Path]:
    """Find the recordings that kwlab ships.

    Returns
    -------
    dict of str to Path
        By name, sorted.
    """
    folder = Path(__file__).parent / "recordings"
    names: Iterable[Path] = sorted(folder.glob("*.jsonl.gz"))
    return {path.name.removesuffix(".jsonl.gz"): path for path in names}
