"""What a network's layers put out before any training, for four ways to draw its weights.

1000 inputs drawn from a normal distribution go through 5 or 10 hidden layers of 100 units. With
weights too large, sigmoid and tanh sit at their ends, where they cannot learn, and ReLU explodes;
with weights too small, the last layers say the same to every input. √(1/n) suits tanh and √(2/n)
ReLU; batch normalization forgives any of them.

    python examples/activations.py [--output activations.png] [--quick] [--seed 0]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from _command_line import arguments
from _picture import new_figure, save

import fastnn
from fastnn import diagnostics

UNITS = 100
SIGMAS = {
    "σ = 1": 1.0,
    "σ = 0.01": 0.01,
    "σ = √(1/n)": (1 / UNITS) ** 0.5,
    "σ = √(2/n)": (2 / UNITS) ** 0.5,
}
NETWORKS = [("sigmoid", 5), ("tanh", 5), ("relu", 5), ("tanh", 10), ("relu", 10)]
NORMALIZATIONS = {"without normalization": None, "with batch normalization": "batch"}

# (normalization, initializer, activation, depth): what each hidden layer puts out
Outputs = dict[tuple[str, str, str, int], list[np.ndarray]]


def measure(rows: int, seed: int) -> Outputs:
    X = np.random.default_rng(seed).normal(size=(rows, UNITS))
    outputs: Outputs = {}
    for norm_name, norm in NORMALIZATIONS.items():
        for sigma_name, sigma in SIGMAS.items():
            for activation, depth in NETWORKS:
                net = fastnn.Network(
                    [UNITS] * (depth + 1) + [1],
                    activation=activation,
                    initializer=fastnn.initializers.Normal(sigma=sigma),
                    normalization=norm,
                    rng=seed + 1,
                )
                hidden = diagnostics.activations(net, X)[:-1]  # the last one is the output
                outputs[norm_name, sigma_name, activation, depth] = hidden
    return outputs


def ridge(axes: Any, layers: list[np.ndarray], activation: str) -> None:
    """Draw a histogram for each layer, the first one at the bottom."""
    # ReLU has no end: all but its largest percent is shown.
    largest = max(float(np.quantile(a, 0.99)) for a in layers)
    ends = {"sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, largest)}[activation]
    for l, a in enumerate(layers):
        counts, edges = np.histogram(a, bins=50, range=ends)
        # Half of what ReLU puts out is 0: that bar is cut off, or no other would be seen.
        tallest = counts[1:].max() if activation == "relu" else counts.max()
        heights = 0.85 * np.minimum(counts / max(tallest, 1), 1)
        colour = ("#0072B2", "#56B4E9")[l % 2]  # by turns, so that neighbours are told apart
        axes.stairs(l + 1 + heights, edges, baseline=l + 1, fill=True, color=colour)
    axes.set_yticks(range(1, len(layers) + 1, 1 if len(layers) <= 5 else 3))
    axes.set_ylim(0.9, len(layers) + 1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.2g}".replace("e+0", "e"))


def draw(outputs: Outputs) -> Any:
    figure = new_figure(13, 18)
    figure.suptitle(
        "What the hidden layers put out before training, the first layer at the bottom\n"
        "(each histogram to its own height; the bar of ReLU's zeros is cut off)"
    )
    for block, norm_name in zip(figure.subfigures(2, 1, hspace=0.04), NORMALIZATIONS, strict=True):
        block.suptitle(norm_name, fontweight="bold")
        panels = block.subplots(len(SIGMAS), len(NETWORKS))
        for row, sigma_name in zip(panels, SIGMAS, strict=True):
            row[0].set_ylabel(f"{sigma_name}\nhidden layer")
            for axes, (activation, depth) in zip(row, NETWORKS, strict=True):
                ridge(axes, outputs[norm_name, sigma_name, activation, depth], activation)
        for axes, (activation, depth) in zip(panels[0], NETWORKS, strict=True):
            axes.set_title(f"{activation}, {depth} layers", fontsize=13)
        for axes in panels[-1]:
            axes.set_xlabel("activation")
    return figure


def main(argv: Sequence[str] | None = None) -> Outputs:
    asked = arguments(__doc__, argv, "activations")
    outputs = measure(200 if asked.quick else 1000, asked.seed)
    print("standard deviation of the activations in the first and the last hidden layer")
    for (norm_name, sigma_name, activation, depth), layers in outputs.items():
        first, last = layers[0].std(), layers[-1].std()
        print(f"{activation:7} {depth:2} layers, {sigma_name:10} {norm_name:24} "
              f"{first:9.3g} {last:9.3g}")  # fmt: skip
    save(asked.output, draw, outputs)
    return outputs


if __name__ == "__main__":
    main()
