"""The training loop of the book's ``common.trainer``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnn._common.checks import check_choice, check_whole
from fastnn._data.rows import Rows
from fastnn.dlfs import optimizer as optimizers
from fastnn.dlfs._network import DenseNetwork

__all__ = ["Trainer"]

OPTIMIZERS: dict[str, Any] = {
    "sgd": optimizers.SGD,
    "momentum": optimizers.Momentum,
    "nesterov": optimizers.Nesterov,
    "adagrad": optimizers.AdaGrad,
    "rmsprop": optimizers.RMSprop,
    "adam": optimizers.Adam,
}

# Rows that are drawn at once, at most.
STRETCH = 200_000


class Trainer:
    """Train a network on mini-batches that NumPy's global state draws, with replacement.

    Of this package's networks and optimizers, neither replaced, compiled code takes the steps.
    ``train`` checks the rows once, before the first one; the steps between two measurements of the
    accuracies are then one call, or several of a tenth of a second, so that losses are printed as
    they come. Any other network has its ``gradient``, ``params``, ``loss`` and ``accuracy`` asked
    for, step by step.

    Parameters
    ----------
    network : object
        One of this package's networks, or any with the same methods.
    x_train, t_train, x_test, t_test : arrays
        Rows and their labels, or rows of targets.
    epochs : int, default 20
        It takes as many steps as that many passes over the rows would.
    mini_batch_size : int, default 100
        Rows of a step.
    optimizer : str, default "SGD"
        "SGD", "Momentum", "Nesterov", "AdaGrad", "RMSprop" or "Adam", in any case.
    optimizer_param : mapping, default {"lr": 0.01}
        Arguments of the optimizer.
    evaluate_sample_num_per_epoch : int, optional
        Of how many of the first rows the accuracies are; all by default.
    verbose : bool, default True
        Whether each step's loss and each epoch's accuracies are printed.

    Attributes
    ----------
    train_loss_list : list of float
        The loss of each step's mini-batch after it.
    train_acc_list, test_acc_list : lists of float
        The accuracies, once an epoch: after the first step of each.
    optimizer : object
        The optimizer; another one may be put in its place.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """

    def __init__(
        self,
        network: Any,
        x_train: np.ndarray,
        t_train: np.ndarray,
        x_test: np.ndarray,
        t_test: np.ndarray,
        epochs: int = 20,
        mini_batch_size: int = 100,
        optimizer: str = "SGD",
        optimizer_param: Mapping[str, Any] | None = None,
        evaluate_sample_num_per_epoch: int | None = None,
        verbose: bool = True,
    ) -> None:
        name = optimizer.lower() if isinstance(optimizer, str) else optimizer
        check_choice(name, "optimizer", tuple(OPTIMIZERS))
        self.network, self.verbose = network, verbose
        self.x_train, self.t_train = x_train, t_train
        self.x_test, self.t_test = x_test, t_test
        self.epochs = epochs
        self.batch_size = check_whole(mini_batch_size, "mini_batch_size", 1)
        self.evaluate_sample_num_per_epoch = evaluate_sample_num_per_epoch
        told = {"lr": 0.01} if optimizer_param is None else optimizer_param
        self.optimizer = OPTIMIZERS[name](**told)
        self.train_size = x_train.shape[0]
        self.iter_per_epoch = max(self.train_size / self.batch_size, 1)
        self.max_iter = int(epochs * self.iter_per_epoch)
        self.current_iter = self.current_epoch = 0
        self.train_loss_list: list[float] = []
        self.train_acc_list: list[float] = []
        self.test_acc_list: list[float] = []

    def train_step(self) -> None:
        """Take a step on a mini-batch, and record its loss, and once an epoch the accuracies."""
        batch = np.random.choice(self.train_size, self.batch_size)
        x, t, network = self.x_train[batch], self.t_train[batch], self.network
        rows = network._checked_rows(x, t) if self._is_compiled(len(batch)) else None
        if rows is not None:
            self._in_core(rows, np.arange(len(batch), dtype=np.intp)[np.newaxis], [])
            return
        self.optimizer.update(network.params, network.gradient(x, t))
        self._record([network.loss(x, t)])

    def _in_core(self, rows: Rows, batches: np.ndarray, losses: list[Any]) -> None:
        """Take steps in compiled code, one at least, and record their losses, put in ``losses``."""
        try:
            self.network._steps(self.optimizer, rows, batches, losses)
        finally:
            self._record(losses)

    def _record(self, losses: list[Any]) -> None:
        """Record the losses of steps, of which only the last may be one for the accuracies."""
        if not losses:
            return
        self.train_loss_list += losses
        self.current_iter += len(losses) - 1
        if self.verbose:
            for loss in losses:
                print(f"train loss:{loss}")
        if self.current_iter % self.iter_per_epoch == 0:
            self._end_epoch()
        self.current_iter += 1

    def _is_compiled(self, m: int) -> bool:
        """Whether compiled code takes steps on m rows, as nothing was replaced."""
        plain = type(self.optimizer) in OPTIMIZERS.values() and "update" not in vars(self.optimizer)
        return plain and isinstance(self.network, DenseNetwork) and self.network._can_step(m)

    def _end_epoch(self) -> None:
        self.current_epoch += 1
        first = slice(self.evaluate_sample_num_per_epoch)
        train = self.network.accuracy(self.x_train[first], self.t_train[first])
        test = self.network.accuracy(self.x_test[first], self.t_test[first])
        self.train_acc_list.append(train)
        self.test_acc_list.append(test)
        if self.verbose:
            print(f"=== epoch:{self.current_epoch}, train acc:{train}, test acc:{test} ===")

    def train(self) -> None:
        """Take all the steps, and print the accuracy on all rows of the test if verbose."""
        done, rows = 0, self._checked_rows()
        while done < self.max_iter:
            if rows is None:
                self.train_step()
                done += 1
            else:
                done += self._take_steps(rows, min(self.max_iter - done, self._next_steps()))
        accuracy = self.network.accuracy(self.x_test, self.t_test)
        if self.verbose:
            print(f"=============== Final Test Accuracy ===============\ntest acc:{accuracy}")

    def _checked_rows(self) -> Rows | None:
        """Return all rows for steps in compiled code, or None where a step may ask a program."""
        alone = type(self).train_step is Trainer.train_step and "train_step" not in vars(self)
        if alone and self._is_compiled(self.batch_size) and self.network._is_own("accuracy"):
            return self.network._checked_rows(self.x_train, self.t_train)  # type: ignore[no-any-return]
        return None

    def _next_steps(self) -> int:
        """Return the steps up to the next one after which accuracies are due, at most a stretch."""
        n, most = 1, max(1, STRETCH // self.batch_size)
        while n < most and (self.current_iter + n - 1) % self.iter_per_epoch != 0:
            n += 1
        return n

    def _take_steps(self, rows: Rows, n: int) -> int:
        """Draw the mini-batches of n steps, and take these; return n."""
        before, done = np.random.get_state(legacy=False), 0
        batches = self._drawn(n)
        try:
            while done < n:
                losses: list[Any] = []
                try:
                    self._in_core(rows, batches[done:], losses)
                finally:
                    done += len(losses)
        finally:
            if done < n:  # as if each had been drawn when it was its turn
                np.random.set_state(before)
                self._drawn(done)
        return n

    def _drawn(self, n: int) -> np.ndarray:
        """Return the rows (n, batch_size) of the next mini-batches."""
        return np.random.choice(self.train_size, (n, self.batch_size)).astype(np.intp, copy=False)
