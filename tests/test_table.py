"""The Table that kubectl prints: each row as a real server makes it, and the envelope around it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import pytest

from kwlab.made import Step
from kwlab.server.ages import human_duration
from kwlab.server.apiserver import ApiServer
from kwlab.server.exchange import Request, Response
from kwlab.server.pod_printer import print_pod
from kwlab.server.watchcache import WatchCache
from tests.histories import PODS_PATH, pods

TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
BETA: Final = "application/json;as=Table;v=v1beta1;g=meta.k8s.io"
STEPS: Final = (
    Step(2.0, "modify", "a"),
    Step(3.0, "add", "m", resource="configmaps"),
    Step(4.0, "delete", "a"),
)
PAST: Final = pods(*STEPS, existing=("a", "b"), seconds=100.0)
NOW: Final = datetime.fromisoformat("2026-11-23T06:00:00Z")


def ask(target: str, accept: str = TABLE, *, at: float = 1.0, past: Any = PAST) -> Response:
    return ApiServer(WatchCache(past)).respond(Request.parse("GET", target, accept), at)


def body(response: Response) -> bytes:
    return b"".join(frame.data for frame in response.frames if isinstance(frame.data, bytes))


def table(target: str, accept: str = TABLE, *, at: float = 1.0, past: Any = PAST) -> Any:
    response = ask(target, accept, at=at, past=past)
    assert (200, "application/json") == (response.status, response.headers["Content-Type"])
    return json.loads(body(response))


def lines(target: str, *, at: float = 1.0) -> list[Any]:
    return [json.loads(line) for line in body(ask(target, at=at)).splitlines()]


# ---- the envelope


def test_a_list_is_a_table() -> None:
    """Kind, resourceVersion, columns and rows, each row with its object's metadata."""
    listed = json.loads(body(ask(PODS_PATH, "")))
    printed = table(PODS_PATH)
    assert ("Table", "meta.k8s.io/v1") == (printed["kind"], printed["apiVersion"])
    assert listed["metadata"] == printed["metadata"]
    names = ["Name", "Ready", "Status", "Restarts", "Age", "IP", "Node", "Nominated Node"]
    assert [*names, "Readiness Gates"] == [each["name"] for each in printed["columnDefinitions"]]
    assert [0] * 5 + [1] * 4 == [each["priority"] for each in printed["columnDefinitions"]]
    assert ["a", "b"] == [row["cells"][0] for row in printed["rows"]]
    for row, item in zip(printed["rows"], listed["items"], strict=True):
        assert len(printed["columnDefinitions"]) == len(row["cells"])
        assert ("PartialObjectMetadata", "meta.k8s.io/v1", item["metadata"]) == (
            row["object"]["kind"],
            row["object"]["apiVersion"],
            row["object"]["metadata"],
        )


def test_a_get_is_a_table_of_one_row() -> None:
    """Its resourceVersion is the object's own."""
    printed = table(f"{PODS_PATH}/b")
    (row,) = printed["rows"]
    assert row["object"]["metadata"]["resourceVersion"] == printed["metadata"]["resourceVersion"]


def test_pages_and_selectors_are_those_of_the_list() -> None:
    """A Table has the list's own `continue`, and only what a selector takes."""
    first = table(f"{PODS_PATH}?limit=1")
    assert 1 == first["metadata"]["remainingItemCount"]
    second = table(f"{PODS_PATH}?limit=1&continue={first['metadata']['continue']}")
    assert ["b"] == [row["cells"][0] for row in second["rows"]]
    assert [] == table(f"{PODS_PATH}?labelSelector=app%3Dnone")["rows"]


@pytest.mark.parametrize(
    ("included", "kind"),
    [("", "PartialObjectMetadata"), ("Metadata", "PartialObjectMetadata"), ("Object", "Pod")],
)
def test_what_a_row_carries(included: str, kind: str) -> None:
    """Metadata unless asked otherwise; the whole object has its own bytes."""
    answer = body(ask(f"{PODS_PATH}/b?includeObject={included}"))
    assert kind == json.loads(answer)["rows"][0]["object"]["kind"]
    assert (body(ask(f"{PODS_PATH}/b", "")).rstrip() in answer) is (kind == "Pod")


