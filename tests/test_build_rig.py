"""`make rig` says in one line what is missing, and does nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import build_rig


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lend an empty cache, and no Go."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build_rig, "GO_PLACES", (str(tmp_path / "go"),))
    return tmp_path


def fake_go(folder: Path, version: str, *, builds: bool = True) -> None:
    """Put a Go there that knows its version, and builds two empty programs."""
    program = folder / "go"
    program.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = env ] && echo {version} && exit\n'
        + ('touch "$5/cluster" "$5/client"\n' if builds else "exit 1\n")
    )
    program.chmod(0o755)


def test_without_go_one_line_says_so(cache: Path) -> None:
    """Where there is no Go, one sentence says which is needed."""
    with pytest.raises(
        build_rig.CannotBuild, match=r"^The rig needs Go 1\.\d+ or newer, and found"
    ):
        build_rig.build()


def test_an_old_go_is_named(cache: Path) -> None:
    """A Go that is too old is named with its version."""
    fake_go(cache, "go1.19.8")
    with pytest.raises(build_rig.CannotBuild, match=r"go is go1\.19\.8\.$"):
        build_rig.build()


def test_it_builds_once(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says beforehand how long it takes, and builds again only when a source changes."""
    fake_go(cache, "go1.99.0")
    build_rig.build()
    assert "it takes 7 to 10 minutes" in capsys.readouterr().out
    assert all(build_rig.built(program).is_file() for program in build_rig.PROGRAMS)
    fake_go(cache, "go1.99.0", builds=False)
    build_rig.build()
    assert "The rig is built:" in capsys.readouterr().out


def test_a_changed_source_is_built_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is built is named after what it was built from."""
    before = build_rig.folder()
    copy = cache / "rig"
    for path in build_rig.SOURCES.rglob("*.*"):
        target = copy / path.relative_to(build_rig.SOURCES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    monkeypatch.setattr(build_rig, "SOURCES", copy)
    assert before == build_rig.folder()
    (copy / "client" / "main.go").write_text("package main")
    assert before != build_rig.folder()


def test_a_build_that_fails_leaves_nothing(cache: Path) -> None:
    """A failed build is one sentence, and no half of a rig."""
    fake_go(cache, "go1.99.0", builds=False)
    with pytest.raises(build_rig.CannotBuild, match="could not be built"):
        build_rig.build()
    assert [] == list((cache / "kwlab-rig").iterdir())
