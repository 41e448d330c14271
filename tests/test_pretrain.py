"""Greedy pre-training: what a layer learns, what lands in the network, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import pretrain
from fastnn.pretrain import greedy_autoencoder

RNG = np.random.default_rng(0)
# 12 numbers a row that 3 hidden causes make: there is something to find.
CAUSES = RNG.normal(size=(400, 3))
SIGNALS = np.tanh(CAUSES @ RNG.normal(size=(3, 12)))
SHARES = (SIGNALS + 1) / 2


def hidden(net: fastnn.Network, X: np.ndarray) -> np.ndarray:
    """The first hidden layer's sigmoid outputs."""
    return 1 / (1 + np.exp(-(X @ net.weights[0].T + net.biases[0].T)))


def reconstruction_error(outputs: np.ndarray, X: np.ndarray) -> float:
    """Mean square that the best linear way back from ``outputs`` leaves."""
    design = np.column_stack([outputs, np.ones(len(outputs))])
    coefficients = np.linalg.lstsq(design, X, rcond=None)[0]
    return float(np.mean((design @ coefficients - X) ** 2))


def test_each_layer_learns_to_give_back_its_inputs() -> None:
    net = fastnn.Network([12, 6, 4, 2], rng=0)
    histories = greedy_autoencoder(net, SHARES, epochs=40, optimizer="adam", learning_rate=0.01)
    assert [len(history) for history in histories] == [40, 40]
    for history in histories:
        assert history["epoch"] == list(range(1, 41))
        assert history["training_cost"][-1] < 0.97 * history["training_cost"][0]


@pytest.mark.parametrize("data", [SHARES, SIGNALS], ids=["shares", "signals"])
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_learnt_features_give_back_more_than_random_ones(data: np.ndarray, noise: float) -> None:
    net = fastnn.Network([12, 3, 2], initializer="normal", rng=0)
    before = reconstruction_error(hidden(net, data), data)
    greedy_autoencoder(net, data, epochs=80, optimizer="adam", learning_rate=0.01, noise=noise)
    assert reconstruction_error(hidden(net, data), data) < 0.7 * before


def test_what_is_learnt_lands_in_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[fastnn.Network] = []
    original = pretrain._autoencoder

    def remembered(*arguments):
        made.append(original(*arguments))
        return made[-1]

    monkeypatch.setattr(pretrain, "_autoencoder", remembered)
    net = fastnn.Network([12, 6, 4, 2], activation=["relu", "tanh"], normalization="batch", rng=0)
    output = net.weights[-1].copy(), net.biases[-1].copy()
    before = [w.copy() for w in net.weights]
    greedy_autoencoder(net, SIGNALS, epochs=2)
    assert [each.sizes for each in made] == [[12, 6, 12], [6, 4, 6]]
    assert [each.activation for each in made] == [("relu",), ("tanh",)]
    for l, autoencoder in enumerate(made):
        for name in ("weights", "biases", "gammas", "betas", "running_means", "running_variances"):
            learnt = getattr(autoencoder, name)[0]
            np.testing.assert_array_equal(getattr(net, name)[l], learnt)
        assert np.any(net.weights[l] != before[l])
        assert np.any(net.running_means[l] != 0)
    np.testing.assert_array_equal(net.weights[-1], output[0])
    np.testing.assert_array_equal(net.biases[-1], output[1])


def test_the_second_layer_learns_from_what_the_first_then_puts_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[np.ndarray] = []
    original = pretrain._learn
    monkeypatch.setattr(
        pretrain, "_learn", lambda a, X, *rest: (given.append(X), original(a, X, *rest))[1]
    )
    net = fastnn.Network([12, 6, 4, 2], rng=0)
    greedy_autoencoder(net, SHARES, epochs=3)
    np.testing.assert_array_equal(given[0], SHARES)
    np.testing.assert_allclose(given[1], hidden(net, SHARES), rtol=1e-10)


def test_no_epochs_leave_the_network_as_it_is() -> None:
    for noise in (0.0, 0.5):
        net = fastnn.Network([12, 6, 4, 2], normalization="layer", rng=0)
        before = net.parameters.copy()
        assert [len(h) for h in greedy_autoencoder(net, SHARES, epochs=0, noise=noise)] == [0, 0]
        np.testing.assert_array_equal(net.parameters, before)


