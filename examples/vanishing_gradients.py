"""Vanishing gradients: how fast each layer of a sigmoid network learns, and ReLU beside it.

The speed of a layer is the norm of its part δ = ∂C/∂z of the gradient. With sigmoid neurons the
first hidden layer of two, three or four learns more slowly than the last, by a factor that grows
with the depth; so it goes on while training begins. ReLU with He's weights keeps the layers
together.

    python examples/vanishing_gradients.py [FOLDER OF MNIST] [--output vanishing_gradients.png]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _common import arguments, load_images, new_figure, save, tidy

import fastnn
from fastnn import diagnostics

KINDS = {"sigmoid": {}, "ReLU": {"activation": "relu", "initializer": "he_normal"}}
DEPTHS = [2, 3, 4]
COLOURS = ["#1f77b4", "#d95f02", "#1b9e77", "#7570b3"]


@dataclass
class Speeds:
    """For each (kind, depth) before training, and for each depth of sigmoid layers in training."""

    before: dict[tuple[str, int], list[float]]
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


def measure(split: fastnn.datasets.Split, epochs: int) -> Speeds:
    X, y = split.train
    speeds = Speeds({}, {})
    for kind, options in KINDS.items():
        for depth in DEPTHS:
            net = fastnn.Network([X.shape[1], *[30] * depth, 10], rng=0, **options)
            norms = speeds.before[kind, depth] = speeds_of(net, X, y)
            print(
                f"{kind}, {depth} hidden layers: {', '.join(f'{norm:.3g}' for norm in norms)}; "
                f"the last learns {norms[-1] / norms[0]:.1f} times as fast as the first"
            )
            if kind == "sigmoid":
                speeds.during[depth] = during_training(net, X, y, epochs)
    return speeds


def draw(speeds: Speeds) -> Any:
    figure = new_figure(13, 7.2)
    above, below = figure.subplots(2, len(DEPTHS), sharey="row")
    for axes, depth in zip(above, DEPTHS, strict=True):
        for kind, colour in zip(KINDS, COLOURS, strict=False):
            norms = speeds.before[kind, depth]
            axes.plot(range(1, depth + 1), norms, "o-", color=colour, label=kind)
        axes.set_yscale("log")
        axes.set_xticks(range(1, depth + 1))
        title = f"before training, {depth} hidden layers"
        tidy(axes, title, "hidden layer", "", "lower right")
    for axes, depth in zip(below, DEPTHS, strict=True):
        for l, norms in enumerate(speeds.during[depth].T):
            axes.plot(norms, color=COLOURS[l], lw=1.2, label=f"hidden layer {l + 1}")
        axes.set_yscale("log")
        tidy(axes, f"sigmoid in training, {depth} hidden layers", "epoch", "", "upper right")
    for axes in (above[0], below[0]):
        axes.set_ylabel("speed of learning ‖δ‖")
    return figure


def main(argv: Sequence[str] | None = None) -> Speeds:
    asked = arguments(__doc__, argv, "vanishing_gradients", folder=True)
    split = load_images(asked.folder, 200 if asked.quick else 1000)
    speeds = measure(split, 20 if asked.quick else 300)
    save(draw(speeds), asked.output)
    return speeds


if __name__ == "__main__":
    main()
