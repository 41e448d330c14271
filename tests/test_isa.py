"""The choice of the instruction set."""

import pytest
from instruction_sets import run

from fastnn._core import isa as _isa


@pytest.mark.parametrize("level", ["v9", "avx2", "V3"])
def test_an_unknown_level_is_refused(level):
    result = run("import fastnn", level)
    assert result.returncode != 0
    assert (
        f"ValueError: FASTNN_ISA: this processor has base, v3, v4, got '{level}'".replace(
            "base, v3, v4", ", ".join(_isa.available())
        )
        in result.stderr
    )


def test_the_best_level_is_chosen_by_itself():
    result = run("from fastnn._core import isa; print(isa.instruction_set)", "")
    assert result.stdout.strip() == _isa.available()[-1]
