"""Draw the pictures at the top of README and of README.zh-CN, into a folder.

    python docs/readme_picture.py docs/_static

Left, the plane as a network of 2-16-16-1 answers it, trained on two circles; in the middle, the
learning curves of 64-30-10 on the digits; right, what that network takes for what.
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure

import fastnn
from fastnn import plot


def draw(language: str) -> Figure:
    """Train both networks, in a second, and return the figure."""
    figure = Figure(figsize=(13.5, 4), layout="constrained")
    plane, curves, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.5])

    points = fastnn.datasets.circles(300, noise=0.1, seed=1)
    net = fastnn.Network([2, 16, 16, 1], activation="relu", initializer="he_normal", rng=0)
    net.fit(*points, epochs=300, optimizer="adam", learning_rate=0.01)
    plot.decision_boundary(net, *points, ax=plane, language=language)
    plane.set_aspect("equal")

    train, validation, test = fastnn.datasets.load_digits()
    net = fastnn.Network([64, 30, 10], rng=0)
    history = net.fit(
        *train, epochs=30, batch_size=10, learning_rate=0.5, validation_data=validation
    )
    plot.learning_curves(history, ax=curves, language=language)
    plot.confusion(net, *test, ax=right, language=language)
    return figure


if __name__ == "__main__":
    for name, language in {"readme.png": "en", "readme.zh_CN.png": "zh"}.items():
        draw(language).savefig(Path(sys.argv[1]) / name, dpi=90)
