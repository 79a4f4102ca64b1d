"""The query of a list or watch: read and checked in the server's order, refused in its words.

References
----------
kube-apiserver 1.37: ``apiserver/pkg/endpoints/handlers/get.go`` (the order) and
``apimachinery/pkg/apis/meta/internalversion/validation/validation.go`` (the rules).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from kwlab.history import Object, Resource
from kwlab.server import selectors
from kwlab.server.exchange import Refusal, Request
from kwlab.server.watchcache import parse_version

EXACT: Final = "Exact"
NOT_OLDER_THAN: Final = "NotOlderThan"

_INT64: Final = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Scope:
    """Say what a list or watch selects.

    Parameters
    ----------
    resource : Resource
    namespace : str or None
        None for all.
    selects : callable
        From an Object to whether a selector takes it.
    is_everything : bool
        Whether there is no selector.
    """

    resource: Resource
    namespace: str | None
    selects: Callable[[Object], bool]
    is_everything: bool


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
        400 for what cannot be read, 422 for what may not stand together.
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
        400, when a selector cannot be read.
    """
    labels, fields = request.get("labelSelector") or "", request.get("fieldSelector") or ""
    if name:
        fields = ",".join(filter(None, (f"metadata.name={name}", fields)))
    try:
        by_label = selectors.label_selector(labels)
        by_field = selectors.field_selector(fields, resource)
    except selectors.SelectorError as error:
        raise Refusal(400, "BadRequest", str(error)) from None
    is_everything = not labels and not fields
    return Scope(resource, namespace, lambda o: by_label(o) and by_field(o), is_everything)


class _Token(msgspec.Struct):
    v: str
    rv: int
    start: str


def close_token(version: int, after: bytes) -> str:
    """Make the ``continue`` of a page.

    Parameters
    ----------
    version : int
        The resourceVersion of the list; -1 for a rest that need not be consistent.
    after : bytes
        The key of the last object sent.

    Returns
    -------
    str
    """
    value = _Token("meta.k8s.io/v1", version, after.decode() + "\0")
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode().rstrip("=")


def open_token(token: str) -> tuple[int, bytes]:
    """Read a ``continue``.

    Parameters
    ----------
    token : str

    Returns
    -------
    tuple of (int, bytes)
        The resourceVersion, -1 for an inconsistent rest, and the key after which to go on.

    Raises
    ------
    Refusal
        400, when the server did not make it.
    """
    try:
        packed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        value = msgspec.json.decode(packed, type=_Token)
    except ValueError as error:
        raise Refusal(400, "BadRequest", f"continue key is not valid: {error}") from None
    return value.rv, value.start.removesuffix("\0").encode()


def _integer(request: Request, name: str) -> int | None:
    text = request.get(name)
    if text is None:
        return None
    digits = text[1:] if text[:1] in {"-", "+"} else text
    is_number = digits.isascii() and digits.isdecimal()
    if is_number and len(digits.lstrip("0")) < 20 and int(text) in _INT64:
        return int(text)
    reason = "value out of range" if is_number else "invalid syntax"
    raise Refusal(400, "BadRequest", f'strconv.ParseInt: parsing "{text}": {reason}')


_Fault = tuple[str, str, str]
"""The reason of a cause, the field, and the message."""


def _forbidden(field: str, message: str) -> _Fault:
    return "FieldValueForbidden", field, f"Forbidden: {message}"


def _unsupported(value: str, *known: str) -> _Fault:
    listed = ", ".join(f'"{one}"' for one in known)
    message = f'Unsupported value: "{value}": supported values: {listed}'
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
    return faults + _continue_faults(query)


def _list_faults(query: Query) -> list[_Fault]:
    match, faults = query.match, []
    if match and not query.resource_version:
        text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        faults.append(_forbidden("resourceVersionMatch", text))
    faults += _continue_faults(query)
    if match not in {"", EXACT, NOT_OLDER_THAN}:
        faults.append(_unsupported(match, EXACT, NOT_OLDER_THAN, ""))
    if match == EXACT and query.resource_version == "0":
        text = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        faults.append(_forbidden("resourceVersionMatch", text))
    if query.sends_initial is not None:
        faults.append(_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return faults


def _continue_faults(query: Query) -> list[_Fault]:
    if not (query.match and query.token):
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
