"""What the embedded server sends, line by line, beside what a real one sent."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from kwlab import history, recording
from kwlab.errors import RecordingOver
from kwlab.server.door import Door, Session
from kwlab.server.faults import FaultyServer
from tests.captures import Cluster, capture, line, watched
from tests.convert_capture import Attempt, convert, main, read_attempt
from tests.make_recordings import PLANS
from tests.make_story import from_nothing, story

DATA = Path(__file__).parent / "data"
NAMES = sorted(path.name.removesuffix(".attempts.jsonl.gz") for path in DATA.glob("*.attempts.*"))
BOOKMARK = b'{"type":"BOOKMARK"'
VERSION = re.compile(rb'"resourceVersion":"(\d+)"')


def shipped(name: str) -> history.History:
    return history.from_recording(recording.load(recording.shipped()[name]))


def recorded(name: str) -> list[Attempt]:
    text = gzip.decompress((DATA / f"{name}.attempts.jsonl.gz").read_bytes()).decode()
    return [read_attempt(json.loads(one), "", "") for one in text.splitlines()]


def sent_directly(server: FaultyServer, attempt: Attempt) -> list[bytes]:
    frames = server.respond(attempt.request, attempt.asked).frames
    return [
        frame.data.rstrip(b"\n")
        for frame in frames
        if isinstance(frame.data, bytes) and frame.due <= attempt.closed
    ]


def sent_through_the_door(past: history.History, attempt: Attempt) -> list[bytes]:
    session = Session(FaultyServer(past))
    session.clock.move_to(attempt.asked)
    client = Door(session).client()
    response = client.call_api(
        "GET",
        client.configuration.host + attempt.request.path + "?" + urlencode(attempt.query),
    )
    body = b""
    try:
        for part in response.response.stream(amt=2**16):
            if session.clock.now() > attempt.closed:
                break
            body += part
    except RecordingOver:
        pass
    return body.splitlines()


def assert_same(real: Sequence[bytes], sent: Sequence[bytes]) -> None:
    """Compare line by line; of bookmarks compare kind, and whether RV and place are legal."""
    assert [x for x in real if not x.startswith(BOOKMARK)] == [
        x for x in sent if not x.startswith(BOOKMARK)
    ]
    marks = {VERSION.sub(b"", x) for x in real if x.startswith(BOOKMARK)}
    ours = {VERSION.sub(b"", x) for x in sent if x.startswith(BOOKMARK)}
    assert marks == ours
    for number, one in enumerate(sent):
        if one.startswith(BOOKMARK):
            assert max([0, *map(version, sent[:number])]) <= version(one)
            after = [x for x in sent[number + 1 :] if not x.startswith(BOOKMARK)]
            assert version(one) < min(map(version, after), default=2**64)


def version(text: bytes) -> int:
    found = VERSION.search(text)
    assert found is not None
    return int(found[1])


CASES = [
    pytest.param(name, number, id=f"{name}-{attempt.loop}-{number}")
    for name in NAMES
    for number, attempt in enumerate(recorded(name))
]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_every_line_is_the_real_servers(name: str, number: int) -> None:
    """The server sends the lines that the real one sent, byte for byte and in that order."""
    attempt = recorded(name)[number]
    assert_same(attempt.lines, sent_directly(FaultyServer(shipped(name)), attempt))


@pytest.mark.parametrize(("name", "number"), CASES)
def test_every_line_comes_through_the_door(name: str, number: int) -> None:
    """The official client reads through the door what the real server sent."""
    attempt = recorded(name)[number]
    assert_same(attempt.lines, sent_through_the_door(shipped(name), attempt))


def test_every_capture_is_compared() -> None:
    """Fidelity is shown on two captures and on the recorder's own: 58 attempts of two loops."""
    captured, recorder = ["pods-churn", "pods-rollout"], [plan.name for plan in PLANS]
    assert (sorted(captured + recorder), 58) == (NAMES, len(CASES))


# A second server writes captures of the same shape, in which the awkward moments stand.

PODS = "/api/v1/namespaces/lab/pods"
MAPS = "/api/v1/namespaces/lab/configmaps"


def attempt(
    cluster: Cluster,
    asked: float,
    query: dict[str, Any],
    *,
    closed: float | None,
    known: float | None = None,
    until: float | None = None,
    **seen: Any,
) -> dict[str, Any]:
    """Write an attempt as the recorder would; ``known`` and ``until`` are the server's clock."""
    end = until if until is not None else closed if closed is not None else 1e9
    lines = watched(cluster, asked if known is None else known, end, **seen)
    value = {"asked": asked, "query": query, "lines": lines, "closed": closed}
    return {name: one for name, one in value.items() if name != "closed" or one is not None}


