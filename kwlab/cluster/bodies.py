"""What kwlab writes on a cluster: objects that nobody else has a hand in, all with one label.

Pods name a scheduler that nobody serves, so no kubelet ever starts them or touches their status.
They keep the strictest Pod Security Standard and a quota all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from kwlab.cluster.ownership import LABEL, OWNER
from kwlab.history import Change, Object

SCHEDULER: Final = "kwlab-nobody"

_CHANGE: Final = "kwlab/change"


class _Metadata(msgspec.Struct):
    labels: dict[str, str] | None = None
    deletion_timestamp: str | None = msgspec.field(default=None, name="deletionTimestamp")


class _Object(msgspec.Struct):
    metadata: _Metadata


_decode = msgspec.json.Decoder(_Object).decode


def is_ending(change: Change) -> bool:
    """Tell whether a change is the first half of a deletion.

    Parameters
    ----------
    change : Change

    Returns
    -------
    bool
    """
    return _decode(change.object.data).metadata.deletion_timestamp is not None


def created(item: Object) -> dict[str, Any]:
    """Make what stands for an object of a story on a cluster.

    Parameters
    ----------
    item : Object
        A pod or a config map.

    Returns
    -------
    dict
        Under its name and with its labels; the rest is ours.
    """
    about = {"name": item.name, "labels": {**_labels(item), LABEL: OWNER}}
    rest = {"spec": _POD} if item.resource.kind == "Pod" else {"data": {}}
    return {
        "apiVersion": item.resource.api_version,
        "kind": item.resource.kind,
        "metadata": about,
        **rest,
    }


def patched(change: Change, uid: str) -> dict[str, Any]:
    """Make a patch that surely changes an object, and brings it the labels of the story.

    Parameters
    ----------
    change : Change
    uid : str
        Of the object on the cluster: another one of that name is not patched.

    Returns
    -------
    dict
    """
    before = _labels(change.previous) if change.previous else {}
    labels: dict[str, str | None] = dict.fromkeys(before)
    labels |= {**_labels(change.object), LABEL: OWNER}
    marked = {_CHANGE: str(change.number)}
    return {"metadata": {"uid": uid, "labels": labels, "annotations": marked}}


def _labels(item: Object) -> Mapping[str, str]:
    return _decode(item.data).metadata.labels or {}


_SMALL: Final = {"cpu": "1m", "memory": "1Mi"}
_POD: Final[dict[str, Any]] = {
    "schedulerName": SCHEDULER,
    "automountServiceAccountToken": False,
    "terminationGracePeriodSeconds": 0,
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": 65535,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    "containers": [
        {
            "name": "pause",
            "image": "registry.k8s.io/pause:3.10",
            "resources": {"requests": _SMALL, "limits": _SMALL},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
        }
    ],
}
