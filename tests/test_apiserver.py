"""What the server answers, row by row of what was measured on a real one."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from kwlab.history import History
from kwlab.made import Step
from kwlab.server.apiserver import NOT_SERVED, ApiServer
from kwlab.server.exchange import End, Request, Response
from kwlab.server.paging import close_token
from kwlab.server.watchcache import WatchCache
from tests.histories import NAMESPACE, PODS_PATH, busy, pods, shipped

STEPS = (
    Step(1.0, "modify", "b", labels={"app": "db"}),
    Step(2.0, "delete", "a"),
    Step(3.0, "add", "cm", resource="configmaps"),
    Step(4.0, "add", "a"),
    Step(5.0, "modify", "b", labels={"app": "web"}),
    Step(6.0, "add", "x", namespace="other"),
    Step(7.0, "add", "d", resource="deployments"),
    Step(8.0, "add", "n", resource="nodes"),
)
PAST = pods(*STEPS, existing=("b", "a", "a-1", "a.1", "a0"), seconds=100.0)


def ask(target: str, at: float = 10.0, *, past: History = PAST, method: str = "GET") -> Response:
    return ApiServer(WatchCache(past)).respond(Request.parse(method, target), at)


def body(response: Response) -> bytes:
    return b"".join(f.data for f in response.frames if isinstance(f.data, bytes))


def status(response: Response) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(body(response))
    assert "Status" == value["kind"]
    assert response.status == value["code"]
    return value


def said(response: Response) -> list[tuple[float, str, str, str]]:
    """Give due, type, name and resourceVersion of each line."""
    lines = []
    for frame in response.frames:
        if isinstance(frame.data, bytes):
            assert frame.data.endswith(b"\n")
            value = json.loads(frame.data)
            metadata = value["object"]["metadata"]
            name, version = metadata.get("name", ""), metadata.get("resourceVersion", "")
            lines.append((round(frame.due, 3), value["type"], name, version))
    return lines


def watch(
    query: str, at: float = 10.0, *, past: History = PAST
) -> list[tuple[float, str, str, str]]:
    response = ask(f"{PODS_PATH}?watch=true&{query}", at, past=past)
    assert 200 == response.status
    assert "application/json" == response.headers["Content-Type"]
    assert "no-cache, private" == response.headers["Cache-Control"]
    assert "Content-Length" not in response.headers
    return said(response)


def short(lines: list[tuple[float, str, str, str]]) -> list[str]:
    return [f"{kind} {name} {version}".replace("  ", " ") for _, kind, name, version in lines]


# ---- where a watch starts

PRESENT = ["ADDED a 1004", "ADDED a-1 998", "ADDED a.1 999", "ADDED a0 1000", "ADDED b 1005"]


@pytest.mark.parametrize("query", ["", "resourceVersion=", "resourceVersion=0"])
def test_a_watch_without_version(query: str) -> None:
    """No resourceVersion, an empty one and 0 give a synthetic ADDED for all, in key order."""
    assert PRESENT == short(watch(f"{query}&timeoutSeconds=5"))


def test_synthetic_events_are_sent_at_once_and_live_ones_when_they_happen() -> None:
    """Synthetic events are due when the watch begins, a change when it happens."""
    assert [(3.5, "ADDED", "a-1", "998"), (3.5, "ADDED", "a.1", "999")] == watch(
        "timeoutSeconds=9", 3.5
    )[:2]
    assert [(4.0, "ADDED", "a", "1004"), (5.0, "MODIFIED", "b", "1005")] == watch(
        "timeoutSeconds=9", 3.5
    )[-2:]


def test_a_watch_in_the_window() -> None:
    """A version in the window gives only what came after it, no synthetic events."""
    expected = [(3.5, "DELETED", "a", "1002"), (4.0, "ADDED", "a", "1004")]
    assert expected == watch("resourceVersion=1001&timeoutSeconds=1", 3.5)
    assert [] == watch("resourceVersion=1005&timeoutSeconds=5")
    # A hole in one type's versions is a version too.
    assert ["ADDED a 1004"] == short(watch("resourceVersion=1003&timeoutSeconds=1", 3.5))


def test_an_expired_version() -> None:
    """An older version gets 200, one ERROR line to the byte, and the clean end."""
    past = pods(*busy(150, apart=1.0))
    response = ask(f"{PODS_PATH}?watch=true&resourceVersion=1049", 150.0, past=past)
    line = (
        b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},'
        b'"status":"Failure","message":"too old resource version: 1049 (1050)",'
        b'"reason":"Expired","code":410}}\n'
    )
    frames = list(response.frames)
    assert (200, [line, End.DONE]) == (response.status, [frame.data for frame in frames])
    assert {150.0} == {frame.due for frame in frames}
    assert 100 == len(watch("resourceVersion=1050&timeoutSeconds=1", 150.0, past=past))


def test_a_version_in_the_future() -> None:
    """A future version is silence, bookmarks too, until something newer happens."""
    assert ["ADDED a 1004", "MODIFIED b 1005"] == short(
        watch("resourceVersion=1003&timeoutSeconds=9&allowWatchBookmarks=true", 0.5)
    )[:2]
    assert [] == watch("resourceVersion=9999&timeoutSeconds=9&allowWatchBookmarks=true", 0.5)
    # It is no future one any more when the bookmark is due.
    assert ["BOOKMARK 1008"] == short(
        watch("resourceVersion=1008&timeoutSeconds=9&allowWatchBookmarks=true", 2.0)
    )


@pytest.mark.parametrize("version", ["abc", "-1"])
def test_a_malformed_version(version: str) -> None:
    """Watch and get say 500 without a reason, a list says 400."""
    sentence = (
        f'resourceVersion: Invalid value: "{version}": strconv.ParseUint: '
        f'parsing "{version}": invalid syntax'
    )
    for target in (f"{PODS_PATH}?watch=1&resourceVersion=", f"{PODS_PATH}/b?resourceVersion="):
        value = status(ask(target + version))
        assert (500, sentence, False) == (value["code"], value["message"], "reason" in value)
    value = status(ask(f"{PODS_PATH}?resourceVersion={version}"))
    assert (400, "BadRequest") == (value["code"], value["reason"])
    assert f"invalid resource version: {sentence}" == value["message"]


# ---- timeouts and ways to ask


@pytest.mark.parametrize(
    ("seconds", "query"),
    [
        (5.0, "timeoutSeconds=5"),
        (5.0, "timeoutSeconds=%2B5"),
        (5.0, "timeoutSeconds=5&timeoutSeconds=9"),
        (1800.0, "timeoutSeconds=0"),
        (1800.0, ""),
        (1e18, "timeoutSeconds=1000000000000000000"),
    ],
)
def test_timeouts(seconds: float, query: str) -> None:
    """The watch ends cleanly at its timeout; 0 and none are the server's choice."""
    last = list(ask(f"{PODS_PATH}?watch=true&{query}&allowWatchBookmarks=false").frames)[-1]
    assert (10.0 + seconds, End.DONE) == (last.due, last.data)


