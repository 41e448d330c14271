"""The words of the command line, and the help that teaches them."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

import fastnn
from fastnn._model.table_info import TASKS
from fastnn.cli import (
    demo,
    evaluate,
    experiments,
    export,
    info,
    lr_find,
    model_options,
    playground,
    plot,
    predict,
    search,
    train,
    values,
)
from fastnn.cli.outputs import PICTURES

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

TRAIN_EXAMPLES = """\
examples:
  fastnn train digits --output digits.json --plot curves.png
  fastnn train mnist -o mnist.npz --hidden 100 --l2 5 --seed 1
  fastnn train flowers.csv -o flowers.json --hidden 20 20 --activation relu \\
      --cost log-likelihood --learning-rate 0.1 --validation 0.2
  fastnn train houses.csv -o houses.json --target price --task regression
  fastnn train digits --optimizer adam --normalization batch --dropout 0.2 \\
      --schedule cosine epochs=50 --epochs 50 --stopping 10 --run digits-run
  fastnn train --config model.toml --epochs 100 --run second-run
  fastnn train --resume second-run"""

RUN_HELP = """\
With --run DIR a new folder gets config.toml with all settings, history.csv and
checkpoint.npz after each epoch, and at the end model.npz, result.json and
pictures. However such a training ends, --resume DIR goes on after its last
finished epoch, and comes to the same numbers as if it had never stopped, unless
there is a --time-limit, which goes by the clock. Its epochs, time limit and
threads may be told anew."""

LR_FIND_HELP = """\
Train a network on a few mini-batches, each with a larger learning rate, and show
the cost of each: a table of some of them, the largest rate that still lowers the
cost, and a tenth of it, a rule of thumb for a first choice."""

LR_FIND_EXAMPLES = """\
examples:
  fastnn lr-find digits --plot rates.png
  fastnn lr-find flowers.csv --config model.toml --lowest 1e-4 --highest 1"""

PLOT_HELP = """\
Draw the pictures of a folder that 'fastnn train --run' wrote anew: the learning
curves, the layers of the network and, where the data are still what they were,
which classes it takes for which."""

PLOT_EXAMPLES = """\
examples:
  fastnn plot digits-run --language zh
  fastnn plot digits-run --folder figures --ending .pdf"""

EXPERIMENTS_HELP = """\
Run one of the experiments of the texts, each of which prints its numbers and
draws a picture; without NAME list them. What follows NAME is the experiment's:
--quick, --output PICTURE, --seed N and, for some, the folder of MNIST."""

EXPERIMENTS_EXAMPLES = """\
examples:
  fastnn experiments
  fastnn experiments circles --output circles.png
  fastnn experiments overfitting --help"""

EVALUATE_EXAMPLES = """\
examples:
  fastnn evaluate digits.json digits
  fastnn evaluate flowers.json new-flowers.csv --part all

After a training with --validation, --test or --split-seed give the same
options here: else other rows are the test part, and the network has seen some
of them."""

PREDICT_HELP = """\
A table may come with or without the column of targets, an .npz file with or
without y: all their rows are predicted, in the order of the file. Columns are
found by the names in the header, where the network was trained on a table with
one, else by their order. Of other data it is the test part, unless --part says
otherwise.

The answer is a table with the column class, or for a regression prediction;
--proba adds a column for each output."""

PREDICT_EXAMPLES = """\
examples:
  fastnn predict flowers.json new-flowers.csv --output predictions.csv
  fastnn predict digits.json digits --proba | head"""

SEARCH_HELP = """\
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

SEARCH_EXAMPLES = """\
examples:
  fastnn search grid.toml digits -o best.json --plot scores.png
  fastnn search grid.toml houses.csv --target price --journal jobs.jsonl
  fastnn search grid.toml digits --dask tcp://10.0.0.1:8786 --table jobs.csv

With --journal the same command, stopped at any time, goes on where it was."""

EXPORT_HELP = """\
Write a saved network as a file that is run without fastnn. FILE is one of
  STEM.c            C99, with STEM.h beside it: STEM_predict(x, y), nothing but
                    math.h, no allocation; with -DSTEM_SELF_TEST (in capitals)
                    a program that returns 0 if all is right
  STEM.py           a module of NumPy with predict(X)
  STEM.mjs          an ES module of JavaScript with predict(row)
  STEM.onnx         for onnxruntime and others; needs onnx
  STEM.safetensors  the weights by PyTorch's names; needs safetensors"""

