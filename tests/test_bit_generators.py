"""States of bit generators from files: every field is checked, for NumPy does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refusals import assert_one_line, refused

import fastnn
from fastnn._common.bit_generators import KINDS, generator_from, plain_state
from fastnn._common.rng import sound_random_state
from fastnn._core.shuffle import Shuffler, check_place

X, LABELS = np.random.default_rng(0).normal(size=(12, 3)), [0, 1] * 6


def drawn_from(kind: str) -> np.random.Generator:
    """Return a generator in the middle of its buffer, with half a number left over."""
    generator = np.random.Generator(KINDS[kind](5))
    generator.integers(0, 2**31, 7, dtype=np.uint32)
    return generator


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_every_kind_comes_back(tmp_path: Path, kind: str, suffix: str) -> None:
    net = fastnn.Network([3, 4, 2], dropout=0.5, rng=drawn_from(kind))
    net.save(tmp_path / f"net{suffix}")
    back = fastnn.load(tmp_path / f"net{suffix}")
    assert plain_state(back.random_source) == plain_state(net.random_source)
    for each in (net, back):
        each.fit(X, LABELS, epochs=2, batch_size=5)
    np.testing.assert_array_equal(back.parameters, net.parameters)


# Paths to fields, and values that none of them may have.
FIELDS: dict[str, dict[str, list[Any]]] = {
    "MT19937": {
        "state.pos": [10**6, 625, -1, -(10**8), 2**31, 2**63, 10**400],
        "state.key": [[], [1] * 623, [1] * 625, [0] * 624, [2**31 - 1] + [0] * 623, [2**32] * 624,
                      [-1] * 624, [1.0] * 624, [True] * 624, ["1"] * 624, [[1]] * 624, "1" * 624],
    },
    "PCG64": {
        "state.state": [-1, 2**128, 10**400, [1, 2]],
        "state.inc": [-1, 2**128, 0, 2**127, 10**400],
        "has_uint32": [-1, 2, 2**31, 2**63],
        "uinteger": [-1, 2**32, 2**64],
    },
    "PCG64DXSM": {
        "state.state": [-1, 2**128],
        "state.inc": [0, 2**128 + 1],
        "has_uint32": [2],
        "uinteger": [2**32],
    },
    "Philox": {
        "buffer_pos": [-(10**8), -1, 5, 2**31, 2**63],
        "buffer": [[1] * 3, [1] * 5, [2**64] * 4, [-1] * 4, [True] * 4, [0.5] * 4],
        "state.counter": [[1] * 3, [1] * 5, [2**64] * 4, [-1] * 4],
        "state.key": [[1], [1] * 3, [2**64] * 2, [-1] * 2],
        "has_uint32": [-1, 2],
        "uinteger": [-1, 2**32],
    },
    "SFC64": {
        "state.state": [[1] * 3, [1] * 5, [2**64] * 4, [-1] * 4],
        "has_uint32": [-1, 2],
        "uinteger": [-1, 2**32],
    },
}  # fmt: skip
NEVER: list[Any] = [None, True, False, 1.5, float("nan"), "1", "", {}, [None], {"a": 1}]


def with_field(state: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return ``state`` with one field changed, or without it for an Ellipsis."""
    first, _, rest = path.partition(".")
    changed = dict(state)
    if value is ... and not rest:
        del changed[first]
    else:
        changed[first] = with_field(state[first], rest, value) if rest else value
    return changed


CASES = [
    pytest.param(kind, path, value, id=f"{kind}-{path}-{i}")
    for kind, fields in FIELDS.items()
    for path, values in fields.items()
    for i, value in enumerate([..., *values, *NEVER])
]


