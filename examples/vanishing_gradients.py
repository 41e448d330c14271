"""Vanishing gradients: how fast each layer of a sigmoid network learns, and ReLU beside it.

The speed of a layer is the norm of its part δ = ∂C/∂z of the gradient. With sigmoid neurons the
first hidden layer of two, three or four learns more slowly than the last, by a factor that grows
about fivefold with each layer; ReLU with He's weights keeps the layers within a factor of two or
three (geometric mean and range of ten networks). In training, the first of these sigmoid networks
goes on so for some twenty epochs; then it comes to a plateau, where all its layers are slow.

    python examples/vanishing_gradients.py [FOLDER OF MNIST] [--output vanishing_gradients.png]
        [--quick] [--seed 0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _command_line import arguments, load_images
from _picture import legend_of, new_figure, save

import fastnn
from fastnn import diagnostics
from fastnn.plot import comparison

KINDS = {"sigmoid": {}, "ReLU": {"activation": "relu", "initializer": "he_normal"}}
DEPTHS = [2, 3, 4]
NETWORKS = 10


@dataclass
class Speeds:
    """For each (kind, depth) before training, and for each depth of sigmoid layers in training."""

    before: dict[tuple[str, int], np.ndarray]  # (networks, hidden layers)
    during: dict[int, np.ndarray]  # (epochs + 1, hidden layers)


def speeds_of(net: fastnn.Network, X: np.ndarray, y: np.ndarray) -> list[float]:
    """Return ‖δ‖ of each hidden layer."""
    return [layer.delta for layer in diagnostics.gradient_norms(net, X, y)][:-1]


def during_training(net: fastnn.Network, X: np.ndarray, y: np.ndarray, epochs: int) -> np.ndarray:
    rows = [speeds_of(net, X, y)]
    # All images in one step, so that the curves are smooth.
    net.fit(
        X,
        y,
        epochs=epochs,
        batch_size=len(X),
        learning_rate=0.1,
        callbacks=[lambda net, history: rows.append(speeds_of(net, X, y))],
    )
    return np.array(rows)


def measure(split: fastnn.datasets.Split, epochs: int, seed: int) -> Speeds:
    X, y = split.train
    speeds = Speeds({}, {})
    for kind, options in KINDS.items():
        for depth in DEPTHS:
            nets = [
                fastnn.Network([X.shape[1], *[30] * depth, 10], rng=seed + i, **options)
                for i in range(NETWORKS)
            ]
            before = np.array([speeds_of(net, X, y) for net in nets])
            speeds.before[kind, depth] = before
            norms = geometric_mean(before)
            print(
                f"{kind}, {depth} hidden layers: {', '.join(f'{norm:.3g}' for norm in norms)}; "
                f"the last learns {norms[-1] / norms[0]:.1f} times as fast as the first"
            )
            if kind == "sigmoid":
                speeds.during[depth] = during_training(nets[0], X, y, epochs)
    return speeds


def geometric_mean(rows: np.ndarray) -> np.ndarray:
    return np.exp(np.log(rows).mean(axis=0))


def draw(speeds: Speeds) -> Any:
    figure = new_figure(12, 9)
    blocks = figure.subfigures(2, 1)
    above, below = (block.subplots(1, len(DEPTHS), sharey=True) for block in blocks)
    for axes, depth in zip(above, DEPTHS, strict=True):
        norms = {f"{kind} (mean and range)": speeds.before[kind, depth] for kind in KINDS}
        comparison(norms, average="geometric", legend=False, ax=axes)
        axes.set_yscale("log")
        axes.set_xticks(range(1, depth + 1))
        axes.set(title=f"before training, {depth} layers", xlabel="hidden layer")
    for axes, depth in zip(below, DEPTHS, strict=True):
        curves = {f"hidden layer {l}": row for l, row in enumerate(speeds.during[depth].T, start=1)}
        comparison(curves, x=range(len(speeds.during[depth])), legend=False, ax=axes)
        axes.set_yscale("log")
        axes.locator_params(axis="x", integer=True, nbins=5)
        axes.set(title=f"sigmoid in training, {depth} layers", xlabel="epoch")
    for block, panels in zip(blocks, (above, below), strict=True):
        panels[0].set_ylabel("speed of learning ‖δ‖")
        legend_of(block, panels[-1], 4)
    return figure


def main(argv: Sequence[str] | None = None) -> Speeds:
    asked = arguments(__doc__, argv, "vanishing_gradients", folder=True)
    split = load_images(asked, 200 if asked.quick else 1000)
    speeds = measure(split, 100 if asked.quick else 300, asked.seed)
    save(asked, draw, speeds)
    return speeds


if __name__ == "__main__":
    main()
