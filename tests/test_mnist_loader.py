"""The book's mnist_loader: its names, shapes, types and its file."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest

from fastnn import datasets
from fastnn.book import mnist_loader


def small_split(sizes: tuple[int, int, int] = (7, 4, 3)) -> datasets.Split:
    rng = np.random.default_rng(0)
    return datasets.Split(
        *(
            (
                (rng.integers(0, 256, (n, 784)) / 256).astype(np.float32),
                rng.integers(0, 10, n),
            )
            for n in sizes
        )
    )


@pytest.fixture
def book_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> datasets.Split:
    """The book's layout: programs in src, the pickle in ../data; run from src."""
    split = small_split()
    (tmp_path / "src").mkdir()
    (tmp_path / "data").mkdir()
    packed = gzip.compress(pickle.dumps(tuple(split), 2))
    (tmp_path / "data" / "mnist.pkl.gz").write_bytes(packed)
    monkeypatch.chdir(tmp_path / "src")
    monkeypatch.setenv("FASTNN_MNIST", str(tmp_path / "none"))  # must not be looked at
    return split


def test_load_data_reads_the_books_file(book_folder: datasets.Split) -> None:
    training_data, validation_data, test_data = mnist_loader.load_data()
    loaded = (training_data, validation_data, test_data)
    for (X, y), (X_written, y_written) in zip(loaded, book_folder, strict=True):
        assert X.dtype == np.float32 and y.dtype == np.int64
        assert np.array_equal(X, X_written) and np.array_equal(y, y_written)


def test_load_data_wrapper_gives_the_books_lists(book_folder: datasets.Split) -> None:
    training_data, validation_data, test_data = mnist_loader.load_data_wrapper()
    assert [type(part) for part in (training_data, validation_data, test_data)] == [list] * 3
    assert [len(training_data), len(validation_data), len(test_data)] == [7, 4, 3]
    for i, (x, y) in enumerate(training_data):
        assert x.shape == (784, 1) and x.dtype == np.float32 and x.flags.c_contiguous
        assert np.array_equal(x[:, 0], book_folder.train[0][i])
        assert y.shape == (10, 1) and y.dtype == np.float64
        assert np.array_equal(y, mnist_loader.vectorized_result(book_folder.train[1][i]))
    for loaded, part in ((validation_data, book_folder[1]), (test_data, book_folder[2])):
        for i, (x, y) in enumerate(loaded):
            assert x.shape == (784, 1) and np.array_equal(x[:, 0], part[0][i])
            assert isinstance(y, np.int64) and y == part[1][i]


def test_pairs_do_not_share_their_numbers(book_folder: datasets.Split) -> None:
    training_data, _, _ = mnist_loader.load_data_wrapper()
    before = [(x.copy(), y.copy()) for x, y in training_data]
    training_data[0][0][:] = 2.0
    training_data[0][1][:] = 2.0
    for (x, y), (x_before, y_before) in zip(training_data[1:], before[1:], strict=True):
        assert np.array_equal(x, x_before) and np.array_equal(y, y_before)


def test_load_data_without_the_books_file_is_load_mnist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mnist_loader, "load_mnist", small_split)
    assert np.array_equal(mnist_loader.load_data()[0][0], small_split().train[0])


@pytest.mark.parametrize("j", range(10))
def test_vectorized_result(j: int) -> None:
    result = mnist_loader.vectorized_result(j)
    assert result.shape == (10, 1) and result.dtype == np.float64
    assert result.argmax() == j and result.sum() == 1.0 and result.max() == 1.0


def test_vectorized_result_is_new_each_time() -> None:
    mnist_loader.vectorized_result(3)[:] = 5.0
    assert mnist_loader.vectorized_result(3).sum() == 1.0


def test_vectorized_result_refuses_what_is_no_digit() -> None:
    with pytest.raises(IndexError):
        mnist_loader.vectorized_result(10)


def test_real_mnist(mnist_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASTNN_MNIST", str(mnist_folder))
    training_data, validation_data, test_data = mnist_loader.load_data_wrapper()
    assert [len(training_data), len(validation_data), len(test_data)] == [50000, 10000, 10000]
    x, y = training_data[0]
    assert x.shape == (784, 1) and x.max() == 0.99609375 and y[5, 0] == 1.0
    assert [int(y) for _, y in test_data[:4]] == [7, 2, 1, 0]
