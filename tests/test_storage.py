"""Networks in files: what is saved comes back to the bit, and no file can do harm."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import re
import stat
import struct
import threading
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refusals import assert_one_line, global_state, refused, state_of

import fastnn
from fastnn import reference
from fastnn._common import files as _files
from fastnn._model import storage
from fastnn.book import network2
from fastnn.dropout import Dropout

SUFFIXES = [".json", ".npz"]
WITHOUT_RIGHTS = hasattr(os, "geteuid") and os.geteuid() != 0


class OwnCost(fastnn.QuadraticCost):
    """A cost that no file can bring along."""


def new_network(**options: Any) -> fastnn.Network:
    return fastnn.Network([3, 4, 2], **{"rng": 0, **options})


@pytest.fixture
def net() -> fastnn.Network:
    return new_network()


@pytest.fixture(params=SUFFIXES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"net{request.param}"


def assert_refused(path: Path, load: Callable[[Path], Any] = fastnn.load) -> None:
    """Assert that loading raises one ValueError that names the file, and leaves no trace."""
    before = global_state(), sorted(path.parent.iterdir())
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        load(path)
    assert type(caught.value) is ValueError
    assert_one_line(caught.value)
    assert (global_state(), sorted(path.parent.iterdir())) == before


# --- there and back

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "quadratic": {"cost": fastnn.QuadraticCost},
    "quadratic-instance": {"cost": fastnn.QuadraticCost()},
    "quadratic-identity": {"cost": fastnn.QuadraticCost, "output": "identity"},
    "quadratic-softmax": {"cost": fastnn.QuadraticCost, "output": "softmax"},
    "likelihood": {"cost": fastnn.LogLikelihoodCost},
    "likelihood-sigmoid": {"cost": fastnn.LogLikelihoodCost, "output": "sigmoid"},
    "tanh": {"activation": "tanh"},
    "one-activation-a-layer": {"activation": ["relu", "identity", "tanh"]},
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_what_is_saved_comes_back(path: Path, options: dict[str, Any], dtype: str) -> None:
    sizes = [3, 4, 5, 2, 2] if "activation" in options else [3, 4, 2]
    net = fastnn.Network(sizes, dtype=dtype, rng=0, **options)
    net.save(path)
    before = global_state()
    back = fastnn.load(path)
    assert global_state() == before
    assert type(back) is fastnn.Network
    assert (back.sizes, back.dtype) == (net.sizes, net.dtype)
    assert (back.activation, back.output) == (net.activation, net.output)
    assert back.cost in (net.cost, type(net.cost))
    assert back.parameters.tobytes() == net.parameters.tobytes()
    X = np.random.default_rng(0).random((5, 3))
    np.testing.assert_array_equal(back.predict(X), net.predict(X))
    back.fit(X, [0, 1, 0, 1, 1], epochs=1)  # it is one to go on with


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_extreme_numbers_come_back(path: Path, dtype: str) -> None:
    info = np.finfo(dtype)
    extremes = [info.max, info.min, info.tiny, info.smallest_subnormal, info.eps, 0.0, -0.0, 1 / 3]
    net = fastnn.Network([3, 2], dtype=dtype)
    net.parameters = extremes
    net.save(path)
    assert fastnn.load(path).parameters.tobytes() == np.array(extremes, dtype).tobytes()


def test_the_contents_and_not_the_name_say_which_form_it_is(
    net: fastnn.Network, path: Path
) -> None:
    net.save(path)
    renamed = path.rename(path.with_name("a network"))
    np.testing.assert_array_equal(fastnn.load(str(renamed)).parameters, net.parameters)


def test_a_network_of_the_reference_is_saved_and_loaded_alike(path: Path) -> None:
    slow = reference.Network([3, 4, 2], activation="relu", rng=0)
    slow.save(path)
    back = storage.load(path, reference.Network)
    assert type(back) is reference.Network
    assert type(fastnn.load(path)) is fastnn.Network
    np.testing.assert_array_equal(back.parameters, slow.parameters)


def test_saving_again_replaces(path: Path) -> None:
    for seed in (1, 2):
        net = fastnn.Network([3, seed, 2], rng=seed)
        net.save(path)
        np.testing.assert_array_equal(fastnn.load(path).parameters, net.parameters)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("cost", [OwnCost, OwnCost()], ids=["class", "instance"])
def test_a_cost_of_ones_own_is_given_again(path: Path, cost: Any) -> None:
    net = fastnn.Network([3, 2], cost, rng=0)
    net.save(path)
    with pytest.raises(ValueError, match=r"cost 'OwnCost' is none of .*load\(path, cost=") as error:
        fastnn.load(path)
    assert str(path) in str(error.value)
    back = fastnn.load(path, cost=cost)
    assert back.cost is cost
    np.testing.assert_array_equal(back.parameters, net.parameters)


def test_a_cost_that_is_none_is_refused(net: fastnn.Network, path: Path) -> None:
    net.save(path)
    assert_refused(path, lambda path: fastnn.load(path, cost="quadratic"))


# --- the book's files


def book_load(path: Path) -> tuple[list[int], list[np.ndarray], list[np.ndarray], Any]:
    """Read a file as the book's own program reads its own."""
    with path.open() as file:
        content = json.load(file)
    return (
        content["sizes"],
        [np.array(w) for w in content["weights"]],
        [np.array(b) for b in content["biases"]],
        getattr(network2, content["cost"]),
    )


