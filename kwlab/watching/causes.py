"""What a refusal or an exception says happened: the one translation into causes.

Neither ``kubernetes`` nor ``urllib3`` is imported with this module: an exception of theirs can
only arrive when somebody else has imported them.
"""

from __future__ import annotations

import difflib
import email.utils
import http.client
import re
import socket
import ssl
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from kwlab.errors import KwlabError, StreamBroken, WatchFunctionError
from kwlab.messages import say
from kwlab.watching.resume import Cause, Kind
from kwlab.wire import EXCERPT_BYTES, FIELDS, ListOptions, Status, python_name


def of_status(
    code: int, headers: Mapping[str, str] | None, body: bytes, error: Exception | None = None
) -> Cause:
    """Translate an HTTP status of 300 or more.

    Parameters
    ----------
    code : int
    headers : mapping of str to str, or None
        Whatever case they are asked for in.
    body : bytes
        A Status, or whatever a proxy says.
    error : Exception, optional
        What the client raised.

    Returns
    -------
    Cause
        With the longer of the two delays that header and Status ask for.
    """
    status = Status.parse(body) or Status(code)
    named = _retry_after_seconds(headers or {})
    return Cause(
        kind_of(code, status),
        code=code,
        status=status,
        retry_after_seconds=max(named, status.retry_after_seconds),
        detail=f"HTTP {code} {status.message or status.reason}".rstrip(),
        error=error,
    )


def kind_of(code: int, status: Status) -> Kind:
    """Say what a refusal means to whoever asked.

    Parameters
    ----------
    code : int
    status : Status

    Returns
    -------
    Kind
    """
    # To come later with the same resourceVersion would help only where the server lags behind.
    return Kind.STATUS if is_too_large(status) else _STATUS_KINDS.get(code, Kind.STATUS)


def is_too_large(status: Status) -> bool:
    """Tell whether a server has not reached the resourceVersion that was named.

    Parameters
    ----------
    status : Status

    Returns
    -------
    bool

    References
    ----------
    client-go v0.37.2, ``tools/cache/reflector.go`` (``isTooLargeResourceVersionError``): servers
    before 1.19 say it in the message only.
    """
    is_said = status.reason == "Timeout" and "Too large resource version" in status.message
    return is_said or "ResourceVersionTooLarge" in status.causes


_STATUS_KINDS: Final = {
    401: Kind.STATUS_DENIED,
    403: Kind.STATUS_DENIED,
    404: Kind.STATUS_NOT_FOUND,
    410: Kind.STATUS_EXPIRED,
    429: Kind.STATUS_LATER,
    502: Kind.STATUS_LATER,
    503: Kind.STATUS_LATER,
    504: Kind.STATUS_LATER,
}


