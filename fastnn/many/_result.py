"""What a search found: a table with a row a job, and the models that were kept."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn._common.checks import check_whole
from fastnn._common.extras import require
from fastnn.many._jobs import Done, Job, Search
from fastnn.many._settings import Setting

__all__ = ["Result", "Table"]

# What a job brings, by the field of ``Done``.
NUMBERS = ("training_cost", "validation_cost", "score", "epochs", "seconds")


class Table:
    """Columns of equal length.

    ``table["score"]`` is a column, an array; ``len(table)`` is the number of rows.
    """

    def __init__(self, columns: Mapping[str, np.ndarray], settings: Sequence[Setting] = ()) -> None:
        self._columns, self.settings = dict(columns), list(settings)

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._columns)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._columns:
            raise KeyError(f"{name!r}: there are {', '.join(self._columns)}")
        return self._columns[name]

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the columns as lists."""
        return {name: column.tolist() for name, column in self._columns.items()}

    def to_pandas(self) -> Any:
        """Return a DataFrame, with a column ``param_...`` more for each key of the settings.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        keys = dict.fromkeys(key for setting in self.settings for key in setting)
        chosen = [self.settings[i] for i in self["setting"]] if keys else []
        values = {f"param_{key}": [setting.get(key) for setting in chosen] for key in keys}
        frame = require("pandas", extra="pandas").DataFrame
        return frame({**self._columns, **values})


class Result(Table):
    """What ``fit_many`` found, a row a job: setting by setting, seed by seed, fold by fold.

    ``result["score"]`` is a column, an array; ``len(result)`` is the number of jobs.

    Attributes
    ----------
    columns : list of str
        ``setting`` (its index), ``seed``, ``fold`` (-1 without ``cv``), ``training_cost``,
        ``validation_cost``, ``score``, ``epochs``, ``seconds`` and ``error``, which is empty where
        there was none. Where there was one costs and score are NaN.
    settings : list of dict

    Notes
    -----
    A copy that was pickled has the table and the models that are kept, and not the rows.
    """

    def __init__(
        self,
        settings: Sequence[Setting],
        jobs: Sequence[Job],
        search: Search,
        larger_is_better: bool,
    ) -> None:
        n = len(jobs)
        places = np.array([job[1:] for job in jobs]).reshape(n, 3).T
        columns = dict(zip(("setting", "seed", "fold"), places, strict=True))
        columns |= {name: np.full(n, np.nan) for name in NUMBERS}
        columns["epochs"] = np.zeros(n, dtype=np.intp)
        columns["error"] = np.full(n, "", dtype=object)
        super().__init__(columns, settings)
        self._search: Search | None = search
        self._keep, self._larger, self._jobs = search.keep, larger_is_better, list(jobs)
        self._models: dict[int, Any] = {}
        self._best: Done | None = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_search": None}

    def _put(self, done: Done) -> None:
        """Write a row, and keep its model if it is to be kept."""
        assert self._search is not None
        columns, row = self._columns, done.row
        columns["training_cost"][row] = done.training_cost
        columns["validation_cost"][row] = done.validation_cost
        columns["score"][row] = done.score
        columns["epochs"][row] = done.epochs
        columns["seconds"][row] = done.seconds
        if done.error:
            columns["error"][row] = done.error
        if done.model is not None and self._keep == "all":
            self._models[row] = done.model
        if math.isnan(done.score):
            return
        if self._best is None or self._search.is_better(done, self._best):
            self._best = done
            if self._keep == "best":
                self._models = {} if done.model is None else {done.row: done.model}

    def __repr__(self) -> str:
        failed = np.count_nonzero(self["error"])
        return f"<Result of {len(self)} jobs, {failed} failed: {', '.join(self.columns)}>"

    def best(self) -> dict[str, Any]:
        """Return the best row by score, the first of equal ones.

        Returns
        -------
        dict
            Its columns, its number ``row``, and ``settings``, the mapping that was given.

        Raises
        ------
        ValueError
            If no job has a score.
        """
        scores = self["score"]
        if np.isnan(scores).all():
            errors = [error for error in self["error"] if error]
            raise ValueError(
                "best: expected a job with a score, got none"
                + (f"; the first error is {errors[0]}" if errors else "")
            )
        row = int(np.nanargmax(scores if self._larger else -scores))
        values = {name: self[name][row : row + 1].tolist()[0] for name in self.columns}
        return values | {"row": row, "settings": self.settings[values["setting"]]}

    def by_setting(self) -> Table:
        """Return mean and standard deviation over seeds and folds, a row a setting.

        Returns
        -------
        Table
            ``setting``, ``jobs``, ``failed``, and for each number its ``..._mean`` and ``..._std``
            over the jobs that did not fail; NaN where all did.
        """
        which, n = self["setting"], len(self.settings)
        sound = self["error"] == ""
        columns = {
            "setting": np.arange(n),
            "jobs": np.bincount(which, minlength=n),
            "failed": np.bincount(which[~sound], minlength=n),
        }
        for name in NUMBERS:
            columns |= _mean_and_spread(name, self[name][sound], which[sound], n)
        return Table(columns, self.settings)

    def network(self, i: int) -> Any:
        """Return the model of row ``i``, a ``Network`` or an estimator.

        One that was read from a journal is trained again, to the same bits.

        Parameters
        ----------
        i : int
            From 0, as ``best()["row"]``.

        Raises
        ------
        TypeError, ValueError
            If there is no such row, its job failed, or ``keep`` said that it is not kept.
        """
        row, keep = check_whole(i, "i", 0, len(self) - 1), self._keep
        if row in self._models:
            return self._models[row]
        if self["error"][row]:
            raise ValueError(f"network: row {row} has none: {self['error'][row]}")
        is_kept = keep == "all" or (keep == "best" and row == self.best()["row"])
        if not is_kept:
            raise ValueError(f"network: keep={keep!r} did not keep row {row}; keep='all' keeps all")
        if self._search is None:
            raise ValueError(
                f"network: row {row} was read from a journal, and the rows of X and y "
                "are not with this copy"
            )
        done = self._search.run(self._jobs[row])
        if done.model is None:
            raise ValueError(f"network: row {row} failed when it was trained again: {done.error}")
        self._models[row] = done.model
        return done.model


def _mean_and_spread(
    name: str, values: np.ndarray, which: np.ndarray, n: int
) -> dict[str, np.ndarray]:
    """Return mean and standard deviation of the values of each of ``n`` settings."""
    numbers = values.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        counts = np.bincount(which, minlength=n)
        mean = np.bincount(which, numbers, minlength=n) / counts
        squares = np.bincount(which, (numbers - mean[which]) ** 2, minlength=n)
        return {f"{name}_mean": mean, f"{name}_std": np.sqrt(squares / counts)}
