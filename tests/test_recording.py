"""A recording file is checked line by line, and a hostile one is refused in a sentence."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kwlab import recording
from kwlab.errors import RecordingError

STORY = recording.shipped()["pods-cut-twice"]
WHOLE = gzip.decompress(STORY.read_bytes())

HEADER: dict[str, Any] = {
    "kwlab_recording": 1,
    "name": "tiny",
    "server": "1.37.2",
    "recorded": "2026-11-23T05:13:16+00:00",
    "namespace": "lab",
    "resource_version": "10",
    "resources": [{"plural": "pods", "kind": "Pod"}],
    "seconds": 9.0,
}


def pod(name: str = "a", uid: str = "u", version: str = "9") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "lab", "uid": uid, "resourceVersion": version}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata}


def labelled(labels: Any) -> dict[str, Any]:
    return {**pod(), "metadata": {**pod()["metadata"], "labels": labels}}


def item(**of: str) -> dict[str, Any]:
    return {"item": "pods", "object": pod(**of)}


def change(at: float, kind: str, **of: str) -> dict[str, Any]:
    return {"at": at, "change": "pods", "type": kind, "object": pod(**of)}


def text(*lines: dict[str, Any], **header: Any) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in ({**HEADER, **header}, *lines)).encode()


def refused(tmp_path: Path, body: bytes) -> tuple[int, str]:
    path = tmp_path / "x.jsonl"
    path.write_bytes(body)
    with pytest.raises(RecordingError) as caught:
        recording.load(path)
    assert str(path) == caught.value.path
    assert str(caught.value).startswith(str(path))
    return caught.value.line, caught.value.reason


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz"])
def test_round_trip(tmp_path: Path, suffix: str) -> None:
    """What is loaded and saved has the same bytes, packed or not."""
    first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    recording.save(recording.load(STORY), first)
    recording.save(recording.load(first), second)
    assert first.read_bytes() == second.read_bytes()
    assert recording.load(STORY) == recording.load(second)


def test_objects_keep_their_bytes(tmp_path: Path) -> None:
    """An object is saved as it was sent, spaces and escapes and all."""
    path = tmp_path / "x.jsonl"
    odd = b'{ "metadata":{"name":"a","uid":"u","resourceVersion":"9"},"x":"\\u003c\xc3\xa9"}'
    path.write_bytes(text() + b'{"item":"pods","object":%s}\n' % odd)
    recording.save(recording.load(path), path)
    assert odd == recording.load(path).items[0].data


def test_a_whole_small_recording(tmp_path: Path) -> None:
    """Items, changes, progress and oldest lines are read, in order."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(
        text(
            item(),
            change(1.0, "MODIFIED", version="12"),
            {"at": 1.0, "progress": "13"},
            {"at": 1.5, "oldest": "11"},
            change(2, "DELETED", version="14"),
            change(2, "ADDED", uid="v", version="100"),
        )
    )
    loaded = recording.load(path)
    assert ["9"] == [one.identity.resource_version for one in loaded.items]
    assert [1.0, 2.0, 2.0] == [one.at for one in loaded.changes]
    assert ((1.0, "13"),) == loaded.progress
    assert ((1.5, "11"),) == loaded.oldest


