"""Committed notebooks keep the rules that nbval does not check, and each rule can be broken."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests import notebook_rules
from tests.notebook_files import COMMITTED, METADATA, name_of
from tests.notebook_rules import HEADINGS, RULES

Breaker = Callable[[NotebookNode], Any]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", COMMITTED, ids=name_of)
def test_committed_notebooks_keep_the_rules(path: Path, rule: Callable[..., Any]) -> None:
    """Every committed notebook keeps every rule."""
    assert [] == list(rule(nbformat.read(path, as_version=4)))


def _good() -> NotebookNode:
    cells = [
        new_code_cell(
            f"print({n})", execution_count=n, outputs=[new_output("stream", text=f"{n}\n")]
        )
        for n in (1, 2, 3)
    ]
    title = new_markdown_cell("# See\n" + "\n".join(HEADINGS))
    made: NotebookNode = new_notebook(cells=[title, *cells], metadata=METADATA)
    return made


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_notebook_breaks_no_rule(rule: Callable[..., Any]) -> None:
    """A notebook that does everything right draws no complaint."""
    assert [] == list(rule(_good()))


def _strip(notebook: NotebookNode) -> None:
    for cell in notebook.cells[1:]:
        cell.outputs, cell.execution_count = [], None


def _show(mime: str, content: str) -> Breaker:
    return lambda nb: nb.cells[1].outputs.append(new_output("display_data", data={mime: content}))


def _write(source: str) -> Breaker:
    return lambda nb: nb.cells[1].update(source=source)


def _tag(tag: str) -> Breaker:
    return lambda nb: nb.cells[1].metadata.update(tags=[tag])


def _say(text: str) -> Breaker:
    return lambda nb: nb.cells[0].update(source=text)


BREAKERS: dict[str, tuple[str, Breaker]] = {
    "all outputs stripped": ("is_run_in_order", _strip),
    "nothing shown": ("shows_text", _strip),
    "run in another order": ("is_run_in_order", lambda nb: nb.cells.reverse()),
    "output ignored": ("hides_nothing_from_nbval", _tag("nbval-ignore-output")),
    "cell skipped": ("hides_nothing_from_nbval", _tag("nbval-skip")),
    "an error": (
        "fails_nowhere",
        lambda nb: nb.cells[1].outputs.append(new_output("error", ename="E", evalue="no")),
    ),
    "a warning": (
        "fails_nowhere",
        lambda nb: nb.cells[1].outputs.append(new_output("stream", name="stderr", text="!")),
    ),
    "widget state": ("keeps_no_widgets", lambda nb: nb.metadata.update(widgets={})),
    "widget view": (
        "keeps_no_widgets",
        _show("application/vnd.jupyter.widget-view+json", "{}"),
    ),
    "no kernel": ("names_its_kernel", lambda nb: nb.metadata.pop("kernelspec")),
    "inline SVG": ("shows_pictures_to_strangers", _show("text/html", "<p><svg></svg>")),
    "a picture from afar": (
        "shows_pictures_to_strangers",
        _show("text/html", '<img src="https://example.org/a.png">'),
    ),
    "an address": ("prints_no_address", _show("text/plain", "<object at 0x7f00deadbeef>")),
    "interact": ("uses_no_banned_idiom", _write("interact(f, x=3)")),
    "clear_output": ("uses_no_banned_idiom", _write("clear_output(wait=True)")),
    "Output widget": ("uses_no_banned_idiom", _write("with Output():\n    print(1)")),
    "display update": ("uses_no_banned_idiom", _write("h = display(1, display_id=True)")),
    "a guess of its own": ("uses_no_banned_idiom", _write("guess = kwlab.Guess(pods=1)")),
    "semicolon": ("uses_no_banned_idiom", _write("plot();\n")),
    "mark in a comment": ("uses_no_banned_idiom", _write("# NBVAL_IGNORE_OUTPUT\nprint(1)")),
    "a long cell": ("is_short", _write("x = 1\n" * 13)),
    "many cells": ("is_short", lambda nb: nb.cells.extend([new_markdown_cell("a")] * 30)),
    "many words": ("is_short", _say("word " * 1_300)),
    "no title": ("has_the_headings", _say("\n".join(HEADINGS))),
    "a heading missing": ("has_the_headings", _say("# See\n" + "\n".join(HEADINGS[1:]))),
    "headings turned round": ("has_the_headings", _say("# See\n" + "\n".join(HEADINGS[::-1]))),
}


@pytest.mark.parametrize("what", BREAKERS)
def test_a_broken_notebook_is_named(what: str) -> None:
    """Each way to break a notebook draws a complaint from the rule that is meant for it."""
    rule, breaker = BREAKERS[what]
    broken = copy.deepcopy(_good())
    breaker(broken)
    assert list(getattr(notebook_rules, rule)(broken))


def test_every_rule_has_been_seen_to_fail() -> None:
    """No rule stands in the list that no broken notebook sets off."""
    assert {rule.__name__ for rule in RULES} == {rule for rule, _ in BREAKERS.values()}
