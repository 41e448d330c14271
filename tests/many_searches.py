"""A small search for the tests of executors, and what it must give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.many import fit_many
from fastnn.many._jobs import Done, Job, Search
from fastnn.many._threads import run_in_threads


def small_search(epochs: int = 30, keep: str = "all") -> tuple[Search, list[Job], list[Done]]:
    """Return 200 jobs, a few of which diverge, and what this thread makes of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 6))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    same = {"sizes": [6, 8, 2], "cost": "log_likelihood", "epochs": epochs, "batch_size": 30}
    settings = [
        *({**same, "optimizer": "adam", "learning_rate": rate} for rate in (0.01, 0.02, 0.03)),
        {**same, "cost": "quadratic", "output": "identity", "learning_rate": 1e200},
    ]
    rows = np.arange(300)
    folds = [(rows[rows % 5 != i], rows[rows % 5 == i]) for i in range(5)]
    found = fit_many(X, y, settings, seeds=range(10), cv=folds, keep=keep, n_jobs=1)
    done: list[Done] = []
    run_in_threads(found._search, found._jobs, 1, done.append)
    return found._search, found._jobs, done


def told(rows: Sequence[Done]) -> list[tuple[Any, ...]]:
    """Return all that does not depend on the clock, row by row, and the bits of each network."""
    return [
        (
            done.row,
            np.array([done.training_cost, done.validation_cost, done.score]).tobytes(),
            done.epochs,
            done.error,
            None if done.model is None else done.model.parameters.tobytes(),
        )
        for done in sorted(rows, key=lambda done: done.row)
    ]