@pytest.mark.parametrize("kind", [fastnn.Network, network2.Network])
@pytest.mark.parametrize("cost", [fastnn.QuadraticCost, fastnn.CrossEntropyCost])
def test_the_book_reads_our_file(tmp_path: Path, kind: type, cost: type) -> None:
    net = kind([3, 4, 2], cost=cost)
    net.save(tmp_path / "net.json")
    sizes, weights, biases, read_cost = book_load(tmp_path / "net.json")
    assert (sizes, read_cost) == ([3, 4, 2], cost)
    a = x = np.array([[0.1], [0.2], [0.3]])
    for w, b in zip(weights, biases, strict=True):
        a = 1 / (1 + np.exp(-(w @ a + b)))
    np.testing.assert_allclose(net.feedforward(x), a, rtol=1e-14)
    assert list(json.loads((tmp_path / "net.json").read_text()))[:4] == [
        "sizes",
        "weights",
        "biases",
        "cost",
    ]


@pytest.mark.parametrize("load", [fastnn.load, network2.load])
@pytest.mark.parametrize("name", ["QuadraticCost", "CrossEntropyCost"])
def test_we_read_the_books_file(tmp_path: Path, load: Callable, name: str) -> None:
    sizes = [3, 4, 2]
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(4, 3)), rng.normal(size=(2, 4))]
    biases = [rng.normal(size=(4, 1)), rng.normal(size=(2, 1))]
    with (tmp_path / "net").open("w") as file:
        json.dump(
            {
                "sizes": sizes,
                "weights": [w.tolist() for w in weights],
                "biases": [b.tolist() for b in biases],
                "cost": name,
            },
            file,
        )
    net = load(tmp_path / "net")
    assert (net.sizes, net.cost) == (sizes, getattr(fastnn, name))
    assert (net.activation, net.output, net.dtype) == (("sigmoid",), "sigmoid", np.float64)
    for ours, books in zip([*net.weights, *net.biases], [*weights, *biases], strict=True):
        assert ours.tobytes() == books.tobytes()


# --- written whole or not at all


