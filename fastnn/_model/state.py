"""What a network is: its options, the vectors of its numbers, and views of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fastnn import activations, costs, initializers
from fastnn import normalization as normalizations
from fastnn._common.checks import as_array, as_finite, check_dtype, check_scale, check_sizes
from fastnn._common.rng import RandomSource, as_random_source
from fastnn._common.soundness import check_variances
from fastnn._core.atomic import write_all
from fastnn._core.engine_base import Engine
from fastnn._core.plan import LayerOptions, ParameterLayout, aligned
from fastnn._model.parameters import ParameterList
from fastnn._model.table_info import TableInfo
from fastnn._training.state import TrainingState
from fastnn.costs import CrossEntropyCost
from fastnn.dropout import Dropout, per_layer
from fastnn.normalization import BatchNorm, Normalization


class ModelState:
    """Options and numbers of a network; ``fastnn.Network`` says what the arguments mean."""

    # The names of inputs and outputs in the table that ``fastnn train`` read.
    table: TableInfo | None = None
    # What computes for a network of this class.
    _new_engine: Callable[[], Engine]
    # Whether training that diverges is ended, with the network put back.
    guards_divergence = True
    # Whether it is told of. Who expects it sets this, and no filter of warnings, for those are the
    # whole process's.
    tells_of_divergence = True

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
        self._engine = self._new_engine()
        costs.check(cost)
        self.cost = costs.check_instance(cost)
        self._hidden = activations.hidden_names(activation, len(self.sizes) - 2)
        self._output = costs.output_for(cost, activations.output_name(output))
        if self._output == "softmax" and self.sizes[-1] == 1:
            raise ValueError(
                "output: the softmax of a single output is always 1; use 'sigmoid', or two outputs"
            )
        self._normalization = normalizations.get(normalization)
        self._dropout = per_layer(dropout, len(self.sizes) - 2)
        self._dtype = check_dtype(dtype)
        self._input_scale = check_scale(input_scale, self._dtype)
        self.random_source: RandomSource = as_random_source(rng)
        self._layout = ParameterLayout(self.sizes, self._normalization)
        self._check_groups()
        self._parameters = aligned(self._layout.n_parameters, self._dtype)
        self._running = np.zeros(self._layout.n_running, dtype=self._dtype)
        for gamma in self._columns("gammas", "gamma", self._parameters):
            gamma[...] = 1
        self._begin_statistics()
        self.training_state = TrainingState()
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
        if array.shape != self._running.shape:
            raise ValueError(
                f"running_statistics: expected shape {self._running.shape}, got {array.shape}"
            )
        values = as_finite(array, self._dtype, "running_statistics")
        check_variances(self._layout.columns("running_variance", values))
        self._running[...] = values

    def _columns(self, name: str, part: str, vector: np.ndarray) -> ParameterList:
        return ParameterList(name, self._layout.columns(part, vector))

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
        return tuple(array.copy() for array in self._trained())

    def restore(self, snapshot: tuple[np.ndarray, ...]) -> None:
        """Put back what ``snapshot`` returned.

        Parameters
        ----------
        snapshot : tuple of arrays
            All that training changes in place.
        """
        write_all(self._trained(), snapshot)

    def _trained(self) -> tuple[np.ndarray, ...]:
        # Not how many masks were drawn: those of steps that are undone are not to come again.
        state = self.training_state
        return self._parameters, self._running, state.slots, state.counter

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

    def _begin_statistics(self) -> None:
        norm = self._normalization
        if isinstance(norm, BatchNorm):
            for name, values in (
                ("initial_mean", self.running_means),
                ("initial_variance", self.running_variances),
            ):
                number = np.array(getattr(norm, name), dtype=np.float64)
                start = as_finite(number, self._dtype, f"normalization: {name}")
                for value in values:
                    value[...] = start

    def _check_groups(self) -> None:
        if self._normalization is not None:
            for n_out in self.sizes[1:-1]:
                self._normalization.groups_of(n_out)

    def _options(self, dropout_factor: float = 1.0) -> list[LayerOptions]:
        """Return every layer's options, with dropout rates times ``dropout_factor``."""
        hidden = [
            LayerOptions(name, self._normalization, replace(each, rate=each.rate * dropout_factor))
            for name, each in zip(self._hidden, self._dropout, strict=True)
        ]
        return [*hidden, LayerOptions(self._output)]

    def default_weight_initializer(self) -> None:
        """Draw weights N(0, 1/n_in) and biases N(0, 1) anew (Nielsen, chapter 3)."""
        self._initialize(initializers.Default())

    def large_weight_initializer(self) -> None:
        """Draw weights and biases N(0, 1) anew, as in the book's chapter 1."""
        self._initialize(initializers.Large())

    def _initialize(self, initializer: initializers.Initializer) -> None:
        initializer.check(self._dtype)
        if type(initializer) is initializers.Zeros:  # without a second network to copy from
            for zeros in (*self.weights, *self.biases):
                zeros[...] = 0
            return
        self.weights, self.biases = initializer.draw(self.random_source, self.sizes)
        if isinstance(initializer, initializers.LSUV):
            self.training_state.initializer = initializer
