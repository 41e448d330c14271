"""What a column of targets means: classes or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fastnn._common.checks import brief
from fastnn._model.table_info import TASKS
from fastnn.datasets.tables.fields import is_number
from fastnn.datasets.tables.header import InDoubtError
from fastnn.datasets.tables.rows import Texts

Label = str | int | float

# So many classes are usual; a column of more different whole numbers is likely one of amounts.
_USUAL_CLASSES = 20
# More different values than one in so many rows are no classes.
_ROWS_A_CLASS = 4
_CHUNK = 2**16
_MOST_LABEL = 2.0**53


@dataclass(frozen=True)
class Target:
    """A column of targets.

    Attributes
    ----------
    task : "classification" or "regression"
    classes : tuple of str, int or float
        The labels in sorted order; none for a regression.
    y : int64 array (n,) or float64 array (n,)
        The place of each row's label among them, or the numbers themselves.
    """

    task: str
    classes: tuple[Label, ...]
    y: np.ndarray


def interpret(values: np.ndarray | Texts, task: str | None, where: str) -> Target:
    """Return what targets mean.

    Texts are names of classes. Numbers with fractions are amounts, to be found by regression; so
    are whole numbers if most of them differ. Up to 20 different whole numbers are classes.

    Parameters
    ----------
    values : float64 array (n,) or Texts
    task : "classification", "regression" or None
        None: what they look like.
    where : str
        What errors call them.

    Raises
    ------
    InDoubtError
        If they may be either and ``task`` is None.
    ValueError
        If ``task`` is no task or they do not go with it, or they are all the same.
    """
    if task is not None and not (isinstance(task, str) and task in TASKS):
        raise ValueError(f"task={brief(task)}: expected {' or '.join(TASKS)}")
    if isinstance(values, Texts):
        return _of_texts(values, task, where)
    found = task or _task_of_numbers(values, where)
    if found == "classification" and max(-values.min(), values.max()) > _MOST_LABEL:
        raise ValueError(
            f"{where}: classes that are numbers above 2^53, which cannot be told apart; expected "
            "smaller ones, or texts"
        )
    if found == "regression":
        if values.min() == values.max():
            raise ValueError(f"{where}: every row has {values[0]:g}; expected numbers that differ")
        return Target(found, (), values)
    return _of_classes(distinct(values, len(values)), values, where)


def distinct(values: np.ndarray, most: int) -> np.ndarray:
    """Return the different values in sorted order, or some of them if there are more than most."""
    found = values[:0]
    for start in range(0, len(values), _CHUNK):
        found = np.union1d(found, values[start : start + _CHUNK])
        if len(found) > most:
            break
    return found


def _of_texts(texts: Texts, task: str | None, where: str) -> Target:
    if task == "regression":
        wrong = next((name for name in texts.names if not is_number(name)), texts.names[0])
        raise ValueError(f"{where}: {wrong[:40]!r}; expected numbers, as task='regression' needs")
    n, k = len(texts.codes), len(texts.names)
    odd = next((name for name in texts.names if not is_number(name)), "")
    if task is None and k > 2 and _ROWS_A_CLASS * k > n + _USUAL_CLASSES:
        raise InDoubtError(
            f"{where}: {k} different texts in {n} rows, such as {odd[:40]!r}: names of classes? "
            "say --task classification (task='classification'), or which column is the target: "
            "--target"
        )
    order = sorted(range(k), key=texts.names.__getitem__)
    places = np.empty(k, np.int64)
    places[order] = np.arange(k)
    return _with_two_classes(
        Target("classification", tuple(texts.names[i] for i in order), places[texts.codes]), where
    )


def _of_classes(labels: np.ndarray, values: np.ndarray, where: str) -> Target:
    classes = tuple(_plain(label) for label in labels)
    y = np.searchsorted(labels, values)
    return _with_two_classes(
        Target("classification", classes, y.astype(np.int64, copy=False)), where
    )


def _with_two_classes(target: Target, where: str) -> Target:
    if len(target.classes) < 2:
        raise ValueError(
            f"{where}: every row has the class {brief(target.classes[0])}; "
            "expected two classes or more"
        )
    return target


def _plain(label: float) -> int | float:
    """Return a number of the file as Python's, whole ones as int."""
    return int(label) if float(label).is_integer() else float(label)


def _task_of_numbers(values: np.ndarray, where: str) -> str:
    n = len(values)
    most = max(_USUAL_CLASSES, n // _ROWS_A_CLASS)
    found = distinct(values, most)
    k, whole = len(found), _are_whole(values)
    if k > most or (not whole and (k > _USUAL_CLASSES or 2 * k > n)):
        return "regression"
    if whole and k <= _USUAL_CLASSES and (k <= 2 or 2 * k <= n or (k < n and _counts(found))):
        return "classification"
    kind = "whole numbers" if whole else "numbers"
    raise InDoubtError(
        f"{where}: {k} different {kind} in {n} rows: classes, or amounts? say which: --task "
        "classification or --task regression (task=)"
    )


def _are_whole(values: np.ndarray) -> bool:
    starts = range(0, len(values), _CHUNK)
    parts = (values[start : start + _CHUNK] for start in starts)
    return all(bool(np.all(part == np.floor(part))) for part in parts)


def _counts(found: np.ndarray) -> bool:
    """Whether sorted numbers are 0, 1, 2, ... or 1, 2, 3, ..."""
    return found[0] in (0, 1) and found[-1] - found[0] == len(found) - 1


def codes_among(classes: Sequence[Label], values: np.ndarray | Texts) -> np.ndarray:
    """Return the place of each label among ``classes`` (n,), or −1 where it is none of them.

    Parameters
    ----------
    classes : sequence of str or of numbers
    values : Texts for names, else float64 array (n,)
    """
    if isinstance(values, Texts):
        places = {str(label): i for i, label in enumerate(classes)}
        known = np.array([places.get(name, -1) for name in values.names], np.int64)
        return known[values.codes]
    labels = np.array(classes, np.float64)
    order = np.argsort(labels)
    at = np.minimum(np.searchsorted(labels, values, sorter=order), len(labels) - 1)
    found = order[at]
    return np.where(labels[found] == values, found, -1)
