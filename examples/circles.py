"""Three ways to start a network that learns to tell two circles apart.

A 2-10-5-1 network (ReLU, then sigmoid) takes 15,000 steps of gradient descent on 300 points. From
zeros it learns nothing: all neurons of a layer stay equal, and the cost stays at ln 2. From weights
that are too large its first cost is beyond the picture, since answers are wrong that it is sure of,
and it ends in a poor place. From He's it learns.

    python examples/circles.py [--output circles.png] [--quick] [--seed 3]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _command_line import arguments
from _picture import legend_below, new_figure, save
from matplotlib.ticker import LogLocator

import fastnn
from fastnn import initializers
from fastnn.plot import comparison, decision_boundary

STARTS = {
    "zeros": initializers.Zeros(),
    "randn · 10": initializers.Normal(sigma=10.0),
    "He": initializers.HeNormal(),
}


@dataclass
class Run:
    """A trained network, its cost before training and after each 1000 steps, and right answers."""

    net: fastnn.Network
    costs: list[float]
    train_accuracy: float
    test_accuracy: float


def measure(thousands: int, seed: int, train: Any, test: Any) -> dict[str, Run]:
    runs = {}
    for name, initializer in STARTS.items():
        np.random.seed(seed)  # rng=None draws from NumPy's global state, as the classic programs do
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


def draw_costs(axes: Any, runs: dict[str, Run]) -> None:
    """Draw the costs up to a little over 1; a first one above that is named in the legend."""
    axes.axhline(np.log(2), color="0.6", lw=5, label="ln 2 = 0.693")
    named = {
        name if run.costs[0] < 1.3 else f"{name} ({run.costs[0]:.4g} at step 0)": run.costs
        for name, run in runs.items()
    }
    comparison(named, x=range(max(map(len, named.values()))), legend=False, ax=axes)
    axes.set_yscale("log")
    axes.set_xlim(left=-0.2)
    axes.set_ylim(top=1.3)
    axes.locator_params(axis="x", integer=True)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_title("cost of the training points")
    axes.set(xlabel="steps (thousands)", ylabel="cross-entropy")
    legend_below(axes, 2)


def draw(runs: dict[str, Run], test: Any) -> Any:
    figure = new_figure(12, 10)
    costs, *planes = figure.subplots(2, 2).ravel()
    draw_costs(costs, runs)
    for axes, (name, run) in zip(planes, runs.items(), strict=True):
        decision_boundary(run.net, *test, ax=axes)
        axes.set_title(f"{name}: {run.test_accuracy:.1%} of the test points right")
        axes.set_aspect("equal")
    return figure


def main(argv: Sequence[str] | None = None) -> dict[str, Run]:
    asked = arguments(__doc__, argv, "circles", seed=3)
    train = fastnn.datasets.circles(300, noise=0.05, seed=1)
    test = fastnn.datasets.circles(300, noise=0.05, seed=2)
    runs = measure(10 if asked.quick else 15, asked.seed, train, test)
    save(asked, draw, runs, test)
    return runs


if __name__ == "__main__":
    main()
