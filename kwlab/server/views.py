"""In which form objects go out: as they were recorded, or printed as a Table.

References
----------
kube-apiserver 1.37: ``apiserver/pkg/endpoints/handlers/response.go``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from kwlab import wire
from kwlab.history import History, Resource
from kwlab.server.accept import Form, chosen
from kwlab.server.ages import began
from kwlab.server.exchange import Refusal, Request
from kwlab.server.field_labels import is_custom
from kwlab.server.printers import columns_of, row_of
from kwlab.server.quoting import quoted
from kwlab.wire import EventType
from kwlab.wire.events import INITIAL_EVENTS_END

_GROUP: Final = "meta.k8s.io"
TABLES: Final = (Form("Table", _GROUP, "v1"), Form("Table", _GROUP, "v1beta1"))

METADATA: Final = tuple(
    Form(kind, _GROUP, version)
    for kind in ("PartialObjectMetadata", "PartialObjectMetadataList")
    for version in ("v1", "v1beta1")
)

_INCLUDED: Final = {"", "Metadata", "Object", "None"}
_END_MARK: Final = INITIAL_EVENTS_END.encode()


class View(Protocol):
    """Turn objects into what is sent of them."""

    has_lines: bool
    """False where the form has no place for one event: such a watch ends as it begins."""

    def one(self, data: bytes, at: float, /) -> bytes:
        """Give the body of a get, at a time in seconds."""

    def listed(self, metadata: Mapping[str, Any], items: Iterable[bytes], at: float, /) -> bytes:
        """Give the body of a list with its own metadata, at a time in seconds."""

    def line(self, kind: EventType, data: bytes, at: float, /) -> bytes:
        """Give a line of a watch, at a time in seconds; in the order in which they are sent."""


def view_of(request: Request, resource: Resource, history: History) -> View:
    """Find the form that a request wants its objects in.

    Parameters
    ----------
    request : Request
    resource : Resource
    history : History

    Returns
    -------
    View
        For this one answer.

    Raises
    ------
    Refusal
        406 when there is no such form, 400 when the Table's options cannot be read.
    """
    form = chosen(request.accept, (*TABLES, *METADATA), streams=True)
    if form in METADATA:
        return _Metadata(resource, form)
    if form not in TABLES:
        return AsRecorded(resource)
    included = request.get("includeObject") or ""
    if included not in _INCLUDED:
        raise Refusal(
            400,
            "BadRequest",
            "Unable to convert to Table as requested: includeObject: Invalid value: "
            f"{quoted(included)}: must be 'Metadata', 'Object', 'None', or empty",
        )
    return _Printed(resource, f"{_GROUP}/{form.version}", included, began(history))


class AsRecorded:
    """Send objects as they are: the same at any time.

    Parameters
    ----------
    resource : Resource
    """

    has_lines = True

    def __init__(self, resource: Resource) -> None:
        self._resource = resource

    def one(self, data: bytes, _at: float) -> bytes:
        """Give the object and a newline."""
        return data + b"\n"

    def listed(self, metadata: Mapping[str, Any], items: Iterable[bytes], _at: float) -> bytes:
        """Give the list around the objects' own bytes."""
        resource = self._resource
        return wire.list_body(resource.api_version, resource.kind, metadata, items)

    def line(self, kind: EventType, data: bytes, _at: float) -> bytes:
        """Give the line of a watch around the object's own bytes."""
        return wire.event_line(kind, data)


class _Metadata:
    def __init__(self, resource: Resource, form: Form) -> None:
        self._api_version = f"{_GROUP}/{form.version}"
        self._resource = resource
        self._is_list = form.kind.endswith("List")
        self.has_lines = not self._is_list

    def one(self, data: bytes, _at: float) -> bytes:
        if self._is_list and is_custom(self._resource):
            raise Refusal(500, "", "content is not a list")
        if self._is_list:
            raise self._refusal("not a list", "")
        return wire.metadata_only(data, self._api_version) + b"\n"

    def listed(self, metadata: Mapping[str, Any], items: Iterable[bytes], _at: float) -> bytes:
        if not self._is_list:
            raise self._refusal("a list", "List")
        return wire.metadata_list(self._api_version, metadata, items)

    def line(self, kind: EventType, data: bytes, _at: float) -> bytes:
        return wire.event_line(kind, wire.metadata_only(data, self._api_version))

    def _refusal(self, what: str, suffix: str) -> Refusal:
        asked = "PartialObjectMetadata" + ("List" if self._is_list else "")
        found = f"{_go_type(self._resource)}{suffix}"
        message = f"you requested {asked}, but the requested object is {what} (*{found})"
        return Refusal(406, "NotAcceptable", message)


def _go_type(resource: Resource) -> str:
    """Name the type that kube-apiserver holds a resource's objects in."""
    if is_custom(resource):
        return "unstructured.Unstructured"
    package = resource.group.partition(".")[0]
    # Events of both groups are the same objects.
    return f"{'core' if package in {'', 'events'} else package}.{resource.kind}"


class _Printed:
    has_lines = True

    def __init__(
        self, resource: Resource, api_version: str, included: str, start: datetime | None
    ) -> None:
        self._resource = resource
        self._api_version = api_version
        self._included = included
        self._start = start
        self._has_headers = True

    def one(self, data: bytes, at: float) -> bytes:
        return self._alone(data, at, self._included) + b"\n"

    def listed(self, metadata: Mapping[str, Any], items: Iterable[bytes], at: float) -> bytes:
        return self._table(metadata, items, at, self._included) + b"\n"

    def line(self, kind: EventType, data: bytes, at: float) -> bytes:
        included = self._included
        if kind is EventType.BOOKMARK and _END_MARK in data:
            # Without its annotation a client could not tell where the present state ends.
            included = included.replace("None", "Metadata")
        line = wire.event_line(kind, self._alone(data, at, included))
        self._has_headers = False
        return line

    def _alone(self, data: bytes, at: float, included: str) -> bytes:
        version = wire.resource_version_of(data)
        return self._table({"resourceVersion": version}, (data,), at, included)

    def _table(
        self, metadata: Mapping[str, Any], items: Iterable[bytes], at: float, included: str
    ) -> bytes:
        now = self._start and self._start + timedelta(seconds=at)
        columns = columns_of(self._resource) if self._has_headers else None
        rows = (self._row(data, now, included) for data in items)
        return wire.table_body(self._api_version, metadata, columns, rows)

    def _row(self, data: bytes, now: datetime | None, included: str) -> wire.Row:
        row = row_of(self._resource, data, now)
        match included:
            case "Object":
                carried = data
            case "None":
                carried = b"null"
            case _:
                carried = wire.metadata_only(data, self._api_version)
        return wire.Row(row.cells, row.conditions, carried)
