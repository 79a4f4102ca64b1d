"""Bytes to values and back: what a list or watch is asked with, and what it answers.

No I/O and no clock here. This is the only place that knows the JSON field names of the
Kubernetes API, so that everything else speaks of events, objects and resourceVersions.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

import msgspec

from kwlab.errors import ListOptionsError

LINE_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""The longest line that is read, in bytes. etcd refuses objects over 1.5 MiB by default."""

EXCERPT_BYTES: Final = 256
"""How much of what could not be read goes into a message."""


# These stand in JSON only inside strings, so replacing bytes is enough.
_GO_ESCAPES: Final = (
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


# What Go writes for the empty parts of a typed object. The pod's were seen on a wire; the others
# follow from the types (k8s.io/api 0.36). ConfigMap and its like have none that are required.
_EMPTY_TEMPLATE: Final[Mapping[str, Any]] = {"metadata": {}, "spec": {"containers": None}}
_EMPTY_PARTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Pod": {"spec": {"containers": None}, "status": {}},
    "Namespace": {"spec": {}, "status": {}},
    "Node": {
        "spec": {},
        "status": {
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
            "nodeInfo": dict.fromkeys(
                (
                    "machineID",
                    "systemUUID",
                    "bootID",
                    "kernelVersion",
                    "osImage",
                    "containerRuntimeVersion",
                    "kubeletVersion",
                    "kubeProxyVersion",
                    "operatingSystem",
                    "architecture",
                ),
                "",
            ),
        },
    },
    "Service": {"spec": {}, "status": {"loadBalancer": {}}},
    "PersistentVolumeClaim": {"spec": {"resources": {}}, "status": {}},
    "PersistentVolume": {"spec": {}, "status": {}},
    "Deployment": {
        "spec": {"selector": None, "template": _EMPTY_TEMPLATE, "strategy": {}},
        "status": {},
    },
    "ReplicaSet": {
        "spec": {"selector": None, "template": _EMPTY_TEMPLATE},
        "status": {"replicas": 0},
    },
    "DaemonSet": {
        "spec": {"selector": None, "template": _EMPTY_TEMPLATE, "updateStrategy": {}},
        "status": {
            "currentNumberScheduled": 0,
            "numberMisscheduled": 0,
            "desiredNumberScheduled": 0,
            "numberReady": 0,
        },
    },
    "Job": {"spec": {"template": _EMPTY_TEMPLATE}, "status": {}},
}


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


class _RawMetadata(msgspec.Struct):
    metadata: msgspec.Raw


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_object = msgspec.json.Decoder(_Object).decode
_decode_status = msgspec.json.Decoder(_StatusObject).decode
_decode_metadata = msgspec.json.Decoder(_RawMetadata).decode
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
        except msgspec.MsgspecError:
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
        head = _decode_head(line)
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

    def __repr__(self) -> str:
        who = f" {self.name}" if self.name else ""
        return f"<WatchEvent {self.type}{who} resource_version={self.resource_version!r}>"


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


_QUERY_NAMES: Final[Mapping[str, str]] = {
    "label_selector": "labelSelector",
    "field_selector": "fieldSelector",
    "resource_version": "resourceVersion",
    "resource_version_match": "resourceVersionMatch",
    "timeout_seconds": "timeoutSeconds",
    "allow_watch_bookmarks": "allowWatchBookmarks",
    "send_initial_events": "sendInitialEvents",
    "limit": "limit",
    "_continue": "continue",
}
_PYTHON_NAMES: Final = {query: name for name, query in _QUERY_NAMES.items()}


