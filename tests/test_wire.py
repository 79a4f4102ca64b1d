"""Bytes and values: whatever the cutting, the same events."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwlab.errors import ListOptionsError
from kwlab.wire import (
    EXCERPT_BYTES,
    EventType,
    LineDecoder,
    ListOptions,
    Status,
    Unreadable,
    WatchEvent,
    error_event,
    python_name,
)


def line(version: int, text: str = "", kind: str = "ADDED") -> bytes:
    metadata = {"name": f"pod-{version}", "uid": f"u{version}", "resourceVersion": str(version)}
    value = {"type": kind, "object": {"kind": "Pod", "metadata": metadata, "note": text}}
    return json.dumps(value, ensure_ascii=False).encode()


def decoded(chunks: list[bytes], *, limit_bytes: int = 1 << 20) -> list[str]:
    decoder = LineDecoder(limit_bytes=limit_bytes)
    found = [item for chunk in chunks for item in decoder.feed(chunk)]
    return [_named(item) for item in (*found, *decoder.close())]


def _named(item: WatchEvent | Unreadable) -> str:
    return "unreadable" if isinstance(item, Unreadable) else item.resource_version


def cut(body: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return [body[start:end] for start, end in pairwise(edges)]


LINES = st.lists(
    st.one_of(
        st.builds(line, st.integers(1, 99), st.text(max_size=5)),
        st.sampled_from([b"", b"  ", b"\r", b'{"type":"EXPLODED","object":{}}', b"garbage"]),
    ),
    max_size=8,
)


@given(lines=LINES, places=st.lists(st.integers(0, 10_000), max_size=20), tail=st.booleans())
def test_any_cutting_of_the_bytes_gives_the_same_events(
    lines: list[bytes], places: list[int], tail: bool
) -> None:
    """A LineDecoder gives the same events however the bytes are cut, byte by byte too."""
    body = b"\n".join(lines) + (b"" if tail else b"\n")
    expected = dumb_model(body)

    assert expected == decoded([body])
    assert expected == decoded(cut(body, places))
    assert expected == decoded([body[i : i + 1] for i in range(len(body))])


def dumb_model(body: bytes) -> list[str]:
    """Read all of a body at once, without caring for speed or memory."""
    found = []
    *whole, tail = body.split(b"\n")
    for text in filter(bytes.strip, whole):
        if b'"ADDED"' not in text:
            return [*found, "unreadable"]
        found.append(json.loads(text)["object"]["metadata"]["resourceVersion"])
    return found + (
        [json.loads(tail)["object"]["metadata"]["resourceVersion"]] if b'"ADDED"' in tail else []
    )


def test_nothing_follows_an_unreadable_line() -> None:
    """A LineDecoder stops at what it cannot read, and keeps the first 256 bytes of it."""
    decoder = LineDecoder()
    body = line(1) + b"\n" + b"x" * 1000 + b"\n" + line(2) + b"\n"

    first, second = decoder.feed(body)

    assert "1" == _named(first)
    assert isinstance(second, Unreadable)
    assert b"x" * EXCERPT_BYTES == second.excerpt
    assert [] == [*decoder.feed(line(3) + b"\n"), *decoder.close()]


def test_a_torn_tail_is_no_event_and_no_error() -> None:
    """A LineDecoder says nothing of an event that a cut tore."""
    assert ["1"] == decoded([line(1) + b"\n" + line(2)[:-9]])


def test_crlf_and_blank_lines_are_stepped_over() -> None:
    """A LineDecoder reads lines that end in CRLF, and steps over blank ones."""
    assert ["1", "2"] == decoded([line(1) + b"\r\n\r\n\n" + line(2) + b"\r\n"])


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_line_over_the_limit_is_unreadable(size: int) -> None:
    """A LineDecoder keeps no more than its limit in memory, however the line is cut."""
    body = line(1) + b"\n" + line(2, "x" * 300) + b"\n"
    chunks = [body[i : i + size] for i in range(0, len(body), size)]

    assert ["1", "unreadable"] == decoded(chunks, limit_bytes=200)


def test_a_line_at_the_limit_is_read() -> None:
    """A LineDecoder reads a line of exactly its limit."""
    assert ["1"] == decoded([line(1) + b"\n"], limit_bytes=len(line(1)))


def test_an_event_keeps_the_bytes_as_sent() -> None:
    """A WatchEvent gives its object's own bytes, and its object decoded."""
    event = WatchEvent(b'{"type":"MODIFIED","object":{"metadata":{"name":"a"},"s":"\\u003c"}}')

    assert EventType.MODIFIED is event.type
    assert b'{"metadata":{"name":"a"},"s":"\\u003c"}' == event.object_bytes
    assert {"metadata": {"name": "a"}, "s": "<"} == event.object
    assert event.status is None
    assert "<WatchEvent MODIFIED a resource_version=''>" == repr(event)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"type":"ADDED"}', b'{"object":{}}', b'{"type":"ADDED","object":1}']
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    """A WatchEvent is made of a known type and an object only."""
    with pytest.raises(ValueError):
        WatchEvent(body)


