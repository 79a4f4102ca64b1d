"""How long ago something was, in the few characters that kubectl has room for.

References
----------
k8s.io/apimachinery 0.37, ``pkg/util/duration/duration.go``: the borders are its.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from kwlab.history import History

UNKNOWN: Final = "<unknown>"

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_YEAR: Final = 365 * _DAY

_STEPS: Final = (
    (2 * _MINUTE, 1, "s", 0, ""),
    (10 * _MINUTE, _MINUTE, "m", 1, "s"),
    (3 * _HOUR, _MINUTE, "m", 0, ""),
    (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    (2 * _DAY, _HOUR, "h", 0, ""),
    (8 * _DAY, _DAY, "d", _HOUR, "h"),
    (2 * _YEAR, _DAY, "d", 0, ""),
    (8 * _YEAR, _YEAR, "y", _DAY, "d"),
)
"""Up to so many seconds: the unit, its letter, the unit of the rest (0 for none), its letter."""


def began(history: History) -> datetime | None:
    """Give the instant at which a history's time began.

    Parameters
    ----------
    history : History

    Returns
    -------
    datetime or None
        In UTC; None where nobody knows.
    """
    try:
        instant = datetime.fromisoformat(history.recorded)
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def since(then: datetime | None, now: datetime | None) -> str:
    """Say how long ago a moment was.

    Parameters
    ----------
    then, now : datetime or None
        None where nobody knows.

    Returns
    -------
    str
        ``<unknown>`` when one of them is None.
    """
    if then is None or now is None:
        return UNKNOWN
    return human_duration((now - then).total_seconds())


def human_duration(seconds: float) -> str:
    """Write a duration in two or three figures.

    Parameters
    ----------
    seconds : float

    Returns
    -------
    str
        A clock may be a second behind; what is further in the future is ``<invalid>``.

    Examples
    --------
    >>> [human_duration(seconds) for seconds in (119.9, 120, 125, 8 * 3600, 90 * 86400)]
    ['119s', '2m', '2m5s', '8h', '90d']
    """
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    for border, unit, letter, rest_unit, rest_letter in _STEPS:
        if whole < border:
            count, rest = divmod(whole, unit)
            small = rest // rest_unit if rest_unit else 0
            return f"{count}{letter}" + (f"{small}{rest_letter}" if small else "")
    return f"{whole // _YEAR}y"
