"""Make the small recordings out of "pods-churn": ``python -m tests.make_story``.

Real objects and real times; the rest of the churn is left out, so that a lane has at most twenty
marks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from kwlab import recording

SECONDS: Final = 46.0

TWO_CUTS: Final = (
    {"fault": "cut", "at": 15.0},
    {"fault": "cut", "at": 31.05, "away_seconds": 1.0},
)


def story(churn: recording.Recording) -> recording.Recording:
    """Cut the churn down to four pods, with the two ways in which a connection goes."""
    return _cut_down(churn, "pods-cut-twice", {"web-2", "web-4", "web-9", "job-09"}, TWO_CUTS)


def from_nothing(churn: recording.Recording) -> recording.Recording:
    """Cut the churn down to pods that are all made after the list: it begins before them."""
    return _cut_down(churn, "jobs-from-nothing", {"job-02", "job-03", "job-04", "job-06"})


def _cut_down(
    churn: recording.Recording,
    name: str,
    pods: Collection[str],
    scenario: Sequence[Mapping[str, Any]] = (),
) -> recording.Recording:
    header = msgspec.structs.replace(
        churn.header, name=name, seconds=SECONDS, scenario=tuple(map(dict, scenario))
    )
    return recording.Recording(
        header,
        tuple(item for item in churn.items if item.identity.name in pods),
        tuple(c for c in churn.changes if c.item.identity.name in pods and c.at <= SECONDS),
        tuple((at, version) for at, version in churn.progress if at <= SECONDS),
        tuple((at, version) for at, version in churn.oldest if at <= SECONDS),
    )


if __name__ == "__main__":
    shipped = recording.shipped()
    whole = recording.load(shipped["pods-churn"])
    for made in (story(whole), from_nothing(whole)):
        target = Path(recording.__file__).parent / "recordings" / f"{made.header.name}.jsonl.gz"
        recording.save(made, target)
