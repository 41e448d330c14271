"""Norms, dropout and optimizers with every instruction set: in pieces, and against each other."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from instruction_sets import run

from fastnn._core import isa as _isa

TESTS = str(Path(__file__).parent)


@cache
def results(level: str) -> dict:
    """What kernel_pieces.py prints; it checks the pieces itself."""
    if level not in _isa.available():
        pytest.skip(f"this processor does not have {level}")
    code = f"import sys; sys.path.append({TESTS!r}); import kernel_pieces as k; k.main()"
    result = run(code, level)
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["level"] == level
    return answer


@pytest.mark.parametrize("level", _isa.LEVELS)
def test_pieces_are_those_of_the_whole(level):
    assert 0 < sum(results(level)["masks"][0]) < 2 * 83


@pytest.mark.parametrize("level", _isa.LEVELS[1:])
def test_masks_are_those_of_every_instruction_set(level):
    assert results(level)["masks"] == results("base")["masks"]


@pytest.mark.parametrize("level", _isa.LEVELS[1:])
def test_training_is_that_of_every_instruction_set(level):
    """Up to rounding, which a norm and divisions by small roots make larger."""
    actual, expected = results(level)["trained"], results("base")["trained"]
    for name, parameters in expected.items():
        atol = 2e-3 if name.endswith("float32") else 1e-9
        np.testing.assert_allclose(actual[name], parameters, rtol=0, atol=atol, err_msg=name)
