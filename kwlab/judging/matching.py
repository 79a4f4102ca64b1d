"""Objects that a selector takes and objects that it does not, whatever the selector.

For each place in an object that is asked about, values are proposed, those that the selector names
and others beside them; what its requirements make of each decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice, product
from typing import Any, Final, TypeAlias

from kwlab.history import Resource
from kwlab.scope import PATH, Scope
from kwlab.server import label_syntax, selectors
from kwlab.server.field_labels import Field, fields_of, label
from kwlab.server.selectors import Operator, Requirement

Value: TypeAlias = dict[str, Any]
"""An object's JSON value."""

TRIES_AT_MOST: Final = 10_000
"""So many combinations are tried before nothing is said to match: fields seldom share a place."""
OTHERS_AT_MOST: Final = 16
"""They all change between two moments, and a window is of 100 events."""
_NAMESPACE: Final = "metadata.namespace"


@dataclass(frozen=True, slots=True)
class Examples:
    """Hold what is asked for, and what is not.

    Parameters
    ----------
    one : dict
        An object that is taken.
    others : tuple of dict
        Each is ``one`` but for one requirement, which leaves it out; empty where all is taken.
    """

    one: Value
    others: tuple[Value, ...]


def examples(scope: Scope, resource: Resource, model: Value) -> Examples | None:
    """Make objects that are asked for, and objects that are not.

    Parameters
    ----------
    scope : Scope
    resource : Resource
    model : dict
        What they are like where nothing is asked.

    Returns
    -------
    Examples or None
        None when nothing can match.

    Raises
    ------
    SelectorError
        When the server would not read a selector.
    """
    asked = list(_asked(scope, resource))
    proposed = [list(place.proposed(model)) for place in asked]
    good = [
        [value for value in values if not place.failing(place.put(model, value))]
        for place, values in zip(asked, proposed, strict=True)
    ]
    one = next((i for i in _made(model, asked, good) if not any(p.failing(i) for p in asked)), None)
    if one is None:
        return None
    others = (
        min(wrong, key=lambda item: len(place.failing(item)))
        for place, values in zip(asked, proposed, strict=True)
        for requirement in dict.fromkeys(place.requirements)
        if (wrong := [i for v in values if requirement in place.failing(i := place.put(one, v))])
    )
    return Examples(one, tuple(islice(others, OTHERS_AT_MOST)))


@dataclass(frozen=True, slots=True)
class _Place:
    """Hold all that is asked about one place."""

    where: Field
    requirements: list[Requirement] = field(default_factory=list)

    def failing(self, item: Value) -> list[Requirement]:
        value = self.where.read(item)
        return [one for one in self.requirements if not one.matches(value)]

    def put(self, item: Value, value: str | None) -> Value:
        """Give an object with another value there."""
        kind = type(self.where.empty)
        typed: object = value
        if value is not None and kind in {int, bool}:
            typed = value == "true" if kind is bool else int(value) if value.isdecimal() else value
        # Nothing stands there only when it stands in none of the places.
        for path in self.where.paths if value == "" else self.where.paths[:1]:
            item = _with(item, path, typed)
        return item

    def proposed(self, model: Value) -> Iterator[str | None]:
        """Give values that an object may have there, the likeliest first."""
        named = sorted({value for one in self.requirements for value in one.values})
        near = (str(int(v) + by) for v in named if v.isdecimal() for by in (1, -1))
        fresh = next(text for n in count() if (text := f"kwlab-{n or 'other'}") not in named)
        others = [*near, fresh, "", "true", "false", None]
        return filter(self._is_possible, dict.fromkeys([self.where.read(model), *named, *others]))

    def _is_possible(self, value: str | None) -> bool:
        if self.where.empty is None:
            return value is None or not any(label_syntax.value_faults(value))
        is_identity = self.where.paths in {(("metadata", "name"),), (("metadata", "namespace"),)}
        return bool(value) if is_identity else value is not None


def _asked(scope: Scope, resource: Resource) -> Iterator[_Place]:
    """Give the places that a scope asks about, the namespace in its path among them."""
    selectors.field_selector(scope.fields, resource)
    asked = [(label(one.key), one) for one in selectors.label_requirements(scope.labels)]
    fields = selectors.field_requirements(scope.fields)
    found = PATH.fullmatch(scope.path)
    if found is not None and found["namespace"]:
        fields.append(Requirement(_NAMESPACE, Operator.EQUALS, frozenset({found["namespace"]})))
    asked += ((fields_of(resource)[one.key], one) for one in fields)
    places: dict[Field, _Place] = {}
    for where, requirement in asked:
        places.setdefault(where, _Place(where)).requirements.append(requirement)
    yield from places.values()


def _made(
    model: Value, asked: Sequence[_Place], values: Sequence[Sequence[str | None]]
) -> Iterator[Value]:
    for chosen in islice(product(*values), TRIES_AT_MOST):
        item = model
        for place, value in zip(asked, chosen, strict=True):
            item = place.put(item, value)
        yield item


def _with(item: Any, path: Sequence[str | int], value: object) -> Any:
    if not path:
        return value
    first, rest = path[0], path[1:]
    if first == 0:
        return [_with(item[0] if item else {}, rest, value)]
    held = item or {}
    if value is None and not rest:
        return {key: held[key] for key in held if key != first}
    return {**held, first: _with(held.get(first), rest, value)}
