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
from fastnn import diagnostics, plot

UNITS = 100
SIGMAS = {
    "σ = 1": 1.0,
    "σ = 0.01": 0.01,
    "σ = √(1/n)": (1 / UNITS) ** 0.5,
    "σ = √(2/n)": (2 / UNITS) ** 0.5,
}
NETWORKS = [("sigmoid", 5), ("tanh", 5), ("relu", 5), ("tanh", 10), ("relu", 10)]
NORMALIZATIONS = {"without normalization": None, "with batch normalization": "batch"}

# by normalization, initializer, activation and depth
Networks = dict[tuple[str, str, str, int], fastnn.Network]
Outputs = dict[tuple[str, str, str, int], list[np.ndarray]]  # what each hidden layer puts out


def networks(seed: int) -> Networks:
    nets: Networks = {}
    for norm_name, norm in NORMALIZATIONS.items():
        for sigma_name, sigma in SIGMAS.items():
            for activation, depth in NETWORKS:
                nets[norm_name, sigma_name, activation, depth] = fastnn.Network(
                    [UNITS] * (depth + 1) + [1],
                    activation=activation,
                    initializer=fastnn.initializers.Normal(sigma=sigma),
                    normalization=norm,
                    rng=seed + 1,
                )
    return nets


def draw(nets: Networks, X: np.ndarray) -> Any:
    figure = new_figure(13, 18)
    figure.suptitle(
        "What the hidden layers put out before training, the first layer at the bottom\n"
        "(each histogram to its own height; the bar of ReLU's zeros is cut off)"
    )
    for block, norm_name in zip(figure.subfigures(2, 1, hspace=0.04), NORMALIZATIONS, strict=True):
        block.suptitle(norm_name, fontsize=16)
        panels = block.subplots(len(SIGMAS), len(NETWORKS))
        for row, sigma_name in zip(panels, SIGMAS, strict=True):
            for axes, (activation, depth) in zip(row, NETWORKS, strict=True):
                net = nets[norm_name, sigma_name, activation, depth]
                plot.activations(net, X, stacked=True, output=False, ax=axes)
                axes.set(title="", xlabel="", ylabel="")
                axes.xaxis.set_major_formatter(lambda value, _: f"{value:.2g}".replace("e+0", "e"))
            row[0].set_ylabel(f"{sigma_name}\nlayer")
        for axes, (activation, depth) in zip(panels[0], NETWORKS, strict=True):
            axes.set_title(f"{activation}, {depth} layers", fontsize=13)
        for axes in panels[-1]:
            axes.set_xlabel("activation")
    return figure


def main(argv: Sequence[str] | None = None) -> Outputs:
    asked = arguments(__doc__, argv, "activations")
    X = np.random.default_rng(asked.seed).normal(size=(200 if asked.quick else 1000, UNITS))
    nets = networks(asked.seed)
    # The last layer's is the output, which is not drawn.
    outputs = {key: diagnostics.activations(net, X)[:-1] for key, net in nets.items()}
    print("standard deviation of the activations in the first and the last hidden layer")
    for (norm_name, sigma_name, activation, depth), layers in outputs.items():
        first, last = layers[0].std(), layers[-1].std()
        print(f"{activation:7} {depth:2} layers, {sigma_name:10} {norm_name:24} "
              f"{first:9.3g} {last:9.3g}")  # fmt: skip
    save(asked, draw, nets, X)
    return outputs


if __name__ == "__main__":
    main()
