"""The picture: what is in it, what it may not hold, and that it is the same everywhere."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kwlab import messages, metrics
from kwlab.errors import LabError
from kwlab.history import History
from kwlab.log import Close, Log
from kwlab.metrics import Count
from kwlab.strip import draw as strip
from kwlab.strip import marks as strip_marks
from kwlab.strip.marks import PALETTES, text_width
from kwlab.strip.plan import short
from tests.stories import Absence, busy, history, keep, pair, story, toy, watch

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>alert("1")</script>&\'quot'
NOTES = {
    "wrong": "drops the resourceVersion it is handed",
    "correct": "passes on the resourceVersion it is handed",
}

Case = tuple[list[Count], History]


def hostile() -> Case:
    script = [(1.0, "A", "b." * 126 + "c"), (2.0, "M", HOSTILE), (4.0, "D", "a" * 63)]
    past = history([HOSTILE, "a" * 63], script, 9.0)
    wrong, correct = pair(past, [Absence(3.0, 2, Close.CUT)])
    return [replace(wrong, watcher=HOSTILE), replace(correct, watcher="w" * 253)], past


def nothing_happens() -> Case:
    past = history(["web-0"], [], 10.0)
    return pair(past, [Absence(5.0, 1)]), past


def nobody_asks() -> Case:
    past = history(["web-0"], [], 10.0)
    return [metrics.count(Log("idle"), past)], past


def refused_throughout() -> Case:
    past = history(["web-0"], [(1.0, "M", "web-0"), (2.0, "D", "web-0")], 9.0)
    log = watch(past, "never", keep, [Absence(0.0, 9, tries=5, status=503)])
    log.attempts = log.attempts[1:-1]
    return [metrics.count(log, past)], past


def every_end() -> Case:
    past = history(["web-0"], [(float(n), "M", "web-0") for n in range(1, 30)], 30.0)
    closes = [c for c in Close if c not in {Close.REFUSED, Close.STATUS, Close.OVER}]
    absences = [
        Absence(3.5 * (n + 1), 1.2, close, 503 if n % 2 else None, tries=n % 3)
        for n, close in enumerate(closes)
    ]
    return pair(past, absences, has_bookmarks=True), past


CASES = {
    "toy": toy(),
    "story": story(),
    "shapes": busy(10, 60, 7),
    "ticks": busy(30, 215, 10),
    "forty reconnects": busy(20, 150, 40),
    "1000 objects": busy(1000, 60, 3, away_seconds=6),
    "hostile names": hostile(),
    "no changes": nothing_happens(),
    "no attempts": nobody_asks(),
    "refused": refused_throughout(),
    "every end": every_end(),
    "the cluster alone": ([], story()[1]),
    "nothing at all": ([], history([], [], 0.0)),
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    given: Case = request.param
    return given


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def titles(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}title")]


def test_it_is_well_formed(case: Case) -> None:
    root = ET.fromstring(strip.draw(*case, notes=NOTES))
    assert f"{SVG}svg" == root.tag


def test_it_holds_nothing_that_two_strips_in_a_page_would_share(case: Case) -> None:
    svg = strip.draw(*case, notes=NOTES)
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(svg).iter()}
    assert tags <= {"svg", "style", "g", "rect", "path", "circle", "text", "title"}
    banned = r"\s(id|on\w+|href|style)=|url\(|var\(|--\w+:|<script"
    assert [] == re.findall(banned, svg)


def test_coordinates_have_at_most_one_decimal(case: Case) -> None:
    svg = strip.draw(*case, notes=NOTES)
    drawn = re.sub(r"<style>.*?</style>|<title>.*?</title>|aria-label=\"[^\"]*\"|>[^<]*<", "", svg)
    assert [] == re.findall(r"\d\.\d{2,}|nan|inf|\de-", drawn)


def test_every_class_has_a_colour(case: Case) -> None:
    svg = strip.draw(*case, notes=NOTES)
    used = {
        kind for element in ET.fromstring(svg).iter() for kind in element.get("class", "").split()
    }
    ruled = set(re.findall(r"\.kwstrip-auto \.(\w+)\{", svg))
    assert used - {"kwstrip-auto"} <= ruled


def test_every_mark_says_what_it_is() -> None:
    counts, past = CASES["ticks"]
    said = titles(strip.draw(counts, past))
    marks = len(past.changes) + sum(c.delivered + len(c.lost) for c in counts)
    events = [title for title in said if "resourceVersion" in title and "opened" not in title]
    assert marks == len(events)


@dataclass(frozen=True)
class Box:
    text: str
    left: float
    top: float
    right: float
    bottom: float


def boxes(svg: str) -> Iterator[Box]:
    """Give the box of every text that is not the letter of a mark, by estimated widths."""
    for element in ET.fromstring(svg).iter(f"{SVG}text"):
        text, size = element.text or "", float(element.get("font-size", "0"))
        is_bold = element.get("font-weight") == "700"
        if text in {"A", "M", "D", "?"} and is_bold:
            continue
        width = text_width(text, size, is_bold=is_bold)
        shift = {"start": 0.0, "middle": width / 2, "end": width}
        left = float(element.get("x", "0")) - shift[element.get("text-anchor", "start")]
        y = float(element.get("y", "0"))
        yield Box(text, left, y - 0.7 * size, left + width, y + 0.2 * size)


def touching(found: list[Box]) -> list[tuple[str, str]]:
    return [
        (one.text, other.text)
        for number, one in enumerate(found)
        for other in found[number + 1 :]
        if one.left < other.right
        and other.left < one.right
        and one.top < other.bottom
        and other.top < one.bottom
    ]


def test_no_text_touches_another(case: Case) -> None:
    assert [] == touching(list(boxes(strip.draw(*case, notes=NOTES))))


def test_no_text_leaves_the_card(case: Case) -> None:
    outside = [
        box for box in boxes(strip.draw(*case, notes=NOTES)) if box.right > 1000 or box.left < 0
    ]
    assert [] == outside


def test_no_text_is_smaller_than_twelve(case: Case) -> None:
    svg = strip.draw(*case, notes=NOTES)
    assert min(float(size) for size in re.findall(r'font-size="([\d.]+)"', svg)) >= 12


def test_every_count_stands_in_the_picture(case: Case) -> None:
    counts, past = case
    written = " | ".join(texts(strip.draw(counts, past)))
    for count in counts:
        assert f"{short(count.delivered)} delivered |" in written
        assert f"{short(count.replayed)} replayed" in written
        assert f"{len(count.lost)} lost" in written
        assert f"{short(len(count.believed))} believed" in written
        assert f"{short(len(count.real))} real" in written
        assert (
            f"{short(count.delivered)} delivered = {short(count.new)} new + "
            f"{short(count.replayed)} replayed"
        ) in written
        assert f"{len(count.changes)} changes = {count.new} new + {len(count.lost)} lost" in written
        ghosts = len(count.ghosts)
        assert f"{ghosts} ghost{'' if ghosts == 1 else 's'}" in written


def test_the_story_reads_as_the_notebook_tells_it() -> None:
    counts, past = story()
    wrong = counts[0]
    assert (17, 7, 4, 2) == (wrong.delivered, wrong.replayed, len(wrong.lost), wrong.lost_deletions)
    written = texts(strip.draw(counts, past))
    assert 3 == written.count("none")
    assert {"list rv@0", "rv@4", "rv@9"} <= set(written)
    assert {"last seen: rv@4", "rv@4 dropped", "away", "cut"} <= set(written)
    assert {"3 replayed", "1 replayed", "4 lost", "2 ghosts"} <= set(written)
    assert {str(number) for number in range(1, 15)} <= set(written)


def test_the_correct_panel_has_nothing_vermillion() -> None:
    counts, past = story()
    svg = strip.draw(counts[1:], past)
    used = {kind for e in ET.fromstring(svg).iter() for kind in e.get("class", "").split()}
    assert not used & {"v", "vf", "vo", "vt", "col"}


def test_what_is_wrong_is_vermillion_dashed_or_crossed() -> None:
    counts, past = story()
    svg = strip.draw(counts[:1], past)
    root = ET.fromstring(svg)
    dashed = [e for e in root.iter() if e.get("stroke-dasharray") == "2.5 2"]
    columns = [e for e in root.iter(f"{SVG}rect") if e.get("class") == "col"]
    assert (4, 3 + 1) == (len(dashed), len(columns))
    assert {"vo"} == {e.get("class") for e in dashed}


def test_a_disguised_change_is_filled_and_named() -> None:
    svg = strip.draw(*toy())
    assert "carries the missed change" in texts(svg)
    assert any("carries the missed MODIFIED" in title for title in titles(svg))


def test_where_nothing_was_lost_the_waste_is_named() -> None:
    past = history(["web-0", "web-1"], [(2.0, "M", "web-0")], 20.0)
    written = texts(strip.draw(pair(past, [Absence(10.0)]), past))
    assert any("the waste is the lesson" in text for text in written)


def test_many_connections_are_summed_up() -> None:
    written = texts(strip.draw(*CASES["forty reconnects"]))
    assert {"none, 41 times", "the last rv seen, 41 times"} <= set(written)


def test_more_than_ten_thousand_stay_short() -> None:
    assert ("9999", "10.0k", "13.2k") == (short(9_999), short(10_000), short(13_234))


def test_the_cluster_stands_alone_with_its_cuts() -> None:
    svg = strip.draw([], story()[1], cuts=[(15.0, 0.0), (31.05, 1.0)])
    assert {"cluster", "14 changes", "cut at", "15 s", "31 s, away for 1 s"} <= set(texts(svg))
    dashed = [e for e in ET.fromstring(svg).iter() if e.get("stroke-dasharray") == "3 2.5"]
    assert 3 == len(dashed)


def test_the_time_of_a_cut_stands_at_the_cut() -> None:
    cuts = [(15.0, 0.0), (31.05, 1.0)]
    root = ET.fromstring(strip.draw([], story()[1], cuts=cuts))
    gap = strip.compose([], story()[1], cuts=cuts).plan.axis.gaps[1]
    (label,) = [e for e in root.iter(f"{SVG}text") if e.text == "31 s, away for 1 s"]
    assert f"{gap.left:.1f}".removesuffix(".0") == label.get("x")


def test_cuts_in_one_second_keep_their_tenths() -> None:
    past = history(["web-0"], [(float(n), "M", "web-0") for n in range(1, 9)], 10.0)
    cuts = [Absence(5.1), Absence(5.4), Absence(8.0)]
    assert {"5.1 s", "5.4 s", "8 s"} <= set(texts(strip.draw(pair(past, cuts), past)))


def test_the_cluster_alone_names_who_changes() -> None:
    written = texts(strip.draw([], story()[1], cuts=[(15.0, 0.0), (31.05, 1.0)]))
    named = [c.object.name for c in story()[1].changes]
    assert [written.count(name) for name in sorted(set(named))] == [
        named.count(name) for name in sorted(set(named))
    ]


def test_the_alt_text_of_the_cluster_alone_says_how_it_ends() -> None:
    alone = strip.picture([], story()[1], cuts=[(15.0, 0.0), (31.05, 1.0)])
    assert (
        "Watch strip of 14 changes. 3 pods at the start, 1 at the end. Cut at 15 s, 31 s."
    ) == repr(alone)


def test_the_axis_says_that_it_is_no_scale(case: Case) -> None:
    assert 1 == sum("not to scale" in text for text in texts(strip.draw(*case, notes=NOTES)))


def bars(svg: str) -> list[tuple[float, float, float]]:
    """Give left, right and height of every bar."""
    found = [e for e in ET.fromstring(svg).iter(f"{SVG}rect") if e.get("class") == "band"]
    numbers = [[float(e.get(name, "0")) for name in ("x", "width", "height")] for e in found]
    return [(x, x + width, height) for x, width, height in numbers]


def test_a_bar_runs_on_until_its_deletion_is_told() -> None:
    counts, past = story()
    planned = strip.compose(counts[1:], past).plan
    told = [t for t in planned.lanes[0].told if t.is_late and t.seen.type.value == "DELETED"]
    ends = [right for _, right, _ in bars(strip.draw(counts[1:], past))]
    for event in told:
        assert any(abs(planned.placed[0][event.index] - end) < 0.2 for end in ends)


def test_what_is_gone_and_not_yet_told_looks_different() -> None:
    counts, past = story()
    svg = strip.draw(counts[1:], past)
    assert {12.0, 5.4} == {height for _, _, height in bars(svg)}
    assert "gone, not yet told" in texts(svg)


def test_who_is_in_the_list_has_a_bar_from_the_left_edge_over_every_column() -> None:
    counts, past = story()
    svg = strip.draw(counts[:1], past)
    assert 3 == sum(left == 104 for left, _, _ in bars(svg))
    rects = [e for e in ET.fromstring(svg).iter(f"{SVG}rect") if e.get("height") != "14"]
    kinds = [e.get("class") for e in rects]
    last_column = len(kinds) - 1 - kinds[::-1].index("col")
    assert last_column < kinds.index("band")


def test_a_refused_try_does_not_stand_on_what_was_dropped() -> None:
    counts, past = story()
    root = ET.fromstring(strip.draw(counts[:1], past))
    (label,) = [e for e in root.iter(f"{SVG}text") if e.text == "rv@9 dropped"]
    diamonds = [
        float((e.get("d") or "M0 ")[1:].split()[0])
        for e in root.iter(f"{SVG}path")
        if "l5 5l-5 5l-5 -5z" in (e.get("d") or "") and e.find(f"{SVG}title") is not None
    ]
    assert 1 == len(diamonds)
    assert diamonds[0] - 5 > float(label.get("x") or 0) + text_width("rv@9 dropped", 12)
    assert "away: no connection" in texts(strip.draw(counts[:1], past))


def test_a_name_cannot_leave_its_text() -> None:
    counts, past = CASES["hostile names"]
    picture = strip.picture(counts, past, notes={HOSTILE: HOSTILE})
    for face in (picture.svg(), picture.to_html()):
        assert "<script" not in face
        assert "alert(" not in re.sub(r"&lt;script&gt;alert\(|base64,\S+", "", face)
    root = ET.fromstring(picture.svg())
    assert HOSTILE in (root.get("aria-label") or "")


def test_the_same_facts_give_the_same_bytes_in_any_process() -> None:
    program = (
        "import hashlib; from kwlab.strip import draw as strip; from tests import stories\n"
        "cases = stories.story(), stories.busy(30, 215, 10), stories.busy(200, 60, 3)\n"
        "drawn = ''.join(strip.draw(*c) + strip.picture(*c).to_html() for c in cases)\n"
        "print(hashlib.sha256(drawn.encode()).hexdigest())"
    )
    root = Path(__file__).parent.parent
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            cwd=root, check=True, capture_output=True, text=True,
        ).stdout
        for seed in ("1", "2", "77")
    }  # fmt: skip
    assert 1 == len(said)


def luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("palette", "least"), [("light", 4.8), ("dark", 5.4), ("grey", 4.8)])
def test_text_can_be_read(palette: str, least: float) -> None:
    colours = PALETTES[palette]
    pairs = [("ink", g) for g in ("card", "on", "column")] + [("soft", "card"), ("soft", "on")]
    pairs += [("redtext", ground) for ground in ("card", "on", "column")]
    assert [] == [p for p in pairs if contrast(colours[p[0]], colours[p[1]]) < least - 0.05]
    assert contrast(colours["blue"], colours["on"]) >= 4.5
    assert contrast(colours["card"], colours["blue"]) >= 4.5


@pytest.mark.parametrize("palette", PALETTES)
def test_marks_can_be_seen(palette: str) -> None:
    colours = PALETTES[palette]
    pairs = [("blue", "bar"), ("blue", "card"), ("blue", "on"), ("red", "column"), ("red", "card")]
    assert [] == [p for p in pairs if contrast(colours[p[0]], colours[p[1]]) < 2.95]


@pytest.mark.parametrize("colours", ["auto", "light", "dark", "grey", "jupyter"])
def test_strips_of_several_colours_do_not_mix_in_one_page(colours: strip_marks.Colours) -> None:
    svg = strip.draw(*toy(), colours=colours)
    assert {f"kwstrip-{colours}"} == set(re.findall(r"kwstrip-\w+", svg))


def test_jupyters_theme_decides_in_jupyter() -> None:
    svg = strip.draw(*toy(), colours="jupyter")
    assert '[data-jp-theme-light="false"] .kwstrip-jupyter .card{fill:#15191d' in svg
    assert "prefers-color-scheme" not in svg
    assert "prefers-color-scheme:dark" in strip.draw(*toy())


@pytest.mark.parametrize("width", [700, 850, 1000])
def test_a_width_scales_the_whole(width: int) -> None:
    root = ET.fromstring(strip.draw(*toy(), width=width))
    assert str(width) == root.get("width")
    box = [float(part) for part in (root.get("viewBox") or "").split()]
    assert pytest.approx(box[3] / box[2], abs=0.001) == float(root.get("height") or 0) / width


def test_alt_text_says_it_all() -> None:
    assert (
        "Watch strip of 14 changes. ‘wrong’: asked 3 times without a resourceVersion; 17 events "
        "delivered, 10 new and 7 replayed; 4 changes lost, 2 deletions among them; it still "
        "believes in job-09, web-2, which no longer exist. ‘correct’: asked 3 times, each time "
        "from the resourceVersion it had reached; 14 events delivered, all new; 0 changes lost; it "
        "believes in exactly what exists."
    ) == repr(strip.picture(*story()))


def test_the_table_of_connections_adds_up(case: Case) -> None:
    counts, past = case
    table = strip.picture(counts, past).to_table()
    rows = [dict(zip(table.heads, row, strict=True)) for row in table.rows]
    for count in counts:
        mine = [row for row in rows if row["watcher"] == count.watcher]
        assert count.delivered == sum(int(row["delivered"]) for row in mine)
        assert count.replayed == sum(int(row["replayed"]) for row in mine)
        assert count.new == sum(int(row["changes"]) for row in mine)
        assert not mine or str(len(count.believed)) == mine[-1]["believed"]


def test_the_table_of_connections_has_no_empty_column(case: Case) -> None:
    table = strip.picture(*case).to_table()
    columns = dict(zip(table.heads, zip(*table.rows, strict=True), strict=False))
    assert [] == [head for head, cells in columns.items() if not any(cells)]
    assert {"0"} != set(columns.get("bookmarks", ()))


def test_the_table_of_changes_tells_every_replay(case: Case) -> None:
    counts, past = case
    table = strip.picture(counts, past).to_table("changes")
    for number, count in enumerate(counts):
        cells = " ".join(row[5 + number] for row in table.rows)
        again = [int(n) for n in re.findall(r"again (\d+) times", cells)]
        assert count.replayed == cells.count("again once") + sum(again)


def test_the_table_of_changes_tells_every_loss(case: Case) -> None:
    counts, past = case
    table = strip.picture(counts, past).to_table("changes")
    assert all(len(row) == len(table.heads) for row in table.rows)
    for number, count in enumerate(counts):
        cells = [row[5 + number] for row in table.rows if row[3] != "in the list"]
        assert len(count.lost) == sum(cell.startswith("lost") for cell in cells)
        assert len(count.changes) == len(cells) - cells.count("after its end")


def test_the_tables_have_captions_and_heads() -> None:
    page = strip.picture(*story()).to_html()
    assert 2 == page.count("<caption>")
    assert 14 + 7 == page.count('<th scope="col">')
    assert 8 + 3 + 14 == page.count('<th scope="row">')


def test_the_figure_is_an_image_with_alt_text() -> None:
    page = strip.picture(*story()).to_html()
    (data,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert strip.draw(*story()).encode() == base64.b64decode(data)
    assert 'alt="Watch strip of 14 changes.' in page
    assert '<summary data-lm-suppress-shortcuts="true">' in page


def test_a_keyboard_can_scroll_the_figure_and_no_letter_leaves_it() -> None:
    page = strip.picture(*story()).to_html()
    (region,) = re.findall(r"<div ([^>]*)><img", page)
    assert 'tabindex="0" role="region" aria-label="Picture, ' in region
    assert 'data-lm-suppress-shortcuts="true"' in region


def test_it_saves_a_picture_and_a_finding(tmp_path: Path) -> None:
    picture = strip.picture(*story())
    assert picture.svg() + "\n" == picture.save(tmp_path / "strip.svg").read_text(encoding="utf-8")
    finding = picture.save(str(tmp_path / "finding.MD"), finding="# Seen").read_text(
        encoding="utf-8"
    )
    assert finding.startswith("# Seen\n\n| watcher | connection |")
    assert 10 == finding.count("\n| ")


@pytest.mark.parametrize("name", ["strip.png", "strip", "missing/strip.svg"])
def test_it_says_what_cannot_be_saved(tmp_path: Path, name: str) -> None:
    with pytest.raises(LabError, match=r"strip"):
        strip.picture(*story()).save(tmp_path / name)


def test_every_sentence_comes_from_the_catalogue(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, past = case
    shown = {word for c in counts for word in (c.watcher,)}
    shown |= {o.name for o in past.objects} | {c.object.name for c in past.changes}
    marked = {
        key: tuple(f"‹{part}›" for part in text) if isinstance(text, tuple) else f"‹{text}›"
        for key, text in messages.CATALOGUE.items()
    }
    monkeypatch.setattr(messages, "CATALOGUE", marked)
    free = {"A", "M", "D", "ADDED", "MODIFIED", "DELETED"} | shown
    for text in texts(strip.draw(counts, past)):
        is_name = text in free or "…" in text or re.fullmatch(r"rv@\d+|\d+(\.\dk)?|pods?", text)
        assert is_name or text.startswith("‹"), text
