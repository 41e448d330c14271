"""What ``help`` says: every argument of everything public is described, every choice is listed."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import fastnn
from fastnn import activations, costs

MODULES = (
    "fastnn", "fastnn.activations", "fastnn.augment", "fastnn.book.mnist_loader",
    "fastnn.book.network", "fastnn.book.network2", "fastnn.cli", "fastnn.convert", "fastnn.costs",
    "fastnn.datasets", "fastnn.demo", "fastnn.diagnostics", "fastnn.dlfs", "fastnn.dlfs.functions",
    "fastnn.dlfs.gradient", "fastnn.dlfs.layers", "fastnn.dlfs.mnist",
    "fastnn.dlfs.multi_layer_net", "fastnn.dlfs.multi_layer_net_extend", "fastnn.dlfs.optimizer",
    "fastnn.dlfs.trainer", "fastnn.dlfs.two_layer_net", "fastnn.dlfs.util", "fastnn.export",
    "fastnn.functional", "fastnn.initializers", "fastnn.normalization", "fastnn.optimizers",
    "fastnn.playground", "fastnn.plot", "fastnn.preprocessing", "fastnn.pretrain",
    "fastnn.profiling", "fastnn.reference", "fastnn.regularizers", "fastnn.schedules",
    "fastnn.sklearn", "fastnn.stopping", "fastnn.tune",
)  # fmt: skip
# What a cost's methods take is said once, in front of them all.
OF_EVERY_COST = {"fn": ("a", "y"), "delta": ("z", "a", "y")}


def entries(doc: str, *sections: str) -> dict[str, str]:
    """The names in numpydoc sections, each with the text below it."""
    found: dict[str, str] = {}
    section, heads, lines = "", [], inspect.cleandoc(doc).splitlines()
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if after and set(after) == {"-"}:
            section, heads = line, []
        elif section in sections and line.strip("-") and not line[0].isspace():
            heads = [name.strip(" *`") for name in line.partition(" : ")[0].split(",")]
            found |= dict.fromkeys(heads, "")
        elif section in sections:
            found |= {head: f"{found[head]} {line.strip()}".strip() for head in heads}
    return found


def parameters(function: Any) -> list[str]:
    """The names that one may pass."""
    found = inspect.signature(function).parameters.values()
    return [p.name for p in found if p.name not in ("self", "cls") and not p.name.startswith("_")]


def public(module: ModuleType) -> list[str]:
    """What a module offers: its ``__all__``, or else what is defined in it."""
    names = getattr(module, "__all__", None)
    if names is not None:
        return list(names)
    here = [
        n
        for n, thing in vars(module).items()
        if getattr(thing, "__module__", "") == module.__name__
    ]
    return [name for name in here if not name.startswith("_")]


def of_class(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods that are ours."""
    for name, method in inspect.getmembers(kind, callable):
        ours = str(getattr(method, "__module__", "")).startswith("fastnn")
        if ours and not name.startswith("_") and not inspect.isclass(method):
            yield name, method


def of_method(kind: type, name: str) -> list[str]:
    """The docstring of a method, and those of what it overrides: it may say "as" and name them."""
    methods = [base.__dict__[name] for base in kind.__mro__ if name in base.__dict__]
    return [method.__doc__ for method in methods if method.__doc__]


def things() -> Iterator[tuple[str, Any, list[str]]]:
    """(name, callable, docstrings) of every public function, constructor and method."""
    seen = set()
    for module_name in MODULES:
        if module_name == "fastnn.sklearn":
            pytest.importorskip("sklearn")
        module = importlib.import_module(module_name)
        for name in public(module):
            thing = getattr(module, name)
            if not callable(thing) or id(thing) in seen or typing.get_origin(thing):
                continue
            seen.add(id(thing))
            yield f"{module_name}.{name}", thing, [inspect.getdoc(thing) or ""]
            if not inspect.isclass(thing):
                continue
            for method_name, method in of_class(thing):
                if method in seen or (thing in costs.COMPILED and method_name in OF_EVERY_COST):
                    continue
                seen.add(method)
                yield f"{module_name}.{name}.{method_name}", method, of_method(thing, method_name)


