"""Calls that a signature does not take, answered with how to write them."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Collection
from typing import ParamSpec, TypeVar

from kwlab.errors import LabError
from kwlab.messages import say


def is_number(value: object) -> bool:
    """Tell whether a value is a finite number; True is an int to Python, and no number.

    Parameters
    ----------
    value : object

    Returns
    -------
    bool
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_Taken = ParamSpec("_Taken")
_Given = TypeVar("_Given")
_Class = TypeVar("_Class", bound=type)


def by_name(function: Callable[_Taken, _Given], name: str = "") -> Callable[_Taken, _Given]:
    """Refuse a call that a signature does not take with one sentence, in place of a TypeError.

    Parameters
    ----------
    function : callable
    name : str
        What it is called by, if not by its own.

    Returns
    -------
    callable
        The function itself where its signature takes everything.
    """
    signature = inspect.signature(function)
    kinds = {one.kind for one in signature.parameters.values()}
    if {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds:
        return function
    named = [one for one in signature.parameters.values() if one.name != "self"]
    written = [str(one.replace(annotation=one.empty, default=one.empty)) for one in named]
    likeness = ", ".join(each if "*" in each else f"{each}=…" for each in written)

    @functools.wraps(function)
    def called(*given: _Taken.args, **named: _Taken.kwargs) -> _Given:
        __tracebackhide__ = True
        try:
            signature.bind(*given, **named)
        except TypeError as error:
            facts = {"reason": str(error), "written": likeness}
            raise LabError(say("call.refused", name=name or function.__name__, **facts)) from None
        return function(*given, **named)

    return called


def methods_by_name(owner: _Class) -> _Class:
    """Apply :func:`by_name` to all that is public in a class."""
    for name, method in list(vars(owner).items()):
        if inspect.isfunction(method) and (name == "__init__" or not name.startswith("_")):
            called = owner.__name__ if name == "__init__" else name
            setattr(owner, name, by_name(method, called))
    return owner


def choice(name: str, value: object, known: Collection[str]) -> None:
    """Refuse a word that is none of those that are known.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : object
    known : collection of str

    Raises
    ------
    LabError
    """
    if not isinstance(value, str) or value not in known:
        raise LabError(say("call.word", name=name, value=repr(value), known=", ".join(known)))
