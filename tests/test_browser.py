"""Each notebook, as a learner meets it: in JupyterLab, in a browser, on a copy without outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.notebook_files import COMMITTED, make, name_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser import JupyterLab, Learner

pytestmark = pytest.mark.needs("chromium")

Open = Callable[..., "Learner"]


@pytest.fixture(name="open_notebook")
def _open_notebook(chromium: Browser, jupyterlab: JupyterLab) -> Iterator[Open]:
    """Open notebooks; at the end nothing has gone wrong on a page or left the machine."""
    learners: list[Learner] = []

    def open_notebook(path: Path) -> Learner:
        learners.append(jupyterlab.open(chromium, path.name, sources=(path,)))
        return learners[-1]

    yield open_notebook
    wrong = [(learner.errors.copy(), learner.strangers.copy()) for learner in learners]
    for learner in learners:
        # Afterwards, because JupyterLab complains when its kernel is taken away.
        learner.close()
    assert [([], [])] * len(learners) == wrong


@pytest.mark.parametrize("path", COMMITTED, ids=name_of)
def test_nothing_is_on_the_page_before_it_is_run(open_notebook: Open, path: Path) -> None:
    """A learner's copy opens without a single output."""
    learner = open_notebook(path)
    assert [] == learner.outputs()
    assert 0 == learner.page.locator(".jp-OutputArea-output").count()


@pytest.mark.parametrize("path", COMMITTED, ids=name_of)
def test_run_all_runs_all_and_no_key_changes_a_cell(open_notebook: Open, path: Path) -> None:
    """Run All ends without an error, and no key in any control touches the learner's cells."""
    learner = open_notebook(path)
    learner.run_all()
    assert [] == learner.failures()
    learner.shoot(learner.page, path.stem)
    assert [] == learner.press_everything()


BUTTON = "import ipywidgets\n\nipywidgets.Button(description='press')"


def test_a_cell_that_a_key_changes_is_noticed(open_notebook: Open, tmp_path: Path) -> None:
    """The harness can fail: R with a plain button focused turns the learner's cell into Raw."""
    learner = open_notebook(make(tmp_path / "01-toy.ipynb", "# Toy", BUTTON))
    learner.run_all()
    assert 1 == learner.controls().count()
    (complaint,) = learner.press_everything()
    assert complaint.startswith("r in <button")


def test_an_error_in_a_cell_is_noticed(open_notebook: Open, tmp_path: Path) -> None:
    """The harness can fail: an exception in a cell is found and named."""
    learner = open_notebook(make(tmp_path / "01-toy.ipynb", "# Toy", "1 / 0"))
    learner.run_all()
    assert ["ZeroDivisionError: division by zero"] == learner.failures()


def test_what_a_learner_writes_is_run(open_notebook: Open, tmp_path: Path) -> None:
    """The harness can change one cell and run it alone."""
    learner = open_notebook(make(tmp_path / "01-toy.ipynb", "# Toy", "print(1)", "print(2)"))
    learner.write(2, "print(3)")
    learner.run(2)
    assert ["3\n"] == learner.texts()


def test_requests_and_errors_of_a_page_are_noticed(
    chromium: Browser, jupyterlab: JupyterLab, tmp_path: Path
) -> None:
    """The harness can fail: a picture from another machine is named, and does not load."""
    html = "from IPython.display import HTML\n\nHTML('<img src=\"http://example.org/a.png\">')"
    path = make(tmp_path / "01-toy.ipynb", "# Toy", html)
    learner = jupyterlab.open(chromium, path.name, sources=(path,))
    with learner.page.expect_event("requestfailed"):
        learner.run_all()
    learner.close()
    assert {"http://example.org/a.png"} == set(learner.strangers)
    assert [error for error in learner.errors if "ERR_NAME_NOT_RESOLVED" in error]
