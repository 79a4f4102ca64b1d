"""The working copy: without outputs, up to date, and the learner's."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from kwlab import workcopy
from kwlab.errors import LabError
from kwlab.workcopy import Fate
from tests.notebook_files import COMMITTED, make


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Make a notebook as it is committed."""
    (tmp_path / "shipped").mkdir()
    return make(tmp_path / "shipped" / "01-see.ipynb", "# See", "1 + 1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a folder that is not there yet."""
    return tmp_path / "deep" / "work"


def _edit(path: Path, text: str) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source = text
    nbformat.write(notebook, path)


def test_a_copy_has_no_outputs(source: Path, folder: Path) -> None:
    """No output, no count and no widget state of the committed notebook reaches the learner."""
    notebook = json.loads(source.read_bytes())
    notebook["metadata"]["widgets"] = {"state": {}}
    notebook["cells"][1] |= {
        "execution_count": 1,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": ["2\n"]}],
        "metadata": {"execution": {}, "tags": ["raises-exception"]},
    }
    source.write_text(json.dumps(notebook), encoding="utf-8")
    workcopy.refresh(folder, (source,))
    copied = json.loads((folder / "01-see.ipynb").read_bytes())
    cell = copied["cells"][1]
    assert "widgets" not in copied["metadata"]
    assert (None, [], {"tags": ["raises-exception"]}) == (
        cell["execution_count"],
        cell["outputs"],
        cell["metadata"],
    )


def test_a_copy_is_laid_out_as_jupyter_saves_it(source: Path, folder: Path) -> None:
    """Saving an untouched copy in Jupyter changes no byte, so it stays untouched."""
    workcopy.refresh(folder, (source,))
    text = (folder / "01-see.ipynb").read_text(encoding="utf-8")
    assert text == nbformat.writes(nbformat.reads(text, as_version=4)) + "\n"


def test_the_second_time_nothing_is_written(source: Path, folder: Path) -> None:
    """A copy that is up to date is left alone."""
    assert {"01-see.ipynb": Fate.WRITTEN} == workcopy.refresh(folder, (source,)).fates
    assert {"01-see.ipynb": Fate.CURRENT} == workcopy.refresh(folder, (source,)).fates


def test_work_is_never_overwritten(source: Path, folder: Path) -> None:
    """What the learner wrote stays, whether or not a newer notebook has come."""
    workcopy.refresh(folder, (source,))
    _edit(folder / "01-see.ipynb", "mine = 1")
    mine = (folder / "01-see.ipynb").read_bytes()
    assert Fate.CURRENT is workcopy.refresh(folder, (source,)).fates["01-see.ipynb"]
    _edit(source, "1 + 2")
    copy = workcopy.refresh(folder, (source,))
    assert ("01-see.ipynb",) == copy.outdated
    assert mine == (folder / "01-see.ipynb").read_bytes()


def test_an_untouched_copy_follows_an_upgrade(source: Path, folder: Path) -> None:
    """A copy that nobody has touched becomes the newer one."""
    workcopy.refresh(folder, (source,))
    _edit(source, "1 + 2")
    assert Fate.REFRESHED is workcopy.refresh(folder, (source,)).fates["01-see.ipynb"]
    assert "1 + 2" in (folder / "01-see.ipynb").read_text(encoding="utf-8")


def test_a_notebook_that_kwlab_did_not_write_is_the_learners(source: Path, folder: Path) -> None:
    """A file of the same name from elsewhere is never touched."""
    folder.mkdir(parents=True)
    make(folder / "01-see.ipynb", "# Mine")
    mine = (folder / "01-see.ipynb").read_bytes()
    workcopy.refresh(folder, (source,))
    assert mine == (folder / "01-see.ipynb").read_bytes()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff", None])
def test_without_its_list_every_notebook_is_the_learners(
    source: Path, folder: Path, damage: bytes | None
) -> None:
    """A list of what was written that is gone or broken claims nothing."""
    workcopy.refresh(folder, (source,))
    _edit(folder / "01-see.ipynb", "mine = 1")
    mine = (folder / "01-see.ipynb").read_bytes()
    written = folder / ".kwlab" / "written.json"
    written.unlink() if damage is None else written.write_bytes(damage)
    workcopy.refresh(folder, (source,))
    assert mine == (folder / "01-see.ipynb").read_bytes()


def test_a_deleted_copy_comes_back(source: Path, folder: Path) -> None:
    """To start afresh, a learner renames or deletes the copy."""
    workcopy.refresh(folder, (source,))
    (folder / "01-see.ipynb").unlink()
    assert Fate.WRITTEN is workcopy.refresh(folder, (source,)).fates["01-see.ipynb"]


def test_a_file_in_place_of_the_folder_is_named(source: Path) -> None:
    """A file where the folder should be is refused with what to do."""
    with pytest.raises(LabError, match=r"01-see\.ipynb is a file\. Name a folder"):
        workcopy.refresh(source, (source,))


def test_a_folder_that_cannot_be_written_is_named(source: Path) -> None:
    """A folder that the system refuses is refused with the system's reason."""
    with pytest.raises(LabError, match=r"cannot be written \(.+\)\. Name another folder"):
        workcopy.refresh(source / "inside-a-file", (source,))


def test_the_first_notebook_is_the_first_of_the_course(source: Path, folder: Path) -> None:
    """The order of the course is the order of the names."""
    second = make(source.with_name("02-know.ipynb"), "# Know")
    assert "01-see.ipynb" == workcopy.refresh(folder, (source, second)).first


@pytest.mark.skipif(not COMMITTED, reason="no notebook is written yet")
def test_the_shipped_notebooks_are_found() -> None:
    """From a checkout, the notebooks are the committed ones."""
    assert COMMITTED == workcopy.shipped()


def test_the_originals_are_no_working_copy() -> None:
    """The folder that the notebooks come from is refused: work there would change the originals."""
    with pytest.raises(LabError, match="Name another folder"):
        workcopy.refresh(workcopy.shipped()[0].parent)
