"""What classifier and regressor share: arguments, fitting, outputs, pickling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import Tags, check_array, check_random_state, check_X_y
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastnn._common.checks import check_callbacks
from fastnn._common.rng import sound_random_state
from fastnn._core.atomic import alone, with_attributes
from fastnn._core.threads import training
from fastnn.costs import parameter_of
from fastnn.export._graph import Graph
from fastnn.history import History
from fastnn.network import Network
from fastnn.sklearn import _network, _presets
from fastnn.sklearn._categories import Categories, mask_of
from fastnn.sklearn._exported import graph_of_estimator
from fastnn.sklearn._lbfgs import check_arguments, train_by_lbfgs
from fastnn.sklearn._losses import Loss
from fastnn.sklearn._predictor import Predictor
from fastnn.sklearn._row_weights import Data, in_dtype, without_weightless
from fastnn.sklearn._rows import as_rows
from fastnn.sklearn._solver import Solver, is_stochastic, needs_all_rows
from fastnn.sklearn._training import Training, check_batch_size, restore_best
from fastnn.sklearn._validation import Validation, split

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)
BUSY = (
    "fit: another thread is training this estimator, and both would write its coefficients. Wait "
    "until it is through, or train a copy: sklearn.base.clone(estimator)"
)
PAIR = "validation_data: expected (X, y) or (X, y, sample_weight), got {}"


class BaseMLP(BaseEstimator):
    """Base of ``MLPClassifier`` and ``MLPRegressor``, which bring the targets and the loss."""

    _categories: Categories | None = None
    _param_names: ClassVar[tuple[str, ...]]  # each class's own, once it was asked for them

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """As scikit-learn reads them off the constructor, but once: searches ask at each step."""
        if "_param_names" not in cls.__dict__:
            cls._param_names = tuple(super()._get_param_names())
        return list(cls._param_names)

    # What the subclasses bring.

    def _validate_input(
        self, X: Any, y: Any, incremental: bool, reset: bool
    ) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """Return checked inputs, targets (n, n_outputs), and factors on the rows' weights."""
        raise TypeError(f"{type(self).__name__} has no targets")

    def _encode(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        """Return checked inputs and targets of rows to judge by."""
        raise TypeError(f"{type(self).__name__} has no targets")

    def _targets_as_given(self, Y: np.ndarray) -> np.ndarray:
        """Return encoded targets in the form that ``predict`` returns."""
        raise TypeError(f"{type(self).__name__} has no targets")

    def _loss(self) -> Loss:
        raise TypeError(f"{type(self).__name__} has no loss")

    def _stratifies(self) -> bool:
        """Whether rows to judge by are drawn class by class."""
        return False

    def _smoothed(self, Y: np.ndarray) -> np.ndarray:
        """Return the targets to train by."""
        return Y

    def _validated(self, X: Any, y: Any, reset: bool, **told: Any) -> tuple[Any, Any]:
        """Return checked rows, with numbers for categories, and targets."""
        told |= {"accept_sparse": ["csr", "csc"], "dtype": (np.float64, np.float32)}
        categories, mask = self._categories, None
        if reset:
            mask = mask_of(X, self.categorical_features)
            categories = None if mask is None else Categories(X, mask)
        if categories is None:
            X, y = validate_data(self, X, y, reset=reset, multi_output=True, **told)
        else:
            validate_data(self, X, reset=reset, skip_check_array=True)
            X = categories.numbered(X)
            X, y = check_X_y(X, y, multi_output=True, estimator=self, **told)
        if reset:
            self._categories, self.is_categorical_ = categories, mask
        return X, y

    # Fitting.

    def _check_arguments(self, again: bool) -> None:
        """Raise for a constructor argument out of range, with scikit-learn's message."""
        if not get_config()["skip_parameter_validation"] and not again:
            self._validate_params()

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation_data: Any, incremental: bool
    ) -> Any:
        told = X, y, sample_weight, validation_data, incremental
        return alone(self, BUSY, self._fit_alone, *told)

    def _fit_alone(
        self, X: Any, y: Any, sample_weight: Any, validation_data: Any, incremental: bool
    ) -> Any:
        self._check_arguments(again=incremental and hasattr(self, "coefs_"))
        told = X, y, sample_weight, validation_data, incremental
        return with_attributes(self, _presets.changes(self), self._fit_as_set, *told)

    def _fit_as_set(
        self, X: Any, y: Any, sample_weight: Any, validation_data: Any, incremental: bool
    ) -> Any:
        callbacks = _as_callbacks(self.callbacks)
        hidden = _network.hidden_sizes(self.hidden_layer_sizes)
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, Y, factors = self._validate_input(X, y, incremental, reset=first)
        weights = self._weights_of(X, sample_weight, factors)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        random_state = sound_random_state(check_random_state(self.random_state))
        loss = self._loss()
        n_in = X.shape[1] if self._categories is None else self._categories.width
        network = self._prepared([n_in, *hidden, Y.shape[1]], loss, X.dtype, first)
        self.n_outputs_ = Y.shape[1]
        data, judged = (X, Y, weights), self._validation_rows(validation_data)
        if first:
            _network.initialize(network, self, random_state)
            self._begin(network)
        self._show(network)
        if network.table is None:
            _network.name_columns(network, self)
        preparation = self._preparation = _presets.preparation(self, X, Y)
        if preparation is not None:
            data = preparation.of(data)
            judged = None if judged is None else preparation.of(judged)
            if not first:
                preparation.scale_down(network)
        try:
            if is_stochastic(self.solver):
                self._fit_stochastic(
                    network, loss, data, judged, random_state, incremental, callbacks
                )
            else:
                training().call(self._fit_lbfgs, network, loss, data, judged, callbacks)
        finally:
            if preparation is not None:
                preparation.scale_up(network)
        if not np.isfinite(self.network_.parameters).all():
            raise ValueError(NOT_FINITE)
        _network.tell_training(self.network_, self, X.shape[0])
        return self

    def _weights_of(self, X: Any, sample_weight: Any, factors: np.ndarray | None) -> Any:
        """Return the checked weights of the rows ``X``, times factors on them, or None."""
        name, weights = "sample_weight", None
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X)
        if factors is not None:
            name = "class_weight" if weights is None else "sample_weight times class_weight"
            weights = factors if weights is None else weights * factors
        return None if weights is None else in_dtype(weights, X.dtype, name)

    def _prepared(self, sizes: list[int], loss: Loss, dtype: np.dtype, first: bool) -> Network:
        """Return the network to train: a new one, or with the coefficients there are."""
        if not first:
            dtype = np.dtype(self.coefs_[0].dtype)
        number = parameter_of(loss.cost)
        options = (sizes, loss, number, self.activation, self.normalization, self.dropout, dtype)
        before = getattr(self, "network_", None)
        predictor = getattr(self, "_predictor", None)
        if (
            not first
            and predictor is not None
            and predictor.shows(self.coefs_, self.intercepts_)
            and getattr(self, "_built_by", None) == repr(options)
        ):
            return predictor.network
        network = _network.build(self, sizes, loss, dtype)
        if not is_stochastic(self.solver):
            check_arguments(self, network)
        if not first:
            _network.take_over(network, self.coefs_, self.intercepts_)
            if before is not None:
                network.training_state = before.training_state  # it goes on with its dropout masks
                if before.normalization == network.normalization:
                    _network.take_extras(network, before)
        self._built_by = repr(options)
        return network

    def _begin(self, network: Network) -> None:
        """Set what a first training starts from."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = network.num_layers
        self.out_activation_ = _network.OUT_ACTIVATIONS.get(network.output, network.output)
        self._no_improvement_count = 0
        self._best = network.parameters.copy(), network.running_statistics.copy()
        for name in ("loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_"):
            self.__dict__.pop(name, None)

    def _stand_at(self, coefs: list[np.ndarray], intercepts: list[np.ndarray]) -> None:
        """Be as a training that led to these coefficients leaves it; what it recorded is not set.

        Raises
        ------
        ValueError
            If the arguments are of another network.
        """
        dtype = np.dtype(np.float32 if np.result_type(*coefs) == np.float32 else np.float64)
        hidden = _network.hidden_sizes(self.hidden_layer_sizes)
        network = _network.build(self, [len(coefs[0]), *hidden, len(intercepts[-1])],
                                 self._loss(), dtype)  # fmt: skip
        _network.take_over(network, coefs, intercepts)
        self.n_outputs_ = network.sizes[-1]
        self._categories = self.is_categorical_ = self._preparation = None
        self._begin(network)
        self._show(network)

    def _begin_records(self) -> None:
        """Set what the stochastic solvers record, as far as an earlier fit has not."""
        own, stopping = self.__dict__, self.early_stopping
        own.setdefault("loss_curve_", [])
        if stopping and own.get("validation_scores_") is None:
            self.best_loss_ = None
            self.validation_scores_: list[float] | None = []
            self.best_validation_score_: float | None = -np.inf
        elif not stopping and own.get("best_loss_") is None:
            self.best_loss_ = np.inf
            self.validation_scores_ = self.best_validation_score_ = None

    def _fit_stochastic(
        self, network: Network, loss: Loss, data: Data, judged: Data | None,
        random_state: np.random.RandomState, incremental: bool, callbacks: list[Any],
    ) -> None:  # fmt: skip
        solver = getattr(self, "_optimizer", None)
        if not incremental or solver is None or not solver.fits(network.n_parameters):
            solver = Solver(
                self, network.n_parameters, network.dtype, loss.divisor(self.n_outputs_)
            )
        if judged is None and self.early_stopping:
            least = 1 if is_classifier(self) else 2  # a single row has no R²
            data, judged = split(
                data, self.validation_fraction, random_state, self._stratifies(), least
            )
        X, Y, weights = data
        rows = as_rows(X, self._smoothed(Y), weights, network.dtype)
        size = check_batch_size(
            self.batch_size, len(rows), needs_all_rows(self.solver), _presets.batch_size(self)
        )
        network.check_batch_size(size)
        self._optimizer = solver
        self._begin_records()
        if not (incremental and hasattr(self, "history_")):
            self.history_ = History()
        validation = None if judged is None else Validation(self, network, loss, judged)
        told = network, solver, loss, rows, size, random_state, validation, callbacks
        # Several share the processors.
        training().call(lambda: Training(self, *told).run(self.max_iter, incremental))
        if self.early_stopping and validation is not None:
            restore_best(self, network, validation)

    def _fit_lbfgs(
        self, network: Network, loss: Loss, data: Data, judged: Data | None, callbacks: list[Any]
    ) -> None:
        X, Y, weights = data
        validation = None if judged is None else Validation(self, network, loss, judged)
        self.history_ = History()
        rows = as_rows(X, self._smoothed(Y), weights, network.dtype)
        end = train_by_lbfgs(self, network, loss, rows, validation, callbacks)
        if network.dtype != np.float64:
            # As in scikit-learn: the points it tries are float32, what it returns is not.
            network = _network.build(self, network.sizes, loss, np.dtype(np.float64))
            _network.take_extras(network, self.network_)
            network.training_state = self.network_.training_state
            self._show(network)
        network.parameters[...] = end

    def _validation_rows(self, validation_data: Any) -> Data | None:
        """Return the checked rows that ``fit`` was given to judge by."""
        if validation_data is None:
            return None
        check_pair(validation_data)
        X, Y = self._encode(*validation_data[:2])
        weights = validation_data[2] if len(validation_data) == 3 else None
        if weights is None:
            return X, Y, None
        try:
            weights = in_dtype(_check_sample_weight(weights, X), X.dtype, "sample_weight")
        except ValueError as error:
            raise ValueError(f"validation_data: {error}") from None
        return without_weightless((X, Y, weights))

    def _check_solver(self) -> bool:
        if self.preset is not None:
            raise AttributeError(
                f"partial_fit: not with preset={self.preset!r}, whose schedule has to know the end"
            )
        if not is_stochastic(self.solver):
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
        return True

    # Outputs.

    def _show(self, network: Network) -> None:
        """Let ``coefs_`` and ``intercepts_`` be views of the network's parameters."""
        self.network_ = network
        self.coefs_ = _network.coefs_of(network)
        self.intercepts_ = _network.intercepts_of(network)
        self._predictor = Predictor(network, self.coefs_, self.intercepts_)

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the network's outputs (n, n_outputs) for rows that are still to be checked."""
        own = self.__dict__
        predictor = own.get("_predictor")
        preparation = own.get("_preparation")
        if (
            predictor is not None
            and preparation is None
            and predictor.takes(X)
            and "feature_names_in_" not in own
            and predictor.shows(self.coefs_, self.intercepts_)
        ):
            outputs = predictor.outputs(X)
            if outputs is not None:
                return outputs
        check_is_fitted(self)
        if self._categories is None:
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        else:
            validate_data(self, X, reset=False, skip_check_array=True)
            X = check_array(self._categories.numbered(X), estimator=self)
        if preparation is not None:
            X = preparation.inputs(X)
        return self._predictor_for(X.dtype).outputs_of_any(X)

    def _predictor_for(self, dtype: np.dtype) -> Predictor:
        """Return a predictor by the coefficients as they are now, in this or a wider dtype."""
        wide = np.result_type(dtype, *self.coefs_)
        wide = wide if wide == np.float32 else np.dtype(np.float64)
        predictor = getattr(self, "_predictor", None)
        if (
            predictor is not None
            and predictor.dtype == wide
            and predictor.shows(self.coefs_, self.intercepts_)
        ):
            return predictor
        sizes = [len(self.coefs_[0]), *(coef.shape[1] for coef in self.coefs_)]
        network = _network.build(_presets.as_applied(self), sizes, self._loss(), wide)
        _network.take_over(network, self.coefs_, self.intercepts_)
        if hasattr(self, "network_"):
            _network.take_extras(network, self.network_)
        return Predictor(network, self.coefs_, self.intercepts_)

    def _graph(self) -> Graph:
        """Return what this estimator computes, for ``fastnn.export``."""
        check_is_fitted(self)
        return graph_of_estimator(self, self._predictor_for(self.coefs_[0].dtype).network)

    # What scikit-learn asks for.

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        predictor = state.pop("_predictor", None)
        if predictor is not None and predictor.shows(self.coefs_, self.intercepts_):
            # Views of the network's parameters: they are made again from these.
            del state["coefs_"], state["intercepts_"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in state:
            _network.make_writeable(self.network_)
            if "coefs_" not in state:
                self._show(self.network_)


def check_pair(validation_data: Any) -> None:
    """Raise unless these look like inputs and targets, perhaps with weights."""
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
        raise ValueError(PAIR.format(type(validation_data).__name__))


def _as_callbacks(callbacks: Any) -> list[Any]:
    """Return the callbacks as a list; one alone will do."""
    if callbacks is None:
        return []
    several = isinstance(callbacks, Iterable) and not callable(callbacks)
    return check_callbacks(callbacks if several else [callbacks])
