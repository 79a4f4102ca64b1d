"""What each kind of object has for its printer: a name, an age, labels, and words for what lacks.

References
----------
kubernetes 1.37, ``pkg/printers/internalversion/printers.go``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from kwlab.server.ages import since

NONE: Final = "<none>"
UNSET: Final = "<unset>"


class Metadata(msgspec.Struct, rename="camel", frozen=True):
    """Hold what printers read of an object's metadata."""

    name: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Printed(msgspec.Struct, frozen=True):
    """Hold what every kind of object has."""

    metadata: Metadata = Metadata()

    @property
    def name(self) -> str:
        """Give the cell of the first column."""
        return self.metadata.name

    def age(self, now: datetime | None) -> str:
        """Say how long ago the object was created, as seen at a moment."""
        return since(self.metadata.creation_timestamp, now)


def as_selector(labels: Mapping[str, str] | None) -> str:
    """Write labels as the selector that takes what has them all.

    Parameters
    ----------
    labels : mapping or None

    Returns
    -------
    str
        ``<none>`` when there is none.

    Examples
    --------
    >>> as_selector({"tier": "web", "app": "shop"}), as_selector(None)
    ('app=shop,tier=web', '<none>')
    """
    return ",".join(sorted(f"{key}={value}" for key, value in (labels or {}).items())) or NONE
