"""Overfitting: a network learns 1000 images by heart, and what helps.

Without a cure the cost of the training images falls for ever, while that of images never seen
falls, then rises. The L2 penalty keeps it down; dropout gives more right answers; early stopping
and halving the learning rate until it is 1/128 of the first end the training when it has stopped
to help. The best cure is more data.

    python examples/overfitting.py [FOLDER OF MNIST] [--output overfitting.png]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from _common import arguments, load_images, new_figure, save, tidy

import fastnn
from fastnn import regularizers, schedules, stopping

COLOURS = {
    "no cure": "0.3",
    "L2": "#1f77b4",
    "dropout": "#d95f02",
    "early stopping": "#1b9e77",
    "halving the rate": "#7570b3",
}


def cures(n: int) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Return the options of the network and those of its training on ``n`` images, by name."""
    return {
        "no cure": ({}, {}),
        "L2": ({}, {"regularizer": regularizers.L2(n / 1000)}),
        "dropout": ({"dropout": 0.5}, {}),
        "early stopping": ({}, {"stopping": stopping.EarlyStopping(patience=10)}),
        "halving the rate": (
            {},
            {"schedule": schedules.HalveOnPlateau(patience=10, until=1 / 128)},
        ),
    }


def measure(split: fastnn.datasets.Split, epochs: int) -> dict[str, dict[str, Any]]:
    results = {}
    X, y = split.validation
    for name, (of_network, of_training) in cures(len(split.train[0])).items():
        net = fastnn.Network([split.train[0].shape[1], 100, 10], rng=0, **of_network)
        history = net.fit(
            *split.train,
            epochs=epochs,
            batch_size=10,
            learning_rate=0.1,
            validation_data=(X[:2000], y[:2000]),  # enough to choose by
            metrics=["accuracy"],  # of the training images too
            **of_training,
        )
        results[name] = {**history.to_dict(), "test": net.accuracy(split.test) / len(split.test[0])}
        costs = results[name]["validation_cost"]
        print(
            f"{name:17} {len(history):4} epochs; cost of the validation images: lowest "
            f"{min(costs):.3f}, last {costs[-1]:.3f}; {results[name]['test']:.2%} of the test "
            "images are right"
        )
    return results


def draw(results: dict[str, dict[str, Any]]) -> Any:
    figure = new_figure(14, 4.3)
    panels = figure.subplots(1, 3)
    shown = {
        "training_cost": ("cost of the training images", "cross-entropy and penalty"),
        "validation_cost": ("cost of the validation images", "cross-entropy"),
        "validation_accuracy": ("accuracy on the validation images", "right validation images (%)"),
    }
    for axes, (column, (title, ylabel)) in zip(panels, shown.items(), strict=True):
        for name, columns in results.items():
            values = columns[column]
            if column == "validation_accuracy":
                values = [100 * value for value in values]
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, values, color=COLOURS[name], lw=1.2, label=name)
            axes.plot(epochs[-1], values[-1], "o", color=COLOURS[name], ms=4)  # where it ended
        tidy(axes, title, "epoch", ylabel, "lower left" if axes is panels[0] else None)
    panels[0].set_yscale("log")
    lowest = min(min(columns["validation_cost"]) for columns in results.values())
    panels[1].set_ylim(0.9 * lowest, 2 * lowest)  # the first epochs lie above
    best = max(max(columns["validation_accuracy"]) for columns in results.values())
    panels[2].set_ylim(100 * best - 8, 100 * best + 1)
    return figure


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    asked = arguments(__doc__, argv, "overfitting", folder=True)
    split = load_images(asked.folder, 100 if asked.quick else 1000)
    results = measure(split, 800 if asked.quick else 200)
    save(draw(results), asked.output)
    return results


if __name__ == "__main__":
    main()