def test_a_row_that_carries_nothing() -> None:
    """`includeObject=None` leaves null, and other words are refused."""
    assert None is table(f"{PODS_PATH}/b?includeObject=None")["rows"][0]["object"]
    response = ask(f"{PODS_PATH}?includeObject=x")
    message = json.loads(body(response))["message"]
    assert 400 == response.status
    assert 'includeObject: Invalid value: "x": must be' in message


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_metadata_alone(version: str) -> None:
    """A get, a list and a watch give objects' metadata and nothing else of them."""
    one = f"application/json;as=PartialObjectMetadata;v={version};g=meta.k8s.io"
    many = one.replace("Metadata;", "MetadataList;")
    head = {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}"}
    whole = json.loads(body(ask(f"{PODS_PATH}/b", "")))["metadata"]
    alone = {**head, "metadata": whole}
    listed = json.loads(body(ask(PODS_PATH, many)))
    assert alone == json.loads(body(ask(f"{PODS_PATH}/b", one)))
    assert ("PartialObjectMetadataList", alone) == (listed["kind"], listed["items"][1])
    watched = body(ask(f"{PODS_PATH}?watch=1&timeoutSeconds=5&allowWatchBookmarks=1", one))
    objects = [json.loads(line)["object"] for line in watched.splitlines()]
    assert alone in objects
    assert {("kind", "apiVersion", "metadata")} == {tuple(each) for each in objects}
    nobody = body(ask(f"{PODS_PATH}?labelSelector=app%3Dno", many))
    assert None is json.loads(nobody)["items"]


def test_metadata_in_a_form_that_does_not_fit() -> None:
    """A list is no object, an object no list, and a watch of lists ends as it begins."""
    one = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    many = one.replace("Metadata;", "MetadataList;")
    for asked, accept, reason in (
        (
            PODS_PATH,
            one,
            "PartialObjectMetadata, but the requested object is a list (*core.PodList)",
        ),
        (
            f"{PODS_PATH}/b",
            many,
            "PartialObjectMetadataList, but the requested object is not a list (*core.Pod)",
        ),
    ):
        refused = json.loads(body(ask(asked, accept)))
        assert (406, f"you requested {reason}") == (refused["code"], refused["message"])
    assert b"" == body(ask(f"{PODS_PATH}?watch=1&timeoutSeconds=5", many))


def test_a_watch_is_a_table_an_event() -> None:
    """Columns stand in the first one only, whatever type it has; each has one row."""
    first, *later = lines(f"{PODS_PATH}?watch=1&timeoutSeconds=5")
    said = [
        (
            event["type"],
            event["object"]["rows"][0]["cells"][0],
            event["object"]["columnDefinitions"],
        )
        for event in later
    ]
    assert "Table" == first["object"]["kind"]
    assert 9 == len(first["object"]["columnDefinitions"])
    assert [("ADDED", "b", None), ("MODIFIED", "a", None), ("DELETED", "a", None)] == said
    versions = [event["object"]["metadata"]["resourceVersion"] for event in (first, *later)]
    carried = [
        event["object"]["rows"][0]["object"]["metadata"]["resourceVersion"]
        for event in (first, *later)
    ]
    assert carried == versions


def test_the_end_mark_of_a_watch_list_is_kept() -> None:
    """A bookmark is a Table of an empty row; its annotation is there even where None is asked."""
    query = "watch=1&timeoutSeconds=9&allowWatchBookmarks=1&includeObject=None"
    marks = [each for each in lines(f"{PODS_PATH}?{query}") if each["type"] == "BOOKMARK"]
    (mark,), (plain,) = marks[0]["object"]["rows"], marks[1]["object"]["rows"]
    assert ["", "0/0", "", "0", "<unknown>"] == mark["cells"][:5]
    assert {"k8s.io/initial-events-end": "true"} == mark["object"]["metadata"]["annotations"]
    assert None is plain["object"]


def test_an_error_in_the_stream_is_no_table() -> None:
    """A Status goes out as it is."""
    (error,) = lines(f"{PODS_PATH}?watch=1&resourceVersion=1")
    assert ("ERROR", "Status", 410) == (
        error["type"],
        error["object"]["kind"],
        error["object"]["code"],
    )


def test_an_older_client_gets_the_older_group() -> None:
    """v1beta1 is still spoken, in the Table and in its rows."""
    printed = table(PODS_PATH, f"{BETA},application/json")
    assert "meta.k8s.io/v1beta1" == printed["apiVersion"]
    assert "meta.k8s.io/v1beta1" == printed["rows"][0]["object"]["apiVersion"]


