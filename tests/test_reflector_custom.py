"""A Reflector on custom resources, whose methods in the official client know no WatchList."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Final

import pytest
from kubernetes import client, config

import kwlab
from kwlab.watching.reflector import Reflector
from kwlab.watching.reflectoroptions import ReflectorOptions
from tests.leaks import until
from tests.raw_server import Connection, RawServer
from tests.realserver import RealServer
from tests.test_reflector_wire import list_of, whole

GROUP: Final = "lab.example.com"
OPTIONS: Final = ReflectorOptions(use_watch_list=True)


def foo(name: str) -> dict[str, object]:
    return {"apiVersion": f"{GROUP}/v1", "kind": "Foo", "metadata": {"name": name}}


def prepared(url: str) -> client.ApiClient:
    return kwlab.prepared(client.ApiClient(client.Configuration(host=url)))


def test_where_the_client_knows_no_watch_list_it_is_listed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """``use_watch_list`` with ``CustomObjectsApi`` is a list, and said once."""

    def answer(connection: Connection, _: int) -> None:
        connection.send(whole(list_of(5, {"metadata": {"name": "a", "resourceVersion": "4"}})))

    with caplog.at_level(logging.WARNING, "kwlab"), RawServer(answer) as server:
        api = client.CustomObjectsApi(prepared(server.url))
        method = api.list_namespaced_custom_object
        with Reflector(method, GROUP, "v1", "lab", "foos", options=OPTIONS) as reflector:
            assert reflector.sync()
            assert [("", "a")] == list(reflector.store)
        api.api_client.close()

    assert ["0"] == server.asked
    assert [
        "list_namespaced_custom_object takes no send_initial_events, so the Reflector lists in "
        "place of a WatchList."
    ] == [record.getMessage() for record in caplog.records]


def test_a_method_that_takes_any_keyword_is_asked_for_a_watch_list() -> None:
    """Of such a method nothing is known before, so the server decides."""
    queries: list[str] = []

    def any_keyword(**keywords: object) -> object:
        queries.append("watchlist" if "send_initial_events" in keywords else "list")
        reflector.stop()
        raise ConnectionError

    reflector = Reflector(any_keyword, options=OPTIONS)
    assert not reflector.sync()
    assert ["watchlist"] == queries


@pytest.fixture
def foos(realserver: RealServer) -> Iterator[str]:
    """Lend a namespace in which there can be Foos."""
    definitions = client.ApiextensionsV1Api(realserver.client())
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "foos", "singular": "foo", "kind": "Foo", "listKind": "FooList"}
    definitions.create_custom_resource_definition(
        {
            "metadata": {"name": f"foos.{GROUP}"},
            "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
        }
    )
    namespace = realserver.new_namespace("foos")
    path = f"/apis/{GROUP}/v1/namespaces/{namespace}/foos"
    until(lambda: realserver.ask(path, token=realserver.tokens["admin"]).status == 200)
    yield namespace
    definitions.delete_custom_resource_definition(f"foos.{GROUP}")


@pytest.mark.needs("rig")
def test_custom_resources_of_a_real_server_are_reflected(realserver: RealServer, foos: str) -> None:
    """What exists of a custom resource, and what becomes of it, with a WatchList wished for."""
    writing = client.CustomObjectsApi(realserver.client())
    where = (GROUP, "v1", foos, "foos")
    for name in ("a", "b"):
        writing.create_namespaced_custom_object(*where, foo(name))
    own = config.new_client_from_config(realserver.kubeconfig, context="admin")
    watching = client.CustomObjectsApi(kwlab.prepared(own))
    told: list[str] = []

    def consume() -> None:
        for event in reflector:
            told.append(f"{event.origin.value} {event.type.value} {event.name}")

    with Reflector(watching.list_namespaced_custom_object, *where, options=OPTIONS) as reflector:
        assert reflector.sync()
        thread = threading.Thread(target=consume)
        thread.start()
        until(lambda: len(told) == 2)
        writing.delete_namespaced_custom_object(*where, "a")
        writing.create_namespaced_custom_object(*where, foo("a"))
        until(lambda: len(told) == 4)
        reflector.stop()
        thread.join()
    watching.api_client.close()

    assert ["list ADDED a", "list ADDED b", "watch DELETED a", "watch ADDED a"] == told
    assert {"a", "b"} == {name for _, name in reflector.store}
