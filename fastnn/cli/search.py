"""``fastnn search``: a grid of settings and data in, the best network out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastnn._common.extras import require
from fastnn._common.files import shown
from fastnn._monitor.direction import larger_is_better
from fastnn.cli import values
from fastnn.cli.epochs import bar_is_possible
from fastnn.cli.examples import Examples, read_examples
from fastnn.cli.grid import Grid, read_grid, with_defaults
from fastnn.cli.input_options import CUT_HELP, DATA_HELP, add_cut, add_table, add_targets
from fastnn.cli.outputs import MODELS, PICTURES, check_outputs, hints, say, write_files
from fastnn.cli.rows import quality
from fastnn.cli.scaling import Scaling, scale_rows
from fastnn.cli.search_results import (
    best_first,
    described,
    draw,
    lines_of_table,
    varying,
    write_jobs,
)
from fastnn.cli.training import SOME_ROWS, count_outputs, scaling_for, unscaled_network
from fastnn.datasets import Split
from fastnn.datasets.by_name import files_of
from fastnn.datasets.split import Xy
from fastnn.many import fit_many
from fastnn.many._result import Result

HELP = """\
Train networks of many settings on data, show which are best, and save the best
one. GRID is a TOML file such as

  seeds = 3                        # how many of each, or a list of seeds
  cv = 5                           # folds; without, the validation part judges
  scoring = "accuracy"             # the default for classes; else "r2"

  [settings]                       # all combinations are tried
  hidden = [[16], [32], [32, 16]]  # neurons of the hidden layers
  cost = "log_likelihood"
  epochs = 30
  optimizer = "adam"
  learning_rate = [0.01, 0.001]
  regularizer = { name = "l2", strength = 0.1 }

Keys are those of fastnn.many.fit_many: the arguments of Network and of its fit,
objects by name. Tables [[settings]], one or more, are single settings.

A line a setting has the mean of the scores and their standard deviation over
seeds and folds."""

EXAMPLES = """\
examples:
  fastnn search grid.toml digits -o best.json --plot scores.png
  fastnn search grid.toml houses.csv --target price --journal jobs.jsonl
  fastnn search grid.toml digits --dask tcp://10.0.0.1:8786 --table jobs.csv

With --journal the same command, stopped at any time, goes on where it was."""

# What a regression's settings need not say.
REGRESSION = {"cost": "quadratic", "output": "identity"}
CONNECTED_AFTER = "10s"  # at most


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "search",
        help="train networks of many settings and keep the best",
        description=f"{HELP}\n\n{DATA_HELP}\n\n{CUT_HELP}",
        epilog=EXAMPLES,
    )
    parser.set_defaults(run=run)
    parser.add_argument("grid", metavar="GRID", help="a TOML file of what to try; see above")
    parser.add_argument("data", metavar="DATA", help="what to learn from; see above")
    _add_where(parser.add_argument_group("where it runs"))
    rows = parser.add_argument_group("the rows")
    rows.add_argument(
        "--validation",
        type=values.share,
        metavar="SHARE",
        help="share of the rows to judge by, without cv (default: 0.1; 297 of the digits)",
    )
    add_cut(rows)
    add_targets(rows)
    add_table(parser)
    _add_findings(parser.add_argument_group("the results"))


def _add_where(group: Any) -> None:
    place = group.add_mutually_exclusive_group()
    place.add_argument(
        "--jobs",
        type=values.count,
        metavar="N",
        help="networks trained at a time, by a thread each (default: one a processor)",
    )
    place.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="the scheduler of a Dask cluster whose workers train them, such as tcp://host:8786",
    )
    group.add_argument(
        "--journal",
        metavar="FILE",
        help="append each finished job to a file, and do only what is missing in it",
    )


def _add_findings(group: Any) -> None:
    group.add_argument("-o", "--output", metavar="MODEL", help="save the best network: .json, .npz")
    group.add_argument("--plot", metavar="FILE", help="draw the scores: .png, .pdf or .svg")
    group.add_argument("--table", metavar="FILE", help="write a row a job: .csv")
    group.add_argument(
        "--top",
        type=values.count,
        default=10,
        metavar="N",
        help="settings to print, the best first (default: %(default)s)",
    )
    group.add_argument(
        "--progress",
        choices=("auto", "bar", "none"),
        default="auto",
        help="a bar on standard error (needs tqdm); auto is one if that is a terminal (default: "
        "%(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Search, print and save as the arguments say; what cannot work is found before training."""
    names = ("output", "plot", "table", "journal")
    files = {f"--{name}": getattr(arguments, name) for name in names}
    inputs = [arguments.grid, *files_of(arguments.data)]
    endings = {"--output": MODELS, "--plot": PICTURES, "--table": (".csv",)}
    check_outputs(files, inputs, endings)
    if arguments.plot:
        require("matplotlib", extra="plot")
    grid = read_grid(arguments.grid)
    examples = read_examples(arguments)
    for line in examples.said:
        say(line)
    split, sample = examples.split, examples.split.train[0][:SOME_ROWS].copy()
    scaling = scaling_for(arguments, examples)
    with _named(arguments.grid), hints(), _executor(arguments.dask) as executor:
        found = _search(grid, examples, scaling, arguments, executor)
    order = best_first(found, grid.scoring is None or larger_is_better(grid.scoring))
    _tell(found, order, arguments)
    network = _best(found, examples, scaling, sample)
    if len(split.test[0]):
        say(f"its network, test {quality(network, split.test)}")
    default = "R²" if examples.task == "regression" else "accuracy"
    _save(found, order, network, grid.scoring or default, arguments)


