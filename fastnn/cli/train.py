"""``fastnn train``: data in, network out."""

from __future__ import annotations

import argparse
import importlib.util
import math
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from fastnn._common.extras import require
from fastnn.cli import model_options
from fastnn.cli.epochs import Epochs
from fastnn.cli.examples import Examples, read_examples
from fastnn.cli.input_options import CUT_HELP, DATA_HELP, add_rows
from fastnn.cli.outputs import MODELS, PICTURES, check_outputs, say, silent_but_for, write_files
from fastnn.cli.pictures import draw_run
from fastnn.cli.result_options import add_json, add_language
from fastnn.cli.rows import measured, quality
from fastnn.cli.run_folder import CONFIG, HISTORY, MODEL, RunFolder, check_new, fingerprint_of
from fastnn.cli.settings import Settings, given_in, settings_of
from fastnn.cli.training import (
    check_task,
    keywords_of_fit,
    network_for,
    prepare,
    row_arguments,
    say_network,
    unscaled_network,
)
from fastnn.datasets.by_name import files_of
from fastnn.history import History
from fastnn.network import Network
from fastnn.plot import plot_history

EXAMPLES = """\
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

# What may be told anew where a run goes on, as no number before it depends on it.
FOR_RESUME = ("epochs", "time_limit", "n_threads")
NAMES = ("digits", "mnist")  # of data that are no path


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "train",
        help="train a network on data and save it",
        description="Train a network to tell classes apart or to find numbers, and save it.\n\n"
        f"{DATA_HELP}\n\n{CUT_HELP}\n\n{model_options.SETTINGS_HELP}\n\n"
        f"{model_options.CONFIG_HELP}\n\n{RUN_HELP}",
        epilog=EXAMPLES,
    )
    parser.set_defaults(run=run)
    model_options.add_config(parser)
    model_options.add_network(parser.add_argument_group("the network"))
    model_options.add_training(parser.add_argument_group("the training"))
    add_rows(parser)
    _add_results(parser.add_argument_group("the results"))


def _add_results(group: Any) -> None:
    group.add_argument("-o", "--output", metavar="MODEL", help="save the network: .json or .npz")
    group.add_argument("--plot", metavar="FILE", help="draw the curves: .png, .pdf or .svg")
    group.add_argument("--history", metavar="FILE", help="write a table with a row an epoch, CSV")
    group.add_argument(
        "--run", dest="run_folder", metavar="DIR", help="keep all in a new folder; see above"
    )
    group.add_argument("--resume", metavar="DIR", help="go on with such a run; see above")
    add_language(group)
    add_json(group)
    group.add_argument(
        "--progress",
        choices=("auto", "bar", "lines", "none"),
        default="auto",
        help="a line an epoch on standard output, a bar on standard error (needs tqdm), or "
        "nothing; auto is the bar if standard error is a terminal and tqdm is installed, else "
        "lines (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Train, print and save as the arguments say; what cannot work is found before training."""
    with silent_but_for(arguments.json) as tell, _folder(arguments) as folder:
        tell(_run(arguments, folder))


def _run(arguments: argparse.Namespace, folder: RunFolder | None) -> dict[str, Any]:
    settings = _settings(arguments, folder)
    _check_files(arguments, settings)
    examples = read_examples(row_arguments(settings))
    check_task(settings, examples.task)
    for line in examples.said:
        say(line)
    network, history, rows_are = None, History(), ""
    if folder is not None:
        rows_are = fingerprint_of(examples.split)
    if arguments.resume:
        assert folder is not None
        folder.check_rows(rows_are, settings["data"])
        network, history = folder.go_on()
    network = network or network_for(settings, examples)
    say_network(network, settings, examples)
    rows = prepare(settings, examples, network)
    epochs = Epochs(network, rows, keywords_of_fit(settings, examples), arguments.progress)
    if folder is None:
        history = epochs.run()
    else:
        epochs.check()
        if not arguments.resume:
            folder.begin(settings, rows_are)
        history = epochs.run_in(folder, history)
    if rows.scaling is not None:
        network = unscaled_network(network, rows.scaling, rows.sample)
    said = f"{len(history)} epoch{'s' * (len(history) != 1)}"
    say(f"trained {said} in {_seconds(history):.2f} s")
    test = examples.split.test
    if len(test[0]):
        say(f"test {quality(network, test)}")
    found = _result(network, history, settings, examples)
    if folder is not None:
        _finish(folder, network, history, examples, found, arguments)
    _save(network, history, arguments)
    return found


