"""Draw the picture at the top of README: ``python docs/readme_picture.py docs/_static/readme.png``.

Left, the plane as a network of 2-16-16-1 answers it, trained on two circles; in the middle, the
learning curves of 64-30-10 on the digits; right, what that network takes for what.
"""

from __future__ import annotations

import sys

from matplotlib.figure import Figure

import fastnn
from fastnn import plot


def draw() -> Figure:
    """Train both networks, in a second, and return the figure."""
    figure = Figure(figsize=(13.5, 4), layout="constrained")
    plane, curves, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.5])

    points = fastnn.datasets.circles(300, noise=0.1, seed=1)
    net = fastnn.Network([2, 16, 16, 1], activation="relu", initializer="he_normal", rng=0)
    net.fit(*points, epochs=300, optimizer="adam", learning_rate=0.01)
    plot.decision_boundary(net, *points, ax=plane)
    plane.set_aspect("equal")

    train, validation, test = fastnn.datasets.load_digits()
    net = fastnn.Network([64, 30, 10], rng=0)
    history = net.fit(
        *train, epochs=30, batch_size=10, learning_rate=0.5, validation_data=validation
    )
    plot.learning_curves(history, ax=curves)
    plot.confusion(net, *test, ax=right)
    return figure


if __name__ == "__main__":
    draw().savefig(sys.argv[1], dpi=90)
