"""The pictures of a run: its learning curves, what its network confuses, and its layers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from fastnn import plot
from fastnn._common.extras import require
from fastnn.cli.examples import Examples
from fastnn.cli.scaling import largest_of_pixels
from fastnn.datasets.split import Xy
from fastnn.history import History
from fastnn.network import Network
from fastnn.plot import write_picture

MOST_CLASSES = 30  # whose names can be read beside the matrix
KINDS = ("cost", "accuracy")


class _Named:
    """A network as a classifier whose classes have the names of the data."""

    def __init__(self, network: Network, classes: list[str]) -> None:
        self._network, self.classes_ = network, np.array(classes)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the outputs (m, n_out)."""
        return self._network.predict(X)


def draw_run(
    folder: Path, network: Network, history: History, examples: Examples, language: str,
    ending: str = ".png",
) -> list[Path]:  # fmt: skip
    """Draw the pictures of a run into a folder, and return which there are.

    Parameters
    ----------
    folder : path
    network : Network
        For rows as they are in the data.
    history : History
        Of all epochs.
    examples : Examples
        The confusion is that of their test rows, or without any that of the validation rows.
    language : {"en", "zh"}
    ending : {".png", ".pdf", ".svg"}, default ".png"
    """
    figures = {}
    if any(name.endswith(f"_{kind}") for name in history.columns for kind in KINDS):
        figures["learning_curves"] = _curves(history, language)
    rows = next((rows for rows in _to_judge(examples) if len(rows[0])), None)
    if rows is not None and examples.task == "classification":
        classes = _classes(network, examples)
        if len(classes) <= MOST_CLASSES:
            figures["confusion"] = _confusion(network, classes, rows, examples, language)
    figures["network"] = plot.network(network, language=language).figure
    paths = []
    for name, figure in figures.items():
        paths.append(folder / f"{name}{ending}")
        write_picture(figure, paths[-1])
    return paths


def _to_judge(examples: Examples) -> tuple[Xy, Xy]:
    return examples.split.test, examples.split.validation


def _curves(history: History, language: str) -> Any:
    kinds = [kind for kind in KINDS if any(name.endswith(f"_{kind}") for name in history.columns)]
    figure = require("matplotlib.figure", extra="plot").Figure(
        figsize=(5.6 * len(kinds), 4.4), layout="constrained"
    )
    for ax, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        plot.learning_curves(history, kind=kind, ax=ax, language=language)
    return figure


def _classes(network: Network, examples: Examples) -> list[str]:
    if examples.info is not None:
        return [str(each) for each in examples.info.classes]
    return [str(i) for i in range(max(2, network.sizes[-1]))]


def _confusion(
    network: Network, classes: list[str], rows: Xy, examples: Examples, language: str
) -> Any:
    X, y = rows
    are_images = examples.are_pixels or largest_of_pixels(X) is not None
    names = np.array(classes)[y]
    return plot.confusion(
        _Named(network, classes), X, names, worst=12 if are_images else 0, language=language
    ).figure


def check_folder(path: str | os.PathLike[str], option: str, *, may_be_new: bool = False) -> Path:
    """Return a folder to draw into.

    Raises
    ------
    ValueError
        If it is none that can be written to; naming the option.
    """
    folder = Path(path)
    there = folder.absolute().parent if may_be_new and not folder.exists() else folder
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"{option}: expected a folder that can be written to, got {path}")
    return folder
