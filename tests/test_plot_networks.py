"""Pictures of networks: what is drawn, where, and in which language."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn import diagnostics, plot, tune
from fastnn.plot import _looks

pytest.importorskip("matplotlib")

from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 9))
LABELS = rng.integers(3, size=40)
POINTS = rng.normal(size=(30, 2))
COLUMNS = {
    "training_cost": [0.8, 0.4, 0.3, 0.2],
    "validation_cost": [0.9, 0.5, 0.6, 0.7],
    "validation_accuracy": [0.5, 0.75, 0.875, 0.875],
}


def make(sizes: tuple[int, ...] = (9, 12, 5, 3), **told: Any) -> fastnn.Network:
    cost = fastnn.LogLikelihoodCost if sizes[-1] > 1 else fastnn.CrossEntropyCost
    return fastnn.Network(sizes, cost, activation="tanh", rng=0, **told)


NET = make(normalization="batch", dropout=0.25)
PLANE = make((2, 4, 1))
RANGE = tune.RateRange(
    0.1, 1.0, np.logspace(-3, 1, 5), np.array([2, 1.5, 1, 0.5, 9]), np.array([2, 1.8, 1.4, 1, 3])
)
# Each picture, drawn with some keywords.
PICTURES: dict[str, Any] = {
    "learning_curves": lambda **k: plot.learning_curves(COLUMNS, **k),
    "comparison": lambda **k: plot.comparison(
        {"dropout": COLUMNS, "best": [COLUMNS, COLUMNS]}, "validation_accuracy", **k
    ),
    "activations": lambda **k: plot.activations(NET, X, **k),
    "stacked activations": lambda **k: plot.activations(NET, X, stacked=True, **k),
    "gradients": lambda **k: plot.gradients(NET, X, LABELS, **k),
    "decision_boundary": lambda **k: plot.decision_boundary(
        PLANE, POINTS, np.arange(30) % 2, resolution=20, **k
    ),
    "weights": lambda **k: plot.weights(NET, **k),
    "confusion": lambda **k: plot.confusion(NET, X, LABELS, **k),
    "learning_rate_range": lambda **k: plot.learning_rate_range(RANGE, **k),
    "network": lambda **k: plot.network(NET, **k),
}


def texts(ax: Any) -> list[str]:
    """All that stands in the picture of ``ax``."""
    found = [text.get_text() for text in ax.figure.findobj(Text)]
    return [text for text in found if text]


def test_each_public_picture_is_tried() -> None:
    others = {"plot_history", "curve_styles", "in_chinese"}
    assert set(PICTURES) - {"stacked activations"} == set(plot.__all__) - others


@pytest.mark.parametrize("name", PICTURES)
def test_it_draws_into_the_axes_that_it_gets(name: str) -> None:
    ax = Figure().subplots()
    assert PICTURES[name](ax=ax) is ax
    assert ax.get_title()


@pytest.mark.parametrize("name", PICTURES)
def test_without_axes_it_makes_a_figure_that_pyplot_does_not_know(name: str) -> None:
    ax = PICTURES[name]()
    ax.figure.draw_without_rendering()
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_leaves_the_picture(name: str) -> None:
    figure = PICTURES[name]().figure
    figure.draw_without_rendering()
    drawn, page = figure.get_tightbbox(), figure.bbox_inches
    beyond = (page.x0 - drawn.x0, page.y0 - drawn.y0, drawn.x1 - page.x1, drawn.y1 - page.y1)
    assert max(beyond) < 0.03  # inches


@pytest.mark.parametrize("name", PICTURES)
def test_in_chinese_no_english_is_left(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_looks, "FONTS", ("DejaVu Sans",))  # of which there are the signs' names
    said = " ".join(texts(PICTURES[name](language="zh")))
    assert re.search("[\u4e00-\u9fff]", said)
    plain = re.sub(r"\$[^$]*\$|tanh|softmax|sigmoid", "", said)
    assert re.findall("[A-Za-z]{2,}", plain) == []


def test_without_a_font_it_says_so_and_stays_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_looks, "FONTS", ("No such font",))
    with pytest.warns(RuntimeWarning, match="language: no font with Chinese signs is installed"):
        ax = plot.network(NET, language="zh")
    assert ax.get_title().startswith("layers of the network")
    with pytest.raises(ValueError, match="language: expected 'en' or 'zh', got 'de'"):
        plot.network(NET, language="de")


def test_stacked_activations_have_a_histogram_a_layer_in_one_panel() -> None:
    net = fastnn.Network([9, 12, 5, 3], fastnn.LogLikelihoodCost, activation="relu", rng=0)
    ax = plot.activations(net, X, stacked=True, output=False)
    steps = [patch.get_data() for patch in ax.patches]
    for l, (step, a) in enumerate(
        zip(steps, diagnostics.activations(net, X)[:2], strict=True), start=2
    ):
        counts = np.histogram(a, step.edges)[0]
        assert step.baseline == l
        heights = np.minimum(counts / np.sort(counts)[-2], 1)  # ReLU's zeros are cut off
        np.testing.assert_allclose((step.values - l) / 0.85, heights, atol=1e-12)
    assert len(plot.activations(net, X, stacked=True).patches) == 3
    assert len(plot.activations(net, X, output=False).child_axes) == 2
    with pytest.raises(ValueError, match="output: expected True"):
        plot.activations(make((9, 3)), X, output=False)


def test_learning_curves_mark_the_best_epoch() -> None:
    for kind, epoch, value, words in (
        ("cost", 2, 0.5, "best: 0.5 (epoch 2)"),
        ("accuracy", 3, 0.875, "best: 87.5 % (epoch 3)"),
    ):
        ax = plot.learning_curves(COLUMNS, kind=kind)
        (mark,) = [line for line in ax.lines if line.get_label().startswith("best")]
        assert mark.get_xydata().tolist() == [[epoch, value]] and mark.get_label() == words
    diverged = {"training_cost": [float("nan"), 2.0, 1.0, float("nan")]}
    labels = [line.get_label() for line in plot.learning_curves(diverged).lines]
    assert "best: 1 (epoch 3)" in labels
    with pytest.raises(ValueError, match="history: expected a column of the accuracy"):
        plot.learning_curves(diverged, kind="accuracy")


def test_activations_are_those_of_diagnostics() -> None:
    panels = plot.activations(NET, X).child_axes
    for panel, values in zip(panels, diagnostics.activations(NET, X), strict=True):
        heights, _ = np.histogram(values, 30)
        drawn = [bar.get_height() for bar in panel.patches]
        np.testing.assert_allclose(drawn, 100 * heights / values.size)
    assert panels[0].get_title() == "layer 2 (tanh)"


def test_gradients_are_those_of_diagnostics() -> None:
    ax, norms = plot.gradients(NET, X, LABELS), diagnostics.gradient_norms(NET, X, LABELS)
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == [each.delta for each in norms] + [each.weights for each in norms]
    assert ax.get_yscale() == "log"
    still = fastnn.Network([9, 4, 3], fastnn.LogLikelihoodCost, initializer="zeros", rng=0)
    assert plot.gradients(still, X, LABELS).get_yscale() == "log"  # of the last layer


def test_the_boundary_is_where_the_answer_changes() -> None:
    net = fastnn.Network([2, 1], rng=0)
    net.weights, net.biases = [[[1000.0, 0.0]]], [[[0.0]]]  # the sign of the first input
    ax = plot.decision_boundary(net, [[-1, -1], [1, 1]], [0, 1])
    lines = [path for each in ax.collections for path in each.get_paths()]
    at = [path.vertices for path in lines if len(path) and np.abs(path.vertices[:, 0]).max() < 0.1]
    assert len(at) >= 1
    three = make((2, 4, 3))
    assert len(plot.decision_boundary(three, POINTS, np.arange(30) % 3).get_legend().texts) == 3


def test_an_estimators_classes_have_their_names() -> None:
    pytest.importorskip("sklearn")
    from fastnn.sklearn import MLPClassifier

    names = np.array(["no", "yes"])[(POINTS[:, 0] > 0).astype(int)]
    model = MLPClassifier((5,), max_iter=20, random_state=0, batch_size=30)
    with pytest.warns(UserWarning):  # not converged
        model.fit(POINTS, names)
    ax = plot.decision_boundary(model, POINTS, names)
    assert [text.get_text() for text in ax.get_legend().texts] == ["class no", "class yes"]
    matrix = plot.confusion(model, POINTS, names).child_axes[0]
    assert [tick.get_text() for tick in matrix.get_xticklabels()] == ["no", "yes"]
    assert "5 neurons" in " ".join(texts(plot.network(model)))


def test_weights_are_images_by_one_scale() -> None:
    ax = plot.weights(NET, most=5)
    images = [image for panel in ax.child_axes for image in panel.findobj(AxesImage)]
    assert len(images) == 5 and "(5 / 12)" in ax.get_title()
    for image, row in zip(images, NET.weights[0], strict=False):
        np.testing.assert_array_equal(image.get_array(), row.reshape(3, 3))
    assert len({image.get_clim() for image in images}) == 1
    assert plot.weights(make((6, 2, 3)), (2, 3)).child_axes[0].images[0].get_array().shape == (2, 3)


def test_confusion_counts_and_shows_the_worst() -> None:
    outputs = NET.predict(X)
    taken = outputs.argmax(axis=1)
    ax = plot.confusion(NET, X, LABELS, worst=3)
    matrix, *images = ax.child_axes
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (LABELS, taken), 1)
    shown = {tuple(t.get_position()[::-1]): int(t.get_text()) for t in matrix.texts}
    assert shown == {place: n for place, n in np.ndenumerate(counts) if n}
    right = outputs[np.arange(40), LABELS]
    worst = sorted(np.flatnonzero(taken != LABELS), key=lambda i: right[i])[:3]
    assert len(images) == 3
    for panel, i in zip(images, worst, strict=True):
        np.testing.assert_array_equal(panel.images[0].get_array(), X[i].reshape(3, 3))
        assert panel.get_title() == f"{LABELS[i]} → {taken[i]}"
    one_hot = plot.confusion(NET, X, np.eye(3)[LABELS], worst=0)
    assert len(one_hot.child_axes) == 1


def test_the_drawing_of_a_network() -> None:
    ax = plot.network(NET)
    assert len(ax.patches) == 9 + 8 + 5 + 3  # of 12 neurons some are left out
    said = " ".join(texts(ax))
    for words in ("9 inputs", "12 neurons", "batch norm", "dropout 0.25", "3 outputs", "softmax"):
        assert words in said
    assert f"{NET.n_parameters} parameters" in ax.get_title()


def test_a_network_of_dlfs_is_one_too() -> None:
    from fastnn.dlfs.multi_layer_net_extend import MultiLayerNetExtend

    net = MultiLayerNetExtend(9, [4], 3, use_batchnorm=True)
    assert "batch norm" in " ".join(texts(plot.network(net)))
    assert plot.confusion(net, X, LABELS).child_axes


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "no network": (lambda: plot.network(3), TypeError, "net: expected a Network, .* got int"),
    "no square": (
        lambda: plot.weights(make((6, 2, 3))), ValueError,
        "shape: expected height and width, for 6 are no square",
    ),
    "another shape": (
        lambda: plot.weights(NET, (2, 4)), ValueError,
        r"shape: expected two numbers whose product is 9, got \(2, 4\)",
    ),
    "no plane": (
        lambda: plot.decision_boundary(NET, X, LABELS), ValueError,
        r"X: expected shape \(n, 2\), got \(40, 9\)",
    ),
    "too few labels": (
        lambda: plot.confusion(NET, X, LABELS[:3]), ValueError, "y: expected 40 labels",
    ),
    "no class": (
        lambda: plot.confusion(NET, X, LABELS + 1), ValueError, "y: expected classes of the model",
    ),
    "no range": (
        lambda: plot.learning_rate_range(COLUMNS), TypeError, "result: expected a RateRange",  # type: ignore[arg-type]
    ),
    "many classes": (
        lambda: plot.decision_boundary(make((2, 3, 8)), POINTS, np.zeros(30)), ValueError,
        "model: expected at most 7 classes, got 8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_drawn_is_refused(case: str) -> None:
    call, error, words = BAD[case]
    with pytest.raises(error, match=words):
        call()
