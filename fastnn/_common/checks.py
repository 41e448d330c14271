"""Checks of what users pass: one clear error that names the argument, before anything changes."""

from __future__ import annotations

import os
import reprlib
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, pairwise
from typing import Any

import numpy as np

from fastnn._common.nullable import numbers_of
from fastnn._core.row_source import RowSource

# What a compiled plan counts with: a C int a layer, and so many layers.
MOST_NEURONS = 2**31 - 1
MOST_LAYERS = 10_000
# Threads that may be asked for; 64 are taken at the most.
MOST_THREADS = 2**15

_repr = reprlib.Repr()
_repr.maxlevel, _repr.maxstring, _repr.maxother = 2, 60, 60


def brief(value: Any) -> str:
    """Return what an error shows of ``value``: its repr on one line, cut to 80 characters."""
    try:
        text = " ".join(_repr.repr(value).split())
    except Exception:  # a number of very many digits has no repr, and users' classes may fail
        return f"<{type(value).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."


def as_array(values: Any, name: str) -> np.ndarray:
    """Return ``values`` as an array of real numbers, without a copy where possible.

    Raises
    ------
    TypeError
        If the values are not real numbers, or some of them are masked.
    ValueError
        If nested sequences are ragged, or a number is missing in a table.
    """
    kind = type(values).__name__
    if callable(getattr(values, "toarray", None)):
        raise TypeError(f"{name}: expected a dense array, got a {kind}: pass its .toarray()")
    if np.ma.is_masked(values):
        raise TypeError(f"{name}: expected an array without masked entries, got a {kind}")
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name}: expected rows of equal length, got ragged ones") from None
    except Exception as error:  # whatever the object's own conversion raises
        raise TypeError(f"{name}: expected an array, got a {kind}: {brief(error)}") from None
    if array.dtype.kind == "O":
        plain = numbers_of(values, array, name)
        array = array if plain is None else plain
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: expected real numbers, got {kind} of dtype {array.dtype}")
    return array


def _is_finite(array: np.ndarray) -> bool:
    """Whether the quick look at plain floats finds all of them finite."""
    flags = array.flags
    if array.dtype.char not in "fd" or not (flags.c_contiguous and flags.aligned):
        return False
    if not array.dtype.isnative:
        return False
    return RowSource(array.reshape(1, -1)).first_bad(array.dtype.char == "f") < 0


def check_finite(array: np.ndarray, name: str) -> None:
    """Raise ``ValueError`` naming the place of the first NaN or infinity in ``array``."""
    if array.dtype.kind != "f" or _is_finite(array):
        return
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        raise ValueError(f"{name}: expected finite numbers, got {array[place]} at {place}")


def as_finite(array: np.ndarray, dtype: np.dtype, name: str) -> np.ndarray:
    """Return ``array`` as C-contiguous ``dtype``, without a copy where possible.

    Raises
    ------
    ValueError
        If a number is not finite, or too large for ``dtype``.
    """
    check_finite(array, name)
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(array, dtype=dtype)
    if converted.dtype.itemsize < array.dtype.itemsize:
        check_finite(converted, f"{name} (as {dtype})")
    return converted


def check_whole(value: Any, name: str, least: int, most: int = sys.maxsize) -> int:
    """Return ``value`` as an int of at least ``least``.

    Raises
    ------
    TypeError
        If it is not a whole number.
    ValueError
        If it is too small, or larger than ``most``: by default any count on this machine.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}: expected a whole number, got {brief(value)}")
    if not least <= value <= most:
        wanted = f"{least} or more" if value < least else f"{most} or less"
        raise ValueError(f"{name}: expected {wanted}, got {brief(int(value))}")
    return int(value)


def check_number(
    value: Any, name: str, *, positive: bool = False, most: float = sys.float_info.max
) -> float:
    """Return ``value`` as a finite float, 0 or more, or above 0 if ``positive``, up to ``most``.

    Raises
    ------
    TypeError
        If it is not a real number.
    ValueError
        If it is out of range or not finite.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise TypeError(f"{name}: expected a number, got {brief(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not 0 <= number <= most or (positive and number == 0):
        wanted = "above 0" if positive else "of 0 or more"
        if most < number < np.inf:
            wanted = f"up to {most:.3g}"
        raise ValueError(f"{name}: expected a finite number {wanted}, got {brief(value)}")
    return number


def check_choice(value: Any, name: str, choices: Sequence[str]) -> str:
    """Return ``value`` if it is one of the texts ``choices``.

    Raises
    ------
    ValueError
        Otherwise.
    """
    if not isinstance(value, str) or value not in choices:
        wanted = " or ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}: expected {wanted}, got {brief(value)}")
    return value


