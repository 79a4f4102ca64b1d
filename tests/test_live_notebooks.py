"""Every notebook runs against a real cluster too, and finds the same in the same words."""

from __future__ import annotations

import difflib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.live import CONTEXT, LiveCluster, live_cluster
from tests.notebook_files import COMMITTED, ROOT, code_cells, make, name_of

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


def test_nbval_lax_passes_on_a_cluster(cluster: LiveCluster) -> None:
    """The notebooks are valid there for nbval too, which asks only that every cell runs."""
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q"]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist", *map(str, COMMITTED)]
    ran = subprocess.run(
        command, env=cluster.environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert 0 == ran.returncode, ran.stdout
    assert f"{sum(len(code_cells(nbformat.read(p, as_version=4))) for p in COMMITTED)} passed" in (
        ran.stdout
    )
    # nbval kills its kernels: what they left is what the command is for.
    clean = [sys.executable, "-m", "kwlab", "clean", "--context", CONTEXT]
    assert 0 == subprocess.run(clean, env=cluster.environment, check=False).returncode
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
