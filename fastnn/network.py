"""The compiled network: the model's options and methods over the kernels."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from fastnn import costs
from fastnn._core import epoch as _epoch
from fastnn._core import predict as _prediction
from fastnn._core.blas_guard import quietly
from fastnn._core.compiled_plan import CompiledPlan
from fastnn._core.context import Mode
from fastnn._core.cost import Cost
from fastnn._core.epoch_options import Epoch
from fastnn._core.example import ExampleGradient
from fastnn._core.interruption import run_long_batches
from fastnn._core.isa import instruction_set
from fastnn._core.optimizer import Rule
from fastnn._core.plan import LayerOptions, Workspace
from fastnn._core.predictor import Predictor
from fastnn._core.threads import usable
from fastnn._data.inputs import Inputs, Unchecked, as_source
from fastnn._data.rows import Rows
from fastnn._model import storage
from fastnn._model.model import Model

__all__ = ["Network", "load"]

# Rows that go through the layers together: enough for BLAS, few enough for the cache.
BLOCK = 256
# Rows that are predicted at once, without the GIL being given up.
FEW = 8
# Parameters up to which the gradient of one example is computed without the GIL being given up.
SMALL = 200_000
# Multiplications of a mini-batch's forward pass above which its step is longer than anybody wants
# to wait for Ctrl-C, 0.1 s by one thread: such a mini-batch works on copies.
LONG_BATCH = 1_600_000_000
# Rows up to which a prediction is one block, and rows of the smallest blocks of more, where there
# are kernels for many rows; BLAS wants its usual blocks.
ONE_BLOCK, SMALL_BLOCK = (BLOCK, BLOCK) if instruction_set == "base" else (128, 48)
# Multiplications of a prediction from which its blocks are shared out: a quarter of a millisecond.
WORTH_SHARING = 10_000_000


Result = TypeVar("Result")


def _quietly(plan: CompiledPlan, work: Callable[..., Result], *arguments: Any) -> Result:
    """Return ``work(*arguments)``, BLAS held at one thread if the plan's products are for it."""
    return quietly(work, *arguments) if plan.needs_blas else work(*arguments)


