"""One door to all the data: by name, folder or file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastnn.datasets.csv_table import load_csv
from fastnn.datasets.digits import digit_rows, load_digits
from fastnn.datasets.mnist import load_mnist
from fastnn.datasets.mnist_pickle import load_mnist_pickle
from fastnn.datasets.npz import load_npz
from fastnn.datasets.split import Split, split_rows

_TEST_FRACTION = 0.2
_VALIDATION_FRACTION = 0.1


def load(
    source: str | os.PathLike[str],
    *,
    seed: int = 0,
    test_fraction: float | None = None,
    validation_fraction: float | None = None,
    target: int | None = None,
) -> Split:
    """Load data by name or path and return them in three parts.

    Parameters
    ----------
    source : str or path
        "digits" (`load_digits`), "mnist" (`load_mnist`), a folder that holds the MNIST files, a
        ``.pkl.gz`` file (`load_mnist_pickle`), a ``.npz`` file (`load_npz`) or a ``.csv`` file
        (`load_csv`). A folder of your own called digits is "./digits".
    seed : int, default 0
        Seed of the order of the rows before they are cut; not used for MNIST.
    test_fraction : float, optional
        Share of the rows for the test. None: 0.2, for the digits 500 of 1797. MNIST and files
        with a test part of their own take none.
    validation_fraction : float, optional
        Share of the rows for validation. None: 0.1, for the digits 297 of 1797. In files with a
        test part of their own a share of the training rows. MNIST takes none.
    target : int, optional
        Column of the labels in a ``.csv`` file; None: the last.

    Returns
    -------
    Split
        ``train``, ``validation`` and ``test``, each (X, y). `split_rows` says how rows are cut.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ValueError
        If `source` is of no known kind, an option does not apply to it, or its loader refuses it.
    """
    fractions = {"test_fraction": test_fraction, "validation_fraction": validation_fraction}
    name = os.fspath(source)
    path = Path(name)
    if path.suffix == ".csv" and not path.is_dir():
        return _cut(load_csv(path, -1 if target is None else target), seed, fractions)
    _refuse(source, target=target)
    if name == "digits":
        return _load_digits(seed, fractions)
    if path.suffix == ".npz" and not path.is_dir():
        return _load_npz(path, seed, fractions)
    _refuse(source, **fractions)
    if name == "mnist":
        return load_mnist()
    if name and path.is_dir():
        return load_mnist(path)
    if name.endswith(".pkl.gz"):
        return load_mnist_pickle(path)
    kind = ValueError if path.exists() else FileNotFoundError
    raise kind(
        f"source={name!r}: expected 'digits', 'mnist', a folder of MNIST files, or a .npz, .csv "
        "or .pkl.gz file"
    )


def _refuse(source: Any, **options: Any) -> None:
    for option, value in options.items():
        if value is not None:
            raise ValueError(
                f"{option}={value!r}: expected none, as it does not apply to source={str(source)!r}"
            )


def _cut(Xy: Any, seed: int, fractions: dict[str, float | None]) -> Split:
    test, validation = fractions["test_fraction"], fractions["validation_fraction"]
    return split_rows(
        *Xy,
        test_fraction=_TEST_FRACTION if test is None else test,
        validation_fraction=_VALIDATION_FRACTION if validation is None else validation,
        seed=seed,
    )


def _load_digits(seed: int, fractions: dict[str, float | None]) -> Split:
    if set(fractions.values()) == {None}:
        return load_digits(seed=seed)
    return _cut(digit_rows(), seed, fractions)


def _load_npz(path: Path, seed: int, fractions: dict[str, float | None]) -> Split:
    loaded = load_npz(path)
    if not isinstance(loaded, Split):
        return _cut(loaded, seed, fractions)
    _refuse(path, test_fraction=fractions["test_fraction"])
    cut = _cut(loaded.train, seed, {**fractions, "test_fraction": 0.0})
    return Split(cut.train, cut.validation, loaded.test)
