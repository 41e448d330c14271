"""The bar: drawn a few times a second, and the last epoch always."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, suppress
from typing import Any

import numpy as np
import pytest

import fastnn
from fastnn._training import progress

pytest.importorskip("tqdm")
X, Y = np.random.default_rng(0).random((30, 4)), np.arange(30) % 3


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the bar is told, as the only number of a list."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[io.StringIO, Terminal])
def stderr(request: Any) -> io.StringIO:
    return request.param()


def drawn(stream: io.StringIO) -> list[str]:
    return [part for part in stream.getvalue().replace("\r", "\n").split("\n") if part.strip()]


def test_epochs_within_a_moment_are_drawn_together(clock, stderr):
    with redirect_stderr(stderr), progress.epoch_bar(1000, visible=True) as bar:
        for epoch in range(1000):
            clock[0] += 0.001
            bar.update({"epoch": epoch, "training_cost": 1000.0 - epoch})
    lines = drawn(stderr)
    # At 0, with the first epoch, after each quarter of the second that it takes, and at the end.
    assert 4 <= len(lines) <= 7
    assert "1000/1000" in lines[-1]
    assert "training_cost=1" in lines[-1]
    assert "1/1000" in lines[1]


def test_slow_epochs_are_drawn_one_by_one(clock, stderr):
    with redirect_stderr(stderr), progress.epoch_bar(4, visible=True) as bar:
        for epoch in range(4):
            clock[0] += 10
            bar.update({"epoch": epoch, "training_cost": float(epoch)})
            assert f"{epoch + 1}/4" in drawn(stderr)[-1]
            assert f"training_cost={epoch}" in drawn(stderr)[-1]


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_what_was_not_drawn_yet_is_at_the_end(clock, stderr, error):
    with (
        suppress(KeyboardInterrupt),
        redirect_stderr(stderr),
        progress.epoch_bar(10, visible=True) as bar,
    ):
        for epoch in range(7):
            bar.update({"epoch": epoch, "training_cost": 0.5 * epoch})
        if error:
            raise error
    assert "7/10" in drawn(stderr)[-1]
    assert "training_cost=3" in drawn(stderr)[-1]


def test_a_training_of_many_short_epochs_writes_little(stderr):
    net = fastnn.Network([4, 3], fastnn.LogLikelihoodCost, rng=0)
    with redirect_stderr(stderr):
        history = net.fit(X, Y, epochs=3000, progress=True, validation_data=(X, Y))
    assert len(history) == 3000
    lines = drawn(stderr)
    assert "3000/3000" in lines[-1]
    assert f"training_cost={history['training_cost'][-1]:.4g}" in lines[-1]
    assert f"validation_cost={history['validation_cost'][-1]:.4g}" in lines[-1]
    assert len(lines) < 300  # a drawing an epoch would be 3000


def test_the_bar_of_no_epochs_is_no_error(stderr):
    with redirect_stderr(stderr):
        fastnn.Network([4, 3], rng=0).fit(X, Y, epochs=0, progress=True)
    assert drawn(stderr)
