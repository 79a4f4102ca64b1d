"""Real faults on the real server: RetryWatcher and Reflector survive them, or end as documented.

Both go through the official client, TLS and a proxy that can be cut to kube-apiserver itself.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from kubernetes import client

from kwlab.errors import Denied, Expired
from kwlab.log import Close
from kwlab.watching.observer import Delay, Gap, Listed, ListFailed, RetriesHidden
from tests.following import Following, Place, Uncached
from tests.leaks import nothing_left, until
from tests.realserver import RealServer

pytestmark = pytest.mark.needs("rig")

LARGE: Final = 900_000
"""Bytes of a configmap near the greatest that is stored, so that a few fill every buffer."""


@pytest.fixture(scope="module")
def server() -> Iterator[RealServer]:
    """Lend a server that is killed, compacted and overloaded, as the shared one is not."""
    with RealServer() as started:
        yield started


@pytest.fixture
def place(server: RealServer, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Lend two objects, by default configmaps, and count threads and sockets before and after."""
    # Their first use opens what stays open.
    ssl.create_default_context()
    server.core.get_api_resources()
    found = getattr(request, "param", Place)(server, request.node.originalname)
    server.client().rest_client.pool_manager.clear()
    with nothing_left():
        found.add("a")
        found.add("b")
        found.changes.clear()
        yield found
        found.clear()


def as_admin(server: RealServer) -> Following:
    """Follow as somebody whom a server that has just started knows already."""
    return Following(server, server.tokens["admin"])


def as_viewer(server: RealServer, **how: Any) -> Following:
    return Following(server, server.tokens["viewer"], **how)


def refusal(server: RealServer, place: Place, token: str) -> int:
    path = f"/api/v1/namespaces/{place.namespace}/configmaps?limit=1"
    return server.ask(path, token=token).status


def is_open(following: Following) -> bool:
    """Tell whether what was listed, or changed first, has come and it is watched on."""
    return bool(following.events)


def knows_all(place: Place) -> Callable[[Following], bool]:
    """Tell whether a Reflector's store is what exists."""

    def condition(following: Following) -> bool:
        held = following.watcher.store.events()
        return place.exists == {k: (e.uid, e.resource_version) for k, e in held.items()}

    return condition


def test_killed_in_the_middle_of_a_chunk(server: RealServer, place: Place) -> None:
    """A torn line is not delivered; after the restart the window is empty, which is a 410.

    RetryWatcher ends where it stood; a Reflector lists again, tells a gap, and knows everything.
    """
    watching = as_admin(server).retry(place, place.resource_version)
    reflecting = as_admin(server).reflect(place)
    with watching, reflecting:
        reflecting.wait_for(lambda f: f.of(Listed) and len(f.events) == 2)
        watching.hold()
        reflecting.hold()
        for number in range(16):
            place.modify("a", f"{number}" + "x" * LARGE)
        for each in (watching, reflecting):
            each.wait_for(lambda f: ("MODIFIED", "a") in f.told)
        server.do("kill")
        watching.go_on()
        reflecting.go_on()
        watching.wait_for(lambda f: Close.CUT in [end.close for end in f.attempts])
        # Nobody is there until somebody has noticed.
        watching.wait_for(lambda f: Close.REFUSED in [end.close for end in f.attempts])
        server.do("start")
        error = watching.wait_for_the_end()
        reflecting.wait_for(knows_all(place))

    cut = watching.attempts[0]
    whole = sum(len(event.line) + 1 for event in watching.events)
    assert 0 < cut.bytes_total - whole < LARGE + 1000
    assert isinstance(error, Expired)
    assert watching.events[-1].resource_version == error.resource_version
    assert place.changes[: len(watching.told)] == watching.told
    (gap,) = reflecting.of(Gap)
    assert ("410 Expired", "relist") == (gap.why, reflecting.origins[-1])


