"""The one writer of committed notebooks: runs them and writes them with their outputs.

    python -m tests.write_notebooks [--check] [notebook ...]

Run again, it changes no byte, on every Python that kwlab supports.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient

from tests.notebook_files import COMMITTED, METADATA

CELL_SECONDS: Final = 60
PNG: Final = "image/png"
WIDGET_VIEW: Final = "application/vnd.jupyter.widget-view+json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the notebooks, or with ``--check`` say which would change."""
    parser = argparse.ArgumentParser(prog="python -m tests.write_notebooks")
    parser.add_argument("notebooks", nargs="*", type=Path, default=list(COMMITTED))
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if one would change")
    options = parser.parse_args(arguments)
    changed = [path for path in options.notebooks if _write(path, check=options.check)]
    for path in changed:
        print(f"{path.name} {'would change' if options.check else 'written'}")
    return int(options.check and bool(changed))


def rendered(path: Path) -> str:
    """Run a notebook, and return the text of the file that ought to be committed."""
    content = with_ids(json.loads(path.read_text(encoding="utf-8")))
    notebook = nbformat.reads(json.dumps(content), as_version=4)
    return text_of(keeping_pixels(normal(executed(notebook, path.parent)), content))


def with_ids(content: dict[str, Any]) -> dict[str, Any]:
    """Name each cell that has no id by its place; nbformat would name it by chance."""
    content["nbformat"], content["nbformat_minor"] = 4, 5
    taken = {cell.get("id") for cell in content["cells"]}
    for number, cell in enumerate(content["cells"]):
        if "id" not in cell:
            wanted = f"cell-{number:02d}"
            cell["id"] = f"{wanted}-new" if wanted in taken else wanted
    return content


def executed(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook in a kernel that no one's start-up files reach."""
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        # One write may arrive in one piece or in three.
        coalesce_streams=True,
        # nbclient 0.11 crashes where it is off; `normal` drops what it stores.
        store_widget_state=True,
    )
    with tempfile.TemporaryDirectory() as profile:
        return client.execute(env={**os.environ, "IPYTHONDIR": profile})


def normal(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Keep what a reader sees: no widget state and views, no one's metadata."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        for output in cell.get("outputs", []):
            # A view without its kernel says "Loading widget" for ever; the HTML beside it stays.
            output.get("data", {}).pop(WIDGET_VIEW, None)
    return notebook


def keeping_pixels(
    notebook: nbformat.NotebookNode, committed: dict[str, Any]
) -> nbformat.NotebookNode:
    """Keep a committed PNG where the words beside it are the same: pixels follow matplotlib."""
    kept = {
        _words(output): output["data"][PNG]
        for cell in committed["cells"]
        for output in cell.get("outputs", [])
        if PNG in output.get("data", {})
    }
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if PNG in output.get("data", {}):
                output.data[PNG] = kept.get(_words(output), output.data[PNG])
    return notebook


def _words(output: Any) -> str:
    return "".join(output["data"].get("text/plain", ""))


def text_of(notebook: nbformat.NotebookNode) -> str:
    """Lay a notebook out as Jupyter does."""
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"


def _write(path: Path, *, check: bool) -> bool:
    wanted = rendered(path).encode()
    changed = path.read_bytes() != wanted
    if changed and not check:
        path.write_bytes(wanted)
    return changed


if __name__ == "__main__":
    sys.exit(main())
