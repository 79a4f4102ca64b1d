"""Standard output and error that a command survives, whatever becomes of who reads them."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import Any


class _Survivor(io.RawIOBase):
    """Write as long as that is possible, then drop what comes, and remember why.

    A reader that has gone is no reason to give up a recording or a verdict; and what is left in a
    buffer would fail once more when the interpreter ends, with status 120.
    """

    def __init__(self, stream: Any) -> None:
        # Kept, for it would close what is below it.
        self._stream = stream
        self._raw = getattr(stream.buffer, "raw", stream.buffer)
        self.failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        descriptor: int = self._raw.fileno()
        return descriptor

    def isatty(self) -> bool:
        return bool(self._raw.isatty())

    def write(self, data: Any) -> int:
        while self.failure is None:
            try:
                if (written := self._raw.write(data)) is not None:
                    return int(written)
                # Somebody who shares it made it non-blocking, and it is full.
                select.select([], [self], [])
            except OSError as error:
                self.failure = error
        return len(data)


def take_over() -> None:
    """Let this process survive its streams: closed ones, full ones, and those that nobody reads."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # Else the next file that is opened takes its number, and what is printed goes into it.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        before = getattr(sys, name)
        if before is None:
            before = io.TextIOWrapper(io.FileIO(descriptor, "w", closefd=False), "utf-8")
        after = io.TextIOWrapper(
            io.BufferedWriter(_Survivor(before)),
            before.encoding,
            # A terminal that has no “…” is no reason to fail either.
            "backslashreplace",
            line_buffering=before.line_buffering,
            write_through=before.write_through,
        )
        setattr(sys, name, after)


def lost_output() -> str:
    """Say why standard output could not be written.

    Returns
    -------
    str
        Empty where all was written, and where its reader had seen enough, as ``head`` has.
    """
    sys.stdout.flush()
    raw = getattr(sys.stdout.buffer, "raw", None)
    failure = raw.failure if isinstance(raw, _Survivor) else None
    if failure is None or isinstance(failure, BrokenPipeError):
        return ""
    return failure.strerror or str(failure)
