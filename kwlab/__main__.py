"""``python -m kwlab``: a table of commands, each a few lines over the module that does the work."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kwlab.doctor import examination
from kwlab.doctor.findings import Level
from kwlab.messages import say

try:
    from kwlab import check, history, jupyter, lab, recording, workcopy
    from kwlab.cluster import namespace
    from kwlab.cluster.connection import connect
    from kwlab.errors import ClusterError, KwlabError, ScenarioError
    from kwlab.interrupts import endings
    from kwlab.judging import chains, clients
    from kwlab.recorder import command as recorder
    from kwlab.server import faults
    from kwlab.server.serve import Served
except ImportError as error:
    # A package is missing or too old: a finding with a remedy says more than a traceback.
    sys.exit(f"kwlab: {examination.explain(error)}")


INTERRUPTED: Final = 130
"""What a shell gives for a program that Ctrl-C ended: 128 and the number of SIGINT."""


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
    refusal : int
        The exit code when kwlab refuses.
    """

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    refusal: int = 1


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
        type=float,
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
        help="judge the clients at the end: 0 correct, 1 not yet, 2 cannot be judged",
    )
    parser.add_argument(
        "--save",
        type=_strip_path,
        metavar="FILE",
        help="check, and write the watch strip (.svg) or the finding (.md)",
    )


def _strip_path(text: str) -> Path:
    if Path(text).suffix in {".svg", ".md"}:
        return Path(text)
    raise argparse.ArgumentTypeError(f"{text} is no .svg and no .md")


def _serve(options: argparse.Namespace) -> int:
    is_checked = options.check or options.save is not None
    try:
        return _play(options, is_checked=is_checked)
    except KeyboardInterrupt:
        # Nothing was found out, and 0 would say that all are correct.
        return clients.CANNOT_BE_JUDGED if is_checked else 0


def _play(options: argparse.Namespace, *, is_checked: bool) -> int:
    # Whoever started it in the background, as CI does, can only end it so: a shell lets such
    # processes ignore Ctrl-C.
    for ending in endings():
        signal.signal(ending, signal.default_int_handler)
    played = lab.load(options.recording)
    scenario = _scenario(options.scenario, played)
    past = history.from_recording(played)
    served = Served(past, scenario, speed=options.speed, port=options.port)
    with contextlib.suppress(KeyboardInterrupt), served:
        facts = {"name": played.header.name, "url": served.url, "kubeconfig": served.kubeconfig}
        speed = f"{options.speed:g}"
        print(say("serve.listening", n=options.speed, speed=speed, **facts), flush=True)
        if not is_checked:
            threading.Event().wait()
        _watch_clients(served)
    return _judge_clients(served, options.save) if is_checked else 0


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


def _scenario(option: str | None, played: recording.Recording) -> faults.Scenario:
    if option is None:
        return faults.parse(played.header.scenario)
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
    try:
        judged = check.check_watch_function(check.load_function(options.function))
    except KeyboardInterrupt:
        # Nothing was found out, and 0 would say that it is correct.
        return check.CANNOT_BE_RUN
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
        raise ClusterError(say("cluster.unnamed"))
    reached = connect(options.context)
    place = namespace.Namespace(reached, namespace.named(reached, options.namespace))
    key = "cluster.cleaned" if place.release() else "cluster.clean"
    print(place.kept or say(key, namespace=place.name, context=options.context))
    return 0


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
    try:
        levels = set()
        for line in examination.examine(options.context):
            print(line, flush=True)
            levels.add(line.finding.level)
    except KeyboardInterrupt:
        # Not all was looked at, and 0 would say that all is well.
        return 1
    return int(Level.PROBLEM in levels)


def _add_record_arguments(parser: argparse.ArgumentParser) -> None:
    recorder.add_arguments(parser, default_context=os.environ.get(lab.CONTEXT))


COMMANDS: Final = (
    Command("lab", "open the notebooks in JupyterLab", _add_lab_arguments, _lab),
    Command(
        "serve",
        "serve a recording on loopback, to clients in any language",
        _add_serve_arguments,
        _serve,
        refusal=2,
    ),
    Command(
        "check",
        "check a watch function of your own: 0 correct, 1 not yet, 2 cannot be run",
        _add_check_arguments,
        _check,
        refusal=check.CANNOT_BE_RUN,
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str or None
        The command line without the program; None for that of this process.

    Returns
    -------
    int
        The exit code: 0, or the command's own (1 or 2) when kwlab refused, with one line on
        standard error; 130 when Ctrl-C came before the command was done.
    """
    parser = argparse.ArgumentParser(prog="python -m kwlab")
    subparsers = parser.add_subparsers(metavar="command", required=True)
    for command in COMMANDS:
        subparser = subparsers.add_parser(
            command.name, help=command.summary, description=command.summary
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run, refusal=command.refusal)
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except KwlabError as error:
        print(f"kwlab: {error}", file=sys.stderr)
        return int(options.refusal)
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