def test_the_age_is_the_recordings() -> None:
    """AGE is counted to the recording's own time, and unknown where nobody knows that."""
    ages = [table(f"{PODS_PATH}/b", at=at)["rows"][0]["cells"][4] for at in (1.0, 90.0)]
    young, old = (int(age.removesuffix("s")) for age in ages)
    assert 89 == old - young
    for recorded in ("", "yesterday"):
        nameless = replace(PAST, recorded=recorded)
        assert "<unknown>" == table(PODS_PATH, past=nameless)["rows"][0]["cells"][4]
    naive = replace(PAST, recorded=PAST.recorded.removesuffix("+00:00"))
    assert ages[0] == table(f"{PODS_PATH}/b", past=naive)["rows"][0]["cells"][4]


# ---- pods, as printPod of kubernetes 1.37 does it


def ended(code: int = 0, **more: Any) -> dict[str, Any]:
    return {"state": {"terminated": {"exitCode": code, **more}}}


def waiting(reason: str = "") -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason}}}


RUNNING: Final = {"ready": True, "state": {"running": {}}}
STOPPED_READY: Final = {"ready": False, "state": {"running": {}}}
READY: Final = [{"type": "Ready", "status": "True"}]


def pod(
    *containers: dict[str, Any],
    init: tuple[dict[str, Any], ...] = (),
    sidecars: tuple[str, ...] = (),
    phase: str = "Running",
    deleted: bool = False,
    **status: Any,
) -> bytes:
    metadata: dict[str, Any] = {"name": "p", "creationTimestamp": "2026-11-23T05:59:00Z"}
    if deleted:
        metadata["deletionTimestamp"] = "2026-11-23T05:59:30Z"
    of_init = [{"name": f"i{number}", **each} for number, each in enumerate(init)]
    restart = [{"restartPolicy": "Always"} if one["name"] in sidecars else {} for one in of_init]
    spec = {
        "containers": [{"name": f"c{number}"} for number in range(len(containers))],
        "initContainers": [
            {"name": one["name"], **policy} for one, policy in zip(of_init, restart, strict=True)
        ],
    }
    said = {
        "phase": phase,
        "initContainerStatuses": of_init,
        "containerStatuses": [{"name": f"c{n}", **each} for n, each in enumerate(containers)],
        **status,
    }
    return json.dumps({"metadata": metadata, "spec": spec, "status": said}).encode()


GATED: Final = [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]
INITIALIZED: Final = [{"type": "Initialized", "status": "True"}]


@pytest.mark.parametrize(
    ("data", "ready", "status"),
    [
        (pod(RUNNING, RUNNING), "2/2", "Running"),
        (pod(STOPPED_READY), "0/1", "Running"),
        (pod(phase="Pending"), "0/0", "Pending"),
        (pod(phase="Pending", conditions=GATED), "0/0", "SchedulingGated"),
        (pod(phase="Failed", reason="Evicted"), "0/0", "Evicted"),
        (pod(waiting("ContainerCreating"), phase="Pending"), "0/1", "ContainerCreating"),
        (pod(RUNNING, waiting("CrashLoopBackOff")), "1/2", "CrashLoopBackOff"),
        # The first container has the last word.
        (pod(waiting("A"), waiting("B")), "0/2", "A"),
        (pod(ended(reason="Completed"), phase="Succeeded"), "0/1", "Completed"),
        (pod(ended(1, reason="Error"), phase="Failed"), "0/1", "Error"),
        (pod(ended(137)), "0/1", "ExitCode:137"),
        (pod(ended(137, signal=9)), "0/1", "Signal:9"),
        (pod(ended(reason="Completed"), RUNNING, conditions=READY), "1/2", "Running"),
        (pod(ended(reason="Completed"), RUNNING), "1/2", "NotReady"),
        (pod(ended(reason="Completed"), ended(1, reason="Error")), "0/2", "Error"),
        # Initialisation.
        (pod({}, init=(ended(), {}), phase="Pending"), "0/1", "Init:1/2"),
        (pod({}, init=(waiting("PodInitializing"),)), "0/1", "Init:0/1"),
        (pod({}, init=(waiting("ImagePullBackOff"),)), "0/1", "Init:ImagePullBackOff"),
        (pod({}, init=(ended(1, reason="Error"),)), "0/1", "Init:Error"),
        (pod({}, init=(ended(2),)), "0/1", "Init:ExitCode:2"),
        (pod({}, init=(ended(2, signal=15),)), "0/1", "Init:Signal:15"),
        (pod(RUNNING, init=(ended(),)), "1/1", "Running"),
        (pod(RUNNING, init=({},), conditions=INITIALIZED), "1/1", "Init:0/1"),
        # Sidecars count, and do not hold initialisation up once they have started.
        (
            pod(RUNNING, init=({"started": True, "ready": True},), sidecars=("i0",)),
            "2/2",
            "Running",
        ),
        (pod(RUNNING, init=({"started": True},), sidecars=("i0",)), "1/2", "Running"),
        (pod({}, init=({"started": False},), sidecars=("i0",)), "0/2", "Init:0/1"),
        # The end.
        (pod(RUNNING, deleted=True), "1/1", "Terminating"),
        (pod(RUNNING, deleted=True, reason="NodeLost"), "1/1", "Unknown"),
        (pod(ended(reason="Completed"), phase="Succeeded", deleted=True), "0/1", "Completed"),
        (pod(ended(1, reason="Error"), phase="Failed", deleted=True), "0/1", "Error"),
    ],
)
def test_ready_and_status_of_a_pod(data: bytes, ready: str, status: str) -> None:
    """READY counts containers and sidecars; STATUS is what hinders it most."""
    cells = print_pod(data, NOW).cells
    assert ("p", ready, status, "1m") == (*cells[:3], cells[4].replace("60s", "1m"))  # type: ignore[union-attr]


