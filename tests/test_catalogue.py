"""The one catalogue: with another one in its place, no English sentence is left on a notebook."""

from __future__ import annotations

import ast
import base64
import contextlib
import html
import io
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from kwlab import messages
from kwlab.exercises import EXERCISES
from tests.notebook_files import COMMITTED, name_of

# What is no sentence: names of objects, functions and types, in a finding of any language.
NAMES: Final = {
    *("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "Expired", "Pod", "ConfigMap", "pod", "pods"),
    *("configmap", "configmaps", "web", "job", "rv", "kwlab", "churn", "cut", "twice", "from"),
    *("nothing", "wrong", "correct", "mine", "dedup", "from_list", "app"),
    # As rv@9 names a moment, this names the lack of one, in tables and in guesses.
    "none",
}


SENTENCES: Final = dict(messages.CATALOGUE)
# After a name in place of a number, and no plural.
VERBS: Final = {
    *("answers", "as", "asks", "believes", "comes", "does", "exists", "gives", "has", "is", "its"),
    *("knows", "runs", "says", "still", "takes", "this", "trusts", "was"),
}


class _One(dict[str, object]):
    """Every fact is 1."""

    def __missing__(self, _: str) -> int:
        return 1


def test_one_is_never_followed_by_many() -> None:
    """Where every number is 1, no sentence says “1 changes” or “1 of them deletions”."""
    wrong = {}
    for key, template in SENTENCES.items():
        if key == "doctor.line":
            continue
        said = _said_of_one(template)
        found = re.findall(r"(?<![@.\w-])1(?: of them| more)? (\w\w+s)\b", said)
        if plural := [word for word in found if word not in VERBS]:
            wrong[key] = plural
    assert {} == wrong


def _said_of_one(template: messages.Template) -> str:
    one = template[0] if isinstance(template, tuple) else template
    return messages.Counting().vformat(one, (), _One())


@pytest.mark.parametrize(
    ("value", "about", "exact"),
    [(1.5, "1.5", "1.5"), (31.05, "31", "31.1"), (5.1, "5.1", "5.1"), (15.0, "15", "15.0")],
)
def test_no_half_second_is_lost(value: float, about: str, exact: str) -> None:
    """Where room is short a moment is whole only if that is true to the tenth."""
    assert (about, exact) == (messages.about(value), messages.seconds(value))


@pytest.fixture(autouse=True)
def _dummy_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, template in messages.CATALOGUE.items():
        monkeypatch.setitem(messages.CATALOGUE, key, _dummy(template))


def _dummy(template: messages.Template) -> messages.Template:
    if isinstance(template, tuple):
        return _facts(template[0]), _facts(template[1])
    return _facts(template)


def _facts(template: str) -> str:
    """Keep the facts of a template, and no word."""
    fields = [field for _, field, _, _ in string.Formatter().parse(template) if field]
    return "⟨" + "·".join(f"{{{field}}}" for field in fields) + "⟩"


def shown(path: Path) -> Iterator[str]:
    """Run a notebook's cells here, and give all text that it shows: faces, pictures, prints."""
    namespace: dict[str, Any] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                value = _run("".join(cell["source"]), namespace)
            yield printed.getvalue()
            if value is not None:
                yield from _faces(value)


def _run(source: str, namespace: dict[str, Any]) -> object:
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), namespace)
    if last is None:
        return None
    expression = compile(ast.Expression(last.value), "cell", "eval")  # type: ignore[attr-defined]
    value: object = eval(expression, namespace)
    return value


def _faces(value: Any) -> Iterator[str]:
    yield repr(value)
    if not hasattr(value, "_repr_mimebundle_"):
        # A chart shows a picture and its words apart.
        yield from _texts(value.to_html())
        return
    bundle = value._repr_mimebundle_()
    # IPython takes the data alone, or the data and their metadata.
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    yield from _texts(data["text/html"])


def _texts(markup: str) -> Iterator[str]:
    for picture in re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', markup):
        yield from _texts(base64.b64decode(picture).decode())
    yield from re.findall(r'(?:alt|aria-label|title)="([^"]*)"', markup)
    without = re.sub(r"<style>.*?</style>", " ", markup, flags=re.DOTALL)
    yield re.sub(r"<[^>]*>", " ", without)


def words(text: str) -> set[str]:
    """Find the words of a text that are no name."""
    text = re.sub("|".join(EXERCISES), " ", html.unescape(text))
    found = re.findall(r"[A-Za-z_]{3,}", text)
    return {word for word in found if word not in NAMES and word.lower() not in NAMES}


@pytest.mark.parametrize("path", COMMITTED, ids=name_of)
def test_no_english_is_left(path: Path) -> None:
    """Findings, strips, tables and checks say nothing that is not in the catalogue."""
    left = {word for text in shown(path) for word in words(text)}
    assert left == set()


def test_english_would_be_noticed(tmp_path: Path) -> None:
    """The check can fail: a sentence of a cell's own is found."""
    cell = {"cell_type": "code", "source": ["print('This was typed.')"]}
    path = tmp_path / "toy.ipynb"
    path.write_text(json.dumps({"cells": [cell]}))
    assert {word for text in shown(path) for word in words(text)} == {"This", "was", "typed"}
