"""C in fixed point: what it costs is what is reported, and little."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from export_models import random_model
from test_export import COMPILERS, compiled, results_in_c

import fastnn
from fastnn import activations
from fastnn.export import export, graph_of
from fastnn.export._checked import results_of


def some_rows(n: int = 300) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n, 12))


@pytest.mark.parametrize(
    ("kind", "activation"),
    [*(("int16", each) for each in activations.HIDDEN), ("int8", "relu"), ("int8", "mish")],
)
def test_the_error_is_small_and_reported(activation: str, kind: str, tmp_path: Path) -> None:
    net = fastnn.Network(
        [12, 9, 8, 3], activation=activation, output="softmax", cost=fastnn.LogLikelihoodCost,
        normalization="batch", dropout=fastnn.Dropout(0.3, inverted=False), rng=0,
    )  # fmt: skip
    X = some_rows()
    done = export(net, tmp_path / "model.c", fixed=kind, sample=X)
    library = compiled(done.files[0], tmp_path / "model.so", "gcc", "-shared", "-fPIC")
    found = results_in_c(library, graph_of(net), X, "float64")
    error = np.abs(found - net.predict(X)).max()
    assert done.error is not None
    assert abs(error - done.error) <= 1e-9
    assert error <= {"int16": 1e-3, "int8": 0.05}[kind]
    assert done.flash is not None and done.flash < 8 * net.n_parameters + 2 * 2 * 257


@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_self_test_of_fixed_point_returns_0(compiler: str, tmp_path: Path) -> None:
    for seed, kind in ((3, "int16"), (1, "int8")):
        model, X = random_model(seed)
        dtype = "float32" if kind == "int8" else "float64"
        done = export(model, tmp_path / "model.c", dtype=dtype, fixed=kind, sample=X)
        program = compiled(done.files[0], tmp_path / kind, compiler, "-DMODEL_SELF_TEST")
        assert subprocess.run([str(program)]).returncode == 0


def test_digits_keep_their_accuracy_in_int16(tmp_path: Path) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.load_digits(return_X_y=True)
    net = fastnn.Network([64, 30, 10], input_scale=1 / 16, rng=0)
    net.fit(X[:1500], y[:1500], epochs=20, batch_size=10, learning_rate=0.5)
    done = export(net, tmp_path / "model.c", fixed="int16", sample=X[:300])
    library = compiled(done.files[0], tmp_path / "digits.so", "gcc", "-shared", "-fPIC", "-O2")
    test = X[1500:]
    found = results_in_c(library, graph_of(net), test, "float64").argmax(axis=1)
    accuracy = np.mean(net.predict(test).argmax(axis=1) == y[1500:])
    assert accuracy > 0.9
    assert abs(np.mean(found == y[1500:]) - accuracy) <= 0.003
    assert done.changed is None  # a network knows no classes


def test_nan_and_numbers_beyond_the_sample_are_safe(tmp_path: Path) -> None:
    net = fastnn.Network([12, 4, 2], activation="relu", rng=0)
    done = export(net, tmp_path / "model.c", fixed="int16", sample=some_rows())
    library = compiled(
        done.files[0], tmp_path / "model.so", "gcc", "-shared", "-fPIC",
        "-fsanitize=undefined", "-fno-sanitize-recover",
    )  # fmt: skip
    rows = np.array([[np.nan] * 12, [1e300] * 12, [-np.inf] * 12])
    found = results_in_c(library, graph_of(net), rows, "float64")
    assert np.isnan(found).all(axis=1).tolist() == [True, False, False]


def test_what_cannot_be_in_fixed_point_is_refused(tmp_path: Path) -> None:
    net, X = fastnn.Network([12, 4, 2], normalization="layer", rng=0), some_rows()
    for message, name, options in (
        ("layer or group norm", "model.c", {"fixed": "int16", "sample": X}),
        ("fixed: expected int16 or int8|fixed: expected", "model.c", {"fixed": 3, "sample": X}),
        ("sample: expected rows", "model.c", {"fixed": "int8"}),
        ("sample: only with fixed", "model.c", {"sample": X}),
        ("fixed and sample: only for .c", "model.py", {"fixed": "int8", "sample": X}),
        (r"X: expected shape \(n, 12\)", "model.c", {"fixed": "int8", "sample": X[:, :3]}),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            export(net, tmp_path / name, **options)
    assert not any(tmp_path.iterdir())


def test_the_cost_stands_in_the_source(tmp_path: Path) -> None:
    from fastnn.sklearn import MLPClassifier

    X = some_rows()
    model = MLPClassifier([8], solver="lbfgs", max_iter=30, random_state=0).fit(X, X[:, 0] > 0)
    done = export(model, tmp_path / "model.c", fixed="int8", sample=X)
    text = re.sub(r"\n \* +", " ", done.files[0].read_text())
    told = re.search(r"results by up to (\S+), and (\S+)% of the", text)
    assert told is not None and done.changed is not None and done.error is not None
    assert float(told[1]) == pytest.approx(done.error, rel=1e-2)
    assert float(told[2]) / 100 == pytest.approx(done.changed, abs=1e-5)
    assert results_of(model, graph_of(model), X).shape == (300, 2)
