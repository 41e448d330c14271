"""Data to learn from: real digits, points in the plane, and files of your own.

Every loader checks what it reads before it returns anything, and needs only NumPy unless its
docstring names another library.
"""

from fastnn.datasets.by_name import load
from fastnn.datasets.csv_table import load_csv
from fastnn.datasets.digits import load_digits
from fastnn.datasets.idx import read_idx
from fastnn.datasets.mnist import load_mnist
from fastnn.datasets.mnist_pickle import load_mnist_pickle
from fastnn.datasets.npz import load_npz
from fastnn.datasets.split import Split, split_rows
from fastnn.datasets.synthetic import circles, moons, spirals, xor
from fastnn.datasets.tables import Table, TableBytes, read_table

__all__ = [
    "Split",
    "Table",
    "TableBytes",
    "load",
    "load_digits",
    "load_mnist",
    "load_mnist_pickle",
    "load_csv",
    "load_npz",
    "read_table",
    "read_idx",
    "circles",
    "moons",
    "spirals",
    "xor",
    "split_rows",
]