def test_a_negative_timeout() -> None:
    """A timeout of -1 is 200 and an immediate clean end."""
    response = ask(f"{PODS_PATH}?watch=true&timeoutSeconds=-1")
    assert (200, [(10.0, End.DONE)]) == (
        response.status,
        [(frame.due, frame.data) for frame in response.frames],
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("abc", "invalid syntax"),
        ("1.5", "invalid syntax"),
        ("", "invalid syntax"),
        ("9" * 30, "value out of range"),
    ],
)
def test_timeouts_that_are_no_number(text: str, reason: str) -> None:
    """A timeout that is no number is refused in the words of strconv, for a list as well."""
    for way in ("watch=true&", ""):
        value = status(ask(f"{PODS_PATH}?{way}timeoutSeconds={text}"))
        assert (400, "BadRequest") == (value["code"], value["reason"])
        assert f'strconv.ParseInt: parsing "{text}": {reason}' == value["message"]


@pytest.mark.parametrize(
    ("is_watch", "query"),
    [
        (True, "watch="),
        (True, "watch"),
        (True, "watch=1"),
        (True, "watch=abc"),
        (True, "watch=True"),
        (False, "watch=false"),
        (False, "watch=False"),
        (False, "watch=0"),
        (False, "watch=false&watch=true"),
        (True, "watch=true&watch=false"),
        (False, "watches=true&nonsense=%00"),
    ],
)
def test_what_is_a_watch(is_watch: bool, query: str) -> None:
    """Everything but false and 0 watches; the first of two counts; unknown ones are ignored."""
    response = ask(f"{PODS_PATH}?{query}&timeoutSeconds=1")
    assert (200, is_watch) == (response.status, "Content-Length" not in response.headers)


