"""Let a program that is told to end do so as after an exception: what it made is removed then.

SIGTERM and SIGHUP would end it on the spot. Whoever handles or ignores them already is left alone.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

from kwlab.interrupts import endings


def heed() -> None:
    """Turn the signals that end a program into ``SystemExit``, where nobody handles them.

    Nothing is done in other threads than the main one, which Python forbids, and in IPython, which
    takes ``SystemExit`` for the end of a cell and lives on.
    """
    if threading.current_thread() is not threading.main_thread() or _is_ipython():
        return
    for number in endings():
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    # Told again, it ends on the spot.
    signal.signal(number, signal.SIG_DFL)
    sys.exit(128 + number)


def _is_ipython() -> bool:
    running = sys.modules.get("IPython")
    return running is not None and running.get_ipython() is not None
