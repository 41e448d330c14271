"""The text of a table: its encoding, its lines, and its records with their line numbers."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO

from fastnn._common.checks import brief
from fastnn._common.printable import printable
from fastnn.datasets.tables.in_memory import TableBytes

Record = tuple[int, list[str]]  # the number of its last line, from 1, and its fields

# A byte order mark at the start of a file, what reads it, and by which names it may be asked for.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", ("utf-8", "utf-8-sig")),
    (codecs.BOM_UTF32_LE, "utf-32", ("utf-32", "utf-32-le")),
    (codecs.BOM_UTF32_BE, "utf-32", ("utf-32", "utf-32-be")),
    (codecs.BOM_UTF16_LE, "utf-16", ("utf-16", "utf-16-le")),
    (codecs.BOM_UTF16_BE, "utf-16", ("utf-16", "utf-16-be")),
)
_MOST_COLUMNS = 2**18
# A record that follows the last one: open quotes would take it in.
_END = "\x1fend\x1f"


def encoding_of(file: Path | TableBytes, encoding: str | None) -> str:
    """Return the encoding to open ``file`` with: that of its byte order mark, else the one given.

    Raises
    ------
    ValueError
        If there is no such encoding, or the mark is another one's.
    """
    wanted = "utf-8" if encoding is None else _known(encoding)
    with file.open("rb") as raw:
        start = raw.read(4)
    for mark, reads, names in _MARKS:
        if start.startswith(mark):
            if encoding is not None and wanted not in names:
                raise ValueError(
                    f"{printable(str(file))}: starts with the mark of {names[0].upper()} text, but "
                    f"encoding={encoding!r} was asked for; leave it out (--encoding)"
                )
            return reads
    return wanted


def _known(encoding: str) -> str:
    try:
        "".encode(encoding)  # refuses those that are not of text, such as hex
        return codecs.lookup(encoding).name
    except (LookupError, TypeError, ValueError):
        raise ValueError(
            f"encoding={brief(encoding)}: expected the name of an encoding of text, such as "
            "'utf-8', 'gbk', 'utf-16' or 'cp1252'"
        ) from None


@contextmanager
def opened(file: Path | TableBytes, encoding: str) -> Iterator[IO[str]]:
    """Open ``file`` for reading lines, each with its end as it stands in the file.

    A wrong encoding raises ValueError at whatever read meets it.
    """
    try:
        with file.open(encoding=encoding, newline="") as lines:
            yield lines
    except UnicodeError as error:
        raise ValueError(
            f"{printable(str(file))}: expected {_spoken(encoding)} text, but {_reason(error)}; say "
            "which encoding it has, such as encoding='gbk' or 'utf-16' (--encoding gbk)"
        ) from None


def _spoken(encoding: str) -> str:
    return encoding.removesuffix("-sig").upper()


def _reason(error: UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError) and error.start < len(error.object):
        return f"it has the byte 0x{error.object[error.start]:02x} where none may be"
    return brief(str(error))


def records_of(
    lines: Iterable[str], delimiter: str, where: str, before: int = 0, *, to_end: bool = True
) -> Iterator[Record]:
    """Yield the records of lines that are not empty.

    Parameters
    ----------
    lines : iterable of str
    delimiter : str
        One character; " " stands for any white space.
    where : str
        The file, for errors.
    before : int, default 0
        Number of the line before the first one.
    to_end : bool, default True
        Whether the lines go to the end of the file, so that no quotes may be left open.

    Raises
    ------
    ValueError
        If a field is too long or without an end, or there are too many.
    """
    lines = _plausible(lines, delimiter, where, before)
    if delimiter == " ":
        lines = (" ".join(line.split()) for line in lines)
    reader = csv.reader(chain(lines, [_END] * to_end), delimiter=delimiter)
    try:
        for fields in reader:
            if fields and fields != [_END]:
                if fields[-1].endswith(_END):
                    raise _without_end(fields, where, before + reader.line_num - 1)
                yield before + reader.line_num, fields
    except csv.Error as error:
        raise ValueError(
            f"{where}, line {before + reader.line_num}: {error}; expected rows of numbers"
        ) from None


def _without_end(fields: list[str], where: str, line: int) -> ValueError:
    return ValueError(
        f"{where}, line {line}, column {len(fields)}: {fields[-1].removesuffix(_END)[:40]!r} "
        "is not a number, but a field with opening quotes and no closing ones"
    )


def _plausible(lines: Iterable[str], delimiter: str, where: str, before: int) -> Iterator[str]:
    for number, line in enumerate(lines, start=before + 1):
        if len(line) > _MOST_COLUMNS and line.count(delimiter) >= _MOST_COLUMNS:
            raise ValueError(
                f"{where}, line {number}: {line.count(delimiter) + 1} columns; expected at most "
                f"{_MOST_COLUMNS}"
            )
        if "\0" in line:
            raise ValueError(
                f"{where}, line {number}: characters of value 0; expected text, which may be "
                "UTF-16: encoding='utf-16-le' (--encoding utf-16-le)"
            )
        yield line
