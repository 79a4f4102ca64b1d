"""What every test may lean on: tools by name, Hypothesis profiles, a browser, a JupyterLab."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import hypothesis
import pytest

from tests.build_rig import built

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser import JupyterLab
    from tests.realserver import RealServer

TOOLS: Final = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "git": ("git",),
    "make": ("make",),
    "node": ("node",),
    "pyodide": (str(Path(__file__).parents[1] / "node_modules/pyodide/pyodide.asm.wasm"),),
    "rig": (str(built("cluster")),),
}
INSTEAD: Final = {
    "pyodide": ": `npm install --no-save pyodide@314.0.6` brings it",
    "rig": ": `make rig` builds it",
}

# One seed for all workers, which inherit it; `KWLAB_SEED=` runs the same again.
SEED: Final = int(os.environ.setdefault("KWLAB_SEED", str(random.randrange(2**32))))

# A wall-clock limit fails on a busy machine, and says nothing about kwlab.
hypothesis.settings.register_profile("kwlab", deadline=None)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile("kwlab")


def pytest_configure(config: pytest.Config) -> None:
    """Take warnings for errors with pinned versions; of deprecations, those that we cause."""
    if os.environ.get("KWLAB_PINNED"):
        # A later line counts more. Packages use what a new Python deprecates, and mend it one day.
        ours = "error::DeprecationWarning:(kwlab|tests|__main__)"
        for line in ("error", "default::DeprecationWarning", ours):
            config.addinivalue_line("filterwarnings", line)


def pytest_report_header() -> str:
    """Say the seed of the random changes on the real server."""
    return f"KWLAB_SEED={SEED}"


def tool(name: str) -> str | None:
    """Find a tool of the machine; None where it is missing."""
    return next(filter(None, map(shutil.which, TOOLS[name])), None)


def refuse(name: str) -> None:
    """Skip what needs a missing tool; in CI, where nothing may be missing, fail."""
    reason = f"needs {name}, which is not on this machine{INSTEAD.get(name, '')}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for the tools of ``@pytest.mark.needs`` before any fixture does."""
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            if tool(name) is None:
                refuse(name)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Lend a Chromium that can reach this machine only."""
    from tests.browser import launch

    executable = tool("chromium")
    assert executable is not None, "mark the test with needs('chromium')"
    with launch(executable) as browser:
        yield browser


@pytest.fixture(scope="session")
def jupyterlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLab]:
    """Lend the JupyterLab that ``python -m kwlab lab`` starts, with a home of its own."""
    from tests.browser import start_jupyterlab

    with start_jupyterlab(tmp_path_factory.mktemp("jupyterlab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def realserver() -> Iterator[RealServer]:
    """Lend a real etcd and kube-apiserver; mark the test with ``needs("rig")``."""
    from tests.realserver import RealServer

    with RealServer() as server:
        yield server
