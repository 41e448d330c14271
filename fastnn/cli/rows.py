"""The rows a command works on, whether they go with its network, and how well it knows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.datasets import Split
from fastnn.network import Network

Xy = tuple[np.ndarray, np.ndarray]


def choose_part(split: Split, part: str, data: str) -> Xy:
    """Return the rows of one part, or of 'all' three, one after the other.

    Raises
    ------
    ValueError
        If there are none.
    """
    X, y = _all_rows(split) if part == "all" else getattr(split, part)
    if len(X) == 0:
        raise ValueError(f"{data} has no rows in its part {part!r}")
    return X, y


def _all_rows(split: Split) -> Xy:
    return np.concatenate([X for X, _ in split]), np.concatenate([y for _, y in split])


def count_classes(split: Split, data: str) -> int:
    """Return how many classes there are: the largest label and one, but two at least.

    Raises
    ------
    ValueError
        If there are more than rows, as when another column was taken for the classes.
    """
    labels = _all_rows(split)[1]
    largest = int(labels.max())
    if largest >= max(2, len(labels)):
        raise ValueError(
            f"{data}: expected classes from 0 to the number of classes - 1, "
            f"got class {largest} in {len(labels)} rows"
        )
    return max(2, largest + 1)


def check_features(network: Network, X: np.ndarray, model: str, data: str) -> None:
    """Raise ``ValueError`` unless the rows have as many features as the network inputs."""
    if X.shape[1] != network.sizes[0]:
        raise ValueError(
            f"{model} takes {network.sizes[0]} inputs, but {data} has {X.shape[1]} features"
        )


def check_classes(network: Network, y: np.ndarray, model: str, data: str) -> None:
    """Raise ``ValueError`` unless the network has an output for every class.

    A single output tells two classes apart.
    """
    n_classes = max(2, network.sizes[-1])
    if y.max() >= n_classes:
        raise ValueError(
            f"{model} tells {n_classes} classes apart, but {data} has class {int(y.max())}"
        )


def quality(network: Network, rows: Xy) -> str:
    """Return in words what ``measured`` does."""
    found = measured(network, rows)
    if "accuracy" in found:
        return f"accuracy {found['accuracy']:.2%} ({found['right']} of {found['rows']})"
    determination = "undefined" if found["r2"] is None else f"{found['r2']:.4f}"
    return f"R² {determination}, RMSE {found['rmse']:.6g} ({found['rows']} rows)"


def measured(network: Network, rows: Xy) -> dict[str, Any]:
    """Return how right a network is: its accuracy, or R² and RMSE of a regression.

    R² = 1 − Σ(a − y)² / Σ(y − ȳ)², None where all targets are equal; RMSE = √(Σ(a − y)² / n).
    """
    X, y = rows
    if network.table is None or network.table.task == "classification":
        right = network.accuracy(rows)
        return {"accuracy": right / len(X), "right": right, "rows": len(X)}
    error = float(np.mean((network.predict(X)[:, 0] - y) ** 2, dtype=np.float64))
    variance = float(np.var(y))
    determination = 1 - error / variance if variance > 0 else None
    return {"r2": determination, "rmse": error**0.5, "rows": len(X)}
