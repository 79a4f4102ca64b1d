"""List, watch, resume, relist: each rule over the real client, and each end."""

from __future__ import annotations

import doctest
import io
import itertools
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, Final

import pytest
import urllib3
from kubernetes import client

import kwlab
from kwlab import errors
from kwlab.history import History
from kwlab.log import Origin
from kwlab.made import Step
from kwlab.server.serve import Served
from kwlab.watching import reflector as reflector_module
from kwlab.watching import reflectoroptions
from kwlab.watching.observer import Delivered, Gap, Listed, ListFailed, ReflectorRecord
from kwlab.watching.reflector import Reflector
from kwlab.watching.reflectoroptions import ReflectorOptions
from kwlab.watching.retryoptions import Backoff, RetryOptions
from kwlab.watching.store import ReflectorEvent, Store, differences
from kwlab.wire import EventType, WatchEvent, event_line
from tests.histories import NAMESPACE, pods, shipped
from tests.reflecting import existing, holds, run, short
from tests.scripted_server import Script, ScriptedServer, line
from tests.test_retrywatcher import FakeClock

# What happens while nobody watches: one of each, and "a" stays as it is.
WHILE_AWAY = (
    Step(1.0, "modify", "a"),
    Step(11.0, "modify", "b"),
    Step(12.0, "delete", "c"),
    Step(12.5, "delete", "d"),
    Step(13.0, "add", "d"),
    Step(13.5, "add", "e"),
    Step(30.0, "delete", "e"),
)
PAST = pods(*WHILE_AWAY, existing=("a", "b", "c", "d"), seconds=60.0)
EXPIRED = {
    "ERROR event": [
        {"fault": "cut", "at": 10.0, "away_seconds": 5.0},
        {"fault": "forget", "at": 14.0},
    ],
    "HTTP status": [
        {"fault": "cut", "at": 10.0},
        {"fault": "refuse", "at": 10.0, "seconds": 5.0, "code": 410},
    ],
}
LISTED = [("list", "ADDED", name) for name in "abcd"]
RELISTED = [
    ("inferred", "DELETED", "c"),
    ("inferred", "DELETED", "d"),
    ("relist", "MODIFIED", "b"),
    ("relist", "ADDED", "d"),
    ("relist", "ADDED", "e"),
]
WATCHED = [("watch", "MODIFIED", "a"), ("watch", "DELETED", "e")]


# ---- what is delivered


def test_pods_churn_gives_its_list_its_changes_and_what_exists() -> None:
    """Without faults: 10 objects listed, 215 changes watched, and the store is what is left."""
    found = run(shipped("pods-churn"))

    assert {Origin.LIST: 10, Origin.WATCH: 215} == Counter(e.origin for e in found.events)
    assert _objects(found.past) == _believed(found.reflector)
    assert 14 == len(found.reflector.store)


@pytest.mark.parametrize("at", [15.0, 40.0, 90.0])
def test_pods_churn_with_its_window_lost_ends_the_same(at: float) -> None:
    """Cut, away and forgotten at any moment, what is believed in the end is what exists."""
    scenario = [
        {"fault": "cut", "at": at, "away_seconds": 10.0},
        {"fault": "forget", "at": at + 9.0},
    ]
    found = run(shipped("pods-churn"), scenario)

    holds(found)
    assert {Origin.LIST, Origin.WATCH, Origin.RELIST, Origin.INFERRED} == {
        event.origin for event in found.events
    }


@pytest.mark.parametrize("use_watch_list", [False, True])
@pytest.mark.parametrize("form", EXPIRED)
def test_a_relist_delivers_the_difference(form: str, use_watch_list: bool) -> None:
    """After a 410 in either form: what is gone, then what is new or changed, and nothing else."""
    found = run(PAST, EXPIRED[form], options=ReflectorOptions(use_watch_list=use_watch_list))

    assert [*LISTED, WATCHED[0], *RELISTED, WATCHED[1]] == found.told
    holds(found)


def test_an_inferred_deletion_carries_the_last_known_object() -> None:
    """Of what is gone the last state is told; a recreation has another uid."""
    found = run(PAST, EXPIRED["ERROR event"])
    told = {(e.origin.value, e.type.value, e.name): e for e in found.events}
    gone, back = told["inferred", "DELETED", "d"], told["relist", "ADDED", "d"]

    assert told["list", "ADDED", "d"].object_bytes == gone.object_bytes
    assert told["list", "ADDED", "d"].uid == gone.uid != back.uid


def test_the_bytes_of_an_object_are_the_servers() -> None:
    """A list's items are told as they came, without the kind that the list itself carries."""
    found = run(PAST)
    of_list, of_watch = found.events[0], found.events[-1]

    front = b'{"kind":"Pod","apiVersion":"v1",'
    assert b"{" + PAST.objects[0].data.removeprefix(front) == of_list.object_bytes
    assert PAST.changes[-1].object.data == of_watch.object_bytes


def test_a_gap_is_told_with_its_ends_its_length_and_its_cause() -> None:
    """The observer learns from where to where changes were not seen, for how long, and why."""
    found = run(PAST, EXPIRED["ERROR event"])

    # Cut at 10, refused at 10, 11, 12.6 and 15.8 − 3.2; at 15.8 expired, listed 0.8 later.
    assert [Gap("1001", "1006", pytest.approx(6.6), "410 Expired")] == found.gaps


def test_an_observer_sees_lists_attempts_and_every_event() -> None:
    """Lists are records as attempts are, and no event is delivered that is not one."""
    found = run(PAST, EXPIRED["ERROR event"])

    delivered = [record.event.line for record in found.records if isinstance(record, Delivered)]
    assert [event.line for event in found.events] == delivered
    assert [
        Listed(0.0, 0.0, "", "1000", objects_total=4, requests_total=1),
        Listed(16.6, 16.6, "1001", "1006", objects_total=4, requests_total=1),
    ] == [_rounded(record) for record in found.records if isinstance(record, Listed)]


# ---- what is asked


def test_lists_and_watches_are_asked_as_client_go_asks() -> None:
    """First from the cache, then not older than what is known, and each watch from its list."""
    found = run(PAST, EXPIRED["ERROR event"])

    assert ["list 0", "watch 1000", "watch 1001", "list 1001", "watch 1006"] == found.asked
    # A page at a bare resourceVersion would be one of exactly that past.
    lists = [dict(r.query) for r in found.session.requests if short(r).startswith("list")]
    assert ["NotOlderThan"] * 2 == [query["resourceVersionMatch"] for query in lists]


