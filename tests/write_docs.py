"""``python -m tests.write_docs`` writes the tables of ``docs/resumption.md`` from the code.

``--check`` writes nothing, and says which are out of date.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from kwlab import errors
from kwlab.errors import WatchEnded
from kwlab.watching import reflectoroptions
from kwlab.watching.resume import TABLE, Do, Kind, Phase, Rule, close_of
from kwlab.watching.retryoptions import Row, table
from tests.notebook_files import ROOT

PAGE: Final = ROOT / "docs" / "resumption.md"
_PLACE: Final = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rows(heads: Iterable[str], cells: Iterable[Iterable[str]]) -> str:
    """Write a Markdown table."""
    lines = [list(heads), *map(list, cells)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join("| " + " | ".join(_cell(c) for c in line) + " |\n" for line in lines)


def _cell(text: str) -> str:
    text = re.sub(r":\w+:(`\w+`)", r"\1", text)
    return text.replace("``", "`").replace("|", "\\|").replace("\n", " ")


def options() -> str:
    """Give each option of RetryOptions with both values and its reason."""
    heads = ("option", "default", "`strict=True`", "what it does, and why")
    return rows(heads, (_option(row) for row in table()))


def reflector_options() -> str:
    """Give each option of ReflectorOptions with its default and its reason."""
    cells = ((f"`{r.name}`", f"`{r.default}`", r.meaning) for r in reflectoroptions.table())
    return rows(("option", "default", "what it does, and why"), cells)


def _option(row: Row) -> Iterator[str]:
    yield f"`{row.name}`"
    yield f"`{row.default}`"
    yield "the same" if row.strict == row.default else f"`{row.strict}`"
    yield row.meaning


def ends() -> str:
    """Give each typed end with what leads to it."""
    found = [value for value in vars(errors).values() if _is_end(value)]
    heads = ("it raises", "which means", "after")
    return rows(heads, ((f"`{e.__name__}`", _first(e), "; ".join(_causes(e))) for e in found))


def _is_end(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, WatchEnded) and value is not WatchEnded


def _first(ending: type[WatchEnded]) -> str:
    text = (inspect.getdoc(ending) or "").removeprefix("Say that ")
    return text.rstrip(".")


def _causes(ending: type[WatchEnded]) -> Iterator[str]:
    told: dict[str, None] = {}
    for (_, kind), rule in TABLE.items():
        if rule.ending is ending:
            told[str(kind)] = None
        elif rule.given_up_as is ending:
            told[f"{kind}, again and again"] = None
    yield from told


def steps() -> str:
    """Give the table of :mod:`kwlab.watching.resume`."""
    heads = ("what happens", "then", "and without progress")
    return rows(heads, _steps(TABLE))


def _steps(found: Mapping[tuple[Phase, Kind], Rule]) -> Iterator[tuple[str, str, str]]:
    told: dict[Kind, dict[tuple[str, str], Phase]] = {}
    for (phase, kind), rule in found.items():
        if _ends_an_attempt(kind):
            told.setdefault(kind, {}).setdefault((_done(rule), _given_up(rule)), phase)
    for kind, ways in told.items():
        for done, phase in ways.items():
            # The same thing may be done something else about before there is an answer.
            yield (f"{kind}, {_WHERE[phase]}" if len(ways) > 1 else str(kind)), *done


_WHERE: Final = {Phase.ASKING: "before the headers", Phase.OPEN: "on an open answer"}


def _ends_an_attempt(kind: Kind) -> bool:
    try:
        close_of(kind)
    except KeyError:
        return False
    return True


def _done(rule: Rule) -> str:
    match rule.do:
        case Do.RECONNECT:
            return "asks again"
        case Do.END if rule.ending is not None:
            return f"ends: `{rule.ending.__name__}`"
        case Do.RAISE:
            return "ends: the function's own error"
        case Do.STOP:
            return "ends silently"
    raise AssertionError(rule)


def _given_up(rule: Rule) -> str:
    if rule.given_up_as is not None:
        return f"ends: `{rule.given_up_as.__name__}`"
    return "asks again, for ever" if rule.do is Do.RECONNECT else ""


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "options": options,
    "reflector_options": reflector_options,
    "ends": ends,
    "steps": steps,
}


def written(page: str) -> str:
    """Give the page with its tables made anew."""
    return _PLACE.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[3]}", page)


def main(*, is_check: bool) -> int:
    page = PAGE.read_text(encoding="utf-8")
    new = written(page)
    if is_check and new != page:
        print(f"{PAGE.relative_to(ROOT)} is out of date: python -m tests.write_docs")
        return 1
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(is_check="--check" in sys.argv[1:]))
