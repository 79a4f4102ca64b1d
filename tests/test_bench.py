"""The benches compare medians of one run, and say what was missed."""

from __future__ import annotations

import pytest

from tests import bench
from tests.bench import Bench, judge, measure
from tests.bench_types import Timed


def _takes(*seconds: float) -> Timed:
    left = list(seconds)
    return lambda: left.pop(0)


def test_the_median_leaves_the_first_round_out() -> None:
    """The first round fills caches, and is counted for nobody; the rest is per thing done."""
    slow = Bench("slow start", lambda: _takes(99.0, 2.0, 8.0, 4.0), per=2, rounds=3)
    assert {"slow start": 2.0} == measure([slow])


def test_what_needs_a_missing_tool_is_skipped_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bench whose tool is not there is named, and the others run."""
    alone = Bench("alone", lambda: _takes(1.0, 1.0), rounds=1)
    beside = Bench("beside", _takes, needs="rig", at_least={"alone": 3})
    monkeypatch.setattr(bench, "BENCHES", (alone, beside))
    monkeypatch.setattr(bench, "tool", lambda _: None)
    assert 0 == bench.main([])
    assert ["beside: skipped, it needs the rig (make rig)", "alone   1 s"] == (
        capsys.readouterr().out.splitlines()
    )


def test_goals_and_ratios_are_judged() -> None:
    """A median over its goal and a ratio on the wrong side of its limit are missed."""
    floor = Bench("floor", _takes, goal_seconds=0.5)
    ours = Bench("ours", _takes, at_most={"floor": 1.3}, at_least={"watch": 15})
    watch = Bench("watch", _takes)
    medians = {"floor": 1.0, "ours": 1.2, "watch": 12.0}
    assert [
        ("floor", "1 s   goal ≤ 500 ms", False),
        ("ours", "1.2 s", True),
        ("  beside floor", "1.20 ×   goal ≤ 1.3 ×", True),
        ("  than watch", "10.0 × less   goal ≥ 15 ×", False),
        ("watch", "12 s", True),
    ] == judge([floor, ours, watch], medians)