def settle(thing: Any, **values: float) -> None:
    """Put checked numbers into a frozen dataclass object, as the Python numbers that they are."""
    for name, value in values.items():
        object.__setattr__(thing, name, value)


def check_finite_number(value: Any, name: str) -> float:
    """Return ``value`` as a finite float of either sign.

    Raises
    ------
    TypeError, ValueError
        If it is no real number, or not finite.
    """
    if isinstance(value, (int, float, np.integer, np.floating)) and value < 0:
        return -check_finite_number(-value, name)
    try:
        return check_number(value, name)
    except ValueError:
        raise ValueError(f"{name}: expected a finite number, got {brief(value)}") from None


def check_scale(value: Any, dtype: np.dtype) -> float:
    """Return a factor on inputs as a float that is neither 0 nor infinite in ``dtype``.

    Raises
    ------
    TypeError, ValueError
        If it is no number, or not above 0; or if it makes a byte infinite.
    """
    scale = check_number(value, "input_scale", positive=True)
    with np.errstate(over="ignore", under="ignore"):
        if not 0 < dtype.type(scale) * dtype.type(255) < np.inf:
            raise ValueError(f"input_scale: expected a factor for {dtype}, got {brief(value)}")
    return scale


def precision_of(array: np.ndarray) -> np.dtype:
    """Return float32 for float32 of either byte order, else float64."""
    single = array.dtype.kind == "f" and array.dtype.itemsize == 4
    return np.dtype(np.float32 if single else np.float64)


def check_flag(value: Any, name: str) -> bool:
    """Return ``value`` as True or False.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if not isinstance(value, (bool, np.bool_)) and not (isinstance(value, int) and value in (0, 1)):
        raise TypeError(f"{name}: expected True or False, got {brief(value)}")
    return bool(value)


def check_sizes(sizes: Sequence[int]) -> list[int]:
    """Return ``sizes`` as a list of at least two ints of 1 or more.

    Raises
    ------
    TypeError, ValueError
        Otherwise, or if there are more than the compiled core counts.
    MemoryError
        If the parameters of such a network cannot fit in this machine's memory.
    """
    try:
        values = list(islice(sizes, MOST_LAYERS + 1))
    except TypeError:
        raise TypeError(f"sizes: expected a list of layer sizes, got {brief(sizes)}") from None
    if not 2 <= len(values) <= MOST_LAYERS:
        raise ValueError(
            f"sizes: expected an input and an output layer, and at most {MOST_LAYERS} in all, "
            f"got {brief(values)}"
        )
    checked = [check_whole(size, f"sizes[{i}]", 1) for i, size in enumerate(values)]
    if max(checked) > MOST_NEURONS:
        raise ValueError(
            f"sizes: expected at most {MOST_NEURONS} neurons a layer, got {max(checked)}"
        )
    _check_memory(checked)
    return checked


def physical_memory() -> int:
    """Return how many bytes this machine has, or a number beyond all if the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return sys.maxsize


def _check_memory(sizes: list[int]) -> None:
    """Raise ``MemoryError`` for sizes that the system might promise memory for, and not have."""
    memory = physical_memory()
    # Doubles, four times over: the parameters, their draw, and what is made of it on the way.
    needed = 4 * 8 * sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    if needed > memory:
        raise MemoryError(
            f"sizes: a network of {brief(sizes)} needs {needed / 1e9:.3g} GB to set up, "
            f"this machine has {memory / 1e9:.3g} GB"
        )


def check_dtype(dtype: Any) -> np.dtype:
    """Return ``dtype`` as float32 or float64.

    Raises
    ------
    ValueError
        If it is neither.
    """
    try:
        # None would mean float64 to NumPy, both here and in a comparison with a dtype.
        checked = None if dtype is None else np.dtype(dtype)
    except Exception:  # NumPy reads some nonsense as Python and raises SyntaxError
        checked = None
    if checked is None or checked not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"dtype: expected 'float64' or 'float32', got {brief(dtype)}")
    return checked


def check_callbacks(callbacks: Iterable[Callable[..., object]]) -> list[Callable[..., object]]:
    """Return ``callbacks`` as a list of callables.

    Raises
    ------
    TypeError
        If it is no list or an entry cannot be called.
    """
    try:
        listed = list(callbacks)
    except TypeError:
        raise TypeError(
            f"callbacks: expected a list of callables, got {brief(callbacks)}"
        ) from None
    for i, callback in enumerate(listed):
        if not callable(callback):
            raise TypeError(f"callbacks[{i}]: expected a callable, got {brief(callback)}")
    return listed
