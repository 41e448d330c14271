"""``MLPClassifier``: scikit-learn's, trained by the compiled core."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import Tags, column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels

from fastnn.dropout import Dropout
from fastnn.initializers import Initializer
from fastnn.normalization import Normalization
from fastnn.optimizers import Optimizer
from fastnn.sklearn import _constraints, _losses
from fastnn.sklearn._base import BaseMLP
from fastnn.sklearn._losses import CLASSIFIER, Loss


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multi-layer perceptron that classifies: scikit-learn's ``MLPClassifier``, only faster.

    The arguments up to ``max_fun`` are scikit-learn's, with its defaults and its meaning; with the
    same ``random_state`` the weights are the same, to rounding. The arguments after it, the further
    values of ``activation``, ``solver``, ``learning_rate`` and ``verbose``, and ``validation_data``
    of ``fit`` are fastnn's own.

    Parameters
    ----------
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
        Share of the rows set aside, of each class in two-class problems the same share.
    beta_1, beta_2 : float, default 0.9 and 0.999
        Of "adam" and "adamw".
    epsilon : float, default 1e-8
        Of "adam", where it is added to √s without its bias correction, and of "adamw".
    n_iter_no_change : int or inf, default 10
        Training ends after more than so many epochs without improvement.
    max_fun : int, default 15000
        Most evaluations of the loss by "lbfgs".
    loss : {"log_loss", "squared_error"}, default "log_loss"
        "squared_error" is half the squared difference of probabilities and classes (Brier, 1950),
        averaged over the outputs.
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
    label_smoothing : float, default 0
        Share of each target that is spread evenly over the classes.
    class_weight : mapping, "balanced" or None, default None
        Weights of the classes, times those of the rows.
    stopping_metric : str or callable, optional
        The score of validation rows: a scorer of scikit-learn or its name, as "neg_log_loss"; by
        default the accuracy. Where these rows lack a class, metrics of probabilities are told of
        all classes; ROC AUC and average precision are means over the classes (or pairs, or labels)
        that have one. A callable ``f(estimator, X, y)`` gets weights if it takes ``sample_weight``.
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
    classes_ : array (n_classes,), or list of arrays
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
    Steinwart, *Better by default*, 2024): three hidden layers of 256 SELU units;
    ``label_smoothing=0.1``; Adam with ``beta_2=0.95`` and ``learning_rate_init=0.04``; 256 epochs
    of mini-batches of 256 rows under ``schedules.coslog4``; no ``alpha``; the epoch that was best
    on rows set aside (``early_stopping`` without stopping), of equals the last. Inputs are scaled
    by ``preprocessing.SmoothClipper``; a factor for each is learnt at 6 times the learning rate,
    biases at 0.1 times, the weights of a layer at 1/√n_in times; they start as N(0, 1/n_in), biases
    as N(0, 1), the last layer at zero. In the end the factors are multiplied into ``coefs_[0]``,
    which take scaled inputs.

    Categories come first: a column with two becomes one of −1 and 1, with more (255 at most) one of
    0 and 1 for each, after all other columns; what is missing, or unknown in prediction, is 0 in
    all. In prediction too they are given as they were in training.

    Not in it: the clipping of what a regressor predicts. The factors need steps outside of the
    core's epochs: each mini-batch's gradient is the core's, on one thread, Adam's step NumPy's.
    Dropout, batch norm, ``l1``, ``max_norm``, other solvers and ``partial_fit`` do not go with it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastnn.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(hidden_layer_sizes=20, solver="lbfgs", random_state=0).fit(X, y)
    >>> model.predict(X[:2]).tolist()
    [0, 0]
    """

    _parameter_constraints = _constraints.OF_CLASSIFIERS | {"loss": [StrOptions(set(CLASSIFIER))]}

    def __init__(
        self,
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
        loss: str = "log_loss",
        normalization: str | Normalization | None = None,
        dropout: float | Dropout | Sequence[float | Dropout] = 0.0,
        l1: float = 0.0,
        max_norm: float | None = None,
        initializer: str | Initializer | None = None,
        label_smoothing: float = 0.0,
        class_weight: Mapping[Any, float] | str | None = None,
        stopping_metric: str | Callable[..., float] | None = None,
        n_threads: int | None = None,
        time_limit: float | None = None,
        callbacks: Callable[..., object] | Iterable[Callable[..., object]] | None = None,
        preset: str | None = None,
        categorical_features: Any = None,
    ) -> None:
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
        self.loss = loss
        self.normalization = normalization
        self.dropout = dropout
        self.l1 = l1
        self.max_norm = max_norm
        self.initializer = initializer
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.stopping_metric = stopping_metric
        self.n_threads = n_threads
        self.time_limit = time_limit
        self.callbacks = callbacks
        self.preset = preset
        self.categorical_features = categorical_features

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None
    ) -> MLPClassifier:
        """Train, anew unless ``warm_start``.

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
        y : array-like (n,) of labels, or (n, n_labels) of 0 and 1
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
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> MLPClassifier:
        """Train one epoch on these rows, going on from where it stands.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.
        classes : array-like (n_classes,)
            All labels there will ever be; needed in the first call only.

        Returns
        -------
        self
        """
        if self._is_first_part(classes):
            labels = y if type_of_target(y).startswith("multilabel") else classes
            self._label_binarizer = LabelBinarizer().fit(labels)
        if isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight: 'balanced' is not known of a part of the rows; expected a mapping "
                "from label to weight in partial_fit"
            )
        return self._fit(X, y, sample_weight, None, incremental=True)

    def predict(self, X: Any) -> np.ndarray:
        """Return the labels (n,), or 0 and 1 (n, n_labels), of rows (n, n_features).

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
            Rows, as ``fit`` took them.
        """
        return self._labels(self._outputs(X))

    def _labels(self, outputs: np.ndarray) -> np.ndarray:
        """Return the labels that the outputs (n, n_outputs) stand for."""
        binarizer = self._label_binarizer
        if binarizer.y_type_ == "multiclass":
            return self.classes_.take(outputs.argmax(axis=1))
        if binarizer.y_type_ == "binary" and len(self.classes_) == 2:
            return self.classes_.take(outputs[:, 0] > 0.5)
        return binarizer.inverse_transform(outputs.ravel() if self.n_outputs_ == 1 else outputs)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities (n, n_classes) in the order of ``classes_``, for (n, n_features).

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
            Rows, as ``fit`` took them.
        """
        return self._probabilities(self._outputs(X))

    def _probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Return the probabilities of all classes by the outputs (n, n_outputs)."""
        if self.n_outputs_ == 1:
            return np.concatenate([1 - outputs, outputs], axis=1)
        return outputs

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of ``predict_proba``.

        Parameters
        ----------
        X : array-like or sparse matrix (n, n_features)
            Rows, as ``fit`` took them.
        """
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    # Targets.

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        X, y = self._validated(X, y, reset)
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _is_first_part(self, classes: Any) -> bool:
        """Whether ``partial_fit`` has the labels for the first time; take them if so."""
        known = getattr(self, "classes_", None)
        if known is None and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if classes is None:
            return False
        if known is None:
            self.classes_ = unique_labels(classes)
            return True
        if not np.array_equal(known, unique_labels(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call "
                f"to partial_fit, was: {known!r}"
            )
        return False

    def _validate_input(
        self, X: Any, y: Any, incremental: bool, reset: bool
    ) -> tuple[Any, np.ndarray, np.ndarray | None]:
        X, y = self._checked(X, y, reset)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = _fitted_binarizer(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_known(y)
        weights = None
        if self.class_weight is not None:
            weights = compute_sample_weight(self.class_weight, y)
        return X, self._encoded(y), weights

    def _check_known(self, y: Any) -> None:
        """Raise unless going on with these labels makes sense."""
        if not self.warm_start and self._indices(y) is not None:
            return
        classes = unique_labels(y)
        if self.warm_start and set(classes) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same "
                "classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {classes}"
            )
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _encoded(self, y: Any) -> np.ndarray:
        """Return the targets (n, n_outputs) of labels, as booleans."""
        indices = self._indices(y)
        if indices is not None:
            if len(self.classes_) == 2:
                return indices[:, np.newaxis] == 1
            return indices[:, np.newaxis] == np.arange(len(self.classes_))
        return self._label_binarizer.transform(y).astype(bool).reshape(y.shape[0], -1)

    def _indices(self, y: Any) -> np.ndarray | None:
        """Return the classes' numbers if ``y`` holds plain labels, all of them known, else None.

        What ``LabelBinarizer`` checks over and over takes longer than a small ``partial_fit``.
        """
        plain = self._label_binarizer.y_type_ in ("binary", "multiclass")
        known = self.classes_
        if not plain or len(known) < 2 or type(y) is not np.ndarray or y.ndim != 1:
            return None
        if y.dtype.kind != known.dtype.kind or y.dtype.kind not in "biuU":
            return None
        indices = np.searchsorted(known, y)
        indices[indices == len(known)] = 0
        return indices if np.array_equal(known[indices], y) else None

    def _encode(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        X, y = self._checked(X, y, reset=False)
        classes = unique_labels(y)
        if len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(f"validation_data: expected labels of {self.classes_}, got {classes}")
        return X, self._encoded(y)

    def _targets_as_given(self, Y: np.ndarray) -> np.ndarray:
        return self._label_binarizer.inverse_transform(Y.astype(float))

    def _loss(self) -> Loss:
        return _losses.of_classifier(self.loss, self._label_binarizer.y_type_ == "multiclass")

    def _stratifies(self) -> bool:
        return self.n_outputs_ == 1

    def _smoothed(self, Y: np.ndarray) -> np.ndarray:
        share = self.label_smoothing
        if share == 0:
            return Y
        # An output of its own stands for two classes.
        spread = Y.shape[1] if self._label_binarizer.y_type_ == "multiclass" else 2
        return Y * (1 - share) + share / spread

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _fitted_binarizer(y: Any) -> LabelBinarizer:
    """Return a ``LabelBinarizer`` fitted to checked labels.

    Of plain integers its attributes are known at once; what it checks over and over takes as long
    as several epochs over few rows.
    """
    binarizer = LabelBinarizer()
    if type(y) is not np.ndarray or y.ndim != 1 or y.dtype.kind not in "iu":
        return binarizer.fit(y)
    binarizer.classes_ = np.unique(y)
    binarizer.y_type_ = "binary" if len(binarizer.classes_) <= 2 else "multiclass"
    binarizer.sparse_input_ = False
    return binarizer
