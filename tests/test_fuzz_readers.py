"""A short run of the fuzzer for each reader; and the fuzzer finds what it is there to find."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fuzz_readers
import numpy as np
import pytest
from fuzz_readers import READERS, mutant, run, try_one

import fastnn

FUZZER = Path(fuzz_readers.__file__)
MUTANTS = 300


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_refused_in_a_line_or_read_right(name: str) -> None:
    report = run(name, MUTANTS, seed=0, program=str(FUZZER))
    assert report.failures == []
    assert sum(report.counts.values()) == MUTANTS
    assert report.counts["refused"] > MUTANTS / 4
    assert report.counts["read"] > 0


@pytest.mark.parametrize("name", READERS)
def test_a_mutant_is_known_by_its_number(name: str) -> None:
    files = READERS[name].files()
    again = READERS[name].files()
    sound = {content for _, content in files}
    changed = 0
    for i in range(30):
        first, second = (mutant(READERS[name], each, 3, i) for each in (files, again))
        assert first == second
        changed += first[1] not in sound
    assert changed > 20


# --- what is wrong is found


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def fails(error: BaseException) -> Callable[[Path], Any]:
    def read(path: Path) -> Any:
        raise error

    return read


def hungry(path: Path) -> Any:
    np.zeros(4_000_000)
    raise ValueError(path.name)


def warns(path: Path) -> Any:
    np.float64(1e300) * np.float64(1e300)
    raise ValueError(path.name)


FAULTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "another kind of error": (fails(KeyError("file.json")), "KeyError"),
    "a kind of Python's": (fails(UnicodeDecodeError("utf-8", b"", 0, 1, "file.json")), "Unicode"),
    "no memory": (fails(MemoryError()), "MemoryError"),
    "two lines": (fails(ValueError("file.json:\nbad")), "not one clean line"),
    "an escape sequence": (fails(ValueError("file.json: \x1b[31m")), "not one clean line"),
    "no name": (fails(ValueError("bad")), "the file is not named"),
    "much memory": (hungry, "MB for a file"),
    "a warning": (warns, "RuntimeWarning"),
}


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize(("read", "found"), FAULTS.values(), ids=FAULTS)
def test_faults_are_found(tmp_path: Path, read: Callable[[Path], Any], found: str) -> None:
    reader = dataclasses.replace(READERS["json"], read=read)
    _, wrong, _, _ = try_one(reader, tmp_path / "file.json", b"{}")
    assert wrong is not None and found in wrong


@pytest.mark.usefixtures("traced")
def test_a_clean_refusal_passes(tmp_path: Path) -> None:
    for error in (ValueError("file.json: bad"), OSError(5, "Input/output error", "file.json")):
        reader = dataclasses.replace(READERS["json"], read=fails(error))
        assert try_one(reader, tmp_path / "file.json", b"{}")[:2] == ("refused", None)


@pytest.mark.usefixtures("traced")
def test_what_is_read_wrong_is_found(tmp_path: Path) -> None:
    for ending, content in READERS["json"].files():
        path = tmp_path / f"file{ending}"
        path.write_bytes(content)
        net = fastnn.load(path)
        assert try_one(READERS["json"], path, content)[:2] == ("read", None)
        net.parameters[0] = np.nan
        reader = dataclasses.replace(READERS["json"], read=lambda path, net=net: net)
        assert "not finite" in str(try_one(reader, path, content)[1])


def test_crashes_and_hangs_are_found_and_the_others_tried(tmp_path: Path) -> None:
    program = tmp_path / "broken.py"
    program.write_text(
        textwrap.dedent(
            """
            import dataclasses, os, signal, sys, time
            import fuzz_readers

            fuzz_readers.SILENT = 4
            sound = fuzz_readers.READERS["idx"]
            seen = []

            def read(path):
                at = path.with_name("at")
                number = int(at.read_text()) if at.exists() and at.read_text() else -1
                if number == 3:
                    os.kill(os.getpid(), signal.SIGSEGV)
                if number == 5:
                    time.sleep(600)
                return sound.read(path)

            fuzz_readers.READERS["idx"] = dataclasses.replace(sound, read=read)
            sys.exit(fuzz_readers.main())
            """
        )
    )
    command = [sys.executable, str(program), "--reader", "idx", "--mutants", "8"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": f"{FUZZER.parent}:{FUZZER.parents[1]}"},
    )
    assert done.returncode == 1, done.stderr
    assert "2 failed" in done.stdout
    assert "3: the process ended: SIGSEGV" in done.stdout
    assert "5: the process ended: SIGKILL" in done.stdout