def test_a_refused_list_names_no_resource_version() -> None:
    """A list that is expired is asked again at once, in pages, for whatever is newest."""
    options = ReflectorOptions(page_size=2)
    found = run(PAST, EXPIRED["HTTP status"], options=options)

    assert ["list 0", "watch 1000", "watch 1001", "list 1001", "list"] == found.asked[:5]
    # In pages: four objects, two a page.
    assert ["list", "continue", "watch 1006"] == found.asked[-3:]
    assert {"2"} == {dict(r.query)["limit"] for r in found.session.requests if "list" == short(r)}


def test_a_watch_list_is_asked_not_older_than_what_is_known() -> None:
    """WatchList asks for initial events and bookmarks, first of the newest state there is."""
    options = ReflectorOptions(use_watch_list=True, watch_list_deadline_seconds=9.5)
    found = run(PAST, EXPIRED["ERROR event"], options=options)

    first = dict(found.session.requests[0].query)
    assert {
        "watch": "true",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "10",
    } == first
    assert ["watchlist", "watch 1000", "watch 1001", "watchlist 1001"] == found.asked[:4]


def test_a_watch_draws_its_timeout() -> None:
    """Between 5 and 10 minutes, each watch its own."""
    drawn = iter([0.0, 0.5, 0.25])
    options = ReflectorOptions(random=lambda: next(drawn))
    with ScriptedServer([listed("7"), {"chunks": [], "end": "cut"}, opened()]) as server:
        with reflector_at(server, replace(options, clock=FakeClock(), random=options.random)) as it:
            server.when_idle = it.stop
            assert [] == list(it)
        # 0.8 of the idle timer's 150 s is the longest of them, where no bookmark has come.
        assert ["60", "90"] == [query["timeoutSeconds"] for query in server.requests[1:]]


def test_a_watch_is_as_long_as_chosen_once_bookmarks_come() -> None:
    """Or where there is no idle timer that a quiet watch could run into."""
    bookmark = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}\n'
    connects = [listed("7"), opened(added("a", "8"), end="cut"), opened(bookmark, end="cut")]
    for idle, timeouts in ((150.0, ["60", "60", "300"]), (None, ["300"] * 3)):
        options = ReflectorOptions(
            clock=FakeClock(), random=lambda: 0.0, retry=RetryOptions(idle_seconds=idle)
        )
        with ScriptedServer([*connects, opened()]) as server, reflector_at(server, options) as it:
            server.when_idle = lambda it=it, server=server: _stop_at_the_last(it, server)  # type: ignore[misc]
            list(it)
        assert timeouts == [query["timeoutSeconds"] for query in server.requests[1:]]


@pytest.mark.parametrize("random", [0.0, 0.999])
def test_a_quiet_watch_without_bookmarks_is_no_dead_one(random: float) -> None:
    """Where nothing comes for an hour but clean ends, none is taken for silence."""
    asked: list[int] = []
    idle = RetryOptions().idle_seconds
    assert idle is not None

    clock = FakeClock()
    options = ReflectorOptions(clock=clock, random=lambda: random)
    connects = [listed("7"), *[opened(end="clean")] * 30, opened()]
    with ScriptedServer(connects) as server:
        api = api_at(server.url)

        def method(**given: Any) -> Any:
            if given.get("watch"):
                asked.append(given["timeout_seconds"])
                clock.time += given["timeout_seconds"]
            return api.list_namespaced_pod("lab", **given)

        with Reflector(method, options=options) as reflector:
            server.when_idle = lambda: _stop_at_the_last(reflector, server)
            assert [] == list(reflector)
    assert 31 == len(asked)
    assert max(asked) <= 0.8 * idle


def test_selectors_go_into_every_request() -> None:
    """A selector is in the list, in the watch and in the relist."""
    found = run(PAST, EXPIRED["ERROR event"], label_selector="app=web")

    asked = [dict(request.query).get("labelSelector") for request in found.session.requests]
    assert ["app=web"] * 5 == asked


def test_only_one_namespace_is_listed() -> None:
    """What stands in front goes to the method."""
    past = pods(existing=("a", "elsewhere/b"), seconds=10.0)
    assert [("list", "ADDED", "a")] == run(past).told


# ---- over a real connection: pages, fallbacks, WatchList


def object_bytes(name: str, version: str, uid: str = "") -> bytes:
    return b'{"metadata":{"name":"%s","uid":"%s","resourceVersion":"%s"}}' % (
        name.encode(),
        (uid or name).encode(),
        version.encode(),
    )


def listed(version: str, *names: str, token: str = "") -> dict[str, Any]:
    items = b",".join(object_bytes(name, "1") for name in names)
    head = b'"resourceVersion":"%s"' % version.encode()
    if token:
        head += b',"continue":"%s"' % token.encode()
    return answered(b'{"kind":"PodList","metadata":{%s},"items":[%s]}' % (head, items))


def answered(body: bytes) -> dict[str, Any]:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    return {"raw": head % len(body) + body}


def refused(code: int, reason: str = "", *causes: str) -> dict[str, Any]:
    details = {"causes": [{"reason": cause} for cause in causes]}
    return {"fail": {"kind": "http", "code": code, "reason": reason, "details": details}}


def opened(*lines: bytes, end: str = "open") -> dict[str, Any]:
    return {"chunks": list(lines), "end": end}


def end_bookmark(version: str) -> bytes:
    return (
        b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%s",'
        b'"annotations":{"k8s.io/initial-events-end":"true"}}}}\n' % version.encode()
    )


def error(code: int, reason: str, *causes: str) -> bytes:
    how = {"code": code, "reason": reason, "details": {"causes": [{"reason": c} for c in causes]}}
    return line({"type": "ERROR", "status": how})


def added(name: str, version: str = "1") -> bytes:
    return event_line(EventType.ADDED, object_bytes(name, version))


EXPIRED_WATCH = opened(error(410, "Expired"), end="clean")