def test_a_list_in_place_of_a_watch_is_named() -> None:
    """An Unreadable line names the list that it is the beginning of."""
    assert "PodList" == Unreadable(b'{"kind":"PodList","apiVersion":"v1"', "").list_kind
    assert "PodList" == Unreadable(b'{\n  "kind": "PodList",', "").list_kind
    assert Unreadable(b'{"kind":"Pod","x":"PodList"', "").list_kind is None


def test_a_status_is_read_with_its_delay_and_causes() -> None:
    """Status.parse reads code, reason, message, retryAfterSeconds and the causes."""
    body = json.dumps(
        {
            "kind": "Status",
            "code": 504,
            "reason": "Timeout",
            "message": "m",
            "details": {"retryAfterSeconds": 1, "causes": [{"reason": "ResourceVersionTooLarge"}]},
        }
    ).encode()

    assert Status(504, "Timeout", "m", 1.0, ("ResourceVersionTooLarge",)) == Status.parse(body)


@pytest.mark.parametrize("body", [b"", b"Too many requests\n", b"[]", b'{"kind":"Pod"}'])
def test_what_is_no_status_is_none(body: bytes) -> None:
    """Status.parse gives None for what is no Status."""
    assert Status.parse(body) is None


def test_an_error_event_carries_its_status() -> None:
    """error_event makes an ERROR event that reads back as the Status it was made from."""
    status = Status(403, "Forbidden", "pods is forbidden")

    assert status == error_event(status).status


def test_options_are_a_frozen_mapping_of_what_is_set() -> None:
    """ListOptions holds what is set, takes fields out with None, and leaves the original alone."""
    options = ListOptions(resource_version="7", timeout_seconds=60)

    changed = options.replace(timeout_seconds=None, limit=5)

    assert {"resource_version": "7", "limit": 5} == dict(changed)
    assert {"resource_version": "7", "timeout_seconds": 60} == dict(options)
    assert "7" == options.resource_version
    assert ListOptions().resource_version is None
    assert hash(ListOptions(limit=5, resource_version="7")) == hash(changed)
    assert "ListOptions(resource_version='7', limit=5)" == repr(changed)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("resourceVersion", "spells it resource_version"),
        ("watch", "write watch=True in the call"),
        ("colour", "There is no colour"),
    ],
)
def test_options_refuse_other_names(name: str, hint: str) -> None:
    """ListOptions refuses a field that it does not know, and says what was meant."""
    with pytest.raises(ListOptionsError, match=hint):
        ListOptions(**{name: "7"})


def test_python_names_are_given_for_camel_case_only() -> None:
    """python_name translates what is spelt differently, and nothing else."""
    assert "resource_version" == python_name("resourceVersion")
    assert "_continue" == python_name("continue")
    assert python_name("limit") is None
    assert python_name("colour") is None
