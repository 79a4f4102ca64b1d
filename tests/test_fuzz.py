"""Whatever is asked, played or recorded, there is an answer or a typed error, and never a hang."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import io
import itertools
import json
import tempfile
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kwlab import recording
from kwlab.errors import RecordingError, ScenarioError
from kwlab.history import from_recording
from kwlab.server import faults, http1, selectors
from kwlab.server.exchange import End, Request
from kwlab.server.faults import FaultyServer
from kwlab.server.serve import Served
from tests.histories import NAMESPACE, PODS_PATH, Step, pods
from tests.serving import ask_in_process, nothing_is_left
from tests.test_serve import ask_over_the_socket

__all__ = ["nothing_is_left"]

PARTS: Final = 300
"""So much of an answer is read: a watch of 292 billion years has no end to wait for."""
PAST: Final = pods(
    Step(1.0, "add", "c", labels={"app": "web"}),
    Step(2.0, "modify", "a", labels={"app": "db", "tier": "1"}),
    Step(3.0, "add", "m", resource="configmaps"),
    Step(4.0, "delete", "b"),
    Step(5.0, "modify", "c", labels={"app": "db"}),
    existing=("a", "b"),
    seconds=10.0,
)
FEWER: Final = settings(
    max_examples=max(10, settings().max_examples // 4),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""Sockets are opened for each of these."""

# ---- what is asked

SIGNS: Final = "%&=?/#+;,.:@!~*'()[]{}<>|\\\"^` \t\x00\x0b\x7f\xa0\xff\u0661\ud7ff\U0001f980"
junk = st.text(st.sampled_from(SIGNS + "aZ09"), max_size=12) | st.text(max_size=8)
numbers = st.one_of(
    st.integers(-3, 1010).map(str),
    st.sampled_from(["1000", "1001", "1003", "1005", str(2**63), str(-(2**63)), "0" * 5000, "1e3"]),
)
words = st.one_of(
    numbers,
    junk,
    st.sampled_from(["true", "false", "1", "", "Exact", "NotOlderThan", "app", "a", "b", "c"]),
)
label_terms = st.one_of(
    st.builds("{}{}{}".format, words, st.sampled_from(["=", "==", "!=", ">", "<", " "]), words),
    st.builds("{} {} ({},{})".format, words, st.sampled_from(["in", "notin"]), words, words),
    st.sampled_from(["app=web", "app!=web", "!app", "tier>0", "app in (web,db)", "app notin (db)"]),
    words,
)
field_terms = st.builds(
    "{}{}{}".format,
    st.sampled_from(["metadata.name", "status.phase", "spec.hostNetwork", "metadata.uid"]) | junk,
    st.sampled_from(["=", "==", "!=", "\\", ""]),
    words,
)
VALUES: Final[dict[str, st.SearchStrategy[str]]] = {
    "watch": words,
    "resourceVersion": words,
    "resourceVersionMatch": words,
    "timeoutSeconds": words,
    "limit": words,
    "continue": st.one_of(
        words,
        st.binary(max_size=40).map(lambda data: data.hex()),
        st.sampled_from(["eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MTAwMSwic3RhcnQiOiJhXHUwMDAwIn0"]),
        st.just("eyJ4Ijpb" + "W1tb" * 2000),
    ),
    "sendInitialEvents": words,
    "allowWatchBookmarks": words,
    "labelSelector": st.lists(label_terms, max_size=4).map(",".join),
    "fieldSelector": st.lists(field_terms, max_size=4).map(",".join),
    "includeObject": words,
    "pretty": words,
}


def quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


pairs = st.sampled_from(sorted(VALUES)).flatmap(
    lambda name: st.builds("{}={}".format, st.just(name), VALUES[name].map(quoted))
)
parameters = st.lists(pairs | junk, max_size=5).map("&".join)
roots = st.sampled_from(
    [
        PODS_PATH,
        "/api/v1/pods",
        "/api/v1/configmaps",
        f"/api/v1/watch/namespaces/{NAMESPACE}/pods/a",
        f"{PODS_PATH}/a",
        f"{PODS_PATH}/a/log",
        "/api/v1/nodes",
        "/apis/apps/v1/deployments",
        "/api",
        "/apis",
        "/api/v1",
        "/apis/apps",
        "/version",
        "/openapi/v2",
        "http://x" + PODS_PATH,
        "//",
        "*",
        "",
    ]
)
targets = st.builds("{}{}?{}".format, roots, st.just("") | junk, parameters)
ACCEPTS: Final = (
    "application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    "application/yaml;q=nan",
    "*/*;q=",
)
accepts = st.sampled_from(ACCEPTS) | junk | st.lists(st.sampled_from(ACCEPTS)).map(",".join)


