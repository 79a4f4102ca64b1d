"""Notebook 02 as a learner goes through it: guess, ask, move the sliders, write from memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from tests.notebook_files import COMMITTED

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser import JupyterLab, Learner

pytestmark = pytest.mark.needs("chromium")

NOTEBOOK: Final = next(path for path in COMMITTED if path.name.startswith("02"))
OPEN, REQUESTS, STRIP, PRESENT, SINCE, STARTS = range(1, 7)
COST: Final = 11
MINE: Final = 13
GUESSED: Final = """\
both = lab.compare(wrong=wrong, correct=correct, guess=kwlab.Guess(asked={}))
both.requests"""
WRITTEN: Final = """\
def mine(options):
    return lab.api.list_config_map_for_all_namespaces(
        watch=True,
        _preload_content=False,
        **options.replace(timeout_seconds=60, label_selector="app=web"),
    )


kwlab.exercise("write-it").check(mine)"""


@pytest.fixture(name="learner")
def _learner(chromium: Browser, jupyterlab: JupyterLab) -> Iterator[Learner]:
    """Open the learner's copy; at the end nothing has gone wrong or left the machine."""
    learner = jupyterlab.open(chromium, NOTEBOOK.name, sources=(NOTEBOOK,))
    yield learner
    wrong = learner.errors.copy(), learner.strangers.copy()
    learner.close()
    assert ([], []) == wrong


def test_the_strip_keeps_its_looks_beside_the_sliders(learner: Learner) -> None:
    """Each view has a style of its own: the later one does not take the place of the earlier."""
    for cell in (OPEN, REQUESTS, STRIP, COST):
        learner.run(cell)
    learner.page.locator(".kwcost-slider").first.wait_for()
    looks = [
        learner.page.locator(selector).first.evaluate(f"e => getComputedStyle(e).{name}")
        for selector, name in (
            (".kwstrip-overlay", "position"),
            (".kwstrip-buttons", "display"),
            (".kwstrip-hint", "display"),
            (".kwcost-row", "display"),
        )
    ]
    assert ["absolute", "flex", "none", "flex"] == looks


def test_a_slider_at_its_end_changes_no_cell_that_runs_at_once(learner: Learner) -> None:
    """While a slider's answer is on its way, on another thread, cells say what they say alone."""
    learner.write(PRESENT, "both.strip.go_to(lost=2)\nprint(both.strip)\nlab.ask(at=32.05)")
    learner.run_all()
    cells = (PRESENT, REQUESTS, COST - 1, MINE)
    alone = {number: learner.text(number) for number in (*cells, COST + 1)}
    assert "50 pods, no change, 20 reconnects" in alone[COST + 1]
    sliders = learner.page.locator("input[type=range]")
    sliders.nth(2).wait_for()
    for turn, number in enumerate(cells):
        strip, pods, reconnects = sliders.all()
        learner.drag(strip, turn % 2)
        learner.drag(reconnects, 1.0)
        learner.drag(pods, 1.0)
        # The second of them puts the sliders back.
        for run in (number, COST + 1):
            learner.run(run)
            assert alone[run] == learner.text(run)


def test_from_the_guess_to_the_function_from_memory(learner: Learner) -> None:
    """A learner who guesses well, counts the starts and writes the function is told so."""
    learner.run(OPEN)
    learner.write(REQUESTS, GUESSED.format(["rv@0", "rv@4", "none"]))
    learner.run(REQUESTS)
    assert "your guess" in learner.texts()[-1]
    learner.write(
        STARTS,
        'starts = kwlab.exercise("four-starts")\n'
        "starts.check(unset=12, zero=12, rv_4=10, future=0)",
    )
    learner.run(STARTS)
    assert learner.texts()[-1].startswith("Correct.")
    learner.write(MINE, WRITTEN)
    learner.run(MINE)
    assert learner.texts()[-1].startswith("Correct.")
    assert [] == learner.failures()
