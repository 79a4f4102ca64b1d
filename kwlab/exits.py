"""With which status a command ends."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """Name the exit statuses. Each command uses the same numbers."""

    OK = 0
    """Done; for ``check`` and ``serve --check``: correct."""
    FAILED = 1
    """Refused, or a problem was found; for ``check`` and ``serve --check``: not yet."""
    CANNOT_BE_JUDGED = 2
    """For ``check`` and ``serve --check`` alone."""
    USAGE = 64
    """The command line is wrong, and nothing was begun: EX_USAGE of sysexits.h."""
    OUTPUT = 74
    """What was to be said could not be written: EX_IOERR of sysexits.h."""
    INTERRUPTED = 130
    """What a shell gives for a program that Ctrl-C ended: 128 and the number of SIGINT."""
