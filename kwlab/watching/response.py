"""The one place that turns what a watch function returned or raised into wire values.

A watch function returns the official client's open response, or is a generator over
:func:`events`. Either way :class:`Answer` gives the same: that it opened, its events, and exactly
one :class:`~kwlab.watching.resume.Cause` that ended it. What breaks the contract raises
:class:`~kwlab.errors.WatchFunctionError`, with what to write instead.

Neither ``kubernetes`` nor ``urllib3`` is imported with this module: an exception of theirs can
only arrive when somebody else has imported them.
"""

from __future__ import annotations

import contextlib
import socket
import traceback
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import CoroutineType, GeneratorType
from typing import Final, TypeAlias, TypeGuard, TypeVar
from urllib.parse import parse_qs, urlsplit

from kwlab.errors import StreamBroken, WatchFunctionError
from kwlab.messages import say
from kwlab.watching import causes
from kwlab.watching.clock import Clock, OwnClock
from kwlab.watching.reading import Happenings, OpenResponse, close, read
from kwlab.watching.resume import Cause, Happening, Kind, cause_of
from kwlab.wire import EventType, ListOptions, WatchEvent

WatchFunction: TypeAlias = Callable[[ListOptions], object]
"""What a learner writes: from where to start, to an open response or a generator of events."""

LEAST_SECONDS: Final = 0.001
"""The shortest read timeout: one of 0 would mean not to wait at all."""


def events(response: object) -> Iterator[WatchEvent]:
    """Read the events of an open response, for watch functions that are generators.

    Parameters
    ----------
    response : urllib3.HTTPResponse
        What ``list_namespaced_pod(…, watch=True, _preload_content=False)`` returns.

    Returns
    -------
    iterator of WatchEvent
        In the order sent, bookmarks and ERROR events among them; empty when nothing came. It
        ends when the server ends the watch cleanly, and closes the response however it ends.

    Raises
    ------
    WatchFunctionError
        When that is no open response, or the answer is a list and no watch.
    StreamBroken
        While iterating, when the connection is cut, falls silent for longer than its read
        timeout, or brings a line that cannot be read; and when more is asked for after an ERROR
        event, which ends the watch. Let it pass: the retry loop acts on it.

    Examples
    --------
    Bookmarks are passed on too: with them, what is left out does not let the place to go on from
    grow old.

    >>> def only_pods_of_web(options):
    ...     for event in events(watch_pods(options)):
    ...         if event.type == "BOOKMARK" or event.name.startswith("web-"):
    ...             yield event
    """
    opened = _unwrapped(response)
    if not _is_response(opened):
        raise WatchFunctionError(say("function.not_a_response", kind=_kind(response)))
    answer = _calling.get()
    if answer is not None:
        answer.adopt(opened)
    return _unbroken(opened, answer)


def _unbroken(response: OpenResponse, answer: Answer | None) -> Iterator[WatchEvent]:
    reading = answer.happenings(response) if answer else read(response, _nothing)
    with contextlib.closing(reading) as happenings:
        for happening in happenings:
            if isinstance(happening, WatchEvent):
                yield happening
                if happening.type is EventType.ERROR:
                    # Whoever passes it on is not asked for more: a filter has left it out.
                    raise _broken(cause_of(happening))
            elif happening.kind is not Kind.CLEAN_END:
                raise _broken(happening) from happening.error


def _broken(cause: Cause) -> StreamBroken:
    return StreamBroken(say("stream.broken", detail=cause.detail), cause=cause)


