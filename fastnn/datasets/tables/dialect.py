"""What separates the columns of a table: found by its first lines."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from fastnn._common.checks import brief
from fastnn.datasets.tables.fields import is_number
from fastnn.datasets.tables.text import Record, records_of

# In the order in which they are preferred: commas between numbers may be decimal marks.
DELIMITERS = {";": "semicolons", "\t": "tabs", ",": "commas", " ": "spaces"}


def records_of_sample(
    lines: Sequence[str], before: int, whole: bool, delimiter: str | None, where: str
) -> tuple[str, list[Record]]:
    """Return what separates the columns, and the first records.

    The one that gives every record as many fields, at least two, the largest share of them numbers;
    without such a one, that by which the first record has the most fields.

    Parameters
    ----------
    lines : sequence of str
        The first lines of the file that are not empty.
    before : int
        How many are.
    whole : bool
        Whether they are all: else the last record may go on in the next line.
    delimiter : str, optional
        If it is known already.
    where : str
        The file, for errors.

    Raises
    ------
    ValueError
        If ``delimiter`` is not one of ``DELIMITERS``.
    """
    if delimiter is not None:
        delimiter = check_delimiter(delimiter)
        return delimiter, _records(lines, before, whole, delimiter, where)
    found: dict[str, list[Record]] = {}
    for each in DELIMITERS:
        with suppress(ValueError):  # too long a field, if it is not this one
            found[each] = _records(lines, before, whole, each, where)
    if not found:
        return ",", _records(lines, before, whole, ",", where)
    even = [each for each, records in found.items() if _is_even(records)]
    if even:
        best = max(even, key=lambda each: (each != " ", _share_of_numbers(found[each], each)))
    else:
        best = max(found, key=lambda each: (each != " ", _width(found[each]), each == ","))
    return best, found[best]


def check_delimiter(delimiter: str) -> str:
    r"""Return the character that ``delimiter`` names; ``"\t"`` may be spelt, too.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    spelt = {"\\t": "\t", "tab": "\t", "space": " "}
    named = spelt.get(delimiter, delimiter) if isinstance(delimiter, str) else None
    if named not in DELIMITERS:
        raise ValueError(
            f"delimiter={brief(delimiter)}: expected ',', ';', 'tab' or 'space' (--delimiter)"
        )
    return named


def _records(
    lines: Sequence[str], before: int, whole: bool, delimiter: str, where: str
) -> list[Record]:
    records = list(records_of(lines, delimiter, where, before, to_end=False))
    return records if whole or len(records) < 3 else records[:-1]


def _is_even(records: list[Record]) -> bool:
    widths = {len(fields) for _, fields in records}
    return len(widths) == 1 and widths.pop() > 1


def _width(records: list[Record]) -> int:
    return len(records[0][1]) if records else 0


def _share_of_numbers(records: list[Record], delimiter: str) -> float:
    """Return the share of fields that are numbers, those of the first record apart."""
    fields = [field for _, record in records[1:] or records for field in record]
    return sum(is_number(field, delimiter) for field in fields) / len(fields)
