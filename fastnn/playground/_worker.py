"""The one thread that trains a network, takes orders between epochs, and shows what it has."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fastnn.playground import _pictures
from fastnn.playground._program import Phase
from fastnn.playground._run import Run
from fastnn.playground._settings import Settings

# Epochs a second at each speed; without a number as many as there can be.
SPEEDS: dict[str, float | None] = {"slow": 4, "medium": 40, "fast": None}
COMMANDS = ("run", "pause", "step", "reset")
_FRAME = 0.05  # seconds of training between two looks, at full speed
_MOST_SIZES = 400  # of gradients kept: beyond, every other one is dropped


@dataclass(frozen=True)
class Shown:
    """A training at one moment, never changed: what other threads see.

    Attributes
    ----------
    run : Run
        Of which only ``settings``, ``data`` and ``curves`` up to ``epochs`` may be read.
    number : int
        Which run of this worker it is.
    version : int
        Grows with each that is shown.
    status : {"ready", "running", "paused", "done", "diverged", "failed"}
    detail : str
        What the library said, of one that failed.
    epochs : int
    phases : list of (Settings, int)
    pictures : dict
    """

    run: Run
    number: int
    version: int
    status: str
    detail: str
    epochs: int
    phases: list[Phase]
    pictures: dict[str, Any]


class Worker:
    """A thread with one run at a time.

    Parameters
    ----------
    run : Run

    Attributes
    ----------
    shown : Shown
        Replaced, never changed.
    """

    shown: Shown

    def __init__(self, run: Run) -> None:
        self._run, self._number, self._version = run, 0, 0
        self._status, self._detail = "ready", ""
        self._goal, self._chunk, self._speed = 0, 1, SPEEDS["medium"]
        self._sizes: list[tuple[int, list[float | None]]] = []
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._look()
        self._thread = threading.Thread(target=self._work, name="playground", daemon=True)
        self._thread.start()

    # From other threads.

    def order(self, command: str) -> None:
        """Have one of ``COMMANDS`` done."""
        actions = {
            "run": self._start, "pause": self._pause, "step": self._step, "reset": self._reset,
        }  # fmt: skip
        self._orders.put(actions[command])

    def pace(self, speed: str) -> None:
        """Train from now on at one of ``SPEEDS``."""
        self._orders.put(lambda: self._change_pace(SPEEDS[speed]))

    def begin(self, run: Run) -> None:
        """Leave the run there is, and show another one."""
        self._orders.put(lambda: self._begin(run))

    def go_on_with(self, settings: Settings) -> None:
        """Train the same network from now on by other settings."""
        self._orders.put(lambda: self._go_on_with(settings))

    def wait(self) -> Shown:
        """Return what is shown once all orders before this call are done."""
        done = threading.Event()
        self._orders.put(done.set)
        while not done.wait(0.1) and self._thread.is_alive():
            pass
        return self.shown

    def close(self) -> None:
        """End the thread after the epoch at which it is."""
        self._orders.put(None)
        self._thread.join(timeout=10)

    # In the worker's thread.

    def _work(self) -> None:
        pause = 0.0
        while True:
            try:
                running = self._status == "running"
                order = self._orders.get(timeout=pause) if running else self._orders.get()
            except queue.Empty:
                pause = self._guarded(self._frame)
                continue
            if order is None:
                return
            self._guarded(order)
            pause = 0.0

    def _guarded(self, action: Callable[[], float | None]) -> float:
        """Do ``action``; what it raises is shown, and the thread lives on."""
        try:
            return action() or 0.0
        except Exception as error:  # whatever a setting makes the library say
            self._status, self._detail = "failed", str(error)
            self._version += 1
            self.shown = replace(
                self.shown, version=self._version, status=self._status, detail=self._detail
            )
            return 0.0

    def _frame(self) -> float:
        """Train for a moment, and return for how long to rest after it."""
        began, speed = time.perf_counter(), self._speed
        chunk = self._chunk if speed is None else max(1, round(speed * _FRAME))
        training = self._advance(min(chunk, self._goal - self._run.epochs))
        took = time.perf_counter() - began
        if speed is not None:
            return max(0.0, chunk / speed - took)
        # At least half of the time is training, however long the pictures take.
        if training < max(_FRAME, took - training):
            self._chunk *= 2
        elif training > 3 * _FRAME:
            self._chunk = max(1, self._chunk // 2)
        return 0.0

    def _advance(self, epochs: int) -> float:
        """Train, show what came out, and return the seconds of training."""
        began = time.perf_counter()
        went_well = self._run.train(epochs)
        took = time.perf_counter() - began
        if not went_well:
            self._status = "diverged"
        elif self._run.epochs >= self._goal and self._status == "running":
            self._status = "done"
        self._look()
        return took

    def _look(self) -> None:
        """Show what there is."""
        run = self._run
        if not self._sizes or self._sizes[-1][0] != run.epochs:
            self._sizes.append((run.epochs, _pictures.gradient_sizes(run.network, run.data)))
        if len(self._sizes) > _MOST_SIZES:
            del self._sizes[1:-1:2]
        self._version += 1
        pictures = {
            "answers": _pictures.answers(run.network, run.data),
            "layers": _pictures.layers(run.network, run.data),
            "gradients": [[epoch, *sizes] for epoch, sizes in self._sizes],
        }
        self.shown = Shown(
            run, self._number, self._version, self._status, self._detail, run.epochs,
            run.planned(), pictures,
        )  # fmt: skip

    def _can_train(self) -> bool:
        """Whether it can go on; what diverged or failed begins anew first."""
        return self._status not in ("diverged", "failed")

    def _start(self) -> None:
        if self._can_train():
            epochs = self._run.settings.epochs
            self._goal = (self._run.epochs // epochs + 1) * epochs
            self._status = "running"
            self._look()

    def _pause(self) -> None:
        if self._status == "running":
            self._status = "paused"
            self._look()

    def _step(self) -> None:
        if self._can_train():
            self._status = "paused"
            self._advance(1)

    def _reset(self) -> None:
        self._begin(Run(self._run.settings, self._run.data))

    def _change_pace(self, speed: float | None) -> None:
        self._speed, self._chunk = speed, 1

    def _begin(self, run: Run) -> None:
        self._run, self._sizes, self._chunk = run, [], 1
        self._number += 1
        self._status, self._detail = "ready", ""
        self._look()

    def _go_on_with(self, settings: Settings) -> None:
        if not self._can_train():
            self._begin(Run(settings, self._run.data))
            return
        self._run.settings = settings
        self._look()
