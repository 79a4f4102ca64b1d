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
from kwlab.server import columns
from kwlab.server.ages import human_duration, since
from kwlab.server.pod_printer import NONE, print_pod
from kwlab.wire import Cell, Column, Row, identify

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
            rest: list[Cell] = [INVALID] * (len(self.columns) - 1)
            return Row((identify(data).name, *rest))


class _Metadata(msgspec.Struct, rename="camel", frozen=True):
    name: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None


class _Any(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()


class _ConfigMap(_Any, rename="camel", frozen=True):
    data: dict[str, Any] | None = None
    binary_data: dict[str, Any] | None = None


class _Phase(msgspec.Struct, frozen=True):
    phase: str = ""


class _Namespace(_Any, frozen=True):
    status: _Phase = _Phase()


class _Expression(msgspec.Struct, frozen=True):
    key: str
    operator: str
    values: list[str] | None = None

    def __str__(self) -> str:
        match self.operator:
            case "Exists":
                return self.key
            case "DoesNotExist":
                return f"!{self.key}"
            case _:
                values = ",".join(sorted(self.values or ()))
                return f"{self.key} {self.operator.lower()} ({values})"


class _Selector(msgspec.Struct, rename="camel", frozen=True):
    match_labels: dict[str, str] | None = None
    match_expressions: list[_Expression] | None = None

    def __str__(self) -> str:
        said = [(key, f"{key}={value}") for key, value in (self.match_labels or {}).items()]
        said += [(each.key, str(each)) for each in self.match_expressions or ()]
        return ",".join(text for _, text in sorted(said, key=lambda pair: pair[0]))


class _Container(msgspec.Struct, frozen=True):
    name: str = ""
    image: str = ""


class _PodSpec(msgspec.Struct, frozen=True):
    containers: list[_Container] | None = None


class _Template(msgspec.Struct, frozen=True):
    spec: _PodSpec = _PodSpec()


class _Spec(msgspec.Struct, frozen=True):
    replicas: int = 0
    completions: int | None = None
    parallelism: int | None = None
    selector: _Selector | None = None
    template: _Template = _Template()

    @property
    def wide(self) -> tuple[str, str, str]:
        """Give the names and images of the containers, and the selector."""
        containers = self.template.spec.containers or ()
        names = ",".join(container.name for container in containers)
        images = ",".join(container.image for container in containers)
        return names, images, str(self.selector or "")


class _Condition(msgspec.Struct, frozen=True):
    type: str = ""
    status: str = ""


class _Status(msgspec.Struct, rename="camel", frozen=True):
    replicas: int = 0
    ready_replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    succeeded: int = 0
    start_time: datetime | None = None
    completion_time: datetime | None = None
    conditions: list[_Condition] | None = None

    def is_true(self, condition: str) -> bool:
        """Tell whether the first condition of a type holds."""
        found = (c.status for c in self.conditions or () if c.type == condition)
        return next(found, "") == "True"


class _Workload(_Any, frozen=True):
    spec: _Spec = _Spec()
    status: _Status = _Status()


_decode_any = msgspec.json.Decoder(_Any).decode
_decode_map = msgspec.json.Decoder(_ConfigMap).decode
_decode_namespace = msgspec.json.Decoder(_Namespace).decode
_decode_workload = msgspec.json.Decoder(_Workload).decode


def _print_any(data: bytes, now: datetime | None) -> Row:
    metadata = _decode_any(data).metadata
    return Row((metadata.name, since(metadata.creation_timestamp, now)))


def _print_config_map(data: bytes, now: datetime | None) -> Row:
    seen = _decode_map(data)
    count = len(seen.data or ()) + len(seen.binary_data or ())
    return Row((seen.metadata.name, count, since(seen.metadata.creation_timestamp, now)))


def _print_namespace(data: bytes, now: datetime | None) -> Row:
    seen = _decode_namespace(data)
    age = since(seen.metadata.creation_timestamp, now)
    return Row((seen.metadata.name, seen.status.phase, age))


def _print_deployment(data: bytes, now: datetime | None) -> Row:
    seen = _decode_workload(data)
    status = seen.status
    ready = f"{status.ready_replicas}/{seen.spec.replicas}"
    age = since(seen.metadata.creation_timestamp, now)
    counts = (status.updated_replicas, status.available_replicas)
    return Row((seen.metadata.name, ready, *counts, age, *seen.spec.wide))


def _print_replica_set(data: bytes, now: datetime | None) -> Row:
    seen = _decode_workload(data)
    counts = (seen.spec.replicas, seen.status.replicas, seen.status.ready_replicas)
    age = since(seen.metadata.creation_timestamp, now)
    *containers, selector = seen.spec.wide
    return Row((seen.metadata.name, *counts, age, *containers, selector or NONE))


def _print_job(data: bytes, now: datetime | None) -> Row:
    seen = _decode_workload(data)
    spec, status = seen.spec, seen.status
    many = (spec.parallelism or 0) > 1
    wanted = f"1 of {spec.parallelism}" if many else "1"
    if spec.completions is not None:
        wanted = str(spec.completions)
    *containers, selector = spec.wide
    cells = (
        seen.metadata.name,
        _job_state(seen),
        f"{status.succeeded}/{wanted}",
        _job_duration(status, now),
        since(seen.metadata.creation_timestamp, now),
        *containers,
        selector or NONE,
    )
    return Row(cells)


def _job_state(job: _Workload) -> str:
    ended = next(filter(job.status.is_true, ("Complete", "Failed")), "")
    if ended or job.metadata.deletion_timestamp is not None:
        return ended or "Terminating"
    later = ("Suspended", "FailureTarget", "SuccessCriteriaMet")
    return next(filter(job.status.is_true, later), "Running")


def _job_duration(status: _Status, now: datetime | None) -> str:
    if status.start_time is None:
        return ""
    if status.completion_time is None:
        return since(status.start_time, now)
    return human_duration((status.completion_time - status.start_time).total_seconds())


PRINTERS: Final[Mapping[tuple[str, str], Printer]] = {
    ("", "ConfigMap"): Printer(columns.CONFIG_MAPS, _print_config_map),
    ("", "Namespace"): Printer(columns.NAMESPACES, _print_namespace),
    ("", "Pod"): Printer(columns.PODS, print_pod),
    ("apps", "Deployment"): Printer(columns.DEPLOYMENTS, _print_deployment),
    ("apps", "ReplicaSet"): Printer(columns.REPLICA_SETS, _print_replica_set),
    ("batch", "Job"): Printer(columns.JOBS, _print_job),
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
