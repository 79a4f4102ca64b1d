"""What a learner waits for: a comparison, a picture, a step of the scrubber."""

from __future__ import annotations

import kwlab
from benchmarks.bench_types import Timed
from kwlab.lab import Lab
from kwlab.made import made_evenly
from tests import watch_functions as functions


def compare_the_story() -> Timed:
    """Compare both functions on the story recording."""
    lab = kwlab.open_lab()
    wrong, correct = functions.wrong(lab), functions.correct(lab)

    def once() -> None:
        lab.compare(wrong=wrong, correct=correct)

    return once


def compare_many() -> Timed:
    """Compare both functions on 500 changes with 20 reconnects, on a history that is made."""
    past = made_evenly(kwlab.open_lab().history, objects=12, changes=500, seconds=420.0)
    lab = Lab(past)
    wrong, correct = functions.wrong(lab), functions.correct(lab)
    scenario = [{"fault": "cut", "at": 20.0 * number} for number in range(1, 21)]

    def once() -> None:
        lab.compare(wrong=wrong, correct=correct, scenario=scenario)

    return once


def draw_the_story() -> Timed:
    """Make what a notebook shows of that: text, table and picture."""
    lab = kwlab.open_lab()
    seen = lab.compare(wrong=functions.wrong(lab), correct=functions.correct(lab))

    def once() -> None:
        seen._repr_mimebundle_()

    return once


def scrub_the_churn() -> Timed:
    """Step once along a strip of 215 changes and more than 500 delivered events."""
    lab = kwlab.open_lab("pods-churn")
    scenario = [{"fault": "cut", "at": at, "away_seconds": 1} for at in range(15, 159, 15)]
    functions_of_both = {"wrong": functions.wrong(lab), "correct": functions.correct(lab)}
    seen = lab.compare_all(functions_of_both, scenario=scenario)
    assert sum(run.count.delivered for run in seen.runs) > 500
    strip = seen.strip
    strip.widget  # noqa: B018 - the widget is made when it is first shown

    def once() -> None:
        strip.step()

    return once
