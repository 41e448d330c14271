"""Bring inputs to a common scale before training."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._common.checks import as_array, check_finite, precision_of

__all__ = ["SmoothClipper", "Standardizer"]


class Standardizer:
    """Shifts and scales each column to mean 0 and standard deviation 1 over the rows fitted to.

    x → (x − mean) / scale, with the biased standard deviation as scale; a column that is constant
    has scale 1, and so becomes 0 (LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998, §4.3).

    Attributes
    ----------
    mean, scale : float64 arrays (n_in,)
        ``None`` before ``fit``.

    Examples
    --------
    >>> from fastnn.preprocessing import Standardizer
    >>> standardizer = Standardizer()
    >>> standardizer.fit_transform([[1.0, 5.0], [3.0, 5.0]])
    array([[-1.,  0.],
           [ 1.,  0.]])
    >>> standardizer.transform([[2.0, 6.0]])
    array([[0., 1.]])
    """

    def __init__(self) -> None:
        self.mean: np.ndarray | None = None
        self.scale: np.ndarray | None = None

    def fit(self, X: Any) -> Standardizer:
        """Take the means and standard deviations of the columns of ``X`` and return itself.

        Parameters
        ----------
        X : array-like (n, n_in)
            Of the training set alone: what is validated or tested must not be known here.

        Raises
        ------
        TypeError, ValueError
            If ``X`` does not hold rows of finite real numbers.
        """
        array = _rows(X)
        smallest, largest = (f(array, axis=0).astype(np.float64) for f in (np.min, np.max))
        with np.errstate(over="ignore", invalid="ignore"):
            mean = array.mean(axis=0, dtype=np.float64)
            scale = array.std(axis=0, dtype=np.float64)
        # Rounding gives a constant column a mean beside it and a small deviation that is noise.
        constant = smallest == largest
        mean[constant], scale[constant] = smallest[constant], 1.0
        scale[scale == 0] = 1.0  # a spread so small that its square is no longer a number
        for name, values in (("mean", mean), ("standard deviation", scale)):
            check_finite(values, f"X: the {name} of the columns")
        self.mean, self.scale = mean, scale
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return ``X`` (n, n_in) shifted and scaled: float32 stays float32, else float64.

        Parameters
        ----------
        X : array-like (n, n_in)

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError, ValueError
            If ``X`` does not hold rows of finite real numbers, or of another length.
        """
        mean, scale = self._fitted()
        array = _matching(X, len(mean))
        return ((array - mean) / scale).astype(precision_of(array), copy=False)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return what ``transform`` made ``X`` (n, n_in) from, to rounding.

        Parameters
        ----------
        X : array-like (n, n_in)

        Raises
        ------
        RuntimeError, TypeError, ValueError
            As ``transform``.
        """
        mean, scale = self._fitted()
        array = _matching(X, len(mean))
        return (array * scale + mean).astype(precision_of(array), copy=False)

    def fit_transform(self, X: Any) -> np.ndarray:
        """Fit to ``X`` and return it transformed.

        Parameters
        ----------
        X : array-like (n, n_in)
        """
        return self.fit(X).transform(X)

    def __repr__(self) -> str:
        columns = "not fitted" if self.mean is None else f"{len(self.mean)} columns"
        return f"<Standardizer, {columns}>"

    def _fitted(self) -> tuple[np.ndarray, np.ndarray]:
        if self.mean is None or self.scale is None:
            raise RuntimeError("Standardizer: call fit before transform")
        return self.mean, self.scale


class SmoothClipper:
    """Centres and scales each column by its quartiles, and bends what lies far out to below 3.

    x → u / √(1 + (u/3)²) with u = (x − median) · scale, where scale is 1 / (q₀.₇₅ − q₀.₂₅), or
    2 / (max − min) if these quartiles are equal, or 0 for a constant column (Holzmüller,
    Grinsztajn and Steinwart, *Better by default*, 2024, §3). An outlier moves neither the centre
    nor the scale, and cannot become larger than 3.

    Attributes
    ----------
    center, scale : float64 arrays (n_in,)
        ``None`` before ``fit``.

    Examples
    --------
    >>> from fastnn.preprocessing import SmoothClipper
    >>> clipper = SmoothClipper().fit([[0.0], [1.0], [2.0], [3.0], [4.0]])
    >>> clipper.transform([[2.0], [4.0], [1e9]]).round(3)
    array([[0.   ],
           [0.949],
           [3.   ]])
    """

    def __init__(self) -> None:
        self.center: np.ndarray | None = None
        self.scale: np.ndarray | None = None

    def fit(self, X: Any) -> SmoothClipper:
        """Take the medians and quartiles of the columns of ``X`` (n, n_in) and return itself.

        Parameters
        ----------
        X : array-like (n, n_in)
            Of the training set alone: what is validated or tested must not be known here.

        Raises
        ------
        TypeError, ValueError
            If ``X`` does not hold rows of finite real numbers.
        """
        least, low, middle, high, most = np.quantile(
            _rows(X).astype(np.float64), [0, 0.25, 0.5, 0.75, 1], axis=0
        )
        # Halves, since the difference of two finite numbers may be infinite.
        spread = np.where(high > low, high / 2 - low / 2, (most / 2 - least / 2) / 2)
        with np.errstate(over="ignore"):
            scale = np.divide(0.5, spread, out=np.zeros_like(spread), where=spread > 0)
        self.center, self.scale = middle, np.minimum(scale, np.finfo(np.float64).max)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return ``X`` (n, n_in) scaled and bent: float32 stays float32, else float64.

        Parameters
        ----------
        X : array-like (n, n_in)

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError, ValueError
            If ``X`` does not hold rows of finite real numbers, or of another length.
        """
        if self.center is None or self.scale is None:
            raise RuntimeError("SmoothClipper: call fit before transform")
        array = _matching(X, len(self.center))
        with np.errstate(over="ignore"):
            u = (array - self.center) * self.scale
            largest = 1e100  # whose square is still finite
            u = np.clip(u, -largest, largest)
        return (u / np.sqrt(1 + (u / 3) ** 2)).astype(precision_of(array), copy=False)

    def fit_transform(self, X: Any) -> np.ndarray:
        """Fit to ``X`` and return it transformed.

        Parameters
        ----------
        X : array-like (n, n_in)
        """
        return self.fit(X).transform(X)

    def __repr__(self) -> str:
        columns = "not fitted" if self.center is None else f"{len(self.center)} columns"
        return f"<SmoothClipper, {columns}>"


def _matching(X: Any, n_in: int) -> np.ndarray:
    array = _rows(X)
    if array.shape[1] != n_in:
        raise ValueError(f"X: expected shape (n, {n_in}), got {array.shape}")
    return array


def _rows(X: Any) -> np.ndarray:
    array = as_array(X, "X")
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"X: expected rows (n, n_in), at least one, got shape {array.shape}")
    check_finite(array, "X")
    return array
