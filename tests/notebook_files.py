"""Where the committed notebooks are, and notebooks made for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT: Final = Path(__file__).parent.parent
COMMITTED: Final = tuple(sorted((ROOT / "notebooks").glob("*.ipynb")))

METADATA: Final = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""What a committed notebook says of its kernel. Without it JupyterLab asks the learner for one."""


def name_of(path: Path) -> str:
    """Name a notebook in a test's id."""
    return path.stem


def make(path: Path, *cells: str) -> Path:
    """Write a notebook that nobody has run; a cell that begins with ``#`` and a blank is prose."""
    made = [_cell(number, source) for number, source in enumerate(cells)]
    notebook = new_notebook(cells=made, metadata=METADATA)
    nbformat.write(notebook, path)
    return path


def code_cells(notebook: nbformat.NotebookNode) -> Sequence[nbformat.NotebookNode]:
    """List the code cells, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _cell(number: int, source: str) -> nbformat.NotebookNode:
    new: Callable[..., nbformat.NotebookNode] = (
        new_markdown_cell if source.startswith("# ") else new_code_cell
    )
    return new(source, id=f"cell-{number:02d}")
