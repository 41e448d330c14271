"""``fit_many``: all jobs of a search, checked, run, recorded."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

from fastnn._common.checks import brief, check_choice, check_whole
from fastnn.many._course import Course
from fastnn.many._data import Data, checked_pair, checked_validation
from fastnn.many._estimators import EstimatorLearner
from fastnn.many._folds import folds_of
from fastnn.many._jobs import Job, Search
from fastnn.many._learner import Learner
from fastnn.many._networks import NetworkLearner
from fastnn.many._result import Result
from fastnn.many._scoring import Scoring, scoring_of_estimators, scoring_of_networks
from fastnn.many._settings import Setting, listed

__all__ = ["fit_many"]

KEPT = ("none", "best", "all")


def fit_many(
    X: Any,
    y: Any,
    settings: Any,
    *,
    seeds: Iterable[int] = (0,),
    cv: Any = None,
    validation_data: Any = None,
    scoring: Any = None,
    estimator: Any = None,
    keep: str = "best",
    n_jobs: int | None = None,
    executor: Any = None,
    journal: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Result:
    """Train a network for each setting, seed and fold, and return a table of what became of each.

    Each is trained by one thread and comes out as ``Network(..., rng=seed).fit(..., n_threads=1)``
    does, to the bit, whatever ``n_jobs`` and ``executor`` are. One that fails or diverges is a row
    that says so.

    Parameters
    ----------
    X : array-like or CSR matrix (n, n_in)
        For ``estimator`` whatever that takes.
    y : array-like (n,) or (n, n_out)
        Class labels from 0, or targets.
    settings : mapping of lists, or iterable of mappings
        A grid, all of whose combinations are tried, the last key fastest; what is no list is the
        only choice, and so is a list of numbers for ``sizes`` and ``sample_weight``. Or the
        settings themselves. The keys are the arguments of ``Network`` and of ``Network.fit``, but
        for ``rng``, ``n_threads``, ``progress`` and ``validation_data``; ``sizes`` and ``epochs``
        must be among them. Objects may be given by name: ``"quadratic"``, ``"cross_entropy"``,
        ``"log_likelihood"``, ``"huber"``, ``"absolute"``, ``"poisson"`` and ``"quantile"`` for a
        cost, and with arguments as a mapping, such as ``{"name": "l2", "strength": 5.0}`` for a
        regularizer, ``{"name": "cosine", "epochs": 30}`` for a schedule; ``{"patience": 5}`` for
        ``stopping``. What is called back, metrics and callbacks, is shared by all jobs.
    seeds : iterable of int, default (0,)
        Of each network, as its ``rng``.
    cv : int, splitter or iterable of (train, test), optional
        Folds: each is trained on its ``train`` rows and judged by its ``test`` rows. An int needs
        scikit-learn, whose ``check_cv`` makes the folds, stratified for classes.
    validation_data : (X, y), optional
        Rows to judge all jobs by, and for what ``stopping`` and the like monitor; not with ``cv``,
        where a fold's ``test`` rows are. Without either the training rows judge.
    scoring : str or callable, optional
        "accuracy", "mean_squared_error", "mean_absolute_error", "r2" or ``f(outputs, targets)``; by
        default "accuracy" for targets that are classes, else "r2". Whether a large value is good is
        told by the name, see ``EarlyStopping``; where that does not say it, it is. For estimators a
        scorer of scikit-learn's, by default their own ``score``.
    estimator : estimator, optional
        Of scikit-learn's kind. Then settings are arguments of its ``set_params``, which its copies
        get with ``random_state`` and ``n_threads`` in addition where they, or what is in them, have
        these; costs are the copies' ``loss_``, or NaN.
    keep : {"best", "none", "all"}, default "best"
        Whose models ``result.network(i)`` has: that of the best score, none or all.
    n_jobs : int, optional
        Jobs at a time, in threads; by default, and for -1, one a processor.
    executor : object with ``submit``, optional
        Where to run the jobs instead: ``concurrent.futures.ProcessPoolExecutor()`` or loky's, a
        ``dask.distributed.Client`` or its ``get_executor()``, ``mpi4py.futures.MPIPoolExecutor()``.
        What is lost with a worker is done again, by threads of this process, with a warning, where
        the pool broke as a whole; a job that is lost three times has failed.
    journal : str or path, optional
        A file to which each finished job is appended. The same call with the same file does only
        what is missing.
    progress : bool, default False
        Whether to show a progress bar; needs tqdm.

    Returns
    -------
    Result

    Raises
    ------
    TypeError, ValueError
        Before anything is trained, naming the argument, and for ``settings`` which of them.
    ImportError
        If an optional library is missing.
    OSError
        If the journal cannot be read or written.
    KeyboardInterrupt
        At Ctrl-C. What is in the journal by then is not lost.

    Examples
    --------
    >>> from fastnn.datasets import load_digits
    >>> from fastnn.many import fit_many
    >>> training, validation, _ = load_digits()
    >>> grid = {"sizes": [[64, 16, 10], [64, 32, 10]], "cost": "log_likelihood", "epochs": 3,
    ...         "optimizer": "adam", "learning_rate": [0.01, 0.001]}
    >>> found = fit_many(*training, grid, seeds=range(2), validation_data=validation)
    >>> len(found), found.best()["settings"]["learning_rate"]
    (8, 0.01)
    """
    seeds = _checked_seeds(seeds)
    check_choice(keep, "keep", KEPT)
    course = Course(n_jobs, executor, journal, progress)
    chosen = listed(settings)
    data, learner, scored = _prepared((X, y), validation_data, chosen, cv, scoring, estimator)
    folds = range(data.n_folds) if data.n_folds else (-1,)
    places = product(range(len(chosen)), seeds, folds)
    jobs = [Job(row, *place) for row, place in enumerate(places)]
    result = Result(chosen, jobs, Search(learner, scored, keep), scored.larger)
    told = {"settings": chosen, "seeds": seeds, "scoring": scoring, "estimator": estimator}
    course.run(result, jobs, data, told)
    return result


def _prepared(
    training: tuple[Any, Any],
    validation_data: Any,
    settings: Sequence[Setting],
    cv: Any,
    scoring: Any,
    estimator: Any,
) -> tuple[Data, Learner, Scoring]:
    """Return data with folds, what trains on them, and how it is scored; all of it checked."""
    of_network = estimator is None
    X, y = checked_pair(*training, ("X", "y"), of_network)
    validation = checked_validation(validation_data, X.shape[1], of_network)
    if cv is not None and validation is not None:
        raise ValueError("cv: expected none together with validation_data, got both")
    data = Data((X, y), validation)
    if estimator is not None:
        estimators = EstimatorLearner(data, settings, estimator)
        estimators.check()
        data.take_folds(folds_of(cv, X, y, estimators.classifies))
        return data, estimators, scoring_of_estimators(scoring, estimator)
    networks = NetworkLearner(data, settings)
    data.take_folds(folds_of(cv, X, y, cv is not None and networks.classifies(0)))
    networks.check()
    classify = {networks.classifies(i) for i in range(len(settings))} if scoring is None else {True}
    if len(classify) > 1:
        raise ValueError(
            "scoring: expected one, since the targets are classes to some settings and not to "
            "others, got None"
        )
    return data, networks, scoring_of_networks(scoring, classify.pop())


def _checked_seeds(seeds: Any) -> list[int]:
    if isinstance(seeds, (str, bytes)) or not isinstance(seeds, Iterable):
        raise TypeError(f"seeds: expected whole numbers, such as range(5), got {brief(seeds)}")
    checked = [check_whole(seed, f"seeds[{i}]", 0) for i, seed in enumerate(seeds)]
    if not checked:
        raise ValueError("seeds: expected at least one, got none")
    return checked
