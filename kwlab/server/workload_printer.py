"""What ``kubectl get`` shows of what makes pods: how many are wanted and there, and from what.

References
----------
kubernetes 1.37, ``pkg/printers/internalversion/printers.go``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from kwlab.server.ages import human_duration, since
from kwlab.server.printed import NONE, UNSET, Printed, as_selector
from kwlab.wire import Row


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


class _PodSpec(msgspec.Struct, rename="camel", frozen=True):
    containers: list[_Container] | None = None
    node_selector: dict[str, str] | None = None


class _Template(msgspec.Struct, frozen=True):
    spec: _PodSpec = _PodSpec()

    @property
    def containers(self) -> tuple[str, str]:
        """Give the names and the images of the containers."""
        containers = self.spec.containers or ()
        names = ",".join(container.name for container in containers)
        return names, ",".join(container.image for container in containers)


class _Spec(msgspec.Struct, frozen=True):
    replicas: int = 0
    completions: int | None = None
    parallelism: int | None = None
    selector: _Selector | None = None
    template: _Template = _Template()

    @property
    def wide(self) -> tuple[str, str, str]:
        """Give the names and images of the containers, and the selector."""
        return *self.template.containers, str(self.selector or "") or NONE


class _JobTemplate(msgspec.Struct, frozen=True):
    spec: _Spec = _Spec()


class _Schedule(msgspec.Struct, rename="camel", frozen=True):
    schedule: str = ""
    time_zone: str | None = None
    suspend: bool | None = None
    job_template: _JobTemplate = _JobTemplate()


class _Condition(msgspec.Struct, frozen=True):
    type: str = ""
    status: str = ""


class _Status(msgspec.Struct, rename="camel", frozen=True):
    replicas: int = 0
    ready_replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    desired_number_scheduled: int = 0
    current_number_scheduled: int = 0
    number_ready: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0
    succeeded: int = 0
    start_time: datetime | None = None
    completion_time: datetime | None = None
    conditions: list[_Condition] | None = None

    def is_true(self, condition: str) -> bool:
        """Tell whether the first condition of a type holds."""
        found = (c.status for c in self.conditions or () if c.type == condition)
        return next(found, "") == "True"


class _Workload(Printed, frozen=True):
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _ScheduleStatus(msgspec.Struct, rename="camel", frozen=True):
    active: list[Any] = []
    last_schedule_time: datetime | None = None


class _CronJob(Printed, frozen=True):
    spec: _Schedule = _Schedule()
    status: _ScheduleStatus = _ScheduleStatus()


_decode = msgspec.json.Decoder(_Workload).decode
_decode_cron_job = msgspec.json.Decoder(_CronJob).decode


def print_deployment(data: bytes, now: datetime | None) -> Row:
    """Print a Deployment.

    Parameters
    ----------
    data : bytes
        Its JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        Name, ready, up-to-date, available, age, containers, images, selector.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in a Deployment.
    """
    seen = _decode(data)
    spec, status = seen.spec, seen.status
    ready = f"{status.ready_replicas}/{spec.replicas}"
    counts = (status.updated_replicas, status.available_replicas)
    selector = str(spec.selector or "")
    return Row((seen.name, ready, *counts, seen.age(now), *spec.template.containers, selector))


def print_replica_set(data: bytes, now: datetime | None) -> Row:
    """Print a ReplicaSet.

    Parameters
    ----------
    data : bytes
        Its JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        Name, desired, current, ready, age, containers, images, selector.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in a ReplicaSet.
    """
    seen = _decode(data)
    counts = (seen.spec.replicas, seen.status.replicas, seen.status.ready_replicas)
    return Row((seen.name, *counts, seen.age(now), *seen.spec.wide))


def print_stateful_set(data: bytes, now: datetime | None) -> Row:
    """Print a StatefulSet.

    Parameters
    ----------
    data : bytes
        Its JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        Name, ready, age, containers, images.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in a StatefulSet.
    """
    seen = _decode(data)
    ready = f"{seen.status.ready_replicas}/{seen.spec.replicas}"
    return Row((seen.name, ready, seen.age(now), *seen.spec.template.containers))


def print_daemon_set(data: bytes, now: datetime | None) -> Row:
    """Print a DaemonSet.

    Parameters
    ----------
    data : bytes
        Its JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        Name, desired, current, ready, up-to-date, available, node selector, age, containers,
        images, selector.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in a DaemonSet.
    """
    seen = _decode(data)
    status = seen.status
    cells = (
        seen.name,
        status.desired_number_scheduled,
        status.current_number_scheduled,
        status.number_ready,
        status.updated_number_scheduled,
        status.number_available,
        as_selector(seen.spec.template.spec.node_selector),
        seen.age(now),
        *seen.spec.wide,
    )
    return Row(cells)


def print_job(data: bytes, now: datetime | None) -> Row:
    """Print a Job.

    Parameters
    ----------
    data : bytes
        Its JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        Name, status, completions, duration, age, containers, images, selector.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in a Job.
    """
    seen = _decode(data)
    done = f"{seen.status.succeeded}/{_wanted(seen.spec)}"
    duration = _duration(seen.status, now)
    return Row((seen.name, _state(seen), done, duration, seen.age(now), *seen.spec.wide))


def _wanted(job: _Spec) -> str:
    if job.completions is not None:
        return str(job.completions)
    return f"1 of {job.parallelism}" if (job.parallelism or 0) > 1 else "1"


def _state(job: _Workload) -> str:
    ended = next(filter(job.status.is_true, ("Complete", "Failed")), "")
    if ended or job.metadata.deletion_timestamp is not None:
        return ended or "Terminating"
    later = ("Suspended", "FailureTarget", "SuccessCriteriaMet")
    return next(filter(job.status.is_true, later), "Running")


def _duration(status: _Status, now: datetime | None) -> str:
    if status.start_time is None:
        return ""
    if status.completion_time is None:
        return since(status.start_time, now)
    return human_duration((status.completion_time - status.start_time).total_seconds())


def print_cron_job(data: bytes, now: datetime | None) -> Row:
    """Print a CronJob.

    Parameters
    ----------
    data : bytes
        Its JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        Name, schedule, time zone, suspended or not, active, last schedule, age, containers,
        images, selector.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in a CronJob.
    """
    seen = _decode_cron_job(data)
    spec, status = seen.spec, seen.status
    last = status.last_schedule_time
    cells = (
        seen.name,
        spec.schedule,
        NONE if spec.time_zone is None else spec.time_zone,
        UNSET if spec.suspend is None else str(spec.suspend),
        len(status.active),
        NONE if last is None else since(last, now),
        seen.age(now),
        *spec.job_template.spec.wide,
    )
    return Row(cells)
