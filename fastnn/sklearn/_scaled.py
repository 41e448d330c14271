"""Epochs with a learnt factor for each input and learning rates of their own for each part.

The network has no layer for such factors. Its first weights are made of them, W = V diag(s) / √n,
and the gradient that the core returns for W is taken apart into those for V and s, exactly; the
step is Adam's, in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn._core import epoch as _epoch
from fastnn._core.context import Mode
from fastnn._core.engine import _quietly
from fastnn._core.plan import Workspace
from fastnn.costs import kernel_id, parameter_of, sum_over_rows
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
    """

    def __init__(
        self, estimator: Any, network: Network, loss: Loss, rows: Rows, batch_size: int
    ) -> None:
        self._network, self._loss, self._rows, self._size = network, loss, rows, batch_size
        self._alpha, self._eps = float(estimator.alpha), float(estimator.epsilon)
        self._betas = float(estimator.beta_1), float(estimator.beta_2)
        self._workspace = Workspace(
            network._layout, network._options(), batch_size, network.dtype,
            kernel_id(network.cost), parameter_of(network.cost),
        )  # fmt: skip
        n, n_in, dtype = network.n_parameters, network.sizes[0], network.dtype
        self._unit, pace = np.ones(n, dtype), np.ones(n + n_in, dtype)
        layout = network._layout
        for w in layout.weights(self._unit):
            w[...] = 1 / np.sqrt(w.shape[1])
        for b in layout.columns("biases", pace[:n]):
            b[...] = OF_BIASES
        pace[n:] = OF_SCALES
        self._pace, self._gradient = pace, np.zeros(n + n_in, dtype)
        self._q = np.concatenate([network.parameters / self._unit, np.ones(n_in, dtype)])
        self._first, self._second = np.zeros_like(self._q), np.zeros_like(self._q)

    def quietly(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Return ``work(*arguments)``, BLAS held at one thread if it is used at all."""
        return _quietly(self._workspace.compiled, work, *arguments)

    def epoch(self, order: np.ndarray, rates: np.ndarray, counter: np.ndarray) -> float:
        """Run an epoch over the rows in ``order``; return the sum of costs, as ``Core.epoch``."""
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
        network, rows, workspace = self._network, self._rows, self._workspace
        compiled, memory = workspace.compiled, workspace.memory
        m = _epoch.forward_batch(
            compiled, network.parameters, network.running_statistics, memory, rows.X, rows.Y,
            rows.weights, batch, Mode.GRADIENT, 0, 0,
        )  # fmt: skip
        weighted = len(rows.weights) > 0
        weights = workspace.weights_of_rows(m if weighted else 0)
        sum_of_weights = float(weights.sum(dtype=np.float64)) if weighted else float(m)
        _epoch.output_delta(compiled, memory, m, weighted)
        outputs, clip = workspace.block("out", m), self._loss.clip(network.dtype)
        cost = sum_over_rows(
            network.cost, np.clip(outputs, clip, 1 - clip) if clip else outputs,
            workspace.block("targets", m), weights,
        )  # fmt: skip
        gradient = self._gradient[: network.n_parameters]
        share = 1 / sum_of_weights
        _epoch.gradient_batch(compiled, gradient, network.parameters, memory, m, share, 0)
        return m * share * (cost + self._penalty(share))

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
        """Step q by Adam (Kingma and Ba, 2015), each part at its pace."""
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
        g *= self._pace
        g *= rate / (1 - beta_1**t)
        self._q -= g

    def _put_together(self) -> None:
        """Write the network's parameters."""
        q, _, scales = self._parts(self._q)
        np.multiply(q, self._unit, out=self._network.parameters)
        self._network.weights[0][...] *= scales
