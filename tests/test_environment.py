"""environment.yml and pyproject.toml say the same."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from rattler import MatchSpec, Version, VersionSpec

from tests.notebook_files import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ENVIRONMENT: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
CONDA = {
    (spec := MatchSpec(entry)).name.normalized: spec
    for entry in ENVIRONMENT["dependencies"]
    if isinstance(entry, str)
}
(PIP,) = (entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict))
PINS = [
    Requirement(line)
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
DIRECT = [
    one
    for line in (*PROJECT["dependencies"], *chain(*EXTRAS.values()))
    if (one := Requirement(line)).name != "kwlab"
]
PYTHONS = [
    classifier.rpartition(" ")[2]
    for classifier in PROJECT["classifiers"]
    if classifier.startswith("Programming Language :: Python :: 3.")
]


def test_conda_gives_python_and_pip_alone() -> None:
    """conda-forge's package of the name "kubernetes" is the Go server, so pip gives the rest."""
    assert {"python", "pip"} == set(CONDA)


def test_pip_gives_this_checkout_with_jupyterlab() -> None:
    """The one thing that pip installs is the checkout with its notebooks, at pinned versions."""
    assert ["-c constraints.txt", "-e .[lab]"] == PIP
    assert "lab" in PROJECT["optional-dependencies"]


@pytest.mark.parametrize("python", ["3.10", *PYTHONS, "3.15"])
def test_conda_takes_the_pythons_that_are_tested(python: str) -> None:
    """conda takes each Python that the classifiers name, and no other."""
    wanted = VersionSpec(str(CONDA["python"].version))
    assert (python in PYTHONS) == wanted.matches(Version(f"{python}.2"))


@pytest.mark.parametrize("python", PYTHONS)
def test_the_project_takes_the_pythons_that_are_tested(python: str) -> None:
    """requires-python takes each Python that the classifiers name."""
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)


@pytest.mark.parametrize("python", [*PYTHONS, "3.15"])
@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_everything_has_one_version(python: str, platform: str) -> None:
    """constraints.txt pins what pyproject names, on each Python and system, within its bounds."""
    machine = {"python_version": python, "python_full_version": f"{python}.0"}
    here = {
        **machine,
        "sys_platform": platform,
        "os_name": "nt" if platform == "win32" else "posix",
    }
    pins = [pin for pin in PINS if pin.marker is None or pin.marker.evaluate(here)]
    versions = {pin.name: str(pin.specifier).removeprefix("==") for pin in pins}
    assert len(pins) == len(versions)
    wrong = {
        str(one): version
        for one in DIRECT
        if not (version := versions.get(canonicalize_name(one.name)))
        or not one.specifier.contains(version)
    }
    assert {} == wrong


def test_the_pins_hold_no_address() -> None:
    """Every line of constraints.txt is a name and a version: from which index is anybody's own."""
    assert {"=="} == {each.operator for pin in PINS for each in pin.specifier}
    assert [] == [pin.name for pin in PINS if pin.url]
    assert {"uv", "hatchling"} <= {pin.name for pin in PINS}


def make(home: Path, stamp: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make on an environment that looks set up."""
    (home / "bin").mkdir(exist_ok=True)
    for name in ("bin/python", stamp):
        (home / name).touch()
    settings = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    command = ["make", f"VENV={home}", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False
    )


@pytest.mark.needs("make")
@pytest.mark.parametrize("stamp", [".lab", ".test"])
def test_new_pins_are_installed(tmp_path: Path, stamp: str) -> None:
    """make sets up again when the pins change, and all that it installs is held to them."""
    plan = ("--dry-run", f"{tmp_path}/{stamp}")
    assert "pip install" not in make(tmp_path, stamp, *plan).stdout
    planned = make(tmp_path, stamp, "--what-if=constraints.txt", *plan).stdout
    installs = [part for part in re.split(r"&&|\|\|", planned) if "pip install" in part]
    assert 3 == len(installs)
    assert [] == [part for part in installs if "constraints.txt" not in part]


@pytest.mark.needs("make")
def test_a_python_that_nightly_cannot_run_is_a_failure(tmp_path: Path) -> None:
    """make nightly ends before it begins where a Python that it names is not there."""
    ended = make(tmp_path, ".test", "nightly", "PYTHONS=no-such-python")
    assert 2 == ended.returncode
    assert "make nightly: no-such-python cannot be run. Install it" in ended.stderr


def test_the_names_agree() -> None:
    """The environment is called what the project is called."""
    assert PROJECT["name"] == ENVIRONMENT["name"]
