"""Selectors are read and refused as the API server reads and refuses them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kwlab.history import Object, Resource
from kwlab.server.quoting import quoted
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


def test_nul_ends_a_label_selector() -> None:
    """What follows a NUL is not read, as by Go's lexer."""
    assert label_selector("app=web\0,=")(held({"app": "web"}))


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ('"web"', "web"),
        ('"\\"a\\\\\\""', '"a\\"'),
        (r'"\a\n\x01\x7f\u200b\u00a0☃😀\U000e0001"', "\a\n\x01\x7f\u200b\u00a0☃😀\U000e0001"),
    ],
)
def test_quotes(quote: str, text: str) -> None:
    """A text is quoted as Go quotes it."""
    assert quote == quoted(text)


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


EVENT = {"involvedObject": {"name": "m"}, "source": {"component": "kubelet"}, "reason": "Why"}


@pytest.mark.parametrize(
    ("expected", "selector", "plural", "parts"),
    [
        (True, "spec.host=n1", "pods", {"spec": {"nodeName": "n1"}}),
        (True, "status.podIP=1.2.3.4", "pods", {"status": {"podIPs": [{"ip": "1.2.3.4"}]}}),
        (True, "status.podIP=1.2.3.4", "pods", {"status": {"podIP": "1.2.3.4"}}),
        (False, "status.podIPs!=", "pods", {"status": {"podIPs": [{"ip": "1.2.3.4"}]}}),
        (True, "spec.unschedulable=true", "nodes", {"spec": {"unschedulable": True}}),
        (True, "spec.unschedulable=false", "nodes", {"spec": {}}),
        (False, "spec.unschedulable=", "nodes", {}),
        (True, "spec.type=ClusterIP", "services", {"spec": {"type": "ClusterIP"}}),
        (True, "spec.clusterIP!=10.0.0.1", "services", {"spec": {"clusterIP": "10.0.0.2"}}),
        (True, "status.phase=Active", "namespaces", {"status": {"phase": "Active"}}),
        (True, "type=Opaque", "secrets", {"type": "Opaque"}),
        (True, "status.replicas=0", "replicationcontrollers", {"status": {}}),
        (True, "status.successful=2", "batch/jobs", {"status": {"succeeded": 2}}),
        (True, "status.successful=0", "batch/jobs", {}),
        (True, "involvedObject.name=m,reason=Why", "events", EVENT),
        (True, "source=kubelet", "events", EVENT),
        (True, "source=later", "events", {"reportingComponent": "later"}),
        (True, "regarding.name=m", "events.k8s.io/events", {"regarding": {"name": "m"}}),
        (
            True,
            "spec.signerName=s",
            "certificates.k8s.io/certificatesigningrequests",
            {"spec": {"signerName": "s"}},
        ),
        (
            True,
            "spec.pool.name=p",
            "resource.k8s.io/resourceslices",
            {"spec": {"pool": {"name": "p"}}},
        ),
    ],
)
def test_the_fields_of_a_type(
    expected: bool, selector: str, plural: str, parts: dict[str, Any]
) -> None:
    """Each type has the fields that kube-apiserver selects it by, with its values for nothing."""
    group, _, plural = plural.rpartition("/")
    item = held(**parts)
    assert expected is field_selector(selector, Resource(group, "v1", plural, "X"))(item)


@pytest.mark.parametrize(
    ("sentence", "selector", "resource"),
    [
        (
            'field label "foo" not supported for Job',
            "foo=1",
            Resource("batch", "v1", "jobs", "Job"),
        ),
        (
            "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: foo",
            "foo=1",
            Resource("resource.k8s.io", "v1", "resourceslices", "ResourceSlice"),
        ),
        (
            "field label not supported: metadata.namespace",
            "metadata.namespace=",
            Resource("", "v1", "nodes", "Node", is_namespaced=False),
        ),
        (
            "field label not supported: metadata.namespace",
            "metadata.namespace=",
            Resource("example.com", "v1", "gadgets", "Gadget", is_namespaced=False),
        ),
        (
            "field label not supported: spec.a",
            "spec.a=1",
            Resource("example.com", "v1", "widgets", "Widget"),
        ),
        (
            '"a\\"" is not a known field selector: only "metadata.name", "metadata.namespace"',
            'z=1,a"=1',
            MAPS,
        ),
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
