"""Histories of any size for tests, made of the shipped pods."""

from __future__ import annotations

import functools
from typing import Final

from kwlab import history, recording
from kwlab.history import History, Resource
from kwlab.made import Step, made

NAMESPACE: Final = "kwlab-churn"
PODS_PATH: Final = f"/api/v1/namespaces/{NAMESPACE}/pods"
MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment")
NODES: Final = Resource("", "v1", "nodes", "Node", is_namespaced=False)


@functools.cache
def shipped(name: str) -> History:
    return history.from_recording(recording.load(recording.shipped()[name]))


def pods(*steps: Step, existing: tuple[str, ...] = (), seconds: float = 600.0) -> History:
    return made(
        shipped("pods-churn"),
        steps,
        existing=existing,
        seconds=seconds,
        resources=(MAPS, DEPLOYMENTS, NODES),
    )


def busy(count: int, *, apart: float, start: float = 0.0, resource: str = "pods") -> list[Step]:
    """Modify one object again and again."""
    first = Step(start + apart, "add", "busy", resource=resource)
    return [first] + [
        Step(start + apart * n, "modify", "busy", resource=resource) for n in range(2, count + 1)
    ]
