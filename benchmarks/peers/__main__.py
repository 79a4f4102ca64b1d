"""``make peers``: run every library against every script, and write the page.

    python -m benchmarks.peers [--only WORD] [--cache FOLDER] [--jobs N] [--page FILE]

With ``--only`` the outcomes are printed, and no page is written.
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from benchmarks.peers import page
from benchmarks.peers.cell import Outcome, run
from benchmarks.peers.libraries import LIBRARIES, Library, environment, versions
from benchmarks.peers.scripts import SCRIPTS, Script

PAGE: Final = Path(__file__).parents[2] / "docs" / "peers.md"
PATIENT_SECONDS: Final = 60.0
"""Scripts with more patience than this are run beside the others: they wait and do nothing."""


def default_cache() -> Path:
    """Give the folder for the environments, outside of the checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kwlab-peers"


def outcomes(
    libraries: Sequence[Library], scripts: Sequence[Script], *, cache: Path, jobs: int
) -> tuple[list[Outcome], dict[str, str]]:
    """Run all, some at once, each in a process of its own; and ask for the versions."""
    pythons = {library: environment(library, cache) for library in libraries}
    found_versions = {lib.package: versions(lib, python) for lib, python in pythons.items()}
    context = multiprocessing.get_context("spawn")
    found: list[Outcome] = []
    with (
        ProcessPoolExecutor(jobs, context, max_tasks_per_child=1) as quick,
        ProcessPoolExecutor(len(libraries), context, max_tasks_per_child=1) as patient,
    ):
        futures: list[Future[Outcome]] = [
            (patient if script.patience_seconds > PATIENT_SECONDS else quick).submit(
                run, library, pythons[library], script
            )
            for script in scripts
            for library in libraries
        ]
        for number, done in enumerate(as_completed(futures), 1):
            found.append(done.result())
            print(f"{number}/{len(futures)}  {page.line(found[-1])}", file=sys.stderr)
    return found, found_versions


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the page is written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="scripts or libraries")
    parser.add_argument("--cache", type=Path, default=default_cache())
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--page", type=Path, default=PAGE)
    chosen = parser.parse_args(arguments)
    known = [*(s.name for s in SCRIPTS), *(each.name for each in LIBRARIES)]
    if unknown := [word for word in chosen.only if not any(word in name for name in known)]:
        parser.error(f"no script or library is called {unknown[0]}; there are: {', '.join(known)}")
    scripts = [s for s in SCRIPTS if s.name in chosen.only] or list(SCRIPTS)
    libraries = [
        each for each in LIBRARIES if any(word in each.name for word in chosen.only)
    ] or list(LIBRARIES)
    found, found_versions = outcomes(libraries, scripts, cache=chosen.cache, jobs=chosen.jobs)
    if chosen.only:
        for outcome in found:
            print(page.line(outcome))
        return 0
    chosen.page.parent.mkdir(parents=True, exist_ok=True)
    today = datetime.datetime.now(datetime.UTC).date()
    chosen.page.write_text(page.written(found, found_versions, today), encoding="utf-8")
    print(f"Written: {chosen.page}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
