"""Where a network's random numbers come from: the global states or one Generator."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from fastnn._common.checks import brief
from fastnn._core.shuffle import Shuffler, check_place


class RandomSource(Protocol):
    """What the network asks of its source; ``numpy.random.Generator`` has it all."""

    def standard_normal(self, size: tuple[int, ...]) -> np.ndarray: ...
    def uniform(self, low: float, high: float, size: tuple[int, ...]) -> np.ndarray: ...
    def shuffle(self, x: np.ndarray) -> None: ...
    def integers(self, low: int, high: int) -> int: ...


class GlobalRandom:
    """The global states of ``numpy.random`` and ``random``, drawn from as the book does.

    Weights come from ``numpy.random``, mini-batches from ``random.shuffle``: a program that
    seeds both gets the book's own run.
    """

    def standard_normal(self, size: tuple[int, ...]) -> np.ndarray:
        return np.random.standard_normal(size)

    def uniform(self, low: float, high: float, size: tuple[int, ...]) -> np.ndarray:
        return np.random.uniform(low, high, size)

    def integers(self, low: int, high: int) -> int:
        return int(np.random.randint(low, high, dtype=np.int64))

    def shuffle(self, x: np.ndarray) -> None:
        """Shuffle the intp array ``x`` in place, as ``random.shuffle`` shuffles a list."""
        with followed(self) as shuffler:
            shuffler.shuffle(x)


@contextmanager
def followed(source: Any) -> Iterator[Shuffler]:
    """Give what shuffles as ``source`` does, without Python; it is the source's again afterwards.

    Parameters
    ----------
    source : GlobalRandom, numpy.random.Generator or numpy.random.RandomState
        Of which ``can_be_followed`` is true. No other thread draws from it meanwhile, if it is one
        of NumPy's.
    """
    if isinstance(source, GlobalRandom):
        version, words, gauss = random.getstate()
        state = np.array(words, dtype=np.uint32)
        try:
            yield Shuffler(state)
        finally:
            random.setstate((version, tuple(state.tolist()), gauss))
        return
    generator = isinstance(source, np.random.Generator)
    bits = source.bit_generator if generator else source._bit_generator
    with bits.lock:
        yield Shuffler(bits)


def can_be_followed(source: Any) -> bool:
    """Whether ``followed`` shuffles as ``source`` does: one of a subclass may have its own way."""
    if type(source) is np.random.Generator:
        return _follows_generators()
    return type(source) in (GlobalRandom, np.random.RandomState)


@functools.cache
def _follows_generators() -> bool:
    """Whether this NumPy's generators shuffle as they did when it was written down here.

    NumPy may change their streams; ``random`` and ``RandomState`` never change theirs.
    """
    ours, theirs = np.random.default_rng(0), np.random.default_rng(0)
    order, expected = np.arange(1000), np.arange(1000)
    Shuffler(ours.bit_generator).shuffle(order)
    theirs.shuffle(expected)
    same_state = ours.bit_generator.state == theirs.bit_generator.state
    return same_state and np.array_equal(order, expected)


def shuffle_as_numpy(x: np.ndarray, random_state: np.random.RandomState) -> None:
    """Shuffle the intp array ``x`` (n,) in place, as ``random_state.shuffle`` does, but sooner."""
    if type(random_state) is np.random.RandomState:  # others may shuffle in their own way
        Shuffler(random_state._bit_generator).shuffle(x)
    else:
        random_state.shuffle(x)


def sound_random_state(random_state: np.random.RandomState) -> np.random.RandomState:
    """Return ``random_state``, from which the next number can be drawn.

    Raises
    ------
    ValueError
        If it was set to a state from which NumPy would read outside its memory.
    """
    check_place(random_state._bit_generator)
    return random_state


def as_random_source(rng: int | np.random.Generator | GlobalRandom | None) -> RandomSource:
    """Return the source that the ``rng`` argument of ``Network`` means.

    Parameters
    ----------
    rng : None, int, numpy.random.Generator or GlobalRandom
        ``None``: the global states; an int seeds a Generator; a source is used as it is.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For a negative seed, or a Generator whose state NumPy would read outside its memory.
    """
    if rng is None:
        return GlobalRandom()
    if isinstance(rng, GlobalRandom):
        return rng
    if isinstance(rng, np.random.Generator):
        check_place(rng.bit_generator, "rng")
        return rng
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        if rng < 0:
            raise ValueError(f"rng: expected a seed of 0 or more, got {brief(rng)}")
        return np.random.default_rng(int(rng))
    raise TypeError(f"rng: expected None, an int or a numpy.random.Generator, got {brief(rng)}")
