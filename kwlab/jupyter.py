"""JupyterLab on a working copy: on this machine only, without news, with this very Python."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Final

from kwlab.errors import LabError
from kwlab.extra import require
from kwlab.messages import say
from kwlab.workcopy import STATE_FOLDER, WorkCopy

HOST: Final = "127.0.0.1"
"""Where JupyterLab listens: it runs what it is told, so it is for this machine alone."""


def start(copy: WorkCopy, *, port: int | None = None, browser: bool = True) -> None:
    """Open JupyterLab on the first notebook of a working copy; return when it has ended.

    Parameters
    ----------
    copy : WorkCopy
        The working copy.
    port : int or None
        Where to listen; None for the first free port from 8888.
    browser : bool
        Whether to open a browser.

    Raises
    ------
    LabError
        JupyterLab is not installed, or the port cannot be had.
    """
    check(port=port)
    os.environ.update(environment(copy))
    from jupyterlab.labapp import LabApp

    # JupyterLab says where it is a moment before it minds Ctrl-C itself.
    with contextlib.suppress(KeyboardInterrupt):
        LabApp.launch_instance(arguments(copy, port=port, browser=browser))


def check(*, port: int | None) -> None:
    """Refuse what JupyterLab would fail on, in one line where it would write forty.

    Parameters
    ----------
    port : int or None
        The port that was asked for; None when any will do.

    Raises
    ------
    LabError
        JupyterLab is not installed, or the port cannot be had.
    """
    require("jupyterlab")
    if port is None:
        return
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise LabError(say("serve.port", port=port, reason=reason)) from error


def arguments(copy: WorkCopy, *, port: int | None, browser: bool) -> list[str]:
    """Write the command line for JupyterLab.

    Parameters
    ----------
    copy : WorkCopy
        The working copy.
    port : int or None
        Where to listen; None for the first free port from 8888.
    browser : bool
        Whether to open a browser.

    Returns
    -------
    list of str
        The arguments, without the program.
    """
    listen = [] if port is None else [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    return [
        f"--ServerApp.root_dir={copy.folder}",
        f"--ServerApp.ip={HOST}",
        f"--LabApp.default_url=/lab/tree/{copy.first}",
        f"--ServerApp.open_browser={browser}",
        # In a container people are root, and the door is closed to all but this machine.
        "--ServerApp.allow_root=True",
        # Ctrl-C ends it at once; JupyterLab would ask, and wait five seconds.
        "--ServerApp.answer_yes=True",
        # What is left is the address, and what went wrong.
        "--Application.log_level=WARN",
        # Nothing leaves the machine: no news, no look for updates, no list of extensions.
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=",
        "--LabApp.extension_manager=readonly",
        *listen,
    ]


def environment(copy: WorkCopy) -> dict[str, str]:
    """Name the environment variables that JupyterLab needs for a working copy.

    Parameters
    ----------
    copy : WorkCopy
        The working copy.

    Returns
    -------
    dict of str to str
        What to add to the environment.
    """
    # The announcements can be switched off in a page_config.json only.
    ours = str(Path(__file__).parent / "_jupyter")
    theirs = os.environ.get("JUPYTER_CONFIG_PATH")
    return {
        "JUPYTER_CONFIG_PATH": os.pathsep.join([ours, theirs] if theirs else [ours]),
        # A kernel of the same name in the user's folder may be another Python, without kwlab.
        "JUPYTER_PREFER_ENV_PATH": "1",
        # The tabs of the learner's other projects are none of ours.
        "JUPYTERLAB_WORKSPACES_DIR": str(copy.folder / STATE_FOLDER / "workspaces"),
    }