class Answer:
    """Call a watch function and give what comes of it.

    Nothing is called before the first happening is asked for.

    Parameters
    ----------
    watch_function : callable
    options : ListOptions
        What it is handed.
    clock : Clock, optional
        The real one when None.

    Attributes
    ----------
    status : int or None
        The HTTP code of the answer; None while and where there is none.
    asked : str or None
        The resourceVersion in the URL of the answer, "" when it holds none; None without an URL.
    headers_at : float or None
        When the answer was known to the function, in seconds.
    bytes_total : int
        How much of the body was read, in bytes.
    hidden_retries : int
        How often the client itself had asked before, at least.
    until : float or None
        When it is time, in seconds: reading is over then, whatever comes, and no wait on a known
        socket is longer than what is left; to be set before the first is asked for.
    """

    def __init__(
        self,
        watch_function: WatchFunction,
        options: ListOptions,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._watch_function = watch_function
        self._options = options
        self.clock = clock or OwnClock()
        self._now = self.clock.now
        self._response: OpenResponse | None = None
        self._socket: socket.socket | None = None
        self._own_timeout: float | None = None
        self._is_interrupted = False
        self._happenings = self._happen()
        self._limit_seconds: float | None = None
        self.status: int | None = None
        self.asked: str | None = None
        self.headers_at: float | None = None
        self.bytes_total = 0
        self.hidden_retries = 0
        self.until: float | None = None

    def __iter__(self) -> Iterator[Happening]:
        """Give what happens, in order: OPENED, the events, and one cause that is the end.

        Returns
        -------
        iterator of WatchEvent or Cause
            Only the end, where nothing was opened. Asking it raises WatchFunctionError when the
            function broke its contract.
        """
        return self._happenings

    def reach(self, connected: socket.socket | None) -> None:
        """Take note of the socket on which the function waits, for TLS or for an answer.

        Parameters
        ----------
        connected : socket.socket or None
            None: on none any more.
        """
        self._socket = connected
        if self._is_interrupted:
            self.interrupt()

    def adopt(self, response: OpenResponse) -> None:
        """Take charge of a response that the function opened.

        Parameters
        ----------
        response : OpenResponse
        """
        self.headers_at = self._now()
        self.status = response.status
        self.asked = _asked(response)
        self.hidden_retries = causes.retries_before(response)
        connection = getattr(response, "connection", None)
        # None where the server will close: http.client has let go of it, and reach() has not.
        connected = getattr(connection, "sock", None) or self._socket
        self._socket, self._response = connected, response
        if connected is not None:
            self._own_timeout = connected.gettimeout()
        self.limit(self._limit_seconds)
        # An interrupt that came before there was anything to wake.
        if self._is_interrupted:
            self.interrupt()

    def limit(self, seconds: float | None) -> None:
        """Let nobody wait longer for the next bytes, where the socket can be reached.

        Parameters
        ----------
        seconds : float or None
            More than 0; None for as long as the function itself would wait. A shorter read timeout
            of the function's own is kept.
        """
        self._limit_seconds = seconds
        is_limited = seconds is not None or self.until is not None
        if self._response is not None and self._socket is not None and is_limited:
            with contextlib.suppress(OSError):
                self._socket.settimeout(self.shortest(self._own_timeout))

    def shortest(self, own_seconds: float | None = None) -> float | None:
        """Give the shortest of the limit, what is left until it is time, and a timeout.

        Parameters
        ----------
        own_seconds : float or None
            None: no timeout.

        Returns
        -------
        float or None
            More than 0.
        """
        left = None if self.until is None else max(LEAST_SECONDS, self.until - self._now())
        given = (self._limit_seconds, own_seconds, left)
        return min((seconds for seconds in given if seconds is not None), default=None)

    def interrupt(self) -> None:
        """Wake whoever waits for the answer or reads it, from any thread; the reader closes it."""
        self._is_interrupted = True
        with contextlib.suppress(ValueError, RuntimeError, OSError):
            if self._response is not None:
                # Refuses by itself where the connection is somebody else's by now.
                getattr(self._response, "shutdown", _nothing)()
            elif self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close what the function opened; closing twice does no harm."""
        self._happenings.close()
        if self._response is not None:
            close(self._response)

    def took(self, size: int) -> None:
        """Count what was read.

        Parameters
        ----------
        size : int
            In bytes.
        """
        self.bytes_total += size

    def happenings(self, response: OpenResponse) -> Happenings:
        """Read a response of this answer to its end, or until it is time.

        Parameters
        ----------
        response : OpenResponse

        Returns
        -------
        generator of WatchEvent or Cause
        """
        return read(response, self.took, None if self.until is None else self._is_late)

    def _is_late(self) -> bool:
        # What came may have been no event, and there is less to wait for now.
        self.limit(self._limit_seconds)
        return self.until is not None and self._now() >= self.until

    @property
    def _is_open(self) -> bool:
        return self._response is not None and self._response.status < 300

    def _happen(self) -> Happenings:
        try:
            returned = self._called(self._watch_function, self._options)
        except Exception as error:
            yield self._failed(error)
            return
        if returned is None:
            yield Cause(Kind.NOTHING, error=WatchFunctionError(say("function.nothing")))
        else:
            yield from self._answered(returned)

    def _failed(self, error: Exception) -> Cause:
        cause = causes.of_error(error, is_open=self._is_open)
        self.hidden_retries = max(self.hidden_retries, causes.retries_behind(error))
        if self.status is None and cause.code is not None:
            self.status, self.headers_at = cause.code, self._now()
        return cause

    def _called(self, function: Callable[[_Given], _Got], given: _Given) -> _Got:
        token = _calling.set(self)
        try:
            return function(given)
        finally:
            _calling.reset(token)

    def _answered(self, returned: object) -> Happenings:
        response = _unwrapped(returned)
        if _is_response(response):
            self.adopt(response)
            if self._is_open:
                yield Cause(Kind.OPENED, code=response.status)
            yield from self.happenings(response)
        elif isinstance(returned, Iterator) and not _is_watch_stream(returned):
            yield from self._iterated(returned)
        else:
            refusal = _refusal(returned)
            close(returned)
            raise WatchFunctionError(refusal)

    def _iterated(self, iterator: Iterator[object]) -> Happenings:
        try:
            happening = self._advanced(iterator)
            if self._is_open or _is_of_open_stream(happening):
                yield Cause(Kind.OPENED)
            while isinstance(happening, WatchEvent):
                yield happening
                happening = self._advanced(iterator)
            yield happening
        finally:
            _close_generator(iterator)

    def _advanced(self, iterator: Iterator[object]) -> Happening:
        try:
            item = self._called(next, iterator)
        except StopIteration:
            return Cause(Kind.CLEAN_END)
        except Exception as error:
            return self._failed(error)
        if isinstance(item, WatchEvent):
            return item
        raise WatchFunctionError(_refusal_of_item(item))


_Given = TypeVar("_Given")
_Got = TypeVar("_Got")

_calling: Final[ContextVar[Answer | None]] = ContextVar("_calling", default=None)
"""Whose watch function runs: a response that is opened inside a generator is found by it."""


def current() -> Answer | None:
    """Give the answer whose watch function runs in this thread; None outside of one.

    Returns
    -------
    Answer or None
    """
    return _calling.get()


def live_by(clock: Clock) -> None:
    """Tell whoever's watch function runs in this thread that its server has a time of its own.

    It lives by that time from then on, unless it was given a clock. A transport in this process
    says so whenever a request is made; nobody else is told, and nothing is kept.

    Parameters
    ----------
    clock : Clock
    """
    answer = _calling.get()
    if answer is not None and isinstance(answer.clock, OwnClock):
        answer.clock.follow(clock)


def _asked(response: OpenResponse) -> str | None:
    url = getattr(response, "url", None)
    if not isinstance(url, str):
        return None
    return parse_qs(urlsplit(url).query).get("resourceVersion", [""])[0]


def _nothing(*_: object) -> None:
    """Stand for what is not there to be called."""


def _is_of_open_stream(happening: Happening) -> bool:
    return isinstance(happening, WatchEvent) or happening.kind is Kind.CLEAN_END


def why_unreturned(error: BaseException) -> str | None:
    """Say why a watch function had not returned when it was interrupted.

    Without ``_preload_content=False`` the client reads a watch to its end before the call returns,
    and a function with a loop of its own never returns: a recording is over before that.

    Parameters
    ----------
    error : BaseException
        What interrupted it.

    Returns
    -------
    str or None
        What to write instead; None when the function had returned, or is a generator.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    here = [frame.f_code.co_name for frame in frames if frame.f_globals is globals()]
    if "_called" not in here or "_advanced" in here:
        return None
    modules = [frame.f_globals.get("__name__") for frame in frames]
    is_own_loop = "kubernetes.watch.watch" in modules
    reads_whole = any(
        module == "kubernetes.client.rest" and frame.f_code.co_name == "read"
        for module, frame in zip(modules, frames, strict=True)
    )
    return say(
        "function.preloading" if reads_whole and not is_own_loop else "function.never_returned"
    )


def _unwrapped(returned: object) -> object:
    """Take the urllib3 response out of the official client's RESTResponse."""
    return getattr(returned, "response", returned)


_RESPONSE: Final = ("read1", "read_chunked", "headers", "status", "close")


def _is_response(value: object) -> TypeGuard[OpenResponse]:
    return all(hasattr(value, name) for name in _RESPONSE)


def _is_watch_stream(value: object) -> bool:
    frame = value.gi_frame if isinstance(value, GeneratorType) else None
    return frame is not None and frame.f_globals.get("__name__") == "kubernetes.watch.watch"


def _close_generator(iterator: Iterator[object]) -> None:
    try:
        close(iterator)
    except RuntimeError as error:
        if "ignored GeneratorExit" not in str(error):
            raise
        raise WatchFunctionError(say("function.not_closed")) from error


def _refusal(returned: object) -> str:
    if isinstance(returned, CoroutineType):
        return say("function.coroutine")
    if _is_watch_stream(returned):
        return say("function.watch_stream")
    if type(returned).__module__.startswith("kubernetes.client.models"):
        return say("function.preloaded", kind=type(returned).__name__)
    return say("function.returned", kind=_kind(returned))


def _refusal_of_item(item: object) -> str:
    if isinstance(item, dict) and "raw_object" in item:
        return say("function.watch_stream")
    return say("function.yielded", kind=_kind(item))


def _kind(value: object) -> str:
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
