"""Clients that nobody here wrote, unmodified: a list, a watch, two cuts and an outage each.

What is asserted is what each really asked and delivered, its own habits included. The official
``Watch`` stands in ``test_serve``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import aiohttp
import httpx
import httpx2
import kopf
import kr8s.asyncio
import kubernetes.config
import kubernetes_asyncio
import lightkube
import pytest
from kubernetes.client import CoreV1Api
from kubernetes.informer import SharedInformer
from lightkube.config.kubeconfig import KubeConfig
from lightkube.resources.core_v1 import Pod

from kwlab.log import Close, Request
from kwlab.server.discovery import is_about_objects
from kwlab.server.serve import Served
from kwlab.wire import WatchEvent
from tests.apart import run_apart
from tests.histories import NAMESPACE, shipped
from tests.realserver import ClientGo, watching_client

PAST: Final = shipped("pods-churn")
SCENARIO: Final = (
    {"fault": "cut", "at": 15},
    {"fault": "cut", "at": 40, "how": "reset"},
    {"fault": "cut", "at": 80, "away_seconds": 10},
)
SPEED: Final = 60.0
LONG: Final = 30.0
"""A few real seconds is what anything here takes; after so many the test has failed."""

Told: TypeAlias = tuple[str, str, str]
"""Type, name and resourceVersion of an event."""

CHANGES: Final[list[Told]] = [
    (str(change.type), change.object.name, change.object.resource_version)
    for change in PAST.changes
]
LAST: Final = CHANGES[-1][2]


@pytest.fixture
def served() -> Iterator[Served]:
    with Served(PAST, SCENARIO, speed=SPEED) as one:
        yield one


def watches(served: Served) -> list[Request]:
    """Give the requests that opened a watch of pods, in order."""
    asked = (request for request in served.requests if request.path.endswith("/pods"))
    return [one for one in asked if dict(one.query).get("watch", "").lower() == "true"]


def versions(served: Served) -> list[str | None]:
    """Give the resourceVersions that were watched from."""
    return [dict(request.query).get("resourceVersion") for request in watches(served)]


def handed(before: float) -> str:
    """Give the resourceVersion of the last change before a moment: what a correct client holds."""
    return CHANGES[PAST.happened(before) - 1][2]


def resumed(served: Served) -> bool:
    """Tell whether each watch went on from the last line of the one before it."""
    expected, asked = None, watches(served)
    for request, version in zip(asked, versions(served), strict=True):
        if expected not in {None, version}:
            return False
        lines = [line for _, line in request.sent]
        expected = WatchEvent(lines[-1].rstrip()).resource_version if lines else version
    return len(asked) >= 3


# ---- kubectl


@pytest.fixture
def kubectl(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    program = kubernetes_cli()

    def run(served: Served, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [program, "--kubeconfig", str(served.kubeconfig), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"HOME": str(tmp_path), "KUBECACHEDIR": str(tmp_path / "cache")},
        )

    return run


def kubernetes_cli() -> str:
    """Find the kubectl of the wheel, and no other."""
    import sysconfig

    return str(Path(sysconfig.get_path("scripts")) / "kubectl")


def said(process: subprocess.Popen[str]) -> str:
    """Give what a command that succeeded printed."""
    out, error = process.communicate(timeout=LONG)
    assert (0, "") == (process.returncode, error)
    return out


Kubectl: TypeAlias = Callable[..., "subprocess.Popen[str]"]


def cells(printed: str) -> list[list[str]]:
    return [line.split() for line in printed.splitlines()]


def test_kubectl_asks_what_there_is(kubectl: Kubectl) -> None:
    """Version, resources and health are answered, and no time begins."""
    with Served(PAST) as served:
        assert "Server Version: v1.36.0+kwlab\n" in said(kubectl(served, "version"))
        assert [
            ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"],
            ["namespaces", "ns", "v1", "false", "Namespace"],
            ["pods", "po", "v1", "true", "Pod"],
        ] == cells(said(kubectl(served, "api-resources")))
        assert "ok" == said(kubectl(served, "get", "--raw", "/readyz"))
        assert 0.0 == served.now()
        assert not any(is_about_objects(request.path) for request in served.requests)


def test_kubectl_gets_pods(kubectl: Kubectl) -> None:
    """READY, STATUS and AGE, the wide columns, labels and JSON are those of a real server."""
    names = [f"web-{number}" for number in range(10)]
    with Served(PAST, speed=1e-3) as served:
        head, *rows = cells(said(kubectl(served, "get", "pods")))
        assert ["NAME", "READY", "STATUS", "RESTARTS", "AGE"] == head
        assert [[name, "0/1", "Running", "0", "0s"] for name in names] == rows
        wide = cells(said(kubectl(served, "get", "po", "web-0", "-o", "wide")))
        assert ["web-0", "0/1", "Running", "0", "0s", "10.244.0.181"] == wide[1][:6]
        labelled = said(kubectl(served, "get", "pods", "-l", "app=web", "-o", "name"))
        assert [f"pod/{name}" for name in names] == labelled.split()
        none = kubectl(served, "get", "pods", "-l", "app=none")
        assert ("", f"No resources found in {NAMESPACE} namespace.\n") == none.communicate()
        version = "jsonpath={.items[*].metadata.resourceVersion}"
        recorded = {item.name: item.resource_version for item in PAST.objects}
        got = said(kubectl(served, "get", "pods", "-o", version)).split()
        assert [recorded[name] for name in names] == got


def test_kubectl_prints_the_age_at_the_recordings_time(kubectl: Kubectl) -> None:
    """AGE is counted to the moment of the recording, whatever day it is."""
    with Served(PAST, speed=50) as served:
        said(kubectl(served, "get", "pods"))
        assert served.wait_until(100.0, timeout_seconds=LONG)
        _, *rows = cells(said(kubectl(served, "get", "pod", "job-30")))
        now = served.now()
    # job-30 came at 85.016; it is printed somewhere between 100 and now.
    age = int(rows[0][-1].removesuffix("s"))
    assert 100 - 86 <= age <= now - 85


def test_kubectl_describes_a_pod(kubectl: Kubectl) -> None:
    """`describe` prints the pod; there are no events to show."""
    with Served(PAST) as served:
        printed = said(kubectl(served, "describe", "pod", "web-0"))
    assert "IP:           10.244.0.181\n" in printed
    assert printed.endswith("Events:          <none>\n")


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        ("delete pod web-0", "Error from server (MethodNotAllowed): the server does not allow"),
        ("get deployments", 'error: the server doesn\'t have a resource type "deployments"'),
        ("explain pods", "Error from server (NotFound): the server could not find the requested"),
        ("logs web-0", "Error from server (NotFound): the server could not find the requested"),
    ],
)
def test_kubectl_is_refused(command: str, refusal: str, kubectl: Kubectl) -> None:
    """What the server does not do, kubectl says in one sentence of its own."""
    with Served(PAST) as served:
        out, error = kubectl(served, *command.split()).communicate(timeout=LONG)
    assert "" == out
    assert refusal in error


def test_kubectl_watches_until_it_is_cut(kubectl: Kubectl) -> None:
    """`get -w` prints the list and each change, ends with its connection, and does not resume."""
    scenario = [*SCENARIO[:2], {"fault": "cut", "at": 41, "away_seconds": 1000}]
    with Served(PAST, scenario, speed=15) as served:
        first, second = (cells(said(kubectl(served, "get", "pods", "-w"))) for _ in range(2))
        assert served.wait_until(41.5, timeout_seconds=LONG)
        away = kubectl(served, "get", "pods", "-w")
        out, error = away.communicate(timeout=LONG)
    assert ("", 1) == (out, away.returncode)
    assert f"The connection to the server 127.0.0.1:{served.port} was refused" in error
    head = ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert head == first[0] == second[0]
    listed = [f"web-{number}" for number in range(10)]
    changed = [name for _, name, _ in CHANGES[: PAST.happened(15)]]
    assert [*listed, *changed] == [row[0] for row in first[1:]]
    asked = [int(version or 0) for version in versions(served)]
    assert PAST.resource_version == str(asked[0])
    assert int(handed(15)) <= asked[1]
    assert 1 == second.count(head)


def test_kubectl_watches_one_pod(kubectl: Kubectl) -> None:
    """`get NAME -w` shows the pod, then each change of it and of no other."""
    with Served(PAST, [{"fault": "cut", "at": 60}], speed=SPEED) as served:
        rows = cells(said(kubectl(served, "get", "pod", "web-9", "-w")))
    got, watched = served.requests[-2:]
    assert ("fieldSelector", "metadata.name=web-9") in watched.query
    assert got.path.endswith("/pods/web-9")
    expected = 2 + sum(name == "web-9" for _, name, _ in CHANGES[: PAST.happened(60)])
    assert {"web-9"} == {row[0] for row in rows[1:]}
    # The watch at "0" begins with what kubectl has just shown; it shows that once.
    assert expected == len(rows)
    assert "Terminating" in {row[2] for row in rows}


def test_kubectl_waits_through_cuts_and_an_outage(kubectl: Kubectl) -> None:
    """`wait` is client-go's informer: a WatchList, then resumed from what it was handed."""
    gone = next(c for c in PAST.changes if c.object.name == "web-9" and c.type == "DELETED")
    scenario = [
        {"fault": "cut", "at": 15},
        {"fault": "cut", "at": 40, "how": "reset"},
        {"fault": "cut", "at": gone.at - 1, "away_seconds": 2},
    ]
    with Served(PAST, scenario, speed=20) as served:
        waiting = kubectl(served, "wait", "--for=delete", "pod/web-9", "--timeout=20s")
        # What client-go logs of short watches goes to standard error.
        printed, _ = waiting.communicate(timeout=LONG)
        assert served.now() > gone.at
    assert ("pod/web-9 condition met\n", 0) == (printed, waiting.returncode)
    lists = ["sendInitialEvents" in dict(request.query) for request in watches(served)]
    first, *later = versions(served)
    # Cut, it resumes; away for longer, it lists again, from what it was handed.
    assert [True, False] == lists[:2]
    assert None is first
    assert sorted(map(int, filter(None, later))) == [int(version or 0) for version in later]
    assert watches(served)[-1].at >= gone.at + 1


