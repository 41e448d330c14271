"""The networks of an ensemble that fastnn has exported."""

from __future__ import annotations

import os
from typing import Any

from fastnn.convert._onnx import networks_in_onnx
from fastnn.convert._reading import reading
from fastnn.convert._state_dict import networks_in
from fastnn.network import Network

__all__ = ["members_from"]

EXPECTED = "a .safetensors or .onnx file of fastnn's export"


def members_from(
    path: str | os.PathLike[str], *, cost: Any = None, inference: bool = False
) -> list[Network]:
    """Return the networks whose outputs an exported ensemble averages, in their order.

    The mean of their ``predict`` is what the file computes: probabilities of a classifier (of two
    classes that of the second), predictions of a regressor.

    Parameters
    ----------
    path : path
        A .safetensors file or an .onnx file, which fastnn's export has written. Its content says
        which. The first needs no library, the second onnx.
    cost : class or object, optional
        What the networks are trained by on; by default the cost whose outputs these are.
    inference : bool, default False
        Whether what matters in training alone may be lost: batch norm is then folded into the
        layers beside it, to rounding, and dropout is left out.

    Returns
    -------
    list of Network
        A single one, if the file holds one.

    Raises
    ------
    ImportError
        If onnx is needed and not installed.
    ValueError
        If the file is damaged, or holds other layers than a ``Network`` has, naming the layer.
    OSError
        If the file cannot be read.
    """
    with reading(path, EXPECTED) as file:
        beginning = file.read(9)
        file.seek(0)
        options = {"cost": cost, "inference": inference}
        if beginning[8:] == b"{":  # behind the length of a header
            return networks_in(file, **options)
        return networks_in_onnx(file.read(), **options)
