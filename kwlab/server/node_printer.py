"""What ``kubectl get nodes`` shows of a node: whether it is ready, its roles, addresses, software.

References
----------
kubernetes 1.37, ``pkg/printers/internalversion/printers.go``, ``printNode``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from kwlab.server.ages import UNKNOWN
from kwlab.server.printed import NONE, Printed
from kwlab.wire import Row

_ROLE_PREFIX: Final = "node-role.kubernetes.io/"
_ROLE: Final = "kubernetes.io/role"


class _Spec(msgspec.Struct, frozen=True):
    unschedulable: bool = False


class _Condition(msgspec.Struct, frozen=True):
    type: str = ""
    status: str = ""


class _Address(msgspec.Struct, frozen=True):
    type: str = ""
    address: str = ""


class _Software(msgspec.Struct, rename="camel", frozen=True):
    kubelet_version: str = ""
    os_image: str = ""
    kernel_version: str = ""
    container_runtime_version: str = ""
    architecture: str = ""


class _Status(msgspec.Struct, rename="camel", frozen=True):
    conditions: list[_Condition] = []
    addresses: list[_Address] = []
    node_info: _Software = _Software()

    def address(self, kind: str) -> str:
        """Give the first address of a kind."""
        return next((one.address for one in self.addresses if one.type == kind), NONE)


class _Node(Printed, frozen=True):
    spec: _Spec = _Spec()
    status: _Status = _Status()


_decode = msgspec.json.Decoder(_Node).decode


def print_node(data: bytes, now: datetime | None) -> Row:
    """Print a node.

    Parameters
    ----------
    data : bytes
        The node's JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        Name, status, roles, age, version, internal and external IP, OS image, kernel version,
        container runtime.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in a node.
    """
    node = _decode(data)
    software = node.status.node_info
    machine = f" ({software.architecture})" if software.architecture else ""
    cells = (
        node.name,
        _state(node),
        _roles(node.metadata.labels or {}),
        node.age(now),
        software.kubelet_version,
        node.status.address("InternalIP"),
        node.status.address("ExternalIP"),
        software.os_image or UNKNOWN,
        (software.kernel_version or UNKNOWN) + machine,
        software.container_runtime_version or UNKNOWN,
    )
    return Row(cells)


def _state(node: _Node) -> str:
    conditions = {condition.type: condition.status for condition in node.status.conditions}
    state = "Unknown"
    if "Ready" in conditions:
        state = "Ready" if conditions["Ready"] == "True" else "NotReady"
    return f"{state},SchedulingDisabled" if node.spec.unschedulable else state


def _roles(labels: Mapping[str, str]) -> str:
    roles = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    return ",".join(sorted((roles | {labels.get(_ROLE, "")}) - {""})) or NONE
