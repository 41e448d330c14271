"""``fastnn evaluate``: how good a saved network is on data."""

from __future__ import annotations

import argparse
from typing import Any

from fastnn import costs
from fastnn.cli import values
from fastnn.cli.input_options import CUT_HELP, DATA_HELP, add_cut, add_model, add_table
from fastnn.cli.matching import read_to_measure
from fastnn.cli.outputs import say
from fastnn.cli.rows import check_classes, check_features, choose_part, quality
from fastnn.network import load

EXAMPLES = """\
examples:
  fastnn evaluate digits.json digits
  fastnn evaluate flowers.json new-flowers.csv --part all

After a training with --validation, --test or --split-seed give the same
options here: else other rows are the test part, and the network has seen some
of them."""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a saved network on data",
        description="Print the accuracy of a saved network, or R² and the root mean square error\n"
        "of a regression, and the mean cost, which is without any weight penalty.\n\n"
        f"{DATA_HELP}\n\n{CUT_HELP}",
        epilog=EXAMPLES,
    )
    parser.set_defaults(run=run)
    add_model(parser)
    parser.add_argument("data", metavar="DATA", help="what to measure on; see above")
    parser.add_argument(
        "--part",
        choices=values.PARTS,
        default="test",
        help="the rows to measure on (default: %(default)s)",
    )
    parser.add_argument(
        "--validation",
        type=values.share,
        metavar="SHARE",
        help="share of the rows in the validation part (default: 0.1; 297 of the digits)",
    )
    add_cut(parser)
    add_table(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print how right the model is on a part of the data, and its mean cost."""
    model, data = arguments.model, arguments.data
    network = load(model)
    X, y = choose_part(read_to_measure(arguments, network), arguments.part, data)
    check_features(network, X, model, data)
    if y.dtype.kind == "i":
        check_classes(network, y, model, data)
    cost = network.total_cost((X, y), 0.0)
    rows = "all" if arguments.part == "all" else f"its {arguments.part} part of"
    say(f"{model} on {data}, {rows} {len(X)} rows")
    say(quality(network, (X, y)))
    say(f"cost {cost:.6g} ({costs.name_of(network.cost)})")
