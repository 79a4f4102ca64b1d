"""README's Python runs as it stands, and prints what README says."""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any

from kwlab.server.apiserver import NOT_SERVED
from tests.make_picture import PICTURE, picture
from tests.notebook_files import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)


def test_the_example_runs_and_prints_what_stands_below_it() -> None:
    """All blocks run in one namespace, in order; a text block right after one is its output."""
    namespace: dict[str, Any] = {}
    blocks = BLOCK.findall(README)
    assert blocks
    for code, expected in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), namespace)
        assert expected == printed.getvalue()


def test_the_example_is_short() -> None:
    """The example is read at one glance."""
    assert all(len(code.strip().splitlines()) <= 14 for code, _ in BLOCK.findall(README))


def test_every_file_that_readme_shows_is_there() -> None:
    """No picture and no link in README leads nowhere."""
    links = re.findall(r"\]\(([^)#]+)\)", README)
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert [] == missing


def test_the_picture_is_what_the_strip_draws_today() -> None:
    """README shows the strip of the story recording, to the byte."""
    assert picture() == PICTURE.read_text(encoding="utf-8")


def test_readme_says_what_the_server_does_not_do() -> None:
    """README has the server's own table of what it refuses, row by row."""
    rows = [f"| {what} | {answer} |" for what, answer in NOT_SERVED.items()]
    assert [] == [row for row in rows if row not in README]