def reflector_at(server: ScriptedServer, options: ReflectorOptions, **selectors: Any) -> Reflector:
    return Reflector(api_at(server.url).list_namespaced_pod, "lab", options=options, **selectors)


def api_at(url: str) -> client.CoreV1Api:
    configuration = client.Configuration(host=url)
    configuration.retries = False
    return client.CoreV1Api(client.ApiClient(configuration))


def reflect(
    connects: Script, *, clock: FakeClock | None = None, **options: Any
) -> tuple[list[str], list[str], list[ReflectorRecord], Reflector]:
    """Reflect until the last of the script is left open: what was told, asked and observed."""
    records: list[ReflectorRecord] = []
    chosen = ReflectorOptions(
        clock=clock or FakeClock(), random=lambda: 0.0, observer=records.append, **options
    )
    with ScriptedServer(connects) as server, reflector_at(server, chosen) as reflector:
        server.when_idle = lambda: _stop_at_the_last(reflector, server)
        told = [f"{e.origin.value} {e.type.value} {e.name}" for e in reflector]
        return told, [_asked(query) for query in server.requests], records, reflector


def _stop_at_the_last(reflector: Reflector, server: ScriptedServer) -> None:
    if len(server.requests) == len(server.connects):
        reflector.stop()


def _asked(query: dict[str, str]) -> str:
    kind = "watch" if "watch" in query else "list"
    if "sendInitialEvents" in query:
        kind = "watchlist"
    limit = f" limit={query['limit']}" if "limit" in query else ""
    where = f"at {query.get('resourceVersion', 'newest')}"
    return (
        f"{kind} after {query['continue']}{limit}"
        if "continue" in query
        else f"{kind} {where}{limit}"
    )


def test_pages_make_one_list() -> None:
    """The pages of a list belong together, and the watch begins at their resourceVersion."""
    told, asked, _, _ = reflect([listed("7", "a", token="x"), listed("7", "b"), opened()])

    assert ["list ADDED a", "list ADDED b"] == told
    assert ["list at 0 limit=500", "list after x limit=500", "watch at 7"] == asked


def test_an_expired_page_falls_back_to_a_whole_list() -> None:
    """The rest of a list that has expired does not go with its beginning: it is asked for anew."""
    told, asked, _, _ = reflect(
        [
            listed("7", "a", "gone", token="x"),
            refused(410, "Expired"),
            listed("9", "a", "b"),
            opened(),
        ],
        page_size=2,
    )

    assert ["list ADDED a", "list ADDED b"] == told
    assert ["list at 0 limit=2", "list after x limit=2", "list at 0", "watch at 9"] == asked


def test_a_relist_is_whole_unless_the_first_list_came_in_pages() -> None:
    """A list at a resourceVersion is answered by the watch cache whole; where none is, in pages."""
    whole = [listed("7", "a"), EXPIRED_WATCH, listed("9", "a"), opened()]
    paged = [listed("7", "a", token="x"), listed("7", "b"), *whole[1:]]

    assert "list at 7" == reflect(whole)[1][2]
    assert "list at 7 limit=500" == reflect(paged)[1][3]


TOO_LARGE_IN_WORDS: Final = {
    "kind": "http",
    "code": 504,
    "reason": "Timeout",
    "message": "Timeout: Too large resource version: 9, current: 7",
}
"""What a server before 1.19 says."""


@pytest.mark.parametrize(
    "refusal",
    [
        refused(410, "Expired"),
        refused(504, "Timeout", "ResourceVersionTooLarge"),
        {"fail": TOO_LARGE_IN_WORDS},
    ],
)
def test_a_resource_version_that_is_not_there_is_named_once(refusal: dict[str, Any]) -> None:
    """Expired or too large, it is left out at once, and named again when a list has succeeded."""
    connects = [
        *(listed("7", "a"), EXPIRED_WATCH),
        *(refusal, refused(503), listed("9", "a")),
        *(EXPIRED_WATCH, listed("9", "a"), opened()),
    ]
    clock = FakeClock()
    _, asked, records, _ = reflect(connects, clock=clock)

    assert "list at 7, list at newest limit=500, list at newest limit=500" == ", ".join(asked[2:5])
    assert ["watch at 9", "list at 9", "watch at 9"] == asked[5:]
    (failed,) = [record for record in records if isinstance(record, ListFailed)]
    assert (503, "7", "HTTP 503") == (failed.code, failed.known, failed.why)
    assert ["410 Expired"] * 2 == [record.why for record in records if isinstance(record, Gap)]


def test_a_refusal_in_a_list_is_backed_off_by_the_table() -> None:
    """Failing lists are paced as failing watches are: 1 s, then twice as long each time."""
    clock = FakeClock()
    reflect([*[refused(503)] * 5, listed("7"), opened()], clock=clock)

    assert [1.0, 1.6, 3.2, 6.4, 12.8] == clock.slept


def test_a_list_is_left_alone_for_as_long_as_the_server_asks() -> None:
    """Retry-After holds for lists too."""
    busy = {"fail": {"kind": "http", "code": 429, "no_status": True, "headers": {"Retry-After": 7}}}
    clock = FakeClock()
    reflect([busy, listed("7"), opened()], clock=clock)

    assert [7.0] == clock.slept


def test_a_list_whose_watch_never_gets_anywhere_is_no_hot_loop() -> None:
    """Relists without progress between them back off, and come to an end."""
    clock = FakeClock()
    with pytest.raises(errors.NoProgress, match="10 lists in a row"):
        reflect([listed("7", "a"), EXPIRED_WATCH] * 10, clock=clock)

    assert [1.0, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0] == clock.slept


@pytest.mark.parametrize("form", ["ERROR event", "HTTP status"])
def test_a_quiet_resource_may_expire_for_ever(form: str) -> None:
    """A watch that stood open until it expired was none that got nowhere: nothing adds up."""
    scenario: list[dict[str, Any]] = []
    for at in range(100, 2900, 200):
        if form == "ERROR event":
            scenario.append({"fault": "error", "at": float(at), "code": 410})
        else:
            scenario.append({"fault": "cut", "at": float(at)})
            scenario.append({"fault": "refuse", "at": float(at), "seconds": 0.5, "code": 410})
    found = run(pods(existing=("a",), seconds=3000.0), scenario)

    assert [("list", "ADDED", "a")] == found.told
    assert 14 == len(found.gaps)


