"""Digits, circles, the cut into parts, and load() by name."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from fastnn import datasets


def rows(n: int, n_in: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Rows that can be told apart: X[i, 0] == i, and label i % 4."""
    X = np.arange(n, dtype=float)[:, None] + np.linspace(0, 0.5, n_in)
    return X, np.arange(n) % 4


# --- digits


def test_digits_have_the_documented_parts() -> None:
    split = datasets.load_digits()
    assert [part[0].shape for part in split] == [(1000, 64), (297, 64), (500, 64)]
    assert [part[1].shape for part in split] == [(1000,), (297,), (500,)]
    for X, y in split:
        assert X.dtype == np.float32 and y.dtype == np.int64
        assert X.min() == 0 and X.max() == 1
        assert set(y) == set(range(10))


def test_digits_are_scikit_learns_each_once() -> None:
    from sklearn.datasets import load_digits as sklearn_digits

    X, y = sklearn_digits(return_X_y=True)
    split = datasets.load_digits(n_train=700, n_validation=97, seed=5, dtype="float64")
    ours = np.concatenate([np.column_stack([X * 16, y]) for X, y in split])
    theirs = np.column_stack([X, y])
    assert split.train[0].dtype == np.float64
    assert sorted(map(tuple, ours)) == sorted(map(tuple, theirs))


def test_digits_follow_the_seed() -> None:
    first, again, other = (datasets.load_digits(seed=seed).train for seed in (0, 0, 1))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_digits_order_is_the_same_everywhere() -> None:
    # RandomState's stream is frozen, so these labels hold on every platform and version.
    labels = datasets.load_digits().test[1]
    assert labels[:12].tolist() == [0, 9, 6, 9, 8, 4, 5, 8, 1, 6, 3, 0]


def test_digits_may_leave_the_test_part_empty() -> None:
    split = datasets.load_digits(n_train=1500)
    assert [len(part[0]) for part in split] == [1500, 297, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_train": 0}, "n_train=0: expected a whole number from 1 to 1797"),
        ({"n_train": 1501}, "n_validation=297: expected a whole number from 0 to 296"),
        ({"n_train": 10.0}, "n_train=10.0"),
        ({"n_train": True}, "n_train=True"),
        ({"seed": -1}, "seed=-1: expected a whole number from 0"),
        ({"seed": None}, "seed=None"),
        ({"dtype": "float16"}, "dtype='float16': expected 'float32' or 'float64'"),
        ({"dtype": "nonsense"}, "dtype='nonsense'"),
        ({"dtype": None}, "dtype=None"),
    ],
)
def test_digits_refuse(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        datasets.load_digits(**options)


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r'pip install "fastnn-cpu\[sklearn\]"'):
        datasets.load_digits()


# --- points in the plane


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("n", [300, 301, 7, 2])
@pytest.mark.parametrize(("noise", "factor"), [(0.05, 0.8), (0.0, 0.3), (2.0, 0.0)])
def test_circles_are_scikit_learns(n: int, noise: float, factor: float, seed: int) -> None:
    from sklearn.datasets import make_circles

    X, y = datasets.circles(n, noise=noise, factor=factor, seed=seed)
    X_sklearn, y_sklearn = make_circles(n, noise=noise, factor=factor, random_state=seed)
    np.testing.assert_allclose(X, X_sklearn, rtol=0, atol=1e-15)
    assert np.array_equal(y, y_sklearn)
    assert X.dtype == np.float64 and y.dtype == np.int64


def test_circles_defaults_are_the_texts() -> None:
    from sklearn.datasets import make_circles

    X, _ = datasets.circles()
    np.testing.assert_allclose(
        X, make_circles(300, noise=0.05, random_state=1)[0], rtol=0, atol=1e-15
    )


def test_circles_without_noise_lie_on_the_circles() -> None:
    X, y = datasets.circles(41, noise=0.0, factor=0.25)
    np.testing.assert_allclose(np.hypot(*X.T), np.where(y == 0, 1.0, 0.25), rtol=1e-14)
    assert np.bincount(y).tolist() == [20, 21]


