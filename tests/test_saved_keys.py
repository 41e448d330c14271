"""A file of format 1 has exactly its keys, each once, and each of them holds what it should."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refusals import assert_one_line, refused

import fastnn
from fastnn import initializers, optimizers, schedules
from fastnn._model import saved_keys as _saved_keys
from fastnn._model import storage
from fastnn.book import network2
from fastnn.normalization import BatchNorm

rng = np.random.default_rng(0)
X, LABELS = rng.normal(size=(12, 3)), np.arange(12) % 2

# Written by the first version of this form: such files are to be read for ever.
FIRST = (
    '{"sizes": [2, 2, 1], "weights": [[[0.5, -0.5], [0.25, 1.0]], [[1.0, 0.5]]], '
    '"biases": [[[0.125], [0.0]], [[0.25]]], "cost": "CrossEntropyCost", "fastnn": 1, '
    '"activation": ["tanh"], "output": "sigmoid", "dtype": "float32", "input_scale": 1.0, '
    '"cost_parameter": 0.0, "normalization": {"name": "batch", "eps": 1e-05, "momentum": 0.1}, '
    '"dropout": [{"rate": 0.5, "inverted": true}], "training": {"optimizer": {"name": "adam", '
    '"beta1": 0.9, "beta2": 0.999, "eps": 1e-08}, "steps": 6, "epochs": 2, "masks": 9, "seed": 7, '
    '"plateau": {"cuts": 1, "best": 0.25, "best_epoch": 2, "waited": 0}, "initializer": null}, '
    '"rng": {"bit_generator": "PCG64", "state": {"state": 35399562948360463058890781895381311971, '
    '"inc": 87136372517582989555478159403783844777}, "has_uint32": 0, "uinteger": 0}, "gammas": '
    '[[[1.0], [2.0]]], "betas": [[[0.0], [0.5]]], "running": [0.0, 0.5, 1.0, 2.0], "slots": '
    "[[0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.125], "
    "[0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5]]}"
)
CONTENT: dict[str, Any] = json.loads(FIRST)


def write(path: Path, content: Any) -> Path:
    """Write a network as JSON, or as an .npz if that is what the path says."""
    if path.suffix == ".json":
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path
    options = {key: each for key, each in content.items() if key not in _saved_keys.LISTS}
    order = [
        part
        for l in range(len(content["weights"]))
        for part in (
            content["weights"][l],
            content["biases"][l],
            *(content[name][l] for name in ("gammas", "betas") if l < len(content[name])),
        )
    ]
    vectors = {
        "parameters": np.concatenate([np.ravel(part) for part in order]),
        "running": np.array(content["running"]),
        "slots": np.ravel(content["slots"]),
    }
    arrays = {name: vector.astype("float32") for name, vector in vectors.items()}
    np.savez(path, options=np.array(json.dumps(options)), **arrays)
    return path


@pytest.fixture(params=[".json", ".npz"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"net{request.param}"


def assert_refused(path: Path, match: str, load: Callable[[Path], Any] = fastnn.load) -> None:
    with refused(ValueError, rf"{re.escape(str(path))}: .*{match}"):
        load(path)


def test_the_first_files_are_read(path: Path) -> None:
    net = fastnn.load(write(path, CONTENT))
    assert (net.dtype, net.normalization) == (np.float32, BatchNorm())
    np.testing.assert_array_equal(net.weights[0], [[0.5, -0.5], [0.25, 1.0]])
    np.testing.assert_array_equal(net.gammas[0], [[1.0], [2.0]])
    np.testing.assert_array_equal(net.running_variances[0], [[1.0], [2.0]])
    state = net.training_state
    assert (state.optimizer, state.steps, state.epochs) == (optimizers.Adam(), 6, 2)
    assert (state.seed, state.plateau) == (7, CONTENT["training"]["plateau"])
    np.testing.assert_array_equal(state.slots[:, [0, -1]], [[0.5, 0.125], [0.25, 0.5]])
    again = path.with_stem("again")
    net.save(again)
    if path.suffix == ".json":
        assert json.loads(again.read_text()) == {**CONTENT, "version": fastnn.__version__}
    else:
        first, second = dict(np.load(path)), dict(np.load(again))
        told = {**json.loads(str(first.pop("options"))), "version": fastnn.__version__}
        assert json.loads(str(second.pop("options"))) == told
        for name, array in first.items():
            np.testing.assert_array_equal(second[name], array)


def paths_to(content: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the path to every key of a file, those of its parts included."""
    if isinstance(content, list):
        return [path for each in content for path in paths_to(each, at)]
    if not isinstance(content, dict):
        return []
    inner = [paths_to(each, (*at, key)) for key, each in content.items()]
    return [*((*at, key) for key in content), *(path for paths in inner for path in paths)]


