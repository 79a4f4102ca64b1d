"""The Tables of pods, and of a type of which we only show name and age, beside a real server's."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from kwlab import wire
from kwlab.history import History, Object, Resource, numbered
from kwlab.server.apiserver import ApiServer
from kwlab.server.exchange import Request
from kwlab.server.watchcache import WatchCache
from kwlab.wire import EventType
from tests.realserver import Answer, RealServer
from tests.rig_recording import path_of

pytestmark = pytest.mark.needs("rig")

TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
BETA: Final = "application/json;as=Table;v=v1beta1;g=meta.k8s.io"
LATER_SECONDS: Final = 1.0
"""After everything has happened."""

# What must differ: a list's own resourceVersion, and a bookmark's, move with what is not recorded,
# and a short age is another one when the second server is asked.
_OWN_VERSION: Final = re.compile(rb'^(\{"kind":"Table"[^{]*\{"resourceVersion":")\d+')
_VERSION: Final = re.compile(rb'("resourceVersion":")\d+')
_SHORT_AGE: Final = re.compile(rb'"\d+(s|m|m\d+s)"')
LONG_AGO: Final = "2020-01-02T03:04:05Z"
PODS: Final = Resource("", "v1", "pods", "Pod")
_CONTAINERS: Final = {"containers": [{"name": "c0", "image": "i:1"}, {"name": "c1", "image": "j"}]}
_ENDED: Final = {
    "name": "c0",
    "image": "i",
    "imageID": "",
    "ready": True,
    "restartCount": 2,
    "state": {"running": {}},
    "lastState": {"terminated": {"exitCode": 1, "finishedAt": LONG_AGO}},
}
_GATES: Final = [{"conditionType": "Other"}]
SHAPES: Final[tuple[tuple[dict[str, Any], dict[str, Any]], ...]] = (
    (
        {**_CONTAINERS, "nodeName": "n1", "readinessGates": _GATES},
        {"phase": "Succeeded", "podIPs": [{"ip": "10.0.0.1"}], "containerStatuses": [_ENDED]},
    ),
    (_CONTAINERS, {}),
)
"""The pods that are made: spec and status of each."""


@dataclass(frozen=True)
class Both:
    """Hold a real server, and the history of what was done there to one resource type."""

    server: RealServer
    path: str
    query: str
    names: tuple[str, ...]
    history: History

    def real(self, target: str, accept: str) -> Answer:
        return self.server.ask(target, headers={"Accept": accept})

    def ours(self, target: str, accept: str) -> tuple[int, str, bytes]:
        server = ApiServer(WatchCache(self.history))
        response = server.respond(Request.parse("GET", target, accept), LATER_SECONDS)
        data = b"".join(frame.data for frame in response.frames if isinstance(frame.data, bytes))
        return response.status, response.headers["Content-Type"], data


def send(server: RealServer, method: str, path: str, body: Any = None) -> None:
    """Change the real server, as the administrator."""
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    headers = {"Authorization": f"Bearer {server.tokens['admin']}", "Content-Type": kind}
    answer = server.client().call_api(method, server.url + path, headers, body)
    assert answer.read() and answer.status < 300, answer.data


@pytest.fixture(scope="module")
def both(realserver: RealServer) -> Both:
    """Make pods on a real server, delete the last, and take the history of that."""
    space = realserver.new_namespace("printed")
    path, query = path_of(PODS, space), f"labelSelector=made-for%3D{space}"
    before = json.loads(realserver.ask(f"{path}?{query}").body)["metadata"]["resourceVersion"]
    began = datetime.now(UTC)
    names = tuple(f"{space}-{number}" for number in range(len(SHAPES)))
    for name, (spec, status) in zip(names, SHAPES, strict=True):
        metadata = {"name": name, "labels": {"made-for": space}}
        send(realserver, "POST", path, {"metadata": metadata, "spec": spec})
        if status:
            send(realserver, "PATCH", f"{path}/{name}/status", {"status": status})
    send(realserver, "DELETE", f"{path}/{names[-1]}?gracePeriodSeconds=0")
    watch = f"{path}?watch=1&resourceVersion={before}&{query}"
    with realserver.asking(watch) as answer:
        answer.wait_for(
            lambda it: it.lines and it.lines[-1].data.startswith(b'{"type":"DELETED"'), "the end"
        )
        lines = [line.data for line in answer.lines]
    return Both(realserver, path, query, names, happened(PODS, before, lines, began))


def happened(resource: Resource, before: str, lines: list[bytes], began: datetime) -> History:
    """Give the history of what one watch told."""
    told = []
    for line in lines:
        data = line.partition(b',"object":')[2][:-1]
        who = wire.identify(data)
        item = Object(resource, who.namespace, who.name, who.uid, who.resource_version, data)
        told.append((0.5, EventType(json.loads(line)["type"]), item))
    changes = tuple(numbered((), told))
    return History("1.37.2", (resource,), before, (), changes, 100.0, recorded=began.isoformat())


def normal(body: bytes) -> bytes:
    """Give the body of a list or get, or the line of a watch, without what must differ."""
    body = _OWN_VERSION.sub(rb"\1N", body)
    if body.startswith(b'{"type":"BOOKMARK"'):
        body = _VERSION.sub(rb"\1N", body)
    return _SHORT_AGE.sub(b'"AGE"', body)


@pytest.mark.parametrize("accept", [TABLE, BETA, f"{TABLE},application/json"])
def test_lists_and_gets_are_the_real_servers(both: Both, accept: str) -> None:
    """Status, type and body of each Table are the real one's to the byte, short ages aside."""
    options = ("", "includeObject=None", "includeObject=Object", "includeObject=x")
    targets = [f"{both.path}?{both.query}&{option}" for option in options]
    targets += [f"{both.path}/{name}" for name in (*both.names, "nobody")]
    targets += [f"{both.path}?watch=1&{both.query}&includeObject=x"]
    for target in targets:
        real = both.real(target, accept)
        status, kind, body = both.ours(target, accept)
        assert (real.status, real.headers["Content-Type"]) == (status, kind), target
        assert normal(real.body) == normal(body), target


@pytest.mark.parametrize("included", ["", "&includeObject=None", "&includeObject=Object"])
def test_a_watch_is_the_real_servers(both: Both, included: str) -> None:
    """Each event is a Table as the real one's, from the creation to the end of an object."""
    version = both.history.resource_version
    target = f"{both.path}?watch=1&resourceVersion={version}&{both.query}{included}"
    many = len(both.history.changes)
    with both.server.asking(target, headers={"Accept": TABLE}) as answer:
        real = [line.data for line in answer.wait_for_lines(many).lines]
    ours = both.ours(f"{target}&timeoutSeconds=5", TABLE)[2].splitlines()
    assert [*map(normal, real)] == [*map(normal, ours)]


def test_a_watch_list_is_the_real_servers(both: Both) -> None:
    """What is there now is a Table an object, and its end a Table of an empty one."""
    how = "watch=1&sendInitialEvents=1&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=1"
    target = f"{both.path}?{how}&{both.query}"
    ours = both.ours(f"{target}&timeoutSeconds=5", TABLE)[2].splitlines()
    end = next(place for place, line in enumerate(ours, 1) if b"initial-events-end" in line)
    with both.server.asking(target, headers={"Accept": TABLE}) as answer:
        real = [line.data for line in answer.wait_for_lines(end).lines]
    assert [*map(normal, real)] == [*map(normal, ours[:end])]
