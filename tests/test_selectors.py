"""Selectors are read and refused as the API server reads and refuses them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kwlab.history import Object, Resource
from kwlab.server.selectors import SelectorError, field_selector, label_selector

PODS = Resource("", "v1", "pods", "Pod")
MAPS = Resource("", "v1", "configmaps", "ConfigMap")


def held(labels: dict[str, str] | None = None, **parts: Any) -> Object:
    metadata: dict[str, Any] = {"name": "web-1", "namespace": "lab"}
    if labels is not None:
        metadata["labels"] = labels
    data = msgspec.json.encode({"metadata": metadata, **parts})
    return Object(PODS, "lab", "web-1", "u", "1", data)


@pytest.mark.parametrize(
    ("expected", "selector"),
    [
        (True, ""),
        (True, "app=web"),
        (True, "app==web"),
        (True, " app = web "),
        (False, "app=db"),
        (False, "app!=web"),
        (True, "app!=db"),
        (True, "tier!=db"),
        (True, "app"),
        (False, "!app"),
        (True, "!tier"),
        (True, "app in (db, web)"),
        (False, "app in (db)"),
        (False, "tier in (db)"),
        (True, "app notin (db)"),
        (True, "tier notin (db)"),
        (False, "app notin (db,web)"),
        (True, "app=web,!tier,n>4"),
        (False, "app=web,tier"),
        (True, "n>4,n<6"),
        (False, "n>5"),
        (False, "app>5"),
        (True, "empty="),
        (True, "empty in (,)"),
        (True, "empty in ()"),
        (False, "app in ()"),
        (True, "app notin ()"),
        (False, "app="),
        (True, "in"),
        (True, "example.com/a-b=c_d.e"),
    ],
)
def test_label_selectors(expected: bool, selector: str) -> None:
    """A label selector takes what the server's takes."""
    item = held({"app": "web", "n": "5", "empty": "", "in": "x", "example.com/a-b": "c_d.e"})
    assert expected is label_selector(selector)(item)


def test_an_object_without_labels() -> None:
    """An object without labels matches where a missing label does."""
    assert label_selector("app!=web")(held())
    assert not label_selector("app")(held())


@pytest.mark.parametrize(
    ("sentence", "selector"),
    [
        ("unable to parse requirement: found '=', expected: identifier", "app==="),
        (
            "unable to parse requirement: found '=', expected: identifier",
            "! =a=b",
        ),
        ("found '=', expected: !, identifier, or 'end of string'", "=web"),
        ("found ',', expected: !, identifier, or 'end of string'", ","),
        ("found '', expected: identifier after ','", "app,"),
        ("found ',', expected: identifier after ','", "app,,tier"),
        ("found 'b', expected: ',' or 'end of string'", "app=a b"),
        (
            "unable to parse requirement: found 'web', expected: in, notin, =, ==, !=, gt, lt",
            "app web",
        ),
        ("unable to parse requirement: found 'web' expected: '('", "app in web"),
        ("unable to parse requirement: found '', expected: ',' or ')'", "app in (a"),
        ("unable to parse requirement: found '=', expected: ',', ')' or identifier", "app in (=)"),
        (
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' "
            "operators, the value must be an integer",
            "app>x",
        ),
        (
            'unable to parse requirement: values[0][app]: Invalid value: "-a": a valid label must '
            "be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
            "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
            "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            "app=-a",
        ),
        (
            'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of '
            "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            "-a=b",
        ),
    ],
)
def test_label_selectors_that_cannot_be_read(sentence: str, selector: str) -> None:
    """A label selector is refused with the server's own sentence."""
    with pytest.raises(SelectorError) as caught:
        label_selector(selector)
    assert sentence == str(caught.value)


def test_long_keys_and_values() -> None:
    """Keys and values of more than 63 bytes are refused, of 63 taken."""
    assert not label_selector("a" * 63 + "=" + "b" * 63)(held())
    for selector in ("a" * 64, "a=" + "b" * 64):
        with pytest.raises(SelectorError, match="must be no more than 63 bytes"):
            label_selector(selector)


@pytest.mark.parametrize(
    ("expected", "selector"),
    [
        (True, ""),
        (True, "metadata.name=web-1"),
        (False, "metadata.name!=web-1"),
        (True, "metadata.name==web-1,metadata.namespace=lab"),
        (False, "metadata.name=web-2"),
        (True, "spec.nodeName="),
        (True, "status.phase=Running"),
        (False, "status.phase!=Running"),
        (True, "spec.hostNetwork=false"),
        (True, "metadata.name!=a\\,b"),
        (True, ",,metadata.name=web-1,"),
    ],
)
def test_field_selectors(expected: bool, selector: str) -> None:
    """A field selector takes what the server's takes; a missing field is empty."""
    item = held(spec={"nodeName": None}, status={"phase": "Running"})
    assert expected is field_selector(selector, PODS)(item)


@pytest.mark.parametrize(
    ("sentence", "selector", "resource"),
    [
        ("field label not supported: foo", "foo=bar", PODS),
        (
            '"metadata.uid" is not a known field selector: only "metadata.name", '
            '"metadata.namespace"',
            "metadata.uid=1",
            MAPS,
        ),
        (
            "invalid selector: 'metadata.name=a,b'; can't understand 'b'",
            "metadata.name=a,b",
            PODS,
        ),
        ("invalid field selector: unescaped character in value: 61", "a=b!=c", PODS),
        (
            "invalid field selector: unescaped character in value: 61",
            "metadata.name=b=c",
            PODS,
        ),
        (
            "invalid field selector: invalid escape sequence: \\d",
            "metadata.name=b\\d",
            PODS,
        ),
    ],
)
def test_field_selectors_that_cannot_be_read(
    sentence: str, selector: str, resource: Resource
) -> None:
    """An unknown field is refused, never ignored."""
    with pytest.raises(SelectorError) as caught:
        field_selector(selector, resource)
    assert sentence == str(caught.value)
