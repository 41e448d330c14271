"""Curves over the epochs of a training."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnn._common.checks import check_choice
from fastnn._common.extras import require
from fastnn.history import History
from fastnn.plot._looks import curve_styles, finished, legend_below, new_axes, tidy, write_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENDINGS = (".png", ".pdf", ".svg")
BOOK_NAMES = ("evaluation_cost", "evaluation_accuracy", "training_cost", "training_accuracy")
FEW_EPOCHS = 40  # up to which each is a dot


def plot_history(
    history: History | Mapping[str, Sequence[float]] | Sequence[Sequence[float]],
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw the costs and the accuracies over the epochs, each in a panel of its own.

    Parameters
    ----------
    history : History, mapping of str to sequence, or sequence of four lists
        What ``fit`` returned; or columns of one length, of which those named ``..._cost`` and
        ``..._accuracy`` are drawn; or the four lists that ``SGD`` returned, empty ones left out.
        Accuracies above 1 are taken as counts of right answers, others as fractions.
    path : path, optional
        Where to write the picture: a .png, .pdf or .svg file, whole or not at all.

    Returns
    -------
    matplotlib.figure.Figure
        Of its own, unknown to pyplot: nothing to close, and no display is needed.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If there is nothing to draw, or ``path`` has another ending.
    OSError
        If the file cannot be written.
    """
    if path is not None and Path(path).suffix not in ENDINGS:
        raise ValueError(
            f"path: expected a name ending in {', '.join(ENDINGS)}, got {os.fspath(path)!r}"
        )
    panels = _panels(_columns(history))
    styles = _styles(panels)
    figure = require("matplotlib.figure", extra="plot").Figure(
        figsize=(5.2 * len(panels), 3.9), layout="constrained"
    )
    for axes, (kind, columns) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        _draw(axes, kind, columns, styles)
    if path is not None:
        write_picture(figure, Path(path))
    return figure


def learning_curves(
    history: History | Mapping[str, Sequence[float]] | Sequence[Sequence[float]],
    *,
    kind: str = "cost",
    ax: Axes | None = None,
    language: str = "en",
) -> Axes:
    """Draw the costs or the accuracies over the epochs, with a mark at the best epoch.

    Parameters
    ----------
    history : History, mapping of str to sequence, or sequence of four lists
        As for ``plot_history``.
    kind : {"cost", "accuracy"}, default "cost"
        Which of them.
    ax : Axes, optional
        Where to draw; a figure of its own by default.
    language : {"en", "zh"}, default "en"
        Of the texts; Chinese needs a font that has its signs.

    Returns
    -------
    matplotlib.axes.Axes
        The best epoch is that of the validation data, or else of the training data: the first with
        the smallest cost, or the largest accuracy.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If there is nothing to draw.
    """
    check_choice(kind, "kind", ("cost", "accuracy"))
    panels = _panels(_columns(history))
    if kind not in panels:
        raise ValueError(f"history: expected a column of the {kind}, got none")
    ax = new_axes(ax, 5.6, 4.2)
    columns = panels[kind]
    styles = _styles(panels)
    _draw(ax, kind, columns, styles)
    name = next((name for name in columns if name != "training"), "training")
    worst = float("-inf") if kind == "accuracy" else float("inf")
    # A number that is none, of a training that diverged, is not the best.
    judged = [worst if value != value else value for value in columns[name]]
    value = max(judged) if kind == "accuracy" else min(judged)
    best = judged.index(value) + 1
    shown = f"{value:.4g}" if kind == "cost" or value > 1 else f"{100 * value:.4g} %"
    ax.axvline(best, color="0.6", linewidth=1, zorder=0)
    ax.plot(
        [best], [value], marker="*", markersize=13, linestyle="", color=styles[name]["color"],
        markeredgecolor="white", label=f"best: {shown} (epoch {best})", clip_on=False,
    )  # fmt: skip
    ax.set_title("learning curves")
    legend_below(ax, 2)
    return finished(ax, language)


def _columns(history: Any) -> Mapping[str, Sequence[float]]:
    if isinstance(history, History):
        return history.to_dict()
    if isinstance(history, Mapping):
        return history
    if isinstance(history, Sequence) and len(history) == len(BOOK_NAMES):
        return dict(zip(BOOK_NAMES, history, strict=True))
    raise TypeError(
        "history: expected a History, columns by name or the four lists of SGD, "
        f"got {type(history).__name__}"
    )


def _panels(columns: Mapping[str, Sequence[float]]) -> dict[str, dict[str, Sequence[float]]]:
    """Return the columns to draw, by the name of their part of the data, for each kind."""
    panels: dict[str, dict[str, Sequence[float]]] = {}
    for kind in ("cost", "accuracy"):
        chosen = {
            name.removesuffix(f"_{kind}"): values
            for name, values in columns.items()
            if name.endswith(f"_{kind}") and len(values)
        }
        if chosen:
            panels[kind] = dict(sorted(chosen.items(), key=lambda item: item[0] != "training"))
    if not panels:
        raise ValueError("history: expected at least one epoch with a cost or an accuracy")
    if len({len(values) for panel in panels.values() for values in panel.values()}) > 1:
        raise ValueError("history: expected columns of one length")
    return panels


def _styles(panels: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return a style for each part of the data, the same in both panels and in every picture."""
    names = [name for columns in panels.values() for name in columns]
    second = "evaluation" if "evaluation" in names else "validation"
    places = dict.fromkeys(["training", second, *names])
    return dict(zip(places, curve_styles(len(places)), strict=True))


def _draw(
    axes: Axes,
    kind: str,
    columns: Mapping[str, Sequence[float]],
    styles: Mapping[str, Mapping[str, Any]],
) -> None:
    for name, values in columns.items():
        style = {**styles[name], "markersize": 3.5, "linewidth": 1.6}
        if len(values) > FEW_EPOCHS:
            del style["marker"]
        axes.plot(range(1, len(values) + 1), values, **style, label=name)
    tidy(axes, kind, "epoch", "")
    label_value_axis = _label_costs if kind == "cost" else label_accuracies
    label_value_axis(axes, [value for values in columns.values() for value in values])
    axes.locator_params(axis="x", integer=True, steps=[1, 2, 5, 10])
    legend_below(axes, len(columns))


def _label_costs(axes: Axes, values: Sequence[float]) -> None:
    axes.set_ylabel("mean cost of an example")
    if min(values) >= 0:
        axes.set_ylim(bottom=0)


def label_accuracies(axes: Axes, values: Sequence[float]) -> None:
    """Name the axis of counts, or of fractions, which are shown as percents."""
    if max(values) > 1:
        axes.set_ylabel("right answers")
    else:
        axes.set_ylabel("right answers (%)")
        axes.yaxis.set_major_formatter(lambda fraction, _: f"{100 * fraction:g}")
