"""Walking along a strip: where it goes, what it says, what a step replaces."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from kwlab import metrics
from kwlab.errors import LabError
from kwlab.strip.panel import TOTALS
from kwlab.strip.widget import BUTTONS, WatchStrip
from kwlab.view import VIEW
from tests.stories import Absence, busy, drop, history, keep, pair, story, toy, watch

AGAIN = "‘wrong’ asks without a resourceVersion: web-2, web-4 and web-9 are sent again."


@pytest.fixture
def strip() -> WatchStrip:
    return WatchStrip(*story())


def headline(strip: WatchStrip) -> str:
    return str(strip).splitlines()[0]


def test_it_says_what_became_of_a_lost_deletion() -> None:
    counts, past = story()
    strip = WatchStrip(counts[:1], past)
    strip.go_to(lost=2)
    assert (
        "31.4 s. The cluster deleted job-09 (change 11). ‘wrong’ was away; it is never told."
    ) == headline(strip)


def test_it_says_because_of_which_request(strip: WatchStrip) -> None:
    strip.go_to(lost=2)
    assert [
        "31.4 s. The cluster deleted job-09 (change 11). ‘wrong’ was away; it is never told. "
        "‘correct’ was away; it is told at 32.1 s.",
        "‘wrong’ asks without a resourceVersion at 32.1 s, and is sent what exists then. "
        "So far ‘wrong’ was delivered 15 events, 6 of them replayed; 2 changes are lost; "
        "it believes in 3 pods, and 2 exist.",
        "‘correct’ asks from rv@9 at 32.1 s, and is sent all that came after it. "
        "So far ‘correct’ was delivered 9 events, 0 of them replayed; 0 changes are lost; "
        "it believes in 3 pods, and 2 exist.",
    ] == str(strip).splitlines()


def test_a_reconnect_that_replays_names_who_comes_again_and_who_does_not(
    strip: WatchStrip,
) -> None:
    strip.go_to(reconnect=2)
    assert (
        "32.1 s. ‘wrong’ asks without a resourceVersion: web-9 is sent again. job-09 and web-2 "
        "are not there, so nobody mentions them: it goes on believing in them. ‘correct’ asks "
        "from rv@9: the 4 changes that it missed are sent, of job-09 and web-2."
    ) == headline(strip)


def test_a_lone_ghost_is_spoken_of_as_one() -> None:
    strip = WatchStrip(*toy())
    strip.go_to(reconnect=1)
    assert (
        "web-1 is not there, so nobody mentions it: ‘wrong’ goes on believing in it."
    ) in headline(strip)


def test_a_move_that_wraps_says_so(strip: WatchStrip) -> None:
    said = []
    for button in ["next-lost"] * 5 + ["previous-reconnect", "previous-reconnect"]:
        strip.press(button)
        said.append(re.findall(r"\((?:first|last) again\)", headline(strip)))
    assert [[], [], [], [], ["(first again)"], [], ["(last again)"]] == said
    strip.go_to(lost=1)
    assert "again)" not in headline(strip)


def test_it_begins_at_the_end_with_everything_in_view(strip: WatchStrip) -> None:
    assert "46 s. The end." == headline(strip)
    assert "veil" not in re.sub(r"<style>.*?</style>", "", strip.overlay())


def test_its_last_counts_are_the_counts(strip: WatchStrip) -> None:
    strip.back()
    counts, _ = story()
    for count, line in zip(counts, str(strip).splitlines()[1:], strict=True):
        assert (
            f"was delivered {count.delivered} events, {count.replayed} of them replayed; "
            f"{len(count.lost)} changes are lost; it believes in {len(count.believed)} pod"
        ) in line


@pytest.mark.parametrize(
    ("expected", "place"),
    [
        ("31.3 s. The cluster changed job-09 (change 10).", {"lost": 1}),
        ("33.8 s. The cluster changed web-9 (change 14).", {"change": 14}),
        (f"0 s. {AGAIN}", {"replay": 1}),
        (f"15 s. {AGAIN}", {"replay": 2}),
        (f"15 s. {AGAIN}", {"reconnect": 1}),
        ("32.1 s. ‘wrong’ asks without a resourceVersion: web-9 is sent again.", {"reconnect": 2}),
        ("31.4 s. The cluster deleted job-09 (change 11).", {"at": 31.4}),
        (
            "31.1 s. The connection of ‘wrong’ ends (cut), and it gets no other for 1 s.",
            {"at": 31.1},
        ),
        ("0 s. ‘wrong’ asks without a resourceVersion", {"at": -5}),
        ("46 s. The end.", {"at": 1e9}),
    ],
)
def test_it_goes_to_a_place(strip: WatchStrip, expected: str, place: dict[str, Any]) -> None:
    strip.go_to(**place)
    assert headline(strip).startswith(expected)


def test_a_change_in_disguise_says_so() -> None:
    strip = WatchStrip(*toy())
    strip.go_to(change=8)
    assert "‘wrong’ was away; it is told at 33 s, as ADDED." in headline(strip)


def test_a_change_after_a_watchers_end_is_nobodys_loss() -> None:
    past = history(["web-0"], [(1.0, "M", "web-0"), (8.0, "M", "web-0")], 10.0)
    early = watch(past, "early", keep, [Absence(5.0)])
    early.attempts = early.attempts[:1]
    counts = [metrics.count(log, past) for log in (early, watch(past, "correct", keep))]
    strip = WatchStrip(counts, past)
    strip.go_to(change=2)
    assert "‘early’ had ended. ‘correct’ is told at once." in headline(strip)


def test_a_loss_while_connected_says_so() -> None:
    past = history(["web-0"], [(1.0, "M", "web-0"), (2.0, "M", "web-0")], 10.0)
    log = watch(past, "deaf", keep)
    del log.attempts[0].delivered[1]
    strip = WatchStrip([metrics.count(log, past)], past)
    strip.go_to(lost=1)
    assert "‘deaf’ was connected; it is never told." in headline(strip)


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("there are only 4 lost changes: 1 to 4.", {"lost": 5}),
        ("there are only 4 lost changes: 1 to 4.", {"lost": 0}),
        ("there are only 14 changes: 1 to 14.", {"change": 15}),
        ("there are only 2 reconnects: 1 to 2.", {"reconnect": 3}),
        ("lost is 'two': give a number from 1 on.", {"lost": "two"}),
        ("lost is True: give a number from 1 on.", {"lost": True}),
        ("at is 'now': give a time in seconds.", {"at": "now"}),
        ("write strip.go_to(lost=1)", {}),
        ("write strip.go_to(lost=1)", {"lost": 1, "change": 2}),
    ],
)
def test_it_says_what_there_is_instead(strip: WatchStrip, said: str, place: dict[str, Any]) -> None:
    before = strip.position
    with pytest.raises(LabError) as caught:
        strip.go_to(**place)
    assert said in str(caught.value)
    assert before == strip.position


def test_where_nothing_was_lost_there_is_nowhere_to_go() -> None:
    past = history(["web-0"], [(1.0, "M", "web-0")], 5.0)
    strip = WatchStrip(pair(past)[1:], past)
    with pytest.raises(LabError, match="there is no lost change in this strip"):
        strip.go_to(lost=1)
    before = strip.position
    strip.next("lost")
    assert before == strip.position


def test_stepping_visits_every_change_cut_and_opening_once(strip: WatchStrip) -> None:
    said = []
    for _ in strip._walk.stops:
        strip.step()
        said.append(headline(strip))
    assert 14 + 2 + 3 + 1 == len(set(said))
    assert [f"(change {n})" for n in range(1, 15)] == re.findall(r"\(change \d+\)", "".join(said))


def test_back_undoes_a_step(strip: WatchStrip) -> None:
    strip.go_to(change=5)
    strip.step()
    strip.back()
    assert "(change 5)" in headline(strip)


def test_next_lost_goes_round(strip: WatchStrip) -> None:
    found = []
    for _ in range(5):
        strip.press("next-lost")
        found += re.findall(r"\(change (\d+)\)", headline(strip))
    assert ["10", "11", "12", "13", "10"] == found


def test_reconnects_are_found_both_ways(strip: WatchStrip) -> None:
    strip.press("next-reconnect")
    first = headline(strip)
    strip.press("next-reconnect")
    strip.press("previous-reconnect")
    assert first == headline(strip)


def test_a_ring_stands_in_every_lane(strip: WatchStrip) -> None:
    plan = strip.picture.drawing.plan
    for change in plan.changes:
        assert 1 + len(plan.lanes) == len(list(plan.rings(change)))


def test_the_overlay_covers_the_future_only(strip: WatchStrip) -> None:
    strip.go_to(change=11)
    overlay = ET.fromstring(strip.overlay())
    picture = ET.fromstring(strip.picture.svg())
    assert picture.get("viewBox") == overlay.get("viewBox")
    veils = [e for e in overlay.iter() if e.get("class") == "veil"]
    plan = strip.picture.drawing.plan
    column = plan.axis.columns[10]
    assert 3 == sum(0 < float(veil.get("x", "0")) - column < 20 for veil in veils)
    assert all(
        float(veil.get("x", "0")) > column or float(veil.get("y", "0")) > plan.panels[0].sums + 20
        for veil in veils
    )


def test_totals_are_veiled_with_the_future(strip: WatchStrip) -> None:
    strip.go_to(at=15.0)
    overlay = ET.fromstring(strip.overlay())
    veils = [
        [float(e.get(name, "0")) for name in ("x", "y", "width", "height")]
        for e in overlay.iter()
        if e.get("class") == "veil"
    ]
    total = r"\d+ (?:changes|delivered|ghosts?|believed|real|replayed|lost|deletions)|.* = .*"
    root = ET.fromstring(strip.picture.svg())
    for element in root.iter():
        x, y = (float(element.get(name, "0")) for name in ("x", "y"))
        is_total = x >= TOTALS or "=" in (element.text or "")
        if is_total and re.fullmatch(total, element.text or ""):
            covering = [
                (left, top)
                for left, top, width, height in veils
                if left <= x < left + width and top <= y - 9 and y + 2 <= top + height
            ]
            assert 1 == len(covering), element.text


def test_the_widget_replaces_its_state_and_nothing_else(strip: WatchStrip) -> None:
    widget = strip.widget
    changed: list[str] = []
    widget.observe(lambda change: changed.append(change["name"]))
    strip.go_to(lost=2)
    assert ["state"] == changed
    assert str(strip).splitlines() == widget.state["lines"]
    assert strip.overlay() == widget.state["overlay"]
    assert widget is strip.widget


def test_the_widget_hears_its_view(strip: WatchStrip) -> None:
    hear = strip.widget._handle_custom_msg
    hear({"press": "next-lost"}, [])
    assert "(change 10)" in headline(strip)
    hear({"go": 1}, [])
    assert 0 == strip.position
    for nonsense in ({"go": 0}, {"go": 999}, {"go": "x"}, {"press": "explode"}, {}):
        hear(nonsense, [])
    assert 0 == strip.position


def test_what_was_asked_for_before_code_moved_comes_too_late(strip: WatchStrip) -> None:
    """A slider's message that was on its way while a cell went elsewhere changes nothing."""
    hear, turn = strip.widget._handle_custom_msg, strip.widget.state["turn"]
    hear({"go": 2, "turn": turn}, [])
    assert (1, turn) == (strip.position, strip.widget.state["turn"])
    strip.go_to(lost=2)
    expected = str(strip)
    hear({"go": 1, "turn": turn}, [])
    hear({"press": "back", "turn": turn}, [])
    assert expected == str(strip)
    hear({"go": 1, "turn": strip.widget.state["turn"]}, [])
    assert 0 == strip.position


