"""What the book's networks do that ``fastnn.Network`` does not: habits a program may rely on.

- Training makes new weight arrays, so that a list read before it keeps the old numbers.
- ``SGD`` leaves the caller's list in the order of its last shuffle.
- A program may replace methods of the network, functions of the module and the cost, or set the
  layers itself. What it replaced is called as the book would call it, an example at a time, with
  the program's own data; compiled code does the rest, as far as nothing in it was replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fastnn import costs
from fastnn._common.checks import as_array
from fastnn._core.atomic import with_attributes
from fastnn._data.rows import Rows, inputs_of_pairs, is_arrays, split_pairs
from fastnn.book import _algorithm
from fastnn.book._answers import BookAnswers
from fastnn.book._engine import BookEngine
from fastnn.book._examples import OwnTargets, Watched, as_examples, targets_of, unread
from fastnn.book._replaced import BookRandom
from fastnn.costs import CrossEntropyCost
from fastnn.history import History


@dataclass
class Run:
    """One call of ``SGD``.

    Attributes
    ----------
    rows : Rows
        What compiled code trains on; without columns if it does not.
    examples : list
        The program's pairs, as they came; none where arrays came, until they are asked for.
    listed : list
        The program's own list, or one in its place, which is shuffled.
    step_arguments : tuple
        What ``update_mini_batch`` takes after the mini-batch.
    order : array (n,), optional
        Of the last shuffle.
    """

    rows: Rows
    examples: list[Any]
    listed: list[Any]
    step_arguments: tuple[Any, ...] = ()
    order: np.ndarray | None = None

    def pairs(self, network: DropIn) -> list[Any]:
        if not self.examples:
            self.examples = as_examples(self.rows, network, "training_data")
            self.listed = list(self.examples)
        return self.examples

    def shuffle_list(self) -> None:
        """Bring the program's list into the order of the last shuffle."""
        if self.order is not None and self.examples:
            self.listed[:] = [self.examples[i] for i in self.order]


class DropIn(BookAnswers):
    """Base of the book's networks."""

    guards_divergence = False  # the book trains on, whatever becomes of the numbers
    prefers_costs_by_z = False  # the book's costs are what their `fn` says of the outputs

    _new_engine = BookEngine
    _engine: BookEngine
    _sgd_run: Run | None = None

    def __init__(self, sizes: list[int], cost: Any, initializer: str | None = None) -> None:
        own = costs.kernel_id(cost) == costs.CUSTOM
        if own and not any(callable(getattr(cost, name, None)) for name in ("fn", "delta")):
            costs.check(cost)
        super().__init__(
            sizes,
            CrossEntropyCost if own else cost,
            output="sigmoid",
            initializer=initializer,
            rng=BookRandom(self._book),  # type: ignore[arg-type]
        )
        if own:
            self.cost = cost

    # Steps

    def backprop(self, x: Any, y: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the gradient of one example's cost, as ``fastnn.Network.backprop`` does.

        In Python for a cost of the program's own, which gets ``y`` as it is, and for several
        examples in columns, (n_in, m): the gradients of weights are then summed, those of biases
        (n_out, m), as in the book.
        """
        plain = self._has_plain_delta()
        in_columns = type(x) is np.ndarray and x.ndim == 2 and x.shape[1] > 1
        several = in_columns and len(x) == len(self.weights[0][0])
        if plain and not several and self._goes_back_compiled():
            return super().backprop(x, y)
        if self._is_compiled() and not several:
            x = np.reshape(x, (-1, 1))
        return _algorithm.backprop(self, x, self._as_column(y) if plain else y)

    def _take_step(self, mini_batch: Any, eta: float, lmbda: float, n: int) -> None:
        """Take one step of gradient descent, by ``backprop`` if the program has its own."""
        if not self._steps_compiled():
            _algorithm.step(self, as_examples(mini_batch, self, "mini_batch"), eta, lmbda, n)
            return
        self._detach()
        super().update_mini_batch(self._rows_to_step(mini_batch, "mini_batch"), eta, lmbda, n)

    def _rows_to_step(self, data: Any, name: str) -> Rows:
        """Return rows for compiled steps, with the program's own targets for its own cost."""
        if self._has_plain_delta() or is_arrays(data) or isinstance(data, Rows):
            rows = self._rows(data, name)
            own = isinstance(rows, OwnTargets) or self._has_plain_delta()
            return rows if own else OwnTargets(rows.X, rows.Y, targets=targets_of(rows))
        xs, ys = split_pairs(data, name)
        X = inputs_of_pairs(xs, self.sizes[0], self._dtype, name)
        return OwnTargets(X, np.zeros((len(xs), self.sizes[-1])), targets=ys)

    def _checked_delta(self, delta: Any) -> Any:
        """Return one example's delta, if the book would take it for a column (n_out, 1).

        Raises
        ------
        TypeError, ValueError
            Otherwise, naming what returned it.
        """
        n_out, name = self._layout.sizes[-1], self._delta_name()
        if type(delta) is np.ndarray and delta.shape == (n_out, 1) and delta.dtype.kind in "fiub":
            return delta
        array = as_array(delta, name)
        # A number is spread over the outputs, as far as the products of hidden layers let it.
        spread = array.size == 1 and (
            len(self._layout.layers) == 1 or (n_out == 1 and array.ndim == 0)
        )
        if array.shape != (n_out, 1) and not spread:
            wanted = f"expected it to return shape ({n_out}, 1)"
            raise ValueError(f"{name}: {wanted}, got {array.shape}")
        return array.reshape(-1, 1)

    # Training

    def _opened(self, training_data: Any) -> Run:
        """Return what ``SGD`` was given, converted if compiled code is to train on it."""
        compiled = self._steps_compiled() and not self._replaced("update_mini_batch")
        if is_arrays(training_data):
            take = self._rows_to_step if compiled else self._rows
            return Run(take(training_data, "training_data"), [], [])
        examples = as_examples(training_data, self, "training_data")
        listed = training_data if isinstance(training_data, list) else list(examples)
        rows = self._rows_to_step(examples, "training_data") if compiled else unread(len(examples))
        return Run(rows, examples, listed)

    def _sgd(
        self,
        run: Run,
        epochs: int,
        mini_batch_size: int,
        eta: Any,
        lmbda: Any,
        after_epoch: Callable[[int], object],
    ) -> None:
        """Run the epochs of ``SGD``, and ``after_epoch`` with the number of each."""

        def report(network: Any, history: History) -> object:
            return after_epoch(len(history) - 1)

        if self._replaced("update_mini_batch"):  # which may take anything for these
            eta = lmbda = 0.0
        if self._is_compiled():
            self._detach()
        told = run.rows, epochs, mini_batch_size, eta, lmbda
        train = partial(super().SGD, *told, shuffle=False, callbacks=[report])
        try:
            with_attributes(self, {"_sgd_run": run}, train)
        finally:
            run.shuffle_list()

    def _refuse_other_sigmoid(self) -> None:
        if not self._book.has_its_sigmoid():
            raise TypeError("the module's sigmoid was replaced: only the book's methods follow it")

    def _refuse_replaced(self) -> None:
        for method in ("update_mini_batch", "backprop"):
            if self._replaced(method):
                raise TypeError(f"fit: {method} was replaced, and only SGD calls it")


def watched(data: Any, network: DropIn, name: str) -> Watched | None:
    """Return data to be judged after each epoch; None for none, as the book asks for its truth."""
    if data is None or (isinstance(data, (list, tuple)) and not data):
        return None
    return Watched(data, network, name)
