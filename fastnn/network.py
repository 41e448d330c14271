"""The compiled network: the model's options and methods over the kernels."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import Any

import numpy as np

from fastnn import _epoch, costs, storage
from fastnn._blas_threads import single_threaded_blas
from fastnn.data import Rows
from fastnn.model import Model
from fastnn.plan import Workspace
from fastnn.training import Step

__all__ = ["Network", "load"]

# Rows that go through the layers together: enough for BLAS, few enough for the cache.
BLOCK = 256
# Multiplications below which BLAS does not think of threads, so that none need be held back.
SMALL_PRODUCT = 100_000


class Network(Model):
    """A feed-forward network, trained by mini-batch gradient descent in compiled code.

    Parameters
    ----------
    sizes : list of int
        Neurons in each layer, the input layer first, such as ``[784, 30, 10]``.
    cost : class or object, default CrossEntropyCost
        ``QuadraticCost``, ``CrossEntropyCost``, ``LogLikelihoodCost``, or your own object with
        ``fn(a, y)`` and ``delta(z, a, y)`` on columns; ``delta`` is then called once a mini-batch.
    activation : str or sequence of str, default "sigmoid"
        Of the hidden layers, one for all or one each: "identity", "sigmoid", "tanh", "relu".
    output : {"sigmoid", "softmax", "identity"}, optional
        Activation of the output layer. By default what the cost goes with: softmax for
        ``LogLikelihoodCost``, else sigmoid.
    initializer : str or Initializer, optional
        A name or an object of ``fastnn.initializers``. By default the book's
        ``default_weight_initializer``.
    normalization : None
        Not yet available.
    dropout : 0.0
        Not yet available.
    dtype : {"float64", "float32"}, default "float64"
        Of the parameters and of all arithmetic; costs are summed in float64 in either case.
    rng : None, int or numpy.random.Generator
        Where randomness comes from. ``None``: the global states of ``numpy.random`` (weights) and
        ``random`` (mini-batches), drawn in the book's order, so that a seeded program of the book
        gives the book's run. Otherwise all randomness is the Generator's.

    Attributes
    ----------
    sizes : list of int
    num_layers : int
        Layers, the input layer included, as the book counts.
    weights, biases : lists of arrays (n_out, n_in) and (n_out, 1)
        Views of ``parameters``: what you read is live, what you assign is copied in.
    parameters : array (n_parameters,)
        Every weight and bias, layer by layer.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what it was and what was expected.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Network([2, 3, 1], rng=0)
    >>> history = net.fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], epochs=2, batch_size=4)
    >>> net.predict([[0.0, 1.0]]).shape
    (1, 1)

    Notes
    -----
    The model, its names and its formulas are those of M. Nielsen, *Neural Networks and Deep
    Learning* (2015), chapters 1 to 3.
    """

    def _workspace(self, batch_size: int) -> Workspace:
        """Return memory for mini-batches of up to ``batch_size`` rows, and its compiled plan."""
        names = (*self.activation, self.output)
        return Workspace(self._layout, names, batch_size, self.dtype, costs.kernel_id(self.cost))

    def _predict_rows(self, X: np.ndarray) -> np.ndarray:
        workspace = self._workspace(min(BLOCK, len(X)))
        out = np.empty((len(X), self.sizes[-1]), dtype=self.dtype)
        small = len(X) * self.n_parameters < SMALL_PRODUCT
        with nullcontext() if small else single_threaded_blas():
            _epoch.predict(workspace.compiled, self._parameters, workspace.memory, X, out)
        return out

    def _run_epoch(
        self, rows: Rows, order: np.ndarray, batch_size: int, step: Step, with_cost: bool
    ) -> float:
        workspace = self._workspace(min(batch_size, len(order)))
        with single_threaded_blas():
            if workspace.compiled.cost == costs.CUSTOM:
                return self._run_epoch_with_python_cost(rows, order, workspace, step, with_cost)
            return _epoch.train_epoch(
                workspace.compiled, self._parameters, workspace.memory, rows.X, rows.Y, order,
                step.learning_rate, step.decay, step.l1, with_cost,
            )  # fmt: skip

    def _run_epoch_with_python_cost(
        self, rows: Rows, order: np.ndarray, workspace: Workspace, step: Step, with_cost: bool
    ) -> float:
        compiled, memory = workspace.compiled, workspace.memory
        total = 0.0 if with_cost else float("nan")
        for start in range(0, len(order), compiled.batch_size):
            batch = order[start : start + compiled.batch_size]
            m = _epoch.forward_batch(compiled, self._parameters, memory, rows.X, rows.Y, batch)
            if with_cost:
                outputs, targets = (workspace.output_block(name, m) for name in ("out", "targets"))
                total += costs.sum_over_rows(self.cost, outputs, targets)
            self._write_output_delta(workspace, m)
            _epoch.update_batch(
                compiled, self._parameters, memory, m, step.learning_rate, step.decay, step.l1
            )
        return total

    def _write_output_delta(self, workspace: Workspace, m: int) -> None:
        """Write ∂C/∂z of the ``m`` rows last run forward where the backward pass looks for it.

        A cost in Python is asked once for the whole mini-batch, in columns.
        """
        if workspace.compiled.cost != costs.CUSTOM:
            _epoch.output_delta(workspace.compiled, workspace.memory, m)
            return
        z, a, y = (workspace.output_block(name, m).T.copy() for name in ("z", "out", "targets"))
        workspace.output_block("delta", m)[...] = costs.delta_of(self.cost, z, a, y).T

    def _gradient(self, rows: Rows) -> np.ndarray:
        workspace = self._workspace(min(BLOCK, len(rows)))
        compiled, memory = workspace.compiled, workspace.memory
        gradient = np.zeros_like(self._parameters)
        order = np.arange(len(rows), dtype=np.intp)
        with single_threaded_blas():
            for start in range(0, len(rows), compiled.batch_size):
                m = _epoch.forward_batch(
                    compiled, self._parameters, memory, rows.X, rows.Y, order[start:]
                )
                self._write_output_delta(workspace, m)
                _epoch.gradient_batch(
                    compiled, gradient, self._parameters, memory, m, 1 / len(rows), 1
                )
        return gradient


def load(path: str | os.PathLike[str], *, cost: Any = None) -> Network:
    """Return the network in a file that ``Network.save`` or the book's ``save`` wrote.

    Nothing is drawn from any random state, and nothing is unpickled.

    Parameters
    ----------
    path : str or path
        Its content says whether it is JSON or .npz.
    cost : class or object, optional
        Needed if the network was saved with a cost of your own.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If the file is not such a file, is damaged, or its parts do not go together.
    OSError
        If it cannot be read.
    """
    return storage.load(path, Network, cost=cost)
