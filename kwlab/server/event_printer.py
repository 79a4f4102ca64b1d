"""What ``kubectl get events`` shows of an event, in the words of either group that has events.

References
----------
kubernetes 1.37, ``pkg/printers/internalversion/printers.go``, ``printEvent``, and
``pkg/apis/events/v1/conversion.go`` for the names of the newer group.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from kwlab.server.ages import since
from kwlab.server.printed import Printed
from kwlab.wire import Row


class _Reference(msgspec.Struct, rename="camel", frozen=True):
    kind: str = ""
    name: str = ""
    field_path: str = ""

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.name}" if self.name else self.kind.lower()


class _Source(msgspec.Struct, frozen=True):
    component: str = ""
    host: str = ""


class _Series(msgspec.Struct, rename="camel", frozen=True):
    count: int = 0
    last_observed_time: datetime | None = None


class _Any(Printed, rename="camel", frozen=True):
    type: str = ""
    reason: str = ""
    event_time: datetime | None = None
    series: _Series | None = None
    reporting_instance: str = ""


class _CoreEvent(_Any, rename="camel", frozen=True):
    message: str = ""
    about: _Reference = msgspec.field(default=_Reference(), name="involvedObject")
    source: _Source = _Source()
    controller: str = msgspec.field(default="", name="reportingComponent")
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    count: int = 0


class _NewerEvent(_Any, frozen=True):
    message: str = msgspec.field(default="", name="note")
    about: _Reference = msgspec.field(default=_Reference(), name="regarding")
    source: _Source = msgspec.field(default=_Source(), name="deprecatedSource")
    controller: str = msgspec.field(default="", name="reportingController")
    first_timestamp: datetime | None = msgspec.field(default=None, name="deprecatedFirstTimestamp")
    last_timestamp: datetime | None = msgspec.field(default=None, name="deprecatedLastTimestamp")
    count: int = msgspec.field(default=0, name="deprecatedCount")


_decode_core = msgspec.json.Decoder(_CoreEvent).decode
_decode_newer = msgspec.json.Decoder(_NewerEvent).decode


def print_core_event(data: bytes, now: datetime | None) -> Row:
    """Print an event of the core group.

    Parameters
    ----------
    data : bytes
        The event's JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        Last seen, type, reason, object, its part, source, message, first seen, count, name.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in an event.
    """
    return _row(_decode_core(data), now)


def print_newer_event(data: bytes, now: datetime | None) -> Row:
    """Print an event of the group events.k8s.io.

    Parameters
    ----------
    data : bytes
        The event's JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        As of the core group.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in an event.
    """
    return _row(_decode_newer(data), now)


def _row(event: _CoreEvent | _NewerEvent, now: datetime | None) -> Row:
    first = event.first_timestamp or event.event_time
    last, count = event.last_timestamp or first, event.count or 1
    if event.series is not None:
        last, count = event.series.last_observed_time, event.series.count
    component = event.source.component or event.controller
    instance = event.source.host or event.reporting_instance
    cells = (
        since(last, now),
        event.type,
        event.reason,
        str(event.about),
        event.about.field_path,
        f"{component}, {instance}" if instance else component,
        event.message.strip(),
        since(first, now),
        count,
        event.name,
    )
    return Row(cells)
