"""A program that is killed goes on from the resourceVersion that it saved."""

from __future__ import annotations

import itertools
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from kwlab.server.serve import Served
from tests.histories import PODS_PATH, busy, pods
from tests.leaks import until

CHANGES: Final = 3000
KILLS: Final = 6
PAST: Final = pods(*busy(CHANGES, apart=0.005), seconds=60.0)
VERSIONS: Final = [change.object.resource_version for change in PAST.changes]


def handled(folder: Path) -> list[tuple[str, str]]:
    """Which process handled which resourceVersion, in order."""
    path = folder / "handled"
    text = path.read_text() if path.exists() else ""
    return [(pid, version) for pid, version in map(str.split, text.splitlines())]


def killed_at(count: int, served: Served, folder: Path) -> None:
    """Run the program until it has handled so many, and kill it at whatever it does then."""
    process = start(served, folder)
    try:
        until(lambda: len(handled(folder)) >= count or process.poll() is not None)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def start(served: Served, folder: Path) -> subprocess.Popen[bytes]:
    url = served.url + PODS_PATH
    command = [sys.executable, "-m", "tests.resuming_consumer", url, str(folder), VERSIONS[-1]]
    return subprocess.Popen(command)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_program_repeats_one_event_at_most(seed: int, tmp_path: Path) -> None:
    """Killed at random instants, it loses nothing, and each life repeats one event at most."""
    (tmp_path / "saved").write_text(PAST.resource_version)
    # Where it is killed; the instant within an event is the machine's own.
    counts = sorted(random.Random(seed).sample(range(1, CHANGES - 1), KILLS))
    with Served(PAST, speed=20.0) as served:
        for count in counts:
            killed_at(count, served, tmp_path)
        assert 0 == start(served, tmp_path).wait(60)

    found = handled(tmp_path)
    lives = [[v for _, v in life] for _, life in itertools.groupby(found, key=lambda pair: pair[0])]
    assert KILLS + 1 == len(lives)
    assert VERSIONS == list(dict.fromkeys(version for _, version in found))
    for before, after in itertools.pairwise(lives):
        assert after[0] in {before[-1], VERSIONS[VERSIONS.index(before[-1]) + 1]}
    assert all(life == list(dict.fromkeys(life)) for life in lives)
    assert len(found) <= CHANGES + KILLS
