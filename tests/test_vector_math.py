"""The vector math with every instruction set, against true values of more digits.

Bounds are in units in the last place of the true value; BOUND with gradual underflow.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from instruction_sets import run
from vector_accuracy import FUNCTIONS, MEASURED, SLOPES

from fastnn._core import isa as _isa

BOUND = 2.0
SLOPE_BOUND = 8.0
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
def test_errors_are_within_the_bound(name, level):
    """The process also checks zeros, infinities and NaN, and that no place is like another."""
    errors = measured(level)
    for dtype in MEASURED:
        error = errors[f"{name} {np.dtype(dtype).name}"]
        assert 0.5 <= error <= BOUND, dtype  # nothing is better than rounding


@pytest.mark.parametrize("level", _isa.LEVELS)
@pytest.mark.parametrize("name", SLOPES)
def test_slopes_computed_from_z_are_within_theirs(name, level):
    """Near its zero a slope is a difference of larger numbers: see largest_slope_error."""
    errors = measured(level)
    for dtype in MEASURED:
        assert 0.5 <= errors[f"slope of {name} {np.dtype(dtype).name}"] <= SLOPE_BOUND, dtype
