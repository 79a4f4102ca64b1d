"""Count the threads and files that are open, and wait for what must come."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LONG = 20.0
"""A real second or so is what anything here takes; after so many the test has failed."""


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, and fail when it does not come."""
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.002)


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fail when a thread or an open file is left."""
    before = set(threading.enumerate()), open_files()
    yield
    if open_files() > before[1]:
        gc.collect()
    assert set(threading.enumerate()) <= before[0]
    assert open_files() <= before[1]
