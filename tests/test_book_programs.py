"""Programs of the book's kind, two hundred of them, on our modules and on the book's algorithm.

Each has methods, costs and functions of its own, drawn by its seed (``book_programs.py``).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import book_twin
import numpy as np
import pytest
from book_programs import numbers_of, run

from fastnn.book import network, network2

THEIRS = {
    1: SimpleNamespace(Network=book_twin.First),
    2: SimpleNamespace(Network=book_twin.Second),
}
OURS = {1: SimpleNamespace(Network=network.Network), 2: SimpleNamespace(Network=network2.Network)}
for modules, functions in (
    (THEIRS, {1: book_twin, 2: book_twin}),
    (OURS, {1: network, 2: network2}),
):
    costs = book_twin if modules is THEIRS else network2
    for chapter, module in modules.items():
        module.functions = functions[chapter]
        module.QuadraticCost, module.CrossEntropyCost = costs.QuadraticCost, costs.CrossEntropyCost


def close(ours: Any, theirs: Any) -> None:
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("seed", range(200))
def test_a_program_gives_what_the_book_gives(seed: int) -> None:
    chapter = 1 + seed % 2
    theirs, ours = run(seed, THEIRS[chapter], chapter), run(seed, OURS[chapter], chapter)
    close(ours.weights, theirs.weights)
    close(ours.biases, theirs.biases)
    close(ours.extra, theirs.extra)
    assert ours.order == theirs.order
    assert ours.log == theirs.log
    assert (ours.lists is None) == (theirs.lists is None)
    for a, b in zip(ours.lists or (), theirs.lists or (), strict=True):
        close(a, b)
    numbers, text = numbers_of(ours.printed)
    expected, words = numbers_of(theirs.printed)
    assert text == words
    np.testing.assert_allclose(numbers, expected, rtol=1e-7, atol=1e-10)
