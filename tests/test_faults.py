"""What goes wrong, when it goes wrong, and how a scenario is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kwlab.errors import ScenarioError
from kwlab.server import faults
from kwlab.server.exchange import End, Frame, Request, Response
from kwlab.server.faults import FaultyServer
from tests.histories import PODS_PATH, busy, pods

PAST = pods(*busy(10, apart=1.0), seconds=100.0)


def server(*scenario: dict[str, Any], window_events: int | None = None) -> FaultyServer:
    return FaultyServer(PAST, faults.parse(scenario), window_events=window_events)


def ask(of: FaultyServer, at: float, query: str = "") -> Response:
    target = f"{PODS_PATH}?watch=true&resourceVersion=1000&timeoutSeconds=20&{query}"
    return of.respond(Request.parse("GET", target), at)


def frames(of: FaultyServer, at: float = 0.5, query: str = "") -> list[Frame]:
    return list(ask(of, at, query).frames)


def last(of: FaultyServer, at: float = 0.5) -> tuple[int, float, bytes | End]:
    found = frames(of, at)
    return len(found) - 1, found[-1].due, found[-1].data


def test_without_faults() -> None:
    """A server without a scenario sends all and ends cleanly."""
    assert (10, 20.5, End.DONE) == last(server())


@pytest.mark.parametrize(("how", "end"), [("fin", End.FIN), ("reset", End.RESET)])
def test_a_cut_at_a_time(how: str, end: End) -> None:
    """A cut ends open connections in the middle, and nobody's else."""
    of = server({"fault": "cut", "at": 3.5, "how": how})
    assert (3, 3.5, end) == last(of)
    assert (10, 23.5, End.DONE) == last(of, at=3.5)


def test_a_cut_after_a_change() -> None:
    """A cut after a change comes when the change was sent."""
    assert (4, 4.0, End.FIN) == last(server({"fault": "cut", "after_change": 4}))


def test_an_absence() -> None:
    """While the server is away connections are refused; when it is back they are not."""
    of = server({"fault": "cut", "at": 3.5, "away_seconds": 2})
    for at in (3.5, 5.4):
        with pytest.raises(ConnectionRefusedError):
            of.reach(at)
        with pytest.raises(ConnectionRefusedError):
            ask(of, at)
    for at in (3.4, 5.5):
        of.reach(at)


def test_the_first_of_several_cuts_counts() -> None:
    """Of several cuts the next one ends a watch, however they are written."""
    of = server({"fault": "cut", "at": 6.5}, {"fault": "cut", "at": 2.5})
    assert ((2, 2.5, End.FIN), (6, 6.5, End.FIN)) == (last(of), last(of, at=2.5))


def test_a_cut_before_the_headers() -> None:
    """A request that the server lets wait is cut without an answer."""
    of = server({"fault": "cut", "at": 2.0})
    response = of.respond(Request.parse("GET", f"{PODS_PATH}?resourceVersion=9999"), 1.0)
    assert [Frame(2.0, End.FIN)] == list(response.frames)
    assert 2.0 == response.due


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
    ],
)
def test_refusals(code: int, reason: str) -> None:
    """A refusal answers requests with a Status; open watches go on."""
    of = server({"fault": "refuse", "at": 3.0, "code": code, "seconds": 2})
    response = ask(of, 3.0)
    (body, _end) = [frame.data for frame in response.frames]
    assert isinstance(body, bytes)
    assert (code, code, reason) == (
        response.status,
        json.loads(body)["code"],
        json.loads(body)["reason"],
    )
    assert (10, 20.5, End.DONE) == last(of)
    assert 200 == ask(of, 5.0).status


def test_too_many_requests() -> None:
    """429 is the one of priority and fairness: text, Retry-After, no Status."""
    of = server({"fault": "refuse", "at": 0, "code": 429, "retry_after_seconds": 2})
    response = ask(of, 0.5)
    assert (429, "2", "text/plain; charset=utf-8") == (
        response.status,
        response.headers["Retry-After"],
        response.headers["Content-Type"],
    )
    assert b"Too many requests, please try again later.\n" == next(response.frames).data


def test_retry_after_of_other_refusals() -> None:
    """Any refusal may say when to come back; without it there is no such header."""
    of = server({"fault": "refuse", "at": 0, "code": 503, "retry_after_seconds": 7})
    assert "7" == ask(of, 0.5).headers["Retry-After"]
    assert "Retry-After" not in ask(server({"fault": "refuse", "at": 0, "code": 503}), 0.5).headers


def test_an_error_in_the_stream() -> None:
    """An ERROR event ends an open watch cleanly, with its Status."""
    of = server({"fault": "error", "at": 3.5, "code": 500, "retry_after_seconds": 3})
    (*_, line, end) = frames(of)
    assert isinstance(line.data, bytes)
    value = json.loads(line.data)
    assert ("ERROR", 500, 3) == (
        value["type"],
        value["object"]["code"],
        value["object"]["details"]["retryAfterSeconds"],
    )
    assert (3.5, 3.5, End.DONE) == (line.due, end.due, end.data)


