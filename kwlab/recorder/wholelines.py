"""A file to which whole lines are appended: whoever is killed while writing leaves no torn one."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from kwlab.errors import RecordingError
from kwlab.messages import say


class WholeLines:
    """Append lines to a new file, each call's in one write.

    A ``.gz`` gets a member of its own for each write, so that it can be unpacked at any moment.

    Parameters
    ----------
    path : Path
    lines : iterable of bytes
        What it begins with, without newlines.

    Raises
    ------
    RecordingError
        When it exists already, or cannot be written.
    """

    def __init__(self, path: Path, lines: Iterable[bytes] = ()) -> None:
        self.path = path
        self.size = 0
        self._written = 0
        self._lock = threading.Lock()
        check_free(path)
        try:
            self._file = os.open(path, _NEW, 0o666)
        except OSError as error:
            raise _fault(path, error) from error
        try:
            self.append(*lines)
        except RecordingError:
            # What has not even a beginning would only stand in the way of the next attempt.
            self.close()
            path.unlink()
            raise

    def append(self, *lines: bytes) -> None:
        """Write lines.

        Parameters
        ----------
        *lines : bytes
            Without newlines.

        Raises
        ------
        RecordingError
            When the disk is full, or the file cannot be written any more; what was written
            before is whole.
        """
        plain = b"".join(line + b"\n" for line in lines)
        data = gzip.compress(plain, mtime=0) if self.path.suffix == ".gz" and plain else plain
        with self._lock:
            try:
                _write(self._file, data)
            except OSError as error:
                os.ftruncate(self._file, self._written)
                os.lseek(self._file, self._written, os.SEEK_SET)
                raise _fault(self.path, error) from error
            self._written += len(data)
            self.size += len(plain)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


# Windows would write \r\n, and torn members of a .gz.
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def check_free(path: Path) -> None:
    """Find out whether a file may be made.

    Parameters
    ----------
    path : Path

    Raises
    ------
    RecordingError
        When it exists, or its folder does not.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        if not path.parent.is_dir():
            raise RecordingError(
                str(path), 0, say("record.no_folder", folder=path.parent)
            ) from None
    except OSError as error:
        raise _fault(path, error) from error
    else:
        raise RecordingError(str(path), 0, say("record.exists"))


def _write(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _fault(path: Path, error: OSError) -> RecordingError:
    return RecordingError(str(path), 0, error.strerror or str(error))