def _retry_after_seconds(headers: Mapping[str, str]) -> float:
    """Read a Retry-After, which is a number of seconds or a date (RFC 9110, 10.2.3)."""
    text = (headers.get("Retry-After") or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    until = _date(text)
    if until is None:
        return 0.0
    # By the server's own clock where it says what that shows.
    now = _date(headers.get("Date") or "") or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def of_error(error: Exception, *, is_open: bool) -> Cause:
    """Translate what a call or a read raised.

    Parameters
    ----------
    error : Exception
    is_open : bool
        Whether there was an open response.

    Returns
    -------
    Cause

    Raises
    ------
    WatchFunctionError
        When the error shows that the watch function broke its contract.
    KwlabError
        The error itself, where it is one of kwlab's own.
    """
    if isinstance(error, StreamBroken) and isinstance(error.cause, Cause):
        return error.cause
    if isinstance(error, KwlabError):
        raise error
    if _is_a(error, "kubernetes.client.exceptions", "ApiException"):
        return _api_exception(error, is_open=is_open)
    kind = _transport_kind(error, is_open=is_open)
    if kind is not None:
        name = type(error).__name__
        # For ever asked again: whoever looks has to see a wrong CA or host name.
        told = f"{name}: {_words(error)}" if kind is Kind.REFUSED else name
        return Cause(kind, detail=f"{kind} ({told})", error=error)
    broken = _broken_contract(error)
    if broken is not None:
        raise WatchFunctionError(broken) from error
    return Cause(Kind.RAISED, detail=type(error).__name__, error=error)


def _api_exception(error: Any, *, is_open: bool) -> Cause:
    # The client's own word for a TLS failure is an ApiException with status 0.
    if not error.status:
        kind = Kind.CUT if is_open else Kind.REFUSED
        return Cause(kind, detail=f"{kind} ({_words(error)})", error=error)
    body = error.body.encode() if isinstance(error.body, str) else error.body or b""
    return of_status(int(error.status), error.headers, body, error)


def in_full(cause: Cause) -> str:
    """Say what happened, with what the client's own error says where there was no answer.

    Parameters
    ----------
    cause : Cause

    Returns
    -------
    str
        One line.
    """
    if cause.error is None or cause.code is not None:
        return cause.detail or str(cause.kind)
    return f"{cause.kind}: {_words(cause.error)}"


def _words(error: Exception) -> str:
    """Give what an error says, in one line."""
    # Of an ApiException and a MaxRetryError only the reason: the rest are headers and an URL.
    told = " ".join(str(getattr(error, "reason", None) or error).split())
    return _WHO.sub("", told)[:EXCERPT_BYTES]


def retries_before(response: object) -> int:
    """Count the requests that urllib3 made by itself before an answer, redirects not among them.

    Parameters
    ----------
    response : urllib3.HTTPResponse

    Returns
    -------
    int
        0 for what is no response of urllib3.
    """
    history = getattr(getattr(response, "retries", None), "history", ())
    return sum(1 for request in history if request.redirect_location is None)


def retries_behind(error: BaseException) -> int:
    """Count the requests that urllib3 made by itself before a call failed.

    Parameters
    ----------
    error : Exception

    Returns
    -------
    int
        At least so many: a MaxRetryError says that there were some and not how many.
    """
    if _is_given_up(error):
        return 1
    # An ApiException does not carry its response: only the frame that raised it has it.
    raising = [
        frame.f_locals.get("response_data")
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__") == "kubernetes.client.api_client"
    ]
    return max((retries_before(getattr(data, "response", None)) for data in raising), default=0)


def _is_given_up(error: object) -> bool:
    # With retries=False urllib3 raises the first failure as it is.
    return _is_a(error, _URLLIB3, "MaxRetryError")


def _is_a(error: object, module: str, name: str) -> bool:
    found = getattr(sys.modules.get(module), name, None)
    return found is not None and isinstance(error, found)


def _transport_kind(error: BaseException, *, is_open: bool) -> Kind | None:
    reason = getattr(error, "reason", None)
    if _is_given_up(error) and _is_a(reason, _URLLIB3, "ResponseError"):
        # Too many 429 or 503: there was a server, and it answered each time.
        code = _CODE.search(str(reason))
        return _STATUS_KINDS.get(int(code[0]), Kind.STATUS) if code else Kind.STATUS
    if _is_given_up(error) and isinstance(reason, Exception):
        return _transport_kind(reason, is_open=is_open)
    if _is_a(error, _URLLIB3, "ReadTimeoutError") or isinstance(error, TimeoutError):
        return Kind.SILENT
    if _is_a(error, _URLLIB3, "DecodeError"):
        # Before the answer was handed over, the client read the body of a refusal.
        return Kind.UNREADABLE if is_open else Kind.STATUS
    if isinstance(error, _BROKEN) or any(_is_a(error, _URLLIB3, name) for name in _URLLIB3_BROKEN):
        return Kind.CUT if is_open else Kind.REFUSED
    return None


_WHO: Final = re.compile(r"^(<[^>]*>|\w+\([^)]*\)): ")
"""With which urllib3 names a connection or its pool, where it says what became of it."""
_CODE: Final = re.compile(r"\b\d{3}\b")
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
    # Python turns it into a RuntimeError where it leaves a generator.
    if isinstance(error.__cause__ if isinstance(error, RuntimeError) else error, StopIteration):
        return say("function.stop_iteration")
    return _misused(error) or (
        _wrong_call(error, modules) if isinstance(error, TypeError) else None
    )


def _misused(error: Exception) -> str | None:
    """Say how the options are passed on, where Python's own words show that they were not."""
    for pattern, key in _MISUSED:
        if found := re.search(pattern, str(error)):
            return say(key, **found.groupdict())
    return None


def _wrong_call(error: TypeError, modules: list[str | None]) -> str | None:
    if unexpected := _UNEXPECTED.search(str(error)):
        return _misspelt(unexpected[1])
    # Nothing of the function's own ran: it was the call that failed.
    if modules[-1] == _CALLER and "argument" in str(error):
        return say("function.signature", error=error)
    return None


_CALLER: Final = "kwlab.watching.response"
_UNEXPECTED: Final = re.compile(r"unexpected keyword argument '(\w+)'")
_FIELD: Final = f"'(?P<name>{'|'.join(FIELDS)})'"
_MISUSED: Final = (
    (rf"multiple values for keyword argument {_FIELD}", "function.twice"),
    (r"argument after \*\* must be a mapping, not (?P<kind>\w+)", "function.not_unpacked"),
    (r"'ListOptions' object is not callable", "function.options_called"),
    (rf"'ListOptions' object has no attribute {_FIELD}", "function.options_read"),
    (r"'ListOptions' object has no attribute '(copy|pop|update)'", "function.options_change"),
    (r"unsupported operand type.*'ListOptions'", "function.options_change"),
    (r"ListOptions\.replace\(\) takes", "function.replace_by_name"),
)
"""What Python itself says of the options, or of what was unpacked in their place."""


def _refused_argument(error: Any) -> str:
    first = error.errors()[0]
    # What follows the argument's own name tells of pydantic's unions.
    name, given = str(first["loc"][0]) if first["loc"] else "", first.get("input")
    is_by_place = name.isdecimal()
    if isinstance(given, ListOptions) and name in FIELDS:
        return say("function.whole_options", name=name)
    if isinstance(given, ListOptions) or (is_by_place and given in FIELDS):
        return say("function.positional")
    argument = f"argument {name}" if is_by_place else name
    refused = say("function.refused_argument", name=argument, reason=first["msg"])
    return (_misspelt(name) if first["type"] == "unexpected_keyword_argument" else None) or refused


def _misspelt(name: str) -> str | None:
    """Say how the client spells what was meant, where that can be told."""
    known = python_name(name) or next(iter(difflib.get_close_matches(name, _KEYWORDS, 1)), None)
    return say("function.camel_case", name=name, python_name=known) if known else None


_KEYWORDS: Final = (*FIELDS, "_preload_content", "_request_timeout", "namespace", "watch")
