"""Make the story recording "pods-cut-twice" out of "pods-churn".

    python tests/make_story.py

Four of its pods, its first 46 seconds, and a scenario: real objects and real times, with the two
ways in which a connection goes. The rest of the churn is left out, so that a lane has at most
twenty marks.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from kwlab import recording

PODS = {"web-2", "web-4", "web-9", "job-09"}
SECONDS = 46.0
SCENARIO = (
    {"fault": "cut", "at": 15.0},
    {"fault": "cut", "at": 31.05, "away_seconds": 1.0},
)


def story(churn: recording.Recording) -> recording.Recording:
    """Cut the churn down to the story."""
    header = msgspec.structs.replace(
        churn.header, name="pods-cut-twice", seconds=SECONDS, scenario=SCENARIO
    )
    return recording.Recording(
        header,
        tuple(item for item in churn.items if item.identity.name in PODS),
        tuple(c for c in churn.changes if c.item.identity.name in PODS and c.at <= SECONDS),
        tuple((at, version) for at, version in churn.progress if at <= SECONDS),
        tuple((at, version) for at, version in churn.oldest if at <= SECONDS),
    )


if __name__ == "__main__":
    shipped = recording.shipped()
    target = Path(recording.__file__).parent / "recordings" / "pods-cut-twice.jsonl.gz"
    recording.save(story(recording.load(shipped["pods-churn"])), target)
