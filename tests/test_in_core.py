"""A training in the core must not be told from the same one with Python between its epochs."""

from __future__ import annotations

import random
import threading
import time
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import modest

import fastnn
from fastnn import history as history_module
from fastnn import optimizers, schedules
from fastnn._core import engine
from fastnn._core.epoch_loop import EpochLoop
from fastnn._core.epoch_options import Epoch
from fastnn._core.judge import Judge, Measure
from fastnn._data.inputs import as_source
from fastnn._data.rows import Rows
from fastnn._training import interruption
from fastnn.book import network2
from fastnn.costs import LogLikelihoodCost
from fastnn.normalization import GroupNorm
from fastnn.regularizers import L1, L1L2, L2, MaxNorm
from fastnn.schedules import HalveOnPlateau
from fastnn.stopping import EarlyStopping

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(30, 3)), RNG.integers(0, 2, 30)
JUDGED = RNG.normal(size=(300, 3)), RNG.integers(0, 2, 300)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many epochs each call of the compiled core ran."""
    numbers: list[int] = []
    inner = engine._epoch.train_epoch

    def counted(*arguments: Any) -> float:
        cost = inner(*arguments)
        loop = arguments[16]
        numbers.append(1 if loop is None else loop.n_trained)
        return cost

    monkeypatch.setattr(engine._epoch, "train_epoch", counted)
    return numbers


def nothing(net: object, history: object) -> None:
    """A callback: with it, Python is asked after each epoch."""


def new_network(sizes: list[int] | None = None, **options: Any) -> fastnn.Network:
    return fastnn.Network(sizes or [3, 4, 2], **{"rng": 1, **options})


def without_seconds(history: fastnn.History) -> list[dict[str, Any]]:
    return [{name: x for name, x in row.items() if name != "seconds"} for row in history]


def in_both_ways(
    make: Any, told: dict[str, Any], data: tuple[Any, Any] = (X, LABELS), times: int = 1
) -> tuple[fastnn.Network, fastnn.Network]:
    """Train one network each way, and compare all there is."""
    with_python, in_core = make(), make()
    for _ in range(times):
        random.seed(3)
        before = random.getstate()
        alone = with_python.fit(*data, callbacks=[nothing], **told)
        drawn = random.getstate()
        random.setstate(before)
        together = in_core.fit(*data, **told)
        assert random.getstate() == drawn
        assert repr(without_seconds(together)) == repr(without_seconds(alone))
        assert all(row["seconds"] > 0 for row in together)
    for a, b in zip(with_python.snapshot(), in_core.snapshot(), strict=True):
        np.testing.assert_array_equal(a, b)
    one, other = with_python.training_state, in_core.training_state
    assert (one.epochs, one.seed, one.plateau) == (other.epochs, other.seed, other.plateau)
    np.testing.assert_array_equal(one.masks, other.masks)
    generator = with_python.random_source
    if isinstance(generator, np.random.Generator):
        state = in_core.random_source.bit_generator.state
        assert repr(generator.bit_generator.state) == repr(state)
    return with_python, in_core


CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({}, {"shuffle": False}),
    ({"rng": None, "initializer": "zeros"}, {}),
    ({"rng": np.random.Generator(np.random.MT19937(5))}, {"epochs": 1}),
    ({"dtype": "float32", "activation": "relu"}, {"batch_size": 7, "n_threads": 3}),
    ({"normalization": "batch", "dropout": 0.3}, {"optimizer": optimizers.Adam()}),
    ({"normalization": "layer"}, {"regularizer": MaxNorm(0.5)}),
    ({}, {"optimizer": optimizers.Rprop(), "batch_size": 30, "n_threads": 2}),
    ({}, {"regularizer": L2(0.1), "validation_data": JUDGED}),
    ({"dtype": "float32"}, {"regularizer": L1L2(0.1, 0.2), "metrics": ["r2", "accuracy"]}),
    ({}, {"schedule": schedules.exponential(0.9), "validation_data": JUDGED}),
    ({"dropout": 0.2}, {"schedule": {"dropout": schedules.warm_up(5), "decay": schedules.step(3)},
                        "regularizer": L1(0.1)}),
    ({}, {"schedule": schedules.join([schedules.warm_up(2), schedules.cosine(9)], [2])}),
    ({}, {"stopping": EarlyStopping(3, monitor="training_cost"), "learning_rate": 3.0}),
    ({}, {"stopping": 2, "validation_data": JUDGED, "optimizer": "adam", "learning_rate": 0.1}),
    ({}, {"stopping": EarlyStopping(2, restore_best=False), "validation_data": JUDGED}),
    ({}, {"schedule": HalveOnPlateau(1, factor=0.1, until=0.001), "validation_data": JUDGED}),
    ({}, {"schedule": HalveOnPlateau(2, monitor="validation_cost", min_delta=0.01),
          "validation_data": JUDGED, "stopping": EarlyStopping(9), "learning_rate": 2.0}),
    ({"cost": fastnn.LogLikelihoodCost}, {"class_weight": "balanced", "validation_data": JUDGED,
                                          "label_smoothing": 0.1}),
    ({"cost": fastnn.QuadraticCost, "output": "identity"},
     {"metrics": ["mean_squared_error", "mean_absolute_error"], "validation_data": JUDGED}),
]  # fmt: skip


@pytest.mark.parametrize("options, told", CASES)
def test_both_ways_are_the_same(
    options: dict[str, Any],
    told: dict[str, Any],
    calls: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # However slow an epoch is where others work too.
    monkeypatch.setattr("fastnn._training.in_core.PAUSE", 3600.0)

    def make() -> fastnn.Network:
        own = dict(options)
        if isinstance(own.get("rng"), np.random.Generator):
            own["rng"] = np.random.Generator(np.random.MT19937(5))
        return new_network(**own)

    in_both_ways(make, {"epochs": 40, "learning_rate": 0.1, **told}, times=2)
    n_epochs = sum(calls) // 2
    # With Python each epoch is a call of its own; in the core all of a training are one.
    assert len(calls) - n_epochs == (n_epochs if "dropout" in str(told) else 2)


COSTS: list[tuple[Any, str]] = [
    (fastnn.QuadraticCost, "sigmoid"),
    (fastnn.QuadraticCost, "softmax"),
    (fastnn.CrossEntropyCost, "sigmoid"),
    (fastnn.CrossEntropyCost, "softmax"),
    (fastnn.LogLikelihoodCost, "softmax"),
    (fastnn.LogLikelihoodCost, "sigmoid"),
    (fastnn.HuberCost(0.3), "identity"),
    (fastnn.costs.PoissonCost, "exp"),
]


@modest
@given(
    sizes=st.lists(st.integers(2, 40), min_size=2, max_size=4),
    n=st.integers(2, 90),
    n_judged=st.integers(1, 400),
    cost=st.sampled_from(COSTS),
    dtype=st.sampled_from(["float32", "float64"]),
    norm=st.sampled_from([None, "layer", GroupNorm(1)]),
    batch_size=st.integers(1, 100),
    n_threads=st.integers(1, 3),
    seed=st.integers(0, 10**6),
    told=st.fixed_dictionaries(
        {},
        optional={
            "regularizer": st.sampled_from([L2(0.3), L1(0.2), L1L2(0.1, 0.1), MaxNorm(1.0)]),
            "optimizer": st.sampled_from(["rmsprop", "adam", "adagrad", "adamw"]),
            "schedule": st.sampled_from([schedules.one_cycle(4), schedules.inverse_time(0.1)]),
            "stopping": st.sampled_from([EarlyStopping(1, monitor="validation_cost")]),
            "metrics": st.sampled_from([["r2"], ["accuracy", "mean_absolute_error"]]),
            "shuffle": st.just(False),
        },
    ),
)
def test_for_any_shape(
    sizes: list[int], n: int, n_judged: int, cost: tuple[Any, str], dtype: str, norm: Any,
    batch_size: int, n_threads: int, seed: int, told: dict[str, Any],
) -> None:  # fmt: skip
    draw = np.random.default_rng(seed)
    n_out = sizes[-1]
    judged = draw.normal(size=(n_judged, sizes[0])), draw.uniform(size=(n_judged, n_out))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some diverge
        in_both_ways(
            lambda: fastnn.Network(
                sizes, cost[0], output=cost[1], dtype=dtype, normalization=norm, rng=seed
            ),
            {"epochs": 5, "batch_size": batch_size, "n_threads": n_threads, "learning_rate": 0.05,
             "validation_data": judged, **told},
            (draw.normal(size=(n, sizes[0])), draw.uniform(size=(n, n_out))),
        )  # fmt: skip


@pytest.mark.parametrize("monitor_training", [True, False])
def test_sgd_of_the_model(monitor_training: bool, calls: list[int]) -> None:
    """Its order is shuffled on from epoch to epoch, its accuracies are counts."""
    data = list(zip(X[:, :, np.newaxis], np.eye(2)[LABELS][:, :, np.newaxis], strict=True))
    told = {
        "lmbda": 0.1,
        "evaluation_data": list(zip(X[:, :, np.newaxis], LABELS, strict=True)),
        "monitor_evaluation_cost": True,
        "monitor_evaluation_accuracy": True,
        "monitor_training_cost": monitor_training,
        "monitor_training_accuracy": monitor_training,
    }
    lists = []
    for callbacks in ([nothing], []):
        random.seed(5)
        net = new_network(rng=None, initializer="zeros")
        lists.append(net.SGD(data, 20, 10, 0.5, callbacks=callbacks, **told))
        lists[-1] += (net.parameters.tolist(), random.getstate())
    assert repr(lists[0]) == repr(lists[1])
    assert calls[:20] == [1] * 20 and calls[20:] == [20]


def own_schedule(epoch: float) -> float:
    return 0.5


class OwnRule(EarlyStopping):
    """A rule of a user's, which may do anything."""