@pytest.mark.parametrize(("kind", "path", "value"), CASES)
def test_a_wrong_field_is_refused_and_named(kind: str, path: str, value: Any) -> None:
    state = plain_state(drawn_from(kind))
    generator_from(state)  # else nothing is shown
    with pytest.raises(ValueError, match=r"\Arng") as caught:
        generator_from(with_field(state, path, value))
    assert path.rpartition(".")[2] in str(caught.value)
    assert_one_line(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_fields_are_neither_missing_nor_more(kind: str) -> None:
    state = plain_state(drawn_from(kind))
    assert set(FIELDS[kind]) == {
        f"{key}.{inner}" if isinstance(value, dict) else key
        for key, value in state.items()
        if key != "bit_generator"
        for inner in (value if isinstance(value, dict) else [""])
    }
    for wrong in (
        {**state, "more": 1},
        {**state, "state": {**state["state"], "more": 1}},
        {key: value for key, value in state.items() if key != "state"},
        {**state, "bit_generator": "SystemRandom"},
        {**state, "bit_generator": None},
        state["state"],
        None,
        [],
    ):
        with pytest.raises(ValueError, match=r"\Arng"):
            generator_from(wrong)


@pytest.mark.parametrize(
    ("kind", "path", "value"), [("MT19937", "state.pos", 10**6), ("Philox", "buffer_pos", -(10**8))]
)
@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_file_cannot_end_the_process(
    tmp_path: Path, kind: str, path: str, value: int, suffix: str
) -> None:
    """Training with such a generator is a segmentation fault, so it must not be loaded."""
    net = fastnn.Network([3, 2], rng=drawn_from(kind))
    net.save(tmp_path / "net.json")
    content = json.loads((tmp_path / "net.json").read_text())
    content["rng"] = with_field(content["rng"], path, value)
    file = tmp_path / f"net{suffix}"
    if suffix == ".json":
        file.write_text(json.dumps(content))
    else:
        kept = ("weights", "biases", "gammas", "betas", "running", "slots")
        options = {key: each for key, each in content.items() if key not in kept}
        np.savez(
            file,
            options=np.array(json.dumps(options)),
            parameters=net.parameters,
            running=np.empty(0),
            slots=np.empty(0),
        )
    with pytest.raises(ValueError, match=rf"rng\.{path}: expected a whole number"):
        fastnn.load(file)


class Another(np.random.PCG64):
    """A bit generator that no file can bring along."""


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_what_could_not_be_loaded_is_not_saved(tmp_path: Path, suffix: str) -> None:
    net = fastnn.Network([3, 2], rng=np.random.Generator(Another(1)))
    with refused(ValueError, "rng: expected one of PCG64, .*got Another"):
        net.save(tmp_path / f"net{suffix}")
    net.random_source = drawn_from("PCG64")
    state = net.random_source.bit_generator.state
    state["state"]["inc"] = 2
    net.random_source.bit_generator.state = state
    with refused(ValueError, "rng.state.inc: expected an odd number"):
        net.save(tmp_path / f"net{suffix}")
    assert list(tmp_path.iterdir()) == []


# --- generators that are given


def spoilt(kind: str) -> Any:
    """Return a bit generator set to a place that is not in its buffer."""
    bits = KINDS[kind](1)
    state = bits.state
    if kind == "Philox":
        state["buffer_pos"] = 5
    else:
        state["state"]["pos"] = 10**6
    bits.state = state
    return bits


@pytest.mark.parametrize("kind", ["MT19937", "Philox"])
def test_a_place_outside_the_buffer_is_refused(kind: str) -> None:
    message = f": expected a place from 0 to .* in the buffer of {kind}, got "
    order = np.arange(20)
    with refused(ValueError, "random_state" + message, given=order):
        Shuffler(spoilt(kind)).shuffle(order)
    with refused(ValueError, "random_state" + message):
        sound_random_state(np.random.RandomState(spoilt(kind)))
    with refused(ValueError, "rng" + message):
        fastnn.Network([3, 2], rng=np.random.Generator(spoilt(kind)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_place_inside_the_buffer_is_taken(kind: str) -> None:
    bits = KINDS[kind](1)
    for _ in range(2000):
        check_place(bits)
        bits.random_raw()


@pytest.mark.parametrize("kind", ["MT19937", "Philox"])
def test_estimators_refuse_it_before_the_first_draw(kind: str) -> None:
    sklearn = pytest.importorskip("fastnn.sklearn")
    for model in (
        sklearn.MLPClassifier(2, max_iter=1),
        sklearn.MLPEnsembleClassifier(sklearn.MLPClassifier(2, max_iter=1), n_estimators=2),
    ):
        model.set_params(random_state=np.random.RandomState(spoilt(kind)))
        with refused(ValueError, "random_state: expected a place from 0"):
            model.fit(X, LABELS)