# ---- Python


@contextlib.contextmanager
def quiet(*names: str) -> Iterator[None]:
    """Keep what a client logs of every cut out of the test's own output."""
    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in loggers:
            logger.disabled = False


def test_the_official_shared_informer() -> None:
    """The official informer lists once, then resumes from what it was handed."""
    told: list[Told] = []
    done = threading.Event()

    def note(kind: str) -> Callable[[Any], None]:
        def handler(pod: Any) -> None:
            told.append((kind, pod.metadata.name, pod.metadata.resource_version))
            if pod.metadata.resource_version == LAST:
                done.set()

        return handler

    with quiet("kubernetes.informer.informer", "urllib3.connectionpool"):
        with Served(PAST, SCENARIO, speed=SPEED) as served:
            api_client = kubernetes.config.new_client_from_config(str(served.kubeconfig))
            api = CoreV1Api(api_client)
            informer = SharedInformer(api.list_namespaced_pod, namespace=NAMESPACE)
            for kind in ("ADDED", "MODIFIED", "DELETED"):
                informer.add_event_handler(kind, note(kind))
            informer.start()
            assert done.wait(LONG)
            # It waits for its connection, which ends with the server.
            stopping = threading.Thread(target=informer.stop)
            stopping.start()
        stopping.join(LONG)
        assert not stopping.is_alive()
        api_client.rest_client.pool_manager.clear()
    assert [("ADDED", f"web-{number}") for number in range(10)] == [one[:2] for one in told[:10]]
    assert CHANGES == told[10:]
    assert resumed(served)


