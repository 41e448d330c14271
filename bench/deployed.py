"""Time one row at a time, as models are asked where they are at work: ``python -m bench.deployed``.

The same network by fastnn, as exported to C, NumPy and ONNX, and by scikit-learn and PyTorch.
"""

from __future__ import annotations

import argparse
import ctypes
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import fastnn
from bench import machine
from bench.checking import NotEqual
from bench.command import add_networks, add_output, add_repeats, refuse_unknown, say, seconds
from bench.report import publish
from fastnn.export import export, graph_of

NETWORKS = {
    "row20": (20, 32, 2),
    "digits": (64, 30, 10),
    "mnist30": (784, 30, 10),
    "mnist100": (784, 100, 10),
}
LOOP = """
void deployed_loop(const double *x, double *y, long n)
{
    long i;
    for (i = 0; i < n; i++)
        deployed_predict(x, y);
}
"""
FLAGS = {"cc -O2": ["-O2"], "cc -O3 -march=native": ["-O3", "-march=native"]}
HEAD = "| network | asked | µs a row | fastnn's time / this |\n|---|---|---:|---:|\n"

# Runs so many predictions of the same row.
Asking = Callable[[int], object]


def network_of(sizes: tuple[int, ...]) -> fastnn.Network:
    """Return a network with random weights."""
    return fastnn.Network(
        list(sizes), fastnn.LogLikelihoodCost, activation="relu", initializer="he_normal", rng=0
    )


def in_c(net: fastnn.Network, x: np.ndarray, folder: Path) -> dict[str, tuple[Asking, np.ndarray]]:
    """Return the C that was exported, asked through ctypes and in a loop of C."""
    found: dict[str, tuple[Asking, np.ndarray]] = {}
    source = export(net, folder / "deployed.c").files[0]
    source.write_text(source.read_text() + LOOP)
    pointer = ctypes.POINTER(ctypes.c_double)
    for name, flags in FLAGS.items():
        library = folder / f"{len(found)}.so"
        command = ["cc", "-std=c99", *flags, "-shared", "-fPIC", str(source), "-o", str(library)]
        subprocess.run([*command, "-lm"], check=True)
        loaded, y = ctypes.CDLL(str(library)), np.empty(net.sizes[-1])
        pointers = x.ctypes.data_as(pointer), y.ctypes.data_as(pointer)
        loaded.deployed_predict(*pointers)

        def loop(n: int, loaded: Any = loaded, pointers: Any = pointers) -> None:
            loaded.deployed_loop(*pointers, ctypes.c_long(n))

        def one_by_one(n: int, loaded: Any = loaded, pointers: Any = pointers) -> None:
            predict = loaded.deployed_predict
            for _ in range(n):
                predict(*pointers)

        found[f"C in a loop of C, {name}"] = loop, y.copy()
        found[f"C through ctypes, {name}"] = one_by_one, y.copy()
    return found


