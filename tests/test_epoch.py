"""A compiled epoch against the same steps in NumPy, against its own parts, and under stress."""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
from closeness import assert_close
from damage import REFUSED, assert_refused, cases, read_only
from gradcheck import numerical_gradient
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax
from strategies import FLOATS, few, network_sizes
from threadpoolctl import threadpool_limits

from fastnn._core import epoch as _epoch
from fastnn._core import predict as _prediction
from fastnn._core.context import Mode, Phase
from fastnn._core.cost import Cost
from fastnn._core.optimizer import Rule
from fastnn._core.plan import LayerOptions, ParameterLayout, Workspace
from fastnn._core.thread_tuner import ThreadTuner
from fastnn.optimizers import SGD, Adam
from fastnn.regularizers import L1L2

NO_SLOTS = {dtype: np.empty((0, 0), dtype) for dtype in FLOATS}
NO_WEIGHTS = {dtype: np.empty(0, dtype) for dtype in FLOATS}
PLAIN = SGD().rule(L1L2(0.0, 0.0), 1)
ADAM = Adam().rule(L1L2(0.0, 0.0), 1)


NO_CLOCK = np.empty(0)


def no_steps() -> np.ndarray:
    return np.zeros(1, dtype=np.uint64)


HIDDEN = ("identity", "sigmoid", "tanh", "relu")
PAIRS = [
    (Cost.QUADRATIC, "sigmoid"),
    (Cost.QUADRATIC, "identity"),
    (Cost.QUADRATIC, "softmax"),
    (Cost.CROSS_ENTROPY, "sigmoid"),
    (Cost.CROSS_ENTROPY, "softmax"),
    (Cost.LOG_LIKELIHOOD, "softmax"),
    (Cost.LOG_LIKELIHOOD, "sigmoid"),
]
every_pair = pytest.mark.parametrize(
    ("cost", "output"), PAIRS, ids=[f"{cost.name.lower()}-{output}" for cost, output in PAIRS]
)
every_hidden = pytest.mark.parametrize("hidden", HIDDEN)
every_float = pytest.mark.parametrize("dtype", FLOATS)


@pytest.fixture(scope="module", autouse=True)
def single_threaded_blas() -> Iterator[None]:
    """As in training: BLAS's own threads would change the order of its sums."""
    with threadpool_limits(1, user_api="blas"):
        yield


# The network once more, in plain NumPy: layer by layer, each formula written out.

FORWARD: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda z: z,
    "sigmoid": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softmax": lambda z: softmax(z, axis=1),
}
COSTS: dict[int, Callable[[np.ndarray, np.ndarray], float]] = {
    Cost.QUADRATIC: lambda a, y: np.sum((a - y) ** 2) / 2,
    Cost.CROSS_ENTROPY: lambda a, y: -np.sum(y * np.log(a) + (1 - y) * np.log(1 - a)),
    Cost.LOG_LIKELIHOOD: lambda a, y: -np.sum(y * np.log(a)),
}
SLOPES: dict[int, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    Cost.QUADRATIC: lambda a, y: a - y,
    Cost.CROSS_ENTROPY: lambda a, y: (a - y) / (a * (1 - a)),
    Cost.LOG_LIKELIHOOD: lambda a, y: -y / a,
}


def through_activation(name: str, slope: np.ndarray, z: np.ndarray) -> np.ndarray:
    """∂C/∂z from ∂C/∂a."""
    a = FORWARD[name](z)
    if name == "softmax":
        return a * (slope - np.sum(a * slope, axis=1, keepdims=True))
    derivative = {
        "identity": np.ones_like(z),
        "sigmoid": expit(z) * expit(-z),
        "tanh": np.cosh(np.clip(z, -300, 300)) ** -2.0,
        "relu": (z > 0).astype(z.dtype),
    }[name]
    return slope * derivative


