"""What is installed: Python, packages, JupyterLab with its extensions, and what came along."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import platform
import shlex
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kwlab.doctor.findings import Finding, ok, problem, warning
from kwlab.messages import say

if TYPE_CHECKING:
    from packaging.requirements import Requirement

FRONT_END: Final = {
    "@jupyter-widgets/jupyterlab-manager": "jupyterlab_widgets",
    "anywidget": "anywidget",
}
"""What JupyterLab needs in the browser to show our widgets, and which package brings it."""
LOOPBACK_SECONDS: Final = 5.0
"""A connection to this very machine that takes longer is filtered."""


def python(_context: str) -> Finding:
    """Hold this Python against what kwlab asks for, and what it was tried on.

    Returns
    -------
    Finding
        A warning for a version that nobody has tried.
    """
    from packaging.specifiers import SpecifierSet

    about, version = metadata.metadata("kwlab"), platform.python_version()
    wanted = about["Requires-Python"]
    if not SpecifierSet(wanted).contains(version, prereleases=True):
        return problem("python.wrong", version=version, wanted=wanted)
    *_, last = sorted(_tried(about.get_all("Classifier") or ()))
    if sys.version_info[:2] > last:
        tried = ".".join(map(str, last))
        return warning("python.untried", version=version, tried=tried)
    return ok("python.fine", version=version, wanted=wanted)


def _tried(classifiers: Iterable[str]) -> Iterator[tuple[int, ...]]:
    for name in classifiers:
        before, _, version = name.partition(" :: Python :: 3.")
        if before == "Programming Language":
            yield 3, int(version)


def packages(_context: str) -> Finding:
    """Hold the installed packages against what kwlab asks for always.

    Returns
    -------
    Finding
        It names each package that is missing or of another version.
    """
    wanted = _wanted("")
    wrong = {one: said for one in wanted if (said := _wrong(one))}
    if wrong:
        said = ", ".join(wrong.values())
        return problem("packages.wrong", wrong=said, install=install(*map(_plain, wrong)))
    return ok("packages.fine", n=len(wanted))


def jupyterlab(_context: str) -> Finding:
    """Look for the JupyterLab that ``python -m kwlab lab`` opens, and all else of the extra.

    Returns
    -------
    Finding
        A warning where something is missing: the library works without.
    """
    wrong = {one: said for one in _wanted("lab") if (said := _wrong(one))}
    if not wrong:
        return ok("jupyterlab.fine", version=metadata.version("jupyterlab"))
    is_missing = all(importlib.util.find_spec(one.name) is None for one in wrong)
    facts = {"wrong": ", ".join(wrong.values()), "install": install(*map(_plain, wrong))}
    return (warning if is_missing else problem)("jupyterlab.wrong", **facts)


def front_end(_context: str) -> Finding:
    """Look for what the browser needs to show a widget.

    Returns
    -------
    Finding
        Of the first extension that is missing, disabled, or made for another JupyterLab.
    """
    with as_in_the_lab():
        listed = _listed_extensions()
    for name, package in FRONT_END.items():
        status = listed.get(name)
        if status is None:
            remedy = install("--force-reinstall", package)
            return problem("front_end.missing", name=name, install=remedy)
        if "enabled" not in status:
            return problem("front_end.disabled", name=name)
        if "OK" not in status:
            return problem("front_end.incompatible", name=name, install=install(package))
    return ok("front_end.fine", names=", ".join(FRONT_END))


def notebooks(_context: str) -> Finding:
    """Look for the notebooks that come with kwlab, and read them.

    Returns
    -------
    Finding
    """
    from kwlab import workcopy

    copies = [workcopy.without_outputs(path.read_bytes()) for path in workcopy.shipped()]
    return ok("notebooks.fine", n=len(copies))


def loopback(_context: str) -> Finding:
    """Take a port of this machine, and connect to it, as kernels and ``serve`` do.

    Returns
    -------
    Finding
    """
    from kwlab.jupyter import HOST

    with (
        socket.create_server((HOST, 0)) as server,
        socket.create_connection(server.getsockname(), LOOPBACK_SECONDS),
    ):
        server.settimeout(LOOPBACK_SECONDS)
        server.accept()[0].close()
    return ok("loopback.fine", host=HOST)


def install(*arguments: str) -> str:
    """Write the command that installs into this Python.

    Parameters
    ----------
    *arguments : str
        Packages and options.

    Returns
    -------
    str
        As a shell takes it.
    """
    here = [sys.executable, "-m", "pip", "install"]
    if importlib.util.find_spec("pip") is None:
        # uv makes environments without it.
        here = ["uv", "pip", "install", "--python", sys.executable]
    return shlex.join([*here, "--upgrade", *arguments])


@contextlib.contextmanager
def as_in_the_lab() -> Iterator[None]:
    """Look where ``python -m kwlab lab`` looks for kernels and extensions.

    Yields
    ------
    None
    """
    from kwlab import jupyter, workcopy

    before = dict(os.environ)
    os.environ.update(jupyter.environment(workcopy.WorkCopy(Path.cwd(), {})))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _wanted(extra: str) -> list[Requirement]:
    """Give what kwlab's own metadata ask for: always, or for an extra alone."""
    from packaging.requirements import Requirement

    every = [Requirement(line) for line in metadata.requires("kwlab") or ()]
    return [one for one in every if _is_for(one, extra) and not (extra and _is_for(one, ""))]


def _is_for(wanted: Requirement, extra: str) -> bool:
    return wanted.marker is None or wanted.marker.evaluate({"extra": extra})


def _plain(wanted: Requirement) -> str:
    return f"{wanted.name}{wanted.specifier}"


def _wrong(wanted: Requirement) -> str:
    """Say what is wrong with an installed package; nothing when it is what was asked for."""
    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return say("doctor.package.missing", name=wanted.name)
    if wanted.specifier.contains(version, prereleases=True):
        return ""
    facts = {"name": wanted.name, "version": version, "wanted": wanted.specifier}
    return say("doctor.package.other", **facts)


def _listed_extensions() -> Mapping[str, str]:
    """Give by name what ``jupyter labextension list`` says of each extension."""
    from jupyter_core.paths import jupyter_path
    from jupyterlab.commands import AppOptions, list_extensions

    kept = _Lines()
    logger = logging.Logger("kwlab.doctor")
    logger.addHandler(kept)
    list_extensions(AppOptions(logger=logger, labextensions_path=jupyter_path("labextensions")))
    words = [line.split(maxsplit=1) for line in kept.lines]
    return {pair[0]: pair[1] for pair in words if len(pair) == 2}


class _Lines(logging.Handler):
    """Keep what is logged, as lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self.lines.append(record.getMessage())
