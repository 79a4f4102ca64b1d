"""What the server says of itself, and which form of an answer an Accept header gets."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from kwlab.server.accept import AS_IT_IS, Form, chosen, takes_json
from kwlab.server.apiserver import ApiServer
from kwlab.server.discovery import AGGREGATED, is_about_objects
from kwlab.server.exchange import Refusal, Request, Response
from kwlab.server.faults import FaultyServer
from kwlab.server.watchcache import WatchCache
from tests.histories import NAMESPACE, PODS_PATH, pods, shipped
from tests.realserver import RealServer

PAST: Final = pods(existing=("a",), seconds=100.0)
API: Final = ApiServer(WatchCache(PAST))
SPOKEN: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TABLE: Final = Form("Table", "meta.k8s.io", "v1")
TABLE_TOO: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"


def ask(target: str, accept: str = "", *, method: str = "GET") -> Response:
    return API.respond(Request.parse(method, target, accept), 1.0)


def body(response: Response) -> bytes:
    return b"".join(frame.data for frame in response.frames if isinstance(frame.data, bytes))


def value(target: str, accept: str = "") -> Any:
    response = ask(target, accept)
    assert 200 == response.status
    return json.loads(body(response))


# ---- what there is


def test_the_core_group() -> None:
    """/api names v1, and /api/v1 the recorded resources with what can be done with them."""
    assert ["v1"] == value("/api")["versions"]
    listed = value("/api/v1")
    assert ("APIResourceList", "v1") == (listed["kind"], listed["groupVersion"])
    assert ["configmaps", "nodes", "pods"] == [each["name"] for each in listed["resources"]]
    assert {
        "name": "pods",
        "singularName": "pod",
        "namespaced": True,
        "kind": "Pod",
        "verbs": ["get", "list", "watch"],
        "shortNames": ["po"],
        "categories": ["all"],
    } == listed["resources"][2]
    assert not listed["resources"][1]["namespaced"]


def test_named_groups() -> None:
    """/apis names the groups, /apis/GROUP its versions, /apis/GROUP/VERSION its resources."""
    (group,) = value("/apis")["groups"]
    known = {"groupVersion": "apps/v1", "version": "v1"}
    assert {"name": "apps", "versions": [known], "preferredVersion": known} == group
    assert {"kind": "APIGroup", "apiVersion": "v1", **group} == value("/apis/apps")
    listed = value("/apis/apps/v1")
    assert ("v1", "apps/v1") == (listed["apiVersion"], listed["groupVersion"])
    assert ["deployments"] == [each["name"] for each in listed["resources"]]


def test_aggregated_discovery() -> None:
    """Who takes it gets all groups of a prefix in one document, and is told so in its type."""
    response = ask("/api", f"{SPOKEN};profile=nopeer,application/json")
    assert SPOKEN == response.headers["Content-Type"]
    core = json.loads(body(response))
    assert ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2") == (core["kind"], core["apiVersion"])
    (version,) = core["items"][0]["versions"]
    assert {} == core["items"][0]["metadata"]
    assert ("v1", "Current") == (version["version"], version["freshness"])
    assert {
        "resource": "nodes",
        "responseKind": {"group": "", "version": "", "kind": "Node"},
        "scope": "Cluster",
        "singularResource": "node",
        "verbs": ["get", "list", "watch"],
        "shortNames": ["no"],
    } == version["resources"][1]
    (apps,) = value("/apis", SPOKEN)["items"]
    assert {"name": "apps"} == apps["metadata"]
    # Of one group there is no aggregated document.
    assert "APIGroup" == value("/apis/apps", f"{SPOKEN},application/json")["kind"]


@pytest.mark.parametrize(
    "path", [f"/{one}{more}" for one in ("healthz", "livez", "readyz") for more in ("", "/ping")]
)
def test_health(path: str) -> None:
    """A server that answers is healthy."""
    response = ask(path)
    assert (200, b"ok") == (response.status, body(response))
    assert response.headers["Content-Type"].startswith("text/plain")


def test_health_in_words() -> None:
    """With ``verbose`` it names what was looked at: here one thing."""
    assert b"[+]ping ok\nreadyz check passed\n" == body(ask("/readyz?verbose"))


def test_the_root_names_what_there_is() -> None:
    """/ lists the paths that are answered, and each of them is."""
    paths = json.loads(body(ask("/")))["paths"]
    assert paths == sorted(paths)
    assert {"/api/v1", "/apis/apps/v1", "/livez/ping", "/version"} <= set(paths)
    assert {200} == {ask(path).status for path in paths}


def test_the_version_is_the_recordings() -> None:
    """/version names the server that was recorded, as a version that clients can read."""
    for path in ("/version", "/version/"):
        assert b'\n  "gitVersion": "v1.36.0+kwlab"' in body(ask(path))
    assert ("1", "36") == (value("/version")["major"], value("/version")["minor"])


@pytest.mark.parametrize("server", ["1.37.2", "v1.37.2"])
def test_a_version_with_three_numbers(server: str) -> None:
    """A recorder may write three numbers, and a v in front."""
    from dataclasses import replace

    api = ApiServer(WatchCache(replace(PAST, server=server)))
    said = json.loads(body(api.respond(Request.parse("GET", "/version"), 0.0)))
    assert ("37", "v1.37.2+kwlab") == (said["minor"], said["gitVersion"])


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/apis", "/apis/apps", "/version"])
def test_nothing_is_written_there(path: str) -> None:
    """Whatever is not GET is a 405 Status."""
    response = ask(path, method="POST")
    assert (405, "MethodNotAllowed") == (response.status, json.loads(body(response))["reason"])


def test_groups_that_are_not_there() -> None:
    """A version that a known group has not got is a 404 Status, an unknown group plain text."""
    assert (404, "NotFound") == (
        ask("/apis/apps/v9").status,
        json.loads(body(ask("/apis/apps/v9")))["reason"],
    )
    for path in ("/apis/none.example", "/apis/none.example/v1", "/openapi/v2", "/openapi/v3"):
        assert (404, b"404 page not found\n") == (ask(path).status, body(ask(path)))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/version", False),
        ("/readyz", False),
        ("/api", False),
        ("/api/v1", False),
        ("/apis/apps/v1", False),
        ("/openapi/v3", False),
        ("/", False),
        ("/api/v1/pods", True),
        (PODS_PATH, True),
        ("/apis/apps/v1/deployments", True),
        ("/api/v1/namespaces", True),
    ],
)
def test_what_is_about_objects(path: str, expected: bool) -> None:
    """A resource's path is, discovery, version and health are not."""
    assert expected is is_about_objects(path)