async def with_kubernetes_asyncio(served: Served) -> list[Told]:
    """List, then watch for ever: a cut raises, and who wants to go on asks from what it has."""
    told: list[Told] = []
    configuration = kubernetes_asyncio.client.Configuration()
    await kubernetes_asyncio.config.load_kube_config(
        str(served.kubeconfig), client_configuration=configuration
    )
    async with kubernetes_asyncio.client.ApiClient(configuration) as api_client:
        api = kubernetes_asyncio.client.CoreV1Api(api_client)
        listed = await api.list_namespaced_pod(NAMESPACE)
        version = listed.metadata.resource_version
        while not told or told[-1][2] != LAST:
            watch = kubernetes_asyncio.watch.Watch()
            stream = watch.stream(api.list_namespaced_pod, NAMESPACE, resource_version=version)
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                async for event in stream:
                    pod = event["object"]
                    version = pod.metadata.resource_version
                    told.append((event["type"], pod.metadata.name, version))
                    if version == LAST:
                        await watch.close()
                        break
            await asyncio.sleep(0)
    return told


async def with_kr8s(served: Served) -> list[Told]:
    """Find the resource by discovery, then watch; a cut raises, and the caller goes on."""
    told: list[Told] = []
    api = await kr8s.asyncio.api(kubeconfig=str(served.kubeconfig), namespace=NAMESPACE)
    pods = [pod async for pod in api.get("pods")]
    version = max((pod.metadata.resourceVersion for pod in pods), key=int)
    while not told or told[-1][2] != LAST:
        with contextlib.suppress(httpx.HTTPError, kr8s.APITimeoutError):
            async with contextlib.aclosing(api.async_watch("pods", since=version)) as stream:
                async for kind, pod in stream:
                    version = pod.metadata.resourceVersion
                    told.append((kind, pod.name, version))
                    if version == LAST:
                        break
    return told