class Network(Model):
    """A feed-forward network, trained by mini-batch gradient descent in compiled code.

    Parameters
    ----------
    sizes : list of int
        Neurons in each layer, the input layer first, such as ``[784, 30, 10]``.
    cost : class or object, default CrossEntropyCost
        ``QuadraticCost``, ``CrossEntropyCost``, ``LogLikelihoodCost``, ``HuberCost``,
        ``AbsoluteCost``, ``PoissonCost``, ``QuantileCost``, or your own object with ``fn(a, y)``
        and ``delta(z, a, y)`` on columns; ``delta`` is then called once a mini-batch.
    activation : str or sequence of str, default "sigmoid"
        Of the hidden layers, one for all or one each: "identity", "sigmoid", "tanh", "relu",
        "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus".
    output : {"sigmoid", "softmax", "identity", "exp"}, optional
        Activation of the output layer, of those that the cost goes with. By default "sigmoid" for
        ``QuadraticCost``, ``CrossEntropyCost`` and your own, "softmax" for ``LogLikelihoodCost``,
        "exp" for ``PoissonCost``, else "identity".
    initializer : str or Initializer, optional
        A name or an object of ``fastnn.initializers``. By default the book's
        ``default_weight_initializer``. "lsuv" scales the weights by the first data it is given.
    normalization : None, "batch", "layer", "group" or Normalization, optional
        Of the hidden layers, between the dense part and the activation; a name or an object of
        ``fastnn.normalization``.
    dropout : float, Dropout, or one per hidden layer, default 0
        Share of hidden units dropped in training.
    input_scale : float, default 1
        Factor on all inputs, once they are converted: 1/255 for bytes that mean 0 to 1. Saved
        with the network.
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
    table : TableInfo or None
        What ``fastnn train`` found its table to be: ``task``, ``classes``, ``features``,
        ``target`` and ``column``. Saved with the network.

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

    # Memory in which a few rows are predicted; made when it is first needed.
    _predictor: Predictor | None = None
    # The same for the gradient of one example, and what it was made for.
    _example: tuple[tuple[Any, ...], ExampleGradient | None] | None = None

    def _workspace(
        self,
        batch_size: int,
        dropout_factor: float = 1.0,
        rule: Rule | None = None,
        n_members: int = 1,
        cost_by_z: bool = False,
    ) -> Workspace:
        """Return memory for mini-batches of up to ``batch_size`` rows, and its compiled plan."""
        return Workspace(
            self._layout,
            self._options(dropout_factor),
            batch_size,
            self.dtype,
            self._cost_kernel(),
            costs.parameter_of(self.cost),
            rule,
            n_members,
            cost_by_z,
        )

    def _cost_kernel(self) -> int:
        """Return the number of the compiled cost that training uses, or ``costs.CUSTOM``."""
        return costs.kernel_id(self.cost)

    def _predict_few(self, X: Any) -> np.ndarray | None:
        return None if self._input_scale != 1 else self._ready().predict(X)

    def _ready(self) -> Predictor:
        """Return what is kept for predictions, made anew for other parameters."""
        predictor = self._predictor
        if predictor is None or predictor.parameters is not self._parameters:
            workspace = self._workspace(FEW)
            vectors = self._parameters, self._running, workspace.memory
            predictor = self._predictor = Predictor(workspace.compiled, *vectors)
        return predictor

    def _plan_of_blocks(self) -> CompiledPlan:
        predictor = self._ready()
        plan = predictor.plan_of_blocks
        if plan is None:
            plan = predictor.plan_of_blocks = self._workspace(ONE_BLOCK).compiled
        return plan

    def _inputs_to_predict(self, X: Any, name: str = "X") -> Inputs:
        return as_source(X, self.sizes[0], self._dtype, name, self._input_scale, later=True)

    def _plan_of_z(self) -> CompiledPlan:
        """Return the plan of a network whose outputs are the weighted inputs of this one's."""
        predictor = self._ready()
        plan = predictor.plan_of_z
        if plan is None:
            options = [*self._options()[:-1], LayerOptions("identity")]
            workspace = Workspace(self._layout, options, ONE_BLOCK, self.dtype, Cost.QUADRATIC)
            plan = predictor.plan_of_z = workspace.compiled
        return plan

    def _predict_rows(self, X: Inputs) -> np.ndarray:
        if isinstance(X, Unchecked):
            outputs = self._predict_in_blocks(X, checked=False)
            if outputs is not None:
                return outputs
            X.check(self._dtype)  # it is finite if a sum is too large, or a weight is not finite
        outputs = self._predict_in_blocks(X, checked=True)
        assert outputs is not None
        return outputs

    def _predict_z(self, X: Inputs) -> np.ndarray:
        z = self._predict_in_blocks(X, checked=True, plan=self._plan_of_z())
        assert z is not None
        return z

    def _predict_in_blocks(
        self, X: Inputs, checked: bool, plan: CompiledPlan | None = None
    ) -> np.ndarray | None:
        """Return the outputs, or None if ``X`` is not checked and may not be finite.

        ``plan`` is the one that has other outputs, if these are asked for.
        """
        if plan is None:
            plan = self._plan_of_blocks()
        out = np.empty((len(X), self.sizes[-1]), dtype=self.dtype)
        n_threads = 1
        if len(X) > ONE_BLOCK and len(X) * self.n_parameters > WORTH_SHARING:
            n_threads = min(usable(), -(-len(X) // SMALL_BLOCK))
        work = np.empty(n_threads * plan.work_size, dtype=self.dtype)
        done = _quietly(
            plan, _prediction.predict,
            plan, self._parameters, self._running, work, X, out, n_threads, checked,
        )  # fmt: skip
        return out if done else None

    def _run_epoch(self, rows: Rows, order: np.ndarray, epoch: Epoch) -> float:
        workspace, rule = self._plan_epoch(min(epoch.batch_size, len(order)), epoch)

        def run(part: np.ndarray, rates: np.ndarray, vectors: tuple[np.ndarray, ...]) -> float:
            parameters, running, slots, counter, masks = vectors
            return _epoch.train_epoch(
                workspace.compiled, rule, parameters, running, slots, workspace.rooms,
                rows.X, rows.Y, rows.row_weights, part, rates, epoch.seed, counter, epoch.with_cost,
                epoch.pace, epoch.seconds, None, masks,
            )  # fmt: skip

        vectors = self._parameters, self._running, epoch.slots, epoch.counter, epoch.masks
        compiled = workspace.compiled
        if compiled.cost == costs.CUSTOM:
            by_python = self._run_epoch_with_python_cost
            return _quietly(compiled, by_python, rows, order, epoch, workspace, rule)
        if self._is_long(workspace):
            return _quietly(compiled, run_long_batches, run, order, epoch, vectors)
        return _quietly(compiled, run, order, epoch.rates, vectors)

    def _train_epochs(
        self, rows: Rows, order: np.ndarray, epoch: Epoch, record: np.ndarray
    ) -> bool:
        workspace, rule = self._plan_epoch(min(epoch.batch_size, len(order)), epoch)
        if workspace.compiled.cost == costs.CUSTOM or self._is_long(workspace):
            return False
        _quietly(
            workspace.compiled, _epoch.train_epoch,
            workspace.compiled, rule, self._parameters, self._running, epoch.slots,
            workspace.rooms, rows.X, rows.Y, rows.row_weights, order, epoch.rates, epoch.seed,
            epoch.counter, epoch.with_cost, epoch.pace, epoch.seconds, record, epoch.masks,
        )  # fmt: skip
        return True

    def _is_long(self, workspace: Workspace) -> bool:
        """Whether a mini-batch takes longer than anybody wants to wait for Ctrl-C."""
        return workspace.compiled.batch_size * self.n_parameters > LONG_BATCH

    def _plan_epoch(self, batch_size: int, epoch: Epoch) -> tuple[Workspace, Rule]:
        """Return what an epoch works in and steps by; those of the epoch before if they fit."""
        key = (
            batch_size, epoch.dropout_factor, self._normalization, self.cost, self._cost_kernel(),
            epoch.optimizer, epoch.penalty, epoch.n,
        )  # fmt: skip
        planned = epoch.kept.get("plan")
        if planned is None or planned[0] != key:
            rule = epoch.optimizer.rule(epoch.penalty, epoch.n)
            workspace = self._workspace(
                batch_size, epoch.dropout_factor, rule, epoch.pace.most, self._cost_by_z
            )
            planned = key, workspace, rule
            epoch.kept["plan"] = planned
        return planned[1], planned[2]

    def _run_epoch_with_python_cost(
        self, rows: Rows, order: np.ndarray, epoch: Epoch, workspace: Workspace, rule: Rule
    ) -> float:
        compiled, size = workspace.compiled, workspace.compiled.batch_size
        total = 0.0 if epoch.with_cost else float("nan")
        starts = range(0, len(order), size)
        rates = np.broadcast_to(epoch.rates, len(starts))
        for start, rate in zip(starts, rates, strict=True):
            batch = order[start : start + size]
            if compiled.needs_two_rows and len(batch) < 2:
                break
            m = self._forward_batch(workspace, rows, batch, epoch)
            if epoch.with_cost:
                total += self._cost_of_batch(workspace, rows, m)
            self._write_output_delta(workspace, rows, batch[:m])
            _epoch.update_batch(
                compiled, rule, self._parameters, epoch.slots, workspace.memory, m, rate,
                epoch.seed, int(epoch.counter[0]), int(epoch.masks[0]),
                (epoch.counter, epoch.masks),
            )  # fmt: skip
        return total

    def _forward_batch(
        self, workspace: Workspace, rows: Rows, batch: np.ndarray, epoch: Epoch | None
    ) -> int:
        """Run a mini-batch forward as in training, or for the gradient alone without ``epoch``."""
        mode = Mode.GRADIENT if epoch is None else Mode.TRAIN
        seed, step = (0, 0) if epoch is None else (epoch.seed, int(epoch.masks[0]))
        return _epoch.forward_batch(
            workspace.compiled, self._parameters, self._running, workspace.memory, rows.X, rows.Y,
            rows.row_weights, batch, mode, seed, step,
        )  # fmt: skip

    def _cost_of_batch(self, workspace: Workspace, rows: Rows, m: int) -> float:
        outputs, targets = workspace.block("out", m), workspace.block("targets", m)
        weights = workspace.weights_of_rows(m if len(rows.row_weights) else 0)
        if workspace.compiled.cost_by_z:
            z = workspace.block("z", m)
            return costs.sum_by_z(self.cost, self.output, z, outputs, targets, weights)
        return costs.sum_over_rows(self.cost, outputs, targets, weights)

    def _write_output_delta(self, workspace: Workspace, rows: Rows, batch: np.ndarray) -> None:
        """Write ∂C/∂z of ``batch``, last run forward, where the backward pass looks for it.

        A cost in Python is asked once for the whole mini-batch, in columns.
        """
        m, weighted = len(batch), len(rows.row_weights) > 0
        if workspace.compiled.cost != costs.CUSTOM:
            _epoch.output_delta(workspace.compiled, workspace.memory, m, weighted)
            return
        z, a, y = (workspace.block(name, m).T.copy() for name in ("z", "out", "targets"))
        delta = costs.delta_of(self.cost, z, a, y).T
        if weighted:
            delta = delta * workspace.weights_of_rows(m)[:, np.newaxis]
        workspace.block("delta", m)[...] = delta

    def _hidden_outputs(self, X: np.ndarray, l: int) -> np.ndarray:
        workspace = self._workspace(len(X))
        rows = Rows(X, np.zeros((len(X), self.sizes[-1]), dtype=self.dtype))
        quietly(self._forward_batch, workspace, rows, np.arange(len(X), dtype=np.intp), None)
        return workspace.block("act", len(X), l) * self._dropout[l].predict_scale

    def _gradient_of_example(self, x: Any, y: Any) -> np.ndarray | None:
        kernel, parameter = self._cost_kernel(), costs.parameter_of(self.cost)
        kept, key = self._example, (self._layout, kernel, parameter)
        if kept is None or kept[0] != key:
            kept = self._example = key, self._new_example_gradient(kernel)
        if kept[1] is None:
            return None
        return kept[1].compute(self._parameters, x, y, *costs.range_of_targets(self.cost))

    def _new_example_gradient(self, kernel: int) -> ExampleGradient | None:
        """Return what computes gradients of one example, or None where the usual way is taken."""
        if kernel == costs.CUSTOM or self.n_parameters > SMALL or len(self.running_statistics):
            return None
        workspace = self._workspace(1, cost_by_z=self._cost_by_z)
        return ExampleGradient(workspace.compiled, workspace.memory)

    def _gradient(self, rows: Rows) -> tuple[float, np.ndarray]:
        # Batch norm's statistics are those of all the rows together.
        whole = len(self.running_statistics) > 0
        size = len(rows) if whole else min(BLOCK, len(rows))
        workspace = self._workspace(size, cost_by_z=self._cost_by_z)
        gradient = np.zeros_like(self._parameters)
        cost = _quietly(workspace.compiled, self._add_gradients, gradient, workspace, rows)
        return cost / len(rows), gradient

    def _add_gradients(self, gradient: np.ndarray, workspace: Workspace, rows: Rows) -> float:
        """Add the mean gradient over ``rows``, block by block; return the sum of their costs."""
        compiled, memory = workspace.compiled, workspace.memory
        order = np.arange(len(rows), dtype=np.intp)
        cost = 0.0
        for start in range(0, len(rows), compiled.batch_size):
            m = self._forward_batch(workspace, rows, order[start:], None)
            cost += self._cost_of_batch(workspace, rows, m)
            self._write_output_delta(workspace, rows, order[start : start + m])
            _epoch.gradient_batch(compiled, gradient, self._parameters, memory, m, 1 / len(rows), 1)
        return cost


def load(path: str | os.PathLike[str], *, cost: Any = None) -> Network:
    """Return the network in a file that ``Network.save`` or the book's ``save`` wrote.

    Nothing is drawn from any random state, and nothing is unpickled. A file of ``Network.save``
    has the key "fastnn" and all others that it writes; a file of the book's has "sizes",
    "weights", "biases" and "cost" alone, and its neurons are sigmoid. Keys that are missing,
    misspelt or there twice are refused.

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
        If the file is not such a file, is damaged, or its parts do not go together; if it is a
        pipe or a device.
    OSError
        If it cannot be read.
    """
    return storage.load(path, Network, cost=cost)
