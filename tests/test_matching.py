"""Objects are made for any selector: what the server's own selector code takes, and what not."""

from __future__ import annotations

import itertools
from typing import Final

import hypothesis
import hypothesis.strategies as st
import msgspec
import pytest

from kwlab.history import Object, Resource
from kwlab.judging.matching import Value, examples
from kwlab.scope import Scope
from kwlab.server.field_labels import KNOWN_FIELDS
from kwlab.watched import selected_by
from tests import test_check as checks
from tests.nightly import IS_NIGHTLY

PODS: Final = Resource("", "v1", "pods", "Pod")
PATH: Final = "/api/v1/pods"
WORDS: Final = ("", "x", "y", "7", "8")
SPEC_FIELDS: Final = ("spec.nodeName", "spec.host", "spec.hostNetwork")
FIELDS: Final = ("metadata.name", "metadata.namespace", *SPEC_FIELDS)
LABELS: Final = ("a", "kwlab/b")
MODEL: Final[Value] = {
    "metadata": {"name": "web", "namespace": "lab", "labels": {"a": "x"}},
    "spec": {"nodeName": "y"},
}

_words = st.sampled_from(WORDS)
_sets = st.lists(_words, min_size=1, max_size=3).map(lambda them: f"({','.join(them)})")
_label_terms = st.builds("".join, st.one_of(
    st.tuples(st.sampled_from(("", "!")), st.sampled_from(LABELS)),
    st.tuples(st.sampled_from(LABELS), st.sampled_from(("=", "==", "!=")), _words),
    st.tuples(st.sampled_from(LABELS), st.sampled_from((" in ", " notin ")), _sets),
    st.tuples(st.sampled_from(LABELS), st.sampled_from("<>"), st.sampled_from("0678")),
))  # fmt: skip
_field_terms = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(FIELDS),
        st.sampled_from(("=", "!=")),
        st.sampled_from((*WORDS, "true", "false")),
    ),
)
_paths = st.sampled_from((PATH, "/api/v1/namespaces/lab/pods", "/api/v1/namespaces/x/pods"))


def scopes(most: int) -> st.SearchStrategy[Scope]:
    labels, fields = (st.lists(terms, max_size=most) for terms in (_label_terms, _field_terms))
    return st.builds(Scope, _paths, labels.map(",".join), fields.map(",".join))


def takes(scope: Scope, item: Value, resource: Resource = PODS) -> bool:
    """Ask the server's own code."""
    name, namespace = item["metadata"]["name"], item["metadata"].get("namespace", "")
    data = msgspec.json.encode(item)
    return selected_by(scope, resource)(Object(resource, namespace, name, "u", "1", data))


def every_pod() -> list[Value]:
    """Go through all that these selectors can tell apart."""
    values = (None, *WORDS, "6", "9")
    labels = [
        {key: value for key, value in zip(LABELS, both, strict=True) if value is not None}
        for both in itertools.product(values, values)
    ]
    pods: list[Value] = []
    for name, where in itertools.product(("web", "x", "y", "7", "8", "true", "false"), repeat=2):
        for node, is_host in itertools.product((*WORDS, "true", "false", "n"), (True, False)):
            spec = {"nodeName": node, "hostNetwork": is_host}
            pods.append({"metadata": {"name": name, "namespace": where}, "spec": spec})
    return [
        {"metadata": {"name": "web", "namespace": "lab", "labels": them}} for them in labels
    ] + pods


@hypothesis.given(scopes(3))
def test_what_is_made_matches_or_does_not(scope: Scope) -> None:
    """One is taken, each other is not; where nothing is made, nothing matches."""
    found = examples(scope, PODS, MODEL)
    if found is None:
        labels_alone = [pod for pod in EVERY if takes(Scope(PATH, scope.labels, ""), pod)]
        fields_alone = [pod for pod in EVERY if takes(Scope(scope.path, "", scope.fields), pod)]
        assert not (labels_alone and fields_alone)
    else:
        assert takes(scope, found.one)
        assert not [other for other in found.others if takes(scope, other)]
        assert found.others or all(takes(scope, pod) for pod in EVERY)


EVERY: Final = every_pod()


@pytest.mark.parametrize("key", KNOWN_FIELDS, ids=lambda key: "/".join(filter(None, key)))
def test_every_field_of_every_type_can_be_asked_for(key: tuple[str, str]) -> None:
    """An object is made for each field that the server knows, and one that differs in it."""
    resource = Resource(key[0], "v1", key[1], "X", "metadata.namespace" in KNOWN_FIELDS[key])
    prefix = f"/apis/{key[0]}/v1" if key[0] else "/api/v1"
    for field, place in KNOWN_FIELDS[key].items():
        value = {bool: "true", int: "2"}.get(type(place.empty), "some")
        scope = Scope(f"{prefix}/{key[1]}", "", f"{field}={value if place.paths else ''}")
        found = examples(scope, resource, MODEL)
        assert found is not None, field
        assert takes(scope, found.one, resource)
        assert bool(place.paths) == bool(found.others)
        assert not [other for other in found.others if takes(scope, other, resource)]


@hypothesis.settings(max_examples=300 if IS_NIGHTLY else 8)
@hypothesis.given(scopes(2))
def test_random_selectors_are_judged(scope: Scope) -> None:
    """For any selector that something can match: the right function is right, others are not."""
    hypothesis.assume(examples(scope, PODS, MODEL) is not None)
    checks.test_each_script_can_break_what_it_is_for(scope)
