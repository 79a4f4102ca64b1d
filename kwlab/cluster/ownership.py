"""What is ours on a cluster, and how anybody can tell: one label."""

from __future__ import annotations

from typing import Any, Final

from kwlab.wire import WatchEvent

LABEL: Final = "app.kubernetes.io/managed-by"
OWNER: Final = "kwlab"
SELECTOR: Final = f"{LABEL}={OWNER}"
"""What is ours: nothing else is changed, removed or counted."""

MADE_HERE: Final = "kwlab/made-here"
"""The annotation of a namespace that kwlab made, and so removes."""


def is_ours(event: WatchEvent) -> bool:
    """Tell whether an event is about an object that kwlab made.

    Parameters
    ----------
    event : WatchEvent

    Returns
    -------
    bool
        Also True for what is about no object: ERROR events and bookmarks.
    """
    if not event.name:
        return True
    labels = event.object.get("metadata", {}).get("labels") or {}
    return bool(labels.get(LABEL) == OWNER)


def namespace(name: str) -> dict[str, Any]:
    """Make a namespace of our own.

    Parameters
    ----------
    name : str

    Returns
    -------
    dict
    """
    about = {"name": name, "labels": {LABEL: OWNER}, "annotations": {MADE_HERE: "true"}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": about}
