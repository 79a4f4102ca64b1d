"""What a watch answers: its bytes to lines, its lines to events."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec

LINE_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""The longest line that is read, in bytes. etcd refuses objects over 1.5 MiB by default."""


EXCERPT_BYTES: Final = 256
"""How much of what could not be read goes into a message."""


INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"
"""The annotation of the bookmark that ends the present state in a WatchList (KEP-3157)."""


_LIST_KIND: Final = re.compile(rb'\s*\{\s*"kind"\s*:\s*"(\w*List)"')


class EventType(enum.StrEnum):
    """Name what a watch event says of its object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    ERROR = "ERROR"


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class _Object(msgspec.Struct):
    metadata: _Metadata | None = None


class _Head(msgspec.Struct):
    type: EventType
    object: _Object


class _Cause(msgspec.Struct):
    reason: str = ""


class _Details(msgspec.Struct, rename="camel"):
    retry_after_seconds: float = 0.0
    causes: list[_Cause] | None = None


class _StatusObject(msgspec.Struct):
    kind: str = ""
    code: int = 0
    reason: str = ""
    message: str = ""
    details: _Details | None = None


class _RawEvent(msgspec.Struct):
    object: msgspec.Raw


_decode_head = msgspec.json.Decoder(_Head).decode


decode_head_of_object = msgspec.json.Decoder(_Object).decode


_decode_status = msgspec.json.Decoder(_StatusObject).decode


_decode_raw = msgspec.json.Decoder(_RawEvent).decode


@dataclass(frozen=True, slots=True)
class Status:
    """Hold what a server says when it refuses or ends something.

    Parameters
    ----------
    code : int
        The HTTP code, 0 when the server named none.
    reason : str
        The machine-readable reason (``Expired``, ``Forbidden``); may be empty.
    message : str
        The text for people; may be empty. Match code and reason, never the text.
    retry_after_seconds : float
        ``details.retryAfterSeconds``, in seconds; 0 when the server named none.
    causes : tuple of str
        The reasons of ``details.causes``, in order.
    """

    code: int
    reason: str = ""
    message: str = ""
    retry_after_seconds: float = 0.0
    causes: tuple[str, ...] = ()

    @classmethod
    def parse(cls, body: bytes) -> Status | None:
        """Read a Status object; None when the bytes are not one.

        Parameters
        ----------
        body : bytes
            One JSON object, as in an error answer or in the ``object`` of an ERROR event.

        Returns
        -------
        Status or None
        """
        try:
            raw = _decode_status(body)
        except (msgspec.MsgspecError, RecursionError):
            return None
        if raw.kind != "Status":
            return None
        details = raw.details or _Details()
        causes = tuple(cause.reason for cause in details.causes or ())
        return cls(raw.code, raw.reason, raw.message, details.retry_after_seconds, causes)


class WatchEvent:
    """Hold one line of a watch.

    The line is kept as it came; :attr:`object` is decoded when it is first looked at.

    Parameters
    ----------
    line : bytes
        The line without its newline.

    Raises
    ------
    ValueError
        When the line is not ``{"type": …, "object": {…}}`` of a known type.
    """

    __slots__ = ("_object", "line", "name", "namespace", "resource_version", "type", "uid")

    def __init__(self, line: bytes) -> None:
        try:
            head = _decode_head(line)
        except RecursionError as error:
            raise ValueError(str(error)) from error
        metadata = head.object.metadata
        self.line = line
        self.type = head.type
        self._object: dict[str, Any] | None = None
        if metadata is None:
            self.name = self.namespace = self.uid = self.resource_version = ""
        else:
            self.name = metadata.name
            self.namespace = metadata.namespace
            self.uid = metadata.uid
            self.resource_version = metadata.resource_version

    @property
    def object(self) -> dict[str, Any]:
        """Decode the object, once: plain dicts and lists with the server's field names."""
        if self._object is None:
            self._object = msgspec.json.decode(self.line)["object"]
        return self._object

    @property
    def object_bytes(self) -> bytes:
        """Cut the object's own bytes out of the line, as the server sent them."""
        return bytes(_decode_raw(self.line).object)

    @property
    def status(self) -> Status | None:
        """Read the Status of an ERROR event; None for other types, and for an ERROR without one."""
        return Status.parse(self.object_bytes) if self.type is EventType.ERROR else None

    @property
    def ends_initial_events(self) -> bool:
        """Tell whether this is the bookmark after which all that existed has been sent."""
        if self.type is not EventType.BOOKMARK:
            return False
        annotations = (self.object.get("metadata") or {}).get("annotations") or {}
        return annotations.get(INITIAL_EVENTS_END) == "true"

    def __repr__(self) -> str:
        who = f" {self.name}" if self.name else ""
        return f"<WatchEvent {self.type}{who} resource_version={self.resource_version!r}>"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Hold a line that is not a watch event.

    Parameters
    ----------
    excerpt : bytes
        The first 256 bytes of the line.
    reason : str
        Why it could not be read.
    """

    excerpt: bytes
    reason: str

    @property
    def list_kind(self) -> str | None:
        """Name the list (``PodList``) that came in place of a watch; None when it is none."""
        found = _LIST_KIND.match(self.excerpt)
        return found[1].decode() if found else None


Decoded: TypeAlias = WatchEvent | Unreadable
"""What the decoder gives: an event, or the one line after which nothing more is read."""


class LineDecoder:
    """Turn the bytes of a watch into events, however they are cut.

    After an :class:`Unreadable` line nothing more is given: to step over a line is to lose a
    change without a word.

    Parameters
    ----------
    limit_bytes : int
        The longest line that is kept in memory, in bytes.
    """

    def __init__(self, *, limit_bytes: int = LINE_LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._parts: list[bytes] = []
        self._held = 0
        self._ended = False

    def feed(self, chunk: bytes) -> Iterator[Decoded]:
        """Give the events that end in this chunk, in order.

        Parameters
        ----------
        chunk : bytes
            The next bytes of the body; may end anywhere, and may be empty.

        Yields
        ------
        WatchEvent or Unreadable
            Nothing follows an Unreadable.
        """
        start = 0
        while not self._ended and (end := chunk.find(b"\n", start)) >= 0:
            line, start = chunk[start:end], end + 1
            if self._parts:
                line = self._take(line)
            if line and not line.isspace():
                yield self._read(line)
        if self._ended or start == len(chunk):
            return
        rest = chunk[start:]
        self._parts.append(rest)
        self._held += len(rest)
        if self._held > self._limit:
            yield self._fail(self._take(b""), f"the line is longer than {self._limit:,} bytes")

    def close(self) -> Iterator[Decoded]:
        """Give what stands after the last newline, when it is a whole event.

        A torn event at the end of a cut connection is no event and no error: the server sends
        it again to whoever asks from before it.

        Yields
        ------
        WatchEvent
            At most one.
        """
        tail = self._take(b"")
        if self._ended or not tail.strip():
            return
        self._ended = True
        try:
            event = WatchEvent(tail)
        except ValueError:
            return
        yield event

    def _take(self, last: bytes) -> bytes:
        line = b"".join((*self._parts, last)) if self._parts else last
        self._parts.clear()
        self._held = 0
        return line

    def _read(self, line: bytes) -> Decoded:
        if len(line) > self._limit:
            return self._fail(line, f"the line is longer than {self._limit:,} bytes")
        try:
            return WatchEvent(line)
        except ValueError as error:
            return self._fail(line, str(error))

    def _fail(self, line: bytes, reason: str) -> Unreadable:
        self._ended = True
        return Unreadable(line[:EXCERPT_BYTES], reason)