def test_the_pauses_between_relists_are_kept_by_the_real_clock() -> None:
    """A watcher that was closed leaves no pause of the reflector's cut short."""
    records: list[ReflectorRecord] = []
    options = ReflectorOptions(observer=records.append, random=lambda: 0.0)
    connects = [
        listed("7", "a"),
        EXPIRED_WATCH,
        listed("7", "a"),
        EXPIRED_WATCH,
        listed("7"),
        opened(),
    ]
    with ScriptedServer(connects) as server, reflector_at(server, options) as reflector:
        server.when_idle = lambda: _stop_at_the_last(reflector, server)
        list(reflector)

    begun = [record.started_at for record in records if isinstance(record, Listed)]
    apart = [later - earlier for earlier, later in itertools.pairwise(begun)]
    assert [pytest.approx(1.0, abs=0.5), pytest.approx(1.6, abs=0.5)] == apart


def test_neither_progress_nor_a_list_takes_the_pause_before_a_list_back() -> None:
    """What a watch delivered before it expired was delivered, and cost the server a whole list."""
    moved = opened(added("b", "8"), error(410, "Expired"), end="clean")
    clock = FakeClock()
    connects = [listed("7", "a"), EXPIRED_WATCH] * 2 + [
        listed("7", "a"),
        moved,
        listed("9"),
        opened(),
    ]
    told, _, _, _ = reflect(connects, clock=clock)

    assert [1.0, 1.6, 3.2] == clock.slept
    assert "inferred DELETED b" == told[-1]


class Expiring(io.BytesIO):
    """Be the body of a watch that lives for so long and expires."""

    def __init__(self, clock: FakeClock, lived_seconds: float) -> None:
        super().__init__(error(410, "Expired"))
        self._clock, self._lived_seconds = clock, lived_seconds

    def read1(self, amount: int | None = -1) -> bytes:
        self._clock.time += self._lived_seconds
        return super().read1(amount)


def paused(lived_seconds: float, random: float = 0.0, **options: Any) -> list[float]:
    """What is waited between the end of each watch, that lives for so long, and the next list."""
    clock, body = FakeClock(), b'{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[]}'

    def method(watch: bool = False, **options: Any) -> urllib3.HTTPResponse:
        content = Expiring(clock, lived_seconds) if watch else io.BytesIO(body)
        return urllib3.HTTPResponse(content, status=200, preload_content=False)

    def observe(record: ReflectorRecord) -> None:
        if isinstance(record, Gap) and len(clock.slept) == 8:
            reflector.stop()

    chosen = ReflectorOptions(clock=clock, random=lambda: random, observer=observe, **options)
    reflector = Reflector(method, options=chosen)
    assert [] == list(reflector)
    return clock.slept


def test_watches_that_expire_soon_are_no_storm_of_lists() -> None:
    """Each watch lives its second and expires: the pause doubles up to the back-off's longest."""
    assert [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0] == paused(1.2)


def test_two_minutes_take_the_pause_back() -> None:
    """A list and its watch that lasted as long as client-go asks for show a server in health."""
    assert [0.8] * 8 == paused(120.0)
    assert [0.8, 1.6, 3.2] == paused(119.0)[:3]
    assert [0.8] * 8 == paused(119.0, backoff_reset_seconds=119.0)


def test_where_all_watches_expire_at_once_the_lists_do_not_come_at_once() -> None:
    """The pause is between once and twice the back-off, by each client's own random number."""
    assert [0.8, 1.2, 1.6] == [paused(120.0, random)[0] for random in (0.0, 0.5, 1.0)]


def test_without_a_back_off_there_is_no_pause() -> None:
    """Whoever switches the back-off off lists at once, where the last list was long ago."""
    assert [0.0] * 8 == paused(120.0, retry=RetryOptions(backoff=None))


def test_a_watch_list_is_what_was_sent_before_its_end_bookmark() -> None:
    """Initial events, and changes among them, are compared as a list is; then it is watched."""
    stream = opened(
        added("a"),
        added("b"),
        event_line(EventType.MODIFIED, object_bytes("a", "6")),
        event_line(EventType.DELETED, object_bytes("b", "7")),
        end_bookmark("7"),
    )
    connects = [stream, opened(added("c", "8"), end="clean"), opened()]
    told, asked, _, reflector = reflect(connects, use_watch_list=True)

    assert ["list ADDED a", "watch ADDED c"] == told
    assert "6" == reflector.store["", "a"]["metadata"]["resourceVersion"]
    assert ["watchlist at newest", "watch at 7", "watch at 8"] == asked


@pytest.mark.parametrize(
    "answer",
    [
        refused(422, "Invalid"),
        refused(400, "BadRequest"),
        opened(added("ghost"), end="clean"),
        opened(added("ghost")),
    ],
    ids=["422", "400", "no end bookmark", "silence"],
)
def test_a_watch_list_that_does_not_come_is_listed_once_and_for_all(answer: dict[str, Any]) -> None:
    """Refused, or without its end bookmark until the deadline: a list, and no second try."""
    records: list[ReflectorRecord] = []
    options = ReflectorOptions(
        use_watch_list=True,
        watch_list_deadline_seconds=0.2,
        clock=FakeClock(),
        random=lambda: 0.0,
        observer=records.append,
    )
    connects = [answer, listed("7", "a"), EXPIRED_WATCH, listed("9", "b"), opened()]
    with ScriptedServer(connects) as server, reflector_at(server, options) as reflector:
        told = []
        for event in reflector:
            told.append(f"{event.origin.value} {event.type.value} {event.name}")
            if len(told) == 3:
                break
        asked = [_asked(query) for query in server.requests]

    assert ["list ADDED a", "inferred DELETED a", "relist ADDED b"] == told
    assert ["watchlist at newest", "list at 0 limit=500", "watch at 7", "list at 7"] == asked[:4]


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        *[(refused(code), "list at 7") for code in (404, 405, 501)],
        *[(refused(code), "watchlist at 7") for code in (403, 500, 502, 503, 504)],
        (opened(added("ghost"), error(500, "InternalError"), end="clean"), "watchlist at 7"),
    ],
)
def test_a_watch_list_that_is_refused_is_listed_at_once(answer: dict[str, Any], again: str) -> None:
    """Whatever the refusal; the next time it is tried again, unless the server knows none."""
    clock = FakeClock()
    connects = [answer, listed("7", "a"), EXPIRED_WATCH, opened()]
    told, asked, _, _ = reflect(connects, clock=clock, use_watch_list=True)

    assert ["list ADDED a"] == told
    assert ["watchlist at newest", "list at 0 limit=500", "watch at 7", again] == asked
    assert [1.0] == clock.slept


