"""Greedy layer-wise pre-training: many images, few of them labelled.

Each hidden layer of a deep sigmoid network first learns, without labels, to give back what the
layer below puts out. Fine-tuning on the few labelled images then starts from there, learns at once
and ends with more right answers than from random weights, from which such a network hardly learns
at first. Drawn are the learning curves, and the weights of the first layer's units as images: noise
before, strokes and spots after.

    python examples/pretraining.py [FOLDER OF MNIST] [--output pretraining.png] [--quick] [--seed 0]
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _command_line import arguments, load_images
from _picture import legend_below, new_figure, save

import fastnn
from fastnn import pretrain
from fastnn.plot import comparison, weights


@dataclass
class Runs:
    """For each start: accuracies (seeds, epochs), and the last network before fine-tuning."""

    accuracies: dict[str, np.ndarray]
    nets: dict[str, fastnn.Network]
    costs: list[list[float]]  # of giving back, a list a layer


def measure(
    split: fastnn.datasets.Split, labelled: int, epochs: tuple[int, int], seeds: Sequence[int]
) -> Runs:
    X, y = split.train
    Xv, yv = split.validation
    runs = Runs({}, {}, [])
    for start in ("random weights", "pre-trained"):
        curves = []
        for seed in seeds:
            net = fastnn.Network(
                [X.shape[1], 100, 100, 100, 10], fastnn.LogLikelihoodCost,
                initializer="xavier_uniform", dtype="float32", rng=seed,
            )  # fmt: skip
            if start == "pre-trained":
                histories = pretrain.greedy_autoencoder(
                    net, X, epochs=epochs[0], optimizer="adam", learning_rate=0.002
                )
                runs.costs = [history["training_cost"] for history in histories]
            runs.nets[start] = copy.deepcopy(net)  # before it is fine-tuned
            history = net.fit(
                X[:labelled],
                y[:labelled],
                epochs=epochs[1],
                batch_size=10,
                learning_rate=0.1,
                validation_data=(Xv[:2000], yv[:2000]),
            )
            curves.append(history["validation_accuracy"])
        runs.accuracies[start] = np.array(curves)
    for l, costs in enumerate(runs.costs, start=1):
        print(f"hidden layer {l} learns to give back: cost {costs[0]:.3f} to {costs[-1]:.3f}")
    for start, curves in runs.accuracies.items():
        mean = curves.mean(axis=0)
        print(
            f"{start}: {mean[0]:.2%} of the validation images after the first epoch, "
            f"{mean[-1]:.2%} after {len(mean)} (mean of {len(curves)} seeds)"
        )
    return runs


def draw(runs: Runs, labelled: int) -> Any:
    figure = new_figure(17, 5.6)
    first, *others = figure.subplots(1, 3, width_ratios=[1.2, 1, 1])
    percent = {start: 100 * curves for start, curves in runs.accuracies.items()}
    comparison(percent, legend=False, ax=first)
    seeds = len(next(iter(percent.values())))
    first.set_title(f"fine-tuning, {labelled} labelled images\n(mean and range of {seeds} seeds)")
    first.set(xlabel="epoch", ylabel="right validation images (%)")
    legend_below(first, 2)
    for axes, (start, net) in zip(others, runs.nets.items(), strict=True):
        weights(net, most=25, ax=axes)
        axes.set_title(f"weights of 25 units of the first\nlayer: {start}")
    return figure


def main(argv: Sequence[str] | None = None) -> Runs:
    asked = arguments(__doc__, argv, "pretraining", folder=True)
    split = load_images(asked, 1000 if asked.quick else 10_000)
    labelled = 100 if asked.quick else 500
    epochs = (20, 40) if asked.quick else (20, 100)
    runs = measure(split, labelled, epochs, range(asked.seed, asked.seed + 3))
    save(asked, draw, runs, labelled)
    return runs


if __name__ == "__main__":
    main()
