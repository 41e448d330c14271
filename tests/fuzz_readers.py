"""Damaged files for every reader: each must be refused in one line, or be read right.

    python tests/fuzz_readers.py --reader json --mutants 20000 --seed 0

A mutant is a sound file damaged by ``mutations``; its number and the seed make it again. It passes
if the reader raises one clean line (ValueError or OSError, the file named in it), or returns what
keeps the promises of that reader, within 5 seconds of processor time and in memory of 10 times the
file and 20 MB. Processes of their own read them, so that a crash, a hang and a limit are seen, too.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import foreign_files
import mutations
import numpy as np

import fastnn
from fastnn import convert, datasets
from fastnn._common.printable import printable
from fastnn._model import storage
from fastnn.book import network2
from fastnn.datasets.split import Split

SECONDS, TIMES, SPARE = 5.0, 10, 20e6
# How long a process may be silent, and how much memory it may add, before it is ended.
SILENT, MOST_MEMORY = 120, 2**31


@dataclass(frozen=True)
class Reader:
    """A reader, sound files for it, ways to damage them, and what it promises.

    Attributes
    ----------
    read : callable
        Given the path.
    check : callable
        Given the content and what was read of it, raises AssertionError if that is wrong.
    files : callable
        Returns pairs (ending, content).
    ways : list of callables
    spare : float
        Bytes that it may take beside ten times the file.
    """

    read: Callable[[Path], Any]
    check: Callable[[bytes, Any], None]
    files: Callable[[], list[tuple[str, bytes]]]
    ways: list[mutations.Mutate]
    spare: float = SPARE


# --- saved networks


def _networks() -> list[fastnn.Network]:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 3)), np.arange(12) % 2
    nets = []
    for i, (kind, optimizer, normalization) in enumerate(
        [
            ("PCG64", "adam", "batch"),
            ("MT19937", "rprop", None),
            ("Philox", fastnn.optimizers.SGD(0.9), "layer"),
            ("SFC64", "lbfgs", None),
            ("PCG64DXSM", "rmsprop", fastnn.normalization.GroupNorm(groups=2)),
        ]
    ):
        net = fastnn.Network(
            [3, 4, 2],
            fastnn.LogLikelihoodCost if i % 2 else fastnn.CrossEntropyCost,
            activation="tanh",
            normalization=normalization,
            dropout=0.0 if optimizer == "lbfgs" else 0.25,
            dtype="float32" if i == 2 else "float64",
            rng=np.random.Generator(getattr(np.random, kind)(i)),
        )
        plateau = fastnn.schedules.HalveOnPlateau(1, monitor="training_cost")
        net.fit(X, y, epochs=2, optimizer=optimizer, schedule=None if i == 3 else plateau,
                batch_size=12)  # fmt: skip
        nets.append(net)
    nets.append(fastnn.Network([3, 2], fastnn.costs.HuberCost(2.0), rng=1))
    nets.append(fastnn.Network([3, 3, 2], initializer="lsuv", rng=1))
    return nets


def _saved_json() -> list[tuple[str, bytes]]:
    files = [(".json", storage.to_json(net)) for net in _networks()]
    content = json.loads(files[-1][1])
    book = {key: content[key] for key in ("sizes", "weights", "biases", "cost")}
    return [*files, ("", json.dumps(book).encode())]


def _book_json() -> list[tuple[str, bytes]]:
    nets = [fastnn.Network(sizes, rng=0) for sizes in ([3, 2], [3, 4, 2], [1, 1, 1])]
    ours = [(".json", storage.to_json(net)) for net in nets]
    kept = ("sizes", "weights", "biases", "cost")
    contents = [json.loads(content) for _, content in ours]
    books = [{key: content[key] for key in kept} for content in contents]
    return [*ours, *(("", json.dumps(book).encode()) for book in books)]


def _saved_npz() -> list[tuple[str, bytes]]:
    return [(".npz", storage.to_npz(net)) for net in _networks()]


def _check_network(content: bytes, net: Any) -> None:
    vectors = net.parameters, net.running_statistics, net.training_state.slots
    assert all(np.isfinite(vector).all() for vector in vectors), "not finite"
    assert all((each >= 0).all() for each in net.running_variances), "a negative variance"
    again = storage.to_json(net)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "again.json"
        path.write_bytes(again)
        assert storage.to_json(fastnn.load(path)) == again, "saved, it comes back otherwise"
    X = np.linspace(-1, 1, 4 * net.sizes[0]).reshape(4, -1)
    assert net.predict(X).shape == (4, net.sizes[-1]), "it predicts another shape"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:  # with what was loaded of generators and optimizers
            optimizer = net.training_state.optimizer or "sgd"
            net.fit(
                X, np.full((4, net.sizes[-1]), 0.5), epochs=2, batch_size=4, optimizer=optimizer
            )
        except ValueError as error:
            assert str(error).startswith(("X:", "batch_size:", "optimizer:")), f"fit: {error}"


def _check_book(content: bytes, net: Any) -> None:
    read = json.loads(content)
    by_python = [*read["weights"], *read["biases"]]
    for ours, values in zip([*net.weights, *net.biases], by_python, strict=True):
        np.testing.assert_array_equal(ours, np.array(values, dtype=np.float64))


# --- data


def _idx(array: np.ndarray) -> bytes:
    codes = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    header = bytes([0, 0, codes[array.dtype.str[1:]], array.ndim])
    big = array.astype(array.dtype.newbyteorder(">"))
    return header + np.array(array.shape, ">u4").tobytes() + big.tobytes()


def _idx_files() -> list[tuple[str, bytes]]:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    counts = np.arange(6, dtype="i4").reshape(1, 2, 3)
    arrays = [
        images,
        np.arange(10, dtype="u1"),
        np.ones((2, 3), "f8"),
        counts,
        np.zeros((0, 4), "f4"),
    ]
    plain = [_idx(array) for array in arrays]
    return [("", each) for each in plain] + [(".gz", gzip.compress(each, 1)) for each in plain]


def _unpacked(content: bytes) -> bytes:
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _check_idx(content: bytes, array: Any) -> None:
    assert _idx(array) == _unpacked(content), "it is not what the file holds"


def _rows(n: int = 6) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.random.default_rng(0).integers(0, 256, (n, 784), np.uint8)
    return (pixels * np.float32(1 / 256)), np.arange(n) % 10


def _pickles() -> list[tuple[str, bytes]]:
    parts = tuple(_rows(n) for n in (3, 2, 1))
    plain = [pickle.dumps(parts, protocol) for protocol in (1, 2, 3, 4)]
    return [(".pkl", each) for each in plain] + [
        (".pkl.gz", gzip.compress(each, 1)) for each in plain
    ]


def _check_split(content: bytes, split: Any) -> None:
    assert isinstance(split, Split)
    for X, y in split:
        _check_rows(X, y, classes=10)
        assert X.shape[1] == 784 and X.min() >= 0 and X.max() <= 1, "pixels out of range"


def _check_rows(X: np.ndarray, y: np.ndarray, classes: int = 2**31) -> None:
    assert X.ndim == 2 and X.dtype in (np.float32, np.float64) and X.flags.c_contiguous, "rows"
    assert np.isfinite(X).all(), "not finite"
    assert y.dtype == np.int64 and y.shape == (len(X),), "labels"
    assert len(y) == 0 or 0 <= y.min() <= y.max() < classes, "labels out of range"


def _data_npz() -> list[tuple[str, bytes]]:
    X, y = np.random.default_rng(0).normal(size=(6, 3)), np.arange(6) % 3
    images = np.zeros((4, 28, 28), np.uint8)
    files = []
    for arrays in (
        {"X": X, "y": y},
        {"X": X.astype("f4"), "y": np.eye(3)[y]},
        {"x_train": images, "y_train": y[:4], "x_test": images[:2], "y_test": y[:2]},
    ):
        for save in (np.savez, np.savez_compressed):
            buffer = io.BytesIO()
            save(buffer, **arrays)
            files.append((".npz", buffer.getvalue()))
    return files


def _check_data(content: bytes, loaded: Any) -> None:
    if isinstance(loaded, Split):
        _check_rows(*loaded.train)
        _check_rows(*loaded.test)
    else:
        _check_rows(*loaded)


def _tables() -> list[tuple[str, bytes]]:
    rng = np.random.default_rng(0)
    rows = [[*(f"{x:.6g}" for x in rng.normal(size=3)), str(i % 3)] for i in range(12)]
    plain = "\n".join(",".join(row) for row in rows) + "\n"
    named = "sepal,petal,width,class\n" + plain
    words = "a,b,c,species\n" + "\n".join(",".join([*row[:3], f"k{row[3]}"]) for row in rows)
    index = ",a,b,c,target\n" + "\n".join(f"{i},{','.join(row)}" for i, row in enumerate(rows))
    texts = [plain, named, words, index, named.replace(",", ";"), named.replace(",", "\t")]
    return [(".csv", text.encode()) for text in texts]


# --- networks of other libraries


def _read_state(path: Path) -> fastnn.Network:
    return convert.from_state_dict(path, foreign_files.LAYERS)


def _tensor_files() -> list[tuple[str, bytes]]:
    return [
        (ending, make(foreign_files.state(dtype)))
        for ending, make in (
            (".safetensors", foreign_files.safetensors),
            (".pt", foreign_files.torch_file),
        )
        for dtype in ("f4", "f8", "f2")
    ]


def _onnx_files() -> list[tuple[str, bytes]]:
    return [(".onnx", foreign_files.onnx_file(dtype)) for dtype in ("f4", "f8")]


READERS: dict[str, Reader] = {
    "json": Reader(fastnn.load, _check_network, _saved_json, mutations.JSON),
    "book": Reader(network2.load, _check_book, _book_json, mutations.JSON),
    "npz": Reader(fastnn.load, _check_network, _saved_npz, mutations.archive(mutations.json_tree)),
    "idx": Reader(datasets.read_idx, _check_idx, _idx_files, mutations.IDX, 40e6),
    "pickle": Reader(datasets.load_mnist_pickle, _check_split, _pickles, mutations.PICKLE, 40e6),
    "data-npz": Reader(datasets.load_npz, _check_data, _data_npz, mutations.archive(), 80e6),
    "tensors": Reader(
        _read_state, _check_network, _tensor_files, mutations.archive() + mutations.PICKLE
    ),
    "csv": Reader(datasets.load_csv, _check_data, _tables, mutations.TABLE),
}


if find_spec("onnx") is not None:
    READERS["onnx"] = Reader(convert.from_onnx, _check_network, _onnx_files, mutations.ANY)


# --- one mutant


def mutant(reader: Reader, files: list[tuple[str, bytes]], seed: int, i: int) -> tuple[str, bytes]:
    """Return the ending and the content of mutant ``i``."""
    rng = Random(f"{seed} {i}")
    ending, content = rng.choice(files)
    return ending, mutations.several(content, rng, reader.ways)


@dataclass
class Report:
    """What became of some mutants.

    Attributes
    ----------
    counts : Counter
        Of "read", "refused" and "failed".
    failures : list of (number, what went wrong)
    seconds, times : float
        The most processor time for one; the most memory beyond the reader's spare, in files.
    """

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0.0
    times: float = 0.0

    def add(self, other: Report) -> None:
        self.counts += other.counts
        self.failures += other.failures
        self.seconds = max(self.seconds, other.seconds)
        self.times = max(self.times, other.times)


def try_one(reader: Reader, path: Path, content: bytes) -> tuple[str, str | None, float, int]:
    """Return what became of one file: its kind, what was wrong, the seconds and the memory."""
    wrong, kind, loaded = None, "refused", None
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    started = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loaded = reader.read(path)
        kind = "read"
    except (ValueError, OSError) as error:
        wrong = _fault_of(error, path)
    except Exception as error:
        wrong = f"{type(error).__name__}: {str(error)[:200]!r}"
    seconds = time.process_time() - started
    memory = max(0, tracemalloc.get_traced_memory()[1] - before)
    if kind == "read":
        try:
            reader.check(content, loaded)
        except Exception as error:
            wrong = f"read, but {type(error).__name__}: {str(error)[:200]!r}"
    if wrong is None and seconds > SECONDS:
        wrong = f"{seconds:.1f} s"
    if wrong is None and memory > TIMES * len(content) + reader.spare:
        wrong = f"{memory / 1e6:.1f} MB for a file of {len(content) / 1e6:.4f}"
    return kind, wrong, seconds, memory


def _fault_of(error: BaseException, path: Path) -> str | None:
    """Return what is wrong with a refusal, if anything."""
    text = str(error)
    ours = type(error).__module__.startswith("fastnn")
    if type(error) is not ValueError and not isinstance(error, OSError) and not ours:
        return f"{type(error).__name__}: {text[:200]!r}"
    if printable(text) != text or len(text) > 1000:
        return f"not one clean line: {text[:200]!r}"
    if path.name not in text:
        return f"the file is not named: {text[:200]!r}"
    return None


def work(name: str, first: int, last: int, seed: int, folder: Path) -> Report:
    """Try the mutants from ``first`` to before ``last``; tell in a file which one it is at."""
    reader, report = READERS[name], Report()
    files = reader.files()
    for ending, content in files:  # they are sound, and the reader is warm
        path = folder / f"sound{ending}"
        path.write_bytes(content)
        reader.check(content, reader.read(path))
    _limit_memory()
    tracemalloc.start()
    with (folder / "at").open("wb", buffering=0) as at:
        for i in range(first, last):
            at.seek(0)
            at.write(b"%d \n" % i)
            ending, content = mutant(reader, files, seed, i)
            path = folder / f"mutant{ending}"
            path.write_bytes(content)
            kind, wrong, seconds, memory = try_one(reader, path, content)
            report.counts["failed" if wrong else kind] += 1
            if wrong:
                report.failures.append((i, wrong))
            report.seconds = max(report.seconds, seconds)
            report.times = max(report.times, (memory - reader.spare) / max(1, len(content)))
    return report


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    sizes = Path("/proc/self/statm")
    if sizes.exists():
        pages = int(sizes.read_text().split()[0])
        limit = pages * resource.getpagesize() + MOST_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


# --- many, in processes of their own


def run(name: str, mutants: int, seed: int, first: int = 0, program: str = __file__) -> Report:
    """Try ``mutants`` mutants; a process that dies is one failure, and the next one goes on."""
    report, at, end = Report(), first, first + mutants
    while at < end:
        with tempfile.TemporaryDirectory() as folder:
            done, died = _one_process(name, at, end, seed, Path(folder), program)
        if done is not None:
            report.add(done)
            return report
        number, how = died
        # Those before it were in order, or are tried again up to it.
        if number > at:
            report.add(run(name, number - at, seed, at, program))
        report.add(Report(Counter(failed=1), [(number, how)]))
        at = number + 1
    return report


def _one_process(
    name: str, first: int, last: int, seed: int, folder: Path, program: str
) -> tuple[Report | None, tuple[int, str]]:
    options = {
        "reader": name,
        "seed": seed,
        "work": folder,
        "first": first,
        "mutants": last - first,
    }
    given = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    command = [sys.executable, program, *given]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    seen, since = b"", time.monotonic()
    while True:
        try:
            output, errors = process.communicate(timeout=2)
            break
        except subprocess.TimeoutExpired:
            now = (folder / "at").read_bytes() if (folder / "at").exists() else b""
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > SILENT:
                process.kill()
    if process.returncode == 0:
        told = json.loads(output)
        failures = [(number, how) for number, how in told["failures"]]
        return Report(Counter(told["counts"]), failures, told["seconds"], told["times"]), (0, "")
    text = (folder / "at").read_text() if (folder / "at").exists() else ""
    if not text:
        raise RuntimeError(errors.decode(errors="replace")[-2000:])
    how = -process.returncode
    said = signal.Signals(how).name if how > 0 else errors.decode(errors="replace")[-300:]
    return None, (int(text.split()[0]), f"the process ended: {said}")


def main() -> int:
    """Run from the command line; the exit status tells whether all passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--reader", choices=[*READERS, "all"], default="all")
    parser.add_argument("--mutants", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument(
        "--show", action="store_true", help="write the first mutant to standard output"
    )
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.show:
        reader = READERS[told.reader]
        sys.stdout.buffer.write(mutant(reader, reader.files(), told.seed, told.first)[1])
        return 0
    if told.work is not None:
        done = work(told.reader, told.first, told.first + told.mutants, told.seed, told.work)
        print(json.dumps(vars(done)))
        return 0
    failed = 0
    for name in READERS if told.reader == "all" else [told.reader]:
        report = run(name, told.mutants, told.seed, told.first, program=sys.argv[0])
        failed += report.counts["failed"]
        print(
            f"{name}: {report.counts['refused']} refused, {report.counts['read']} read, "
            f"{report.counts['failed']} failed; at most {report.seconds:.2f} s, "
            f"{max(0.0, report.times):.1f} times the file and {READERS[name].spare / 1e6:.0f} MB"
        )
        for number, how in report.failures[:20]:
            print(f"  {number}: {how}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
