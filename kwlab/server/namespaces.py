"""The namespaces of a history that was recorded without them.

Some clients cannot live without: kopf 1.45 waits for the resource ``namespaces`` before it watches
anything, whatever it was told to watch. They are made, and nothing ever happens to them.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Final

from kwlab import wire
from kwlab.history import History, Object, Resource
from kwlab.server.ages import began

NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", is_namespaced=False)

_VERSION: Final = "1"
"""Older than whatever was recorded."""


def with_namespaces(history: History) -> History:
    """Add the namespaces that a history's objects live in.

    Parameters
    ----------
    history : History

    Returns
    -------
    History
        The same one, when it has namespaces of its own.
    """
    if any((each.group, each.plural) == ("", NAMESPACES.plural) for each in history.resources):
        return history
    seen = (*history.objects, *(change.object for change in history.changes))
    names = sorted({item.namespace for item in seen if item.namespace})
    return replace(
        history,
        resources=(*history.resources, NAMESPACES),
        objects=(*history.objects, *(_made(name, history) for name in names)),
    )


def _made(name: str, history: History) -> Object:
    # The same name gives the same uid, so that both doors give the same bytes.
    uid = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    metadata = {"name": name, "uid": uid, "resourceVersion": _VERSION}
    if instant := began(history):
        metadata["creationTimestamp"] = instant.strftime("%Y-%m-%dT%H:%M:%SZ")
    value = {
        "kind": NAMESPACES.kind,
        "apiVersion": NAMESPACES.api_version,
        "metadata": {**metadata, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }
    return Object(NAMESPACES, "", name, uid, _VERSION, wire.encode(value))
