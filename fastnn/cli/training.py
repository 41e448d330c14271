"""From settings to what is trained: the rows, scaled, and the network for them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import optimizers
from fastnn._common.checks import brief
from fastnn.cli.examples import Examples
from fastnn.cli.outputs import say
from fastnn.cli.rows import choose_part, count_classes
from fastnn.cli.scaling import (
    Scaling,
    largest_of_pixels,
    scale_rows,
    scaling_of,
    scaling_of_pixels,
    unscaled,
)
from fastnn.cli.settings import NETWORK, ROWS, TRAINING, Settings, made, name_of
from fastnn.datasets import Split
from fastnn.datasets.split import Xy
from fastnn.network import Network

# What is not given. The outputs of a regression have no sigmoid that would hold long steps in, and
# with tanh, whose mean is 0, short ones get farther.
ACTIVATIONS = {"classification": "sigmoid", "regression": "tanh"}
RATES = {"classification": 0.5, "regression": 0.02}
COSTS = {"classification": "cross_entropy", "regression": "quadratic"}
# Those of a regression, and the output that each goes with.
OF_REGRESSION = {
    "quadratic": "identity", "huber": "identity", "absolute": "identity", "quantile": "identity",
    "poisson": "exp",
}  # fmt: skip
SOME_ROWS = 1000  # on which the scaled and the unscaled network are compared


@dataclass(frozen=True)
class Rows:
    """What a network is trained on.

    Attributes
    ----------
    train : (X, y)
        Scaled.
    validation : (X, y) or None
        Scaled, too; to measure after each epoch.
    scaling : Scaling or None
    sample : array (m, n_in)
        Some training rows as they are in the data; none without a scaling.
    """

    train: Xy
    validation: Xy | None
    scaling: Scaling | None
    sample: np.ndarray


def row_arguments(settings: Settings) -> argparse.Namespace:
    """Return the settings of the rows as the readers of data take them."""
    return argparse.Namespace(**{key: settings.get(key) for key in ROWS})


def check_task(settings: Settings, task: str) -> None:
    """Raise for settings that a regression does not take."""
    if task != "regression":
        return
    cost = name_of(settings.get("cost", COSTS[task])).replace("-", "_")
    if cost not in OF_REGRESSION:
        raise ValueError(
            f"--cost {name_of(cost)}: a regression takes {', '.join(OF_REGRESSION)}; "
            "or say --task classification"
        )
    output, wanted = settings.get("output"), OF_REGRESSION[cost]
    if output not in (None, wanted):
        raise ValueError(
            f"--output-activation {output}: a regression takes {wanted}"
            f"{' with poisson' if wanted == 'exp' else ''}; or say --task classification"
        )


def prepare(settings: Settings, examples: Examples, network: Network) -> Rows:
    """Return the rows for a network, and say how they were scaled."""
    arguments, split = row_arguments(settings), examples.split
    validation = _validation(settings, split)
    scaling = scaling_for(arguments, examples, of_target=network.output == "identity")
    if scaling is None:
        return Rows(split.train, validation, None, split.train[0][:0])
    sample = split.train[0][:SOME_ROWS].copy()
    rows = scale_rows(split.train, scaling, in_place=True)
    return Rows(rows, validation and scale_rows(validation, scaling), scaling, sample)


def _validation(settings: Settings, split: Split) -> Xy | None:
    """Return the rows to measure after each epoch, or None."""
    named = settings["validation"]
    if named in ("test", "none"):
        return None if named == "none" else choose_part(split, "test", settings["data"])
    return split.validation if len(split.validation[0]) else None


def scaling_for(
    arguments: argparse.Namespace, examples: Examples, *, of_target: bool = True
) -> Scaling | None:
    """Return how inputs and targets are to be scaled, and say it; None if they are not."""
    X, y = examples.split.train
    regression, asked = examples.task == "regression", arguments.standardize
    largest = 1.0 if examples.are_pixels else None if regression else largest_of_pixels(X)
    if asked is False or (asked is None and largest == 1):
        said = "--no-standardize" if asked is False else "pixels from 0 to 1"
        say(f"scaling: none ({said})")
        return None
    if asked is None and largest is not None:
        say("scaling: pixels from 0 to 255 to 0 to 1, saved within the weights")
        return scaling_of_pixels(X.shape[1])
    names = None if examples.info is None else examples.info.features
    scaling = scaling_of(X, y if of_target else np.empty(0, np.int64), names)
    constant = int(np.count_nonzero(~scaling.used))
    left_out = f", {constant} constant ones left out" * (constant > 0)
    what = "features and target" if regression and of_target else "features"
    say(
        f"scaling: {what} to mean 0 and standard deviation 1 in the training rows{left_out}; saved "
        "within the weights (--no-standardize: none)"
    )
    return scaling


def unscaled_network(network: Network, scaling: Scaling, sample: np.ndarray) -> Network:
    """Return the network for rows as they are in the data, and say if it had to be float64."""
    found = unscaled(network, scaling, sample)
    if found is not network:
        say("note: float32 is too coarse for features of this size; the network is now float64")
    return found


def network_for(settings: Settings, examples: Examples) -> Network:
    """Return a new network of the settings, which say its seed, for the data."""
    network = Network(**_keywords(settings, examples), rng=settings["seed"])
    network.table = examples.info
    return network


def _keywords(settings: Settings, examples: Examples) -> dict[str, Any]:
    task, split = examples.task, examples.split
    found = made({"cost": COSTS[task], **settings}, NETWORK)
    hidden, names = found.pop("hidden"), found.get("activation") or ACTIVATIONS[task]
    found.pop("seed")
    names = [names] if isinstance(names, str) else names
    found["activation"] = names[0] if len(names) == 1 else names
    if task == "regression":
        cost = name_of(settings.get("cost", COSTS[task])).replace("-", "_")
        found["output"] = OF_REGRESSION[cost]
    n_in, n_out = split.train[0].shape[1], count_outputs(examples, settings["data"])
    return {"sizes": [n_in, *hidden, n_out], **found}


def say_network(network: Network, settings: Settings, examples: Examples) -> None:
    """Say what is trained on how many rows."""
    hidden = ", ".join(dict.fromkeys(network.activation)) or "no hidden layer"
    cost = name_of(settings.get("cost", COSTS[examples.task]))
    say(
        f"{'-'.join(map(str, network.sizes))} ({network.n_parameters} parameters), {hidden}, "
        f"output {network.output}, {cost}, {network.dtype}, seed {settings['seed']}"
    )
    split = examples.split
    counts = [f"{len(X)} {name}" for name, (X, _) in zip(Split._fields, split, strict=True)]
    say(f"{settings['data']}: {', '.join(counts)} rows")


def count_outputs(examples: Examples, data: str) -> int:
    """Return how many outputs a network needs: one a class, and one for a regression."""
    if examples.info is None:
        return count_classes(examples.split, data)
    return len(examples.info.classes) or 1


def keywords_of_fit(settings: Settings, examples: Examples) -> dict[str, Any]:
    """Return what ``fit`` is told beside the rows.

    Raises
    ------
    TypeError, ValueError
        Naming the key.
    """
    found = made(settings, TRAINING)
    chosen = optimizers.get(found.get("optimizer", "sgd"))
    found["optimizer"] = chosen
    if found.get("learning_rate") is None and type(chosen) is optimizers.SGD:
        found["learning_rate"] = RATES[examples.task]
    if isinstance(found.get("class_weight"), Mapping):
        found["class_weight"] = _by_place(found["class_weight"], examples)
    return found


def _by_place(weights: Mapping[str, float], examples: Examples) -> dict[int, float]:
    """Return weights of classes by their places, in which a network knows them."""
    if examples.task == "regression":
        raise ValueError("class_weight: expected targets that are classes, got a regression")
    info = examples.info
    largest = int(max(y.max(initial=0) for _, y in examples.split))
    names = [str(each) for each in (range(largest + 1) if info is None else info.classes)]
    for name in weights:
        if str(name) not in names:
            raise ValueError(
                f"class_weight: expected classes among {brief(names)}, got {brief(name)}"
            )
    return {names.index(str(name)): weight for name, weight in weights.items()}
