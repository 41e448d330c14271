"""The epoch loop: resuming to the bit, the circles, deadlines, divergence, stopping, L-BFGS."""

import itertools
import subprocess
import sys
import time
import types

import numpy as np
import pytest

import fastnn
from fastnn import optimizers, reference, schedules
from fastnn._core import engine
from fastnn.normalization import BatchNorm
from fastnn.regularizers import L2
from fastnn.stopping import EarlyStopping

RNG = np.random.default_rng(1)
X, LABELS = RNG.random((103, 7)), RNG.integers(0, 3, 103)

OPTIMIZERS = {
    "sgd": optimizers.SGD(),
    "momentum": optimizers.SGD(momentum=0.9),
    "nesterov": optimizers.SGD(momentum=0.9, nesterov=True),
    "rmsprop": optimizers.RMSprop(),
    "adagrad": optimizers.AdaGrad(),
    "adam": optimizers.Adam(),
    "adamw": optimizers.AdamW(),
    "rprop": optimizers.Rprop(),
    "lbfgs": optimizers.LBFGS(memory=3),
}


def make(dropout=0.3):
    options = {"activation": "relu", "normalization": "batch", "dropout": dropout, "rng": 5}
    return fastnn.Network([7, 8, 6, 3], fastnn.LogLikelihoodCost, **options)


def train(net, name, epochs, schedule):
    size = len(X) if OPTIMIZERS[name].full_batch else 20
    net.fit(
        X, LABELS, epochs=epochs, batch_size=size, optimizer=OPTIMIZERS[name], schedule=schedule
    )


def everything(net):
    return np.concatenate([net.parameters, net.running_statistics])