def repeated(predict: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> tuple[Asking, Any]:
    """Return what asks a function of rows again and again, and what it says."""

    def ask(n: int) -> None:
        for _ in range(n):
            predict(x)

    return ask, np.asarray(predict(x)).reshape(-1)


def in_python(
    net: fastnn.Network, x: np.ndarray, folder: Path
) -> dict[str, tuple[Asking, np.ndarray]]:
    """Return what is asked from Python, as far as it is installed."""
    names: dict[str, Any] = {}
    exec(export(net, folder / "deployed.py").files[0].read_text(), names)
    row = x[np.newaxis]
    found = {
        "fastnn": repeated(net.predict, x),
        "exported NumPy": repeated(names["predict"], row),
    }
    for name, make in (
        ("onnxruntime", by_onnx),
        ("scikit-learn", by_sklearn),
        ("PyTorch", by_torch),
    ):
        try:
            found[name] = repeated(make(net, folder), row)
        except ImportError as error:
            say(f"without {name}: {error}")
    return found


def by_onnx(net: fastnn.Network, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return onnxruntime's prediction, in float32 and one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = export(net, folder / "deployed.onnx").files[0]
    session = onnxruntime.InferenceSession(str(path), options)
    return lambda X: session.run(None, {"X": X.astype(np.float32)})[0]


def by_sklearn(net: fastnn.Network, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return scikit-learn's ``predict_proba`` with the same weights."""
    from sklearn.neural_network import MLPClassifier

    n_out = net.sizes[-1]
    model = MLPClassifier(net.sizes[1:-1])
    labels = np.arange(n_out)
    model.partial_fit(np.zeros((n_out, net.sizes[0])), labels, classes=labels)
    weights, biases = [w.T for w in net.weights], [b[:, 0] for b in net.biases]
    if n_out == 2:  # the softmax of two is the sigmoid of their difference
        weights[-1], biases[-1] = np.diff(weights[-1], axis=1), np.diff(biases[-1])
    model.coefs_, model.intercepts_ = weights, biases
    return model.predict_proba


def by_torch(net: fastnn.Network, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return PyTorch's prediction, from an array to an array."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import load_file

    path = export(net, folder / "deployed.safetensors").files[0]
    with safe_open(str(path), "np") as file:
        module = eval(file.metadata()["module"], {"nn": torch.nn}).double().eval()
    module.load_state_dict(load_file(path))
    torch.set_num_threads(1)

    def predict(X: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return np.asarray(module(torch.from_numpy(X)).numpy())

    return predict


def clock(ask: Asking, wanted: float) -> float:
    """Return seconds a prediction, over as many as take about ``wanted`` seconds."""
    n, took = 1, 0.0
    while took < wanted / 4:
        n *= 2
        start = time.perf_counter()
        ask(n)
        took = time.perf_counter() - start
    n = max(1, round(n * wanted / took))
    start = time.perf_counter()
    ask(n)
    return (time.perf_counter() - start) / n


def measure(name: str, options: argparse.Namespace) -> dict[str, list[float]]:
    """Return the seconds of a prediction by each, of each round, run A B C A B C ...

    Raises
    ------
    NotEqual
        If one says something else than fastnn.
    """
    net = network_of(NETWORKS[name])
    x = np.random.default_rng(1).standard_normal(net.sizes[0])
    with tempfile.TemporaryDirectory() as folder:
        asked = in_python(net, x, Path(folder)) | in_c(net, x, Path(folder))
        for who, (_, said) in asked.items():
            if not np.allclose(said, net.predict(x), rtol=0, atol=1e-5):
                raise NotEqual(f"{who}: {said} instead of {net.predict(x)}")
        found: dict[str, list[float]] = {who: [] for who in asked}
        for _ in range(options.repeats):
            for who, (ask, _) in asked.items():
                found[who].append(clock(ask, options.seconds))
    say(f"{name}: done; {graph_of(net).n_results} outputs agree")
    return found


def rows(name: str, found: dict[str, list[float]]) -> str:
    """Return lines of the table: medians, and medians of the ratios round by round."""
    lines = ""
    for who, times in found.items():
        ratio = median(a / b for a, b in zip(found["fastnn"], times, strict=True))
        lines += f"| {name} | {who} | {median(times) * 1e6:.2f} | × {ratio:.2f} |\n"
    return lines


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.deployed",
        description="Time predictions of one row by fastnn and by what it exports. Needs cc.",
    )
    add_networks(parser, NETWORKS)
    add_repeats(parser, 7)
    parser.add_argument(
        "--seconds", type=seconds, default=0.2,
        help="about how long one clock runs (default: 0.2)",
    )  # fmt: skip
    add_output(parser, "deployed.md")
    options = parser.parse_args(arguments)
    refuse_unknown(parser, "network", options.networks, NETWORKS)
    return options


def versions() -> str:
    """Return which libraries took part."""
    names = ("numpy", "onnxruntime", "scikit-learn", "torch")
    found = {each.metadata["Name"].lower(): each.version for each in metadata.distributions()}
    return ", ".join(f"{name} {found[name]}" for name in names if name in found)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (1: outputs differ)."""
    options = parse(arguments)
    load_before, table = machine.load(), HEAD
    for name in options.networks or NETWORKS:
        try:
            table += rows(name, measure(name, options))
        except NotEqual as reason:
            say(f"not equal: {name}, {reason}")
            return 1
    facts = [
        f"{machine.processor()}, load before the run {load_before}",
        versions(),
        f"medians of {options.repeats} rounds; float64, onnxruntime float32; one thread",
    ]
    publish(options.output / "deployed.md", "One row at a time", facts, table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