def test_a_watch_list_that_a_list_would_not_mend() -> None:
    """Who is not known is not known to a list, and who is busy is not asked for more."""
    with pytest.raises(errors.Denied), ScriptedServer([refused(401)]) as server:
        list(reflector_at(server, ReflectorOptions(clock=FakeClock(), use_watch_list=True)))
    assert ["true"] == [query.get("sendInitialEvents") for query in server.requests]

    busy = [refused(429), opened(error(429, "TooManyRequests"), end="clean")] * 6
    _, asked, _, _ = reflect([*busy, opened(end_bookmark("7")), opened()], use_watch_list=True)
    assert ["watchlist at newest"] * 13 + ["watch at 7"] == asked


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_a_server_that_says_later_is_listed_for_ever(code: int) -> None:
    """An overloaded server, or a balancer with none behind it, says nothing of what exists."""
    told, asked, _, _ = reflect([*[refused(code)] * 12, listed("7", "a"), opened()])

    assert (["list ADDED a"], 14) == (told, len(asked))


def test_a_watch_list_that_goes_on_too_long_is_listed() -> None:
    """An end bookmark that comes after the deadline comes too late."""

    class Slow(FakeClock):
        def now(self) -> float:
            self.time += 1.0
            return self.time

    told, asked, _, _ = reflect(
        [
            opened(*[added(f"p{n}") for n in range(20)], end_bookmark("7")),
            listed("7", "a"),
            opened(),
        ],
        clock=Slow(),
        use_watch_list=True,
        watch_list_deadline_seconds=10.0,
    )

    assert ["list ADDED a"] == told
    assert ["watchlist at newest", "list at 0 limit=500", "watch at 7"] == asked


@pytest.mark.parametrize(
    "answer",
    [
        opened(error(410, "Expired"), end="clean"),
        opened(error(504, "Timeout", "ResourceVersionTooLarge"), end="clean"),
    ],
)
def test_a_watch_list_at_a_resource_version_that_is_not_there(answer: dict[str, Any]) -> None:
    """Expired or too large, in the stream: it is asked again for the newest there is."""
    whole = opened(end_bookmark("7"), end="clean")
    again = opened(added("a"), end_bookmark("9"), end="clean")
    told, asked, _, _ = reflect(
        [whole, EXPIRED_WATCH, answer, again, opened()], use_watch_list=True
    )

    assert ["relist ADDED a"] == told
    assert ["watchlist at 7", "watchlist at newest", "watch at 9"] == asked[2:]


def test_a_watch_list_that_was_cut_is_tried_again() -> None:
    """A cut says nothing about whether the server knows WatchList."""
    clock = FakeClock()
    whole = opened(added("b"), end_bookmark("9"), end="clean")
    connects = [opened(added("a"), end="cut"), whole, opened()]
    told, asked, _, _ = reflect(connects, clock=clock, use_watch_list=True)

    assert ["list ADDED b"] == told
    assert ["watchlist at newest", "watchlist at newest", "watch at 9"] == asked
    assert [1.0] == clock.slept


# ---- acknowledgement, ends, stopping


def test_asking_for_the_next_event_acknowledges_the_last() -> None:
    """It has come as far as the list when all of it is acknowledged, then event by event."""
    connects = [listed("7", "a", "b"), opened(added("c", "8"), added("d", "9"))]
    options = ReflectorOptions(clock=FakeClock())
    with ScriptedServer(connects) as server, reflector_at(server, options) as reflector:
        seen = [(next(reflector).name, reflector.resource_version) for _ in range(4)]

    assert [("a", ""), ("b", ""), ("c", "7"), ("d", "8")] == seen
    assert "8" == reflector.resource_version


def test_the_store_holds_an_event_before_it_is_delivered() -> None:
    """Whoever handles an event finds it in the store, and the whole list it came in."""
    options = ReflectorOptions(clock=FakeClock())
    connects = [listed("7", "a", "b", "c"), opened()]
    with ScriptedServer(connects) as server, reflector_at(server, options) as reflector:
        sizes = [(next(reflector).name, len(reflector.store)) for _ in range(3)]

    assert [("a", 3), ("b", 3), ("c", 3)] == sizes


def test_a_relist_is_in_the_store_before_its_first_event() -> None:
    """Nobody counts some of what is gone, or some of what is new."""
    options = ReflectorOptions(clock=FakeClock())
    connects = [listed("7", "a", "b"), EXPIRED_WATCH, listed("9", "c", "d", "e"), opened()]
    with ScriptedServer(connects) as server, reflector_at(server, options) as reflector:
        seen = [(next(reflector).name, sorted(n for _, n in reflector.store)) for _ in range(7)]

    assert [*["ab"] * 2, *["cde"] * 5] == ["".join(names) for _, names in seen]


@pytest.mark.parametrize("names", ["", "abc"])
def test_sync_returns_when_the_first_list_is_in_the_store(names: str) -> None:
    """Whole or empty; iteration then delivers each event of the list once, and goes on."""
    options = ReflectorOptions(clock=FakeClock())
    connects = [refused(503), listed("7", *names), opened(added("z", "8"))]
    with ScriptedServer(connects) as server, reflector_at(server, options) as reflector:
        assert not reflector.has_synced
        assert reflector.sync()
        assert reflector.has_synced
        assert ([*names], "") == (
            [name for _, name in reflector.store],
            reflector.resource_version,
        )
        assert 2 == len(server.requests)
        told = [next(reflector).name for _ in range(len(names) + 1)]
        assert reflector.sync()

    assert [*names, "z"] == told
    assert ["0", "0", "7"] == server.asked


