"""Pictures of a training, and curves that all eyes tell apart."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnn._common.checks import check_whole
from fastnn._common.extras import require
from fastnn._common.files import write_whole
from fastnn.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["curve_styles", "plot_history"]

ENDINGS = (".png", ".pdf", ".svg")
BOOK_NAMES = ("evaluation_cost", "evaluation_accuracy", "training_cost", "training_accuracy")
FEW_EPOCHS = 40  # up to which each is a dot
# The colours of Okabe and Ito (2008), but for yellow, which white paper swallows.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#000000", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("-", "--", "-.", ":", (0, (8, 2, 2, 2, 2, 2)), (0, (8, 3)), (0, (1, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def curve_styles(n: int) -> list[dict[str, Any]]:
    """Return keywords of matplotlib's ``plot`` for ``n`` curves that all eyes tell apart.

    The first seven differ in colour (Okabe and Ito, "Color Universal Design", 2008), for every
    common kind of colour vision, in line style and in marker, for a print in grey. Each further
    seven have the same colours and markers with other line styles; the 50th is the first again.

    Parameters
    ----------
    n : int
        How many, 0 or more.

    Returns
    -------
    list of dict
        Each with ``color``, ``linestyle`` and ``marker``; drop the marker, or add ``markevery``,
        where points are many.

    Raises
    ------
    TypeError, ValueError
        If ``n`` is no whole number, 0 or more.

    Examples
    --------
    >>> for values, style in zip(curves, curve_styles(len(curves))):  # doctest: +SKIP
    ...     axes.plot(values, **style)
    """
    return [
        {
            "color": COLOURS[i % len(COLOURS)],
            "linestyle": LINES[(i + i // len(COLOURS)) % len(LINES)],
            "marker": MARKERS[i % len(MARKERS)],
        }
        for i in range(check_whole(n, "n", 0))
    ]


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
    axes.set_title(kind)
    label_value_axis = _label_costs if kind == "cost" else _label_accuracies
    label_value_axis(axes, [value for values in columns.values() for value in values])
    axes.set_xlabel("epoch")
    axes.locator_params(axis="x", integer=True, steps=[1, 2, 5, 10])
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    # Below the panel, where no curve goes.
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=len(columns), frameon=False)


def _label_costs(axes: Axes, values: Sequence[float]) -> None:
    axes.set_ylabel("mean cost of an example")
    if min(values) >= 0:
        axes.set_ylim(bottom=0)


def _label_accuracies(axes: Axes, values: Sequence[float]) -> None:
    if max(values) > 1:
        axes.set_ylabel("right answers")
    else:
        axes.set_ylabel("right answers (%)")
        axes.yaxis.set_major_formatter(lambda fraction, _: f"{100 * fraction:g}")


def write_picture(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all, in the format that the name's ending says."""
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:], dpi=150)
    write_whole(path, picture.getvalue())
