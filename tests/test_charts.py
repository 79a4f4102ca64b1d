"""Charts, read by their artists; and in a notebook by their data and alt text, not their bytes."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import nbformat
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import kwlab
from kwlab.charts import cost_chart, plot_cost
from kwlab.errors import LabError
from kwlab.metrics import Cost
from kwlab.strip.marks import PALETTES
from tests import watch_functions as functions
from tests.notebook_files import ROOT, make

BLUE, RED, WHITE = (PALETTES["light"][name] for name in ("blue", "red", "card"))
SIZES = ((10, 4), (50, 20), (50, 0), (10, 0))


def cost(watcher: str, objects: int, reconnects: int, replayed: int, changes: int = 0) -> Cost:
    return Cost(
        watcher, objects, changes, reconnects, reconnects + 1, replayed + changes, replayed
    )  # fmt: skip


def runs(changes: int = 0) -> list[Cost]:
    """Give what wrong and correct are handed at four sizes, in no order."""
    return [
        each
        for objects, often in SIZES
        for each in (
            cost("wrong", objects, often, objects * (often + 1), changes),
            cost("correct", objects, often, 0, changes),
        )
    ]


def published(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Collect what is shown in a notebook."""
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "IPython.core.display_functions.publish_display_data",
        lambda data, **_: shown.append(data),
    )
    return shown


def lines(ax: Any) -> dict[str, Any]:
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def test_wrong_grows_with_objects_times_connections_and_correct_with_changes() -> None:
    """Each function is a line through what it was handed, from left to right."""
    drawn = lines(plot_cost(runs(changes=7)))
    assert ["wrong", "correct"] == list(drawn)
    assert [10, 50, 50, 1050] == list(drawn["wrong"].get_xdata())
    assert [17, 57, 57, 1057] == list(drawn["wrong"].get_ydata())
    assert [10, 50, 50, 1050] == list(drawn["correct"].get_xdata())
    assert [7, 7, 7, 7] == list(drawn["correct"].get_ydata())


def test_colours_and_marks_are_the_strips() -> None:
    """Replayed is vermillion, hollow and crossed; new is blue and filled: shape tells it too."""
    ax = plot_cost(runs())
    wrong, correct = lines(ax).values()
    assert (RED, "o", WHITE) == (
        wrong.get_color(), wrong.get_marker(), wrong.get_markerfacecolor(),
    )  # fmt: skip
    assert (BLUE, "^", BLUE) == (
        correct.get_color(), correct.get_marker(), correct.get_markerfacecolor(),
    )  # fmt: skip
    (crosses,) = (line for line in ax.lines if line.get_marker() == "x")
    assert list(wrong.get_ydata()) == list(crosses.get_ydata())
    assert wrong.get_linestyle() != correct.get_linestyle()


def test_a_line_ends_in_its_name_and_number() -> None:
    """Nobody has to look a colour up in a legend."""
    ax = plot_cost(runs())
    assert ["correct: 0", "wrong: 1,050"] == [text.get_text() for text in ax.texts]
    assert [(1050, 0), (1050, 1050)] == [text.xy for text in ax.texts]
    assert ("objects × connections", "events handed to the function") == (
        ax.get_xlabel(), ax.get_ylabel(),
    )  # fmt: skip
    assert "made, not recorded" == ax.get_title(loc="right")


def test_labels_of_near_ends_do_not_touch() -> None:
    """Three functions that are handed the same have three labels that can be read."""
    figure = Figure(layout="constrained")
    ax = plot_cost([cost(name, 5, 3, 20) for name in ("one", "two", "three")], ax=figure.subplots())
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = sorted((text.get_window_extent(renderer) for text in ax.texts), key=lambda b: b.y0)
    assert 3 == len(boxes)
    for low, high in pairwise(boxes):
        assert low.y1 <= high.y0


def test_nothing_is_cut_off() -> None:
    """Labels stand beside the axes, and still inside the picture."""
    figure = cost_chart(runs()).figure
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()
    (ax,) = figure.axes
    for text in (*ax.texts, ax.xaxis.label, ax.yaxis.label):
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y0 >= 0


def test_it_draws_where_it_is_told_to() -> None:
    """Axes that are given are drawn on and given back, and their figure keeps what it has."""
    left, right = Figure().subplots(1, 2)
    assert plot_cost(runs(), ax=right) is right
    assert [] == list(left.lines)
    assert plot_cost(runs()) is not right


def test_nothing_to_draw_is_one_sentence() -> None:
    """An empty chart is not drawn: somebody forgot to measure."""
    for draw in (plot_cost, cost_chart):
        with pytest.raises(LabError, match="was given nothing: write plot_cost"):
            draw([])


