"""``kwlab lab``: one clear line where it cannot start, and a clean end."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kwlab import jupyter, workcopy
from kwlab.commands import main
from kwlab.errors import LabError
from kwlab.workcopy import Fate, WorkCopy
from tests.notebook_files import COMMITTED, make

COPY = WorkCopy(Path("somewhere"), {"01-see.ipynb": Fate.WRITTEN})


@pytest.fixture(autouse=True)
def _shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ship one toy notebook, so that these tests are about the command."""
    (tmp_path / "shipped").mkdir()
    source = make(tmp_path / "shipped" / "01-see.ipynb", "# See")
    monkeypatch.setattr(workcopy, "shipped", lambda: (source,))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[WorkCopy, int | None, bool]]:
    """Keep what JupyterLab would have been started with."""
    calls: list[tuple[WorkCopy, int | None, bool]] = []

    def start(copy: WorkCopy, *, port: int | None = None, browser: bool = True) -> None:
        calls.append((copy, port, browser))

    monkeypatch.setattr(jupyter, "start", start)
    return calls


def test_lab_copies_and_opens_the_first_notebook(
    tmp_path: Path, started: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    """The copy is made where it was asked for, its place is said, and JupyterLab opens on it."""
    folder = tmp_path / "work"
    assert 0 == main(["lab", str(folder), "--no-browser"])
    assert [(WorkCopy(folder, {"01-see.ipynb": Fate.WRITTEN}), None, False)] == started
    assert (folder / "01-see.ipynb").is_file()
    assert f"Your notebooks: {folder}." in capsys.readouterr().out


@pytest.mark.usefixtures("started")
def test_the_default_folder_is_in_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a folder the copy goes to kwlab-notebooks, here."""
    monkeypatch.chdir(tmp_path)
    assert 0 == main(["lab"])
    assert (tmp_path / "kwlab-notebooks" / "01-see.ipynb").is_file()


@pytest.mark.usefixtures("started")
def test_a_newer_notebook_is_announced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who has worked in a notebook hears that a newer one has come."""
    make(tmp_path / "01-see.ipynb", "# Mine")
    assert 0 == main(["lab", str(tmp_path)])
    assert "A newer 01-see.ipynb has come. Yours stays" in capsys.readouterr().out


def test_a_taken_port_is_named_and_no_folder_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port that another program holds is refused in one line, before anything is written."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert 1 == main(["lab", str(tmp_path / "work"), "--port", str(port)])
    line = capsys.readouterr().err
    assert line.startswith(f"kwlab: Cannot listen on port {port} (")
    assert 1 == line.count("\n")
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("port", ["0", "70000", "-1", "http"])
def test_what_is_no_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Only numbers from 1 to 65535 are ports."""
    with pytest.raises(SystemExit):
        main(["lab", f"--port={port}"])
    assert f"{port} is not a port" in capsys.readouterr().err


def test_without_jupyterlab_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only the library is installed, the line says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(LabError, match=r"pip install '\.\[lab\]'"):
        jupyter.check(port=None)


@pytest.mark.parametrize("name", ["file", "x" * 300])
def test_what_can_be_no_folder_is_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What goes wrong with the folder is one line too."""
    (tmp_path / "file").touch()
    assert 1 == main(["lab", str(tmp_path / name)])
    assert 1 == capsys.readouterr().err.count("\n")


def test_a_named_port_is_not_exchanged_for_another() -> None:
    """JupyterLab would quietly take the next port."""
    assert "--ServerApp.port_retries=0" in jupyter.arguments(COPY, port=9999, browser=True)
    assert not [a for a in jupyter.arguments(COPY, port=None, browser=True) if "port" in a]


def test_the_learners_own_jupyter_settings_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """kwlab's settings come first, and those that the learner names stay behind them."""
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "theirs")
    ours, theirs = jupyter.environment(COPY)["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    page_config = json.loads((Path(ours) / "labconfig" / "page_config.json").read_bytes())
    assert page_config["disabledExtensions"]["@jupyterlab/apputils-extension:announcements"]
    assert "theirs" == theirs


def test_ctrl_c_before_jupyterlab_minds_it_is_an_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says its address a moment before it handles Ctrl-C: then too the exit code is 0."""

    def interrupted(_: Sequence[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("jupyterlab.labapp.LabApp.launch_instance", interrupted)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    jupyter.start(COPY)


@pytest.mark.skipif(not COMMITTED, reason="no notebook is written yet")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_ends_jupyterlab_with_exit_code_0(tmp_path: Path) -> None:
    """One Ctrl-C ends it, without a question, a traceback or an error code."""
    command = [sys.executable, "-m", "kwlab", "lab", str(tmp_path / "work"), "--no-browser"]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"HOME": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path / "run")},
    ) as process:
        assert process.stderr is not None
        said = next(line for line in process.stderr if "http://127.0.0.1:" in line)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert f"/lab/tree/{COMMITTED[0].name}" in said
    assert "Traceback" not in rest
    assert 0 == process.returncode