class OwnGenerator(np.random.Generator):
    """One that may shuffle in its own way."""


def own_metric(outputs: np.ndarray, targets: np.ndarray) -> float:
    return 1.0


@pytest.mark.parametrize(
    "options, told",
    [
        ({}, {"metrics": [own_metric]}),
        ({}, {"schedule": own_schedule}),
        ({}, {"schedule": schedules.product(schedules.step(2), own_schedule)}),
        ({}, {"schedule": {"decay": own_schedule}}),
        ({}, {"stopping": OwnRule(monitor="training_cost")}),
        ({}, {"schedule": schedules.cosine(3), "time_limit": 100.0}),
        ({"rng": OwnGenerator(np.random.PCG64(1))}, {}),
    ],
)
def test_python_is_asked_where_it_must_be(
    options: dict[str, Any], told: dict[str, Any], calls: list[int]
) -> None:
    new_network(**options).fit(X, LABELS, epochs=10, **told)
    assert len(calls) >= 10 and set(calls) == {1}


def test_a_cost_in_python_is_asked() -> None:
    class Own(fastnn.QuadraticCost):
        n_calls = 0

        @staticmethod
        def delta(z: Any, a: Any, y: Any) -> Any:
            Own.n_calls += 1
            return a - y

    new_network(cost=Own).fit(X, LABELS, epochs=4, batch_size=30)
    assert Own.n_calls == 4