def maps() -> Cluster:
    cluster = Cluster("ConfigMap", "v1", "lab")
    for name in ("m0", "m", "m-1", "m.1", "é"):
        cluster.add(-1.0, name, app="web")
    cluster.modify(2.0, "m", app="db")
    cluster.delete(3.0, "m-1")
    cluster.add(4.0, "m-1", app="web")
    cluster.modify(5.0, "m", app="web")
    cluster.modify(6.0, "m0", app="web")
    cluster.delete(9.0, "é")
    return cluster


def deployments() -> Cluster:
    cluster = Cluster("Deployment", "apps/v1", "lab")
    cluster.add(-1.0, "d", app="web")
    cluster.modify(1.5, "d", app="web")
    cluster.delete(2.5, "d")
    cluster.add(3.5, "d", app="web")
    return cluster


def check(value: dict[str, Any], tmp_path: Path) -> None:
    """Convert a capture as a program, and ask the server what its loops asked."""
    source = tmp_path / "made.json"
    source.write_text(json.dumps(value), encoding="utf-8")
    main(source, tmp_path)
    past = history.from_recording(recording.load(tmp_path / "made.jsonl.gz"))
    packed = (tmp_path / "made.attempts.jsonl.gz").read_bytes()
    for text in gzip.decompress(packed).decode().splitlines():
        one = read_attempt(json.loads(text), "", "")
        assert_same(one.lines, sent_directly(FaultyServer(past), one))
        assert_same(one.lines, sent_through_the_door(past, one))


