"""Data made from a formula."""

from __future__ import annotations

import sys

import numpy as np

from fastnn._common.checks import brief, physical_memory
from fastnn.datasets.checks import number, random_state, whole_number

# What is taken for a point on the way.
_BYTES_A_POINT = 200
# Of which draws are finite.
_MOST_NOISE = sys.float_info.max / 16
_MOST_TURNS = 100


def circles(
    n: int = 300, *, noise: float = 0.05, factor: float = 0.8, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Points on two circles, one inside the other: two classes that no line can part.

    Parameters
    ----------
    n : int, default 300
        Number of points; n // 2 on the outer circle, the rest on the inner one.
    noise : float, default 0.05
        Standard deviation of the Gaussian noise added to both coordinates.
    factor : float, default 0.8
        Radius of the inner circle, from 0 to below 1; the outer one has radius 1.
    seed : int, default 1
        Seed of the order and the noise; the texts train on seed 1 and test on seed 2.

    Returns
    -------
    X : ndarray (n, 2), float64
    y : ndarray (n,), int64
        0 on the outer circle, 1 on the inner one.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    The k-th of m points of a circle of radius r is (r cos(2πk/m), r sin(2πk/m)). The random
    numbers are drawn as ``sklearn.datasets.make_circles(n, noise=noise, factor=factor,
    random_state=seed)`` draws them, so that both give the same points.
    """
    n, noise = _number_of_points(n), _noise(noise)
    factor = number("factor", factor, 1, "a number, 0 <= factor < 1")
    n_outer = n // 2
    return _mixed(_circle(n_outer, 1.0), _circle(n - n_outer, factor), noise, random_state(seed))


def moons(n: int = 300, *, noise: float = 0.1, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Points on two half circles, each reaching into the other: two classes.

    Parameters
    ----------
    n : int, default 300
        Number of points; n // 2 on the upper half circle, the rest on the lower one.
    noise : float, default 0.1
        Standard deviation of the Gaussian noise added to both coordinates.
    seed : int, default 1
        Seed of the order and the noise.

    Returns
    -------
    X : ndarray (n, 2), float64
    y : ndarray (n,), int64
        0 on the upper half circle, 1 on the lower one.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    The upper half circle is (cos t, sin t), the lower one (1 − cos t, 1/2 − sin t), t from 0 to π.
    The random numbers are drawn as ``sklearn.datasets.make_moons(n, noise=noise,
    random_state=seed)`` draws them, so that both give the same points.
    """
    n, noise = _number_of_points(n), _noise(noise)
    upper, lower = np.linspace(0, np.pi, n // 2), np.linspace(0, np.pi, n - n // 2)
    return _mixed(
        np.column_stack([np.cos(upper), np.sin(upper)]),
        np.column_stack([1 - np.cos(lower), 1 - np.sin(lower) - 0.5]),
        noise,
        random_state(seed),
    )


def spirals(
    n: int = 300, *, noise: float = 0.02, turns: float = 1.5, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Points on two spirals, wound into each other: two classes that are hard to part.

    Parameters
    ----------
    n : int, default 300
        Number of points; n // 2 on one spiral, the rest on the other.
    noise : float, default 0.02
        Standard deviation of the Gaussian noise added to both coordinates.
    turns : float, default 1.5
        How many times each winds around the middle; more than 0, at most 100.
    seed : int, default 1
        Seed of the order and the noise.

    Returns
    -------
    X : ndarray (n, 2), float64
    y : ndarray (n,), int64
        0 and 1.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    The k-th of m points of a spiral, from 1, has the radius r = k/m and the angle 2π · turns · r;
    the other spiral is the same, half a turn further. Two spirals as a trial of networks are
    Lang and Witbrock's, *Learning to tell two spirals apart* (1988).
    """
    n, noise = _number_of_points(n), _noise(noise)
    turns = number("turns", turns, _MOST_TURNS, "a number, 0 < turns < 100")
    if turns == 0:
        raise ValueError("turns=0: expected a number, 0 < turns < 100")
    first, second = _spiral(n // 2, turns), -_spiral(n - n // 2, turns)
    return _mixed(first, second, noise, random_state(seed))


def xor(n: int = 300, *, noise: float = 0.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Points in a square whose class is whether their coordinates' signs differ.

    Parameters
    ----------
    n : int, default 300
        Number of points.
    noise : float, default 0
        Standard deviation of the Gaussian noise added to both coordinates, after the classes.
    seed : int, default 1
        Seed of the points and the noise.

    Returns
    -------
    X : ndarray (n, 2), float64
        Evenly spread over -1 to 1.
    y : ndarray (n,), int64
        1 where one coordinate is negative and the other one is not, else 0.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    n, noise, rng = _number_of_points(n), _noise(noise), random_state(seed)
    X = rng.uniform(-1, 1, size=(n, 2))
    y = ((X[:, 0] < 0) != (X[:, 1] < 0)).astype(np.int64)
    return X + rng.normal(scale=noise, size=(n, 2)), y


def _number_of_points(n: int) -> int:
    n = whole_number("n", n, 2)
    most = physical_memory() // _BYTES_A_POINT
    if n > most:
        raise ValueError(f"n={brief(n)}: expected at most {most} points, as memory allows")
    return n


def _noise(noise: float) -> float:
    return number("noise", noise, _MOST_NOISE, "a finite number of at least 0, not beyond floats")


def _mixed(
    first: np.ndarray, second: np.ndarray, noise: float, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of class 0 and those of class 1 in a random order, moved by noise."""
    X = np.concatenate([first, second])
    y = np.repeat(np.array([0, 1], dtype=np.int64), [len(first), len(second)])
    order = rng.permutation(len(X))
    return X[order] + rng.normal(scale=noise, size=X.shape), y[order]


def _circle(n: int, radius: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


def _spiral(n: int, turns: float) -> np.ndarray:
    radius = np.arange(1, n + 1) / n
    angle = 2 * np.pi * turns * radius
    return radius[:, np.newaxis] * np.column_stack([np.cos(angle), np.sin(angle)])
