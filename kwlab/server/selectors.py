"""Label and field selectors, as the API server reads them.

The errors are the server's own sentences (k8s.io/apimachinery 0.37, ``labels`` and ``fields``).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import msgspec

from kwlab.history import Object, Resource
from kwlab.server.field_labels import fields_of, unknown_field
from kwlab.server.label_syntax import key_faults, value_faults
from kwlab.server.quoting import quoted

Predicate = Callable[[Object], bool]


class SelectorError(ValueError):
    """Refuse a selector with the server's own sentence."""


class Operator(enum.Enum):
    """Name what a requirement asks of a value."""

    EXISTS = "exists"
    DOES_NOT_EXIST = "!"
    EQUALS = "="
    NOT_EQUALS = "!="
    IN = "in"
    NOT_IN = "notin"
    GREATER = "gt"
    LESS = "lt"


_OPERATORS: Final = {
    "=": Operator.EQUALS,
    "==": Operator.EQUALS,
    "!=": Operator.NOT_EQUALS,
    "in": Operator.IN,
    "notin": Operator.NOT_IN,
    ">": Operator.GREATER,
    "<": Operator.LESS,
}
_KIND: Final = {Operator.EQUALS: Operator.IN, Operator.NOT_EQUALS: Operator.NOT_IN}
_SYMBOLS: Final = {"=", "==", "!=", "!", "(", ")", ",", ">", "<"}
_TERM: Final = re.compile(r"(?:[^,\\]|\\.|\\$)*", re.DOTALL)
"""Up to a comma that no backslash stands before."""
_TOKEN: Final = re.compile(r"([=!(),<>]+)|([^ \t\r\n=!(),<>]+)")
"""Without the blanks between: a pattern that skips them too takes a minute for 60,000 of them."""
_NAME: Final = "metadata.name"
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_NO_INTEGER: Final = "for 'Gt', 'Lt' operators, the value must be an integer"


@dataclass(frozen=True, slots=True)
class Requirement:
    """Hold one part of a selector.

    Parameters
    ----------
    key : str
        A label's, or the name of a field.
    operator : Operator
    values : frozenset of str
        Of ``gt`` and ``lt`` one; none of an operator that needs none.
    """

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, value: str | None) -> bool:
        """Tell whether a value satisfies it.

        Parameters
        ----------
        value : str or None
            None for a label that an object has not got.

        Returns
        -------
        bool
        """
        match self.operator:
            case Operator.EXISTS:
                return value is not None
            case Operator.DOES_NOT_EXIST:
                return value is None
            case Operator.EQUALS | Operator.IN:
                return value in self.values
            case Operator.NOT_EQUALS | Operator.NOT_IN:
                return value not in self.values
        if value is None or not _INTEGER.fullmatch(value):
            return False
        bound = _bound(self.values)
        return int(value) > bound if self.operator is Operator.GREATER else int(value) < bound


def _merged(requirements: list[Requirement]) -> list[Requirement]:
    """Make one requirement of those that ask the same of a key."""
    found: dict[tuple[str, Operator], list[Requirement]] = {}
    for one in requirements:
        kind = one.key, _KIND.get(one.operator, one.operator)
        found.setdefault(kind, []).append(one)
    return [replace(them[0], values=_together(them)) for them in found.values()]


def _together(requirements: list[Requirement]) -> frozenset[str]:
    values = [one.values for one in requirements]
    match requirements[0].operator:
        case Operator.EQUALS | Operator.IN:
            return frozenset.intersection(*values)
        case Operator.GREATER:
            return max(values, key=_bound)
        case Operator.LESS:
            return min(values, key=_bound)
    return frozenset().union(*values)


def _bound(values: frozenset[str]) -> int:
    (bound,) = map(int, values)
    return bound