async def with_lightkube(served: Served) -> list[Told]:
    """List, then watch with the client's own retries; refused, it raises all the same."""
    told: list[Told] = []
    client = lightkube.AsyncClient(config=KubeConfig.from_file(served.kubeconfig))
    listed = client.list(Pod, namespace=NAMESPACE)
    _ = [pod async for pod in listed]
    version = listed.resourceVersion
    while not told or told[-1][2] != LAST:
        with contextlib.suppress(httpx2.ConnectError):
            stream = client.watch(
                Pod,
                namespace=NAMESPACE,
                resource_version=version,
                on_error=lightkube.types.on_error_retry,
            )
            async with contextlib.aclosing(stream):
                async for kind, pod in stream:
                    version = pod.metadata.resourceVersion
                    told.append((kind, pod.metadata.name, version))
                    if version == LAST:
                        break
    await client.close()
    return told


async def with_kopf(served: Served) -> list[Told]:
    """An operator with one handler of events; kopf lists, watches and resumes by itself."""
    told: list[Told] = []
    registry, stop = kopf.OperatorRegistry(), asyncio.Event()

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server=served.url)

    @kopf.on.event("pods", registry=registry)
    async def note(type: str | None, name: str, meta: Any, **_: Any) -> None:
        told.append((type or "LISTED", name, meta["resourceVersion"]))
        if meta["resourceVersion"] == LAST:
            stop.set()

    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.networking.error_backoffs = [0.05] * 100
    await kopf.operator(
        registry=registry,
        settings=settings,
        namespaces=[NAMESPACE],
        standalone=True,
        stop_flag=stop,
    )
    return told


Client: TypeAlias = Callable[[Served], Coroutine[Any, Any, list[Told]]]


