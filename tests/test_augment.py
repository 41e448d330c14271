"""Images that are shifted, rotated and distorted: by how much, into what, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from fastnn import augment

RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 9, 7))
DTYPES = ("uint8", "int16", "float32", "float64")

# What each function makes of images when called with these keywords alone.
RANDOM = {
    "random_shifts": augment.random_shifts,
    "random_rotations": augment.random_rotations,
    "elastic": augment.elastic,
}


def blobs(dtype: str) -> np.ndarray:
    """Bytes, so that every dtype holds the same numbers."""
    return RNG.integers(0, 120, (5, 8, 6)).astype(dtype)


@pytest.mark.parametrize("dy", [-9, -8, -2, 0, 1, 8, 12])
@pytest.mark.parametrize("dx", [-7, -1, 0, 3, 6])
def test_shift_is_scipys(dy: int, dx: int) -> None:
    moved = augment.shift(IMAGES, dy, dx, fill=0.25)
    expected = ndimage.shift(IMAGES, (0, dy, dx), order=0, cval=0.25)
    np.testing.assert_array_equal(moved, expected)


def test_shift_goes_down_and_right() -> None:
    image = np.zeros((1, 3, 3))
    image[0, 0, 0] = 1
    assert np.argwhere(augment.shift(image, 2, 1)).tolist() == [[0, 2, 1]]


def test_rows_give_the_same_as_images() -> None:
    rows = IMAGES.reshape(6, 63)
    for name, make in RANDOM.items():
        of_rows = make(rows, rng=5, shape=(9, 7))
        assert of_rows.shape == (6, 63), name
        np.testing.assert_array_equal(of_rows.reshape(6, 9, 7), make(IMAGES, rng=5))
    of_rows = augment.shift(rows, 1, -1, shape=(9, 7))
    np.testing.assert_array_equal(of_rows.reshape(6, 9, 7), augment.shift(IMAGES, 1, -1))
    of_rows = augment.rotate(rows, 20, shape=[9, 7])
    np.testing.assert_array_equal(of_rows.reshape(6, 9, 7), augment.rotate(IMAGES, 20))


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_and_the_images_given_are_kept(dtype: str) -> None:
    images = blobs(dtype)
    before = images.copy()
    for make in RANDOM.values():
        made = make(images, rng=1)
        assert made.dtype == dtype and made.shape == images.shape
        assert np.any(made != images)
    assert augment.shift(images, 1, 0).dtype == augment.rotate(images, 5).dtype == dtype
    np.testing.assert_array_equal(images, before)


def test_whole_numbers_are_rounded_and_not_cut() -> None:
    images = blobs("uint8")
    exact = augment.elastic(images.astype(float), rng=3)
    np.testing.assert_array_equal(augment.elastic(images, rng=3), np.rint(exact))


@pytest.mark.parametrize("name", RANDOM)
def test_one_seed_gives_one_result(name: str) -> None:
    make = RANDOM[name]
    np.testing.assert_array_equal(make(IMAGES, rng=2), make(IMAGES, rng=np.random.default_rng(2)))
    assert np.any(make(IMAGES, rng=2) != make(IMAGES, rng=3))
    generator = np.random.default_rng(2)
    assert np.any(make(IMAGES, rng=generator) != make(IMAGES, rng=generator))


def test_random_shifts_are_even_and_each_images_own() -> None:
    image = np.zeros((1, 9, 9))
    image[0, 4, 4] = 1
    n = 9000
    moved = augment.random_shifts(np.repeat(image, n, axis=0), 1, rng=0)
    assert np.all(moved.sum(axis=(1, 2)) == 1)
    counts = moved.sum(axis=0)
    assert np.count_nonzero(counts) == 9
    # Binomial: 1000 ± 30, of which five times is never seen.
    assert np.all(np.abs(counts[3:6, 3:6] - n / 9) < 150)


def test_random_shifts_of_no_pixels_change_nothing() -> None:
    np.testing.assert_array_equal(augment.random_shifts(IMAGES, 0, rng=0), IMAGES)


def test_expand_holds_the_images_and_four_shifted_ones() -> None:
    labels = np.arange(6)
    images, expanded = augment.expand(IMAGES, labels)
    np.testing.assert_array_equal(expanded, np.tile(labels, 5))
    parts = images.reshape(5, 6, 9, 7)
    for part, (dy, dx) in zip(parts, [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)], strict=True):
        np.testing.assert_array_equal(part, augment.shift(IMAGES, dy, dx))


def test_expand_takes_rows_and_one_hot_targets() -> None:
    rows, targets = augment.expand(IMAGES.reshape(6, 63), np.eye(6), pixels=2, shape=(9, 7))
    assert rows.shape == (30, 63)
    np.testing.assert_array_equal(targets, np.tile(np.eye(6), (5, 1)))
    np.testing.assert_array_equal(rows[6:12].reshape(6, 9, 7), augment.shift(IMAGES, 2, 0))


def test_rotate_by_a_quarter_is_counter_clockwise() -> None:
    square = RNG.random((3, 7, 7))
    turned = augment.rotate(square, 90)
    np.testing.assert_allclose(turned, np.rot90(square, axes=(1, 2)), atol=1e-12)


def test_rotate_takes_an_angle_each() -> None:
    angles = [0, 10, -10, 45, 180, 360]
    turned = augment.rotate(IMAGES, angles, fill=0.5)
    for image, angle, made in zip(IMAGES, angles, turned, strict=True):
        expected = ndimage.rotate(image, angle, reshape=False, order=1, cval=0.5)
        np.testing.assert_allclose(made, expected, atol=1e-12)
    np.testing.assert_allclose(turned[0], IMAGES[0], atol=1e-12)


def test_random_rotations_are_rotations_within_the_angle() -> None:
    # A bright pixel far right of the middle says by how much its image was turned.
    image = np.zeros((1, 41, 41))
    image[0, 19:22, 37:40] = 1
    turned = augment.random_rotations(np.repeat(image, 300, axis=0), 30, rng=0)
    y, x = np.mgrid[:41, :41]
    total = turned.sum(axis=(1, 2))
    up = 20 - (turned * y).sum(axis=(1, 2)) / total
    right = (turned * x).sum(axis=(1, 2)) / total - 20
    angles = np.degrees(np.arctan2(up, right))
    assert np.all(np.abs(angles) < 30.5)
    assert angles.min() < -25 and angles.max() > 25
    assert abs(angles.std() - 30 / np.sqrt(3)) < 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_elastic_without_strength_is_the_identity(dtype: str) -> None:
    images = blobs(dtype)
    np.testing.assert_array_equal(augment.elastic(images, 0.0, rng=0), images)


def test_elastic_is_scipys_filter_and_interpolation() -> None:
    h, w = IMAGES.shape[1:]
    made = augment.elastic(IMAGES, 20.0, 3.0, rng=11, fill=0.5)
    fields = np.random.default_rng(11).uniform(-20, 20, (6, 2, h, w))
    for image, field, distorted in zip(IMAGES, fields, made, strict=True):
        places = [ndimage.gaussian_filter(part, 3.0, mode="constant") for part in field]
        places = np.mgrid[:h, :w] + places
        expected = ndimage.map_coordinates(image, places, order=1, cval=0.5)
        np.testing.assert_allclose(distorted, expected, atol=1e-10)


def test_elastic_does_not_depend_on_how_many_are_done_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    together = augment.elastic(IMAGES, rng=4)
    monkeypatch.setattr(augment, "CHUNK", 4)
    np.testing.assert_allclose(augment.elastic(IMAGES, rng=4), together, atol=1e-12)


def test_elastic_displaces_as_far_as_the_docstring_says() -> None:
    ramp = np.broadcast_to(np.arange(64.0), (40, 64, 64))
    moved = augment.elastic(ramp, rng=0)[:, 16:48, 16:48] - ramp[:, 16:48, 16:48]
    assert 1.2 < np.sqrt(np.mean(moved**2)) < 1.6


@pytest.mark.parametrize("name", RANDOM)
def test_an_rng_must_be_given(name: str) -> None:
    with pytest.raises(TypeError, match=r"rng: expected an int or a numpy\.random\.Generator"):
        RANDOM[name](IMAGES, rng=None)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: augment.shift(IMAGES[0, 0], 1, 0), ValueError, r"images: .*\(n, h, w\).*\(7,\)"),
        (lambda: augment.shift(IMAGES[:0], 1, 0), ValueError, r"images: .*\(0, 9, 7\)"),
        (lambda: augment.shift(IMAGES > 0, 1, 0), TypeError, "images: .*bool"),
        (lambda: augment.shift([[["a"]]], 1, 0), TypeError, "images: expected real"),
        (lambda: augment.shift(IMAGES * np.nan, 1, 0), ValueError, "images: expected finite"),
        (lambda: augment.shift(IMAGES[:, 0], 1, 0), ValueError, r"shape: expected \(h, w\)"),
        (lambda: augment.shift(IMAGES, 1, 0, shape=(7, 9)), ValueError, r"shape: .*\(7, 9\)"),
        (lambda: augment.shift(IMAGES, 1, 0, shape=63), TypeError, "shape: .*63"),
        (lambda: augment.shift(IMAGES, 0.5, 0), TypeError, "dy: .*0.5"),
        (lambda: augment.shift(IMAGES, 0, True), TypeError, "dx: .*True"),
        (lambda: augment.shift(IMAGES, 0, 1, fill=np.inf), ValueError, "fill: .*inf"),
        (lambda: augment.shift(IMAGES, 0, 1, fill="0"), TypeError, "fill: .*'0'"),
        (lambda: augment.shift(blobs("uint8"), 0, 1, fill=-1), ValueError, "fill: .*uint8.*-1"),
        (lambda: augment.shift(blobs("uint8"), 0, 1, fill=0.5), ValueError, "fill: .*uint8.*0.5"),
        (lambda: augment.random_shifts(IMAGES, -1, rng=0), ValueError, "most: .*-1"),
        (lambda: augment.random_rotations(IMAGES, -1, rng=0), ValueError, "most: .*-1"),
        (lambda: augment.rotate(IMAGES, [1, 2]), ValueError, r"degrees: .*6.*\(2,\)"),
        (lambda: augment.rotate(IMAGES, np.nan), ValueError, "degrees: expected finite"),
        (lambda: augment.elastic(IMAGES, -1.0, rng=0), ValueError, "alpha: .*-1"),
        (lambda: augment.elastic(IMAGES, sigma=0, rng=0), ValueError, "sigma: .*above 0"),
        (lambda: augment.elastic(IMAGES, rng="0"), TypeError, "rng: "),
        (lambda: augment.expand(IMAGES, [1, 2]), ValueError, r"labels: expected 6.*\(2,\)"),
        (lambda: augment.expand(IMAGES, 3), ValueError, r"labels: expected 6.*\(\)"),
    ],
)
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
