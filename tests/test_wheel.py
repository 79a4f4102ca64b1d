"""The wheel is what people install: it works without the extras, the source tree out of reach."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

from kwlab.messages import say
from tests.conftest import refuse
from tests.notebook_files import COMMITTED, ROOT

PACKAGE = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "kwlab").rglob("*")
    if path.is_file() and path.suffix != ".pyc"
)


NOTEBOOK: Final = ("anywidget", "ipywidgets", "jupyterlab", "matplotlib", "nbval", "IPython")
LIBRARY: Final = f"""
import sys
import kwlab
from kubernetes import client
from kwlab import history, lab
from kwlab.server.serve import Served

def correct(lab, options):
    return lab.api.list_namespaced_pod(lab.namespace, watch=True, _preload_content=False, **options)

print(str(kwlab.check_watch_function(correct)).split()[0])
opened = kwlab.open_lab()
print(opened.compare(correct=lambda options: correct(opened, options))["correct"].count.new)
past = history.from_recording(lab.load(lab.STORY))
with Served(past, speed=5) as served:
    api = client.CoreV1Api(client.ApiClient(client.Configuration(host=served.url)))
    def pods(options):
        return api.list_pod_for_all_namespaces(watch=True, _preload_content=False, **options)
    with kwlab.RetryWatcher(past.resource_version, pods) as watcher:
        print(next(watcher).type)
    with kwlab.Reflector(api.list_pod_for_all_namespaces) as reflector:
        print(next(reflector).origin)
print(sorted({{*{NOTEBOOK}}} & {{*sys.modules}}))
"""
EXTRA: Final = """
import kwlab
from kwlab import jupyter

lab = kwlab.open_lab()
def correct(options):
    return lab.api.list_namespaced_pod(lab.namespace, watch=True, _preload_content=False, **options)
cost, compared = kwlab.CostExplorer(correct=correct), lab.compare(correct=correct)
for need in (
    lambda: jupyter.check(port=None), cost.chart, lambda: cost.widget, lambda: compared.strip.widget
):
    try:
        need()
    except kwlab.KwlabError as error:
        print(error)
"""


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
    """Install the wheel and what it asks for, and no extra, into an environment of its own."""
    home = tmp_path_factory.mktemp("installed") / "venv"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, home], check=True)
    python = next(home.glob("[bS]*/python*"))
    install = [*uv, "pip", "install", "--quiet", "--python", python]
    pins = ["--constraints", ROOT / "constraints.txt"]
    if subprocess.run([*install, *pins, wheel], check=False).returncode:
        refuse("a package index")
    return python


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
        "    if found.name == 'kwlab.pytest_plugin':\n"
        "        continue  # Only pytest imports it.\n"
        "    print(importlib.import_module(found.name).__file__)"
    )
    files = [Path(line) for line in _run(python, "-c", program).splitlines()]
    modules = {Path(name).name for name in PACKAGE if re.fullmatch(r"kwlab/\w+\.py", name)}
    assert modules - {"__init__.py", "pytest_plugin.py"} <= {file.name for file in files}
    assert not [file for file in files if file.is_relative_to(ROOT)]


def test_no_notebook_package_is_needed(python: Path) -> None:
    """Without the extra ``lab`` one can check, compare, serve, watch and reflect."""
    assert ["Correct.", "14", "MODIFIED", "list", "[]"] == _run(python, "-c", LIBRARY).split()
    missing = f"import importlib.util as u; print(*[n for n in {NOTEBOOK} if u.find_spec(n)])"
    assert "" == _run(python, "-c", missing).strip()


def test_no_notebook_package_is_imported() -> None:
    """With the extra installed, the library imports nothing of it."""
    assert "[]" == _run(Path(sys.executable), "-c", LIBRARY).split()[-1]


def test_what_needs_the_extra_says_so(python: Path) -> None:
    """What cannot do without the extra ``lab`` says in one sentence how to get it."""
    packages = ("jupyterlab", "matplotlib", "anywidget", "anywidget")
    said = [say("extra.missing", package=package) for package in packages]
    assert said == _run(python, "-c", EXTRA).splitlines()


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
