"""How a model tells classes apart: its boundary in the plane, and what it confuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._common.checks import as_array, check_whole
from fastnn._common.extras import require
from fastnn._data.rows import classes_of
from fastnn.plot._looks import COLOURS, MARKERS, finished, legend_below, new_axes, panels_in
from fastnn.plot._models import answers_of, image_shape, labels_of, of_right_class

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLASSES = len(MARKERS)  # that a plane can show
PALE = 0.3  # of the plane's colours
FEW_CLASSES = 15  # up to which the counts are written into the matrix
# The plane between two classes in pale colours.
ANSWERS = ("#a6cee8", "#ffffff", "#fbc490")


def decision_boundary(
    model: Any,
    X: Any,
    y: Any,
    *,
    resolution: int = 200,
    ax: Axes | None = None,
    language: str = "en",
) -> Axes:
    """Draw the plane in the colours of the model's answers, with the points.

    Parameters
    ----------
    model : Network or classifier
        With two inputs, and at most seven classes: a network, a fitted classifier, or a network of
        ``fastnn.dlfs``.
    X : array-like (n, 2)
        The points.
    y : array-like (n,) or (n, n_out)
        Their classes.
    resolution : int, default 200
        Points of the plane that are asked for, along each side.
    ax : Axes, optional
        Where to draw; a figure of its own by default.
    language : {"en", "zh"}, default "en"
        Of the texts; Chinese needs a font that has its signs.

    Returns
    -------
    matplotlib.axes.Axes
        Two classes with a single output are drawn as its value, with a line at 0.5.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        Naming the argument.
    """
    points = as_array(X, "X")
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(f"X: expected shape (n, 2), got {points.shape}")
    check_whole(resolution, "resolution", 2)
    sides = [_side(points[:, j], resolution) for j in (0, 1)]
    plane = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    outputs, classes = answers_of(model, plane)
    if len(classes) > MOST_CLASSES:
        raise ValueError(f"model: expected at most {MOST_CLASSES} classes, got {len(classes)}")
    labels = labels_of(y, len(points), classes)
    ax = new_axes(ax, 5.4, 5.0)
    answers = outputs.reshape(resolution, resolution, -1)
    if len(classes) == 2:
        explained = _colour_by_value(ax, sides, answers[:, :, -1])
    else:
        explained = _colour_by_class(ax, sides, answers.argmax(axis=2), len(classes))
    for k, name in enumerate(classes):
        x1, x2 = points[labels == k].T
        ax.scatter(
            x1, x2, s=24, color=COLOURS[k], marker=MARKERS[k], edgecolors="white",
            linewidths=0.5, label=f"class {name}",
        )  # fmt: skip
    ax.set(title="decision boundary", xlabel="$x_1$", ylabel="$x_2$")
    legend_below(ax, min(4, len(classes)))
    return finished(ax, language, *explained)


def _side(values: np.ndarray, resolution: int) -> np.ndarray:
    """Return evenly spaced numbers, a little further than the points go."""
    least, most = float(values.min()), float(values.max())
    beyond = 0.1 * (most - least) or 1.0
    return np.linspace(least - beyond, most + beyond, resolution)


def _colour_by_value(ax: Axes, sides: list[np.ndarray], value: np.ndarray) -> list[Axes]:
    """Colour the plane by the answer for the second class; return the panel of the colours."""
    colors = require("matplotlib.colors", extra="plot")
    pale = colors.LinearSegmentedColormap.from_list("answers", ANSWERS)
    extend = "neither" if 0 <= value.min() <= value.max() <= 1 else "both"
    filled = ax.contourf(*sides, value, np.linspace(0, 1, 11), cmap=pale, extend=extend)
    if value.min() < 0.5 < value.max():
        ax.contour(*sides, value, [0.5], colors="black", linewidths=1.5)
    return [ax.figure.colorbar(filled, ax=ax, label="answer", shrink=0.7).ax]


def _colour_by_class(
    ax: Axes, sides: list[np.ndarray], place: np.ndarray, n_classes: int
) -> list[Axes]:
    """Colour the plane by the class that is answered, with a line around each."""
    colours = require("matplotlib.colors", extra="plot").ListedColormap(COLOURS[:n_classes])
    between = np.arange(n_classes + 1) - 0.5
    ax.contourf(*sides, place, between, cmap=colours, alpha=PALE, vmin=0, vmax=n_classes - 1)
    for k in range(n_classes):
        if 0 < np.count_nonzero(place == k) < place.size:
            ax.contour(*sides, place == k, [0.5], colors="black", linewidths=1)
    return []


def confusion(
    model: Any,
    X: Any,
    y: Any,
    *,
    shape: tuple[int, int] | None = None,
    worst: int = 12,
    ax: Axes | None = None,
    language: str = "en",
) -> Axes:
    """Draw how many rows of each class are taken for which, and the images most wrongly taken.

    Parameters
    ----------
    model : Network or classifier
        A network, a fitted classifier, or a network of ``fastnn.dlfs``.
    X : array-like (n, n_in)
    y : array-like (n,) or (n, n_out)
        The true classes.
    shape : (int, int), optional
        Height and width of the rows as images; a square by default, if that is possible. Else there
        are no images.
    worst : int, default 12
        How many images: of those taken wrongly, with the smallest answers for their true class.
    ax : Axes, optional
        Where to draw, in panels within it; a figure of its own by default.
    language : {"en", "zh"}, default "en"
        Of the texts; Chinese needs a font that has its signs.

    Returns
    -------
    matplotlib.axes.Axes
        The first of its ``child_axes`` is the matrix.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        Naming the argument.
    """
    rows = as_array(X, "X")
    outputs, classes = answers_of(model, rows)
    labels, taken = labels_of(y, len(rows), classes), classes_of(outputs)
    image = image_shape(shape, rows.shape[1])
    wrong = np.flatnonzero(labels != taken)
    wrong = wrong[np.argsort(of_right_class(outputs, labels)[wrong], kind="stable")]
    wrong = wrong[: check_whole(worst, "worst", 0)] if image else wrong[:0]
    ax = new_axes(ax, 9.6 if len(wrong) else 5.4, 4.9)
    right = np.mean(labels == taken)
    ax.set_title(f"confusion of the classes: {100 * right:.4g} % right", pad=16)
    (matrix,) = panels_in(ax, 1, 1, 0, width=0.47 if len(wrong) else 1.0)
    _draw_matrix(matrix, labels, taken, classes)
    for at, place in zip(wrong, _places(len(wrong)), strict=True):
        panel = ax.inset_axes(place)
        panel.imshow(rows[at].reshape(image), cmap="gray_r")
        panel.set(xticks=[], yticks=[])
        title = f"{classes[labels[at]]} → {classes[taken[at]]}"
        panel.set_title(title, fontsize="small", pad=3)
    if len(wrong):
        ax.text(0.56, 1.02, "worst of the wrong", transform=ax.transAxes, va="top")
    return finished(ax, language)


def _places(n: int) -> list[tuple[float, float, float, float]]:
    """Return where the images stand, at the right of the matrix, four beside each other."""
    high = min(0.2, 0.62 / max(1, -(-n // 4)))
    return [
        (0.56 + 0.115 * (i % 4), 0.9 - high - (i // 4) * 1.45 * high, 0.1, high) for i in range(n)
    ]


def _draw_matrix(ax: Axes, labels: np.ndarray, taken: np.ndarray, classes: np.ndarray) -> None:
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (labels, taken), 1)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.set_xticks(range(len(classes)), classes)
    ax.set_yticks(range(len(classes)), classes)
    if len(classes) > FEW_CLASSES:
        return
    for (i, j), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[i, j] > 0.5 else "black"
            ax.text(j, i, str(count), ha="center", va="center", color=colour, fontsize="small")
