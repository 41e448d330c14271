"""CSV and npz files: what is read, and what is refused with which words."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnn import datasets
from fastnn.datasets.split import Split


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# --- CSV: what is read


@pytest.mark.parametrize(
    "content",
    [
        "1,2.5,0\n3,-4e-1,1\n",
        "1,2.5,0\r\n3,-4e-1,1\r\n",
        "1,2.5,0\n3,-4e-1,1",  # no end of line at the end
        "\n1,2.5,0\n\n3,-4e-1,1\n\n",
        "width,height,class\n1,2.5,0\n3,-4e-1,1\n",
        '"width","height, in cm",class\n1,2.5,0\n3,-4e-1,1\n',
        '"1","2.5","0"\n3,-4e-1,1\n',
        " 1 , 2.5 , 0\n3,-4e-1,1.0\n",
        "\ufeff1,2.5,0\n3,-4e-1,1\n",
        "\ufeffwidth,height,class\n1,2.5,0\n3,-4e-1,1\n",
        "\n\nwidth,height,class\n1,2.5,0\n3,-4e-1,1\n",
    ],
)
def test_csv_reads(content: str, tmp_path: Path) -> None:
    X, y = datasets.load_csv(write(tmp_path / "a.csv", content))
    assert X.dtype == np.float64 and y.dtype == np.int64
    assert X.tolist() == [[1, 2.5], [3, -0.4]] and y.tolist() == [0, 1]


@pytest.mark.parametrize("target", [0, 1, 2, -1, -2, -3])
def test_csv_takes_any_column_as_the_target(target: int, tmp_path: Path) -> None:
    X, y = datasets.load_csv(write(tmp_path / "a.csv", "1,2,3\n4,5,6\n"), target)
    table = np.array([[1, 2, 3], [4, 5, 6]])
    assert np.array_equal(y, table[:, target])
    assert np.array_equal(X, np.delete(table, target, axis=1))


def test_csv_of_one_row(tmp_path: Path) -> None:
    X, y = datasets.load_csv(write(tmp_path / "a.csv", "1,2,3"))
    assert X.tolist() == [[1, 2]] and y.tolist() == [3]


def test_csv_header_can_be_forced(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "7,1,class\n1,2,0\n3,4,1\n")
    with pytest.raises(ValueError, match=r"line 1, column 3: 'class' is not a number"):
        datasets.load_csv(path)
    X, _ = datasets.load_csv(path, header=True)
    assert X.tolist() == [[1, 2], [3, 4]]
    numbers = write(tmp_path / "b.csv", "0,1,2\n1,2,0\n")
    assert datasets.load_csv(numbers, header=True)[0].tolist() == [[1, 2]]
    assert datasets.load_csv(numbers, header=False)[0].tolist() == [[0, 1], [1, 2]]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False),
            st.floats(allow_nan=False, allow_infinity=False),
            st.integers(0, 1000),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_csv_gives_back_the_numbers_that_were_written(tmp_path_factory, table) -> None:
    path = tmp_path_factory.getbasetemp() / "round.csv"
    write(path, "\n".join(",".join(map(repr, row)) for row in table))
    X, y = datasets.load_csv(path)
    assert X.tolist() == [list(row[:2]) for row in table]
    assert y.tolist() == [row[2] for row in table]


# --- CSV: what is refused


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no rows; expected at least one line of numbers"),
        ("\n\n\n", "no rows"),
        ("a,b,c\n", "no rows"),
        ("a,b,c\n\n", "no rows"),
        ("1,2,0\n1,2\n", "line 2: 2 columns; expected 3"),
        ("1,2,0\n\n1,2,3,4\n", "line 3: 4 columns; expected 3"),
        ("a,b,c\n1,2,0\n1,x,0\n", "line 3, column 2: 'x'; expected a finite number"),
        ("1,2,0\n1,,0\n", "line 2, column 2: ''; expected a finite number"),
        ("1,2,0\n   \n", "line 2: 1 columns; expected 3"),
        ("1,2,0\n1,nan,0\n", "line 2, column 2: 'nan'"),
        ("1,2,0\n1,-inf,0\n", "line 2, column 2: '-inf'"),
        ("1,2,0\n1,1e999,0\n", "line 2, column 2: '1e999'"),
        ("1,2,0\n1_0,2,0\n", "line 2, column 1: '1_0'"),
        ("1,2,0\n# 1,2,0\n", "line 2, column 1: '# 1'"),
        ("1,x,0\n1,2,0\n", "line 1, column 2: 'x' is not a number"),
        ("150,4,setosa\n1,2,0\n", "line 1, column 3: 'setosa' is not a number"),
        ("1\n2\n", "one column; expected features and a label"),
        (
            "1|2|0\n3|4|1\n",
            "line 2, column 1: '3|4|1'; expected a finite number".replace("|", r"\|"),
        ),
        ("a\n1;2;0\n", "line 2, column 1: '1;2;0'"),
        ("1,2,0.5\n", r"line 1: label 0.5 \(target=-1\); expected a whole number"),
        ("a,b,c\n1,2,0\n\n1,2,-1\n", r"line 4: label -1.0"),
        ("1,2,1e300\n", "line 1: label 1e\\+300"),
        (b"1,2,0\n1,\xff,0\n", "expected UTF-8 text"),
        (b"1,2,0\n1,\x00,0\n", "line"),
        (b"\x1f\x8b\x08\x00" + bytes(20), "expected UTF-8 text"),
        ('1,2,"0\n1,2,1\n', "line 2, column 3: '0.*1,2,1.*' is not a number"),
    ],
)
def test_csv_refuses(content: str | bytes, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load_csv(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("target", [3, -4, 1.0, None, "label", True])
def test_csv_refuses_a_target_that_is_no_column(target, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "1,2,0\n3,4,1\n")
    with pytest.raises(ValueError, match="expected a whole number from -3 to 2"):
        datasets.load_csv(path, target)


def test_csv_refuses_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        datasets.load_csv(tmp_path / "none.csv")
    with pytest.raises(ValueError, match="not an ordinary file"):
        datasets.load_csv(tmp_path)


# --- npz: what is read


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    ("X_dtype", "loaded"),
    [
        ("float32", "float32"),
        (">f4", "float32"),
        ("float64", "float64"),
        ("float16", "float64"),
        ("int32", "float64"),
        ("bool", "float64"),
    ],
)
def test_npz_reads(save, X_dtype: str, loaded: str, tmp_path: Path) -> None:
    X, y = np.arange(12).reshape(4, 3).astype(X_dtype), np.array([0, 2, 1, 1], dtype="u1")
    save(tmp_path / "a.npz", X=X, y=y)
    X_read, y_read = datasets.load_npz(tmp_path / "a.npz")
    assert X_read.dtype == np.dtype(loaded) and y_read.dtype == np.int64
    assert X_read.flags.c_contiguous and X_read.flags.writeable
    assert np.array_equal(X_read, X) and np.array_equal(y_read, y)


def test_npz_takes_bytes_as_pixels_and_flattens_images(tmp_path: Path) -> None:
    X = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) * 10
    np.savez(tmp_path / "a.npz", X=X, y=[0, 1])
    X_read, _ = datasets.load_npz(tmp_path / "a.npz")
    assert X_read.dtype == np.float32
    assert np.array_equal(X_read, X.reshape(2, 12) / 256)


def test_npz_keeps_fortran_order_straight(tmp_path: Path) -> None:
    X = np.asfortranarray(np.arange(12.0).reshape(4, 3))
    np.savez(tmp_path / "a.npz", X=X, y=np.zeros(4))
    assert np.array_equal(datasets.load_npz(tmp_path / "a.npz")[0], X)


@pytest.mark.parametrize("y", [[2, 0, 1], [[2], [0], [1]], [[0, 0, 1], [1, 0, 0], [0, 1, 0]]])
@pytest.mark.parametrize("dtype", ["int64", "float32", "uint8"])
def test_npz_labels_may_be_columns_or_one_hot(y, dtype: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.ones((3, 2)), y=np.array(y, dtype))
    assert datasets.load_npz(tmp_path / "a.npz")[1].tolist() == [2, 0, 1]


def test_npz_as_keras_writes_mnist(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)
    labels = np.arange(7, dtype=np.uint8)
    parts = {"x_train": images[:5], "y_train": labels[:5], "x_test": images[5:]}
    np.savez(tmp_path / "a.npz", **parts, y_test=labels[5:])
    split = datasets.load_npz(tmp_path / "a.npz")
    assert isinstance(split, Split)
    assert split.train[0].shape == (5, 784) and split.test[1].tolist() == [5, 6]
    assert split.validation[0].shape == (0, 784) and split.validation[1].shape == (0,)
    assert np.array_equal(split.test[0], images[5:].reshape(2, 784) / 256)


# --- npz: what is refused

GOOD = {"X": np.ones((4, 2)), "y": np.zeros(4, int)}
KERAS = {
    "x_train": np.ones((4, 2)),
    "y_train": np.zeros(4),
    "x_test": np.ones((3, 2)),
    "y_test": np.zeros(3),
}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "holds nothing; expected arrays X and y, or x_train"),
        ({"X": GOOD["X"]}, "holds X; expected arrays X and y"),
        ({"a": np.ones(3), "y": GOOD["y"]}, "holds a, y; expected"),
        ({**GOOD, "y": np.zeros(5)}, "X and y: 4 rows but 5 labels"),
        ({**GOOD, "X": np.ones(4)}, r"X: expected an array \(rows, features\), got shape \(4,\)"),
        ({**GOOD, "X": np.array(1.0)}, r"X: expected an array \(rows, features\), got shape \(\)"),
        ({"X": np.ones((0, 2)), "y": np.zeros(0)}, r"got shape \(0, 2\)"),
        ({**GOOD, "X": np.ones((4, 0))}, r"got shape \(4, 0\)"),
        ({**GOOD, "X": np.array([[1, 2], [3, 4], [5, np.nan], [7, 8]])}, "X: row 2 holds NaN"),
        ({**GOOD, "X": np.full((4, 2), np.inf)}, "X: row 0 holds NaN or infinity"),
        ({**GOOD, "X": np.full((4, 2), "a")}, "X: dtype <U1; expected numbers"),
        ({**GOOD, "X": np.ones((4, 2), complex)}, "X: dtype complex128; expected numbers"),
        ({**GOOD, "X": np.full((4, 2), None)}, "X: dtype object; expected numbers"),
        ({**GOOD, "X": np.ones(4, [("a", float), ("b", float)])}, "X: dtype .*expected numbers"),
        ({**GOOD, "y": np.full(4, 0.5)}, "y: row 0 is 0.5; expected labels whole numbers"),
        ({**GOOD, "y": np.array([0, 1, -1, 0])}, "y: row 2 is -1; expected labels"),
        ({**GOOD, "y": np.array([0, np.nan, 1, 0])}, "y: row 1 is nan"),
        ({**GOOD, "y": np.zeros((4, 2))}, "y: shape .* one-hot rows, but row 0"),
        ({**GOOD, "y": np.array([[1, 0], [0, 1], [0.5, 0.5], [1, 0]])}, "one-hot rows, but row 2"),
        ({**GOOD, "y": np.zeros((4, 0))}, r"got shape \(4, 0\)"),
        ({**GOOD, "y": np.zeros((4, 1, 1))}, r"got shape \(4, 1, 1\)"),
        ({**GOOD, "y": np.array(0)}, r"got shape \(\)"),
        ({**KERAS, "x_test": np.ones((3, 5))}, "2 features in x_train but 5 in x_test"),
        ({**KERAS, "y_test": np.zeros(2)}, "x_test and y_test: 3 rows but 2 labels"),
    ],
)
def test_npz_refuses(arrays: dict, message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load_npz(tmp_path / "a.npz")
    assert str(tmp_path / "a.npz") in str(caught.value)


def test_npz_never_unpickles(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    np.savez(tmp_path / "a.npz", X=np.array([[Bomb()]], object), y=[0])
    with pytest.raises(ValueError, match="dtype object; expected numbers"):
        datasets.load_npz(tmp_path / "a.npz")
    assert not (tmp_path / "ran").exists()


def npz_with(path: Path, X_member: bytes, compression: int = zipfile.ZIP_STORED) -> Path:
    y_member = io.BytesIO()
    np.save(y_member, np.zeros(4))
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("X.npy", X_member)
        archive.writestr("y.npy", y_member.getvalue())
    return path


def npy(header: str, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (b"", "X: damaged header"),
        (b"\x93NUMPY", "X: damaged header"),
        (b"PK\3\4 not an array at all", "X: damaged header"),
        (npy("nonsense"), "X: damaged header"),
        (npy("(" * 9000), "X: damaged header"),
        (npy("{}", version=b"\7\0"), "X: damaged header"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-4, 2), }"), "expected at most"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4, 2**9), }"), "damaged header"),
        (
            npy(f"{{'descr': '<f8', 'fortran_order': False, 'shape': (4, {10**15}), }}"),
            r"X: shape \(4, 1000000000000000\); expected at most 2147483648 bytes",
        ),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4, 2), }", bytes(63)),
            r"X: damaged; expected 64 bytes for float64 of shape \(4, 2\)",
        ),
        (
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4, 2), }", bytes(65)),
            "X: damaged; expected 64 bytes",
        ),
    ],
)
def test_npz_refuses_damaged_members(member: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        datasets.load_npz(npz_with(tmp_path / "a.npz", member))


def test_npz_refuses_compression_that_numpy_does_not_write(tmp_path: Path) -> None:
    path = npz_with(tmp_path / "a.npz", npy("{}"), zipfile.ZIP_BZIP2)
    with pytest.raises(ValueError, match=r"unknown compression; expected a file of numpy\.savez"):
        datasets.load_npz(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_cut_anywhere_is_refused(save, tmp_path: Path) -> None:
    save(tmp_path / "whole.npz", **GOOD)
    whole = (tmp_path / "whole.npz").read_bytes()
    for length in range(len(whole)):
        path = write(tmp_path / "cut.npz", whole[:length])
        with pytest.raises(ValueError, match=r"cut\.npz"):
            datasets.load_npz(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_with_one_wrong_byte_of_data_is_refused(save, tmp_path: Path) -> None:
    save(tmp_path / "a.npz", X=np.random.default_rng(0).normal(size=(4, 2)), y=np.zeros(4, int))
    whole = bytearray((tmp_path / "a.npz").read_bytes())
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        end_of_X = archive.getinfo("X.npy").header_offset + 30 + archive.infolist()[0].compress_size
    whole[end_of_X - 4] ^= 0x10
    with pytest.raises(ValueError, match=r"bad\.npz"):
        datasets.load_npz(write(tmp_path / "bad.npz", bytes(whole)))
