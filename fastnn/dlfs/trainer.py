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


class Trainer:
    """Train a network on mini-batches that NumPy's global state draws, with replacement.

    Of this package's networks and optimizers, neither replaced, compiled code takes the steps;
    ``train`` checks the rows once, before the first one, and copies no mini-batch out of them. Any
    other network has its ``gradient``, ``params``, ``loss`` and ``accuracy`` asked for.

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
        # All rows, checked, as long as nobody can change them: within ``train``.
        self._rows: Rows | None = None

    def train_step(self) -> None:
        """Take a step on a mini-batch, and record its loss, and once an epoch the accuracies."""
        batch = np.random.choice(self.train_size, self.batch_size)
        loss = self._in_core(batch)
        if loss is None:
            x, t = self.x_train[batch], self.t_train[batch]
            self.optimizer.update(self.network.params, self.network.gradient(x, t))
            loss = self.network.loss(x, t)
        self.train_loss_list.append(loss)
        if self.verbose:
            print(f"train loss:{loss}")
        if self.current_iter % self.iter_per_epoch == 0:
            self._end_epoch()
        self.current_iter += 1

    def _in_core(self, batch: np.ndarray) -> Any:
        """Take the step in compiled code and return the loss after it; None if that cannot be."""
        network, t = self.network, self.t_train[batch]
        if not self._is_compiled(len(batch)):
            return None
        rows, places = self._rows, batch
        if rows is None:
            rows = network._checked_rows(self.x_train[batch], t)
            places = np.arange(len(batch), dtype=np.intp)
        if rows is None:
            return None
        return network._error(network._step(self.optimizer, rows, places), t)

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
        alone = type(self).train_step is Trainer.train_step and "train_step" not in vars(self)
        if alone and self._is_compiled(self.batch_size) and self.network._is_own("accuracy"):
            self._rows = self.network._checked_rows(self.x_train, self.t_train)
        try:
            for _ in range(self.max_iter):
                self.train_step()
        finally:
            self._rows = None
        accuracy = self.network.accuracy(self.x_test, self.t_test)
        if self.verbose:
            print(f"=============== Final Test Accuracy ===============\ntest acc:{accuracy}")
