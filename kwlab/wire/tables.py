"""The Table that a server prints for people, around the objects' own metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from kwlab.wire.events import decode_head_of_object
from kwlab.wire.objects import encode

Cell: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one row of a Table.

    Parameters
    ----------
    cells : sequence of str or int
        One for each column.
    conditions : sequence of mapping
        What is said of the whole row: that its object is finished.
    object : bytes
        What the row carries of its object, as JSON.
    """

    cells: Sequence[Cell]
    conditions: Sequence[Mapping[str, str]] = ()
    object: bytes = field(default=b"null", repr=False)


class _RawObject(msgspec.Struct):
    metadata: msgspec.Raw = msgspec.Raw(b"{}")


_decode_metadata = msgspec.json.Decoder(_RawObject).decode


class _RowObject(msgspec.Struct):
    object: msgspec.Raw = msgspec.Raw(b"null")


class _Table(msgspec.Struct):
    kind: str = ""
    rows: list[_RowObject] | None = None


class _TableEvent(msgspec.Struct):
    type: str
    object: _Table


_decode_event = msgspec.json.Decoder(_TableEvent).decode


def out_of_table(line: bytes) -> bytes:
    """Give an event with what its Table carries of the object, in place of the Table.

    Parameters
    ----------
    line : bytes
        One line of a watch.

    Returns
    -------
    bytes
        The line as it is where it has no Table, or a Table without its object; with its newline
        where it has one.
    """
    try:
        event = _decode_event(line)
    except ValueError:
        return line
    carried = bytes(event.object.rows[0].object) if event.object.rows else b"null"
    if event.object.kind != "Table" or carried == b"null":
        return line
    end = b"\n" if line.endswith(b"\n") else b""
    return encode({"type": event.type})[:-1] + b',"object":%s}%s' % (carried, end)


def metadata_only(object_bytes: bytes, api_version: str) -> bytes:
    """Give an object's metadata and nothing else, as a PartialObjectMetadata.

    Parameters
    ----------
    object_bytes : bytes
    api_version : str
        ``meta.k8s.io/v1``.

    Returns
    -------
    bytes
        The metadata's own bytes are not re-encoded.
    """
    head = encode({"kind": "PartialObjectMetadata", "apiVersion": api_version})
    return head[:-1] + b',"metadata":%s}' % bytes(_decode_metadata(object_bytes).metadata)


def metadata_list(api_version: str, metadata: Mapping[str, Any], objects: Iterable[bytes]) -> bytes:
    """Make a list of objects' metadata, as a PartialObjectMetadataList.

    Parameters
    ----------
    api_version : str
        ``meta.k8s.io/v1``.
    metadata : mapping
        The list's own.
    objects : iterable of bytes

    Returns
    -------
    bytes
        Its items name their kind, unlike those of other lists; Go writes null for none.
    """
    items = b",".join(metadata_only(data, api_version) for data in objects)
    kind = "PartialObjectMetadataList"
    head = encode({"kind": kind, "apiVersion": api_version, "metadata": metadata})
    return head[:-1] + b',"items":%s}\n' % (b"[%s]" % items if items else b"null")


def resource_version_of(object_bytes: bytes) -> str:
    """Read an object's resourceVersion; a bookmark has nothing else.

    Parameters
    ----------
    object_bytes : bytes

    Returns
    -------
    str
        Empty when there is none.
    """
    metadata = decode_head_of_object(object_bytes).metadata
    return metadata.resource_version if metadata else ""


def table_body(
    api_version: str,
    metadata: Mapping[str, Any],
    columns: Sequence[Mapping[str, Any]] | None,
    rows: Iterable[Row],
) -> bytes:
    """Make a Table as kube-apiserver writes it.

    Parameters
    ----------
    api_version : str
        ``meta.k8s.io/v1``.
    metadata : mapping
        The list's own, or the object's resourceVersion.
    columns : sequence of mapping or None
        None where an earlier Table of the same watch has said them.
    rows : iterable of Row

    Returns
    -------
    bytes
        Without a newline.
    """
    head = {"kind": "Table", "apiVersion": api_version, "metadata": metadata}
    body = encode({**head, "columnDefinitions": columns})
    return body[:-1] + b',"rows":[%s]}' % b",".join(map(_row, rows))


def _row(row: Row) -> bytes:
    value: dict[str, Any] = {"cells": row.cells}
    if row.conditions:
        value["conditions"] = row.conditions
    return encode(value)[:-1] + b',"object":%s}' % row.object
