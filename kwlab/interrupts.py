"""Which signals, beside Ctrl-C, ask a program to end."""

from __future__ import annotations

import signal


def endings() -> tuple[signal.Signals, ...]:
    """Give the signals with which a program is asked to end, Ctrl-C not among them.

    Returns
    -------
    tuple of signal.Signals
        SIGTERM, and SIGHUP where the platform has it: a terminal that is closed sends it. What
        this process was started to ignore, as by ``nohup``, is left out.
    """
    named = (getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP"))
    return tuple(
        each for each in named if each is not None and signal.getsignal(each) != signal.SIG_IGN
    )
