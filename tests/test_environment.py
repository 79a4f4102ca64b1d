"""environment.yml and pyproject.toml say the same."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
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
PYTHONS = [
    classifier.rpartition(" ")[2]
    for classifier in PROJECT["classifiers"]
    if classifier.startswith("Programming Language :: Python :: 3.")
]


def test_conda_gives_python_and_pip_alone() -> None:
    """conda-forge's package of the name "kubernetes" is the Go server, so pip gives the rest."""
    assert {"python", "pip"} == set(CONDA)


def test_pip_gives_this_checkout_with_jupyterlab() -> None:
    """The one thing that pip installs is the checkout, with an extra that pyproject has."""
    (entry,) = PIP
    assert "-e .[lab]" == entry
    extras = Requirement("kwlab" + entry.removeprefix("-e .")).extras
    assert extras <= set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("python", ["3.10", *PYTHONS, "3.14"])
def test_conda_takes_the_pythons_that_are_tested(python: str) -> None:
    """conda takes each Python that the classifiers name, and no other."""
    wanted = VersionSpec(str(CONDA["python"].version))
    assert (python in PYTHONS) == wanted.matches(Version(f"{python}.2"))


@pytest.mark.parametrize("python", PYTHONS)
def test_the_project_takes_the_pythons_that_are_tested(python: str) -> None:
    """requires-python takes each Python that the classifiers name."""
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)


def test_the_names_agree() -> None:
    """The environment is called what the project is called."""
    assert PROJECT["name"] == ENVIRONMENT["name"]
