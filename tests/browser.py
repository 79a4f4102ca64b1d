"""A learner at a real JupyterLab, in Chromium: what to press, what to look at, what to wait for.

    learner = jupyterlab.open(chromium, "01-see.ipynb")
    learner.run_all()
    learner.press_everything()

Nothing here sleeps: every wait is for a condition.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from playwright.sync_api import Browser, Locator, Page, Request, sync_playwright

from kwlab import workcopy

WAIT_SECONDS: Final = 60
KEYS: Final = ("r", "m", "x", "Tab", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Enter")

# The host rule is the proof that a page works offline: a name that is looked up is not found.
CHROMIUM_OPTIONS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

# What a keyboard reaches in an output.
CONTROLS: Final = (
    ".jp-OutputArea :is(button, input, select, textarea, summary, a[href], [tabindex='0'])"
)

NOTEBOOK: Final = "window.jupyterapp?.shell.currentWidget"


@contextmanager
def launch(executable: str) -> Iterator[Browser]:
    """Start a Chromium that can reach this machine only."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=list(CHROMIUM_OPTIONS), timeout=WAIT_SECONDS * 1000
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True, slots=True)
class JupyterLab:
    """A running ``python -m kwlab lab``.

    ``url`` ends with a slash; ``folder`` is what it serves.
    """

    url: str
    folder: Path
    log: Path

    def open(
        self,
        browser: Browser,
        name: str,
        *,
        sources: tuple[Path, ...] | None = None,
        width: int = 1280,
    ) -> Learner:
        """Open one notebook of a fresh working copy, and wait for its kernel."""
        number = sum(1 for _ in self.folder.iterdir())
        copy = workcopy.refresh(self.folder / f"learner-{number}", sources)
        page = browser.new_page(viewport={"width": width, "height": 1000})
        page.set_default_timeout(WAIT_SECONDS * 1000)
        learner = Learner(page, copy.folder / name)
        page.on("console", lambda message: learner.heard(message.type, message.text))
        page.on("pageerror", lambda error: learner.heard("error", str(error)))
        page.on("request", lambda request: learner.asked(request, self.url))
        page.goto(f"{self.url}doc/tree/{quote(copy.folder.name)}/{quote(name)}")
        learner.wait_for_idle()
        return learner


@contextmanager
def start_jupyterlab(home: Path) -> Iterator[JupyterLab]:
    """Run ``python -m kwlab lab`` with a home of its own, and end it at the end."""
    folder, runtime, log = home / "work", home / "runtime", home / "jupyterlab.log"
    _configure(home)
    # Left to itself JupyterLab looks for a free port and takes it later; two workers get the same.
    command = [sys.executable, "-m", "kwlab", "lab", str(folder), "--no-browser"]
    command += ["--port", str(_free_port())]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=_environment(home)
        )
        try:
            yield JupyterLab(_address(process, runtime, log), folder, log)
        finally:
            process.terminate()
            process.wait(WAIT_SECONDS)


