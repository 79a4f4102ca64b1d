"""The API server as a pure function: a request at a time gives status, headers and frames.

Nothing here sleeps, and there is no socket and no thread: each frame says when it is due, and
whoever sends it waits. What is answered, and how, was measured on kube-apiserver 1.36 and 1.37.2.

What a real server does and this one does not is in :data:`NOT_SERVED`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from typing import Any, Final

from kwlab import wire
from kwlab.history import Change, Resource, told
from kwlab.server.accept import takes_json
from kwlab.server.discovery import Discovery, parts_of
from kwlab.server.exchange import (
    JSON,
    TEXT,
    End,
    Frame,
    Refusal,
    Request,
    Response,
    in_pieces,
    refused,
    whole,
)
from kwlab.server.paging import ANY_VERSION, close_token, open_token
from kwlab.server.query import EXACT, Query, Scope, read, read_scope, read_version
from kwlab.server.quoting import quoted
from kwlab.server.views import AsRecorded, View, view_of
from kwlab.server.watchcache import Present, Since, TooOld, WatchCache
from kwlab.wire import EventType

FUTURE_SECONDS: Final = 3.0
"""How long a request waits for a resourceVersion that the server has not reached, in seconds."""
UNLIMITED_SECONDS: Final = 1800.0
"""How long a watch without a timeout lives: a real server draws 1,800 to 3,600 s."""
BOOKMARK_SECONDS: Final = 60.0
BOOKMARK_BEFORE_END_SECONDS: Final = 2.0
PLAIN_BOOKMARK_AFTER_SECONDS: Final = 0.2

SHARED_PAGES: Final = 2
"""So many pages are kept for who asks the same: fifty clients that start together sort once."""

NOT_SERVED: Final[Mapping[str, str]] = {
    "create, update, patch, delete": "405 MethodNotAllowed: a recording cannot be changed",
    "other content types (protobuf, CBOR, YAML)": "JSON where it is accepted too; else 406",
    "gzip of long lists, JSON in lines (?pretty, ;pretty=1, for curl)": "compact JSON",
    "OpenAPI, /metrics, /logs, /watch with nothing behind it": "404",
    "an ETag on discovery, and the server's addresses there": "the whole document, without",
    "a build and its date at /version": "the recorded version, with +kwlab",
    "namespaces, where they were not recorded": "those of the objects, Active for ever",
    "subresources (log, exec, status, scale)": "404",
    "resources without a watch cache (events)": "a window, as for all others",
    "columns of types other than pods in a Table": "name and age, as for a custom resource",
    "fields that a custom resource lets selectors name": "400, as for an unknown field",
    "the keys of a custom resource's lists in alphabetical order": "the order of all others",
    "HTTP/1.0, HTTP/2 and TLS; heads up to 1 MB": "505 or nothing; 431 above 64 KB",
    "any name in the Host header": "421, but for those of loopback",
    "the headers Date, Audit-Id and X-Kubernetes-Pf-*": "none: its clock is the recording's",
    "authentication and authorization": "only as a scenario's refusals (401, 403)",
}
"""What a real server does and this one does not, with what it answers instead."""

_NEVER: Final = float("inf")
_LIST_TOO_OLD: Final = "The resourceVersion for the provided list is too old."
_TOKEN_TOO_OLD: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can "
    "start a new list without the continue parameter, or use the continue token in this response "
    "to retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True, slots=True)
class _Target:
    """Say which resource a path means, in which namespace, and which object of it."""

    resource: Resource
    namespace: str | None
    name: str
    is_watch: bool


class ApiServer:
    """Answer requests from a history.

    Parameters
    ----------
    cache : WatchCache
    """

    def __init__(self, cache: WatchCache) -> None:
        self.cache = cache
        self._resources = {
            (resource.group, resource.version, resource.plural): resource
            for resource in cache.history.resources
        }
        self._groups = {"", *(group for group, _, _ in self._resources)}
        self._discovery = Discovery(cache.history)
        self._page = lru_cache(SHARED_PAGES)(self._make_page)

    def respond(self, request: Request, at: float) -> Response:
        """Answer one request.

        Parameters
        ----------
        request : Request
        at : float
            When it arrives, in seconds.

        Returns
        -------
        Response
            The frames are made as they are asked for.
        """
        try:
            return self._discovery.respond(request, at) or self._dispatch(request, at)
        except Refusal as refusal:
            return refused(refusal, at, is_indented=not takes_json(request.accept))

    def _dispatch(self, request: Request, at: float) -> Response:
        target = self._target(request.path)
        if target is None:
            return whole(at, 404, TEXT, b"404 page not found\n")
        if request.method != "GET":
            message = "the server does not allow this method on the requested resource"
            raise Refusal(405, "MethodNotAllowed", message, {})
        view = view_of(request, target.resource, self.cache.history)
        if target.name and not target.is_watch:
            return self._get(request, target, view, at)
        query = read(request, is_watch=target.is_watch)
        scope = read_scope(request, target.resource, target.namespace, target.name)
        answer = self._watch if query.is_watch else self._list
        return answer(query, scope, view, at)

    def _target(self, path: str) -> _Target | None:
        match parts_of(path):
            case ["api", version, *rest]:
                group = ""
            case ["apis", group, version, *rest] if group:
                pass
            case _:
                return None
        if group not in self._groups:
            return None
        is_watch = rest[:1] == ["watch"]
        rest = rest[1:] if is_watch else rest
        namespace = None
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        resource = self._resources.get((group, version, rest[0])) if rest else None
        name = rest[1] if len(rest) == 2 else ""
        if resource is None or len(rest) > 2 or not _fits(resource, namespace, name):
            raise Refusal(404, "NotFound", "the server could not find the requested resource", {})
        if name and namespace == "":
            raise Refusal(400, "BadRequest", "Namespace parameter required.")
        return _Target(resource, namespace or None, name, is_watch)

    def _reached(self, version: int | None, at: float) -> float:
        """Give when the server has reached a resourceVersion; it waits three seconds for it."""
        if version is None or version <= self.cache.version(at):
            return at
        moment = self.cache.reaches(version)
        if moment <= at + FUTURE_SECONDS:
            return moment
        now = self.cache.version(at + FUTURE_SECONDS)
        raise Refusal(
            504,
            "Timeout",
            f"Timeout: Too large resource version: {version}, current: {now}",
            {
                "causes": [
                    {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
                ],
                "retryAfterSeconds": 1,
            },
            waited_seconds=FUTURE_SECONDS,
        )

    def _get(self, request: Request, target: _Target, view: View, at: float) -> Response:
        at = self._reached(read_version(request), at)
        number = self.cache.history.happened(at)
        for item in self.cache.objects(target.resource, target.namespace, number):
            if item.name == target.name:
                return whole(at, 200, JSON, view.one(item.data, at))
        plural = target.resource.plural
        message = f"{_qualified(target.resource)} {quoted(target.name)} not found"
        details: dict[str, Any] = {"name": target.name, "kind": plural}
        if target.resource.group:
            details = {"name": target.name, "group": target.resource.group, "kind": plural}
        raise Refusal(404, "NotFound", message, details)

    def _list(self, query: Query, scope: Scope, view: View, at: float) -> Response:
        if query.token:
            return self._next_page(query, scope, view, at)
        try:
            version = query.version
        except Refusal as refusal:
            message = f"invalid resource version: {refusal.message}"
            raise Refusal(400, "BadRequest", message) from None
        at = self._reached(version, at)
        limit = 0 if query.resource_version == "0" else query.limit
        # A page at a resourceVersion is exact even when nobody says so (the API's own legacy rule).
        is_exact = bool(version) and (query.match == EXACT or (limit > 0 and not query.match))
        if not is_exact or version is None:
            version = self.cache.version(at)
        elif self.cache.is_compacted(version):
            raise Refusal(410, "Expired", _LIST_TOO_OLD)
        return self._listed(scope, view, at, version, b"", limit)

    def _next_page(self, query: Query, scope: Scope, view: View, at: float) -> Response:
        version, after = open_token(query.token, scope.namespace)
        if query.resource_version not in {"", "0"}:
            message = "specifying resource version is not allowed when using continue"
            raise Refusal(400, "BadRequest", message)
        if version < 0:
            version = self.cache.version(at)
        elif self.cache.is_compacted(version):
            token = close_token(ANY_VERSION, after, scope.namespace)
            raise Refusal(410, "Expired", _TOKEN_TOO_OLD, token=token)
        at = self._reached(version, at)
        return self._listed(scope, view, at, version, after, query.limit)

    def _listed(
        self, scope: Scope, view: View, at: float, version: int, after: bytes, limit: int
    ) -> Response:
        metadata, found = self._page(scope, version, after, limit)
        if not isinstance(view, AsRecorded):
            return whole(at, 200, JSON, view.listed(metadata, found, at))
        resource = scope.resource
        pieces = wire.ListPieces(resource.api_version, resource.kind, metadata, found)
        return in_pieces(at, pieces)

    def _make_page(
        self, scope: Scope, version: int, after: bytes, limit: int
    ) -> tuple[Mapping[str, Any], tuple[bytes, ...]]:
        number = self.cache.number_at(version)
        rest = [
            item
            for item in self.cache.objects(scope.resource, scope.namespace, number)
            if item.key > after
        ]
        found = list(islice(filter(scope.selects, rest), limit if limit > 0 else None))
        metadata: dict[str, Any] = {"resourceVersion": str(version)}
        # There is a next page where anything is left, whether or not it would be selected.
        if 0 < limit == len(found) and found[-1] is not rest[-1]:
            metadata["continue"] = close_token(version, found[-1].key, scope.namespace)
            if scope.is_everything:
                metadata["remainingItemCount"] = len(rest) - limit
        return metadata, tuple(item.data for item in found)

    def _watch(self, query: Query, scope: Scope, view: View, at: float) -> Response:
        version = query.version
        until = at + (query.timeout_seconds or UNLIMITED_SECONDS)
        is_over = until < at
        if query.sends_initial and not is_over:
            try:
                at = self._reached(version, at)
            except Refusal as refusal:
                return _error(refusal, at + refusal.waited_seconds)
            version = None
        start = self.cache.start(scope.resource, scope.namespace, version, at)
        if isinstance(start, TooOld):
            message = f"too old resource version: {version} ({start.oldest})"
            return _error(Refusal(410, "Expired", message), at)
        if is_over or not view.has_lines:
            return Response(at, 200, JSON, iter((Frame(at, End.DONE),)))
        if query.sends_initial is False and isinstance(start, Present):
            start = Since(start.number)
        frames = self._frames(scope, view, start, at, until, bookmarks=query.bookmarks)
        return Response(at, 200, JSON, frames)

    def _frames(
        self,
        scope: Scope,
        view: View,
        start: Present | Since,
        at: float,
        until: float,
        *,
        bookmarks: bool,
    ) -> Iterator[Frame]:
        dues = _bookmark_times(at, until) if bookmarks else iter(())
        if isinstance(start, Present):
            for item in start.objects:
                if scope.is_everything or scope.selects(item):
                    yield Frame(at, view.line(EventType.ADDED, item.data, at))
            if bookmarks:
                yield self._bookmark(scope, view, at, ends_initial_events=True)
                plain = at + PLAIN_BOOKMARK_AFTER_SECONDS
                dues = chain((plain,) if plain < until else (), dues)
        else:
            dues = (due for due in dues if self.cache.version(due) >= start.silent_below)
        due = next(dues, _NEVER)
        for change in self.cache.changes(scope.resource, scope.namespace, start.number):
            if change.at > until:
                break
            while due < max(change.at, at):
                yield self._bookmark(scope, view, due)
                due = next(dues, _NEVER)
            if seen := _seen_through(scope, change):
                sent_at = max(change.at, at)
                yield Frame(sent_at, view.line(*seen, sent_at))
        while due < until:
            yield self._bookmark(scope, view, due)
            due = next(dues, _NEVER)
        yield Frame(until, End.DONE)

    def _bookmark(
        self, scope: Scope, view: View, at: float, *, ends_initial_events: bool = False
    ) -> Frame:
        body = wire.bookmark(
            scope.resource.api_version,
            scope.resource.kind,
            str(self.cache.version(at)),
            ends_initial_events=ends_initial_events,
        )
        return Frame(at, view.line(EventType.BOOKMARK, body, at))


def _fits(resource: Resource, namespace: str | None, name: str) -> bool:
    if resource.is_namespaced:
        return namespace is not None or not name
    return namespace is None


def _qualified(resource: Resource) -> str:
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def _error(refusal: Refusal, at: float) -> Response:
    line = wire.event_line(EventType.ERROR, refusal.body)
    return Response(at, 200, JSON, iter((Frame(at, line), Frame(at, End.DONE))))


def _seen_through(scope: Scope, change: Change) -> tuple[EventType, bytes] | None:
    """Say what a change looks like to a selector: at its boundary, another type."""
    if scope.is_everything:
        return change.type, change.object.data
    seen = told(change, scope.selects)
    return seen and (seen[0], seen[1].data)


def _bookmark_times(at: float, until: float) -> Iterator[float]:
    last = until - BOOKMARK_BEFORE_END_SECONDS
    due = at + BOOKMARK_SECONDS
    while due < last:
        yield due
        due += BOOKMARK_SECONDS
    if last > at:
        yield last
