"""The works of the benchmark give the same bits by any number of workers, more than there are
processors among them."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from fastnn._core import engine  # the installed one, before the repository is put on the path

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench" / "epoch.py").exists():
    pytest.skip("the benchmark is not beside the tests", allow_module_level=True)
sys.path.append(str(ROOT))

from bench.contenders.networks import Fastnn  # noqa: E402
from bench.data import Arrays, synthetic  # noqa: E402
from bench.problem import make_problem  # noqa: E402
from bench.works import WORKS, Work  # noqa: E402

COUNTS = (2, 3, 4, 8, 16)
TRAINED = [name for name, work in WORKS.items() if not work.predict_rows]
# Rows of a prediction: one block, and several, which workers share in two ways.
PREDICTED = (7, 300, 700)


def in_small(work: Work) -> Work:
    """Return the work on rows enough for a whole mini-batch, or two, and one that is shorter."""
    whole = 1 if work.batch > 100 else 2
    return replace(work, rows=whole * work.batch + work.batch // 3 + 1, epochs=1)


@pytest.fixture(scope="module", params=TRAINED)
def work(request: pytest.FixtureRequest) -> Work:
    return in_small(WORKS[request.param])


def trained(work: Work, n_threads: int) -> Fastnn:
    rows = synthetic(work.rows, work)
    contender = Fastnn()
    contender.n_threads = n_threads
    contender.setup(make_problem(work, Arrays(*rows, *rows), shuffle=True))
    contender.train()
    return contender


def numbers(contender: Fastnn) -> np.ndarray:
    return np.concatenate([np.ravel(each) for each in chain(*contender.parameters())])


def test_a_training_gives_the_same_bits(work: Work) -> None:
    alone = numbers(trained(work, 1))
    assert np.isfinite(alone).all()
    for n in COUNTS:
        np.testing.assert_array_equal(numbers(trained(work, n)), alone, err_msg=f"{n} workers")


def test_a_prediction_gives_the_same_bits(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    contender = trained(work, 1)
    X, _ = synthetic(max(PREDICTED), work, seed=1)

    def predicted(n: int) -> list[np.ndarray]:
        monkeypatch.setattr(engine, "usable", lambda: n)
        return [contender.predict(X[:rows]) for rows in PREDICTED]

    alone = predicted(1)
    for n in COUNTS:
        for one, several in zip(alone, predicted(n), strict=True):
            np.testing.assert_array_equal(several, one, err_msg=f"{n} workers")
