"""``make bench``: medians, and ratios between medians of one run.

    python -m benchmarks [word ...]

runs those whose names hold one of the words. A bench is a function that sets up and returns what
is timed; the thing that is timed may return its own seconds, when it alone can measure them.
The rounds of all benches are interleaved, so that a busy machine is busy for all of them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks import bench_lab, bench_serve, bench_watch
from benchmarks.bench_types import Timed
from tests.conftest import tool


@dataclass(frozen=True, slots=True)
class Bench:
    """Describe one bench.

    ``goal_seconds`` is for one of the ``per`` things that a round does. ``at_most`` names other
    benches and how many times their median this one may take; ``at_least`` how many times less.
    Without the tool that it ``needs`` it is skipped, by name.
    """

    name: str
    prepare: Callable[[], Timed]
    goal_seconds: float | None = None
    per: int = 1
    rounds: int = 9
    needs: str = ""
    at_most: Mapping[str, float] = field(default_factory=dict)
    at_least: Mapping[str, float] = field(default_factory=dict)


def import_kwlab() -> Timed:
    """Import kwlab in a new interpreter, which says how long that took."""
    program = "import time; t = time.perf_counter(); import kwlab; print(time.perf_counter() - t)"

    def once() -> float:
        command = [sys.executable, "-c", program]
        return float(subprocess.run(command, check=True, capture_output=True).stdout)

    return once


BENCHES: Final[tuple[Bench, ...]] = (
    Bench("import kwlab", import_kwlab, goal_seconds=0.2),
    Bench("compare() on the story", bench_lab.compare_the_story, goal_seconds=0.03),
    Bench("compare() on 500 events × 20 reconnects", bench_lab.compare_many, goal_seconds=0.1),
    Bench("show that comparison", bench_lab.draw_the_story),
    Bench("a scrub step at 500 marks", bench_lab.scrub_the_churn, goal_seconds=0.02),
    Bench("an event: urllib3, head alone", bench_watch.floor, per=bench_watch.EVENTS),
    Bench(
        "an event: RetryWatcher",
        bench_watch.ours,
        per=bench_watch.EVENTS,
        at_most={"an event: urllib3, head alone": 1.3},
        at_least={"an event: the official Watch": 15},
    ),
    Bench("an event: the official Watch", bench_watch.official, per=bench_watch.EVENTS, rounds=3),
    Bench("serve: an event to a raw client", bench_serve.one_raw_client, per=bench_serve.EVENTS),
    Bench(
        "serve: an event to each of 50 raw clients",
        bench_serve.fifty_raw_clients,
        per=bench_serve.EVENTS * bench_serve.CLIENTS,
        rounds=3,
    ),
    Bench(
        "serve: an event to the official Watch",
        bench_serve.official_reader,
        per=bench_serve.EVENTS,
        rounds=3,
    ),
    Bench("serve: a list of 5,000 pods", bench_serve.a_long_list),
    Bench(
        "serve: a list of 5,000 pods to each of 50 at once",
        bench_serve.long_lists,
        per=bench_serve.CLIENTS,
        rounds=3,
    ),
    Bench(
        "kube-apiserver: an event of a burst",
        bench_serve.burst_from_the_real_one,
        per=bench_serve.BURST,
        needs="rig",
    ),
    Bench(
        "serve: an event of that burst",
        bench_serve.burst_from_serve,
        per=bench_serve.BURST,
        needs="rig",
        at_least={"kube-apiserver: an event of a burst": 3},
    ),
    Bench(
        "kube-apiserver: a list of 5,000 pods",
        bench_serve.long_list_from_the_real_one,
        needs="rig",
    ),
    Bench(
        "serve: that list of 5,000 pods",
        bench_serve.long_list_from_serve,
        needs="rig",
        at_least={"kube-apiserver: a list of 5,000 pods": 3},
    ),
)


def measure(benches: Sequence[Bench]) -> dict[str, float]:
    """Run all benches, their rounds interleaved, and return the median of each in seconds."""
    timed = {bench.name: bench.prepare() for bench in benches}
    samples: dict[str, list[float]] = {bench.name: [] for bench in benches}
    for number in range(max(bench.rounds for bench in benches) + 1):
        for bench in benches:
            if number <= bench.rounds:
                samples[bench.name].append(_once(timed[bench.name]) / bench.per)
    # The first round fills caches.
    return {name: statistics.median(values[1:]) for name, values in samples.items()}


def judge(benches: Sequence[Bench], medians: Mapping[str, float]) -> list[tuple[str, str, bool]]:
    """List each median and each ratio: what, in words, and whether the goal is met."""
    rows = []
    for bench in benches:
        mine, goal = medians[bench.name], bench.goal_seconds
        said = f"{_seconds(mine)}" + (f"   goal ≤ {_seconds(goal)}" if goal else "")
        rows.append((bench.name, said, goal is None or mine <= goal))
        for other, limit in bench.at_most.items():
            if other in medians:
                ratio = mine / medians[other]
                said = f"{ratio:.2f} ×   goal ≤ {limit:g} ×"
                rows.append((f"  beside {other}", said, ratio <= limit))
        for other, limit in bench.at_least.items():
            if other in medians:
                ratio = medians[other] / mine
                said = f"{ratio:.1f} × less   goal ≥ {limit:g} ×"
                rows.append((f"  than {other}", said, ratio >= limit))
    return rows


def main(words: Sequence[str]) -> int:
    """Print the table; 1 if a goal is missed."""
    chosen = [b for b in BENCHES if not words or any(word in b.name for word in words)]
    if not chosen:
        names = ", ".join(bench.name for bench in BENCHES)
        print(f"No bench holds {' or '.join(words)}. There are: {names}")
        return 1
    missing = [bench for bench in chosen if bench.needs and tool(bench.needs) is None]
    for bench in missing:
        print(f"{bench.name}: skipped, it needs the {bench.needs} (make {bench.needs})")
    chosen = [bench for bench in chosen if bench not in missing]
    if not chosen:
        return 0
    rows = judge(chosen, measure(chosen))
    width = max(len(name) for name, _, _ in rows)
    for name, said, is_met in rows:
        print(f"{name:<{width}}   {said}{'' if is_met else '   MISSED'}")
    return int(not all(is_met for _, _, is_met in rows))


def _once(timed: Timed) -> float:
    start = time.perf_counter()
    own = timed()
    return time.perf_counter() - start if own is None else own


def _seconds(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
