"""What the compiled network and the reference share: options, parameters, the book's methods.

The arithmetic is that of an engine, which a subclass chooses.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import costs
from fastnn._common.checks import check_callbacks
from fastnn._model import storage
from fastnn._model.book_methods import BookMethods
from fastnn._training.arguments import (
    check_monitors,
    measures_of_fit,
    options_of_fit,
    smoothed,
    weighted,
)
from fastnn._training.loop import train
from fastnn._training.options import Callback
from fastnn.history import History
from fastnn.optimizers import Optimizer
from fastnn.regularizers import Regularizer
from fastnn.stopping import EarlyStopping

__all__ = ["Gradients", "Model"]


@dataclass(frozen=True)
class Gradients:
    """The mean cost over some rows and its gradient.

    Attributes
    ----------
    cost : float
        Without any penalty on the weights.
    weights, biases : lists of arrays (n_out, n_in) and (n_out, 1)
    gammas, betas : lists of arrays (n_out, 1)
        Of the normalized layers.
    """

    cost: float
    weights: list[np.ndarray]
    biases: list[np.ndarray]
    gammas: list[np.ndarray]
    betas: list[np.ndarray]


class Model(BookMethods):
    """A network without its arithmetic; ``fastnn.Network`` says what the arguments mean."""

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        epochs: int,
        batch_size: int = 32,
        optimizer: str | Optimizer = "sgd",
        learning_rate: float | None = None,
        regularizer: Regularizer | None = None,
        schedule: Any = None,
        validation_data: Any = None,
        stopping: EarlyStopping | int | None = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        shuffle: bool = True,
        metrics: Iterable[Any] = (),
        callbacks: Iterable[Callback] = (),
        time_limit: float | None = None,
        n_threads: int | None = None,
        progress: bool = False,
    ) -> History:
        """Train on rows and return what was recorded, epoch by epoch.

        A second call goes on where the first one stopped, with the optimizer's state and its
        schedule, unless it names another optimizer.

        Parameters
        ----------
        X : array-like or CSR matrix (n, n_in)
            Or pairs (x, y), with ``y`` left out. Bytes, floats of either size, sparse rows and
            memory-mapped arrays are converted a mini-batch at a time, never copied as a whole.
        y : array-like (n,) or (n, n_out)
            Class labels from 0, or targets.
        epochs : int
            Passes over the data, 0 or more.
        batch_size : int, default 32
            Rows a step; the last of an epoch may have fewer.
        optimizer : str or Optimizer, default "sgd"
            A name or an object of ``fastnn.optimizers``.
        learning_rate : float, optional
            Default 0.1 for SGD, else the optimizer's.
        regularizer : Regularizer, optional
            ``regularizers.L2(strength)``, ``L1``, ``L1L2`` or ``MaxNorm``, with the book's scale
            strength/n.
        schedule : callable or mapping, optional
            A schedule of ``fastnn.schedules`` or any function of the epochs done, which gives a
            factor on the learning rate; or a mapping with "learning_rate", "dropout" and "decay"
            (of L1, L2 and AdamW). ``HalveOnPlateau`` too.
        validation_data : pairs (x, y) or arrays (X, y), optional
            Measured after each epoch.
        stopping : EarlyStopping or int, optional
            When to stop by what is recorded; an int is the patience of the default rule.
        sample_weight : array-like (n,), optional
            Weights of the rows in cost and gradient, scaled to mean 1.
        class_weight : mapping or "balanced", optional
            Weights of the classes, times those of the rows.
        label_smoothing : float, default 0
            Share of a target that is spread evenly over all classes.
        shuffle : bool, default True
            Whether each epoch takes the rows in a new random order, shuffled from the one given
            (``SGD`` shuffles on from the epoch before, as the book does).
        metrics : iterable of str or callables
            More to record each epoch, of the training and of the validation data: "accuracy",
            "mean_squared_error", "mean_absolute_error", "r2", or ``f(outputs, targets)``.
        callbacks : iterable of callables
            Called as ``callback(network, history)`` after each epoch; a true answer stops.
        time_limit : float, optional
            Seconds, at whose end training stops and schedules have reached the last of ``epochs``.
        n_threads : int, optional
            How many threads share each mini-batch. By default up to one a processor, as far as
            that is faster, and as ``threadpoolctl`` and joblib limit BLAS. The numbers come out
            the same, to the bit, for any.
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
        RuntimeError
            If another thread is training this network, before anything is changed. A callback, or
            the handler of a signal, may train it.
        KeyboardInterrupt
            At Ctrl-C; the network then stands at its last finished mini-batch.

        Warns
        -----
        RuntimeWarning
            If the training diverges; the network is put back to where that epoch began. Once, if a
            recorded cost was not finite. If L-BFGS cannot take its first step, with the reason.
        """
        rows = self._rows(X, "X") if y is None else self._arrays(X, y)
        rows = smoothed(weighted(rows, sample_weight, class_weight), label_smoothing)
        validation = self._optional_rows(validation_data, "validation_data")
        measures = measures_of_fit(self, rows, validation, metrics)
        listening = check_callbacks(callbacks)
        options = options_of_fit(
            self,
            rows,
            {
                "epochs": epochs,
                "batch_size": batch_size,
                "optimizer": optimizer,
                "learning_rate": learning_rate,
                "regularizer": regularizer,
                "schedule": schedule,
                "stopping": stopping,
                "shuffle": shuffle,
                "time_limit": time_limit,
                "n_threads": n_threads,
                "progress": progress,
            },
        )
        check_monitors(options, measures)
        return train(self, rows, options, measures, listening)

    def gradients(self, X: Any, y: Any) -> Gradients:
        """Return the mean cost over rows and its gradient, without any penalty.

        As in training but without dropout: batch norm takes the statistics of these rows, and its
        running ones do not change.

        Parameters
        ----------
        X : array-like (n, n_in)
        y : array-like (n,) or (n, n_out)

        Returns
        -------
        Gradients
        """
        rows = self._arrays(X, y)
        self.check_batch_size(len(rows))
        cost, gradient = self._engine.cost_and_gradient(self, rows)
        return Gradients(
            cost,
            self._layout.weights(gradient),
            *(self._layout.columns(part, gradient) for part in ("biases", "gamma", "beta")),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the network to a ``.json`` file, which the book's ``load`` reads, or ``.npz``.

        The file is written whole or not at all, and with the permissions of the one that it
        replaces. All of it is checked first: what is saved can be loaded.

        Parameters
        ----------
        path : str or path
            Its ending says which of the two is written.

        Raises
        ------
        ValueError
            If the name ends in neither; if a number of the network or of its optimizer is not
            finite; or if its normalization, dropout, optimizer or bit generator is of a class of
            your own.
        OSError
            If the file cannot be written.
        """
        storage.save(self, path)

    def __repr__(self) -> str:
        layers = "-".join(map(str, self.sizes))
        hidden = ", ".join(dict.fromkeys(self._hidden))
        parts = [layers, hidden, self._output, costs.name_of(self.cost), str(self._dtype)]
        return f"<Network {', '.join(part for part in parts if part)}>"
