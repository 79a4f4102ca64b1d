"""The columns that ``kubectl get`` shows of an object, and the cells of one row.

Pods have the real server's columns. Every other type has NAME and AGE, as a custom resource has.

References
----------
kubernetes 1.37, ``pkg/printers/internalversion/printers.go`` names the columns; ``columns.json``
holds them as the real server sends them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from kwlab.history import Resource
from kwlab.server.ages import since
from kwlab.server.pod_printer import Printed, print_pod
from kwlab.wire import Row, identify

INVALID: Final = "<invalid>"
COLUMNS_FILE: Final = Path(__file__).with_name("columns.json")

_decode_any = msgspec.json.Decoder(Printed).decode


@cache
def columns_of(resource: Resource) -> Sequence[dict[str, Any]]:
    """Return a type's column definitions, as they stand in a Table."""
    columns: dict[str, list[dict[str, Any]]] = json.loads(COLUMNS_FILE.read_bytes())
    return columns["Pod" if _is_pod(resource) else ""]


def row_of(resource: Resource, data: bytes, now: datetime | None) -> Row:
    """Return the row of one object, without the object; ``now`` is None if nobody knows it.

    Only the name is known of an object whose fields do not have the types of its kind.
    """
    try:
        if _is_pod(resource):
            return print_pod(data, now)
        metadata = _decode_any(data).metadata
        return Row((metadata.name, since(metadata.creation_timestamp, now)))
    except msgspec.ValidationError:
        name = identify(data).name
        return Row([name if c["format"] == "name" else INVALID for c in columns_of(resource)])


def _is_pod(resource: Resource) -> bool:
    return (resource.group, resource.kind) == ("", "Pod")
