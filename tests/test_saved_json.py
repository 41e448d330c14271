"""The reader of saved networks in JSON: right as Python's own, in little memory."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import textwrap
import threading
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import assert_one_line, refused

import fastnn
from fastnn._common.checks import physical_memory
from fastnn._model.saved_json import Document, loads
from fastnn._model.table_info import TableInfo
from fastnn.book import network2

LISTS = ("weights", "running")


def read(text: str | bytes) -> Document:
    return Document(io.BytesIO(text.encode() if isinstance(text, str) else text), LISTS)


def numbers(document: Document, name: str, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    arrays = [np.zeros(shape) for shape in shapes]
    document.check(name, list(shapes))
    document.fill(name, arrays)
    return arrays


# --- as Python reads it

small = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


@given(
    st.dictionaries(st.text().filter(lambda key: key not in LISTS), small, max_size=5),
    st.booleans(),
    st.sampled_from([None, 0, 1, "\t"]),
)
def test_what_is_small_is_read_as_by_python(content: Any, ascii_only: bool, indent: Any) -> None:
    text = json.dumps(content, ensure_ascii=ascii_only, indent=indent)
    try:
        raw = text.encode()
    except UnicodeEncodeError:  # half of a pair, which UTF-8 has not
        return
    assert read(raw).values == json.loads(text)
    assert read(b"\xef\xbb\xbf \n" + raw + b"\r\n\t ").values == json.loads(text)


shapes = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), max_size=4)


@given(st.data(), shapes, st.sampled_from([None, 1]), st.booleans())
def test_numbers_are_read_as_by_python(data: Any, shapes: Any, indent: Any, tight: bool) -> None:
    number = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    matrices = [
        [[data.draw(number) for _ in range(columns)] for _ in range(rows)]
        for rows, columns in shapes
    ]
    content = {"a": ["x]", '"'], "weights": matrices, "b": {"c": "]"}}
    text = json.dumps(content, indent=indent, separators=(",", ":") if tight else None)
    for made, matrix in zip(numbers(read(text), "weights", *shapes), matrices, strict=True):
        np.testing.assert_array_equal(made, np.array(matrix, dtype=np.float64))


def test_numbers_are_read_over_many_pieces() -> None:
    values = np.random.default_rng(0).normal(size=(3, 30_000))
    text = json.dumps({"running": values.tolist()})
    assert len(text) > 10 * 2**16
    array = np.zeros((3, 30_000))
    document = read(text)
    document.check("running", (3, 30_000))
    document.fill("running", [array])
    np.testing.assert_array_equal(array, values)


# --- what is none

WRONG = {
    "no object": "[1]",
    "nothing": "",
    "blank": " \n",
    "half": '{"a": 1',
    "half a text": '{"a": "b',
    "half a key": '{"a',
    "no key": "{1: 2}",
    "no colon": '{"a" 1}',
    "no value": '{"a": }',
    "a comma at the end": '{"a": 1,}',
    "no comma": '{"a": 1 "b": 2}',
    "more": '{"a": 1} {',
    "twice": '{"a": 1, "a": 1}',
    "twice inside": '{"a": {"b": 1, "b": 2}}',
    "twice in a list": '{"a": [{"b": 1, "b": 2}]}',
    "twice in other letters": '{"a": 1, "\\u0061": 1}',
    "a list twice": '{"weights": [1], "weights": [1]}',
    "not a number": '{"a": NaN}',
    "infinity": '{"a": [-Infinity]}',
    "a control character": '{"a": "\x01"}',
    "no UTF-8": b'{"a": "\xff"}',
    "brackets that do not match": '{"a": [1}]',
    "a word": '{"a": yes}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "deep": '{"a": ' + "[" * 100_000,
    "deep and closed": '{"a": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "deep mappings": '{"a":' * 50_000,
    "digits": '{"a": ' + "1" * 5000 + "}",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    if text == WRONG["digits"] and not hasattr(sys, "get_int_max_str_digits"):
        pytest.skip("this Python reads any number of digits")
    with pytest.raises((ValueError, RecursionError)) as caught:
        read(text)
    if isinstance(caught.value, ValueError):
        assert_one_line(caught.value)


NESTINGS = {
    "one fewer": "[[1, 2], [3]]",
    "one more": "[[1, 2], [3, 4, 5]]",
    "a row more": "[[1, 2], [3, 4], [5, 6]]",
    "none": "[]",
    "empty rows": "[[], []]",
    "flat": "[1, 2, 3, 4]",
    "deeper": "[[[1, 2], [3, 4]]]",
    "a number before its list": "[1[, 2], [3, 4]]",
    "a number after its list": "[[1, ]2, [3, 4]]",
    "between lists": "[[1, 2] 5, [3, 4]]",
    "at the end": "[[1, 2], [3, 4] 5]",
    "two numbers": "[[1 1, 2], [3, 4]]",
    "no number": "[[1, ], [3, 4]]",
    "true": "[[true, 2], [3, 4]]",
    "null": "[[null, 2], [3, 4]]",
    "a text": '[["1", 2], [3, 4]]',
    "a text later": '[[1, 2], ["3", 4]]',
    "a mapping": '[[1, 2], {"3": 4}]',
    "NaN": "[[NaN, 2], [3, 4]]",
    "Infinity": "[[-Infinity, 2], [3, 4]]",
    "a plus": "[[+1, 2], [3, 4]]",
    "a zero before": "[[01, 2], [3, 4]]",
    "a point alone": "[[., 2], [3, 4]]",
    "no digits": "[[1e, 2], [3, 4]]",
    "too large": "[[1e999, 2], [3, 4]]",
    "too large, whole": f"[[{10**400}, 2], [3, 4]]",
    "another end": "[[1, 2], [3, 4]}",
    "a list after it": "[[1, 2], [3, 4]], [5]",
    "no list": "1",
    "a word": '"[[1, 2], [3, 4]]"',
}


@pytest.mark.parametrize("last", [True, False], ids=["last", "first"])
@pytest.mark.parametrize("value", NESTINGS.values(), ids=NESTINGS)
def test_lists_of_another_nesting_are_refused(value: str, last: bool) -> None:
    right = "[[1, 2], [3, 4]]"
    for given_value in (right, value):
        text = '{"weights": %s}' if last else '{"weights": %s, "a": [1, "x"]}'
        try:
            document = read(text % given_value)
            document.check("weights", (2, 2))
            array = np.zeros((2, 2))
            document.fill("weights", [array])
        except ValueError as error:
            assert given_value is value
            assert_one_line(error)
        else:
            assert given_value is right
            np.testing.assert_array_equal(array, [[1, 2], [3, 4]])


def test_numbers_beyond_float32_are_refused() -> None:
    document = read('{"running": [1e39, 1]}')
    with refused(ValueError, "running: expected numbers that are finite in float32, got 1e\\+39"):
        document.fill("running", [np.zeros(2, dtype=np.float32)])


def test_loads_hears_of_keys_twice_at_any_depth() -> None:
    assert loads('[{"a": {"b": 1}}, {"a": 2}]') == [{"a": {"b": 1}}, {"a": 2}]
    with pytest.raises(ValueError, match="the key 'b' is there twice"):
        loads('[{"a": {"b": 1, "c": 2, "b": 1}}]')


# --- memory


def peak(load: Any, path: Path) -> int:
    """Return the most memory taken while a file is loaded, or refused in one line."""
    fastnn.load(small_file(path))  # what is imported and kept
    tracemalloc.start()
    try:
        try:
            load(path)
        except ValueError as error:
            assert_one_line(error)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def small_file(path: Path) -> Path:
    small = path.with_name("small.json")
    fastnn.Network([1, 1], rng=0).save(small)
    return small


def listing(*parts: str, times: int = 1) -> str:
    """Return a list in JSON, without a blank, of the parts so many times."""
    return f"[{','.join(parts * times)}]"


N = 150_000
HUNGRY = {
    "empty lists": f'{{"sizes": {listing("[]", times=N)}}}',
    "empty lists for weights": f'{{"sizes": [9, 9], "weights": {listing("[]", times=N)}}}',
    "empty mappings": f'{{"sizes": {listing("{}", times=N)}}}',
    "mappings": f'{{"table": {listing(json.dumps({"a": 1}), times=N)}}}',
    "short texts": f'{{"sizes": {listing(json.dumps("ab"), times=N)}}}',
    "small numbers": f'{{"sizes": {listing("257", times=N)}}}',
    "small floats": f'{{"sizes": {listing("1e1", times=N)}}}',
    "deep": '{"sizes": ' + "[" * N + "]" * N + "}",
    "many keys": "{" + ",".join(f'"{i:x}":0' for i in range(N)) + "}",
    "a character of four bytes": '{"sizes": "' + "a" * N + '\U0001f600"}',
    "escapes": '{"sizes": "' + "\\n" * N + '"}',
    "backslashes": '{"sizes": "' + "\\\\" * N + '"}',
    "sizes that lie": '{"sizes": [100000, 100000], "cost": "", "biases": [], '
    f'"weights": {listing("0", times=N)}}}',
    "zeros": '{"sizes": [1000, 500], "cost": "QuadraticCost", '
    f'"biases": [{listing("[0]", times=500)}], '
    f'"weights": [{listing(listing("0", times=1000), times=500)}]}}',
}


@pytest.mark.parametrize("load", [fastnn.load, network2.load], ids=["ours", "the-books"])
@pytest.mark.parametrize("text", HUNGRY.values(), ids=HUNGRY)
def test_no_file_takes_ten_times_its_size(tmp_path: Path, text: str, load: Any) -> None:
    path = tmp_path / "net.json"
    path.write_text(text, encoding="utf-8")
    # The book's own constructor draws a whole network first.
    drawn = 24 * 501_000 if load is network2.load and text is HUNGRY["zeros"] else 0
    assert peak(load, path) < 10 * path.stat().st_size + 2**20 + drawn


def test_zeros_are_loaded_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(HUNGRY["zeros"])
    assert not fastnn.load(tmp_path / "net.json").parameters.any()


def test_a_table_of_many_columns_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    net = fastnn.Network([60_000, 1], initializer="zeros", rng=0)
    net.table = TableInfo("regression", (), tuple(f"column {i:030}" for i in range(60_000)))
    net.save(path)
    assert path.stat().st_size > 2**21
    assert fastnn.load(path).table == net.table


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_a_large_network_takes_little_more_than_itself(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    net = fastnn.Network([600, 500, 10], rng=0)
    net.save(path)
    assert peak(fastnn.load, path) < 5 * path.stat().st_size


def test_an_archive_of_very_many_entries_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(5000):
            archive.writestr(str(i), b"")
    assert peak(fastnn.load, path) < 2**20
    with pytest.raises(ValueError, match="its directory has"):
        fastnn.load(path)


# --- what is no ordinary file

LOADS = [fastnn.load, network2.load]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("load", LOADS)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, load: Any) -> None:
    os.mkfifo(tmp_path / "net.json")
    found: list[BaseException] = []

    def try_it() -> None:
        try:
            load(tmp_path / "net.json")
        except ValueError as error:
            found.append(error)

    thread = threading.Thread(target=try_it, daemon=True)
    thread.start()
    thread.join(timeout=20)
    assert not thread.is_alive() and "not an ordinary file" in str(found[0])


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no such device")
@pytest.mark.parametrize("load", LOADS)
def test_a_device_is_refused(load: Any) -> None:
    for device in ("/dev/zero", "/dev/null"):
        with refused(ValueError, f"{device}: not an ordinary file"):
            load(device)


def test_a_file_larger_than_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    with path.open("wb") as file:
        file.write(b'{"sizes": ')
        try:
            file.truncate(2 * physical_memory())
        except OSError:
            pytest.skip("the file system takes no such file")
    with refused(ValueError, ".*more than this machine's memory"):
        fastnn.load(path)


def test_a_name_with_escape_sequences_is_shown_escaped(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[31mred\n.json"
    path.write_text("no network")
    with pytest.raises(ValueError, match=r"\\x1b\[31mred\\n\.json: expected") as caught:
        fastnn.load(path)
    assert_one_line(caught.value)


def test_it_is_read_within_a_limit_of_memory(tmp_path: Path) -> None:
    """In a process of its own, so that what libraries take outside Python is counted, too."""
    resource = pytest.importorskip("resource")
    del resource
    path = tmp_path / "net.json"
    path.write_text(f'{{"sizes": {listing("[]", times=4_000_000)}}}')
    program = f"""
        import resource
        import fastnn

        fastnn.load({str(small_file(path))!r})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            fastnn.load({str(path)!r})
        except ValueError as error:
            print(error)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    message, taken = run.stdout.splitlines()
    assert "more lists and names than a network needs" in message
    assert int(taken) < 10 * path.stat().st_size / 1024
