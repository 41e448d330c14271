"""Judge ``preset="tabular"`` by cross-validation: ``python -m bench.tabular [--quick]``.

Beside it: scikit-learn's perceptron and ours without the preset, both with all defaults on
standardized inputs and targets, and scikit-learn's histogram gradient boosting with all defaults.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from statistics import fmean, median, pstdev
from typing import Any

import numpy as np
import sklearn.neural_network as theirs
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import fastnn.sklearn as ours
from bench import machine
from bench.command import add_output, positive, say
from bench.report import write_whole

Table = tuple[np.ndarray, np.ndarray]
FOLDS = 5
ROWS = 1000  # of constructed tables


def real(load: Callable[..., Any]) -> Callable[[int], Table]:
    """Return what gives the rows of a data set that scikit-learn carries."""
    return lambda seed: load(return_X_y=True)


def clusters(seed: int) -> Table:
    """Three classes in 20 columns, of which 5 tell and 5 are mixtures of those."""
    return datasets.make_classification(
        ROWS, 20, n_informative=5, n_redundant=5, n_classes=3, random_state=seed
    )


def moons(seed: int) -> Table:
    """Two half circles in the plane, with noise."""
    return datasets.make_moons(ROWS, noise=0.3, random_state=seed)


def friedman(which: int, noise: float) -> Callable[[int], Table]:
    """Return what makes one of Friedman's three regression problems."""
    make = getattr(datasets, f"make_friedman{which}")
    return lambda seed: make(ROWS, noise=noise, random_state=seed)


CLASSES = {
    "digits": real(datasets.load_digits),
    "breast cancer": real(datasets.load_breast_cancer),
    "wine": real(datasets.load_wine),
    "iris": real(datasets.load_iris),
    "clusters (constructed)": clusters,
    "moons (constructed)": moons,
}
NUMBERS = {
    "diabetes": real(datasets.load_diabetes),
    "friedman1 (constructed)": friedman(1, 1.0),
    "friedman2 (constructed)": friedman(2, 100.0),
    "friedman3 (constructed)": friedman(3, 0.1),
}
CONTENDERS = ("scikit-learn's MLP", "fastnn's MLP", 'preset="tabular"', "boosting")
HEAD = (
    "| data | rows × columns | {names} |\n|---|---:|{bars}\n"
).format(names=" | ".join(CONTENDERS), bars="---:|" * len(CONTENDERS))  # fmt: skip


def models(classifies: bool, seed: int) -> list[Any]:
    """Return the contenders, not fitted, in the order of ``CONTENDERS``."""
    if classifies:
        return [
            make_pipeline(StandardScaler(), theirs.MLPClassifier(random_state=seed)),
            make_pipeline(StandardScaler(), ours.MLPClassifier(random_state=seed, n_threads=1)),
            ours.MLPClassifier(preset="tabular", random_state=seed, n_threads=1),
            HistGradientBoostingClassifier(random_state=seed),
        ]
    return [
        standardized(theirs.MLPRegressor(random_state=seed)),
        standardized(ours.MLPRegressor(random_state=seed, n_threads=1)),
        ours.MLPRegressor(preset="tabular", random_state=seed, n_threads=1),
        HistGradientBoostingRegressor(random_state=seed),
    ]


def standardized(model: Any) -> Any:
    """Return a regressor of standardized inputs and targets."""
    chain = make_pipeline(StandardScaler(), model)
    return TransformedTargetRegressor(chain, transformer=StandardScaler())


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.tabular", description=__doc__)
    parser.add_argument("--seeds", type=positive, default=5, help="of rows and models (default: 5)")
    parser.add_argument("--quick", action="store_true", help="one seed, the smallest data only")
    add_output(parser, "tabular.md")
    options = parser.parse_args(arguments)
    options.seeds = 1 if options.quick else options.seeds
    return options


def folds(X: np.ndarray, y: np.ndarray, classifies: bool, seed: int) -> Iterator[Any]:
    """Yield the rows to train on and those to judge by."""
    kind = StratifiedKFold if classifies else KFold
    return kind(FOLDS, shuffle=True, random_state=seed).split(X, y)


def judge(make: Callable[[int], Table], classifies: bool, seeds: int) -> tuple[str, list[str]]:
    """Return the size of a table, and of each contender scores and seconds, as cells."""
    scores: list[list[float]] = [[] for _ in CONTENDERS]
    seconds: list[list[float]] = [[] for _ in CONTENDERS]
    for seed in range(seeds):
        X, y = make(seed)
        X = np.ascontiguousarray(X, dtype=np.float32)
        y = y if classifies else y.astype(np.float32)
        for train, test in folds(X, y, classifies, seed):
            for i, model in enumerate(models(classifies, seed)):
                began = time.perf_counter()
                model.fit(X[train], y[train])
                seconds[i].append(time.perf_counter() - began)
                scores[i].append(100 * model.score(X[test], y[test]))
    cells = [
        f"{fmean(one):.1f} ± {pstdev(one):.1f} ({median(times):.2f} s)"
        for one, times in zip(scores, seconds, strict=True)
    ]
    return f"{X.shape[0]} × {X.shape[1]}", cells


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    options = parse(arguments)
    load_before = machine.load()
    warnings.simplefilter("ignore")  # scikit-learn's that an end was not reached
    parts = []
    with threadpool_limits(1):
        for what, tables in (("Accuracy in %", CLASSES), ("100 R²", NUMBERS)):
            rows = []
            for name in ["iris", "diabetes"] if options.quick else tables:
                if name not in tables:
                    continue
                say(name)
                size, cells = judge(tables[name], tables is CLASSES, options.seeds)
                rows.append(f"| {name} | {size} | {' | '.join(cells)} |\n")
                print(rows[-1], end="", flush=True)
            parts.append(f"{what}:\n\n{HEAD}{''.join(rows)}")
    text = (
        "# A preset for tables\n\n"
        f"{machine.processor()}, load before the run {load_before}. Mean ± standard deviation over "
        f"{options.seeds} seeds × {FOLDS} folds, and the median seconds of a fit on one thread; "
        "float32.\n\n" + "\n".join(parts)
    )
    write_whole(options.output / "tabular.md", lambda path: path.write_text(text, "utf-8"))
    say(f"written to {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
