"""``kwlab``, or ``python -m kwlab``: a table of commands.

Each is a few lines over the module that does the work.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import kwlab
from kwlab import check, history, jupyter, lab, workcopy
from kwlab.cluster import namespace
from kwlab.cluster.connection import connect
from kwlab.doctor import examination
from kwlab.doctor.findings import Level
from kwlab.errors import KwlabError, ScenarioError, UsageError
from kwlab.exits import Exit
from kwlab.interrupts import endings
from kwlab.judging import chains, clients
from kwlab.messages import say
from kwlab.recorder import command as recorder
from kwlab.server import faults
from kwlab.server.serve import Served


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
        Does it, and returns the exit status.
    is_judging : bool
        Whether its exit status is a verdict.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    is_judging: bool = False


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
    return Exit.OK


def _add_serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "recording",
        nargs="?",
        default=lab.STORY,
        help="the name of a shipped recording, or a file (default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=_port, default=0, help="where to listen (default: a free port)"
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        help="how many seconds of the recording pass in a second (default: %(default)g)",
    )
    parser.add_argument(
        "--scenario",
        metavar="FILE|none",
        help="what goes wrong, a fault a line; none for nothing (default: the recording's own)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        dest="is_judging",
        help="judge the clients at the end: 0 correct, 1 not yet, 2 cannot be judged",
    )
    parser.add_argument(
        "--save",
        type=_strip_path,
        metavar="FILE",
        help="check, and write the watch strip (.svg) or the finding (.md)",
    )


def _speed(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (speed := float(text)) < math.inf:
            return speed
    raise argparse.ArgumentTypeError(f"{text} is not a speed: a number above 0")


def _strip_path(text: str) -> Path:
    path = Path(text)
    if path.suffix not in {".svg", ".md"}:
        raise argparse.ArgumentTypeError(f"{text} does not end in .svg or .md")
    try:
        # Nothing else tells for certain, and after minutes of serving it is too late.
        is_new = not path.exists()
        path.open("ab").close()
        if is_new:
            path.unlink()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be written: {error.strerror}") from error
    return path


def _serve(options: argparse.Namespace) -> int:
    options.is_judging |= options.save is not None
    # Whoever started it in the background, as CI does, can only end it so: a shell lets such
    # processes ignore Ctrl-C.
    for ending in endings():
        signal.signal(ending, signal.default_int_handler)
    try:
        played = lab.load(options.recording)
        scenario = _scenario(options.scenario, played.header.scenario)
    except KwlabError as error:
        raise UsageError(str(error)) from error
    past = history.from_recording(played)
    served = Served(past, scenario, speed=options.speed, port=options.port)
    with contextlib.suppress(KeyboardInterrupt), served:
        facts = {"name": played.header.name, "url": served.url, "kubeconfig": served.kubeconfig}
        speed = f"{options.speed:g}"
        print(say("serve.listening", n=options.speed, speed=speed, **facts), flush=True)
        if not options.is_judging:
            threading.Event().wait()
        _watch_clients(served)
    return _judge_clients(served, options.save) if options.is_judging else Exit.OK


def _watch_clients(served: Served) -> None:
    """Wait until the recording is over and its clients have come back."""
    print(say("serve.checking", seconds=f"{served.over_at:g}"), flush=True)
    first = served.wait_for_request()
    facts = {"client": clients.named(first.client), "path": chains.printable(first.path)}
    print(say("serve.first", **facts), flush=True)
    while not served.wait_for_clients(timeout_seconds=threading.TIMEOUT_MAX):
        pass


def _judge_clients(served: Served, save: Path | None) -> int:
    verdicts = clients.judge_clients(served)
    print(f"\n{verdicts}", flush=True)
    for path in verdicts.save(save) if save else ():
        print(say("serve.saved", path=path))
    return verdicts.exit_status


def _scenario(option: str | None, recorded: Sequence[Mapping[str, Any]]) -> faults.Scenario:
    if option is None:
        return faults.parse(recorded)
    if option == "none":
        return ()
    try:
        return faults.read(Path(option).read_bytes())
    except (OSError, ScenarioError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(say("serve.scenario_file", path=option, reason=reason)) from error


def _add_check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "function", metavar="module:function", help="a function of (lab, options); see kwlab.check"
    )


def _check(options: argparse.Namespace) -> int:
    judged = check.check_watch_function(check.load_function(options.function))
    print(judged)
    if judged.shown is not None:
        print(f"\n{judged.shown}")
    return check.exit_status(judged)


def _add_clean_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--context",
        default=os.environ.get(lab.CONTEXT),
        help=f"a context of your kubeconfig, or in-cluster (default: ${lab.CONTEXT})",
    )
    parser.add_argument(
        "--namespace",
        default=os.environ.get(lab.NAMESPACE),
        help=f"where kwlab played (default: ${lab.NAMESPACE}, else {namespace.DEFAULT})",
    )


def _clean(options: argparse.Namespace) -> int:
    if not options.context:
        raise UsageError(say("cluster.unnamed"))
    reached = connect(options.context)
    place = namespace.Namespace(reached, namespace.named(reached, options.namespace))
    key = "cluster.cleaned" if place.release() else "cluster.clean"
    print(place.kept or say(key, namespace=place.name, context=options.context))
    return Exit.OK


def _add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Look at what the notebooks need, and print a finding a line: ok, warning or problem, with "
        "what to do about it. Nothing is changed, here or on a cluster. The exit status is 0, or 1 "
        "when there is a problem."
    )
    parser.add_argument(
        "--context",
        default=os.environ.get(lab.CONTEXT, ""),
        help="also look at a cluster: a context of your kubeconfig, or in-cluster "
        f"(default: ${lab.CONTEXT}, else none)",
    )


def _doctor(options: argparse.Namespace) -> int:
    levels = set()
    for line in examination.examine(options.context):
        print(line, flush=True)
        levels.add(line.finding.level)
    return Exit.FAILED if Level.PROBLEM in levels else Exit.OK


def _add_record_arguments(parser: argparse.ArgumentParser) -> None:
    recorder.add_arguments(parser, default_context=os.environ.get(lab.CONTEXT))


COMMANDS: Final = (
    Command("lab", "open the notebooks in JupyterLab", _add_lab_arguments, _lab),
    Command(
        "serve",
        "serve a recording on loopback, to clients in any language",
        _add_serve_arguments,
        _serve,
    ),
    Command(
        "check",
        "check a watch function of your own: 0 correct, 1 not yet, 2 cannot be judged",
        _add_check_arguments,
        _check,
        is_judging=True,
    ),
    Command(
        "clean",
        "remove from a cluster what a killed kernel left there",
        _add_clean_arguments,
        _clean,
    ),
    Command(
        "doctor",
        "look at what the notebooks need, and say what to do about what is missing",
        _add_doctor_arguments,
        _doctor,
    ),
    Command(
        "record",
        "record a cluster of your own, for every notebook",
        _add_record_arguments,
        recorder.run,
    ),
)


class _Parser(argparse.ArgumentParser):
    """End a wrong command line with a status that is no verdict; argparse's own is 2."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, say("command.usage", program=self.prog, message=message))


def main(arguments: Sequence[str] | None = None, *, program: str = "kwlab") -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str or None
        The command line without the program; None for that of this process.
    program : str
        How it was started, for the usage.

    Returns
    -------
    int
        The exit status, as :class:`~kwlab.exits.Exit` names it. Where kwlab refuses, there is one
        line on standard error.
    """
    parser = _Parser(prog=program, description=kwlab.__doc__, epilog=say("command.statuses"))
    parser.add_argument("--version", action="version", version=f"kwlab {kwlab.__version__}")
    subparsers = parser.add_subparsers(metavar="command", required=True)
    for command in COMMANDS:
        subparser = subparsers.add_parser(
            command.name, help=command.summary, description=command.summary
        )
        subparser.set_defaults(run=command.run, is_judging=command.is_judging)
        command.add_arguments(subparser)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except KwlabError as error:
        print(f"kwlab: {error}", file=sys.stderr)
        if isinstance(error, UsageError):
            return Exit.USAGE
        return Exit.CANNOT_BE_JUDGED if options.is_judging else Exit.FAILED
    except KeyboardInterrupt:
        # Nothing was found out, and 0 would say that all is well.
        return Exit.INTERRUPTED
