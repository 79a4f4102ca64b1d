"""A server in a process of its own, so that its memory can be measured. Ends with its input."""

from __future__ import annotations

import sys
from typing import Final

from kwlab.made import made_evenly
from kwlab.server import connection
from kwlab.server.serve import Served
from tests.histories import pods

OBJECTS: Final = 2000
CHANGES: Final = 400
LOG_BYTES: Final = 8 * 1024 * 1024


def main() -> None:
    """Serve many pods, with a log whose bound is met early; print the port."""
    connection.LOG_LIMIT_BYTES = LOG_BYTES  # type: ignore[misc]
    past = made_evenly(pods(existing=("a",)), objects=OBJECTS, changes=CHANGES, seconds=60.0)
    with Served(past, speed=10) as served:
        print(served.port, past.resource_version, flush=True)
        sys.stdin.read()
        print(len(served.requests), served.forgotten, flush=True)


if __name__ == "__main__":
    main()
