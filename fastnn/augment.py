"""More images from those there are: shifted, rotated and elastically distorted ones.

Images are (n, h, w), or rows (n, h·w) with ``shape=(h, w)``; what is returned has the form and the
dtype of what was given, and what was given is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from fastnn._common.checks import (
    as_array,
    brief,
    check_finite,
    check_finite_number,
    check_number,
    check_whole,
)
from fastnn._common.rng import as_random_source
from fastnn._core.blas_guard import quietly

__all__ = ["elastic", "expand", "random_rotations", "random_shifts", "rotate", "shift"]

Shape = tuple[int, int] | Sequence[int] | None
# Images whose displacements are in memory at once.
CHUNK = 512
# Beyond these nothing is left of a picture, and numbers or memory come to their ends.
MOST_DEGREES, MOST_PIXELS, MOST_SIGMA = 1e9, 1e9, 1e5


def shift(images: Any, dy: int, dx: int, *, shape: Shape = None, fill: float = 0.0) -> np.ndarray:
    """Return the images ``dy`` pixels further down and ``dx`` to the right.

    Parameters
    ----------
    images : array-like (n, h, w) or (n, h·w)
    dy, dx : int
        Negative: up, to the left. What leaves the image is lost.
    shape : (h, w), optional
        Needed for rows.
    fill : float, default 0
        Where nothing comes in: the background's value.

    Returns
    -------
    array of the form and dtype of ``images``

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """
    array, stack = _as_images(images, shape)
    down, right = _check_steps(dy, "dy"), _check_steps(dx, "dx")
    out = np.full_like(stack, _check_fill(fill, stack.dtype))
    _shift_into(out, stack, down, right)
    return out.reshape(array.shape)


def random_shifts(
    images: Any, most: int = 2, *, rng: int | np.random.Generator, shape: Shape = None,
    fill: float = 0.0,
) -> np.ndarray:  # fmt: skip
    """Return every image shifted by its own random whole number of pixels each way.

    Parameters
    ----------
    images : array-like (n, h, w) or (n, h·w)
    most : int, default 2
        Shifts are drawn evenly from −most to most, down and to the right on their own.
    rng : int or numpy.random.Generator
    shape, fill
        As for ``shift``.

    Returns
    -------
    array of the form and dtype of ``images``

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """
    array, stack = _as_images(images, shape)
    largest = check_whole(most, "most", 0)
    out = np.full_like(stack, _check_fill(fill, stack.dtype))
    steps = _generator(rng).integers(-largest, largest, size=(len(stack), 2), endpoint=True)
    kinds, kind_of = np.unique(steps, axis=0, return_inverse=True)
    for k, (dy, dx) in enumerate(kinds.tolist()):
        chosen = np.flatnonzero(kind_of.reshape(-1) == k)
        moved = out[chosen]
        _shift_into(moved, stack[chosen], dy, dx)
        out[chosen] = moved
    return out.reshape(array.shape)


def expand(
    images: Any, labels: Any, *, pixels: int = 1, shape: Shape = None, fill: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and, after them, all of them shifted down, up, right and left.

    Five times as much to train on, as in Nielsen, *Neural Networks and Deep Learning* (2015),
    chapter 6. Training shuffles them.

    Parameters
    ----------
    images : array-like (n, h, w) or (n, h·w)
    labels : array-like (n,) or (n, n_out)
        Or any other targets, one an image.
    pixels : int, default 1
        How far.
    shape, fill
        As for ``shift``.

    Returns
    -------
    images : array (5 n, h, w) or (5 n, h·w)
    labels : array (5 n,) or (5 n, n_out)

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """
    array, stack = _as_images(images, shape)
    targets = as_array(labels, "labels")
    if targets.shape[:1] != array.shape[:1]:
        raise ValueError(f"labels: expected {len(array)}, one an image, got shape {targets.shape}")
    far = check_whole(pixels, "pixels", 0)
    out = np.full((5, *stack.shape), _check_fill(fill, stack.dtype), dtype=stack.dtype)
    for moved, (dy, dx) in zip(out, ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)), strict=True):
        _shift_into(moved, stack, dy * far, dx * far)
    return out.reshape(-1, *array.shape[1:]), np.concatenate([targets] * 5)


