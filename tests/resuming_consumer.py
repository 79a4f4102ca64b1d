"""What a program does that must survive being killed: handle an event, then save how far it is.

    python -m tests.resuming_consumer URL FOLDER LAST

It goes on from ``FOLDER/saved``, writes what it handled to ``FOLDER/handled``, and ends after LAST.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import urllib3

import kwlab
from kwlab import wire


def main(url: str, folder: Path, last: str) -> None:
    saved = folder / "saved"
    pool = urllib3.PoolManager()

    def watch(options: kwlab.ListOptions) -> object:
        address = f"{url}?{wire.query(options, watch=True)}"
        return pool.request("GET", address, preload_content=False, retries=False)

    handled = os.open(folder / "handled", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with kwlab.RetryWatcher(saved.read_text(), watch) as watcher:
        for event in watcher:
            os.write(handled, f"{os.getpid()} {event.resource_version}\n".encode())
            new = folder / "saved.new"
            new.write_text(event.resource_version)
            new.replace(saved)
            if event.resource_version == last:
                return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
