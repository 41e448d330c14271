"""The options that say what a command reads: data, rows of it, a table, a saved network."""

from __future__ import annotations

import argparse
from typing import Any

from fastnn._model.table_info import TASKS
from fastnn.cli import values

# Lines of up to 79 columns: argparse does not wrap these texts.
DATA_HELP = """\
DATA is one of
  digits    the 1797 handwritten digits of scikit-learn, 8 x 8 pixels
  mnist     MNIST: the folder that the variable FASTNN_MNIST names, else
            downloaded once
  FOLDER    a folder with the four MNIST idx files (.gz or not) or mnist.pkl.gz
  FILE.npz  arrays X (n, n_in) and y (n,), or x_train, y_train, x_test, y_test
  FILE.csv  a table, a row an example: numbers, and a column of targets; .tsv
            and .txt, too. Encoding, delimiter, header, an index and the
            target are found out and said; what is in doubt is asked for.
Targets are classes (names or numbers) or, for a regression, amounts."""

TABLE_HELP = """\
how a table is read; each is found out by default, and an error asks where it
may be either"""

CUT_HELP = """\
Rows that come without a test part of their own are put in a random order,
which --split-seed fixes, and cut into training, validation and test rows."""


def add_rows(parser: Any) -> None:
    """Add the options that say which rows of the data there are for what, and how they are read."""
    rows = parser.add_argument_group("the rows")
    rows.add_argument(
        "--validation",
        type=values.share_or_part,
        metavar="SHARE|PART",
        help="a share of the rows to set aside, such as 0.1, and measure after each epoch; or the "
        "part to measure: 'validation' (as the data are cut by default: 0.1 of the rows, 297 of "
        "the digits, 10,000 of MNIST), 'test', or 'none' (default: validation)",
    )
    add_cut(rows, split_seed=None)
    add_targets(rows)
    add_table(parser)


def add_cut(group: Any, split_seed: int | None = 0) -> None:
    """Add the options that say how rows are cut into parts."""
    group.add_argument(
        "--test",
        type=values.share,
        metavar="SHARE",
        help="share of the rows that training never sees (default: 0.2; 500 of the digits)",
    )
    group.add_argument(
        "--split-seed",
        type=values.seed,
        default=split_seed,
        metavar="N",
        help="seed of the order in which rows are cut into parts (default: 0)",
    )


def add_targets(group: Any) -> None:
    """Add the options that say what is done with features and targets."""
    group.add_argument(
        "--task",
        choices=TASKS,
        help="what the targets are (default: what they look like, which is said: texts and up to "
        "20 different whole numbers are classes; fractions and whole numbers that mostly differ "
        "are for a regression; else an error asks)",
    )
    group.add_argument(
        "--standardize",
        action=argparse.BooleanOptionalAction,
        help="whether to bring each feature, and the target of a regression, to mean 0 and "
        "standard deviation 1 in the training rows; saved within the weights, so that the network "
        "takes and gives numbers as they are in the data (default: yes; but pixels, 64 or more "
        "features from 0 to 1 or whole ones from 0 to 255, are only brought to 0 to 1)",
    )


def add_table(parser: Any) -> None:
    """Add the options that say how a table is read."""
    group = parser.add_argument_group("tables", TABLE_HELP)
    group.add_argument(
        "--target",
        metavar="COLUMN",
        help="the column of the targets: its name, or its number from 0, or from -1 at the end "
        "(default: the last; predict and evaluate: as trained)",
    )
    group.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether the first line names the columns",
    )
    group.add_argument(
        "--index",
        metavar="COLUMN",
        help="a column that only counts or names the rows and is left out (default: the first if "
        "it has no name, as pandas writes its index)",
    )
    group.add_argument(
        "--no-index", dest="index", action="store_const", const=False, help="there is none"
    )
    group.add_argument(
        "--encoding",
        metavar="NAME",
        help="of the text, such as gbk (default: as its byte order mark says, else UTF-8)",
    )
    group.add_argument(
        "--delimiter",
        metavar="CHARACTER",
        help="between columns: ',', ';', tab or space (default: what fits the first lines); "
        "decimal commas are taken where it is no comma",
    )


def add_model(parser: Any) -> None:
    """Let a parser take the file of a saved network."""
    parser.add_argument("model", metavar="MODEL", help="a .json or .npz file that train saved")
