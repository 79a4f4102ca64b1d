"""Loops without an end, each of which a check has to end; on any Python, also in a browser."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator


def forever() -> None:
    while True:
        pass


def endless() -> Iterator[int]:
    while True:
        yield 0


def recurring() -> None:
    recurring()


def catching(error: type[BaseException], function: Callable[[], object]) -> None:
    while True:
        with contextlib.suppress(error):
            function()


def swallowing() -> None:
    while True:
        try:
            forever()
        except:  # noqa: E722
            continue


def keeping() -> None:
    kept = []
    while True:
        try:
            kept.append(len(kept))
        except BaseException as error:
            kept.append(error)  # type: ignore[arg-type]


def other_error() -> None:
    try:
        forever()
    except BaseException as error:
        raise ValueError from error


LOOPS: dict[str, Callable[[], object]] = {
    "while": forever,
    "exec": lambda: exec("while True: pass"),
    "comprehension": lambda: [0 for each in iter(int, 1) if each],
    "generator": lambda: sum(endless()),
    "callback": lambda: list(filter(lambda _: False, iter(int, 1))),
    "sub": lambda: catching(OSError, lambda: re.sub("x", lambda _: "", "xxx")),
    "recursion": lambda: catching(RecursionError, recurring),
    "except Exception": lambda: catching(Exception, forever),
    "suppress": lambda: catching(BaseException, forever),
    "bare except": swallowing,
    "except as": keeping,
    "another error": other_error,
}
