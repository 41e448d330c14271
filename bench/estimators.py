"""Time fastnn's estimators beside scikit-learn's: ``python -m bench.estimators [TASK ...]``.

The same program runs with both classes and the same seeds; before anything is timed, both must
give the same result.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import sklearn.neural_network as theirs
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

import fastnn.sklearn as ours
from bench import data, machine
from bench.command import add_output, add_repeats, positive, refuse_unknown, say
from bench.contenders.networks import Fastnn
from bench.contenders.scikit_learn import ScikitLearn
from bench.report import write_whole
from bench.timing import SETTLE, available_cores, choose

ASKED = 500  # single rows in one timed round
LARGEST = 1e-8  # difference of coefficients, predictions or scores that counts as equal
HEAD = (
    "| task | scikit-learn | threads | fastnn | times faster | min–max | largest difference "
    "| target |\n|---|---:|---:|---:|---:|---:|---:|---:|\n"
)

Run = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Task:
    """One program to run with either library.

    Attributes
    ----------
    what : str
        For the table.
    prepare : callable
        Takes the library's module; returns what is timed, which returns numbers to compare.
    target : float
        How many times faster it is meant to be.
    count : int
        The time is told of one of so many equal parts.
    unit : str
        Of the time told, with its factor from seconds in ``UNITS``.
    own_threads : bool
        Whether the number of BLAS threads is chosen for scikit-learn by a probe.
    """

    what: str
    prepare: Callable[[ModuleType, argparse.Namespace], Run]
    target: float
    count: int = 1
    unit: str = "s"
    own_threads: bool = True


UNITS = {"s": 1.0, "ms": 1e3, "µs": 1e6}


SHORT = 0.5  # seconds


def coefficients(estimator: Any) -> np.ndarray:
    """All that was learnt, as one vector, with the number of epochs."""
    parts = [*estimator.coefs_, *estimator.intercepts_, np.array(estimator.n_iter_)]
    return np.concatenate([np.ravel(part) for part in parts])


def digits(module: ModuleType, options: argparse.Namespace) -> Run:
    """Fit with all defaults on 1797 images of 8 × 8."""
    X, y = load_digits(return_X_y=True)
    return lambda: coefficients(module.MLPClassifier(random_state=0).fit(X, y))


def mnist(module: ModuleType, options: argparse.Namespace) -> Run:
    """Five epochs with all defaults on 10,000 images of 28 × 28."""
    from fastnn import datasets

    X, y = datasets.load_mnist(data.mnist_folder(options.mnist)).train
    X, y = np.ascontiguousarray(X[:10_000], dtype=np.float64), np.asarray(y[:10_000])
    return lambda: coefficients(module.MLPClassifier(random_state=0, max_iter=5).fit(X, y))


def small_regression() -> tuple[np.ndarray, np.ndarray]:
    """A thousand rows of twenty numbers and a target that is not linear in them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 20))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=1000)


def regressor(module: ModuleType, options: argparse.Namespace) -> Run:
    """Fit 20-32-1 on a thousand rows."""
    X, y = small_regression()
    told = {"hidden_layer_sizes": (32,), "random_state": 0, "max_iter": 200}
    return lambda: coefficients(module.MLPRegressor(**told).fit(X, y))


def predict_real(module: ModuleType, options: argparse.Namespace) -> Run:
    """Ask a fitted 20-32-1 for one row at a time."""
    X, y = small_regression()
    model = module.MLPRegressor(hidden_layer_sizes=(32,), random_state=0, max_iter=20).fit(X, y)
    rows = [X[i : i + 1] for i in range(ASKED)]
    return lambda: np.concatenate([model.predict(row) for row in rows])


def predict_class(module: ModuleType, options: argparse.Namespace) -> Run:
    """Ask a fitted 64-100-10 for one row at a time."""
    X, y = load_digits(return_X_y=True)
    model = module.MLPClassifier(random_state=0, max_iter=20).fit(X, y)
    rows = [X[i : i + 1] for i in range(ASKED)]
    return lambda: np.concatenate([model.predict(row) for row in rows])


