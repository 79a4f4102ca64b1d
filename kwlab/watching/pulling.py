"""What RetryWatcher and Reflector share: one iteration, that has to be closed and can be stopped.

One thread iterates; any thread may stop. An error is raised again to whoever asks again. After an
interruption, as by Ctrl-C, whoever asks again goes on from where it was.
"""

from __future__ import annotations

import abc
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
    _failure: BaseException | None = None

    @abc.abstractmethod
    def stop(self) -> None:
        """End the iteration silently, from any thread."""

    @abc.abstractmethod
    def _begin(self) -> None:
        """Make the steps, from where it is."""

    def close(self) -> None:
        """Stop, and close the open response; what an observer raises then reaches the caller."""
        self.stop()
        try:
            self._steps.close()
        except ValueError as error:
            # Another thread is inside the iteration: it closes, as soon as it wakes.
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise

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
        """Give the one iteration, which a second loop continues, also after Ctrl-C.

        Returns
        -------
        iterator
        """
        return self._events if self._failure is None else self._again(self._failure)

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

    def _again(self, failure: BaseException) -> Iterator[E]:
        if isinstance(failure, Exception):
            return self._fail_again(failure)
        self._failure = None
        self._begin()
        return self._events

    def _fail_again(self, failure: Exception) -> Iterator[E]:
        raise failure
        yield

    def _remembering(self, steps: Generator[S, None, None]) -> Generator[S, None, None]:
        """Run steps, and keep what ended them, unless they were closed."""
        try:
            yield from steps
        except GeneratorExit:
            raise
        except BaseException as error:
            self._failure = error
            raise
