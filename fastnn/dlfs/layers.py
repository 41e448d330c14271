"""The layers of the book's ``common.layers`` over the compiled kernels.

What ``forward`` keeps for ``backward`` are attributes, by the book's names. Arrays that are given
are not changed. Float32 stays float32 where all arrays are; all else becomes float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._core.dense import dense_backward, dense_forward
from fastnn._core.norm import columns_backward, columns_forward, running_forward, running_update
from fastnn.dlfs.functions import cross_entropy_error, sigmoid, softmax

__all__ = ["Affine", "BatchNormalization", "Dropout", "Relu", "Sigmoid", "SoftmaxWithLoss"]

EPS = 10e-7  # the book's


def _precision(*arrays: Any) -> np.dtype:
    """Return float32 if all arrays are, else float64."""
    single = all(np.asarray(each).dtype == np.float32 for each in arrays)
    return np.dtype(np.float32 if single else np.float64)


def _rows(x: Any, dtype: np.dtype) -> np.ndarray:
    """Return ``x`` (m, ...) as C-contiguous rows (m, n), copied only if it must be."""
    array = np.asarray(x)
    return np.ascontiguousarray(array.reshape(array.shape[0], -1), dtype)


class Relu:
    """max(0, x).

    Attributes
    ----------
    mask : array of bool, shaped as x
        Where x is 0 or less.
    """

    mask: Any = None

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return max(0, x).

        Parameters
        ----------
        x : array
        """
        self.mask = x <= 0
        return np.where(self.mask, x.dtype.type(0), x)

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """Return ∂C/∂x: ``dout`` where x is above 0, else 0.

        Parameters
        ----------
        dout : array shaped as x
        """
        return np.where(self.mask, dout.dtype.type(0), dout)


class Sigmoid:
    """1 / (1 + e^−x).

    Attributes
    ----------
    out : array
        What ``forward`` returned.
    """

    out: Any = None

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return σ(x).

        Parameters
        ----------
        x : array
        """
        self.out = sigmoid(x)
        return self.out

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """Return ∂C/∂x = ``dout`` (1 − σ) σ.

        Parameters
        ----------
        dout : array shaped as x
        """
        return dout * (1 - self.out) * self.out


class Affine:
    """x W + b, of rows in any shape.

    Parameters
    ----------
    W : array (n_in, n_out)
        The weights; what is written into them counts.
    b : array (n_out,)
        The biases; likewise.

    Attributes
    ----------
    x : array (m, n_in)
        The inputs as rows.
    original_x_shape : tuple of int
    dW, db : arrays shaped as W and b
        ∂C/∂W and ∂C/∂b, of the last ``backward``.
    """

    def __init__(self, W: np.ndarray, b: np.ndarray) -> None:
        self.W, self.b = W, b
        self.x: Any = None
        self.original_x_shape: Any = None
        self.dW: Any = None
        self.db: Any = None

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return x W + b (m, n_out).

        Parameters
        ----------
        x : array (m, ...) with n_in numbers a row
        """
        dtype = _precision(x, self.W)
        self.original_x_shape, self.x = x.shape, _rows(x, dtype)
        out = np.empty((len(self.x), self.W.shape[1]), dtype)
        biases = np.ascontiguousarray(self.b, dtype)
        dense_forward(out, self.x, np.ascontiguousarray(self.W.T, dtype), biases)
        return out

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """Return ∂C/∂x = ``dout`` Wᵀ, shaped as x; ``dW`` and ``db`` are then those of ``dout``.

        Parameters
        ----------
        dout : array (m, n_out)
        """
        dtype = self.x.dtype
        weights = np.ascontiguousarray(self.W.T, dtype)
        dx, dweights = np.empty_like(self.x), np.empty_like(weights)
        self.db = np.empty(len(weights), dtype)
        dense_backward(dx, dweights, self.db, _rows(dout, dtype), self.x, weights)
        self.dW = dweights.T
        return dx.reshape(self.original_x_shape)


class SoftmaxWithLoss:
    """The softmax, and the cross-entropy error of its outputs.

    Attributes
    ----------
    loss : float
    y : array (m, n)
        The softmax's outputs.
    t : array (m,) or (m, n)
        The targets.
    """

    loss: Any = None
    y: Any = None
    t: Any = None

    def forward(self, x: np.ndarray, t: np.ndarray) -> Any:
        """Return the mean error over the rows.

        Parameters
        ----------
        x : array (m, n)
        t : array (m,) of labels, or (m, n)
        """
        self.t, self.y = t, softmax(x)
        self.loss = cross_entropy_error(self.y, t)
        return self.loss

    def backward(self, dout: float = 1) -> np.ndarray:
        """Return ∂C/∂x = (y − t) / m.

        Parameters
        ----------
        dout : float, default 1
            Not used, as in the book.
        """
        m = self.t.shape[0]
        if self.t.size == self.y.size:
            return (self.y - self.t) / m
        dx = self.y.copy()
        dx[np.arange(m), self.t] -= 1
        return dx / m