def search(module: ModuleType, options: argparse.Namespace) -> Run:
    """Look for the best of twelve models by three folds each: 36 fits.

    On all cores: scikit-learn in processes, its default, fastnn in threads.
    """
    X, y = load_digits(return_X_y=True)
    grid = {"alpha": [1e-4, 1e-2, 1, 10], "hidden_layer_sizes": [(30,), (60,), (100,)]}
    model = module.MLPClassifier(random_state=0, max_iter=40)
    backend = "threading" if module is ours else "loky"

    def run() -> np.ndarray:
        with joblib.parallel_config(backend, n_jobs=options.cores):
            found = GridSearchCV(model, grid, cv=3, refit=False).fit(X, y)
        return found.cv_results_["mean_test_score"]

    return run


TASKS = {
    "digits": Task("fit digits, 64-100-10, defaults", digits, 5),
    "mnist": Task("5 epochs of MNIST, 10,000 rows, 784-100-10, defaults", mnist, 2.5),
    "regressor": Task("fit 1000 rows, 20-32-1", regressor, 20, unit="ms"),
    "predict": Task("predict one row, 20-32-1", predict_real, 10, ASKED, "µs"),
    "predict_class": Task("predict one row's class, 64-100-10", predict_class, 10, ASKED, "µs"),
    "search": Task("GridSearchCV on digits, 36 fits", search, 4, own_threads=False),
}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.estimators", description=__doc__)
    parser.add_argument(
        "tasks", nargs="*", metavar="TASK", help=f"any of {', '.join(TASKS)} (default: all)"
    )
    add_repeats(parser, 7)
    parser.add_argument("--mnist", help="folder of MNIST's idx files (default: FASTNN_MNIST)")
    parser.add_argument(
        "--cores", type=positive, default=min(2, available_cores()),
        help="threads or processes at most (default: 2, or the cores there are)",
    )  # fmt: skip
    add_output(parser, "estimators.md")
    options = parser.parse_args(arguments)
    refuse_unknown(parser, "task", options.tasks, TASKS)
    options.tasks = options.tasks or list(TASKS)
    return options


def clock(run: Run, threads: int | None) -> float:
    """Seconds of one run, once other libraries' pools have gone to sleep.

    A short one is timed at its second run: after a pause some virtual machines are several times
    slower for as long as it takes.
    """
    time.sleep(SETTLE)
    with threadpool_limits(threads, user_api="blas"):
        seconds = _timed(run)
        return _timed(run) if seconds < SHORT else seconds


def _timed(run: Run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Largest absolute difference; infinite where lengths or a NaN differ."""
    if one.shape != other.shape:
        return float("inf")
    found = float(np.abs(one - other).max())
    return float("inf") if np.isnan(found) else found


def measure(task: Task, options: argparse.Namespace) -> tuple[str, bool]:
    """Check and time one task; return its row of the table, and whether both agreed."""
    runs = [task.prepare(module, options) for module in (theirs, ours)]
    apart = difference(runs[0](), runs[1]())  # also warms up
    threads = None
    if task.own_threads:
        threads = choose({n: clock(runs[0], n) for n in range(1, options.cores + 1)})
    rounds = [(clock(runs[0], threads), clock(runs[1], None)) for _ in range(options.repeats)]
    scale = UNITS[task.unit] / task.count
    base, own = (median(column) * scale for column in zip(*rounds, strict=True))
    ratios = [one / other for one, other in rounds]
    row = (
        f"| {task.what} | {base:.3g} {task.unit} | {threads or 'all'} | {own:.3g} {task.unit} "
        f"| {median(ratios):.1f} | {min(ratios):.1f}–{max(ratios):.1f} | {apart:.0e} "
        f"| {task.target:g} |\n"
    )
    return row, apart <= LARGEST


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (1: results differed, 2: nothing could be run)."""
    options = parse(arguments)
    load_before = machine.load()
    warnings.simplefilter("ignore")  # scikit-learn's that an end was not reached
    rows = []
    for name in options.tasks:
        say(f"{name}: {TASKS[name].what}")
        try:
            row, agreed = measure(TASKS[name], options)
        except data.DataNotFound as reason:
            say(f"{name} skipped: {reason}")
            continue
        if not agreed:
            say(f"not equal: {row}")
            return 1
        rows.append(row)
        print(row, end="", flush=True)
    if not rows:
        return 2
    lines = machine.describe([ScikitLearn(), Fastnn()], load_before)
    text = "# Estimators\n\n" + "".join(f"- {line}\n" for line in lines)
    text += f"- medians of {options.repeats} rounds\n\n{HEAD}{''.join(rows)}"
    write_whole(options.output / "estimators.md", lambda path: path.write_text(text, "utf-8"))
    say(f"written to {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
