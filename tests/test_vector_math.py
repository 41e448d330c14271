"""The vector math with every instruction set, against true values of more digits.

``BOUNDS`` are in units in the last place of the true value, gradual underflow included. The first
four are what they are meant to be; the others are what is reached. For SiLU, Mish and GELU, which
are z times a factor, |z| times the smallest subnormal number comes on top: it counts only where
the factor is about to vanish, below z = −700 (float32: −80; GELU −37 and −13).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from instruction_sets import run
from vector_accuracy import FUNCTIONS, MEASURED

from fastnn import _isa

BOUNDS = {
    "exp": 2.0,
    "log": 2.0,
    "sigmoid": 2.0,
    "tanh": 2.0,
    "softplus": 2.0,
    "elu": 2.0,
    "silu": 3.0,
    "mish": 4.0,
    "gelu": 8.0,
}
TESTS = str(Path(__file__).parent)


@cache
def measured(level: str) -> dict[str, float]:
    """The largest errors with an instruction set, found in a process of its own."""
    if level not in _isa.available():
        pytest.skip(f"this processor does not have {level}")
    code = f"import sys; sys.path.append({TESTS!r}); import vector_accuracy as v; v.main()"
    result = run(code, level)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["instruction set"] == level
    return answer["errors"]


@pytest.mark.parametrize("level", _isa.LEVELS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_errors_are_within_the_bounds(name, level):
    """The process also checks zeros, infinities and NaN, and that no place is like another."""
    errors = measured(level)
    for dtype in MEASURED:
        error = errors[f"{name} {np.dtype(dtype).name}"]
        assert 0.5 <= error <= BOUNDS[name], dtype  # nothing is better than rounding