def test_circles_leave_the_global_state_alone() -> None:
    before = np.random.get_state()[1].copy()
    datasets.circles(50)
    datasets.split_rows(*rows(10))
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("n", [300, 301, 2])
def test_moons_are_scikit_learns(n: int, seed: int) -> None:
    from sklearn.datasets import make_moons

    X, y = datasets.moons(n, noise=0.2, seed=seed)
    X_sklearn, y_sklearn = make_moons(n, noise=0.2, random_state=seed)
    np.testing.assert_allclose(X, X_sklearn, rtol=0, atol=1e-15)
    assert np.array_equal(y, y_sklearn)


def test_spirals_without_noise_lie_on_spirals() -> None:
    X, y = datasets.spirals(61, noise=0.0, turns=2.0)
    radius = np.hypot(*X.T)
    angle = np.arctan2(X[:, 1], X[:, 0]) - np.pi * y
    off = (angle - 4 * np.pi * radius + np.pi) % (2 * np.pi) - np.pi
    np.testing.assert_allclose(off, 0, atol=1e-12)
    assert np.bincount(y).tolist() == [30, 31]
    assert sorted(radius[y == 0]) == pytest.approx(np.arange(1, 31) / 30)


def test_xor_is_whether_the_signs_differ() -> None:
    X, y = datasets.xor(400)
    assert np.array_equal(y, X[:, 0] * X[:, 1] < 0)
    assert np.abs(X).max() < 1 and 150 < y.sum() < 250
    noisy, same = datasets.xor(400, noise=0.5)
    assert np.array_equal(same, y)
    assert (noisy - X).std() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("turns", [0, -1.0, 100.0, float("nan"), "2"])
