"""MNIST from folders, from the book's pickle and from mirrors; hostile pickles do nothing."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import http.server
import os
import pickle
import struct
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnn import Network, datasets
from fastnn.datasets import array_pickle, mnist, mnist_pickle
from fastnn.datasets.split import Split

STEMS = tuple(mnist._SHA256)


def idx(array: np.ndarray) -> bytes:
    """The idx bytes of an array of bytes."""
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def small_files(n_train: int = 12, n_test: int = 5) -> dict[str, bytes]:
    """The four files of a small MNIST whose labels are 0, 1, 2, ..., 9, 0, 1, ..."""
    rng = np.random.default_rng(0)
    parts = []
    for n in (n_train, n_test):
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        parts += [idx(images), idx((np.arange(n) % 10).astype(np.uint8))]
    return dict(zip(STEMS, parts, strict=True))


def same(a: Split, b: Split) -> bool:
    return all(
        np.array_equal(p, q) and p.dtype == q.dtype
        for part_a, part_b in zip(a, b, strict=True)
        for p, q in zip(part_a, part_b, strict=True)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for stem, content in small_files().items():
        (tmp_path / stem).write_bytes(content)
    return tmp_path


# --- the real files


def test_real_mnist(mnist_folder: Path) -> None:
    split = datasets.load_mnist(mnist_folder)
    assert [part[0].shape for part in split] == [(50000, 784), (10000, 784), (10000, 784)]
    for X, y in split:
        assert X.dtype == np.float32 and y.dtype == np.int64 and X.flags.c_contiguous
        assert X.min() == 0 and X.max() == 0.99609375
    # The first labels of the files, and how often each digit occurs, as published.
    assert split.train[1][:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    assert split.test[1][:8].tolist() == [7, 2, 1, 0, 4, 1, 4, 9]
    both = np.concatenate([split.train[1], split.validation[1]])
    assert np.bincount(both).tolist() == [
        *(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
    ]
    assert np.bincount(split.test[1]).tolist() == [
        *(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
    ]


def test_real_mnist_is_the_published_one(mnist_folder: Path) -> None:
    # The sums are those of the unpacked files: compressing again changes the .gz, not these.
    published = {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }
    for stem, digest in published.items():
        array = datasets.read_idx(mnist_folder / f"{stem}.gz")
        assert hashlib.md5(idx(array)).hexdigest() == digest, stem


def test_real_mnist_in_the_books_pickle_is_the_same(mnist_folder: Path, tmp_path: Path) -> None:
    split = datasets.load_mnist(mnist_folder)
    small = Split(*((X[:500], y[:500]) for X, y in split))
    (tmp_path / "mnist.pkl.gz").write_bytes(gzip.compress(python2_pickle(small), 1))
    assert same(datasets.load_mnist(tmp_path), small)


# --- folders of idx files


def test_folder_gives_the_books_parts(folder: Path) -> None:
    split = datasets.load_mnist(folder)
    images = datasets.read_idx(folder / STEMS[0]).reshape(12, 784)
    assert np.array_equal(split.train[0], images[:10] / 256)
    assert np.array_equal(split.validation[0], images[10:] / 256)
    assert [part[1].tolist() for part in split] == [list(range(10)), [0, 1], list(range(5))]
    assert same(datasets.load(folder), split)


@pytest.mark.parametrize(("n", "n_validation"), [(5, 0), (6, 1), (29, 4), (30, 5)])
def test_folder_keeps_the_last_sixth_for_validation(
    tmp_path: Path, n: int, n_validation: int
) -> None:
    for stem, content in small_files(n_train=n).items():
        (tmp_path / stem).write_bytes(content)
    split = datasets.load_mnist(tmp_path)
    assert [len(part[0]) for part in split] == [n - n_validation, n_validation, 5]


@pytest.mark.parametrize("dtype", ["float32", "float64", np.float64])
def test_folder_in_either_dtype(folder: Path, dtype) -> None:
    split = datasets.load_mnist(folder, dtype=dtype)
    assert split.test[0].dtype == np.dtype(dtype)
    assert np.array_equal(split.test[0], datasets.load_mnist(folder).test[0])


@pytest.mark.parametrize("dtype", ["uint8", np.uint8, np.dtype("u1")])
def test_folder_as_bytes(folder: Path, dtype) -> None:
    as_bytes, plain = datasets.load_mnist(folder, dtype=dtype), datasets.load_mnist(folder)
    for (X, y), (pixels, labels) in zip(as_bytes, plain, strict=True):
        assert X.dtype == np.uint8 and X.flags.c_contiguous and X.flags.writeable
        assert np.array_equal(X * np.float32(1 / 256), pixels) and np.array_equal(y, labels)
    options = {"dtype": "float32", "rng": 0}
    nets = [Network([784, 4, 10], **options, input_scale=1 / 256), Network([784, 4, 10], **options)]
    for net, split in zip(nets, (as_bytes, plain), strict=True):
        net.fit(*split.train, epochs=2, batch_size=3)
    assert np.array_equal(nets[0].parameters, nets[1].parameters)
    assert np.array_equal(nets[0].predict(as_bytes.test[0]), nets[1].predict(plain.test[0]))


@pytest.mark.parametrize("dtype", ["float16", "int8", None, "nonsense", [1]])
def test_other_dtypes_are_refused(folder: Path, dtype) -> None:
    with pytest.raises(ValueError, match=r"^dtype=.*: expected 'float32', 'float64' or 'uint8'$"):
        datasets.load_mnist(folder, dtype=dtype)


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_folder_in_every_spelling(tmp_path: Path, dotted: bool, packed: bool) -> None:
    for stem, content in small_files().items():
        name = stem.replace("-idx", ".idx") if dotted else stem
        content = gzip.compress(content) if packed else content
        (tmp_path / (name + (".gz" if packed else ""))).write_bytes(content)
    assert len(datasets.load_mnist(tmp_path).train[0]) == 10


def test_folder_by_environment_variable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNN_MNIST", str(folder))
    assert same(datasets.load_mnist(), datasets.load_mnist(folder))
    assert same(datasets.load("mnist"), datasets.load_mnist(folder))
    monkeypatch.setenv("FASTNN_MNIST", str(folder / "none"))
    with pytest.raises(FileNotFoundError, match=r"FASTNN_MNIST='.*none': no such folder"):
        datasets.load_mnist()


def test_folder_that_lacks_files(folder: Path) -> None:
    (folder / STEMS[1]).unlink()
    message = r"folder='.*': no train-labels-idx1-ubyte \(with .gz or without\).*expected the four"
    with pytest.raises(FileNotFoundError, match=message):
        datasets.load_mnist(folder)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        datasets.load_mnist(folder / STEMS[0])


@pytest.mark.parametrize(
    ("stem", "array", "message"),
    [
        (STEMS[0], np.zeros((12, 28, 27), "u1"), r"uint8 of shape \(12, 28, 27\); expected bytes"),
        (STEMS[0], np.zeros((12, 784), "u1"), r"shape \(12, 784\); expected bytes \(n, 28, 28\)"),
        (STEMS[0], np.zeros(12, "u1"), r"shape \(12,\); expected bytes \(n, 28, 28\)"),
        (STEMS[0], np.zeros((11, 28, 28), "u1"), "11 rows but 12 labels"),
        (STEMS[2], np.zeros((0, 28, 28), "u1"), r"shape \(0, 28, 28\); expected bytes"),
        (STEMS[1], np.zeros((12, 1), "u1"), r"shape \(12, 1\); expected bytes \(n,\)"),
        (STEMS[1], np.zeros(13, "u1"), "12 rows but 13 labels"),
        (STEMS[1], np.arange(12, dtype="u1"), "row 10 is 10; expected labels 0 to 9"),
        (STEMS[3], np.full(5, 255, "u1"), "row 0 is 255; expected labels 0 to 9"),
    ],
)
def test_folder_with_wrong_arrays(folder: Path, stem: str, array: np.ndarray, message: str) -> None:
    (folder / stem).write_bytes(idx(array))
    with pytest.raises(ValueError, match=message) as caught:
        datasets.load_mnist(folder)
    assert str(folder / stem) in str(caught.value)


def test_folder_with_signed_bytes(folder: Path) -> None:
    content = bytearray((folder / STEMS[0]).read_bytes())
    content[2] = 9  # the code of int8: as many bytes, but not pixels
    (folder / STEMS[0]).write_bytes(content)
    with pytest.raises(ValueError, match=r"int8 of shape .* expected bytes"):
        datasets.load_mnist(folder)


# --- the download; no network: the mirrors are ours


class Mirrors:
    """Stand-ins for pooch's two functions, which know what each mirror serves."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.asked: list[tuple[str, str]] = []
        self.answers: dict[str, Exception | None] = {}
        self.files = {f"{stem}.gz": gzip.compress(data) for stem, data in small_files().items()}

    def os_cache(self, project: str) -> Path:
        assert project == "fastnn"
        return self.cache

    def retrieve(self, url: str, known_hash: str, fname: str, path: Path) -> str:
        mirror = next(m for m in mnist._MIRRORS if url == m + fname)
        self.asked.append((mirror, fname))
        assert known_hash == "sha256:" + mnist._SHA256[fname.removesuffix(".gz")]
        if self.answers.get(mirror):
            raise self.answers[mirror]
        Path(path).mkdir(parents=True, exist_ok=True)
        (Path(path) / fname).write_bytes(self.files[fname])
        return str(Path(path) / fname)


