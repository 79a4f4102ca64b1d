"""Follow a real server with a RetryWatcher or a Reflector, in a thread, while faults strike."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, Self, TypeAlias, TypeVar
from urllib.parse import urlsplit

from kubernetes import client

import kwlab
from kwlab.cluster.proxy import LoopbackProxy
from kwlab.watching.observer import AttemptEnded, ReflectorRecord
from kwlab.watching.reflector import Reflector
from kwlab.watching.reflectoroptions import ReflectorOptions
from kwlab.watching.retrywatcher import RetryWatcher
from kwlab.watching.store import Key, ReflectorEvent
from kwlab.wire import ListOptions, WatchEvent
from tests.leaks import LONG, until
from tests.realserver import RealServer

LABEL: Final = "kwlab-test"

Told: TypeAlias = tuple[str, str]
"""Type and name of an event."""

_Record = TypeVar("_Record")


class Place:
    """Objects of one test in the namespace that all may read, known by their label."""

    kind = "config_map"

    def __init__(self, server: RealServer, label: str) -> None:
        self.server, self.namespace = server, server.namespace
        self.selector = f"{LABEL}={label}"
        self.changes: list[Told] = []
        self._labels = {LABEL: label}

    @property
    def resource_version(self) -> str:
        """The list's own."""
        return str(self._listed().metadata.resource_version)

    @property
    def exists(self) -> dict[Key, tuple[str, str]]:
        """Uid and resourceVersion of what exists, by namespace and name."""
        metadata = [one.metadata for one in self._listed().items]
        return {(one.namespace, one.name): (one.uid, one.resource_version) for one in metadata}

    def add(self, name: str, data: str = "") -> None:
        body = {"metadata": {"name": name, "labels": self._labels}, **self.body(data)}
        self.method("create_namespaced")(self.namespace, body)
        self.changes.append(("ADDED", name))

    def modify(self, name: str, data: str) -> None:
        self.method("patch_namespaced")(name, self.namespace, self.body(data))
        self.changes.append(("MODIFIED", name))

    def delete(self, name: str) -> None:
        self.method("delete_namespaced")(name, self.namespace)
        self.changes.append(("DELETED", name))

    def clear(self) -> None:
        """Leave nothing there, and the administrator's client without a connection."""
        self.method("delete_collection_namespaced")(self.namespace, label_selector=self.selector)
        self.server.client().rest_client.pool_manager.clear()

    def body(self, data: str) -> dict[str, Any]:
        return {"data": {"it": data}}

    def method(self, verb: str, core: client.CoreV1Api | None = None) -> Any:
        """Give a method of the official client, by default the administrator's."""
        return getattr(core or self.server.core, f"{verb}_{self.kind}")

    def _listed(self) -> Any:
        return self.method("list_namespaced")(self.namespace, label_selector=self.selector)


class Uncached(Place):
    """Objects that a server keeps no watch cache of: each list and watch goes to etcd."""

    kind = "event"

    def body(self, data: str) -> dict[str, Any]:
        return {"involvedObject": {"namespace": self.namespace}, "message": data}


class Following:
    """Iterate in a thread; the way to the server is a proxy that can be cut."""

    def __init__(self, server: RealServer, token: str, *, is_prepared: bool = True) -> None:
        address = urlsplit(server.url)
        assert address.hostname is not None and address.port is not None
        self.wire = LoopbackProxy(address.hostname, address.port)
        self.events: list[WatchEvent] = []
        self.records: list[ReflectorRecord] = []
        self.error: BaseException | None = None
        self.watcher: RetryWatcher | Reflector
        self._may_go_on = threading.Event()
        self._may_go_on.set()
        self._thread = threading.Thread(target=self._iterate, name="following")
        self.wire.open()
        host, port = self.wire.address
        configuration = client.Configuration(host=f"https://{host}:{port}")
        configuration.ssl_ca_cert = server.authority
        configuration.api_key = {"authorization": f"Bearer {token}"}
        self._api_client = client.ApiClient(configuration)
        if is_prepared:
            kwlab.prepared(self._api_client)
        self.core = client.CoreV1Api(self._api_client)

    def retry(self, place: Place, resource_version: str, **options: Any) -> Self:
        """Watch a place from a resourceVersion."""

        def watch(asked: ListOptions) -> object:
            return place.method("list_namespaced", self.core)(
                place.namespace,
                watch=True,
                _preload_content=False,
                label_selector=place.selector,
                **asked.replace(**options),
            )

        self.watcher = RetryWatcher(resource_version, watch, observer=self.records.append)
        return self

    def reflect(
        self, place: Place, before: Callable[[dict[str, Any]], None] | None = None, **options: Any
    ) -> Self:
        """List a place and watch it; ``before`` is called with what each request asks."""

        def list_and_watch(namespace: str, **asked: Any) -> object:
            if before is not None:
                before(asked)
            return place.method("list_namespaced", self.core)(namespace, **asked)

        self.watcher = Reflector(
            list_and_watch,
            place.namespace,
            label_selector=place.selector,
            options=ReflectorOptions(observer=self.records.append, **options),
        )
        return self

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on()
        self.watcher.stop()
        self._thread.join(LONG)
        assert not self._thread.is_alive()
        self.watcher.close()
        self._api_client.close()
        self.wire.close()

    @property
    def told(self) -> list[Told]:
        return [(event.type.value, event.name) for event in list(self.events)]

    @property
    def origins(self) -> list[str]:
        return [event.origin.value for event in self.events if isinstance(event, ReflectorEvent)]

    @property
    def attempts(self) -> list[AttemptEnded]:
        return self.of(AttemptEnded)

    def of(self, kind: type[_Record]) -> list[_Record]:
        return [record for record in list(self.records) if isinstance(record, kind)]

    def hold(self) -> None:
        """Take one more event, and then none until it may go on."""
        self._may_go_on.clear()

    def go_on(self) -> None:
        self._may_go_on.set()

    def wait_for(self, condition: Callable[[Self], object]) -> None:
        """Wait until a condition holds, or it is over."""
        until(lambda: condition(self) or not self._thread.is_alive())
        assert condition(self), (self.error, self.told, self.records)

    def wait_for_the_end(self) -> BaseException | None:
        self._thread.join(LONG)
        assert not self._thread.is_alive(), self.records
        return self.error

    def _iterate(self) -> None:
        try:
            for event in self.watcher:
                self.events.append(event)
                assert self._may_go_on.wait(LONG)
        except BaseException as error:
            self.error = error