def test_the_old_watch_paths() -> None:
    """/api/v1/watch/… still watches, one object too."""
    base = "/api/v1/watch"
    assert PRESENT == short(said(ask(f"{base}/namespaces/{NAMESPACE}/pods?timeoutSeconds=1")))
    assert ["ADDED b 1005"] == short(
        said(ask(f"{base}/namespaces/{NAMESPACE}/pods/b?timeoutSeconds=1"))
    )
    assert "ADDED x 1006" in short(said(ask(f"{base}/pods?timeoutSeconds=1")))


@pytest.mark.parametrize(
    ("expected", "fields"),
    [
        (200, "metadata.name=b"),
        (200, "spec.nodeName=,metadata.name=b"),
        (200, ",,"),
        (400, "metadata.name=a"),
        (400, "metadata.name!=b"),
        (400, "spec.nodeName="),
    ],
)
def test_an_old_watch_of_one_object_asks_for_no_other(expected: int, fields: str) -> None:
    """A field selector there must name the same object."""
    path = f"/api/v1/watch/namespaces/{NAMESPACE}/pods/b"
    response = ask(f"{path}?timeoutSeconds=1&fieldSelector={quote(fields)}")
    assert expected == response.status
    if expected == 400:
        message = "fieldSelector metadata.name doesn't match requested name"
        assert message == status(response)["message"]


@pytest.mark.parametrize(
    "query",
    ["labelSelector=%zz", "labelSelector=app%3Dno;x", "limit=1;x", "%", "&&", "Limit=1", "a;b"],
)
def test_parameters_that_cannot_be_read_are_not_there(query: str) -> None:
    """One with a semicolon or a bad % is dropped, as by Go."""
    assert body(ask(PODS_PATH)) == body(ask(f"{PODS_PATH}?{query}"))


@pytest.mark.parametrize("target", ["", "pods", "?watch=1", "/api/%zz", "/api/%", "http://[x/api"])
def test_what_is_no_target(target: str) -> None:
    """Without a path, or with a bad % in it, there is no request."""
    with pytest.raises(ValueError, match="no request target"):
        Request.parse("GET", target)


@pytest.mark.parametrize(
    ("code", "path"),
    [
        (200, "/api/v1/pods//"),
        (200, "/api/v1/namespaces//pods"),
        (200, "/api/v1/watch/namespaces//pods?timeoutSeconds=1"),
        (404, "/api/v1//pods"),
        (404, "/api//v1/pods"),
        (404, "//api/v1/pods"),
        (404, "/apis//v1/pods"),
        (404, "/api/v1/pods#frag"),
        (400, "/api/v1/namespaces//pods/b"),
    ],
)
def test_slashes(code: int, path: str) -> None:
    """Those at the end do not count; no namespace is all of them, and else nothing is there."""
    assert code == ask(path).status


def test_watching_one_object_by_path_is_a_get() -> None:
    """…/pods/NAME?watch=1 is a plain GET."""
    assert "b" == json.loads(body(ask(f"{PODS_PATH}/b?watch=1")))["metadata"]["name"]


def test_several_resources_share_one_sequence() -> None:
    """Resource types, groups and namespaces have one sequence, and each watch sees its own."""
    everything = {
        "/api/v1/pods": "ADDED x 1006",
        "/api/v1/configmaps": "ADDED cm 1003",
        "/apis/apps/v1/deployments": "ADDED d 1007",
        "/api/v1/nodes": "ADDED n 1008",
    }
    for path, expected in everything.items():
        assert expected == short(said(ask(f"{path}?watch=1&timeoutSeconds=1")))[-1]
        assert "1008" == json.loads(body(ask(path)))["metadata"]["resourceVersion"]


