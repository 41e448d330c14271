"""How a table is laid out: encoding, delimiter, header, index; found by its first lines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from fastnn._common.checks import check_flag
from fastnn._common.printable import printable
from fastnn.datasets.checks import regular_file
from fastnn.datasets.tables.columns import counts_rows, find_index
from fastnn.datasets.tables.dialect import DELIMITERS, records_of_sample
from fastnn.datasets.tables.header import has_header
from fastnn.datasets.tables.in_memory import TableBytes
from fastnn.datasets.tables.text import encoding_of, opened

# The first lines that are looked at: so many characters, and so many lines at least.
_SAMPLE, _FEW_LINES = 2**17, 4


@dataclass(frozen=True)
class Layout:
    """How to read a table, and what its first lines hold.

    Attributes
    ----------
    file : path or TableBytes
    where : str
        What errors call it.
    encoding : str
    delimiter : str
        " " for any white space.
    names : tuple of str or None
        The columns' names.
    header_line : int
        The last line of the header, from 1; 0 without one.
    n_columns : int
    index : int or None
        The column that only names or counts the rows.
    rows : list of list of str
        The first rows.
    """

    file: Path | TableBytes
    where: str
    encoding: str
    delimiter: str
    names: tuple[str, ...] | None
    header_line: int
    n_columns: int
    index: int | None
    rows: list[list[str]]

    def named(self, column: int) -> str:
        """Return " in column 'name'" for errors, or nothing where columns have no names."""
        return f" in column {self.names[column][:40]!r}" if self.names else ""

    def place(self, column: int) -> str:
        """Return what a person calls a column: its number from 0, and its name."""
        named = f" {self.names[column][:40]!r}" if self.names else ""
        return f"column {column}{named}"

    def others(self, column: int | None) -> list[int]:
        """Return all columns but the index and the one given."""
        return [i for i in range(self.n_columns) if i not in (column, self.index)]

    def described(self) -> list[str]:
        """Return what was taken for what, in a few words each."""
        header = f"header in line {self.header_line}" if self.names else "no header"
        said = [self.encoding.removesuffix("-sig"), DELIMITERS[self.delimiter], header]
        if self.index is not None:
            said.append(f"{self.place(self.index)} left out as an index")
        return said

    def suspicions(self) -> list[str]:
        """Return what a look at the first rows finds odd, though there is a way to read them."""
        if self.names is None or self.index == 0 or len(self.rows) < 2:
            return []
        if counts_rows([row[0] for row in self.rows if row]):
            return [
                f"{self.place(0)} counts the rows and is taken as a feature: "
                f"--index {self.names[0]} leaves it out"
            ]
        return []


def find_layout(
    path: str | os.PathLike[str] | TableBytes,
    *,
    header: bool | None = None,
    index: bool | int | str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    known: Sequence[str] = (),
) -> Layout:
    """Return how the table in a file is laid out.

    Parameters
    ----------
    path : path or TableBytes
    header, index, encoding, delimiter
        As ``read_table`` takes them; None where they are to be found out.
    known : sequence of str
        Names that a header of the file would hold.

    Raises
    ------
    FileNotFoundError, TypeError, ValueError
        As ``read_table``.
    """
    if header is not None:
        header = check_flag(header, "header")
    file = (
        path
        if isinstance(path, TableBytes)
        else regular_file(path, "a .csv file or another table of numbers")
    )
    where, encoding = printable(str(file)), encoding_of(file, encoding)
    before, lines, whole = _first_lines(file, encoding)
    delimiter, records = records_of_sample(lines, before, whole, delimiter, where)
    if not records:
        raise no_rows(where)
    if header is None:
        header = has_header(records, delimiter, known, where)
    line, first = records[0]
    names = tuple(field.strip() for field in first) if header else None
    rows = [fields for _, fields in records[header:]]
    if not rows:
        raise no_rows(where)
    found = find_index(names, rows, index, where)
    return Layout(
        file, where, encoding, delimiter, names, line if header else 0, len(first), found, rows
    )


def _first_lines(file: Path | TableBytes, encoding: str) -> tuple[int, list[str], bool]:
    """Return how many empty lines there are, the lines after them, and whether these are all."""
    with opened(file, encoding) as text:
        before, line = 0, text.readline()
        while line and not line.strip("\r\n"):
            before, line = before + 1, text.readline()
        lines = [line] * (line != "")
        lines += text.readlines(_SAMPLE)
        lines += islice(text, max(0, _FEW_LINES - len(lines)))
        return before, lines, not text.read(1)


def no_rows(where: str) -> ValueError:
    """Return the error for a table without rows."""
    return ValueError(f"{where}: no rows; expected at least one line of numbers")
