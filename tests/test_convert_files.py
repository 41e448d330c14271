"""Hostile files of other libraries: one line, nothing executed, no memory beyond the file's."""

from __future__ import annotations

import io
import json
import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import foreign_files
import numpy as np
import pytest
from foreign_files import LAYERS, safetensors, state, torch_file, torch_pickle, with_header, zipped
from golden_files import GOLDEN
from refusals import assert_one_line

import fastnn
from fastnn import convert

STATE = state()


def read_state(path: Path) -> fastnn.Network:
    return convert.from_state_dict(path, LAYERS)


def needs(module: str, extra: str) -> None:
    pytest.importorskip(module, reason=f"{module} is not installed (the extra {extra})")


@pytest.fixture
def refuse(tmp_path: Path) -> Callable[..., str]:
    """Assert that a reader refuses some bytes in one line and little memory; return the line."""

    def refused(read: Callable[[Path], Any], content: bytes) -> str:
        path = tmp_path / "hostile"
        path.write_bytes(content)
        tracemalloc.start()
        try:
            with pytest.raises(ValueError) as caught:
                read(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert_one_line(caught.value)
        assert str(caught.value).startswith(f"{path}: ")
        assert peak < 10 * len(content) + 2e6
        return str(caught.value)

    return refused


def test_the_sound_files_are_read(tmp_path: Path) -> None:
    wanted = convert.from_state_dict(STATE, LAYERS)
    assert wanted.dtype == np.float32
    for content in (safetensors(STATE), torch_file(STATE)):
        (tmp_path / "sound").write_bytes(content)
        net = read_state(tmp_path / "sound")
        np.testing.assert_array_equal(net.parameters, wanted.parameters)
        np.testing.assert_array_equal(net.running_statistics, wanted.running_statistics)


@pytest.mark.parametrize("make", [safetensors, torch_file])
def test_a_file_that_is_cut_short_anywhere(make: Callable[..., bytes], refuse: Any) -> None:
    content = make(STATE)
    for length in {*range(0, len(content), 37), *range(len(content) - 30, len(content))}:
        refuse(read_state, content[:length])


class Calls:
    """What unpickled would run a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_that_calls_something_calls_nothing(
    protocol: int, refuse: Any, tmp_path: Path
) -> None:
    for content in ({"0.weight": Calls(f"touch {tmp_path / 'ran'}")}, Calls("touch ran")):
        said = refuse(read_state, torch_file(STATE, pickle.dumps(content, protocol)))
        assert "it names posix.system" in said or "it names nt.system" in said
    for program in (
        b"cbuiltins\neval\n(X\x03\x00\x00\x001+1tR.",
        b"cos\nsystem\n(X\x02\x00\x00\x00lstR.",
        b"ctorch\nload\n(X\x01\x00\x00\x00xtR.",
        b"\x82\x01.",  # an extension code
        b"(X\x01\x00\x00\x00acos\nsystem\no.",
        b"ctorch\nFloatStorage\n(tR.",
    ):
        refuse(read_state, torch_file(STATE, program))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"length": 2**31 - 1},
        {"length": -1},
        {"offset": 1},
        {"offset": -1},
        {"shape": (2**30, 3)},
        {"shape": (4, 4)},
        {"shape": (2**31 - 1,) * 3, "strides": (0, 0, 0)},
        {"shape": (-4, -3)},
        {"strides": (3, 2)},
        {"strides": (2**31 - 1, 1)},
        {"strides": (-3, 1)},
        {"strides": (1,)},
        {"shape": (12,) * 9, "strides": (0,) * 9},
    ],
)
def test_tensors_that_claim_more_than_there_is(wrong: dict[str, Any], refuse: Any) -> None:
    refuse(read_state, torch_file(STATE, torch_pickle(STATE, **wrong)))


@pytest.mark.parametrize(
    "pickled",
    [
        b"",
        b".",
        b"\x80\x02}.",
        b"\x80\x02]." * 3,
        b"\x80\x02K\x01.",
        b"\x80\x02" + b"}" * 100_000 + b".",
        b"\x80\x02" + b"(" * 100_000 + b".",
        b"\x80\x02}(" + b"X\x01\x00\x00\x00aK\x01" * 2 + b"u.",
        b"\x80\x02}X\x01\x00\x00\x00a}s.",
        b"\x80\x02}X\x01\x00\x00\x00a" + b"\x8a\xff" + bytes(254) + b"\x01s.",
        b"\x80\x04\x8d" + b"\xff" * 7 + b"\x00.",
        b"\x80\x02" + b"}q\x00" * 70_000 + b".",
        bytes(600_000),
    ],
)
def test_other_pickles(pickled: bytes, refuse: Any) -> None:
    refuse(read_state, torch_file(STATE, pickled))


def test_tensors_that_share_their_numbers_cannot_multiply_the_file(refuse: Any) -> None:
    big = {"0.weight": np.zeros((100, 1000), np.float32)}
    one = torch_pickle(big)
    entry = one[one.index(b"X") : -2]
    several = b"".join(entry.replace(b"0.weight", b"%d.weight" % i) for i in range(10, 90))
    content = torch_file(big, one[:-2] + several.replace(b"\x08\x00", b"\x09\x00") + b"u.")
    assert "larger than the file" in refuse(read_state, content)


@pytest.mark.parametrize(
    "archive",
    [
        zipped({"data.pkl": torch_pickle(STATE)}, packed=True),
        zipped({}),
        zipped({"data.pkl": torch_pickle(STATE), "constants.pkl": b"", "code": b""}),
        zipped({"data.pkl": torch_pickle(STATE), "byteorder": b"big"}),
        zipped({"data.pkl": torch_pickle(STATE)}),
        zipped({str(i): b"" for i in range(5000)}),
        zipped({"data.pkl": torch_pickle(STATE), "../data/0": bytes(48)}),
    ],
)
def test_other_archives(archive: bytes, refuse: Any) -> None:
    refuse(read_state, archive)


HEADERS: list[Any] = [
    {"0.weight": {"dtype": "F32", "shape": [2**40, 3], "data_offsets": [0, 48]}},
    {"0.weight": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 2**60]}},
    {"0.weight": {"dtype": "F32", "shape": [4, 3], "data_offsets": [48, 0]}},
    {"0.weight": {"dtype": "F32", "shape": [4, 3], "data_offsets": [-48, 0]}},
    {"0.weight": {"dtype": "F32", "shape": [-4, -3], "data_offsets": [0, 48]}},
    {"0.weight": {"dtype": "F32", "shape": [4.0, 3], "data_offsets": [0, 48]}},
    {"0.weight": {"dtype": "F32", "shape": [True, 12], "data_offsets": [0, 48]}},
    {"0.weight": {"dtype": "F32", "shape": "43", "data_offsets": [0, 48]}},
    {"0.weight": {"dtype": "object", "shape": [4, 3], "data_offsets": [0, 48]}},
    {"0.weight": {"dtype": ["F32"], "shape": [4, 3], "data_offsets": [0, 48]}},
    {"0.weight": {"dtype": "F32", "shape": [4, 3]}},
    {"0.weight": None},
    {"0.weight": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48], "more": 1}},
    {"__metadata__": {"a": 1}},
    {"__metadata__": []},
    [],
    b"{",
    b'{"a": 1, "a": 2}',
    b"[" * 100_000,
    b"NaN",
    b"\xff\xfe",
    b"{}" + b" " * 300_000,
]


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_headers_of_safetensors(header: Any, refuse: Any) -> None:
    refuse(read_state, with_header(header, bytes(48)))


def test_tensors_of_safetensors_lie_side_by_side(refuse: Any) -> None:
    part = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    for first, second, size in (
        ((0, 8), (4, 12), 12),
        ((0, 8), (12, 20), 20),
        ((0, 8), (8, 16), 24),
    ):
        header = {
            name: {**part, "data_offsets": list(at)} for name, at in (("a", first), ("b", second))
        }
        refuse(read_state, with_header(header, bytes(size)))
    for length in (0, 1, 2**40, 2**63, 2**64 - 1):
        refuse(read_state, length.to_bytes(8, "little") + b"{}")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("0.weight", None, "state: expected a tensor '0.weight'"),
        ("1.running_var", None, "state: expected a tensor '1.running_var'"),
        ("4.weight", np.zeros((2, 2)), "state: expected tensors of the given layers only"),
        ("0.weight", np.zeros((4, 3, 1)), "state['0.weight']: expected 2 dimensions"),
        ("0.weight", np.zeros((4, 0)), "state['0.weight']: expected 2 dimensions"),
        ("0.weight", np.zeros((4, 3), int), "state['0.weight']: expected floating-point"),
        ("0.weight", np.full((4, 3), np.nan), "layer 0: weights: expected finite"),
        ("0.bias", np.zeros(3), "layer 0: 3 biases for weights of shape (4, 3)"),
        ("1.weight", np.zeros(3), "layer 1: its tensors have the lengths"),
        ("1.running_var", -np.ones(4), "layer 1: running_variances[0]: expected numbers of 0"),
        ("3.weight", np.zeros((2, 5)), "layer 3: expected 4 inputs"),
        ("0.weight", "text", "state['0.weight']: expected real numbers"),
    ],
)
def test_states_that_do_not_fit_the_layers(name: str, value: Any, said: str) -> None:
    given = {**STATE, name: value}
    if value is None:
        del given[name]
    with pytest.raises((TypeError, ValueError)) as caught:
        convert.from_state_dict(given, LAYERS)
    assert str(caught.value).startswith(said)
    assert_one_line(caught.value)


@pytest.mark.parametrize(
    "layers",
    ["linear", [], ["linear", "batch", "softmax2", "linear"], ["linear", 3], {1: "linear"}],
)
def test_layers_that_are_none(layers: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^(layers|state)") as caught:
        convert.from_state_dict(STATE, layers)
    assert_one_line(caught.value)


@pytest.mark.parametrize(
    "module",
    [
        "__import__('os').system('touch ran')",
        "nn.Sequential(nn.Linear(__import__('os').system('touch ran'), 2))",
        "nn.ModuleList([nn.Sequential(nn.Linear(3, 4))])",
        "nn.Sequential(nn.Lambda())",
        "nn.Sequential(nn.LeakyReLU(0.2))",
        "nn.Sequential(nn.Linear(3))",
        "nn.Sequential(torch.nn.Linear(3, 4))",
        "nn.Sequential(*x)",
        "nn.Sequential(" * 2000,
        "(" * 10_000,
        "x" * 20_000,
        "",
    ],
)
def test_modules_that_metadata_tell_are_not_evaluated(module: str, refuse: Any) -> None:
    told = {"__metadata__": {"fastnn": "0", "module": module}}
    refuse(convert.from_state_dict, safetensors(STATE, told))


def test_without_layers_only_what_fastnn_wrote_is_read(refuse: Any) -> None:
    for content in (safetensors(STATE), torch_file(STATE)):
        assert "layers: needed" in refuse(convert.from_state_dict, content)
    with pytest.raises(TypeError, match=r"^layers: expected a list"):
        convert.from_state_dict(STATE)


def test_no_ordinary_file(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        read_state(tmp_path / "missing")
    with pytest.raises(OSError):
        read_state(tmp_path)
    with pytest.raises(TypeError, match=r"^state: expected a"):
        convert.from_state_dict(3, LAYERS)  # type: ignore[arg-type]


# --- ONNX


def test_onnx_that_is_damaged(refuse: Any, tmp_path: Path) -> None:
    needs("onnx", "onnx")
    content = foreign_files.onnx_file()
    (tmp_path / "sound.onnx").write_bytes(content)
    convert.from_onnx(tmp_path / "sound.onnx")
    for length in range(0, len(content) - 1, 41):
        refuse(convert.from_onnx, content[:length])
    empty_nodes = b"\x0a\x00" * 200_000
    for hostile in (
        b"\x3a" + _varint(len(empty_nodes)) + empty_nodes,  # a graph of empty nodes
        b"\x42\x00" * 200_000,  # empty opset imports
        b"\x3a\xff\xff\xff\xff\x7f",
        b"\x08" + b"\xff" * 20,
        b"",
    ):
        refuse(convert.from_onnx, hostile)


def _varint(value: int) -> bytes:
    found = b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


def test_onnx_tensors_that_claim_more_or_lie_elsewhere(refuse: Any, tmp_path: Path) -> None:
    needs("onnx", "onnx")
    import onnx

    model = onnx.load_model_from_string(foreign_files.onnx_file())
    (weight,) = (each for each in model.graph.initializer if each.name == "0.weight")
    weight.dims[:] = [2**40, 3]
    refuse(convert.from_onnx, model.SerializeToString())
    weight.dims[:] = [4, 3]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/hostname")
    said = refuse(convert.from_onnx, model.SerializeToString())
    assert "in another file" in said


# --- Keras


def keras_parts() -> dict[str, bytes]:
    with zipfile.ZipFile(GOLDEN / "keras3-batch.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_keras_archives_that_are_damaged(refuse: Any) -> None:
    needs("h5py", "keras")
    content = (GOLDEN / "keras3-batch.keras").read_bytes()
    for length in range(0, len(content), 997):
        refuse(convert.from_keras, content[:length])
    parts = keras_parts()
    refuse(convert.from_keras, zipped(parts, "", packed=True))
    for name in ("config.json", "model.weights.h5"):
        refuse(convert.from_keras, zipped({**parts, name: b""}, ""))
        refuse(convert.from_keras, zipped({**parts, name: b"["}, ""))
    refuse(convert.from_keras, zipped({**parts, "config.json": b"[" * 100_000}, ""))
    refuse(convert.from_keras, parts["model.weights.h5"])  # of which the layers must be told


def test_keras_descriptions_that_are_changed(refuse: Any) -> None:
    needs("h5py", "keras")
    parts = keras_parts()
    config = json.loads(parts["config.json"])

    def said(change: Callable[[list[Any]], object]) -> str:
        twin = json.loads(json.dumps(config))
        change(twin["config"]["layers"])
        content = zipped({**parts, "config.json": json.dumps(twin).encode()}, "")
        line: str = refuse(convert.from_keras, content)
        return line

    assert "its weights are those of 'first'" in said(
        lambda layers: layers[2]["config"].update(name="other")
    )
    assert "layer first: Lambda is no layer" in said(
        lambda layers: layers[2].update(class_name="Lambda")
    )
    assert "layer first: Dense is no layer" in said(
        lambda layers: layers[2].update(module="mine", registered_name="mine>Dense")
    )
    assert "expected Dense with use_bias" in said(
        lambda layers: layers[2]["config"].pop("use_bias")
    )
    assert "use_bias" in said(lambda layers: layers[2]["config"].update(use_bias=3))
    assert "no activation 'mine'" in said(
        lambda layers: layers[2]["config"].update(activation="mine")
    )
    assert "momentum" in said(lambda layers: layers[3]["config"].update(momentum=2))
    assert "rate" in said(lambda layers: layers[5]["config"].update(rate="x"))
    assert "axis" in said(lambda layers: layers[3]["config"].update(axis=0))
    said(lambda layers: layers.append(3))
    said(lambda layers: layers.clear())


def test_hdf5_that_leads_out_of_the_file_or_claims_more(refuse: Any, tmp_path: Path) -> None:
    needs("h5py", "keras")
    import h5py

    place = "layers/dense/vars/0"
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["w"] = np.zeros((3, 4), np.float32)

    def said(change: Callable[[Any], object]) -> str:
        buffer = io.BytesIO(keras_parts()["model.weights.h5"])
        with h5py.File(buffer, "r+") as file:
            del file[place]
            change(file)
        content = zipped({**keras_parts(), "model.weights.h5": buffer.getvalue()}, "")
        line: str = refuse(convert.from_keras, content)
        return line

    def virtual(file: Any) -> None:
        layout = h5py.VirtualLayout((3, 4), np.float32)
        layout[...] = h5py.VirtualSource(str(other), "w", (3, 4))
        file.create_virtual_dataset(place, layout)

    assert f"have no {place}" in said(
        lambda file: file.__setitem__(place, h5py.ExternalLink(str(other), "w"))
    )
    assert f"have no {place}" in said(lambda file: file.__setitem__(place, h5py.SoftLink("/x")))
    assert "plain numbers" in said(virtual)
    assert "plain numbers" in said(
        lambda file: file.create_dataset(place, (2**20, 2**20), np.float32, chunks=(64, 64))
    )
    assert "plain numbers" in said(
        lambda file: file.create_dataset(place, data=np.zeros((3, 4), "f4"), compression="gzip")
    )
    assert "plain numbers" in said(lambda file: file.create_dataset(place, data=b"text"))
    outside = [(str(other), 0, 48)]
    assert "plain numbers" in said(
        lambda file: file.create_dataset(place, (3, 4), np.float32, external=outside)
    )
    assert "not in the file" in said(lambda file: file.create_dataset(place, (3, 4), np.float32))
    assert "biases of shape" in said(
        lambda file: file.create_dataset(place, data=np.zeros((3, 9), "f4"))
    )


def test_onnx_whose_nodes_share_a_tensor_cannot_multiply_the_file(refuse: Any) -> None:
    needs("onnx", "onnx")
    import onnx
    from onnx import helper, numpy_helper

    W = numpy_helper.from_array(np.zeros((200, 200), np.float32), "W")
    nodes = [helper.make_node("MatMul", [f"a{i}", "W"], [f"a{i + 1}"]) for i in range(200)]
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 200])
        for name in ("a0", "a200")
    ]
    graph = helper.make_graph(nodes, "test", ends[:1], ends[1:], [W])
    content = helper.make_model(graph).SerializeToString()
    for read in (convert.from_onnx, convert.members_from):
        assert "its layers are larger than the file" in refuse(read, content)