def holder(content: dict[str, Any], at: tuple[str, ...]) -> dict[str, Any]:
    """Return the mapping in which the last key of a path is."""
    for key in at[:-1]:
        content = content[key][0] if isinstance(content[key], list) else content[key]
    return content


KEYS = paths_to(CONTENT)
IDS = [".".join(at) for at in KEYS]
OF_LISTS = [at for at in KEYS if at[0] in _saved_keys.LISTS]


def skip_lists(path: Path, at: tuple[str, ...]) -> None:
    if path.suffix == ".npz" and at in OF_LISTS:
        pytest.skip("an .npz has vectors instead")


def test_files_from_before_masks_were_counted_are_read(path: Path) -> None:
    content = copy.deepcopy(CONTENT)
    for key in ("masks", "initializer"):
        del content["training"][key]
    assert fastnn.load(write(path, content)).training_state.masks[0] == 6  # as the steps


def test_all_keys_are_tried() -> None:
    assert ("rng", "state", "inc") in KEYS and ("dropout", "inverted") in KEYS
    assert len(KEYS) == 44
    assert set(_saved_keys.JSON.required) == {at[0] for at in KEYS}


@pytest.mark.parametrize("at", KEYS, ids=IDS)
def test_a_key_that_is_missing_is_named(path: Path, at: tuple[str, ...]) -> None:
    skip_lists(path, at)
    if at in (("training", "initializer"), ("training", "masks")):
        pytest.skip("the first files had none")
    content = copy.deepcopy(CONTENT)
    del holder(content, at)[at[-1]]
    lists = {key: CONTENT[key] for key in _saved_keys.LISTS if key not in content}
    if path.suffix == ".npz":
        content |= lists
    write(path, content)
    word = {"name": "expected one of", "bit_generator": "rng"}
    assert_refused(path, word.get(at[-1], at[-1]))


@pytest.mark.parametrize("at", KEYS, ids=IDS)
def test_a_key_that_is_misspelt_is_named(path: Path, at: tuple[str, ...]) -> None:
    skip_lists(path, at)
    content = copy.deepcopy(CONTENT)
    there = holder(content, at)
    there[at[-1][:-1] + "_"] = there.pop(at[-1])
    write(path, content)
    # A file without the key of its form is taken for one of the book's, with keys too many.
    word = {"name": "expected one of", "bit_generator": "rng", "fastnn": "fastn"}
    assert_refused(path, word.get(at[-1], at[-1][:-1] + "_"))


@pytest.mark.parametrize("at", KEYS, ids=IDS)
def test_a_key_that_is_there_twice_is_named(path: Path, at: tuple[str, ...]) -> None:
    skip_lists(path, at)
    content = copy.deepcopy(CONTENT)
    there = holder(content, at)
    value = there[at[-1]]
    # Its last value would be taken in silence, and is a right one.
    text = json.dumps({**content, "MARK": 1} if len(at) == 1 else content)
    if len(at) == 1:
        text = text.replace('"MARK": 1', f'"{at[-1]}": {json.dumps(value)}')
    else:
        once = json.dumps(there)
        assert text.count(once) == 1
        text = text.replace(once, f'{once[:-1]}, "{at[-1]}": {json.dumps(value)}}}')
    assert len(text) > len(json.dumps(content))
    if path.suffix == ".json":
        path.write_text(text)
    else:
        write(path, content)
        vectors = {k: v for k, v in np.load(path).items() if k != "options"}
        for key in _saved_keys.LISTS:
            text = text.replace(f', "{key}": {json.dumps(CONTENT[key])}', "", 1)
        np.savez(path, options=np.array(text), **vectors)
    assert_refused(path, f"the key '{at[-1]}' is there twice")


