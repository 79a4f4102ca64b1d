"""The learner's working copy of the notebooks: without outputs, and never overwritten.

The committed notebooks keep their outputs for readers; in the learner's copy no result may be on
the page before its guess. What was written is remembered in ``.kwlab/written.json`` by its hash,
so that a copy that nobody has touched can follow an upgrade, and one that somebody has worked in
stays as it is.
"""

from __future__ import annotations

import enum
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kwlab.errors import LabError

DEFAULT_FOLDER: Final = "kwlab-notebooks"
"""Where the working copy goes when nobody says where."""

STATE_FOLDER: Final = ".kwlab"
"""What kwlab remembers about a working copy, inside it."""

_WRITTEN: Final = "written.json"


class Fate(enum.Enum):
    """Name what became of one notebook."""

    WRITTEN = "written"
    """It was not there."""
    REFRESHED = "refreshed"
    """Nobody had touched it, and a newer one had come."""
    CURRENT = "current"
    """It is what kwlab wrote, or was made from that."""
    OUTDATED = "outdated"
    """Somebody has worked in it, and a newer one has come. It was left alone."""


@dataclass(frozen=True, slots=True)
class WorkCopy:
    """Hold what a refresh left behind.

    Parameters
    ----------
    folder : Path
        The absolute path of the working copy.
    fates : Mapping of str to Fate
        What became of each notebook, by file name, in the order of the course.
    """

    folder: Path
    fates: Mapping[str, Fate]

    @property
    def first(self) -> str:
        """Name the notebook to open first."""
        return next(iter(self.fates))

    @property
    def outdated(self) -> tuple[str, ...]:
        """Name the notebooks that a newer one has come for, in order. May be empty."""
        return tuple(name for name, fate in self.fates.items() if fate is Fate.OUTDATED)


def shipped() -> tuple[Path, ...]:
    """Find the notebooks that came with kwlab.

    Returns
    -------
    tuple of Path
        In the order of the course; never empty.

    Raises
    ------
    LabError
        There are none: this installation is damaged.
    """
    package = Path(__file__).parent
    for folder in (package / "_notebooks", package.parent / "notebooks"):
        if found := tuple(sorted(folder.glob("[0-9]*.ipynb"))):
            return found
    raise LabError("kwlab came without its notebooks. Install it again.")


def refresh(folder: Path, sources: tuple[Path, ...] | None = None) -> WorkCopy:
    """Write what is missing from a working copy, and leave what a learner wrote.

    A notebook that somebody has changed since kwlab wrote it, and one that kwlab did not write,
    is never touched. To get a fresh one, rename or delete yours and call this again.

    Parameters
    ----------
    folder : Path
        Where the working copy is or shall be; made if it is not there.
    sources : tuple of Path or None
        The notebooks to copy, at least one; None for those that came with kwlab.

    Returns
    -------
    WorkCopy
        What became of each notebook.

    Raises
    ------
    LabError
        The folder is a file, holds the originals, or cannot be written. What could be written
        before stays.
    """
    folder = folder.expanduser().absolute()
    # As Path.exists, but a name that is too long is no error yet.
    if os.path.exists(folder) and not folder.is_dir():  # noqa: PTH110
        raise LabError(f"{folder} is a file. Name a folder for your notebooks.")
    if folder.resolve() in {path.parent.resolve() for path in shipped()}:
        raise LabError(
            f"{folder} holds the notebooks that kwlab came with. Name another folder for yours."
        )
    try:
        return _refresh(folder, shipped() if sources is None else sources)
    except OSError as error:
        reason = error.strerror or str(error)
        raise LabError(
            f"{folder} cannot be written ({reason}). Name another folder for your notebooks."
        ) from error


def without_outputs(notebook: bytes) -> bytes:
    """Take outputs, execution counts and widget state out of a notebook.

    Parameters
    ----------
    notebook : bytes
        A notebook of format 4, as UTF-8.

    Returns
    -------
    bytes
        The same notebook as if nobody had run it, laid out as Jupyter lays out notebooks.
    """
    content: dict[str, Any] = json.loads(notebook)
    content["metadata"].pop("widgets", None)
    for cell in content["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return (json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _refresh(folder: Path, sources: tuple[Path, ...]) -> WorkCopy:
    state = folder / STATE_FOLDER
    state.mkdir(parents=True, exist_ok=True)
    written = _load(state / _WRITTEN)
    fates = {}
    for source in sources:
        content = without_outputs(source.read_bytes())
        fates[source.name] = fate = _fate(folder / source.name, _hash(content), written)
        if fate in {Fate.WRITTEN, Fate.REFRESHED}:
            _replace(folder / source.name, content)
            written[source.name] = _hash(content)
            # After each notebook: a copy that is not in the list is taken for the learner's.
            _replace(state / _WRITTEN, json.dumps(written, indent=1).encode())
    return WorkCopy(folder, fates)


def _fate(copy: Path, shipped_hash: str, written: Mapping[str, str]) -> Fate:
    if not copy.exists():
        return Fate.WRITTEN
    known = written.get(copy.name)
    if known == shipped_hash:
        return Fate.CURRENT
    return Fate.REFRESHED if _hash(copy.read_bytes()) == known else Fate.OUTDATED


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _load(path: Path) -> dict[str, str]:
    # A list that cannot be read claims nothing: every notebook that is there is the learner's.
    try:
        written = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return written if isinstance(written, dict) else {}


def _replace(path: Path, content: bytes) -> None:
    # A full disk or a power cut leaves the old file or the new one, never half of one.
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)
