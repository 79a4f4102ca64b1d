"""The Accept header: in which form a client wants its answer, chosen as the API server chooses.

References
----------
kube-apiserver 1.37: ``apiserver/pkg/endpoints/handlers/negotiation/negotiate.go``; the order of
the clauses is that of ``munnerz/goautoneg``, and who accepts no known type at all is refused by
``emicklei/go-restful`` 3, in its words.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from kwlab.server.exchange import Refusal

_SERVED: Final = "application/json"
_ROUTED: Final = {("application", "json"), ("*", "*")}
_NEGOTIATED: Final = {*_ROUTED, ("application", "*")}
_CODED: Final = {"as": "kind", "g": "group", "v": "version"}


@dataclass(frozen=True, slots=True)
class Form:
    """Name what an answer shall be turned into; all empty for what it is.

    Parameters
    ----------
    kind, group, version : str
        ``Table``, ``meta.k8s.io``, ``v1``.
    """

    kind: str = ""
    group: str = ""
    version: str = ""


AS_IT_IS: Final = Form()


@dataclass(frozen=True, slots=True)
class _Clause:
    major: str
    minor: str
    quality: float
    parameters: dict[str, str]

    @property
    def rank(self) -> tuple[float, bool, bool]:
        return -self.quality, self.major == "*", self.minor == "*"

    @property
    def kind(self) -> tuple[str, str]:
        return self.major, self.minor

    @property
    def form(self) -> Form:
        said = {_CODED[key]: value for key, value in self.parameters.items() if key in _CODED}
        return Form(**said)

    @property
    def is_possible(self) -> bool:
        """Whether it is JSON, and its other parameters ask for nothing that there is not."""
        is_plain = not self.parameters.get("sv")
        is_known_stream = self.parameters.get("stream", "") in {"", "watch"}
        return self.kind in _NEGOTIATED and is_plain and is_known_stream


def chosen(accept: str, forms: Collection[Form], *, streams: bool = False) -> Form:
    """Choose the form of an answer.

    Parameters
    ----------
    accept : str
        The header; empty for whatever the server likes.
    forms : collection of Form
        What the answer can be turned into, besides what it is.
    streams : bool
        Whether it could be watched: only a refusal speaks of it.

    Returns
    -------
    Form
        The first of the client's list that can be had.

    Raises
    ------
    Refusal
        406, when none of them can.
    """
    clauses = _clauses(accept)
    if not any(clause.kind in _ROUTED for clause in clauses):
        kinds = f"{_SERVED}, {_SERVED};stream=watch" if streams else _SERVED
        message = f"406: Not Acceptable\n\nAvailable representations: {kinds}"
        raise Refusal(406, "NotAcceptable", message, {})
    form = _first(clauses, forms)
    if form is None:
        message = f"only the following media types are accepted: {_SERVED}"
        raise Refusal(406, "NotAcceptable", message)
    return form


def takes_json(accept: str) -> bool:
    """Tell whether plain JSON may be sent, as an error is.

    Parameters
    ----------
    accept : str
        The header.

    Returns
    -------
    bool
    """
    return _first(_clauses(accept), ()) is not None


def _first(clauses: Iterable[_Clause], forms: Collection[Form]) -> Form | None:
    possible = (clause.form for clause in clauses if clause.is_possible)
    return next((form for form in possible if form == AS_IT_IS or form in forms), None)


def _clauses(accept: str) -> list[_Clause]:
    return sorted(map(_clause, (accept or "*/*").split(",")), key=lambda clause: clause.rank)


def _clause(text: str) -> _Clause:
    kind, *said = (part.strip(" ") for part in text.split(";"))
    major, _, minor = kind.partition("/")
    if major == "*" and not minor:
        minor = "*"
    pairs = (pair.partition("=") for pair in said)
    parameters = {key.strip(" "): value.strip(" ") for key, _, value in pairs}
    quality = 1.0
    with contextlib.suppress(ValueError):
        quality = float(parameters.pop("q", "1"))
    return _Clause(major, minor, quality, parameters)