def drained(server: FaultyServer, request: Request, at: float) -> bytes:
    """Read an answer as a client would, as much of it as there is time for."""
    try:
        response = server.respond(request, at)
    except ConnectionRefusedError:
        return b""
    found: list[bytes] = []
    due = at
    for part in itertools.islice(http1.parts(response, method=request.method), PARTS):
        assert part.due >= due
        due = part.due
        found.append(part.data)
        if part.end is not None:
            assert part.end is not End.DONE or is_http(b"".join(found), request.method)
            return b"".join(found)
    return b"".join(found)


class _Fed:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def is_http(data: bytes, method: str) -> bool:
    """Read it with the standard library's reader, which did not write it."""
    response = http.client.HTTPResponse(_Fed(data), method=method)  # type: ignore[arg-type]
    response.begin()
    response.read()
    return 200 <= response.status < 600


@given(st.sampled_from(["GET", "HEAD", "POST", "get", "OPTIONS"]), targets, accepts)
@example("GET", f"{PODS_PATH}?limit=" + "0" * 5000 + "1", "")
@example("GET", f"{PODS_PATH}?continue=eyJ4Ijpb" + "W1tb" * 2000, "")
def test_any_question_has_an_answer(method: str, target: str, accept: str) -> None:
    """Any method, path, query and Accept is answered in HTTP, at any time."""
    server = FaultyServer(PAST)
    for at in (0.0, 4.5):
        try:
            request = Request.parse(method, target, accept)
        except ValueError:
            return  # read_head makes a 400 of it
        assert drained(server, request, at)


heads = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda method, target, version, lines: "\r\n".join(
            [f"{method} {target} {version}", *lines, "", ""]
        ).encode("latin-1", "replace"),
        st.sampled_from(["GET", "PRI", "", "G T"]) | junk,
        targets,
        st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9", ""]) | junk,
        st.lists(
            st.sampled_from(["Host: x", "Content-Length: 5", "Transfer-Encoding: chunked", ": x"])
            | st.builds("{}: {}".format, junk, junk)
            | junk,
            max_size=5,
        ),
    ),
)


@given(heads)
def test_any_head_is_read_or_refused(head: bytes) -> None:
    """Any bytes are a request or get a refusal that says why."""
    try:
        asked = http1.read_head(head)
    except http1.Malformed as malformed:
        assert malformed.code in {400, 505}
        assert malformed.answer.startswith(b"HTTP/1.1 %d " % malformed.code)
    else:
        assert drained(FaultyServer(PAST), asked.request, 4.5)


valid_labels = st.one_of(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["app", "tier"]),
        st.sampled_from(["=", "!="]),
        st.sampled_from(["web", "db", "1", ""]),
    ),
    st.builds(
        "{} {} ({})".format,
        st.sampled_from(["app", "tier"]),
        st.sampled_from(["in", "notin"]),
        st.lists(st.sampled_from(["web", "db", "1"]), min_size=1).map(",".join),
    ),
    st.builds("{}{}{}".format, st.just("tier"), st.sampled_from("<>"), st.sampled_from("012")),
    st.sampled_from(["app", "!app", "tier", "!tier"]),
)
valid_fields = st.builds(
    "metadata.name{}{}".format, st.sampled_from(["=", "==", "!="]), st.sampled_from("abc")
)
STATES: Final = [*PAST.objects, *(change.object for change in PAST.changes)]


@given(st.lists(valid_labels, max_size=6), st.lists(valid_fields, max_size=4))
def test_a_selector_asks_each_of_its_terms(labels: list[str], fields: list[str]) -> None:
    """A selector takes what each of its terms alone takes, however many there are."""
    by_label = selectors.label_selector(",".join(labels))
    by_field = selectors.field_selector(",".join(fields), PAST.resources[0])
    for item in STATES:
        assert by_label(item) is all(selectors.label_selector(term)(item) for term in labels)
        assert by_field(item) is all(
            selectors.field_selector(term, PAST.resources[0])(item) for term in fields
        )


# ---- both doors

