"""What a request asks about: a resource type, where, and which objects of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from kwlab.history import History, Object, Resource, narrowed
from kwlab.log import Request
from kwlab.server import selectors

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

    def __str__(self) -> str:
        return "?".join(
            filter(None, (self.path, "&".join(filter(None, (self.labels, self.fields)))))
        )

    def told(self, history: History) -> History | None:
        """Give a history as whoever watches this is told it.

        Parameters
        ----------
        history : History

        Returns
        -------
        History or None
            With one resource type; None when it has nothing of the kind, or a selector that the
            server would not read.
        """
        found = PATH.fullmatch(self.path)
        if found is None:
            return None
        resource = _resource(found, history)
        if resource is None:
            return None
        try:
            by_label = selectors.label_selector(self.labels)
            by_field = selectors.field_selector(self.fields, resource)
        except selectors.SelectorError:
            return None
        namespace = found["namespace"]

        def selects(item: Object) -> bool:
            is_here = item.resource == resource and namespace in {None, item.namespace}
            return is_here and by_label(item) and by_field(item)

        return replace(narrowed(history, selects), resources=(resource,))


def _resource(found: re.Match[str], history: History) -> Resource | None:
    named = found["group"] or "", found["version"], found["plural"]
    return next((r for r in history.resources if (r.group, r.version, r.plural) == named), None)
