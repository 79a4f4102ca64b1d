"""The pytest plugin: fixtures for people's own tests, and a documented file that runs."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from kwlab import pytest_plugin

pytest_plugins = ["pytester"]


def documented() -> str:
    """Take the test file out of the module's docstring."""
    assert pytest_plugin.__doc__ is not None
    _, block = re.split(r"complete.*::\n", pytest_plugin.__doc__, maxsplit=1)
    return textwrap.dedent(re.split(r"\n(?=\S)", block)[0])


def test_the_documented_file_runs_as_it_stands(pytester: pytest.Pytester) -> None:
    """The official client, urllib3, the lab, the server and a controller: all five tests pass."""
    pytester.makepyfile(documented())
    result = pytester.runpytest_subprocess("-q", "-W", "error")
    result.assert_outcomes(passed=5)


def test_the_documented_test_can_fail(pytester: pytest.Pytester) -> None:
    """With the bug in it the same file fails, and says which property broke, and where."""
    broken = documented().replace("options.replace(timeout_seconds=60)\n", "{}\n")
    assert broken != documented()
    pytester.makepyfile(broken)
    result = pytester.runpytest_subprocess("-q", "-k", "a_cut_watch_resumes")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Not yet: connection 1 was handed rv@0 and asked for none*"])


def test_the_documented_controller_can_fail(pytester: pytest.Pytester) -> None:
    """With the bug in the controller its test fails, and says what the server saw."""
    broken = documented().replace(
        "(watch=True, _preload_content=False, **options)", "(watch=True, _preload_content=False)"
    )
    assert broken != documented()
    pytester.makepyfile(broken)
    result = pytester.runpytest_subprocess("-q", "-k", "a_controller_resumes")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*connection 1 was handed rv@0 and asked for none.*"])


def test_each_test_gets_a_lab_and_a_server_of_its_own(pytester: pytest.Pytester) -> None:
    """What one test did is not seen by the next, and nothing is left running."""
    pytester.makepyfile(
        """
        import threading
        import urllib.request

        seen = []

        def test_one(kwlab_lab, kwlab_server):
            seen.append((kwlab_lab, kwlab_server.url))
            urllib.request.urlopen(f"{kwlab_server.url}/api/v1/pods").close()
            assert len(kwlab_server.requests) == 1

        def test_two(kwlab_lab, kwlab_server):
            assert kwlab_lab is not seen[0][0]
            assert kwlab_server.requests == ()

        def test_three():
            assert [t.name for t in threading.enumerate() if t.name.startswith("kwlab")] == []
        """
    )
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=3)


def test_the_fixtures_touch_no_cluster(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests play on the embedded server, whatever context the shell names."""
    monkeypatch.setenv("KWLAB_CONTEXT", "nowhere")
    pytester.makepyfile("def test_it(kwlab_lab): kwlab_lab.ask(at=1)")
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=1)


def test_the_plugin_can_be_left_out(pytester: pytest.Pytester) -> None:
    """-p no:kwlab takes the fixtures away, and nothing else breaks."""
    pytester.makepyfile("def test_it(): pass\n\ndef test_fixture(kwlab_lab): pass\n")
    result = pytester.runpytest_subprocess("-q", "-p", "no:kwlab")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fixture 'kwlab_lab' not found*"])


def test_the_plugin_is_found_by_its_entry_point() -> None:
    """Whoever installs kwlab has the fixtures, under the name that -p no: takes."""
    (found,) = (point for point in entry_points(group="pytest11") if point.name == "kwlab")
    assert "kwlab.pytest_plugin" == found.value


def test_starting_pytest_imports_nothing_of_kwlab(tmp_path: Path) -> None:
    """Every project in an environment pays for a plugin: this one imports pytest alone."""
    code = "import sys, pytest; before = set(sys.modules); import kwlab.pytest_plugin; "
    code += "print(sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "['kwlab', 'kwlab.pytest_plugin']" == done.stdout.strip()
