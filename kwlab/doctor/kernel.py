"""A kernel as a notebook has it: that it starts, and that a widget leaves it for the browser."""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from kwlab.doctor.findings import Finding, ok, problem, warning
from kwlab.doctor.installation import as_in_the_lab, install

if TYPE_CHECKING:
    from jupyter_client.blocking.client import BlockingKernelClient

KERNEL: Final = "python3"
"""The kernel that the notebooks name."""
KERNEL_SECONDS: Final = 60.0
"""As jupyter_client waits for one: on a cold machine it reads thousands of files first."""
PREFIX_CELL: Final = "import sys\nprint(sys.prefix)"
STRIP_CELL: Final = "from kwlab.doctor.story import compare_story\ncompare_story().strip"


def kernel(_context: str) -> Finding:
    """Start the kernel that the notebooks name, and ask which Python it is.

    Returns
    -------
    Finding
        A warning where there is none: scripts and tests need none.
    """
    if importlib.util.find_spec("ipykernel") is None:
        return warning("kernel.missing", install=install("ipykernel"))
    (printed,) = _contents(_run(PREFIX_CELL), "stream")
    prefix = printed["text"].strip()
    if prefix != sys.prefix:
        facts = {"other": prefix, "this": sys.prefix, "python": sys.executable}
        return problem("kernel.other", name=KERNEL, **facts)
    return ok("kernel.fine")


def widgets(_context: str) -> Finding:
    """Show a watch strip in a kernel, and look for what the browser makes the widget from.

    Returns
    -------
    Finding
    """
    from kwlab.view import VIEW

    messages = _run(STRIP_CELL)
    models = {content["comm_id"] for content in _contents(messages, "comm_open")}
    views = [content["data"].get(VIEW) for content in _contents(messages, "execute_result")]
    if any(view and view["model_id"] in models for view in views):
        return ok("widgets.fine")
    remedy = install("--force-reinstall", "ipykernel", "ipywidgets", "anywidget")
    return problem("widgets.none", install=remedy)


def _contents(messages: Sequence[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [message["content"] for message in messages if message["msg_type"] == kind]


def _run(cell: str) -> list[dict[str, Any]]:
    """Run a cell in a kernel of its own, and give every message that a front end would get."""
    messages: list[dict[str, Any]] = []
    with _client() as client:
        reply = client.execute_interactive(
            cell, timeout=KERNEL_SECONDS, output_hook=messages.append, allow_stdin=False
        )
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"{reply['content']['ename']}: {reply['content']['evalue']}")
    return messages


@contextlib.contextmanager
def _client() -> Iterator[BlockingKernelClient]:
    from jupyter_client.manager import start_new_kernel

    silent = subprocess.DEVNULL
    with as_in_the_lab():
        manager, client = start_new_kernel(
            startup_timeout=KERNEL_SECONDS, kernel_name=KERNEL, stdout=silent, stderr=silent
        )
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