PARTS = [
    "",
    "training",
    "dropout",
    "normalization",
    "rng",
    "training.plateau",
    "training.optimizer",
]


@pytest.mark.parametrize("within", [tuple(filter(None, part.split("."))) for part in PARTS])
def test_a_key_of_nobody_is_named(path: Path, within: tuple[str, ...]) -> None:
    content = copy.deepcopy(CONTENT)
    holder(content, (*within, "colour"))["colour"] = "red"
    assert_refused(write(path, content), "colour")


def test_the_table_of_the_columns_may_be_there(path: Path) -> None:
    table = {
        "task": "classification", "classes": [0, 1], "features": ["längd", "\u82b1"],
        "target": None, "column": 2,
    }  # fmt: skip
    write(path, {**CONTENT, "table": table})
    assert fastnn.load(path).table.features == ("längd", "\u82b1")
    assert_refused(write(path, {**CONTENT, "table": ["längd"]}), "table: expected a description")


# --- the book's own files

BOOK = {key: CONTENT[key] for key in _saved_keys.BOOK.required}


@pytest.mark.parametrize("load", [fastnn.load, network2.load])
def test_the_books_file_has_only_the_books_keys(tmp_path: Path, load: Callable) -> None:
    path = tmp_path / "net"
    path.write_text(json.dumps(BOOK))
    assert load(path).sizes == [2, 2, 1]
    for key in CONTENT:
        if key not in (*BOOK, "fastnn"):
            path.write_text(json.dumps({**BOOK, key: CONTENT[key]}))
            assert_refused(path, f"the keys '{key}' are unknown in a file of the book's", load)
    path.write_text(json.dumps(BOOK)[:-1] + ', "cost": "QuadraticCost"}')
    assert_refused(path, "the key 'cost' is there twice", load)
    path.write_text(json.dumps({**CONTENT, "fastnn": 2}))
    assert_refused(path, "expected format 1, got 2", load)


# --- values that are none

NEVER: list[Any] = [
    "1", "", True, -1, 1.5, 10**400, float("nan"), float("inf"), [1], {}, {"name": "x"},
]  # fmt: skip
VALUES: dict[tuple[str, ...], list[Any]] = {
    ("fastnn",): [None, *NEVER],
    ("sizes",): [None, *NEVER, [2, 2.0, 1], [2, True, 1], [2, "2", 1], [2, 10**400, 1], [2, -2, 1]],
    ("cost",): [None, *NEVER],
    ("activation",): [None, *NEVER, "tanh", ["tanh", "tanh"], [None], [1], {"tanh": 1}],
    ("output",): [None, *NEVER, ["sigmoid"]],
    ("dtype",): [None, *NEVER, "f4", "<f4", "d", "float16", "single"],
    ("input_scale",): [None, *[x for x in NEVER if x != 1.5], 0, 1e-300, 1e300],
    ("cost_parameter",): [None, *NEVER, 1, 0.5],
    ("normalization",): ["batch", *NEVER],
    ("normalization", "eps"): [None, *[x for x in NEVER if x != 1.5], 0],
    ("normalization", "momentum"): [None, *NEVER, 0, 2],
    ("dropout",): [None, *NEVER, [], [0.5], [None], {"rate": 0.5, "inverted": True}],
    ("dropout", "rate"): [None, *NEVER, 1],
    ("dropout", "inverted"): [None, *[x for x in NEVER if x is not True], 0, 1],
    ("training",): [None, *NEVER],
    ("training", "optimizer"): [*NEVER, "adam", {"name": "lsuv"}],
    ("training", "optimizer", "beta1"): [None, *NEVER, 1],
    ("training", "optimizer", "eps"): [None, *[x for x in NEVER if x != 1.5]],
    ("training", "steps"): [None, *NEVER, 2**62],
    ("training", "epochs"): [None, *NEVER, 2**62],
    ("training", "masks"): [None, *NEVER, 2**62],
    ("training", "seed"): [*NEVER, 2**62],
    ("training", "plateau"): [*NEVER, {"cuts": 1}, {"cuts": 1, "waited": 0, "best": 1}],
    ("training", "plateau", "cuts"): [None, *NEVER],
    ("training", "plateau", "waited"): [None, *NEVER],
    ("training", "plateau", "best"): [None, *[x for x in NEVER if x not in (-1, 1.5)]],
    ("training", "plateau", "best_epoch"): [None, *NEVER, 0],
    ("training", "initializer"): [*NEVER, {"name": "zeros"}, {"name": "lsuv"},
                                  {"name": "lsuv", "rows": 1}, {"name": "lsuv", "rows": 1.5}],
    ("rng",): NEVER,
}  # fmt: skip


