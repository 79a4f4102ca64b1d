"""The parts of a live lab, without a cluster: the wire, what is read along, what is awaited."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from kubernetes.client import ApiClient, Configuration

from kwlab.cluster import bodies, claims, connection, ownership
from kwlab.cluster.connection import Connection, connect
from kwlab.cluster.driver import Driver
from kwlab.cluster.endpoint import ServerEndpoint
from kwlab.cluster.namespace import Namespace, named
from kwlab.cluster.proxy import LoopbackProxy
from kwlab.cluster.told import sent_at_first, sent_later
from kwlab.cluster.wiretap import Exchange
from kwlab.doctor import cluster as doctor
from kwlab.errors import ClusterError
from kwlab.history import History
from kwlab.log import Close, Request
from kwlab.made import Step
from kwlab.wire import EventType, WatchEvent
from tests import histories


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(100):
            self.request.sendall(data)


@pytest.fixture
def proxy() -> Iterator[LoopbackProxy]:
    """Lend a proxy in front of an echo; nothing of it is left afterwards."""
    before = threading.active_count()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        opened = LoopbackProxy(*server.server_address)
        opened.open()
        yield opened
        opened.close()
        opened.close()
        server.shutdown()
        serving.join()
    assert before == threading.active_count()


def connected(proxy: LoopbackProxy) -> socket.socket:
    return socket.create_connection(proxy.address, timeout=10)


def echoed(sock: socket.socket) -> bytes:
    sock.sendall(b"hello")
    return sock.recv(100)


def test_a_cut_ends_open_connections_and_no_later_ones(proxy: LoopbackProxy) -> None:
    """A cut is an end of the stream; who connects again is served."""
    with connected(proxy) as first, connected(proxy) as second:
        assert b"hello" == echoed(first) == echoed(second)
        proxy.cut()
        assert b"" == first.recv(100) == second.recv(100)
    with connected(proxy) as again:
        assert b"hello" == echoed(again)


def test_a_reset_is_told_from_an_end(proxy: LoopbackProxy) -> None:
    """A cut by reset is an error to who reads."""
    with connected(proxy) as sock:
        assert b"hello" == echoed(sock)
        proxy.cut(is_reset=True)
        with pytest.raises(ConnectionResetError):
            sock.recv(100)


def test_who_left_refuses_and_comes_back_to_the_same_port(proxy: LoopbackProxy) -> None:
    """While nobody listens connections are refused; open ones go on."""
    address = proxy.address
    with connected(proxy) as sock:
        assert b"hello" == echoed(sock)
        proxy.leave()
        with pytest.raises(ConnectionRefusedError):
            connected(proxy)
        assert b"hello" == echoed(sock)
    proxy.come_back()
    assert address == proxy.address
    with connected(proxy) as again:
        assert b"hello" == echoed(again)


def test_nobody_is_left_hanging(proxy: LoopbackProxy) -> None:
    """Who connects in the very moment of leaving is served or hung up on."""
    for _ in range(20):
        with connected(proxy) as sock:
            proxy.leave()
            with contextlib.suppress(ConnectionError):
                assert echoed(sock) in {b"", b"hello"}
        proxy.come_back()


def watch(query: str = "", path: str = histories.PODS_PATH) -> Request:
    pairs = tuple(pair.partition("=")[::2] for pair in query.split("&") if pair)
    return Request(0.0, path, (("watch", "true"), *pairs))


PAST = histories.pods(
    Step(1, "add", "b"),
    Step(2, "modify", "b", labels={"app": "web"}),
    Step(3, "modify", "b", labels={}),
    Step(4, "delete", "a"),
    existing=("a",),
)


def versions(*numbers: int, past: History = PAST) -> set[str]:
    return {past.changes[number - 1].object.resource_version for number in numbers}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (watch(), versions(3)),
        (watch("resourceVersion=0"), versions(3)),
        (watch(f"resourceVersion={PAST.resource_version}"), versions(1, 2, 3, 4)),
        (watch(f"resourceVersion={PAST.changes[1].object.resource_version}"), versions(3, 4)),
        (watch("resourceVersion=999999999"), set()),
        (watch("labelSelector=app%3Dweb"), set()),
        (watch("fieldSelector=metadata.name=a"), set()),
        (watch("fieldSelector=metadata.name=b"), versions(3)),
        (watch("labelSelector=((("), set()),
        (watch(path="/api/v1/pods"), versions(3)),
        (watch(path="/api/v1/namespaces/other/pods"), set()),
        (watch(path="/api/v1/configmaps"), set()),
        (Request(0.0, histories.PODS_PATH, ()), set()),
    ],
)
def test_what_a_watch_is_sent_when_it_begins(request_: Request, expected: set[str]) -> None:
    """The present, or the log from a resourceVersion on; a watch of something else gets nothing."""
    assert expected == sent_at_first(request_, PAST)


def test_what_a_watch_is_sent_later() -> None:
    """A selector is told of its boundary too, and of nothing beyond it."""
    resource = PAST.resources[0]
    assert versions(1, 2, 3, 4) == sent_later(watch(), PAST.changes, resource)
    # Told when it begins to match, and when it stops; made is what the template is labelled.
    chosen = watch("labelSelector=app=web,!version")
    assert versions(2, 3) == sent_later(chosen, PAST.changes, resource)


ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'2a\r\n{"type":"ADDED","object":{"metadata":{"nam\r\n'
    b'25\r\ne":"a","resourceVersion":"7"}}}\n{"typ\r\n'
    b'43\r\ne":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"9"\r\n'
    b"4\r\n}}}\n\r\n0\r\n\r\n"
)


@pytest.mark.parametrize("size", [1, 2, 7, 100, len(ANSWER)])
def test_an_answer_is_read_along_however_its_bytes_come(size: int) -> None:
    """Chunks are no events: lines are found across chunks and across reads."""
    exchange = Exchange(watch())
    for at in range(0, len(ANSWER), size):
        exchange.feed(ANSWER[at : at + size], 3.0)
    assert 200 == exchange.request.status
    assert {"7", "9"} == exchange.seen
    assert ["ADDED", "DELETED"] == [event.type for event in exchange.request.seen()]
    assert (Close.TIMEOUT, 3.0) == (exchange.request.close, exchange.request.closed_at)


def test_who_has_read_everything_and_asks_for_more_is_up_to_date() -> None:
    """Not before the answer has begun, nor with a change outstanding, nor after a cut."""
    exchange = Exchange(watch())
    exchange.expected = {"9"}
    exchange.is_reading = True
    assert not exchange.is_up_to_date
    head, last = ANSWER[:-12], ANSWER[-12:]
    exchange.feed(head, 0.0)
    assert not exchange.is_up_to_date
    exchange.feed(last[:-5], 0.0)
    assert exchange.is_up_to_date
    exchange.is_reading = False
    assert not exchange.is_up_to_date
    exchange.is_reading, exchange.is_cut = True, True
    assert not exchange.is_up_to_date


def test_bytes_that_are_no_answer_are_the_clients_to_complain_about() -> None:
    """What is read along raises nothing."""
    Exchange(watch()).feed(b"what?\r\n\r\n", 0.0)


def test_a_request_goes_to_the_server_under_its_own_name() -> None:
    """Path prefix, Host and credentials are the context's; all else is as the client wrote it."""
    settings = Configuration(host="https://rancher.example:8443/k8s/c-1/")
    settings.api_key["BearerToken"] = "Bearer secret"
    endpoint = ServerEndpoint(Connection("c", ApiClient(settings), "", "1.37"))
    head = b"GET /api?a=b HTTP/1.1\r\nHost: kwlab.invalid\r\nauthorization: x\r\nAccept: a\r\n\r\n"
    expected = (
        b"GET /k8s/c-1/api?a=b HTTP/1.1\r\nHost: rancher.example:8443\r\n"
        b"Authorization: Bearer secret\r\nAccept: a\r\n\r\n"
    )
    assert expected == endpoint.signed(head)


