"""What a list method has to take, checked before anything is asked."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Final, TypeAlias

from kwlab.errors import WatchFunctionError
from kwlab.messages import say
from kwlab.wire import python_name

ListAndWatch: TypeAlias = functools.partial[Any]
"""A list method of the official client, with its arguments and selectors."""

_OWN: Final = frozenset(
    {
        "watch",
        "_preload_content",
        "async_req",
        "resource_version",
        "resource_version_match",
        "timeout_seconds",
        "allow_watch_bookmarks",
        "send_initial_events",
        "limit",
        "_continue",
    }
)
"""What the Reflector itself passes to the method."""


def bound(method: object, args: tuple[object, ...], selectors: dict[str, object]) -> ListAndWatch:
    """Tie a list method to its arguments.

    Parameters
    ----------
    method : callable
        It takes ``watch`` and ``_preload_content``.
    args : tuple
        What it takes in front.
    selectors : dict of str to object
        What it takes by name, and the Reflector does not set.

    Returns
    -------
    functools.partial

    Raises
    ------
    WatchFunctionError
        When it cannot be called so; it says what to write instead.
    """
    if not callable(method):
        kind = "None" if method is None else type(method).__name__
        raise WatchFunctionError(say("reflector.not_a_method", kind=kind))
    for name in selectors:
        if name in _OWN:
            raise WatchFunctionError(say("reflector.own", name=name))
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):
        # Not every callable can say what it takes; then the call will.
        return functools.partial(method, *args, **selectors)
    _check(signature, getattr(method, "__name__", repr(method)), args, selectors)
    return functools.partial(method, *args, **selectors)


def knows_watch_list(method: ListAndWatch) -> bool:
    """Tell whether a list method can ask for a WatchList; those of ``CustomObjectsApi`` cannot.

    Parameters
    ----------
    method : functools.partial

    Returns
    -------
    bool
        True also where it cannot say what it takes.
    """
    try:
        parameters = inspect.signature(method).parameters
    except (TypeError, ValueError):
        return True
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    return takes_any or "send_initial_events" in parameters


def _check(
    signature: inspect.Signature, name: str, args: tuple[object, ...], selectors: dict[str, object]
) -> None:
    parameters = signature.parameters.values()
    if not any(one.kind is one.VAR_KEYWORD for one in parameters):
        if "watch" not in signature.parameters:
            raise WatchFunctionError(say("reflector.cannot_watch", method=name))
        for given in selectors:
            known = python_name(given)
            if given not in signature.parameters and known is not None:
                message = say("function.camel_case", name=given, python_name=known)
                raise WatchFunctionError(message)
    try:
        signature.bind(*args, **selectors)
    except TypeError as error:
        raise WatchFunctionError(say("reflector.arguments", method=name, error=error)) from None