def test_killed_when_nothing_happened_there(server: RealServer, place: Place) -> None:
    """A 410 after a restart does not say that anything was lost: the list is as it was.

    All it takes is a change elsewhere in the cluster, since which nobody was told anything.
    """
    version = place.resource_version
    watching = as_admin(server).retry(place, version)
    reflecting = as_admin(server).reflect(place)
    with watching, reflecting:
        reflecting.wait_for(lambda f: f.of(Listed) and len(f.events) == 2)
        server.new_namespace("elsewhere")
        server.do("kill")
        server.do("start")
        error = watching.wait_for_the_end()
        reflecting.wait_for(lambda f: f.of(Gap))
        place.modify("b", "later")
        reflecting.wait_for(knows_all(place))

    assert isinstance(error, Expired)
    assert version == error.resource_version
    assert ["list", "list", "watch"] == reflecting.origins


def test_terminated(server: RealServer, place: Place) -> None:
    """A server that is asked to stop lets an open watch end by itself, and opens no other."""
    watching = as_admin(server).retry(place, place.resource_version, timeout_seconds=2)
    reflecting = as_admin(server).reflect(place, watch_seconds=(2, 2))
    with watching, reflecting:
        reflecting.wait_for(lambda f: f.of(Listed) and len(f.events) == 2)
        place.modify("a", "before")
        watching.wait_for(is_open)
        server.do("terminate")
        for each in (watching, reflecting):
            each.wait_for(lambda f: f.attempts and f.attempts[-1].close is Close.REFUSED)
        server.do("start")
        error = watching.wait_for_the_end()
        place.modify("b", "after")
        reflecting.wait_for(knows_all(place))

    for each in (watching, reflecting):
        closes = [end.close for end in each.attempts]
        assert Close.CUT not in closes
        assert Close.TIMEOUT is closes[closes.index(Close.REFUSED) - 1]
    assert isinstance(error, Expired)
    assert [("MODIFIED", "a")] == watching.told


def test_permission_revoked(server: RealServer, place: Place) -> None:
    """The open watch goes on; the next request is refused, and who may again loses nothing."""
    rights = client.RbacAuthorizationV1Api(server.client())
    binding = rights.read_namespaced_role_binding("viewer", place.namespace)
    binding.metadata = client.V1ObjectMeta(name="viewer")
    watching = as_viewer(server).retry(place, place.resource_version)
    reflecting = as_viewer(server).reflect(place)
    with watching, reflecting:
        reflecting.wait_for(lambda f: f.of(Listed) and len(f.events) == 2)
        rights.delete_namespaced_role_binding("viewer", place.namespace)
        try:
            until(lambda: refusal(server, place, server.tokens["viewer"]) == 403)
            place.modify("a", "seen")
            for each in (watching, reflecting):
                each.wait_for(lambda f: ("MODIFIED", "a") in f.told)
                each.wire.cut()
            errors = [each.wait_for_the_end() for each in (watching, reflecting)]
            place.modify("b", "unseen")
            place.delete("a")
        finally:
            rights.create_namespaced_role_binding(place.namespace, binding)
    until(lambda: refusal(server, place, server.tokens["viewer"]) == 200)
    for error in errors:
        assert isinstance(error, Denied)
        assert (403, watching.events[-1].resource_version) == (error.code, error.resource_version)
        assert "cannot watch resource" in str(error)
        with as_viewer(server).retry(place, error.resource_version) as again:
            again.wait_for(lambda f: len(f.events) == 2)
        assert place.changes == watching.told + again.told


def test_expired_token(server: RealServer, place: Place) -> None:
    """A token that expires ends no open watch; the next request is a 401, which is final."""
    token = server.do("token", seconds=2)["token"]
    watching = Following(server, token).retry(place, place.resource_version)
    reflecting = Following(server, token).reflect(place)
    with watching, reflecting:
        reflecting.wait_for(lambda f: f.of(Listed) and len(f.events) == 2)
        until(lambda: refusal(server, place, token) == 401)
        place.modify("a", "seen")
        for each in (watching, reflecting):
            each.wait_for(lambda f: ("MODIFIED", "a") in f.told)
            each.wire.cut()
            error = each.wait_for_the_end()
            assert isinstance(error, Denied)
            assert (401, each.events[-1].resource_version) == (error.code, error.resource_version)
        place.modify("b", "unseen")
    with as_viewer(server).retry(place, watching.watcher.resource_version) as again:
        again.wait_for(is_open)
    assert place.changes == watching.told + again.told