def test_sync_ends_as_iteration_does() -> None:
    """Typed, and again where it is asked again; silent at the deadline and after stop()."""
    with ScriptedServer([refused(403)]) as server:
        reflector = reflector_at(server, ReflectorOptions(clock=FakeClock()))
        for attempt in (reflector.sync, reflector.sync, lambda: list(reflector)):
            with pytest.raises(errors.Denied):
                attempt()
    assert not reflector.has_synced

    late = ReflectorOptions(clock=FakeClock(), retry=RetryOptions(deadline_seconds=20.0))
    with ScriptedServer([refused(503)]) as server, reflector_at(server, late) as reflector:
        assert (False, []) == (reflector.sync(), list(reflector))


def test_stop_ends_sync() -> None:
    """From another thread, while it waits an hour for the next list."""
    busy = {"fail": {"kind": "http", "code": 429, "headers": {"Retry-After": 3600}}}
    failing = threading.Event()

    def observe(record: ReflectorRecord) -> None:
        failing.set()

    options = ReflectorOptions(observer=observe, retry=RetryOptions(max_retry_after_seconds=None))
    found: list[bool] = []
    with ScriptedServer([busy]) as server, reflector_at(server, options) as reflector:
        thread = threading.Thread(target=lambda: found.append(reflector.sync()))
        thread.start()
        assert failing.wait(10.0)
        reflector.stop()
        thread.join(10.0)
        assert ([False], []) == (found, list(reflector))


def test_close_after_sync_ends_the_iteration() -> None:
    """What the list held is not delivered any more."""
    with ScriptedServer([listed("7", "a")]) as server:
        reflector = reflector_at(server, ReflectorOptions(clock=FakeClock()))
        reflector.sync()
        reflector.close()
        assert [] == list(reflector)


FAILING = {
    "403": ([refused(403, "Forbidden")], errors.Denied, 403),
    "401": ([refused(401, "Unauthorized")], errors.Denied, 401),
    "404": ([refused(404, "NotFound")], errors.NotFound, 404),
    "500 again and again": ([refused(500)] * 10, errors.NoProgress, 500),
    "410 whatever is asked": ([refused(410, "Expired")] * 20, errors.NoProgress, 410),
    "HTML": ([answered(b"<html>welcome</html>")] * 10, errors.ProtocolError, None),
    "no list": ([answered(b'{"kind":"Pod","metadata":{}}')] * 10, errors.ProtocolError, None),
    "a list of numbers": (
        [answered(b'{"kind":"L","metadata":{"resourceVersion":"7"},"items":[1]}')] * 10,
        errors.ProtocolError,
        None,
    ),
    "a list from nowhere": ([listed("", "a")] * 10, errors.ProtocolError, None),
    "a list from anywhere": ([listed("0", "a")] * 10, errors.ProtocolError, None),
}


@pytest.mark.parametrize("what", FAILING)
def test_a_list_that_cannot_succeed_ends_in_a_typed_error(what: str) -> None:
    """Each end of a list has its type, its code, and how far it had come: nowhere."""
    connects, ending, code = FAILING[what]

    with pytest.raises(ending) as raised:
        reflect(connects)

    assert ("", code) == (raised.value.resource_version, raised.value.code)


def test_a_silent_server_ends_as_stalled() -> None:
    """A list that begins and goes no further for ``idle_seconds`` has failed; some are the end."""
    retry = RetryOptions(idle_seconds=0.05, no_progress_limit=3)
    with pytest.raises(errors.Stalled, match="3 lists in a row"):
        reflect([opened(b'{"kind":')] * 4, retry=retry)


def test_a_server_that_gives_no_headers_is_asked_for_ever() -> None:
    """It is as good as absent: there is no limit for it, as there is none for a watch."""
    retry = RetryOptions(idle_seconds=0.05, no_progress_limit=3)
    told, _, _, _ = reflect(
        [*[{"fail": {"kind": "timeout"}}] * 5, listed("7", "a"), opened()], retry=retry
    )

    assert ["list ADDED a"] == told


@pytest.mark.parametrize("version", ["", "0"])
def test_a_watch_list_that_ends_nowhere_is_unreadable(version: str) -> None:
    """No watch could go on from there."""
    with pytest.raises(errors.ProtocolError, match="no resourceVersion"):
        reflect([opened(added("a"), end_bookmark(version))] * 11, use_watch_list=True)


def test_a_server_that_is_away_is_asked_for_ever() -> None:
    """An absent server says nothing about what exists: there is no limit for it."""
    scenario = [{"fault": "cut", "at": 0.0, "away_seconds": 900.0}]
    found = run(pods(existing=("a",), seconds=1000.0), scenario)

    assert [("list", "ADDED", "a")] == found.told
    failed = [record for record in found.records if isinstance(record, ListFailed)]
    assert len(failed) > 20
    assert {30.0} == {round(record.delay_seconds or 0.0, 6) for record in failed[7:]}


def test_an_end_of_the_watch_is_its_own() -> None:
    """What ends a watch for good ends the Reflector, with where it had come to."""
    with pytest.raises(errors.Denied) as raised:
        reflect([listed("7", "a"), opened(added("b", "8"), end="clean"), refused(403)])

    assert "8" == raised.value.resource_version


def test_a_failed_reflector_fails_again() -> None:
    """A second loop over one that has failed is told so again, and does not look finished."""
    options = ReflectorOptions(clock=FakeClock())
    with ScriptedServer([refused(403)]) as server, reflector_at(server, options) as reflector:
        for _ in range(2):
            with pytest.raises(errors.Denied):
                list(reflector)


def test_what_the_method_raises_reaches_the_caller() -> None:
    """A program's own mistake is not repeated once a second."""

    def broken(**options: Any) -> Any:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(Reflector(broken))


def test_it_ends_silently_at_the_deadline() -> None:
    """The deadline counts from the first event that was asked for, over lists and watches."""
    past = pods(*WHILE_AWAY, existing=("a", "b", "c", "d"), seconds=600.0)
    options = ReflectorOptions(retry=RetryOptions(deadline_seconds=20.0))
    found = run(past, EXPIRED["ERROR event"], options=options)

    assert 20.0 == found.session.clock.now()
    assert [*LISTED, WATCHED[0], *RELISTED] == found.told


