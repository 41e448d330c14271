"""Pictures of a training: what is drawn, where, and under which names."""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import pytest
from colour_vision import KINDS, contrast_with_white, difference

import fastnn
from fastnn.history import History
from fastnn.plot import comparison, curve_styles, in_chinese, learning_curves, plot_history
from fastnn.plot._looks import chinese_fonts

pytest.importorskip("matplotlib")

COLUMNS = {
    "epoch": [1, 2, 3],
    "learning_rate": [0.5, 0.5, 0.5],
    "seconds": [0.1, 0.1, 0.1],
    "validation_cost": [0.9, 0.6, 0.5],
    "training_cost": [0.8, 0.4, 0.2],
    "validation_accuracy": [0.5, 0.75, 0.875],
}


def history_of(columns: dict[str, list[float]]) -> History:
    history = History()
    for row in zip(*columns.values(), strict=True):
        history.append(dict(zip(columns, row, strict=True)))
    return history


def drawn(axes) -> dict[str, list[tuple[float, float]]]:
    return {
        line.get_label(): [tuple(map(float, point)) for point in line.get_xydata()]
        for line in axes.lines
    }


def test_a_history_gives_two_panels_with_its_numbers() -> None:
    cost, accuracy = plot_history(history_of(COLUMNS)).axes
    assert list(drawn(cost)) == ["training", "validation"]
    assert drawn(cost)["training"] == [(1, 0.8), (2, 0.4), (3, 0.2)]
    assert drawn(cost)["validation"] == [(1, 0.9), (2, 0.6), (3, 0.5)]
    assert drawn(accuracy) == {"validation": [(1, 0.5), (2, 0.75), (3, 0.875)]}
    for axes in (cost, accuracy):
        assert axes.get_xlabel() == "epoch"
        names = [text.get_text() for text in axes.get_legend().get_texts()]
        assert names == list(drawn(axes))
    assert cost.get_ylabel() == "mean cost of an example"
    assert cost.get_ylim()[0] == 0
    assert accuracy.get_ylabel() == "right answers (%)"
    assert accuracy.yaxis.get_major_formatter()(0.57, 0) == "57"


def test_a_part_of_the_data_has_one_colour() -> None:
    cost, accuracy = plot_history(COLUMNS).axes
    assert cost.lines[1].get_color() == accuracy.lines[0].get_color()
    assert cost.lines[0].get_color() != cost.lines[1].get_color()


def test_parts_differ_in_colour_and_line_and_marker() -> None:
    many = {f"{name}_cost": [1.0, 0.5] for name in ("test", "validation", "training", "other")}
    (axes,) = plot_history(many).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines) == ["training", "test", "validation", "other"]
    for look in ("get_color", "get_linestyle", "get_marker"):
        assert len({getattr(line, look)() for line in lines.values()}) == 4
    (alone,) = plot_history({"validation_cost": [1.0, 0.5]}).axes
    assert alone.lines[0].get_color() == lines["validation"].get_color()


def test_the_legend_stands_below_the_panel() -> None:
    figure = plot_history(COLUMNS)
    figure.draw_without_rendering()
    for axes in figure.axes:
        legend = axes.get_legend().get_window_extent()
        assert legend.y1 <= axes.get_window_extent().y0
        assert legend.y0 >= 0
        assert legend.y1 <= axes.xaxis.label.get_window_extent().y0


def test_the_first_seven_curves_differ_in_everything() -> None:
    styles = curve_styles(7)
    for look in ("color", "linestyle", "marker"):
        assert len({style[look] for style in styles}) == 7
    assert curve_styles(3) == styles[:3] and curve_styles(0) == []


def test_49_curves_differ_and_no_more() -> None:
    looks = [(style["color"], style["linestyle"]) for style in curve_styles(50)]
    assert len(set(looks)) == 49 and looks[49] == looks[0]


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_colour_vision_tell_the_curves_apart(kind: str) -> None:
    colours = [style["color"] for style in curve_styles(7)]
    assert min(difference(a, b, kind) for a, b in combinations(colours, 2)) > 15
    # The colours that were here before: to the eyes of a protanope one and the same.
    assert kind != "protanopia" or difference("#1f77b4", "#7570b3", kind) < 2


