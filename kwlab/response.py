"""The one place that turns what a watch function returned or raised into wire values.

A watch function returns the official client's open response, or is a generator over
:func:`events`. Either way :class:`Answer` gives the same: that it opened, its events, and exactly
one :class:`~kwlab.resume.Cause` that ended it. What breaks the contract raises
:class:`~kwlab.errors.WatchFunctionError`, with what to write instead.

Neither ``kubernetes`` nor ``urllib3`` is imported with this module: an exception of theirs can
only arrive when somebody else has imported them.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import sys
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from contextvars import ContextVar
from types import GeneratorType
from typing import Any, Final, Protocol, TypeAlias, TypeGuard, TypeVar

from kwlab.errors import KwlabError, StreamBroken, WatchFunctionError
from kwlab.messages import say
from kwlab.resume import Cause, Happening, Kind
from kwlab.wire import (
    LineDecoder,
    ListOptions,
    Status,
    Unreadable,
    WatchEvent,
    python_name,
)

WatchFunction: TypeAlias = Callable[[ListOptions], object]
"""What a learner writes: from where to start, to an open response or a generator of events."""

READ_BYTES: Final = 64 * 1024
"""How much is taken at once when it is there; a read returns as soon as anything is."""

STATUS_BYTES: Final = 64 * 1024
"""How much of the body of a refusal is read: a Status is a few hundred bytes."""


class OpenResponse(Protocol):
    """Describe the part of ``urllib3.HTTPResponse`` that is used here."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]:
        """Give the headers, whatever case they are asked for in."""

    def read1(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        """Give what is there, at most so much, and nothing at the end."""

    @property
    def chunked(self) -> bool:
        """Tell whether the body is sent in chunks."""

    def supports_chunked_reads(self) -> bool:
        """Tell whether read_chunked() would work."""

    def read_chunked(
        self, amt: int | None = None, decode_content: bool | None = None
    ) -> Iterator[bytes]:
        """Give the chunks, cut where one is longer than ``amt``, as each is there."""

    def close(self) -> None:
        """Let go of the connection."""


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
        timeout, or brings a line that cannot be read. Let it pass: the retry loop resumes.

    Examples
    --------
    >>> def only_pods_of_web(options):
    ...     for event in events(watch_pods(options)):
    ...         if event.name.startswith("web-"):
    ...             yield event
    """
    opened = _unwrapped(response)
    if not _is_response(opened):
        raise WatchFunctionError(say("function.not_a_response", kind=_kind(response)))
    answer = _calling.get()
    if answer is not None:
        answer.adopt(opened)
    return _unbroken(opened)


def _unbroken(response: OpenResponse) -> Iterator[WatchEvent]:
    with contextlib.closing(_read(response)) as happenings:
        for happening in happenings:
            if isinstance(happening, WatchEvent):
                yield happening
            elif happening.kind is not Kind.CLEAN_END:
                message = say("stream.broken", detail=happening.detail)
                raise StreamBroken(message, cause=happening) from happening.error


class Answer:
    """Call a watch function and give what comes of it.

    Nothing is called before the first happening is asked for.

    Parameters
    ----------
    watch_function : callable
    options : ListOptions
        What it is handed.
    """

    def __init__(self, watch_function: WatchFunction, options: ListOptions) -> None:
        self._watch_function = watch_function
        self._options = options
        self._response: OpenResponse | None = None
        self._is_interrupted = False
        self._happenings = self._happen()

    def __iter__(self) -> Iterator[Happening]:
        """Give what happens, in order: OPENED, the events, and one cause that is the end.

        Returns
        -------
        iterator of WatchEvent or Cause
            Only the end, where nothing was opened. Asking it raises WatchFunctionError when the
            function broke its contract.
        """
        return self._happenings

    def adopt(self, response: OpenResponse) -> None:
        """Take charge of a response that the function opened.

        Parameters
        ----------
        response : OpenResponse
        """
        self._response = response
        # An interrupt that came before there was anything to wake.
        if self._is_interrupted:
            self.interrupt()

    def interrupt(self) -> None:
        """Wake whoever reads the response, from any thread; the reader closes it."""
        self._is_interrupted = True
        shutdown = getattr(self._response, "shutdown", None)
        if shutdown is not None:
            with contextlib.suppress(ValueError, RuntimeError, OSError):
                shutdown()

    def close(self) -> None:
        """Close what the function opened; closing twice does no harm."""
        self._happenings.close()
        if self._response is not None:
            _close(self._response)

    @property
    def _is_open(self) -> bool:
        return self._response is not None and self._response.status < 300

    def _happen(self) -> Happenings:
        try:
            returned = self._called(self._watch_function, self._options)
        except Exception as error:
            yield _cause_of(error, is_open=self._is_open)
            return
        if returned is None:
            yield Cause(Kind.NOTHING, error=WatchFunctionError(say("function.nothing")))
        else:
            yield from self._answered(returned)

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
            yield from _read(response)
        elif isinstance(returned, Iterator) and not _is_watch_stream(returned):
            yield from self._iterated(returned)
        else:
            refusal = _refusal(returned)
            _close(returned)
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
            _close(iterator)

    def _advanced(self, iterator: Iterator[object]) -> Happening:
        try:
            item = self._called(next, iterator)
        except StopIteration:
            return Cause(Kind.CLEAN_END)
        except Exception as error:
            return _cause_of(error, is_open=self._is_open)
        if isinstance(item, WatchEvent):
            return item
        raise WatchFunctionError(_refusal_of_item(item))


Happenings: TypeAlias = Generator[Happening, None, None]
"""Events and, last, the cause that ended them."""

_Given = TypeVar("_Given")
_Got = TypeVar("_Got")

_calling: Final[ContextVar[Answer | None]] = ContextVar("_calling", default=None)
"""Whose watch function runs: a response that is opened inside a generator is found by it."""


def _is_of_open_stream(happening: Happening) -> bool:
    return isinstance(happening, WatchEvent) or happening.kind is Kind.CLEAN_END


def _read(response: OpenResponse) -> Happenings:
    """Read an answer to its end, and close it however that comes."""
    try:
        if response.status >= 300:
            yield _refused(response)
        else:
            yield from _lines(response)
    finally:
        _close(response)


def _lines(response: OpenResponse) -> Happenings:
    decoder = LineDecoder()
    end = Cause(Kind.CLEAN_END)
    try:
        for chunk in _chunks(response):
            for decoded in decoder.feed(chunk):
                if isinstance(decoded, Unreadable):
                    yield _unreadable(decoded)
                    return
                yield decoded
    except Exception as error:
        end = _cause_of(error, is_open=True)
    for decoded in decoder.close():
        if isinstance(decoded, WatchEvent):
            yield decoded
    yield end


def _chunks(response: OpenResponse) -> Iterator[bytes]:
    """Give the bytes of a body as they come; raise what reading raises."""
    # A watch is not compressed; where a proxy does it, urllib3 undoes it at some cost per read.
    is_encoded = bool(response.headers.get("Content-Encoding"))
    if not _is_chunked(response):
        return iter(lambda: response.read1(READ_BYTES, is_encoded), b"")
    # A third of the cost of read1, which sets up its error handling for every read. It waits for
    # a whole chunk, which its sender had in hand when it wrote the size.
    chunks: Iterator[bytes] = response.read_chunked(READ_BYTES, is_encoded)
    return chunks if is_encoded else _with_torn_chunk(chunks)


def _is_chunked(response: OpenResponse) -> bool:
    return response.chunked and response.supports_chunked_reads()


def _with_torn_chunk(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Give also what a cut left of the last chunk: whole events may stand in it."""
    try:
        yield from chunks
    except Exception as error:
        torn = error.__cause__
        if isinstance(torn, http.client.IncompleteRead) and torn.partial:
            yield torn.partial
        raise


def _unreadable(line: Unreadable) -> Cause:
    if line.list_kind is not None:
        raise WatchFunctionError(say("function.not_a_watch", kind=line.list_kind))
    return Cause(Kind.UNREADABLE, detail=f"{line.reason}: {line.excerpt!r}")


def _refused(response: OpenResponse) -> Cause:
    try:
        body = response.read1(STATUS_BYTES, True)
    except Exception as error:
        return _cause_of(error, is_open=False)
    return _status_cause(response.status, response.headers, body, None)


def _status_cause(
    code: int, headers: Mapping[str, str] | None, body: bytes, error: Exception | None
) -> Cause:
    status = Status.parse(body) or Status(code)
    named = _seconds((headers or {}).get("Retry-After"))
    return Cause(
        _STATUS_KINDS.get(code, Kind.STATUS),
        code=code,
        status=status,
        retry_after_seconds=max(named, status.retry_after_seconds),
        detail=f"HTTP {code} {status.message or status.reason}".rstrip(),
        error=error,
    )


_STATUS_KINDS: Final = {
    401: Kind.STATUS_DENIED,
    403: Kind.STATUS_DENIED,
    404: Kind.STATUS_NOT_FOUND,
    410: Kind.STATUS_EXPIRED,
}


def _seconds(retry_after: str | None) -> float:
    """Read a Retry-After in seconds; kube-apiserver sends no dates, and here is no clock."""
    text = (retry_after or "").strip()
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _cause_of(error: Exception, *, is_open: bool) -> Cause:
    """Translate what a call or a read raised; what broke the contract is raised instead."""
    if isinstance(error, StreamBroken) and isinstance(error.cause, Cause):
        return error.cause
    if isinstance(error, KwlabError):
        raise error
    if _is_a(error, "kubernetes.client.exceptions", "ApiException"):
        return _api_exception(error, is_open=is_open)
    kind = _transport_kind(error, is_open=is_open)
    if kind is not None:
        return Cause(kind, detail=f"{kind} ({type(error).__name__})", error=error)
    broken = _broken_contract(error)
    if broken is not None:
        raise WatchFunctionError(broken) from error
    return Cause(Kind.RAISED, detail=type(error).__name__, error=error)


def _api_exception(error: Any, *, is_open: bool) -> Cause:
    # The client's own word for a TLS failure is an ApiException with status 0.
    if not error.status:
        kind = Kind.CUT if is_open else Kind.REFUSED
        return Cause(kind, detail=f"{kind} ({str(error.reason).splitlines()[0]})", error=error)
    body = error.body.encode() if isinstance(error.body, str) else error.body or b""
    return _status_cause(int(error.status), error.headers, body, error)


def _is_a(error: BaseException, module: str, name: str) -> bool:
    found = getattr(sys.modules.get(module), name, None)
    return found is not None and isinstance(error, found)


def _transport_kind(error: BaseException, *, is_open: bool) -> Kind | None:
    reason = getattr(error, "reason", None)
    if _is_a(error, _URLLIB3, "MaxRetryError") and isinstance(reason, Exception):
        return _transport_kind(reason, is_open=is_open)
    if _is_a(error, _URLLIB3, "ReadTimeoutError") or isinstance(error, TimeoutError):
        return Kind.SILENT
    if _is_a(error, _URLLIB3, "DecodeError"):
        return Kind.UNREADABLE
    if isinstance(error, _BROKEN) or any(_is_a(error, _URLLIB3, name) for name in _URLLIB3_BROKEN):
        return Kind.CUT if is_open else Kind.REFUSED
    return None


_URLLIB3: Final = "urllib3.exceptions"
_URLLIB3_BROKEN: Final = (
    "ConnectTimeoutError",
    "NewConnectionError",
    "ProtocolError",
    "ProxyError",
    "ResponseError",
    "SSLError",
)
_BROKEN: Final = (
    ConnectionError,
    http.client.HTTPException,
    socket.gaierror,
    socket.herror,
    ssl.SSLError,
)


def _broken_contract(error: Exception) -> str | None:
    modules = [
        frame.f_globals.get("__name__") for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    name = type(error).__name__
    if "kubernetes.client.api_client" in modules and name in {"JSONDecodeError", "ValidationError"}:
        return say("function.preloaded_failed", error=name)
    if name == "ValidationError" and "pydantic._internal._validate_call" in modules:
        return _refused_argument(error)
    if not isinstance(error, TypeError):
        return None
    if unexpected := _UNEXPECTED.search(str(error)):
        return _camel_case(unexpected[1])
    # Nothing of the function's own ran: it was the call that failed.
    if modules[-1] == __name__ and "argument" in str(error):
        return say("function.signature", error=error)
    return None


_UNEXPECTED: Final = re.compile(r"unexpected keyword argument '(\w+)'")


def _refused_argument(error: Any) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if name.isdecimal() and isinstance(first.get("input"), ListOptions):
        return say("function.positional")
    return _camel_case(name) or say("function.refused_argument", name=name, reason=first["msg"])


def _camel_case(name: str) -> str | None:
    known = python_name(name)
    return say("function.camel_case", name=name, python_name=known) if known else None


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


def _refusal(returned: object) -> str:
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


def _close(opened: object) -> None:
    """Close, and give the connection back to its pool, whatever the client's response is."""
    for name in ("close", "release_conn"):
        method = getattr(opened, name, None)
        if callable(method):
            method()