@contextmanager
def _named(grid: str) -> Iterator[None]:
    """Let an error on a setting name the file that it is in."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if not str(error).startswith(("settings", "seeds", "cv", "scoring")):
            raise
        raise ValueError(f"{shown(grid)}: {error}") from None


@contextmanager
def _executor(address: str | None) -> Iterator[Any]:
    """Connect to the scheduler of a Dask cluster; None for threads of this process."""
    if address is None:
        yield None
        return
    distributed = require("distributed", extra="dask")
    try:
        client = distributed.Client(address, timeout=CONNECTED_AFTER)
    except (OSError, ValueError) as error:
        raise ValueError(f"--dask: no scheduler answers at {address}: {error}") from None
    with client:
        yield client


def _search(
    grid: Grid,
    examples: Examples,
    scaling: Scaling | None,
    arguments: argparse.Namespace,
    executor: Any,
) -> Result:
    rows, validation = _rows(examples.split, scaling, grid.cv is not None)
    defaults = REGRESSION if examples.task == "regression" else {}
    n_out = count_outputs(examples, arguments.data)
    settings = with_defaults(grid.settings, rows[0].shape[1], n_out, defaults)
    judged = f"{grid.cv} folds of the rows" if grid.cv else f"{len((validation or rows)[0])} rows"
    unseen = "" if grid.cv or validation else ", which are those it is trained on"
    say(f"each network is trained on {len(rows[0])} rows, and judged by {judged}{unseen}")
    bar = arguments.progress == "bar" or (arguments.progress == "auto" and bar_is_possible())
    try:
        return fit_many(
            *rows, settings, seeds=grid.seeds, cv=grid.cv, validation_data=validation,
            scoring=grid.scoring, n_jobs=arguments.jobs, executor=executor,
            journal=arguments.journal, progress=bar,
        )  # fmt: skip
    except KeyboardInterrupt:
        journal = arguments.journal
        kept = f"the same command goes on from {journal}" if journal else "--journal keeps what is"
        raise KeyboardInterrupt(f"before all jobs were done; {kept}") from None


def _rows(split: Split, scaling: Scaling | None, folds: bool) -> tuple[Xy, Xy | None]:
    """Return the rows to train on and those to judge by; folds are cut from both together."""
    rows, validation = split.train, split.validation
    if scaling is not None:
        rows = scale_rows(rows, scaling)
        validation = scale_rows(validation, scaling) if len(validation[0]) else validation
    if not len(validation[0]):
        return rows, None
    if not folds:
        return rows, validation
    X, y = (np.concatenate(pair) for pair in zip(rows, validation, strict=True))
    return (X, y), None


def _tell(found: Result, order: list[int], arguments: argparse.Namespace) -> None:
    """Print the table, the best settings first, and which job was the best."""
    common, keys = varying(found.settings)
    failed = int(np.count_nonzero(found["error"]))
    if failed == len(found):
        raise ValueError(f"no job succeeded, the first failed with {found['error'][0]}")
    n = len(found.settings)
    of = f"{n} setting{'s' * (n > 1)}"
    say(f"{len(found)} job{'s' * (len(found) > 1)} of {of}, {found['seconds'].sum():.2f} s in all")
    if failed:
        first = next(error for error in found["error"] if error)
        say(f"note: {failed} failed, the first with {first}")
    if common:
        say(f"all: {described(common, list(common))}")
    for line in lines_of_table(found, order[: arguments.top]):
        say(line)
    best = found.best()
    fold = "" if best["fold"] < 0 else f", fold {best['fold']}"
    setting = described(best["settings"], keys)
    say(
        f"best job: row {best['row']}, seed {best['seed']}{fold}, score {best['score']:.4f}"
        f"{': ' * bool(setting)}{setting}"
    )


def _best(found: Result, examples: Examples, scaling: Scaling | None, sample: np.ndarray) -> Any:
    """Return the best job's network, for rows as they are in the data."""
    network = found.network(found.best()["row"])
    network.table = examples.info
    return network if scaling is None else unscaled_network(network, scaling, sample)


def _save(
    found: Result, order: list[int], network: Any, scoring: str, arguments: argparse.Namespace
) -> None:
    """Write the files that were asked for."""
    write_files(
        (arguments.output, network.save),
        (arguments.table, lambda path: write_jobs(found, path)),
        (arguments.plot, lambda path: draw(found, order, scoring, path)),
    )