class Dropout:
    """In training each number is dropped with probability ``dropout_ratio``; else all are scaled.

    Parameters
    ----------
    dropout_ratio : float, default 0.5
        The probability.

    Attributes
    ----------
    mask : array of bool, shaped as x
        Which numbers are kept: those for which NumPy's global state draws one above the ratio.
    """

    def __init__(self, dropout_ratio: float = 0.5) -> None:
        self.dropout_ratio = dropout_ratio
        self.mask: Any = None

    def forward(self, x: np.ndarray, train_flg: bool = True) -> np.ndarray:
        """Return x with numbers dropped, or times 1 − ``dropout_ratio``.

        Parameters
        ----------
        x : array
        train_flg : bool, default True
        """
        if not train_flg:
            return x * (1.0 - self.dropout_ratio)
        self.mask = np.random.rand(*x.shape) > self.dropout_ratio
        return x * self.mask

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """Return ∂C/∂x: ``dout`` where x was kept, else 0.

        Parameters
        ----------
        dout : array shaped as x
        """
        return dout * self.mask


class BatchNormalization:
    """γ x̂ + β over the rows, with x̂ = (x − μ) / √(σ² + 10e-7) and the biased variance σ².

    Parameters
    ----------
    gamma, beta : arrays (n,)
        γ and β.
    momentum : float, default 0.9
        running = momentum · running + (1 − momentum) · batch, for the mean and the variance.
    running_mean, running_var : arrays (n,), optional
        Where these start, both 0 by default; they are copied.

    Attributes
    ----------
    batch_size : int
    xn, std : arrays
        x̂ and √(σ² + 10e-7).
    dgamma, dbeta : arrays (n,)
        ∂C/∂γ and ∂C/∂β, of the last ``backward``.
    """

    def __init__(
        self,
        gamma: np.ndarray,
        beta: np.ndarray,
        momentum: float = 0.9,
        running_mean: Any = None,
        running_var: Any = None,
    ) -> None:
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean: Any = None if running_mean is None else np.array(running_mean, float)
        self.running_var: Any = None if running_var is None else np.array(running_var, float)
        self.input_shape: Any = None
        self.batch_size: Any = None
        self.xn: Any = None
        self.std: Any = None
        self.dgamma: Any = None
        self.dbeta: Any = None
        self._inverse: Any = None

    def forward(self, x: np.ndarray, train_flg: bool = True) -> np.ndarray:
        """Return γ x̂ + β, shaped as x.

        Parameters
        ----------
        x : array (m, n) or (m, channels, height, width)
            Of an image every number is normalized by itself.
        train_flg : bool, default True
            Whether by the statistics of these rows, which then go into the running ones, or by
            these.
        """
        dtype = _precision(x, self.gamma)
        rows = _rows(x, dtype)
        out = rows if not np.shares_memory(rows, x) else rows.copy()
        self.input_shape = x.shape
        if self.running_mean is None or self.running_var is None:
            self.running_mean, self.running_var = np.zeros(out.shape[1]), np.zeros(out.shape[1])
        gamma, beta = (np.ascontiguousarray(each, dtype) for each in (self.gamma, self.beta))
        if train_flg:
            self._normalize(out, gamma, beta)
        else:
            mean, variance = self.running_mean.astype(dtype), self.running_var.astype(dtype)
            running_forward(out, mean, variance, gamma, beta, EPS)
        return out.reshape(self.input_shape)

    def _normalize(self, out: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> None:
        mean, variance, self._inverse = (np.empty_like(gamma) for _ in range(3))
        self.batch_size, self.xn = len(out), np.empty_like(out)
        columns_forward(out, self.xn, mean, variance, self._inverse, gamma, beta, EPS)
        self.std = 1 / self._inverse
        mean, variance = mean.astype(float), variance.astype(float)
        newest = 1 - self.momentum
        running_update(self.running_mean, self.running_var, mean, variance, len(out), newest, False)

    def backward(self, dout: np.ndarray) -> np.ndarray:
        """Return ∂C/∂x, shaped as x; ``dgamma`` and ``dbeta`` are then those of ``dout``.

        Parameters
        ----------
        dout : array shaped as x
        """
        dtype = self.xn.dtype
        delta = np.array(_rows(dout, dtype))
        self.dgamma, self.dbeta = (np.empty(delta.shape[1], dtype) for _ in range(2))
        gamma = np.ascontiguousarray(self.gamma, dtype)
        columns_backward(delta, self.dgamma, self.dbeta, self.xn, self._inverse, gamma)
        return delta.reshape(self.input_shape)
