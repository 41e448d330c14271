"""The data of the page: made, loaded, or one's own, with the lines of Python that give the same."""

from __future__ import annotations

import functools
import importlib.util
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import datasets
from fastnn._common.printable import printable
from fastnn.datasets import Split, Table, TableBytes, read_table
from fastnn.datasets.mnist import mnist_is_here
from fastnn.playground._refused import Refused
from fastnn.playground._settings import Settings
from fastnn.playground._source import source
from fastnn.preprocessing import Standardizer

Xy = tuple[np.ndarray, np.ndarray]
_MOST_CLASSES, _MOST_FEATURES = 30, 5000


@dataclass(frozen=True)
class Plane:
    """What a picture of points in the plane needs.

    Attributes
    ----------
    names : tuple of str
        Of the two axes.
    train, test : arrays (n, 2)
        The points by their own units.
    scaler : Standardizer or None
        From these units to the network's.
    """

    names: tuple[str, ...]
    train: np.ndarray
    test: np.ndarray
    scaler: Standardizer | None = None


@dataclass(frozen=True)
class Data:
    """Rows to learn from and rows to judge by.

    Attributes
    ----------
    train, test : (X, y)
        As the network takes them.
    classes : tuple of str
        Names; none for a regression.
    code : tuple of str
        Lines of Python after which ``X, y`` and ``test`` are these rows.
    imports : tuple of str
        What those lines need besides ``datasets``.
    plane : Plane or None
        For two features and classes.
    target : str
        What is to be found, for a regression.
    dtype : {"float64", "float32"}
        Of the network, which for many rows is to be quick.
    """

    train: Xy
    test: Xy
    classes: tuple[str, ...]
    code: tuple[str, ...]
    imports: tuple[str, ...] = ()
    plane: Plane | None = None
    target: str = ""
    dtype: str = "float64"

    @property
    def regression(self) -> bool:
        """Whether numbers are to be found."""
        return not self.classes

    @property
    def sizes(self) -> tuple[int, int]:
        """How many inputs and outputs a network for it has."""
        return self.train[0].shape[1], max(1, len(self.classes))


@dataclass(frozen=True)
class Own:
    """A table of one's own, read.

    Attributes
    ----------
    name : str
        The file's name, or its path where the command line gave one.
    table : Table
    data : Data
        Cut and scaled.
    """

    name: str
    data: Data


def read_own(origin: str | os.PathLike[str] | TableBytes, options: dict[str, Any]) -> Own:
    """Read a table by the rules of the command line.

    Raises
    ------
    OSError, ValueError, TypeError
        As ``read_table``.
    """
    given = {name: value for name, value in options.items() if value is not None}
    name, table = str(origin), read_table(origin, **given)
    if len(table.classes) > _MOST_CLASSES:
        raise ValueError(
            f"{printable(name)}: {len(table.classes)} classes; expected at most {_MOST_CLASSES} "
            "for pictures that can be read"
        )
    if table.X.shape[1] > _MOST_FEATURES:
        raise ValueError(
            f"{printable(name)}: {table.X.shape[1]} features; expected at most {_MOST_FEATURES} "
            "for a training that can be watched"
        )
    return Own(name, _of_table(name, table, given))


def available() -> list[str]:
    """Return which data can be had here besides one's own: MNIST, for one, only where it lies."""
    found = ["circles", "moons", "spirals", "xor"]
    if importlib.util.find_spec("sklearn") is not None:  # it carries the digits
        found.append("digits")
    if mnist_is_here():
        found.append("mnist")
    return found


def data_for(settings: Settings, own: Own | None) -> Data:
    """Return the data that settings name.

    Raises
    ------
    Refused
        If they are not there.
    """
    if settings.data == "table":
        if own is None:
            raise Refused("error_no_table")
        return own.data
    if settings.data == "mnist" and not mnist_is_here():
        raise Refused("error_no_data", "mnist")  # it would be downloaded
    try:
        return _ready_made(settings.data, settings.noise)
    except (OSError, ValueError, ImportError) as error:
        raise Refused("error_no_data", str(error)) from None


@functools.lru_cache(maxsize=8)
def _ready_made(name: str, noise: float) -> Data:
    if name == "digits":
        return _of_images(datasets.load_digits(), "load_digits()", "float64")
    if name == "mnist":
        return _of_images(datasets.load_mnist(), "load_mnist()", "float32")
    make = getattr(datasets, name)
    train, test = make(300, noise=noise, seed=1), make(300, noise=noise, seed=2)
    return Data(
        train,
        test,
        ("0", "1"),
        (
            f"X, y = datasets.{name}(300, noise={noise}, seed=1)",
            f"test = datasets.{name}(300, noise={noise}, seed=2)",
        ),
        plane=Plane(("x1", "x2"), train[0], test[0]),
    )


def _of_images(split: Split, call: str, dtype: str) -> Data:
    return Data(
        split.train,
        split.test,
        tuple(map(str, range(10))),
        (f"(X, y), _, test = datasets.{call}",),
        dtype=dtype,
    )


def _of_table(name: str, table: Table, options: dict[str, Any]) -> Data:
    """Return a table cut and scaled as the command line does, by the lines that say so."""
    cut = datasets.split_rows(table.X, table.y, validation_fraction=0)
    scaler = Standardizer().fit(cut.train[0])
    X, X_test = (scaler.transform(rows) for rows in (cut.train[0], cut.test[0]))
    y, y_test = cut.train[1], cut.test[1]
    told = "".join(f", {option}={source(value)}" for option, value in options.items())
    code = [
        f"table = datasets.read_table({source(name)}{told})",
        "(X, y), _, (X_test, y_test) = datasets.split_rows(",
        "    table.X, table.y, validation_fraction=0",
        ")",
        "scaler = Standardizer().fit(X)",
        "X, X_test = scaler.transform(X), scaler.transform(X_test)",
    ]
    if table.task == "regression":
        of_target = Standardizer().fit(y[:, np.newaxis])
        y, y_test = (of_target.transform(rows[:, np.newaxis])[:, 0] for rows in (y, y_test))
        code += [
            "of_target = Standardizer().fit(y[:, None])",
            "y, y_test = (of_target.transform(each[:, None])[:, 0] for each in (y, y_test))",
        ]
    names = table.feature_names or tuple(f"x{i + 1}" for i in range(table.X.shape[1]))
    flat = table.task == "classification" and len(names) == 2
    return Data(
        (X, y),
        (X_test, y_test),
        tuple(map(str, table.classes)),
        (*code, "test = X_test, y_test"),
        ("from fastnn.preprocessing import Standardizer",),
        Plane(names, cut.train[0], cut.test[0], scaler) if flat else None,
        table.target_name or "y",
    )