@pytest.mark.parametrize("at", VALUES, ids=[".".join(at) for at in VALUES])
def test_a_wrong_value_is_named(path: Path, at: tuple[str, ...]) -> None:
    for value in VALUES[at]:
        if value == "1" and at == ("cost",):
            continue
        content = copy.deepcopy(CONTENT)
        holder(content, at)[at[-1]] = value
        write(path, content)
        with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
            fastnn.load(path)
        assert_one_line(caught.value)
        named = {"rate": "dropout", "fastnn": "format"}.get(at[-1], at[-1])
        if named == "initializer" and isinstance(value, dict) and value.get("name") == "lsuv":
            named = "rows"
        # What is no JSON at all is found before anything is looked at.
        assert named in str(caught.value) or re.search(r"NaN|Infinity|digits", str(caught.value))


VECTORS: dict[str, Any] = {
    "a negative variance": ("running", [0.0, 0.5, 1.0, -2.0], "running_variances"),
    "an infinite mean": ("running", [1e39, 0.5, 1.0, 2.0], "running"),
    "a mean that is none": ("running", [float("nan"), 0.5, 1.0, 2.0], ""),
    "a square that is negative": ("slots", [[0.5] * 13, [0.25] * 12 + [-1e-30]], r"slots\[1\]"),
    "a slot that is infinite": ("slots", [[1e39] * 13, [0.25] * 13], "slots"),
    "a slot that is none": ("slots", [[0.5] * 13, [0.25] * 12 + [float("nan")]], ""),
    "a slot too few": ("slots", [[0.5] * 13, [0.25] * 12], "slots"),
    "a row too many": ("slots", [[0.5] * 13, [0.25] * 13, [0.25] * 13], "slots"),
    "a scale too many": ("gammas", [[[1.0], [2.0], [3.0]]], ""),
}


@pytest.mark.parametrize(("key", "value", "match"), VECTORS.values(), ids=VECTORS)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_numbers_that_training_does_not_come_to(
    path: Path, key: str, value: Any, match: str
) -> None:
    content = {**CONTENT, key: value}
    if path.suffix == ".npz" and key == "slots":
        content["slots"] = [each for row in value for each in row]
    assert_refused(write(path, content), match)


ONLY_IN_JSON: dict[str, tuple[str, Any]] = {
    "text": ("slots", [["0.5"] * 13, [0.25] * 13]),
    "a flat list": ("slots", [0.5] * 26),
    "true": ("slots", [[True] * 13, [0.25] * 13]),
    "too large a whole number": ("slots", [[10**400] * 13, [0.25] * 13]),
    "null": ("running", [None, 0.5, 1.0, 2.0]),
    "nested": ("running", [[0.0, 0.5], [1.0, 2.0]]),
    "nothing": ("running", None),
    "a mapping": ("running", {"0": 1}),
    "one number": ("gammas", 1.0),
    "flat": ("gammas", [[1.0, 2.0]]),
}


@pytest.mark.parametrize(("key", "value"), ONLY_IN_JSON.values(), ids=ONLY_IN_JSON)
def test_lists_that_are_none(tmp_path: Path, key: str, value: Any) -> None:
    assert_refused(write(tmp_path / "net.json", {**CONTENT, key: value}), f"{key}: expected")


