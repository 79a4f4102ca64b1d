"""How long to wait before what exists is listed again.

A list costs a server more than a watch does, so neither progress nor a clean end takes this
back-off back: only time does.
"""

from __future__ import annotations

from collections.abc import Callable

from kwlab.watching.retryoptions import Backoff


class Pause:
    """Count the rounds, each a list and what was watched after it, that did not last long.

    Parameters
    ----------
    backoff : Backoff or None
        None: no pause.
    reset_seconds : float
        How long a round has to last to be the first again, in seconds.
    random : callable
        Gives numbers from 0 up to 1.

    References
    ----------
    client-go v0.37.2, ``tools/cache/reflector.go`` (``delayHandler``): the pause before a list is
    from the end of what was before, and its jitter spreads those whose watches all ended at once.
    """

    def __init__(
        self, backoff: Backoff | None, reset_seconds: float, random: Callable[[], float]
    ) -> None:
        self._backoff = backoff
        self._reset_seconds = reset_seconds
        self._random = random
        self._rounds = 0

    def after(self, lasted_seconds: float) -> float:
        """Count a round that is over, and give the pause before the next.

        Parameters
        ----------
        lasted_seconds : float
            From the start of its list to its end, in seconds.

        Returns
        -------
        float
            In seconds.

        Examples
        --------
        >>> pause = Pause(Backoff(), 120.0, lambda: 0.0)
        >>> [pause.after(lasted) for lasted in (1.0, 1.0, 1.0, 120.0)]
        [0.8, 1.6, 3.2, 0.8]
        """
        if self._backoff is None:
            return 0.0
        self._rounds = 1 if lasted_seconds >= self._reset_seconds else self._rounds + 1
        return self._backoff.seconds(self._rounds) * (1 + self._backoff.jitter * self._random())
