"""What reconnects cost: the functions themselves run, on a history made to any size."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from typing import Any

import pytest

import kwlab
from kwlab import view
from kwlab.cost import picture
from kwlab.cost.measure import LIMITS
from kwlab.errors import LabError, WatchFunctionError
from kwlab.lab import Lab
from kwlab.metrics import Cost
from tests import watch_functions as functions


@pytest.fixture
def lab() -> Lab:
    return kwlab.open_lab()


@pytest.fixture
def cost(lab: Lab) -> kwlab.CostExplorer:
    return kwlab.CostExplorer(wrong=functions.wrong(lab), correct=functions.correct(lab))


def watching(lab: Lab, timeout_seconds: int | None) -> dict[str, functions.WatchFunction]:
    """Give wrong and correct with a timeout of their own."""
    own = {} if timeout_seconds is None else {"timeout_seconds": timeout_seconds}
    return {
        "wrong": lambda options: functions.watch(lab, **own),
        "correct": lambda options: functions.watch(lab, **options.replace(**own)),
    }


def test_it_says_what_was_handed(cost: kwlab.CostExplorer) -> None:
    """The sentence counts for each function, and says first how much there was of everything."""
    assert "10 pods, no change, 4 reconnects: wrong is handed 50 events, correct 0." == str(cost)
    cost.set(pods=50, reconnects=20)
    assert "50 pods, no change, 20 reconnects: wrong is handed 1,050 events, correct 0." == str(
        cost
    )


@pytest.mark.parametrize(
    ("expected", "size"),
    [
        (
            "1 pod, no change, no reconnect: wrong is handed 1 event, correct 0.",
            {"pods": 1, "reconnects": 0},
        ),
        (
            "2 pods, 1 change, 1 reconnect: wrong is handed 5 events, correct 1.",
            {"pods": 2, "reconnects": 1, "changes": 1},
        ),
    ],
)
def test_one_is_not_many(cost: kwlab.CostExplorer, expected: str, size: dict[str, int]) -> None:
    """One pod, one change and one reconnect are called so."""
    cost.set(**size)
    assert expected == str(cost)


@pytest.mark.parametrize("timeout_seconds", [1, 2, 60, None])
@pytest.mark.parametrize(("pods", "reconnects", "changes"), [(1, 0, 0), (7, 5, 0), (3, 60, 77)])
def test_the_waste_is_pods_times_connections(
    lab: Lab, timeout_seconds: int | None, pods: int, reconnects: int, changes: int
) -> None:
    """Whatever a function's own timeout: wrong gets all pods each time, correct the changes."""
    wrong, correct = kwlab.CostExplorer(
        **watching(lab, timeout_seconds), pods=pods, reconnects=reconnects, changes=changes
    ).costs
    product = pods * (reconnects + 1)
    assert (reconnects + 1, product + changes, product) == (
        wrong.connections, wrong.delivered, wrong.replayed,
    )  # fmt: skip
    assert (reconnects + 1, changes, 0) == (
        correct.connections, correct.delivered, correct.replayed,
    )  # fmt: skip


NOTEBOOK = """
def wrong(options):
    return lab.api.list_namespaced_pod(
        lab.namespace, watch=True, _preload_content=False, {options}
    )
"""


def test_an_edited_function_runs_as_it_is_now(lab: Lab) -> None:
    """Edit `wrong`, run its cell, move a slider: the numbers are those of the new function."""
    cells: dict[str, Any] = {"lab": lab}
    exec(NOTEBOOK.format(options="timeout_seconds=60"), cells)
    cost = kwlab.CostExplorer(wrong=cells["wrong"])
    assert [50] == [each.delivered for each in cost.costs]
    exec(NOTEBOOK.format(options="**options"), cells)
    cost.widget._handle_custom_msg({"go": {"pods": 11, "reconnects": 4}}, [])
    assert "11 pods, no change, 4 reconnects: wrong is handed 0 events." == str(cost)
    cells["wrong"] = None
    cost.set(pods=12)
    assert [0] == [each.delivered for each in cost.costs]