def rotate(images: Any, degrees: Any, *, shape: Shape = None, fill: float = 0.0) -> np.ndarray:
    """Return the images turned counter-clockwise about their middle, by bilinear interpolation.

    Parameters
    ----------
    images : array-like (n, h, w) or (n, h·w)
    degrees : float, or array-like (n,)
        One angle for all, or one each.
    shape, fill
        As for ``shift``.

    Returns
    -------
    array of the form and dtype of ``images``
        Integers are rounded.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """
    array, stack = _as_images(images, shape)
    angles = as_array(degrees, "degrees").astype(np.float64)
    if angles.shape not in ((), (len(stack),)):
        raise ValueError(f"degrees: expected a number or {len(stack)}, got shape {angles.shape}")
    check_finite(angles, "degrees")
    background = _check_fill(fill, stack.dtype)
    work = _to_interpolate(stack)
    out = np.empty_like(work)
    for image, turned, angle in zip(
        work, out, np.broadcast_to(angles, len(stack)).tolist(), strict=True
    ):
        ndimage.rotate(image, angle, reshape=False, output=turned, order=1, cval=background)
    return _like(out, array)


def random_rotations(
    images: Any, most: float = 15.0, *, rng: int | np.random.Generator, shape: Shape = None,
    fill: float = 0.0,
) -> np.ndarray:  # fmt: skip
    """Return every image turned by its own random angle from −most to most degrees.

    Parameters
    ----------
    images : array-like (n, h, w) or (n, h·w)
    most : float, default 15
        Degrees.
    rng : int or numpy.random.Generator
    shape, fill
        As for ``shift``.

    Returns
    -------
    array of the form and dtype of ``images``

    Raises
    ------
    TypeError, ValueError
        Naming the argument.
    """
    _, stack = _as_images(images, shape)
    largest = check_number(most, "most", most=MOST_DEGREES)
    angles = _generator(rng).uniform(-largest, largest, len(stack))
    return rotate(images, angles, shape=shape, fill=fill)


def elastic(
    images: Any, alpha: float = 34.0, sigma: float = 4.0, *, rng: int | np.random.Generator,
    shape: Shape = None, fill: float = 0.0,
) -> np.ndarray:  # fmt: skip
    """Return every image elastically distorted, as hands would vary it (Simard et al., 2003).

    Each pixel is fetched from a place displaced by a random field of its own image: numbers
    uniform between −1 and 1, smoothed by a Gaussian, times ``alpha``; bilinear interpolation.

    Parameters
    ----------
    images : array-like (n, h, w) or (n, h·w)
    alpha : float, default 34
        Strength. With ``sigma`` 4, 34 displaces by about 1.3 pixels (root mean square).
    sigma : float, default 4
        Standard deviation of the Gaussian in pixels: small is noise, large is a mere shift.
    rng : int or numpy.random.Generator
    shape, fill
        As for ``shift``.

    Returns
    -------
    array of the form and dtype of ``images``
        Integers are rounded.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.

    Notes
    -----
    Simard, Steinkraus and Platt, *Best practices for convolutional neural networks applied to
    visual document analysis* (2003); 34 and 4 are their values for 29 × 29 digits.
    """
    array, stack = _as_images(images, shape)
    strength = check_number(alpha, "alpha", most=MOST_PIXELS)
    width = check_number(sigma, "sigma", positive=True, most=MOST_SIGMA)
    background, source = _check_fill(fill, stack.dtype), _generator(rng)
    work = _to_interpolate(stack)
    out = np.empty_like(work)
    for start in range(0, len(work), CHUNK):
        part = slice(start, start + CHUNK)
        places = _displacements(source, work[part].shape, strength, width)
        for axis, line in enumerate((np.arange(work.shape[1])[:, np.newaxis],
                                     np.arange(work.shape[2]))):  # fmt: skip
            places[:, axis] += line
        for image, distorted, place in zip(work[part], out[part], places, strict=True):
            ndimage.map_coordinates(image, place, output=distorted, order=1, cval=background)
    return _like(out, array)


