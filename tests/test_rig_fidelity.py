"""The embedded server answers what the real one answers: status, headers, body and lines."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from kwlab import wire
from kwlab.server import http1
from kwlab.server.apiserver import ApiServer
from kwlab.server.exchange import Request
from kwlab.server.watchcache import WatchCache
from kwlab.wire.objects import EMPTY_OBJECTS
from tests.conftest import SEED
from tests.realserver import RealServer
from tests.rig_asking import (
    ACCOUNTS_PATH,
    OVER_AT_ONCE,
    RESOURCES,
    Asking,
    Told,
    past_that_is_forgotten,
)
from tests.rig_questions import (
    AT_ONCE,
    HEADS,
    IN_FORMS,
    MAPS,
    OTHER_METHODS,
    STRANGE,
    WHILE_CHANGING,
)
from tests.rig_recording import Recorder
from tests.test_fidelity import check

pytestmark = pytest.mark.needs("rig")

COMPARED_HEADERS: Final = ("Content-Type", "Cache-Control", "Retry-After", "X-Content-Type-Options")


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """Ask a real server everything, once."""
    with RealServer() as server:
        old = past_that_is_forgotten(server)
        found = Told()
        with Recorder(server, RESOURCES) as recorder:
            Asking(recorder, found, old, SEED).everything()
            found.history = recorder.history()
    yield found


# What must differ, in one place: the cluster's resourceVersion moves with resources that are not
# recorded, so where an answer tells it, its number is left out; a token holds it too.
_OWN_VERSION: Final = re.compile(
    rb'(List","apiVersion":"[^"]+","metadata":\{"resourceVersion":")\d+'
)
_CURRENT: Final = re.compile(rb"(current: )\d+")
_OLDEST: Final = re.compile(rb"(too old resource version: \d+ \()\d+")
_TOKEN: Final = re.compile(rb'("continue":")([^"]+)')
_MARK: Final = re.compile(rb'("resourceVersion":")\d+')
_BOOKMARK: Final = b'{"type":"BOOKMARK"'


def normal(body: bytes) -> bytes:
    body = _OWN_VERSION.sub(rb"\1N", body)
    body = _CURRENT.sub(rb"\1N", body)
    body = _OLDEST.sub(rb"\1N", body)
    return _TOKEN.sub(lambda found: found[1] + opened(found[2]), body)


def opened(token: bytes) -> bytes:
    value = json.loads(base64.urlsafe_b64decode(token + b"=" * (-len(token) % 4)))
    value["rv"] = "N" if value["rv"] > 0 else value["rv"]
    return json.dumps(value).encode()


def lines_of(body: bytes) -> tuple[list[bytes], bool]:
    """Give the lines without plain bookmarks, and whether there were such."""
    lines = body.splitlines(keepends=True)
    plain = [x for x in lines if x.startswith(_BOOKMARK) and b"initial-events-end" not in x]
    rest = [
        _MARK.sub(rb"\1N", x) if x.startswith(_BOOKMARK) else normal(x)
        for x in lines
        if x not in plain
    ]
    return rest, bool(plain)


def embedded(
    told: Told, method: str, target: str, at: float, accept: str = ""
) -> tuple[int, dict[str, str], bytes]:
    assert told.history is not None
    # It was restarted before the recording began.
    server = ApiServer(WatchCache(told.history, forgotten=(0.0,)))
    response = server.respond(Request.parse(method, target, accept), at)
    body = b"".join(frame.data for frame in response.frames if isinstance(frame.data, bytes))
    return response.status, dict(response.headers), body


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in COMPARED_HEADERS if name in headers}


QUESTIONS: Final = (
    *(f"GET {one}" for one in (*AT_ONCE, *STRANGE)),
    *(" ".join(one) for one in OTHER_METHODS),
)


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_an_answer_is_the_real_servers(told: Told, question: str) -> None:
    """Status, headers and body are the real server's."""
    one = told.asked[question]
    status, headers, body = embedded(told, one.method, one.target, one.at)
    if one.method == "HEAD":
        body = b""
    assert (one.answer.status, kept(one.answer.headers)) == (status, kept(headers)), one.answer.body
    assert normal(one.answer.body) == normal(body)


@pytest.mark.parametrize("question", IN_FORMS, ids=" ".join)
def test_metadata_alone_is_the_real_servers(told: Told, question: tuple[str, str]) -> None:
    """Who asks for objects' metadata gets what the real server makes of it, or its refusal."""
    one = told.in_forms[question]
    status, headers, body = embedded(told, "GET", one.target, one.at, one.accept)
    assert (one.answer.status, kept(one.answer.headers)) == (status, kept(headers)), one.answer.body
    assert lines_of(one.answer.body)[0] == lines_of(body)[0]


@pytest.mark.parametrize("head", HEADS, ids=str)
def test_a_head_is_refused_as_by_the_real_server(told: Told, head: bytes) -> None:
    """What is no request is refused with the real server's bytes, and nothing else is."""
    answer = told.heads[head]
    try:
        http1.read_head(head)
    except http1.Malformed as malformed:
        assert answer == malformed.answer
    else:
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_pages_are_the_real_servers(told: Told) -> None:
    """Page after page is the real server's, while things change, and when the token is too old."""
    assert {200, 410} == {one.answer.status for one in told.pages}
    for one in told.pages:
        status, headers, body = embedded(told, one.method, one.target, one.at)
        assert (one.answer.status, kept(one.answer.headers)) == (status, kept(headers)), one.target
        assert normal(one.answer.body) == normal(body), one.target


