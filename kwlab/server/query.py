"""The query of a list or watch: read and checked in the server's order, refused in its words.

References
----------
kube-apiserver 1.37: ``apiserver/pkg/endpoints/handlers/get.go`` (the order) and
``apimachinery/pkg/apis/meta/internalversion/validation/validation.go`` (the rules).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from kwlab.history import Object, Resource
from kwlab.server import selectors
from kwlab.server.exchange import Refusal, Request
from kwlab.server.quoting import quoted
from kwlab.server.watchcache import parse_version

EXACT: Final = "Exact"
NOT_OLDER_THAN: Final = "NotOlderThan"

_INT64: Final = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Scope:
    """Say what a list or watch selects; equal where the same was asked.

    Parameters
    ----------
    resource : Resource
    namespace : str or None
        None for all.
    labels, fields : str
        The selectors; empty for none.
    selects : callable
        From an Object to whether the selectors take it.
    """

    resource: Resource
    namespace: str | None
    labels: str
    fields: str
    selects: Callable[[Object], bool] = field(compare=False)

    @property
    def is_everything(self) -> bool:
        """Tell whether there is no selector."""
        return not self.labels and not self.fields


@dataclass(frozen=True, slots=True)
class Query:
    """Hold the parameters of a list or watch, each of them well formed.

    Parameters
    ----------
    is_watch : bool
    resource_version : str
        As sent, empty for none: what is wrong with it, the handlers say in words of their own.
    match : str
        ``resourceVersionMatch``; empty for none.
    timeout_seconds : int or None
        None or 0 for the server's choice.
    limit : int
        0 for none.
    token : str
        ``continue``; empty for none.
    sends_initial : bool or None
        ``sendInitialEvents``.
    bookmarks : bool
        ``allowWatchBookmarks``.
    """

    is_watch: bool
    resource_version: str
    match: str
    timeout_seconds: int | None
    limit: int
    token: str
    sends_initial: bool | None
    bookmarks: bool

    @property
    def version(self) -> int | None:
        """Read the resourceVersion; None when none was sent.

        Raises
        ------
        Refusal
            500, as watch and get do; a list says 400.
        """
        if not self.resource_version:
            return None
        try:
            return parse_version(self.resource_version)
        except ValueError as error:
            raise Refusal(500, "", str(error)) from None


def read(request: Request, *, is_watch: bool) -> Query:
    """Read and check the parameters of a list or watch.

    Parameters
    ----------
    request : Request
    is_watch : bool
        Whether the path is one of the old ``/watch/`` ones.

    Returns
    -------
    Query

    Raises
    ------
    Refusal
        400 for what cannot be read, 422 for what may not stand together. Whether the fields of
        a selector are known is asked later.
    """
    asked = request.get("sendInitialEvents") is not None
    query = Query(
        is_watch=is_watch or request.flag("watch"),
        resource_version=request.get("resourceVersion") or "",
        match=request.get("resourceVersionMatch") or "",
        timeout_seconds=_integer(request, "timeoutSeconds"),
        limit=_integer(request, "limit") or 0,
        token=request.get("continue") or "",
        sends_initial=request.flag("sendInitialEvents") if asked else None,
        bookmarks=request.flag("allowWatchBookmarks"),
    )
    try:
        selectors.label_selector(request.get("labelSelector") or "")
        selectors.field_requirements(request.get("fieldSelector") or "")
    except selectors.SelectorError as error:
        raise Refusal(400, "BadRequest", str(error)) from None
    faults = list(_watch_faults(query) if query.is_watch else _list_faults(query))
    if faults:
        raise _invalid(faults)
    return query


def read_version(request: Request) -> int | None:
    """Read the resourceVersion of a get; None when none was sent.

    Parameters
    ----------
    request : Request

    Returns
    -------
    int or None

    Raises
    ------
    Refusal
        500, when it is no number.
    """
    text = request.get("resourceVersion") or ""
    return Query(False, text, "", None, 0, "", None, False).version


def read_scope(request: Request, resource: Resource, namespace: str | None, name: str) -> Scope:
    """Read what a list or watch selects.

    Parameters
    ----------
    request : Request
    resource : Resource
    namespace : str or None
    name : str
        The one object of an old ``/watch/`` path; empty for none.

    Returns
    -------
    Scope

    Raises
    ------
    Refusal
        400, when a selector cannot be read, or asks for other objects than the one.
    """
    labels, fields = request.get("labelSelector") or "", request.get("fieldSelector") or ""
    try:
        if name and not selectors.field_requirements(fields):
            fields = selectors.of_name(name)
        by_label = selectors.label_selector(labels)
        by_field = selectors.field_selector(fields, resource)
    except selectors.SelectorError as error:
        raise Refusal(400, "BadRequest", str(error)) from None
    if name and selectors.required_name(fields) != name:
        message = "fieldSelector metadata.name doesn't match requested name"
        raise Refusal(400, "BadRequest", message)
    return Scope(resource, namespace, labels, fields, lambda o: by_label(o) and by_field(o))


def _integer(request: Request, name: str) -> int | None:
    text = request.get(name)
    if text is None:
        return None
    digits = text[1:] if text[:1] in {"-", "+"} else text
    is_number = digits.isascii() and digits.isdecimal()
    # Python reads no number of more than 4,300 digits, zeros in front included.
    significant = digits.lstrip("0") or "0"
    if is_number and len(significant) < 20:
        number = -int(significant) if text[0] == "-" else int(significant)
        if number in _INT64:
            return number
    reason = "value out of range" if is_number else "invalid syntax"
    raise Refusal(400, "BadRequest", f"strconv.ParseInt: parsing {quoted(text)}: {reason}")


_Fault = tuple[str, str, str]
"""The reason of a cause, the field, and the message."""


def _forbidden(field: str, message: str) -> _Fault:
    return "FieldValueForbidden", field, f"Forbidden: {message}"


def _unsupported(value: str, *known: str) -> _Fault:
    listed = ", ".join(f'"{one}"' for one in known)
    message = f"Unsupported value: {quoted(value)}: supported values: {listed}"
    return "FieldValueNotSupported", "resourceVersionMatch", message


def _watch_faults(query: Query) -> list[_Fault]:
    match, faults = query.match, []
    if query.sends_initial is not None and match != NOT_OLDER_THAN:
        text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        faults.append(_forbidden("resourceVersionMatch", text))
    if match and query.sends_initial is None:
        text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        faults.append(_forbidden("resourceVersionMatch", text))
    if match and match != NOT_OLDER_THAN:
        faults.append(_unsupported(match, NOT_OLDER_THAN))
    # A watch of the present is made one with sendInitialEvents, and so with a match, before that.
    is_implied = query.sends_initial is None and query.resource_version in {"", "0"}
    return faults + _continue_faults(query.token, has_match=bool(match) or is_implied)


def _list_faults(query: Query) -> list[_Fault]:
    match, faults = query.match, []
    if match and not query.resource_version:
        text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        faults.append(_forbidden("resourceVersionMatch", text))
    faults += _continue_faults(query.token, has_match=bool(match))
    if match not in {"", EXACT, NOT_OLDER_THAN}:
        faults.append(_unsupported(match, EXACT, NOT_OLDER_THAN, ""))
    if match == EXACT and query.resource_version == "0":
        text = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        faults.append(_forbidden("resourceVersionMatch", text))
    if query.sends_initial is not None:
        faults.append(_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return faults


def _continue_faults(token: str, *, has_match: bool) -> list[_Fault]:
    if not (has_match and token):
        return []
    text = "resourceVersionMatch is forbidden when continue is provided"
    return [_forbidden("resourceVersionMatch", text)]


def _invalid(faults: list[_Fault]) -> Refusal:
    causes = [
        {"reason": reason, "message": message, "field": field} for reason, field, message in faults
    ]
    details = {"group": "meta.k8s.io", "kind": "ListOptions", "causes": causes}
    listed = ", ".join(f"{field}: {message}" for _, field, message in faults)
    text = listed if len(faults) == 1 else f"[{listed}]"
    return Refusal(422, "Invalid", f'ListOptions.meta.k8s.io "" is invalid: {text}', details)
