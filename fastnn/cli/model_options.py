"""The options that say what a network is and how it is trained, for the commands that train."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from fastnn import activations, initializers, normalization, optimizers
from fastnn._training.metrics import METRICS
from fastnn.cli import values
from fastnn.cli.settings import DEFAULTS
from fastnn.cli.training import ACTIVATIONS, RATES
from fastnn.many._settings import COSTS, REGULARIZERS, SCHEDULES

SETTINGS_HELP = """\
NAME may be followed by settings KEY=VALUE, such as

  --optimizer adam beta1=0.95           --cost huber threshold=2
  --schedule cosine epochs=30           --initializer normal sigma=0.01
  --stopping patience=5 monitor=validation_cost

whose keys are the arguments in fastnn's modules of these names. An option that
takes several words goes on to the next one, so DATA stands in front."""

CONFIG_HELP = """\
With --config FILE these come from a TOML file, too, by the names of Network and
of its fit, with hidden for sizes; what is said here counts more:

  data = "flowers.csv"
  hidden = [32, 16]
  activation = "relu"
  optimizer = { name = "adam", beta1 = 0.95 }
  schedule = { name = "cosine", epochs = 30 }
  class_weight = { setosa = 2.0 }
  validation = 0.2
  seed = 1"""


class Words(argparse.Action):
    """Reads all the words of an option together; what is wrong with them is the option's."""

    def __init__(self, read: Callable[[list[str]], Any], **options: Any) -> None:
        super().__init__(nargs="+", **options)
        self.read = read

    def __call__(self, parser: Any, namespace: Any, texts: Any, option: Any = None) -> None:
        try:
            setattr(namespace, self.dest, self.read(texts))
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from None


def _add_named(group: Any, option: str, names: Sequence[str], text: str) -> None:
    group.add_argument(
        option,
        action=Words,
        read=lambda texts: values.named(texts, names),
        metavar=("NAME", "KEY=VALUE"),
        help=text,
    )


def _listed(names: Any) -> str:
    return ", ".join(name.replace("_", "-") for name in names)


def add_config(parser: Any) -> None:
    """Let a parser take DATA and a file of settings."""
    parser.add_argument("data", metavar="DATA", nargs="?", help="what to learn from; see above")
    parser.add_argument("--config", metavar="FILE", help="a TOML file of these options; see above")


def add_network(group: Any) -> None:
    """Add the options that say what the network is."""
    group.add_argument(
        "--hidden",
        type=values.count,
        nargs="*",
        metavar="N",
        help="neurons of each hidden layer; no number for none (default: 30)",
    )
    group.add_argument(
        "--activation",
        nargs="+",
        choices=activations.HIDDEN,
        metavar="NAME",
        help=f"of the hidden layers, one for all or one each: {', '.join(activations.HIDDEN)}; of "
        f"a regression {ACTIVATIONS['regression']} if none is given (default: "
        f"{ACTIVATIONS['classification']})",
    )
    _add_named(
        group,
        "--cost",
        tuple(COSTS),
        f"what training makes small: {_listed(COSTS)}; of a regression quadratic if none is given "
        "(default: cross-entropy)",
    )
    group.add_argument(
        "--output-activation",
        choices=activations.OUTPUT,
        help="of the output layer; a regression takes identity, or exp with poisson (default: "
        "softmax with log-likelihood, else sigmoid)",
    )
    _add_named(
        group,
        "--initializer",
        tuple(initializers.NAMES),
        f"how weights start: {_listed(initializers.NAMES)} (default: {DEFAULTS['initializer']}, "
        "N(0, 1/n_in))",
    )
    _add_named(
        group,
        "--normalization",
        (*normalization.NAMES, "none"),
        f"of the hidden layers: {_listed(normalization.NAMES)} (default: none)",
    )
    group.add_argument(
        "--dropout",
        action=Words,
        read=values.shares_dropped,
        metavar=("RATE", "KEY=VALUE"),
        help="share of the hidden units that a step leaves out, one for all layers or one each; "
        "inverted=false scales in prediction (default: 0)",
    )
    group.add_argument(
        "--input-scale",
        type=values.rate,
        metavar="X",
        help="a factor on all inputs, after they are standardized (default: 1)",
    )
    group.add_argument(
        "--dtype",
        choices=("float64", "float32"),
        help=f"float32 is faster and less exact (default: {DEFAULTS['dtype']})",
    )
    group.add_argument(
        "--seed",
        type=values.seed,
        metavar="N",
        help="of the weights and the mini-batches: the same seed gives the same network "
        "(default: a new one, which is printed)",
    )