def label_requirements(text: str) -> list[Requirement]:
    """Read what a label selector requires.

    Parameters
    ----------
    text : str
        ``app=web,tier in (a, b),!legacy``; empty requires nothing.

    Returns
    -------
    list of Requirement
        In the order in which they are written.

    Raises
    ------
    SelectorError
        When the server would not read it.
    """
    return _LabelParser(text).parse()


def label_selector(text: str) -> Predicate:
    """Read a label selector.

    Parameters
    ----------
    text : str

    Returns
    -------
    callable
        From an Object to whether it is selected.

    Raises
    ------
    SelectorError
        When the server would not read it.
    """
    by_key: dict[str, list[Requirement]] = {}
    for requirement in _merged(label_requirements(text)):
        by_key.setdefault(requirement.key, []).append(requirement)
    # Thousands of requirements fit a request; an object has few labels, and only those are asked.
    needed = {key for key, them in by_key.items() if not all(r.matches(None) for r in them)}

    def selects(item: Object) -> bool:
        labels = labels_of(item)
        return needed <= labels.keys() and all(
            requirement.matches(value)
            for key, value in labels.items()
            for requirement in by_key.get(key, ())
        )

    return selects


def field_selector(text: str, resource: Resource) -> Predicate:
    """Read a field selector.

    Parameters
    ----------
    text : str
        ``metadata.name=web-1,status.phase!=Running``; empty selects everything.
    resource : Resource
        It decides which fields are known.

    Returns
    -------
    callable
        From an Object to whether it is selected.

    Raises
    ------
    SelectorError
        When the server would not read it, or does not know the field.
    """
    known = fields_of(resource)
    asked = _merged(field_requirements(text))
    for one in asked:
        if one.key not in known:
            raise SelectorError(unknown_field(one.key, resource))

    def selects(item: Object) -> bool:
        value = _decoded(item.data)
        return all(one.matches(known[one.key].read(value)) for one in asked)

    return selects


def field_requirements(text: str) -> list[Requirement]:
    """Read what a field selector requires, whatever the fields are.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of Requirement
        Sorted by how they are written.

    Raises
    ------
    SelectorError
        When the server would not read it.
    """
    return [_field_term(part, text) for part in sorted(_TERM.findall(text)) if part]


def of_name(name: str) -> str:
    """Write the field selector of one object.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
    """
    return "metadata.name=" + re.sub(r"([\\,=])", r"\\\1", name)


def required_name(text: str) -> str | None:
    """Read which name a field selector requires.

    Parameters
    ----------
    text : str

    Returns
    -------
    str or None
        The first one that must be equal; None where there is none.
    """
    asked = (r for r in field_requirements(text) if r.key == _NAME)
    return next((min(r.values) for r in asked if r.operator is Operator.EQUALS), None)


def labels_of(item: Object) -> Mapping[str, str]:
    """Give an object's labels.

    Parameters
    ----------
    item : Object

    Returns
    -------
    mapping of str to str
        Empty when it has none.
    """
    labels: Mapping[str, str] | None = _decoded(item.data).get("metadata", {}).get("labels")
    return labels or {}


@lru_cache(maxsize=4096)
def _decoded(data: bytes) -> dict[str, Any]:
    value: dict[str, Any] = msgspec.json.decode(data)
    return value


def _field_term(part: str, text: str) -> Requirement:
    operator = re.search("!=|==|=", part)
    if operator is None:
        raise SelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
    name, value = part[: operator.start()], _unescaped(part[operator.end() :])
    return Requirement(name, _OPERATORS[operator[0]], frozenset({value}))


def _unescaped(value: str) -> str:
    for wrong in re.finditer(r"\\(.?)|[,=]", value, re.DOTALL):
        if wrong[1] is None:
            reason = f"unescaped character in value: {ord(wrong[0])}"
        elif wrong[1] in {"\\", ",", "="}:
            continue
        else:
            reason = f"invalid escape sequence: {wrong[0]}"
        raise SelectorError(f"invalid field selector: {reason}")
    return re.sub(r"\\(.)", r"\1", value)


