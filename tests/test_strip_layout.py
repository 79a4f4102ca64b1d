"""Where things stand in a strip: order, rows, gaps. No SVG."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kwlab import metrics
from kwlab.history import History
from kwlab.metrics import Count, Fate
from kwlab.strip import layout as strip_layout
from kwlab.strip import rows as strip_rows
from kwlab.strip.facts import read
from kwlab.strip.layout import LEFT, RIGHT
from kwlab.strip.plan import Plan, plan
from tests import stories
from tests.stories import Absence, busy, drop, history, keep, pair, story, toy, watch

SIZES = [toy(), story(), busy(10, 60, 7), busy(30, 215, 10), busy(3, 30, 40), busy(1000, 60, 3)]


@pytest.fixture(params=SIZES, ids=["toy", "story", "shapes", "ticks", "forty", "crowd"])
def planned(request: pytest.FixtureRequest) -> Plan:
    counts, past = request.param
    return plan(counts, past)


def test_columns_rise_and_stay_inside_the_plot(planned: Plan) -> None:
    columns = planned.axis.columns
    assert sorted(set(columns)) == list(columns)
    assert all(LEFT < x < RIGHT for x in columns)


def test_segments_fill_the_plot(planned: Plan) -> None:
    assert pytest.approx(RIGHT, abs=0.01) == planned.axis._points[-1][1]


def test_every_gap_has_a_width(planned: Plan) -> None:
    assert all(gap.right > gap.left for gap in planned.axis.gaps)


def test_connections_follow_each_other_without_touching(planned: Plan) -> None:
    axis = planned.axis
    for number, lane in enumerate(planned.lanes):
        for before, after in pairwise(lane.open_connections):
            assert axis.ends[number, before.number] < axis.rooms[number, after.number].left


def test_changes_of_an_absence_stand_in_its_gap(planned: Plan) -> None:
    for gap in planned.axis.gaps:
        inside = planned.axis.columns[gap.first : gap.last]
        assert all(gap.left < x < gap.right for x in inside)


def test_a_live_event_stands_in_its_changes_column(planned: Plan) -> None:
    for lane, xs in zip(planned.lanes, planned.placed, strict=True):
        for told in lane.told:
            if not told.is_opening:
                assert told.change is not None
                assert planned.axis.column(told.change) == xs[told.index]


def test_what_a_connection_sends_first_stands_in_its_room(planned: Plan) -> None:
    for number, (lane, xs) in enumerate(zip(planned.lanes, planned.placed, strict=True)):
        for connection in lane.open_connections:
            room = planned.axis.rooms[number, connection.number]
            for told in connection.opening:
                assert room.left < xs[told.index] < room.right


def test_every_replay_belongs_to_an_opening(planned: Plan) -> None:
    for lane in planned.lanes:
        assert all(t.is_opening for t in lane.told if t.fate is Fate.REPLAYED)


def test_lives_that_share_a_row_do_not_overlap(planned: Plan) -> None:
    lives = strip_rows.lives(
        planned.lanes, planned.history, planned.changes, planned.axis, planned.placed, planned.shown
    )
    taken: dict[int, list[tuple[float, float]]] = {}
    for life in lives:
        if life.uid in planned.rows.of:
            taken.setdefault(planned.rows.of[life.uid], []).append((life.start, life.end))
    for spans in taken.values():
        for (_, end), (start, _) in pairwise(sorted(spans)):
            assert end <= start


def test_rows_do_not_overlap(planned: Plan) -> None:
    for panel in planned.panels:
        edges = [(y - h / 2, y + h / 2) for y, h in zip(panel.centres, panel.heights, strict=True)]
        assert all(below[0] >= above[1] - 0.01 for above, below in pairwise(edges))
        assert all(panel.rail < top and bottom <= panel.bottom for top, bottom in edges)


def test_panels_stand_below_each_other(planned: Plan) -> None:
    tops = [planned.cluster_end, *(panel.end for panel in planned.panels)]
    assert [panel.top for panel in planned.panels] == tops[:-1]
    assert tops == sorted(set(tops))


@pytest.mark.parametrize(
    ("expected", "counts"),
    [("letters", toy()), ("shapes", busy(10, 60, 7)), ("ticks", busy(30, 215, 10))],
)
def test_density_follows_the_number_of_marks(
    expected: str, counts: tuple[list[Count], History]
) -> None:
    assert expected == plan(*counts).size.name


def test_more_than_six_names_are_no_longer_spelt() -> None:
    names = [f"pod-{number}" for number in range(7)]
    past = history(names, [(1.0, "M", names[0])], 5.0)
    assert "shapes" == plan(pair(past), past).size.name


def test_a_ghosts_row_comes_last() -> None:
    counts, past = story()
    planned = plan(counts, past)
    assert ("web-4", "web-9", "job-09", "web-2") == planned.rows.names
    assert {2, 3} == planned.rows.ghosts


def test_ghosts_stack_up_in_order_of_death() -> None:
    names = [f"pod-{number}" for number in range(9)]
    script = [(4.0, "D", "pod-7"), (5.0, "D", "pod-2"), (6.0, "D", "pod-5"), (9.0, "M", "pod-0")]
    past = history(names, script, 20.0)
    rows = plan(pair(past, [Absence(3, 5)]), past).rows
    assert [6, 7, 8] == [rows.of[f"{name}#0"] for name in ("pod-7", "pod-2", "pod-5")]
    assert {6, 7, 8} == rows.ghosts


def test_two_births_of_one_name_share_a_row() -> None:
    counts, past = story()
    rows = plan(counts, past).rows
    assert rows.of["web-2#0"] == rows.of["web-2#1"]


def test_a_ghost_ends_where_its_name_is_born_again() -> None:
    script = [(11.0, "D", "web-0"), (11.5, "A", "web-0"), (20.0, "M", "web-0")]
    past = history(["web-0"], script, 30.0)
    wrong = read(pair(past, [Absence(10, 3)]), past)[0][0]
    first = next(spell for spell in wrong.spells if spell.uid == "web-0#0")
    assert first.end is not None
    assert "web-0#1" == first.end.seen.uid


def test_a_crowd_keeps_rows_for_those_who_were_lost() -> None:
    counts, past = busy(1000, 60, 3, away_seconds=6)
    planned = plan(counts, past)
    lost = {change.object.uid for change in counts[0].lost}
    assert lost
    assert lost <= set(planned.rows.of)
    assert len(planned.rows.names) <= strip_rows.ROWS_LIMIT
    assert 1000 == len(planned.rows.of) + len(planned.rows.others)


def test_an_absence_of_no_time_still_has_room() -> None:
    counts, past = story()
    first = plan(counts, past).axis.gaps[0]
    assert first.start == first.end
    assert first.right - first.left > 20


def test_watchers_that_are_away_at_other_times_have_gaps_of_their_own() -> None:
    past = history(["web-0"], [(float(n), "M", "web-0") for n in range(1, 20)], 20.0)
    logs = [
        watch(past, "one", drop, [Absence(4.5, 5)]),
        watch(past, "two", keep, [Absence(6.5, 1)]),
    ]
    planned = plan([metrics.count(log, past) for log in logs], past)
    axis = planned.axis
    assert 1 == len(axis.gaps)
    assert axis.ends[0, 1] < axis.columns[4] < axis.ends[1, 1] < axis.columns[6]
    assert axis.columns[6] < axis.rooms[1, 2].left < axis.columns[7] < axis.rooms[0, 2].left


def test_time_goes_right(planned: Plan) -> None:
    moments = [planned.seconds * share / 50 for share in range(51)]
    places = [planned.axis.at(moment) for moment in moments]
    assert places == sorted(places)


def test_a_bookmark_is_named_by_what_had_happened() -> None:
    past = history(["web-0"], [(1.0, "M", "web-0"), (2.0, "M", "web-0")], 9.0)
    log = watch(past, "correct", keep)
    log.attempts[0].requests[0].sent.append((5.0, stories._bookmark("77")))
    names = read([metrics.count(log, past)], past)[1]
    assert "rv@2" == names.name("77")


@pytest.mark.parametrize(
    ("expected", "asked"), [(True, None), (True, "0"), (True, "41"), (False, "43"), (False, "999")]
)
def test_dropped_is_what_starts_before_what_was_handed_over(
    expected: bool, asked: str | None
) -> None:
    past = history(["web-0"], [(1.0, "M", "web-0"), (2.0, "M", "web-0")], 9.0)
    names = read([], past)[1]
    assert expected == names.is_dropped("43", asked)


def test_spread_keeps_a_distance_and_the_middle() -> None:
    assert (7.0, 13.0) == strip_layout_spread([9.0, 11.0], 6.0)
    assert (0.0, 10.0) == strip_layout_spread([0.0, 10.0], 6.0)


def strip_layout_spread(xs: list[float], distance: float) -> tuple[float, ...]:
    return strip_rows.spread(xs, distance, -100.0, 100.0)


def test_an_axis_without_changes_and_attempts_stands() -> None:
    past = history([], [], 0.0)
    planned = plan([], past)
    assert () == planned.axis.columns
    assert strip_layout.LETTERS == planned.size
