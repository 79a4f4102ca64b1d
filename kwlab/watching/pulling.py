"""What RetryWatcher and Reflector share: one iteration, that has to be closed and can be stopped.

One thread iterates; any thread may stop. An error is raised again to whoever asks again.
"""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

E = TypeVar("E")
S = TypeVar("S")


class Pulled(abc.ABC, Generic[E]):
    """Be iterated once, by whoever asks for the next."""

    _steps: Generator[Any, None, None]
    """What is run, and closed."""
    _events: Iterator[E]
    """What of it is given."""
    _failure: Exception | None = None

    @abc.abstractmethod
    def stop(self) -> None:
        """End the iteration silently, from any thread."""

    def close(self) -> None:
        """Stop, and close the open response."""
        self.stop()
        # Another thread may be inside the iteration; then it closes, as soon as it wakes.
        with contextlib.suppress(ValueError):
            self._steps.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[E]:
        """Give the one iteration, which a second loop continues.

        Returns
        -------
        iterator
        """
        return self._events if self._failure is None else self._fail_again()

    def __next__(self) -> E:
        """Acknowledge the last event and wait for the next.

        Returns
        -------
        WatchEvent

        Raises
        ------
        StopIteration
            After :meth:`stop`, and at the deadline.
        WatchEnded
            When it cannot go on; ``resource_version`` in it says where to go on from.
        WatchFunctionError
            When the function or method broke its contract.
        """
        return next(iter(self))

    def _fail_again(self) -> Iterator[E]:
        assert self._failure is not None
        raise self._failure
        yield

    def _remembering(self, steps: Generator[S, None, None]) -> Generator[S, None, None]:
        """Run steps, and keep the error that ended them; Ctrl-C is not raised a second time."""
        try:
            yield from steps
        except Exception as error:
            self._failure = error
            raise
