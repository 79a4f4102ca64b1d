"""What somebody else wrote is called, and can neither hang the caller nor print between lines."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kwlab.judging import bounded
from kwlab.judging.bounded import PRINTED_CHARACTERS, TimeUp, limited, printed
from tests.conftest import tool
from tests.endless import LOOPS, forever


@pytest.fixture(params=["as it is", "without sys.monitoring"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to look on: Python 3.11 has only the second, and so has who finds no free tool."""
    if request.param != "as it is":
        monkeypatch.setattr(bounded, "_tool", lambda: None)


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
@pytest.mark.usefixtures("way")
def test_a_loop_without_an_end_is_ended(loop: Callable[[], object]) -> None:
    """Nothing is asked of the loop: it need not call anything, and may catch what it likes."""
    with pytest.raises(TimeUp):
        limited(0.05, loop)


IN_A_BROWSER = """
import {{ loadPyodide }} from "{package}/pyodide.mjs";
const python = await loadPyodide();
python.FS.mkdirTree("/src");
python.FS.mount(python.FS.filesystems.NODEFS, {{ root: "{root}" }}, "/src");
python.runPython(`
import sys
sys.dont_write_bytecode, sys.path[:0] = True, ["/src"]
from kwlab.judging.bounded import TimeUp, limited
from tests.endless import LOOPS
for name, loop in LOOPS.items():
    try:
        limited(0.05, loop)
    except TimeUp:
        print(name)
`);
"""


@pytest.mark.needs("node", "pyodide")
def test_a_loop_is_ended_where_there_are_no_threads(tmp_path: Path) -> None:
    """Pyodide is the Python of a browser, here under node."""
    script, package = tmp_path / "loops.mjs", Path(tool("pyodide") or "").parent
    root = Path(__file__).parents[1]
    script.write_text(IN_A_BROWSER.format(package=package, root=root), encoding="utf-8")
    done = subprocess.run(
        [tool("node") or "", str(script)], capture_output=True, text=True, check=True, timeout=300
    )
    assert list(LOOPS) == done.stdout.splitlines()


@pytest.mark.usefixtures("way")
def test_a_call_outside_python_ends_when_it_returns() -> None:
    """What stands after it is not begun."""
    done = []

    def waiting() -> None:
        time.sleep(0.05)
        done.append("returned")
        done.append("went on")

    with pytest.raises(TimeUp):
        limited(0.01, waiting)
    assert [] == done


@pytest.mark.usefixtures("way")
def test_two_threads_have_limits_of_their_own() -> None:
    """One is over, and what another thread does meanwhile is left alone."""
    barrier, is_ended, seen = threading.Barrier(2), threading.Event(), []

    def patient() -> str:
        barrier.wait(10)
        while not is_ended.is_set():
            pass
        return "in time"

    thread = threading.Thread(target=lambda: seen.append(limited(60.0, patient)))
    thread.start()
    barrier.wait(10)
    with pytest.raises(TimeUp):
        limited(0.05, lambda: time.sleep(0.1))
    is_ended.set()
    thread.join(30)
    assert ["in time"] == seen


@pytest.mark.usefixtures("way")
def test_a_tracer_that_is_there_goes_on() -> None:
    """A debugger and coverage see each line of the function, and stay where they were."""
    before, seen = sys.gettrace(), []

    def trace(frame: Any, event: str, _: object) -> Any:
        if frame.f_code is forever.__code__ and len(seen) < 3:
            seen.append((event, frame.f_lineno - forever.__code__.co_firstlineno))
        elif frame.f_code is forever.__code__ and event == "return":
            seen.append((event, 0))
        return trace

    sys.settrace(trace)
    try:
        with pytest.raises(TimeUp):
            limited(0.05, forever)
        after = sys.gettrace()
    finally:
        sys.settrace(before)
    assert trace is after
    assert [("call", 0), ("line", 1), ("line", 2), ("return", 0)] == seen


@pytest.mark.usefixtures("way")
def test_what_is_quick_is_left_alone() -> None:
    """A block that ends in time is not interrupted, and nothing of the limit is left."""
    before = sys.gettrace()
    assert [4950] * 50 == [limited(60.0, lambda: sum(range(100))) for _ in range(50)]
    for _ in range(100):
        with contextlib.suppress(TimeUp):
            limited(0.001, lambda: sum(each for each in range(10_000)))
        assert 45 == sum(each for each in range(10))
    assert before is sys.gettrace()
    if sys.version_info >= (3, 12):
        assert sys.monitoring.get_tool(4) is None


@pytest.mark.usefixtures("way")
def test_an_interrupt_stays_what_it_is() -> None:
    """Ctrl-C is no verdict."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        limited(60.0, interrupted)


def test_prints_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is given line by line, and standard output is as it was afterwards."""
    before = sys.stdout
    with printed() as kept:
        print("one\ntwo")
        print("three", end="")
    print("four")
    assert ("It printed 3 lines:", "    one", "    two", "    three") == kept.shown()
    assert "four\n" == capsys.readouterr().out
    assert before is sys.stdout


def test_only_what_is_shown_is_kept() -> None:
    """However much is printed, and however long a line is."""
    with printed() as kept:
        for number in range(100_000):
            print("x" * 1000, number)
    lines = kept.shown()
    assert ("It printed 100000 lines:", "    … and 99990 more lines.") == (lines[0], lines[-1])
    assert {"    " + "x" * PRINTED_CHARACTERS + "…"} == set(lines[1:-1])
    assert sum(map(len, kept._lines)) < 12 * PRINTED_CHARACTERS


def test_each_thread_prints_to_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Two blocks at once keep their own text, and what a third thread prints is let through."""
    barrier, kept = threading.Barrier(3), {}

    def run(name: str) -> None:
        with printed() as mine:
            barrier.wait(10)
            print(name)
            barrier.wait(10)
        kept[name] = mine.shown()

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    barrier.wait(10)
    print("outside")
    barrier.wait(10)
    for thread in threads:
        thread.join(10)
    assert "outside\n" == capsys.readouterr().out
    assert {name: ("It printed 1 line:", f"    {name}") for name in ("one", "two")} == kept
