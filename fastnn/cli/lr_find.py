"""``fastnn lr-find``: the cost by the learning rate, of a few mini-batches."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from fastnn import tune
from fastnn._common.extras import require
from fastnn.cli import model_options, values
from fastnn.cli.examples import read_examples
from fastnn.cli.input_options import DATA_HELP, add_rows
from fastnn.cli.outputs import PICTURES, check_outputs, say, silent_but_for, writing
from fastnn.cli.result_options import add_json, add_language
from fastnn.cli.settings import Settings, settings_of
from fastnn.cli.training import (
    check_task,
    keywords_of_fit,
    network_for,
    prepare,
    row_arguments,
    say_network,
)
from fastnn.datasets.by_name import files_of
from fastnn.plot import learning_rate_range, write_picture
from fastnn.tune import RateRange

HELP = """\
Train a network on a few mini-batches, each with a larger learning rate, and show
the cost of each: a table of some of them, the largest rate that still lowers the
cost, and a tenth of it, a rule of thumb for a first choice."""

EXAMPLES = """\
examples:
  fastnn lr-find digits --plot rates.png
  fastnn lr-find flowers.csv --config model.toml --lowest 1e-4 --highest 1"""

SHOWN = 20  # rows of the table


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "lr-find",
        help="find a learning rate by trying",
        description=f"{HELP}\n\n{DATA_HELP}\n\n{model_options.CONFIG_HELP}",
        epilog=EXAMPLES,
    )
    parser.set_defaults(run=run)
    model_options.add_config(parser)
    model_options.add_network(parser.add_argument_group("the network"))
    test = parser.add_argument_group("the test")
    model_options.add_steps(test)
    for option, kind, default, text in (
        ("--lowest", values.rate, 1e-6, "the first learning rate"),
        ("--highest", values.rate, 10.0, "the last one"),
        ("--steps", values.count, 200, "mini-batches, 3 or more"),
    ):
        metavar = "N" if kind is values.count else "X"
        text += " (default: %(default)s)"
        test.add_argument(option, type=kind, default=default, metavar=metavar, help=text)
    add_rows(parser)
    results = parser.add_argument_group("the results")
    results.add_argument("--plot", metavar="FILE", help="draw the costs: .png, .pdf or .svg")
    add_language(results)
    add_json(results)


def run(arguments: argparse.Namespace) -> None:
    """Print a table of learning rates and costs, the suggestion, and draw them if asked to."""
    with silent_but_for(arguments.json) as tell:
        settings = settings_of(arguments)
        inputs = [*files_of(settings["data"]), *filter(None, [arguments.config])]
        check_outputs({"--plot": arguments.plot}, inputs, {"--plot": PICTURES})
        if arguments.plot:
            require("matplotlib", extra="plot")
        found = _test(arguments, settings)
        _say(found)
        if arguments.plot:
            ax = learning_rate_range(found, language=arguments.language or "en")
            with writing(arguments.plot):
                write_picture(ax.figure, Path(arguments.plot))  # type: ignore[arg-type]
            say(f"wrote {arguments.plot}")
        tell(_told(found, settings))


def _test(arguments: argparse.Namespace, settings: Settings) -> RateRange:
    examples = read_examples(row_arguments(settings))
    check_task(settings, examples.task)
    for line in examples.said:
        say(line)
    network = network_for(settings, examples)
    say_network(network, settings, examples)
    rows = prepare(settings, examples, network)
    told = keywords_of_fit(settings, examples)
    return tune.learning_rate_range(
        lambda: network,
        *rows.train,
        lowest=arguments.lowest,
        highest=arguments.highest,
        steps=arguments.steps,
        batch_size=told["batch_size"],
        optimizer=told["optimizer"],
        rng=settings["seed"],
    )


def _say(found: RateRange) -> None:
    """Print some of the steps, the first and the last among them, and what they come to."""
    say(f"{'learning rate':>13}  {'cost':>10}  {'smoothed':>10}")
    n = len(found.costs)
    for i in np.unique(np.linspace(0, n - 1, min(n, SHOWN)).round().astype(int)):
        say(f"{found.learning_rates[i]:13.3g}  {found.costs[i]:10.4f}  {found.smoothed[i]:10.4f}")
    say(
        f"the smoothed cost is smallest at {found.largest:.3g}; suggested: "
        f"--learning-rate {found.suggestion:.2g}"
    )


def _told(found: RateRange, settings: Settings) -> dict[str, Any]:
    """Return the test in JSON's values; a cost beyond all numbers is null."""
    costs, smoothed = (
        [float(value) if np.isfinite(value) else None for value in values]
        for values in (found.costs, found.smoothed)
    )
    return {
        "data": settings["data"],
        "suggestion": found.suggestion,
        "largest": found.largest,
        "learning_rates": found.learning_rates.tolist(),
        "costs": costs,
        "smoothed": smoothed,
        "settings": settings,
    }
