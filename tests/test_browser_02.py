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
OPEN, GUESS, REQUESTS, STRIP, PRESENT, SINCE, STARTS = range(1, 8)
COST: Final = 12
MINE: Final = 14
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
    for cell in (OPEN, GUESS, REQUESTS, STRIP, COST):
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


def test_from_the_guess_to_the_function_from_memory(learner: Learner) -> None:
    """A learner who guesses well, counts the starts and writes the function is told so."""
    learner.run(OPEN)
    learner.write(GUESS, 'guess = kwlab.Guess(asked=["rv@0", "rv@4", "none"])')
    learner.run(GUESS)
    learner.run(REQUESTS)
    assert "your guess" in learner.texts()[-1]
    learner.write(
        STARTS,
        'starts = kwlab.exercise("four-starts")\n'
        "starts.check(unset=2, zero=2, list_rv=14, future=0)",
    )
    learner.run(STARTS)
    assert learner.texts()[-1].startswith("Correct.")
    learner.write(MINE, WRITTEN)
    learner.run(MINE)
    assert learner.texts()[-1].startswith("Correct.")
    assert [] == learner.failures()