def test_an_interrupted_recorder_leaves_no_length(tmp_path: Path) -> None:
    """Without seconds in the header, the last line says how long it lasts."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(text(item(), change(4.5, "MODIFIED", version="12"), seconds=0.0))
    assert recording.load(path).header.seconds == 4.5


THEIR_WORDS: Final = ""
"""What reads the JSON says it, and says it otherwise tomorrow."""

WRONG: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 0, "the file is empty"),
    "binary": (b"\x00\xff\xfe\n", 1, THEIR_WORDS),
    "not JSON": (text() + b"hello\n", 2, THEIR_WORDS),
    "blank line": (text() + b"\n", 2, THEIR_WORDS),
    "cut": (text(item())[:-9], 2, "the file was cut"),
    "a list": (b"[1]\n", 1, THEIR_WORDS),
    "another version": (text(kwlab_recording=2), 1, "this is format 2; this kwlab reads format 1"),
    "unknown header field": (text(colour="red"), 1, THEIR_WORDS),
    "no server": (b'{"kwlab_recording":1}\n', 1, THEIR_WORDS),
    "no resources": (text(resources=[]), 1, "names no resources"),
    "a resource twice": (text(resources=HEADER["resources"] * 2), 1, "no plural twice"),
    "negative length": (text(seconds=-1), 1, "expected 0 or more"),
    "endless": (text().replace(b"9.0", b"1e999"), 1, THEIR_WORDS),
    "NaN": (text().replace(b"9.0", b"NaN"), 1, THEIR_WORDS),
    "list at no number": (text(resource_version="abc"), 1, "is not a positive decimal number"),
    "list at nothing": (text(resource_version=""), 1, "is not a positive decimal number"),
    "unknown line field": (text({**item(), "x": 1}), 2, THEIR_WORDS),
    "nothing in it": (text({"at": 1.0}), 2, "expected a line with one of"),
    "two in one": (text({**item(), "progress": "11", "at": 1}), 2, "expected a line with one of"),
    "progress with an object": (text({**item(), "item": "", "progress": "11"}), 2, "nothing else"),
    "item with a time": (text({**item(), "at": 1.0}), 2, "nothing else"),
    "unknown resource": (text({"item": "nodes", "object": pod()}), 2, "nodes is no resource"),
    "no object": (text({"item": "pods"}), 2, "has no object"),
    "object is a list": (text({"item": "pods", "object": [1]}), 2, THEIR_WORDS),
    "labels of no text": (
        text({"item": "pods", "object": labelled({"app": 1})}),
        2,
        THEIR_WORDS,
    ),
    "no metadata": (text({"item": "pods", "object": {}}), 2, "has no metadata"),
    "no uid": (text(item(uid="")), 2, "has no uid"),
    "RV is no number": (text(item(version="07")), 2, "is not a positive decimal number"),
    "RV above the list's": (text(item(version="11")), 2, "is above the list's 10"),
    "listed twice": (text(item(), item()), 3, "a stands in the list twice"),
    "listed after a change": (
        text(change(1, "ADDED", version="11"), item(name="b")),
        3,
        "stands after the first change",
    ),
    "RV does not rise": (
        text(item(), change(1, "MODIFIED", version="12"), change(2, "MODIFIED", version="12")),
        4,
        "resourceVersion 12 follows 12: it must rise",
    ),
    "one RV for two types": (
        text(
            change(1, "ADDED", version="12"),
            {**change(2, "ADDED", version="12"), "change": "configmaps"},
            resources=[*HEADER["resources"], {"plural": "configmaps", "kind": "ConfigMap"}],
        ),
        3,
        "resourceVersion 12 stands in the file twice",
    ),
    "RV is the list's": (text(item(), change(1, "MODIFIED", version="10")), 3, "it must rise"),
    "RV falls though longer": (
        text(item(), change(1, "MODIFIED", version="100"), change(2, "MODIFIED", version="99")),
        4,
        "it must rise",
    ),
    "time goes back": (
        text(item(), change(2, "MODIFIED", version="12"), change(1, "MODIFIED", version="13")),
        4,
        "at is 1.0: expected seconds, not before 2",
    ),
    "no time": (text({"change": "pods", "type": "ADDED", "object": pod()}), 2, "at is None"),
    "time is huge": (
        text(change(1, "ADDED")).replace(b'"at": 1,', b'"at": 1e999,'),
        2,
        THEIR_WORDS,
    ),
    "later than its length": (text({"at": 10, "progress": "11"}), 1, "but line 2 is later"),
    "changes what is not there": (text(change(1, "MODIFIED", version="11")), 2, "does not exist"),
    "deletes what is not there": (text(change(1, "DELETED", version="11")), 2, "does not exist"),
    "another uid": (
        text(item(), change(1, "MODIFIED", uid="other", version="11")),
        3,
        "does not exist",
    ),
    "adds what is there": (
        text(item(), change(1, "ADDED", uid="other", version="11")),
        3,
        "a is ADDED, but exists already",
    ),
    "a bookmark as a change": (text(change(1, "BOOKMARK", version="11")), 2, "not BOOKMARK"),
    "an unknown type": (text(change(1, "PATCHED", version="11")), 2, THEIR_WORDS),
    "no type": (text({"at": 1, "change": "pods", "object": pod()}), 2, "not None"),
    "deep": (
        text() + b'{"item":"pods","object":' + b"[" * 400_000 + b"]" * 400_000 + b"}\n",
        2,
        "nested too deeply",
    ),
    "damaged string": (
        text(item()).replace(b'"Pod"', b'"P\xffd"').replace(b'"P\xffd"', b'"Pod"', 1),
        2,
        THEIR_WORDS,
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_its_line(name: str, tmp_path: Path) -> None:
    """A wrong line is refused with file, line and reason."""
    body, line, reason = WRONG[name]
    said = refused(tmp_path, body)
    assert line == said[0]
    assert said[1] and reason in said[1]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file, a folder and no path at all are refused in a sentence."""
    for path, reason in (
        (tmp_path / "none.jsonl", "there is no such file"),
        (tmp_path, "directory"),
        (Path("a\0b"), "null"),
    ):
        with pytest.raises(RecordingError, match=reason) as caught:
            recording.load(path)
        assert caught.value.line == 0


