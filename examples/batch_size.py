"""Batch size and normalization: small mini-batches hurt batch norm, not layer or group norm.

Batch norm takes mean and variance from the mini-batch. Those of two or four rows are poor estimates
of what prediction will use, so that its accuracy falls where the others' does not.

    python examples/batch_size.py [FOLDER OF MNIST] [--output batch_size.png]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from _common import arguments, load_images, new_figure, save, tidy

import fastnn
from fastnn import normalization

NORMALIZATIONS = {
    "none": None,
    "batch": normalization.BatchNorm(),
    "layer": normalization.LayerNorm(),
    "group (2)": normalization.GroupNorm(2),
}
COLOURS = dict(zip(NORMALIZATIONS, ["0.5", "#d95f02", "#1f77b4", "#1b9e77"], strict=True))
SIZES = [2, 4, 8, 16, 32, 64, 128]
SEEDS = [0, 1, 2]

Errors = dict[str, np.ndarray]  # (sizes, seeds): share of wrong validation images


def measure(split: fastnn.datasets.Split, epochs: int) -> Errors:
    n_in = split.train[0].shape[1]
    errors: Errors = {}
    for name, norm in NORMALIZATIONS.items():
        rows = []
        for size in SIZES:
            row = []
            for seed in SEEDS:
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
                f"{name:9} mini-batches of {size:3}: {np.mean(row):.2%} wrong, from "
                f"{min(row):.2%} to {max(row):.2%}"
            )
        errors[name] = np.array(rows)
    return errors


def draw(errors: Errors) -> Any:
    figure = new_figure(7.5, 4.8)
    axes = figure.subplots()
    for name, values in errors.items():
        percent = 100 * values
        mean = percent.mean(axis=1)
        spread = [mean - percent.min(axis=1), percent.max(axis=1) - mean]
        axes.errorbar(
            SIZES, mean, spread, color=COLOURS[name], marker="o", ms=4, capsize=3, label=name
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(SIZES, [str(size) for size in SIZES])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}")
    title = "small mini-batches hurt batch normalization (mean and range of 3 seeds)"
    tidy(axes, title, "rows in a mini-batch", "wrong validation images (%)", "upper right")
    return figure


def main(argv: Sequence[str] | None = None) -> Errors:
    asked = arguments(__doc__, argv, "batch_size", folder=True)
    split = load_images(asked.folder, 600 if asked.quick else 10_000)
    errors = measure(split, 8 if asked.quick else 5)
    save(draw(errors), asked.output)
    return errors


if __name__ == "__main__":
    main()
