"""The compiled shuffle against ``random.shuffle``: same permutation, same state afterwards."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import modest

from fastnn import _random

WORDS = 624
LENGTHS = [0, 1, 2, 3, 4, 5, 31, 32, 33, 255, 257, 623, 624, 625, 1000, 50_000]


def state_of(generator: random.Random) -> np.ndarray:
    return np.array(generator.getstate()[1], dtype=np.uint32)


def check_two_shuffles(generator: random.Random, items: list[int]) -> None:
    """Shuffle twice with both, the second time from where the first stopped."""
    ours, state = np.array(items, dtype=np.intp), state_of(generator)
    theirs = list(items)
    for _ in range(2):
        generator.shuffle(theirs)
        assert _random.shuffle(ours, state) is None
        assert ours.tolist() == theirs
    np.testing.assert_array_equal(state, state_of(generator))
    continued = random.Random()
    continued.setstate((3, tuple(state.tolist()), None))
    assert [continued.random() for _ in range(3)] == [generator.random() for _ in range(3)]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("seed", [0, 1, 12345678, 2**40 + 7])
def test_same_as_the_standard_library(length, seed):
    check_two_shuffles(random.Random(seed), list(range(length)))


@modest
@given(
    st.integers(),
    st.integers(0, 2000),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=100),
)
def test_same_from_any_position_and_for_any_entries(seed, draws_before, items):
    generator = random.Random(seed)
    for _ in range(draws_before):
        generator.getrandbits(32)
    check_two_shuffles(generator, items)


@pytest.mark.parametrize("position", [1, WORDS - 1, WORDS])
def test_same_at_both_ends_of_the_block_of_words(position):
    """A fresh seed stands at 624; 623 hands out one word more before the block is renewed."""
    generator = random.Random(5)
    version, words, gauss = generator.getstate()
    generator.setstate((version, (*words[:WORDS], position), gauss))
    check_two_shuffles(generator, list(range(700)))


def test_every_entry_stays():
    order, state = np.arange(10_000), state_of(random.Random(3))
    _random.shuffle(order, state)
    assert sorted(order.tolist()) == list(range(10_000))
    assert order.tolist() != list(range(10_000))


def test_a_state_of_zeros_ends():
    """The one state from which the generator draws nothing but 0 is no endless loop."""
    order = np.arange(100)
    _random.shuffle(order, np.zeros(WORDS + 1, np.uint32))
    assert order.tolist() == [*range(1, 100), 0]


def test_all_permutations_of_four_are_about_as_frequent():
    """24 permutations, 12,000 shuffles: 500 each, with a standard deviation of 22."""
    state, counts = state_of(random.Random(8)), {}
    for _ in range(12_000):
        order = np.arange(4)
        _random.shuffle(order, state)
        counts[tuple(order.tolist())] = counts.get(tuple(order.tolist()), 0) + 1
    assert len(counts) == 24
    assert min(counts.values()) > 400 and max(counts.values()) < 600


BAD_STATES = {
    "none": None,
    "too short": np.zeros(WORDS, np.uint32),
    "too long": np.zeros(WORDS + 2, np.uint32),
    "empty": np.zeros(0, np.uint32),
    "position beyond": np.full(WORDS + 1, WORDS + 1, np.uint32),
    "position at 2**32 - 1": np.full(WORDS + 1, 2**32 - 1, np.uint32),
    "int64": np.zeros(WORDS + 1, np.int64),
    "int32": np.zeros(WORDS + 1, np.int32),
    "float": np.zeros(WORDS + 1),
    "strided": np.zeros(2 * WORDS + 2, np.uint32)[::2],
    "two-dimensional": np.zeros((1, WORDS + 1), np.uint32),
    "a tuple": random.Random(0).getstate()[1],
}
BAD_ORDERS = {
    "none": None,
    "a list": list(range(5)),
    "int32": np.arange(5, dtype=np.int32),
    "uint64": np.arange(5, dtype=np.uint64),
    "float": np.arange(5.0),
    "strided": np.arange(10)[::2],
    "reversed": np.arange(5)[::-1],
    "two-dimensional": np.arange(6).reshape(2, 3),
}


@pytest.mark.parametrize("state", BAD_STATES.values(), ids=BAD_STATES)
def test_a_bad_state_is_refused_and_nothing_shuffled(state):
    order = np.arange(20)
    with pytest.raises((TypeError, ValueError), match=r"."):
        _random.shuffle(order, state)
    np.testing.assert_array_equal(order, np.arange(20))


@pytest.mark.parametrize("order", BAD_ORDERS.values(), ids=BAD_ORDERS)
def test_a_bad_order_is_refused_and_nothing_drawn(order):
    state = state_of(random.Random(1))
    with pytest.raises((TypeError, ValueError), match=r"."):
        _random.shuffle(order, state)
    np.testing.assert_array_equal(state, state_of(random.Random(1)))


@pytest.mark.parametrize("name", ["order", "state"])
def test_what_is_written_to_must_be_writable(name):
    arguments = {"order": np.arange(5), "state": state_of(random.Random(1))}
    arguments[name].flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        _random.shuffle(**arguments)
