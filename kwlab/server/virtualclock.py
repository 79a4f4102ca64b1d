"""A time that moves only when somebody waits, up to the end of a recording."""

from __future__ import annotations

from typing import Final

from kwlab.errors import RecordingOver

_OVER: Final = "The recording is over: nothing more happens in it."


class VirtualClock:
    """Keep a time that moves only when somebody waits.

    Parameters
    ----------
    end : float
        When the recording is over, in seconds.
    """

    def __init__(self, end: float) -> None:
        self._now = 0.0
        self.end = end

    def now(self) -> float:
        """Give the time, in seconds since the recording began."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let time pass at once.

        Parameters
        ----------
        seconds : float
            0 or less lets none pass.

        Raises
        ------
        RecordingOver
            When the recording ends before; the clock stands at its end then.
        """
        self.move_to(self._now + max(seconds, 0.0))

    def move_to(self, due: float) -> None:
        """Let time pass until a moment; a moment that is past changes nothing.

        Parameters
        ----------
        due : float
            In seconds.

        Raises
        ------
        RecordingOver
            As for :meth:`sleep`.
        """
        if due > self.end:
            self._now = self.end
            raise RecordingOver(_OVER)
        self._now = max(self._now, due)