# ---- bookmarks and WatchList


def marks(seconds: int, query: str = "resourceVersion=1008") -> list[float]:
    lines = watch(f"timeoutSeconds={seconds}&allowWatchBookmarks=true&{query}", 10.0)
    return [round(at - 10.0, 3) for at, kind, _, _ in lines if kind == "BOOKMARK"]


def test_bookmarks() -> None:
    """A bookmark comes once a minute and 2 s before the end; none in a watch of 1 or 2 s."""
    assert ([], [], [1.0], [13.0], [60.0, 120.0, 148.0]) == tuple(map(marks, (1, 2, 3, 15, 150)))
    assert [13.0] == marks(15, "resourceVersion=1008&labelSelector=nothing")
    assert [] == [k for _, k, _, _ in watch("timeoutSeconds=90&resourceVersion=1008")]


def test_the_bytes_of_bookmarks() -> None:
    """A bookmark of pods has the empty parts that Go writes, one of configmaps has none."""
    query = "watch=1&timeoutSeconds=5&allowWatchBookmarks=1&resourceVersion=1008"
    assert (
        b'{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":'
        b'{"resourceVersion":"1008"},"spec":{"containers":null},"status":{}}}\n'
    ) == body(ask(f"{PODS_PATH}?{query}"))
    assert (
        b'{"type":"BOOKMARK","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":'
        b'{"resourceVersion":"1008"}}}\n'
    ) == body(ask(f"/api/v1/configmaps?{query}"))
    assert (
        b'{"type":"BOOKMARK","object":{"kind":"Deployment","apiVersion":"apps/v1","metadata":'
        b'{"resourceVersion":"1008"},"spec":{"replicas":0,"selector":null,"template":{"metadata":{},"spec":'
        b'{"containers":null}},"strategy":{}},"status":{}}}\n'
    ) == body(ask(f"/apis/apps/v1/deployments?{query}"))


INITIAL = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"


@pytest.mark.parametrize(
    "query", ["", "resourceVersion=0", INITIAL, f"{INITIAL}&resourceVersion=1002"]
)
def test_the_end_of_the_initial_events(query: str) -> None:
    """One bookmark marks the end of the present state, and a plain one follows 0.2 s later."""
    response = ask(f"{PODS_PATH}?watch=1&timeoutSeconds=2&allowWatchBookmarks=true&{query}")
    frames = [f for f in response.frames if isinstance(f.data, bytes)]
    values = [json.loads(f.data) for f in frames if isinstance(f.data, bytes)]
    assert ["ADDED"] * 5 + ["BOOKMARK"] * 2 == [value["type"] for value in values]
    assert {"k8s.io/initial-events-end": "true"} == values[5]["object"]["metadata"]["annotations"]
    assert "annotations" not in values[6]["object"]["metadata"]
    assert [10.0, 10.2] == [frame.due for frame in frames[5:]]


def test_no_end_mark_without_bookmarks() -> None:
    """sendInitialEvents without allowWatchBookmarks has no end mark."""
    assert PRESENT == short(watch(f"{INITIAL}&timeoutSeconds=9"))


def test_no_initial_events() -> None:
    """sendInitialEvents=false starts with now, or with the version asked for."""
    none = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=2"
    assert ["ADDED a 1004"] == short(watch(none, 2.5))
    assert ["DELETED a 1002", "ADDED a 1004"] == short(watch(f"{none}&resourceVersion=1001", 2.5))


def test_initial_events_of_the_future() -> None:
    """WatchList at a future version is a 504 in the stream, after 3 s."""
    response = ask(f"{PODS_PATH}?watch=1&{INITIAL}&resourceVersion=999999")
    (line, end) = list(response.frames)
    assert (13.0, 200, 13.0, End.DONE) == (response.due, response.status, line.due, end.data)
    assert isinstance(line.data, bytes)
    value = json.loads(line.data)
    assert ("ERROR", 504) == (value["type"], value["object"]["code"])
    assert (
        "Timeout: Too large resource version: 999999, current: 1008" == value["object"]["message"]
    )