def test_the_numbers_are_a_table_too() -> None:
    """A row a size, by objects × connections, a column a function; what is missing is empty."""
    table = cost_chart([*runs(), cost("late", 50, 20, 3)]).to_table()
    assert (
        "objects", "changes", "reconnects", "objects × connections", "wrong", "correct", "late",
    ) == table.heads  # fmt: skip
    assert (
        ("10", "0", "0", "10", "10", "0", ""),
        ("10", "0", "4", "50", "50", "0", ""),
        ("50", "0", "0", "50", "50", "0", ""),
        ("50", "0", "20", "1,050", "1,050", "0", "3"),
    ) == table.rows
    assert "Made, not recorded" in table.caption


def test_alt_text_says_what_is_seen() -> None:
    """Who cannot see the chart is told how far each line rises."""
    assert (
        "Chart, made, not recorded: events handed over against objects × connections, 4 sizes. "
        "wrong is handed 10 at 10, and 1,050 at 1,050. correct is handed 0 at each."
    ) == cost_chart(runs()).alt
    assert "1 size. wrong is handed 50 at each." in cost_chart(runs()[:1]).alt


def test_a_matplotlibrc_changes_nothing() -> None:
    """A chart in a notebook is the same for everybody."""
    plain = cost_chart(runs()).png()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "lines.linewidth": 9}):
        assert plain == cost_chart(runs()).png()
    assert plain.startswith(b"\x89PNG")
    assert b"Software" not in plain


def test_in_a_notebook_bytes_stand_only_where_nobody_compares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two outputs: the PNG with alt text and table as its text, and the table as HTML."""
    shown = published(monkeypatch)
    chart = cost_chart(runs())
    chart._ipython_display_()
    picture, beside = shown
    assert {"image/png", "text/plain"} == set(picture)
    assert str(chart) == picture["text/plain"]
    assert {"text/html", "text/plain"} == set(beside)
    assert "<table>" in beside["text/html"]
    assert chart.alt in beside["text/html"]
    assert "data:" not in beside["text/html"]


def test_pyplot_is_never_imported() -> None:
    """No figure is kept by anybody but its owner, and no window system is asked for."""
    program = (
        "import sys, kwlab.charts, kwlab.metrics\n"
        "before = 'matplotlib' in sys.modules\n"
        "run = kwlab.metrics.Cost('wrong', 10, 0, 4, 5, 50, 50)\n"
        "kwlab.charts.cost_chart([run]).png()\n"
        "print(before, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert "False False" == done.stdout.strip()


CHART = "kwlab.CostExplorer(wrong=wrong).chart(pods={pods}, reconnects=(1, 4))"
CELLS = (
    "import kwlab\n\nlab = kwlab.open_lab()",
    "def wrong(options):\n"
    "    return lab.api.list_namespaced_pod(\n"
    "        lab.namespace, watch=True, _preload_content=False, timeout_seconds=60\n"
    "    )",
    *(CHART.format(pods=pods) for pods in (2, 3, 4)),
)


def outputs(pods: int, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Give what a cell that ends in a chart leaves in its notebook."""
    shown = published(monkeypatch)
    wrong = functions.wrong(kwlab.open_lab())
    kwlab.CostExplorer(wrong=wrong).chart(pods=pods, reconnects=(1, 4))._ipython_display_()
    for data in shown:
        if png := data.get("image/png"):
            data["image/png"] = base64.b64encode(png).decode()
    return [nbformat.v4.new_output("display_data", data) for data in shown]


def test_nbval_compares_numbers_and_not_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another matplotlib's bytes a cell still passes; with another number it fails."""
    path = make(tmp_path / "01-chart.ipynb", *CELLS)
    notebook = nbformat.read(path, 4)
    for number, (cell, pods) in enumerate(zip(notebook.cells[2:], (2, 3, 4), strict=True)):
        cell.execution_count, cell.outputs = number + 3, outputs(pods, monkeypatch)
        mime, was, now = (
            ("image/png", "i", "j"), ("text/plain", "15", "16"), ("text/html", "20", "21"),
        )[number]  # fmt: skip
        for output in cell.outputs:
            if mime in output.data:
                assert was in output.data[mime]
                output.data[mime] = output.data[mime].replace(was, now)
                break
    nbformat.write(notebook, path)
    options = ["--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-q", "--tb=no", "-rf"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), str(path)],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ["3", "4"] == re.findall(r"FAILED .*?::Cell (\d)", done.stdout), done.stdout
