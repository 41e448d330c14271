"""The benchmark: every contender computes what the reference computes, and the sums are right."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fastnn  # before the repository is put on the path: the installed package is meant

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench" / "epoch.py").exists():
    pytest.skip("the benchmark is not beside the tests", allow_module_level=True)
sys.path.append(str(ROOT))

from bench import epoch, timing  # noqa: E402
from bench.checking import NotEqual, check, largest_difference, train_once  # noqa: E402
from bench.contenders import CONTENDERS  # noqa: E402
from bench.contenders.base import Parameters, RowOrder  # noqa: E402
from bench.contenders.numpy_by_hand import NumpyByHand  # noqa: E402
from bench.data import Arrays  # noqa: E402
from bench.problem import make_problem  # noqa: E402
from bench.roofline import Roof  # noqa: E402
from bench.works import GROUPS, WORKS, Work  # noqa: E402

TINY = {
    "decay": (Work("decay", "none", (7, 5, 3), batch=5, lmbda=2.0), 40),
    "short last batch": (Work("short", "none", (7, 5, 4, 3), batch=6), 40),
    "quadratic": (Work("quadratic", "none", (7, 5, 3), eta=3.0, cost="quadratic"), 40),
    "relu": (
        Work("relu", "none", (7, 6, 5, 3), 8, 0.1, activation="relu", cost="log_likelihood"),
        44,
    ),
    "several epochs": (Work("epochs", "none", (7, 5, 3), batch=6, epochs=3), 40),
    "full batch": (Work("full", "none", (7, 5, 3), batch=50, shuffle=False, epochs=4), 40),
    "one output": (Work("one", "none", (7, 6, 1), batch=8), 40),
    "batch norm": (
        Work("norm", "none", (7, 6, 5, 3), 8, 0.1, cost="log_likelihood", batch_norm=True),
        44,
    ),
    "batch norm, ReLU": (
        Work("norm", "none", (7, 6, 5, 3), 8, 0.1, lmbda=1.0, activation="relu", batch_norm=True),
        40,
    ),
}
PREDICTIONS = (
    Work("row", "none", (7, 5, 3), predict_rows=1),
    Work("rows", "none", (7, 6, 5, 3), activation="relu", cost="log_likelihood", predict_rows=20),
    Work("one", "none", (7, 5, 1), predict_rows=9),
)


def arrays_of(n: int, dtype: str = "float64", classes: int = 3) -> Arrays:
    """Separable classes in 7 dimensions."""
    generator = np.random.default_rng(5)
    labels = np.arange(n) % classes
    X = (generator.random((n, 7)) + np.eye(classes, 7)[labels]).astype(dtype)
    return Arrays(X, labels, X[:20], labels[:20])


PAIRS = [
    (name, case)
    for name, contender in CONTENDERS.items()
    for case in TINY
    if name != "reference" and not contender().refuses(*TINY[case])
]


@pytest.mark.parametrize(("name", "case"), PAIRS)
def test_contender_equals_the_reference(name: str, case: str) -> None:
    contender = CONTENDERS[name]
    pytest.importorskip(contender.module)
    work, n = TINY[case]
    arrays = arrays_of(n, classes=max(2, work.sizes[-1]))
    checks = check(work, arrays, [CONTENDERS["reference"](), contender()])
    assert checks[name].difference <= 1e-12
    assert checks[name].accuracy == checks["reference"].accuracy


@pytest.mark.parametrize("work", PREDICTIONS, ids=lambda work: work.name)
@pytest.mark.parametrize("name", [name for name in CONTENDERS if name != "reference"])
def test_contender_predicts_as_the_reference(name: str, work: Work) -> None:
    contender = CONTENDERS[name]()
    pytest.importorskip(contender.module)
    arrays = arrays_of(20, classes=max(2, work.sizes[-1]))
    if name == "fastnn_1":
        assert contender.refuses(work, 20) == "predict takes no n_threads"
        return
    checks = check(work, arrays, [CONTENDERS["reference"](), contender])
    assert checks[name].difference <= 1e-14
    problem = make_problem(work, arrays, shuffle=False)
    assert contender.predict(problem.X).shape == (20, work.sizes[-1])


@pytest.mark.parametrize("name", ["torch", "torch_by_hand", "jax", "fastnn"])
def test_dropout_drops_and_is_checked_by_accuracy(name: str) -> None:
    pytest.importorskip(CONTENDERS[name].module)
    work = replace(TINY["batch norm"][0], dropout=0.5, eta=0.01, dtype="float32", epochs=2)
    arrays = arrays_of(44, "float32")
    found = {}
    for rate in (0.0, 0.5):
        contender = CONTENDERS[name]()
        contender.setup(make_problem(replace(work, dropout=rate), arrays, shuffle=False))
        contender.train()
        found[rate] = Parameters(*([p.copy() for p in kind] for kind in contender.parameters()))
    assert 1e-5 < largest_difference(found[0.0], found[0.5]) < 1.0
    checks = check(work, arrays, [CONTENDERS["fastnn"](), CONTENDERS[name]()])
    assert checks[name].accuracy >= 0


def test_scikit_learn_refuses_what_it_computes_otherwise() -> None:
    refuses = CONTENDERS["sklearn"]().refuses
    assert refuses(*TINY["quadratic"]) == "its classifier has no quadratic cost"
    assert "the last one is shorter" in str(refuses(TINY["decay"][0], 41))
    assert "neither batch norm" in str(refuses(*TINY["batch norm"]))
    assert [name for name, _ in PAIRS].count("sklearn") == 6
    assert [name for name, _ in PAIRS].count("numpy") == 7
    assert len(PAIRS) == 9 * (len(CONTENDERS) - 1) - 5


@pytest.mark.parametrize("name", ["numpy", "fastnn"])
def test_contender_trains_in_float32_and_shuffles(name: str) -> None:
    work = replace(TINY["decay"][0], dtype="float32")
    contender = CONTENDERS[name]()
    problem = make_problem(work, arrays_of(40, "float32"), shuffle=True)
    contender.setup(problem)
    contender.train()
    trained = contender.parameters()
    assert {p.dtype for p in [*trained.weights, *trained.biases]} == {np.dtype("float32")}
    in_order = CONTENDERS[name]()
    in_order.setup(replace(problem, shuffle=False))
    in_order.train()
    assert 1e-6 < largest_difference(trained, in_order.parameters()) < 1.0


def test_training_leaves_the_problem_as_it_was() -> None:
    work, n = TINY["decay"]
    problem = make_problem(work, arrays_of(n), shuffle=True)
    kept = [p.copy() for p in (problem.X, problem.Y, *problem.weights, *problem.biases)]
    for name in ("reference", "numpy", "fastnn"):
        contender = CONTENDERS[name]()
        contender.setup(problem)
        contender.train()
    for before, after in zip(
        kept, (problem.X, problem.Y, *problem.weights, *problem.biases), strict=True
    ):
        np.testing.assert_array_equal(before, after)


class Slower(NumpyByHand):
    """The same with half the learning rate: what the check is there to find."""

    name = "slower"

    def setup(self, problem) -> None:
        super().setup(replace(problem, work=replace(problem.work, eta=problem.work.eta / 2)))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_check_finds_another_algorithm(dtype: str) -> None:
    work = replace(TINY["decay"][0], dtype=dtype)
    with pytest.raises(NotEqual, match=r"decay in float64: the parameters of slower differ"):
        check(work, arrays_of(40, dtype), [NumpyByHand(), Slower()])


def test_check_of_float32_reports_the_float32_run() -> None:
    work = replace(TINY["decay"][0], dtype="float32")
    checks = check(work, arrays_of(40, "float32"), [CONTENDERS["reference"](), NumpyByHand()])
    assert 0 < checks["numpy"].difference < 1e-5
    assert checks == train_once(
        work, arrays_of(40, "float32"), [CONTENDERS["reference"](), NumpyByHand()]
    )


def test_largest_difference_sees_biases_nan_and_shapes() -> None:
    one = Parameters([np.zeros((2, 2))], [np.zeros(2)])

    def other(w: np.ndarray, b: np.ndarray, *gammas: np.ndarray) -> Parameters:
        return Parameters([w], [b], list(gammas))

    assert largest_difference(one, other(np.zeros((2, 2)), np.array([0.0, -3.0]))) == 3.0
    assert largest_difference(one, other(np.full((2, 2), np.nan), np.zeros(2))) == np.inf
    assert largest_difference(one, other(np.zeros((2, 1)), np.zeros(2))) == np.inf
    assert largest_difference(one, other(np.zeros((2, 2)), np.zeros(2), np.ones(2))) == np.inf


def test_row_order_is_a_fresh_permutation() -> None:
    work, n = TINY["decay"]
    order = RowOrder(make_problem(work, arrays_of(n), shuffle=True))
    first, second = order.next().copy(), order.next().copy()
    assert sorted(first) == sorted(second) == list(range(n))
    assert (first != second).any()
    kept = RowOrder(make_problem(work, arrays_of(n), shuffle=False))
    np.testing.assert_array_equal(kept.next(), np.arange(n))


@pytest.mark.parametrize(
    ("seconds", "threads"),
    [({1: 1.0}, 1), ({1: 1.0, 2: 0.98}, 1), ({1: 1.0, 2: 0.9}, 2), ({1: 1.0, 2: 1.5, 4: 0.5}, 4)],
)
def test_choice_of_threads(seconds: dict[int, float], threads: int) -> None:
    assert timing.choose(seconds) == threads


def test_rounds_are_interleaved_after_a_warm_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Noted(NumpyByHand):
        def __init__(self, name: str) -> None:
            self.name = name

        def train(self) -> None:
            seen.append(self.name)

    monkeypatch.setattr(timing, "SETTLE", 0)
    monkeypatch.setattr(timing, "probe", lambda *_: {1: 1.0, 2: 0.5})
    work, n = TINY["decay"]
    rounds = timing.interleave(
        work, arrays_of(n), [Noted("a"), Noted("b")], 3, 2, Roof(work.dtype, 8)
    )
    timings = rounds.timings
    assert sorted(rounds.roofs) == [1, 2]
    assert min(rounds.roofs.values()) > 0
    assert seen == ["a", "b"] * 4
    assert [len(timings[name].seconds) for name in "ab"] == [3, 3]
    assert timings["a"].threads == 2


def test_reference_is_timed_on_fewer_rows_and_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(timing, "clock", lambda _, problem: asked.append(problem) or 2.0)
    monkeypatch.setattr(timing, "probe", lambda *_: {})
    work = replace(TINY["decay"][0], epochs=30, reference_rows=10)
    both = [CONTENDERS["reference"](), NumpyByHand()]
    timings = timing.interleave(work, arrays_of(40), both, 1, 1).timings
    assert [(len(p.X), p.work.epochs) for p in asked[:2]] == [(10, 10), (40, 30)]
    assert timings["reference"] == timing.Timing((8.0,), 1, {}, rows=10)
    assert timings["numpy"] == timing.Timing((2.0,), 1, {})


def test_clock_gives_seconds_of_the_epochs_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(NumpyByHand):
        def train(self) -> float:
            return 12.0

    monkeypatch.setattr(timing, "SETTLE", 0)
    work = replace(TINY["decay"][0], epochs=6)
    for per, seconds in ((1, 2.0), (6, 12.0)):
        problem = make_problem(replace(work, per=per), arrays_of(40), shuffle=False)
        assert timing.clock(Own(), problem) == seconds


def test_command_writes_table_and_chart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(timing, "SETTLE", 0)
    skip = [name for name in CONTENDERS if name not in ("numpy", "fastnn")]
    monkeypatch.setattr(epoch, "Roof", lambda dtype: Roof(dtype, 16))
    options = ["--repeats", "2", "--rows", "200", "--skip", *skip, "--output", str(tmp_path)]
    code = epoch.main(["digits30", *options])
    text = (tmp_path / "epoch.md").read_text("utf-8")
    assert code == 0
    assert "## digits30" in text
    assert f"fastnn {fastnn.__version__}" in text
    rows = [line for line in text.splitlines() if line.startswith(("| NumPy", "| fastnn"))]
    assert len(rows) == 2
    assert "200 rows" in text
    assert all(row in capsys.readouterr().out for row in rows[:1])
    assert (tmp_path / "epoch.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch.md", "epoch.png"]


def test_command_without_mnist_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "nowhere")
    assert epoch.main(["nielsen30", "--mnist", missing, "--output", str(tmp_path)]) == 2
    assert "nielsen30 skipped: no MNIST folder at" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nielsen31"], "unknown work 'nielsen31'"),
        (["--repeats", "0"], "expected a whole number from 1, got '0'"),
        (["--repeats", "many"], "expected a whole number from 1, got 'many'"),
        (["--skip", "tensorflow"], "invalid choice: 'tensorflow'"),
    ],
)
def test_command_refuses_bad_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        epoch.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_groups_stand_for_works() -> None:
    assert epoch.expand(["predict", "tiny", "predict_row20"]) == [*GROUPS["predict"], "tiny"]
    assert epoch.expand(["all"]) == list(WORKS)
    assert [name for name in WORKS if name.startswith("predict")] == GROUPS["predict"]


def test_works_are_named_and_described() -> None:
    for name, work in WORKS.items():
        assert work.name == name
        assert "-".join(map(str, work.sizes)) in work.describe()
    assert "relu + batch norm + dropout 0.2 + log-likelihood" in WORKS["bn512"].describe()
    assert WORKS["predict_row20"].describe().startswith("prediction of 1 row, 20-32-1")
    assert WORKS["tiny"].unit() == "for 1000 epochs"
