"""What nbval does not see in a committed notebook: one rule a function, each yields complaints.

nbval compares text, HTML and exceptions of cells that have them. A notebook whose outputs were
all stripped passes it, and so does one that was run in any order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from nbformat import NotebookNode

from tests.notebook_files import METADATA, code_cells

CELLS_MAX: Final = 25
LINES_MAX: Final = 12
WORDS_MAX: Final = 1_200
SHOWN_MIN: Final = 3
"""How many code cells of a notebook at least show text."""

HEADINGS: Final = (
    "What you'll do",
    "What you'll learn",
    "What you'll need",
    "Take away",
    "In practice",
    "Further reading",
)

BANNED: Final = {
    r"\binteract(ive|ive_output|_manual)?\s*\(": "interact: nbval cannot compare it",
    r"\bclear_output\b": "clear_output: what it cleared depends on timing",
    r"\bOutput\s*\(": "an Output widget: nbval does not see what is printed into it",
    r"\bwith\s+out(put)?\b": "an Output widget: nbval does not see what is printed into it",
    r"\bdisplay_id\b|\bupdate_display\b": "display updates: nbval compares the first one",
    r"^\w+\s*=\s*kwlab\.Guess\b": "a guess with a name: where the next one fails, it stays",
    r";\s*$": "a trailing semicolon: there is nothing left to compare",
    r"\btime\.sleep\b": "sleeping: time is virtual here",
    r"(?i)NBVAL_|PYTEST_VALIDATE_": "a mark for nbval: every output is compared",
}


def is_run_in_order(notebook: NotebookNode) -> Iterator[str]:
    """Every code cell was run, from 1 to n."""
    for expected, cell in enumerate(code_cells(notebook), start=1):
        if cell.execution_count != expected:
            yield f"{_start(cell)}: execution count {cell.execution_count}, expected {expected}"


def shows_text(notebook: NotebookNode) -> Iterator[str]:
    """Enough cells show text for nbval to have something to compare."""
    shown = sum(any(map(_text, cell.outputs)) for cell in code_cells(notebook))
    if shown < SHOWN_MIN:
        yield f"{shown} cells show text, expected at least {SHOWN_MIN}"


def hides_nothing_from_nbval(notebook: NotebookNode) -> Iterator[str]:
    """No cell is marked as not to be compared."""
    for cell in notebook.cells:
        for tag in cell.metadata.get("tags", []):
            if tag.startswith("nbval-") and tag != "nbval-check-output":
                yield f"{_start(cell)}: tag {tag}"


def fails_nowhere(notebook: NotebookNode) -> Iterator[str]:
    """No cell ends in an error, unless it is tagged to teach one."""
    for cell in code_cells(notebook):
        taught = "raises-exception" in cell.metadata.get("tags", [])
        for output in cell.outputs:
            if output.output_type == "error" and not taught:
                yield f"{_start(cell)}: {output.ename}: {output.evalue}"
            if output.get("name") == "stderr":
                yield f"{_start(cell)}: writes to stderr"


def keeps_no_widgets(notebook: NotebookNode) -> Iterator[str]:
    """No widget state and no views, which show as "Loading widget" to a reader."""
    if "widgets" in notebook.metadata:
        yield "widget state in the metadata"
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if any("widget" in mime for mime in output.get("data", {})):
                yield f"{_start(cell)}: a widget view"


def names_its_kernel(notebook: NotebookNode) -> Iterator[str]:
    """JupyterLab need not ask a learner which kernel to take."""
    if notebook.metadata != METADATA:
        yield "the metadata is not what `make notebooks` writes"


def shows_pictures_to_strangers(notebook: NotebookNode) -> Iterator[str]:
    """Pictures are data-URI images: inline SVG is stripped from a notebook that is not trusted."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            html = "".join(output.get("data", {}).get("text/html", ""))
            if "<svg" in html:
                yield f"{_start(cell)}: inline SVG"
            if re.search(r"src=[\"']?(https?:)?//", html):
                yield f"{_start(cell)}: a picture from another machine"


def prints_no_address(notebook: NotebookNode) -> Iterator[str]:
    """Nothing that differs from run to run is printed."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if re.search(r"\b0x[0-9a-f]{6,}\b", _text(output)):
                yield f"{_start(cell)}: prints an address"


def uses_no_banned_idiom(notebook: NotebookNode) -> Iterator[str]:
    """No code that nbval proves nothing about."""
    for cell in code_cells(notebook):
        for pattern, reason in BANNED.items():
            if re.search(pattern, cell.source, re.MULTILINE):
                yield f"{_start(cell)}: {reason}"


def is_short(notebook: NotebookNode) -> Iterator[str]:
    """A notebook is read at one sitting, a code cell at one glance."""
    if len(notebook.cells) > CELLS_MAX:
        yield f"{len(notebook.cells)} cells, at most {CELLS_MAX}"
    if (words := len(_prose(notebook).split())) > WORDS_MAX:
        yield f"{words} words, at most {WORDS_MAX}"
    for cell in code_cells(notebook):
        lines = sum(bool(line.strip()) for line in cell.source.splitlines())
        if lines > LINES_MAX:
            yield f"{_start(cell)}: {lines} lines that are not blank, at most {LINES_MAX}"


def has_the_headings(notebook: NotebookNode) -> Iterator[str]:
    """Every notebook is laid out alike: a title, and the same headings in the same order."""
    if not notebook.cells or not notebook.cells[0].source.startswith("# "):
        yield "the first cell is no title"
    prose = _prose(notebook).replace("’", "'")
    places = [prose.find(heading) for heading in HEADINGS]
    for heading, place in zip(HEADINGS, places, strict=True):
        if place < 0:
            yield f"no {heading!r}"
    if places != sorted(places):
        yield f"the headings stand in another order than {', '.join(HEADINGS)}"


RULES: Final[tuple[Callable[[NotebookNode], Iterator[str]], ...]] = (
    is_run_in_order,
    shows_text,
    hides_nothing_from_nbval,
    fails_nowhere,
    keeps_no_widgets,
    names_its_kernel,
    shows_pictures_to_strangers,
    prints_no_address,
    uses_no_banned_idiom,
    is_short,
    has_the_headings,
)


def _start(cell: NotebookNode) -> str:
    return repr(cell.source.split("\n", 1)[0][:40])


def _text(output: Any) -> str:
    return "".join(output.get("text", "") or output.get("data", {}).get("text/plain", ""))


def _prose(notebook: NotebookNode) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