@pytest.mark.parametrize(
    ("sentence", "query"),
    [
        (
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
            "resourceVersionMatch to NotOlderThan",
            "watch=1&sendInitialEvents=true",
        ),
        (
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless "
            "sendInitialEvents is provided",
            "watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1",
        ),
        (
            "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
            "sendInitialEvents=true",
        ),
        (
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
            "resourceVersion is provided",
            "resourceVersionMatch=Exact",
        ),
        (
            'resourceVersionMatch: Unsupported value: "Best": supported values: "Exact", '
            '"NotOlderThan", ""',
            "resourceVersionMatch=Best&resourceVersion=1",
        ),
        (
            'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for '
            'resourceVersion "0"',
            "resourceVersionMatch=Exact&resourceVersion=0",
        ),
        (
            "[resourceVersionMatch: Forbidden: sendInitialEvents requires setting "
            "resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "
            '"Exact": supported values: "NotOlderThan"]',
            "watch=1&sendInitialEvents=true&resourceVersionMatch=Exact",
        ),
    ],
)
def test_what_may_not_stand_together(sentence: str, query: str) -> None:
    """Options that do not fit are 422 Invalid, with a cause each."""
    value = status(ask(f"{PODS_PATH}?{query}"))
    assert (422, "Invalid") == (value["code"], value["reason"])
    assert f'ListOptions.meta.k8s.io "" is invalid: {sentence}' == value["message"]
    assert ("meta.k8s.io", "ListOptions") == (value["details"]["group"], value["details"]["kind"])
    for cause in value["details"]["causes"]:
        assert f"{cause['field']}: {cause['message']}" in sentence


# ---- selectors


def test_the_boundary_of_a_selector() -> None:
    """What stops matching is DELETED as it was with the new version; what starts is ADDED."""
    label = PAST.objects[0].data
    was = json.loads(label)["metadata"]["labels"]["app"]
    assert "web" == was
    query = f"labelSelector={quote('app=web')}&resourceVersion=1000&timeoutSeconds=20"
    assert ["DELETED b 1001", "DELETED a 1002", "ADDED a 1004", "ADDED b 1005"] == short(
        watch(query, 0.5)
    )
    response = ask(f"{PODS_PATH}?watch=1&{query}", 0.5)
    first = json.loads(body(response).splitlines()[0])["object"]
    assert {"app": "web"}.items() <= first["metadata"]["labels"].items()
    assert [] == watch("labelSelector=app=none&timeoutSeconds=30", 0.0)


def test_changes_that_a_selector_does_not_take() -> None:
    """Changes of an object that does not match are not sent."""
    assert ["MODIFIED b 1001", "MODIFIED b 1005"] == short(
        watch("fieldSelector=metadata.name%3Db&resourceVersion=1000&timeoutSeconds=20", 0.5)
    )
    assert ["DELETED a 1002", "ADDED a 1004"] == short(
        watch("fieldSelector=metadata.name!%3Db&resourceVersion=1000&timeoutSeconds=20", 0.5)
    )


@pytest.mark.parametrize(
    ("sentence", "path", "query"),
    [
        ("field label not supported: foo", PODS_PATH, "fieldSelector=foo%3Dbar"),
        (
            '"metadata.uid" is not a known field selector: only "metadata.name", '
            '"metadata.namespace"',
            "/api/v1/configmaps",
            "fieldSelector=metadata.uid%3D1",
        ),
        (
            "unable to parse requirement: found '=', expected: identifier",
            PODS_PATH,
            "labelSelector=app%3D%3D%3D",
        ),
    ],
)
def test_selectors_that_are_refused(sentence: str, path: str, query: str) -> None:
    """A selector that cannot be read is 400 BadRequest, for list and watch."""
    for way in ("watch=1&", ""):
        value = status(ask(f"{path}?{way}{query}"))
        assert (400, "BadRequest", sentence) == (value["code"], value["reason"], value["message"])