def test_a_function_that_no_name_stands_for_is_kept(lab: Lab) -> None:
    """A function out of another function is not mixed up with a global of the same name."""
    cells: dict[str, Any] = {"lab": lab}
    exec(NOTEBOOK.format(options="timeout_seconds=60"), cells)
    inner = cells["wrong"]
    exec(NOTEBOOK.format(options="**options"), cells)
    cost = kwlab.CostExplorer(wrong=inner)
    cost.set(pods=11)
    assert [55] == [each.delivered for each in cost.costs]


def test_the_lab_stands_where_it_stood(lab: Lab) -> None:
    """Measuring leaves the recording behind the client, also when a function fails."""
    before = str(lab), lab.compare(correct=functions.correct(lab))._repr_mimebundle_()
    with pytest.raises(WatchFunctionError):
        kwlab.CostExplorer(nothing=functions.nothing(lab))
    kwlab.CostExplorer(wrong=functions.wrong(lab))
    after = str(lab), lab.compare(correct=functions.correct(lab))._repr_mimebundle_()
    assert before == after


def test_the_functions_may_use_a_lab_that_was_opened_before(cost: kwlab.CostExplorer) -> None:
    """Another recording, opened in between, does not silently take the functions' place."""
    kwlab.open_lab("pods-churn")
    cost.set(pods=50, reconnects=20)
    assert "wrong is handed 1,050 events, correct 0." in str(cost)


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ("pods is 0: give a whole number from 1 to 500.", {"pods": 0}),
        ("pods is 501: give a whole number from 1 to 500.", {"pods": 501}),
        ("pods is True: give a whole number from 1 to 500.", {"pods": True}),
        ("pods is 2.5: give a whole number from 1 to 500.", {"pods": 2.5}),
        ("reconnects is -1: give a whole number from 0 to 60.", {"reconnects": -1}),
        ("reconnects is '4': give a whole number from 0 to 60.", {"reconnects": "4"}),
        ("changes is 501: give a whole number from 0 to 500.", {"changes": 501}),
    ],
)
def test_what_it_cannot_be_set_to_is_one_sentence(
    cost: kwlab.CostExplorer, said: str, size: dict[str, Any]
) -> None:
    """A number that it does not take is refused, and it stays as it is."""
    before = repr(cost)
    with pytest.raises(LabError) as caught:
        cost.set(**size)
    assert said == str(caught.value)
    assert before == repr(cost)


def test_functions_are_refused_as_by_compare(lab: Lab) -> None:
    """One to three functions, and nothing that is no function."""
    for refused in ({}, {"wrong": 3}, dict.fromkeys("abcd", functions.wrong(lab))):
        with pytest.raises(LabError):
            kwlab.CostExplorer(**refused)  # type: ignore[arg-type]


def test_a_function_that_ends_early_says_so(lab: Lab) -> None:
    """Numbers that stop in the middle are not passed off as the cost."""

    def ends(options: kwlab.ListOptions) -> object:
        return functions.watch(lab, **options.replace(resource_version="1"))

    sentence = str(kwlab.CostExplorer(ends=ends))
    assert "ends is handed 0 events. ends ended at 0.0 s: " in sentence


def test_everywhere_it_says_that_it_is_made(cost: kwlab.CostExplorer) -> None:
    """Text, alt text, table and picture say that nobody recorded this."""
    html = cost._repr_mimebundle_()["text/html"]
    assert repr(cost) == f"Made, not recorded. {cost}"
    assert "made, not recorded" in cost.alt
    assert "Made, not recorded: 10 pods, no change, 4 reconnects" == cost.to_table().caption
    assert ">made, not recorded</text>" in cost.svg()
    assert 'alt="Bar chart, made, not recorded.' in html
    assert "<table>" in html


def test_the_table_has_a_row_a_function(cost: kwlab.CostExplorer) -> None:
    """The table has the sums that the picture shows."""
    cost.set(pods=50, reconnects=20, changes=100)
    assert (
        ("wrong", "21", "1,150", "100", "1,050"),
        ("correct", "21", "100", "100", "0"),
    ) == cost.to_table().rows


