"""While a connection is being made: the idle timer, the deadline and stop() hold there too.

A load balancer in front of a server that is gone takes the TCP connection, and answers nothing.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import trustme
from kubernetes import client

import kwlab
from kwlab.log import Close
from kwlab.watching.reflectoroptions import ReflectorOptions
from kwlab.watching.retryoptions import RetryOptions
from tests.leaks import LONG
from tests.raw_server import CLOSING, END, Connection, RawServer, added, chunk
from tests.test_reflector_wire import consumed, list_of, whole
from tests.test_stop import (
    STOP_SECONDS,
    Watched,
    authority,
    ca_file,
    leaks_nothing,
    stop_after,
    stopped_from_a_signal,
    stopped_from_a_thread,
)

__all__ = ["authority", "ca_file", "leaks_nothing"]

Silent = Callable[..., RawServer]


def answered(connection: Connection, _: int) -> None:
    """Answer once, list or watch, and close: the next request needs a connection of its own."""
    if connection.is_watch:
        connection.send(CLOSING, chunk(added(6)), END)
    else:
        connection.send(whole(list_of(5)).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))


@pytest.fixture
def silent(authority: trustme.CA) -> Silent:
    """Make a server that answers TLS so many times, and then only TCP."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return lambda handshakes=0: RawServer(answered, context, handshakes=handshakes)


def prepared(server: RawServer, ca_file: str) -> client.CoreV1Api:
    api = server.api(ca_file)
    kwlab.prepared(api.api_client)
    return api


@pytest.mark.parametrize("stopped", [stopped_from_a_thread, stopped_from_a_signal])
def test_stop_ends_a_wait_for_tls(
    stopped: Callable[[Watched, threading.Event], float], silent: Silent, ca_file: str
) -> None:
    """stop() reaches the socket on which TLS is not answered, and ends silently."""
    with silent() as server:
        watched = Watched(prepared(server, ca_file))
        took = stopped(watched, server.is_holding)

    assert watched.error is None
    assert took < STOP_SECONDS
    assert Close.STOPPED is watched.ended[-1].close


def test_the_idle_timer_gives_up_tls_that_is_not_answered(silent: Silent, ca_file: str) -> None:
    """It is asked again on a new connection, from the last event."""
    with silent(1) as server:
        options = RetryOptions(idle_seconds=0.2, min_restart_delay_seconds=0.0, backoff=None)
        watched = Watched(prepared(server, ca_file), options)
        stop_after(watched, attempts=4)
        watched.consume()

    assert watched.error is None
    assert ["6"] == watched.delivered
    assert [Close.TIMEOUT, *[Close.SILENT] * 3] == [record.close for record in watched.ended]
    assert ["6"] * 3 == [record.handed for record in watched.ended[1:]]


def test_the_deadline_ends_a_wait_for_tls(silent: Silent, ca_file: str) -> None:
    """With no idle timer at all the deadline alone ends it."""
    with silent() as server:
        options = RetryOptions(deadline_seconds=0.4, idle_seconds=None)
        watched = Watched(prepared(server, ca_file), options)
        start = time.monotonic()
        watched.consume()
        took = time.monotonic() - start

    assert watched.error is None
    assert 0.4 <= took < 0.4 + STOP_SECONDS


@pytest.mark.parametrize("handshakes", [0, 1], ids=["list", "watch"])
def test_stop_ends_a_reflector_that_waits_for_tls(
    handshakes: int, silent: Silent, ca_file: str
) -> None:
    """Its list and its watch are reached alike."""
    with silent(handshakes) as server:

        def stop(reflector: kwlab.Reflector) -> None:
            assert server.is_holding.wait(LONG)
            reflector.stop()

        error, took = consumed(server, ca_file, is_prepared=True, once=stop)

    assert error is None
    assert took < STOP_SECONDS
    assert handshakes + 1 == server.accepted_total


@pytest.mark.parametrize("is_prepared", [True, False], ids=["prepared", "as made"])
@pytest.mark.parametrize("handshakes", [0, 1], ids=["list", "watch"])
def test_the_deadline_of_a_reflector_holds_for_tls(
    handshakes: int, is_prepared: bool, silent: Silent, ca_file: str
) -> None:
    """Also with a client that nobody prepared: the Reflector passes a ``_request_timeout``."""
    with silent(handshakes) as server:
        options = ReflectorOptions(retry=RetryOptions(deadline_seconds=0.6))
        error, took = consumed(
            server, ca_file, is_prepared=is_prepared, options=options, retries=False
        )

    assert error is None
    assert took < 0.6 + STOP_SECONDS


@contextmanager
def unanswered() -> Iterator[str]:
    """Give the address of a listener whose queue is full: Linux drops what comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        try:
            yield f"http://127.0.0.1:{address[1]}"
        finally:
            for one in waiting:
                one.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fills a queue of Linux")
def test_the_deadline_ends_a_wait_for_tcp() -> None:
    """Where not even TCP is answered, no attempt outlives idle timer and deadline."""
    with unanswered() as url:
        api = client.CoreV1Api(client.ApiClient(client.Configuration(host=url)))
        kwlab.prepared(api.api_client)
        watched = Watched(api, RetryOptions(deadline_seconds=0.5, idle_seconds=0.2))
        start = time.monotonic()
        watched.consume()
        took = time.monotonic() - start

    assert watched.error is None
    assert 0.5 <= took < 0.5 + STOP_SECONDS
    assert Close.REFUSED is watched.ended[0].close
    assert 0.2 <= watched.ended[0].lived_seconds < 0.5
