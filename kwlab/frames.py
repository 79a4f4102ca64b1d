"""Tell what somebody else wrote from kwlab's own code and the libraries, in a traceback."""

from __future__ import annotations

import sys
import traceback
from types import FrameType, TracebackType


def top_of(frame: FrameType) -> str:
    """Return the package that a frame's code belongs to; ``__main__`` in a notebook."""
    return str(frame.f_globals.get("__name__") or "").partition(".")[0]


def _is_a_library(frame: FrameType) -> bool:
    is_installed = "site-packages" in frame.f_code.co_filename
    return is_installed or top_of(frame) in sys.stdlib_module_names


def theirs(trace: TracebackType | None) -> TracebackType | None:
    """Cut a traceback down to the frames of whoever wrote the function that kwlab called.

    An installed package that is not kwlab's is theirs where nothing else is: people check what
    they have installed.
    """
    steps = []
    while trace is not None:
        if top_of(trace.tb_frame) != __package__:
            steps.append(trace)
        trace = trace.tb_next
    kept = [step for step in steps if not _is_a_library(step.tb_frame)]
    if not kept:
        kept = [step for step in steps if top_of(step.tb_frame) == top_of(steps[0].tb_frame)]
    below = None
    for step in reversed(kept):
        below = TracebackType(below, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return below


def is_raised_here(error: BaseException) -> bool:
    """Check whether it is kwlab that raised an error."""
    *_, last = traceback.walk_tb(error.__traceback__)
    return top_of(last[0]) == __package__


def cut(error: BaseException) -> BaseException:
    """Show an error, and what it was raised from, with their frames only."""
    each: BaseException | None = error
    while each is not None:
        each.__traceback__, each.__suppress_context__ = theirs(each.__traceback__), True
        each = each.__cause__
    return error


def line_of(error: BaseException | None) -> str:
    """Return the line of theirs that an error comes from; empty where there is none."""
    while error is not None:
        if lines := traceback.extract_tb(theirs(error.__traceback__)):
            return (lines[-1].line or "").strip()
        error = error.__cause__
    return ""


def told(error: BaseException) -> str:
    """Name an error, with what it says and the line of theirs that it comes from."""
    line = line_of(error)
    says = ": ".join(filter(None, (type(error).__name__, str(error))))
    return says + (f" ({line})" if line else "")