def test_a_namespace_that_is_not_there() -> None:
    """An unknown namespace is an empty list and a silent watch."""
    path = "/api/v1/namespaces/none/pods"
    assert [] == json.loads(body(ask(path)))["items"]
    assert [] == said(ask(f"{path}?watch=1&timeoutSeconds=50"))


# ---- list and get


def test_a_list() -> None:
    """A list has the server's version, and items without kind and apiVersion, in key order."""
    value = json.loads(body(ask(PODS_PATH)))
    assert ["kind", "apiVersion", "metadata", "items"] == list(value)
    assert ("PodList", {"resourceVersion": "1008"}) == (value["kind"], value["metadata"])
    assert ["a", "a-1", "a.1", "a0", "b"] == [i["metadata"]["name"] for i in value["items"]]
    assert not any("kind" in item or "apiVersion" in item for item in value["items"])


def test_items_keep_their_bytes() -> None:
    """A listed or fetched object has the bytes that were recorded."""
    past = shipped("pods-churn")
    listed = body(ask(PODS_PATH, 0.0, past=past))
    for item in past.objects:
        assert item.data.removeprefix(b'{"kind":"Pod","apiVersion":"v1",') in listed
        assert item.data + b"\n" == body(ask(f"{PODS_PATH}/{item.name}", 0.0, past=past))


def pages(first: str, following: str) -> list[tuple[list[str], str, int | None]]:
    found, query = [], first
    while True:
        value = json.loads(body(ask(f"{PODS_PATH}?{query}")))
        metadata = value["metadata"]
        names = [item["metadata"]["name"] for item in value["items"]]
        found.append((names, metadata["resourceVersion"], metadata.get("remainingItemCount")))
        if "continue" not in metadata:
            return found
        query = f"{following}&continue={metadata['continue']}"


def test_pages() -> None:
    """A page says how to go on and how many remain; every page has the first one's version."""
    assert [
        (["a", "a-1"], "1008", 3),
        (["a.1", "a0"], "1008", 1),
        (["b"], "1008", None),
    ] == pages("limit=2", "limit=2")
    assert [(["a"], "1008", 4), (["a-1", "a.1", "a0", "b"], "1008", None)] == pages("limit=1", "")


def test_pages_are_of_one_moment() -> None:
    """Page 2 is as old as page 1, whatever happened in between."""
    token = json.loads(body(ask(f"{PODS_PATH}?limit=2", 0.5)))["metadata"]["continue"]
    value = json.loads(body(ask(f"{PODS_PATH}?limit=9&continue={token}", 50.0)))
    assert ("1000", ["a.1", "a0", "b"]) == (
        value["metadata"]["resourceVersion"],
        [item["metadata"]["name"] for item in value["items"]],
    )
    assert "1000" == value["items"][1]["metadata"]["resourceVersion"]


def test_pages_of_a_selection_do_not_count_the_rest() -> None:
    """With a selector there is no remainingItemCount."""
    metadata = json.loads(body(ask(f"{PODS_PATH}?limit=1&labelSelector=app")))["metadata"]
    assert {"resourceVersion", "continue"} == set(metadata)


def test_a_limit_at_zero_is_ignored() -> None:
    """With resourceVersion 0 the limit is ignored."""
    value = json.loads(body(ask(f"{PODS_PATH}?limit=1&resourceVersion=0")))
    assert (5, {"resourceVersion": "1008"}) == (len(value["items"]), value["metadata"])


def test_continue_with_a_version() -> None:
    """continue and resourceVersion together are 400."""
    token = json.loads(body(ask(f"{PODS_PATH}?limit=1")))["metadata"]["continue"]
    value = status(ask(f"{PODS_PATH}?continue={token}&resourceVersion=1001"))
    assert (400, "specifying resource version is not allowed when using continue") == (
        value["code"],
        value["message"],
    )


@pytest.mark.parametrize("token", ["x", "%00", "e30", "W10", "bnVsbA", "A" * 5000, "é"])
def test_tokens_that_the_server_did_not_make(token: str) -> None:
    """A foreign continue is 400, never a crash."""
    value = status(ask(f"{PODS_PATH}?continue={quote(token, safe='%')}"))
    assert (400, "BadRequest") == (value["code"], value["reason"])


