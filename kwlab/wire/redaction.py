"""Leave out of an object what is not to be given away; every other byte stays as it was sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from kwlab.wire.events import WatchEvent
from kwlab.wire.objects import encode, event_line

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which ``kubectl apply`` keeps a whole object once more."""

_MANAGED: Final = "managedFields"
_ENV: Final = b'"env":'

_decode_map = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def without_managed_fields(object_bytes: bytes) -> bytes:
    """Leave out who set which field, and what ``kubectl apply`` applied last.

    Parameters
    ----------
    object_bytes : bytes
        One JSON object.

    Returns
    -------
    bytes

    Examples
    --------
    >>> without_managed_fields(b'{"metadata":{"name":"a","managedFields":[{"manager":"x"}]}}')
    b'{"metadata":{"name":"a"}}'
    """
    return _without_metadata(object_bytes, (_MANAGED, LAST_APPLIED))


def without_env_values(object_bytes: bytes) -> bytes:
    """Leave out the values of environment variables, wherever in an object they stand.

    Their names stay, and so does where they are taken from. What ``kubectl apply`` applied last
    holds them once more, and goes too.

    Parameters
    ----------
    object_bytes : bytes
        One JSON object.

    Returns
    -------
    bytes

    Examples
    --------
    >>> without_env_values(b'{"spec":{"env":[{"name":"PASSWORD","value":"x"}]}}')
    b'{"spec":{"env":[{"name":"PASSWORD"}]}}'
    """
    return _without_values(_without_metadata(object_bytes, (LAST_APPLIED,)))


def changed_object(event: WatchEvent, object_bytes: bytes) -> bytes:
    """Give the line of an event around other bytes of its object.

    Parameters
    ----------
    event : WatchEvent
    object_bytes : bytes

    Returns
    -------
    bytes
        Without its newline; the event's own line where nothing differs.
    """
    if object_bytes == event.object_bytes:
        return event.line
    return event_line(event.type, object_bytes).rstrip(b"\n")


def _without_metadata(object_bytes: bytes, names: Collection[str]) -> bytes:
    # A quotation mark inside of a string is escaped, so these bytes are keys.
    if not any(b'"%s":' % name.encode() in object_bytes for name in names):
        return object_bytes
    parts = _parts(object_bytes)
    metadata = {k: v for k, v in _parts(parts["metadata"]).items() if k not in names}
    if annotations := _parts(metadata.get("annotations", b"{}")):
        kept = {k: v for k, v in annotations.items() if k not in names}
        metadata["annotations"] = _written(kept)
        # A server leaves an empty map out.
        if not kept:
            del metadata["annotations"]
    return _written({**parts, "metadata": _written(metadata)})


def _without_values(data: bytes) -> bytes:
    if _ENV not in data:
        return data
    if data.startswith(b"["):
        return _listed([_without_values(bytes(one)) for one in _decode_list(data)])
    return _written(
        {
            name: _names_only(value) if name == "env" else _without_values(value)
            for name, value in _parts(data).items()
        }
    )


def _names_only(data: bytes) -> bytes:
    """Take the values out of a list of variables; what is no such list goes whole."""
    if not data.startswith(b"["):
        return b"[]"
    entries = [bytes(one) for one in _decode_list(data)]
    named = [_parts(entry) for entry in entries if entry.startswith(b"{")]
    kept = [{k: v for k, v in entry.items() if k != "value"} for entry in named]
    return _listed([_written(entry) for entry in kept])


def _parts(data: bytes) -> dict[str, bytes]:
    return {name: bytes(value) for name, value in _decode_map(data).items()}


def _written(parts: Mapping[str, bytes]) -> bytes:
    return b"{" + b",".join(encode(name) + b":" + value for name, value in parts.items()) + b"}"


def _listed(values: list[bytes]) -> bytes:
    return b"[" + b",".join(values) + b"]"
