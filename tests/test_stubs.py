"""The stubs of the compiled modules name what is really there."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import fastnn

PACKAGE = Path(fastnn.__file__).parent / "_core"
COMPILED = sorted(
    path.stem for path in PACKAGE.glob("*.pyi") if not path.with_suffix(".py").is_file()
)


def stub_of(module: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{module}.pyi").read_text(encoding="utf-8"))


def arguments_of(function: ast.FunctionDef) -> list[str]:
    several = [function.args.vararg] if function.args.vararg else []
    return [each.arg for each in (*function.args.args, *several, *function.args.kwonlyargs)]


def constructor_arguments(module: str, name: str) -> list[str]:
    """The arguments that the stub says a class takes."""
    stub = next(n for n in stub_of(module).body if isinstance(n, ast.ClassDef) and n.name == name)
    new = next(node for node in stub.body if getattr(node, "name", "") == "__new__")
    return arguments_of(new)[1:]


def public(names: list[str]) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def test_there_are_compiled_modules():
    assert {"dense", "norm", "dropout", "cost", "compiled_plan", "optimizer", "epoch"} <= set(
        COMPILED
    )


@pytest.mark.parametrize("module", COMPILED)
def test_every_public_name_is_in_the_stub_and_no_other(module):
    names = []
    for node in stub_of(module).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, ast.AnnAssign):
            names.append(node.target.id)
    assert public(names) == public(dir(importlib.import_module(f"fastnn._core.{module}")))


@pytest.mark.parametrize("module", COMPILED)
def test_functions_take_the_arguments_of_their_stubs(module):
    compiled = importlib.import_module(f"fastnn._core.{module}")
    for node in stub_of(module).body:
        if isinstance(node, ast.FunctionDef):
            signature = inspect.signature(getattr(compiled, node.name))
            assert arguments_of(node) == list(signature.parameters), node.name
            assert ast.get_docstring(node), f"{node.name}: no word about shapes"


@pytest.mark.parametrize("module", COMPILED)
def test_classes_have_the_members_of_their_stubs(module):
    compiled = importlib.import_module(f"fastnn._core.{module}")
    for node in stub_of(module).body:
        if isinstance(node, ast.ClassDef):
            real = getattr(compiled, node.name)
            members = [m.name for m in node.body if isinstance(m, ast.FunctionDef)]
            assigned = [m for m in node.body if isinstance(m, ast.Assign)]
            values = {m.targets[0].id: m.value.value for m in assigned}
            assert public([*members, *values]) == public(list(vars(real))) - {"name", "value"}
            assert {name: int(real[name]) for name in values} == values


def test_the_plan_takes_the_arguments_of_its_stub():
    """Each by name; a compiled constructor has no signature to look at."""
    from test_compiled_plan import tight_plan

    arguments = tight_plan((3, 2), 2)
    assert constructor_arguments("compiled_plan", "CompiledPlan") == list(arguments)
    fastnn._core.compiled_plan.CompiledPlan(**arguments)


def test_the_rule_takes_the_arguments_of_its_stub():
    arguments = constructor_arguments("optimizer", "Rule")
    rule = fastnn._core.optimizer.Rule(**dict.fromkeys(arguments, 0))
    assert [rule.numbers[name] for name in arguments] == [0] * len(arguments)
    for name in arguments:
        with pytest.raises(TypeError, match=name):
            fastnn._core.optimizer.Rule(**dict.fromkeys(set(arguments) - {name}, 0))