def test_the_widget_offers_what_there_is() -> None:
    past = history(["web-0"], [(1.0, "M", "web-0")], 5.0)
    strip = WatchStrip(pair(past)[1:], past)
    disabled = {b["name"] for b in strip.widget.fixed["buttons"] if b["disabled"]}
    assert {"previous-reconnect", "next-reconnect", "next-lost", "next-replay"} == disabled
    assert list(BUTTONS) == [b["name"] for b in strip.widget.fixed["buttons"]]


def test_the_widget_has_the_tables_below_it_and_a_name_for_what_scrolls(
    strip: WatchStrip,
) -> None:
    fixed = strip.widget.fixed
    assert 2 == fixed["tables"].count("<caption>")
    assert {"controls", "slider", "scroll", "tables", "hint"} == set(fixed["words"])
    assert all(fixed["words"].values())


def test_without_a_kernel_there_is_text_and_html(strip: WatchStrip) -> None:
    bundle = strip._repr_mimebundle_()
    assert {"text/plain", "text/html"} == set(bundle)
    assert repr(strip) == bundle["text/plain"]


def test_in_a_kernel_there_is_the_widget_too(
    strip: WatchStrip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kwlab.view.is_in_kernel", lambda: True)
    assert strip.widget.model_id == strip._repr_mimebundle_()[VIEW]["model_id"]


def test_importing_it_imports_no_widgets() -> None:
    program = (
        "import sys, kwlab.strip.widget\n"
        "print([m for m in ('ipywidgets', 'anywidget', 'IPython', 'matplotlib', 'kubernetes') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert "[]" == done.stdout.strip()


def test_a_step_at_five_hundred_marks_feels_immediate() -> None:
    counts, past = busy(30, 250, 8)
    assert sum(count.delivered for count in counts) >= 500
    strip = WatchStrip(counts, past)
    strip.step()
    spent = []
    for _ in range(30):
        start = time.process_time()
        strip.step()
        str(strip)
        strip.overlay()
        spent.append(time.process_time() - start)
    assert sorted(spent)[15] <= 0.020


def test_policies_of_the_stories_differ_in_one_thing() -> None:
    past = history(["web-0"], [(1.0, "M", "web-0")], 5.0)
    asked = [watch(past, "w", policy).attempts[0].asked for policy in (drop, keep)]
    assert [None, past.resource_version] == asked