def test_a_program_of_the_book_is_called_after_each_epoch(calls: list[int]) -> None:
    net = network2.Network([3, 4, 2])
    net.fit(X, LABELS, epochs=5, shuffle=False)
    assert calls == [1] * 5


def test_rows_are_not_made_between_calls(calls: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    rows_of = history_module._rows_of
    made: list[tuple[int, int]] = []

    def counted(columns: Any) -> Any:
        made.append((len(calls), len(columns["epoch"])))
        return rows_of(columns)

    monkeypatch.setattr(history_module, "_rows_of", counted)
    history = new_network().fit(X, LABELS, epochs=20_000, batch_size=30)
    assert len(calls) > 1 and sum(calls) == 20_000
    assert not made
    assert history["epoch"] == list(range(1, 20_001))
    assert [n for n, _ in made] == [len(calls)] * len(calls)


def diverged(callbacks: list[Any], **told: Any) -> tuple[fastnn.Network, Any, list[str]]:
    net = fastnn.Network([3, 4, 2], fastnn.QuadraticCost, output="identity", rng=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = net.fit(
            X, LABELS, epochs=5000, batch_size=30, learning_rate=5, callbacks=callbacks,
            optimizer=optimizers.SGD(momentum=0.9), **told,
        )  # fmt: skip
    return net, history, [str(each.message) for each in caught]


@pytest.mark.parametrize("told", [{}, {"validation_data": JUDGED}, {"regularizer": L2(0.1)}])
def test_divergence_is_put_back_to_where_its_epoch_began(
    told: dict[str, Any], calls: list[int]
) -> None:
    one, alone, texts = diverged([nothing], **told)
    calls.clear()
    many, together, same_texts = diverged([], **told)
    assert max(calls) > 1 and 2 < len(alone) < 5000
    assert same_texts == texts and len(texts) == 1
    assert repr(without_seconds(together)) == repr(without_seconds(alone))
    for a, b in zip(one.snapshot(), many.snapshot(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert many.training_state.epochs == one.training_state.epochs


def test_a_cost_that_is_not_finite_is_told_of() -> None:
    """An infinite validation cost warns once, and of the epoch that it was first seen in."""
    far = np.full((3, 3), 1e300), np.full((3, 2), 1e300)
    texts = []
    for callbacks in ([nothing], []):
        net = fastnn.Network([3, 4, 2], fastnn.QuadraticCost, output="identity", rng=1)
        with pytest.warns(RuntimeWarning, match="no longer finite") as caught:
            net.fit(X, LABELS, epochs=3, validation_data=far, callbacks=callbacks)
        texts.append([str(each.message) for each in caught])
    assert texts[0] == texts[1]


def test_ctrl_c_leaves_the_epochs_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = engine._epoch.train_epoch
    n_calls = 0

    def interrupted(*arguments: Any) -> float:
        nonlocal n_calls
        inner(*arguments)
        n_calls += 1
        if n_calls == 2:
            raise KeyboardInterrupt
        return 0.0

    monkeypatch.setattr(engine._epoch, "train_epoch", interrupted)
    net, other = new_network(), new_network()
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, LABELS, epochs=10**6, batch_size=10)
    state = net.training_state
    assert state.epochs > 1000 and state.steps == 3 * state.epochs
    other.fit(X, LABELS, epochs=state.epochs, batch_size=10, callbacks=[nothing])
    np.testing.assert_array_equal(net.parameters, other.parameters)
    assert net.random_source.bit_generator.state == other.random_source.bit_generator.state


def test_the_time_limit_ends_it(calls: list[int]) -> None:
    began = time.perf_counter()
    history = new_network().fit(X, LABELS, epochs=10**9, time_limit=0.3)
    assert 0.3 <= time.perf_counter() - began < 3
    assert len(history) > len(calls) and sum(calls) == len(history)


def test_the_time_limit_cuts_an_epoch() -> None:
    rows = np.zeros((400_000, 30))
    net = fastnn.Network([30, 50, 1], rng=0)
    history = net.fit(rows, rows[:, 0], epochs=10, batch_size=1, time_limit=0.05, n_threads=1)
    assert len(history) == 1 and 0 < net.training_state.steps < 400_000
    assert np.isfinite(history["training_cost"]).all()


def test_another_thread_ends_it() -> None:
    """Within the block, and not afterwards."""
    asked = threading.Event()
    net = new_network()
    ended: list[float] = []

    def train() -> None:
        with interruption.ended_by(asked.is_set):
            try:
                net.fit(X, LABELS, epochs=10**9)
            except KeyboardInterrupt:
                ended.append(time.perf_counter())

    thread = threading.Thread(target=train)
    thread.start()
    time.sleep(0.2)
    asked.set()
    thread.join(20)
    assert ended and net.training_state.epochs > 0
    with interruption.ended_by(lambda: False):
        net.fit(X, LABELS, epochs=2)
    net.fit(X, LABELS, epochs=2)


def test_a_shared_generator_serves_two_trainings_in_turn() -> None:
    """Its lock is held while the core draws, and no draw is lost or made twice."""
    shared = np.random.default_rng(0)
    nets = [fastnn.Network([3, 4, 2], rng=shared) for _ in range(2)]
    told = {"epochs": 300, "batch_size": 30}
    threads = [threading.Thread(target=net.fit, args=(X, LABELS), kwargs=told) for net in nets]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    other = np.random.default_rng(0)
    for _ in range(2):
        fastnn.Network([3, 4, 2], rng=other)
    for _ in range(600):
        other.shuffle(np.arange(30))
    assert shared.bit_generator.state == other.bit_generator.state


def test_a_judge_of_another_network_is_refused() -> None:
    net, other = new_network(), new_network([3, 5, 2])
    rows = net._arrays(X, LABELS)
    for wrong in (other, new_network(dtype="float32")):
        judge = wrong._engine.judge(wrong, wrong._arrays(X, LABELS), 0.0)
        order, record = np.arange(30), np.empty((1, 5))
        measures = ((judge, int(Measure.MEAN_COST), 0.0, 0.0),)
        loop = EpochLoop(order, np.ones((1, 1)), record, 0, measures=measures)
        epoch = Epoch(
            batch_size=30, optimizer=optimizers.SGD(), penalty=L2(0.0), n=30, rates=np.ones(1),
            slots=np.empty((0, 0)), counter=np.zeros(1, np.uint64), with_cost=True,
        )  # fmt: skip
        before = net.parameters.copy()
        with pytest.raises(ValueError, match="measures: expected judges of 26 parameters"):
            net._engine.run_loop(net, rows, order, epoch, loop)
        np.testing.assert_array_equal(net.parameters, before)


ORDER, RATES, RECORD = np.arange(30), np.ones((1, 1)), np.empty((3, 4))


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"record": np.empty((0, 4))}, "record: expected one epoch or more of 4 columns"),
        ({"record": np.empty((3, 5))}, r"record: expected .* got \(3, 5\)"),
        ({"with_cost": False}, "record: expected one epoch or more of 3 columns"),
        ({"rates": np.ones((2, 1))}, "rates: expected those of 1 or 3 epochs, got 2"),
        ({"order": np.arange(0)}, "record: expected"),
        ({"standing": [(np.zeros(2), np.zeros(3))]}, "copies: expected arrays alike"),
        ({"standing": [(ORDER, ORDER)] * 5}, "copies: expected at most 4 pairs, got 5"),
        ({"orders": np.zeros((2, 30), int)}, r"orders: expected \(3, 30\) .* got \(2, 30\)"),
        ({"orders": np.zeros((3, 20), int)}, r"orders: expected \(3, 30\) .* got \(3, 20\)"),
    ],
)
def test_a_loop_of_other_shapes_is_refused(changes: dict[str, Any], text: str) -> None:
    order = changes.pop("order", ORDER)
    rates, record = changes.pop("rates", RATES), changes.pop("record", RECORD)
    with pytest.raises(ValueError, match=text):
        EpochLoop(order, rates, record, 0, **changes)