def test_an_outage(server: RealServer, place: Place) -> None:
    """What changes while the network is away is delivered after it, in order, and without a gap."""
    watching = as_viewer(server).retry(place, place.resource_version)
    reflecting = as_viewer(server).reflect(place)
    with watching, reflecting:
        reflecting.wait_for(lambda f: f.of(Listed) and len(f.events) == 2)
        place.modify("a", "before")
        for each in (watching, reflecting):
            each.wait_for(lambda f: ("MODIFIED", "a") in f.told)
            each.wire.leave()
            each.wire.cut(is_reset=True)
        place.modify("b", "away")
        place.delete("a")
        place.add("a", "another")
        for each in (watching, reflecting):
            each.wait_for(lambda f: Close.REFUSED in [end.close for end in f.attempts])
            each.wire.come_back()
            each.wait_for(lambda f: f.told[-4:] == place.changes)
        assert knows_all(place)(reflecting)

    assert place.changes == watching.told
    assert ["list"] * 2 + ["watch"] * 4 == reflecting.origins
    assert [] == reflecting.of(Gap)


@pytest.mark.parametrize("place", [Uncached], indirect=True)
def test_compacted(server: RealServer, place: Place) -> None:
    """Compaction ends no open watch; what was away before it is told that it is too late."""
    watching = as_admin(server).retry(place, place.resource_version)
    reflecting = as_admin(server).reflect(place)
    with watching, reflecting:
        reflecting.wait_for(lambda f: f.of(Listed) and len(f.events) == 2)
        server.do("compact")
        place.modify("a", "seen")
        for each in (watching, reflecting):
            each.wait_for(lambda f: ("MODIFIED", "a") in f.told)
            each.wire.leave()
            each.wire.cut()
        place.modify("a", "unseen")
        place.delete("b")
        server.do("compact")
        for each in (watching, reflecting):
            each.wire.come_back()
        error = watching.wait_for_the_end()
        reflecting.wait_for(knows_all(place))

    assert isinstance(error, Expired)
    assert watching.events[-1].resource_version == error.resource_version
    assert [("DELETED", "b"), ("MODIFIED", "a")] == reflecting.told[-2:]
    assert ["inferred", "relist"] == reflecting.origins[-2:]
    assert 1 == len(reflecting.of(Gap))


@pytest.mark.parametrize("place", [Uncached], indirect=True)
def test_compacted_between_two_pages(server: RealServer, place: Place) -> None:
    """A list whose next page has expired is asked for whole, and nothing is missing in it."""
    asked: list[dict[str, Any]] = []

    def compact(options: dict[str, Any]) -> None:
        asked.append(options)
        if len(asked) == 2:
            place.add("c")
            place.delete("b")
            server.do("compact")

    with as_admin(server).reflect(place, before=compact, page_size=1) as reflecting:
        reflecting.wait_for(lambda f: f.of(Listed))
        reflecting.wait_for(knows_all(place))

    listing = [options for options in asked if "watch" not in options]
    assert [1, 1, None] == [options.get("limit") for options in listing]
    assert [False, True, False] == ["_continue" in options for options in listing]
    assert [3] == [record.requests_total for record in reflecting.of(Listed)]


REFUSING: Final = {"name": "kwlab-refusing"}