def test_it_ends_silently_at_the_deadline_in_back_off() -> None:
    """A deadline is not missed because lists fail."""
    options = ReflectorOptions(retry=RetryOptions(deadline_seconds=20.0))
    scenario = [{"fault": "refuse", "at": 0.0, "seconds": 900.0, "code": 503}]
    found = run(pods(existing=("a",), seconds=1000.0), scenario, options=options)

    assert ([], 20.0) == (found.told, found.session.clock.now())


@pytest.mark.parametrize("events", [1, 5, 7])
def test_stop_by_the_consumer_is_silent(events: int) -> None:
    """In the list, in the watch and in the relist: nothing follows the event."""
    whole = run(PAST, EXPIRED["ERROR event"])
    found = run(PAST, EXPIRED["ERROR event"], stop_after=events)

    assert whole.told[:events] == found.told
    assert [] == list(found.reflector)


def stopped_by_a_thread(
    connects: Script, *, once: Callable[[threading.Event], bool], **options: Any
) -> list[str]:
    """Iterate with the real clock in a thread, stop from this one, and see the thread end."""
    told: list[str] = []
    failed: list[BaseException] = []
    with ScriptedServer(connects) as server:
        reflector = reflector_at(server, ReflectorOptions(**options))
        idle = threading.Event()
        server.when_idle = idle.set

        def iterate() -> None:
            try:
                told.extend(event.name for event in reflector)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=iterate)
        thread.start()
        assert once(idle)
        reflector.stop()
        thread.join(timeout=10.0)
        assert not thread.is_alive()
        reflector.close()
    assert [] == failed
    return told


def test_stop_wakes_a_thread_that_reads() -> None:
    """In the middle of a watch, silently."""
    assert ["a"] == stopped_by_a_thread(
        [listed("7", "a"), opened()], once=lambda idle: idle.wait(10.0)
    )


def test_stop_wakes_a_thread_that_waits_for_a_watch_list() -> None:
    """In the middle of the initial events, and no list follows."""
    assert [] == stopped_by_a_thread(
        [opened(added("a"))], once=lambda idle: idle.wait(10.0), use_watch_list=True
    )


def test_stop_wakes_a_thread_that_waits_for_the_headers_of_a_list() -> None:
    """Where the client is prepared for it; else the list's read timeout ends it."""
    with ScriptedServer([{"fail": {"kind": "timeout"}}]) as server:
        api = client.CoreV1Api(kwlab.prepared(api_at(server.url).api_client))
        reflector = Reflector(api.list_namespaced_pod, "lab")
        thread = threading.Thread(target=lambda: list(reflector))
        thread.start()
        while not server.requests:
            thread.join(timeout=0.01)
        reflector.stop()
        thread.join(timeout=10.0)
        assert not thread.is_alive()


def test_stop_wakes_a_thread_that_waits_for_the_next_list() -> None:
    """In back-off, under a Retry-After of an hour."""
    busy = {"fail": {"kind": "http", "code": 429, "headers": {"Retry-After": 3600}}}
    failing = threading.Event()

    def observe(record: ReflectorRecord) -> None:
        if isinstance(record, ListFailed):
            failing.set()

    retry = RetryOptions(max_retry_after_seconds=None)
    told = stopped_by_a_thread(
        [busy], once=lambda _: failing.wait(10.0), observer=observe, retry=retry
    )
    assert [] == told


# ---- real time, real sockets


@pytest.mark.parametrize("use_watch_list", [False, True])
def test_a_reflector_over_http_ends_up_with_what_the_server_has(use_watch_list: bool) -> None:
    """The same over sockets and the real clock: cut, away, forgotten, listed again."""
    records: list[ReflectorRecord] = []
    soon = Backoff(initial_seconds=0.05, max_seconds=0.05)
    retry = RetryOptions(min_restart_delay_seconds=0.05, backoff=soon, deadline_seconds=30.0)
    options = ReflectorOptions(use_watch_list=use_watch_list, observer=records.append, retry=retry)
    with Served(PAST, EXPIRED["ERROR event"], speed=20.0) as served:
        api = api_at(served.url)
        with Reflector(api.list_namespaced_pod, NAMESPACE, options=options) as reflector:
            for _ in reflector:
                if _objects(PAST) == _believed(reflector):
                    break
    assert _objects(PAST) == _believed(reflector)
    assert 1 == len([record for record in records if isinstance(record, Gap)])


# ---- the store


def event(name: str, version: str, kind: EventType = EventType.ADDED, uid: str = "") -> WatchEvent:
    return WatchEvent(event_line(kind, object_bytes(name, version, uid)).rstrip())


def test_a_store_is_a_mapping_of_objects() -> None:
    """Objects by (namespace, name), as in any mapping."""
    store = Store()
    store.apply(event("a", "1"))
    store.apply(event("b", "2"))
    store.apply(event("b", "3", EventType.MODIFIED))

    assert [("", "a"), ("", "b")] == list(store)
    assert "3" == store["", "b"]["metadata"]["resourceVersion"]
    assert ["1", "3"] == [held["metadata"]["resourceVersion"] for held in store.values()]
    assert dict(store.items()) == dict(store) == {key: store[key] for key in store}
    assert ("", "c") not in store
    assert store.get(("", "c")) is None
    store.apply(event("a", "4", EventType.DELETED))
    assert [("", "b")] == list(store)
    assert "<Store of 1 objects>" == repr(store)


@pytest.mark.parametrize("view", ["__iter__", "items", "values"])
def test_a_store_may_change_while_it_is_read(view: str) -> None:
    """Whoever iterates goes on over what there was when it began."""
    store = Store()
    for number in range(3):
        store.apply(event(f"p{number}", "1"))

    reading = iter(getattr(store, view)())
    first = next(reading)
    store.apply(event("p1", "9", EventType.DELETED))
    store.apply(event("p7", "9"))
    store.apply(event("p8", "9"))

    assert 3 == len([first, *reading])


def test_a_store_may_be_read_by_any_thread_while_events_come() -> None:
    """No reader sees a change of size, a missing key, or more than there is."""
    store, is_over, failed = Store(), threading.Event(), list[BaseException]()

    def read() -> None:
        try:
            while not is_over.is_set():
                assert all(key == ("", held["metadata"]["name"]) for key, held in store.items())
                assert len(list(store)) <= 50
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(3_000):
        store.apply(event(f"p{number % 50}", str(number)))
        store.apply(event(f"p{(number + 25) % 50}", str(number), EventType.DELETED))
    is_over.set()
    for thread in threads:
        thread.join()

    assert [] == failed


