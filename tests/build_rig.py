"""Build the rig: a real API server and client-go's watchers, for the tests that need them.

``python -m tests.build_rig`` is what ``make rig`` runs. Nothing but the standard library is
imported, so that it can run before anything is set up.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).parent / "rig"
PROGRAMS: Final = ("cluster", "client")
GO_PLACES: Final = ("go", "/usr/local/go/bin/go")
KEPT_SECONDS: Final = 7 * 24 * 3600
WARNING: Final = (
    "Building the rig (kube-apiserver {version}, etcd, client-go) in {folder}. On two cores it "
    "takes 7 to 10 minutes where Go has cached nothing, else less than one."
)


class CannotBuild(Exception):
    """Say in one line why the rig cannot be built."""


def built(program: str) -> Path:
    """Give where a program of the rig stands, or would stand, for the sources as they are."""
    return folder() / program


def folder() -> Path:
    """Give the folder of the built programs, named after the sources' content."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*")):
        if path.suffix in {".go", ".mod", ".sum"}:
            digest.update(path.relative_to(SOURCES).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "kwlab-rig" / digest.hexdigest()[:16]


def find_go() -> str:
    """Find a Go that is new enough.

    Raises
    ------
    CannotBuild
        When there is none.
    """
    wanted = _stated(r"^go (\d+\.\d+)")
    found = next(filter(None, map(shutil.which, GO_PLACES)), None)
    if found is None:
        raise CannotBuild(f"The rig needs Go {wanted} or newer, and found none: https://go.dev/dl")
    said = subprocess.run([found, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    version = re.match(r"go(\d+)\.(\d+)", said.stdout)
    if version is None or (int(version[1]), int(version[2])) < tuple(map(int, wanted.split("."))):
        raise CannotBuild(
            f"The rig needs Go {wanted} or newer; {found} is {said.stdout.strip() or 'unreadable'}."
        )
    return found


def build() -> None:
    """Build what is not built yet, and forget what was built from other sources a week ago."""
    target = folder()
    if all(built(program).is_file() for program in PROGRAMS):
        print(f"The rig is built: {target}")
        return
    go, version, start = find_go(), _stated(r"k8s\.io/kubernetes (v\S+)"), time.monotonic()
    print(WARNING.format(version=version, folder=target), flush=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as unfinished:
        # Without the version of its own that a release build states, /version says v0.0.0-master.
        stated = f"-X k8s.io/component-base/version.gitVersion={version}"
        command = [go, "build", "-trimpath", f"-ldflags=-s -w {stated}", "-o", unfinished + "/"]
        if subprocess.run([*command, "./..."], cwd=SOURCES, check=False).returncode:
            raise CannotBuild("The rig could not be built; what go said stands above.")
        target.mkdir(exist_ok=True)
        for program in PROGRAMS:
            (Path(unfinished) / program).replace(target / program)
    for other in target.parent.iterdir():
        if other.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(other)
    print(f"The rig was built in {time.monotonic() - start:.0f} s.")


def _stated(pattern: str) -> str:
    """Read what go.mod states, so that it is stated once."""
    found = re.search(pattern, (SOURCES / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, pattern
    return found[1]


if __name__ == "__main__":
    try:
        build()
    except CannotBuild as error:
        sys.exit(str(error))