@pytest.fixture
def mirrors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirrors:
    import pooch

    monkeypatch.delenv("FASTNN_MNIST", raising=False)
    mirrors = Mirrors(tmp_path / "cache")
    monkeypatch.setattr(pooch, "os_cache", mirrors.os_cache)
    monkeypatch.setattr(pooch, "retrieve", mirrors.retrieve)
    return mirrors


def test_download_once(mirrors: Mirrors) -> None:
    first = datasets.load_mnist()
    assert mirrors.asked == [(mnist._MIRRORS[0], f"{stem}.gz") for stem in STEMS]
    assert len(first.train[0]) == 10
    assert same(datasets.load_mnist(), first)
    assert len(mirrors.asked) == 4


def test_download_tries_the_next_mirror(mirrors: Mirrors) -> None:
    mirrors.answers = {
        mnist._MIRRORS[0]: ConnectionError("no route"),
        mnist._MIRRORS[1]: ValueError("SHA256 hash of downloaded file does not match"),
    }
    assert len(datasets.load_mnist().train[0]) == 10
    assert mirrors.asked[:3] == [(mirror, f"{STEMS[0]}.gz") for mirror in mnist._MIRRORS]
    assert len(mirrors.asked) == 12


def test_download_says_what_each_mirror_answered(mirrors: Mirrors) -> None:
    mirrors.answers = {m: ConnectionError(f"no route {i}") for i, m in enumerate(mnist._MIRRORS)}
    with pytest.raises(OSError, match=r"no route 0.*no route 1.*no route 2.*FASTNN_MNIST"):
        datasets.load_mnist()


