"""Tell the harness what a library delivered: one line of JSON for each thing, at once.

Standard library only: it is imported in the environment of every library.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any


def say(**facts: Any) -> None:
    """Print one line, whole also where several threads do."""
    os.write(1, json.dumps(facts).encode() + b"\n")


def event(kind: str, metadata: dict[str, Any]) -> None:
    """Report one delivered event; ``LISTED`` for an object of a list."""
    say(
        type=kind,
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        cpu=time.process_time(),
    )


def model(kind: str, thing: Any) -> None:
    """Report an event whose object is one of the official client's models."""
    metadata = thing.metadata
    event(
        kind,
        {
            "namespace": metadata.namespace,
            "name": metadata.name,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
    )


def code_of(error: Exception) -> int | None:
    """Find the HTTP code, or the Status's, where each library keeps it; None without one."""
    status = getattr(error, "status", None)
    answer = getattr(error, "response", None)
    found = (
        status,
        getattr(status, "code", None),
        getattr(error, "code", None),
        getattr(answer, "status_code", None),
    )
    return next((code for code in found if isinstance(code, int)), None)


def run(main: Callable[[], None]) -> None:
    """Run a program that watches, and report how it ended."""
    try:
        main()
    except Exception as error:
        kind = type(error)
        name = f"{kind.__module__.split('.')[0]}.{kind.__qualname__}"
        say(raised=name, code=code_of(error), message=" ".join(str(error).split())[:200])
    else:
        say(ended=True)
    # Threads that a library left running are not waited for.
    os._exit(0)


NAMESPACE = os.environ.get("KWLAB_NAMESPACE", "default")
