"""What ``kubectl get pods`` shows of a pod: how many are ready, its status, its restarts.

References
----------
kubernetes 1.37, ``pkg/printers/internalversion/printers.go``, ``printPod``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from kwlab.server.ages import since
from kwlab.wire import Row

NONE: Final = "<none>"

_FINISHED: Final[Mapping[str, str]] = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}


class Metadata(msgspec.Struct, rename="camel", frozen=True):
    """The part of an object's metadata that a row shows."""

    name: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None


class Printed(msgspec.Struct, frozen=True):
    """The part of any object that a row shows."""

    metadata: Metadata = Metadata()


class _Waiting(msgspec.Struct, frozen=True):
    reason: str = ""


class _Terminated(msgspec.Struct, rename="camel", frozen=True):
    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    finished_at: datetime | None = None

    @property
    def why(self) -> str:
        if self.reason:
            return self.reason
        return f"Signal:{self.signal}" if self.signal else f"ExitCode:{self.exit_code}"


class _State(msgspec.Struct, frozen=True):
    waiting: _Waiting | None = None
    running: dict[str, Any] | None = None
    terminated: _Terminated | None = None


class _Container(msgspec.Struct, rename="camel", frozen=True):
    name: str
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    state: _State = _State()
    last_state: _State = _State()


class _Condition(msgspec.Struct, frozen=True):
    type: str = ""
    status: str = ""
    reason: str = ""


class _Ip(msgspec.Struct, frozen=True):
    ip: str = ""


class _Status(msgspec.Struct, rename="camel", frozen=True):
    phase: str = ""
    reason: str = ""
    conditions: list[_Condition] = []
    init_container_statuses: list[_Container] = []
    container_statuses: list[_Container] = []
    nominated_node_name: str = ""
    pod_ips: list[_Ip] = msgspec.field(default_factory=list, name="podIPs")

    def is_true(self, condition: str) -> bool:
        """Tell whether the first condition of a type holds."""
        return next((c.status for c in self.conditions if c.type == condition), "") == "True"


class _Specified(msgspec.Struct, rename="camel", frozen=True):
    name: str = ""
    restart_policy: str = ""


class _Gate(msgspec.Struct, rename="camel", frozen=True):
    condition_type: str = ""


class _Spec(msgspec.Struct, rename="camel", frozen=True):
    containers: list[_Specified] | None = None
    init_containers: list[_Specified] = []
    node_name: str = ""
    readiness_gates: list[_Gate] = []

    @property
    def sidecars(self) -> frozenset[str]:
        """Give the init containers that stay."""
        return frozenset(c.name for c in self.init_containers if c.restart_policy == "Always")


class _Pod(Printed, frozen=True):
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _Seen(msgspec.Struct, frozen=True):
    """Hold what the containers say together."""

    reason: str
    ready: int
    restarted: Sequence[_Container]
    is_initializing: bool = False


_decode = msgspec.json.Decoder(_Pod).decode


def print_pod(data: bytes, now: datetime | None) -> Row:
    """Print a pod.

    Parameters
    ----------
    data : bytes
        The pod's JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        Name, ready, status, restarts, age, IP, node, nominated node, readiness gates.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in a pod.
    """
    pod = _decode(data)
    spec, status = pod.spec, pod.status
    seen = _initialized(spec, status)
    if not seen.is_initializing or status.is_true("Initialized"):
        seen = _run(spec, status, seen)
    total = len(spec.containers or ()) + len(spec.sidecars)
    cells = (
        pod.metadata.name,
        f"{seen.ready}/{total}",
        _at_the_end(pod, seen.reason),
        _restarts(seen.restarted, now),
        since(pod.metadata.creation_timestamp, now),
        next((one.ip for one in status.pod_ips), "") or NONE,
        spec.node_name or NONE,
        status.nominated_node_name or NONE,
        _gates(spec, status),
    )
    return Row(cells, _conditions(status.phase))


def _before(status: _Status) -> str:
    """Say what the pod says of itself, before its containers are asked."""
    for condition in status.conditions:
        if (condition.type, condition.reason) == ("PodScheduled", "SchedulingGated"):
            return condition.reason
    return status.reason or status.phase


def _initialized(spec: _Spec, status: _Status) -> _Seen:
    ready = 0
    statuses = status.init_container_statuses
    for place, container in enumerate(statuses):
        ended = container.state.terminated
        if ended and ended.exit_code == 0:
            continue
        if container.name in spec.sidecars and container.started:
            ready += container.ready
            continue
        waiting = container.state.waiting
        if ended:
            why = ended.why
        elif waiting and waiting.reason not in {"", "PodInitializing"}:
            why = waiting.reason
        else:
            why = f"{place}/{len(spec.init_containers)}"
        return _Seen(f"Init:{why}", ready, statuses[: place + 1], is_initializing=True)
    return _Seen(_before(status), ready, statuses)


def _run(spec: _Spec, status: _Status, seen: _Seen) -> _Seen:
    reason, failure, running = seen.reason, "", 0
    for container in reversed(status.container_statuses):
        state = container.state
        if state.waiting and state.waiting.reason:
            reason = state.waiting.reason
        elif state.terminated:
            reason = state.terminated.why
            failure = reason if state.terminated.exit_code else failure
        elif container.ready and state.running is not None:
            running += 1
    if reason == "Completed":
        reason = _completed(status, failure, has_running=running > 0)
    stay = [container for container in seen.restarted if container.name in spec.sidecars]
    return _Seen(reason, seen.ready + running, [*stay, *status.container_statuses])


def _completed(status: _Status, failure: str, *, has_running: bool) -> str:
    """Say what a pod is of whose containers one has completed."""
    if has_running and status.is_true("Ready"):
        return "Running"
    return failure or ("NotReady" if has_running else "Completed")


def _at_the_end(pod: _Pod, reason: str) -> str:
    if pod.metadata.deletion_timestamp is None:
        return reason
    if pod.status.reason == "NodeLost":
        return "Unknown"
    return reason if pod.status.phase in _FINISHED else "Terminating"


def _restarts(containers: Iterable[_Container], now: datetime | None) -> str:
    seen = list(containers)
    count = sum(container.restart_count for container in seen)
    ends = (container.last_state.terminated for container in seen)
    last = max((end.finished_at for end in ends if end and end.finished_at), default=None)
    return f"{count} ({since(last, now)} ago)" if count and last else str(count)


def _gates(spec: _Spec, status: _Status) -> str:
    gates = spec.readiness_gates
    true = sum(status.is_true(gate.condition_type) for gate in gates)
    return f"{true}/{len(gates)}" if gates else NONE


def _conditions(phase: str) -> list[dict[str, Any]]:
    if phase not in _FINISHED:
        return []
    message = _FINISHED[phase]
    return [{"type": "Completed", "status": "True", "reason": phase, "message": message}]
