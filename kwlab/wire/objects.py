"""Objects as bytes: read whose they are, and write what a server sends around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from kwlab.wire.events import (
    INITIAL_EVENTS_END,
    EventType,
    Status,
    WatchEvent,
    decode_head_of_object,
)

EMPTY_OBJECTS: Final[Mapping[str, Mapping[str, Any]]] = msgspec.json.decode(
    Path(__file__).with_name("empty_objects.json").read_bytes()
)
"""What Go writes for the empty parts and annotations of a typed object, by kind.

Measured on kube-apiserver 1.37.2, kind by kind (``tests/test_rig_fidelity.py``).
"""

# These stand in JSON only inside strings, so replacing bytes is enough.
_GO_ESCAPES: Final = (
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


class _RawMetadata(msgspec.Struct):
    metadata: msgspec.Raw


class _Kind(msgspec.Struct):
    kind: str = ""


_decode_metadata = msgspec.json.Decoder(_RawMetadata).decode
_decode_kind = msgspec.json.Decoder(_Kind).decode


@dataclass(frozen=True, slots=True)
class Identity:
    """Name one state of one object.

    Parameters
    ----------
    namespace, name, uid, resource_version : str
        As in the object's metadata; namespace is empty for objects that have none.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str


def identify(object_bytes: bytes) -> Identity:
    """Read whose state an object's bytes are.

    Parameters
    ----------
    object_bytes : bytes
        One JSON object.

    Returns
    -------
    Identity

    Raises
    ------
    ValueError
        When name, uid or resourceVersion is missing, or the bytes are no JSON object.
    """
    metadata = decode_head_of_object(object_bytes).metadata
    if metadata is None:
        raise ValueError("the object has no metadata")
    for missing in ("name", "uid", "resource_version"):
        if not getattr(metadata, missing):
            raise ValueError(f"the object's metadata has no {missing}")
    return Identity(metadata.namespace, metadata.name, metadata.uid, metadata.resource_version)


def encode(value: Any) -> bytes:
    r"""Encode as Go's encoding/json does: compact, with ``<``, ``>`` and ``&`` escaped.

    Parameters
    ----------
    value : object
        Plain dicts, lists, strings, numbers.

    Returns
    -------
    bytes

    Examples
    --------
    >>> encode({"a": "<é>"})
    b'{"a":"\\u003c\xc3\xa9\\u003e"}'
    """
    text = msgspec.json.encode(value)
    for plain, escaped in _GO_ESCAPES:
        text = text.replace(plain, escaped)
    return text


def event_line(kind: EventType, object_bytes: bytes) -> bytes:
    """Make a line of a watch, newline included, around an object's own bytes.

    Parameters
    ----------
    kind : EventType
    object_bytes : bytes

    Returns
    -------
    bytes
    """
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), object_bytes)


def bookmark(
    api_version: str, kind: str, resource_version: str, *, ends_initial_events: bool = False
) -> bytes:
    """Make the object of a bookmark: only kind, apiVersion and resourceVersion mean something.

    Parameters
    ----------
    api_version, kind : str
        Of the resource that is watched.
    resource_version : str
    ends_initial_events : bool
        Whether it marks the end of the present state (WatchList).

    Returns
    -------
    bytes
    """
    metadata: dict[str, Any] = {"resourceVersion": resource_version}
    annotations = dict(EMPTY_OBJECTS["annotations"].get(kind, {}))
    if ends_initial_events:
        annotations[INITIAL_EVENTS_END] = "true"
    if annotations:
        metadata["annotations"] = annotations
    value = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
    return encode({**value, **EMPTY_OBJECTS["parts"].get(kind, {})})


def status_body(
    code: int,
    reason: str,
    message: str,
    *,
    details: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> bytes:
    """Make a Status object as kube-apiserver writes it.

    Parameters
    ----------
    code : int
        The HTTP code.
    reason : str
        Left out when empty.
    message : str
    details : mapping, optional
        Left out when None.
    metadata : mapping, optional
        Of the Status itself; empty when None.

    Returns
    -------
    bytes
    """
    value: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": metadata or {},
        "status": "Failure",
        "message": message,
    }
    if reason:
        value["reason"] = reason
    if details is not None:
        value["details"] = details
    return encode({**value, "code": code})