def test_converting_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """The converter is deterministic to the byte."""
    cluster = maps()
    value = capture(cluster, MAPS, {"wrong": [], "correct": []})
    source = tmp_path / "made.json"
    source.write_text(json.dumps(value), encoding="utf-8")
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        main(source, folder)
    for name in ("made.jsonl.gz", "made.attempts.jsonl.gz"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_shipped_recordings_have_the_bytes_that_are_saved(tmp_path: Path) -> None:
    """A shipped recording, loaded and saved, has the shipped bytes."""
    for name, path in recording.shipped().items():
        recording.save(recording.load(path), tmp_path / f"{name}.jsonl.gz")
        assert path.read_bytes() == (tmp_path / f"{name}.jsonl.gz").read_bytes()


def test_the_small_recordings_are_cut_out_of_the_churn() -> None:
    """The small shipped recordings are what make_story makes of the shipped churn."""
    paths = recording.shipped()
    churn = recording.load(paths["pods-churn"])
    assert recording.load(paths["pods-cut-twice"]) == story(churn)
    assert recording.load(paths["jobs-from-nothing"]) == from_nothing(churn)


@pytest.mark.parametrize(
    ("cluster", "path"),
    [
        (maps(), MAPS),
        (maps(), "/api/v1/configmaps"),
        (deployments(), "/apis/apps/v1/namespaces/lab/deployments"),
        (deployments(), "/apis/apps/v1/deployments"),
    ],
)
def test_other_resources_and_paths(cluster: Cluster, path: str, tmp_path: Path) -> None:
    """A capture of another group, with other letters, or of all namespaces, is answered as well."""
    loops = {
        "wrong": [
            attempt(cluster, 0.01, {"watch": "true", "timeoutSeconds": 3}, closed=3.02),
            attempt(cluster, 3.9, {"watch": True, "timeoutSeconds": "4"}, closed=7.91),
            attempt(cluster, 8.0, {"watch": "true", "resourceVersion": "0"}, closed=None),
        ],
        "correct": [
            attempt(
                cluster,
                4.5,
                {"watch": "true", "resourceVersion": str(cluster.version(1.8)), "limit": None},
                closed=9.5,
                version=cluster.version(1.8),
            ),
            attempt(
                cluster,
                9.6,
                {"watch": "true", "timeoutSeconds": 5, "resourceVersion": "999999"},
                closed=14.7,
                version=999_999,
            ),
        ],
    }
    check(capture(cluster, path, loops), tmp_path)


def test_selectors_at_their_boundary(tmp_path: Path) -> None:
    """A selector's ADDED and DELETED at its boundary are the real server's, old bytes and all."""
    cluster = maps()
    query = {"watch": "true", "timeoutSeconds": 8, "labelSelector": "app=web"}
    label = ("app", "web")
    resumed = {**query, "resourceVersion": str(cluster.first + 15)}
    loops = {
        "wrong": [attempt(cluster, 0.01, query, closed=8.02, label=label)],
        "correct": [
            attempt(cluster, 0.5, resumed, closed=8.52, version=cluster.first + 15, label=label)
        ],
    }
    check(capture(cluster, MAPS, loops), tmp_path)


@pytest.mark.parametrize("late", [0.0, 0.004])
@pytest.mark.parametrize("skew", [-0.006, -0.001, 0.001, 0.006])
@pytest.mark.parametrize("edge", [1.999, 2.0])
def test_changes_around_asking_and_closing(
    late: float, skew: float, edge: float, tmp_path: Path
) -> None:
    """What the real server knew when it was asked decides, not the recorder's clock."""
    cluster = maps()
    query = {"watch": "true", "timeoutSeconds": 2}
    loops = {
        # The server works some milliseconds off the recorder's clock, across changes at 2, 4, 6.
        "wrong": [
            attempt(
                cluster,
                start - skew,
                query,
                closed=start + 2.02,
                known=edge + start - 2.0,
                until=edge + start,
                late=late,
            )
            for start in (2.0, 4.0)
        ],
        "correct": [
            attempt(
                cluster,
                1.99,
                {**query, "resourceVersion": str(cluster.version(1.0))},
                closed=4.01,
                until=3.99,
                late=late,
                version=cluster.version(1.0),
            )
        ],
    }
    check(capture(cluster, MAPS, loops, late=late), tmp_path)


def test_attempt_that_ended_in_a_410(tmp_path: Path) -> None:
    """An expired resourceVersion is refused with the number that the real server gave."""
    cluster = maps()
    status = (
        '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
        '"message":"too old resource version: 217 (511)","reason":"Expired","code":410}'
    )
    error = {
        "asked": 3.5,
        "closed": 3.51,
        "query": {"watch": "true", "resourceVersion": "217", "timeoutSeconds": 30},
        "lines": [{"t": 3.505, "line": f'{{"type":"ERROR","object":{status}}}'}],
    }
    wrong = attempt(cluster, 0.01, {"watch": "true", "timeoutSeconds": 3}, closed=3.02)
    check(capture(cluster, MAPS, {"wrong": [wrong], "correct": [error]}), tmp_path)


def test_bookmark_of_another_resources_revision(tmp_path: Path) -> None:
    """A resourceVersion that only a loop's bookmark told is no future one to the server."""
    cluster = maps()
    mark = cluster.version(6.0) + 1
    query = {"watch": "true", "timeoutSeconds": 5, "allowWatchBookmarks": "true"}
    bare = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"resourceVersion": str(mark)}}
    bookmark = line("BOOKMARK", bare)
    first = attempt(
        cluster,
        3.0,
        {**query, "resourceVersion": str(cluster.version(2.9))},
        closed=8.01,
        version=cluster.version(2.9),
    )
    first["lines"].append({"t": 6.6, "line": bookmark})
    second = attempt(
        cluster, 8.1, {**query, "resourceVersion": str(mark)}, closed=13.11, version=mark
    )
    second["lines"].append({"t": 11.2, "line": bookmark.replace(str(mark), str(mark + 2))})
    # The long watch has no bookmark, so it knows nothing of this.
    value = capture(cluster, MAPS, {"wrong": [], "correct": [first, second]})
    check(value, tmp_path)
    assert str(mark) in [rv for _, rv in convert(value, "made").progress]


def test_capture_of_nothing(tmp_path: Path) -> None:
    """An empty list and an empty watch are a capture too."""
    cluster = Cluster("ConfigMap", "v1", "lab")
    loops = {
        "wrong": [attempt(cluster, 0.0, {"watch": "true", "timeoutSeconds": 3}, closed=3.0)],
        "correct": [],
    }
    check(capture(cluster, MAPS, loops), tmp_path)


def test_items_that_no_loop_was_sent() -> None:
    """A listed object that no loop saw is encoded as Go does, kind and apiVersion in front."""
    cluster = maps()
    made = convert(capture(cluster, MAPS, {"wrong": [], "correct": []}), "made")
    expected = [
        line("ADDED", value).removeprefix('{"type":"ADDED","object":').removesuffix("}").encode()
        for _, value in sorted(cluster.at(0.0).items(), key=lambda pair: pair[0].encode())
    ]
    assert expected == [item.data for item in made.items]


def test_assert_same_sees_a_wrong_bookmark() -> None:
    """A bookmark below an event sent before it would be noticed."""
    event, mark = (
        b'{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"7"}}}',
        b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"6"}}}',
    )
    with pytest.raises(AssertionError):
        assert_same([event, mark], [event, mark])