def test_spirals_refuse(turns: object) -> None:
    with pytest.raises(ValueError, match=r"turns=.*: expected a number, 0 < turns < 100"):
        datasets.spirals(turns=turns)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 1}, "n=1: expected a whole number of at least 2"),
        ({"n": 10.5}, "n=10.5"),
        ({"noise": -0.1}, "noise=-0.1: expected a finite number of at least 0"),
        ({"noise": float("nan")}, "noise=nan"),
        ({"noise": float("inf")}, "noise=inf"),
        ({"noise": None}, "noise=None"),
        ({"factor": 1.0}, "factor=1.0: expected a number, 0 <= factor < 1"),
        ({"factor": -0.5}, "factor=-0.5"),
        ({"seed": 2**32}, "seed=4294967296"),
        ({"seed": "1"}, "seed='1'"),
    ],
)
def test_circles_refuse(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        datasets.circles(**options)


# --- split_rows


@pytest.mark.parametrize(
    ("n", "test", "validation", "sizes"),
    [
        (100, 0.2, 0.1, (70, 10, 20)),
        (100, 0.0, 0.0, (100, 0, 0)),
        (3, 0.2, 0.1, (1, 1, 1)),  # at least one row where a share is asked for
        (3, 0.01, 0.01, (1, 1, 1)),
        (1, 0, 0, (1, 0, 0)),
        (11, 0.5, 0.25, (2, 3, 6)),
    ],
)
def test_split_rows_cuts_each_row_into_one_part(
    n: int, test: float, validation: float, sizes: tuple[int, int, int]
) -> None:
    X, y = rows(n)
    split = datasets.split_rows(X, y, test_fraction=test, validation_fraction=validation)
    assert tuple(len(part[0]) for part in split) == sizes
    for X_part, y_part in split:
        assert np.array_equal(X_part[:, 0] % 4, y_part)  # rows and labels stay together
    assert sorted(np.concatenate([part[0][:, 0] for part in split])) == list(range(n))


def test_split_rows_follows_the_seed() -> None:
    X, y = rows(50)
    orders = [datasets.split_rows(X, y, seed=seed).train[0][:, 0].tolist() for seed in (3, 3, 4)]
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize(
    ("n", "options", "message"),
    [
        (10, {"test_fraction": 1.0}, "test_fraction=1.0: expected a number, 0 <= test_fraction"),
        (10, {"test_fraction": -0.1}, "test_fraction=-0.1"),
        (10, {"validation_fraction": float("nan")}, "validation_fraction=nan"),
        (10, {"validation_fraction": "0.1"}, "validation_fraction='0.1'"),
        (10, {"test_fraction": 0.5, "validation_fraction": 0.5}, "at least one row"),
        (2, {}, "of 2 rows: expected at least one row to be left"),
        (10, {"seed": 1.5}, "seed=1.5"),
    ],
)
def test_split_rows_refuses(n: int, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        datasets.split_rows(*rows(n), **options)


def test_split_rows_refuses_unequal_lengths() -> None:
    with pytest.raises(ValueError, match="X has 10 rows and y 9"):
        datasets.split_rows(rows(10)[0], rows(9)[1])


# --- load


def test_load_digits_by_name() -> None:
    by_name, direct = datasets.load("digits", seed=3), datasets.load_digits(seed=3)
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(by_name, direct, strict=True))


def test_load_digits_with_fractions() -> None:
    split = datasets.load("digits", test_fraction=0.5, validation_fraction=0.0)
    assert [len(part[0]) for part in split] == [899, 0, 898]
    assert [len(part[0]) for part in datasets.load("digits", test_fraction=0.1)] == [1437, 180, 180]


def test_load_csv_cuts_and_takes_the_target(tmp_path) -> None:
    X, y = rows(20)
    np.savetxt(tmp_path / "a.csv", np.column_stack([y, X]), delimiter=",")
    split = datasets.load(tmp_path / "a.csv", target=0, test_fraction=0.25, seed=7)
    expected = datasets.split_rows(X, y, test_fraction=0.25, seed=7)
    assert [len(part[0]) for part in split] == [13, 2, 5]
    for got, wanted in zip(split, expected, strict=True):
        np.testing.assert_allclose(got[0], wanted[0])
        assert np.array_equal(got[1], wanted[1])


def test_load_npz_cuts(tmp_path) -> None:
    X, y = rows(20)
    np.savez(tmp_path / "a.npz", X=X, y=y)
    assert [len(part[0]) for part in datasets.load(str(tmp_path / "a.npz"))] == [14, 2, 4]


def test_load_npz_keeps_its_own_test_part(tmp_path) -> None:
    (X, y), (X_test, y_test) = rows(20), rows(5)
    path = tmp_path / "a.npz"
    np.savez(path, x_train=X, y_train=y, x_test=X_test, y_test=y_test)
    split = datasets.load(path, validation_fraction=0.25)
    assert [len(part[0]) for part in split] == [15, 5, 5]
    assert np.array_equal(split.test[0], X_test) and np.array_equal(split.test[1], y_test)
    both = np.concatenate([split.train[0], split.validation[0]])
    assert sorted(both[:, 0]) == list(range(20))
    with pytest.raises(ValueError, match=r"test_fraction=0.1.*does not apply"):
        datasets.load(path, test_fraction=0.1)


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        ("digit", {}, FileNotFoundError, "source='digit': expected 'digits', 'mnist', a folder"),
        ("", {}, ValueError, "source='': expected"),
        (".", {}, FileNotFoundError, "folder='.': no train-images-idx3-ubyte, .*expected the four"),
        ("none.csv", {}, FileNotFoundError, r"none.csv: no such file; expected a .csv file"),
        ("none.npz", {}, FileNotFoundError, r"none.npz: no such file; expected an .npz file"),
        ("none.pkl.gz", {}, FileNotFoundError, r"none.pkl.gz: no such file"),
        ("data.dat", {}, ValueError, "source='data.dat': expected"),
        ("digits", {"target": 2}, ValueError, "target=2: expected none"),
        ("mnist", {"test_fraction": 0.5}, ValueError, "test_fraction=0.5: expected none"),
        ("mnist", {"validation_fraction": 0}, ValueError, "validation_fraction=0: expected none"),
        ("digits", {"test_fraction": 2}, ValueError, "test_fraction=2"),
        ("digits", {"seed": "x"}, ValueError, "seed='x'"),
    ],
)
def test_load_refuses(
    source: str, options: dict, error: type, message: str, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.dat").write_text("1,2,3\n")
    with pytest.raises(error, match=message):
        datasets.load(source, **options)


def test_load_refuses_a_path_of_the_wrong_type() -> None:
    with pytest.raises(TypeError):
        datasets.load(3)  # type: ignore[arg-type]


def test_import_needs_no_optional_library() -> None:
    import subprocess

    code = (
        "import sys; from fastnn import datasets; "
        "print([m for m in ('sklearn', 'pooch', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