READS_IN_A_HANDLER: Final = """
import signal
from kwlab.watching.store import Store
from kwlab.wire import WatchEvent

def read(*_):
    store.events()
    signal.setitimer(signal.ITIMER_REAL, 0.0005)

store = Store()
store.apply(WatchEvent(b'{"type":"ADDED","object":{"metadata":{"name":"a"}}}'))
signal.signal(signal.SIGALRM, read)
read()
for _ in range(200_000):
    store.events()
signal.setitimer(signal.ITIMER_REAL, 0)
"""


def test_a_signal_handler_may_read_the_store_that_it_interrupts() -> None:
    """It runs in the thread that was reading, which must not wait for itself."""
    subprocess.run([sys.executable, "-c", READS_IN_A_HANDLER], check=True, timeout=60)


def test_differences_between_nothing_and_nothing() -> None:
    """Nothing is nothing, and what is the same is no event."""
    held = {("", "a"): event("a", "1")}
    assert [] == list(differences({}, {}, origin=Origin.LIST))
    assert [] == list(differences(held, dict(held), origin=Origin.RELIST))


def test_deletions_come_before_what_is_new() -> None:
    """First what is gone, then the list in its order: a name is free before it is taken again."""
    known = {("", name): event(name, "1") for name in "abc"}
    present = {("", name): event(name, "2", uid=uid) for name, uid in (("b", "b2"), ("a", "a"))}

    told = [
        (e.origin.value, e.type.value, e.uid)
        for e in differences(known, present, origin=Origin.RELIST)
    ]
    assert [
        ("inferred", "DELETED", "b"),
        ("inferred", "DELETED", "c"),
        ("relist", "ADDED", "b2"),
        ("relist", "MODIFIED", "a"),
    ] == told


def test_an_event_says_how_it_is_known() -> None:
    """The origin stands in its face."""
    told = ReflectorEvent(event("a", "1").line, Origin.LIST)
    assert "<WatchEvent ADDED a resource_version='1' origin=list>" == repr(told)


# ---- bad input

API = client.CoreV1Api()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Reflector(None), "list method itself, without calling it, and was given None"),
        (lambda: Reflector(client.V1PodList(items=[])), "was given V1PodList"),
        (lambda: Reflector(API.read_namespaced_pod, "a", "b"), "read_namespaced_pod cannot watch"),
        (lambda: Reflector(API.list_namespaced_pod), "missing a required argument: 'namespace'"),
        (lambda: Reflector(API.list_namespaced_pod, "a", labelSelector="x"), "label_selector"),
        (lambda: Reflector(API.list_namespaced_pod, "a", selector="x"), "'selector'"),
        (lambda: Reflector(API.list_namespaced_pod, "a", watch=True), "watch is the Reflector's"),
        (
            lambda: Reflector(API.list_namespaced_pod, "a", resource_version="7"),
            "resource_version is the Reflector's to set",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_asked(
    call: Callable[[], Reflector], says: str
) -> None:
    """One sentence that names what is wrong and what to write."""
    with pytest.raises(errors.WatchFunctionError) as raised:
        call()

    assert says in str(raised.value)
    assert 1 == str(raised.value).count("\n") + 1


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        (None, "returned NoneType"),
        (client.V1PodList(items=[]), "returned V1PodList"),
        ([], "returned list"),
    ],
)
def test_a_method_that_does_not_pass_on_what_it_is_handed(returned: object, says: str) -> None:
    """A wrapper that drops ``_preload_content=False``, or returns nothing, is told so."""
    with pytest.raises(errors.WatchFunctionError, match=says):
        list(Reflector(lambda **options: returned))


def test_options_are_no_selectors() -> None:
    """Only ``options`` is a keyword of the Reflector's own; the rest is the method's."""
    handed: list[dict[str, Any]] = []

    def method(limit_of_mine: str, **options: Any) -> None:
        handed.append(options)

    with pytest.raises(errors.WatchFunctionError):
        list(Reflector(method, limit_of_mine="x", clock="y", observer="z"))
    assert ("y", "z") == (handed[0]["clock"], handed[0]["observer"])


def test_a_read_timeout_of_the_callers_own_is_kept() -> None:
    """What is given to the Reflector is the method's, and stands before what it would choose."""
    handed: list[dict[str, Any]] = []

    def method(**options: Any) -> None:
        handed.append(options)

    for mine in ({}, {"_request_timeout": 7}):
        with pytest.raises(errors.WatchFunctionError):
            list(Reflector(method, **mine))
    assert [150.0, 7] == [options["_request_timeout"] for options in handed]


def test_the_example_of_the_docstring() -> None:
    """What the documentation shows is what comes out."""
    assert 0 == doctest.testmod(reflector_module).failed
    assert 0 == doctest.testmod(reflectoroptions).failed


def test_the_options_table_has_a_row_for_each() -> None:
    """Each option is there once, in order, with its default as one writes it and what it means."""
    rows = reflectoroptions.table()
    assert [field.name for field in fields(ReflectorOptions)] == [row.name for row in rows]
    assert {
        "page_size": "500",
        "watch_seconds": "(300, 600)",
        "retry": "RetryOptions()",
        "random": "random.random",
        "clock": "None",
    }.items() <= {row.name: row.default for row in rows}.items()
    assert all(row.meaning.endswith(".") and not row.strict for row in rows)


def test_the_public_names() -> None:
    """Both are in the package's front."""
    assert (Reflector, ReflectorOptions) == (kwlab.Reflector, kwlab.ReflectorOptions)


def _objects(past: History) -> dict[tuple[str, str], Any]:
    return {key: _bare(json.loads(item.data)) for key, item in existing(past).items()}


def _believed(reflector: Reflector) -> dict[tuple[str, str], Any]:
    return {key: _bare(held) for key, held in reflector.store.items()}


def _bare(held: dict[str, Any]) -> dict[str, Any]:
    """Leave out what an event carries and the item of a list does not."""
    return {name: part for name, part in held.items() if name not in {"kind", "apiVersion"}}


def _rounded(record: Listed) -> Listed:
    return replace(
        record, started_at=round(record.started_at, 3), closed_at=round(record.closed_at, 3)
    )
