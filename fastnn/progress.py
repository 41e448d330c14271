"""A progress bar over the epochs, drawn by tqdm where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastnn._extras import require


class _Bar:
    """What the epoch loop talks to: shows the last epoch's numbers, or nothing at all."""

    def __init__(self, bar: Any = None) -> None:
        self._bar = bar

    def update(self, row: dict[str, Any]) -> None:
        if self._bar is None:
            return
        hidden = ("epoch", "seconds", "learning_rate")
        self._bar.set_postfix({k: f"{v:.4g}" for k, v in row.items() if k not in hidden})
        self._bar.update()


@contextmanager
def epoch_bar(epochs: int, visible: bool) -> Iterator[_Bar]:
    """Show a bar of ``epochs`` steps on standard error while the block runs.

    Raises
    ------
    ImportError
        If ``visible`` and tqdm is not installed.
    """
    if not visible:
        yield _Bar()
        return
    tqdm = require("tqdm", extra="progress")
    with tqdm.tqdm(total=epochs, unit="epoch") as bar:
        yield _Bar(bar)
