"""The benchmark of many trainings: its contenders train the same, and its sums are right."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

import fastnn  # noqa: F401 before the repository is put on the path: the installed package is meant

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench" / "many.py").exists():
    pytest.skip("the benchmark is not beside the tests", allow_module_level=True)
sys.path.append(str(ROOT))

from bench import many  # noqa: E402
from bench.many import Line  # noqa: E402
from bench.many_peers import TRAINERS, Loop, Many, ScikitLoop, Trainer, orders  # noqa: E402

OPTIONS = argparse.Namespace(count=6, epochs=3, cores=1)


class Known(Trainer):
    """Gives costs that are known, without training."""

    role, distribution, module = "peer", "numpy", "numpy"

    def __init__(self, name: str = "known", costs: tuple[float, ...] = (1.0, 2.0, 3.0)) -> None:
        self.name = self.label = name
        self.costs = np.array(costs)

    def train(self, many: Many) -> np.ndarray:
        return self.costs


def linear(n: int = 150) -> Many:
    """A line that all learn in a few epochs: whoever steps wrongly is far off."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, 3))
    y = X @ [1.0, -2.0, 0.5] + 2
    return Many(X[:70], y[:70], X[70:], y[70:], 16, count=12, epochs=30, batch=16, rate=0.01)


@pytest.mark.parametrize("name", TRAINERS)
def test_everybody_reaches_the_same_cost(name: str) -> None:
    """70 rows in mini-batches of 16: the last one is shorter."""
    trainer = TRAINERS[name]()
    if not trainer.installed():
        pytest.skip(f"{trainer.module} is not installed")
    problem, loop = linear(), Loop()
    loop.share = trainer.share = 1
    with trainer.pools(problem):
        trainer.prepare(problem)
        lines = [Line(each, (1.0,), each.train(problem)) for each in (loop, trainer)]
    assert lines[1].costs.shape == (12,)
    assert lines[0].costs.mean() < 0.1
    assert many.disagreeing(lines) == []


def test_whoever_steps_wrongly_is_told() -> None:
    problem, loop, wrong = linear(), Loop(), ScikitLoop()
    loop.share = wrong.share = 1
    lines = [
        Line(loop, (1.0,), loop.train(problem)),
        Line(wrong, (1.0,), wrong.train(replace(problem, rate=0.002))),
    ]
    (said,) = many.disagreeing(lines)
    assert said.startswith("sklearn: mean validation cost")


def test_nan_is_not_within_noise() -> None:
    lines = [Line(Known(), (1.0,), np.ones(3)), Line(Known(), (1.0,), np.full(3, np.nan))]
    assert len(many.disagreeing(lines)) == 1


def test_each_network_has_an_order_of_its_own() -> None:
    drawn = orders(linear(), 3, np.random.default_rng(0))
    assert np.array_equal(np.sort(drawn, axis=1), np.tile(np.arange(70), (3, 1)))
    assert not np.array_equal(drawn[0], drawn[1])


def test_seconds_are_scaled_to_all_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "SETTLE", 0)
    ticks = iter([10.0, 12.0])
    monkeypatch.setattr(many.time, "perf_counter", lambda: next(ticks))
    seconds, costs = many.clock(Known(), replace(linear(), count=30))
    assert seconds == 2.0 * 30 / 3
    assert len(costs) == 3


def test_table_and_targets() -> None:
    problem = many.problem("float32", OPTIONS)
    assert problem.sizes == (20, 32, 1)
    assert many.flops(problem) == 6 * 3 * 1000 * (3 * 2 * 672 - 2 * 640)
    lines = [Line(Known(name), seconds, np.array([1.0, 2.0, 3.0])) for name, seconds in (
        ("sklearn", (50.0, 60.0, 70.0)), ("torch", (5.0,)), ("jax", (3.0,)), ("fastnn", (1.0,)),
    )]  # fmt: skip
    lines[-1].trainer.role = "ours"
    text = many.table(problem, lines, roof=many.flops(problem) / 0.5)
    assert "| sklearn | 3 | 60 s | 50–70 | 60.0 | 0.8% | 2.0000 ± 0.5774 |" in text
    assert many.judged(lines) == (
        "Targets: sklearn × 60.0 (60: met), torch or jax × 3.0 (4: NOT met).\n"
    )


def test_small_networks_are_measured_in_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {"seconds": 3.0, "mb": 301.0, "ms": 0.1}
    monkeypatch.setattr(many, "START", f"print({json.dumps(found)!r})")
    said = many.small(argparse.Namespace(small=7, cores=1))
    assert said.startswith("7 networks 8-16-1")
    assert "301 MB above the start (300: NOT met)" in said
    assert "0.100 ms (0.2: met)" in said
    monkeypatch.setattr(many, "START", "raise ValueError('no such thing')")
    with pytest.raises(RuntimeError, match="no such thing"):
        many.small(argparse.Namespace(small=7, cores=1))


@pytest.mark.parametrize(("second", "code"), [((1.5, 2.0, 2.5), 0), ((11.0, 11.0, 11.1), 1)])
def test_the_command_writes_a_table_unless_costs_differ(
    second: tuple[float, ...], code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    makers = {"one": lambda: Known("one"), "two": lambda: Known("two", second)}
    for make in makers.values():
        make.installed = lambda: True
    monkeypatch.setattr(many, "TRAINERS", makers)
    monkeypatch.setattr(many, "SETTLE", 0)
    monkeypatch.setattr(many.Roof, "measure", lambda self, cores: 1e9)
    told = ["--dtypes", "float32", "--count", "3", "--repeats", "2", "--output", str(tmp_path)]
    assert many.main(told) == code
    assert (tmp_path / "many.md").exists() == (code == 0)
    printed = capsys.readouterr()
    assert "| one | 3 |" in printed.out
    assert ("not equal: two" in printed.err) == (code == 1)


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        many.main(["tensorflow"])
    assert "unknown contender 'tensorflow'" in capsys.readouterr().err
