"""The watch strip in JupyterLab: what a keyboard reaches, and what is left the next day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.browser import NOTEBOOK
from tests.notebook_files import make

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

    from tests.browser import JupyterLab, Learner

pytestmark = pytest.mark.needs("chromium")

ROOT: Final = Path(__file__).parents[1]
STRIP: Final = "from kwlab.strip.widget import WatchStrip\nfrom tests.stories import story\n"


@pytest.fixture(name="learner")
def _learner(chromium: Browser, jupyterlab: JupyterLab, tmp_path: Path) -> Iterator[Learner]:
    """Open a notebook with one strip, and run it."""
    source = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{STRIP}WatchStrip(*story())"
    path = make(tmp_path / "01-strip.ipynb", "# Strip", source)
    learner = jupyterlab.open(chromium, path.name, sources=(path,))
    learner.run_all()
    yield learner
    learner.close()


def strip(learner: Learner) -> Locator:
    """Find the widget."""
    found = learner.page.locator(".kwstrip-widget")
    found.wait_for()
    return found


def test_escape_gives_the_focus_back_to_the_cell(learner: Learner) -> None:
    """A learner leaves the slider by one key, and the cell can be run again."""
    strip(learner).get_by_role("slider").focus()
    learner.page.keyboard.press("Escape")
    assert "jp-Cell" in learner.page.evaluate("document.activeElement.className")


def test_a_keyboard_scrolls_a_narrow_strip_and_is_told_that_there_is_more(
    learner: Learner,
) -> None:
    """Where the picture does not fit, a hint is seen and the region that scrolls has the focus."""
    shown = strip(learner)
    hint = shown.locator(".kwstrip-hint")
    assert not hint.is_visible()
    learner.page.set_viewport_size({"width": 720, "height": 1000})
    hint.wait_for(state="visible")
    region = shown.get_by_role("region")
    region.focus()
    learner.page.keyboard.press("ArrowRight")
    learner.page.wait_for_function("e => e.scrollLeft > 0", arg=region.element_handle())
    learner.shoot(shown, "strip-narrow")


def test_the_next_day_the_picture_is_still_there(learner: Learner) -> None:
    """Saved, without its kernel and loaded again, a strip shows its picture."""
    strip(learner)
    page = learner.page
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.evaluate(f"{NOTEBOOK}?.sessionContext?.shutdown()")
    page.reload()
    # On a busy machine JupyterLab draws before it has read the saved state, and then once more.
    page.locator(".kwstrip-picture").first.wait_for()
    learner.shoot(page, "strip-next-day")
    assert 0 == page.locator(".jupyter-widgets:has-text('Error displaying')").count()