def test_a_patch_brings_the_labels_of_the_story_and_takes_the_old_ones() -> None:
    """A label that the story drops is removed, or a selector's boundary would be lost."""
    patch = bodies.patched(PAST.changes[2], "uid-1")
    assert {"app": None, ownership.LABEL: "kwlab"} == patch["metadata"]["labels"]
    assert "uid-1" == patch["metadata"]["uid"]


def test_what_is_ours_is_told_by_its_label_alone() -> None:
    """An object without the label is not counted, whatever it is called; ERROR is everybody's."""

    def event(**metadata: object) -> WatchEvent:
        about = {"name": "web-2", "resourceVersion": "1", **metadata}
        return WatchEvent(json.dumps({"type": "ADDED", "object": {"metadata": about}}).encode())

    assert ownership.is_ours(event(labels={ownership.LABEL: "kwlab"}))
    assert not ownership.is_ours(event(labels={ownership.LABEL: "helm"}))
    assert not ownership.is_ours(event())
    assert ownership.is_ours(WatchEvent(b'{"type":"ERROR","object":{"kind":"Status"}}'))


# What was claimed, until it is removed.


def reached(url: str = "http://127.0.0.1:1") -> Connection:
    return Connection("nowhere", ApiClient(Configuration(host=url)), "", "1.37")


