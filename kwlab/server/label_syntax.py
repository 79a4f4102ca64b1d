"""What a label's key and value may look like, and the API server's words where they do not.

References
----------
k8s.io/apimachinery 0.37.2, ``pkg/api/validate/content`` and ``pkg/util/validation``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_DNS_SUBDOMAIN: Final = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)
_LABEL_NAME: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE: Final = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
LABEL_LIMIT: Final = 63
PREFIX_LIMIT: Final = 253

_NO_SUBDOMAIN: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    f"for validation is '{_DNS_SUBDOMAIN.pattern}')"
)
_NO_NAME: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    f"validation is '{_LABEL_NAME.pattern}')"
)
_NO_VALUE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
    f" or '12345', regex used for validation is '{_LABEL_VALUE.pattern}')"
)
_NO_KEY: Final = (
    f"a valid label key {_NO_NAME} with an optional DNS subdomain prefix and '/' "
    "(e.g. 'example.com/MyName')"
)
_TOO_LONG: Final = f"must be no more than {LABEL_LIMIT} bytes"


def key_faults(key: str) -> Iterator[str]:
    """Say what is wrong with a label's key.

    Parameters
    ----------
    key : str
        ``app`` or ``example.com/app``.

    Yields
    ------
    str
        In the server's order; nothing for a good one.
    """
    if key.count("/") > 1:
        yield _NO_KEY
        return
    prefix, slash, name = key.rpartition("/")
    if slash and not prefix:
        yield "prefix part must be non-empty"
    elif slash:
        if len(prefix.encode()) > PREFIX_LIMIT:
            yield f"prefix part must be no more than {PREFIX_LIMIT} bytes"
        if not _DNS_SUBDOMAIN.fullmatch(prefix):
            yield f"prefix part {_NO_SUBDOMAIN}"
    if not name:
        yield "name part must be non-empty"
    if len(name.encode()) > LABEL_LIMIT:
        yield f"name part {_TOO_LONG}"
    if not _LABEL_NAME.fullmatch(name):
        yield f"name part {_NO_NAME}"


def value_faults(value: str) -> Iterator[str]:
    """Say what is wrong with a label's value.

    Parameters
    ----------
    value : str
        It may be empty.

    Yields
    ------
    str
        In the server's order; nothing for a good one.
    """
    if len(value.encode()) > LABEL_LIMIT:
        yield _TOO_LONG
    if not _LABEL_VALUE.fullmatch(value):
        yield _NO_VALUE
