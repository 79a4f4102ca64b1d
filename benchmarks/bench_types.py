"""What a bench is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Timed: TypeAlias = Callable[[], float | None]
"""What is timed; it may return its own seconds, when it alone can measure them."""