@pytest.mark.parametrize("ending", [".npz", ".json"])
@pytest.mark.parametrize("plateau", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_saved_and_loaded_it_goes_on_to_the_bit(tmp_path, name, plateau, ending):
    watch = schedules.HalveOnPlateau(patience=1, monitor="training_cost")
    schedule = watch if plateau else schedules.cosine(6)
    whole, half = (make(0.0 if name == "lbfgs" else 0.3) for _ in range(2))
    train(whole, name, 6, schedule)
    train(half, name, 3, schedule)
    half.save(tmp_path / f"half{ending}")
    resumed = fastnn.load(tmp_path / f"half{ending}")
    train(resumed, name, 3, schedule)
    np.testing.assert_array_equal(everything(resumed), everything(whole))


def test_it_goes_on_in_another_process(tmp_path):
    whole, half = make(), make()
    whole.fit(X, LABELS, epochs=6, optimizer="adam")
    half.fit(X, LABELS, epochs=3, optimizer="adam")
    half.save(tmp_path / "half.npz")
    program = (
        "import numpy as np, fastnn\n"
        "rng = np.random.default_rng(1)\n"
        "X, y = rng.random((103, 7)), rng.integers(0, 3, 103)\n"
        "net = fastnn.load('half.npz')\n"
        "net.fit(X, y, epochs=3, optimizer='adam')\n"
        "net.save('whole.npz')\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    resumed = fastnn.load(tmp_path / "whole.npz")
    np.testing.assert_array_equal(everything(resumed), everything(whole))


def test_another_optimizer_starts_anew():
    net = make()
    net.fit(X, LABELS, epochs=1, optimizer="adam")
    net.fit(X, LABELS, epochs=2, optimizer="rmsprop")
    assert net.training_state.epochs == 2
    assert net.training_state.slots.shape == (1, net.n_parameters)


def numpy_circles(weights, X, y, steps):
    """Plain gradient descent on 2-10-5-1, ReLU and sigmoid; the cost every 1000 steps."""
    weights = [w.copy() for w in weights]
    biases = [np.zeros((len(w), 1)) for w in weights]
    target, costs = y[np.newaxis], []
    for step in range(steps + 1):
        a = [X.T]
        for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = w @ a[-1] + b
            a.append(np.maximum(z, 0) if layer < 2 else 1 / (1 + np.exp(-z)))
        if step % 1000 == 0:
            costs.append(-np.mean(target * np.log(a[-1]) + (1 - target) * np.log(1 - a[-1])))
        delta = (a[-1] - target) / len(y)
        for layer in (2, 1, 0):
            gradient, of_biases = delta @ a[layer].T, delta.sum(axis=1, keepdims=True)
            if layer:
                delta = (weights[layer].T @ delta) * (a[layer] > 0)
            weights[layer] -= 0.01 * gradient
            biases[layer] -= 0.01 * of_biases
    return costs


@pytest.mark.parametrize("start", ["zeros", "he"])
def test_circles(start):
    data = fastnn.datasets.circles(300, noise=0.05, seed=1)
    sizes = [2, 10, 5, 1]
    np.random.seed(3)
    weights = [
        np.random.randn(n_out, n_in) * (np.sqrt(2 / n_in) if start == "he" else 0)
        for n_in, n_out in itertools.pairwise(sizes)
    ]
    net = fastnn.Network(sizes, activation="relu", initializer="zeros")
    net.weights = weights
    costs = [net.total_cost(data, 0.0)]
    for _ in range(4):
        net.fit(*data, epochs=1000, batch_size=300, learning_rate=0.01, shuffle=False)
        costs.append(net.total_cost(data, 0.0))
    expected = numpy_circles(weights, *data, 4000)
    np.testing.assert_allclose(costs, expected, atol=1e-9)
    if start == "zeros":
        np.testing.assert_allclose(costs, np.log(2), atol=1e-12)


def test_an_infinite_cost_is_no_divergence():
    net = fastnn.Network([1, 1], fastnn.QuadraticCost, output="identity", initializer="zeros")
    net.weights = [[[1e160]]]
    with pytest.warns(RuntimeWarning, match="training cost is no longer finite"):
        history = net.fit([[1.0], [-1.0]], [[0.0], [1.0]], epochs=2, batch_size=2)
    assert history["training_cost"] == [np.inf, np.inf]
    assert np.isfinite(net.parameters).all()
    assert net.weights[0] < 1e160


def test_a_saturated_output_costs_no_more_than_its_weighted_input():
    net = fastnn.Network([1, 1], initializer="zeros")
    net.weights = [[[1e6]]]
    history = net.fit([[1.0], [-1.0]], [0.0, 1.0], epochs=2, batch_size=2)
    assert history["training_cost"] == pytest.approx([1e6, 1e6], rel=1e-6)


def test_divergence_warns_and_puts_the_network_back():
    net = fastnn.Network(
        [7, 8, 3], fastnn.QuadraticCost, activation="relu", output="identity", rng=0
    )
    with pytest.warns(RuntimeWarning, match="diverged in epoch .* learning rate below 1000"):
        history = net.fit(X, LABELS, epochs=30, learning_rate=1e3)
    assert len(history) < 30
    assert np.isfinite(net.parameters).all()


def test_a_time_limit_ends_training():
    net = fastnn.Network([7, 8, 3], fastnn.LogLikelihoodCost, rng=0)
    started = time.perf_counter()
    history = net.fit(X, LABELS, epochs=10**9, time_limit=0.3)
    assert time.perf_counter() - started < 5
    assert 1 < len(history) < 10**9


def test_a_schedule_ends_with_the_time_limit(monkeypatch):
    # A clock of its own, a millisecond a look: a busy machine may hold the real one's for long.
    looks = itertools.count()
    clock = types.SimpleNamespace(perf_counter=lambda: next(looks) / 1000)
    monkeypatch.setattr("fastnn._training.run.time", clock)
    net = fastnn.Network([7, 8, 3], fastnn.LogLikelihoodCost, rng=0)
    history = net.fit(X, LABELS, epochs=10**9, time_limit=0.3, schedule=schedules.cosine(10**9))
    assert 10 < len(history) < 300
    assert history["learning_rate"][-1] < 0.01 * history["learning_rate"][0]


def test_early_stopping_restores_the_best_epoch():
    net = fastnn.Network([7, 8, 3], fastnn.LogLikelihoodCost, rng=0)
    stopping = EarlyStopping(patience=2, monitor="validation_cost")
    seen = []
    history = net.fit(
        X,
        LABELS,
        epochs=200,
        learning_rate=2.0,
        stopping=stopping,
        validation_data=(X[:20], (LABELS[:20] + 1) % 3),
        callbacks=[lambda net, history: seen.append(net.parameters.copy())],
    )
    best = int(np.argmin(history["validation_cost"]))
    assert len(history) == best + 3
    np.testing.assert_array_equal(net.parameters, seen[best])


def test_lbfgs_finds_a_lower_cost_than_descent():
    cost = {}
    for name in ("lbfgs", "sgd"):
        net = fastnn.Network([7, 8, 3], fastnn.LogLikelihoodCost, rng=0)
        history = net.fit(X, LABELS, epochs=40, optimizer=name, batch_size=len(X))
        cost[name] = net.total_cost((X, LABELS), 0.0)
        assert all(
            after <= before for before, after in itertools.pairwise(history["training_cost"])
        )
    assert cost["lbfgs"] < cost["sgd"] - 0.01


def test_lbfgs_finds_the_bottom_of_a_bowl():
    """Linear regression, whose weights least squares tell; with weights of the rows."""
    targets, weights = RNG.random((103, 2)), RNG.random(103)
    net = fastnn.Network([7, 2], fastnn.QuadraticCost, output="identity", rng=0)
    history = net.fit(X, targets, epochs=100, optimizer="lbfgs", sample_weight=weights)
    assert len(history) < 60
    roots = np.sqrt(weights)[:, np.newaxis]
    inputs = np.hstack([X, np.ones((103, 1))])
    best = np.linalg.lstsq(roots * inputs, roots * targets, rcond=None)[0]
    np.testing.assert_allclose(net.weights[0], best[:-1].T, atol=1e-4)
    np.testing.assert_allclose(net.biases[0][:, 0], best[-1], atol=1e-4)


def test_lbfgs_counts_only_iterations_that_found_a_lower_cost():
    net = fastnn.Network([7, 2], fastnn.QuadraticCost, output="identity", rng=0)
    targets, recorded = RNG.random((103, 2)), []
    for _ in range(3):  # the later ones start where nothing lower is found
        start = net.total_cost((X, targets), 0.0)
        history = net.fit(X, targets, epochs=500, optimizer=optimizers.LBFGS(tolerance=0.0))
        costs = [start, *history["training_cost"]] if len(history) else [start]
        assert all(after < before for before, after in itertools.pairwise(costs[1:]))
        assert net.training_state.steps == sum(recorded) + len(history)
        recorded.append(len(history))
    assert 0 < recorded[0] < 500
    assert recorded[-1] == 0


def test_lbfgs_is_the_same_in_the_reference():
    parameters = []
    for kind in (fastnn.Network, reference.Network):
        net = kind([7, 5, 3], fastnn.LogLikelihoodCost, activation="tanh", rng=0)
        net.fit(X, LABELS, epochs=8, optimizer="lbfgs", class_weight={0: 2.0}, regularizer=L2(3.0))
        parameters.append(net.parameters)
    np.testing.assert_allclose(*parameters, rtol=1e-9, atol=1e-12)


def test_lbfgs_leaves_batch_norm_the_statistics_of_all_rows():
    net = fastnn.Network([7, 6, 3], normalization=BatchNorm(), activation="tanh", rng=0)
    net.fit(X, LABELS, epochs=5, optimizer="lbfgs")
    z = X @ net.weights[0].T + net.biases[0].T
    np.testing.assert_allclose(net.running_means[0][:, 0], z.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(net.running_variances[0][:, 0], z.var(axis=0, ddof=1), rtol=1e-12)
    assert net.normalization == BatchNorm()


def test_lbfgs_refuses_dropout():
    with pytest.raises(ValueError, match=r"optimizer: .*without dropout"):
        make().fit(X, LABELS, epochs=1, optimizer="lbfgs")


class _StopAt:
    """Raises KeyboardInterrupt in the cost of a chosen mini-batch."""

    def __init__(self, batch):
        self.left = batch

    def fn(self, a, y):
        return fastnn.QuadraticCost.fn(a, y)

    def delta(self, z, a, y):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return a - y


def test_interrupted_it_knows_how_many_steps_it_took():
    net = fastnn.Network([7, 4, 3], _StopAt(9), dropout=0.2, rng=0)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, LABELS, epochs=3, batch_size=20, optimizer="adam")
    assert net.training_state.steps == 8
    assert net.training_state.epochs == 1


def test_a_training_undone_starts_anew_from_the_same_weights():
    net = fastnn.Network([7, 4, 3], fastnn.QuadraticCost, output="identity", rng=0)
    net.fit(X, LABELS, epochs=2, batch_size=20, optimizer=optimizers.SGD(momentum=0.9))
    before = net.parameters.copy()
    with pytest.warns(RuntimeWarning, match="diverged"):
        net.fit(X, LABELS, epochs=200, batch_size=20, learning_rate=1e200,
                optimizer=optimizers.SGD(momentum=0.9))  # fmt: skip
    assert net.training_state.steps == 0
    assert not net.training_state.slots.any()
    np.testing.assert_array_equal(net.parameters, before)


def test_a_deadline_within_an_epoch_leaves_the_mean_cost_of_the_rows_seen():
    """Against constant targets the mean is near what every row costs, however few were seen."""
    n = 200_000
    rows, labels = np.zeros((n, 7)), np.zeros(n, dtype=int)
    net = fastnn.Network([7, 100, 100, 3], fastnn.QuadraticCost, initializer="zeros", rng=0)
    history = net.fit(rows, labels, epochs=50, batch_size=10, learning_rate=1e-9, time_limit=0.05)
    assert net.training_state.steps * 10 < 50 * n
    np.testing.assert_allclose(history["training_cost"], 3 * 0.25 / 2, rtol=1e-3)


def test_metrics_are_recorded_of_both_parts():
    net = fastnn.Network([7, 3], rng=0)

    def largest(outputs, targets):
        return outputs.max()

    history = net.fit(
        X, LABELS, epochs=2, validation_data=(X[:9], LABELS[:9]), metrics=["accuracy", largest]
    )
    assert history["training_accuracy"][-1] == net.accuracy((X, LABELS)) / 103
    assert history["validation_largest"][-1] == net.predict(X[:9]).max()


def test_integer_weights_are_rows_repeated():
    """For the whole data as one mini-batch."""
    weights = np.arange(103) % 3 + 1
    nets = [fastnn.Network([7, 4, 3], rng=0) for _ in range(2)]
    nets[0].fit(X, LABELS, epochs=3, batch_size=1000, sample_weight=weights)
    repeated = np.repeat(np.arange(103), weights)
    nets[1].fit(X[repeated], LABELS[repeated], epochs=3, batch_size=1000)
    np.testing.assert_allclose(nets[0].parameters, nets[1].parameters, atol=1e-12)


BAD_FIT = {
    "sample_weight": [np.ones(5), -np.ones(103), np.zeros(103), "heavy", np.full(103, np.nan)],
    "class_weight": [{3: 1.0}, {0: -1.0}, "heavy", [1, 2, 3], {0.5: 1.0}],
    "label_smoothing": [-0.1, 1.5, "some", None],
    "schedule": ["cosine", schedules.cosine, {"momentum": schedules.constant()}, 0.5],
    "stopping": ["early", 1.5, EarlyStopping],
    "metrics": [["auc"], [3], "f1"],
    "time_limit": [0, -1.0, "soon", np.inf],
    "optimizer": ["sdg", optimizers.Adam, 3],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD_FIT.items() for value in values]
)
def test_bad_arguments_are_named_before_anything_changes(name, value):
    net = make()
    before = net.parameters.copy()
    with pytest.raises((TypeError, ValueError), match=rf"^{name}\b"):
        net.fit(X, LABELS, epochs=1, **{name: value})
    np.testing.assert_array_equal(net.parameters, before)


def test_long_mini_batches_give_the_same_numbers(monkeypatch):
    """They run in a thread on copies, so that Ctrl-C need not wait for them."""
    nets = [make(), make()]
    nets[0].fit(X, LABELS, epochs=3, batch_size=50, optimizer="adam")
    monkeypatch.setattr(engine, "LONG_BATCH", 0)
    nets[1].fit(X, LABELS, epochs=3, batch_size=50, optimizer="adam")
    np.testing.assert_array_equal(everything(nets[0]), everything(nets[1]))


def test_an_error_in_a_long_mini_batch_is_raised(monkeypatch):
    monkeypatch.setattr(engine, "LONG_BATCH", 0)

    def fail(*arguments):
        raise MemoryError("no more")

    monkeypatch.setattr(engine._epoch, "train_epoch", fail)
    with pytest.raises(MemoryError, match="no more"):
        make().fit(X, LABELS, epochs=1)