_LIST_END: Final = b"]}\n"


def list_body(
    api_version: str, kind: str, metadata: Mapping[str, Any], objects: Iterable[bytes]
) -> bytes:
    """Make a list around the objects' own bytes.

    Parameters
    ----------
    api_version, kind : str
        Of the objects; items carry neither, the list carries ``{kind}List``.
    metadata : mapping
        The list's own: resourceVersion, continue, remainingItemCount.
    objects : iterable of bytes

    Returns
    -------
    bytes
    """
    return b"".join(ListPieces(api_version, kind, metadata, tuple(objects)))


PIECE_BYTES: Final = 64 * 1024
"""About how much of a long list is made at once."""


class ListPieces:
    """Make a list around the objects' own bytes piece by piece, its size known before.

    Parameters
    ----------
    api_version, kind : str
        Of the objects; items carry neither, the list carries ``{kind}List``.
    metadata : mapping
        The list's own: resourceVersion, continue, remainingItemCount.
    objects : sequence of bytes

    Attributes
    ----------
    size : int
        Of all pieces together, in bytes.
    without_items : bytes
        The list as it would be if it were empty.
    """

    def __init__(
        self, api_version: str, kind: str, metadata: Mapping[str, Any], objects: Sequence[bytes]
    ) -> None:
        self._front = encode({"kind": kind, "apiVersion": api_version})[:-1] + b","
        head = encode({"kind": f"{kind}List", "apiVersion": api_version, "metadata": metadata})
        self._head = head[:-1] + b',"items":['
        self._objects = objects
        self.without_items = self._head + _LIST_END
        commas = max(len(objects) - 1, 0)
        self.size = len(self.without_items) + commas + sum(map(self._size, objects))

    def __iter__(self) -> Iterator[bytes]:
        """Give the pieces."""
        waiting, size = [self._head], len(self._head)
        for number, data in enumerate(self._objects):
            item = self._item(data)
            waiting.append(b"," + item if number else item)
            size += len(item)
            if size >= PIECE_BYTES:
                yield b"".join(waiting)
                waiting, size = [], 0
        yield b"".join((*waiting, _LIST_END))

    def _item(self, data: bytes) -> bytes:
        return b"{" + data[len(self._front) :] if data.startswith(self._front) else data

    def _size(self, data: bytes) -> int:
        return len(data) - (len(self._front) - 1 if data.startswith(self._front) else 0)


def with_resource_version(object_bytes: bytes, resource_version: str) -> bytes:
    """Give an object's bytes with another resourceVersion, all else left as it was sent.

    Parameters
    ----------
    object_bytes : bytes
    resource_version : str

    Returns
    -------
    bytes
    """
    metadata = bytes(_decode_metadata(object_bytes).metadata)
    was = decode_head_of_object(object_bytes).metadata
    old = b'"resourceVersion":"%s"' % (was.resource_version if was else "").encode()
    new = b'"resourceVersion":"%s"' % resource_version.encode()
    return object_bytes.replace(metadata, metadata.replace(old, new, 1), 1)


def with_kind(api_version: str, kind: str, item_bytes: bytes) -> bytes:
    """Give an item of a list as an event of a watch holds it: with its kind in front.

    Parameters
    ----------
    api_version, kind : str
        Of the resource that was listed.
    item_bytes : bytes

    Returns
    -------
    bytes
        As they came where they name a kind: the lists of custom resources do.

    Examples
    --------
    >>> with_kind("v1", "Pod", b'{"metadata":{"name":"a"}}')
    b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}'
    """
    if _decode_kind(item_bytes).kind:
        return item_bytes
    front = encode({"kind": kind, "apiVersion": api_version})[:-1]
    return front + b"," + item_bytes[1:]


def error_event(status: Status) -> WatchEvent:
    """Make the ERROR event that a server would have sent for a Status.

    Parameters
    ----------
    status : Status
        Without its details and causes.

    Returns
    -------
    WatchEvent
    """
    body = status_body(status.code, status.reason, status.message)
    return WatchEvent(event_line(EventType.ERROR, body).rstrip())
