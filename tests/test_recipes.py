"""CONTRIBUTING.md's recipes: followed here on paper, and by ``make recipe-check`` in earnest."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from conftest import REPOSITORY

from fastnn import activations, costs
from fastnn._core import cost as _costs
from fastnn._core.activation import Activation, slope_from_z

CORE = REPOSITORY / "src_cython" / "fastnn" / "_core"
needs_checkout = pytest.mark.skipif(
    not CORE.is_dir() or not (REPOSITORY / ".ci").is_dir(),
    reason="the tests stand without the checkout",
)


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(REPOSITORY / ".ci"))
    monkeypatch.delitem(sys.modules, "recipe_steps", raising=False)
    spec = importlib.util.spec_from_file_location(
        "check_recipes", REPOSITORY / ".ci" / "check_recipes.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compiles(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    """Let the compiler read a file of C, and make nothing of it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    program = folder / "trial.c"
    program.write_text(f'#include "{source}"\nint main(void) {{ return N_ACTIVATIONS; }}\n')
    command = [compiler, "-fsyntax-only", "-std=gnu11", "-I", str(folder), str(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@needs_checkout
def test_each_step_can_be_followed(recipes: ModuleType, tmp_path: Path) -> None:
    """The text and the steps name the same files, and every place is found."""
    recipes.copy(tmp_path / "copy")
    recipes.follow(tmp_path / "copy")
    written = (tmp_path / "copy" / "fastnn" / "costs.py").read_text(encoding="utf-8")
    assert "LogCoshCost: Cost.LOG_COSH" in written
    numbers = (
        tmp_path / "copy" / "src_cython/fastnn/_core/kernels/activation_numbers.h"
    ).read_text("utf-8")
    assert "BY_ENTRY(SOFTSIGN, softsign, OUTPUT" in numbers


@needs_checkout
def test_a_step_that_is_not_written_is_noticed(recipes: ModuleType, tmp_path: Path) -> None:
    recipes.copy(tmp_path / "copy")
    text = tmp_path / "copy" / "CONTRIBUTING.md"
    without = text.read_text("utf-8").replace("`fastnn/reference/deltas.py`", "the reference")
    text.write_text(without, encoding="utf-8")
    with pytest.raises(SystemExit, match=r"Add a cost: CONTRIBUTING\.md names"):
        recipes.follow(tmp_path / "copy")


@needs_checkout
def test_a_line_that_is_gone_is_noticed(recipes: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\ntwo\ntwo\n")
    recipes.apply(("a.py", "one\n", "one and a half\n"), tmp_path)
    assert (tmp_path / "a.py").read_text() == "one\none and a half\ntwo\ntwo\n"
    recipes.apply(("a.py", "one\none", "new\none\none"), tmp_path)
    assert (tmp_path / "a.py").read_text().startswith("new\none\none and")
    for line, count in (("two\n", 2), ("three\n", 0)):
        with pytest.raises(SystemExit, match=f"stands {count} times in a.py"):
            recipes.apply(("a.py", line, "x"), tmp_path)


@needs_checkout
def test_an_activation_without_kernels_does_not_compile(
    recipes: ModuleType, tmp_path: Path
) -> None:
    """With its number alone: the tables follow from the list, so that none has a hole."""
    for folder in ("kernels", "runtime", "simd"):
        shutil.copytree(CORE / folder, tmp_path / folder)
    assert compiles(tmp_path, "kernels/activation.c").returncode == 0
    (edit,) = recipes.RECIPES["Add an activation"][2]
    recipes.apply((f"kernels/{Path(edit[0]).name}", *edit[1:]), tmp_path)
    done = compiles(tmp_path, "kernels/activation.c")
    assert done.returncode != 0
    assert "forward_softsign_double_base" in done.stderr


def test_numbers_and_names_are_the_same_everywhere() -> None:
    assert sorted(Activation) == list(range(len(Activation)))
    assert set(activations.KERNELS.values()) == set(Activation)
    assert set(activations.HIDDEN) | set(activations.OUTPUT) == set(activations.KERNELS)
    assert sorted(_costs.Cost) == list(range(len(_costs.Cost)))
    assert set(costs.COMPILED.values()) == set(_costs.Cost) == set(_costs.OUTPUTS)
    assert set(costs.OUTPUTS) == set(costs.COMPILED)


def test_where_the_slope_is_computed_from_z() -> None:
    assert activations.FROM_Z == ("gelu", "silu", "mish")
    assert not set(activations.FROM_Z) & set(activations.OUTPUT)  # there z is not kept
    for number in (-1, len(Activation), 2**31 - 1):
        with pytest.raises(ValueError, match=f"activation: expected 0 to .*, got {number}"):
            slope_from_z(number)


def test_the_outputs_of_a_cost_are_the_same_in_python_and_in_the_kernels() -> None:
    for kind, names in costs.OUTPUTS.items():
        numbers = tuple(activations.KERNELS[name] for name in names)
        assert _costs.OUTPUTS[costs.COMPILED[kind]] == numbers
