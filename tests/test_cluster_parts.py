"""The parts of a live lab, without a cluster: the wire, what is read along, what is awaited."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest
from kubernetes.client import ApiClient, Configuration

from kwlab.cluster import bodies, ownership
from kwlab.cluster.connection import Connection
from kwlab.cluster.endpoint import ServerEndpoint
from kwlab.cluster.proxy import LoopbackProxy
from kwlab.cluster.told import sent_at_first, sent_later
from kwlab.cluster.wiretap import Exchange
from kwlab.history import History
from kwlab.log import Close, Request
from kwlab.made import Step
from kwlab.wire import WatchEvent
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
