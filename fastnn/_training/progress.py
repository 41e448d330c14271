"""A progress bar over the epochs, drawn by tqdm where it is asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastnn._common.extras import require

__all__ = ["Bar", "epoch_bar"]

# Seconds between two drawings: what is not shown is not formatted either.
REDRAWN_AFTER = 0.25
HIDDEN = ("epoch", "seconds", "learning_rate")


class Bar:
    """What the epoch loop talks to: shows the last epoch's numbers now and then, or nothing."""

    def __init__(self, bar: Any = None) -> None:
        self._bar = bar
        self._row: dict[str, Any] = {}
        self._waiting = 0  # epochs that are not drawn yet
        self._drawn = float("-inf")

    @property
    def visible(self) -> bool:
        return self._bar is not None

    def update(self, row: dict[str, Any], n_epochs: int = 1) -> None:
        """Take so many epochs, of which ``row`` is the last one's of the history."""
        if self._bar is None:
            return
        self._row, self._waiting = row, self._waiting + n_epochs
        now = time.perf_counter()
        if now - self._drawn >= REDRAWN_AFTER:
            self._drawn = now
            self.take_waiting()
            self._bar.refresh()

    def take_waiting(self) -> None:
        """Let tqdm know of all epochs so far, which it draws when it is refreshed, or ends."""
        shown = {k: f"{v:.4g}" for k, v in self._row.items() if k not in HIDDEN}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(self._waiting)
        self._waiting = 0


@contextmanager
def epoch_bar(epochs: int, visible: bool) -> Iterator[Bar]:
    """Show a bar of ``epochs`` steps on standard error while the block runs.

    It is redrawn a few times a second, and once more at the end.

    Raises
    ------
    ImportError
        If ``visible`` and tqdm is not installed.
    """
    if not visible:
        yield Bar()
        return
    tqdm = require("tqdm", extra="progress")
    # Drawn by us alone: tqdm's own times would add to ours.
    with tqdm.tqdm(total=epochs, unit="epoch", mininterval=float("inf")) as bar:
        shown = Bar(bar)
        try:
            yield shown
        finally:
            shown.take_waiting()
