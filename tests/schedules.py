"""Random schedules: a story that is made, and what goes wrong in it, from a seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kwlab.history import History, Resource
from kwlab.made import Action, Step, made
from kwlab.server.faults import Cut, Error, Fault, Forget, Malformed, Refuse, Scenario, Silence

CALM_SECONDS: Final = 30.0
"""Nothing goes wrong so shortly before the end, so that whoever goes on has time to do so."""
_UNREADABLE: Final = (
    '{"type":"MODIFIED","object":{"metadata":',
    '{"type":"BOOKMARK","object":{"metadata":{}}}',
    "upstream connect error",
)
_OTHERS: Final = Resource("", "v1", "configmaps", "ConfigMap")
"""Nobody watches them; they move the resourceVersion of bookmarks."""


@dataclass(frozen=True)
class Schedule:
    """Hold what is played to a watch function.

    Parameters
    ----------
    history : History
        What is deleted stays deleted.
    scenario : tuple of faults
    watch_seconds : int
        The timeout of a watch that makes many things coincide.
    """

    history: History
    scenario: Scenario
    watch_seconds: int


def schedule(
    seed: object, template: History, *, seconds: float = 100.0, calm_seconds: float = CALM_SECONDS
) -> Schedule:
    """Make a schedule.

    Parameters
    ----------
    seed : object
        Equal ones, as text, give equal schedules.
    template : History
        Its objects are cloned.
    seconds : float
        How long the story lasts.
    calm_seconds : float
        How long before its end the last fault is over, in seconds.

    Returns
    -------
    Schedule
    """
    dice = random.Random(str(seed))
    existing = [f"web-{n}" for n in range(1, dice.randint(2, 6))]
    steps = list(_steps(dice, existing, seconds))
    history = made(template, steps, existing=existing, seconds=seconds, resources=(_OTHERS,))
    until = seconds - calm_seconds
    faults = [each for _ in range(dice.randint(2, 6)) for each in _faults(dice, history, until)]
    return Schedule(history, tuple(faults), dice.choice((5, 8, 10, 15, 20, 60)))


def _steps(dice: random.Random, existing: list[str], seconds: float) -> Iterator[Step]:
    """Change pods at half seconds, some of them at one moment, with pauses in between."""
    alive, born, at = list(existing), len(existing), 0.0
    has_other = False
    while (at := at + dice.choice((0.0, 0.5, 0.5, 1.0, 2.0, 5.0, 12.0))) < seconds:
        action: Action = dice.choice(("add", "modify", "modify", "delete"))
        if dice.random() < 0.3:
            yield Step(at, "modify" if has_other else "add", "other", resource=_OTHERS.plural)
            has_other = True
        elif action == "add" or not alive:
            born += 1
            alive.append(f"web-{born}")
            yield Step(at, "add", alive[-1])
        else:
            name = dice.choice(alive)
            if action == "delete":
                alive.remove(name)
            yield Step(at, action, name)


def _faults(dice: random.Random, history: History, until: float) -> Iterator[Fault]:
    """Let one or two things go wrong, half of the time at the moment of a change."""
    moments = [change.at for change in history.changes if change.at <= until]
    at = (
        dice.choice(moments)
        if moments and dice.random() < 0.5
        else dice.randint(0, int(2 * until)) / 2
    )
    at = min(at, until)
    lasting = min(dice.choice((0.0, 0.5, 2.0, 5.0, 12.0)), until - at)
    match dice.choice(("cut", "cut", "cut", "silence", "forget", "refuse", "error", "malformed")):
        case "cut":
            line_bytes = dice.choice((0, 0, 1, 80, 100_000))
            how = dice.choice(("fin", "reset"))
            yield Cut(at=at, away_seconds=lasting, line_bytes=line_bytes, how=how)
            if dice.random() < 0.15:
                yield Forget(at=at + lasting * dice.random())
        case "silence":
            yield Silence(at=at)
            if dice.random() < 0.3:
                yield Forget(at=at + lasting)
        case "forget":
            yield Forget(at=at)
        case "refuse":
            code = dice.choice((401, 403, 410, 429, 429, 500, 502, 503, 503, 504))
            retry = dice.choice((0, 0, 2, 9))
            yield Refuse(at=at, seconds=lasting, code=code, retry_after_seconds=retry)
            yield Cut(at=at)
        case "error":
            code = dice.choice((410, 429, 500, 500, 503))
            yield Error(at=at, code=code, retry_after_seconds=dice.choice((0, 0, 2)))
        case _:
            yield Malformed(at=at, line=dice.choice(_UNREADABLE))
