"""``python -m kwlab``: a table of commands, each a few lines over the module that does the work."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kwlab import jupyter, workcopy
from kwlab.errors import KwlabError


@dataclass(frozen=True, slots=True)
class Command:
    """Describe one command.

    Parameters
    ----------
    name : str
        The word on the command line.
    summary : str
        What it does, in one line.
    add_arguments : callable
        Adds the command's arguments to its parser.
    run : callable
        Does it, and returns the exit code.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def _add_lab_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(workcopy.DEFAULT_FOLDER),
        help="where your notebooks are or shall be (default: %(default)s)",
    )
    parser.add_argument("--port", type=_port, help="where to listen (default: a free port)")
    parser.add_argument("--no-browser", action="store_true", help="print the address, open nothing")


def _port(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is not a port: a number from 1 to 65535")


def _lab(options: argparse.Namespace) -> int:
    # First, so that a refusal leaves no folder behind.
    jupyter.check(port=options.port)
    copy = workcopy.refresh(options.folder)
    for name in copy.outdated:
        print(f"A newer {name} has come. Yours stays as it is; rename it to get the new one.")
    print(f"Your notebooks: {copy.folder}. Ctrl-C here ends JupyterLab.", flush=True)
    jupyter.start(copy, port=options.port, browser=not options.no_browser)
    return 0


COMMANDS: Final = (Command("lab", "open the notebooks in JupyterLab", _add_lab_arguments, _lab),)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str or None
        The command line without the program; None for that of this process.

    Returns
    -------
    int
        The exit code: 0, or 1 when kwlab refused, with one line on standard error.
    """
    parser = argparse.ArgumentParser(prog="python -m kwlab")
    subparsers = parser.add_subparsers(metavar="command", required=True)
    for command in COMMANDS:
        subparser = subparsers.add_parser(
            command.name, help=command.summary, description=command.summary
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except KwlabError as error:
        print(f"kwlab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
