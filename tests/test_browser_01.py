"""Notebook 01 as a learner goes through it: guess, look, walk, answer, fix, prove."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import pytest

from tests.notebook_files import COMMITTED

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

    from tests.browser import JupyterLab, Learner

pytestmark = pytest.mark.needs("chromium")

NOTEBOOK: Final = next(path for path in COMMITTED if path.name.startswith("01"))
OPEN, WRONG, PICTURE, STRIP, GO_TO, READ, REQUESTS, MINE, CHECK, BOTH = range(1, 11)
GUESSED: Final = "seen = lab.compare(wrong=wrong, guess=kwlab.Guess({}))\nseen"
FIXED: Final = """\
def mine(options):
    options = options.replace(timeout_seconds=60)
    return lab.api.list_namespaced_pod(
        lab.namespace, watch=True, _preload_content=False, **options
    )"""

Walk = Callable[[int], "Learner"]


@pytest.fixture(name="learner")
def _learner(chromium: Browser, jupyterlab: JupyterLab) -> Iterator[Learner]:
    """Open the learner's copy; at the end nothing has gone wrong or left the machine."""
    learner = jupyterlab.open(chromium, NOTEBOOK.name, sources=(NOTEBOOK,))
    yield learner
    wrong = learner.errors.copy(), learner.strangers.copy()
    learner.close()
    assert ([], []) == wrong


def output(learner: Learner, number: int) -> Locator:
    """Find the output area of the code cell of that number."""
    return learner.page.locator(".jp-CodeCell").nth(number - 1).locator(".jp-OutputArea").first


def wait_for_place(slider: Locator, begins: str) -> None:
    """Wait until the slider says a place: the kernel answers each move."""
    slider.page.wait_for_function(
        "([slider, begins]) => slider.getAttribute('aria-valuetext').startsWith(begins)",
        arg=[slider.element_handle(), begins],
    )


def test_from_the_bug_to_the_proof(learner: Learner) -> None:
    """A learner who guesses, answers and changes one line is told at each step how it went."""
    learner.run(OPEN)
    learner.run(WRONG)
    learner.write(PICTURE, GUESSED.format('events="more", pods=1'))
    learner.run(PICTURE)
    assert learner.texts()[-1].endswith(
        "You guessed more events: so it was. You guessed 1 pod: it believes in 3."
    )
    learner.shoot(output(learner, PICTURE), "01-first-picture")
    for guess, failed in (('events="lots"', True), ("events=None, pods=None", False)):
        learner.write(PICTURE, GUESSED.format(guess))
        learner.run(PICTURE)
        assert "You guessed" not in "".join(learner.texts()), "an old guess is still there"
        assert failed is bool(learner.failures())
    learner.write(
        READ,
        'ex = kwlab.exercise("read-the-strip")\n'
        'ex.check(ghosts=["web-4"], never_came=1, came_again=3)',
    )
    learner.run(READ)
    assert learner.texts()[-1].startswith("Correct. Only web-4 is a ghost")
    learner.shoot(output(learner, READ), "01-another-cut")
    learner.run(MINE)
    learner.run(CHECK)
    assert "Not attempted yet: mine still does what wrong does." == learner.texts()[-1]
    learner.write(MINE, FIXED)
    learner.run(MINE)
    learner.run(CHECK)
    assert learner.texts()[-1].startswith("Correct. 3 histories")
    learner.run(BOTH)
    assert "mine believes in 1 pod: web-9." in learner.texts()[-1]
    learner.shoot(output(learner, BOTH), "01-both-lanes")
    assert [] == learner.failures()


def test_the_strip_is_walked_by_mouse_and_by_keyboard(learner: Learner) -> None:
    """Buttons, arrows and a drag move the strip; the sentence follows and the focus stays."""
    for number in (OPEN, WRONG, PICTURE, STRIP):
        learner.run(number)
    shown = output(learner, STRIP)
    sentence = shown.locator("[aria-live]")
    sentence.wait_for()
    at_the_end = sentence.inner_text()
    before = learner.cells()

    shown.get_by_role("button", name="next lost").click()
    learner.page.wait_for_function("was => !document.body.innerText.includes(was)", arg=at_the_end)
    assert "it is never told" in sentence.inner_text()
    learner.shoot(shown, "01-next-lost")

    slider = shown.get_by_role("slider")
    slider.focus()
    for key, place in (("Home", "1 of"), ("ArrowRight", "2 of"), ("End", "20 of")):
        learner.page.keyboard.press(key)
        wait_for_place(slider, place)
        for letter in "rmx":
            learner.page.keyboard.press(letter)
        assert slider.evaluate("slider => slider === document.activeElement")

    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    learner.page.mouse.move(box["x"] + box["width"] - 4, middle)
    learner.page.mouse.down()
    learner.page.mouse.move(box["x"] + box["width"] / 2, middle, steps=8)
    learner.page.mouse.up()
    wait_for_place(slider, "1")
    assert before == learner.cells()
    learner.shoot(shown, "01-dragged")
