"""Bytes to values and back: what a list or watch is asked with, and what it answers.

No I/O and no clock here. This is the only place that knows the JSON field names of the
Kubernetes API, so that everything else speaks of events, objects and resourceVersions. (What an
object says inside, and a server of itself, only the server's printers and discovery know.)
"""

from kwlab.wire.events import (
    EXCERPT_BYTES,
    LINE_LIMIT_BYTES,
    Decoded,
    EventType,
    LineDecoder,
    Status,
    Unreadable,
    WatchEvent,
)
from kwlab.wire.lists import ListPage
from kwlab.wire.objects import (
    Identity,
    ListPieces,
    bookmark,
    encode,
    error_event,
    event_line,
    identify,
    list_body,
    status_body,
    with_kind,
    with_resource_version,
)
from kwlab.wire.options import FIELDS, ListOptions, python_name, query
from kwlab.wire.redaction import changed_object, without_env_values, without_managed_fields
from kwlab.wire.tables import (
    Cell,
    Row,
    metadata_list,
    metadata_only,
    out_of_table,
    resource_version_of,
    table_body,
)

__all__ = [
    "EXCERPT_BYTES",
    "FIELDS",
    "LINE_LIMIT_BYTES",
    "Cell",
    "Decoded",
    "EventType",
    "Identity",
    "LineDecoder",
    "ListOptions",
    "ListPage",
    "ListPieces",
    "Row",
    "Status",
    "Unreadable",
    "WatchEvent",
    "bookmark",
    "changed_object",
    "encode",
    "error_event",
    "event_line",
    "identify",
    "list_body",
    "metadata_list",
    "metadata_only",
    "out_of_table",
    "python_name",
    "query",
    "resource_version_of",
    "status_body",
    "table_body",
    "with_kind",
    "with_resource_version",
    "without_env_values",
    "without_managed_fields",
]
