"""Fetch what exists: a list in pages, or the initial events of a watch, with what to fall back to.

Whatever goes wrong is the :class:`~kwlab.watching.resume.Cause` that a watch would end with, so
that one table says what is done about it. The requests and the order in which they fall back are
those of client-go's Reflector, with three differences: a list that names a resourceVersion says
``NotOlderThan`` too, because a server takes a page at a bare resourceVersion as a page of exactly
that past, and a watch from there is expired again; the connection of a WatchList is closed when
its end bookmark has come, so that the watch that follows is RetryWatcher's, with all its rules;
and where a server does not know WatchList, or does not send its end bookmark, none is tried
again. What else is refused is listed this once, as in client-go; but not 401, which would refuse
the list too.

References
----------
client-go v0.37.2, ``tools/cache/reflector.go`` (``list``, ``watchList``,
``relistResourceVersion``) and ``tools/pager/pager.go`` (``FullListIfExpired``); KEP-3157.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from kwlab.errors import StreamBroken, WatchFunctionError
from kwlab.messages import say
from kwlab.watching.causes import is_too_large, kind_of
from kwlab.watching.clock import Clock
from kwlab.watching.listmethod import ListAndWatch
from kwlab.watching.reading import READ_BYTES, OpenResponse
from kwlab.watching.response import Answer, current
from kwlab.watching.resume import Cause, Happening, Kind
from kwlab.watching.store import Key, key_of
from kwlab.wire import EXCERPT_BYTES, EventType, ListOptions, ListPage, WatchEvent

NOT_OLDER_THAN: Final = "NotOlderThan"
FROM_CACHE: Final = "0"
"""As old as the watch cache likes: what a first list asks for."""
_NOWHERE: Final = frozenset({"", "0"})
"""From there no watch resumes: a server sends whatever it has."""


@dataclass(frozen=True, slots=True)
class Present:
    """Hold what exists.

    Parameters
    ----------
    resource_version : str
        From which to watch.
    objects : dict of (str, str) to WatchEvent
        By namespace and name, in the order in which they came.
    requests_total : int
        How many requests it took.
    """

    resource_version: str
    objects: dict[Key, WatchEvent] = field(repr=False)
    requests_total: int = 1


class Listing:
    """Fetch what exists, again and again.

    Parameters
    ----------
    method : functools.partial
        The list method with its arguments; it is called with ``_preload_content=False``.
    page_size : int
        How many objects a page holds at most; 0 for no pages.
    silence_seconds : float or None
        How long a list may bring nothing, in seconds; None: for ever.
    watch_list_seconds : float or None
        How long a WatchList may take, in seconds; None: no WatchList is tried.
    clock : Clock
    on_hidden_retries : callable
        Told after a request how often the client itself had asked before, where it had.

    Attributes
    ----------
    requests_total : int
        How many requests the last fetch took.
    is_answered : bool
        Whether the headers of an answer to the last request came.
    """

    def __init__(
        self,
        method: ListAndWatch,
        *,
        page_size: int,
        silence_seconds: float | None,
        watch_list_seconds: float | None,
        clock: Clock,
        on_hidden_retries: Callable[[int], None],
    ) -> None:
        self._method = method
        self._page_size = page_size
        self._silence_seconds = silence_seconds
        self._watch_list_seconds = watch_list_seconds
        self._clock = clock
        self._on_hidden_retries = on_hidden_retries
        self._until = math.inf
        self._answer: Answer | None = None
        self._is_interrupted = False
        self._is_known_unavailable = False
        self._is_always_paged = False
        self.requests_total = 0
        self.is_answered = False

    def interrupt(self) -> None:
        """Wake whoever fetches, from any thread; nothing is fetched after it."""
        self._is_interrupted = True
        answer = self._answer
        if answer is not None:
            answer.interrupt()

    def fetch(self, known: str, until: float = math.inf) -> Present | Cause:
        """Fetch what exists, and is not older than what is known.

        A resourceVersion that the server has forgotten, or has not reached, is asked for once:
        then, until a fetch succeeds, none is named and the server answers with its newest.

        Parameters
        ----------
        known : str
            The last resourceVersion; empty when there is none.
        until : float
            When to give up, in seconds of the clock: a read waits no longer, where its socket is
            known.

        Returns
        -------
        Present or Cause
            Why it failed; of kind STOPPED when it was interrupted, or it is that late.

        Raises
        ------
        WatchFunctionError
            When the method broke its contract.
        """
        self.requests_total, self._until = 0, until
        found = self._fetch(known)
        if isinstance(found, Cause) and is_unavailable(found) and not self._is_known_unavailable:
            self._is_known_unavailable = True
            found = self._fetch(known)
        if isinstance(found, Present):
            self._is_known_unavailable = False
            return replace(found, requests_total=self.requests_total)
        if self._is_over:
            return Cause(Kind.STOPPED)
        if found.kind is Kind.SILENT:
            # What exists is owed at once: no silence is too short to be a failure.
            return replace(found, lived_seconds=math.inf)
        # No resourceVersion was named, so this is a refusal like any other: it may pass.
        return replace(found, kind=Kind.STATUS) if found.kind is Kind.STATUS_EXPIRED else found

    @property
    def _is_over(self) -> bool:
        return self._is_interrupted or self._clock.now() >= self._until

    def _fetch(self, known: str) -> Present | Cause:
        version = "" if self._is_known_unavailable else known
        if self._watch_list_seconds is not None:
            streamed = self._stream(version, self._watch_list_seconds)
            if isinstance(streamed, Present) or not _is_list_worth_a_try(streamed):
                return streamed
            if _is_no_watch_list(streamed):
                self._watch_list_seconds = None
        return self._list(version or ("" if self._is_known_unavailable else FROM_CACHE))

    def _list(self, version: str) -> Present | Cause:
        # A watch cache answers a list at a resourceVersion whole; a page goes to etcd.
        is_paged = version in {"", FROM_CACHE} or self._is_always_paged
        return self._pages(version, self._page_size if is_paged else 0)

    def _pages(self, version: str, limit: int) -> Present | Cause:
        options = _list_options(version, limit)
        first = ""
        objects: dict[Key, WatchEvent] = {}
        while not self._is_over:
            page = self._page(options, objects)
            if isinstance(page, Cause):
                is_rest = "_continue" in options
                if is_rest and limit and page.kind is Kind.STATUS_EXPIRED:
                    # Its token would give a rest that does not go with the pages before it.
                    return self._pages(version, 0)
                return page
            first = first or page.resource_version
            # A watch cache gives no pages from anywhere, so there is none.
            self._is_always_paged |= version == FROM_CACHE and bool(page.token)
            if not page.token:
                return Present(first, objects)
            options = ListOptions(limit=limit or None, _continue=page.token)
        return Cause(Kind.STOPPED)

    def _page(self, options: ListOptions, objects: dict[Key, WatchEvent]) -> ListPage | Cause:
        """Ask for one page, and put its objects to the others."""
        pages: list[ListPage] = []

        def read(_: ListOptions) -> Iterator[WatchEvent]:
            page, events = self._read(options)
            pages.append(page)
            yield from events

        with contextlib.closing(self._happenings(read, self._until)) as happenings:
            for happened in happenings:
                if isinstance(happened, WatchEvent):
                    objects[key_of(happened)] = happened
                elif happened.kind is Kind.CLEAN_END:
                    return pages[0]
                elif happened.kind is not Kind.OPENED:
                    return happened
        return Cause(Kind.STOPPED)

    def _read(self, options: ListOptions) -> tuple[ListPage, list[WatchEvent]]:
        response = self._open(self._silence_seconds, options)
        if not callable(getattr(response, "read1", None)):
            raise WatchFunctionError(say("reflector.returned", kind=type(response).__name__))
        if self._answer is not None:
            self._answer.adopt(response)
        body = b"".join(self._parts(response))
        try:
            page = ListPage.parse(body)
            events = list(page.events())
        except ValueError as error:
            raise _unreadable(str(error), body) from error
        if page.resource_version in _NOWHERE or not all(event.name for event in events):
            raise _unreadable(say("reflector.anonymous"), body)
        return page, events

    def _parts(self, response: OpenResponse) -> Iterator[bytes]:
        """Read a body to its end; each part may take as long as there is left."""
        while not self._is_over and (part := response.read1(READ_BYTES, True)):
            yield part
            if self._answer is not None:
                self._answer.limit(self._silence_seconds)

    def _stream(self, version: str, deadline_seconds: float) -> Present | Cause:
        """Fetch what exists as the beginning of a watch."""
        options = ListOptions(
            resource_version=version or None,
            resource_version_match=NOT_OLDER_THAN,
            send_initial_events=True,
            allow_watch_bookmarks=True,
            timeout_seconds=math.ceil(deadline_seconds),
        )
        until = min(self._until, self._clock.now() + deadline_seconds)
        objects: dict[Key, WatchEvent] = {}

        def open_(_: ListOptions) -> Any:
            return self._open(None, options, watch=True)

        with contextlib.closing(self._happenings(open_, until)) as happenings:
            for happened in happenings:
                if isinstance(happened, Cause):
                    if happened.kind is not Kind.OPENED:
                        is_late = self._clock.now() >= until
                        return _NO_END_BOOKMARK if is_late else happened
                elif happened.type is EventType.ERROR:
                    return _cause_of(happened)
                elif happened.ends_initial_events:
                    if happened.resource_version in _NOWHERE:
                        return Cause(Kind.UNREADABLE, detail=say("reflector.anonymous"))
                    return Present(happened.resource_version, objects)
                else:
                    _take(objects, happened)
        return Cause(Kind.STOPPED)

    def _open(self, silence_seconds: float | None, options: ListOptions, **watch: bool) -> Any:
        self.requests_total += 1
        if self._answer is not None:
            self._answer.limit(silence_seconds)
        timeout = request_timeout(self._method)
        return self._method(_preload_content=False, **timeout, **watch, **options)

    def _happenings(self, function: Callable[[ListOptions], object], until: float) -> _Happenings:
        answer = self._answer = Answer(function, ListOptions(), clock=self._clock)
        answer.until = None if until == math.inf else until
        # An interrupt() that came before this answer was known has interrupted nothing.
        if self._is_interrupted:
            answer.interrupt()
        try:
            yield from answer
        finally:
            self._answer = None
            self.is_answered = answer.status is not None
            answer.close()
            if answer.hidden_retries:
                self._on_hidden_retries(answer.hidden_retries)


_Happenings: TypeAlias = Generator[Happening, None, None]

_TAKEN_AT_ITS_WORD: Final = frozenset({Kind.STATUS_EXPIRED, Kind.STATUS_LATER})
_NO_END_BOOKMARK: Final = Cause(Kind.SILENT, detail="no end bookmark")


def request_timeout(method: ListAndWatch) -> dict[str, float | None]:
    """Say how long the client may wait for a connection and for bytes, where nobody wakes it.

    Parameters
    ----------
    method : functools.partial
        About to be called, as a watch function or inside of one.

    Returns
    -------
    dict of str to float or None
        The argument; empty where the method was given a timeout of its own.
    """
    answer = current()
    if answer is None or "_request_timeout" in method.keywords:
        return {}
    return {"_request_timeout": answer.shortest()}


def is_unavailable(cause: Cause) -> bool:
    """Tell whether a fetch failed because of the resourceVersion that it named.

    Parameters
    ----------
    cause : Cause

    Returns
    -------
    bool
        True when the server has forgotten it (410), and when it has not reached it (504).
    """
    is_ahead = is_too_large(cause.status) if cause.status is not None else False
    return is_ahead or cause.kind is Kind.STATUS_EXPIRED


def _list_options(version: str, limit: int) -> ListOptions:
    return ListOptions(
        resource_version=version or None,
        resource_version_match=NOT_OLDER_THAN if version else None,
        limit=limit or None,
    )


def _unreadable(reason: str, body: bytes) -> StreamBroken:
    detail = f"{reason}: {body[:EXCERPT_BYTES]!r}"
    cause = Cause(Kind.UNREADABLE, detail=detail)
    return StreamBroken(say("stream.broken", detail=detail), cause=cause)


def _is_no_watch_list(cause: Cause) -> bool:
    """Tell whether a server does not know WatchList, or began one and did not say its end."""
    unknown = cause.code in {400, 404, 405, 422, 501}
    return unknown or cause.kind in {Kind.CLEAN_END, Kind.SILENT}


def _is_list_worth_a_try(cause: Cause) -> bool:
    """Tell whether a list may succeed where a WatchList failed so."""
    is_refused = cause.code is not None and cause.code not in {401, 429}
    return _is_no_watch_list(cause) or (is_refused and not is_unavailable(cause))


def _cause_of(event: WatchEvent) -> Cause:
    status = event.status
    if status is None:
        return Cause(Kind.STATUS, detail="an ERROR event")
    kind, detail = kind_of(status.code, status), f"an ERROR event: {status.code} {status.reason}"
    if kind not in _TAKEN_AT_ITS_WORD:
        # In a stream the rest is no last word, as in that of a watch.
        kind = Kind.STATUS
    return Cause(kind, code=status.code, status=status, detail=detail.rstrip())


def _take(objects: dict[Key, WatchEvent], event: WatchEvent) -> None:
    """Follow what changes while the initial events are still being sent."""
    if event.type is EventType.DELETED:
        objects.pop(key_of(event), None)
    elif event.type is not EventType.BOOKMARK:
        objects[key_of(event)] = event
