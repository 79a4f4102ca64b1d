"""The writer of committed notebooks writes what a reader should see, the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests import write_notebooks
from tests.notebook_files import COMMITTED, METADATA, make, name_of

CELLS = (
    "# See",
    "print('a')\nprint('b')",
    "import ipywidgets\n\nslider = ipywidgets.IntSlider()\nslider",
    "1 + 1",
)


@pytest.mark.parametrize("path", COMMITTED, ids=name_of)
def test_running_a_committed_notebook_again_changes_no_byte(path: Path) -> None:
    """A committed notebook is exactly what the writer writes."""
    assert path.read_text(encoding="utf-8") == write_notebooks.rendered(path)


def test_writing_twice_changes_no_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first write is named, and the second, and its check, find nothing to do."""
    path = make(tmp_path / "01-toy.ipynb", *CELLS)
    assert write_notebooks.main(["--check", str(path)]) == 1
    assert write_notebooks.main([str(path)]) == 0
    assert capsys.readouterr().out.split("\n") == [
        "01-toy.ipynb would change",
        "01-toy.ipynb written",
        "",
    ]
    written = path.read_bytes()
    assert write_notebooks.main(["--check", str(path)]) == 0
    assert path.read_bytes() == written


def test_the_writer_keeps_text_and_drops_widgets(tmp_path: Path) -> None:
    """Text stays, widget views and state go, counts run from 1 to n, and the metadata is fixed."""
    content = json.loads(write_notebooks.rendered(make(tmp_path / "01-toy.ipynb", *CELLS)))
    title, printed, widget, value = content["cells"]
    assert content["metadata"] == METADATA
    assert [None, 1, 2, 3] == [cell.get("execution_count") for cell in content["cells"]]
    assert ["a\n", "b\n"] == printed["outputs"][0]["text"]
    assert ["text/plain"] == list(widget["outputs"][0]["data"])
    assert ["2"] == value["outputs"][0]["data"]["text/plain"]
    assert {"cell_type", "id", "metadata", "source"} == set(title)


def test_a_cell_without_an_id_is_named_by_its_place() -> None:
    """Ids that are there stay; the others come from the place, never from chance."""
    content = {"cells": [{"id": "mine"}, {}, {"id": "cell-02"}, {}]}
    named = write_notebooks.with_ids(content)["cells"]
    assert ["mine", "cell-01", "cell-02", "cell-03"] == [cell["id"] for cell in named]


def test_pixels_are_kept_while_the_words_beside_them_are_the_same() -> None:
    """A PNG follows matplotlib's version: it is written anew only when its words have changed."""

    def notebook(text: str, pixels: str) -> dict[str, Any]:
        data = {"image/png": pixels, "text/plain": text}
        output = {"output_type": "display_data", "data": data, "metadata": {}}
        return {"cells": [{"cell_type": "code", "outputs": [output]}]}

    for text, pixels in (("50 events", "old"), ("60 events", "new")):
        fresh = nbformat.from_dict(notebook(text, "new"))
        kept = write_notebooks.keeping_pixels(fresh, notebook("50 events", "old"))
        assert kept.cells[0].outputs[0].data["image/png"] == pixels
