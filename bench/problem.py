"""From a work and its data to the problem every contender is given."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bench.contenders.base import Problem
from bench.data import Arrays
from bench.works import Work


def targets(work: Work, labels: np.ndarray) -> np.ndarray:
    """One-hot rows of the labels; with a single output the labels 0 and 1 themselves."""
    if work.sizes[-1] == 1:
        return labels[:, np.newaxis].astype(work.dtype)
    Y = np.zeros((len(labels), work.sizes[-1]), work.dtype)
    Y[np.arange(len(labels)), labels] = 1
    return Y


def make_problem(
    work: Work, arrays: Arrays, *, shuffle: bool, threads: int = 1, seed: int = 0
) -> Problem:
    """Turn the labels into targets and draw the initial parameters.

    Weights are normal with σ = 1/√n_in and biases normal with σ = 1, the default of Nielsen's
    book; the same `seed` gives the same numbers in every dtype (float32 rounds them).
    """
    generator = np.random.default_rng(seed)
    shapes = [(n_out, n_in) for n_in, n_out in pairwise(work.sizes)]
    weights = [generator.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    biases = [generator.standard_normal(shape[0]) for shape in shapes]
    return Problem(
        work=work,
        X=arrays.X,
        labels=arrays.labels,
        Y=targets(work, arrays.labels),
        weights=tuple(w.astype(work.dtype) for w in weights),
        biases=tuple(b.astype(work.dtype) for b in biases),
        shuffle=shuffle and work.shuffle,
        threads=threads,
        seed=seed,
    )