class ListOptions(Mapping[str, Any]):
    """Say where a list or watch starts and what it selects.

    It is a frozen mapping of the fields that are set, in the official Python client's
    spelling, made for ``list_namespaced_pod(namespace, watch=True, **options)``. It does not
    carry ``watch``. Set a field to None to leave it out.

    Parameters
    ----------
    resource_version : str, optional
        Where to start: opaque, taken from a list, an event or a bookmark.
    timeout_seconds : int, optional
        How long the server keeps the watch open, in seconds.
    label_selector, field_selector : str, optional
        Which objects, in the API's own syntax.
    allow_watch_bookmarks : bool, optional
        Whether the server may send bookmarks.
    resource_version_match : str, optional
        ``NotOlderThan`` or ``Exact``.
    send_initial_events : bool, optional
        Whether a watch begins with the present state (WatchList).
    limit : int, optional
        The size of a page of a list.
    _continue : str, optional
        The token of the next page of a list.

    Raises
    ------
    ListOptionsError
        For any other name; it says how the official client spells what was meant.

    Examples
    --------
    >>> options = ListOptions(resource_version="7", allow_watch_bookmarks=True)
    >>> dict(options.replace(timeout_seconds=60))
    {'resource_version': '7', 'allow_watch_bookmarks': True, 'timeout_seconds': 60}
    """

    __slots__ = ("_fields",)

    def __init__(self, **fields: Any) -> None:
        for name in fields:
            if name not in _QUERY_NAMES:
                raise ListOptionsError(_unknown_field(name))
        self._fields = {name: value for name, value in fields.items() if value is not None}

    def replace(self, **fields: Any) -> ListOptions:
        """Copy these options with some fields changed.

        Parameters
        ----------
        **fields
            As for :class:`ListOptions`; None takes a field out.

        Returns
        -------
        ListOptions
            A new object; this one is left as it is.
        """
        return ListOptions(**{**self._fields, **fields})

    @property
    def resource_version(self) -> str | None:
        """Give the resourceVersion to start from; None when none is set."""
        value = self._fields.get("resource_version")
        return None if value is None else str(value)

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __hash__(self) -> int:
        return hash(frozenset(self._fields.items()))

    def __repr__(self) -> str:
        return f"ListOptions({', '.join(f'{k}={v!r}' for k, v in self._fields.items())})"


def python_name(query_name: str) -> str | None:
    """Give the official Python client's spelling of a query parameter.

    Parameters
    ----------
    query_name : str
        As on the wire: ``resourceVersion``.

    Returns
    -------
    str or None
        None when the two are spelt alike, or there is no such parameter.
    """
    found = _PYTHON_NAMES.get(query_name)
    return None if found == query_name else found


def _unknown_field(name: str) -> str:
    if name == "watch":
        return "ListOptions does not carry watch: write watch=True in the call itself."
    if name in _PYTHON_NAMES:
        return f"There is no {name}: the Python client spells it {_PYTHON_NAMES[name]}."
    return f"There is no {name}. ListOptions knows {', '.join(_QUERY_NAMES)}."


def query(options: ListOptions, *, watch: bool = False) -> str:
    """Write options as a query string, as the official client does.

    Parameters
    ----------
    options : ListOptions
    watch : bool
        Whether a watch is asked for.

    Returns
    -------
    str

    Examples
    --------
    >>> query(ListOptions(resource_version="7", allow_watch_bookmarks=True), watch=True)
    'resourceVersion=7&allowWatchBookmarks=true&watch=true'
    """
    pairs = [(_QUERY_NAMES[name], _plain(value)) for name, value in options.items()]
    return urlencode([*pairs, ("watch", "true")] if watch else pairs)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


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
    metadata = _decode_object(object_bytes).metadata
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
    if ends_initial_events:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    value = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
    return encode({**value, **_EMPTY_PARTS.get(kind, {})})


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
    front = encode({"kind": kind, "apiVersion": api_version})[:-1] + b","
    head = encode({"kind": f"{kind}List", "apiVersion": api_version, "metadata": metadata})
    items = b",".join(
        b"{" + data.removeprefix(front) if data.startswith(front) else data for data in objects
    )
    return head[:-1] + b',"items":[' + items + b"]}\n"


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
    was = _decode_object(object_bytes).metadata
    old = b'"resourceVersion":"%s"' % (was.resource_version if was else "").encode()
    new = b'"resourceVersion":"%s"' % resource_version.encode()
    return object_bytes.replace(metadata, metadata.replace(old, new, 1), 1)