@pytest.mark.parametrize("keep", [1, 5, 12, 200, -1])
def test_a_cut_gzip(keep: int, tmp_path: Path) -> None:
    """A packed file that was cut says so, and after which line."""
    line, reason = refused(tmp_path, STORY.read_bytes()[:keep])
    assert line >= 1
    assert reason


def test_damaged_gzip(tmp_path: Path) -> None:
    """A packed file with a flipped byte is refused."""
    body = bytearray(STORY.read_bytes())
    body[len(body) // 2] ^= 0xFF
    assert refused(tmp_path, bytes(body))[0] >= 1


def test_a_huge_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line longer than the limit is not kept in memory."""
    monkeypatch.setattr(recording, "LINE_LIMIT_BYTES", 1000)
    line, reason = refused(tmp_path, text() + b"x" * 5000 + b"\n")
    assert (2, "the line is longer than 1,000 bytes") == (line, reason)


def test_a_gzip_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that unpacks to more than the limit is given up on the way."""
    monkeypatch.setattr(recording, "FILE_LIMIT_BYTES", 100_000)
    moments = b'{"at":1.0,"progress":"11"}\n' * 10_000
    line, reason = refused(tmp_path, gzip.compress(text() + moments))
    assert 3000 < line < 5000
    assert "unpacks to more than 100,000 bytes" in reason


def load_or_refuse(body: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl"
        path.write_bytes(body)
        try:
            recording.load(path)
        except RecordingError as error:
            assert error.reason
            assert error.line <= body.count(b"\n") + WHOLE.count(b"\n") + 2


@given(st.binary(max_size=400))
@example(b"\x1f\x8b")
def test_any_bytes(body: bytes) -> None:
    """Random bytes load or are refused, and nothing else happens."""
    load_or_refuse(body)


def mutations() -> st.SearchStrategy[Callable[[bytes], bytes]]:
    places = st.integers(0, 2**20)

    def cut(at: int) -> Callable[[bytes], bytes]:
        return lambda body: body[: at % (len(body) + 1)]

    def put(at: int, new: bytes, drop: int) -> Callable[[bytes], bytes]:
        def change(body: bytes) -> bytes:
            start = at % (len(body) + 1)
            return body[:start] + new + body[start + drop :]

        return change

    def swap(one: int, other: int) -> Callable[[bytes], bytes]:
        def change(body: bytes) -> bytes:
            lines = body.splitlines(keepends=True)
            if lines:
                a, b = one % len(lines), other % len(lines)
                lines[a], lines[b] = lines[b], lines[a]
            return b"".join(lines)

        return change

    tokens = st.sampled_from(
        [b"{", b"}", b'"', b"\n", b"null", b"1e999", b"-1", b"\xff", b"\\ud800", b"[" * 3000, b"0"]
    )
    return st.one_of(
        st.builds(cut, places),
        st.builds(put, places, tokens | st.binary(max_size=9), st.integers(0, 60)),
        st.builds(swap, places, places),
    )


@given(st.lists(mutations(), min_size=1, max_size=4), st.booleans())
def test_any_damage_to_a_real_recording(
    changes: list[Callable[[bytes], bytes]], is_packed: bool
) -> None:
    """A recording with any damage loads or is refused, and nothing else happens."""
    body = STORY.read_bytes() if is_packed else WHOLE
    for change in changes:
        body = change(body)
    load_or_refuse(body)
