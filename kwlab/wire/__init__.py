"""Bytes to values and back: what a list or watch is asked with, and what it answers.

No I/O and no clock here. This is the only place that knows the JSON field names of the
Kubernetes API, so that everything else speaks of events, objects and resourceVersions.
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
from kwlab.wire.objects import (
    Identity,
    bookmark,
    encode,
    error_event,
    event_line,
    identify,
    list_body,
    status_body,
    with_resource_version,
)
from kwlab.wire.options import ListOptions, python_name, query

__all__ = [
    "EXCERPT_BYTES",
    "LINE_LIMIT_BYTES",
    "Decoded",
    "EventType",
    "Identity",
    "LineDecoder",
    "ListOptions",
    "Status",
    "Unreadable",
    "WatchEvent",
    "bookmark",
    "encode",
    "error_event",
    "event_line",
    "identify",
    "list_body",
    "python_name",
    "query",
    "status_body",
    "with_resource_version",
]