@pytest.mark.parametrize("failing", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.chmod"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file(
    monkeypatch: pytest.MonkeyPatch, path: Path, failing: str, error: BaseException
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    new_network(rng=1).save(path)
    old = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(failing, fail)
        with pytest.raises(type(error)):
            new_network(rng=2).save(path)
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


def test_a_reader_never_sees_half_a_file(path: Path) -> None:
    nets = [fastnn.Network([30, 20, 10], rng=seed) for seed in (1, 2)]
    nets[0].save(path)
    stop = threading.Event()

    def save_on() -> None:
        while not stop.is_set():
            for net in nets:
                net.save(path)

    writer = threading.Thread(target=save_on)
    writer.start()
    try:
        seen = {fastnn.load(path).parameters.tobytes() for _ in range(50)}
    finally:
        stop.set()
        writer.join()
    assert seen <= {net.parameters.tobytes() for net in nets}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_the_modes_of_files_are_kept(net: fastnn.Network, path: Path) -> None:
    mask = os.umask(0o027)
    try:
        net.save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640  # as open() would make it
        path.chmod(0o604)
        net.save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(mask)
    assert os.umask(mask) == mask


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
@pytest.mark.parametrize("exists", [True, False], ids=["old", "new"])
def test_a_link_stays_and_its_target_is_replaced(
    net: fastnn.Network, path: Path, exists: bool
) -> None:
    folder = path.parent / "elsewhere"
    folder.mkdir()
    target = folder / "target"
    if exists:
        target.write_text("old")
    path.symlink_to(target)
    net.save(path)
    assert path.is_symlink()
    assert list(folder.iterdir()) == [target]
    np.testing.assert_array_equal(fastnn.load(target).parameters, net.parameters)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_written_to_and_stays(path: Path) -> None:
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()), daemon=True)
    reader.start()
    _files.write_whole(path, b"content")
    reader.join(timeout=10)
    assert read == [b"content"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_very_long_name_is_taken(net: fastnn.Network, path: Path) -> None:
    long = path.with_name("n" * (255 - len(path.suffix)) + path.suffix)
    net.save(long)
    assert fastnn.load(long).sizes == [3, 4, 2]


SAVE_TO = {
    "no-ending": ("net", ValueError, "path: expected a name ending in .json or .npz"),
    "another-ending": ("net.pkl", ValueError, "path: expected a name ending in .json or .npz"),
    "upper-case": ("net.JSON", ValueError, "path: expected a name ending in .json or .npz"),
    "no-folder": ("none/net.json", OSError, ".*No such folder.*none"),
    "a-folder": ("folder.json", OSError, ".*folder.json"),
    "in-a-file": ("file/net.npz", OSError, ".*file"),
}


@pytest.mark.parametrize(("name", "error", "match"), SAVE_TO.values(), ids=SAVE_TO)
def test_where_nothing_can_be_saved(
    net: fastnn.Network, tmp_path: Path, name: str, error: type, match: str
) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "file").write_text("old")
    before = sorted(tmp_path.rglob("*"))
    with refused(error, match, net):
        net.save(tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "old"


@pytest.mark.skipif(not WITHOUT_RIGHTS, reason="the superuser may write everywhere")
def test_a_folder_that_may_not_be_written_to(net: fastnn.Network, path: Path) -> None:
    path.parent.chmod(0o555)
    with refused(PermissionError, ".*", net):
        net.save(path)
    path.parent.chmod(0o755)


@pytest.mark.parametrize("kind", [fastnn.Network, network2.Network])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_diverged_network_is_not_saved(kind: type, path: Path, bad: float) -> None:
    net = kind([3, 2])
    net.save(path)
    old = path.read_bytes()
    net.parameters[3] = bad  # as training may leave it
    with refused(ValueError, "parameters: expected finite numbers to save", net):
        net.save(path)
    assert path.read_bytes() == old


# --- damaged and hostile files


def test_no_file(path: Path) -> None:
    with refused(FileNotFoundError, f".*{re.escape(str(path))}"):
        fastnn.load(path)


def test_a_folder_is_no_file(path: Path) -> None:
    path.mkdir()
    with refused(OSError, f".*{re.escape(str(path))}"):
        fastnn.load(path)


@pytest.mark.skipif(not WITHOUT_RIGHTS, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(net: fastnn.Network, path: Path) -> None:
    net.save(path)
    path.chmod(0)
    with refused(PermissionError, f".*{re.escape(str(path))}"):
        fastnn.load(path)


def test_a_file_cut_short_anywhere(net: fastnn.Network, path: Path) -> None:
    net.save(path)
    whole = path.read_bytes()
    cuts = [*range(0, len(whole), 50), len(whole) - 1]
    assert len(cuts) > 15
    for cut in cuts:
        path.write_bytes(whole[:cut])
        assert_refused(path)


def test_a_file_with_a_bit_turned_over(net: fastnn.Network, path: Path) -> None:
    """Of JSON any number may become another; a .npz is as it was or refused."""
    net.save(path)
    whole = path.read_bytes()
    refusals = 0
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            back = fastnn.load(path)
        except ValueError as error:
            assert str(path) in str(error)
            assert_one_line(error)
            refusals += 1
            continue
        assert np.isfinite(back.parameters).all()
        if path.suffix == ".npz":  # a date, say
            assert state_of(back)[0] == state_of(net)[0]
    assert refusals > 10


TRAINING = {
    "optimizer": None,
    "steps": 0,
    "epochs": 0,
    "seed": None,
    "plateau": None,
    "initializer": None,
}
OPTIONS_OF_CONTENT: dict[str, Any] = {
    "fastnn": 1,
    "activation": ["tanh"],
    "output": "sigmoid",
    "dtype": "float32",
    "input_scale": 1.0,
    "cost_parameter": 0.0,
    "normalization": None,
    "dropout": [{"rate": 0.0, "inverted": True}],
    "training": TRAINING,
    "rng": None,
}
BOOK_CONTENT: dict[str, Any] = {
    "sizes": [2, 1, 1],
    "weights": [[[0.5, -0.5]], [[1.0]]],
    "biases": [[[0.1]], [[0.2]]],
    "cost": "CrossEntropyCost",
}
LISTS: dict[str, Any] = {"gammas": [], "betas": [], "running": [], "slots": []}
CONTENT: dict[str, Any] = {**BOOK_CONTENT, **OPTIONS_OF_CONTENT, **LISTS}
JUNK: list[Any] = [
    None, False, 3, -1, 2.5, 10**400, "", "sigmoid-like", "a\nb", [], {}, [[]], [None], ["x"],
    [[[]]], [[[None]]], [[["1"]]], [[[{}]]], {"0": 1}, [2, 1, 1, 1], [2.0, 1, 1], [True, 1, 1],
    [0, 1, 1], [2, 10**400, 1], [[0.5, -0.5], [1.0]], [[[0.5, -0.5]], [[1.0], [1.0]]],
    [[[0.5]], [[1.0], [1.0]]], [[[0.5, [-0.5]]], [[1.0]]], [[[1e300]], [[0.2]]],
    [[[1e300, 0]], [[0.2]]], [[[0.5, 10**400]], [[1.0]]], [[[0.1]], [[10**400]]],
    ["tanh", "tanh"], ["softmax"], "softmax ",
]  # fmt: skip


# What is no junk for these keys.
MEANT: list[tuple[str, Any]] = [
    *[(key, None) for key in ("normalization", "rng")],
    *[("input_scale", 3), ("input_scale", 2.5), ("cost_parameter", False)],
    *[(key, []) for key in LISTS],
]


def test_content_is_right_as_long_as_it_is_not_spoilt(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(json.dumps(CONTENT))
    net = fastnn.load(tmp_path / "net.json")
    np.testing.assert_array_equal(
        net.parameters, np.array([0.5, -0.5, 0.1, 1.0, 0.2], dtype="float32")
    )


@pytest.mark.parametrize(
    ("key", "junk"),
    [
        pytest.param(key, junk, id=f"{key}-{i}")
        for key in CONTENT
        for i, junk in enumerate(JUNK)
        if (key, junk) not in MEANT
    ],
)
def test_json_with_a_wrong_value(tmp_path: Path, key: str, junk: Any) -> None:
    path = tmp_path / "net.json"
    path.write_text(json.dumps({**CONTENT, key: junk}))
    assert_refused(path)


@pytest.mark.parametrize("key", ["sizes", "weights", "biases", "cost"])
@pytest.mark.parametrize("load", [fastnn.load, network2.load])
@pytest.mark.parametrize("content", [CONTENT, BOOK_CONTENT], ids=["ours", "the-books"])
def test_json_without_one_of_the_books_keys(
    tmp_path: Path, key: str, load: Callable, content: dict[str, Any]
) -> None:
    path = tmp_path / "net.json"
    path.write_text(json.dumps({name: value for name, value in content.items() if name != key}))
    with pytest.raises(ValueError, match=f"the keys {key} are missing"):
        load(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_that_is_not_there_is_a_plain_refusal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, suffix: str
) -> None:
    def without(*args: Any, **kwargs: Any) -> None:
        raise MemoryError

    path = tmp_path / f"net{suffix}"
    new_network().save(path)
    monkeypatch.setattr(storage, "_build", without)
    with pytest.raises(ValueError, match=re.escape(f"{path}: ") + "not enough memory"):
        fastnn.load(path)


TEXTS = {
    "empty": b"",
    "blank": b" \n",
    "prose": b"a network",
    "number": b"1",
    "list": b"[1, 2]",
    "string": b'"sizes"',
    "null": b"null",
    "not-utf8": b'{"sizes": "\xff\xfe"}',
    "zeros": bytes(1000),
    "pickle": pickle.dumps(CONTENT),
    "deep": b"[" * 100_000,
    "deep-and-closed": b"[" * 50_000 + b"]" * 50_000,
    "deep-objects": b'{"a":' * 50_000,
    "many-digits": b"1" * 5000,
    "two-values": json.dumps(CONTENT).encode() * 2,
    "nan": json.dumps(CONTENT).replace("0.5", "NaN", 1).encode(),
    "infinity": json.dumps(CONTENT).replace("0.5", "-Infinity", 1).encode(),
    "too-large": json.dumps(CONTENT).replace("0.5", "1e999", 1).encode(),
    "idx": struct.pack(">IIII", 2051, 1, 28, 28) + bytes(784),
}


@pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("load", [fastnn.load, network2.load])
def test_files_that_are_no_json_of_a_network(
    tmp_path: Path, content: bytes, load: Callable
) -> None:
    path = tmp_path / "net.json"
    path.write_bytes(content)
    assert_refused(path, load)


def huge(sizes: list[int]) -> dict[str, Any]:
    """Content whose lists are as long as ``sizes`` says only where one looks first."""
    n_in, n_out = sizes
    return {
        **CONTENT,
        "sizes": sizes,
        "weights": [[[0.0] * n_in, *([[]] * (n_out - 1))]],
        "biases": [[[0.0]] * n_out],
        "activation": [],
        "dropout": [],
    }


@pytest.mark.parametrize("sizes", [[20_000, 20_000], [2, 10**9], [10**9, 10**9], [10**30, 1]])
def test_sizes_that_the_file_does_not_fill_take_no_memory(tmp_path: Path, sizes: list[int]) -> None:
    path = tmp_path / "net.json"
    content = huge(sizes) if max(sizes) < 10**6 else {**CONTENT, "sizes": sizes}
    path.write_text(json.dumps(content))
    tracemalloc.start()
    try:
        assert_refused(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * path.stat().st_size + 1e6


BOOK_JUNK = {
    "a-module": {"cost": "json"},
    "a-function": {"cost": "load"},
    "the-network": {"cost": "Network"},
    "private": {"cost": "__name__"},
    "unknown": {"cost": "HingeCost"},
    "a-list": {"cost": ["QuadraticCost"]},
    "tanh": {},
    "null": {"activation": None},
    "nested": {"activation": [["sigmoid"]]},
    "softmax": {"activation": ["sigmoid"], "output": "softmax"},
    "identity": {"activation": ["sigmoid"], "output": "identity"},
    "sizes": {"activation": ["sigmoid"], "sizes": [2, 1.5, 1]},
    "strings": {"activation": ["sigmoid"], "biases": [[["a"]], [["b"]]]},
}


@pytest.mark.parametrize("wrong", BOOK_JUNK.values(), ids=BOOK_JUNK)
def test_the_books_load_refuses(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = tmp_path / "net.json"
    path.write_text(json.dumps({**CONTENT, **wrong}))
    before = random.getstate()
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        network2.load(path)
    assert_one_line(caught.value)
    assert random.getstate() == before


# --- hostile archives


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return self.path.touch, ()


def npy(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version)
    return buffer.getvalue()


def npy_with_header(header: str, data: bytes = b"") -> bytes:
    text = header.encode("latin1") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def options(**changes: Any) -> bytes:
    kept = {**OPTIONS_OF_CONTENT, "activation": ["sigmoid"], "dtype": "float64"}
    given = {"sizes": [2, 1, 1], "cost": "CrossEntropyCost", **kept, **changes}
    return npy(np.array(json.dumps({k: v for k, v in given.items() if v is not ...})))


ADAM = {"name": "adam", "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
NONE = npy(np.empty(0))
GOOD = {
    "options.npy": options(),
    "parameters.npy": npy(np.arange(5.0)),
    "running.npy": NONE,
    "slots.npy": NONE,
}


def archive(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return buffer.getvalue()


HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }"
TEXT_HEADER = "{'descr': '<U1', 'fortran_order': False, 'shape': (), }"
ENTRIES: dict[str, dict[str, bytes | None]] = {
    "no-options": {"options.npy": None},
    "no-parameters": {"parameters.npy": None},
    "one-more": {"more.npy": npy(np.zeros(1))},
    "renamed": {"parameters.npy": None, "../parameters.npy": npy(np.arange(5.0))},
    "empty-entry": {"parameters.npy": b""},
    "no-npy": {"parameters.npy": b"0 1 2 3 4"},
    "short-header": {"parameters.npy": npy(np.arange(5.0))[:20]},
    "header-of-code": {"parameters.npy": npy_with_header("__import__('os').abort()")},
    "header-of-a-list": {"parameters.npy": npy_with_header("[1, 2]")},
    "header-too-long": {"parameters.npy": npy_with_header(HEADER % 5 + " " * 20_000, bytes(40))},
    "header-without-shape": {"parameters.npy": npy_with_header("{'descr': '<f8'}")},
    "header-of-no-dtype": {"parameters.npy": npy_with_header(HEADER.replace("<f8", "(f8") % 5)},
    "another-version": {"parameters.npy": npy(np.arange(5.0), (2, 0))},
    "huge-shape": {"parameters.npy": npy_with_header(HEADER % 10**12, bytes(40))},
    "overflowing-shape": {"parameters.npy": npy_with_header(HEADER % 2**61, bytes(40))},
    "negative-shape": {"parameters.npy": npy_with_header(HEADER % -5, bytes(40))},
    "no-width": {"parameters.npy": npy_with_header(HEADER.replace("<f8", "<U0") % 5)},
    "data-cut": {"parameters.npy": npy(np.arange(5.0))[:-8]},
    "data-and-more": {"parameters.npy": npy(np.arange(5.0)) + b"more"},
    "too-few": {"parameters.npy": npy(np.arange(4.0))},
    "too-many": {"parameters.npy": npy(np.arange(6.0))},
    "matrix": {"parameters.npy": npy(np.zeros((5, 1)))},
    "integers": {"parameters.npy": npy(np.arange(5))},
    "complex": {"parameters.npy": npy(np.zeros(5, complex))},
    "strings": {"parameters.npy": npy(np.array(list("12345")))},
    "records": {"parameters.npy": npy(np.zeros(5, "f8,f8"))},
    "running-of-nobody": {"running.npy": npy(np.zeros(2))},
    "no-slots": {"slots.npy": None},
    "slots-of-nobody": {
        "options.npy": options(training={**TRAINING, "optimizer": ADAM, "steps": 1})
    },
    "unknown-optimizer": {
        "options.npy": options(training={**TRAINING, "optimizer": {"name": "object"}})
    },
    "unknown-field": {
        "options.npy": options(
            training={
                **TRAINING,
                "optimizer": {"name": "sgd", "momentum": 0.0, "nesterov": False, "mass": 1.0},
            }
        )
    },
    "training-of-text": {"options.npy": options(training="done")},
    "negative-steps": {"options.npy": options(training={**TRAINING, "steps": -1})},
    "unknown-norm": {"options.npy": options(normalization={"name": "object"})},
    "dropout-of-text": {"options.npy": options(dropout="0.5")},
    "rng-of-nobody": {"options.npy": options(rng={"bit_generator": "system"})},
    "rng-damaged": {"options.npy": options(rng={"bit_generator": "PCG64", "state": 1})},
    "nan": {"parameters.npy": npy(np.full(5, np.nan))},
    "infinite": {"parameters.npy": npy(np.full(5, np.inf))},
    "options-no-text": {"options.npy": npy(np.zeros(5))},
    "options-bytes": {"options.npy": npy(np.array(b"{}"))},
    "options-many": {"options.npy": npy(np.array(["{}", "{}"]))},
    "options-no-json": {"options.npy": npy(np.array("sizes=[2, 1, 1]"))},
    "options-no-characters": {"options.npy": npy_with_header(TEXT_HEADER, b"\xff" * 4)},
    "options-list": {"options.npy": npy(np.array("[]"))},
    "options-empty": {"options.npy": npy(np.array("{}"))},
    "options-deep": {"options.npy": npy(np.array("[" * 100_000))},
    "without-sizes": {"options.npy": options(sizes=...)},
    "without-cost": {"options.npy": options(cost=...)},
    "other-sizes": {"options.npy": options(sizes=[2, 2, 1])},
    "huge-sizes": {"options.npy": options(sizes=[10**9, 10**9])},
    "endless-sizes": {"options.npy": options(sizes=[1] * 20_000)},
    "sizes-of-text": {"options.npy": options(sizes="211")},
    "unknown-cost": {"options.npy": options(cost="object")},
    "cost-no-name": {"options.npy": options(cost=None)},
    "another-format": {"options.npy": options(fastnn=2)},
    "unknown-activation": {"options.npy": options(activation=["cosine"])},
    "unknown-dtype": {"options.npy": options(dtype="O")},
}  # fmt: skip


@pytest.mark.parametrize("entries", [GOOD, dict(reversed(GOOD.items()))], ids=["", "reversed"])
def test_archives_are_right_as_long_as_they_are_not_spoilt(
    tmp_path: Path, entries: dict[str, bytes]
) -> None:
    path = tmp_path / "net.npz"
    path.write_bytes(archive(entries))
    np.testing.assert_array_equal(fastnn.load(path).parameters, np.arange(5.0))


@pytest.mark.parametrize("changes", ENTRIES.values(), ids=ENTRIES)
def test_archives_with_a_wrong_entry(tmp_path: Path, changes: dict[str, bytes | None]) -> None:
    entries = {
        name: content for name, content in {**GOOD, **changes}.items() if content is not None
    }
    path = tmp_path / "net.npz"
    path.write_bytes(archive(entries))
    tracemalloc.start()
    try:
        assert_refused(path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_unpickled(tmp_path: Path, name: str) -> None:
    trace = tmp_path / "it ran"
    array = np.array([Bomb(trace)], dtype=object)
    content = npy(array)
    np.load(io.BytesIO(content), allow_pickle=True)
    trace.unlink()  # so it works, where it is let
    path = tmp_path / "net.npz"
    for entry in (content, pickle.dumps(Bomb(trace))):
        path.write_bytes(archive({**GOOD, name: entry}))
        assert_refused(path)
    path.write_bytes(pickle.dumps(Bomb(trace)))
    assert_refused(path)
    assert not trace.exists()


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packed_bomb_is_not_unpacked(tmp_path: Path, compression: int) -> None:
    path = tmp_path / "net.npz"
    content = archive({**GOOD, "parameters.npy": npy(np.zeros(3_000_000))}, compression)
    assert len(content) < 100_000
    path.write_bytes(content)
    tracemalloc.start()
    try:
        assert_refused(path)
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()


def with_field(content: bytes, offset: int, value: bytes) -> bytes:
    """Overwrite a field of the last entry in the archive's directory."""
    place = content.rindex(b"PK\x01\x02") + offset
    return content[:place] + value + content[place + len(value) :]


DIRECTORY = {
    "encrypted": (8, b"\x01\x00"),
    "packed-by-a-method-of-its-own": (10, b"\x63\x00"),
    "another-checksum": (16, bytes(4)),
    "smaller-than-it-is": (20, struct.pack("<II", 10, 10)),
    "larger-than-the-file": (20, struct.pack("<II", 2**31, 2**31)),
    "elsewhere": (42, struct.pack("<I", 7)),
    "beyond-the-end": (42, struct.pack("<I", 2**31)),
}


@pytest.mark.parametrize(("offset", "value"), DIRECTORY.values(), ids=DIRECTORY)
def test_archives_whose_directory_lies(tmp_path: Path, offset: int, value: bytes) -> None:
    path = tmp_path / "net.npz"
    path.write_bytes(with_field(archive(GOOD), offset, value))
    tracemalloc.start()
    try:
        assert_refused(path)
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_is_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in [*GOOD.items(), *GOOD.items()]:
            file.writestr(name, content)
    assert_refused(path)


def test_a_zip_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    for content in (b"PK", b"PK\x05\x06" + bytes(18), archive({"word/document.xml": b"<w/>"})):
        path.write_bytes(content)
        assert_refused(path)


@pytest.mark.parametrize("name", ["net.json", "net.npz"])
def test_options_may_be_numbers_of_numpys(tmp_path, name):
    dropout = Dropout(np.float32(0.5), np.False_)
    net = fastnn.Network([3, 4, 2], dropout=dropout, rng=0)
    net.save(tmp_path / name)
    assert fastnn.load(tmp_path / name).dropout == (Dropout(0.5, inverted=False),)
