"""A network for each group of rows, such as one a customer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fastnn._common.checks import brief, check_whole
from fastnn._data.inputs import is_sparse
from fastnn.many._course import Course
from fastnn.many._data import Data, checked_pair
from fastnn.many._jobs import Job, Search
from fastnn.many._networks import NetworkLearner
from fastnn.many._result import Result, Table
from fastnn.many._scoring import scoring_of_networks
from fastnn.many._settings import Setting, listed
from fastnn.network import Network

__all__ = ["Networks", "fit_each", "predict_each"]

# The columns of a table of groups that are those of jobs.
OF_JOBS = ("training_cost", "score", "epochs", "seconds", "error")


class Networks(Mapping[Any, Network]):
    """The networks that ``fit_each`` trained, by the groups' values, in their order.

    One whose training failed is not among them; ``table`` says why.

    Attributes
    ----------
    table : Table
        A row a group: ``group``, ``rows``, ``training_cost``, ``score``, ``epochs``, ``seconds``
        and ``error``, which is empty where there was none.
    """

    def __init__(self, values: np.ndarray, counts: np.ndarray, result: Result) -> None:
        columns = {"group": values, "rows": counts, **{name: result[name] for name in OF_JOBS}}
        self.table, self._result = Table(columns), result
        named = zip(values.tolist(), result["error"], strict=True)
        self._rows = {value: row for row, (value, error) in enumerate(named) if not error}

    def __getitem__(self, group: Any) -> Network:
        if group not in self._rows:
            raise KeyError(self._why_not(group))
        network: Network = self._result.network(self._rows[group])
        return network

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<Networks of {len(self)} groups, {len(self.table) - len(self)} failed>"

    def _why_not(self, group: Any) -> str:
        groups = self.table["group"].tolist()
        if group not in groups:
            return f"no rows of group {brief(group)} were trained on"
        error = self.table["error"][groups.index(group)]
        return f"the training of group {brief(group)} failed: {error}"


def fit_each(
    X: Any,
    y: Any,
    groups: Any,
    setting: Setting,
    *,
    seed: int = 0,
    scoring: Any = None,
    n_jobs: int | None = None,
    executor: Any = None,
    journal: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Networks:
    """Train a network for each value of ``groups``, on the rows of that group.

    Each is trained by one thread and comes out as ``Network(..., rng=seed).fit(..., n_threads=1)``
    on these rows does, to the bit. One that fails or diverges loses no other.

    Parameters
    ----------
    X : array-like or CSR matrix (n, n_in)
    y : array-like (n,) or (n, n_out)
        Class labels from 0, or targets.
    groups : array-like (n,)
        Which group each row is of: numbers or texts.
    setting : mapping
        Arguments of ``Network`` and ``Network.fit``, as in ``fit_many``; a row's ``sample_weight``
        too.
    seed : int, default 0
        Of all networks.
    scoring : str or callable, optional
        As in ``fit_many``; the rows of its group judge a network.
    n_jobs, executor, journal, progress
        As in ``fit_many``.

    Returns
    -------
    Networks
        A mapping from the groups' values to networks, with a ``table`` of all groups.

    Raises
    ------
    TypeError, ValueError
        Before anything is trained, naming the argument; what only a single group's rows do not
        allow is an error in its row of the table.
    ImportError, OSError, KeyboardInterrupt
        As ``fit_many``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.many import fit_each, predict_each
    >>> X, customers = np.random.default_rng(0).normal(size=(60, 2)), np.repeat(["a", "b"], 30)
    >>> y = X[:, 0] > 0
    >>> models = fit_each(X, y, customers, {"sizes": [2, 4, 1], "epochs": 5})
    >>> sorted(models), predict_each(models, X, customers).shape
    (['a', 'b'], (60, 1))
    """
    X, y = checked_pair(X, y, ("X", "y"), of_network=True)
    values, parts = _groups(groups, X.shape[0])
    if not isinstance(setting, Mapping):
        raise TypeError(f"setting: expected a mapping, got {brief(setting)}")
    settings, seed = listed([setting]), check_whole(seed, "seed", 0)
    course = Course(n_jobs, executor, journal, progress)
    data = Data((X, y))
    learner = NetworkLearner(data, settings)
    scored = scoring_of_networks(scoring, learner.classifies(0))
    data.take_folds([(rows, rows) for rows in parts])
    counts = np.array([len(rows) for rows in parts])
    learner.check([int(np.argmax(counts))])
    jobs = [Job(i, 0, seed, i) for i in range(len(values))]
    result = Result(settings, jobs, Search(learner, scored, "all"), scored.larger)
    told = {"settings": settings, "seeds": [seed], "scoring": scoring, "estimator": None}
    course.run(result, jobs, data, told)
    return Networks(values, counts, result)


def predict_each(networks: Mapping[Any, Network], X: Any, groups: Any) -> np.ndarray:
    """Return what each row's own network puts out for it.

    Parameters
    ----------
    networks : Networks, or mapping from groups' values to networks
        With equally many outputs.
    X : array-like or CSR matrix (n, n_in)
    groups : array-like (n,)
        Which group each row is of.

    Returns
    -------
    array (n, n_out)

    Raises
    ------
    TypeError, ValueError
        Naming the argument; for a group that has no network, naming it and why.
    """
    rows = X if is_sparse(X) else np.asarray(X)
    if len(rows.shape) != 2:
        raise ValueError(f"X: expected shape (n, n_in), got {rows.shape}")
    values, parts = _groups(groups, rows.shape[0])
    found = []
    for value in values.tolist():
        if value not in networks:
            why = networks._why_not(value) if isinstance(networks, Networks) else "it has none"
            raise ValueError(f"groups: expected groups with a network, got {brief(value)}: {why}")
        found.append(networks[value])
    widths = sorted({network.sizes[-1] for network in found})
    if len(widths) > 1:
        raise ValueError(f"networks: expected equally many outputs, got {brief(widths)}")
    dtype = np.result_type(*(network.dtype for network in found))
    outputs = np.empty((rows.shape[0], widths[0]), dtype=dtype)
    for network, part in zip(found, parts, strict=True):
        outputs[part] = network.predict(rows[part])
    return outputs


def _groups(groups: Any, n: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the groups' values, sorted, and which rows are of each, in their order.

    Raises
    ------
    TypeError, ValueError
        If there are not ``n``, or they are neither numbers nor texts, or not all of one kind.
    """
    array = np.asarray(groups)
    if array.shape != (n,) or n == 0:
        raise ValueError(f"groups: expected shape ({n},), one a row of X, got {array.shape}")
    if array.dtype.kind not in "iubfUSO":
        raise TypeError(f"groups: expected numbers or texts, got dtype {array.dtype}")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError("groups: expected no NaN, which is equal to nothing")
    try:
        values, which, counts = np.unique(array, return_inverse=True, return_counts=True)
    except TypeError:
        raise TypeError("groups: expected numbers or texts, all of one kind") from None
    return values, np.split(np.argsort(which, kind="stable"), np.cumsum(counts)[:-1])
