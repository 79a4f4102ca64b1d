"""What a real server will send to a watch, told from the request and from what has happened.

It is waited for, so that everybody has read what there is to read. A guess that is too small costs
nothing but a moment; one that is too large costs a wait.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from kwlab.history import Change, History, Object, Resource, told
from kwlab.log import Request
from kwlab.server import selectors

_PATH: Final = re.compile(
    r"/(?:api|apis/[^/]+)/[^/]+(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)"
)


def sent_at_first(request: Request, past: History) -> set[str]:
    """Give the resourceVersions that a watch is sent when it begins.

    Parameters
    ----------
    request : Request
    past : History
        All that has happened so far.

    Returns
    -------
    set of str
        The present, or what was after the resourceVersion that it asks for. Empty for a watch of
        something else.
    """
    if _is_from(request) is None:
        selects = _selects(request, past.resources[0])
        present = past.state(len(past.changes)).values()
        return {item.resource_version for item in present if selects(item)}
    return sent_later(request, past.changes, past.resources[0])


def sent_later(request: Request, changes: Iterable[Change], resource: Resource) -> set[str]:
    """Give the resourceVersions that an open watch is sent as changes happen.

    Parameters
    ----------
    request : Request
    changes : iterable of Change
    resource : Resource
        What changes.

    Returns
    -------
    set of str
        Empty for a watch of something else.
    """
    selects = _selects(request, resource)
    start = _is_from(request) or ""
    seen = (each for each in changes if told(each, selects) is not None)
    return {
        each.object.resource_version for each in seen if _rises(start, each.object.resource_version)
    }


def _is_from(request: Request) -> str | None:
    """Give where a watch begins; None for the present."""
    asked = request.parameter("resourceVersion")
    return None if asked in {None, "", "0"} else asked


def _selects(request: Request, resource: Resource) -> Callable[[Object], bool]:
    found = _PATH.fullmatch(request.path)
    if not request.is_watch or found is None or found["plural"] != resource.plural:
        return _nothing
    namespace = found["namespace"]
    try:
        labels = selectors.label_selector(request.parameter("labelSelector") or "")
        fields = selectors.field_selector(request.parameter("fieldSelector") or "", resource)
    except selectors.SelectorError:
        return _nothing
    return lambda item: namespace in {None, item.namespace} and labels(item) and fields(item)


def _nothing(_item: Object) -> bool:
    return False


def _rises(earlier: str, later: str) -> bool:
    """Compare as KEP-5504 says, without reading a number: the longer one, else by digits."""
    return (len(earlier), earlier) < (len(later), later)