@dataclass(slots=True)
class Learner:
    """One page with one notebook, and everything that went wrong on it."""

    page: Page
    path: Path
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def heard(self, kind: str, text: str) -> None:
        """Keep an error of the page."""
        if kind == "error":
            self.errors.append(text)

    def asked(self, request: Request, home: str) -> None:
        """Keep a request that left the machine."""
        asked, ours = urlsplit(request.url), urlsplit(home)
        if asked.scheme in {"http", "https", "ws", "wss"} and asked.netloc != ours.netloc:
            self.strangers.append(request.url)

    def wait_for_idle(self) -> None:
        """Wait until the notebook is there and its kernel has nothing to do."""
        self.page.wait_for_function(
            f"{NOTEBOOK}?.sessionContext?.session?.kernel?.status === 'idle'"
        )

    def run_all(self) -> None:
        """Run all cells, and wait until the last one has ended."""
        self.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
        self.wait_for_idle()

    def run(self, number: int) -> None:
        """Run the code cell of that number, counted from 1 over code cells only."""
        self.page.evaluate(
            f"""async number => {{
                const content = {NOTEBOOK}.content;
                const codes = content.widgets.filter(cell => cell.model.type === 'code');
                content.deselectAll();
                content.activeCellIndex = content.widgets.indexOf(codes[number - 1]);
                await window.jupyterapp.commands.execute('notebook:run-cell');
            }}""",
            number,
        )
        self.wait_for_idle()

    def write(self, number: int, source: str) -> None:
        """Put other code into the code cell of that number, counted from 1."""
        self.page.evaluate(
            f"""([number, source]) => {NOTEBOOK}.content.widgets
                .filter(cell => cell.model.type === 'code')[number - 1]
                .model.sharedModel.setSource(source)""",
            [number, source],
        )

    def cells(self) -> list[tuple[str, str]]:
        """List the kind and the source of each cell, as the notebook has them now."""
        cells = self._model()
        return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]

    def outputs(self) -> list[dict[str, Any]]:
        """List the outputs of all cells, as the notebook has them now."""
        return [output for cell in self._model() for output in cell.get("outputs", [])]

    def texts(self) -> list[str]:
        """List the text face of each output, in order."""
        return ["".join(_text(output)) for output in self.outputs()]

    def failures(self) -> list[str]:
        """List the errors in cells that are not tagged to teach one."""
        return [
            f"{output['ename']}: {output['evalue']}"
            for cell in self._model()
            if "raises-exception" not in cell["metadata"].get("tags", [])
            for output in cell.get("outputs", [])
            if output["output_type"] == "error"
        ]

    def controls(self) -> Locator:
        """Find every control in the outputs that a keyboard reaches."""
        return self.page.locator(CONTROLS).locator("visible=true")

    def press_everything(self, keys: Sequence[str] = KEYS) -> list[str]:
        """Press each key in each control; say where a cell was changed, and stop there."""
        before = self.cells()
        for index in range(self.controls().count()):
            control = self.controls().nth(index)
            tag = _opening_tag(control)
            for key in keys:
                control.focus()
                self.page.keyboard.press(key)
                if self.cells() != before:
                    return [f"{key} in {tag} changed the notebook"]
        return []

    def drag(self, slider: Locator, to: float) -> None:
        """Drag the slider's handle to a share of its length, in steps, and let it go."""
        box = slider.bounding_box()
        assert box is not None
        value, low, high = (float(slider.evaluate(f"e => e.{n}")) for n in ("value", "min", "max"))
        # A handle is as wide as the slider is high, and does not reach over its ends.
        room = box["width"] - box["height"]
        start = box["x"] + box["height"] / 2 + room * (value - low) / (high - low)
        middle = box["y"] + box["height"] / 2
        self.page.mouse.move(start, middle)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + box["height"] / 2 + room * to, middle, steps=8)
        self.page.mouse.up()

    def text(self, number: int) -> str:
        """Give what the code cell of that number says, counted from 1."""
        codes = [cell for cell in self._model() if cell["cell_type"] == "code"]
        return "".join("".join(_text(output)) for output in codes[number - 1]["outputs"])

    def shoot(self, locator: Locator | Page, name: str) -> None:
        """Take a picture, where KWLAB_SCREENSHOTS names a folder for them."""
        if folder := os.environ.get("KWLAB_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            locator.screenshot(path=Path(folder) / f"{name}.png")

    def close(self) -> None:
        """Close the page, and end the kernel with it."""
        self.page.evaluate(f"{NOTEBOOK}?.sessionContext?.shutdown()")
        self.page.close()

    def _model(self) -> list[dict[str, Any]]:
        cells: list[dict[str, Any]] = self.page.evaluate(f"{NOTEBOOK}.content.model.toJSON().cells")
        return cells


def _text(output: dict[str, Any]) -> str | list[str]:
    text: str | list[str] = output.get("text") or output.get("data", {}).get("text/plain", "")
    return text


def _opening_tag(control: Locator) -> str:
    return str(control.evaluate("e => e.cloneNode(false).outerHTML"))[:200]


def _configure(home: Path) -> None:
    config = home / "config"
    config.mkdir(parents=True)
    settings = {
        # Gives `window.jupyterapp`, by which tests ask JupyterLab what it holds.
        "jupyter_lab_config.json": {"LabApp": {"expose_app_in_browser": True}},
        "jupyter_server_config.json": {"IdentityProvider": {"token": ""}},
    }
    for name, content in settings.items():
        (config / name).write_text(json.dumps(content), encoding="utf-8")


def _environment(home: Path) -> dict[str, str]:
    return os.environ | {
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _address(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            try:
                return str(json.loads(path.read_bytes())["url"])
            except ValueError:
                pass  # It is being written.
        time.sleep(0.05)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')}")
