"""What a watch is told of a history: only that which it asks about.

The server knows everything that was recorded. What a watch function did not ask for, nobody owes
it, so that it is neither counted nor drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from kwlab.history import History, Object, Resource, narrowed, told
from kwlab.log import Log
from kwlab.scope import PATH, Scope, everything, scopes
from kwlab.server import selectors

Selects: TypeAlias = Callable[[Object], bool]


def told_to(scope: Scope, history: History) -> History | None:
    """Give a history as whoever watches this alone is told it, with numbers of its own.

    Parameters
    ----------
    scope : Scope
    history : History

    Returns
    -------
    History or None
        With one resource type; None when it has nothing of the kind, or a selector that the
        server would not read.
    """
    found = _selection(scope, history)
    if found is None:
        return None
    resource, selects = found
    return replace(narrowed(history, selects), resources=(resource,))


def watched_by(log: Log, history: History) -> History:
    """Give the part of a history that a watcher was to ask about: what it asked for at first.

    Parameters
    ----------
    log : Log
    history : History

    Returns
    -------
    History
        The whole where it asked about all of it, or for no watch at all. A part has nothing in it
        where nothing of the kind was recorded. Its changes keep the numbers of the whole, which
        alone names its moments.
    """
    asked = scopes(log.attempts)
    if not asked:
        return history
    found = [one for scope in asked if (one := _selection(scope, history)) is not None]
    resources = tuple(r for r in history.resources if any(r == one for one, _ in found))

    def selects(item: Object) -> bool:
        return any(each(item) for _, each in found)

    if resources == history.resources and all(map(selects, everything(history))):
        return history
    return replace(_part(history, selects), resources=resources)


def _part(history: History, selects: Selects) -> History:
    part = narrowed(history, selects)
    kept = (change for change in history.changes if told(change, selects) is not None)
    pairs = zip(part.changes, kept, strict=True)
    return replace(part, changes=tuple(replace(c, number=whole.number) for c, whole in pairs))


def selected_by(scope: Scope, resource: Resource) -> Selects:
    """Give what tells whether an object is watched.

    Parameters
    ----------
    scope : Scope
    resource : Resource
        What the path names.

    Returns
    -------
    callable
        From an Object of any type.

    Raises
    ------
    SelectorError
        When the server would not read a selector.
    """
    found = PATH.fullmatch(scope.path)
    namespace = found["namespace"] if found else None
    by_label = selectors.label_selector(scope.labels)
    by_field = selectors.field_selector(scope.fields, resource)

    def is_watched(item: Object) -> bool:
        is_here = item.resource == resource and namespace in {None, item.namespace}
        return is_here and by_label(item) and by_field(item)

    return is_watched


def _selection(scope: Scope, history: History) -> tuple[Resource, Selects] | None:
    found = PATH.fullmatch(scope.path)
    resource = _resource(found, history.resources) if found else None
    if resource is None:
        return None
    try:
        return resource, selected_by(scope, resource)
    except selectors.SelectorError:
        return None


def _resource(found: re.Match[str], resources: Iterable[Resource]) -> Resource | None:
    named = found["group"] or "", found["version"], found["plural"]
    return next((r for r in resources if (r.group, r.version, r.plural) == named), None)
