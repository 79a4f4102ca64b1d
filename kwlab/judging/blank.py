"""An object of any type, with no more in it than the official client demands of one."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from kwlab.history import Resource

CREATED: Final = "2026-01-01T00:00:00Z"
_ABOUT: Final = {"apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": "default"}
_OFTEN_READ: Final[Mapping[str, Mapping[str, object]]] = {
    "events": {
        "involvedObject": _ABOUT,
        "regarding": _ABOUT,
        "reason": "Started",
        "message": "Started container web",
        "note": "Started container web",
        "type": "Normal",
        "source": {"component": "kubelet"},
        "reportingComponent": "kubelet",
    }
}
"""What code that watches a type reads, though nothing demands it; of events in either group."""
_SCALARS: Final[Mapping[object, object]] = {
    str: "kwlab",
    bytes: "a3dsYWI=",
    int: 1,
    bool: False,
    datetime: CREATED,
}


def resource_of(group: str, version: str, plural: str) -> Resource:
    """Name a resource type with its kind, as the official client spells it.

    Parameters
    ----------
    group, version, plural : str
        As in a path.

    Returns
    -------
    Resource
        Of a type that the client does not know, the kind is guessed.
    """
    name = _class_name(group, version, plural)
    kind = name.rpartition(version.capitalize())[2] or plural.removesuffix("s").capitalize()
    return Resource(group, version, plural, kind)


def blank(resource: Resource) -> dict[str, Any]:
    """Give what the client can read as an object of a type.

    Parameters
    ----------
    resource : Resource

    Returns
    -------
    dict
        Its JSON value, without a name.
    """
    import kubernetes.client

    name = _class_name(resource.group, resource.version, resource.plural)
    value = _least(getattr(kubernetes.client, name)) if name else {}
    often = _OFTEN_READ.get(resource.plural, {})
    named = {"kind": resource.kind, "apiVersion": resource.api_version}
    return {**named, "metadata": {"creationTimestamp": CREATED}, **value, **often}


def _class_name(group: str, version: str, plural: str) -> str:
    """Find the client's class, by the ways to make a plural; empty where it has none."""
    import kubernetes.client

    known = {name.lower(): name for name in dir(kubernetes.client)}
    singular = (plural, plural[:-1], plural[:-2], f"{plural[:-3]}y")
    prefixes = version, f"{group.partition('.')[0] or 'core'}{version}"
    tried = (f"{prefix}{one}" for one in singular for prefix in prefixes)
    return next((known[name] for name in tried if name in known), "")


def _least(annotation: Any) -> Any:
    """Give the least value of a type that the client's models are made of."""
    if fields := getattr(annotation, "model_fields", {}).items():
        return {f.alias or name: _least(f.annotation) for name, f in fields if f.is_required()}
    origin = typing.get_origin(annotation)
    if origin in {list, dict}:
        return origin()
    if origin is not None:  # Annotated and Optional
        return _least(typing.get_args(annotation)[0])
    return _SCALARS.get(annotation, {})
