"""What ``kubectl get`` shows of an object: its columns, and the cells of one row.

References
----------
kubernetes 1.37, ``pkg/printers/internalversion/printers.go``. What has no printer here is printed
as apiextensions-apiserver prints a custom resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec

from kwlab.history import Resource
from kwlab.server import columns, workload_columns
from kwlab.server.claim_printer import print_claim
from kwlab.server.event_printer import print_core_event, print_newer_event
from kwlab.server.node_printer import print_node
from kwlab.server.pod_printer import print_pod
from kwlab.server.printed import Printed
from kwlab.server.service_printer import print_endpoint_slice, print_endpoints, print_service
from kwlab.server.workload_printer import (
    print_cron_job,
    print_daemon_set,
    print_deployment,
    print_job,
    print_replica_set,
    print_stateful_set,
)
from kwlab.wire import Column, Row, identify

INVALID: Final = "<invalid>"

_Print: TypeAlias = Callable[[bytes, datetime | None], Row]


@dataclass(frozen=True, slots=True)
class Printer:
    """Know how one resource type is shown.

    Parameters
    ----------
    columns : tuple of Column
    cells : callable
        From an object's JSON and the present moment to a Row without its object.
    """

    columns: tuple[Column, ...]
    cells: _Print

    def row(self, data: bytes, now: datetime | None) -> Row:
        """Print one object.

        Parameters
        ----------
        data : bytes
            Its JSON.
        now : datetime or None
            None where nobody knows.

        Returns
        -------
        Row
            Without the object. Of one that is not what its kind says, only the name is known.
        """
        try:
            return self.cells(data, now)
        except msgspec.ValidationError:
            name = identify(data).name
            return Row([name if each.format == "name" else INVALID for each in self.columns])


class _ConfigMap(Printed, rename="camel", frozen=True):
    data: dict[str, Any] | None = None
    binary_data: dict[str, Any] | None = None


class _Phase(msgspec.Struct, frozen=True):
    phase: str = ""


class _Namespace(Printed, frozen=True):
    status: _Phase = _Phase()


_decode_any = msgspec.json.Decoder(Printed).decode
_decode_map = msgspec.json.Decoder(_ConfigMap).decode
_decode_namespace = msgspec.json.Decoder(_Namespace).decode


def _print_any(data: bytes, now: datetime | None) -> Row:
    seen = _decode_any(data)
    return Row((seen.name, seen.age(now)))


def _print_config_map(data: bytes, now: datetime | None) -> Row:
    seen = _decode_map(data)
    count = len(seen.data or ()) + len(seen.binary_data or ())
    return Row((seen.name, count, seen.age(now)))


def _print_namespace(data: bytes, now: datetime | None) -> Row:
    seen = _decode_namespace(data)
    return Row((seen.name, seen.status.phase, seen.age(now)))


PRINTERS: Final[Mapping[tuple[str, str], Printer]] = {
    ("", "ConfigMap"): Printer(columns.CONFIG_MAPS, _print_config_map),
    ("", "Endpoints"): Printer(columns.ENDPOINTS, print_endpoints),
    ("", "Event"): Printer(columns.EVENTS, print_core_event),
    ("", "Namespace"): Printer(columns.NAMESPACES, _print_namespace),
    ("", "Node"): Printer(columns.NODES, print_node),
    ("", "PersistentVolumeClaim"): Printer(columns.CLAIMS, print_claim),
    ("", "Pod"): Printer(workload_columns.PODS, print_pod),
    ("", "Service"): Printer(columns.SERVICES, print_service),
    ("", "ServiceAccount"): Printer(columns.SERVICE_ACCOUNTS, _print_any),
    ("apps", "DaemonSet"): Printer(workload_columns.DAEMON_SETS, print_daemon_set),
    ("apps", "Deployment"): Printer(workload_columns.DEPLOYMENTS, print_deployment),
    ("apps", "ReplicaSet"): Printer(workload_columns.REPLICA_SETS, print_replica_set),
    ("apps", "StatefulSet"): Printer(workload_columns.STATEFUL_SETS, print_stateful_set),
    ("batch", "CronJob"): Printer(workload_columns.CRON_JOBS, print_cron_job),
    ("batch", "Job"): Printer(workload_columns.JOBS, print_job),
    ("discovery.k8s.io", "EndpointSlice"): Printer(columns.ENDPOINT_SLICES, print_endpoint_slice),
    ("events.k8s.io", "Event"): Printer(columns.EVENTS, print_newer_event),
}
"""By group and kind."""

_CUSTOM: Final = Printer(columns.CUSTOM, _print_any)


def printer_of(resource: Resource) -> Printer:
    """Find how a resource type is shown.

    Parameters
    ----------
    resource : Resource

    Returns
    -------
    Printer
        Name and age, of what has no printer of its own.
    """
    return PRINTERS.get((resource.group, resource.kind), _CUSTOM)
