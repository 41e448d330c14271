"""Tables of numbers in files of text: one reader, for Python and for the command line."""

from fastnn.datasets.tables.in_memory import TableBytes
from fastnn.datasets.tables.table import Table, read_table

__all__ = ["Table", "TableBytes", "read_table"]
