"""Call what somebody else wrote, so that it can neither hang the caller nor print between lines.

A loop that asks the server ends at the door, because no time passes in it. One that asks nobody
is ended here: an exception is raised in it from a second thread, which works in a notebook's main
thread, in any other, and on Windows, where there is no alarm signal.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

_Result = TypeVar("_Result")

AGAIN_SECONDS: Final = 0.2
"""A bare ``except:`` inside a loop may take the exception: it is raised again after so long."""


class TimeUp(BaseException):
    """End what ran for too long; no ``Exception``, so that it is not handled by mistake."""


def limited(seconds: float, function: Callable[[], _Result]) -> _Result:
    """Call a function, and raise :class:`TimeUp` in it once it has run for too long.

    A call that waits outside Python, such as ``time.sleep``, is ended when it returns. An
    interrupt from the keyboard stays what it is.

    Parameters
    ----------
    seconds : float
        How long it may run, in real seconds.
    function : callable
        Takes nothing.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    TimeUp
        When it was ended; no further one comes afterwards.

    Examples
    --------
    >>> def forever():
    ...     while True:
    ...         pass
    >>> try:
    ...     limited(0.05, forever)
    ... except TimeUp:
    ...     print("ended")
    ended
    """
    watch = _Watch(threading.get_ident(), seconds)
    try:
        watch.start()
        try:
            return function()
        finally:
            watch.stop()
    except TimeUp:
        _stop_for_sure(watch)
        raise


def _stop_for_sure(watch: _Watch) -> None:
    """Stop a watch whose exception may come at any instruction, the first of stop() included."""
    while True:
        try:
            watch.stop()
        except TimeUp:
            continue
        return


class _Watch:
    """Raise TimeUp in one thread from another, until it is stopped."""

    def __init__(self, watched: int, seconds: float) -> None:
        self._watched = watched
        self._seconds = seconds
        self._is_over = threading.Event()
        self._lock = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._run, name="kwlab-limit", daemon=True).start()

    def stop(self) -> None:
        self._is_over.set()
        with self._lock:
            _raise_in(self._watched, None)

    def _run(self) -> None:
        wait = self._seconds
        while not self._is_over.wait(wait):
            wait = AGAIN_SECONDS
            with self._lock:
                if not self._is_over.is_set():
                    _raise_in(self._watched, TimeUp)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Have a thread raise an exception as soon as it runs Python; None takes one back."""
    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)


@dataclass(frozen=True, slots=True)
class Printed:
    """Hold what was printed during a block.

    Parameters
    ----------
    text : io.StringIO
    """

    text: io.StringIO

    def lines(self) -> tuple[str, ...]:
        """Give what was printed so far.

        Returns
        -------
        tuple of str
            A line each; empty when nothing was printed.
        """
        return tuple(self.text.getvalue().splitlines())


@contextlib.contextmanager
def printed() -> Iterator[Printed]:
    """Keep what a block prints, standard error left alone.

    Yields
    ------
    Printed
        It grows until the block is over.
    """
    kept = Printed(io.StringIO())
    with contextlib.redirect_stdout(kept.text):
        yield kept
