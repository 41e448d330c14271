"""read_idx: every type and shape comes back; whatever is not an idx file is refused."""

from __future__ import annotations

import gzip
import math
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastnn import datasets

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    code = CODES[array.dtype.str[1:]]
    header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def header(code: int, *sizes: int) -> bytes:
    return bytes([0, 0, code, len(sizes)]) + np.array(sizes, ">u4").tobytes()


@pytest.fixture
def write(tmp_path: Path):
    def write_file(content: bytes, name: str = "data.idx") -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write_file


arrays = st.sampled_from(sorted(CODES)).flatmap(
    lambda code: hnp.arrays(
        np.dtype(code), hnp.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=4)
    )
)


@settings(max_examples=200, deadline=None)
@given(arrays, st.booleans())
def test_round_trip(tmp_path_factory, array: np.ndarray, packed: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "round.idx"
    path.write_bytes(gzip.compress(idx_bytes(array), 1) if packed else idx_bytes(array))
    read = datasets.read_idx(path)
    assert read.dtype == array.dtype and read.dtype.isnative and read.shape == array.shape
    assert read.tobytes() == array.tobytes()  # bit for bit, NaN included
    assert read.flags.writeable and read.flags.c_contiguous


def test_known_bytes(write) -> None:
    content = bytes.fromhex("00000b02 00000001 00000003 0001 fffe 0100".replace(" ", ""))
    assert datasets.read_idx(write(content)).tolist() == [[1, -2, 256]]


def test_compression_is_seen_in_the_content_not_the_name(write) -> None:
    content = idx_bytes(np.arange(5, dtype="u1"))
    assert datasets.read_idx(write(content, "plain.gz")).tolist() == [0, 1, 2, 3, 4]
    assert datasets.read_idx(str(write(gzip.compress(content), "packed"))).tolist()[-1] == 4


@pytest.mark.parametrize("packed", [False, True])
def test_cut_anywhere_is_refused(write, packed: bool) -> None:
    whole = idx_bytes(np.arange(6, dtype="i2").reshape(2, 3))
    for length in range(len(whole)):
        part = gzip.compress(whole[:length]) if packed else whole[:length]
        with pytest.raises(ValueError, match=r"data\.idx: cut short"):
            datasets.read_idx(write(part))


def test_gzip_cut_anywhere_is_refused(write) -> None:
    whole = gzip.compress(idx_bytes(np.arange(6, dtype="i2").reshape(2, 3)))
    for length in range(len(whole)):
        with pytest.raises(ValueError, match=r"data\.idx: "):
            datasets.read_idx(write(whole[:length]))


def test_gzip_with_any_wrong_byte_of_data_or_sum_is_refused(write) -> None:
    whole = gzip.compress(idx_bytes(np.random.default_rng(0).integers(0, 256, 50, np.uint8)))
    for place in range(10, len(whole)):  # the ten bytes before hold the time and the system
        bad = bytearray(whole)
        bad[place] ^= 0x01
        with pytest.raises(ValueError, match=r"data\.idx: "):
            datasets.read_idx(write(bytes(bad)))


@pytest.mark.parametrize("packed", [False, True])
def test_bytes_left_over_are_refused(write, packed: bool) -> None:
    content = idx_bytes(np.arange(6, dtype="u1")) + b"\0"
    with pytest.raises(ValueError, match=r"with more than 6 bytes of data.*expected exactly 6"):
        datasets.read_idx(write(gzip.compress(content) if packed else content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut short in its magic number"),
        (b"\0\0\x08", "cut short in its magic number"),
        (b"\0\1\x08\1" + bytes(5), "magic number 0x00010801; expected an idx file"),
        (b"\1\0\x08\1" + bytes(5), "magic number 0x01000801"),
        (b"\0\0\x0a\1" + bytes(5), "magic number 0x00000a01"),
        (b"\0\0\x0f\1" + bytes(5), "magic number 0x00000f01"),
        (b"\0\0\x08\0" + bytes(1), "magic number 0x00000800; .* 1 to 32 axes"),
        (b"\0\0\x08\x21" + bytes(200), "magic number 0x00000821"),
        (b"\0\0\x08\3" + bytes(11), "cut short in its sizes; expected 3 axes"),
        (b"%PDF-1.7", "magic number 0x25504446"),
        (b"\x89PNG\r\n", "magic number 0x89504e47"),
        (header(0x08, 2**32 - 1), r"cut short at 0 bytes .*expected exactly 4294967295"),
        (header(0x0E, *[2**32 - 1] * 3), "declares float64 of shape .*expected at most"),
        (header(0x0E, *[2**32 - 1] * 32), "declares float64 of shape .*expected at most"),
        (header(0x08, 0, *[2**32 - 1] * 3), "declares uint8 of shape .*expected at most"),
    ],
)
def test_refuses(write, content: bytes, message: str) -> None:
    path = write(content)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.read_idx(path)
    assert str(path) in str(caught.value)


def test_packed_data_beyond_the_bound_are_refused(write) -> None:
    path = write(gzip.compress(idx_bytes(np.zeros(1000, "u1"))))
    assert len(datasets.read_idx(path, max_bytes=1000)) == 1000
    with pytest.raises(ValueError, match=r"shape \(1000,\); expected at most 999 bytes"):
        datasets.read_idx(path, max_bytes=999)
    with pytest.raises(ValueError, match="expected at most 2147483648 bytes"):
        datasets.read_idx(write(gzip.compress(header(0x08, 2**31 + 1))))


@pytest.mark.parametrize("kind", ["declares 2 GB, holds none", "declares 9 bytes, holds 500 MB"])
def test_memory_follows_what_is_there(write, kind: str) -> None:
    if kind.startswith("declares 2 GB"):
        path = write(gzip.compress(header(0x08, 2**31)))
    else:
        # gzip members may follow each other: 500 of them make a bomb quickly.
        path = write(gzip.compress(header(0x08, 9)) + gzip.compress(bytes(2**20)) * 500)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="bytes of data"):
            datasets.read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_what_is_packed_too_tightly_is_refused_unless_it_is_asked_for(write) -> None:
    whole = idx_bytes(np.zeros(40 * 2**20, "u1"))
    path = write(gzip.compress(whole))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"unpacks to more than .* max_bytes allows more"):
            datasets.read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 10 * path.stat().st_size + 24 * 2**20
    finally:
        tracemalloc.stop()
    assert datasets.read_idx(path, max_bytes=len(whole)).nbytes == 40 * 2**20


