"""Small files as other libraries write them, made without those libraries, sound or hostile."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

SAFETENSORS_DTYPES = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "u1": "U8"}
STORAGES = {"f8": "Double", "f4": "Float", "f2": "Half", "i8": "Long", "u1": "Byte"}


def state(dtype: str = "f4") -> dict[str, np.ndarray]:
    """The tensors of Sequential(Linear(3, 4), BatchNorm1d(4), Tanh(), Linear(4, 2))."""
    rng = np.random.default_rng(0)
    made = {
        "0.weight": rng.normal(size=(4, 3)),
        "0.bias": rng.normal(size=4),
        "1.weight": rng.normal(size=4),
        "1.bias": rng.normal(size=4),
        "1.running_mean": rng.normal(size=4),
        "1.running_var": rng.uniform(1, 2, size=4),
        "3.weight": rng.normal(size=(2, 4)),
        "3.bias": rng.normal(size=2),
    }
    tensors = {name: array.astype(dtype) for name, array in made.items()}
    return {**tensors, "1.num_batches_tracked": np.array(7)}


LAYERS = ["linear", "batch", "tanh", "linear"]


def safetensors(
    tensors: Mapping[str, np.ndarray], changes: Mapping[str, Any] | None = None
) -> bytes:
    """A .safetensors file; ``changes`` go into its header as they are."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, array in tensors.items():
        header[name] = {
            "dtype": SAFETENSORS_DTYPES[array.dtype.str[1:]],
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + array.nbytes],
        }
        data += array.tobytes()
    return with_header({**header, **(changes or {})}, data)


def with_header(header: Any, data: bytes) -> bytes:
    """A file of a header, as JSON unless it is bytes, and the tensors' bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _numbers(values: Any) -> bytes:
    return b"(" + b"".join(_number(int(value)) for value in values) + b"t"


def _described(name: str, array: np.ndarray, key: str, **wrong: Any) -> bytes:
    """The instructions of one entry of a state_dict."""
    told = {"length": array.size, "offset": 0, "shape": array.shape}
    told |= {"strides": np.array(array.strides) // array.itemsize, **wrong}
    kind = STORAGES[array.dtype.str[1:]]
    storage = b"(" + _text("storage") + f"ctorch\n{kind}Storage\n".encode() + _text(key)
    storage += _text("cpu") + _number(told["length"]) + b"tQ"
    layout = _number(told["offset"]) + _numbers(told["shape"]) + _numbers(told["strides"])
    rest = b"\x89" + b"ccollections\nOrderedDict\n)R"
    return _text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + layout + rest + b"tR"


def torch_pickle(tensors: Mapping[str, np.ndarray], **wrong: Any) -> bytes:
    """The pickle of a state_dict; what is ``wrong`` is told of its first tensor."""
    entries = b""
    for i, (name, array) in enumerate(tensors.items()):
        entries += _described(name, array, str(i), **(wrong if i == 0 else {}))
    return b"\x80\x02ccollections\nOrderedDict\n)R(" + entries + b"u."


def torch_file(tensors: Mapping[str, np.ndarray], pickled: bytes | None = None) -> bytes:
    """A file as ``torch.save`` writes it of a state_dict."""
    entries = {f"data/{i}": array.tobytes() for i, array in enumerate(tensors.values())}
    told = torch_pickle(tensors) if pickled is None else pickled
    return zipped({"data.pkl": told, "byteorder": b"little", "version": b"3\n", **entries})


def zipped(entries: Mapping[str, bytes], folder: str = "archive/", packed: bool = False) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(folder + name, content)
    return buffer.getvalue()


def onnx_file(dtype: str = "f4") -> bytes:
    """The model of ``state`` in ONNX, with the names of classes as fastnn's export has them."""
    import onnx
    from onnx import helper, numpy_helper

    tensors = {name: array for name, array in state(dtype).items() if array.ndim}
    real = {"f4": onnx.TensorProto.FLOAT, "f8": onnx.TensorProto.DOUBLE}[dtype]
    norm = ["1.weight", "1.bias", "1.running_mean", "1.running_var"]
    nodes = [
        helper.make_node("Gemm", ["x", "0.weight", "0.bias"], ["a"], name="first", transB=1),
        helper.make_node("BatchNormalization", ["a", *norm], ["b"], name="norm"),
        helper.make_node("Tanh", ["b"], ["c"], name="tanh"),
        helper.make_node("Gemm", ["c", "3.weight", "3.bias"], ["d"], name="last", transB=1),
        helper.make_node("Softmax", ["d"], ["y"], name="out", axis=1),
    ]
    constants = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
    ends = [helper.make_tensor_value_info(name, real, ["n", n]) for name, n in (("x", 3), ("y", 2))]
    graph = helper.make_graph(nodes, "test", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    told = {
        "fastnn": "0",
        "kind": "network",
        "classes": '["no", "yes"]',
        "features": '["a","b","c"]',
    }
    helper.set_model_props(model, told)
    content: bytes = model.SerializeToString()
    return content