# Epochs of rows that are told, and a judge of just these rows.


def following(net: fastnn.Network, m: int, rows: Any, **of_judge: Any) -> Judge:
    """Return a judge that follows the rows of each epoch, as many as ``m``."""
    own = [np.zeros((m, n), net.dtype) for n in (net.sizes[0], net.sizes[-1])]
    told = {"row_weights": np.empty(0, net.dtype), "plan_of_z": None, "n_threads": 1, "spread": 0}
    judge = Judge(*own, plan=net._engine._plan_of_blocks(net), **(told | of_judge))
    judge.follow(rows.X, rows.Y)
    return judge


def run_orders(net: fastnn.Network, rows: Any, orders: np.ndarray, judge: Judge) -> np.ndarray:
    """Run an epoch, one mini-batch, for each row of ``orders``; return the class errors."""
    n, m = orders.shape
    epoch = Epoch(
        batch_size=m, optimizer=optimizers.SGD(), penalty=L2(0.0), n=m, rates=np.full(1, 0.5),
        slots=np.empty((0, 0), net.dtype), counter=np.zeros(1, np.uint64),
    )  # fmt: skip
    record, order = np.empty((n, 4)), orders[0].copy()
    measures = ((judge, int(Measure.CLASS_ERROR), 0.0, 0.0),)
    loop = EpochLoop(
        order, epoch.rates[np.newaxis], record, 0, with_cost=False, measures=measures, orders=orders
    )
    net._engine.run_loop(net, rows, order, epoch, loop)
    assert loop.n_recorded == loop.n_trained == n
    return record[:, 3]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [[3, 4, 2], [3, 40, 4, 2]])