def restarted(count: int, finished: str = "") -> dict[str, Any]:
    last = {"terminated": {"exitCode": 1, "finishedAt": finished}} if finished else {}
    return {**RUNNING, "restartCount": count, "lastState": last}


@pytest.mark.parametrize(
    ("data", "restarts"),
    [
        (pod(RUNNING), "0"),
        (pod(restarted(2)), "2"),
        (pod(restarted(2, "2026-11-23T05:55:00Z")), "2 (5m ago)"),
        (
            pod(restarted(1, "2026-11-23T05:00:00Z"), restarted(2, "2026-11-23T05:59:50Z")),
            "3 (10s ago)",
        ),
        # Once all is initialised, only sidecars' restarts count with the containers'.
        (pod(restarted(1), init=({**ended(), "restartCount": 5},)), "1"),
        (
            pod(
                restarted(1),
                init=({"started": True, "restartCount": 5},),
                sidecars=("i0",),
            ),
            "6",
        ),
        (pod({"restartCount": 9}, init=({"restartCount": 3},)), "3"),
    ],
)
def test_restarts_of_a_pod(data: bytes, restarts: str) -> None:
    """RESTARTS says how many, and how long ago the last one was."""
    assert restarts == print_pod(data, NOW).cells[3]


def test_the_wide_columns_of_a_pod() -> None:
    """IP, node, nominated node and readiness gates, `<none>` where there is none."""
    assert ("<none>",) * 4 == tuple(print_pod(pod(RUNNING), NOW).cells[5:])
    whole = json.loads(pod(podIPs=[{"ip": "10.0.0.1"}], nominatedNodeName="n2", conditions=READY))
    gates = [{"conditionType": "Ready"}, {"conditionType": "Other"}]
    whole["spec"] |= {"nodeName": "n1", "readinessGates": gates}
    cells = print_pod(json.dumps(whole).encode(), NOW).cells
    assert ("10.0.0.1", "n1", "n2", "1/2") == tuple(cells[5:])


@pytest.mark.parametrize(("phase", "count"), [("Running", 0), ("Succeeded", 1), ("Failed", 1)])
def test_a_finished_pod_says_so(phase: str, count: int) -> None:
    """The row of a finished pod has the condition Completed."""
    found = print_pod(pod(phase=phase), NOW).conditions
    assert [("Completed", phase)] * count == [(one["type"], one["reason"]) for one in found]


# ---- ages


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-2, "<invalid>"),
        (-1, "0s"),
        (0.9, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (8 * 3600, "8h"),
        (48 * 3600 - 1, "47h"),
        (48 * 3600, "2d"),
        (51 * 3600, "2d3h"),
        (8 * 86400, "8d"),
        (730 * 86400, "2y"),
        (731 * 86400, "2y1d"),
        (2920 * 86400, "8y"),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    """Two or three figures, at the borders of apimachinery's HumanDuration."""
    assert expected == human_duration(seconds)
