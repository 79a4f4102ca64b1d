"""What ``kubectl get`` shows of a PersistentVolumeClaim: its volume, and what that gives.

References
----------
kubernetes 1.37, ``pkg/printers/internalversion/printers.go``, ``printPersistentVolumeClaim``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from kwlab.server.printed import UNSET, Printed
from kwlab.wire import Row

_MODES: Final = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
"""In the order in which they are shown."""

_OLD_CLASS: Final = "volume.beta.kubernetes.io/storage-class"


class _Spec(msgspec.Struct, rename="camel", frozen=True):
    volume_name: str = ""
    volume_mode: str | None = None
    storage_class_name: str = ""
    volume_attributes_class_name: str | None = None


class _Capacity(msgspec.Struct, frozen=True):
    storage: str = "0"


class _Status(msgspec.Struct, rename="camel", frozen=True):
    phase: str = ""
    capacity: _Capacity = _Capacity()
    access_modes: list[str] = []


class _Claim(Printed, frozen=True):
    spec: _Spec = _Spec()
    status: _Status = _Status()


_decode = msgspec.json.Decoder(_Claim).decode


def print_claim(data: bytes, now: datetime | None) -> Row:
    """Print a claim.

    Parameters
    ----------
    data : bytes
        The claim's JSON.
    now : datetime or None
        None where nobody knows.

    Returns
    -------
    Row
        Name, status, volume, capacity, access modes, storage class, class of the volume's
        attributes, age, mode of the volume.

    Raises
    ------
    msgspec.ValidationError
        When a field is not what it is in a claim.
    """
    claim = _decode(data)
    spec, status = claim.spec, claim.status
    modes = ",".join(short for mode, short in _MODES.items() if mode in status.access_modes)
    cells = (
        claim.name,
        status.phase if claim.metadata.deletion_timestamp is None else "Terminating",
        spec.volume_name,
        status.capacity.storage if spec.volume_name else "",
        modes if spec.volume_name else "",
        (claim.metadata.annotations or {}).get(_OLD_CLASS, spec.storage_class_name),
        UNSET if spec.volume_attributes_class_name is None else spec.volume_attributes_class_name,
        claim.age(now),
        UNSET if spec.volume_mode is None else spec.volume_mode,
    )
    return Row(cells)