# --- what is set in Python is checked alike


def trained(**options: Any) -> fastnn.Network:
    net = fastnn.Network([3, 4, 2], normalization="batch", rng=0)
    net.fit(X, LABELS, epochs=2, optimizer="adam", **options)
    return net


def test_negative_variances_are_refused_when_they_are_set() -> None:
    net = trained()
    with refused(ValueError, r"running_variances\[0\]: expected numbers of 0 or more", net):
        net.running_variances[0] = -np.ones((4, 1))
    with refused(ValueError, r"running_variances\[0\]: expected numbers of 0 or more", net):
        net.running_statistics = -np.ones(8)
    net.running_means[0] = -np.ones((4, 1))
    net.running_statistics = [-1] * 4 + [0] * 4


SPOILT: dict[str, tuple[Callable[[Any], Any], str]] = {
    "variance": (lambda net: net.running_statistics.__setitem__(5, -1), "running_variances"),
    "mean": (lambda net: net.running_statistics.__setitem__(1, np.inf), "running_statistics"),
    "slot": (lambda net: net.training_state.slots.__setitem__((0, 3), np.nan), "slots"),
    "square": (lambda net: net.training_state.slots.__setitem__((1, 3), -1), r"slots\[1\]"),
    "plateau": (lambda net: setattr(net.training_state, "plateau", {"a": 1}), "plateau"),
    "seed": (lambda net: setattr(net.training_state, "seed", -1), "seed"),
    "epochs": (lambda net: setattr(net.training_state, "epochs", 1.5), "epochs"),
    "optimizer": (lambda net: setattr(net.training_state, "optimizer", Own()), "optimizer"),
    "initializer": (
        lambda net: setattr(net.training_state, "initializer", OwnLSUV()),
        "initializer",
    ),
}


class Own(optimizers.Adam):
    """An optimizer that no file can bring along."""


class OwnLSUV(initializers.LSUV):
    """An initializer that no file can bring along."""


@pytest.mark.parametrize(("spoil", "match"), SPOILT.values(), ids=SPOILT)
def test_what_load_refuses_is_not_saved(
    path: Path, spoil: Callable[[Any], Any], match: str
) -> None:
    net = trained()
    net.save(path)
    old = path.read_bytes()
    spoil(net)
    with refused((TypeError, ValueError), match, net):
        net.save(path)
    assert path.read_bytes() == old


def test_classes_of_ones_own_are_not_saved(path: Path) -> None:
    class OwnNorm(BatchNorm):
        pass

    class OwnDropout(fastnn.Dropout if hasattr(fastnn, "Dropout") else fastnn.dropout.Dropout):
        pass

    for options, match in (
        ({"normalization": OwnNorm()}, "normalization: expected an object of fastnn's own"),
        ({"dropout": OwnDropout(0.5)}, "dropout: expected a Dropout to save"),
    ):
        with refused(ValueError, match):
            fastnn.Network([3, 4, 2], rng=0, **options).save(path)


def test_steps_and_plateaus_are_checked_when_they_are_set() -> None:
    net = trained()
    for bad in (-1, 1.5, True, None, 2**80):
        with refused((TypeError, ValueError), "steps", net):
            net.training_state.steps = bad
    net.training_state.plateau = {"cuts": "many", "waited": 0}
    schedule = schedules.HalveOnPlateau(monitor="training_cost")
    with pytest.raises((TypeError, ValueError), match=r"state\['cuts'\]"):
        net.fit(X, LABELS, epochs=1, optimizer="adam", schedule=schedule)


def test_a_field_with_a_default_may_come_later(path: Path) -> None:
    """What is a keyword only is written only if it is not the default."""
    for flag in (False, True):
        net = fastnn.Network([3, 4, 2], rng=0)
        net.fit(X, LABELS, epochs=1, optimizer=optimizers.Adam(epsilon_hat=flag))
        net.save(path)
        assert (b'"epsilon_hat"' in storage.to_json(net)) == flag
        assert fastnn.load(path).training_state.optimizer == optimizers.Adam(epsilon_hat=flag)