def add_steps(group: Any) -> None:
    """Add the options that say what a step is."""
    group.add_argument(
        "--batch-size",
        type=values.count,
        metavar="N",
        help=f"rows a step (default: {DEFAULTS['batch_size']})",
    )
    _add_named(
        group,
        "--optimizer",
        tuple(optimizers.NAMES),
        f"{_listed(optimizers.NAMES)} (default: sgd)",
    )


def add_training(group: Any) -> None:
    """Add the options that say how the network is trained."""
    group.add_argument(
        "--epochs",
        type=values.count,
        metavar="N",
        help=f"passes over the training rows (default: {DEFAULTS['epochs']})",
    )
    add_steps(group)
    group.add_argument(
        "--learning-rate",
        type=values.rate,
        metavar="X",
        help="length of a step; the default of another optimizer than sgd is its own, and of a "
        f"regression {RATES['regression']:g} (default: {RATES['classification']:g})",
    )
    _add_penalties(group)
    _add_schedules(group)
    group.add_argument(
        "--stopping",
        action=Words,
        read=values.patience,
        metavar=("N", "KEY=VALUE"),
        help="end the training after N epochs without a better accuracy on the validation rows, "
        "and keep the best; or by patience=, monitor=, min_delta=, mode=, restore_best=",
    )
    group.add_argument(
        "--class-weight",
        action=Words,
        read=values.class_weights,
        metavar=("balanced", "CLASS=WEIGHT"),
        help="weights of the classes in the cost; 1 for one that is not named",
    )
    group.add_argument(
        "--label-smoothing",
        type=values.share,
        metavar="X",
        help="share of a target that is spread over all classes (default: 0)",
    )
    group.add_argument(
        "--metrics",
        nargs="+",
        choices=tuple(METRICS),
        metavar="NAME",
        help=f"what is recorded of each epoch beside costs and accuracy: {', '.join(METRICS)}",
    )
    group.add_argument(
        "--shuffle",
        action=argparse.BooleanOptionalAction,
        help="whether each epoch takes the rows in a new order (default: yes)",
    )
    group.add_argument(
        "--time-limit",
        type=values.rate,
        metavar="SECONDS",
        help="after which training ends, schedules having come to their last epoch",
    )
    group.add_argument(
        "--n-threads",
        type=values.count,
        metavar="N",
        help="that share each mini-batch, without a difference in any number (default: what is "
        "fastest)",
    )


def _add_penalties(group: Any) -> None:
    for name, text in (
        ("--l2", "strength s of the weight decay s/2n sum(w^2), n rows"),
        ("--l1", "strength s of the penalty s/n sum(|w|)"),
    ):
        text += " (default: 0.0)"
        group.add_argument(name, type=values.strength, metavar="X", help=text)
    _add_named(
        group,
        "--regularizer",
        (*REGULARIZERS, "none"),
        f"in the place of both: {_listed(REGULARIZERS)}, such as max-norm length=3",
    )


def _add_schedules(group: Any) -> None:
    names = (*SCHEDULES, "none")
    for option, what in (
        ("--schedule", f"the learning rate: {_listed(SCHEDULES)}"),
        ("--dropout-schedule", "the dropout rate"),
        ("--decay-schedule", "the strengths of l1 and l2, and of adamw's weight decay"),
    ):
        _add_named(group, option, names, f"a factor, epoch by epoch, on {what}")