EXPORT_EXAMPLES = """\
examples:
  fastnn export digits.json digits.c --dtype float32
  fastnn export flowers.json flowers.py
  fastnn export digits.json digits.c --fixed int16 --sample digits
  fastnn export flowers.json flowers.c --fixed int8 --sample flowers.csv"""

DEMO_HELP = """\
Train 64-30-10 on the digits of scikit-learn, then train the same network on
the same mini-batches with the pure-Python reference, and show the accuracy,
both times, how far the weights are apart, and the curves as a picture. Needs
scikit-learn and matplotlib."""


class Parser(argparse.ArgumentParser):
    """Raises what is wrong for ``main`` to print, instead of printing the whole usage."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see '{self.prog} --help')")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; what it parses has ``run``, which takes the parsed arguments."""
    parser = Parser(
        prog="fastnn",
        description="Train and run small and medium neural networks on a CPU, fast.",
        epilog="'fastnn COMMAND --help' explains a command, with examples.",
    )
    parser.add_argument("--version", action="version", version=f"fastnn {fastnn.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_train(commands)
    _add_lr_find(commands)
    _add_plot(commands)
    _add_search(commands)
    _add_evaluate(commands)
    _add_predict(commands)
    _add_info(commands)
    _add_export(commands)
    _add_experiments(commands)
    _add_demo(commands)
    playground.add(commands, _add_table)
    return parser


def _add_train(commands: Any) -> None:
    parser = commands.add_parser(
        "train",
        help="train a network on data and save it",
        description="Train a network to tell classes apart or to find numbers, and save it.\n\n"
        f"{DATA_HELP}\n\n{CUT_HELP}\n\n{model_options.SETTINGS_HELP}\n\n"
        f"{model_options.CONFIG_HELP}\n\n{RUN_HELP}",
        epilog=TRAIN_EXAMPLES,
    )
    parser.set_defaults(run=train.run)
    model_options.add_config(parser)
    model_options.add_network(parser.add_argument_group("the network"))
    model_options.add_training(parser.add_argument_group("the training"))
    _add_rows(parser)
    _add_results(parser.add_argument_group("the results"))


def _add_lr_find(commands: Any) -> None:
    parser = commands.add_parser(
        "lr-find",
        help="find a learning rate by trying",
        description=f"{LR_FIND_HELP}\n\n{DATA_HELP}\n\n{model_options.CONFIG_HELP}",
        epilog=LR_FIND_EXAMPLES,
    )
    parser.set_defaults(run=lr_find.run)
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
    _add_rows(parser)
    results = parser.add_argument_group("the results")
    results.add_argument("--plot", metavar="FILE", help="draw the costs: .png, .pdf or .svg")
    _add_language(results)
    _add_json(results)


def _add_rows(parser: Any) -> None:
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
    _add_cut(rows, split_seed=None)
    _add_targets(rows)
    _add_table(parser)


def _add_search(commands: Any) -> None:
    parser = commands.add_parser(
        "search",
        help="train networks of many settings and keep the best",
        description=f"{SEARCH_HELP}\n\n{DATA_HELP}\n\n{CUT_HELP}",
        epilog=SEARCH_EXAMPLES,
    )
    parser.set_defaults(run=search.run)
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
    _add_cut(rows)
    _add_targets(rows)
    _add_table(parser)
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


def _add_results(group: Any) -> None:
    group.add_argument("-o", "--output", metavar="MODEL", help="save the network: .json or .npz")
    group.add_argument("--plot", metavar="FILE", help="draw the curves: .png, .pdf or .svg")
    group.add_argument("--history", metavar="FILE", help="write a table with a row an epoch, CSV")
    group.add_argument(
        "--run", dest="run_folder", metavar="DIR", help="keep all in a new folder; see above"
    )
    group.add_argument("--resume", metavar="DIR", help="go on with such a run; see above")
    _add_language(group)
    _add_json(group)
    group.add_argument(
        "--progress",
        choices=("auto", "bar", "lines", "none"),
        default="auto",
        help="a line an epoch on standard output, a bar on standard error (needs tqdm), or "
        "nothing; auto is the bar if standard error is a terminal and tqdm is installed, else "
        "lines (default: %(default)s)",
    )


def _add_language(group: Any) -> None:
    group.add_argument(
        "--language", choices=("en", "zh"), help="of the texts in pictures (default: en)"
    )


def _add_json(group: Any) -> None:
    group.add_argument(
        "--json",
        action="store_true",
        help="write one object of JSON with what came of it to standard output, and all else to "
        "standard error",
    )


def _add_cut(group: Any, split_seed: int | None = 0) -> None:
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


def _add_targets(group: Any) -> None:
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


def _add_table(parser: Any) -> None:
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


def _add_model(parser: Any) -> None:
    parser.add_argument("model", metavar="MODEL", help="a .json or .npz file that train saved")


def _add_evaluate(commands: Any) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="measure a saved network on data",
        description="Print the accuracy of a saved network, or R² and the root mean square error\n"
        "of a regression, and the mean cost, which is without any weight penalty.\n\n"
        f"{DATA_HELP}\n\n{CUT_HELP}",
        epilog=EVALUATE_EXAMPLES,
    )
    parser.set_defaults(run=evaluate.run)
    _add_model(parser)
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
    _add_cut(parser)
    _add_table(parser)


