"""What the examples share: the command line, the images to learn, and the picture's file."""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import fastnn


def arguments(
    description: str | None, argv: Sequence[str] | None, name: str, *, folder: bool = False
) -> argparse.Namespace:
    """Read the command line: --output, --quick and, if asked for, the FOLDER of MNIST's files."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if folder:
        parser.add_argument(
            "folder",
            nargs="?",
            default=os.environ.get("FASTNN_MNIST"),
            help="of the MNIST files; else FASTNN_MNIST, else scikit-learn's 8 × 8 digits are used",
        )
    parser.add_argument("--output", default=f"{name}.png", help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="a run of seconds, for a first look")
    return parser.parse_args(argv)


def load_images(folder: str | None, n_train: int | None = None) -> fastnn.datasets.Split:
    """Return MNIST from ``folder``, or the small digits; only the first rows for training."""
    split = fastnn.datasets.load_mnist(folder) if folder else fastnn.datasets.load_digits()
    X, y = split.train
    print(f"{'MNIST' if folder else 'digits'}: {len(X[:n_train])} training images")
    return split._replace(train=(X[:n_train], y[:n_train]))


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure whose parts are kept from overlapping; no display is needed."""
    return Figure(figsize=(width, height), layout="constrained")


def tidy(axes: Axes, title: str, xlabel: str, ylabel: str, legend: str | None = "best") -> None:
    """Give a panel its texts, a light grid, no frame, and a legend where ``legend`` says."""
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if legend:
        axes.legend(frameon=False, fontsize="small", loc=legend)


def save(figure: Figure, path: str) -> None:
    """Write the picture whole: a reader never sees half of it."""
    picture, file = io.BytesIO(), Path(path)
    figure.savefig(picture, format=file.suffix[1:] or "png", dpi=110)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        part.write_bytes(picture.getvalue())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    print(f"wrote {path}")
