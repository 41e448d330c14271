"""Curves of several trainings in one panel: what is to be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn._common.checks import check_choice
from fastnn.history import History
from fastnn.plot._history import label_accuracies
from fastnn.plot._looks import curve_styles, finished, legend_below, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AVERAGES = ("arithmetic", "geometric")
MANY_POINTS = 20  # above which not each is a dot


def comparison(
    runs: Mapping[str, Any],
    column: str | None = None,
    *,
    x: Sequence[float] | None = None,
    average: str = "arithmetic",
    legend: bool = True,
    ax: Axes | None = None,
    language: str = "en",
) -> Axes:
    """Draw a curve for each way to train, or for each thing that was measured, with its range.

    Parameters
    ----------
    runs : mapping of str to History, sequence of History, or array-like (n,) or (runs, n)
        By name, what is drawn: a training, or several that differ in their seeds alone; or numbers.
        Columns by name serve as a ``History`` does. Of several runs, the mean is a line and the
        range a shade; it ends where the first of them does.
    column : str, optional
        Which column of the histories, such as ``"validation_accuracy"``; needed for these.
    x : sequence of float, optional
        Where the points stand, at least as many as the longest curve has; 1, 2, 3, ... by default.
    average : {"arithmetic", "geometric"}, default "arithmetic"
        Which mean; the geometric one suits logarithmic scales, and positive numbers only.
    legend : bool, default True
        Whether the names stand below the panel.
    ax : Axes, optional
        Where to draw; a figure of its own by default.
    language : {"en", "zh"}, default "en"
        Of the texts; Chinese needs a font that has its signs.

    Returns
    -------
    matplotlib.axes.Axes
        A line a name, in their order. Without a column its title and labels are left to you.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        Naming the argument, or the run.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn.plot import comparison
    >>> X, y = fastnn.datasets.circles(60)
    >>> runs = {}
    >>> for rate in (0.1, 1.0):
    ...     net = fastnn.Network([2, 8, 1], rng=0)
    ...     runs[f"η = {rate:g}"] = net.fit(X, y, epochs=3, learning_rate=rate)
    >>> axes = comparison(runs, "training_cost")
    >>> [line.get_label() for line in axes.lines]
    ['η = 0.1', 'η = 1']
    """
    check_choice(average, "average", AVERAGES)
    if not isinstance(runs, Mapping) or not runs:
        raise TypeError(f"runs: expected a mapping of names to runs, got {type(runs).__name__}")
    curves = {str(name): _rows(name, found, column) for name, found in runs.items()}
    longest = max(rows.shape[1] for rows in curves.values())
    places = np.arange(1, longest + 1) if x is None else np.asarray(x)
    if places.ndim != 1 or len(places) < longest:
        raise ValueError(f"x: expected {longest} numbers or more, got shape {places.shape}")
    ax = new_axes(ax, 5.6, 4.2)
    for (name, rows), style in zip(curves.items(), curve_styles(len(curves)), strict=True):
        _draw(ax, name, places[: rows.shape[1]], rows, average, style)
    if column is None:
        tidy(ax, "", "", "")
    else:
        _name_column(ax, column, curves)
    if legend:
        legend_below(ax, min(3, len(curves)))
    return finished(ax, language)


def _rows(name: Any, found: Any, column: str | None) -> np.ndarray:
    """Return the numbers of a name, a row a run, cut to the shortest."""
    runs = [found] if isinstance(found, (History, Mapping)) else found
    is_history = [isinstance(run, (History, Mapping)) for run in runs]
    if any(is_history):
        if not all(is_history) or column is None:
            raise ValueError(f"runs[{name!r}]: expected histories alone, and the name of a column")
        lists = [_column(name, run, column) for run in runs]
        shortest = min(map(len, lists))
        runs = [values[:shortest] for values in lists]
    elif column is not None:
        raise TypeError(f"runs[{name!r}]: expected a History or several, as column is given")
    rows = np.atleast_2d(np.asarray(runs, dtype=np.float64))
    if rows.ndim != 2 or rows.size == 0:
        raise ValueError(
            f"runs[{name!r}]: expected numbers of shape (n,) or (runs, n), got {rows.shape}"
        )
    return rows


def _column(name: Any, run: Any, column: str) -> Sequence[float]:
    columns = run.to_dict() if isinstance(run, History) else run
    if column not in columns:
        known = ", ".join(map(str, columns))
        raise ValueError(f"runs[{name!r}]: expected a column {column!r}, got {known}")
    return list(columns[column])


def _draw(
    ax: Axes, name: str, places: np.ndarray, rows: np.ndarray, average: str, style: dict[str, Any]
) -> None:
    """Draw the mean of some rows and, if there are several, from which to which they go."""
    mean = rows.mean(axis=0) if average == "arithmetic" else np.exp(np.log(rows).mean(axis=0))
    dots = 0.1 if len(places) > MANY_POINTS else None
    ax.plot(places, mean, **style, markersize=5, markevery=dots, label=name)
    if len(rows) > 1:
        low, high = rows.min(axis=0), rows.max(axis=0)
        ax.fill_between(places, low, high, color=style["color"], alpha=0.2, linewidth=0)


def _name_column(ax: Axes, column: str, curves: Mapping[str, np.ndarray]) -> None:
    tidy(ax, column.replace("_", " "), "epoch", "")
    if column.endswith("_accuracy"):
        label_accuracies(ax, [rows.max() for rows in curves.values()])
    else:
        ax.set_ylabel("mean cost of an example" if column.endswith("_cost") else "")
    ax.locator_params(axis="x", integer=True, steps=[1, 2, 5, 10])
