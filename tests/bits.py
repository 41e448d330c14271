"""Record what trainings give, to the bit, and compare: for changes that must not show.

    python tests/bits.py record before.json     # with the old build
    python tests/bits.py compare before.json    # with the new one

Each configuration is trained with 1, 2 and 3 threads under each instruction set that the processor
has; its digest covers parameters, running statistics, the optimizer's state, costs and predictions.
A record holds for one machine and one set of libraries: BLAS and libm are part of the numbers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

THREADS = (1, 2, 3)


def _networks() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """The configurations: the arguments of ``Network`` and those of ``fit``."""
    import fastnn
    from fastnn import optimizers, regularizers, schedules
    from fastnn.activations import HIDDEN
    from fastnn.normalization import GroupNorm

    likely = {"cost": fastnn.LogLikelihoodCost}
    found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for name in HIDDEN:
        found[f"activation-{name}"] = {"sizes": [37, 30, 10], "activation": name, **likely}, {}
    for name, norm in (("batch", "batch"), ("layer", "layer"), ("group", GroupNorm(groups=4))):
        options = {"sizes": [37, 72, 48, 10], "activation": "relu", "normalization": norm, **likely}
        found[f"norm-{name}"] = options, {}
    for cost, output in (
        (fastnn.QuadraticCost, "sigmoid"),
        (fastnn.CrossEntropyCost, "sigmoid"),
        (fastnn.CrossEntropyCost, "softmax"),
        (fastnn.LogLikelihoodCost, "softmax"),
        (fastnn.HuberCost(0.5), "identity"),
        (fastnn.AbsoluteCost, "identity"),
        (fastnn.PoissonCost, "exp"),
        (fastnn.QuantileCost(0.3), "identity"),
    ):
        name = cost.__name__ if isinstance(cost, type) else type(cost).__name__
        found[f"cost-{name}-{output}"] = {"sizes": [37, 20, 10], "cost": cost, "output": output}, {}
    for name in sorted(set(optimizers.NAMES) - {"sgd"}):  # with which all the others are trained
        fit = {"optimizer": name, "batch_size": 150 if name in ("rprop", "lbfgs") else 32}
        found[f"optimizer-{name}"] = {"sizes": [37, 30, 10], **likely}, fit
    found["feature-major"] = {"sizes": [2, 10, 5, 1], "activation": "relu"}, {"batch_size": 150}
    found["feature-major-softmax"] = {"sizes": [8, 12, 3], **likely}, {"batch_size": 32}
    found["split-first"] = {"sizes": [401, 16, 10]}, {"batch_size": 10}
    found["split-second"] = {"sizes": [256, 64, 17, 10], "activation": "tanh"}, {"batch_size": 10}
    found["wide"] = {"sizes": [37, 300, 520, 10], "activation": "relu", **likely}, {}
    found["blas"] = {"sizes": [700, 600, 10], "activation": "relu", **likely}, {"batch_size": 140}
    found["book"] = {"sizes": [37, 30, 10]}, {"batch_size": 10, "regularizer": regularizers.L2(5.0)}
    found["penalties"] = (
        {"sizes": [37, 30, 10]},
        {"regularizer": regularizers.Regularizer(l1=0.1, l2=0.2, max_norm=0.9)},
    )
    found["everything"] = (
        {
            "sizes": [37, 72, 48, 10],
            "activation": ["gelu", "mish"],
            "normalization": "batch",
            "dropout": 0.3,
            "initializer": "lsuv",
            **likely,
        },
        {
            "optimizer": optimizers.AdamW(),
            "schedule": schedules.cosine(3),
            "label_smoothing": 0.1,
            "class_weight": "balanced",
        },
    )
    return found


def _data(sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(150, sizes[0]))
    labels = rng.integers(0, max(2, sizes[-1]), 150)
    return rows, np.eye(10)[labels] if sizes[-1] == 10 else labels


def _digest(*arrays: Any) -> str:
    sums = hashlib.sha256()
    for array in arrays:
        sums.update(np.ascontiguousarray(array).tobytes())
    return sums.hexdigest()[:24]


def _trained(options: dict[str, Any], fit: dict[str, Any], dtype: str, n_threads: int) -> str:
    import fastnn

    rows, targets = _data(options["sizes"])
    net = fastnn.Network(**options, dtype=dtype, rng=3)
    history = net.fit(
        rows, targets, epochs=3, n_threads=n_threads, **{"learning_rate": 0.01, **fit}
    )
    gradients = net.gradients(rows[:40], targets[:40])
    return _digest(
        net.parameters, net.running_statistics, net.training_state.slots,
        history["training_cost"], net.predict(rows), net.predict(rows[:3]), net.predict(rows[0:1]),
        np.float64(gradients.cost), *gradients.weights, *gradients.biases,
    )  # fmt: skip


def _estimators() -> dict[str, Callable[[], Any]]:
    """The estimators, fitted; none where scikit-learn is missing."""
    try:
        from fastnn.sklearn import MLPClassifier, MLPRegressor
    except ImportError:
        return {}
    rows, labels = _data([12, 4])
    fast = {"max_iter": 4, "random_state": 0}
    made: dict[str, Any] = {
        f"classifier-{solver}": MLPClassifier((20,), solver=solver, **fast)
        for solver in ("sgd", "adam", "lbfgs")
    }
    made["classifier-stopping"] = MLPClassifier((20,), early_stopping=True, **fast)
    made["classifier-tabular"] = MLPClassifier(preset="tabular", **fast)
    made["classifier-dropout"] = MLPClassifier((20,), dropout=0.2, normalization="batch", **fast)
    made["regressor"] = MLPRegressor(hidden_layer_sizes=(20, 10), **fast)
    made["regressor-tabular"] = MLPRegressor(preset="tabular", **fast)
    return {name: lambda model=model: model.fit(rows, labels) for name, model in made.items()}


def digests() -> dict[str, str]:
    """The digests of all configurations under the instruction set of this process."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (options, fit) in _networks().items():
            for dtype in ("float64", "float32"):
                for n_threads in THREADS:
                    key = f"{name} {dtype} {n_threads}"
                    found[key] = _trained(options, fit, dtype, n_threads)
        for name, fitted in _estimators().items():
            model = fitted()
            loss = np.array(model.loss_)
            answers = model.predict(_data([12, 4])[0])
            found[name] = _digest(*model.coefs_, *model.intercepts_, loss, answers)
    return found


def levels() -> list[str]:
    """The instruction sets that this processor has."""
    from fastnn._core.isa import LEVELS, instruction_set

    return list(LEVELS[: LEVELS.index(instruction_set) + 1])


def all_digests() -> dict[str, str]:
    """The digests under every instruction set, each in a process of its own."""
    found = {}
    for level in levels():
        done = subprocess.run(
            [sys.executable, str(Path(__file__).resolve()), "here"],
            env={**os.environ, "FASTNN_ISA": level}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found.update({f"{level} {name}": it for name, it in json.loads(done.stdout).items()})
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bits.py", description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("record", "compare", "here"))
    parser.add_argument("file", nargs="?", type=Path)
    options = parser.parse_args(arguments)
    if options.what == "here":
        print(json.dumps(digests()))
        return 0
    if options.file is None:
        parser.error("name the file of the record")
    now = all_digests()
    if options.what == "record":
        options.file.write_text(json.dumps(now, indent=0, sort_keys=True))
        print(f"{len(now)} digests")
        return 0
    before = json.loads(options.file.read_text())
    changed = sorted(name for name in before if now.get(name) != before[name])
    for name in changed:
        print("changed:", name)
    print(f"{len(before) - len(changed)} digests the same, {len(changed)} changed")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
