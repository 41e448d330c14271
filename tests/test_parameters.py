"""net.weights and net.biases: a list to those who use it as one, and the network's own memory."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastnn._model.parameters import ParameterList

SHAPES = [(2, 3), (4, 2), (1, 4)]


@pytest.fixture(params=["float64", "float32"])
def memory(request: pytest.FixtureRequest) -> np.ndarray:
    return np.arange(sum(m * n for m, n in SHAPES), dtype=request.param)


@pytest.fixture
def weights(memory: np.ndarray) -> ParameterList:
    """Three arrays in one vector, which count on from 0."""
    ends = np.cumsum([m * n for m, n in SHAPES])
    parts = np.split(memory, ends[:-1])
    return ParameterList("weights", [p.reshape(s) for p, s in zip(parts, SHAPES, strict=True)])


@pytest.fixture
def biases() -> ParameterList:
    return ParameterList("biases", [np.zeros((3, 1)), np.zeros((1, 1))])


def test_it_reads_as_a_list(weights: ParameterList) -> None:
    assert isinstance(weights, list)
    assert len(weights) == 3
    assert [w.shape for w in weights] == SHAPES
    assert weights[-1] is weights[2]
    assert [w.shape for w in weights[:0:-1]] == [(1, 4), (4, 2)]
    assert [w.shape for w in reversed(weights)] == SHAPES[::-1]
    first, *rest = weights
    assert first[1, 2] == 5 and len(rest) == 2
    assert json.loads(json.dumps([w.tolist() for w in weights]))[2] == [[14, 15, 16, 17]]


def test_entries_are_the_memory(weights: ParameterList, memory: np.ndarray) -> None:
    weights[1][3, 1] = -1
    assert memory[13] == -1
    memory[0] = 100
    assert weights[0][0, 0] == 100


ASSIGNED: dict[str, Callable[[np.ndarray], Any]] = {
    "array": lambda w: w,
    "list": lambda w: w.tolist(),
    "fortran": np.asfortranarray,
    "integers": lambda w: w.astype(np.int8),
    "other-float": lambda w: w.astype(np.float32 if w.dtype == np.float64 else np.float64),
    "big-endian": lambda w: w.astype(">f8"),
    "strided": lambda w: np.repeat(w, 2, axis=1)[:, ::2],
}


@pytest.mark.parametrize("form", ASSIGNED.values(), ids=ASSIGNED)
@pytest.mark.parametrize("index", [0, 1, -1, -3])
def test_assigning_an_entry_copies_in(
    weights: ParameterList, memory: np.ndarray, index: int, form: Callable
) -> None:
    held, before = weights[index], memory.copy()
    value = form(held + 20)
    weights[index] = value
    assert weights[index] is held
    np.testing.assert_array_equal(held, value)
    assert (memory != before).sum() == held.size
    if isinstance(value, np.ndarray):
        value[...] = 0
        assert (held >= 20).all()


SLICES: dict[str, slice] = {
    "all": slice(None),
    "two": slice(1, 3),
    "one": slice(0, 1),
    "none": slice(2, 1),
    "backwards": slice(None, None, -1),
    "every-second": slice(None, None, 2),
    "beyond-the-end": slice(1, 100),
}


@pytest.mark.parametrize("part", SLICES.values(), ids=SLICES)
def test_assigning_a_slice_copies_in(weights: ParameterList, part: slice) -> None:
    held = list(weights)
    expected = [w.copy() for w in weights]
    expected[part] = [w + 50 for w in expected[part]]
    weights[part] = (w + 50 for w in list(weights)[part])
    assert len(weights) == 3
    for w, before, right in zip(weights, held, expected, strict=True):
        assert w is before
        np.testing.assert_array_equal(w, right)


def test_a_slice_of_another_length_is_refused(weights: ParameterList, memory: np.ndarray) -> None:
    before = memory.copy()
    with pytest.raises(ValueError, match="weights: expected 2 arrays, got 1"):
        weights[:2] = [np.zeros((2, 3))]
    np.testing.assert_array_equal(memory, before)


def test_biases_may_be_given_as_vectors(biases: ParameterList) -> None:
    biases[:] = [[1, 2, 3], [4]]
    np.testing.assert_array_equal(biases[0], [[1], [2], [3]])
    np.testing.assert_array_equal(biases[1], [[4]])
    with pytest.raises(ValueError, match=r"biases\[0\]: expected shape \(3, 1\), got \(1, 3\)"):
        biases[0] = [[1, 2, 3]]


def test_overlapping_values_are_read_before_they_are_written(memory: np.ndarray) -> None:
    whole = ParameterList("weights", [memory.reshape(3, 6)])
    before = memory.copy()
    whole[0] = memory[::-1].reshape(3, 6)
    np.testing.assert_array_equal(memory, before[::-1])


def test_swapping_layers_of_one_shape() -> None:
    memory = np.arange(8.0)
    pair = ParameterList("weights", [memory[:4].reshape(2, 2), memory[4:].reshape(2, 2)])
    pair[:] = pair[::-1]
    np.testing.assert_array_equal(memory, [4, 5, 6, 7, 0, 1, 2, 3])


@pytest.mark.parametrize("index", [3, -4, 10**30])
def test_an_index_out_of_range(weights: ParameterList, index: int) -> None:
    with pytest.raises(IndexError):
        weights[index]
    with pytest.raises(IndexError):
        weights[index] = np.zeros((2, 3))


@pytest.mark.parametrize("index", ["0", 0.0, None, (0, 1)])
def test_an_index_of_another_kind(weights: ParameterList, index: Any) -> None:
    with pytest.raises(TypeError):
        weights[index] = np.zeros((2, 3))


CHANGES: dict[str, Callable[[ParameterList], Any]] = {
    "append": lambda w: w.append(w[0]),
    "extend": lambda w: w.extend([w[0]]),
    "insert": lambda w: w.insert(0, w[0]),
    "pop": lambda w: w.pop(),
    "remove": lambda w: w.remove(w[0]),
    "clear": lambda w: w.clear(),
    "reverse": lambda w: w.reverse(),
    "sort": lambda w: w.sort(key=np.size),
    "del": lambda w: w.__delitem__(0),
    "del-slice": lambda w: w.__delitem__(slice(None)),
    "iadd": lambda w: w.__iadd__([w[0]]),
    "imul": lambda w: w.__imul__(2),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_its_length_and_order_are_fixed(weights: ParameterList, change: Callable) -> None:
    held = list(weights)
    with pytest.raises(TypeError, match="weights: a network's layers are fixed"):
        change(weights)
    assert all(a is b for a, b in zip(weights, held, strict=True))


PLAIN: dict[str, Callable[[ParameterList], list[np.ndarray]]] = {
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "pickle": lambda w: pickle.loads(pickle.dumps(w)),
    "sum": lambda w: w + [],  # noqa: RUF005
    "product": lambda w: w * 1,
    "slice": lambda w: w[:],
    "method": lambda w: w.copy(),
    "list": list,
    "comprehension": lambda w: [each for each in w],  # noqa: C416
}


@pytest.mark.parametrize("way", PLAIN)
def test_what_is_made_of_it_is_a_plain_list(weights: ParameterList, way: str) -> None:
    made = PLAIN[way](weights)
    assert type(made) is list
    for ours, theirs in zip(weights, made, strict=True):
        np.testing.assert_array_equal(theirs, ours)
        assert theirs.dtype == ours.dtype
        # Python's own copies hold the same arrays; copy and pickle make the user's own.
        assert np.shares_memory(theirs, ours) == (way not in ("deepcopy", "copy", "pickle"))
    made.pop()
    assert len(weights) == 3
