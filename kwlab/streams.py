"""Standard output and error that a command survives, whatever becomes of who reads them."""

from __future__ import annotations

import io
import os
import sys


class _Survivor(io.TextIOWrapper):
    """Write as long as that is possible, then into nothing, and remember why.

    A reader that has gone is no reason to give up a recording or a verdict; and what is left in a
    buffer would fail once more when the interpreter ends, with status 120.
    """

    failure: OSError | None = None

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._lose(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        self.failure = self.failure or error
        nothing = os.open(os.devnull, os.O_WRONLY)
        # What is in the buffers goes there too.
        os.dup2(nothing, self.fileno())
        os.close(nothing)


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
        buffer = before.buffer if before else io.FileIO(descriptor, "w", closefd=False)
        after = _Survivor(
            buffer,
            before.encoding if before else "utf-8",
            # A terminal that has no “…” is no reason to fail either.
            "backslashreplace",
            line_buffering=name == "stderr" or buffer.isatty(),
            write_through=bool(before) and before.write_through,
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
    failure = sys.stdout.failure if isinstance(sys.stdout, _Survivor) else None
    if failure is None or isinstance(failure, BrokenPipeError):
        return ""
    return failure.strerror or str(failure)
