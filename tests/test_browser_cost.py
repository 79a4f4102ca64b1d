"""The cost explorer in a real JupyterLab: dragged, stepped with arrows, and after an edit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.notebook_files import make

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

    from tests.browser import JupyterLab, Learner

pytestmark = pytest.mark.needs("chromium")

WRONG: Final = """\
def wrong(options):
    options = kwlab.ListOptions(timeout_seconds=60)
    return lab.api.list_namespaced_pod(
        lab.namespace, watch=True, _preload_content=False, **options
    )"""
FIXED: Final = WRONG.replace("kwlab.ListOptions", "options.replace")
CELLS: Final = (
    "# Toy",
    "import kwlab\n\nlab = kwlab.open_lab()",
    WRONG,
    FIXED.replace("wrong", "correct"),
    "cost = kwlab.CostExplorer(wrong=wrong, correct=correct, pods=10, reconnects=4)\ncost",
    "print(cost)",
    "cost.chart()",
)
FUNCTION, EXPLORER, PRINT, CHART = 2, 4, 5, 6


@pytest.fixture(name="learner")
def _learner(chromium: Browser, jupyterlab: JupyterLab, tmp_path: Path) -> Iterator[Learner]:
    """Open the notebook and run it; at the end nothing has gone wrong or left the machine."""
    path = make(tmp_path / "02-cost.ipynb", *CELLS)
    learner = jupyterlab.open(chromium, path.name, sources=(path,))
    learner.run_all()
    yield learner
    wrong = learner.errors.copy(), learner.strangers.copy()
    learner.close()
    assert ([], []) == wrong


def output(learner: Learner, number: int) -> Locator:
    """Find the output area of the code cell of that number."""
    return learner.page.locator(".jp-CodeCell").nth(number - 1).locator(".jp-OutputArea").first


def sentence(learner: Learner, starts: str, includes: str = "") -> str:
    """Wait until the explorer says something; the kernel answers each move."""
    said = output(learner, EXPLORER).locator("[aria-live]")
    learner.page.wait_for_function(
        "([said, starts, includes]) =>"
        " said.innerText.startsWith(starts) && said.innerText.includes(includes)",
        arg=[said.element_handle(), starts, includes],
    )
    return said.inner_text()


def theme(learner: Learner, name: str) -> None:
    """Choose a theme, and wait until the page has it."""
    learner.page.evaluate(
        "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name
    )
    light = str("Light" in name).lower()
    learner.page.locator(f"body[data-jp-theme-light='{light}']").wait_for(state="attached")
    learner.page.locator("#jupyterlab-splash").wait_for(state="hidden")


def test_sliders_run_both_functions_again(learner: Learner) -> None:
    """Arrows and a drag move the sliders; the numbers follow, the focus and the cells stay."""
    assert sentence(learner, "10 pods, no change, 4 reconnects: wrong is handed 50 events")
    before = learner.cells()
    shown = output(learner, EXPLORER)
    pods, reconnects = shown.get_by_role("slider").all()
    learner.shoot(shown, "02-cost")

    pods.focus()
    for key, count in (("ArrowRight", "11 pods"), ("Home", "1 pod"), ("PageUp", "51 pods")):
        learner.page.keyboard.press(key)
        assert sentence(learner, f"{count}, no change, 4 reconnects", "correct 0.")
        for letter in "rmx":
            learner.page.keyboard.press(letter)
        assert pods.evaluate("slider => slider === document.activeElement")
    learner.page.keyboard.press("Tab")
    assert reconnects.evaluate("slider => slider === document.activeElement")
    learner.page.keyboard.press("End")
    assert sentence(learner, "51 pods, no change, 60 reconnects: wrong is handed 3,111 events")

    learner.drag(reconnects, 1 / 3)
    assert "20" == reconnects.input_value()
    assert sentence(learner, "51 pods, no change, 20 reconnects: wrong is handed 1,071 events")
    learner.drag(pods, 1.0)
    assert sentence(learner, "500 pods, no change, 20 reconnects: wrong is handed 10,500 events")
    learner.run(PRINT)
    assert any("500 pods, no change, 20 reconnects" in text for text in learner.texts())
    assert before == learner.cells()
    learner.shoot(shown, "02-cost-dragged")
    assert [] == learner.press_everything()


def test_an_edited_function_shows_in_the_next_move(learner: Learner) -> None:
    """Change a line of `wrong`, run its cell, move a slider: other numbers, and errors are said."""
    assert sentence(learner, "10 pods", "wrong is handed 50 events")
    learner.write(FUNCTION, FIXED)
    learner.run(FUNCTION)
    pods = output(learner, EXPLORER).get_by_role("slider").first
    pods.focus()
    learner.page.keyboard.press("ArrowRight")
    assert sentence(learner, "11 pods", "wrong is handed 0 events, correct 0.")
    learner.write(FUNCTION, FIXED.replace("60", "sixty"))
    learner.run(FUNCTION)
    pods.focus()
    learner.page.keyboard.press("ArrowRight")
    assert sentence(
        learner, "12 pods", "a function raised NameError: name 'sixty' is not defined ("
    )
    learner.page.keyboard.press("ArrowRight")
    assert sentence(learner, "13 pods", "NameError")
    learner.write(FUNCTION, WRONG)
    learner.run(FUNCTION)
    pods.focus()
    learner.page.keyboard.press("ArrowRight")
    assert sentence(learner, "14 pods", "wrong is handed 70 events, correct 0.")


def test_a_chart_is_seen_and_read(learner: Learner) -> None:
    """In the notebook stand the picture, its words and its numbers, in either theme."""
    shown = output(learner, CHART)
    assert shown.locator("img").evaluate("img => img.naturalWidth > 0")
    shown.locator("summary").click()
    assert shown.get_by_role("table").is_visible()
    assert "wrong is handed 10 at 10, and 2,100 at 2,100." in shown.inner_text()
    learner.shoot(shown, "02-chart")
    theme(learner, "JupyterLab Dark")
    learner.shoot(shown, "02-chart-dark")
    learner.shoot(output(learner, EXPLORER), "02-cost-dark")
    card = output(learner, EXPLORER).locator("svg .card")
    assert "rgb(21, 25, 29)" == card.evaluate("card => getComputedStyle(card).fill")
    theme(learner, "JupyterLab Light")
