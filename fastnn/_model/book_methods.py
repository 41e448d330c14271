"""What the book's networks do: SGD with its monitors, one step, the gradient of one example."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fastnn import costs
from fastnn._common.checks import check_callbacks, check_flag, check_number, check_whole
from fastnn._core.atomic import alone
from fastnn._core.epoch_options import Epoch
from fastnn._data.rows import Rows, as_example
from fastnn._model.outputs import ModelOutputs
from fastnn._training.evaluation import count_correct, mean_cost
from fastnn._training.loop import BUSY, train
from fastnn._training.options import Callback, Options
from fastnn._training.trainable import Judged
from fastnn.history import BookLists, History
from fastnn.optimizers import SGD
from fastnn.regularizers import L2, Regularizer


class BookMethods(ModelOutputs):
    """The methods of the book's networks (Nielsen, chapters 1 and 3)."""

    def accuracy(self, data: Any, convert: bool = False) -> int:
        """Return for how many examples the largest output is at the right class.

        Parameters
        ----------
        data : pairs (x, y) or arrays (X, Y)
            ``y`` a label or a one-hot vector. With a single output, the class is whether it is
            above 0.5.
        convert : bool
            The book's hint on the form of ``y``, which is recognised without it.

        Returns
        -------
        int
        """
        return count_correct(self, self._rows(data, "data"))

    def evaluate(self, test_data: Any) -> int:
        """Return for how many of ``test_data`` the network is right, as in the book's chapter 1.

        The same as ``accuracy``.

        Parameters
        ----------
        test_data : pairs (x, y) or arrays (X, Y)
            Labels or one-hot vectors.
        """
        return count_correct(self, self._rows(test_data, "test_data"))

    def total_cost(self, data: Any, lmbda: float, convert: bool = False) -> float:
        """Return the mean cost over ``data`` plus λ/2n Σw², with n the number of examples.

        Parameters
        ----------
        data : pairs (x, y) or arrays (X, Y)
            Labels are turned into one-hot vectors.
        lmbda : float
            Strength λ of the L2 penalty (Nielsen, chapter 3).
        convert : bool
            The book's hint on the form of ``y``, which is recognised without it.

        Returns
        -------
        float
        """
        penalty = L2(check_number(lmbda, "lmbda"))
        return mean_cost(self, self._rows(data, "data"), penalty)

    def SGD(
        self,
        training_data: Any,
        epochs: int,
        mini_batch_size: int,
        eta: float,
        lmbda: float = 0.0,
        evaluation_data: Any = None,
        monitor_evaluation_cost: bool = False,
        monitor_evaluation_accuracy: bool = False,
        monitor_training_cost: bool = False,
        monitor_training_accuracy: bool = False,
        early_stopping_n: int = 0,
        *,
        shuffle: bool = True,
        callbacks: Iterable[Callback] = (),
        progress: bool = False,
    ) -> BookLists:
        """Train by mini-batch stochastic gradient descent, with the book's arguments.

        Parameters
        ----------
        training_data : pairs (x, y) or arrays (X, Y)
            ``x`` holds n_in numbers, ``y`` n_out numbers or a label.
        epochs : int
            Passes over the training data, 0 or more.
        mini_batch_size : int
            Examples a step; the last of an epoch may have fewer.
        eta : float
            Learning rate.
        lmbda : float, default 0
            Strength λ of the L2 penalty λ/2n Σw², n being the number of training examples.
        evaluation_data : pairs or arrays, optional
            Validation or test data.
        monitor_evaluation_cost, monitor_evaluation_accuracy : bool
            Whether to record ``total_cost`` and ``accuracy`` of the evaluation data each epoch.
        monitor_training_cost, monitor_training_accuracy : bool
            The same of the training data.
        early_stopping_n : int, default 0
            If above 0, stop when the evaluation accuracy has not risen for so many epochs.
        shuffle, callbacks, progress
            As for ``fit``.

        Returns
        -------
        evaluation_cost, evaluation_accuracy, training_cost, training_accuracy : lists
            A number an epoch, costs with the penalty and accuracies as counts; a list that no
            flag asks for is empty.

        Raises
        ------
        TypeError, ValueError
            Before anything is changed, naming the argument.
        """
        rows = self._rows(training_data, "training_data")
        options = Options(
            epochs=check_whole(epochs, "epochs", 0),
            batch_size=check_whole(mini_batch_size, "mini_batch_size", 1),
            learning_rate=check_number(eta, "eta"),
            regularizer=L2(check_number(lmbda, "lmbda")),
            shuffle=check_flag(shuffle, "shuffle"),
            with_cost=False,
            progress=check_flag(progress, "progress"),
        )
        patience = check_whole(early_stopping_n, "early_stopping_n", 0)
        wanted = {
            "training_cost": check_flag(monitor_training_cost, "monitor_training_cost"),
            "training_accuracy": check_flag(monitor_training_accuracy, "monitor_training_accuracy"),
            "evaluation_cost": check_flag(monitor_evaluation_cost, "monitor_evaluation_cost"),
            "evaluation_accuracy": check_flag(
                monitor_evaluation_accuracy, "monitor_evaluation_accuracy"
            ),
        }
        sets = {"training": rows}
        if evaluation_data is not None:
            sets["evaluation"] = self._rows(evaluation_data, "evaluation_data")
        elif monitor_evaluation_cost or monitor_evaluation_accuracy or patience:
            raise ValueError(
                "evaluation_data: expected data, since it is monitored or stopped by; got None"
            )
        measures = {
            name: _measure(self, sets[name.partition("_")[0]], name, options.regularizer)
            for name, asked in wanted.items()
            if asked
        }
        stop = [_NoImprovement(sets["evaluation"], patience)] if patience else []
        self.check_batch_size(min(options.batch_size, len(rows)))
        listening: list[Callback] = [*check_callbacks(callbacks), *stop]
        history = train(self, rows, options, measures, listening)
        return history.book_lists()

    def update_mini_batch(
        self, mini_batch: Any, eta: float, lmbda: float = 0.0, n: int | None = None
    ) -> None:
        """Take one step of gradient descent on ``mini_batch``.

        Parameters
        ----------
        mini_batch : pairs (x, y) or arrays (X, Y)
        eta : float
            Learning rate.
        lmbda : float, default 0
            Strength of the L2 penalty.
        n : int, optional
            Size of the training set that scales the penalty; the mini-batch's own by default.

        Raises
        ------
        RuntimeError
            If another thread is training this network, before anything is changed.
        """
        rows = self._rows(mini_batch, "mini_batch")
        self.check_batch_size(len(rows))
        state = self.training_state
        epoch = Epoch(
            batch_size=len(rows),
            optimizer=SGD(),
            penalty=L2(check_number(lmbda, "lmbda")),
            n=len(rows) if n is None else check_whole(n, "n", 1),
            rates=np.array([check_number(eta, "eta")]),
            slots=np.empty((0, 0), dtype=self._dtype),
            seed=self.dropout_seed(),
            counter=state.counter,
            masks=state.masks,
        )
        alone(self, BUSY, self._step_once, rows, epoch)

    def _step_once(self, rows: Rows, epoch: Epoch) -> None:
        self.meet_data(rows.X)
        order = np.arange(len(rows), dtype=np.intp)
        self._engine.epoch(self, rows, order, epoch)

    def backprop(self, x: Any, y: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the gradient of one example's cost.

        Parameters
        ----------
        x : array-like with n_in numbers
        y : label, or array-like with n_out numbers

        Returns
        -------
        nabla_b, nabla_w : lists of arrays (n_out, 1) and (n_out, n_in)
        """
        gradient = self._engine.gradient_of_example(self, x, y) if self._input_scale == 1 else None
        if gradient is None:
            gradient = self._gradient_of_checked(x, y)
        return self._layout.columns("biases", gradient), self._layout.weights(gradient)

    def _gradient_of_checked(self, x: Any, y: Any) -> np.ndarray:
        """Return the gradient for what the short way does not take, or refuse it."""
        rows = as_example(x, y, self.sizes[0], self.sizes[-1], self._dtype, self._input_scale)
        costs.check_targets(self.cost, rows.Y, "y")
        self.check_batch_size(1)
        gradient = self._engine.gradient_of_example(self, rows.inputs, rows.Y)
        return self._engine.cost_and_gradient(self, rows)[1] if gradient is None else gradient


def _measure(network: Judged, rows: Rows, name: str, regularizer: Regularizer) -> Any:
    """Return what measures the cost or the right answers of ``network`` on ``rows``."""
    if name.endswith("_cost"):
        return lambda: mean_cost(network, rows, regularizer)
    return lambda: count_correct(network, rows)


class _NoImprovement:
    """Stops when the evaluation accuracy has not risen for ``patience`` epochs."""

    def __init__(self, rows: Rows, patience: int) -> None:
        self.rows, self.patience = rows, patience
        self.best, self.waited = -1, 0

    def __call__(self, network: Judged, history: History) -> bool:
        known = history[-1].get("evaluation_accuracy")
        accuracy = count_correct(network, self.rows) if known is None else known
        self.waited = 0 if accuracy > self.best else self.waited + 1
        self.best = max(self.best, accuracy)
        return self.waited >= self.patience
