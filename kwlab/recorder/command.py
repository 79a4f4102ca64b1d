"""``kwlab record``: its arguments, its progress, and how it is interrupted."""

from __future__ import annotations

import argparse
import contextlib
import math
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from kwlab.cluster.connection import connect
from kwlab.errors import RecordingError, UsageError
from kwlab.exits import Exit
from kwlab.interrupts import endings
from kwlab.messages import say
from kwlab.recorder import resources
from kwlab.recorder.loops import LoopOptions
from kwlab.recorder.record import Recorded, Recorder, Wanted, check_target
from kwlab.wire import without_env_values, without_managed_fields

BESIDE: Final = "wrong-and-correct"


def add_arguments(parser: argparse.ArgumentParser, *, default_context: str | None) -> None:
    """Add the command's arguments to its parser.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    default_context : str or None
        What counts where no context is named.
    """
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = say("record.description")
    parser.epilog = say("record.epilog")
    add = parser.add_argument
    add("--context", default=default_context, help=say("record.help.context"))
    add(
        "--resource",
        action="append",
        required=True,
        metavar="NAME",
        help=say("record.help.resource"),
    )
    add("--namespace", help=say("record.help.namespace"))
    add("--seconds", required=True, metavar="N", help=say("record.help.seconds"))
    add(
        "--output",
        type=Path,
        default=Path("recording.jsonl"),
        metavar="FILE",
        help=say("record.help.output"),
    )
    add("--selector", default="", metavar="LABELS", help=say("record.help.selector"))
    add("--from-nothing", action="store_true", help=say("record.help.from_nothing"))
    add(
        "--cut",
        action="append",
        default=[],
        metavar="AT[:AWAY]",
        help=say("record.help.cut"),
    )
    add("--beside", choices=(BESIDE,), help=say("record.help.beside"))
    add("--loop-seconds", default="15", metavar="N", help=say("record.help.loop_seconds"))
    add("--away", default="1", metavar="N", help=say("record.help.away"))
    add("--without-managed-fields", action="store_true", help=say("record.help.managed_fields"))
    add("--without-env-values", action="store_true", help=say("record.help.env_values"))


def run(options: argparse.Namespace) -> int:
    """Record, and say what came of it.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        The exit status; 0 also for a recording that was interrupted.

    Raises
    ------
    KwlabError
        With one clear sentence.
    """
    if not options.context:
        raise UsageError(say("cluster.unnamed"))
    for word in options.resource:
        resources.refuse_secret(word)
    settings = _settings(options)
    try:
        check_target(options.output, has_loops=settings["loops"] is not None)
    except RecordingError as error:
        raise UsageError(str(error)) from error
    connection = connect(options.context)
    with contextlib.closing(connection):
        namespace = options.namespace or connection.namespace
        found = resources.find(connection, options.resource)
        if not namespace:
            raise UsageError(say("record.no_namespace"))
        wanted = Wanted(resources=found, namespace=namespace, **settings)
        try:
            recorder = Recorder(connection, wanted, options.output, _tell)
        except KeyboardInterrupt:
            _tell(say("record.interrupted"))
            return Exit.INTERRUPTED
        with _interrupting(recorder):
            done = recorder.run()
    _report(done)
    return Exit.OK


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    seconds = _number("--seconds", options.seconds)
    loops = None
    if options.beside:
        text = options.loop_seconds
        timeout = _number("--loop-seconds", text)
        if timeout != int(timeout):
            raise UsageError(say("record.whole", option="--loop-seconds", value=text))
        loops = LoopOptions(int(timeout), _number("--away", options.away, least=0.0))
    return {
        "seconds": seconds,
        "selector": options.selector,
        "is_from_nothing": options.from_nothing,
        "loops": loops,
        "scenario": tuple(_cut(text, seconds) for text in options.cut),
        "redact": _redaction(options),
    }


def _number(option: str, text: str, *, least: float = math.ulp(0.0)) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value < math.inf:
        raise UsageError(say("record.number", option=option, value=text))
    return value


def _cut(text: str, seconds: float) -> dict[str, Any]:
    moment, _, away = text.partition(":")
    at = _number("--cut", moment)
    if at >= seconds:
        raise UsageError(say("record.late_cut", value=text, seconds=f"{seconds:g}"))
    cut: dict[str, Any] = {"fault": "cut", "at": at}
    return {**cut, "away_seconds": _number("--cut", away)} if away else cut


def _redaction(options: argparse.Namespace) -> Any:
    def redact(data: bytes) -> bytes:
        if options.without_managed_fields:
            data = without_managed_fields(data)
        return without_env_values(data) if options.without_env_values else data

    return redact


@contextlib.contextmanager
def _interrupting(recorder: Recorder) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP end a recording as the end of its time does."""

    def stop(*_: object) -> None:
        recorder.stop()

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, *endings())}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _report(done: Recorded) -> None:
    facts = {"objects": done.objects_total, "changes": done.changes_total}
    print(say("record.done", path=done.path, seconds=f"{done.seconds:g}", **facts))
    if done.attempts is not None:
        print(say("record.attempts", path=done.attempts))
    print(say("record.open", path=done.path))
    _tell(say("record.inside"))
