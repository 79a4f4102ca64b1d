"""Objects are made for any selector: what the server's own selector code takes, and what not."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import hypothesis
import hypothesis.strategies as st
import msgspec
import pytest
from kubernetes import client

from kwlab.history import Object, Resource
from kwlab.judging.blank import blank, resource_of
from kwlab.judging.matching import Value, examples
from kwlab.scope import Scope, path_of
from kwlab.server.field_labels import KNOWN_FIELDS
from kwlab.server.selectors import label_selector
from kwlab.watched import selected_by
from tests import test_check as checks
from tests.nightly import IS_NIGHTLY

PODS: Final = Resource("", "v1", "pods", "Pod")
EVENTS: Final = Resource("", "v1", "events", "Event")
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


def pod(item: Value, resource: Resource = PODS) -> Object:
    name, namespace = item["metadata"]["name"], item["metadata"].get("namespace", "")
    return Object(resource, namespace, name, "u", "1", msgspec.json.encode(item))


def every_pod() -> Iterator[Object]:
    """Go through all that these selectors can tell apart: by labels, and by fields."""
    values = (None, *WORDS, "6", "9")
    for both in itertools.product(values, values):
        labels = {key: one for key, one in zip(LABELS, both, strict=True) if one is not None}
        yield pod({"metadata": {"name": "web", "namespace": "lab", "labels": labels}})
    places = itertools.product(("web", "x", "y", "7", "8", "true", "false"), repeat=2)
    for (name, namespace), node in itertools.product(places, (*WORDS, "true", "false", "n")):
        for is_host in (True, False):
            spec = {"nodeName": node, "hostNetwork": is_host}
            yield pod({"metadata": {"name": name, "namespace": namespace}, "spec": spec})


EVERY: Final = tuple(every_pod())


@hypothesis.given(scopes(3))
def test_what_is_made_matches_or_does_not(scope: Scope) -> None:
    """The server takes the one, and no other; where nothing is made, nothing matches."""
    found, takes = examples(scope, PODS, MODEL), selected_by(scope, PODS)
    if found is None:
        by_labels = selected_by(Scope(PATH, scope.labels, ""), PODS)
        by_fields = selected_by(Scope(scope.path, "", scope.fields), PODS)
        assert not (any(map(by_labels, EVERY)) and any(map(by_fields, EVERY)))
    else:
        assert takes(pod(found.one))
        assert not any(takes(pod(other)) for other in found.others)
        assert found.others or all(map(takes, EVERY))


@pytest.mark.parametrize("key", KNOWN_FIELDS, ids=lambda key: "/".join(filter(None, key)))
def test_every_field_of_every_type_can_be_asked_for(key: tuple[str, str]) -> None:
    """An object is made for each field that the server knows, and one that differs in it."""
    resource = Resource(key[0], "v1", key[1], "X", "metadata.namespace" in KNOWN_FIELDS[key])
    for field, place in KNOWN_FIELDS[key].items():
        value = {bool: "true", int: "2"}.get(type(place.empty), "some") if place.paths else ""
        scope = Scope(path_of(replace(resource, is_namespaced=False), ""), "", f"{field}={value}")
        found, takes = examples(scope, resource, MODEL), selected_by(scope, resource)
        assert found is not None, field
        assert takes(pod(found.one, resource))
        assert not any(takes(pod(other, resource)) for other in found.others)
        differs = [other for other in found.others if place.read(other) != value]
        assert bool(place.paths) == bool(differs)


def test_a_field_is_empty_where_all_its_places_are() -> None:
    """An event's source is read from either of two places."""
    both = {"source": {"component": "kubelet"}, "reportingComponent": "kubelet"}
    scope = Scope("/api/v1/events", "", "source=")
    found = examples(scope, EVENTS, {**MODEL, **both})
    assert found is not None
    assert selected_by(scope, EVENTS)(pod(found.one, EVENTS))


def test_each_requirement_alone_leaves_something_out() -> None:
    """Whoever drops a part of a selector is told of something that nobody asked for."""
    parts = ("kubernetes_executor=True", "airflow-worker!=7", "dag in (a, b)")
    found = examples(Scope(PATH, ",".join(parts), ""), PODS, MODEL)
    assert found is not None
    for dropped in parts:
        rest = label_selector(",".join(part for part in parts if part != dropped))
        assert any(rest(pod(other)) for other in found.others), dropped


def test_the_client_can_read_a_blank_object_of_every_type() -> None:
    """What it demands is there, and the kind is spelt as it spells it."""
    for name in dir(client):
        model = getattr(client, name)
        has = getattr(model, "model_fields", {})
        split = re.fullmatch(r"([A-Z][a-z]+)??(V\d+[a-z\d]*)([A-Z]\w+)", name)
        if split is None or not {"metadata", "kind"} <= set(has) or name.endswith("List"):
            continue
        group, version, kind = split[1] or "any.group", split[2].lower(), split[3]
        plural = re.sub("y$", "ie", kind.lower()) + (
            "es" if kind.endswith(("s", "x", "h")) else "s"
        )
        resource = resource_of(group.replace("Core", "").lower(), version, plural)
        assert kind == resource.kind
        model.from_dict(blank(resource))


@hypothesis.settings(max_examples=300 if IS_NIGHTLY else 8)
@hypothesis.given(scopes(2))
def test_random_selectors_are_judged(scope: Scope) -> None:
    """For any selector that something can match: the right function is right, others are not."""
    hypothesis.assume(examples(scope, PODS, MODEL) is not None)
    checks.test_each_script_can_break_what_it_is_for(scope)
