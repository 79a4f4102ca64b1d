"""What a request asks about, as it was written: a resource type, where, and which objects of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kwlab.history import History, Object, Resource
from kwlab.log import Attempt, Request
from kwlab.messages import say

PATH: Final = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)(?:/watch(?=/))?"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)"
)
"""The path of a list or a watch of many; of one object there is another level."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Name what a client lists and watches.

    Parameters
    ----------
    path : str
        Without the old ``/watch``.
    labels, fields : str
        The selectors as they were sent; empty for none.
    """

    path: str
    labels: str
    fields: str

    @classmethod
    def of(cls, request: Request) -> Scope:
        """Read what a request asks about.

        Parameters
        ----------
        request : Request

        Returns
        -------
        Scope
        """
        labels, fields = (request.parameter(f"{kind}Selector") or "" for kind in ("label", "field"))
        found = PATH.fullmatch(request.path)
        path = request.path.replace("/watch/", "/", 1) if found else request.path
        return cls(path, labels, fields)

    @property
    def type(self) -> str:
        """Give the path without the namespace."""
        return re.sub("/namespaces/[^/]+(?=/)", "", self.path)

    def __str__(self) -> str:
        return "?".join(
            filter(None, (self.path, "&".join(filter(None, (self.labels, self.fields)))))
        )


def scopes(attempts: Iterable[Attempt]) -> tuple[Scope, ...]:
    """Give what was to be watched: of each type what the first call asked that watched it.

    A function that later asks for a type in another namespace, or with another selector, has lost
    what it should have sent. Each is there once, in order; there is none where no watch was.
    """
    first: dict[str, int] = {}
    found: dict[Scope, None] = {}
    for number, attempt in enumerate(attempts):
        for scope in (Scope.of(request) for request in attempt.requests if request.is_watch):
            if first.setdefault(scope.type, number) == number:
                found[scope] = None
    return tuple(found)


def path_of(resource: Resource, namespace: str) -> str:
    """Give the path under which objects are listed and watched.

    Parameters
    ----------
    resource : Resource
    namespace : str
        It does not count for what is in no namespace.

    Returns
    -------
    str
    """
    prefix = f"/apis/{resource.group}" if resource.group else "/api"
    where = f"/namespaces/{namespace}" if resource.is_namespaced else ""
    return f"{prefix}/{resource.version}{where}/{resource.plural}"


def in_words(scope: Scope, history: History) -> str:
    """Say what is watched, the namespace only where it is not the one that all is in.

    Parameters
    ----------
    scope : Scope
    history : History
        All that was recorded.

    Returns
    -------
    str
        ``pods``, ``pods in default``, ``pods with app=web``: the same on a recording and on a
        cluster, whose namespace has another name.
    """
    found = PATH.fullmatch(scope.path)
    if found is None:
        return str(scope)
    spaces = namespaces(history)
    words, namespace = found["plural"], found["namespace"]
    if namespace is not None and (namespace,) != spaces:
        words = say("scope.in", what=words, namespace=namespace)
    elif namespace is None and len(spaces) > 1 and words not in _without_namespace(history):
        words = say("scope.everywhere", what=words)
    selected = ", ".join(filter(None, (scope.labels, scope.fields)))
    return say("scope.with", what=words, selector=selected) if selected else words


def watchable(history: History) -> list[str]:
    """Say what there is to be watched.

    Parameters
    ----------
    history : History

    Returns
    -------
    list of str
        ``pods in lab.namespace`` where all is in one namespace; sorted, empty where nothing is.
    """
    spaces = namespaces(history)
    there = {(item.resource.plural, item.namespace) for item in everything(history)}
    return sorted(
        say("scope.in", what=plural, namespace="lab.namespace" if len(spaces) == 1 else namespace)
        if namespace
        else plural
        for plural, namespace in there
    )


def namespaces(history: History) -> tuple[str, ...]:
    """Name the namespaces that objects are in.

    Parameters
    ----------
    history : History

    Returns
    -------
    tuple of str
        Sorted; empty where all objects are in none.
    """
    return tuple(sorted({item.namespace for item in everything(history) if item.namespace}))


def everything(history: History) -> tuple[Object, ...]:
    """Give every state of every object.

    Parameters
    ----------
    history : History

    Returns
    -------
    tuple of Object
        Those of the list, then those after each change.
    """
    return *history.objects, *(change.object for change in history.changes)


def _without_namespace(history: History) -> set[str]:
    return {resource.plural for resource in history.resources if not resource.is_namespaced}
