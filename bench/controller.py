"""What a classifier of digits takes on a Cortex-M4: ``python -m bench.controller``.

It is compiled, not linked, by ``arm-none-eabi-gcc`` (Debian's package ``gcc-arm-none-eabi``, with
``libnewlib-arm-none-eabi`` for its headers): flash is text and data, the stack what the compiler
says of the deepest call.
"""

from __future__ import annotations

import argparse
import ctypes
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import fastnn
from bench.command import add_output, say
from bench.report import publish
from fastnn import datasets
from fastnn.export import export

COMPILER, SIZE = "arm-none-eabi-gcc", "arm-none-eabi-size"
TARGET = ["-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
FORMS: dict[str, dict[str, Any]] = {
    "float": {"dtype": "float32"},
    "int16": {"dtype": "float32", "fixed": "int16"},
    "int8": {"dtype": "float32", "fixed": "int8"},
}
LEVELS = ("-Os", "-O2")
HEAD = (
    "| numbers | compiled | code and tables, bytes | RAM, bytes | stack, bytes | accuracy |\n"
    "|---|---|---:|---:|---:|---:|\n"
)


def trained(epochs: int) -> tuple[fastnn.Network, Any]:
    """Return a network 64-30-10 for digits, and the digits."""
    digits = datasets.load("digits")
    net = fastnn.Network([64, 30, 10], rng=0)
    net.fit(*digits.train, epochs=epochs, batch_size=10, learning_rate=0.5)
    return net, digits


def sizes(source: Path, level: str) -> tuple[int, int, int]:
    """Return text and data, data and bss, and bytes of stack, of what a source compiles to."""
    compiled = source.with_suffix(".o")
    command = [COMPILER, *TARGET, *STRICT, level, "-fstack-usage", "-c", source, "-o", compiled]
    subprocess.run([str(each) for each in command], check=True)
    told = subprocess.run([SIZE, str(compiled)], check=True, capture_output=True, text=True)
    text, data, bss = map(int, told.stdout.splitlines()[1].split()[:3])
    lines = source.with_suffix(".su").read_text().splitlines()
    own = {line.split("\t")[0].rsplit(":", 1)[1]: int(line.split("\t")[1]) for line in lines}
    predict = own.pop(f"{source.stem}_predict")
    return text + data, data + bss, predict + max(own.values(), default=0)


def accuracy(source: Path, rows: tuple[np.ndarray, np.ndarray]) -> float:
    """Return how often the C, compiled for this machine, is right."""
    library = source.with_suffix(".so")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", source, "-o", library, "-lm"], check=True)
    predict = ctypes.CDLL(str(library))[f"{source.stem}_predict"]
    X, y = np.ascontiguousarray(rows[0], dtype=np.float32), rows[1]
    found = np.empty((len(X), 10), dtype=np.float32)
    for x, outputs in zip(X, found, strict=True):
        predict(x.ctypes.data_as(ctypes.c_void_p), outputs.ctypes.data_as(ctypes.c_void_p))
    return float(np.mean(found.argmax(axis=1) == y))


def measure(folder: Path, epochs: int) -> str:
    """Return the lines of the table."""
    net, digits = trained(epochs)
    lines = ""
    for name, options in FORMS.items():
        sample = {"sample": digits.train[0]} if "fixed" in options else {}
        source = export(net, folder / f"digits_{name}.c", **options, **sample).files[0]
        right = accuracy(source, digits.test)
        for level in LEVELS:
            flash, ram, stack = sizes(source, level)
            lines += f"| {name} | {level} | {flash} | {ram} | {stack} | {right:.2%} |\n"
    own = net.accuracy(digits.test) / len(digits.test[0])
    return lines + f"| fastnn, float64 | | | | | {own:.2%} |\n"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code (1: there is no such compiler)."""
    parser = argparse.ArgumentParser(prog="python -m bench.controller", description=__doc__)
    parser.add_argument("--epochs", type=int, default=30, help="of the training (default: 30)")
    add_output(parser, "controller.md")
    options = parser.parse_args(arguments)
    missing = [each for each in (COMPILER, SIZE, "cc") if shutil.which(each) is None]
    if missing:
        say(f"needs {missing[0]}")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        table = HEAD + measure(Path(folder), options.epochs)
    told = subprocess.run([COMPILER, "--version"], check=True, capture_output=True, text=True)
    version = re.sub(r"\s+", " ", told.stdout.splitlines()[0])
    publish(
        options.output / "controller.md", "Digits on a Cortex-M4",
        ["64-30-10, sigmoid; the stack without that of math.h", f"{version} {' '.join(TARGET)}"],
        table,
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