@pytest.mark.parametrize(
    ("sentence", "token"),
    [
        ("illegal base64 data at input byte 2", "ab$c"),
        ("illegal base64 data at input byte 0", "e"),
        ("invalid character 'i' looking for beginning of value", "abc"),
        ("unexpected end of JSON input", "eyJ2Ij"),
        ("server does not recognize this encoded version ", "e30"),
        (
            "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ",
        ),
        ("../m", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MjAwLCJzdGFydCI6Ii4uL20ifQ"),
    ],
)
def test_a_wrong_token_is_refused_in_the_servers_words(sentence: str, token: str) -> None:
    """What is wrong with a continue is said as kube-apiserver says it."""
    value = status(ask(f"{PODS_PATH}?continue={token}&resourceVersion=5"))
    assert f"invalid continue token: continue key is not valid: {sentence}" == value["message"]


def test_a_token_of_the_future_waits() -> None:
    """A continue whose resourceVersion the server has not reached is 504 after three seconds."""
    token = close_token(9999, f"{NAMESPACE}/a".encode(), NAMESPACE)
    assert 504 == status(ask(f"{PODS_PATH}?continue={token}"))["code"]


def test_the_last_page_of_a_selector_may_be_empty() -> None:
    """There is a next page where anything is left, whether or not the selector takes it."""
    selects = "limit=1&fieldSelector=metadata.name%3Da"
    first = json.loads(body(ask(f"{PODS_PATH}?{selects}")))
    assert ["a"] == [item["metadata"]["name"] for item in first["items"]]
    token = first["metadata"]["continue"]
    assert "remainingItemCount" not in first["metadata"]
    assert [] == json.loads(body(ask(f"{PODS_PATH}?{selects}&continue={token}")))["items"]
    rest = json.loads(body(ask(f"{PODS_PATH}?limit=1&fieldSelector=metadata.name%3Db")))
    assert "continue" not in rest["metadata"]


def test_selectors_are_read_before_the_rules() -> None:
    """A selector that cannot be read is 400 before anything is 422; an unknown field after."""
    rules = f"{PODS_PATH}?watch=1&sendInitialEvents=true"
    for query in ("labelSelector=%3D", "fieldSelector=a"):
        assert 400 == status(ask(f"{rules}&{query}"))["code"]
    assert 422 == status(ask(f"{rules}&fieldSelector=foo%3D1"))["code"]


@pytest.mark.parametrize(("expected", "version"), [(422, ""), (422, "0"), (200, "1005")])
def test_a_watch_of_the_present_takes_no_continue(expected: int, version: str) -> None:
    """A watch from nowhere implies a match, which forbids a continue."""
    target = f"{PODS_PATH}?watch=1&timeoutSeconds=1&continue=abc&resourceVersion={version}"
    assert expected == ask(target).status


def test_an_expired_watch_without_time_is_expired() -> None:
    """A negative timeout is a clean end at once, and not for a resourceVersion that is expired."""
    target = f"{PODS_PATH}?watch=1&timeoutSeconds=-1&resourceVersion="
    assert b"" == body(ask(f"{target}1005"))
    assert b'"code":410' in body(ask(f"{target}7"))


def test_an_expired_token() -> None:
    """An expired continue is 410 with a token for the inconsistent rest, which works."""
    token = close_token(7, f"{NAMESPACE}/a.1".encode(), NAMESPACE)
    value = status(ask(f"{PODS_PATH}?continue={token}"))
    assert (410, "Expired") == (value["code"], value["reason"])
    assert "too old to display a consistent list" in value["message"]
    rest = json.loads(body(ask(f"{PODS_PATH}?continue={value['metadata']['continue']}")))
    assert ["a0", "b"] == [item["metadata"]["name"] for item in rest["items"]]


@pytest.mark.parametrize(
    ("version", "query"),
    [
        ("1008", "resourceVersion=1002"),
        ("1008", "resourceVersion=1002&resourceVersionMatch=NotOlderThan"),
        ("1008", "resourceVersion=2&resourceVersionMatch=NotOlderThan"),
        ("1002", "resourceVersion=1002&resourceVersionMatch=Exact"),
        ("1002", "resourceVersion=1002&limit=500"),
    ],
)
def test_lists_at_a_version(version: str, query: str) -> None:
    """A list is not older than asked, or exact when asked for, or in pages."""
    value = json.loads(body(ask(f"{PODS_PATH}?{query}")))
    assert version == value["metadata"]["resourceVersion"]
    assert (version == "1008") is ("a" in [i["metadata"]["name"] for i in value["items"]])


def test_an_exact_list_of_what_is_gone() -> None:
    """An exact list before the recording is 410 Expired."""
    value = status(ask(f"{PODS_PATH}?resourceVersion=9&resourceVersionMatch=Exact"))
    assert (410, "Expired", "The resourceVersion for the provided list is too old.") == (
        value["code"],
        value["reason"],
        value["message"],
    )


@pytest.mark.parametrize(
    "target",
    [
        f"{PODS_PATH}?resourceVersion=99999",
        f"{PODS_PATH}?resourceVersion=99999&resourceVersionMatch=Exact",
        f"{PODS_PATH}?resourceVersion=99999&resourceVersionMatch=NotOlderThan",
        f"{PODS_PATH}/b?resourceVersion=99999",
    ],
)
def test_a_list_of_the_future(target: str) -> None:
    """List and get at a future version are 504 after 3 s, with Retry-After."""
    response = ask(target)
    assert (13.0, "1") == (response.due, response.headers["Retry-After"])
    value = status(response)
    assert (504, "Timeout") == (value["code"], value["reason"])
    assert "Timeout: Too large resource version: 99999, current: 1008" == value["message"]
    assert "ResourceVersionTooLarge" == value["details"]["causes"][0]["reason"]
    assert 1 == value["details"]["retryAfterSeconds"]


def test_a_list_of_the_near_future() -> None:
    """A version that is reached within 3 s is answered when it is reached."""
    response = ask(f"{PODS_PATH}?resourceVersion=1004", 1.5)
    assert (200, 4.0) == (response.status, response.due)
    assert b'"resourceVersion":"1004"' in body(response)


# ---- what is not there


def test_an_object_that_is_not_there() -> None:
    """A missing object is a 404 Status that names it."""
    value = status(ask(f"{PODS_PATH}/zzz"))
    assert ('pods "zzz" not found', {"name": "zzz", "kind": "pods"}) == (
        value["message"],
        value["details"],
    )
    value = status(ask(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/zzz"))
    assert 'deployments.apps "zzz" not found' == value["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/things",
        "/api/v2",
        "/api/v1/pods/b",
        f"{PODS_PATH}/b/log",
        "/api/v1/namespaces/x/nodes/n",
        "/apis/apps/v1/things",
    ],
)
def test_resources_that_are_not_there(path: str) -> None:
    """An unknown resource is a 404 Status."""
    value = status(ask(path))
    assert (404, "NotFound", "the server could not find the requested resource", {}) == (
        value["code"],
        value["reason"],
        value["message"],
        value["details"],
    )


@pytest.mark.parametrize("path", ["//", "/nothing", "/apis/none.example/v1/things", "/openapi/v2"])
def test_paths_that_are_not_there(path: str) -> None:
    """An unknown path is a 404 in plain text."""
    response = ask(path)
    assert (404, b"404 page not found\n") == (response.status, body(response))
    assert response.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "get"])
def test_methods_that_are_not_allowed(method: str) -> None:
    """Writes and HEAD are refused with 405, never with silence."""
    value = status(ask(PODS_PATH, method=method))
    assert (405, "MethodNotAllowed") == (value["code"], value["reason"])
    assert "the server does not allow this method on the requested resource" == value["message"]


def test_what_is_not_served_is_said() -> None:
    """What a real server does and this one does not stands in one table."""
    assert len(NOT_SERVED) >= 5
    assert all(NOT_SERVED.values())
