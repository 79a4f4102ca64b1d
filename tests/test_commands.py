"""Every command, whatever becomes of its output, and whenever Ctrl-C comes."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import kwlab
from kwlab.commands import COMMANDS, main
from kwlab.exits import Exit
from tests.notebook_files import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the shell's redirections are sh's")

NAMES: Final = ["", *(command.name for command in COMMANDS)]
FULL: Final = os.strerror(errno.ENOSPC)
STREAMS: Final = {
    ">/dev/full": (Exit.OUTPUT, f"kwlab: The output could not be written ({FULL}).\n"),
    ">&-": (None, ""),
    ">&- 2>&- <&-": (None, ""),
    "unread": (None, ""),
}
"""What becomes of the streams: the status, None for the command's own, and what is said of it."""


def run(redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with its streams led elsewhere by a shell, or into a pipe that nobody reads."""
    unread, written = os.pipe()
    os.close(unread)
    shell = "" if redirection == "unread" else redirection
    try:
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {shell}', "sh", sys.executable, *arguments],
            stdout=written if redirection == "unread" else subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(written)


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize("command", NAMES)
def test_no_command_minds_where_its_output_goes(command: str, streams: str) -> None:
    """Closed and unread streams change nothing; a full one has a sentence and a status."""
    done = run(streams, "-m", "kwlab", *command.split(), "--help")
    status, error = STREAMS[streams]
    assert (status or Exit.OK, error) == (done.returncode, done.stderr)


TALKS: Final = """\
import sys, kwlab.__main__ as command
from kwlab import commands
def talk(*_, **__):
    for _ in range(100_000):
        print("…")
        print("…", file=sys.stderr)
    return 2
commands.main = talk
sys.exit(command.start())
"""


@pytest.mark.parametrize("streams", [*STREAMS, "2>/dev/full", "2>&-"])
@pytest.mark.parametrize("unbuffered", ["", "-u"])
def test_a_verdict_outlives_its_readers(streams: str, unbuffered: str) -> None:
    """With much to say and nobody there to hear it, the status is still the command's."""
    done = run(streams, *unbuffered.split(), "-c", TALKS)
    status, error = STREAMS.get(streams, (None, ""))
    assert (status or 2) == done.returncode
    assert done.stderr.replace("…\n", "") == error


def test_a_terminal_without_our_letters_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it cannot show is written as an escape."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("PYTHONUTF8", "0")
    assert "\\u2026\n" * 100_000 == run("2>/dev/null", "-c", TALKS).stdout


INTERRUPTED: Final = """\
import builtins, os, runpy, signal, sys
place, sys.argv = sys.argv[1], ["kwlab", "clean"]
importing = builtins.__import__
def interrupted(name, *more, **named):
    if name == place:
        os.kill(os.getpid(), signal.SIGINT)
    return importing(name, *more, **named)
builtins.__import__ = interrupted
runpy.run_module("kwlab", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    "module",
    [
        "kwlab.exits",
        "kwlab.doctor",
        "kwlab.messages",
        "argparse",
        "dataclasses",
        "kwlab.server.serve",
    ],
)
def test_ctrl_c_while_it_imports_is_no_traceback(module: str) -> None:
    """However early it comes, it ends the command without a word, as it ends any program."""
    done = run("", "-c", INTERRUPTED, module)
    assert (-signal.SIGINT, "", "") == (done.returncode, done.stdout, done.stderr)


def test_ctrl_c_after_it_is_done_is_no_traceback() -> None:
    """While the interpreter ends, and waits for threads, it is an end too."""
    program = TALKS.replace("range(100_000)", "()").replace(
        "sys.exit(",
        "import os, signal, threading, time\n"
        "def late():\n"
        "    threading.main_thread().join()\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(60)\n"
        "threading.Thread(target=late).start()\n"
        "sys.exit(",
    )
    done = run("", "-c", program)
    assert (-signal.SIGINT, "", "") == (done.returncode, done.stdout, done.stderr)


def test_who_is_to_ignore_ctrl_c_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A background job of a shell is started so, and its imports are not ended by Ctrl-C either."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert 64 == run("", "-c", INTERRUPTED, "argparse").returncode
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("arguments", [[], ["nothing"], *([name, "--what"] for name in NAMES[1:])])
def test_wrong_usage_has_a_status_of_its_own(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is not argparse's 2, which says of a check that nothing can be judged."""
    with pytest.raises(SystemExit, match="64"):
        main(arguments)
    assert "usage: kwlab" in capsys.readouterr().err


def test_each_status_is_one_number_with_one_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    """The help and README name every status, and no number twice."""
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    said = capsys.readouterr().out.partition("Exit status:")[2]
    assert [*Exit] == [int(number) for number in re.findall(r"\b\d+\b", said)]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| ([1-9]\d*|0) \|", readme, re.MULTILINE)
    assert [str(int(status)) for status in Exit] == table


@pytest.mark.parametrize("how", ["kwlab", "python -m kwlab"])
def test_there_are_two_ways_to_start(how: str) -> None:
    """The script and the module are one program: only the usage tells which was started."""
    script = [str(Path(sys.executable).with_name("kwlab"))]
    command = script if how == "kwlab" else [sys.executable, "-m", "kwlab"]
    ask = [
        subprocess.run([*command, *more], capture_output=True, text=True, check=True).stdout
        for more in (["--version"], ["record", "--help"])
    ]
    assert f"kwlab {kwlab.__version__}\n" == ask[0]
    assert f"usage: {how} record [-h]" in ask[1]
    assert f"  {how} record --context kind-kwlab" in ask[1]


def test_a_line_that_was_written_is_not_written_again() -> None:
    """Ctrl-C right after a line has gone out leaves nothing in a buffer for the end."""
    program = """\
import os, signal, sys
from kwlab import streams
streams.take_over()
# The write itself, with the signal before anything else runs.
sys.settrace(lambda frame, event, _: trace if frame.f_code.co_name == "write" else None)
def trace(frame, event, _):
    if event == "return":
        os.kill(os.getpid(), signal.SIGINT)
    return trace
try:
    sys.stdout.write("once\\n")
    sys.stdout.flush()
except KeyboardInterrupt:
    pass
"""
    assert "once\n" == run("", "-c", program).stdout
