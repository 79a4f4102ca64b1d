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
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final

AGAIN_SECONDS: Final = 0.2
"""A bare ``except:`` inside a loop may take the exception: it is raised again after so long."""


class TimeUp(BaseException):
    """End what ran for too long; no ``Exception``, so that it is not handled by mistake."""


class Limit:
    """Raise :class:`TimeUp` in this thread once a block has run for too long.

    A call that waits outside Python, such as ``time.sleep``, is ended when it returns. An
    interrupt from the keyboard stays what it is.

    Parameters
    ----------
    seconds : float
        How long the block may run, in real seconds.

    Examples
    --------
    >>> try:
    ...     with Limit(0.05):
    ...         while True:
    ...             pass
    ... except TimeUp:
    ...     print("ended")
    ended
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._watched = 0

    def __enter__(self) -> Limit:
        self._watched = threading.get_ident()
        threading.Thread(target=self._watch, name="kwlab-limit", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._disarm()
        except TimeUp:
            # It was on its way when the block ended; nothing comes after it.
            self._disarm()
            raise

    def _disarm(self) -> None:
        self._is_over.set()
        with self._lock:
            _raise_in(self._watched, None)

    def _watch(self) -> None:
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