def test_an_expiry_in_the_stream() -> None:
    """An error without a code is 410 Expired."""
    (*_, line, _end) = frames(server({"fault": "error", "at": 3.5}))
    assert isinstance(line.data, bytes)
    assert (410, "Expired") == (
        json.loads(line.data)["object"]["code"],
        json.loads(line.data)["object"]["reason"],
    )


def test_a_malformed_line() -> None:
    """A line that cannot be read stands between two events, and the watch goes on."""
    found = frames(server({"fault": "malformed", "after_change": 3, "line": "{oops"}))
    assert (3.0, b"{oops\n") == (found[3].due, found[3].data)
    assert (12, End.DONE) == (len(found), found[-1].data)


def test_silence() -> None:
    """A silent server ends nothing and sends nothing, on connections that were open."""
    of = server({"fault": "silence", "at": 3.5})
    assert (3, 3.5, End.HANG) == last(of)
    assert (10, 24.0, End.DONE) == last(of, at=4.0)


def test_forgetting() -> None:
    """A restart empties the window: a version from before it is 410, open watches go on."""
    of = server({"fault": "forget", "at": 5.0})
    assert (10, 20.5, End.DONE) == last(of)
    (line, _end) = frames(of, at=5.0)
    assert isinstance(line.data, bytes)
    assert "too old resource version: 1000 (1005)" == json.loads(line.data)["object"]["message"]


def test_a_shrunk_window() -> None:
    """A window of three events forgets the fourth last, however fresh."""
    (line, _end) = frames(server(window_events=3), at=10.0)
    assert isinstance(line.data, bytes)
    assert "too old resource version: 1000 (1007)" == json.loads(line.data)["object"]["message"]


def test_faults_are_seen_in_order() -> None:
    """A server gives its faults with their moments, in order."""
    of = server({"fault": "cut", "at": 3.5}, {"fault": "forget", "after_change": 2})
    assert [(2.0, "Forget"), (3.5, "Cut")] == [(at, type(f).__name__) for at, f in of.timed]


@pytest.mark.parametrize(
    "entry",
    [
        {"fault": "flood", "at": 1},
        {"at": 1},
        {"fault": "cut", "when": 1},
        {"fault": "cut", "at": "soon"},
        {"fault": "cut", "at": 1, "away_seconds": -1},
        {"fault": "cut", "at": 1, "away_seconds": float("nan")},
        {"fault": "cut", "at": 1, "how": "kick"},
        {"fault": "refuse", "at": 1},
        {"fault": "refuse", "at": 1, "code": 200},
        {"fault": "error", "at": 1, "code": 1000},
        "cut",
        7,
        None,
    ],
)
def test_scenarios_that_cannot_be_read(entry: Any) -> None:
    """What is no fault is refused in a sentence."""
    with pytest.raises(ScenarioError, match=r"this is no scenario: ."):
        faults.parse([entry])


@pytest.mark.parametrize(
    ("reason", "entry"),
    [
        ("Cut wants one of at and after_change", {"fault": "cut"}),
        ("Cut wants one of at and after_change", {"fault": "cut", "at": 1, "after_change": 1}),
        ("expected seconds from 0 on", {"fault": "silence", "at": -1}),
        ("expected seconds from 0 on", {"fault": "silence", "at": float("nan")}),
        ("expected seconds from 0 on", {"fault": "silence", "at": float("inf")}),
        ("there is no change 0; this history has 10", {"fault": "error", "after_change": 0}),
        ("there is no change 11; this history has 10", {"fault": "error", "after_change": 11}),
    ],
)
def test_moments_that_are_none(reason: str, entry: dict[str, Any]) -> None:
    """A fault at no moment of the history is refused in a sentence."""
    with pytest.raises(ScenarioError, match=reason):
        server(entry)


def test_faults_made_in_python() -> None:
    """A fault may be given as an object, and is checked like one that was read."""
    cut = faults.Cut(at=1.0)
    assert (cut,) == faults.parse([cut])
    with pytest.raises(ScenarioError, match="this is no scenario"):
        faults.parse([faults.Cut(at=1.0, away_seconds=-5.0)])


def test_what_strikes_watches_leaves_a_waiting_list_alone() -> None:
    """A list that waits for a resourceVersion gets no line of a watch into its body."""
    for fault in ({"fault": "error", "at": 2.0}, {"fault": "malformed", "at": 2.0}):
        of = server(fault)
        response = of.respond(Request.parse("GET", f"{PODS_PATH}?resourceVersion=9999"), 1.0)
        body, end = [frame.data for frame in response.frames]
        assert isinstance(body, bytes)
        assert (504, str(len(body)), End.DONE) == (
            response.status,
            response.headers["Content-Length"],
            end,
        )
