"""Three ways to find a learning rate: a threshold, a range test and a small grid.

The threshold is the largest rate at which the training cost falls from the first epoch on. The
range test trains once, with a rate that grows at each step. The grid tries rates together with
strengths of the L2 penalty, and keeps what is best on the validation images.

    python examples/learning_rate.py [FOLDER OF MNIST] [--output learning_rate.png]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _common import arguments, load_images, new_figure, save, tidy

import fastnn
from fastnn import regularizers, tune

RATES = [0.01, 0.1, 0.5, 2.0, 10.0]
STRENGTHS = [0.0, 0.1, 1.0, 10.0]  # λ for a set of 1000 images


@dataclass
class Found:
    threshold: tune.Threshold
    range_test: tune.RateRange
    accuracies: np.ndarray  # (strengths, rates), on the validation images


def measure(split: fastnn.datasets.Split, epochs: int) -> Found:
    n, n_in = split.train[0].shape

    def fresh() -> fastnn.Network:
        return fastnn.Network([n_in, 30, 10], rng=0)

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
    figure = new_figure(15, 4.3)
    first, second, third = figure.subplots(1, 3)
    for trial in sorted(found.threshold.trials, key=lambda trial: trial.learning_rate):
        style = "-" if trial.falls else "--"
        label = f"{trial.learning_rate:.3g}{'' if trial.falls else ' (too large)'}"
        first.plot(range(len(trial.costs)), trial.costs, style, marker="o", ms=3, label=label)
    first.set_yscale("log")
    first.locator_params(axis="x", integer=True)
    tidy(first, "threshold search: cost for each rate", "epoch", "cost of the training images")

    test = found.range_test
    second.plot(test.learning_rates, test.costs, color="0.8", lw=0.8, label="each mini-batch")
    second.plot(test.learning_rates, test.smoothed, color="#1f77b4", label="smoothed")
    second.axvline(test.largest, color="#d95f02", ls="--", label=f"lowest: {test.largest:.2g}")
    second.axvline(test.suggestion, color="#1b9e77", label=f"suggested: {test.suggestion:.2g}")
    second.set_xscale("log")
    second.set_ylim(0, 2.5 * test.smoothed[0])
    tidy(second, "range test: the rate grows at each step", "learning rate", "cost")

    percent = 100 * found.accuracies
    image = third.imshow(percent, cmap="viridis", vmin=percent.max() - 15, aspect="auto")
    for (i, j), value in np.ndenumerate(percent):
        dark = value < percent.max() - 7
        third.text(j, i, f"{value:.1f}", ha="center", va="center", color="w" if dark else "k")
    third.set_xticks(range(len(RATES)), [f"{rate:g}" for rate in RATES])
    third.set_yticks(range(len(STRENGTHS)), [f"{strength:g}" for strength in STRENGTHS])
    third.set(title="grid: right validation images (%)", xlabel="learning rate")
    third.set_ylabel("1000 λ / n")
    figure.colorbar(image, ax=third, extend="min")
    return figure


def main(argv: Sequence[str] | None = None) -> Found:
    asked = arguments(__doc__, argv, "learning_rate", folder=True)
    split = load_images(asked.folder, 500 if asked.quick else 10_000)
    found = measure(split, 4 if asked.quick else 10)
    save(draw(found), asked.output)
    return found


if __name__ == "__main__":
    main()
