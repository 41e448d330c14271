"""Why the cross-entropy is the better cost for sigmoid outputs, and what initial weights do.

A single neuron that starts badly wrong hardly learns at first with the quadratic cost, whose
gradient has the factor σ'(z); with the cross-entropy it learns at once. Then the same on images,
and large initial weights N(0, 1) against the default N(0, 1/n).

    python examples/quadratic_or_cross_entropy.py [FOLDER OF MNIST]
        [--output quadratic_or_cross_entropy.png]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from _common import arguments, load_images, new_figure, save, tidy

import fastnn
from fastnn import regularizers

COSTS = {"quadratic": fastnn.QuadraticCost, "cross-entropy": fastnn.CrossEntropyCost}
COLOURS = {
    "quadratic": "#d95f02",
    "cross-entropy": "#1f77b4",
    "large": "#d95f02",
    "default": "#1f77b4",
}


def one_neuron(cost: Any) -> list[float]:
    """Teach a neuron with weight 2 and bias 2 to answer 0 to the input 1; return its answers."""
    net = fastnn.Network([1, 1], cost, initializer="zeros")
    net.weights, net.biases = [[[2.0]]], [[[2.0]]]
    answers = [net.predict([1.0])[0]]
    net.fit(
        [[1.0]],
        [[0.0]],
        epochs=300,
        batch_size=1,
        learning_rate=0.15,
        callbacks=[lambda net, history: answers.append(net.predict([1.0])[0])],
    )
    return [float(answer) for answer in answers]


def on_images(
    split: fastnn.datasets.Split, epochs: int, cost: Any, initializer: str, rate: float, l2: float
) -> list[float]:
    """Return the validation accuracy after each epoch."""
    net = fastnn.Network([split.train[0].shape[1], 30, 10], cost, initializer=initializer, rng=0)
    history = net.fit(
        *split.train,
        epochs=epochs,
        batch_size=10,
        learning_rate=rate,
        regularizer=regularizers.L2(l2),
        validation_data=split.validation,
    )
    return history["validation_accuracy"]


def measure(split: fastnn.datasets.Split, epochs: int) -> dict[str, dict[str, list[float]]]:
    # The penalty λ/2n Σw² is meant for the 50,000 images of MNIST: the same λ/n for fewer.
    l2 = 5.0 * len(split.train[0]) / 50_000
    results = {
        "neuron": {name: one_neuron(cost) for name, cost in COSTS.items()},
        "cost": {
            # The quadratic cost's slope is a quarter of the other's at most: it may step farther.
            "quadratic": on_images(split, epochs, COSTS["quadratic"], "large", 3.0, 0.0),
            "cross-entropy": on_images(split, epochs, COSTS["cross-entropy"], "large", 0.5, 0.0),
        },
        "initializer": {
            name: on_images(split, epochs, COSTS["cross-entropy"], name, 0.1, l2)
            for name in ("large", "default")
        },
    }
    for name, answers in results["neuron"].items():
        print(f"one neuron, {name}: its answer, which should be 0, after 0, 50, 100, 300 epochs: "
              + ", ".join(f"{answers[epoch]:.3f}" for epoch in (0, 50, 100, 300)))  # fmt: skip
    for what in ("cost", "initializer"):
        for name, accuracies in results[what].items():
            print(f"{what} {name}: {accuracies[0]:.2%} after the first epoch, "
                  f"{accuracies[-1]:.2%} after {len(accuracies)}")  # fmt: skip
    return results


def draw(results: dict[str, dict[str, list[float]]]) -> Any:
    figure = new_figure(14, 4.2)
    panels = figure.subplots(1, 3)
    for name, answers in results["neuron"].items():
        panels[0].plot(answers, color=COLOURS[name], label=name)
    tidy(panels[0], "one neuron that starts badly wrong", "epoch", "its answer; 0 is right")
    panels[0].set_ylim(0, 1)
    titles = {"cost": "two costs", "initializer": "two ways to start (cross-entropy)"}
    for axes, (what, title) in zip(panels[1:], titles.items(), strict=True):
        for name, accuracies in results[what].items():
            percent = 100 * np.array(accuracies)
            axes.plot(range(1, len(percent) + 1), percent, color=COLOURS[name], label=name)
        tidy(axes, title, "epoch", "right validation images (%)", "lower right")
    return figure


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, list[float]]]:
    asked = arguments(__doc__, argv, "quadratic_or_cross_entropy", folder=True)
    split = load_images(asked.folder, 1000 if asked.quick else None)
    results = measure(split, 10 if asked.quick else 30)
    save(draw(results), asked.output)
    return results


if __name__ == "__main__":
    main()
