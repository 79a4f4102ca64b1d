"""Call what somebody else wrote, so that it can neither hang the caller nor print between lines.

A loop that asks the server ends at the door, because no time passes in it. One that asks nobody
is ended here: Python tells at each step of it what is running, and TimeUp is raised from there.
That needs no second thread, which a browser does not have, and no signal.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import CodeType, FrameType
from typing import Any, Final, TypeVar

from kwlab.frames import top_of
from kwlab.messages import say

_Result = TypeVar("_Result")

_ASKING: Final = ("kwlab", "kubernetes", "pydantic", "urllib3", "http", "email", "urllib")
"""Nothing is ended in here: what loops in them asks the server, and what they opened is closed."""
# An import that is cut short tidies up: TimeUp once more would leave half a module.
_NEVER: Final = frozenset({*_ASKING, "importlib"})
_MONITORING: Final[Any] = getattr(sys, "monitoring", None)
PRINTED_LINES: Final = 10
"""So many lines of what a function printed are kept, and shown with the verdict."""
PRINTED_CHARACTERS: Final = 200
"""So much of each line."""


class TimeUp(BaseException):
    """End what ran for too long; no ``Exception``, so that it is not handled by mistake."""


def limited(seconds: float, function: Callable[[], _Result]) -> _Result:
    """Call a function, and raise :class:`TimeUp` in it once it has run for so many seconds.

    It is raised again at each step until the function ends, whatever the function catches. A
    call that waits or computes outside Python, such as ``time.sleep``, ends when it returns. An
    interrupt from the keyboard stays what it is.
    """
    until = time.monotonic() + seconds
    tool = _tool()
    with _Tracer(until) if tool is None else _monitored(until, tool):
        result = function()
    if time.monotonic() >= until:
        raise TimeUp
    return result


def _is_theirs(frame: FrameType | None) -> bool:
    """Check whether a frame runs for somebody else; the standard library runs for its caller."""
    while frame is not None and (top := top_of(frame)) not in _NEVER:
        if top not in sys.stdlib_module_names:
            return True
        frame = frame.f_back
    return False


def _tool() -> int | None:
    """Take a free id of ``sys.monitoring``; None where there is none, as on Python 3.11."""
    # The lowest ids are the debugger's, coverage's and the profiler's.
    for tool in (4, 3, 5, 2, 1, 0) if _MONITORING else ():
        with contextlib.suppress(ValueError):
            _MONITORING.use_tool_id(tool, "kwlab")
            return tool
    return None


@contextlib.contextmanager
def _monitored(until: float, tool: int) -> Iterator[None]:
    """Look at the clock at each call and jump, and in their own code at each line (PEP 669)."""
    monitoring, events, me = _MONITORING, _MONITORING.events, threading.get_ident()
    specs = map(importlib.util.find_spec, _ASKING)
    asking = tuple(str(spec.origin).removesuffix("__init__.py") for spec in specs if spec)
    met: dict[int, CodeType] = {}

    def step(code: CodeType, *_: object) -> Any:
        if threading.get_ident() != me:
            return None
        if time.monotonic() >= until and _is_theirs(sys._getframe(1)):
            raise TimeUp
        return monitoring.DISABLE if code.co_filename.startswith(asking) else None

    def start(code: CodeType, *_: object) -> Any:
        if id(code) not in met and threading.get_ident() == me:
            if (top := top_of(sys._getframe(1))) in _ASKING:
                return monitoring.DISABLE
            met[id(code)] = code
            if top not in sys.stdlib_module_names:
                monitoring.set_local_events(tool, code, events.LINE)
        return step(code)

    looks = {events.JUMP: step, events.LINE: step, events.PY_START: start}
    for event, look in looks.items():
        monitoring.register_callback(tool, event, look)
    monitoring.set_events(tool, events.JUMP | events.PY_START)
    try:
        yield
    finally:
        monitoring.set_events(tool, 0)
        for code in met.values():
            monitoring.set_local_events(tool, code, 0)
        for event in looks:
            monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)


class _Tracer:
    """Look at the clock at each instruction of theirs, behind a tracer that is there already."""

    def __init__(self, until: float) -> None:
        self.until, self._before, self._thread = until, sys.gettrace(), threading.get_ident()
        self._passed: dict[int, CodeType] = {}

    def is_on(self) -> bool:
        """Check whether it is in its thread, and not over."""
        return self.until < math.inf and threading.get_ident() == self._thread

    def __enter__(self) -> None:
        sys.settrace(self.call)

    def __exit__(self, *_: object) -> None:
        self.until = math.inf
        if sys.gettrace() in {self.call, None}:
            sys.settrace(self._before)

    def call(self, frame: FrameType, event: Any, arg: object) -> Any:
        """Trace a frame that begins, or goes on after a yield."""
        inner = None
        if self._before is not None:
            inner = self._before(frame, event, arg)
            # Coverage puts itself in this place when it is called.
            sys.settrace(self.call)
        if id(frame.f_code) in self._passed:
            return inner
        if not _is_theirs(frame):
            if top_of(frame) in _ASKING:
                self._passed[id(frame.f_code)] = frame.f_code
            return inner
        frame.f_trace_opcodes = True
        return _Step(self, inner)


class _Step:
    """Trace one frame, and go on tracing it after TimeUp was raised in it and caught."""

    def __init__(self, tracer: _Tracer, inner: Any) -> None:
        self._tracer, self._inner = tracer, inner
        self._raised_in: FrameType | None = None

    def __call__(self, frame: FrameType, event: str, arg: object) -> Any:
        if self._inner and event != "opcode":
            self._inner = self._inner(frame, event, arg)
        # Not at a return, which the tracer that is there has to see.
        if event in {"line", "opcode"} and time.monotonic() >= self._tracer.until:
            self._raised_in = frame
            # Python drops a tracer that raises: __del__ runs then, and not while this frame has it.
            del self
            raise TimeUp
        return self

    def __del__(self) -> None:
        # A RecursionError drops it too.
        if sys.gettrace() is None and self._tracer.is_on():
            sys.settrace(self._tracer.call)
        if self._raised_in is not None:
            self._raised_in.f_trace = _Step(self._tracer, self._inner)


class Printed(io.TextIOBase):
    """Keep as much of what is printed as is shown, however much it is."""

    def __init__(self) -> None:
        self._lines = [""]
        self._total, self._is_open = 0, False

    def write(self, text: str) -> int:
        """Take what is printed."""
        first, *more = text.split("\n", PRINTED_LINES)
        self._total += text.count("\n")
        self._is_open = not text.endswith("\n") if text else self._is_open
        # One more than is shown: the last line may go on, the rest is counted alone.
        kept = [self._lines[-1] + first, *more]
        self._lines[-1:] = [line[: PRINTED_CHARACTERS + 1] for line in kept]
        del self._lines[PRINTED_LINES + 1 :]
        return len(text)

    def shown(self) -> tuple[str, ...]:
        """Return what there is to show, a line each; empty when nothing was printed."""
        total = self._total + self._is_open
        if not total:
            return ()
        lines = self._lines[: min(total, PRINTED_LINES)]
        cut = (f"{x[:PRINTED_CHARACTERS]}…" if x[PRINTED_CHARACTERS:] else x for x in lines)
        more = total - len(lines)
        rest = [say("exercise.printed_more", n=more)] if more else []
        return say("exercise.printed", n=total), *(f"    {line}" for line in cut), *rest


_printed: Final[ContextVar[Printed | None]] = ContextVar("_printed", default=None)
_blocks: Final[list[Printed]] = []
_lock: Final = threading.Lock()


class _Switch:
    """Stand in for standard output: each thread prints to its own, or to what was there."""

    def __init__(self, before: Any) -> None:
        self.before = before

    def __getattr__(self, name: str) -> Any:
        return getattr(_printed.get() or self.before, name)


@contextlib.contextmanager
def printed() -> Iterator[Printed]:
    """Keep what a block prints, in this thread alone; standard error is left alone."""
    kept = Printed()
    token = _printed.set(kept)
    with _lock:
        _blocks.append(kept)
        if not isinstance(sys.stdout, _Switch):
            sys.stdout = _Switch(sys.stdout)
    try:
        yield kept
    finally:
        _printed.reset(token)
        with _lock:
            _blocks.remove(kept)
            if not _blocks and isinstance(sys.stdout, _Switch):
                sys.stdout = sys.stdout.before
