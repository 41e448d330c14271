"""The compiled shuffles against Python's and NumPy's: same permutation, same state afterwards."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import modest

from fastnn._common.rng import can_be_followed, shuffle_as_numpy
from fastnn._core import shuffle as _random

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
        assert _random.Shuffler(state).shuffle(ours) is None
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
    _random.Shuffler(state).shuffle(order)
    assert sorted(order.tolist()) == list(range(10_000))
    assert order.tolist() != list(range(10_000))


def test_a_state_of_zeros_ends():
    """The one state from which the generator draws nothing but 0 is no endless loop."""
    order = np.arange(100)
    _random.Shuffler(np.zeros(WORDS + 1, np.uint32)).shuffle(order)
    assert order.tolist() == [*range(1, 100), 0]


def test_all_permutations_of_four_are_about_as_frequent():
    """24 permutations, 12,000 shuffles: 500 each, with a standard deviation of 22."""
    state, counts = state_of(random.Random(8)), {}
    for _ in range(12_000):
        order = np.arange(4)
        _random.Shuffler(state).shuffle(order)
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
        _random.Shuffler(state).shuffle(order)
    np.testing.assert_array_equal(order, np.arange(20))


@pytest.mark.parametrize("order", BAD_ORDERS.values(), ids=BAD_ORDERS)
def test_a_bad_order_is_refused_and_nothing_drawn(order):
    state = state_of(random.Random(1))
    with pytest.raises((TypeError, ValueError), match=r"."):
        _random.Shuffler(state).shuffle(order)
    np.testing.assert_array_equal(state, state_of(random.Random(1)))


@pytest.mark.parametrize("name", ["order", "state"])
def test_what_is_written_to_must_be_writable(name):
    arguments = {"order": np.arange(5), "state": state_of(random.Random(1))}
    arguments[name].flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        _random.Shuffler(arguments["state"]).shuffle(arguments["order"])


# RandomState.shuffle, and that of a Generator.


@pytest.mark.parametrize("kind", ["PCG64", "MT19937", "Philox", "SFC64", "PCG64DXSM"])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 300, 4097])
def test_same_as_a_generator(kind, n):
    ours, theirs = (np.random.Generator(getattr(np.random, kind)(5)) for _ in range(2))
    assert can_be_followed(ours)
    order, expected = np.arange(n), np.arange(n)
    for _ in range(3):
        _random.Shuffler(ours.bit_generator).shuffle(order)
        theirs.shuffle(expected)
        np.testing.assert_array_equal(order, expected)
    assert repr(ours.bit_generator.state) == repr(theirs.bit_generator.state)


NUMPYS_LENGTHS = sorted(
    {0, 1, 3, 1797, 100_000} | {2**k + d for k in range(1, 12) for d in (-1, 0, 1)}
)
BIT_GENERATORS = [
    np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64,
]  # fmt: skip


def check_against_numpy(
    ours: np.random.RandomState, theirs: np.random.RandomState, items: list[int]
) -> None:
    """Shuffle twice with both, the second time from where the first stopped; then draw on."""
    order, expected = np.array(items, dtype=np.intp), np.array(items, dtype=np.intp)
    for _ in range(2):
        theirs.shuffle(expected)
        shuffle_as_numpy(order, ours)
        np.testing.assert_array_equal(order, expected)
    for drawn in ("random_sample", "standard_normal", "tomaxint"):
        assert getattr(ours, drawn)() == getattr(theirs, drawn)()
    assert ours.randint(2**31, size=3).tolist() == theirs.randint(2**31, size=3).tolist()


@pytest.mark.parametrize("length", NUMPYS_LENGTHS)
def test_same_as_numpys_random_state(length):
    ours, theirs = np.random.RandomState(length), np.random.RandomState(length)
    check_against_numpy(ours, theirs, list(range(length)))
    np.testing.assert_array_equal(ours.get_state()[1], theirs.get_state()[1])
    assert ours.get_state()[2:] == theirs.get_state()[2:]


@pytest.mark.parametrize("length", [2, 3, 1000])
@pytest.mark.parametrize("kind", BIT_GENERATORS)
def test_same_as_numpys_with_any_bit_generator(kind, length):
    """Those of 64 bits keep the half of a draw that was not asked for."""
    two = [np.random.RandomState(kind(4)) for _ in range(2)]
    check_against_numpy(*two, list(range(length)))


@modest
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2000),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=100),
)
def test_same_as_numpys_from_any_position_and_for_any_entries(seed, draws_before, items):
    two = [np.random.RandomState(seed) for _ in range(2)]
    for each in two:
        each.standard_normal(draws_before)  # an odd number keeps a normal for later
    check_against_numpy(*two, items)


def test_a_random_state_that_shuffles_in_its_own_way_does_so():
    class Reversing(np.random.RandomState):
        def shuffle(self, x):
            x[...] = x[::-1].copy()

    order = np.arange(10)
    shuffle_as_numpy(order, Reversing(0))
    assert order.tolist() == [*range(9, -1, -1)]


def test_the_global_random_state_is_drawn_from():
    state = np.random.get_state()
    try:
        np.random.seed(3)
        order = np.arange(50)
        shuffle_as_numpy(order, np.random.mtrand._rand)
        check_against_numpy(np.random.mtrand._rand, _after_a_shuffle(3, order), list(range(9)))
    finally:
        np.random.set_state(state)


def _after_a_shuffle(seed: int, shuffled: np.ndarray) -> np.random.RandomState:
    """Return a RandomState that has shuffled as many, into this order."""
    other, order = np.random.RandomState(seed), np.arange(len(shuffled))
    other.shuffle(order)
    np.testing.assert_array_equal(order, shuffled)
    return other


@pytest.mark.parametrize("order", BAD_ORDERS.values(), ids=BAD_ORDERS)
def test_numpys_shuffle_refuses_a_bad_order_and_draws_nothing(order):
    generator = np.random.MT19937(1)
    with pytest.raises((TypeError, ValueError), match=r"."):
        _random.Shuffler(generator).shuffle(order)
    assert np.random.RandomState(generator).randint(2**31) == (
        np.random.RandomState(np.random.MT19937(1)).randint(2**31)
    )


def test_what_is_no_bit_generator_is_refused_and_nothing_shuffled():
    class Impostor:
        capsule, lock = object(), None

    order = np.arange(20)
    for other in (None, 3, np.random.RandomState(0), Impostor()):
        with pytest.raises((TypeError, ValueError), match=r"(?i)capsule"):
            _random.Shuffler(other).shuffle(order)
    np.testing.assert_array_equal(order, np.arange(20))
