"""Arrays that a kernel must refuse, each made from one that it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

# BufferError is Python's own word for the memory of a NumPy scalar, which cannot be written to.
REFUSED = (BufferError, TypeError, ValueError)


def _other_float(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32 if array.dtype == np.float64 else np.float64)


# Never an array for a kernel that works on its own: of another kind altogether.
UNFIT: dict[str, Callable[[np.ndarray], Any]] = {
    "none": lambda array: None,
    "number": lambda array: 1.0,
    "list": lambda array: array.tolist(),
    "complex": lambda array: array.astype(np.complex128),
    "half": lambda array: array.astype(np.float16),
    "bytes": lambda array: bytearray(array.tobytes()),
    "objects": lambda array: array.astype(object),
    "byte-swapped": lambda array: array.astype(array.dtype.newbyteorder()),
    "strided": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "reversed": lambda array: array[::-1],
    "a dimension more": lambda array: array[np.newaxis],
    "a dimension fewer": lambda array: array[0],
    "no rows": lambda array: array[:0],
}
MATRIX_UNFIT: dict[str, Callable[[np.ndarray], Any]] = {
    **UNFIT,
    "fortran": np.asfortranarray,
    "no columns": lambda array: np.ascontiguousarray(array[:, :0]),
}
# Good by itself, but not beside the other arguments.
MISFIT: dict[str, Callable[[np.ndarray], Any]] = {
    "other float": _other_float,
    "a row more": lambda array: np.concatenate([array, array[-1:]]),
    "a row fewer": lambda array: array[:-1],
}
MATRIX_MISFIT: dict[str, Callable[[np.ndarray], Any]] = {
    **MISFIT,
    "a column more": lambda array: np.concatenate([array, array[:, -1:]], axis=1),
    "a column fewer": lambda array: np.ascontiguousarray(array[:, :-1]),
}


def cases(
    arguments: dict[str, np.ndarray], skip: Sequence[tuple[str, str]] = (), alone: bool = False
) -> list[Any]:
    """Return a pytest parameter (argument, damage) for each way to spoil each array.

    Parameters
    ----------
    arguments : dict of str to array
        Arguments of one call that is in order; what is no array is left alone. Every dimension
        must be at least 2.
    skip : sequence of (argument, name of the damage)
        What the kernel takes all the same.
    alone : bool, default False
        Whether there is only one array, so that no other shape is wrong.
    """
    parameters = []
    for argument, array in arguments.items():
        if not isinstance(array, np.ndarray):
            continue
        damages = dict(MATRIX_UNFIT if array.ndim == 2 else UNFIT)
        if not alone:
            damages |= MATRIX_MISFIT if array.ndim == 2 else MISFIT
        parameters += [
            pytest.param(argument, damage, id=f"{argument}-{name}".replace(" ", "-"))
            for name, damage in damages.items()
            if (argument, name) not in skip
        ]
    return parameters


def assert_refused(
    function: Callable[..., Any], arguments: dict[str, Any], argument: str, damage: Callable
) -> None:
    """Assert that ``function`` takes ``arguments``, refuses them damaged, and leaves them alone."""
    function(**{name: _copy(value) for name, value in arguments.items()})  # else nothing is shown
    given = {name: _copy(value) for name, value in arguments.items()}
    given[argument] = damage(given[argument])
    before = {name: _copy(value) for name, value in given.items()}
    with pytest.raises(REFUSED) as caught:
        function(**given)
    assert str(caught.value)
    for name, value in before.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(given[name], value)


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a copy that cannot be written to."""
    array = array.copy()
    array.flags.writeable = False
    return array
