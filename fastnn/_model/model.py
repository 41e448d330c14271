"""The network: its options, its numbers, and all that one does with it.

What is computed is an engine's: ``fastnn.Network`` is this with the compiled one, and
``fastnn.reference.Network`` with that in NumPy. A method checks what it is given and calls one
function: the files beside this one, ``_training`` and the engine hold the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastnn import activations, costs, initializers
from fastnn import normalization as normalizations
from fastnn._common.checks import (
    as_array,
    check_callbacks,
    check_dtype,
    check_number,
    check_scale,
    check_sizes,
)
from fastnn._common.rng import RandomSource, as_random_source
from fastnn._core.atomic import write_all
from fastnn._core.engine_base import Engine
from fastnn._core.plan import LayerOptions, aligned, layout_of
from fastnn._core.threads import training
from fastnn._data.inputs import Inputs, as_source, taken
from fastnn._data.rows import Rows, as_rows, as_targets
from fastnn._model import storage
from fastnn._model.beginning import begin_normalization, check_groups, draw, initialize
from fastnn._model.book_methods import gradient_of_checked, sgd, take_step
from fastnn._model.outputs import outputs_of_columns, outputs_of_rows
from fastnn._model.parameters import ParameterList, vector_like
from fastnn._model.soundness import check_variances
from fastnn._model.table_info import TableInfo
from fastnn._model.unit_variance import evenly_spread, scale_weights
from fastnn._training.arguments import check_monitors, options_of_fit, smoothed, weighted
from fastnn._training.evaluation import count_correct, mean_cost
from fastnn._training.loop import BUSY, train
from fastnn._training.metrics import measures_of_fit
from fastnn._training.options import Callback
from fastnn._training.state import TrainingState
from fastnn.costs import CrossEntropyCost
from fastnn.dropout import Dropout, per_layer
from fastnn.history import BookLists, History
from fastnn.normalization import Normalization
from fastnn.optimizers import Optimizer
from fastnn.regularizers import L2, Regularizer
from fastnn.stopping import EarlyStopping

__all__ = ["Gradients", "Model"]

# What the constructor checks and never changes, beside the sizes.
OPTIONS = (
    "cost", "_hidden", "_output", "_normalization", "_dropout", "_dtype", "_input_scale", "_layout",
)  # fmt: skip


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


class Model:
    """A network with an engine; ``fastnn.Network`` says what the arguments mean.

    A subclass says which engine, and what else it does in another way: the book's networks do not
    guard against divergence, and take costs from outputs.
    """

    # What computes for a network of this class.
    _new_engine: Callable[[], Engine]
    # Whether training that diverges is ended, with the network put back.
    guards_divergence = True
    # Whether it is told of. Who expects it sets this, and no filter of warnings, for those are the
    # whole process's.
    tells_of_divergence = True
    # Whether costs are computed from the weighted inputs of the output layer where they can be,
    # and so are finite for any finite ones; otherwise from the outputs, as the book does.
    prefers_costs_by_z = True
    # The names of inputs and outputs in the table that ``fastnn train`` read.
    table: TableInfo | None = None

    def __init__(
        self,
        sizes: Sequence[int],
        cost: Any = CrossEntropyCost,
        *,
        activation: str | Sequence[str] = "sigmoid",
        output: str | None = None,
        initializer: str | initializers.Initializer | None = None,
        normalization: str | Normalization | None = None,
        dropout: float | Dropout | Sequence[float | Dropout] = 0.0,
        input_scale: float = 1.0,
        dtype: Any = "float64",
        rng: int | np.random.Generator | None = None,
    ) -> None:
        self.sizes = check_sizes(sizes)
        costs.check(cost)
        self.cost = costs.check_instance(cost)
        self._hidden = activations.hidden_names(activation, len(self.sizes) - 2)
        self._output = costs.output_for(cost, activations.output_name(output))
        if self._output == "softmax" and self.sizes[-1] == 1:
            raise ValueError(
                "output: the softmax of a single output is always 1; use 'sigmoid', or two outputs"
            )
        self._normalization = check_groups(normalizations.get(normalization), self.sizes[1:-1])
        self._dropout = per_layer(dropout, len(self.sizes) - 2)
        self._dtype = check_dtype(dtype)
        self._input_scale = check_scale(input_scale, self._dtype)
        self._layout = layout_of(self.sizes, self._normalization)
        self._begin(as_random_source(rng))
        if initializer is None:
            self.default_weight_initializer()
        else:
            self._initialize(initializers.get(initializer))

    def _begin(self, source: RandomSource) -> None:
        """Take an engine, and memory for the numbers, of which none is drawn yet."""
        self._engine = self._new_engine()
        self._parameters = aligned(self._layout.n_parameters, self._dtype)
        self._running = np.zeros(self._layout.n_running, dtype=self._dtype)
        self._stand_untrained(source)

    def _stand_untrained(self, source: RandomSource) -> None:
        """Be a network whose numbers, zeros as yet, come from ``source``."""
        self.random_source = source
        self.training_state = TrainingState()
        if self._normalization is not None:
            # Not by their names, which a program may use.
            gammas = self._columns("gammas", "gamma", self._parameters)
            statistics = self.running_means, self.running_variances
            begin_normalization(self._normalization, gammas, *statistics)

    def _another(self) -> Any:
        """Return a network with the same options, which are not checked again, and no numbers."""
        network = type(self).__new__(type(self))
        known = vars(self)
        vars(network).update({name: known[name] for name in OPTIONS}, sizes=self.sizes.copy())
        network._begin(self.random_source)
        return network

    def _draw_anew(self, initializer: initializers.Initializer, rng: int) -> None:
        """Be what the constructor makes of these options, an initializer and a seed."""
        self._parameters[...] = 0
        self._running[...] = 0
        self._stand_untrained(np.random.default_rng(rng))
        draw(self, initializer)

    def __repr__(self) -> str:
        layers = "-".join(map(str, self.sizes))
        hidden = ", ".join(dict.fromkeys(self._hidden))
        parts = [layers, hidden, self._output, costs.name_of(self.cost), str(self._dtype)]
        return f"<Network {', '.join(part for part in parts if part)}>"

    # Its options

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
    def normalization(self) -> Normalization | None:
        """The hidden layers' normalization."""
        return self._normalization

    @property
    def dropout(self) -> tuple[Dropout, ...]:
        """The hidden layers' dropout, one a layer."""
        return self._dropout

    @property
    def input_scale(self) -> float:
        """The factor on every input."""
        return self._input_scale

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the parameters."""
        return self._dtype

    # Its numbers

    @property
    def training_summary(self) -> dict[str, Any]:
        """What is known of the training, by name: texts and numbers.

        The optimizer with its epochs and steps, if there was one; and of the last training to come
        to its end the version of fastnn, the rows and the costs and measures of the epoch that
        the network stands at. Saved and exported with the network.
        """
        state = self.training_state
        told: dict[str, Any] = dict(state.summary or {})
        if state.optimizer is not None:
            name = type(state.optimizer).__name__
            told |= {"optimizer": name, "epochs": int(state.epochs)}
            told |= {"steps": state.steps} if state.steps else {}  # none if it was reset since
        return told

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
        self._parameters[...] = vector_like(self._parameters, array, "parameters")
        self.training_state.initializer = None

    @property
    def weights(self) -> ParameterList:
        """The weights (n_out, n_in) of each layer, as views of ``parameters``."""
        return ParameterList("weights", self._layout.weights(self._parameters))

    @weights.setter
    def weights(self, values: Iterable[Any]) -> None:
        self.weights[:] = values
        self.training_state.initializer = None  # weights of one's own are to stay as they are

    @property
    def biases(self) -> ParameterList:
        """The biases (n_out, 1) of each layer, as views of ``parameters``."""
        return self._columns("biases", "biases", self._parameters)

    @biases.setter
    def biases(self, values: Iterable[Any]) -> None:
        self.biases[:] = values

    @property
    def gammas(self) -> ParameterList:
        """The scales γ (n_out, 1) of the normalized layers, as views of ``parameters``."""
        return self._columns("gammas", "gamma", self._parameters)

    @gammas.setter
    def gammas(self, values: Iterable[Any]) -> None:
        self.gammas[:] = values

    @property
    def betas(self) -> ParameterList:
        """The shifts β (n_out, 1) of the normalized layers, as views of ``parameters``."""
        return self._columns("betas", "beta", self._parameters)

    @betas.setter
    def betas(self, values: Iterable[Any]) -> None:
        self.betas[:] = values

    @property
    def running_means(self) -> ParameterList:
        """Batch norm's running means (n_out, 1), a layer each."""
        return self._columns("running_means", "running_mean", self._running)

    @property
    def running_variances(self) -> ParameterList:
        """Batch norm's running variances (n_out, 1), a layer each."""
        views = self._layout.columns("running_variance", self._running)
        return ParameterList("running_variances", views, never_negative=True)

    @property
    def running_statistics(self) -> np.ndarray:
        """Batch norm's running means and variances as one vector; assigning copies into it."""
        return self._running

    @running_statistics.setter
    def running_statistics(self, values: Any) -> None:
        array = as_array(values, "running_statistics") if np.size(values) else np.empty(0)
        vector = vector_like(self._running, array, "running_statistics")
        check_variances(self._layout.columns("running_variance", vector))
        self._running[...] = vector

    def _columns(self, name: str, part: str, vector: np.ndarray) -> ParameterList:
        return ParameterList(name, self._layout.columns(part, vector))

    def default_weight_initializer(self) -> None:
        """Draw weights N(0, 1/n_in) and biases N(0, 1) anew (Nielsen, chapter 3)."""
        self._initialize(initializers.Default())

    def large_weight_initializer(self) -> None:
        """Draw weights and biases N(0, 1) anew, as in the book's chapter 1."""
        self._initialize(initializers.Large())

    def _take_drawn(self, weights: list[np.ndarray], biases: list[np.ndarray]) -> None:
        """Write numbers that are known to fit."""
        layout, vector = self._layout, self._parameters
        views = *layout.weights(vector), *layout.columns("biases", vector)
        for view, drawn in zip(views, (*weights, *biases), strict=True):
            view[...] = drawn

    def _initialize(self, initializer: initializers.Initializer) -> None:
        initialize(self, initializer)

    # Predictions

    def predict(self, X: Any) -> np.ndarray:
        """Return the outputs for inputs in rows.

        Parameters
        ----------
        X : array-like or CSR matrix (m, n_in), or (n_in,) for one row

        Returns
        -------
        array (m, n_out), or (n_out,)
            Of the network's dtype.

        Raises
        ------
        TypeError, ValueError
            If ``X`` has another shape or does not hold finite real numbers.

        Warns
        -----
        RuntimeWarning
            If an output is not finite since an input is too large.

        Notes
        -----
        Any number of threads may predict at once, and while another one trains the network: then by
        weights of which some have taken a step that others have not. Those of one moment are in a
        copy, which a callback of ``fit`` makes between two epochs.
        """
        few = self._engine.predict_few(self, X)
        return outputs_of_rows(self, X) if few is None else few

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

        Warns
        -----
        RuntimeWarning
            If an output is not finite since an input is too large.
        """
        return outputs_of_columns(self, a)

    # Training

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
            epochs=epochs,
            batch_size=batch_size,
            optimizer=optimizer,
            learning_rate=learning_rate,
            regularizer=regularizer,
            schedule=schedule,
            stopping=stopping,
            shuffle=shuffle,
            time_limit=time_limit,
            n_threads=n_threads,
            progress=progress,
        )
        check_monitors(options, measures)
        told = self, rows, options, measures, listening
        return training().call_alone(self, BUSY, train, *told)

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

    # The book's methods (Nielsen, chapters 1 and 3)

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
        return sgd(
            self,
            training_data,
            evaluation_data,
            {
                "training_cost": monitor_training_cost,
                "training_accuracy": monitor_training_accuracy,
                "evaluation_cost": monitor_evaluation_cost,
                "evaluation_accuracy": monitor_evaluation_accuracy,
            },
            epochs=epochs,
            mini_batch_size=mini_batch_size,
            eta=eta,
            lmbda=lmbda,
            early_stopping_n=early_stopping_n,
            shuffle=shuffle,
            callbacks=callbacks,
            progress=progress,
        )

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
        take_step(self, self._rows(mini_batch, "mini_batch"), eta, lmbda, n)

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
        plain = self._input_scale == 1
        gradient = self._engine.gradient_of_example(self, x, y) if plain else None
        if gradient is None:
            gradient = gradient_of_checked(self, x, y)
        return self._layout.columns("biases", gradient), self._layout.weights(gradient)

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

    # Files

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

    def export(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Write the network to a file that is run without fastnn; see ``fastnn.export.export``.

        Parameters
        ----------
        path : str or path
            Its suffix says the format: ``.c``, ``.py``, ``.mjs``, ``.onnx`` or
            ``.safetensors``.
        **options
            Further keywords of ``fastnn.export.export``, such as ``dtype="float32"``.

        Returns
        -------
        Exported
            Which files were written.
        """
        from fastnn.export import export  # with all formats, which few programs need

        return export(self, path, **options)

    def _graph(self) -> Any:
        """Return what this network computes, for ``fastnn.export``."""
        from fastnn.export._networks import graph_of_network

        return graph_of_network(self)

    # What a training asks

    def standing(self) -> tuple[np.ndarray, np.ndarray]:
        """Return copies of what predictions depend on; ``stand_at`` takes them."""
        return self._parameters.copy(), self._running.copy()

    def stand_at(self, standing: tuple[np.ndarray, np.ndarray]) -> None:
        """Put back what ``standing`` returned; the optimizer, which went another way, is reset.

        Parameters
        ----------
        standing : tuple of arrays
            Parameters and running statistics.
        """
        write_all((self._parameters, self._running), standing)
        self.training_state.forget()

    def snapshot(self) -> tuple[np.ndarray, ...]:
        """Return copies of all that training changes in place; ``restore`` takes them."""
        return tuple(array.copy() for array in self.trained_arrays())

    def restore(self, snapshot: tuple[np.ndarray, ...]) -> None:
        """Put back what ``snapshot`` returned.

        Parameters
        ----------
        snapshot : tuple of arrays
            All that training changes in place.
        """
        write_all(self.trained_arrays(), snapshot)

    def trained_arrays(self) -> tuple[np.ndarray, ...]:
        """Return all that training changes in place: the arrays themselves, not copies."""
        # Not how many masks were drawn: those of steps that are undone are not to come again.
        state = self.training_state
        return self._parameters, self._running, state.slots, state.counter

    @property
    def needs_dropout_seed(self) -> bool:
        """Whether the seed of the dropout masks is still to be drawn."""
        return self.training_state.seed is None and any(each.rate for each in self._dropout)

    def dropout_seed(self) -> int:
        """Return the seed of the dropout masks, drawn when it is first needed."""
        if not any(each.rate for each in self._dropout):
            return 0
        if self.training_state.seed is None:
            self.training_state.seed = int(self.random_source.integers(0, 2**62))
        return self.training_state.seed

    def check_batch_size(self, size: int) -> None:
        """Raise unless mini-batches of ``size`` rows can be normalized.

        Parameters
        ----------
        size : int
            Rows of a mini-batch.

        Raises
        ------
        ValueError
            For batch norm and one row.
        """
        if size < 2 and self._layout.n_running:
            raise ValueError(
                "batch_size: batch norm needs mini-batches of two rows or more, since one row has "
                f"no variance; got {size} (layer or group norm need only one)"
            )

    def meet_data(self, X: Inputs) -> None:
        """Finish an initialization that waits for data, ``LSUV``'s, by the checked rows ``X``.

        Parameters
        ----------
        X : rows (n, n_in)
            As they are checked for training.

        Raises
        ------
        ValueError
            If the weighted inputs of a layer are all the same; nothing is changed then.
        """
        waiting = self.training_state.initializer
        if waiting is not None:
            some = taken(X, evenly_spread(len(X), waiting.rows), self._dtype)
            scale_weights(self, some)
            self.training_state.initializer = None

    # What an engine asks

    def _options(self, dropout_factor: float = 1.0) -> list[LayerOptions]:
        """Return every layer's options, with dropout rates times ``dropout_factor``."""
        dropout = self._dropout
        if dropout_factor != 1:
            dropout = tuple(replace(each, rate=each.rate * dropout_factor) for each in dropout)
        hidden = [
            LayerOptions(name, self._normalization, each)
            for name, each in zip(self._hidden, dropout, strict=True)
        ]
        return [*hidden, LayerOptions(self._output)]

    @property
    def _cost_by_z(self) -> bool:
        return self.prefers_costs_by_z and costs.goes_by_z(self.cost, self.output)

    # What it is given

    def _inputs(self, X: Any, name: str = "X") -> Inputs:
        """Return checked inputs, which are converted and scaled when they are taken."""
        return as_source(X, self.sizes[0], self._dtype, name, self._input_scale)

    def _rows(self, data: Any, name: str) -> Rows:
        if isinstance(data, Rows):  # checked already
            return data
        rows = as_rows(data, self.sizes[0], self.sizes[-1], self._dtype, name, self._input_scale)
        costs.check_targets(self.cost, rows.Y, name)
        return rows

    def _optional_rows(self, data: Any, name: str) -> Rows | None:
        return None if data is None else self._rows(data, name)

    def _arrays(self, X: Any, y: Any) -> Rows:
        inputs = self._inputs(X)
        rows = Rows(inputs, as_targets(y, len(inputs), self.sizes[-1], self._dtype))
        costs.check_targets(self.cost, rows.Y, "y")
        return rows
