"""Numbers of other libraries as NumPy's: halves, brain floats, tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn._common.checks import as_array

__all__ = ["DTYPES", "floats_of", "numbers_in"]

# The names that safetensors gives dtypes, each with NumPy's; brain floats are the upper halves of
# float32, which NumPy has no dtype for.
DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}


def numbers_in(content: Any, name: str) -> np.ndarray:
    """Return the numbers of a dtype of ``DTYPES`` in some bytes, flat; brain floats as float32.

    Parameters
    ----------
    content : bytes-like
    name : str
        Of the dtype.
    """
    numbers = np.frombuffer(content, DTYPES[name])
    if name == "BF16":
        return (numbers.astype(np.uint32) << 16).view(np.float32)
    return numbers


def floats_of(value: Any, name: str) -> np.ndarray:
    """Return a tensor or an array as float64, or as float32 where it holds no more.

    Raises
    ------
    TypeError
        If it holds no floating-point numbers, naming it.
    """
    if callable(getattr(value, "detach", None)):  # PyTorch's
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    array = as_array(value, name)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise TypeError(f"{name}: expected floating-point numbers, got dtype {array.dtype}")
    return array.astype(np.float64 if array.dtype.itemsize == 8 else np.float32, copy=False)