def test_download_fetches_only_what_the_cache_lacks(mirrors: Mirrors) -> None:
    (mirrors.cache / "mnist").mkdir(parents=True)
    for stem in STEMS[:3]:
        (mirrors.cache / "mnist" / stem).write_bytes(small_files()[stem])
    assert len(datasets.load_mnist().train[0]) == 10
    assert mirrors.asked == [(mnist._MIRRORS[0], f"{STEMS[3]}.gz")]


def test_download_is_not_needed_beside_the_books_pickle(mirrors: Mirrors) -> None:
    (mirrors.cache / "mnist").mkdir(parents=True)
    (mirrors.cache / "mnist" / "mnist.pkl.gz").write_bytes(gzip.compress(python2_pickle(SMALL)))
    assert same(datasets.load_mnist(), SMALL)
    assert mirrors.asked == []


def test_download_without_pooch_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FASTNN_MNIST", raising=False)
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r'pip install "fastnn-cpu\[data\]"'):
        datasets.load_mnist()


def test_sums_are_those_of_four_files() -> None:
    assert len(set(mnist._SHA256.values())) == 4
    assert all(len(bytes.fromhex(digest)) == 32 for digest in mnist._SHA256.values())


@pytest.fixture
def server(tmp_path: Path):
    """A web server on this machine alone, over the folder tmp_path/served."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, directory=str(tmp_path / "served"), **kwargs)

        def log_message(self, *args) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()
        thread.join()


def test_download_by_the_real_pooch_refuses_another_file(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pooch

    monkeypatch.delenv("FASTNN_MNIST", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    monkeypatch.setattr(mnist, "_MIRRORS", (server + "none/", server + "wrong/", server + "right/"))
    sums = {}
    for stem, content in small_files().items():
        packed = gzip.compress(content)
        sums[stem] = hashlib.sha256(packed).hexdigest()
        for place, served in (("wrong", packed + b"x"), ("right", packed)):
            (tmp_path / "served" / place).mkdir(parents=True, exist_ok=True)
            (tmp_path / "served" / place / f"{stem}.gz").write_bytes(served)
    monkeypatch.setattr(mnist, "_SHA256", sums)
    assert len(datasets.load_mnist().train[0]) == 10
    names = sorted(file.name for file in (tmp_path / "cache" / "mnist").iterdir())
    assert names == sorted(f"{stem}.gz" for stem in STEMS)  # nothing half-written beside them


# --- the book's pickle


def python2_pickle(split: Split) -> bytes:
    """What Python 2's cPickle.dump(split, file, 2) wrote: NumPy's bytes as BINSTRING."""

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    def array(a: np.ndarray) -> bytes:
        code = a.dtype.str[1:].encode()
        raw = a.tobytes()
        shape = b"(" + b"".join(number(size) for size in a.shape) + b"t"
        dtype = (
            b"cnumpy\ndtype\nq\x04U" + bytes([len(code)]) + code + b"K\x00K\x01\x87Rq\x05"
            b"(K\x03U\x01"
            + a.dtype.str[:1].encode()
            + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        )
        return (
            b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87R"
            b"q\x03(K\x01" + shape + dtype + b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
        )

    pairs = b"".join(array(X) + array(y) + b"\x86" for X, y in split)
    return b"\x80\x02" + pairs + b"\x87q\x06."


def small_split(sizes: tuple[int, int, int] = (6, 3, 2)) -> Split:
    rng = np.random.default_rng(1)
    return Split(
        *(
            ((rng.integers(0, 256, (n, 784)) / 256).astype(np.float32), np.arange(n) % 10)
            for n in sizes
        )
    )


SMALL = small_split()


@pytest.fixture
def load(tmp_path: Path) -> Callable[[bytes], Split]:
    def load_bytes(content: bytes, packed: bool = True) -> Split:
        path = tmp_path / "mnist.pkl.gz"
        path.write_bytes(gzip.compress(content, 1) if packed else content)
        return datasets.load_mnist_pickle(path)

    return load_bytes


def test_pickle_of_python_2(load) -> None:
    content = python2_pickle(SMALL)
    assert same(Split(*pickle.loads(content, encoding="latin1")), SMALL)  # the test's own writer
    split = load(content)
    assert same(split, SMALL)
    assert all(array.flags.writeable for part in split for array in part)
    assert same(load(content, packed=False), SMALL)


@pytest.mark.parametrize("protocol", [1, 2, 3, 4])
@pytest.mark.parametrize("module", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
def test_pickle_of_python_3(load, protocol: int, module: bytes) -> None:
    content = pickle.dumps(tuple(SMALL), protocol)
    if protocol < 4:  # from 4 on names carry their length
        content = content.replace(b"numpy._core.multiarray", module)
        content = content.replace(b"numpy.core.multiarray", module)
    assert same(load(content), SMALL)


def test_pickle_with_other_orders_and_types(load) -> None:
    (X, y), validation, test = SMALL
    other = (
        (np.asfortranarray(X), y.astype(">i4")),
        (validation[0].astype(">f4"), validation[1].astype("u1")),
        (test[0].astype("f8"), test[1]),
    )
    assert same(load(pickle.dumps(other, 2)), SMALL)


def test_pickle_as_bytes(tmp_path: Path) -> None:
    file = tmp_path / "mnist.pkl.gz"
    pixels = np.arange(256).repeat(784).reshape(256, 784)
    part = (pixels / np.float32(256)).astype("f4"), np.arange(256) % 10
    file.write_bytes(gzip.compress(python2_pickle(Split(part, part, part))))
    X, _ = datasets.load_mnist(tmp_path, dtype="uint8").train
    assert X.dtype == np.uint8 and np.array_equal(X, pixels)
    part = (pixels / np.float32(255)).astype("f4"), np.arange(256) % 10
    file.write_bytes(gzip.compress(python2_pickle(Split(part, part, part))))
    with pytest.raises(ValueError, match="training part: pixels are not bytes/256"):
        datasets.load_mnist(tmp_path, dtype="uint8")


def test_pickle_in_double_precision(tmp_path: Path) -> None:
    (tmp_path / "mnist.pkl.gz").write_bytes(gzip.compress(python2_pickle(SMALL)))
    split = datasets.load_mnist_pickle(tmp_path / "mnist.pkl.gz", dtype="float64")
    assert split.train[0].dtype == np.float64 and np.array_equal(split.train[0], SMALL.train[0])


# --- hostile pickles


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable, *args: object) -> None:
        self.call = (function, args)

    def __reduce__(self):
        return self.call


class Subclass(np.ndarray):
    pass


class Persistent(pickle.Pickler):
    def persistent_id(self, value: object) -> str | None:
        return "the rows" if isinstance(value, np.ndarray) else None


HOSTILE: dict[str, tuple[Callable, tuple]] = {
    "os.system": (os.system, ("touch ran",)),
    "eval": (eval, ("open('ran', 'w').close()",)),
    "exec": (exec, ("open('ran', 'w').close()",)),
    "open": (open, ("ran", "w")),
    "getattr": (getattr, ("text", "upper")),
    "numpy.load": (np.load, ("ran.npy",)),
    "numpy.fromfile": (np.fromfile, ("/etc/passwd",)),
    "numpy.save": (np.save, ("ran", 1)),
    "numpy.zeros": (np.zeros, (3,)),
    "numpy.ndarray": (np.ndarray, ((2**40,),)),
    "numpy.asarray": (np.asarray, ([1, 2],)),
    "codecs.decode": (codecs.decode, (b"00", "hex")),
}


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", sorted(HOSTILE))
@pytest.mark.parametrize("place", ["whole", "pair", "labels"])
def test_hostile_calls_are_refused(
    load, name: str, protocol: int, place: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call = Call(HOSTILE[name][0], *HOSTILE[name][1])
    content = {
        "whole": call,
        "pair": (SMALL.train, SMALL.validation, call),
        "labels": (SMALL.train, SMALL.validation, (SMALL.test[0], call)),
    }[place]
    with pytest.raises(ValueError, match=r"mnist\.pkl\.gz: expected the book's arrays, but it"):
        load(pickle.dumps(content, protocol))
    assert [file.name for file in tmp_path.iterdir()] == ["mnist.pkl.gz"]


def test_hostile_names_are_said(load) -> None:
    with pytest.raises(ValueError, match=r"but it names (posix|nt)\.system"):
        load(pickle.dumps(Call(os.system, "true"), 2))
    with pytest.raises(ValueError, match=r"but it names (builtins|__builtin__)\.eval"):
        load(pickle.dumps(Call(eval, "1"), 2))


def test_the_fixture_would_run_code_elsewhere(tmp_path: Path, monkeypatch) -> None:
    # Proof that the pickles above are live: Python's own unpickler runs this one.
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Call(os.system, "touch ran"), 2))
    assert (tmp_path / "ran").exists()


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
EMPTY_ARRAY = RECONSTRUCT + b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x02cos\nsystem\nU\x04true\x85R.", "names os.system"),
        (b"(S'true'\nios\nsystem\n.", "instruction (STRING|INST)"),
        (b"(cos\nsystem\nU\x04trueo.", "names os.system"),
        (b"\x80\x02cnumpy\nndarray\nK\x05\x85\x81.", "instruction NEWOBJ"),
        (b"\x80\x02cnumpy\nndarray\nK\x05\x85R.", "calls what is no function"),
        (b"\x80\x02K\x01K\x05\x85R.", "calls what is no function"),
        (b"\x80\x02cnumpy\ndtype\nK\x05R.", "instructions are damaged"),
        (b"\x80\x02U\x03oneQ.", "instruction BINPERSID"),
        (b"Pone\n.", "instruction PERSID"),
        (b"\x80\x02\x82\x01.", "instruction EXT1"),
        (b"\x80\x02}.", "instruction EMPTY_DICT"),
        (b"\x80\x02].", "instruction EMPTY_LIST"),
        (b"\x80\x05\x97.", "instruction NEXT_BUFFER"),
        (b"\x80\x02cnumpy\ndtype\n}b.", "instruction EMPTY_DICT"),
        (b"\x80\x02cnumpy\ndtype\nK\x01b.", "sets the state of another object"),
        (b"\x80\x02cnumpy\ndtype\nU\x01OK\x00K\x01\x87R.", "dtype 'O', not of numbers"),
        (b"\x80\x02cnumpy\ndtype\nU\x02V8K\x00K\x01\x87R.", "dtype 'V8', not of numbers"),
        (b"\x80\x02cnumpy\ndtype\nU\x02f4K\x00\x86R.", "dtype '\\?', not of numbers"),
        (b"\x80\x02cnumpy\ndtype\nK\x01K\x00K\x01\x87R.", "something else where a text belongs"),
        (
            b"\x80\x02cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<K\x01NNtb.",
            "dtype that is not of plain numbers",
        ),
        (
            b"\x80\x02cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01?NNNtb.",
            "dtype of unknown byte order",
        ),
        (b"\x80\x02" + RECONSTRUCT + b"K\x00K\x00K\x00\x87R.", "array of another class"),
        (b"\x80\x02" + EMPTY_ARRAY + b"K\x01\x85b.", "array in an unknown form"),
        (b"\x80\x02c_codecs\nencode\nU\x01aU\x03hex\x86R.", "in another way than Latin-1"),
        (b"\x80\x02cos\\x2e\nsystem\n.", "backslash"),
        (b"\x80\x02c" + b"a" * 1000 + b"\n.", "newline"),
        (b"\x80\x02.", "instructions are damaged"),
        (b"\x80\x02(.", "instructions are damaged"),
        (b"\x80\x02t.", "instructions are damaged"),
        (b"\x80\x02K\x01\x86.", "instructions are damaged"),
        (b"\x80\x02(K\x01\x86.", "instructions are damaged"),
        (b"\x80\x02q\x01.", "instructions are damaged"),
        (b"\x80\x02h\x07.", "instructions are damaged"),
        (b"\x80\x02K\x01" * 20_000 + b".", "more than 10000 instructions"),
        (b"\x80\x02T\xff\xff\xff\x7fabc.", "holds more than 268435456 bytes"),
        (b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7fabc.", "holds more than 268435456 bytes"),
        (b"\x80\x02T\xff\xff\xff\xffabc.", "but"),
        (b"", "but"),
        (b"not a pickle at all", "but"),
        (b"\x80\x02K\x01.", "does not hold three pairs"),
        (b"\x80\x02K\x01K\x01\x86K\x01K\x01\x86\x86.", "does not hold three pairs"),
        (b"\x80\x02" + b"K\x01K\x01\x86" * 3 + b"\x87.", "something else where an array belongs"),
    ],
)
def test_hostile_instructions_are_refused(load, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load(content)
    assert "mnist.pkl.gz: expected the book's arrays, but" in str(caught.value)


def array_state(shape: bytes, content: bytes, code: bytes = b"u1") -> bytes:
    dtype = b"cnumpy\ndtype\nU\x02" + code + b"K\x00K\x01\x87R"
    return b"\x80\x02" + EMPTY_ARRAY + b"(K\x01" + shape + dtype + b"\x89" + content + b"tb."


@pytest.mark.parametrize(
    ("shape", "content", "message"),
    [
        (b"K\x04\x85", b"U\x03abc", r"array of shape \(4,\) in it needs 4 bytes and has 3"),
        (b"K\x02\x85", b"U\x03abc", r"needs 2 bytes and has 3"),
        (b"J\xff\xff\xff\xff\x85", b"U\x03abc", "array without a proper shape"),
        (b"K\x03", b"U\x03abc", "array without a proper shape"),
        (b"U\x01a\x85", b"U\x03abc", "array without a proper shape"),
        (b"(" + b"K\x01" * 33 + b"t", b"U\x01a", "array without a proper shape"),
        (b"\x8a\x08" + b"\xff" * 7 + b"\x7f\x85", b"U\x03abc", "array without a proper shape"),
        (b"K\x01\x85", b"K\x01\x85", "array of objects, not of numbers"),
    ],
)
def test_hostile_array_states_are_refused(load, shape: bytes, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(array_state(shape, content))


@pytest.mark.parametrize("protocol", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["O", "U3", "M8[s]", "c8", [("a", "f4")], "f2", "?"])
def test_arrays_of_anything_but_numbers_are_refused(load, dtype, protocol: int) -> None:
    X, _ = SMALL.test
    content = (SMALL.train, SMALL.validation, (X, np.zeros(2, dtype)))
    with pytest.raises(ValueError, match=r"it (holds|has|names|calls)"):
        load(pickle.dumps(content, protocol))


def test_subclasses_and_persistent_ids_are_refused(load, tmp_path: Path) -> None:
    content = (SMALL.train, SMALL.validation, (SMALL.test[0].view(Subclass), SMALL.test[1]))
    with pytest.raises(ValueError, match=r"it names .*Subclass"):
        load(pickle.dumps(content, 2))
    with (tmp_path / "persistent").open("wb") as file:
        Persistent(file, 2).dump(tuple(SMALL))
    with pytest.raises(ValueError, match="instruction BINPERSID"):
        load((tmp_path / "persistent").read_bytes())


def test_texts_that_are_no_bytes_are_refused(load) -> None:
    content = python2_pickle(small_split((1, 1, 1)))
    raw = SMALL.train[1][:1].tobytes()
    wide = "\u0100" * 8
    replaced = content.replace(
        b"T" + struct.pack("<i", 8) + raw, b"X" + struct.pack("<i", 16) + wide.encode(), 1
    )
    assert replaced != content
    with pytest.raises(ValueError, match="text does not stand for bytes"):
        load(replaced)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X[:, :783], y), r"test part: images are float32 of shape \(2, 783\)"),
        (lambda X, y: (X.reshape(2, 28, 28), y), r"images are float32 of shape \(2, 28, 28\)"),
        (lambda X, y: ((X * 256).astype("u1"), y), "images are uint8"),
        (lambda X, y: (X[:1], y), "test part: 1 rows but 2 labels"),
        (lambda X, y: (X[:0], y[:0]), r"expected an array \(rows, features\)"),
        (lambda X, y: (X * 2, y), "pixels from 0.0 to 1.9.*; expected 0 to 1"),
        (lambda X, y: (X - 1, y), "pixels from -1.0"),
        (lambda X, y: (X * np.float32("nan"), y), "row 0 holds NaN or infinity"),
        (lambda X, y: (X, y + 9), "row 1 is 10; expected labels 0 to 9"),
        (lambda X, y: (X, y - 1), "row 0 is -1; expected labels 0 to 9"),
        (lambda X, y: (X, y.astype(float)), "labels are float64"),
        (lambda X, y: (X, y[:, None]), r"labels are int64 of shape \(2, 1\)"),
        (lambda X, y: (y, X), r"images are int64 of shape \(2,\)"),
    ],
)
def test_pickles_of_other_data_are_refused(load, change: Callable, message: str) -> None:
    content = (SMALL.train, SMALL.validation, change(*SMALL.test))
    with pytest.raises(ValueError, match=message):
        load(pickle.dumps(content, 3))


@pytest.mark.parametrize("wrong", [SMALL.train, (*SMALL, SMALL.test), list(SMALL), None, "text"])
def test_pickles_of_another_structure_are_refused(load, wrong) -> None:
    with pytest.raises(ValueError, match=r"it (does not hold three pairs|has the instruction)"):
        load(pickle.dumps(wrong, 2))


def test_pickle_cut_short_is_refused(load) -> None:
    content = python2_pickle(small_split((1, 1, 1)))
    places = [*range(300), *range(300, len(content), 97), len(content) - 1]
    for length in places:
        with pytest.raises(ValueError, match="expected the book's arrays, but"):
            load(content[:length], packed=False)


def test_gzip_damage_is_refused(load) -> None:
    packed = gzip.compress(python2_pickle(small_split((1, 1, 1))), 1)
    for length in [*range(2, 40), len(packed) // 2, *range(len(packed) - 9, len(packed))]:
        with pytest.raises(ValueError, match=r"mnist\.pkl\.gz: expected a whole gzip file"):
            load(packed[:length], packed=False)
    for place in (len(packed) // 2, len(packed) - 6):  # in the data, and in their sum
        bad = bytearray(packed)
        bad[place] ^= 0x40
        with pytest.raises(ValueError, match=r"mnist\.pkl\.gz: expected"):
            load(bytes(bad), packed=False)


def test_the_sum_behind_a_long_tail_is_checked(load) -> None:
    # gzip checks its sum at the end only, and nothing needs to be read after the pickle's own end.
    packed = bytearray(gzip.compress(python2_pickle(SMALL) + bytes(2**20)))
    assert same(load(bytes(packed), packed=False), SMALL)
    packed[-6] ^= 0x40
    with pytest.raises(ValueError, match="expected a whole gzip file, but CRC"):
        load(bytes(packed), packed=False)


def test_unpacked_size_is_bounded(load, monkeypatch: pytest.MonkeyPatch) -> None:
    content = python2_pickle(SMALL)
    monkeypatch.setattr(mnist_pickle, "_MAX_BYTES", len(content))
    assert same(load(content), SMALL)
    monkeypatch.setattr(mnist_pickle, "_MAX_BYTES", len(content) - 1)
    with pytest.raises(ValueError, match=r"it holds more than \d+ bytes"):
        load(content)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "mnist.pkl.gz"
    content = b"\x80\x02T" + struct.pack("<I", 60 * 2**20) + bytes(60 * 2**20)
    path.write_bytes(gzip.compress(content))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"it unpacks to more than .* too many for its size"):
            datasets.load_mnist_pickle(path)
        assert tracemalloc.get_traced_memory()[1] < 10 * path.stat().st_size + 40 * 2**20
    finally:
        tracemalloc.stop()


def test_hostile_names_are_shown_escaped(load) -> None:
    with pytest.raises(ValueError, match=r"it names \\x1b\[31mposix\.sys") as caught:
        load(b"\x80\x02c\x1b[31mposix\nsystem\n.")
    assert str(caught.value).isprintable()


def test_no_name_outside_the_list_is_known() -> None:
    assert sorted([array_pickle._NDARRAY, *array_pickle._CALLS]) == [
        ("_codecs", "encode"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "_reconstruct"),
    ]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_pickles_are_read_or_refused_and_nothing_else(tmp_path_factory, data) -> None:
    protocol = data.draw(st.sampled_from([1, 2, 3, 4]))
    content = bytearray(pickle.dumps(tuple(small_split((1, 1, 1))), protocol))
    for _ in range(data.draw(st.integers(1, 3))):
        # The instructions lie before and after the long texts.
        place = data.draw(st.one_of(st.integers(0, 250), st.integers(-500, -1)))
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.pkl.gz"
    path.write_bytes(content)
    try:
        split = datasets.load_mnist_pickle(path)
    except ValueError as error:
        assert "damaged.pkl.gz" in str(error)
    else:
        assert split.train[0].shape[1:] == (784,) and split.train[0].dtype == np.float32
