"""Batch size and normalization: small mini-batches hurt batch norm, not layer or group norm.

Batch norm takes mean and variance from the mini-batch. Those of two or four rows are poor estimates
of what prediction will use: of two rows it leaves no more than which is the larger. So it makes
many mistakes where the others, which take them from the neurons of one row, make as few as ever.

    python examples/batch_size.py [FOLDER OF MNIST] [--output batch_size.png] [--quick] [--seed 0]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from _command_line import arguments, load_images
from _picture import legend_of, new_figure, save

import fastnn
from fastnn import normalization
from fastnn.plot import comparison

NORMALIZATIONS = {
    "no norm": None,
    "batch norm": normalization.BatchNorm(),
    "layer norm": normalization.LayerNorm(),
    "group norm (2)": normalization.GroupNorm(groups=2),
}
SIZES = [2, 4, 8, 16, 32, 64]

Errors = dict[str, np.ndarray]  # (sizes, seeds): share of wrong validation images


def measure(split: fastnn.datasets.Split, epochs: int, seeds: Sequence[int]) -> Errors:
    n_in = split.train[0].shape[1]
    errors: Errors = {}
    for name, norm in NORMALIZATIONS.items():
        rows = []
        for size in SIZES:
            row = []
            for seed in seeds:
                net = fastnn.Network(
                    [n_in, 64, 64, 64, 10], fastnn.LogLikelihoodCost, activation="relu",
                    initializer="he_normal", normalization=norm, dtype="float32", rng=seed,
                )  # fmt: skip
                # The step grows with the mini-batch, so that an epoch goes about as far.
                net.fit(*split.train, epochs=epochs, batch_size=size, learning_rate=0.001 * size)
                X, y = split.validation
                row.append(1 - net.accuracy((X, y)) / len(y))
            rows.append(row)
            print(
                f"{name:14} mini-batches of {size:3}: {np.mean(row):.2%} wrong, from "
                f"{min(row):.2%} to {max(row):.2%}"
            )
        errors[name] = np.array(rows)
    return errors


def draw(errors: Errors) -> Any:
    figure = new_figure(9, 6.5)
    axes = figure.subplots()
    percent = {name: 100 * values.T for name, values in errors.items()}
    comparison(percent, x=SIZES, legend=False, ax=axes)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(SIZES, [str(size) for size in SIZES])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}")
    axes.set_title("small mini-batches hurt batch norm (mean and range of 3 seeds)")
    axes.set(xlabel="rows in a mini-batch", ylabel="wrong validation images (%)")
    legend_of(figure, axes, 4)
    return figure


def main(argv: Sequence[str] | None = None) -> Errors:
    asked = arguments(__doc__, argv, "batch_size", folder=True)
    split = load_images(asked, 600 if asked.quick else 10_000)
    # As many images as the 10,000 of MNIST need more epochs where they are few.
    epochs = 20 if len(split.train[0]) <= 1000 else 5
    errors = measure(split, epochs, range(asked.seed, asked.seed + 3))
    save(asked, draw, errors)
    return errors


if __name__ == "__main__":
    main()
