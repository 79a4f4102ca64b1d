"""A finding: how bad it is, and one line that says so."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from kwlab.messages import say


class Level(enum.StrEnum):
    """Name how bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """Something is not there that can be done without."""
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold what one check found.

    Parameters
    ----------
    level : Level
    said : str
        On one line; the remedy stands in it unless all is well.
    """

    level: Level
    said: str


def ok(key: str, **facts: object) -> Finding:
    """Find that something is as it should be.

    Parameters
    ----------
    key : str
        The sentence, below ``doctor.`` in the catalogue.
    **facts
        What its placeholders name.

    Returns
    -------
    Finding
    """
    return Finding(Level.OK, say(f"doctor.{key}", **facts))


def warning(key: str, **facts: object) -> Finding:
    """Find that something is not there that can be done without.

    Parameters
    ----------
    key : str
        The sentence, with its remedy.
    **facts
        What its placeholders name.

    Returns
    -------
    Finding
    """
    return Finding(Level.WARNING, say(f"doctor.{key}", **facts))


def problem(key: str, **facts: object) -> Finding:
    """Find that something keeps kwlab from working.

    Parameters
    ----------
    key : str
        The sentence, with its remedy.
    **facts
        What its placeholders name.

    Returns
    -------
    Finding
    """
    return Finding(Level.PROBLEM, say(f"doctor.{key}", **facts))
