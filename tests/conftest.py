"""Fixtures that several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# The tests may run against an installed wheel from another folder: only their own path is sure.
REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder of the real MNIST files; tests that need them are skipped where it is not."""
    places = [REPOSITORY.parent / "shared" / "data" / "mnist"]
    if os.environ.get("FASTNN_MNIST"):
        places.insert(0, Path(os.environ["FASTNN_MNIST"]))
    for place in places:
        if (place / "train-images-idx3-ubyte.gz").is_file():
            return place
    pytest.skip("the MNIST files are not here: FASTNN_MNIST names no folder that holds them")
