"""Before anything is timed: do all contenders compute the same?

In float64 the parameters after an epoch agree to rounding, so that is what is asked, of every
work, its dropout left out: everyone draws other masks. In float32 they need not: a rounding may
put one ReLU on the other side of zero, that moves a weight by a visible amount, and the difference
then grows. So a work in float32 or with dropout is checked twice: in float64 without dropout by its
parameters, then as it is by its accuracy on the test rows. Of a prediction the outputs count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from bench.contenders.base import EPS, Contender, Parameters
from bench.data import Arrays
from bench.problem import make_problem
from bench.works import Work

PARAMETERS_AGREE = 1e-9  # largest difference of a weight or bias, float64
OUTPUTS_AGREE = 1e-12  # largest difference of a predicted output, float64
ACCURACY_AGREES = 0.005  # half a point, float32
ACCURACY_OF_OTHER_MASKS = 0.1  # after few steps it still depends on what was dropped
MOST_EPOCHS = 10  # of works with many short ones


class NotEqual(Exception):
    """A contender's result after an epoch is not the first contender's."""


@dataclass(frozen=True)
class Check:
    """What one untimed run gave.

    Attributes
    ----------
    difference : float
        Largest difference of any parameter, or predicted output, from the first contender's.
    accuracy : float
        Fraction of the test rows classified rightly; NaN for a prediction.
    """

    difference: float
    accuracy: float


def forward(work: Work, parameters: Parameters, X: np.ndarray) -> np.ndarray:
    """Outputs before the last activation (it keeps the order of the classes), in float64."""
    a = X.astype(np.float64)
    pairs = zip(parameters.weights, parameters.biases, strict=True)
    for l, (w, b) in enumerate(pairs):
        a = a @ w.T.astype(np.float64) + b
        if l == work.n_hidden:
            break
        if work.batch_norm:
            x = (a - parameters.means[l]) / np.sqrt(parameters.variances[l] + EPS)
            a = parameters.gammas[l] * x + parameters.betas[l]
        a = np.maximum(a, 0) if work.activation == "relu" else 0.5 * (1 + np.tanh(a / 2))
    return a


def classes(outputs: np.ndarray) -> np.ndarray:
    """The class each row of weighted inputs of the output layer stands for."""
    return (outputs[:, 0] > 0) if outputs.shape[1] == 1 else outputs.argmax(axis=1)


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    if one.shape != other.shape:
        return np.inf
    difference = float(np.abs(one.astype(np.float64) - other).max())
    return np.inf if np.isnan(difference) else difference


def largest_difference(one: Parameters, other: Parameters) -> float:
    """Largest absolute difference over all parameters; inf where shapes or NaN differ."""
    if [len(kind) for kind in one] != [len(kind) for kind in other]:
        return np.inf
    pairs = zip(chain(*one), chain(*other), strict=True)
    return max(_difference(a, b) for a, b in pairs)


def train_once(work: Work, arrays: Arrays, contenders: list[Contender]) -> dict[str, Check]:
    """Train with each from the same parameters, the rows in their stored order."""
    work = replace(work, epochs=min(work.epochs, MOST_EPOCHS))
    problem = make_problem(work, arrays, shuffle=False)
    first: Parameters | None = None
    checks = {}
    for contender in contenders:
        contender.setup(problem)
        with contender.pools(1):
            contender.train()
        found = contender.parameters()
        parameters = Parameters(*([np.array(p) for p in kind] for kind in found))
        first = first or parameters
        guesses = classes(forward(work, parameters, arrays.X_test))
        checks[contender.name] = Check(
            largest_difference(parameters, first), float(np.mean(guesses == arrays.labels_test))
        )
    return checks


def predict_once(work: Work, arrays: Arrays, contenders: list[Contender]) -> dict[str, Check]:
    """Predict the same rows with each."""
    problem = make_problem(work, arrays, shuffle=False)
    first: np.ndarray | None = None
    checks = {}
    for contender in contenders:
        contender.setup(problem)
        outputs = contender.predict(problem.X[: work.predict_rows])
        first = outputs if first is None else first
        checks[contender.name] = Check(_difference(outputs, first), np.nan)
    return checks


def check(work: Work, arrays: Arrays, contenders: list[Contender]) -> dict[str, Check]:
    """Run with each and compare with the first of `contenders`.

    Returns
    -------
    dict of str to Check
        By contender's name, of the work as it is.

    Raises
    ------
    NotEqual
        If in float64 a parameter, or in float32 the accuracy, is too far from the first's.
    """
    if work.predict_rows:
        checks = predict_once(work, arrays, contenders)
        _compare(work, checks, "the outputs", OUTPUTS_AGREE)
        return checks
    exact = replace(work, dtype="float64", dropout=0.0)
    if work != exact:
        check(exact, arrays.astype("float64"), contenders)
    checks = train_once(work, arrays, contenders)
    if work == exact:
        _compare(work, checks, "the parameters", PARAMETERS_AGREE)
    else:
        limit = ACCURACY_OF_OTHER_MASKS if work.dropout else ACCURACY_AGREES
        _compare(work, checks, "the accuracy", limit)
    return checks


def _compare(work: Work, checks: dict[str, Check], what: str, limit: float) -> None:
    first = next(iter(checks))
    for name, found in checks.items():
        difference = found.difference
        if what == "the accuracy":
            difference = abs(found.accuracy - checks[first].accuracy)
        if not difference <= limit:
            when = "" if work.predict_rows else " after training"
            raise NotEqual(
                f"{work.name} in {work.dtype}: {what} of {name} differ by {difference:.3g} from "
                f"{first}{when}, at most {limit:g} is equal"
            )
