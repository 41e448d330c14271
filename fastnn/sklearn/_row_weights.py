"""Rows that weigh nothing: they are as if they were absent.

scikit-learn divides by the sum of a mini-batch's weights, and of those of the rows to judge by, and
ends with an error where it is 0. Only there is anything else done here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# What a training is given: inputs, targets as columns, weights or None.
Data = tuple[Any, np.ndarray, Any]


def in_dtype(weights: np.ndarray, dtype: np.dtype, name: str) -> np.ndarray:
    """Return checked weights, of which those that are 0 in ``dtype`` are 0.

    Raises
    ------
    ValueError
        If one is not finite in ``dtype``, or all are 0.
    """
    with np.errstate(over="ignore", under="ignore"):
        converted = weights.astype(dtype)
    if not np.isfinite(converted).all():
        largest = np.abs(weights).max()
        raise ValueError(f"{name}: expected weights that are finite in {dtype}, got {largest}")
    if not converted.any():
        raise ValueError(f"{name}: expected a weight that is not zero in {dtype}, got none")
    return np.where(converted == 0, 0, weights)


def without_weightless(data: Data) -> Data:
    """Return the rows that weigh something; all of them if all do."""
    X, Y, weights = data
    if weights is None or weights.all():
        return data
    kept = np.flatnonzero(weights)
    return X[kept], Y[kept], weights[kept]


class WeighingBatches:
    """Finds the mini-batches of an epoch that have a row of some weight; only they are steps.

    Parameters
    ----------
    weights : array (n,) or (0,)
        None: every row counts 1.
    batch_size : int
    """

    def __init__(self, weights: np.ndarray, batch_size: int) -> None:
        # Those of negative weights may cancel out, which is not the same.
        self._weights = weights if len(weights) and not (weights > 0).all() else None
        self._size = batch_size

    @property
    def leaves_out(self) -> bool:
        """Whether a row may weigh nothing, so that an epoch's order must be looked at."""
        return self._weights is not None

    def of(self, order: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows in ``order`` and the steps' rates, one or one each, that are left.

        Raises
        ------
        ValueError
            If weights of a mini-batch that are not 0 sum up to 0.
        """
        if self._weights is None:
            return order, rates
        starts = np.arange(0, len(order), self._size)
        weights = self._weights[order]
        weighs = np.logical_or.reduceat(weights != 0, starts)
        if (np.add.reduceat(weights, starts, dtype=np.float64)[weighs] == 0).any():
            raise ValueError(
                "sample_weight: expected weights whose sum over a mini-batch is not 0, got "
                "negative ones that cancel out"
            )
        if weighs.all():
            return order, rates
        # All but the last have the same size, and so it is with those that are left.
        kept = np.repeat(weighs, self._size)[: len(order)]
        return order[kept], rates if len(rates) == 1 else rates[weighs]