def test_the_first_five_colours_are_seen_on_white() -> None:
    assert all(contrast_with_white(style["color"]) > 3 for style in curve_styles(5))


@pytest.mark.parametrize(("n", "error"), [(-1, ValueError), (2.0, TypeError), (True, TypeError)])
def test_numbers_of_curves_that_are_none(n, error) -> None:
    with pytest.raises(error, match="n: expected"):
        curve_styles(n)


def test_columns_serve_as_well() -> None:
    assert [drawn(axes) for axes in plot_history(COLUMNS).axes] == [
        drawn(axes) for axes in plot_history(history_of(COLUMNS)).axes
    ]


def test_what_fit_and_sgd_return() -> None:
    data = ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    network = fastnn.Network([2, 3, 2], rng=0)
    history = network.fit(*data, epochs=2, batch_size=2)
    (cost,) = plot_history(history).axes
    assert [y for _, y in drawn(cost)["training"]] == history["training_cost"]
    pairs = list(zip(*data, strict=True))
    lists = network.SGD(
        pairs,
        3,
        2,
        0.1,
        evaluation_data=pairs,
        monitor_evaluation_accuracy=True,
        monitor_training_cost=True,
    )
    cost, accuracy = plot_history(lists).axes
    assert [y for _, y in drawn(cost)["training"]] == lists[2]
    assert [y for _, y in drawn(accuracy)["evaluation"]] == lists[1]


def test_counts_are_no_fractions() -> None:
    (accuracy,) = plot_history(([], [1, 9, 10], [], [])).axes
    assert accuracy.get_ylabel() == "right answers"
    assert accuracy.yaxis.get_major_formatter()(9, 0) != "900"


def test_costs_below_zero_are_seen() -> None:
    (cost,) = plot_history({"training_cost": [1.0, -2.0]}).axes
    assert cost.get_ylim()[0] < -2


@pytest.mark.parametrize(
    ("ending", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")]
)
def test_files(tmp_path: Path, ending: str, start: bytes) -> None:
    path = tmp_path / f"curves.{ending}"
    path.write_text("an older picture")
    figure = plot_history(COLUMNS, path)
    assert path.read_bytes().startswith(start)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    assert len(figure.axes) == 2


def test_one_epoch_and_numbers_that_are_none(tmp_path: Path) -> None:
    columns = {"training_cost": [float("inf")], "validation_cost": [float("nan")]}
    plot_history(columns, tmp_path / "curves.png")
    plot_history({"training_cost": [0.0]}, tmp_path / "curves.png")


def test_pyplot_is_not_touched() -> None:
    before = "matplotlib.pyplot" in sys.modules
    plot_history(COLUMNS)
    assert ("matplotlib.pyplot" in sys.modules) == before


@pytest.mark.parametrize(
    ("history", "error", "words"),
    [
        (History(), ValueError, "at least one epoch"),
        ({}, ValueError, "at least one epoch"),
        (([], [], [], []), ValueError, "at least one epoch"),
        ({"epoch": [1], "seconds": [1.0]}, ValueError, "at least one epoch"),
        ({"training_cost": [1], "validation_cost": [1, 2]}, ValueError, "one length"),
        ([1, 2, 3], TypeError, "got list"),
        (None, TypeError, "got NoneType"),
    ],
)
def test_nothing_to_draw(tmp_path: Path, history, error, words) -> None:
    with pytest.raises(error, match=f"history: .*{words}"):
        plot_history(history, tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["curves.gif", "curves", "png"])
def test_other_endings(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"path: expected a name ending in .png, .pdf, .svg"):
        plot_history(COLUMNS, tmp_path / name)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        plot_history(COLUMNS, tmp_path / "none" / "curves.png")


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r'pip install "fastnn-cpu\[plot\]"'):
        plot_history(COLUMNS, tmp_path / "curves.png")


