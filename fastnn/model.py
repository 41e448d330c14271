"""What the compiled network and the reference share: options, parameters, the book's methods.

A subclass brings the arithmetic: ``_predict_rows``, ``_run_epoch`` and ``_gradient``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import activations, costs, initializers, regularizers, storage
from fastnn._rng import RandomSource, as_random_source
from fastnn.checks import (
    as_array,
    as_finite,
    brief,
    check_callbacks,
    check_dtype,
    check_flag,
    check_number,
    check_sizes,
    check_whole,
)
from fastnn.costs import CrossEntropyCost
from fastnn.data import Rows, as_example, as_inputs, as_rows, as_targets
from fastnn.evaluation import count_correct, mean_cost
from fastnn.history import BookLists, History
from fastnn.parameters import ParameterList
from fastnn.plan import ParameterLayout
from fastnn.regularizers import L2, Regularizer
from fastnn.training import Callback, Options, Step, train

__all__ = ["Gradients", "Model"]

SGD_LEARNING_RATE = 0.1


@dataclass(frozen=True)
class Gradients:
    """The mean cost over some rows and its gradient.

    Attributes
    ----------
    cost : float
        Without any penalty on the weights.
    weights, biases : lists of arrays (n_out, n_in) and (n_out, 1)
    """

    cost: float
    weights: list[np.ndarray]
    biases: list[np.ndarray]


class Model:
    """A network without its arithmetic; ``fastnn.Network`` says what the arguments mean."""

    def __init__(
        self,
        sizes: Sequence[int],
        cost: Any = CrossEntropyCost,
        *,
        activation: str | Sequence[str] = "sigmoid",
        output: str | None = None,
        initializer: str | initializers.Initializer | None = None,
        normalization: None = None,
        dropout: float = 0.0,
        dtype: Any = "float64",
        rng: int | np.random.Generator | None = None,
    ) -> None:
        self.sizes = check_sizes(sizes)
        costs.check(cost)
        self.cost = cost
        self._hidden = activations.hidden_names(activation, len(self.sizes) - 2)
        self._output = costs.output_for(cost, activations.output_name(output))
        if self._output == "softmax" and self.sizes[-1] == 1:
            raise ValueError(
                "output: the softmax of a single output is always 1; use 'sigmoid', or two outputs"
            )
        _check_not_yet(normalization, dropout)
        self._dtype = check_dtype(dtype)
        self.random_source: RandomSource = as_random_source(rng)
        self._layout = ParameterLayout(tuple(self.sizes))
        self._parameters = np.zeros(self._layout.n_parameters, dtype=self._dtype)
        if initializer is None:
            self.default_weight_initializer()
        else:
            self._initialize(initializers.get(initializer))

    # What it is made of

    @property
    def num_layers(self) -> int:
        """Layers, the input layer included."""
        return len(self.sizes)

    @property
    def activation(self) -> tuple[str, ...]:
        """The hidden layers' activations, one a layer."""
        return self._hidden

    @property
    def output(self) -> str:
        """The output layer's activation."""
        return self._output

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the parameters."""
        return self._dtype

    @property
    def n_parameters(self) -> int:
        """How many weights and biases there are."""
        return self._layout.n_parameters

    @property
    def parameters(self) -> np.ndarray:
        """The flat vector (n_parameters,) of all weights and biases; assigning copies into it."""
        return self._parameters

    @parameters.setter
    def parameters(self, values: Any) -> None:
        array = as_array(values, "parameters")
        if array.shape != self._parameters.shape:
            raise ValueError(
                f"parameters: expected shape {self._parameters.shape}, got {array.shape}"
            )
        self._parameters[...] = as_finite(array, self._dtype, "parameters")

    @property
    def weights(self) -> ParameterList:
        """The weights (n_out, n_in) of each layer, as views of ``parameters``."""
        return ParameterList("weights", self._layout.weights(self._parameters))

    @weights.setter
    def weights(self, values: Iterable[Any]) -> None:
        self.weights[:] = values

    @property
    def biases(self) -> ParameterList:
        """The biases (n_out, 1) of each layer, as views of ``parameters``."""
        return ParameterList("biases", self._layout.biases(self._parameters))

    @biases.setter
    def biases(self, values: Iterable[Any]) -> None:
        self.biases[:] = values

    def default_weight_initializer(self) -> None:
        """Draw weights N(0, 1/n_in) and biases N(0, 1) anew (Nielsen, chapter 3)."""
        self._initialize(initializers.Default())

    def large_weight_initializer(self) -> None:
        """Draw weights and biases N(0, 1) anew, as in the book's chapter 1."""
        self._initialize(initializers.Large())

    def _initialize(self, initializer: initializers.Initializer) -> None:
        self.weights, self.biases = initializer.draw(self.random_source, self.sizes)

    # What it says

    def feedforward(self, a: Any) -> np.ndarray:
        """Return the outputs for inputs in columns.

        Parameters
        ----------
        a : array-like (n_in,), (n_in, 1) or (n_in, m)

        Returns
        -------
        array (n_out,), (n_out, 1) or (n_out, m)

        Raises
        ------
        TypeError, ValueError
            If ``a`` has another shape or does not hold finite real numbers.
        """
        array = as_array(a, "a")
        if array.ndim not in (1, 2) or array.shape[0] != self.sizes[0] or array.size == 0:
            raise ValueError(
                f"a: expected shape ({self.sizes[0]},) or ({self.sizes[0]}, m), got {array.shape}"
            )
        columns = array.reshape(self.sizes[0], -1)
        outputs = self._predict_rows(as_inputs(columns.T, self.sizes[0], self._dtype, "a"))
        return outputs.T.reshape(self.sizes[-1], *array.shape[1:])

    def predict(self, X: Any) -> np.ndarray:
        """Return the outputs for inputs in rows.

        Parameters
        ----------
        X : array-like (m, n_in), or (n_in,) for one row

        Returns
        -------
        array (m, n_out), or (n_out,)
            Of the network's dtype.

        Raises
        ------
        TypeError, ValueError
            If ``X`` has another shape or does not hold finite real numbers.
        """
        array = as_array(X, "X")
        if array.ndim == 1:
            return self.predict(array[np.newaxis])[0]
        return self._predict_rows(as_inputs(array, self.sizes[0], self._dtype))

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

    # How it learns

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
        history = train(self, rows, options, measures, [*check_callbacks(callbacks), *stop])
        return history.book_lists()

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        epochs: int,
        batch_size: int = 32,
        optimizer: str = "sgd",
        learning_rate: float | None = None,
        regularizer: Regularizer | None = None,
        validation_data: Any = None,
        shuffle: bool = True,
        callbacks: Iterable[Callback] = (),
        progress: bool = False,
    ) -> History:
        """Train on rows and return what was recorded, epoch by epoch.

        Parameters
        ----------
        X : array-like (n, n_in)
            Or pairs (x, y), with ``y`` left out.
        y : array-like (n,) or (n, n_out)
            Class labels from 0, or targets.
        epochs : int
            Passes over the data, 0 or more.
        batch_size : int, default 32
            Rows a step; the last of an epoch may have fewer.
        optimizer : {"sgd"}
            Others are not yet available.
        learning_rate : float, optional
            Default 0.1.
        regularizer : Regularizer, optional
            ``regularizers.L2(strength)``, ``L1`` or ``L1L2``, with the book's scale strength/n.
        validation_data : pairs (x, y) or arrays (X, y), optional
            Measured after each epoch.
        shuffle : bool, default True
            Whether each epoch takes the rows in a new random order.
        callbacks : iterable of callables
            Called as ``callback(network, history)`` after each epoch; a true answer stops.
        progress : bool, default False
            Whether to show a progress bar; needs tqdm.

        Returns
        -------
        History
            With ``training_cost`` (mean over the epoch, each row's cost taken before its step, plus
            the penalty) and, with validation data, ``validation_cost`` (without the penalty) and,
            where targets are classes, ``validation_accuracy`` (a fraction).

        Raises
        ------
        TypeError, ValueError
            Before anything is changed, naming the argument.
        KeyboardInterrupt
            At Ctrl-C; the network then stands at its last finished mini-batch.
        """
        rows = self._rows(X, "X") if y is None else self._arrays(X, y)
        if not isinstance(optimizer, str) or optimizer != "sgd":
            raise ValueError(
                f"optimizer: only 'sgd' is available in this version, got {brief(optimizer)}"
            )
        rate = SGD_LEARNING_RATE if learning_rate is None else learning_rate
        options = Options(
            epochs=check_whole(epochs, "epochs", 0),
            batch_size=check_whole(batch_size, "batch_size", 1),
            learning_rate=check_number(rate, "learning_rate"),
            regularizer=regularizers.get(regularizer),
            shuffle=check_flag(shuffle, "shuffle"),
            progress=check_flag(progress, "progress"),
        )
        validation = self._optional_rows(validation_data, "validation_data")
        measures = {}
        if validation is not None:
            names = ["validation_cost"] + ["validation_accuracy"] * validation.are_classes
            no_penalty = Regularizer()
            measures = {name: _measure(self, validation, name, no_penalty) for name in names}
            if validation.are_classes:
                count = measures["validation_accuracy"]
                measures["validation_accuracy"] = lambda: count() / len(validation)
        return train(self, rows, options, measures, check_callbacks(callbacks))

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
        """
        rows = self._rows(mini_batch, "mini_batch")
        size = len(rows) if n is None else check_whole(n, "n", 1)
        step = Step.of(check_number(eta, "eta"), L2(check_number(lmbda, "lmbda")), size)
        order = np.arange(len(rows), dtype=np.intp)
        self._run_epoch(rows, order, len(rows), step, with_cost=False)

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
        rows = as_example(x, y, self.sizes[0], self.sizes[-1], self._dtype)
        costs.check_targets(self.cost, rows.Y, "y")
        gradient = self._gradient(rows)
        return self._layout.biases(gradient), self._layout.weights(gradient)

    def gradients(self, X: Any, y: Any) -> Gradients:
        """Return the mean cost over rows and its gradient, without any penalty.

        Parameters
        ----------
        X : array-like (n, n_in)
        y : array-like (n,) or (n, n_out)

        Returns
        -------
        Gradients
        """
        rows = self._arrays(X, y)
        gradient = self._gradient(rows)
        return Gradients(
            mean_cost(self, rows, Regularizer()),
            self._layout.weights(gradient),
            self._layout.biases(gradient),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the network to a ``.json`` file, which the book's ``load`` reads, or ``.npz``.

        The file is written whole or not at all.

        Raises
        ------
        ValueError
            If the name ends in neither, or a parameter is not finite.
        OSError
            If the file cannot be written.
        """
        storage.save(self, path)

    def __repr__(self) -> str:
        layers = "-".join(map(str, self.sizes))
        hidden = ", ".join(dict.fromkeys(self._hidden))
        parts = [layers, hidden, self._output, costs.name_of(self.cost), str(self._dtype)]
        return f"<Network {', '.join(part for part in parts if part)}>"

    # The arithmetic, which a subclass brings

    def _predict_rows(self, X: np.ndarray) -> np.ndarray:
        """Return the outputs (n, n_out) for checked inputs ``X`` (n, n_in)."""
        raise TypeError(f"{type(self).__name__} has no arithmetic: use fastnn.Network")

    def _train_epoch(
        self, rows: Rows, order: np.ndarray, batch_size: int, step: Step, with_cost: bool
    ) -> float:
        """Run an epoch of ``SGD`` or ``fit``: ``_run_epoch``, unless a subclass has more to do."""
        return self._run_epoch(rows, order, batch_size, step, with_cost)

    def _evaluation_outputs(self, X: np.ndarray) -> np.ndarray:
        """Return the outputs by which accuracy and cost are judged: those it predicts."""
        return self._predict_rows(X)

    def _run_epoch(
        self, rows: Rows, order: np.ndarray, batch_size: int, step: Step, with_cost: bool
    ) -> float:
        """Step through the rows in ``order`` once; return the sum of their costs, or NaN.

        Each row's cost is taken before the step of its mini-batch, and only ``with_cost``.
        """
        raise TypeError(f"{type(self).__name__} has no arithmetic: use fastnn.Network")

    def _gradient(self, rows: Rows) -> np.ndarray:
        """Return the gradient of the mean cost over ``rows``, laid out as ``parameters``."""
        raise TypeError(f"{type(self).__name__} has no arithmetic: use fastnn.Network")

    # What it is given

    def _rows(self, data: Any, name: str) -> Rows:
        if isinstance(data, Rows):  # checked already
            return data
        rows = as_rows(data, self.sizes[0], self.sizes[-1], self._dtype, name)
        costs.check_targets(self.cost, rows.Y, name)
        return rows

    def _optional_rows(self, data: Any, name: str) -> Rows | None:
        return None if data is None else self._rows(data, name)

    def _arrays(self, X: Any, y: Any) -> Rows:
        inputs = as_inputs(X, self.sizes[0], self._dtype)
        rows = Rows(inputs, as_targets(y, len(inputs), self.sizes[-1], self._dtype))
        costs.check_targets(self.cost, rows.Y, "y")
        return rows


def _measure(network: Model, rows: Rows, name: str, regularizer: Regularizer) -> Any:
    """Return what measures the cost or the right answers of ``network`` on ``rows``."""
    if name.endswith("_cost"):
        return lambda: mean_cost(network, rows, regularizer)
    return lambda: count_correct(network, rows)


class _NoImprovement:
    """Stops when the evaluation accuracy has not risen for ``patience`` epochs."""

    def __init__(self, rows: Rows, patience: int) -> None:
        self.rows, self.patience = rows, patience
        self.best, self.waited = -1, 0

    def __call__(self, network: Model, history: History) -> bool:
        known = history[-1].get("evaluation_accuracy")
        accuracy = count_correct(network, self.rows) if known is None else known
        self.waited = 0 if accuracy > self.best else self.waited + 1
        self.best = max(self.best, accuracy)
        return self.waited >= self.patience


def _check_not_yet(normalization: Any, dropout: Any) -> None:
    if normalization is not None:
        raise ValueError(
            f"normalization: only None is available in this version, got {brief(normalization)}"
        )
    if check_number(dropout, "dropout") != 0:
        raise ValueError(f"dropout: only 0.0 is available in this version, got {brief(dropout)}")
