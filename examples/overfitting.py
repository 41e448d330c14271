"""Overfitting: a network learns its few images by heart, the mistakes among them, and what helps.

A tenth of the training labels are wrong, as among labels that people gave in a hurry. Without a
cure the cost of the training images falls for ever, for the network learns the wrong ones too,
while the cost of images never seen falls, then rises, and fewer of them are right. The L2 penalty
and dropout keep it from learning by heart; early stopping ends when the validation images get no
better, and halving the learning rate until it is 1/128 of the first does so by and by. Each of the
four ends with a lower cost of images never seen, and with more of them right. All is the mean of
several networks; a curve ends, at its mark, where the first of them stops.

    python examples/overfitting.py [FOLDER OF MNIST] [--output overfitting.png] [--quick] [--seed 0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _command_line import arguments, load_images
from _picture import legend_of, new_figure, save

import fastnn
from fastnn import regularizers, schedules, stopping
from fastnn.plot import comparison, curve_styles

CURES = ("no cure", "L2", "dropout", "early stopping", "halving the rate")
STYLES = dict(zip(CURES, curve_styles(len(CURES)), strict=True))


@dataclass
class Run:
    """A training: its columns, and the mean cost and the share of right test images at its end."""

    columns: dict[str, Any]
    test_cost: float
    test_accuracy: float


def cures(n: int) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Return the options of the network and those of its training on ``n`` images, by name."""
    rules: list[dict[str, Any]] = [
        {},
        {"regularizer": regularizers.L2(0.003 * n)},
        {},
        {"stopping": stopping.EarlyStopping(patience=10)},
        {"schedule": schedules.HalveOnPlateau(patience=10, until=1 / 128)},
    ]
    networks = [{"dropout": 0.5 if name == "dropout" else 0.0} for name in CURES]
    return dict(zip(CURES, zip(networks, rules, strict=True), strict=True))


def with_mistakes(y: np.ndarray, share: float = 0.1) -> np.ndarray:
    """Return the labels with ``share`` of them changed, always the same."""
    rng = np.random.default_rng(0)
    wrong = rng.permutation(len(y))[: round(share * len(y))]
    y = y.copy()
    y[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10
    return y


def measure(
    split: fastnn.datasets.Split, epochs: int, seeds: Sequence[int]
) -> dict[str, list[Run]]:
    (X, y), (Xv, yv) = split.train, split.validation
    y = with_mistakes(y)
    runs: dict[str, list[Run]] = {}
    for name, (of_network, of_training) in cures(len(X)).items():
        runs[name] = []
        for seed in seeds:
            net = fastnn.Network([X.shape[1], 100, 10], rng=seed, **of_network)
            history = net.fit(
                X,
                y,
                epochs=epochs,
                batch_size=10,
                learning_rate=0.3,
                validation_data=(Xv[:2000], yv[:2000]),  # enough to choose by
                metrics=["accuracy"],  # of the training images too
                **of_training,
            )
            right = net.accuracy(split.test) / len(split.test[0])
            runs[name].append(Run(history.to_dict(), net.total_cost(split.test, 0.0), right))
        print(summary(name, runs[name]))
    return runs


def summary(name: str, runs: list[Run]) -> str:
    epochs = sorted(len(run.columns["epoch"]) for run in runs)
    cost = np.mean([run.test_cost for run in runs])
    right = [run.test_accuracy for run in runs]
    lasting = (
        f"{epochs[0]} epochs" if epochs[0] == epochs[-1] else f"{epochs[0]}-{epochs[-1]} epochs"
    )
    return (
        f"{name:17} {lasting:13}; test images: cost {cost:.3f}, {np.mean(right):.2%} right, from "
        f"{min(right):.2%} to {max(right):.2%} ({len(runs)} seeds)"
    )


def draw_curves(axes: Any, runs: dict[str, list[Run]], column: str) -> list[Any]:
    """Draw a column, for each cure until a run of it stops; return the means that were drawn."""
    comparison(
        {name: [run.columns for run in each] for name, each in runs.items()},
        column,
        legend=False,
        ax=axes,
    )
    for line, shade in zip(axes.lines, axes.collections, strict=True):
        line.set(markevery=[-1], markersize=8)
        shade.set_alpha(0.1)  # five of them, one above the other
    return [line.get_ydata() for line in axes.lines]


def draw_ends(axes: Any, runs: dict[str, list[Run]]) -> None:
    """Draw a mark for each network, and a bar at the mean of each cure."""
    for row, (name, style) in enumerate(STYLES.items()):
        right = 100 * np.array([run.test_accuracy for run in runs[name]])
        look = {"color": style["color"], "marker": style["marker"], "linestyle": "none"}
        axes.plot(right, np.full(len(right), row), **look, ms=8, alpha=0.6)
        axes.plot(right.mean(), row, "|", color=style["color"], ms=26, mew=3)
    axes.set_yticks(range(len(STYLES)), STYLES)
    axes.invert_yaxis()
    axes.margins(y=0.15)
    axes.grid(color="0.9")
    axes.spines[["top", "right"]].set_visible(False)


def draw(runs: dict[str, list[Run]]) -> Any:
    figure = new_figure(12, 9)
    training, validation, accuracy, ends = figure.subplots(2, 2).ravel()
    draw_curves(training, runs, "training_cost")
    training.set(title="cost of the training images", ylabel="cross-entropy and penalty")
    training.set_yscale("log")
    costs = draw_curves(validation, runs, "validation_cost")
    # The first epochs lie above the one panel and below the other.
    validation.set_ylim(0.95 * min(map(min, costs)), 1.2 * max(values[-1] for values in costs))
    validation.set(title="cost of the validation images", ylabel="cross-entropy")
    right = draw_curves(accuracy, runs, "validation_accuracy")
    best = max(map(max, right))
    accuracy.set_ylim(best - 0.15, best + 0.01)
    accuracy.set(title="right validation images", ylabel="right (%)")
    draw_ends(ends, runs)
    seeds = len(runs["no cure"])
    ends.set(title=f"right test images: {seeds} networks each", xlabel="right (%)")
    legend_of(figure, training, 5)
    return figure


def main(argv: Sequence[str] | None = None) -> dict[str, list[Run]]:
    asked = arguments(__doc__, argv, "overfitting", folder=True)
    if asked.folder:
        images, epochs = (500, 60) if asked.quick else (1000, 100)
    else:
        images, epochs = 200, 300
    split = load_images(asked, images)
    runs = measure(split, epochs, range(asked.seed, asked.seed + (2 if asked.quick else 5)))
    save(asked, draw, runs)
    return runs


if __name__ == "__main__":
    main()