# ---- namespaces


def test_namespaces_are_made_where_there_are_none() -> None:
    """kopf waits for namespaces, so there is one for all that was recorded in it."""
    server = FaultyServer(shipped("pods-churn"))
    response = server.respond(Request.parse("GET", "/api/v1/namespaces"), 5.0)
    (only,) = json.loads(body(response))["items"]
    assert (NAMESPACE, "Active") == (only["metadata"]["name"], only["status"]["phase"])
    assert "2026-11-23T05:13:16Z" == only["metadata"]["creationTimestamp"]
    got = server.respond(Request.parse("GET", f"/api/v1/namespaces/{NAMESPACE}"), 5.0)
    assert 200 == got.status
    # What is counted and drawn knows nothing of it.
    assert ["pods"] == [resource.plural for resource in server.history.resources]


# ---- the Accept header


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", AS_IT_IS),
        ("*/*", AS_IT_IS),
        ("application/json", AS_IT_IS),
        ("application/json;stream=watch", AS_IT_IS),
        ("application/vnd.kubernetes.protobuf,application/json", AS_IT_IS),
        (f"{TABLE_TOO},application/json", TABLE),
        (f"application/json, {TABLE_TOO}", AS_IT_IS),
        (f"application/json;q=0.5, {TABLE_TOO}", TABLE),
        (f"*/*,{TABLE_TOO}", TABLE),
        ("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json", AS_IT_IS),
        ("application/json;as=Table;v=v2;g=meta.k8s.io,*/*", AS_IT_IS),
        ("text/html,application/json;q=0.9,*/*;q=0.8", AS_IT_IS),
    ],
)
def test_the_first_that_can_be_had(accept: str, expected: Form) -> None:
    """By quality, then by place; what cannot be had is passed over."""
    assert expected == chosen(accept, (TABLE,))


