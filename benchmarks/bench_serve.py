"""What ``serve`` costs: an event, a list, fifty clients; beside a real kube-apiserver.

The server runs in a process of its own. The client is a socket that counts lines, the same one for
both servers; a real one speaks TLS, and ``serve`` does not. The burst is made on the real server,
and ``serve`` replays that recording: the same bytes an event.

    python -m benchmarks.bench_serve FILE | OBJECTS CHANGES

is the process that serves: a recording, or a history that is made.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

from benchmarks.bench_types import Timed
from kwlab import recording, wire
from kwlab.history import from_recording
from kwlab.made import made_evenly
from kwlab.recording import Header, Item, RecordedChange, Recording, ResourceEntry
from kwlab.server.serve import Served
from tests.histories import PODS_PATH, pods

if TYPE_CHECKING:
    from tests.realserver import RealServer

EVENTS: Final = 4000
CLIENTS: Final = 50
LISTED: Final = 5000
BURST: Final = 1000
SPEED: Final = 1e6
"""So that every change is past when somebody asks."""

Items: TypeAlias = tuple[Item, ...]
Changes: TypeAlias = tuple[RecordedChange, ...]

_open = contextlib.ExitStack()
atexit.register(_open.close)


@dataclass(frozen=True, slots=True)
class Asked:
    """Say where to ask for what."""

    port: int
    target: str
    context: ssl.SSLContext | None = None
    token: str = ""

    def connect(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self.port), 60)
        if self.context is None:
            return opened
        return self.context.wrap_socket(opened, server_hostname="127.0.0.1")

    @property
    def head(self) -> bytes:
        lines = [f"GET {self.target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"Authorization: Bearer {self.token}"] if self.token else []
        return "\r\n".join([*lines, "", ""]).encode()


def read_lines(asked: Asked, count: int) -> float:
    """Read so many lines of one answer; give the seconds from the question to the last."""
    with contextlib.closing(asked.connect()) as opened:
        start = time.perf_counter()
        opened.sendall(asked.head)
        found, last = 0, b""
        while found < count:
            data = opened.recv(262_144)
            assert data, f"{found} lines came, not {count}"
            # What ends with CR LF is of HTTP.
            found += data.count(b"\n") - (last + data).count(b"\r\n")
            last = data[-1:] if data.endswith(b"\r") else b""
        return time.perf_counter() - start


def serving(*arguments: object) -> tuple[int, str]:
    """Start a server in a process of its own; give its port and where to watch from."""
    command = [sys.executable, "-m", "benchmarks.bench_serve", *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    _open.enter_context(process)
    assert process.stdin is not None and process.stdout is not None
    _open.callback(process.stdin.close)
    port, version = process.stdout.readline().split()
    # The clock begins at the first question.
    read_lines(Asked(int(port), f"{PODS_PATH}?limit=1"), 1)
    return int(port), version


@functools.cache
def made() -> Asked:
    port, version = serving(50, EVENTS)
    query = f"watch=1&timeoutSeconds=1000000&resourceVersion={version}"
    return Asked(port, f"{PODS_PATH}?{query}")


def one_raw_client() -> Timed:
    """Send a past of many changes to one client that counts lines."""
    return functools.partial(read_lines, made(), EVENTS)


def fifty_raw_clients() -> Timed:
    """Send the same to fifty clients at once."""
    return functools.partial(all_at_once, made(), EVENTS)


def all_at_once(asked: Asked, count: int) -> None:
    """Let fifty clients read."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(read_lines, [asked] * CLIENTS, [count] * CLIENTS))


def official_reader() -> Timed:
    """Send it to the official client's Watch."""
    from kubernetes import watch
    from kubernetes.client import ApiClient, Configuration, CoreV1Api

    asked = made()
    path, _, query = asked.target.partition("?")
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{asked.port}"
    api = CoreV1Api(ApiClient(configuration))
    namespace, version = path.split("/")[4], query.rpartition("=")[2]

    def once() -> None:
        stream: Any = watch.Watch()
        events = stream.stream(api.list_namespaced_pod, namespace, resource_version=version)
        for _ in zip(range(EVENTS), events, strict=False):
            pass
        events.close()

    return once


@functools.cache
def listed() -> Asked:
    port, _ = serving(LISTED, 10)
    return Asked(port, PODS_PATH)


def a_long_list() -> Timed:
    """List five thousand pods."""
    return functools.partial(read_lines, listed(), 1)


def long_lists() -> Timed:
    """List them fifty times at once."""
    return functools.partial(all_at_once, listed(), 1)


