"""Inputs of every kind through training and prediction, without a converted copy of them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, modest

import fastnn
from fastnn import reference
from fastnn._core.row_source import RowSource
from fastnn._data.inputs import as_source, dense, taken
from fastnn._model.layers import layer_outputs
from fastnn.lsuv import lsuv
from fastnn.pretrain import greedy_autoencoder

F8, F4 = np.dtype(np.float64), np.dtype(np.float32)
rng = np.random.default_rng(0)
PIXELS = rng.integers(0, 256, (40, 6)).astype(np.uint8)
PIXELS[rng.random((40, 6)) < 0.6] = 0
PIXELS[[3, 39]] = 0  # rows without entries, the last one too
LABELS = rng.integers(0, 3, 40)


def in_a_file(X: np.ndarray, folder: Path) -> np.ndarray:
    path = folder / "rows.npy"
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def long_indices(X: np.ndarray) -> Any:
    rows = scipy.sparse.csr_matrix(X)
    rows.indices, rows.indptr = rows.indices.astype(np.int64), rows.indptr.astype(np.int64)
    return rows


KINDS: dict[str, Any] = {
    "bytes": lambda X, folder: X,
    "float32": lambda X, folder: X.astype(np.float32),
    "float64": lambda X, folder: X.astype(np.float64),
    "int64": lambda X, folder: X.astype(np.int64),
    "fortran-bytes": lambda X, folder: np.asfortranarray(X),
    "strided-float32": lambda X, folder: np.repeat(X.astype(np.float32), 2, axis=1)[:, ::2],
    "byte-swapped": lambda X, folder: X.astype(">f4"),
    "csr-bytes": lambda X, folder: scipy.sparse.csr_matrix(X),
    "csr-float64": lambda X, folder: scipy.sparse.csr_array(X.astype(np.float64)),
    "csr-int16": lambda X, folder: scipy.sparse.csr_matrix(X.astype(np.int16)),
    "csr-long": lambda X, folder: long_indices(X.astype(np.float32)),
    "file-of-bytes": lambda X, folder: in_a_file(X, folder),
    "file-of-float32": lambda X, folder: in_a_file(X.astype(np.float32), folder),
}


def network(kind: type = fastnn.Network, dtype: Any = F8, **options: Any) -> Any:
    sizes = options.pop("sizes", [6, 5, 3])
    return kind(sizes, fastnn.LogLikelihoodCost, dtype=dtype, rng=3, **options)


def use(net: Any, X: Any) -> list[np.ndarray]:
    """Everything that takes rows, and what it leads to."""
    history = net.fit(X, LABELS, epochs=2, batch_size=7, validation_data=(X, LABELS))
    gradients = net.gradients(X, LABELS)
    net.SGD((X, LABELS), 1, 9, 0.1)
    net.update_mini_batch((X, LABELS), 0.1)
    return [
        net.parameters,
        net.predict(X),
        *gradients.weights,
        np.array([net.accuracy((X, LABELS)), net.total_cost((X, LABELS), 0.1)]),
        np.array(history["validation_cost"] + history["training_cost"]),
    ]


@pytest.mark.parametrize("dtype", [F8, F4])
@pytest.mark.parametrize("scale", [1.0, 1 / 255])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_leads_to_the_same_bits(kind, scale, dtype, tmp_path, monkeypatch):
    import random

    results = []
    for X in (PIXELS.astype(dtype) * dtype.type(scale), KINDS[kind](PIXELS, tmp_path)):
        random.seed(5)
        plain = not results
        net = network(dtype=dtype, input_scale=1.0 if plain else scale)
        results.append(use(net, X))
    for expected, got in zip(*results, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("kind", ["bytes", "csr-bytes", "float32"])
def test_the_reference_converts_and_scales_alike(kind, tmp_path):
    X = KINDS[kind](PIXELS, tmp_path)
    nets = [network(each, input_scale=1 / 255) for each in (fastnn.Network, reference.Network)]
    for one, other in zip(*(use(net, X) for net in nets), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@modest
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    dtype=st.sampled_from(FLOATS),
    kind=st.sampled_from(["u1", "f4", "f8", "?"]),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    data=st.data(),
)
def test_sparse_rows_are_taken_as_scipy_writes_them_out(shape, dtype, kind, share, data):
    X = ((rng.random(shape) < share) * rng.uniform(1, 255, shape)).astype(kind)
    source = as_source(scipy.sparse.csr_array(X), shape[1], np.dtype(dtype), "X", 0.25)
    expected = X.astype(dtype) * dtype(0.25)
    order = np.array(data.draw(st.lists(st.integers(0, shape[0] - 1), max_size=9)), np.intp)
    np.testing.assert_array_equal(dense(source, np.dtype(dtype)), expected)
    np.testing.assert_array_equal(taken(source, order, np.dtype(dtype)), expected[order])


def test_one_row_and_columns_of_bytes():
    net = network(input_scale=1 / 255)
    scaled = PIXELS / 255
    plain = network()
    np.testing.assert_allclose(net.predict(PIXELS[0]), plain.predict(scaled[0]), rtol=1e-14)
    np.testing.assert_allclose(net.feedforward(PIXELS.T), plain.feedforward(scaled.T), rtol=1e-14)
    for of_bytes, of_floats in zip(
        net.backprop(PIXELS[1], 2), plain.backprop(scaled[1], 2), strict=True
    ):
        for one, other in zip(of_bytes, of_floats, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-13)
    pairs = list(zip(PIXELS, LABELS, strict=True))
    assert net.total_cost(pairs, 0) == pytest.approx(plain.total_cost((scaled, LABELS), 0))
    outputs = zip(
        layer_outputs(net, PIXELS, training=False),
        layer_outputs(plain, scaled, training=False),
        strict=True,
    )
    for one, other in outputs:
        np.testing.assert_allclose(one.activations, other.activations, rtol=1e-13)


@pytest.mark.parametrize("prepare", [lsuv, lambda net, X: greedy_autoencoder(net, X, epochs=1)])
def test_preparations_scale_once(prepare):
    nets = [network(input_scale=1 / 256), network()]  # a scale that rounds nothing
    for net, X in zip(nets, (PIXELS, PIXELS / 256), strict=True):
        prepare(net, X)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


@pytest.mark.parametrize("ending", [".json", ".npz"])
def test_the_scale_is_saved_with_the_network(ending, tmp_path):
    net = network(input_scale=1 / 255)
    net.save(tmp_path / f"net{ending}")
    loaded = fastnn.load(tmp_path / f"net{ending}")
    assert loaded.input_scale == 1 / 255
    np.testing.assert_array_equal(loaded.predict(PIXELS), net.predict(PIXELS))
    assert fastnn.Network([2, 2]).input_scale == 1


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf, "1/255", None, True, 1e-60, 1e37])
def test_a_scale_that_is_none_is_refused(bad):
    with pytest.raises((TypeError, ValueError), match=r"^input_scale: expected a"):
        fastnn.Network([2, 2], dtype="float32", input_scale=bad)


@pytest.mark.parametrize(
    ("X", "copied"),
    [
        (PIXELS, False),
        (PIXELS.astype(np.float32), False),
        (PIXELS > 0, False),
        (np.asfortranarray(PIXELS), True),
        (PIXELS[::2], True),
        (PIXELS.astype(np.int32), True),
    ],
)
def test_what_can_be_gathered_from_is_not_copied(X, copied):
    source = as_source(X, 6, F8, "X")
    assert isinstance(source, RowSource) or copied
    values = source.values if isinstance(source, RowSource) else source
    assert np.shares_memory(values, X) is not copied
    rows = scipy.sparse.csr_matrix(PIXELS)
    taken_from = as_source(rows, 6, F8)
    assert isinstance(taken_from, RowSource)
    assert np.shares_memory(taken_from.values, rows.data)
    assert np.shares_memory(taken_from.indices, rows.indices)


@pytest.mark.parametrize("sparse", [False, True])
def test_nothing_as_large_as_the_converted_data_is_ever_there(sparse):
    n, n_in = 4000, 784
    X: Any = rng.integers(0, 256, (n, n_in)).astype(np.uint8)
    if sparse:
        X = scipy.sparse.random_array((n, n_in), density=0.02, format="csr", dtype=np.float32)
    y = rng.integers(0, 10, n)
    net = fastnn.Network([n_in, 5, 10], rng=0, input_scale=1 / 255)
    tracemalloc.start()
    try:
        net.fit(X, y, epochs=1, validation_data=(X, y))
        net.predict(X)
        net.evaluate((X, y))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < n * n_in * 8 / 4  # of which two threads have 256 rows each


# What is refused.


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_named_with_its_place(bad):
    X = PIXELS.astype(np.float32)
    X[7, 2] = bad
    net = network()
    message = rf"^X: expected finite numbers, got {bad} at \(7, 2\)$"
    for given_ in (X, X.astype(np.float64), scipy.sparse.csr_matrix(X), np.asfortranarray(X)):
        with pytest.raises(ValueError, match=message):
            net.predict(given_)
        with pytest.raises(ValueError, match=message):
            net.fit(given_, LABELS, epochs=1)


def test_a_number_too_large_for_the_network_is_named_with_its_place():
    X = PIXELS.astype(np.float64)
    X[7, 2] = -1e39
    for given_ in (X, scipy.sparse.csr_matrix(X)):
        with pytest.raises(ValueError, match=r"^X \(as float32\): expected .* -inf at \(7, 2\)$"):
            network(dtype=F4).predict(given_)
        assert np.isfinite(network().predict(given_)).all()


def csr_like(**changes: Any) -> SimpleNamespace:
    """Something that says it is a CSR matrix."""
    parts = {
        "format": "csr",
        "shape": (2, 6),
        "data": np.ones(3),
        "indices": np.array([0, 5, 1]),
        "indptr": np.array([0, 2, 3]),
        "tocsr": lambda: None,
        "ndim": 2,
    }
    return SimpleNamespace(**{**parts, **changes})


HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "indices too large": ({"indices": [0, 6, 1]}, "X: expected its indices from 0 to 5, got 6"),
    "indices below 0": ({"indices": [0, -1, 1]}, "X: expected its indices from 0 to 5, got -1"),
    "indices of floats": ({"indices": [0.5, np.nan, 1]}, "X.indices: expected whole numbers"),
    "too few indices": ({"indices": [0, 5]}, "X: expected as many indices as entries"),
    "indptr not rising": ({"indptr": [2, 0, 3]}, "X: expected its indptr to rise"),
    "indptr too far": ({"indptr": [0, 2, 4]}, "X: expected its indptr from 0 to 3"),
    "indptr too short": ({"indptr": [0, 3]}, "X: expected an indptr of 3, got 2"),
    "indptr too long": ({"indptr": [0, 2, 3, 3]}, "X: expected an indptr of 3, got 4"),
    "indptr empty": ({"indptr": np.empty(0, np.int64)}, "X: expected as many indices"),
    "indptr beyond int64": (
        {"indptr": np.array([0, 2, 2**64 - 1], "u8")},
        "X: expected its indptr",
    ),
    "data in rows": ({"data": np.ones((3, 1))}, "X: expected its data, indices and indptr to have"),
    "data of words": ({"data": ["a", "b", "c"]}, "X.data: expected real numbers"),
    "no indices": ({"indices": None}, "X.indices: expected real numbers"),
    "no data": ({"data": None}, "X.data: expected real numbers"),
    "complex data": ({"data": np.ones(3) * 1j}, "X.data: expected real numbers"),
    "another width": ({"shape": (2, 5)}, r"X: expected shape \(n, 6\), got \(2, 5\)"),
    "no rows": ({"shape": (0, 6), "indptr": [0]}, "X: expected at least one row"),
    "one dimension": ({"shape": (6,), "ndim": 1}, r"X: expected shape \(n, 6\), got \(6,\)"),
}


@pytest.mark.parametrize(("changes", "match"), HOSTILE.values(), ids=HOSTILE)
def test_a_csr_matrix_that_is_damaged_is_refused(changes, match):
    assert isinstance(as_source(csr_like(), 6, F8), RowSource)
    net = network()
    before = net.parameters.copy()
    for call in (net.predict, lambda X: net.fit(X, [0, 1], epochs=1)):
        with pytest.raises((TypeError, ValueError), match="^" + match):
            call(csr_like(**changes))
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("form", ["csc", "coo", "bsr", "lil", "dok", "dia"])
def test_other_sparse_forms_say_what_to_do(form):
    X = scipy.sparse.csr_matrix(PIXELS.astype(float)).asformat(form)
    with pytest.raises(TypeError, match=r"^X: expected a dense array or a sparse one in CSR form"):
        network().predict(X)
