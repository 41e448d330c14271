"""The rows of a table as numbers, and one column of texts; about four times the file in memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NoReturn

import numpy as np

from fastnn.datasets.tables.fields import complaint, is_missing, number_of
from fastnn.datasets.tables.layout import Layout, no_rows
from fastnn.datasets.tables.text import Record, opened, records_of

# Characters that are made into numbers at once, and what then stands between them: a character
# that no number has.
_BLOCK = 2**18
_BETWEEN = "\x1f"
MOST_NAMES = 2**16


@dataclass(frozen=True)
class Texts:
    """A column of texts.

    Attributes
    ----------
    names : list of str
        Each text once, in the order of the rows.
    codes : int64 array (n,)
        Which of them each row holds.
    """

    names: list[str]
    codes: np.ndarray


@dataclass(frozen=True)
class _Wanted:
    """The columns that are read: numbers, and texts."""

    numbers: list[int]
    text: int | None


def read_rows(
    layout: Layout, features: Sequence[int], target: int | None = None, *, as_text: bool = False
) -> tuple[np.ndarray, np.ndarray | Texts | None]:
    """Read some columns of a table.

    Parameters
    ----------
    layout : Layout
    features : sequence of int
        Columns of numbers.
    target : int, optional
        A column of numbers or of texts.
    as_text : bool, default False
        Whether the target is read as texts, be they numbers or not.

    Returns
    -------
    X : float64 array (n, len(features))
    y : float64 array (n,), Texts or None

    Raises
    ------
    ValueError
        Naming the line and the column of what is no finite number, or missing; or the line that
        has more or fewer columns; or if there are no rows.
    """
    is_text = target is not None and (as_text or not _holds_numbers(layout, target))
    n_features = len(features)
    wanted = _Wanted([*features], target) if is_text else _Wanted([*features], None)
    if target is not None and not is_text:
        wanted.numbers.append(target)
    rows = _Sink(_most_rows(layout, len(wanted.numbers)), n_features, target is not None, is_text)
    with opened(layout.file, layout.encoding) as lines:
        for numbers, texts in _blocks(lines, layout, wanted):
            rows.add(numbers, texts, layout)
    if rows.n == 0:
        raise no_rows(layout.where)
    return rows.taken()


def _holds_numbers(layout: Layout, column: int) -> bool:
    fields = [row[column] for row in layout.rows if column < len(row)]
    return all(
        number_of(field, layout.delimiter) is not None or is_missing(field) for field in fields
    )


def _most_rows(layout: Layout, n_numbers: int) -> int:
    """Return a bound on the rows: no more than lines, nor than there is room for numbers.

    Memory that is asked for and never written to costs nothing.
    """
    size, lines = 0, 2
    with layout.file.open("rb") as file:
        while chunk := file.read(2**20):
            size += len(chunk)
            lines += chunk.count(b"\n") + chunk.count(b"\r")
    if b"\n" not in "\n".encode(layout.encoding):
        lines = size
    return min(lines, size // (2 * max(1, n_numbers))) + 2


class _Sink:
    """Where blocks of rows are put together."""

    def __init__(self, most: int, n_features: int, with_target: bool, is_text: bool) -> None:
        self.n = 0
        self._X = np.empty((most, n_features))
        self._is_text = is_text
        self._y = np.empty(most if with_target else 0, np.int64 if is_text else np.float64)
        self._codes: dict[str, int] = {}

    def add(self, numbers: np.ndarray, texts: list[str], layout: Layout) -> None:
        """Add the rows of a block: numbers (m, n_features), or (m, n_features + 1) with them."""
        part = slice(self.n, self.n + len(numbers))
        width = self._X.shape[1]
        self._X[part] = numbers[:, :width]
        if self._is_text:
            codes = self._codes
            self._y[part] = [codes.setdefault(text, len(codes)) for text in texts]
            if len(codes) > MOST_NAMES:
                raise ValueError(
                    f"{layout.where}: more than {MOST_NAMES} different texts in one column; "
                    "expected the names of classes"
                )
        elif len(self._y):
            self._y[part] = numbers[:, width]
        self.n = part.stop

    def taken(self) -> tuple[np.ndarray, np.ndarray | Texts | None]:
        """Return all of it."""
        X, y = self._X[: self.n], self._y[: self.n]
        if self._is_text:
            return X, Texts(list(self._codes), y)
        return X, (y if len(self._y) else None)


def _blocks(
    lines: Iterable[str], layout: Layout, wanted: _Wanted
) -> Iterator[tuple[np.ndarray, list[str]]]:
    """Yield the numbers and the texts of some rows at a time.

    Plain lines go to NumPy as they are; from the first one on that has quotes or decimal commas,
    they are taken apart first.
    """
    before, marks = 0, _DecimalMarks(layout)
    all_numbers = len(wanted.numbers) == layout.n_columns
    for block in _some_lines(lines):
        text = "".join(block)
        if not (
            '"' not in text
            and layout.delimiter != " "
            and (layout.delimiter == "," or (all_numbers and "," not in text))
        ):
            rest = chain(block, lines)
            yield from _blocks_of_records(rest, before, layout, wanted, marks)
            return
        if layout.delimiter != "," and before:  # the first lines may be a header
            marks.with_points(text, before + 1)
        rows = [
            line for number, line in enumerate(block, start=before + 1)
            if number > layout.header_line and line.strip("\r\n")
        ]  # fmt: skip
        before += len(block)
        if rows:
            yield _from_lines(rows, layout, wanted)


def _some_lines(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield some lines at a time, as many as have ``_BLOCK`` characters."""
    block: list[str] = []
    size = 0
    for line in lines:
        block.append(line)
        size += len(line)
        if size >= _BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def _from_lines(rows: list[str], layout: Layout, wanted: _Wanted) -> tuple[np.ndarray, list[str]]:
    delimiter, n_columns = layout.delimiter, layout.n_columns
    if any(line.count(delimiter) != n_columns - 1 for line in rows):
        _complain(layout, wanted)
    numbers = _numbers(rows, delimiter, wanted.numbers, layout, wanted)
    column = wanted.text
    if column is None:
        return numbers, []
    if column < n_columns - column:
        texts = [line.split(delimiter, column + 1)[column] for line in rows]
    else:
        from_end = n_columns - column
        texts = [line.rsplit(delimiter, from_end)[-from_end] for line in rows]
    return numbers, _checked_texts(texts, layout, wanted)