def test_legends_stay_within_panels_where_no_layout_makes_room_below() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    panels = figure.subplots(2, 1)
    for axes in panels:
        learning_curves({"training_cost": [3.0, 2.0, 1.0]}, ax=axes)
    figure.draw_without_rendering()
    for axes in panels:
        legend, panel = axes.get_legend().get_window_extent(), axes.get_window_extent()
        assert panel.y0 <= legend.y0 and legend.y1 <= panel.y1


def runs_of_two() -> dict[str, list[History]]:
    short = history_of({name: values[:2] for name, values in COLUMNS.items()})
    return {"A": [history_of(COLUMNS)], "B": [history_of(COLUMNS), short]}


def test_several_trainings_are_compared_by_a_column() -> None:
    axes = comparison(runs_of_two(), "validation_accuracy")
    assert drawn(axes) == {"A": [(1, 0.5), (2, 0.75), (3, 0.875)], "B": [(1, 0.5), (2, 0.75)]}
    assert axes.get_title() == "validation accuracy" and axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "right answers (%)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["A", "B"]
    assert len(axes.collections) == 1  # the range of B
    assert comparison({"A": COLUMNS}, "training_cost").get_ylabel() == "mean cost of an example"


def test_numbers_of_several_runs_have_a_mean_and_a_range() -> None:
    values = {"a": [[1.0, 2.0], [4.0, 8.0]], "b": [3.0, 3.0]}
    axes = comparison(values, x=[10, 20, 30], legend=False)
    assert drawn(axes) == {"a": [(10, 2.5), (20, 5.0)], "b": [(10, 3.0), (20, 3.0)]}
    (shade,) = axes.collections
    box = shade.get_paths()[0].get_extents()
    assert (box.y0, box.y1) == (1.0, 8.0) and axes.get_legend() is None
    assert drawn(comparison(values, average="geometric"))["a"] == [
        (1, pytest.approx(2.0)), (2, pytest.approx(4.0)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("runs", "options", "error", "words"),
    [
        ({}, {}, TypeError, "runs: expected a mapping"),
        ([1.0], {}, TypeError, "runs: expected a mapping"),
        ({"a": COLUMNS}, {}, ValueError, "runs.'a'.: .*name of a column"),
        ({"a": [1.0]}, {"column": "training_cost"}, TypeError, "runs.'a'.: expected a History"),
        ({"a": [COLUMNS, [1.0]]}, {"column": "seconds"}, ValueError, "histories alone"),
        ({"a": COLUMNS}, {"column": "test_cost"}, ValueError, "column 'test_cost', got epoch"),
        ({"a": []}, {}, ValueError, "runs.'a'.: expected numbers"),
        ({"a": [1.0, 2.0]}, {"x": [1]}, ValueError, "x: expected 2 numbers"),
        ({"a": [1.0]}, {"average": "median"}, ValueError, "average"),
    ],
)
def test_what_cannot_be_compared(runs, options, error, words) -> None:
    with pytest.raises(error, match=words):
        comparison(runs, **options)


def test_texts_of_a_figure_and_names_at_its_axes_in_chinese() -> None:
    from matplotlib.figure import Figure

    if not chinese_fonts():
        pytest.skip("no font with Chinese signs is installed")
    figure = Figure()
    axes = learning_curves(COLUMNS, ax=figure.subplots())
    axes.set_xticks([1, 2], ["dropout", "layer 3"])
    figure.suptitle("mean of 3 seeds, 97.5 % right; layered")
    in_chinese(figure, {"mean of {} seeds": "{} 个种子的均值"})
    figure.draw_without_rendering()
    assert figure.get_suptitle() == "3 个种子的均值, 准确率 97.5 %; layered"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["随机失活", "第 3 层"]
    assert axes.get_title() == "学习曲线"
    assert {text.get_fontfamily()[0] for text in axes.get_legend().get_texts()} == {
        chinese_fonts()[0]
    }
