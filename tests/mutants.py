"""Functions with one rule of theirs switched off, made of their own source.

What a mutant leaves out is a condition, one side of a condition, a call, an attribute that is
set, a keyword, an element of a set, an operand. So a rule that is new in the source has its
mutants without being written down here, and a test that wants each of them found out fails until
something is said of it.
"""

from __future__ import annotations
import __future__

import ast
import copy
import inspect
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, TypeVar

import pytest

from tests.nightly import IS_NIGHTLY

_Trial = TypeVar("_Trial")

WORDS: Final = frozenset({"cause", "detail", "error", "repeated"})
"""Keywords that carry what is told to a person, and decide nothing."""


@dataclass(frozen=True)
class Mutant:
    """Put a function's mutated code in the place of its own: whoever holds it runs it."""

    function: FunctionType
    code: CodeType
    name: str
    """In words: where it is, and what is switched off."""

    def __repr__(self) -> str:
        return self.name


def functions_of(module: ModuleType) -> list[str]:
    """Name the functions and methods of a module, as Python does: ``Class.method``."""
    return list(_functions(ast.parse(inspect.getsource(module))))


def mutants_of(module: ModuleType, qualname: str) -> Iterator[Mutant]:
    """Switch off, one by one, everything that a function decides."""
    function = _resolved(module, qualname)
    original = _functions(ast.parse(inspect.getsource(module)))[qualname]
    original.decorator_list = []
    for number, node in enumerate(ast.walk(original)):
        for what, change in _changes(node):
            mutated = copy.deepcopy(original)
            change(list(ast.walk(mutated))[number])
            yield Mutant(function, _compiled(mutated), f"{qualname}: {what}")


def found_out(
    module: ModuleType,
    qualname: str,
    equivalent: Container[str],
    is_found_out: Callable[[], bool],
) -> dict[str, bool]:
    """Say of each mutant of a function whether something notices it.

    Those that do what the rule does are tried at night only.
    """
    noticed = {}
    for mutant in mutants_of(module, qualname):
        if mutant.name not in equivalent or IS_NIGHTLY:
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(mutant.function, "__code__", mutant.code)
                noticed[mutant.name] = is_found_out()
    return noticed


def is_any_broken(trials: list[_Trial], is_broken: Callable[[_Trial], bool]) -> bool:
    """Try what found out the last one first, and keep it there: it often finds out the next."""
    for trial in trials:
        if is_broken(trial):
            trials.remove(trial)
            trials.insert(0, trial)
            return True
    return False


_Change = Callable[[Any], object]


def _functions(tree: ast.AST, within: str = "") -> dict[str, ast.FunctionDef]:
    found: dict[str, ast.FunctionDef] = {}
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            found[within + node.name] = node
        elif isinstance(node, ast.ClassDef):
            found |= _functions(node, f"{within}{node.name}.")
    return found


def _resolved(module: ModuleType, qualname: str) -> FunctionType:
    found: Any = module
    for name in qualname.split("."):
        found = inspect.getattr_static(found, name)
    found = getattr(found, "fget", None) or getattr(found, "__func__", found)
    assert isinstance(found, FunctionType), qualname
    return found


def _compiled(function: ast.FunctionDef) -> CodeType:
    """Compile a function by itself; its annotations stay text, as in the module it is from."""
    tree = ast.fix_missing_locations(ast.Module([function], []))
    flags = __future__.annotations.compiler_flag
    whole = compile(tree, "<mutant>", "exec", flags=flags, dont_inherit=True)
    return next(each for each in whole.co_consts if isinstance(each, CodeType))


def _changes(node: ast.AST) -> Iterator[tuple[str, _Change]]:
    match node:
        case ast.If() | ast.IfExp():
            yield from _constants(node.test, _setting("test"))
        case ast.While():
            # For ever it would not end.
            yield f"{ast.unparse(node.test)} is False", _setting("test", False)
        case ast.comprehension():
            for number, test in enumerate(node.ifs):
                yield from _constants(test, _replacing("ifs", number))
        case ast.Return(value=ast.Compare() | ast.BoolOp() | ast.UnaryOp()):
            assert node.value is not None
            yield from _constants(node.value, _setting("value"))
        case ast.BoolOp():
            neutral = isinstance(node.op, ast.And)
            for number, value in enumerate(node.values):
                what = f"{ast.unparse(node)} without {ast.unparse(value)}"
                yield what, _replacing("values", number)(neutral)
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow()):
            neutral_number = 0 if isinstance(node.op, ast.Add | ast.Sub) else 1
            yield (
                f"{ast.unparse(node)} is {ast.unparse(node.left)}",
                _setting("right", neutral_number),
            )
        case ast.Set() if len(node.elts) > 1:
            for number, element in enumerate(node.elts):
                yield f"without {ast.unparse(element)}", _dropping("elts", number)
    yield from _of_calls(node)
    yield from _of_statements(node)


def _of_calls(node: ast.AST) -> Iterator[tuple[str, _Change]]:
    if not isinstance(node, ast.Call):
        return
    for number, keyword in enumerate(node.keywords):
        if keyword.arg is not None and keyword.arg not in WORDS:
            yield f"without {ast.unparse(keyword)}", _dropping("keywords", number)
    if ast.unparse(node.func) in {"min", "max"} and len(node.args) == 2:
        for number, argument in enumerate(node.args):
            yield f"{ast.unparse(node)} without {ast.unparse(argument)}", _only(1 - number)


def _of_statements(node: ast.AST) -> Iterator[tuple[str, _Change]]:
    for block in ("body", "orelse", "finalbody"):
        statements = getattr(node, block, [])
        for number, statement in enumerate(statements if isinstance(statements, list) else []):
            if _acts(statement):
                yield f"without {ast.unparse(statement)}", _replacing(block, number)(ast.Pass())


def _acts(statement: ast.AST) -> bool:
    """Tell whether a statement is a call, or sets an attribute."""
    match statement:
        case ast.Expr(value=ast.Constant()):
            return False
        case ast.Expr():
            return True
        case ast.Assign(targets=[target]) | ast.AugAssign(target=target):
            return isinstance(target, ast.Attribute)
    return False


def _constants(test: ast.expr, setting: Any) -> Iterator[tuple[str, _Change]]:
    for value in (True, False):
        yield f"{ast.unparse(test)} is {value}", setting(value)


def _setting(field: str, *values: object) -> Any:
    def change(value: object) -> _Change:
        return lambda node: setattr(node, field, ast.Constant(value))

    return change(*values) if values else change


def _replacing(field: str, number: int) -> Any:
    def change(value: object) -> _Change:
        new = value if isinstance(value, ast.AST) else ast.Constant(value)
        return lambda node: getattr(node, field).__setitem__(number, new)

    return change


def _dropping(field: str, number: int) -> _Change:
    return lambda node: getattr(node, field).pop(number)


def _only(number: int) -> _Change:
    return lambda node: setattr(node, "args", [node.args[number]] * 2)
