"""Whether the first record of a table names its columns."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.datasets.tables.fields import is_missing, is_number, is_whole, number_of
from fastnn.datasets.tables.text import Record

# So many names 0, 1, 2, ... are no coincidence, and from so many rows a range can be told.
_MANY_NAMES, _SOME_ROWS = 9, 5


class InDoubtError(ValueError):
    """A table can be read in two ways, and nobody has said which."""


def has_header(records: Sequence[Record], delimiter: str, known: Sequence[str], where: str) -> bool:
    """Return whether the first of some records names the columns beneath it.

    It does if its fields cannot be values of these columns: texts only; the numbers 0, 1, 2, ...
    that pandas gives to columns without names, alone or beside a text, above other numbers.

    Parameters
    ----------
    records : sequence of (line, fields), at least one
    delimiter : str
    known : sequence of str
        Names that a header would hold, if any are known: with all of them it is one.
    where : str
        The file, for errors.

    Raises
    ------
    InDoubtError
        If it may be either.
    """
    first = _First(records, delimiter)
    if known and set(known) <= {field.strip() for field in first.fields}:
        return True
    if not first.numbers:
        found = None if all(map(is_missing, first.fields)) else True
    elif first.texts:
        found = _among_texts(first)
    else:
        found = _numbers_only(first)
    if found is None:
        raise InDoubtError(f"{where}, line {records[0][0]}{_what_is_odd(first)}")
    return found


class _First:
    """The fields of a first record, and the columns beneath them."""

    def __init__(self, records: Sequence[Record], delimiter: str) -> None:
        self.delimiter = delimiter
        self.fields = records[0][1]
        rows = [fields for _, fields in records[1:]]
        self.n_rows = len(rows)
        self.columns = [[row[i] for row in rows if i < len(row)] for i in range(len(self.fields))]
        kinds = [is_number(field, delimiter) for field in self.fields]
        self.numbers = [i for i, number in enumerate(kinds) if number]
        self.texts = [i for i, number in enumerate(kinds) if not number]

    def counts_from_0(self) -> bool:
        """Whether the numbers are 0, 1, 2, ..., as pandas writes them."""
        counted = [self.fields[i].strip() for i in self.numbers]
        starts_late = self.numbers[0] > (self.fields[0].strip() == "")
        return counted == list(map(str, range(len(counted)))) and not (
            starts_late and len(counted) == 1
        )

    def text_above_numbers(self) -> int | None:
        """Return the first column with a text above a number."""
        return next((i for i in self.texts if self._any_number(i)), None)

    def _any_number(self, i: int) -> bool:
        return any(is_number(field, self.delimiter) for field in self.columns[i])

    def above_texts(self) -> bool:
        """Whether a number stands above two texts or more and no number: names of classes."""
        return any(len(self.columns[i]) > 1 and not self._any_number(i) for i in self.numbers)

    def occurs_beneath(self) -> bool:
        """Whether every text is found in its column again."""
        return all(self.fields[i] in self.columns[i] for i in self.texts)

    def n_without_a_mark(self) -> int:
        """Return how many whole numbers stand above numbers that all have a decimal mark."""
        return sum(
            is_whole(self.fields[i])
            and self._any_number(i)
            and not any(map(is_whole, self.columns[i]))
            for i in self.numbers
        )

    def n_out_of_range(self) -> int:
        """Return how many numbers are beyond those beneath them."""
        return sum(map(self._is_out_of_range, self.numbers))

    def _is_out_of_range(self, i: int) -> bool:
        values = [number_of(field, self.delimiter) for field in self.columns[i]]
        known = [value for value in values if value is not None]
        own = number_of(self.fields[i], self.delimiter)
        return own is not None and bool(known) and not min(known) <= own <= max(known)


def _among_texts(first: _First) -> bool | None:
    """Judge numbers beside texts."""
    above = first.text_above_numbers()
    if first.counts_from_0():
        if above is not None or first.fields[0].strip() == "":
            return True
        if first.occurs_beneath():
            return False
        return True if len(first.numbers) > 2 or first.n_without_a_mark() else None
    if above is not None:  # a wrong field among data, or names such as 2019
        return None
    if first.n_without_a_mark() == len(first.numbers) and not first.occurs_beneath():
        return None
    return False


def _numbers_only(first: _First) -> bool | None:
    """Judge numbers and nothing else."""
    n, without_a_mark = len(first.fields), first.n_without_a_mark()
    if first.above_texts():
        return True if n > 1 and first.counts_from_0() else None
    if n > 1 and first.counts_from_0():
        out_of_range = first.n_out_of_range() if first.n_rows >= _SOME_ROWS else 0
        return True if n >= _MANY_NAMES or 2 * max(without_a_mark, out_of_range) >= n else None
    # One column of whole numbers is likely, the classes.
    odd = first.n_rows > 2 and without_a_mark >= max(1, n - 1)
    return None if odd and len(set(first.fields)) == n else False


def _what_is_odd(first: _First) -> str:
    how = "say which: --header or --no-header (header=True or header=False)"
    if not first.numbers:
        return f": are these names of columns, or a row of missing values? {how}"
    if not first.texts:
        shown = ",".join(field.strip() for field in first.fields[:6]) + ",..." * (
            len(first.fields) > 6
        )
        return f": are {shown[:60]!r} names of columns, or a row? {how}"
    above = first.text_above_numbers()
    i = first.texts[0] if above is None else above
    return (
        f", column {i + 1}: {first.fields[i][:40]!r} is not a number, as others in this line are: "
        f"are they names of columns, or a row? {how}"
    )
