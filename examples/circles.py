"""Three ways to start a network that learns to tell two circles apart.

A 2-10-5-1 network (ReLU, then sigmoid) takes 15,000 steps of gradient descent on 300 points. From
zeros it learns nothing: all neurons of a layer stay equal, and the cost stays at ln 2. From weights
that are too large, its first cost is infinite, since sure answers are wrong, and it ends in a poor
place. From He's it learns.

    python examples/circles.py [--output circles.png]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _common import arguments, new_figure, save, tidy

import fastnn
from fastnn import initializers

STARTS = {
    "zeros": initializers.Zeros(),
    "randn · 10": initializers.Normal(sigma=10.0),
    "He": initializers.HeNormal(),
}
COLOURS = {"zeros": "0.45", "randn · 10": "#d95f02", "He": "#1f77b4"}


@dataclass
class Run:
    """A trained network, its cost before training and after each 1000 steps, and right answers."""

    net: fastnn.Network
    costs: list[float]
    train_accuracy: float
    test_accuracy: float


def measure(thousands: int, train: Any, test: Any) -> dict[str, Run]:
    runs = {}
    for name, initializer in STARTS.items():
        np.random.seed(3)  # rng=None draws from NumPy's global state, as the classic programs do
        net = fastnn.Network([2, 10, 5, 1], activation="relu", initializer=initializer)
        costs = [net.total_cost(train, lmbda=0)]
        print(f"{name}: cost at step 0 is {costs[0]:.14f}")
        for step in range(1, thousands + 1):
            # One mini-batch of all points a step; a second fit goes on where the first one ended.
            net.fit(*train, epochs=1000, batch_size=300, learning_rate=0.01, shuffle=False)
            costs.append(net.total_cost(train, lmbda=0))
            print(f"{name}: cost at step {1000 * step} is {costs[-1]:.14f}")
        right = [net.accuracy(data) / len(data[0]) for data in (train, test)]
        print(f"{name}: {right[0]:.1%} of the training points are right, {right[1]:.1%} of others")
        runs[name] = Run(net, costs, *right)
    return runs


def draw_boundary(axes: Any, net: fastnn.Network, points: Any) -> None:
    """Colour the plane by the output, with a line where it is 0.5."""
    X, y = points
    side = np.linspace(-1.4, 1.4, 200)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    output = net.predict(plane).reshape(200, 200)
    axes.contourf(side, side, output, levels=np.linspace(0, 1, 11), cmap="RdBu_r", alpha=0.6)
    if output.min() < 0.5 < output.max():
        axes.contour(side, side, output, levels=[0.5], colors="black", linewidths=1.2)
    for label, colour in enumerate(("#2166ac", "#b2182b")):
        axes.scatter(*X[y == label].T, s=9, color=colour, label=f"class {label}", linewidths=0)
    axes.set_aspect("equal")


def draw(runs: dict[str, Run], test: Any) -> Any:
    figure = new_figure(15, 4.1)
    first, *others = figure.subplots(1, 1 + len(runs), width_ratios=[1.25, 1, 1, 1])
    for name, run in runs.items():
        steps = 1000 * np.arange(len(run.costs))
        label = name if np.isfinite(run.costs[0]) else f"{name} (∞ at step 0)"
        first.plot(steps, run.costs, marker="o", ms=3, color=COLOURS[name], label=label)
    first.set_yscale("log")
    first.set_xlim(left=0)
    first.locator_params(axis="x", nbins=4)
    tidy(first, "cost of the training points", "step", "cross-entropy")
    for axes, (name, run) in zip(others, runs.items(), strict=True):
        draw_boundary(axes, run.net, test)
        title = f"{name}: {run.test_accuracy:.1%} of the test points"
        tidy(axes, title, "$x_1$", "$x_2$", legend=None)
    others[-1].legend(loc="lower right", fontsize="small")
    return figure


def main(argv: Sequence[str] | None = None) -> dict[str, Run]:
    asked = arguments(__doc__, argv, "circles")
    train = fastnn.datasets.circles(300, noise=0.05, seed=1)
    test = fastnn.datasets.circles(300, noise=0.05, seed=2)
    runs = measure(2 if asked.quick else 15, train, test)
    save(draw(runs, test), asked.output)
    return runs


if __name__ == "__main__":
    main()
