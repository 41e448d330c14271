"""Why the cross-entropy is the better cost for sigmoid outputs, and what initial weights do.

A single neuron that starts badly wrong hardly learns at first with the quadratic cost, whose
gradient has the factor σ'(z); with the cross-entropy it learns at once. On images, too, the
cross-entropy has more of them right after the first epochs; later the two are near each other. And
large initial weights N(0, 1) take longer to get as far as the default N(0, 1/n).

    python examples/quadratic_or_cross_entropy.py [FOLDER OF MNIST] [--quick] [--seed 0]
        [--output quadratic_or_cross_entropy.png]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _command_line import arguments, load_images
from _picture import legend_below, new_figure, save

import fastnn
from fastnn import regularizers
from fastnn.plot import comparison

COSTS = {"quadratic": fastnn.QuadraticCost, "cross-entropy": fastnn.CrossEntropyCost}


@dataclass(frozen=True)
class Training:
    epochs: int
    seeds: Sequence[int]


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
    split: fastnn.datasets.Split, training: Training, cost: Any, initializer: str, rate: float,
    l2: float,
) -> np.ndarray:  # fmt: skip
    """Return the validation accuracy after each epoch, a row for each seed."""
    rows = []
    for seed in training.seeds:
        sizes = [split.train[0].shape[1], 30, 10]
        net = fastnn.Network(sizes, cost, initializer=initializer, rng=seed)
        history = net.fit(
            *split.train,
            epochs=training.epochs,
            batch_size=10,
            learning_rate=rate,
            regularizer=regularizers.L2(l2),
            validation_data=split.validation,
        )
        rows.append(history["validation_accuracy"])
    return np.array(rows)


def measure(split: fastnn.datasets.Split, training: Training) -> dict[str, dict[str, Any]]:
    # The penalty λ/2n Σw² is meant for the 50,000 images of MNIST: the same λ/n for fewer.
    l2 = 5.0 * len(split.train[0]) / 50_000
    quadratic, cross_entropy = COSTS.values()
    results: dict[str, dict[str, Any]] = {
        "neuron": {name: one_neuron(cost) for name, cost in COSTS.items()},
        "cost": {
            # The quadratic cost's slope is a quarter of the other's at most: it may step farther.
            "quadratic": on_images(split, training, quadratic, "large", 3.0, 0.0),
            "cross-entropy": on_images(split, training, cross_entropy, "large", 0.5, 0.0),
        },
        "initializer": {
            name: on_images(split, training, cross_entropy, name, 0.1, l2)
            for name in ("large", "default")
        },
    }
    for name, answers in results["neuron"].items():
        print(f"one neuron, {name}: its answer, which should be 0, after 0, 50, 100, 300 epochs: "
              + ", ".join(f"{answers[epoch]:.3f}" for epoch in (0, 50, 100, 300)))  # fmt: skip
    for what in ("cost", "initializer"):
        for name, accuracies in results[what].items():
            mean = accuracies.mean(axis=0)
            print(f"{what} {name}: {mean[0]:.2%} after the first epoch, "
                  f"{mean[-1]:.2%} after {len(mean)}, mean of {len(accuracies)} seeds")  # fmt: skip
    return results


def draw(results: dict[str, dict[str, Any]]) -> Any:
    figure = new_figure(15, 5.6)
    panels = figure.subplots(1, 3)
    answers = results["neuron"]
    comparison(answers, x=range(len(answers["quadratic"])), legend=False, ax=panels[0])
    panels[0].set_title("one neuron that starts badly wrong")
    panels[0].set(xlabel="epoch", ylabel="its answer; 0 is right", ylim=(0, 1))
    titles = {"cost": "two costs, on images", "initializer": "two ways to start (cross-entropy)"}
    for axes, (what, title) in zip(panels[1:], titles.items(), strict=True):
        percent = {name: 100 * accuracies for name, accuracies in results[what].items()}
        comparison(percent, legend=False, ax=axes)
        axes.locator_params(axis="x", integer=True)
        seeds = len(next(iter(percent.values())))
        axes.set_title(f"{title}\n(mean and range of {seeds} seeds)")
        axes.set(xlabel="epoch", ylabel="right validation images (%)")
    for axes in panels:
        legend_below(axes, 2)
    return figure


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    asked = arguments(__doc__, argv, "quadratic_or_cross_entropy", folder=True)
    split = load_images(asked, 1000 if asked.quick else None)
    training = Training(10 if asked.quick else 30, range(asked.seed, asked.seed + 3))
    results = measure(split, training)
    save(asked, draw, results)
    return results


if __name__ == "__main__":
    main()