def test_the_way_back_suits_the_inputs() -> None:
    net = fastnn.Network([12, 6, 2], rng=0)
    of_shares = pretrain._autoencoder(net, 0, SHARES)
    of_signals = pretrain._autoencoder(net, 0, SIGNALS)
    assert (of_shares.cost, of_shares.output) == (fastnn.CrossEntropyCost, "sigmoid")
    assert (of_signals.cost, of_signals.output) == (fastnn.QuadraticCost, "identity")
    np.testing.assert_array_equal(of_signals.weights[0], net.weights[0])


def test_a_seed_gives_one_result_and_noise_another() -> None:
    def learnt(noise: float) -> np.ndarray:
        net = fastnn.Network([12, 6, 4, 2], dtype="float32", rng=3)
        greedy_autoencoder(net, SHARES, epochs=2, noise=noise)
        assert net.parameters.dtype == np.float32
        return net.parameters.copy()

    np.testing.assert_array_equal(learnt(0.3), learnt(0.3))
    assert np.any(learnt(0.3) != learnt(0.0))


def test_noise_sets_its_share_of_the_inputs_to_0() -> None:
    ones = np.ones((300, 200), dtype=np.float32)
    corrupted = pretrain._corrupt(ones, 0.3, np.random.default_rng(0))
    assert corrupted.dtype == np.float32
    assert set(np.unique(corrupted)) == {0, 1}
    assert 1 - corrupted.mean() == pytest.approx(0.3, abs=0.01)
    assert np.all(ones == 1)


def test_without_a_seed_the_global_states_are_drawn_from() -> None:
    def learnt() -> np.ndarray:
        import random

        np.random.seed(1)
        random.seed(1)
        net = fastnn.Network([12, 4, 2])
        greedy_autoencoder(net, SHARES, epochs=1, noise=0.1)
        return net.parameters.copy()

    np.testing.assert_array_equal(learnt(), learnt())


def test_pre_training_helps_a_deep_sigmoid_network_to_learn() -> None:
    labels = (CAUSES[:, 0] > 0).astype(int)
    costs = {}
    for pre in (False, True):
        net = fastnn.Network([12, 8, 8, 8, 8, 2], initializer="normal", rng=0)
        if pre:
            greedy_autoencoder(net, SHARES, epochs=30, optimizer="adam", learning_rate=0.01)
        history = net.fit(SHARES, labels, epochs=30, learning_rate=0.5)
        costs[pre] = history["training_cost"][-1]
    assert costs[True] < 0.8 * costs[False]


def test_a_layer_that_diverges_says_so_and_stays_finite() -> None:
    for noise in (0.0, 0.1):
        net = fastnn.Network([12, 6, 2], activation="relu", rng=0)
        with pytest.warns(RuntimeWarning, match="diverged"):
            (history,) = greedy_autoencoder(
                net, 100 * SIGNALS, epochs=30, learning_rate=1e6, noise=noise
            )
        assert len(history) < 30
        assert np.isfinite(net.parameters).all()


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"X": SHARES[:, :5]}, ValueError, r"X: expected shape \(n, 12\)"),
        ({"X": SHARES * np.nan}, ValueError, "X: expected finite"),
        ({"epochs": -1}, ValueError, "epochs: .*-1"),
        ({"epochs": 1.5}, TypeError, "epochs: .*1.5"),
        ({"batch_size": 0}, ValueError, "batch_size: "),
        ({"batch_size": 0, "noise": 0.5, "epochs": 0}, ValueError, "batch_size: "),
        ({"optimizer": "newton"}, ValueError, "optimizer: .*newton"),
        ({"learning_rate": -1}, ValueError, "learning_rate: .*-1"),
        ({"noise": 1.0}, ValueError, "noise: expected a share below 1, got 1.0"),
        ({"noise": -0.1}, ValueError, "noise: .*-0.1"),
        ({"net": fastnn.Network([12, 2], rng=0)}, ValueError, r"net: .*hidden.*\[12, 2\]"),
        ({"net": 3}, TypeError, "network: .*int"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(
    asked: dict[str, object], error: type[Exception], message: str
) -> None:
    net = fastnn.Network([12, 6, 4, 2], rng=0)
    before = net.parameters.copy()
    with pytest.raises(error, match=message):
        greedy_autoencoder(**{"net": net, "X": SHARES, "epochs": 1, **asked})
    np.testing.assert_array_equal(net.parameters, before)