def _displacements(
    source: np.random.Generator, shape: tuple[int, ...], alpha: float, sigma: float
) -> np.ndarray:
    """Return the smoothed fields (n, 2, h, w) for images of ``shape`` (n, h, w)."""
    n, h, w = shape
    fields = source.uniform(-alpha, alpha, (n, 2, h, w))
    # A filter is linear: as matrices, one product smooths all the images' lines at once.
    over_rows, over_columns = (
        ndimage.gaussian_filter1d(np.eye(size), sigma, axis=0, mode="constant") for size in (h, w)
    )
    smooth = quietly(np.matmul, fields.reshape(-1, w), over_columns.T)
    lines = smooth.reshape(n, 2, h, w).swapaxes(2, 3).reshape(-1, h)
    turned = quietly(np.matmul, lines, over_rows.T)
    return np.ascontiguousarray(turned.reshape(n, 2, w, h).swapaxes(2, 3))


def _shift_into(out: np.ndarray, images: np.ndarray, dy: int, dx: int) -> None:
    """Write the shifted ``images`` (n, h, w) into ``out``, which holds the background."""
    _, h, w = images.shape
    if abs(dy) < h and abs(dx) < w:
        to_rows, from_rows = _overlap(h, dy)
        to_columns, from_columns = _overlap(w, dx)
        out[:, to_rows, to_columns] = images[:, from_rows, from_columns]


def _overlap(size: int, step: int) -> tuple[slice, slice]:
    """Return where a line of ``size`` pixels goes to and comes from."""
    return slice(max(step, 0), size + min(step, 0)), slice(max(-step, 0), size + min(-step, 0))


def _as_images(images: Any, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Return ``images`` as an array as it came, and as (n, h, w)."""
    array = as_array(images, "images")
    if array.dtype.kind == "b":
        raise TypeError("images: expected numbers, got bool")
    if array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(f"images: expected shape (n, h, w) or (n, h·w), got {array.shape}")
    check_finite(array, "images")
    if shape is None:
        if array.ndim == 2:
            raise ValueError(f"shape: expected (h, w) of the rows, got None for {array.shape}")
        return array, array
    size = _check_shape(shape)
    if array.shape[1:] not in (size, (size[0] * size[1],)):
        raise ValueError(f"shape: expected (h, w) of images {array.shape}, got {size}")
    return array, array.reshape(-1, *size)


def _check_shape(shape: Any) -> tuple[int, int]:
    if not isinstance(shape, (tuple, list)) or len(shape) != 2:
        raise TypeError(f"shape: expected (h, w), got {brief(shape)}")
    h, w = (check_whole(size, f"shape[{i}]", 1) for i, size in enumerate(shape))
    return h, w


def _check_steps(value: Any, name: str) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}: expected a whole number of pixels, got {brief(value)}")
    return int(value)


def _check_fill(fill: Any, dtype: np.dtype) -> float:
    number = check_finite_number(fill, "fill")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        fits = limits.min <= number <= limits.max and number == int(number)
    else:
        with np.errstate(over="ignore"):
            fits = bool(np.isfinite(np.float64(number).astype(dtype)))
    if not fits:
        raise ValueError(f"fill: expected a finite number that {dtype} can hold, got {brief(fill)}")
    return number


def _generator(rng: Any) -> np.random.Generator:
    """Return the generator that ``rng`` is or seeds."""
    source = None if rng is None else as_random_source(rng)
    if not isinstance(source, np.random.Generator):
        raise TypeError("rng: expected an int or a numpy.random.Generator, got None")
    return source


def _to_interpolate(stack: np.ndarray) -> np.ndarray:
    """Return the images in float32 if they are, or are narrower floats, else in float64."""
    narrow = stack.dtype in (np.float32, np.float16)
    return stack.astype(np.float32 if narrow else np.float64, copy=False)


def _like(values: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Return ``values`` in the shape and dtype of ``array``."""
    if array.dtype.kind in "iu":
        values = np.rint(values)
    return values.reshape(array.shape).astype(array.dtype, copy=False)