# kr8s says of each new Kubernetes that it has not tried it.
@pytest.mark.filterwarnings("ignore:Kubernetes version v1.36:UserWarning")
@pytest.mark.parametrize("client", [with_kubernetes_asyncio, with_kr8s, with_lightkube])
def test_clients_that_resume(client: Client, served: Served) -> None:
    """Fed with what they were handed, they are told each change once, and in order."""
    told = run_apart(client(served), LONG)
    assert CHANGES == told
    assert resumed(served)
    assert 2 <= sum(request.close is Close.CUT for request in watches(served))


def test_kopf(served: Served) -> None:
    """kopf finds pods by discovery and resumes; of a burst a handler is told the last event."""
    with quiet("kopf._cogs.clients.watching"):
        told = run_apart(with_kopf(served), LONG)
    assert resumed(served)
    events = [event for event in told if event[0] != "LISTED"]
    assert len(told) > len(events) == len(set(events))
    assert set(events) <= set(CHANGES)
    last = {change.object.uid: change.object.resource_version for change in PAST.changes}
    # What has just changed may still wait to be batched when kopf is stopped.
    settled = {c.object.resource_version for c in PAST.changes if c.at < PAST.changes[-1].at - 30}
    assert set(last.values()) & settled <= {version for _, _, version in told}


# ---- client-go, through the rig's program


def told_by(ran: ClientGo) -> list[Told]:
    return [(line["type"], line["name"], line["resourceVersion"]) for line in ran.of("event")]


def client_go(served: Served, kind: str, *more: str) -> contextlib.AbstractContextManager[ClientGo]:
    where = ("--kubeconfig", str(served.kubeconfig), "--namespace", NAMESPACE)
    return watching_client(kind, *where, *more)


def has_last(ran: ClientGo) -> bool:
    return any(line["resourceVersion"] == LAST for line in ran.of("event"))


@pytest.fixture
def slowly_served() -> Iterator[Served]:
    """RetryWatcher pauses for a second, which must not be longer than from cut to cut."""
    with Served(PAST, SCENARIO, speed=SPEED / 2) as one:
        yield one


@pytest.mark.needs("rig")
def test_the_correct_retrywatcher(slowly_served: Served) -> None:
    """client-go's RetryWatcher delivers each change once, in order, from the list on."""
    served = slowly_served
    with client_go(served, "retrywatcher", "--function", "correct") as ran:
        ran.wait_for(has_last, "the last change")
    assert CHANGES == told_by(ran)
    assert resumed(served)


@pytest.mark.needs("rig")
def test_the_wrong_retrywatcher(slowly_served: Served) -> None:
    """With a function that drops its options the same RetryWatcher replays, and loses deletions."""
    served = slowly_served
    with client_go(served, "retrywatcher", "--function", "wrong") as ran:
        ran.wait_for(has_last, "the last change")
    told = told_by(ran)
    assert {None} == set(versions(served)[1:])
    assert [] != [one for one in told if one[2] not in {version for _, _, version in CHANGES}]
    gone = {change for change in CHANGES if change[0] == "DELETED"}
    assert [] != sorted(gone - set(told))


@pytest.mark.needs("rig")
def test_the_informer_of_client_go(served: Served) -> None:
    """An informer begins with a WatchList, resumes after each cut, and ends with what exists."""
    with client_go(served, "informer") as ran:
        ran.wait_for(has_last, "the last change")
    first, *later = (dict(request.query) for request in watches(served))
    assert ("true", None) == (first["sendInitialEvents"], first.get("resourceVersion"))
    assert all(query.get("resourceVersion") for query in later)
    believed: set[str] = set()
    for kind, name, _ in told_by(ran):
        (believed.discard if kind == "DELETED" else believed.add)(name)
    exist = {item.name for item in PAST.state(len(PAST.changes)).values()}
    assert exist == believed
