"""Every notebook runs against a real cluster too, and finds the same in the same words."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.live import CONTEXT, LiveCluster, live_cluster
from tests.notebook_files import COMMITTED, code_cells, make, name_of

pytestmark = pytest.mark.needs("rig")

CELL_SECONDS: Final = 30
"""A live cell takes no longer."""
RECORDED: Final = "from a real kube-apiserver "
PLAYED: Final = f"played on {CONTEXT}, a real kube-apiserver "


@pytest.fixture(scope="module")
def cluster() -> Iterator[LiveCluster]:
    with live_cluster() as running:
        yield running


@pytest.mark.parametrize("path", COMMITTED, ids=name_of)
def test_a_notebook_finds_the_same_on_a_cluster(path: Path, cluster: LiveCluster) -> None:
    """Word for word and number for number; only the title says that a cluster plays it."""
    committed = nbformat.read(path, as_version=4)
    played = run(path, cluster)
    assert [] == list(differences(committed, played))
    assert not cluster.is_there("kwlab")


def test_another_result_would_be_noticed(tmp_path: Path, cluster: LiveCluster) -> None:
    """The check can fail: a number that is another one on the cluster is named."""
    cell = "import kwlab\n\nlab = kwlab.open_lab()\nprint(lab.resource_version)"
    path = make(tmp_path / "toy.ipynb", cell)
    committed = nbformat.read(path, as_version=4)
    committed.cells[0].outputs = [nbformat.v4.new_output("stream", name="stdout", text="3520\n")]
    (found,) = differences(committed, run(path, cluster))
    assert "-3520" in found


def run(path: Path, cluster: LiveCluster) -> NotebookNode:
    """Run a notebook in a kernel that is told to use the cluster, as a learner's is."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=CELL_SECONDS, resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute(env=dict(cluster.environment))
    return notebook


def differences(committed: NotebookNode, played: NotebookNode) -> Iterator[str]:
    """Compare what cells say: their result and what they printed, without pictures."""
    for expected, came in zip(code_cells(committed), code_cells(played), strict=True):
        before, after = said(expected), said(came)
        if PLAYED in "".join(after):
            before, after = before[1:], after[1:]
        if before != after:
            lines = difflib.unified_diff(before, after, "committed", "played", lineterm="")
            yield "\n".join((expected.source, *lines))


def said(cell: NotebookNode) -> list[str]:
    return [line for output in cell.outputs for line in _text(output).splitlines()]


def _text(output: Any) -> str:
    # What goes to standard error is the progress, which a recording has not.
    if output.get("name") == "stderr":
        return ""
    text: str = output.get("text", "") or output.get("data", {}).get("text/plain", "")
    return text
