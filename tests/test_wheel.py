"""The wheel is what people install: it works with the source tree out of reach."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.notebook_files import COMMITTED, ROOT

PACKAGE = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "kwlab").rglob("*")
    if path.is_file() and path.suffix != ".pyc"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the tools that are here: a build must not need the network."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel beside our dependencies, where the checkout cannot be reached."""
    home = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(home, symlinks=sys.platform != "win32")
    (site,) = home.glob("**/site-packages")
    # A folder named in a .pth file is searched, and the .pth files in it, such as that of the
    # editable install, are not followed.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    zipfile.ZipFile(wheel).extractall(site)
    return next(home.glob("[bS]*/python*"))


def _run(python: Path, *arguments: str) -> str:
    done = subprocess.run(
        [python, "-I", *arguments], cwd=python.parent, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_and_the_notebooks(wheel: Path) -> None:
    """Every file of the package, every recording and every notebook is in the wheel."""
    names = zipfile.ZipFile(wheel).namelist()
    assert [] == sorted(set(PACKAGE) - set(names))
    assert {f"kwlab/_notebooks/{path.name}" for path in COMMITTED} <= set(names)
    assert "kwlab/py.typed" in names


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    """No test and no tool of the checkout reaches the people who install."""
    tops = {name.split("/", 1)[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {"kwlab", "kwlab-0.1.0.dist-info"} == tops


def test_every_module_comes_from_the_wheel(python: Path) -> None:
    """Each module can be imported, and none comes from the checkout."""
    program = (
        "import importlib, pkgutil, kwlab\n"
        "for found in pkgutil.iter_modules(kwlab.__path__, 'kwlab.'):\n"
        "    print(importlib.import_module(found.name).__file__)"
    )
    files = [Path(line) for line in _run(python, "-c", program).splitlines()]
    modules = {Path(name).name for name in PACKAGE if re.fullmatch(r"kwlab/\w+\.py", name)}
    assert modules - {"__init__.py"} <= {file.name for file in files}
    assert not [file for file in files if file.is_relative_to(ROOT)]


def test_the_installed_command_shows_its_help(python: Path) -> None:
    """``python -m kwlab lab --help`` works from the wheel."""
    assert "--no-browser" in _run(python, "-m", "kwlab", "lab", "--help")


@pytest.mark.skipif(not COMMITTED, reason="no notebook is written yet")
def test_the_installed_notebooks_are_copied(python: Path, tmp_path: Path) -> None:
    """A working copy is made from the notebooks in the wheel."""
    program = (
        "import pathlib, sys; from kwlab import workcopy;"
        "print(*workcopy.refresh(pathlib.Path(sys.argv[1])).fates)"
    )
    assert [path.name for path in COMMITTED] == _run(
        python, "-c", program, str(tmp_path / "work")
    ).split()