# ---- beside the real one


@dataclass(frozen=True, slots=True)
class Burst:
    """Hold what a real server has or had: where to ask it for that, and the recording of it."""

    real: Asked
    file: Path


@functools.cache
def real_server() -> RealServer:
    from tests.realserver import RealServer

    return _open.enter_context(RealServer())


def asked_of(server: RealServer, target: str) -> Asked:
    port = urlsplit(server.url).port
    assert port is not None
    context = ssl.create_default_context(cafile=str(server.authority))
    return Asked(port, target, context, server.tokens["admin"])


def saved(
    server: RealServer, namespace: str, version: str, items: Items, changes: Changes = ()
) -> Path:
    """Save what a real server has or sends as a recording."""
    pod_type = (ResourceEntry("pods", "Pod"),)
    header = Header(recording.VERSION, namespace, server.version, "", namespace, version, pod_type)
    folder = Path(_open.enter_context(tempfile.TemporaryDirectory()))
    file = folder / f"{namespace}.jsonl"
    recording.save(Recording(header, items, changes), file)
    return file


def pod_named(name: str) -> dict[str, Any]:
    container = {"name": "web", "image": "registry.example/web:1"}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}}


@functools.cache
def burst() -> Burst:
    """Make many changes on a real server, and record them."""
    server = real_server()
    namespace = server.new_namespace("burst")
    version = server.core.list_namespaced_pod(namespace).metadata.resource_version
    for number in range(10):
        server.core.create_namespaced_pod(namespace, pod_named(f"web-{number}"))
    for number in range(BURST - 10):
        labels = {"metadata": {"labels": {"change": str(number)}}}
        server.core.patch_namespaced_pod(f"web-{number % 10}", namespace, labels)
    target = f"/api/v1/namespaces/{namespace}/pods"
    query = f"watch=1&timeoutSeconds=2&resourceVersion={version}"
    events = [wire.WatchEvent(line.data + b"\n") for line in server.ask(f"{target}?{query}").lines]
    assert BURST == len(events)
    items = [Item("pods", wire.identify(e.object_bytes), e.object_bytes) for e in events]
    changes = tuple(
        RecordedChange(0.001 * number, event.type, item)
        for number, (event, item) in enumerate(zip(events, items, strict=True))
    )
    file = saved(server, namespace, version, (), changes)
    long = f"{target}?watch=1&timeoutSeconds=600&resourceVersion={version}"
    return Burst(asked_of(server, long), file)


def burst_from_serve() -> Timed:
    """Replay the burst from ``serve``."""
    asked = burst().real
    port, _ = serving(burst().file)
    target = asked.target.replace("timeoutSeconds=600", "timeoutSeconds=1000000")
    return functools.partial(read_lines, Asked(port, target), BURST)


def burst_from_the_real_one() -> Timed:
    """Replay the burst from the window of a real kube-apiserver."""
    return functools.partial(read_lines, burst().real, BURST)


@functools.cache
def crowd() -> Burst:
    """Make many pods on a real server, and record them."""
    server = real_server()
    namespace = server.new_namespace("crowd")
    with ThreadPoolExecutor(8) as pool:
        bodies = (pod_named(f"web-{number}") for number in range(LISTED))
        for _ in pool.map(lambda b: server.core.create_namespaced_pod(namespace, b), bodies):
            pass
    target = f"/api/v1/namespaces/{namespace}/pods"
    page = wire.ListPage.parse(server.ask(target).body)
    objects = [wire.with_kind("v1", "Pod", item) for item in page.items]
    assert LISTED == len(objects)
    items = tuple(Item("pods", wire.identify(data), data) for data in objects)
    file = saved(server, namespace, page.resource_version, items)
    return Burst(asked_of(server, target), file)


def long_list_from_serve() -> Timed:
    """List from ``serve`` the pods that a real server has."""
    port, _ = serving(crowd().file)
    return functools.partial(read_lines, Asked(port, crowd().real.target), 1)


def long_list_from_the_real_one() -> Timed:
    """List them from a real kube-apiserver."""
    return functools.partial(read_lines, crowd().real, 1)


def main(arguments: list[str]) -> None:
    """Serve until the standard input ends; print the port and where to watch from."""
    match arguments:
        case [file]:
            past = from_recording(recording.load(file))
        case [objects, changes]:
            model = pods(existing=("a",))
            past = made_evenly(model, objects=int(objects), changes=int(changes), seconds=1.0)
    with Served(past, speed=SPEED) as served:
        print(served.port, past.resource_version, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