@pytest.fixture(scope="module")
def few(server: RealServer) -> Iterator[None]:
    """Let priority and fairness admit one request of the viewer's at a time, and queue none."""
    flow = client.FlowcontrolApiserverV1Api(server.client())
    limited = {
        "nominalConcurrencyShares": 0,
        "lendablePercent": 0,
        "borrowingLimitPercent": 0,
        "limitResponse": {"type": "Reject"},
    }
    viewer = {"kind": "User", "user": {"name": "viewer"}}
    anything = {
        "verbs": ["*"],
        "apiGroups": ["*"],
        "resources": ["*"],
        "namespaces": ["*"],
        "clusterScope": True,
    }
    spec = {
        "priorityLevelConfiguration": REFUSING,
        "matchingPrecedence": 2,
        "rules": [{"subjects": [viewer], "resourceRules": [anything]}],
    }
    flow.create_priority_level_configuration(
        {"metadata": REFUSING, "spec": {"type": "Limited", "limited": limited}}
    )
    made = flow.create_flow_schema({"metadata": REFUSING, "spec": spec})
    header = "X-Kubernetes-Pf-Flowschema-Uid"
    token = server.tokens["viewer"]
    path = f"/api/v1/namespaces/{server.namespace}/configmaps?limit=1"
    until(lambda: made.metadata.uid == server.ask(path, token=token).headers[header])
    yield
    flow.delete_flow_schema(REFUSING["name"])
    flow.delete_priority_level_configuration(REFUSING["name"])


@contextmanager
def occupied(server: RealServer, place: Place) -> Iterator[float]:
    """Ask for a long list and do not read it; give how long others are to stay away then."""
    for number in range(10):
        place.add(f"large-{number}", "x" * LARGE)
    path = f"/api/v1/namespaces/{place.namespace}/configmaps"
    token = server.tokens["viewer"]
    address = urlsplit(server.url)
    context = ssl.create_default_context(cafile=server.authority)
    head = f"GET {path} HTTP/1.1\r\nHost: kwlab\r\nAuthorization: Bearer {token}\r\n\r\n"
    with (
        socket.create_connection((address.hostname, address.port)) as plain,
        context.wrap_socket(plain, server_hostname=address.hostname) as reader,
    ):
        reader.sendall(head.encode())
        # It has begun: the rest of it fills every buffer, and nobody empties them.
        assert b"HTTP/1.1 200" == reader.recv(12)
        refused = server.ask(path, token=token)
        assert 429 == refused.status
        assert b"Too many requests, please try again later.\n" == refused.body
        assert "text/plain" in refused.headers["Content-Type"]
        yield float(refused.headers["Retry-After"])


@pytest.mark.usefixtures("few")
def test_overloaded(server: RealServer, place: Place) -> None:
    """A 429 of priority and fairness is waited out for as long as it says, and nothing is lost."""
    watching = as_viewer(server).retry(place, place.resource_version)
    reflecting = as_viewer(server).reflect(place)
    with ExitStack() as followed:
        with occupied(server, place) as least:
            followed.enter_context(watching)
            followed.enter_context(reflecting)
            watching.wait_for(lambda f: f.attempts)
            reflecting.wait_for(lambda f: f.of(ListFailed))
        watching.wait_for(lambda f: f.told == place.changes)
        reflecting.wait_for(knows_all(place))

    refused, failed = watching.attempts[0], reflecting.of(ListFailed)[0]
    assert (429, Close.STATUS, 429) == (refused.status, refused.close, failed.code)
    assert Delay.RETRY_AFTER is refused.delay_why
    for delay_seconds in (refused.delay_seconds, failed.delay_seconds):
        assert delay_seconds is not None and delay_seconds >= least
    assert [] == [*watching.of(RetriesHidden), *reflecting.of(RetriesHidden)]


@pytest.mark.usefixtures("few")
def test_overloaded_with_a_client_that_repeats_itself(server: RealServer, place: Place) -> None:
    """What the official client, as it is made, asked and slept by itself is told."""
    watching = as_viewer(server, is_prepared=False).retry(place, place.resource_version)
    reflecting = as_viewer(server, is_prepared=False).reflect(place)
    with ExitStack() as followed:
        with occupied(server, place):
            followed.enter_context(watching)
            followed.enter_context(reflecting)
            watching.wait_for(lambda f: f.of(RetriesHidden))
            reflecting.wait_for(lambda f: f.of(RetriesHidden))
        watching.wait_for(lambda f: f.told == place.changes)
        reflecting.wait_for(knows_all(place))

    assert 3 == watching.of(RetriesHidden)[0].retries_total
    assert 3 == reflecting.of(RetriesHidden)[0].retries_total
