"""What is logged without an observer: the first failure in a row, and an end, once each."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import pytest
from kubernetes import client

import kwlab
from kwlab import errors
from kwlab.watching.observer import AttemptEnded, ListFailed, ReflectorRecord
from kwlab.watching.reflector import Reflector
from kwlab.watching.reflectoroptions import ReflectorOptions
from kwlab.watching.retryoptions import STRICT, RetryOptions
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.wire import ListOptions
from tests.leaks import until
from tests.raw_server import CHUNKED, END, Connection, RawServer, added, chunk
from tests.test_reflector_wire import list_of, whole
from tests.test_retrywatcher import FakeClock
from tests.test_stop import Server, authority, ca_file, leaks_nothing, serve

__all__ = ["authority", "ca_file", "leaks_nothing", "serve"]

AT_ONCE: Final = RetryOptions(min_restart_delay_seconds=0.0, backoff=None)


@pytest.fixture(autouse=True)
def at_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="kwlab")


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name.startswith("kwlab")]


def prepared(url: str) -> client.CoreV1Api:
    return client.CoreV1Api(kwlab.prepared(client.ApiClient(client.Configuration(host=url))))


def watching(api: client.CoreV1Api) -> Callable[[ListOptions], object]:
    def watch(asked: ListOptions) -> object:
        return api.list_namespaced_pod("lab", watch=True, _preload_content=False, **asked)

    return watch


def refused(code: int, reason: str = "") -> bytes:
    body = json.dumps({"kind": "Status", "code": code, "reason": reason}).encode()
    return b"HTTP/1.1 %d Refused\r\nContent-Length: %d\r\n\r\n%s" % (code, len(body), body)


@pytest.fixture
def nowhere() -> Iterator[str]:
    """Give an address at which nobody listens, and which nobody else gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def reflected_until(api: client.CoreV1Api, failures: int, options: RetryOptions = AT_ONCE) -> None:
    """Reflect until so many lists have failed."""
    failed: list[ReflectorRecord] = []

    def count(record: ReflectorRecord) -> None:
        failed.extend([record] if isinstance(record, ListFailed) else [])
        if len(failed) == failures:
            reflector.stop()

    chosen = ReflectorOptions(retry=options, observer=count)
    with Reflector(api.list_namespaced_pod, "lab", options=chosen) as reflector:
        assert [] == list(reflector)
    api.api_client.close()


def test_a_certificate_that_cannot_be_checked_is_said(
    serve: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong CA is not waited for in silence: the first of the failures is a WARNING, and why."""
    with serve(lambda connection, _: connection.send(refused(500))) as server:
        why = "no connection" if server.url.startswith("https") else "HTTP 500"
        reflected_until(prepared(server.url), failures=3)

    [message] = told(caplog)
    assert message.startswith("The list failed: ")
    assert why in message


def test_a_server_that_is_not_there_is_said(nowhere: str, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong port is said once by a Reflector, whether the client repeats by itself or not."""
    reflected_until(prepared(nowhere), failures=3)
    as_made = client.CoreV1Api(client.ApiClient(client.Configuration(host=nowhere)))
    reflected_until(as_made, failures=2)

    lists = [message for message in told(caplog) if message.startswith("The list failed: ")]
    assert 2 == len(lists)
    assert all("no connection" in message for message in lists)


def test_each_row_of_failures_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Progress ends a row; the first failure after it is said again, and says from where."""
    ended: list[AttemptEnded] = []

    def answer(connection: Connection, number: int) -> None:
        if number in {4, 8}:
            connection.send(CHUNKED, chunk(added(number)), END)
        else:
            connection.send(refused(503, "ServiceUnavailable"))

    def count(record: object) -> None:
        ended.extend([record] if isinstance(record, AttemptEnded) else [])
        if len(ended) == 10:
            watcher.stop()

    with RawServer(answer) as server:
        api = prepared(server.url)
        with RetryWatcher("3", watching(api), options=AT_ONCE, observer=count) as watcher:
            assert ["4", "8"] == [event.resource_version for event in watcher]
        api.api_client.close()

    assert 10 == len(server.asked)
    assert [
        f"The watch from resourceVersion {version} failed: HTTP 503 ServiceUnavailable; it is "
        "asked for again in 0.0 s, and while it goes on failing nothing more is said."
        for version in ("3", "4", "8")
    ] == told(caplog)


@pytest.mark.parametrize("options", [AT_ONCE, replace(STRICT)], ids=["default", "strict"])
def test_an_end_is_said(options: RetryOptions, caplog: pytest.LogCaptureFixture) -> None:
    """What ends an iteration is logged once, whether it is raised or delivered."""
    with RawServer(lambda connection, _: connection.send(refused(403, "Forbidden"))) as server:
        api = prepared(server.url)
        with RetryWatcher("5", watching(api), options=options) as watcher:
            if options.is_end_raised:
                with pytest.raises(errors.Denied):
                    next(watcher)
            else:
                assert ["ERROR"] == [event.type for event in watcher]
        api.api_client.close()

    assert [
        "The server refuses this client (HTTP 403 Forbidden): asking again will not help."
    ] == told(caplog)


def test_an_end_of_a_reflector_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """A list that is refused for good is logged as it is raised."""
    with RawServer(lambda connection, _: connection.send(refused(403, "Forbidden"))) as server:
        api = prepared(server.url)
        with (
            Reflector(api.list_namespaced_pod, "lab") as reflector,
            pytest.raises(errors.Denied) as denied,
        ):
            reflector.sync()
        api.api_client.close()

    assert [str(denied.value)] == told(caplog)


def test_a_list_after_410_is_a_matter_of_course(caplog: pytest.LogCaptureFixture) -> None:
    """What a Reflector recovers from by a list is no WARNING."""

    def answer(connection: Connection, number: int) -> None:
        if not connection.is_watch:
            connection.send(whole(list_of(5 + number)))
        elif number == 2:
            connection.send(refused(410, "Expired"))
        else:
            connection.hold()

    with RawServer(answer) as server:
        api = prepared(server.url)
        reflector = Reflector(
            api.list_namespaced_pod, "lab", options=ReflectorOptions(retry=AT_ONCE)
        )
        thread = threading.Thread(target=lambda: list(reflector))
        thread.start()
        until(lambda: len(server.asked) == 4)
        reflector.close()
        thread.join()
        api.api_client.close()

    assert [] == told(caplog)


def test_nothing_is_said_in_virtual_time(nowhere: str, caplog: pytest.LogCaptureFixture) -> None:
    """Where the clock is a parameter nobody waits, and a lab's faults are its subject."""
    options = replace(AT_ONCE, deadline_seconds=30.0, min_restart_delay_seconds=1.0)
    api = prepared(nowhere)
    with RetryWatcher("5", watching(api), options=options, clock=FakeClock()) as watcher:
        assert [] == list(watcher)

    assert [] == told(caplog)
