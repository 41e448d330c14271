"""Columns of a table by name or number, and the one that only counts its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn._common.checks import brief
from fastnn.datasets.checks import whole_number
from fastnn.datasets.tables.fields import is_whole
from fastnn.datasets.tables.header import InDoubtError

# Rows from which on a first column 0, 1, 2, ... is no coincidence.
_MANY_ROWS = 10
# What pandas calls an index without a name when it reads one.
_NAMELESS = ("", "Unnamed: 0")
_TARGETS = {"target", "class", "label", "labels", "y"}
_COORDINATES = {"x", "z"}  # beside which y is one, too


class ColumnError(ValueError):
    """A column that was asked for is not there.

    Attributes
    ----------
    option : str
        The argument that named it.
    expected : str
    """

    def __init__(self, option: str, value: Any, expected: str) -> None:
        super().__init__(f"{option}={brief(value)}: expected {expected}")
        self.option, self.value, self.expected = option, value, expected


def locate(names: Sequence[str] | None, n_columns: int, wanted: Any, option: str) -> int:
    """Return the number from 0 of a column.

    Parameters
    ----------
    names : sequence of str, optional
        The names of all columns, if they have some.
    n_columns : int
    wanted : int or str
        A number, from the end if negative, or a name. A text that is no name may be a number.
    option : str
        The argument it was given for.

    Raises
    ------
    ColumnError
        If there is no such column, or the name is that of several.
    """
    if isinstance(wanted, str):
        places = [i for i, name in enumerate(names or ()) if name == wanted]
        if len(places) > 1:
            raise ColumnError(
                option, wanted, f"a number, as columns {', '.join(map(str, places))} have this name"
            )
        if places:
            return places[0]
        if not is_whole(wanted) or len(wanted) > 18:
            known = f"of {brief(list(names))}" if names else "(there is no header)"
            raise ColumnError(
                option,
                wanted,
                f"a whole number from {-n_columns} to {n_columns - 1} or a column's name {known}",
            )
        wanted = int(wanted)
    try:
        return whole_number(option, wanted, -n_columns, n_columns - 1) % n_columns
    except ValueError:
        expected = f"a whole number from {-n_columns} to {n_columns - 1} or a column's name"
        raise ColumnError(option, wanted, expected) from None


def find_index(
    names: Sequence[str] | None, rows: Sequence[Sequence[str]], index: Any, where: str
) -> int | None:
    """Return which column numbers or names the rows, and so is no feature; None if none does.

    Parameters
    ----------
    names : sequence of str, optional
    rows : sequence of fields
        The first rows.
    index : None, bool, int or str
        None: the first column, if it has no name, as pandas and R write their index, and all its
        values differ. False: none. True: the first. Else a name or a number.
    where : str
        For errors.

    Raises
    ------
    ColumnError
        If there is no such column.
    InDoubtError
        If a nameless first column holds a value twice, or a table without names has a first
        column that counts from 0.
    """
    n_columns = len(names) if names is not None else max(map(len, rows), default=0)
    if index is not None and not isinstance(index, bool):
        return locate(names, n_columns, index, "index")
    if index is not None or n_columns < 2:
        return 0 if index else None
    first = [row[0].strip() for row in rows]
    how = "say which: --index 0 or --no-index (index=0 or index=False)"
    if names is None:
        if len(first) >= _MANY_ROWS and first == list(map(str, range(len(first)))):
            raise InDoubtError(
                f"{where}: its first column counts 0, 1, 2, ...: an index, or a feature? {how}"
            )
        return None
    if names[0] not in _NAMELESS:
        return None
    if len(set(first)) == len(first) and not any("." in text for text in first):
        return 0
    raise InDoubtError(f"{where}: its first column has no name: an index, or a feature? {how}")


def default_target(names: Sequence[str] | None, n_columns: int, where: str) -> int:
    """Return the last column, unless another one is called as targets are.

    Raises
    ------
    InDoubtError
        If it is.
    """
    lower = [name.lower() for name in names or ()]
    targets = _TARGETS - {"y"} if _COORDINATES & set(lower) else _TARGETS
    if names is not None and lower[-1] not in targets:
        called = [i for i, name in enumerate(lower) if name in targets]
        if called:
            raise InDoubtError(
                f"{where}: is the target its last column, {names[-1]!r}, or column {called[0]}, "
                f"{names[called[0]]!r}? say which: --target (target=)"
            )
    return n_columns - 1


def counts_rows(first: Sequence[str]) -> bool:
    """Whether texts are 0, 1, 2, ... or 1, 2, 3, ..., enough of them to be no coincidence."""
    counted = [text.strip() for text in first]
    return len(counted) >= _MANY_ROWS and any(
        counted == list(map(str, range(start, start + len(counted)))) for start in (0, 1)
    )
