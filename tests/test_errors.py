"""What kwlab raises can be handed from one process to another."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any, Final

import pytest

from kwlab import errors
from kwlab.errors import KwlabError, RecordingError, StreamBroken, WatchEnded
from kwlab.watching.resume import Cause, Kind

RAISED: Final = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, BaseException)
]


def made(kind: type[BaseException]) -> BaseException:
    if issubclass(kind, WatchEnded):
        return kind("It ended.", resource_version="17", code=410)
    if issubclass(kind, StreamBroken):
        return kind("It broke.", cause=Cause(Kind.CUT, detail="reset"))
    if issubclass(kind, RecordingError):
        return kind("mine.jsonl", 3, "no JSON")
    return kind("It is so.")


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize("kind", RAISED)
def test_an_error_arrives_whole(kind: type[BaseException], again: Callable[[Any], Any]) -> None:
    """A pool, a queue and a copy give the same error, and not a TypeError about it."""
    error = made(kind)
    came = again(error)
    assert (type(error), str(error)) == (type(came), str(came))
    assert vars(error) == vars(came)


def test_the_tree_is_whole() -> None:
    """Every exception stands in the tree of the docstring."""
    assert len(RAISED) > 10
    assert errors.__doc__ is not None
    assert [] == [kind.__name__ for kind in RAISED if kind.__name__ not in errors.__doc__]
    assert all(issubclass(kind, KwlabError) for kind in RAISED if issubclass(kind, Exception))