@pytest.mark.parametrize(
    ("accept", "message"),
    [
        ("text/html", "406: Not Acceptable\n\nAvailable representations: application/json"),
        ("application/*", "406: Not Acceptable\n\nAvailable representations: application/json"),
        (
            "application/json;as=Foo",
            "only the following media types are accepted: application/json",
        ),
    ],
)
def test_what_cannot_be_had(accept: str, message: str) -> None:
    """Nothing acceptable is 406 in the words of whoever refuses on a real server."""
    with pytest.raises(Refusal) as caught:
        chosen(accept, (TABLE,))
    assert (406, "NotAcceptable", message) == (
        caught.value.code,
        caught.value.reason,
        caught.value.message,
    )


def test_who_takes_no_json_is_refused_in_lines() -> None:
    """A refusal is indented where the client took no plain JSON, as on a real server."""
    assert body(ask(PODS_PATH, "text/html")).startswith(b'{\n  "kind": "Status",\n')
    assert body(ask(f"{PODS_PATH}/nobody", TABLE_TOO)).startswith(b'{\n  "kind": "Status",\n')
    assert body(ask(f"{PODS_PATH}/nobody", "application/*;q=1")).startswith(b'{"kind":"Status",')
    assert takes_json("application/*")


# ---- beside the real one

BESIDE: Final = [
    ("/api/", ""),
    ("/apis/apps", ""),
    ("/apis/apps/v9", ""),
    ("/apis/none", ""),
    ("/api/v2", ""),
    ("/healthz", ""),
    ("/healthz/", ""),
    *((f"/{one}{more}", "") for one in ("healthz", "livez", "readyz") for more in ("/ping", "/no")),
    ("/livez/ping?verbose", ""),
    ("//api", ""),
    ("//version", ""),
    ("/openapi/none", ""),
    ("/apis/apps", "application/json;as=Foo,*/*"),
]


@pytest.mark.needs("rig")
@pytest.mark.parametrize(("path", "accept"), BESIDE)
def test_the_same_as_the_real_server(path: str, accept: str, realserver: RealServer) -> None:
    """Status, type and body are those of the real server, its address aside."""
    real = realserver.ask(path, headers={"Accept": accept} if accept else {})
    ours = ask(path, accept)
    assert (real.status, real.headers["Content-Type"]) == (
        ours.status,
        ours.headers["Content-Type"],
    )
    if "serverAddressByClientCIDRs" not in real.body.decode():
        assert real.body == body(ours)


@pytest.mark.needs("rig")
def test_each_resource_as_the_real_server_names_it(realserver: RealServer) -> None:
    """Names, kinds, scopes and categories are the real ones; verbs and subresources fewer."""
    for path in ("/api/v1", "/apis/apps/v1"):
        real = {each["name"]: each for each in json.loads(realserver.ask(path).body)["resources"]}
        for mine in value(path)["resources"]:
            theirs = real[mine["name"]]
            assert set(mine.pop("verbs")) <= set(theirs["verbs"])
            assert mine == {key: theirs[key] for key in mine}
    for path in ("/api", "/apis"):
        answer = realserver.ask(path, headers={"Accept": SPOKEN})
        assert SPOKEN == answer.headers["Content-Type"]
        groups = {each["metadata"].get("name"): each for each in json.loads(answer.body)["items"]}
        for group in value(path, SPOKEN)["items"]:
            theirs = groups[group["metadata"].get("name")]["versions"][0]
            known = {each["resource"]: each for each in theirs["resources"]}
            for mine in group["versions"][0]["resources"]:
                assert set(mine.pop("verbs")) <= set(known[mine["resource"]]["verbs"])
                assert mine == {key: known[mine["resource"]][key] for key in mine}


def test_the_aggregated_form_is_the_one_that_kubectl_asks_for() -> None:
    """What is spoken here is what stands in the header."""
    assert AGGREGATED == chosen(SPOKEN, (AGGREGATED,))
