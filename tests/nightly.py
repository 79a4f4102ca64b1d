"""How much more is tried at night than by ``make test``."""

from __future__ import annotations

from typing import Final

import hypothesis

IS_NIGHTLY: Final = hypothesis.settings().max_examples >= 1_000
"""Whether Hypothesis was given the profile of ``make nightly``."""

SCHEDULES: Final = 10_000 if IS_NIGHTLY else 200
"""How many random histories with random faults a watcher is tried on."""

EVENTS_TOTAL: Final = 1_000_000 if IS_NIGHTLY else 30_000
"""How many events go through a watcher whose memory is looked at."""