class _LabelParser:
    """Read requirements token by token, in the order and with the words of Go's parser."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = 0

    def parse(self) -> list[Requirement]:
        requirements: list[Requirement] = []
        while (token := self._peek()) != "":
            if token in _SYMBOLS - {"!"}:
                raise SelectorError(f"found '{token}', expected: !, identifier, or 'end of string'")
            try:
                requirements.append(self._requirement())
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error}") from None
            separator = self._take()
            if separator not in {"", ","}:
                raise SelectorError(f"found '{separator}', expected: ',' or 'end of string'")
            follower = self._peek()
            if separator == "," and (follower == "" or follower in _SYMBOLS - {"!"}):
                raise SelectorError(f"found '{follower}', expected: identifier after ','")
        return requirements

    def _requirement(self) -> Requirement:
        is_negated = self._peek() == "!"
        if is_negated:
            self._take()
        key = self._take()
        if key == "" or key in _SYMBOLS:
            raise SelectorError(f"found '{key}', expected: identifier")
        _check_key(key)
        if is_negated or self._peek() in {"", ","}:
            return Requirement(key, Operator.DOES_NOT_EXIST if is_negated else Operator.EXISTS)
        word = self._take()
        operator = _OPERATORS.get(word)
        if operator is None:
            raise SelectorError(f"found '{word}', expected: in, notin, =, ==, !=, gt, lt")
        is_set = operator in {Operator.IN, Operator.NOT_IN}
        values = self._values() if is_set else [self._value()]
        _check_values(values, key, operator)
        return Requirement(key, operator, frozenset(values))

    def _value(self) -> str:
        if self._peek() in {"", ","}:
            return ""
        value = self._take()
        if value in _SYMBOLS:
            raise SelectorError(f"found '{value}', expected: identifier")
        return value

    def _values(self) -> list[str]:
        if (opening := self._take()) != "(":
            raise SelectorError(f"found '{opening}' expected: '('")
        first = self._peek()
        if first == ")":
            self._take()
            return [""]
        if first == "" or first in _SYMBOLS - {","}:
            raise SelectorError(f"found '{first}', expected: ',', ')' or identifier")
        values = [self._value_in_set()]
        while (token := self._take()) == ",":
            values.append(self._value_in_set())
        if token != ")":
            raise SelectorError(f"found '{token}', expected: ',' or ')'")
        return values

    def _value_in_set(self) -> str:
        if self._peek() in {",", ")"}:
            return ""
        value = self._take()
        if value == "" or value in _SYMBOLS:
            raise SelectorError(f"found '{value}', expected: ',', or identifier")
        return value

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    # To Go's lexer a NUL is the end.
    for symbols, word in _TOKEN.findall(text.partition("\0")[0]):
        tokens += _split_symbols(symbols) if symbols else [word]
    return tokens


def _split_symbols(run: str) -> list[str]:
    parts: list[str] = []
    while run:
        size = 2 if run[:2] in _SYMBOLS else 1
        parts.append(run[:size])
        run = run[size:]
    return parts


def _check_key(key: str) -> None:
    if wrong := "; ".join(key_faults(key)):
        # The server has no name for where the key stands, and says so.
        raise SelectorError(f"<nil>: Invalid value: {quoted(key)}: {wrong}")


def _check_values(values: list[str], key: str, operator: Operator) -> None:
    """Refuse values with all that is wrong with them; the server checks them as a sorted set."""
    unique = sorted(set(values))
    faults = []
    if operator in {Operator.GREATER, Operator.LESS}:
        faults += [
            f"values[{number}]: Invalid value: {quoted(value)}: {_NO_INTEGER}"
            for number, value in enumerate(unique)
            if not _INTEGER.fullmatch(value)
        ]
    for number, value in enumerate(unique):
        if wrong := "; ".join(value_faults(value)):
            faults.append(f"values[{number}][{key}]: Invalid value: {quoted(value)}: {wrong}")
    if faults:
        raise SelectorError(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")
