"""Epochs with a learnt factor for each input and learning rates of their own for each part.

The network has no layer for such factors. Its first weights are made of them, W = V diag(s) / √n,
and the gradient that the core returns for W is taken apart into those for V and s, exactly; the
step is Adam's, in NumPy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.network import Network
from fastnn.sklearn._losses import Loss
from fastnn.sklearn._rows import Rows

# Learning rates as multiples of that of the weights (Holzmüller et al., 2024).
OF_SCALES, OF_BIASES = 6.0, 0.1


class ScaledCore:
    """What ``Core`` does, for parameters q that the network's are made of.

    Weights (n_out, n_in) are V / √n_in (the neural tangent parametrization), those of the first
    layer V diag(s) / √n_in; all other parameters are themselves.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Gives Adam's numbers and ``alpha``.
    network : Network
        In training. Its weights are taken as they are, all s as 1.
    loss : Loss
    rows : Rows
    batch_size : int
    counter : uint64 array (1,)
        Counts the steps.
    """

    def __init__(
        self, estimator: Any, network: Network, loss: Loss, rows: Rows, batch_size: int,
        counter: np.ndarray,
    ) -> None:  # fmt: skip
        self._counter = counter
        self._network, self._loss, self._rows, self._size = network, loss, rows, batch_size
        self._alpha, self._eps = float(estimator.alpha), float(estimator.epsilon)
        self._betas = float(estimator.beta_1), float(estimator.beta_2)
        self._sums = network._engine.batch_gradients(network, batch_size, loss.clip(network.dtype))
        n, n_in, dtype = network.n_parameters, network.sizes[0], network.dtype
        self._unit, rate_factors = np.ones(n, dtype), np.ones(n + n_in, dtype)
        layout = network._layout
        for w in layout.weights(self._unit):
            w[...] = 1 / np.sqrt(w.shape[1])
        for b in layout.columns("biases", rate_factors[:n]):
            b[...] = OF_BIASES
        rate_factors[n:] = OF_SCALES
        self._rate_factors, self._gradient = rate_factors, np.zeros(n + n_in, dtype)
        self._q = np.concatenate([network.parameters / self._unit, np.ones(n_in, dtype)])
        self._first, self._second = np.zeros_like(self._q), np.zeros_like(self._q)

    def epoch(self, order: np.ndarray, rates: np.ndarray) -> float:
        """Run an epoch over the rows in ``order``; return the sum of costs, as ``Core.epoch``."""
        return self._sums.quietly(self._epoch, order, rates)

    def _epoch(self, order: np.ndarray, rates: np.ndarray) -> float:
        counter = self._counter
        starts = range(0, len(order), self._size)
        steps = np.broadcast_to(rates, len(starts)).tolist()
        total = 0.0
        for start, rate in zip(starts, steps, strict=True):
            total += self._back(order[start : start + self._size])
            counter += np.uint64(1)
            self._take_apart()
            self._step(rate, int(counter[0]))
            self._put_together()
        return total

    def _back(self, batch: np.ndarray) -> float:
        """Write the mean gradient of some rows; return their mean cost times their number."""
        weights = self._rows.row_weights
        sum_of_weights = float(weights[batch].sum(dtype=np.float64) if len(weights) else len(batch))
        gradient, share = self._gradient[: self._network.n_parameters], 1 / sum_of_weights
        cost = self._sums.add(self._rows, batch, gradient, share, 0)
        return len(batch) * share * (cost + self._penalty(share))

    def _penalty(self, share: float) -> float:
        """Add the gradient of α/2 Σw² over the rows' weights; return its cost."""
        if self._alpha == 0:
            return 0.0
        network, total = self._network, 0.0
        gradient = self._gradient[: network.n_parameters]
        for w, g in zip(network.weights, network._layout.weights(gradient), strict=True):
            g += self._alpha * share * w
            total += float(np.vdot(w, w))
        return 0.5 * self._alpha * total * self._loss.divisor(self._rows.Y.shape[1])

    def _parts(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return views of a vector as ``_q``: all but s, of it V (n_out, n_in), and s (n_in,)."""
        n = self._network.n_parameters
        return vector[:n], self._network._layout.weights(vector[:n])[0], vector[n:]

    def _take_apart(self) -> None:
        """From the gradient of the network's parameters to that of q, by the chain rule."""
        gradient, of_first, of_scales = self._parts(self._gradient)
        _, first, scales = self._parts(self._q)
        gradient *= self._unit
        np.einsum("ij,ij->j", of_first, first, out=of_scales)
        of_first *= scales

    def _step(self, rate: float, t: int) -> None:
        """Step q by Adam (Kingma and Ba, 2015), each part with its factor on the rate."""
        g, (beta_1, beta_2) = self._gradient, self._betas
        self._first *= beta_1
        self._first += (1 - beta_1) * g
        self._second *= beta_2
        g *= g
        self._second += (1 - beta_2) * g
        np.sqrt(self._second, out=g)
        g /= np.sqrt(1 - beta_2**t)
        g += self._eps
        np.divide(self._first, g, out=g)
        g *= self._rate_factors
        g *= rate / (1 - beta_1**t)
        self._q -= g

    def _put_together(self) -> None:
        """Write the network's parameters."""
        q, _, scales = self._parts(self._q)
        np.multiply(q, self._unit, out=self._network.parameters)
        self._network.weights[0][...] *= scales