@dataclass
class NumPyNetwork:
    """Weights (n_out, n_in) and biases (n_out,) in float64, one activation a layer."""

    weights: list[np.ndarray]
    biases: list[np.ndarray]
    names: list[str]
    cost: int

    def forward(self, X: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The weighted inputs and the outputs of all layers; outputs[0] is X."""
        zs, outputs = [], [X]
        for w, b, name in zip(self.weights, self.biases, self.names, strict=True):
            zs.append(outputs[-1] @ w.T + b)
            outputs.append(FORWARD[name](zs[-1]))
        return zs, outputs

    def gradients(self, X: np.ndarray, Y: np.ndarray) -> tuple[float, list, list]:
        """The cost and its gradients, summed over the rows."""
        zs, outputs = self.forward(X)
        slope = SLOPES[self.cost](outputs[-1], Y)
        dweights, dbiases = [], []
        for w, name, z, inp in reversed(
            list(zip(self.weights, self.names, zs, outputs[:-1], strict=True))
        ):
            delta = through_activation(name, slope, z)
            dweights.insert(0, delta.T @ inp)
            dbiases.insert(0, delta.sum(axis=0))
            slope = delta @ w
        return float(COSTS[self.cost](outputs[-1], Y)), dweights, dbiases

    def epoch(self, X: np.ndarray, Y: np.ndarray, order: np.ndarray, batch_size: int,
              rate: float, l2: float, l1: float) -> float:  # fmt: skip
        """One epoch of the book's gradient descent in place; returns the sum of the costs."""
        total = 0.0
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            cost, dweights, dbiases = self.gradients(X[batch], Y[batch])
            total += cost
            step = rate / len(batch)
            for w, dw in zip(self.weights, dweights, strict=True):
                w[...] = (1 - rate * l2) * w - rate * l1 * np.sign(w) - step * dw
            for b, db in zip(self.biases, dbiases, strict=True):
                b -= step * db
        return total

    def vector(self) -> np.ndarray:
        pairs = zip(self.weights, self.biases, strict=True)
        return np.concatenate([array.ravel() for pair in pairs for array in pair])


@dataclass
class Problem:
    """A network, its data and its workspace, all drawn from one seed."""

    sizes: tuple[int, ...]
    hidden: str
    output: str
    cost: int
    n: int
    batch_size: int
    dtype: type = np.float64
    seed: int = 0
    soft: bool = False
    n_threads: int = 1
    parameters: np.ndarray = field(init=False)
    X: np.ndarray = field(init=False)
    Y: np.ndarray = field(init=False)
    order: np.ndarray = field(init=False)
    workspace: Workspace = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.names = [self.hidden] * (len(self.sizes) - 2) + [self.output]
        self.layout = ParameterLayout(self.sizes)
        self.parameters = rng.normal(0, 0.6, self.layout.n_parameters).astype(self.dtype)
        self.X = rng.uniform(-1, 1, (self.n, self.sizes[0])).astype(self.dtype)
        n_out = self.sizes[-1]
        wanted = rng.random((self.n, n_out)) if self.soft else np.eye(n_out)[
            rng.integers(n_out, size=self.n)]  # fmt: skip
        self.Y = wanted.astype(self.dtype)
        self.order = rng.permutation(self.n)
        self.workspace = self.new_workspace()

    def new_workspace(self) -> Workspace:
        """One filled with NaN: nothing may be read before it is written."""
        options = [LayerOptions(name) for name in self.names]
        workspace = Workspace(
            self.layout, options, self.batch_size, np.dtype(self.dtype), self.cost, rule=ADAM,
            n_workers=self.n_threads,
        )  # fmt: skip
        workspace.arenas.fill(np.nan)
        return workspace

    @property
    def compiled(self) -> tuple:
        """The plan and the vectors that forward passes work with."""
        return self.workspace.compiled, self.parameters, self.running, self.workspace.memory

    @property
    def running(self) -> np.ndarray:
        """No running statistics, and so no numbers."""
        return NO_WEIGHTS[self.dtype]

    @property
    def rows(self) -> tuple:
        return self.X, self.Y, NO_WEIGHTS[self.dtype], self.order

    def forward(self, order: np.ndarray, mode: int = Mode.GRADIENT) -> int:
        return _epoch.forward_batch(*self.compiled, *self.rows[:3], order, mode, 0, 0)

    def output_delta(self, m: int) -> None:
        _epoch.output_delta(self.workspace.compiled, self.workspace.memory, m, False)

    def update(self, m: int, rate: float, rule: Rule = PLAIN) -> None:
        _epoch.update_batch(self.workspace.compiled, rule, self.parameters, NO_SLOTS[self.dtype],
                            self.workspace.memory, m, rate, 0, 0)  # fmt: skip

    def add_gradient(self, gradient: np.ndarray, m: int, scale: float, keep: float) -> None:
        _epoch.gradient_batch(self.workspace.compiled, gradient, read_only(self.parameters),
                              self.workspace.memory, m, scale, keep)  # fmt: skip

    def twin(self) -> NumPyNetwork:
        wide = self.parameters.astype(np.float64)
        return NumPyNetwork(
            [np.array(w) for w in self.layout.weights(wide)],
            [np.array(b[:, 0]) for b in self.layout.columns("biases", wide)],
            self.names,
            self.cost,
        )

    def train(self, rate=0.2, l2=0.05, l1=0.005, with_cost=True) -> float:
        rows = [read_only(part) for part in self.rows]
        plan, *vectors = self.compiled
        counter = no_steps()
        cost = _epoch.train_epoch(
            plan, SGD().rule(L1L2(l1, l2), 1), *vectors[:2], NO_SLOTS[self.dtype],
            self.workspace.arenas, *rows, np.array([rate]), 0, counter, with_cost,
            ThreadTuner(self.n_threads, True), NO_CLOCK,
        )  # fmt: skip
        assert counter[0] == -(-len(self.order) // self.batch_size)
        return cost

    def train_twin(self, rate=0.2, l2=0.05, l1=0.005) -> tuple[float, np.ndarray]:
        """What ``train`` should return, and the parameters that it should leave."""
        twin = self.twin()
        wide = self.X.astype(np.float64), self.Y.astype(np.float64)
        cost = twin.epoch(*wide, self.order, self.batch_size, rate, l2, l1)
        return cost, twin.vector()

    def train_by_parts(self, rate=0.2, l2=0.05, l1=0.005) -> None:
        for start in range(0, len(self.order), self.batch_size):
            m = self.forward(self.order[start:], Mode.TRAIN)
            assert m == min(self.batch_size, len(self.order) - start)
            self.output_delta(m)
            self.update(m, rate, SGD().rule(L1L2(l1, l2), 1))


def assert_trained_alike(problem: Problem, **step: float) -> None:
    """One epoch by the kernel and by NumPy: same cost, same parameters to the dtype's precision."""
    before = problem.parameters.copy()
    expected_cost, expected = problem.train_twin(**step)
    cost = problem.train(**step)
    assert (problem.parameters != before).any()
    # The rounding of a few steps, each of which sums over all rows and layers.
    assert_close(problem.parameters, expected, 30 * (1 + np.abs(expected)))
    assert cost == pytest.approx(expected_cost, rel=20 * (1e-6 if problem.dtype == np.float32
                                                          else 1e-12))  # fmt: skip


# Training.


@every_float
@every_hidden
@every_pair
def test_an_epoch_is_that_of_numpy(cost, output, hidden, dtype):
    """23 rows in batches of 5: the last one has 3."""
    assert_trained_alike(Problem((4, 6, 5, 3), hidden, output, cost, 23, 5, dtype))


@every_pair
def test_soft_targets(cost, output):
    assert_trained_alike(Problem((4, 6, 3), "tanh", output, cost, 23, 5, seed=4, soft=True))


@every_float
@pytest.mark.parametrize(("n", "batch_size"), [(7, 1), (1, 1), (5, 5), (5, 100), (1, 9), (11, 10)])
def test_every_relation_of_batch_and_data(n, batch_size, dtype):
    assert_trained_alike(
        Problem((3, 4, 2), "sigmoid", "sigmoid", Cost.CROSS_ENTROPY, n, batch_size, dtype)
    )


@every_float
@pytest.mark.parametrize("sizes", [(1, 1), (1, 1, 1), (5, 1, 3), (1, 9, 1), (33, 17, 31), (2, 99)])
def test_thin_and_odd_layers(sizes, dtype):
    assert_trained_alike(Problem(sizes, "tanh", "sigmoid", Cost.CROSS_ENTROPY, 13, 4, dtype))


@every_float
@pytest.mark.parametrize(
    "step",
    [
        {"rate": 3.0, "l2": 0.0, "l1": 0.0},
        {"rate": 0.5, "l2": 0.2, "l1": 0.0},
        {"rate": 0.5, "l2": 0.0, "l1": 0.02},
        {"rate": 0.5, "l2": 0.2, "l1": 0.02},
        {"rate": 0.5, "l2": 2.0, "l1": 0.0},
        {"rate": -0.1, "l2": 1.0, "l1": 0.1},
    ],
    ids=str,
)
def test_regularized_steps(step, dtype):
    assert_trained_alike(
        Problem((4, 6, 3), "relu", "softmax", Cost.LOG_LIKELIHOOD, 23, 5, dtype), **step
    )


@every_float
def test_one_regularized_step_by_hand(dtype):
    """W ← (1 − ηλ) W − ηλ₁ sgn W, from the W before it decays, with sgn 0 = 0; b is let be.

    The row of zeros leaves the weights no gradient, and the target is the bias.
    """
    problem = Problem((5, 1), "identity", "identity", Cost.QUADRATIC, 1, 1, dtype)
    problem.parameters[:] = [2, -2, 0, 0.125, -0.125, 4]
    problem.X[:], problem.Y[:] = 0, 4
    problem.train(rate=0.5, l2=1.0, l1=0.5)
    np.testing.assert_array_equal(problem.parameters, [0.75, -0.75, 0, -0.1875, 0.1875, 4])


@every_float
def test_nothing_moves_at_learning_rate_zero(dtype):
    problem = Problem((4, 6, 3), "tanh", "softmax", Cost.LOG_LIKELIHOOD, 23, 5, dtype)
    before = problem.parameters.copy()
    assert problem.train(rate=0.0, l2=0.0, l1=0.0) > 0
    np.testing.assert_array_equal(problem.parameters, before)


def test_the_order_decides_which_rows_and_how_often():
    """Row 2 twice and row 0 once, in this order, is training on just these three rows."""
    problem, other = (
        Problem((3, 4, 2), "tanh", "sigmoid", Cost.CROSS_ENTROPY, 5, 2) for _ in range(2)
    )
    problem.order = np.array([2, 2, 0])
    other.X, other.Y, other.order = other.X[[2, 2, 0]], other.Y[[2, 2, 0]], np.arange(3)
    assert problem.train() == other.train()
    np.testing.assert_array_equal(problem.parameters, other.parameters)
    assert_trained_alike(problem)


@every_float
def test_a_narrow_network_takes_all_rows_of_one_mini_batch_as_they_lie(dtype):
    """Their order is then nothing: sums over them have the same bits in any."""
    one, other = (
        Problem((3, 8, 1), "relu", "sigmoid", Cost.CROSS_ENTROPY, 77, 77, dtype) for _ in range(2)
    )
    assert one.workspace.compiled.feature_major
    other.order = other.order[::-1].copy()
    assert one.train() == other.train()
    np.testing.assert_array_equal(one.parameters, other.parameters)
    assert_trained_alike(one)


def test_rows_that_come_twice_count_twice_in_a_mini_batch_of_as_many():
    problem, other = (
        Problem((3, 8, 1), "relu", "sigmoid", Cost.CROSS_ENTROPY, 77, 77) for _ in range(2)
    )
    problem.order = np.r_[np.arange(76), 3]
    other.X, other.Y, other.order = (
        other.X[problem.order], other.Y[problem.order], np.arange(77),
    )  # fmt: skip
    assert problem.train() == other.train()
    np.testing.assert_array_equal(problem.parameters, other.parameters)
    assert_trained_alike(problem)


@every_float
@every_hidden
@every_pair
def test_an_epoch_is_its_parts_to_the_bit(cost, output, hidden, dtype):
    whole, parts = (Problem((7, 9, 5, 3), hidden, output, cost, 23, 5, dtype) for _ in range(2))
    for _ in range(2):
        whole.train()
        parts.train_by_parts()
    np.testing.assert_array_equal(whole.parameters, parts.parameters)


@every_float
def test_what_the_workspace_held_before_does_not_matter(dtype):
    used, fresh = (
        Problem((7, 9, 3), "tanh", "softmax", Cost.LOG_LIKELIHOOD, 23, 5, dtype) for _ in range(2)
    )
    used.workspace.memory.fill(1e30)
    assert used.train() == fresh.train()
    np.testing.assert_array_equal(used.parameters, fresh.parameters)


def test_the_cost_is_that_before_each_step_or_nan():
    problem = Problem((4, 6, 3), "tanh", "sigmoid", Cost.CROSS_ENTROPY, 23, 23)
    expected, _, _ = problem.twin().gradients(problem.X, problem.Y)
    assert problem.train(with_cost=True) == pytest.approx(expected, rel=1e-12)
    other = Problem((4, 6, 3), "tanh", "sigmoid", Cost.CROSS_ENTROPY, 23, 23)
    assert np.isnan(other.train(with_cost=False))
    np.testing.assert_array_equal(problem.parameters, other.parameters)


def test_the_cost_of_an_epoch_is_summed_in_double():
    """½, then 2¹⁵ mini-batches of 2⁻²⁷ each: a float32 total would stick at ½."""
    n = 2**15 + 1
    problem = Problem((1, 1), "identity", "identity", Cost.QUADRATIC, n, 1, np.float32)
    problem.parameters[:] = 0
    problem.Y[:], problem.order = 2.0**-13, np.arange(n)
    problem.Y[0] = 1
    assert problem.train(rate=0.0, l2=0.0, l1=0.0) == 0.5 + 2.0**-12


def test_a_nan_in_one_row_is_seen_in_cost_and_parameters():
    """Not swallowed: the check of the inputs is Python's, and a diverged run must show."""
    problem = Problem((3, 4, 2), "tanh", "identity", Cost.QUADRATIC, 6, 2)
    problem.X[3, 1] = np.nan
    assert np.isnan(problem.train())
    assert np.isnan(problem.parameters).any()


# Gradients.


def twin_cost(problem: Problem) -> Callable[[np.ndarray], float]:
    """The cost over all rows as a function of the parameter vector, by NumPy."""

    def cost(parameters: np.ndarray) -> float:
        problem.parameters = parameters
        _, outputs = problem.twin().forward(problem.X)
        return float(COSTS[problem.cost](outputs[-1], problem.Y))

    return cost


def smallest_hidden_input(problem: Problem) -> float:
    zs, _ = problem.twin().forward(problem.X)
    return min((float(np.abs(z).min()) for z in zs[:-1]), default=np.inf)


def smooth_problem(sizes: tuple[int, ...], hidden: str, output: str, cost: int) -> Problem:
    """The first seed for which no difference taken here steps over a kink of ReLU."""
    for seed in range(1000):
        problem = Problem(sizes, hidden, output, cost, 3, 3, seed=seed, soft=seed % 2 == 1)
        if hidden != "relu" or smallest_hidden_input(problem) > 0.02:
            return problem
    raise AssertionError("every seed has a weighted input near 0")


@pytest.mark.parametrize("sizes", [(3, 2), (3, 4, 2), (3, 4, 3, 2)], ids=lambda s: f"{len(s) - 1}")
@every_hidden
@every_pair
def test_gradient_is_that_of_central_differences(cost, output, hidden, sizes):
    problem = smooth_problem(sizes, hidden, output, cost)
    here = problem.parameters.copy()
    expected = numerical_gradient(twin_cost(problem), here)
    problem.parameters = here
    gradient = np.full_like(here, np.nan)
    m = problem.forward(problem.order)
    problem.output_delta(m)
    problem.add_gradient(gradient, m, 1.0, 0.0)
    assert np.abs(gradient - expected).max() <= 1e-7 * np.abs(expected).max()
    np.testing.assert_array_equal(problem.parameters, here)


@every_float
def test_gradients_accumulate(dtype):
    """keep·old + scale·new, over two mini-batches; keep = 0 clears even NaN."""
    problem = Problem((4, 6, 3), "tanh", "softmax", Cost.LOG_LIKELIHOOD, 8, 5, dtype)
    gradient = np.full_like(problem.parameters, np.nan)
    expected = np.zeros(len(gradient))
    for start, scale, keep in ((0, 0.5, 0.0), (5, 2.0, -3.0)):
        batch = problem.order[start : start + 5]
        m = problem.forward(batch)
        assert m == len(batch)
        problem.output_delta(m)
        problem.add_gradient(gradient, m, scale, keep)
        twin = problem.twin()
        rows = problem.X[batch].astype(np.float64), problem.Y[batch].astype(np.float64)
        _, twin.weights, twin.biases = twin.gradients(*rows)
        expected = keep * expected + scale * twin.vector()
    assert_close(gradient, expected, 20 * (1 + np.abs(expected)))


def test_a_delta_from_python_is_what_is_propagated():
    """Between forward_batch and update_batch a cost in Python writes its own delta."""
    problem = Problem((4, 6, 3), "tanh", "sigmoid", -1, 5, 5)
    m = problem.forward(problem.order)
    twin, rows = problem.twin(), problem.X[problem.order]
    zs, outputs = twin.forward(rows)
    assert_close(problem.workspace.block("z", m), zs[-1], 20.0)
    assert_close(problem.workspace.block("out", m), outputs[-1], 20.0)
    np.testing.assert_array_equal(problem.workspace.block("targets", m), problem.Y[problem.order])
    delta = np.random.default_rng(3).standard_normal((m, 3))
    problem.workspace.block("delta", m)[...] = delta
    problem.update(m, 0.5)
    before = (delta @ twin.weights[1]) * (1 - outputs[1] ** 2)
    for w, b, d, inp in zip(twin.weights, twin.biases, (before, delta), outputs[:2], strict=True):
        w -= 0.5 / m * d.T @ inp
        b -= 0.5 / m * d.sum(axis=0)
    assert_close(problem.parameters, twin.vector(), 20.0)


# Prediction.


@every_float
@every_hidden
@pytest.mark.parametrize("output", ["sigmoid", "softmax", "identity"])
def test_predict_is_forward(output, hidden, dtype):
    """23 rows through a workspace for 5, the last block with 3."""
    problem = Problem((4, 6, 5, 3), hidden, output, Cost.QUADRATIC, 23, 5, dtype)
    plan, parameters, running, work = problem.compiled
    out, X = np.full((23, 3), np.nan, dtype), read_only(problem.X)
    assert _prediction.predict(plan, read_only(parameters), running, work, X, out, 1) is True
    _, outputs = problem.twin().forward(problem.X.astype(np.float64))
    assert_close(out, outputs[-1], 20 * (1 + np.abs(outputs[-1])))


@few
@given(network_sizes(), st.integers(1, 12), st.integers(1, 9), st.integers(0, 999))
def test_predict_and_forward_batch_have_the_same_bits(sizes, n, batch_size, seed):
    """Both run the same blocks of rows, once from X and once from the gathered copy."""
    problem = Problem(sizes, "tanh", "sigmoid", Cost.QUADRATIC, n, batch_size, seed=seed)
    out = np.full_like(problem.Y, np.nan)
    _prediction.predict(*problem.compiled, problem.X, out, 1)
    for start in range(0, n, batch_size):
        m = problem.forward(np.arange(start, n))
        np.testing.assert_array_equal(problem.workspace.block("out", m), out[start : start + m])


# Threads and signals.


@pytest.fixture
def no_forced_switch() -> Iterator[None]:
    """Python hands the GIL over only where it is given up, not after 5 ms."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


def makes_progress_during(call: Callable[[], object]) -> bool:
    """Whether another Python thread, waiting for the GIL all the while, runs during ``call``."""
    ran, gate = [], threading.Lock()
    gate.acquire()

    def wait_and_run() -> None:
        with gate:
            ran.append(True)

    other = threading.Thread(target=wait_and_run)
    other.start()
    gate.release()
    before = bool(ran)
    call()
    after = bool(ran)
    other.join()
    return after and not before


def test_the_gil_is_released(no_forced_switch):
    """Tried until seen, as the other thread may be slow to wake; never seen if the GIL is held."""
    problem = Problem((64, 64, 4), "tanh", "sigmoid", Cost.QUADRATIC, 2000, 10)
    out = np.empty_like(problem.Y)
    plan, parameters, running, work = problem.compiled
    rows, slots = (*problem.rows, np.array([0.1])), NO_SLOTS[np.float64]
    calls = {  # nothing but the kernels: NumPy gives the GIL up too, to copy an array
        "train_epoch": lambda: _epoch.train_epoch(
            plan,
            PLAIN,
            parameters,
            running,
            slots,
            work,
            *rows,
            0,
            no_steps(),
            True,
            ThreadTuner(1),
            NO_CLOCK,
        ),
        "predict": lambda: _prediction.predict(*problem.compiled, problem.X, out, 1),
    }
    assert not any(makes_progress_during(lambda: sum(range(10**5))) for _ in range(20))
    for name, call in calls.items():
        assert any(makes_progress_during(call) for _ in range(500)), f"{name} holds the GIL"


def test_two_nets_in_two_threads_are_each_alone():
    def problems() -> list[Problem]:
        return [
            Problem((20, 30, 5), hidden, "softmax", Cost.LOG_LIKELIHOOD, 300, 7, dtype, seed)
            for hidden, dtype, seed in (("tanh", np.float64, 1), ("relu", np.float32, 2))
        ]

    def train(problem: Problem) -> list[float]:
        return [problem.train(rate=0.1) for _ in range(10)]

    alone, together = problems(), problems()
    expected = [train(problem) for problem in alone]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(train, together)) == expected
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.parameters, other.parameters)


def test_ctrl_c_stops_within_an_epoch():
    """After whole mini-batches: the bias counts them, since each adds 2⁻³⁰ and no weight moves."""
    n = 300_000  # some 30 seconds, if nobody stopped it
    problem = Problem((512, 512), "identity", "identity", Cost.QUADRATIC, 1, 1)
    problem.parameters[:], problem.X[:], problem.Y[:] = 0, 0, 1
    problem.order = np.zeros(n, dtype=np.intp)
    bias = problem.layout.columns("biases", problem.parameters)[0]

    def interrupt_once_begun() -> None:
        while bias[-1, 0] == 0 and not done.wait(0.001):
            pass
        _thread.interrupt_main()

    done = threading.Event()
    other = threading.Thread(target=interrupt_once_begun)
    try:
        with pytest.raises(KeyboardInterrupt):
            other.start()
            problem.train(rate=2.0**-30, l2=0.0, l1=0.0)
    finally:
        done.set()
        other.join()
    steps = np.log1p(-bias[:, 0]) / np.log1p(-(2.0**-30))
    assert 0 < steps[0] < n / 2
    np.testing.assert_allclose(steps, round(steps[0]), atol=1e-3)
    weights = problem.layout.weights(problem.parameters)[0]
    np.testing.assert_array_equal(weights, 0)


# Row weights, rates, dropout and what the modes do.


@every_float
def test_row_weights_are_factors_on_cost_and_gradient(dtype):
    """Row i counted w_i times in one mini-batch of all rows, whose step is still over 6 rows."""
    weighted, repeated = (
        Problem((3, 4, 2), "tanh", "softmax", Cost.LOG_LIKELIHOOD, 6, size, dtype)
        for size in (6, 12)
    )
    weights = np.array([0, 1, 2, 3, 4, 2], dtype)
    repeated.order = np.repeat(np.arange(6), weights.astype(int))
    expected = repeated.train(rate=0.4, l2=0.0, l1=0.0)  # over 12 rows: twice the rate of 6
    plan, parameters, running, work = weighted.compiled
    counter = no_steps()
    cost = _epoch.train_epoch(
        plan, PLAIN, parameters, running, NO_SLOTS[dtype], work, weighted.X, weighted.Y,
        weights, np.arange(6), np.array([0.2]), 0, counter, True, ThreadTuner(1), NO_CLOCK,
    )  # fmt: skip
    assert counter[0] == 1
    assert cost == pytest.approx(expected, rel=1e-5 if dtype == np.float32 else 1e-12)
    assert_close(parameters, repeated.parameters, 20.0)


def test_each_mini_batch_has_its_rate():
    by_rates, by_hand = (
        Problem((3, 4, 2), "tanh", "sigmoid", Cost.QUADRATIC, 7, 3) for _ in range(2)
    )
    rates = np.array([0.5, 0.0, 0.25])
    plan, parameters, running, work = by_rates.compiled
    _epoch.train_epoch(plan, PLAIN, parameters, running, NO_SLOTS[np.float64], work,
                       *by_rates.rows, rates, 0, no_steps(), False, ThreadTuner(1),
                       NO_CLOCK)  # fmt: skip
    for start, rate in zip((0, 3, 6), rates, strict=True):
        m = by_hand.forward(by_hand.order[start:], Mode.TRAIN)
        by_hand.output_delta(m)
        by_hand.update(m, rate)
    np.testing.assert_array_equal(parameters, by_hand.parameters)


# Refusals.

PROBLEM = Problem((3, 4, 2), "tanh", "sigmoid", Cost.QUADRATIC, 6, 3)
WORK = {"work": np.zeros_like(PROBLEM.workspace.memory)}
PARAMETERS = {"parameters": PROBLEM.parameters}
RUNNING = {"running": np.empty(0)}
ROWS = {"X": PROBLEM.X, "Y": PROBLEM.Y, "row_weights": np.ones(6), "order": PROBLEM.order}
STATE = {"rule": ADAM, **PARAMETERS, "slots": np.zeros((2, len(PROBLEM.parameters)))}
MOMENT = {"seed": 1, "step": 0}
COUNTED = {"seed": 1, "counter": np.zeros(1, dtype=np.uint64)}
ARGUMENTS = {
    "train_epoch": {
        **STATE, **RUNNING, **WORK, **ROWS, "rates": np.array([0.1, 0.2]), **COUNTED,
        "with_cost": True, "tuner": ThreadTuner(1), "seconds": np.zeros(len(Phase)),
    },
    "forward_batch": {**PARAMETERS, **RUNNING, **WORK, **ROWS, "mode": Mode.TRAIN, **MOMENT},
    "output_delta": {**WORK, "m": 2, "weighted": True},
    "update_batch": {**STATE, **WORK, "m": 2, "rate": 0.1, **MOMENT},
    "gradient_batch": {
        "gradient": np.zeros_like(PROBLEM.parameters), **PARAMETERS, **WORK, "m": 2, "scale": 1.0,
        "keep": 0.0,
    },
    "predict": {
        **PARAMETERS, **RUNNING, **WORK, "X": PROBLEM.X, "out": np.zeros_like(PROBLEM.Y),
        "n_threads": 1,
    },
}  # fmt: skip
TAKEN = [  # what is in order too
    ("X", "other float"),  # converted while it is gathered
    ("order", "a row more"),
    ("order", "a row fewer"),
    ("row_weights", "no rows"),
    ("rates", "a row fewer"),
    ("slots", "a row more"),
    ("counter", "strided"),  # a single number is contiguous in any step
    ("counter", "reversed"),
    ("seconds", "no rows"),
]


def calling(name: str) -> Callable[..., object]:
    return lambda **arguments: function(name)(PROBLEM.workspace.compiled, **arguments)


def function(name: str) -> Callable[..., object]:
    return _prediction.predict if name == "predict" else getattr(_epoch, name)


def refusals() -> list:
    parameters = []
    for name, arguments in ARGUMENTS.items():
        # No running statistics are in order here, in any form without numbers; output_delta has
        # only its own vector; learning rates are float64 in either dtype.
        arrays = {key: value for key, value in arguments.items() if key != "running"}
        skip = [*TAKEN, ("work", "other float")] if name == "output_delta" else TAKEN
        parameters += [
            pytest.param(name, *case.values, id=f"{name}-{case.id}") for case in cases(arrays, skip)
        ]
    return parameters


@pytest.mark.parametrize(("name", "argument", "damage"), refusals())
def test_refuses(name, argument, damage):
    assert_refused(calling(name), ARGUMENTS[name], argument, damage)


@pytest.mark.parametrize("name", ["train_epoch", "forward_batch"])
@pytest.mark.parametrize("bad", [-1, 6, -(2**63), 2**63 - 1, -6])
@pytest.mark.parametrize("place", [0, 2, 5])
def test_an_index_beyond_the_rows_is_refused(name, bad, place):
    """Wherever it stands, before the first step."""

    def spoil(order: np.ndarray) -> np.ndarray:
        order[place] = bad
        return order

    assert_refused(calling(name), ARGUMENTS[name], "order", spoil)
    with pytest.raises(ValueError, match=f"order: expected indices from 0 to 5, got {bad}"):
        calling(name)(**{**ARGUMENTS[name], "order": spoil(PROBLEM.order.copy())})


@pytest.mark.parametrize("dtype", [np.int32, np.uint64, np.float64])
def test_an_order_of_other_integers_is_refused(dtype):
    assert_refused(
        calling("train_epoch"), ARGUMENTS["train_epoch"], "order", lambda order: order.astype(dtype)
    )


@pytest.mark.parametrize("name", ["output_delta", "update_batch", "gradient_batch"])
@pytest.mark.parametrize("m", [0, -1, 4, 2**31 - 1, -(2**31), 2**40, None, "2"])
def test_more_rows_than_the_plan_has_are_refused(name, m):
    arguments = {key: np.copy(value) for key, value in ARGUMENTS[name].items()}
    with pytest.raises((OverflowError, *REFUSED)):
        calling(name)(**{**arguments, "m": m})
    for key, value in arguments.items():
        np.testing.assert_array_equal(value, ARGUMENTS[name][key])


@pytest.mark.parametrize("name", ["train_epoch", "forward_batch", "predict"])
@pytest.mark.parametrize("running", [None, np.zeros(1), np.empty(0, np.float32), [], 0.0])
def test_other_running_statistics_are_refused(name, running):
    assert_refused(calling(name), ARGUMENTS[name], "running", lambda _: running)


@pytest.mark.parametrize("mode", [-1, 3, 2**31 - 1, 2**40, None, "train"])
def test_an_unknown_mode_is_refused(mode):
    with pytest.raises((OverflowError, *REFUSED)):
        calling("forward_batch")(**{**ARGUMENTS["forward_batch"], "mode": mode})


@pytest.mark.parametrize("name", ["train_epoch", "update_batch"])
@pytest.mark.parametrize("rule", [None, object(), Adam(), "adam"])
def test_what_is_no_rule_is_refused(name, rule):
    with pytest.raises(TypeError, match="rule"):
        calling(name)(**{**ARGUMENTS[name], "rule": rule})


@pytest.mark.parametrize("argument", ["seed", "step"])
@pytest.mark.parametrize("value", [None, "0", -1, 2**64])
def test_a_moment_that_is_no_count_is_refused(argument, value):
    arguments = {**ARGUMENTS["update_batch"], "parameters": PROBLEM.parameters.copy()}
    with pytest.raises((OverflowError, TypeError)):
        calling("update_batch")(**{**arguments, argument: value})
    np.testing.assert_array_equal(arguments["parameters"], PROBLEM.parameters)


@pytest.mark.parametrize("argument", ["rate", "m"])
@pytest.mark.parametrize("value", [None, "0.1", 1j])
def test_a_step_that_is_no_number_is_refused(argument, value):
    arguments = {**ARGUMENTS["update_batch"], "parameters": PROBLEM.parameters.copy()}
    with pytest.raises(TypeError):
        calling("update_batch")(**{**arguments, argument: value})
    np.testing.assert_array_equal(arguments["parameters"], PROBLEM.parameters)


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("plan", [object(), 3, "plan", PROBLEM.workspace])
def test_what_is_no_plan_is_refused(name, plan):
    with pytest.raises(TypeError, match="plan"):
        function(name)(plan, **ARGUMENTS[name])


WRITTEN = {
    "train_epoch": ["parameters", "running", "slots", "work"],
    "forward_batch": ["running", "work"],
    "output_delta": ["work"],
    "update_batch": ["parameters", "slots", "work"],
    "gradient_batch": ["gradient", "work"],
    "predict": ["running", "work", "out"],
}


@pytest.mark.parametrize(
    ("name", "argument"), [(name, written) for name in WRITTEN for written in WRITTEN[name]]
)
def test_what_is_written_to_must_be_writable(name, argument):
    arguments = dict(ARGUMENTS[name])
    arguments[argument] = read_only(arguments[argument])
    with pytest.raises(ValueError, match="read-only"):
        calling(name)(**arguments)


@pytest.mark.parametrize("name", ["gradient", "parameters"])
def test_the_vector_of_wrong_length_is_the_one_named(name):
    arguments = dict(ARGUMENTS["gradient_batch"])
    arguments[name] = np.zeros(len(PROBLEM.parameters) + 1)
    with pytest.raises(ValueError, match=f"^{name}: expected {len(PROBLEM.parameters)} numbers"):
        calling("gradient_batch")(**arguments)