def test_the_walk_finds_what_it_should():
    names = {name for name, _, _ in things()}
    assert {"fastnn.Network", "fastnn.Network.fit", "fastnn.load"} <= names
    assert {"fastnn.initializers.Constant", "fastnn.functional.relu"} <= names
    assert {"fastnn.sklearn.MLPClassifier", "fastnn.sklearn.MLPClassifier.fit"} <= names
    assert len(names) > 200


def undescribed(thing: Any, docs: list[str]) -> list[str]:
    """The parameters without an entry, and for a class those without a text."""
    if not inspect.isclass(thing):
        described = {name for doc in docs for name in entries(doc, "Parameters")}
        return [name for name in parameters(thing) if name not in described]
    sections = ["Parameters"]
    if dataclasses.is_dataclass(thing) or issubclass(thing, tuple):
        sections.append("Attributes")  # of what functions return
    found = entries(docs[0], *sections)
    return [name for name in parameters(thing) if not found.get(name)]


def test_every_parameter_is_described():
    found = {name: undescribed(thing, docs) for name, thing, docs in things()}
    assert {name: missing for name, missing in found.items() if missing} == {}


def test_nothing_is_described_that_is_not_there():
    wrong = {}
    for name, thing, docs in things():
        signature = inspect.signature(thing).parameters
        if not any(p.kind is p.VAR_KEYWORD for p in signature.values()):
            wrong[name] = sorted(set(entries(docs[0], "Parameters")) - set(signature))
    assert {name: extra for name, extra in wrong.items() if extra} == {}


def test_no_section_stands_twice():
    for name, _, docs in things():
        heads = re.findall(r"^ *(\w[\w ]*)\n *-{3,}$", docs[0], re.MULTILINE)
        assert len(heads) == len(set(heads)), name


def test_the_costs_say_what_their_methods_take():
    for method, arguments in OF_EVERY_COST.items():
        assert f"``{method}({', '.join(arguments)})``" in str(costs.__doc__)
        for kind in costs.COMPILED:
            assert parameters(getattr(kind(), method)) == list(arguments)
            assert getattr(kind, method).__doc__


def quoted(doc: str, name: str) -> set[str]:
    """The words in quotation marks at the entry ``name`` of the parameters."""
    entry = re.search(
        rf"^{name} : (.*?)(?=^\S|\Z)", inspect.cleandoc(doc), re.DOTALL | re.MULTILINE
    )
    assert entry is not None
    return set(re.findall(r'"(\w+)"', entry[1]))


def test_network_lists_every_activation_output_and_cost():
    doc = str(fastnn.Network.__doc__)
    assert quoted(doc, "activation") == set(activations.HIDDEN)
    assert quoted(doc, "output") == set(activations.OUTPUT)
    named = re.search(r"^cost : .*?(?=^\S)", inspect.cleandoc(doc), re.DOTALL | re.MULTILINE)
    assert set(re.findall(r"\w+Cost", named[0])) == {kind.__name__ for kind in costs.COMPILED}


def test_network_says_which_output_goes_with_which_cost():
    entry = entries(str(fastnn.Network.__doc__), "Parameters")["output"]
    said = {
        name: output
        for output, costs_ in re.findall(r'"(\w+)" for ([^"]*)', entry)
        for name in re.findall(r"\w+Cost", costs_)
    }
    (rest,) = re.findall(r'else "(\w+)"', entry)
    for kind in costs.COMPILED:
        assert said.get(kind.__name__, rest) == costs.output_for(kind, None)


def test_every_cost_is_public():
    assert {kind.__name__ for kind in costs.COMPILED} <= set(fastnn.__all__)
    assert {kind.__name__ for kind in costs.COMPILED} == set(costs.__all__)