class Place(Namespace):
    """A namespace that is made and removed as it is told, on a cluster that nobody asks."""

    def __init__(self, name: str, *errors: BaseException) -> None:
        super().__init__(reached(), name)
        self.errors = list(errors)
        self.is_removed = False

    def claim(self, **_: float) -> None:
        self._fail()

    def release(self) -> bool:
        self._fail()
        self.is_removed = True
        return True

    def _fail(self) -> None:
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Lend what a person is told; nothing is claimed before and after."""
    said: list[str] = []
    monkeypatch.setattr(claims, "tell", said.append)
    monkeypatch.setattr(claims, "_taken", {})
    yield said


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ClusterError("503")])
def test_what_could_not_be_removed_is_removed_at_the_end(
    error: BaseException, told: list[str]
) -> None:
    """An interrupted close is not the last word: the end of the program tries again."""
    place = Place("kept")
    claims.take(place)
    place.errors = [error]
    with pytest.raises(type(error)):
        claims.give_back(place)
    claims.release_all()
    assert place.is_removed


@pytest.mark.parametrize("may_be_left", [True, False])
def test_what_may_have_been_made_is_removed_at_the_end(may_be_left: bool, told: list[str]) -> None:
    """A connection that broke while it was made says nothing; a refusal says that it was not."""
    place = Place("perhaps", ClusterError("broken"))
    place.may_be_left = may_be_left
    with pytest.raises(ClusterError):
        claims.take(place)
    claims.release_all()
    assert may_be_left == place.is_removed


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("odd"), ClusterError("503")])
def test_at_the_end_one_failure_keeps_nothing_else(error: BaseException, told: list[str]) -> None:
    """Whatever happens with one namespace, it is told, and the next one is removed."""
    first, second = Place("first"), Place("second")
    claims.take(first)
    claims.take(second)
    first.errors = [error]
    claims.release_all()
    assert "clean --context nowhere --namespace first" in told[-1]
    assert (str(error) or type(error).__name__) in told[-1]
    assert second.is_removed


# A server that stops answering, and one that is written down wrongly.


class Silent(socketserver.BaseRequestHandler):
    """Take a request, and say nothing to it for longer than anybody waits."""

    def handle(self) -> None:
        self.request.settimeout(5.0)
        with contextlib.suppress(OSError):
            while self.request.recv(1000):
                pass


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """Lend a connection to a server that never answers, with little patience."""
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(connection, "REMOVAL_SECONDS", 0.1)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        host, port = server.server_address[:2]
        lent = reached(f"http://{host!s}:{port}")
        lent.configuration.retries = False
        yield lent
        lent.close()
        server.shutdown()
        serving.join()


STORY = histories.shipped("pods-cut-twice")
ASKING: dict[str, Callable[[Connection], object]] = {
    "read": lambda to: Namespace(to, "a").release(),
    "make": lambda to: Namespace(to, "a")._make(),
    "empty": lambda to: Namespace(to, "a").empty("pod"),
    "remove": lambda to: Namespace(to, "a")._remove("uid-1"),
    "list": lambda to: Driver(Namespace(to, "a"), STORY)._list(),
    "create": lambda to: Driver(Namespace(to, "a"), STORY)._create(STORY.objects[0]),
    "review": lambda to: doctor._may(to, "a", ("get", "pods")),
    "look": lambda to: doctor._read(to, "a"),
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_a_server_that_stops_answering_is_not_waited_for(
    ask: Callable[[Connection], object], silent: Connection
) -> None:
    """Whatever is asked, after a while it is said that nobody answers."""
    with pytest.raises(ClusterError, match="does not answer"), silent.clear_errors():
        ask(silent)


def test_what_is_gone_is_not_patched_under_its_name() -> None:
    """Without our object there is nothing to change: another one of that name is a stranger's."""
    change = next(change for change in STORY.changes if change.type is EventType.MODIFIED)
    gone = f"{change.object.name} in namespace a is gone: somebody else"
    with pytest.raises(ClusterError, match=gone):
        Driver(Namespace(reached(), "a"), STORY).make(change)