def _checked_texts(texts: list[str], layout: Layout, wanted: _Wanted) -> list[str]:
    stripped = [text.strip() for text in texts]
    if any(map(is_missing, set(stripped))):
        _complain(layout, wanted)
    return stripped


def _numbers(
    rows: list[str], delimiter: str, columns: Sequence[int], layout: Layout, wanted: _Wanted
) -> np.ndarray:
    """Return the numbers (m, len(columns)) in some rows."""
    if not columns:
        return np.empty((len(rows), 0))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            numbers = np.loadtxt(
                rows, delimiter=delimiter, comments=None, quotechar=None, ndmin=2,
                usecols=None if isinstance(columns, range) else columns,
            )  # fmt: skip
    except ValueError as error:
        _complain(layout, wanted, str(error))
    if len(numbers) != len(rows) or not np.isfinite(numbers).all():
        _complain(layout, wanted)
    return numbers


def _blocks_of_records(
    lines: Iterable[str], before: int, layout: Layout, wanted: _Wanted, marks: _DecimalMarks
) -> Iterator[tuple[np.ndarray, list[str]]]:
    records = records_of(lines, layout.delimiter, layout.where, before)
    rows: list[str] = []
    texts: list[str] = []
    size = 0
    columns = range(len(wanted.numbers))
    for line, fields in records:
        if line <= layout.header_line:
            continue
        if len(fields) != layout.n_columns:
            _complain(layout, wanted)
        joined = marks.with_points(_BETWEEN.join([fields[i] for i in wanted.numbers]), line)
        rows.append(joined)
        size += len(joined) + sum(map(len, fields))
        if wanted.text is not None:
            texts.append(fields[wanted.text])
        if size >= _BLOCK:
            yield (
                _numbers(rows, _BETWEEN, columns, layout, wanted),
                _checked_texts(texts, layout, wanted),
            )
            rows, texts, size = [], [], 0
    if rows:
        numbers = _numbers(rows, _BETWEEN, columns, layout, wanted)
        yield numbers, _checked_texts(texts, layout, wanted)


class _DecimalMarks:
    """Whether a table writes 0.5 or 0,5; it may not do both."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lines: dict[str, int] = {}

    def with_points(self, numbers: str, line: int) -> str:
        """Return numbers with decimal points, where commas do not separate columns."""
        if self._layout.delimiter == ",":
            return numbers
        for mark in ",.":
            if mark in numbers:
                self._lines.setdefault(mark, line)
        if len(self._lines) == 2:
            raise ValueError(
                f"{self._layout.where}: decimal commas (line {self._lines[',']}) and decimal "
                f"points (line {self._lines['.']}); expected one of them"
            )
        return numbers.replace(",", ".")


def _complain(layout: Layout, wanted: _Wanted, reason: str = "damaged") -> NoReturn:
    """Raise for the first wrong line: NumPy's fast reader counts rows, people count lines."""
    with opened(layout.file, layout.encoding) as lines:
        for line, fields in _rows_of(lines, layout):
            _check_record(line, fields, layout, wanted)
    raise ValueError(f"{layout.where}: {' '.join(reason.split())[:120]}; expected rows of numbers")


def _rows_of(lines: Iterable[str], layout: Layout) -> Iterator[Record]:
    records = records_of(lines, layout.delimiter, layout.where)
    return (record for record in records if record[0] > layout.header_line)


def _check_record(line: int, fields: list[str], layout: Layout, wanted: _Wanted) -> None:
    where = f"{layout.where}, line {line}"
    if len(fields) != layout.n_columns:
        raise ValueError(f"{where}: {len(fields)} columns; expected {layout.n_columns}")
    for i in sorted(wanted.numbers):
        if number_of(fields[i], layout.delimiter) is None:
            reason = complaint(fields[i], layout.named(i))
            raise ValueError(f"{where}, column {i + 1}: {reason}")
    column = wanted.text
    if column is not None and is_missing(fields[column]):
        raise ValueError(
            f"{where}, column {column + 1}: {fields[column][:40]!r}; expected the name of a class"
            f"{layout.named(column)}, not a missing value: fill it in or leave out its row"
        )


def line_of_row(layout: Layout, row: int) -> int:
    """Return the line in which a row ends, rows counted from 0 and lines from 1."""
    with opened(layout.file, layout.encoding) as lines:
        return next(line for i, (line, _) in enumerate(_rows_of(lines, layout)) if i == row)
