"""One door to all the data: by name, folder or file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastnn._common.checks import brief
from fastnn._common.files import as_path
from fastnn.datasets.csv_table import load_csv
from fastnn.datasets.digits import digit_rows, load_digits
from fastnn.datasets.mnist import load_mnist, mnist_files
from fastnn.datasets.mnist_pickle import load_mnist_pickle
from fastnn.datasets.npz import load_npz
from fastnn.datasets.split import Split, Xy, split_rows

_TEST_FRACTION = 0.2
_VALIDATION_FRACTION = 0.1
_TABLES = (".csv", ".tsv", ".txt")


def load(
    source: str | os.PathLike[str],
    *,
    seed: int = 0,
    test_fraction: float | None = None,
    validation_fraction: float | None = None,
    target: int | str | None = None,
    header: bool | None = None,
    index: bool | int | str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    task: str | None = None,
) -> Split:
    """Load data by name or path and return them in three parts.

    Parameters
    ----------
    source : str or path
        "digits" (`load_digits`), "mnist" (`load_mnist`), a folder that holds the MNIST files, a
        ``.pkl.gz`` file (`load_mnist_pickle`), a ``.npz`` file (`load_npz`) or a table
        (`load_csv`): a ``.csv``, ``.tsv`` or ``.txt`` file. A folder of your own called digits is
        "./digits".
    seed : int, default 0
        Seed of the order of the rows before they are cut; not used for MNIST.
    test_fraction : float, optional
        Share of the rows for the test. None: 0.2, for the digits 500 of 1797. MNIST and files
        with a test part of their own take none.
    validation_fraction : float, optional
        Share of the rows for validation. None: 0.1, for the digits 297 of 1797. In files with a
        test part of their own a share of the training rows. MNIST takes none.
    target : int or str, optional
        Column of the labels in a table, by number or name; None: the last.
    header, index, encoding, delimiter, task
        Of a table, as for `load_csv`.

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
    layout = {"header": header, "index": index, "encoding": encoding, "delimiter": delimiter}
    path = as_path(source, "source", "a name or a file's")
    name = os.fspath(source)
    if is_table(name):
        rows = load_csv(
            path,
            -1 if target is None else target,
            header=header,
            index=index,
            encoding=encoding,
            delimiter=delimiter,
            task=task or "classification",
        )
        return cut_rows(rows, seed, **fractions)
    refuse_options(source, target=target, **layout, task=task)
    if name == "digits":
        return _load_digits(seed, fractions)
    if is_npz(name):
        return _load_npz(path, seed, fractions)
    refuse_options(source, **fractions)
    if name == "mnist":
        return load_mnist()
    if name and path.is_dir():
        return load_mnist(path)
    if name.endswith(".pkl.gz"):
        return load_mnist_pickle(path)
    kind = ValueError if path.exists() else FileNotFoundError
    raise kind(
        f"source={name!r}: expected 'digits', 'mnist', a folder of MNIST files, or a .npz, .csv, "
        ".tsv, .txt or .pkl.gz file"
    )


def is_table(source: str) -> bool:
    """Whether ``load`` takes a name for that of a table."""
    return Path(source).suffix.lower() in _TABLES and not Path(source).is_dir()


def is_npz(source: str) -> bool:
    """Whether ``load`` takes a name for that of an .npz file."""
    return Path(source).suffix.lower() == ".npz" and not Path(source).is_dir()


def files_of(source: str) -> list[Path]:
    """Return the files that ``load`` reads or would look for, which nothing may be written over."""
    if source == "digits":
        return []
    if source == "mnist":
        return mnist_files()
    path = Path(source)
    return [path, *mnist_files(path)] if path.is_dir() else [path]


def refuse_options(source: Any, **options: Any) -> None:
    """Raise ``ValueError`` for options that are not None, as they do not apply to the source."""
    for option, value in options.items():
        if value is not None:
            raise ValueError(
                f"{option}={brief(value)}: expected none, as it does not apply to "
                f"source={str(source)!r}"
            )


def cut_rows(
    Xy: Any,
    seed: int,
    test_fraction: float | None = None,
    validation_fraction: float | None = None,
) -> Split:
    """Cut rows as ``load`` does; None stands for its own fractions."""
    return split_rows(
        *Xy,
        test_fraction=_TEST_FRACTION if test_fraction is None else test_fraction,
        validation_fraction=_VALIDATION_FRACTION
        if validation_fraction is None
        else validation_fraction,
        seed=seed,
    )


def _load_digits(seed: int, fractions: dict[str, float | None]) -> Split:
    if all(fraction is None for fraction in fractions.values()):
        return load_digits(seed=seed)
    return cut_rows(digit_rows(), seed, **fractions)


def _load_npz(path: Path, seed: int, fractions: dict[str, float | None]) -> Split:
    loaded = load_npz(path)
    if not isinstance(loaded, Split):
        return cut_rows(loaded, seed, **fractions)
    return cut_parts(path, loaded.train, loaded.test, seed, **fractions)


def cut_parts(
    path: Path,
    train: Xy,
    test: Xy,
    seed: int,
    test_fraction: float | None = None,
    validation_fraction: float | None = None,
) -> Split:
    """Cut validation rows off training rows that come with test rows of their own."""
    refuse_options(path, test_fraction=test_fraction)
    cut = cut_rows(train, seed, 0.0, validation_fraction)
    return Split(cut.train, cut.validation, test)
