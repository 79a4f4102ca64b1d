"""The recording as it is written: a valid file after every line, put in order at the end."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from kwlab import recording
from kwlab.errors import RecordingError
from kwlab.messages import say
from kwlab.recorder.wholelines import WholeLines
from kwlab.recording import Header, Item, RecordedChange, rank
from kwlab.wire import WatchEvent, identify

Redact = Callable[[bytes], bytes]
"""From an object's bytes to those that are stored."""


class Journal:
    """Write a recording while it happens.

    Parameters
    ----------
    path : Path
        A new ``.jsonl`` or ``.jsonl.gz`` file.
    header : Header
        With 0 seconds: so long nobody knows how long it lasts.
    items : sequence of Item
    redact : callable
        Applied to every object.
    began : float
        The moment of the list, on the monotonic clock, in seconds.

    Attributes
    ----------
    changes_total : int
        How many changes were written.

    Raises
    ------
    RecordingError
        When the file exists already, or cannot be written.
    """

    def __init__(
        self, path: Path, header: Header, items: Sequence[Item], *, redact: Redact, began: float
    ) -> None:
        kept = [Item(item.plural, item.identity, redact(item.data)) for item in items]
        self._lines = WholeLines(path, recording.beginning(header, kept))
        self._redact, self._began = redact, began
        self._changed = threading.Condition()
        self._known = header.resource_version
        self._last_at = 0.0
        self._reached: dict[str, str] = {}
        self._is_closed = False
        self.changes_total = 0

    def at(self) -> float:
        """Give the time since the start, in seconds; recordings count milliseconds."""
        return round(time.monotonic() - self._began, 3)

    def change(self, plural: str, event: WatchEvent) -> None:
        """Write a change that a watch has just brought.

        Parameters
        ----------
        plural : str
        event : WatchEvent

        Raises
        ------
        RecordingError
            When it cannot be written, or when the file has become too long to be loaded.
        """
        data = event.object_bytes
        try:
            item = Item(plural, identify(data), self._redact(data))
        except ValueError as error:
            # Some server behind the API server that does not do as Kubernetes does.
            raise RecordingError(str(self._lines.path), 0, str(error)) from error
        version = item.identity.resource_version
        with self._changed:
            change = RecordedChange(self._moment(), event.type, item)
            self._write(recording.change_line(change))
            self._known = max(self._known, version, key=rank)
            self._reached[plural] = version
            self.changes_total += 1
            self._changed.notify_all()

    def progress(self, resource_version: str) -> None:
        """Write how far a bookmark says that the server is, when that is news.

        Parameters
        ----------
        resource_version : str

        Raises
        ------
        RecordingError
            When it cannot be written.
        """
        with self._changed:
            if rank(resource_version) > rank(self._known):
                self._known = resource_version
                self._write(recording.progress_line(self._moment(), resource_version))

    def wait_for(self, plural: str, resource_version: str, seconds: float) -> None:
        """Wait until the changes of one type are written up to a resourceVersion.

        Parameters
        ----------
        plural, resource_version : str
        seconds : float
            How long at most.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: rank(self._reached.get(plural, "")) >= rank(resource_version), seconds
            )

    def close(self) -> float:
        """Write when it ended, and put the changes of several types in order.

        Returns
        -------
        float
            How long it lasts, in seconds.

        Raises
        ------
        RecordingError
            When that cannot be done; the file can be loaded as it is.
        """
        with self._changed:
            self._is_closed = True
            try:
                with contextlib.suppress(RecordingError):
                    # The last line says how long a recording lasts.
                    self._append(recording.progress_line(self._moment(), self._known))
            finally:
                self._lines.close()
        _put_in_order(self._lines.path)
        return self._last_at

    def _moment(self) -> float:
        self._last_at = max(self._last_at, self.at())
        return self._last_at

    def _write(self, line: bytes) -> None:
        if not self._is_closed:
            self._append(line)

    def _append(self, line: bytes) -> None:
        if self._lines.size + len(line) > _SIZE_LIMIT_BYTES:
            limit = f"{_SIZE_LIMIT_BYTES:,}"
            raise RecordingError(str(self._lines.path), 0, say("record.full", limit=limit))
        self._lines.append(line)


_SIZE_LIMIT_BYTES: Final = recording.FILE_LIMIT_BYTES - 4096
"""Room is left for the last line, without which a longer file could not be loaded."""


def _put_in_order(path: Path) -> None:
    ordered = path.with_name(f".{path.name}.{os.getpid()}.gz")
    ordered = ordered if path.suffix == ".gz" else ordered.with_suffix("")
    try:
        recording.save(recording.load(path), ordered)
        ordered.replace(path)
    except OSError as error:
        ordered.unlink(missing_ok=True)
        reason = say("record.not_ordered", reason=error.strerror or error)
        raise RecordingError(str(path), 0, reason) from error
