"""What the extra ``lab`` brings, and the library does without."""

from __future__ import annotations

import importlib.util

from kwlab.errors import LabError
from kwlab.messages import say


def require(package: str) -> None:
    """Say in one sentence what to install where a package of the extra is not."""
    if importlib.util.find_spec(package) is None:
        raise LabError(say("extra.missing", package=package))
