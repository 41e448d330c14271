"""The examples' common command line, and the images that they learn."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import fastnn

ENDINGS = (".png", ".pdf", ".svg")
LANGUAGES = ("en", "zh")


def new_parser(
    description: str | None, name: str, *, seed: int | None = 0
) -> argparse.ArgumentParser:
    """Return a parser of what every example takes: --output, --language, --quick and, if it has a
    default, --seed."""
    parser = argparse.ArgumentParser(
        prog=f"{name}.py",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--output",
        type=picture,
        default=f"{name}.png",
        metavar="PICTURE",
        help=f"a name ending in {', '.join(ENDINGS)}; default: %(default)s",
    )
    parser.add_argument(
        "--language",
        nargs="+",
        choices=LANGUAGES,
        default=["en"],
        help="of the picture's texts; of several, each further one gets a picture of its own, such "
        f"as {name}.zh.png; default: en",
    )
    parser.add_argument("--quick", action="store_true", help="a run of seconds, for a first look")
    if seed is not None:
        parser.add_argument(
            "--seed",
            type=at_least(0),
            default=seed,
            help="of the first network; further ones take the numbers after it; default: "
            "%(default)s",
        )
    return parser


def add_folder(parser: argparse.ArgumentParser, otherwise: str) -> None:
    """Let ``parser`` take the folder of the MNIST files too."""
    parser.add_argument(
        "folder",
        nargs="?",
        default=os.environ.get("FASTNN_MNIST") or None,
        help=f"of the MNIST files; default: the one that FASTNN_MNIST names, else {otherwise}",
    )


def arguments(
    description: str | None,
    argv: Sequence[str] | None,
    name: str,
    *,
    folder: bool = False,
    seed: int = 0,
) -> argparse.Namespace:
    """Read the command line of an example that needs nothing more than what is common."""
    parser = new_parser(description, name, seed=seed)
    if folder:
        add_folder(parser, "scikit-learn's 8 × 8 digits are learnt")
    return parser.parse_args(argv)


def load_images(asked: argparse.Namespace, n_train: int | None = None) -> fastnn.datasets.Split:
    """Return MNIST from the folder, or the small digits; only the first rows for training."""
    split = load_mnist(asked.folder) if asked.folder else _or_exit(fastnn.datasets.load_digits)
    X, y = split.train
    print(f"{'MNIST' if asked.folder else 'digits'}: {len(X[:n_train])} training images")
    return split._replace(train=(X[:n_train], y[:n_train]))


def load_mnist(folder: str | None) -> fastnn.datasets.Split:
    """Return MNIST from ``folder``, or downloaded; say in one line what is missing."""
    return _or_exit(lambda: fastnn.datasets.load_mnist(folder))


def _or_exit(load: Callable[[], fastnn.datasets.Split]) -> fastnn.datasets.Split:
    try:
        return load()
    except (OSError, ValueError, ImportError) as error:
        raise SystemExit(f"error: {error}") from None


def at_least(least: int) -> Callable[[str], int]:
    """Return what reads a whole number of ``least`` or more for argparse."""

    def whole_number(text: str) -> int:
        try:
            if (value := int(text)) >= least:
                return value
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"expected a whole number, {least} or more, got {text!r}")

    return whole_number


def picture(text: str) -> str:
    """Read the picture's name for argparse: what cannot be written is found before the work."""
    path = Path(text)
    if path.suffix not in ENDINGS:
        raise argparse.ArgumentTypeError(
            f"expected a name ending in {', '.join(ENDINGS)}, got {text!r}"
        )
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"expected a file in a folder to write to, got {text!r}")
    return text
