"""Make the changes of a story on a real cluster, and see each of them happen.

The recording says what changes; what the cluster made of it is read from a watch of our own, so
the history that functions are counted against is the cluster's, byte for byte.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from kwlab.cluster import bodies, connection, ownership
from kwlab.cluster.deadline import Deadline
from kwlab.cluster.namespace import POLL_SECONDS, TERMINATING_SECONDS, Namespace
from kwlab.errors import ClusterError
from kwlab.history import Change, History, Object, numbered
from kwlab.messages import say
from kwlab.wire import EventType, LineDecoder, ListPage, WatchEvent, identify

SPELLINGS: Final = {"pods": "pod", "configmaps": "config_map"}
"""What can be played, and how the official client spells it."""
PATIENCE_SECONDS: Final = 10.0
"""So long the cluster may take to get a namespace ready."""
SEEN_SECONDS: Final = 5.0
"""So long it may take to make a change known."""

_NO_ACCOUNT: Final = "error looking up service account"
"""Why pods are refused until controllers have seen a namespace (kube-apiserver 1.37)."""


class Driver:
    """Play one story in one namespace.

    Parameters
    ----------
    namespace : Namespace
    story : History
        Of pods or config maps, in one namespace.

    Raises
    ------
    ClusterError
        For any other story.
    """

    def __init__(self, namespace: Namespace, story: History) -> None:
        self._namespace, self.story = namespace, story
        plurals = {resource.plural for resource in story.resources}
        if len(plurals) != 1 or not plurals <= set(SPELLINGS):
            raise ClusterError(say("cluster.story", kinds=", ".join(sorted(plurals))))
        self.resource = story.resources[0]
        self._spelling = SPELLINGS[self.resource.plural]
        self.start = self._history("", (), ())
        self._changes: list[tuple[float, EventType, Object]] = []
        self._deadline = Deadline()
        self._events: Iterator[WatchEvent] = iter(())
        self._close: Callable[[], None] = lambda: None

    @property
    def happened(self) -> History:
        """Give what the cluster has done since the start."""
        changes = tuple(numbered(self.start.objects, self._changes))
        return self._history(self.start.resource_version, self.start.objects, changes)

    def stand(self, deadline: Deadline, progress: Callable[[int], None]) -> None:
        """Bring the namespace to the start of the story, unless it stands there already.

        Parameters
        ----------
        deadline : Deadline
            Of this, and of what is made until the next time.
        progress : callable
            Called with how many objects are made.

        Raises
        ------
        ClusterError
            When the cluster refuses, or is too slow.
        """
        self._deadline = deadline
        self._namespace.claim(patience_seconds=deadline.within(TERMINATING_SECONDS))
        with self._namespace.connection.clear_errors():
            if self.start.resource_version and set(self._list()[1]) == set(self.start.objects):
                return
            seconds = deadline.within(connection.REMOVAL_SECONDS)
            self._namespace.empty(self._spelling, seconds)
            self._wait_until_empty()
            self._create_all(progress)
            version, objects = self._list()
            self.start = self._history(version, objects, ())

    def begin(self) -> None:
        """Watch from the start; nothing has happened yet.

        Raises
        ------
        ClusterError
            When the cluster refuses.
        """
        self.end()
        self._changes = []
        with self._namespace.connection.clear_errors():
            response = self._call(
                "list",
                self._namespace.name,
                watch=True,
                resource_version=self.start.resource_version,
                label_selector=ownership.SELECTOR,
                _request_timeout=SEEN_SECONDS,
            )
        self._events, self._close = _events(response), response.close

    def make(self, planned: Change) -> tuple[Change, ...]:
        """Make one change of the story, and see what the cluster says of it.

        Parameters
        ----------
        planned : Change

        Returns
        -------
        tuple of Change
            What became of it. The two halves of a deletion come together, with the second.

        Raises
        ------
        ClusterError
            When the cluster refuses, or does not make it known.
        """
        before = len(self._changes)
        with self._namespace.connection.clear_errors():
            if planned.type is EventType.ADDED:
                self._see(planned, EventType.ADDED, self._create(planned.object))
            elif planned.type is EventType.DELETED:
                self._delete(planned)
            elif not self._is_first_half(planned):
                self._see(planned, EventType.MODIFIED, self._patch(planned))
        return self.happened.changes[before:]

    def end(self) -> None:
        """Close the watch."""
        self._close()
        self._close = lambda: None

    def _history(
        self, version: str, objects: tuple[Object, ...], changes: tuple[Change, ...]
    ) -> History:
        return History(
            server=self._namespace.connection.version,
            resources=(self.resource,),
            resource_version=version,
            objects=objects,
            changes=changes,
            seconds=self.story.seconds,
            recorded=self.story.recorded,
        )

    def _call(self, verb: str, *named: object, **options: Any) -> Any:
        method = getattr(self._namespace.api, f"{verb}_namespaced_{self._spelling}")
        seconds = self._deadline.within(connection.ANSWER_SECONDS)
        options.setdefault("_request_timeout", seconds)
        return method(*named, _preload_content=False, **options)

    def _list(self) -> tuple[str, tuple[Object, ...]]:
        answer = self._call("list", self._namespace.name, label_selector=ownership.SELECTOR)
        page = ListPage.parse(answer.read())
        front = b'{"kind":"%s","apiVersion":"%s",' % (
            self.resource.kind.encode(),
            self.resource.api_version.encode(),
        )
        return page.resource_version, tuple(self._object(front + item[1:]) for item in page.items)

    def _wait_until_empty(self) -> None:
        late = time.monotonic() + self._deadline.within(PATIENCE_SECONDS)
        while self._list()[1]:
            if time.monotonic() >= late:
                raise ClusterError(say("cluster.not_emptied", namespace=self._namespace.name))
            time.sleep(POLL_SECONDS)

    def _create_all(self, progress: Callable[[int], None]) -> None:
        """Create what the story begins with: the first alone, until the namespace is ready."""
        for done, item in enumerate(self.story.objects[:1], 1):
            self._create(item)
            progress(done)
        pool = ThreadPoolExecutor(connection.PARALLEL, "kwlab-create")
        try:
            made = pool.map(self._create, self.story.objects[1:])
            for done, _ in enumerate(made, 2):
                self._deadline.check()
                progress(done)
        finally:
            # Whoever removes it all next must find all that was made.
            pool.shutdown(cancel_futures=True)

    def _create(self, item: Object) -> str:
        """Create an object; a new namespace may not be ready for it at once."""
        from kubernetes.client.exceptions import ApiException

        late = time.monotonic() + self._deadline.within(PATIENCE_SECONDS)
        while True:
            try:
                return self._version(
                    self._call("create", self._namespace.name, bodies.created(item))
                )
            except ApiException as error:
                if error.status == 409:
                    facts = {"name": item.name, "namespace": self._namespace.name}
                    raise ClusterError(say("cluster.taken", **facts)) from error
                is_early = error.status == 403 and _NO_ACCOUNT in str(error.body)
                if not is_early or time.monotonic() >= late:
                    raise
            time.sleep(POLL_SECONDS)

    def _patch(self, planned: Change) -> str:
        name = planned.object.name
        uid = self._uid(name)
        if not uid:
            # Without one, whatever has the name by now would be changed.
            raise ClusterError(say("cluster.gone", name=name, namespace=self._namespace.name))
        body = bodies.patched(planned, uid)
        return self._version(self._call("patch", name, self._namespace.name, body))

    def _delete(self, planned: Change) -> None:
        name = planned.object.name
        if uid := self._uid(name):
            only = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
            self._call("delete", name, self._namespace.name, body=only)
            self._see(planned, EventType.DELETED)

    def _is_first_half(self, planned: Change) -> bool:
        """Tell whether a change is followed by the deletion that it announces."""
        later = self.story.changes[planned.number :]
        same = (each for each in later if each.object.uid == planned.object.uid)
        following = next(same, None)
        is_deleted = following is not None and following.type is EventType.DELETED
        return is_deleted and bodies.is_ending(planned)

    def _announced_at(self, deletion: Change) -> float:
        """Give when the first half of a deletion was, but not before what has happened."""
        before = reversed(self.story.changes[: deletion.number - 1])
        same = (each.at for each in before if each.object.uid == deletion.object.uid)
        last = self._changes[-1][0] if self._changes else 0.0
        return max(next(same, deletion.at), last)

    def _uid(self, name: str) -> str:
        """Give the uid of an object that exists; empty when it is gone."""
        present = self.happened.state(len(self._changes)).values()
        return next((item.uid for item in present if item.name == name), "")

    def _see(self, planned: Change, kind: EventType, version: str = "") -> None:
        """Take what the cluster says, until it has said what was done."""
        for event in self._events:
            if event.type is EventType.BOOKMARK:
                continue
            if event.status is not None:
                break
            at = planned.at
            if event.type is EventType.MODIFIED and kind is EventType.DELETED:
                at = self._announced_at(planned)
            self._changes.append((at, event.type, self._object(event.object_bytes)))
            is_it = event.type is kind and event.name == planned.object.name
            if is_it and version in {"", event.resource_version}:
                return
        raise ClusterError(say("cluster.unseen", name=planned.object.name, kind=kind.value))

    def _object(self, data: bytes) -> Object:
        who = identify(data)
        return Object(self.resource, who.namespace, who.name, who.uid, who.resource_version, data)

    @staticmethod
    def _version(response: Any) -> str:
        return identify(response.read()).resource_version


def _events(response: Any) -> Iterator[WatchEvent]:
    decoder = LineDecoder()
    while chunk := response.read1():
        for event in decoder.feed(chunk):
            if isinstance(event, WatchEvent):
                yield event