@pytest.mark.parametrize("m, n_threads", [(4, 1), (30, 1), (30, 2), (300, 2)])
def test_epochs_of_told_rows_are_judged_by_these(sizes, dtype, m, n_threads) -> None:
    """By the first threads of one block, of several blocks, row by row and feature-major."""
    nets = [
        new_network(sizes, dtype=dtype, cost=LogLikelihoodCost, output="softmax") for _ in range(2)
    ]
    rows, orders = nets[0]._arrays(X, LABELS), RNG.integers(30, size=(5, m))
    judge = following(nets[0], m, rows, n_threads=n_threads)
    errors = run_orders(nets[0], rows, orders, judge)
    for order, error in zip(orders, errors, strict=True):
        told = {"epochs": 1, "batch_size": m, "learning_rate": 0.5, "optimizer": optimizers.SGD()}
        nets[1].fit(X[order], LABELS[order], shuffle=False, n_threads=1, **told)
        right = nets[1].predict(X[order])[np.arange(m), rows.Y[order].argmax(axis=1)]
        rounding = 1e-12 if dtype == "float64" else 1e-6
        assert abs(error + np.log(right + 1e-7).mean()) <= rounding
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


def test_rows_that_a_judge_cannot_follow_are_refused() -> None:
    net, source = new_network(), as_source(X, 3, np.dtype(float), "X")
    rows, orders = net._arrays(X, LABELS), np.zeros((2, 4), int)
    told = np.ones(4)
    with pytest.raises(ValueError, match="row_weights: expected a judge without"):
        following(net, 4, rows, row_weights=told)
    with pytest.raises(ValueError, match="Y: expected float64, got float32"):
        following(net, 4, Rows(source, rows.Y.astype(np.float32)))
    judge = following(net, 4, rows)
    with pytest.raises(ValueError, match="X, Y: expected 3 and 2 columns, got 5 and 2"):
        judge.follow(np.zeros((30, 5)), rows.Y)
    before = net.parameters.copy()
    for wrong in (-1, 30):
        orders[1, 3] = wrong
        with pytest.raises(ValueError, match=f"orders: expected indices from 0 to 29, got {wrong}"):
            run_orders(net, rows, orders, judge)
    orders[1, 3] = 0
    with pytest.raises(ValueError, match="measures: expected a judge of 4 rows out of 30, got 3"):
        run_orders(net, rows, orders, following(net, 3, rows))
    np.testing.assert_array_equal(net.parameters, before)