def test_bars_are_as_long_as_their_numbers(cost: kwlab.CostExplorer) -> None:
    """What is replayed is hollow and crossed, what is new is filled, the number stands behind."""
    cost.set(pods=50, reconnects=20, changes=100)
    drawn = ET.fromstring(cost.svg())
    tag = "{http://www.w3.org/2000/svg}"
    bars = [
        (e.get("class"), float(e.get("x", "")), float(e.get("width", "")))
        for e in drawn.iter(f"{tag}rect")
        if float(e.get("height", "")) == picture.BAR
    ]
    unit = (picture.RIGHT - picture.LEFT) / 2000
    assert [
        ("vo", picture.LEFT, pytest.approx(1050 * unit, abs=0.1)),
        ("b", pytest.approx(picture.LEFT + 1050 * unit, abs=0.1), pytest.approx(23.5, abs=0.1)),
        ("b", picture.LEFT, pytest.approx(100 * unit, abs=0.1)),
    ] == bars
    texts = [e.text for e in drawn.iter(f"{tag}text")]
    assert {"1,150", "100", "50 pods × 21 connections = 1,050", "2,000"} <= set(texts)
    crosses = [e for e in drawn.iter(f"{tag}path") if e.get("class") == "v"]
    assert len(crosses) > 10


@pytest.mark.parametrize("reconnects", [0, 60])
def test_no_text_touches_another(reconnects: int) -> None:
    """With long names and large numbers, and the rule at either end, nothing overlaps."""
    product = 500 * (reconnects + 1)
    costs = [
        Cost(f"a_name_that_is_long_{n}", 500, 0, reconnects, reconnects + 1, product, product)
        for n in range(3)
    ]
    words = f"500 pods × {reconnects + 1} connections = {product:,}"
    svg = picture.draw(costs, title="500 pods, no change", product=words, alt="")
    boxes = [_box(e) for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    for index, (left, top, right, bottom) in enumerate(boxes):
        assert 0 <= left and right <= picture.WIDTH
        for other in boxes[index + 1 :]:
            assert left >= other[2] or right <= other[0] or top >= other[3] or bottom <= other[1]


def _box(e: ET.Element) -> tuple[float, float, float, float]:
    x, y, size = (float(e.get(name, "0")) for name in ("x", "y", "font-size"))
    width = picture.text_width(e.text or "", size, is_bold=e.get("font-weight") == "700")
    left = x - {"middle": width / 2, "end": width}.get(e.get("text-anchor", ""), 0)
    return left, y - 0.78 * size, left + width, y + 0.22 * size


def test_measuring_elsewhere_leaves_the_sliders_alone(cost: kwlab.CostExplorer) -> None:
    """A chart's sizes are each measured, and what is shown stays."""
    before = repr(cost)
    found = cost.measure(pods=(2, 3), reconnects=(0, 1))
    assert [
        ("wrong", 2, 0, 2), ("correct", 2, 0, 0), ("wrong", 2, 1, 4), ("correct", 2, 1, 0),
        ("wrong", 3, 0, 3), ("correct", 3, 0, 0), ("wrong", 3, 1, 6), ("correct", 3, 1, 0),
    ] == [(c.watcher, c.objects, c.reconnects, c.delivered) for c in found]  # fmt: skip
    assert before == repr(cost)


def test_the_widget_replaces_its_state_and_nothing_else(cost: kwlab.CostExplorer) -> None:
    """A move puts in another picture and another sentence; the sliders are never made again."""
    widget, changed = cost.widget, []
    widget.observe(lambda change: changed.append(change["name"]))
    cost.set(pods=50, reconnects=20)
    assert ["state"] == changed
    assert (50, 20) == (widget.state["pods"], widget.state["reconnects"])
    assert [str(cost)] == widget.state["lines"]
    assert cost.svg(width=None, colours="jupyter") == widget.state["picture"]
    assert widget is cost.widget


def test_the_widget_hears_its_view(cost: kwlab.CostExplorer) -> None:
    """It goes where the sliders are, and what no slider says changes nothing."""
    hear = cost.widget._handle_custom_msg
    hear({"go": {"pods": 3, "reconnects": 1}}, [])
    assert "3 pods, no change, 1 reconnect: wrong is handed 6 events, correct 0." == str(cost)
    for nonsense in (
        {}, {"go": 3}, {"go": {"pods": 3}}, {"go": {"pods": 0, "reconnects": 1}},
        {"go": {"pods": "3", "reconnects": 1}}, {"go": {"pods": 3, "reconnects": 61}},
    ):  # fmt: skip
        # Directly: ipywidgets would swallow what is raised.
        cost._hear(nonsense)
    assert "3 pods, no change, 1 reconnect" in str(cost)


def test_a_slider_and_a_cell_move_one_after_the_other(lab: Lab) -> None:
    """A cell that sets a size while a slider's answer is measured has the last word."""
    begun, gone_on = threading.Event(), threading.Event()
    wrong = functions.wrong(lab)

    def held(options: kwlab.ListOptions) -> Any:
        if threading.current_thread() is slide:
            begun.set()
            gone_on.wait(0.5)
        return wrong(options)

    slide = threading.current_thread()
    gone_on.set()
    cost = kwlab.CostExplorer(wrong=held)
    gone_on.clear()
    begun.clear()
    slide = threading.Thread(
        target=cost.widget._handle_custom_msg, args=({"go": {"pods": 20, "reconnects": 1}}, [])
    )
    slide.start()
    begun.wait()
    cost.set(pods=50, reconnects=20)
    said = str(cost)
    gone_on.set()
    slide.join()
    assert "50 pods, no change, 20 reconnects: wrong is handed 1,050 events." == said == str(cost)


def test_what_a_function_raises_under_a_slider_is_said_there(lab: Lab) -> None:
    """An exception in a callback would reach no one: the sentence has it, and the next move too."""
    cells: dict[str, Any] = {"lab": lab}
    exec(NOTEBOOK.format(options="timeout_seconds=60"), cells)
    cost = kwlab.CostExplorer(wrong=cells["wrong"])
    widget, states = cost.widget, []
    widget.observe(lambda change: states.append(change["new"]), "state")
    exec(NOTEBOOK.format(options="**optoins"), cells)
    for pods in (11, 12):
        widget._handle_custom_msg({"go": {"pods": pods, "reconnects": 4}}, [])
    assert [11, 12] == [state["pods"] for state in states]
    assert [
        "12 pods, no change, 4 reconnects: a function raised NameError: name 'optoins' is not "
        "defined."
    ] == states[-1]["lines"]
    exec(NOTEBOOK.format(options="**options"), cells)
    widget._handle_custom_msg({"go": {"pods": 13, "reconnects": 4}}, [])
    assert "13 pods, no change, 4 reconnects: wrong is handed 0 events." == str(cost)


def test_the_sliders_go_as_far_as_the_numbers(cost: kwlab.CostExplorer) -> None:
    """Two sliders, each with the limits that set() has."""
    assert [("pods", *LIMITS["pods"]), ("reconnects", *LIMITS["reconnects"])] == [
        (slider["name"], slider["min"], slider["max"]) for slider in cost.widget.fixed["sliders"]
    ]


def test_in_a_kernel_there_is_the_widget_too(
    cost: kwlab.CostExplorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a kernel there is text and HTML, and no view that nobody would answer."""
    assert {"text/plain", "text/html"} == set(cost._repr_mimebundle_())
    monkeypatch.setattr("kwlab.view.is_in_kernel", lambda: True)
    assert cost.widget.model_id == cost._repr_mimebundle_()[view.VIEW]["model_id"]


def test_the_largest_size_is_answered_soon(cost: kwlab.CostExplorer) -> None:
    """500 pods and 60 reconnects: about a second, and never long enough to wonder."""
    began = time.process_time()
    cost.set(pods=500, reconnects=60)
    assert "wrong is handed 30,500 events, correct 0." in str(cost)
    assert time.process_time() - began <= 3


def test_importing_it_imports_no_widgets_and_no_matplotlib() -> None:
    """What is heavy is imported when it is needed."""
    program = (
        "import sys, kwlab; kwlab.CostExplorer\n"
        "print([m for m in ('anywidget', 'IPython', 'matplotlib', 'kubernetes') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert "[]" == done.stdout.strip()
