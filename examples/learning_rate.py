"""Three ways to find a learning rate: a threshold, a range test and a small grid.

The threshold is the largest rate at which the training cost falls from the first epoch on. The
range test trains once, with a rate that grows at each step. The grid tries rates together with
strengths of the L2 penalty, and keeps what is best on the validation images.

    python examples/learning_rate.py [FOLDER OF MNIST] [--output learning_rate.png] [--quick]
        [--seed 0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _command_line import arguments, load_images
from _picture import legend_below, new_figure, save

import fastnn
from fastnn import regularizers, tune
from fastnn.plot import comparison, learning_rate_range

RATES = [0.01, 0.1, 0.5, 2.0, 10.0]
STRENGTHS = [0.0, 0.1, 1.0, 10.0]  # λ for a set of 1000 images


@dataclass
class Found:
    threshold: tune.Threshold
    range_test: tune.RateRange
    accuracies: np.ndarray  # (strengths, rates), on the validation images


def measure(split: fastnn.datasets.Split, epochs: int, seed: int) -> Found:
    n, n_in = split.train[0].shape

    def fresh() -> fastnn.Network:
        return fastnn.Network([n_in, 30, 10], rng=seed)

    threshold = tune.learning_rate_threshold(fresh, *split.train, epochs=3, batch_size=10)
    for trial in threshold.trials:
        costs = ", ".join(f"{cost:.3g}" for cost in trial.costs)
        print(f"rate {trial.learning_rate:.3g}: costs {costs}: {'falls' if trial.falls else 'no'}")
    print(f"threshold: from {threshold.learning_rate:.3g} to {threshold.above:.3g}")

    range_test = tune.learning_rate_range(
        fresh, *split.train, lowest=1e-3, highest=1e3, batch_size=10
    )
    largest, suggestion = range_test.largest, range_test.suggestion
    print(f"range test: lowest cost at {largest:.3g}, so try {suggestion:.3g}")

    accuracies = np.empty((len(STRENGTHS), len(RATES)))
    for i, strength in enumerate(STRENGTHS):
        for j, rate in enumerate(RATES):
            history = fresh().fit(
                *split.train,
                epochs=epochs,
                batch_size=10,
                learning_rate=rate,
                regularizer=regularizers.L2(strength * n / 1000),
                validation_data=split.validation,
            )
            accuracies[i, j] = history["validation_accuracy"][-1]
    i, j = np.unravel_index(accuracies.argmax(), accuracies.shape)
    print(f"grid: best is rate {RATES[j]:g} with λ = {STRENGTHS[i]:g} · n/1000, "
          f"{accuracies[i, j]:.2%} of the validation images")  # fmt: skip
    return Found(threshold, range_test, accuracies)


def draw(found: Found) -> Any:
    figure = new_figure(12, 10.5)
    panels = figure.subplot_mosaic([["threshold", "range test"], ["grid", "grid"]])
    draw_threshold(panels["threshold"], found.threshold)
    learning_rate_range(found.range_test, ax=panels["range test"])
    draw_grid(figure, panels["grid"], 100 * found.accuracies)
    return figure


def draw_threshold(axes: Any, threshold: tune.Threshold) -> None:
    """Draw the costs of each rate, full lines for those with which they fall."""
    trials = sorted(threshold.trials, key=lambda trial: trial.learning_rate)
    costs = {
        f"{trial.learning_rate:.3g}{'' if trial.falls else ' (too large)'}": trial.costs
        for trial in trials
    }
    comparison(costs, x=range(max(map(len, costs.values()))), legend=False, ax=axes)
    for line, trial in zip(axes.lines, trials, strict=True):
        line.set_linestyle("-" if trial.falls else "--")
    axes.set_yscale("log")
    axes.locator_params(axis="x", integer=True)
    axes.set_title("threshold search: cost for each rate")
    axes.set(xlabel="epoch", ylabel="cost of the training images")
    legend_below(axes, 2)


def draw_grid(figure: Any, axes: Any, percent: np.ndarray) -> None:
    """Draw the grid's numbers on colours that end 15 points below the best."""
    image = axes.imshow(percent, cmap="viridis", vmin=percent.max() - 15, aspect="auto")
    for (i, j), value in np.ndenumerate(percent):
        dark = value < percent.max() - 7
        axes.text(j, i, f"{value:.1f}", ha="center", va="center", color="w" if dark else "k")
    axes.set_xticks(range(len(RATES)), [f"{rate:g}" for rate in RATES])
    axes.set_yticks(range(len(STRENGTHS)), [f"{strength:g}" for strength in STRENGTHS])
    axes.set(title="grid: right validation images (%)", xlabel="learning rate")
    axes.set_ylabel("λ for each 1000 images")
    figure.colorbar(image, ax=axes, extend="min", label="right (%)")


def main(argv: Sequence[str] | None = None) -> Found:
    asked = arguments(__doc__, argv, "learning_rate", folder=True)
    split = load_images(asked, 500 if asked.quick else 10_000)
    found = measure(split, 4 if asked.quick else 10, asked.seed)
    save(asked, draw, found)
    return found


if __name__ == "__main__":
    main()