moments = st.floats(0.0, 12.0, allow_nan=False)
played = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"fault": st.just("cut"), "at": moments},
            optional={
                "how": st.sampled_from(["fin", "reset"]),
                "line_bytes": st.integers(0, 5000),
                "away_seconds": st.floats(0.0, 3.0),
            },
        ),
        st.fixed_dictionaries({"fault": st.sampled_from(["malformed", "error"]), "at": moments}),
        st.fixed_dictionaries({"fault": st.just("refuse"), "at": moments, "code": st.just(503)}),
    ),
    max_size=3,
)
bounded = st.lists(
    st.builds(
        "{}?{}&timeoutSeconds={}".format,
        roots.filter(lambda root: root.startswith("/api")),
        parameters.filter(lambda text: "timeoutSeconds" not in text and text.isascii()),
        st.integers(1, 6),
    ).filter(lambda target: not set(target) & set(" \t\x00\x0b\x7f#")),
    min_size=1,
    max_size=4,
)


@FEWER
@given(bounded, played)
def test_both_doors_give_the_same_bytes_to_any_question(
    targets: list[str], scenario: list[dict[str, Any]]
) -> None:
    """Whatever is asked and whatever goes wrong, both doors send the same and log the same."""
    parsed = faults.parse(scenario)
    with Served(PAST, parsed, speed=400) as served:
        answers = ask_over_the_socket(served, [(target,) for target in targets])
    assert len(targets) == len(served.requests)
    for asked, target, answer in zip(served.requests, targets, answers, strict=True):
        expected, logged = ask_in_process(PAST, parsed, asked, target)
        assert expected == answer
        assert (logged.status, logged.sent, logged.close) == (
            asked.status,
            asked.sent,
            asked.close,
        )


# ---- scenarios

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | junk | moments,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(junk, inner, max_size=2),
    max_leaves=4,
)
FIELDS: Final = ("at", "after_change", "away_seconds", "line_bytes", "how", "code", "seconds")
entries = st.fixed_dictionaries(
    {"fault": st.sampled_from(["cut", "refuse", "error", "malformed", "silence", "forget"]) | junk},
    optional={name: moments | st.integers(-1, 600) | values for name in FIELDS}
    | {"retry_after_seconds": st.integers(0, 3) | values, "line": junk},
)


@given(st.lists(entries, max_size=4), st.floats(0.0, 20.0))
def test_any_scenario_is_played_or_refused(scenario: list[dict[str, Any]], at: float) -> None:
    """A scenario is refused in a sentence, or every question in it has an answer."""
    try:
        server = FaultyServer(PAST, faults.parse(scenario))
    except ScenarioError as error:
        assert str(error)
        return
    for query in ("", "?watch=1&timeoutSeconds=20", "?watch=1&resourceVersion=1000"):
        drained(server, Request.parse("GET", PODS_PATH + query), at)


@given(st.binary(max_size=200) | st.lists(entries, max_size=3).map(json.dumps).map(str.encode))
def test_any_scenario_file_is_read_or_refused(data: bytes) -> None:
    """Any bytes are a scenario, or refused as none."""
    with contextlib.suppress(ScenarioError):
        faults.read(data)


# ---- recordings

STORY: Final = gzip.decompress(recording.shipped()["pods-cut-twice"].read_bytes())
LINES: Final = STORY.splitlines(keepends=True)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List where in a JSON value something else could stand."""
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    return [path, *(found for key in keys for found in places(value[key], (*path, key)))]


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    value[path[0]] = put(value[path[0]], path[1:], new)
    return value


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Put something else where something stands, in a recording that is JSON after it too."""
    lines = list(LINES[: draw(st.integers(1, len(LINES)))])
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(lines) - 1))
        value = json.loads(lines[number])
        path = draw(st.sampled_from(places(value)))
        lines[number] = json.dumps(put(value, path, draw(values))).encode() + b"\n"
    return b"".join(lines)


@given(damaged())
def test_any_recording_is_served_or_refused(body: bytes) -> None:
    """What loads is served, whatever stands in its objects, and all else is refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl"
        path.write_bytes(body)
        try:
            loaded = recording.load(path)
            past = from_recording(loaded)
            server = FaultyServer(past, faults.parse(loaded.header.scenario))
        except (RecordingError, ScenarioError) as error:
            assert str(error)
            return
    table = ACCEPTS[1]
    for resource in past.resources:
        prefix = f"/apis/{resource.group}" if resource.group else "/api"
        root = f"{prefix}/{resource.version}/{resource.plural}"
        for query in (
            "?labelSelector=app%3Dweb,!x,version>1&fieldSelector=status.phase%3DRunning",
            "?watch=1&timeoutSeconds=9&labelSelector=app",
            "?watch=1&resourceVersion=1&fieldSelector=spec.nodeName!%3Dx,spec.hostNetwork!%3Dtrue",
        ):
            for accept in ("", table):
                asked = Request.parse("GET", f"/{query}").query
                drained(server, Request("GET", root, asked, accept), 3)