def kubeconfig(tmp_path: Path, **about: object) -> Path:
    known: dict[str, object] = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "SEKRIT"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(known | about), encoding="utf-8")
    return path


@pytest.mark.parametrize("users", [[{"name": "u", "token": "SEKRIT"}], [{"token": "SEKRIT"}]])
def test_a_misshapen_kubeconfig_tells_no_secret(
    users: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own word for it holds the whole entry; ours does not, nor what is behind it."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, users=users)))
    with pytest.raises(ClusterError, match="cannot be used") as caught:
        connect("c")
    assert "SEKRIT" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_an_address_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is no text is told as a kubeconfig that cannot be used."""
    wrong = [{"name": "c", "cluster": {"server": 5}}]
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, clusters=wrong)))
    with pytest.raises(ClusterError, match="cannot be used"):
        connect("c")


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.DependencyWarning")
def test_a_proxy_for_which_a_package_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client needs PySocks for it, and the line says how to go without."""
    monkeypatch.delitem(sys.modules, "urllib3.contrib.socks", raising=False)
    monkeypatch.setitem(sys.modules, "socks", None)
    far = [{"name": "c", "cluster": {"server": "http://127.0.0.1:1", "proxy-url": "socks5://a:1"}}]
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, clusters=far)))
    with pytest.raises(ClusterError, match=re.escape("set NO_PROXY so that http://127.0.0.1:1")):
        connect("c")


def test_any_proxy_is_refused() -> None:
    """The client keeps a SOCKS proxy elsewhere than an HTTP proxy; the wire has to be ours."""
    through = reached()
    through.configuration.proxy = "socks5://127.0.0.1:1"
    with pytest.raises(ClusterError, match="set NO_PROXY"):
        ServerEndpoint(through)


@pytest.mark.parametrize("name", ["..", "a/b", "a?b", "A", "-a", "a" * 64, "a\n"])
def test_a_name_that_no_namespace_has(name: str) -> None:
    """What would lead a request elsewhere is refused before there is one."""
    with pytest.raises(ClusterError, match="no name of a namespace"):
        named(reached(), name)
