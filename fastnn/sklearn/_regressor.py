"""``MLPRegressor``: scikit-learn's, trained by the compiled core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from fastnn.dropout import Dropout
from fastnn.initializers import Initializer
from fastnn.normalization import Normalization
from fastnn.optimizers import Optimizer
from fastnn.sklearn import _constraints, _losses
from fastnn.sklearn._base import BaseMLP
from fastnn.sklearn._losses import REGRESSION_COSTS, REGRESSOR, Loss


class MLPRegressor(RegressorMixin, BaseMLP):
    """A multi-layer perceptron for real targets: scikit-learn's ``MLPRegressor``, only faster.

    The arguments up to ``max_fun`` are scikit-learn's, with its defaults and its meaning; with the
    same ``random_state`` the weights are the same, to rounding. The arguments after it, the further
    values of ``loss``, ``activation``, ``solver``, ``learning_rate`` and ``verbose``, and
    ``validation_data`` of ``fit`` are fastnn's own.

    Parameters
    ----------
    loss : str or object of ``fastnn.costs``, default "squared_error"
        "squared_error" (half of it, averaged over the outputs), "poisson" (half the deviance, with
        exp as the output activation; targets of 0 or more), "absolute_error", "huber", "quantile"
        (the median), or an object with a number of its own, as ``QuantileCost(0.9)``.
    hidden_layer_sizes : array-like of int, default (100,)
        Neurons in each hidden layer.
    activation : str or sequence of str, default "relu"
        "identity", "logistic", "tanh", "relu", or another of ``fastnn.Network``; of all hidden
        layers, or one each.
    solver : str or Optimizer, default "adam"
        "lbfgs" (SciPy's, on all rows at once), "sgd", "adam", or "rmsprop", "adagrad", "adamw",
        "rprop"; or an object of ``fastnn.optimizers``.
    alpha : float, default 0.0001
        Strength of the penalty α/2 Σw² / Σ(row weights), over each mini-batch's rows: halving the
        mini-batch doubles its share.
    batch_size : int or "auto", default "auto"
        Rows of a mini-batch; "auto" is 200 or, if there are fewer, all ("rprop" takes all). Not of
        "lbfgs".
    learning_rate : str or callable, default "constant"
        With "sgd" also "invscaling", ``learning_rate_init / (rows seen + 1) ** power_t`` after
        each epoch, and "adaptive", divided by 5 when nothing improved for ``n_iter_no_change``
        epochs. A schedule of ``fastnn.schedules``, or any function of the epochs done, gives the
        factor on ``learning_rate_init`` of any solver but "lbfgs".
    learning_rate_init : float, default 0.001
        The learning rate, or the first, of all solvers but "lbfgs".
    power_t : float, default 0.5
        Of "invscaling".
    max_iter : int, default 200
        Most epochs, or iterations of "lbfgs".
    shuffle : bool, default True
        Whether each epoch takes the rows in another order.
    random_state : int, RandomState or None, default None
        Where first weights, rows set aside, orders and dropout come from.
    tol : float, default 1e-4
        An epoch whose loss (or validation score) is not better than the best by this counts as
        none; for "lbfgs" the largest component of the gradient at which it ends.
    verbose : bool, int or "progress", default False
        Whether to print a line an epoch, or to show a bar (needs tqdm).
    warm_start : bool, default False
        Whether ``fit`` goes on from the coefficients there are.
    momentum : float, default 0.9
        Of "sgd", from 0 to 1.
    nesterovs_momentum : bool, default True
        Whether that momentum is Nesterov's.
    early_stopping : bool, default False
        Whether to set rows aside, to stop once their score is no better by ``tol`` for
        ``n_iter_no_change`` epochs, and to go back to the best epoch. Not for "lbfgs".
    validation_fraction : float, default 0.1
        Share of the rows set aside.
    beta_1, beta_2 : float, default 0.9 and 0.999
        Of "adam" and "adamw".
    epsilon : float, default 1e-8
        Of "adam", where it is added to √s without its bias correction, and of "adamw".
    n_iter_no_change : int or inf, default 10
        Training ends after more than so many epochs without improvement.
    max_fun : int, default 15000
        Most evaluations of the loss by "lbfgs".
    normalization : None, "batch", "layer", "group" or Normalization, default None
        Of the hidden layers, between weights and activation; as for ``fastnn.Network``.
    dropout : float, Dropout, or one per hidden layer, default 0
        Share of hidden units dropped in training.
    l1 : float, default 0
        Strength of l1 Σ|w| / Σ(row weights), scaled as ``alpha`` is.
    max_norm : float, optional
        A neuron's weights that grow longer are scaled back to this length after each step.
    initializer : str or Initializer, optional
        A name or an object of ``fastnn.initializers``; by default scikit-learn's Glorot-uniform.
    stopping_metric : str or callable, optional
        The score of validation rows: a scorer of scikit-learn or its name, as
        "neg_mean_absolute_error"; by default R². A callable ``f(estimator, X, y)`` gets weights if
        it takes ``sample_weight``.
    n_threads : int, optional
        Threads that share each mini-batch; by default as many as are worth it and free. The
        numbers do not depend on it. Not of "lbfgs" or of a preset.
    time_limit : float, optional
        Seconds after which training ends, with the epoch that is then at work.
    callbacks : callable or list of callables, optional
        Called as ``callback(estimator, history)`` after each epoch; a true answer stops.
    preset : {"tabular"}, optional
        A recipe in place of scikit-learn's: the notes say of what. It sets the arguments that stand
        at their defaults; what is given otherwise counts.
    categorical_features : "from_dtype" or array-like of bool, int or str, optional
        With a preset, the columns that hold categories: a mask, their numbers or their names; or,
        as a preset has it by default, those of a table (pandas or polars) whose dtype is of
        categories, strings or objects. ``[]`` is none.

    Attributes
    ----------
    coefs_, intercepts_ : lists of arrays (n_in, n_out) and (n_out,)
        Views of ``network_``'s parameters. What is written into them counts; so does an array put
        in the place of one, though then each prediction copies them all.
    loss_ : float
        Of the last epoch, with the penalties.
    best_loss_ : float or None
        The smallest of ``loss_curve_``; None with ``early_stopping``. Not of "lbfgs".
    loss_curve_ : list of float
        The mean loss over each epoch, each row's taken before the step of its mini-batch. Not of
        "lbfgs".
    validation_scores_, best_validation_score_ : list of float, float; or None
        With ``early_stopping`` the scores by which it stopped.
    n_iter_ : int
        Epochs, or iterations of "lbfgs".
    t_ : int
        Rows seen in training.
    n_features_in_, n_layers_, n_outputs_ : int
    feature_names_in_ : array of str
        Of a training table whose column names are all strings.
    is_categorical_ : bool array (n_features,), or None
        With a preset, the columns that hold categories, if any.
    out_activation_ : str
    history_ : History
        A row an epoch: ``training_cost``, ``learning_rate``, ``seconds``, and where rows are set
        aside or given ``validation_score`` and ``validation_cost`` (without penalties).
    network_ : fastnn.Network
        What computes. It can be saved by its ``save``; its ``predict`` returns the outputs (with a
        preset, for inputs as it prepares them).

    Notes
    -----
    In training and in prediction the interpreter's lock is let go, so that threads run side by
    side; any number of them may share a fitted estimator's ``predict``.

    A sparse matrix is made dense mini-batch by mini-batch (with a preset, as a whole).

    With ``preset="tabular"`` it trains by the simple variant of RealMLP (Holzmüller, Grinsztajn and
    Steinwart, *Better by default*, 2024): three hidden layers of 256 Mish units; targets
    standardized (``loss_curve_`` is of those; not with "poisson"); Adam with ``beta_2=0.95`` and
    ``learning_rate_init=0.07``; 256 epochs of mini-batches of 256 rows under ``schedules.coslog4``;
    no ``alpha``; the epoch that was best on rows set aside (``early_stopping`` without stopping),
    of equals the last. Inputs are scaled by ``preprocessing.SmoothClipper``; a factor for each is
    learnt at 6 times the learning rate, biases at 0.1 times, the weights of a layer at 1/√n_in
    times; they start as N(0, 1/n_in), biases as N(0, 1), the last layer at zero. In the end the
    factors are multiplied into ``coefs_[0]``, which take scaled inputs, and the scale of the
    targets into the last layer.

    Categories come first: a column with two becomes one of −1 and 1, with more (255 at most) one of
    0 and 1 for each, after all other columns; what is missing, or unknown in prediction, is 0 in
    all. In prediction too they are given as they were in training.

    Not in it: the clipping of what a regressor predicts. The factors need steps outside of the
    core's epochs: each mini-batch's gradient is the core's, on one thread, Adam's step NumPy's.
    Dropout, batch norm, ``l1``, ``max_norm``, other solvers and ``partial_fit`` do not go with it.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from fastnn.sklearn import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(hidden_layer_sizes=5, solver="lbfgs", max_iter=1000, random_state=0)
    >>> model.fit(X, y).predict(X).shape
    (442,)
    """

    _parameter_constraints = _constraints.OF_ALL | {
        "loss": [StrOptions(set(REGRESSOR)), *REGRESSION_COSTS]
    }

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Callable[[float], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int | str = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        normalization: str | Normalization | None = None,
        dropout: float | Dropout | Sequence[float | Dropout] = 0.0,
        l1: float = 0.0,
        max_norm: float | None = None,
        initializer: str | Initializer | None = None,
        stopping_metric: str | Callable[..., float] | None = None,
        n_threads: int | None = None,
        time_limit: float | None = None,
        callbacks: Callable[..., object] | Iterable[Callable[..., object]] | None = None,
        preset: str | None = None,
        categorical_features: Any = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.normalization = normalization
        self.dropout = dropout
        self.l1 = l1
        self.max_norm = max_norm
        self.initializer = initializer
        self.stopping_metric = stopping_metric
        self.n_threads = n_threads
        self.time_limit = time_limit
        self.callbacks = callbacks
        self.preset = preset
        self.categorical_features = categorical_features

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None
    ) -> MLPRegressor:
        """Train, anew unless ``warm_start``.

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
        y : array-like (n,) or (n, n_outputs)
        sample_weight : array-like (n,), optional
            Weights of the rows in loss, gradient and validation score. Mini-batches whose rows all
            weigh nothing are left out.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Rows to judge by, in the place of those that ``early_stopping`` sets aside; without it
            their score and loss are only recorded in ``history_``.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            For bad arguments or data, or if a weight becomes infinite or NaN.

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` came first.
        UndefinedMetricWarning
            If no score by which to stop was a finite number. No epoch is then gone back to.
        """
        return self._fit(X, y, sample_weight, validation_data, incremental=False)

    @available_if(lambda self: self._check_solver())
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train one epoch on these rows, going on from where it stands.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, None, incremental=True)

    def predict(self, X: Any) -> np.ndarray:
        """Return the outputs (n,) or (n, n_outputs) of rows (n, n_features).

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
            Rows, as ``fit`` took them.
        """
        return self._targets_as_given(self._outputs(X))

    # Targets.

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, np.ndarray]:
        X, y = self._validated(X, y, reset, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self._loss().output == "exp" and np.min(y) < 0:
            raise ValueError(f"y: the loss 'poisson' takes targets of 0 or more, got {np.min(y)}")
        return X, y.reshape(len(y), -1)

    def _validate_input(
        self, X: Any, y: Any, incremental: bool, reset: bool
    ) -> tuple[Any, np.ndarray, np.ndarray | None]:
        return (*self._checked(X, y, reset), None)

    def _encode(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        X, Y = self._checked(X, y, reset=False)
        if Y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"validation_data: expected {self.n_outputs_} targets a row, got {Y.shape[1]}"
            )
        return X, Y

    def _targets_as_given(self, Y: np.ndarray) -> np.ndarray:
        return Y.ravel() if Y.shape[1] == 1 else Y

    def _loss(self) -> Loss:
        return _losses.of_regressor(self.loss)
