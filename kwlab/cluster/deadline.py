"""How long a live cell may take, with all that a cluster does for it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Final

from kwlab.errors import ClusterError
from kwlab.messages import say

LIMIT_SECONDS: Final = 25.0
"""A cell takes no longer than half a minute: whoever is not back then is waited for afterwards."""
_LEAST_SECONDS: Final = 0.1
"""No timeout is shorter: one of 0 would mean none at all."""


class Deadline:
    """Hold the moment by which a cell has to be done.

    Attributes
    ----------
    seconds : float
        From when this was made.
    """

    def __init__(self) -> None:
        self.seconds = LIMIT_SECONDS
        self._at = time.monotonic() + self.seconds

    def within(self, seconds: float) -> float:
        """Give so many seconds, or those that are left.

        Parameters
        ----------
        seconds : float

        Returns
        -------
        float
            Never 0.
        """
        return max(min(seconds, self._at - time.monotonic()), _LEAST_SECONDS)

    def check(self) -> None:
        """Refuse to go on when it is over.

        Raises
        ------
        ClusterError
        """
        if self._is_over:
            raise ClusterError(self._slow)

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Tell what fails in a block when time is over as what it is: slow.

        Yields
        ------
        None

        Raises
        ------
        ClusterError
        """
        try:
            yield
        except ClusterError as error:
            if self._is_over:
                raise ClusterError(self._slow) from error
            raise

    @property
    def _is_over(self) -> bool:
        return time.monotonic() >= self._at

    @property
    def _slow(self) -> str:
        return say("cluster.slow", seconds=f"{self.seconds:g}")
