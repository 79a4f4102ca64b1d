"""The ``continue`` of a page: made and read as kube-apiserver does.

References
----------
k8s.io/apiserver 0.37.2, ``pkg/storage/continue.go``.
"""

from __future__ import annotations

import base64
import json
import posixpath
import re
from typing import Final

import msgspec

from kwlab.server.exchange import Refusal

TOKEN_VERSION: Final = "meta.k8s.io/v1"
ANY_VERSION: Final = -1
"""Where a token's own resourceVersion is no more: the rest, as it is now."""

_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9_-]")


class _Token(msgspec.Struct):
    v: str = ""
    rv: int = 0
    start: str = ""


def close_token(version: int, after: bytes, namespace: str | None) -> str:
    """Make the ``continue`` of a page.

    Parameters
    ----------
    version : int
        The resourceVersion of the list; :data:`ANY_VERSION` for a rest that need not be consistent.
    after : bytes
        The key of the last object sent.
    namespace : str or None
        That was asked for: the token says only where to go on in it.

    Returns
    -------
    str
    """
    start = after.decode().removeprefix(f"{namespace}/") + "\0"
    # Only where the cache makes the token does a slash stand in front.
    slash = "" if version == ANY_VERSION else "/"
    packed = msgspec.json.encode(_Token(TOKEN_VERSION, version, slash + start))
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def open_token(token: str, namespace: str | None) -> tuple[int, bytes]:
    """Read a ``continue``.

    Parameters
    ----------
    token : str
    namespace : str or None
        That is asked for now.

    Returns
    -------
    tuple of (int, bytes)
        The resourceVersion, :data:`ANY_VERSION` for an inconsistent rest, and the key after which
        to go on.

    Raises
    ------
    Refusal
        400, when the server did not make it.
    """
    value = _unpacked(token)
    start = "/" + value.start.removeprefix("/")
    if value.v != TOKEN_VERSION:
        raise _invalid(f"server does not recognize this encoded version {value.v}")
    if value.rv == 0:
        raise _invalid(f"incorrect encoded start resourceVersion (version {TOKEN_VERSION})")
    if not value.start:
        raise _invalid(f"encoded start key empty (version {TOKEN_VERSION})")
    if posixpath.normpath(start) != start:
        raise _invalid(value.start)
    prefix = f"{namespace}/" if namespace is not None else ""
    return value.rv, (prefix + start[1:].removesuffix("\0")).encode()


def _unpacked(token: str) -> _Token:
    text = token.replace("\r", "").replace("\n", "")
    wrong = _NOT_BASE64.search(text)
    if wrong or len(text) % 4 == 1:
        raise _invalid(
            f"illegal base64 data at input byte {wrong.start() if wrong else len(text) - 1}"
        )
    packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    try:
        return msgspec.json.decode(packed, type=_Token)
    except (ValueError, RecursionError) as error:
        raise _invalid(_json_fault(packed, str(error))) from None


def _json_fault(packed: bytes, otherwise: str) -> str:
    """Say it as Go does where it is no JSON from the start, or only half of one."""
    rest = packed.lstrip(b" \t\r\n")
    if not rest or _is_half(rest):
        return "unexpected end of JSON input"
    if chr(rest[0]) not in '{["-0123456789tfn':
        return f"invalid character '{chr(rest[0])}' looking for beginning of value"
    return otherwise


def _is_half(text: bytes) -> bool:
    """Check whether JSON ends before it is complete, within a string or between its parts."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return '"' not in error.doc[error.pos + 1 :] and error.doc[error.pos : error.pos + 1] in '"'
    except (ValueError, RecursionError):
        pass
    return False


def _invalid(reason: str) -> Refusal:
    return Refusal(
        400, "BadRequest", f"invalid continue token: continue key is not valid: {reason}"
    )
