"""The folder of a run: what it was told, its history, its network after each epoch, its pictures.

A row of the history is written before the network of its epoch, and read only as far as that one:
whenever the process is killed, the two together are those of a finished epoch.
"""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

import fastnn
from fastnn._common.checks import brief
from fastnn._common.files import open_regular, shown, write_whole
from fastnn.cli.settings import Settings, read_settings
from fastnn.cli.toml_files import toml_of
from fastnn.datasets import Split
from fastnn.history import History
from fastnn.many._described import fingerprint
from fastnn.network import Network, load

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

CONFIG, HISTORY, CHECKPOINT = "config.toml", "history.csv", "checkpoint.npz"
BEST, MODEL, RESULT, BEGINNING = "best.npz", "model.npz", "result.json", "run.json"
FORMAT = 1


class RunFolder:
    """A folder of a run; within ``with`` nobody else writes to it once it is begun or gone on with.

    Parameters
    ----------
    path : str
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._lock: Any = None

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()

    def file(self, name: str) -> str:
        """Return the path of a file in the folder."""
        return str(self.path / name)

    def _take(self) -> None:
        """Keep other processes from writing to the folder.

        Raises
        ------
        ValueError
            If one does.
        """
        if fcntl is None:
            return
        self._lock = open(self.file(BEGINNING), "rb")  # noqa: PTH123, SIM115
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{shown(self.path)}: another process is training there") from None

    # How a run begins, and where it stands

    def begin(self, settings: Settings, rows: str) -> None:
        """Write what the run is told; ``rows`` is the fingerprint of its data.

        Raises
        ------
        ValueError
            If another run has begun there since ``check_new``.
        """
        self.path.mkdir(exist_ok=True)
        told = {"format": FORMAT, "fastnn": fastnn.__version__, "rows": rows}
        try:
            with open(self.file(BEGINNING), "xb") as file:  # noqa: PTH123
                file.write(json.dumps(told).encode())
        except FileExistsError:
            raise _not_new(self.path) from None
        self._take()
        write_whole(self.file(CONFIG), toml_of(settings).encode())

    def settings(self) -> Settings:
        """Return what the run was told.

        Raises
        ------
        OSError, ValueError
            If this is no folder of a run.
        """
        self._told()
        return read_settings(self.file(CONFIG))

    def _told(self) -> dict[str, Any]:
        path = self.file(BEGINNING)
        with open_regular(path, "what 'fastnn train --run' wrote") as file:
            content = file.read()
        try:
            told = json.loads(content)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise ValueError(f"{shown(path)}: expected a run of format {FORMAT}, got {brief(told)}")
        return told

    def check_rows(self, rows: str, data: str) -> None:
        """Raise unless data have the fingerprint of those that the run began with."""
        if self._told().get("rows") != rows:
            raise ValueError(f"{data}: expected the rows that {shown(self.path)} began with")

    def go_on(self) -> tuple[Network | None, History]:
        """Return the network of the last finished epoch, None before the first, and the history.

        Raises
        ------
        OSError, ValueError
            If another process is at work there, or the files do not go together.
        """
        self._take()
        if not Path(self.file(CHECKPOINT)).exists():
            write_whole(self.file(HISTORY), b"")
            return None, History()
        network = load(self.file(CHECKPOINT))
        done, history = network.training_state.epochs, self.history()
        if len(history) < done:
            raise ValueError(
                f"{shown(self.file(HISTORY))}: expected the {done} epochs of {CHECKPOINT}, got "
                f"{len(history)}"
            )
        if len(history) > done or not self._ends_with_a_line():
            cut = History()
            for row in history.rows[:done]:
                cut.append(row)
            history = cut
            history.to_csv(self.file(HISTORY))
        return network, history

    def _ends_with_a_line(self) -> bool:
        return Path(self.file(HISTORY)).read_bytes().endswith(b"\n")

    def history(self) -> History:
        """Return the epochs whose rows are whole.

        Raises
        ------
        OSError, ValueError
            If they cannot be read.
        """
        path, found = self.file(HISTORY), History()
        with open_regular(path, "a history") as file:
            text = file.read().decode("utf-8", "replace")
        whole = text[: text.rfind("\n") + 1]
        for i, row in enumerate(csv.DictReader(io.StringIO(whole)), start=1):
            try:
                numbers = {name: float(value) for name, value in row.items()}
            except (TypeError, ValueError):
                raise ValueError(f"{shown(path)}, row {i}: expected a number a column") from None
            if numbers.get("epoch") != i:
                raise ValueError(f"{shown(path)}, row {i}: expected epoch {i}")
            found.append({**numbers, "epoch": i})
        return found

    # What is written while it trains

    def record(self, network: Network, history: History, *, is_best: bool) -> None:
        """Write the last epoch: its row, then its network, which makes it a finished one."""
        text = io.StringIO()
        table = csv.DictWriter(text, history.columns)
        if len(history) == 1:
            table.writeheader()
        table.writerow(history[-1])
        with open(self.file(HISTORY), "ab") as file:  # noqa: PTH123
            file.write(text.getvalue().encode())
            file.flush()
            os.fsync(file.fileno())
        network.save(self.file(CHECKPOINT))
        if is_best:
            network.save(self.file(BEST))

    def best(self, network: Network, epoch: int) -> tuple[np.ndarray, ...]:
        """Return the snapshot of the best epoch; ``network`` is the last one's.

        Raises
        ------
        OSError, ValueError
            If it is not there.
        """
        if network.training_state.epochs == epoch:  # whose copy may not have been written
            return network.snapshot()
        found = load(self.file(BEST))
        if found.training_state.epochs != epoch or found.sizes != network.sizes:
            raise ValueError(f"{shown(self.file(BEST))}: expected the network of epoch {epoch}")
        return found.snapshot()

    def finish(self, network: Network, result: dict[str, Any]) -> None:
        """Write the trained network, and what came of it."""
        network.save(self.file(MODEL))
        text = json.dumps(result, ensure_ascii=False, indent=2, allow_nan=False)
        write_whole(self.file(RESULT), f"{text}\n".encode())


def fingerprint_of(split: Split) -> str:
    """Return what tells rows from others: a hash of all parts."""
    return fingerprint(*(part for pair in split for part in pair))


def check_new(path: str) -> None:
    """Raise unless a run may begin in a folder: a new one, or an empty one.

    Raises
    ------
    ValueError
        Naming the option and the path.
    """
    folder = Path(path)
    if folder.is_dir():
        if any(folder.iterdir()):
            raise _not_new(path)
        return
    if folder.exists() or not folder.resolve().parent.is_dir():
        raise ValueError(f"--run: expected a new folder in one that exists, got {shown(path)}")


def _not_new(path: str | Path) -> ValueError:
    return ValueError(
        f"--run: expected a new folder or an empty one, got {shown(path)}; --resume goes on with a "
        "run"
    )