def _add_predict(commands: Any) -> None:
    parser = commands.add_parser(
        "predict",
        help="write the classes or numbers that a saved network finds for data",
        description="Write the class that a saved network sees in each row, or the number.\n\n"
        f"{DATA_HELP}\n\n{PREDICT_HELP}",
        epilog=PREDICT_EXAMPLES,
    )
    parser.set_defaults(run=predict.run)
    _add_model(parser)
    parser.add_argument("data", metavar="DATA", help="the rows; see above")
    parser.add_argument("--proba", action="store_true", help="write the network's outputs too")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the table to write, CSV (default: standard output)"
    )
    parser.add_argument(
        "--part",
        choices=values.PARTS,
        help="the rows to predict (default: all of a table or of X in an .npz, else test)",
    )
    _add_table(parser)


def _add_info(commands: Any) -> None:
    parser = commands.add_parser(
        "info",
        help="describe a saved network",
        description="Describe a saved network: its layers, activations, cost and size.",
        epilog="example:\n  fastnn info digits.json",
    )
    parser.set_defaults(run=info.run)
    _add_model(parser)


def _add_export(commands: Any) -> None:
    parser = commands.add_parser(
        "export",
        help="write a saved network as a file that needs no fastnn",
        description=f"{EXPORT_HELP}\n\n{DATA_HELP}",
        epilog=EXPORT_EXAMPLES,
    )
    parser.set_defaults(run=export.run, part="all")
    _add_model(parser)
    parser.add_argument("file", metavar="FILE", help="what to write; see above")
    parser.add_argument(
        "--dtype",
        choices=("float64", "float32"),
        help="of the arithmetic (default: float64; float32 in .onnx, the network's own in "
        ".safetensors)",
    )
    parser.add_argument(
        "--fixed",
        choices=("int16", "int8"),
        help="of STEM.c: layers in fixed point, with weights of this type, and its cost printed",
    )
    parser.add_argument(
        "--sample",
        dest="data",
        metavar="DATA",
        help="with --fixed: rows by which its units are chosen, such as those of the training; "
        "larger numbers than theirs may be cut off",
    )
    _add_table(parser)


def _add_plot(commands: Any) -> None:
    parser = commands.add_parser(
        "plot",
        help="draw the pictures of a run anew",
        description=PLOT_HELP,
        epilog=PLOT_EXAMPLES,
    )
    parser.set_defaults(run=plot.run)
    parser.add_argument("folder_of_run", metavar="RUN", help="the folder of the run")
    parser.add_argument(
        "--folder", metavar="DIR", help="the folder to draw into, made if need be (default: RUN)"
    )
    parser.add_argument(
        "--ending",
        choices=PICTURES,
        default=".png",
        help="the kind of the pictures (default: %(default)s)",
    )
    _add_language(parser)


def _add_experiments(commands: Any) -> None:
    parser = commands.add_parser(
        "experiments",
        help="run an experiment of the texts",
        description=EXPERIMENTS_HELP,
        epilog=EXPERIMENTS_EXAMPLES,
    )
    parser.set_defaults(run=experiments.run)
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="which one; without, all are listed"
    )
    parser.add_argument("rest", metavar="...", nargs=argparse.REMAINDER, help="what it is told")


def _add_demo(commands: Any) -> None:
    parser = commands.add_parser(
        "demo",
        help="train on digits, beside the pure-Python reference",
        description=DEMO_HELP,
        epilog="example:\n  fastnn demo --plot curves.png",
    )
    parser.set_defaults(run=demo.run)
    parser.add_argument(
        "--plot",
        default="curves.png",
        metavar="FILE",
        help="the picture to write: .png, .pdf or .svg (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        type=values.count,
        default=30,
        metavar="N",
        help="passes over the training rows, for both (default: %(default)s)",
    )