@pytest.mark.parametrize("question", [f"GET {one}" for one in WHILE_CHANGING], ids=str)
def test_a_watch_is_the_real_servers(told: Told, question: str) -> None:
    """Every line of a watch is the real server's, in its order, and so is the end."""
    one = told.asked[question]
    status, headers, body = embedded(told, one.method, one.target, one.at)
    assert (one.answer.status, kept(one.answer.headers)) == (status, kept(headers)), one.answer.body
    lines, has_marks = lines_of(one.answer.body)
    assert lines == lines_of(body)[0]
    # The real server sends no bookmark of a type of which it has seen no event since its start.
    assert not has_marks or lines_of(body)[1]
    assert one.answer.is_whole


def codes(body: bytes) -> list[int]:
    values = [json.loads(line) for line in body.splitlines()]
    return [value["object"]["code"] for value in values if value["type"] == "ERROR"]


def test_the_window_slides_as_the_real_servers(told: Told) -> None:
    """Of 120 changes the oldest 20 have left the window, and the border is that of the real one."""
    mine = [one for one in told.borders if one.target.startswith(ACCOUNTS_PATH)]
    assert [[410], [], []] == [codes(one.answer.body) for one in mine]
    assert [1, 100, 99] == [len(one.answer.lines) for one in mine]
    for one in mine:
        assert one.answer.body == embedded(told, "GET", one.target, one.at)[2], one.target


def test_a_restart_empties_the_window(told: Told) -> None:
    """After a restart the border is where the server began to know, and one below is refused."""
    assert told.history is not None
    mine = [one for one in told.borders if one.target.startswith(MAPS)]
    assert [[410], [], []] == [codes(one.answer.body) for one in mine]
    first = int(told.history.resource_version)
    for one, version in zip(mine, (first - 1, first, first + 1), strict=True):
        target = re.sub("resourceVersion=.*", f"resourceVersion={version}", one.target)
        body = embedded(told, "GET", target, one.at)[2]
        assert codes(one.answer.body) == codes(body)
        if not codes(body):
            assert one.answer.body == body


@pytest.mark.parametrize("target", OVER_AT_ONCE, ids=str)
def test_a_watch_that_is_over_at_once(told: Told, target: str) -> None:
    """With a negative timeout the real server is not of one mind; ours is one of its answers."""
    assert embedded(told, "GET", target, 5.0)[2] in told.over_at_once[target]


@pytest.mark.parametrize("name", ["everything", "app=web"])
def test_random_changes(told: Told, name: str, tmp_path: Path) -> None:
    """What a wrong and a correct loop were sent, of changes that nobody chose, is sent again."""
    print(f"KWLAB_SEED={SEED}")
    check(told.captures[name], tmp_path)


def test_the_random_loops_are_wrong_and_correct(told: Told) -> None:
    """On the real server the correct loop was told every change once, the wrong one some twice."""
    captured = told.captures["everything"]
    changes = [json.loads(line["line"]) for line in captured["watch"]]
    sent = {
        loop: [
            json.loads(line["line"])
            for attempt in captured[loop]
            for line in attempt["lines"]
            if "BOOKMARK" not in line["line"][:20]
        ]
        for loop in ("wrong", "correct")
    }
    assert changes == sent["correct"]
    known = [(one["object"]["metadata"]["resourceVersion"]) for one in sent["wrong"]]
    assert len(set(known)) < len(known)


KINDS: Final = sorted({*EMPTY_OBJECTS["parts"], "ConfigMap", "Secret", "ServiceAccount"})


@pytest.mark.parametrize("kind", KINDS)
def test_the_bookmark_of_a_kind(realserver: RealServer, kind: str) -> None:
    """A bookmark has the empty parts that Go writes for its kind."""
    path = served(realserver)[kind]
    how = "watch=1&allowWatchBookmarks=1&labelSelector=nobody%3Dhas"
    with realserver.asking(f"{path}?{how}") as answer:
        line = answer.wait_for_lines(1).lines[0]
    value = line.value["object"]
    version = value["metadata"]["resourceVersion"]
    mark = wire.bookmark(value["apiVersion"], kind, version, ends_initial_events=True)
    assert line.data + b"\n" == wire.event_line(wire.EventType.BOOKMARK, mark)


@cache
def served(server: RealServer) -> dict[str, str]:
    """Give the path of each kind that the server has, in the first group that has it."""
    found: dict[str, str] = {}
    groups = json.loads(server.ask("/apis").body)["groups"]
    roots = ["/api/v1", *(f"/apis/{one['preferredVersion']['groupVersion']}" for one in groups)]
    for root in roots:
        for entry in json.loads(server.ask(root).body)["resources"]:
            if "/" not in entry["name"] and "watch" in entry["verbs"]:
                found.setdefault(entry["kind"], f"{root}/{entry['name']}")
    return found
