"""The command line as a process of its own: exit codes, signals, pipes and terminals."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_files import points, write_table

import fastnn

FASTNN = [sys.executable, "-m", "fastnn"]
TIME_LIMIT = 60
# Buffered as it is for most people: what is left in the buffer at the end can fail as well.
ENVIRONMENT = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_table(tmp_path / "points.csv", *points())
    return tmp_path


def fastnn_in(folder: Path, command: str, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*FASTNN, *command.split()],
        cwd=folder,
        timeout=TIME_LIMIT,
        **{"capture_output": True, "text": True, "env": ENVIRONMENT, **options},
    )


def test_train_then_evaluate(folder: Path) -> None:
    command = "train points.csv -o model.json --epochs 3 --seed 1 --hidden 4"
    trained = fastnn_in(folder, command)
    assert (trained.returncode, trained.stderr) == (0, "")
    assert "epoch 3/3" in trained.stdout  # lines, as standard error is no terminal
    evaluated = fastnn_in(folder, "evaluate model.json points.csv")
    assert evaluated.returncode == 0
    accuracy = next(line for line in trained.stdout.splitlines() if "test accuracy" in line)
    assert evaluated.stdout.splitlines()[1] == accuracy.removeprefix("test ")


def test_an_error_has_no_traceback(folder: Path) -> None:
    failed = fastnn_in(folder, "info none.json")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == "fastnn: error: none.json: No such file or directory\n"


def test_the_installed_command(folder: Path) -> None:
    command = shutil.which("fastnn", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("the command fastnn is not installed beside this Python")
    failed = subprocess.run([command, "info"], capture_output=True, timeout=TIME_LIMIT)
    assert failed.returncode == 2
    assert failed.stderr.startswith(b"fastnn: error: the following arguments are required: MODEL")


# A shell's background jobs ignore the signal, and so would what they start.
LISTENING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from fastnn.cli import main
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes are POSIX ones")
class TestPosix:
    def test_ctrl_c(self, folder: Path) -> None:
        command = "train points.csv -o model.json --history h.csv --epochs 1000000"
        process = subprocess.Popen(
            [sys.executable, "-c", LISTENING, *command.split()],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        try:
            while "epoch " not in process.stdout.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            sent = time.perf_counter()
            _, errors = process.communicate(timeout=TIME_LIMIT)
            seconds = time.perf_counter() - sent
        finally:
            process.kill()
        assert process.returncode == 130
        assert errors == (
            "fastnn: interrupted before the training was finished; nothing was saved\n"
        )
        assert seconds < 5
        assert [path.name for path in folder.iterdir()] == ["points.csv"]

    def test_a_reader_that_goes_away(self, folder: Path) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        command = "train points.csv --epochs 2 -o model.json"
        try:
            left = fastnn_in(
                folder, command, capture_output=False, stdout=writing, stderr=subprocess.PIPE
            )
        finally:
            os.close(writing)
        assert (left.returncode, left.stderr) == (141, "")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
    def test_standard_output_on_a_full_disk(self, folder: Path) -> None:
        fastnn.Network([2, 3], rng=0).save(folder / "model.json")
        with Path("/dev/full").open("w") as full:
            failed = fastnn_in(
                folder,
                "predict model.json points.csv",
                capture_output=False,
                stdout=full,
                stderr=subprocess.PIPE,
            )
        assert (failed.returncode, failed.stderr) == (
            2,
            "fastnn: error: No space left on device\n",
        )

    def test_no_standard_output_at_all(self, folder: Path) -> None:
        command = f"{sys.executable} -m fastnn train points.csv --epochs 1 -o model.json >&-"
        closed = subprocess.run(
            command, shell=True, cwd=folder, stderr=subprocess.PIPE, timeout=TIME_LIMIT
        )
        assert (closed.returncode, closed.stderr) == (0, b"")
        assert fastnn.load(folder / "model.json").sizes == [2, 30, 3]

    def test_a_name_that_standard_output_cannot_say(self, folder: Path) -> None:
        said = fastnn_in(
            folder,
            "train points.csv --epochs 1 -o größe.json",
            env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"},
        )
        assert (said.returncode, said.stderr) == (0, "")
        assert "wrote gr\\xf6\\xdfe.json" in said.stdout
        assert (folder / "größe.json").exists()

    def test_a_bar_on_a_terminal(self, folder: Path) -> None:
        pytest.importorskip("tqdm")
        fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        try:
            trained = fastnn_in(
                folder,
                "train points.csv --epochs 2",
                capture_output=False,
                stdout=subprocess.PIPE,
                stderr=theirs,
            )
            shown = os.read(ours, 100_000).decode()
        finally:
            os.close(ours)
            os.close(theirs)
        assert trained.returncode == 0
        assert "2/2" in shown
        assert "epoch 1/" not in trained.stdout
        assert "trained 2 epochs" in trained.stdout