@pytest.mark.parametrize("bad", [-1, 1.5, True, "1", 10**400, None])
def test_bounds_that_are_none(write, bad) -> None:
    path = write(idx_bytes(np.zeros(10, "u1")))
    if bad is None:
        assert len(datasets.read_idx(path, max_bytes=bad)) == 10
        return
    with pytest.raises((TypeError, ValueError), match=r"\Amax_bytes: expected"):
        datasets.read_idx(path, max_bytes=bad)


@pytest.mark.parametrize("bad", [None, 3, 1.5, [], b"\0", "a\0b", object()])
def test_names_that_are_none(bad) -> None:
    with pytest.raises((TypeError, ValueError), match=r"\Apath: expected the name of an idx file"):
        datasets.read_idx(bad)


def test_a_name_with_escape_sequences_is_shown_escaped(write) -> None:
    with pytest.raises(ValueError, match=r"\\x1b\[31mred\\n: cut short") as caught:
        datasets.read_idx(write(b"", "\x1b[31mred\n"))
    assert str(caught.value).isprintable()


def test_what_is_no_ordinary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file; expected an idx file"):
        datasets.read_idx(tmp_path / "none")
    with pytest.raises(ValueError, match="not an ordinary file; expected an idx file"):
        datasets.read_idx(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")  # would block for ever if it were opened
        with pytest.raises(ValueError, match="not an ordinary file"):
            datasets.read_idx(tmp_path / "pipe")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_is_read_or_refused_and_nothing_else(tmp_path_factory, data) -> None:
    content = bytearray(idx_bytes(np.arange(12, dtype="i4").reshape(3, 4)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.idx"
    path.write_bytes(content)
    try:
        read = datasets.read_idx(path)
    except ValueError as error:
        assert "damaged.idx" in str(error)
    else:
        sizes = np.frombuffer(content, ">u4", content[3], offset=4)
        assert read.shape == tuple(sizes)
        assert read.nbytes == math.prod(read.shape) * read.itemsize