def _folder(arguments: argparse.Namespace) -> AbstractContextManager[RunFolder | None]:
    """Return the folder of the run, if there is to be one."""
    if arguments.run_folder is not None and arguments.resume is not None:
        raise ValueError("--run: expected it or --resume, got both")
    if arguments.run_folder is not None:
        check_new(arguments.run_folder)
    path = arguments.run_folder or arguments.resume
    return nullcontext() if path is None else RunFolder(path)


def _settings(arguments: argparse.Namespace, folder: RunFolder | None) -> Settings:
    """Return what the training is told."""
    if arguments.resume:
        assert folder is not None
        return _settings_to_resume(arguments, folder)
    settings = settings_of(arguments)
    if folder is not None and settings["data"] not in NAMES:
        settings["data"] = str(Path(settings["data"]).absolute())  # from wherever it is resumed
    return settings


def _settings_to_resume(arguments: argparse.Namespace, folder: RunFolder) -> Settings:
    """Return what the run was told, but for what may be told anew."""
    if arguments.config is not None:
        raise ValueError("--resume: expected no --config, for the run has its own")
    given, settings = given_in(arguments), folder.settings()
    for key in given:
        if key not in FOR_RESUME:
            raise ValueError(
                f"--resume: expected no setting but {', '.join(FOR_RESUME)}, got {key}; the others "
                f"are those in {folder.file(CONFIG)}"
            )
    return {**settings, **given}


def _check_files(arguments: argparse.Namespace, settings: Settings) -> None:
    """Raise if what is to be written could not be, or needs what is not installed."""
    files = {f"--{name}": getattr(arguments, name) for name in ("output", "plot", "history")}
    inputs = [*files_of(settings["data"]), *filter(None, [arguments.config])]
    check_outputs(files, inputs, {"--output": MODELS, "--plot": PICTURES})
    if arguments.plot:
        require("matplotlib", extra="plot")
    if arguments.progress == "bar":
        require("tqdm", extra="progress")


def _result(
    network: Network, history: History, settings: Settings, examples: Examples
) -> dict[str, Any]:
    """Return what came of a training, in JSON's values."""
    last = {} if len(history) == 0 else history[-1]
    test = examples.split.test
    return {
        "data": settings["data"],
        "task": examples.task,
        "classes": [str(each) for each in examples.info.classes] if examples.info else None,
        "sizes": network.sizes,
        "n_parameters": network.n_parameters,
        "dtype": str(network.dtype),
        "seed": settings["seed"],
        "rows": {name: len(X) for name, (X, _) in examples.split._asdict().items()},
        "epochs": len(history),
        "seconds": _seconds(history),
        "last_epoch": {key: _number(value) for key, value in last.items()},
        "test": measured(network, test) if len(test[0]) else None,
        "settings": settings,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _seconds(history: History) -> float:
    return float(sum(history["seconds"])) if len(history) else 0.0


def _finish(
    folder: RunFolder, network: Network, history: History, examples: Examples,
    found: dict[str, Any], arguments: argparse.Namespace,
) -> None:  # fmt: skip
    """Write the trained network, what came of it and its pictures into the folder."""
    folder.finish(network, found)
    say(f"wrote {folder.file(MODEL)}, {folder.file(HISTORY)}")
    if importlib.util.find_spec("matplotlib") is None:
        say("note: no pictures were drawn, for matplotlib is not installed")
        return
    for path in draw_run(folder.path, network, history, examples, arguments.language or "en"):
        say(f"wrote {path}")


def _save(network: Network, history: History, arguments: argparse.Namespace) -> None:
    """Write the files that were asked for, the one that took the work first."""
    write_files(
        (arguments.output, network.save),
        (arguments.history, history.to_csv),
        (arguments.plot, lambda path: plot_history(history, path)),
        kept=bool(arguments.run_folder or arguments.resume),
    )
