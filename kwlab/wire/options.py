"""What a list or watch is asked with, in the official client's spelling and on the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from kwlab.errors import ListOptionsError
from kwlab.messages import say

_QUERY_NAMES: Final[Mapping[str, str]] = {
    "label_selector": "labelSelector",
    "field_selector": "fieldSelector",
    "resource_version": "resourceVersion",
    "resource_version_match": "resourceVersionMatch",
    "timeout_seconds": "timeoutSeconds",
    "allow_watch_bookmarks": "allowWatchBookmarks",
    "send_initial_events": "sendInitialEvents",
    "limit": "limit",
    "_continue": "continue",
}


_TYPES: Final[Mapping[str, type]] = {
    "timeout_seconds": int,
    "allow_watch_bookmarks": bool,
    "send_initial_events": bool,
    "limit": int,
}
"""What a field holds, where it is not a text."""

FIELDS: Final = tuple(_QUERY_NAMES)
"""The names of all fields."""
_PYTHON_NAMES: Final = {query: name for name, query in _QUERY_NAMES.items()}


class ListOptions(Mapping[str, Any]):
    """Say where a list or watch starts and what it selects.

    It is a frozen mapping of the fields that are set, in the official Python client's
    spelling, made for ``list_namespaced_pod(namespace, watch=True, **options)``. It does not
    carry ``watch``. Set a field to None to leave it out.

    Parameters
    ----------
    resource_version : str, optional
        Where to start: opaque, taken from a list, an event or a bookmark.
    timeout_seconds : int, optional
        How long the server keeps the watch open, in seconds.
    label_selector, field_selector : str, optional
        Which objects, in the API's own syntax.
    allow_watch_bookmarks : bool, optional
        Whether the server may send bookmarks.
    resource_version_match : str, optional
        ``NotOlderThan`` or ``Exact``.
    send_initial_events : bool, optional
        Whether a watch begins with the present state (WatchList).
    limit : int, optional
        The size of a page of a list.
    _continue : str, optional
        The token of the next page of a list.

    Raises
    ------
    ListOptionsError
        For any other name; it says how the official client spells what was meant. For a value
        of another type, and for an attempt to change what is frozen.

    Examples
    --------
    >>> options = ListOptions(resource_version="7", allow_watch_bookmarks=True)
    >>> dict(options.replace(timeout_seconds=60))
    {'resource_version': '7', 'allow_watch_bookmarks': True, 'timeout_seconds': 60}
    """

    __slots__ = ("_fields",)
    _fields: dict[str, Any]

    def __init__(self, **fields: Any) -> None:
        checked = {name: _checked(name, value) for name, value in fields.items()}
        known = {name: value for name, value in checked.items() if value is not None}
        object.__setattr__(self, "_fields", known)

    def replace(self, **fields: Any) -> ListOptions:
        """Copy these options with some fields changed.

        Parameters
        ----------
        **fields
            As for :class:`ListOptions`; None takes a field out.

        Returns
        -------
        ListOptions
            A new object; this one is left as it is.
        """
        return ListOptions(**{**self._fields, **fields})

    @property
    def resource_version(self) -> str | None:
        """Give the resourceVersion to start from; None when none is set."""
        value = self._fields.get("resource_version")
        return None if value is None else str(value)

    def __setattr__(self, name: str, value: object) -> None:
        raise ListOptionsError(say("options.frozen", name=name, value=repr(value)))

    def __setitem__(self, name: str, value: object) -> None:
        raise ListOptionsError(say("options.frozen", name=name, value=repr(value)))

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __hash__(self) -> int:
        return hash(frozenset(self._fields.items()))

    def __repr__(self) -> str:
        return f"ListOptions({', '.join(f'{k}={v!r}' for k, v in self._fields.items())})"


def python_name(query_name: str) -> str | None:
    """Give the official Python client's spelling of a query parameter.

    Parameters
    ----------
    query_name : str
        As on the wire: ``resourceVersion``.

    Returns
    -------
    str or None
        None when the two are spelt alike, or there is no such parameter.
    """
    found = _PYTHON_NAMES.get(query_name)
    return None if found == query_name else found


def _checked(name: str, value: object) -> object:
    if name not in _QUERY_NAMES:
        raise ListOptionsError(_unknown_field(name))
    wanted = _TYPES.get(name, str)
    # True is an int to Python, and no number of seconds.
    if value is not None and type(value) is not wanted and not _is_text(value, wanted):
        expected = say(f"options.{wanted.__name__}")
        raise ListOptionsError(say("options.type", name=name, value=repr(value), wanted=expected))
    return value


def _is_text(value: object, wanted: type) -> bool:
    return wanted is str and isinstance(value, str)


def _unknown_field(name: str) -> str:
    if name == "watch":
        return say("options.watch")
    if name in _PYTHON_NAMES:
        return say("function.camel_case", name=name, python_name=_PYTHON_NAMES[name])
    return say("options.unknown", name=name, known=", ".join(_QUERY_NAMES))


def query(options: ListOptions, *, watch: bool = False) -> str:
    """Write options as a query string, as the official client does.

    Parameters
    ----------
    options : ListOptions
    watch : bool
        Whether a watch is asked for.

    Returns
    -------
    str

    Examples
    --------
    >>> query(ListOptions(resource_version="7", allow_watch_bookmarks=True), watch=True)
    'resourceVersion=7&allowWatchBookmarks=true&watch=true'
    """
    pairs = [(_QUERY_NAMES[name], _plain(value)) for name, value in options.items()]
    return urlencode([*pairs, ("watch", "true")] if watch else pairs)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
