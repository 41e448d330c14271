"""Norms, dropout and optimizers' steps in pieces: every number as in one piece, bit for bit.

Run for each instruction set in a process of its own: see test_kernels_in_pieces.py.
"""

from __future__ import annotations

import json

import numpy as np

import fastnn
from fastnn import optimizers
from fastnn._core import dropout as _dropout
from fastnn._core import isa as _isa
from fastnn._core import norm as _norm
from fastnn.regularizers import Regularizer

FLOATS = (np.float32, np.float64)
PIECES = ((0, 1), (1, 4), (0, 16), (16, 32), (5, 38), (7, 82), (32, 83))
OPTIMIZERS = {
    "SGD": optimizers.SGD(),
    "momentum": optimizers.SGD(momentum=0.9),
    "Nesterov": optimizers.SGD(momentum=0.9, nesterov=True),
    "RMSprop": optimizers.RMSprop(),
    "AdaGrad": optimizers.AdaGrad(),
    "Adam": optimizers.Adam(),
    "AdamW": optimizers.AdamW(weight_decay=0.1),
    "Rprop": optimizers.Rprop(),
}
NORMS = (None, "batch", "layer")


def draw(dtype: type, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(9)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def columns(x: np.ndarray, dy: np.ndarray, *vectors: np.ndarray) -> list[np.ndarray]:
    """All that batch norm's kernels write; the columns are the last axis of each array."""
    gamma, beta, mean, variance = vectors
    forward = [x.copy(), x * 0, *(gamma * 0 for _ in range(3))]
    _norm.columns_forward(*forward, gamma, beta, 1e-5)
    backward = [dy.copy(), gamma * 0, gamma * 0]
    _norm.columns_backward(*backward, forward[1], forward[4], gamma)
    predicted = x.copy()
    _norm.running_forward(predicted, mean, variance, gamma, beta, 1e-5)
    return [*forward, *backward, predicted]


def check_columns(dtype: type, m: int) -> None:
    x, dy, *vectors = draw(dtype, (m, 83), (m, 83), *[(83,)] * 4)
    vectors[3] **= 2
    whole = columns(x, dy, *vectors)
    for start, stop in PIECES:
        part = [np.ascontiguousarray(a[..., start:stop]) for a in (x, dy, *vectors)]
        for actual, expected in zip(columns(*part), whole, strict=True):
            np.testing.assert_array_equal(actual, expected[..., start:stop])


def blocks(
    x: np.ndarray, dy: np.ndarray, gamma: np.ndarray, beta: np.ndarray, groups: int
) -> tuple:
    """Layer or group norm: what goes by rows, and the sums for gamma and beta."""
    forward = [x.copy(), x * 0, np.zeros((len(x), groups), x.dtype)]
    _norm.blocks_forward(*forward, gamma, beta, 1e-5)
    delta, dgamma, dbeta = dy.copy(), gamma * 0, gamma * 0
    _norm.blocks_backward(delta, dgamma, dbeta, forward[1], forward[2], gamma)
    return [*forward, delta], (forward[1], dgamma, dbeta)


def check_blocks(dtype: type, groups: int, per_group: int, spatial: int) -> None:
    channels = groups * per_group
    shape = (83, channels, spatial)
    x, dy, gamma, beta = draw(dtype, shape, shape, (channels,), (channels,))
    whole, (xhat, *sums) = blocks(x, dy, gamma, beta, groups)
    for start, stop in PIECES:
        part, _ = blocks(x[start:stop], dy[start:stop], gamma, beta, groups)
        for actual, expected in zip(part, whole, strict=True):
            np.testing.assert_array_equal(actual, expected[start:stop])
    for start, stop in ((0, 1), (1, channels), (channels // 2, channels)):
        part = [np.ascontiguousarray(a[:, start:stop]) for a in (dy, xhat)]
        ours = gamma[start:stop] * 0, gamma[start:stop] * 0
        inverse = np.ones((83, 1), dtype)
        _norm.blocks_backward(part[0], *ours, part[1], inverse, gamma[start:stop])
        for actual, expected in zip(ours, sums, strict=True):
            np.testing.assert_array_equal(actual, expected[start:stop])


def dropped(dtype: type) -> list[float]:
    """What is kept of 83 ones, and that fewer of them come out the same."""
    ones, whole = np.ones(83, dtype), np.empty(83, dtype)
    _dropout.dropout(whole, ones, 0.4, 2.0, 1, 2, 3)
    for size in range(1, 83):
        part = np.empty(size, dtype)
        _dropout.dropout(part, ones[:size], 0.4, 2.0, 1, 2, 3)
        np.testing.assert_array_equal(part, whole[:size])
    return whole.tolist()


def trained(
    optimizer: str, norm: str | None, dtype: type, alike: bool = True, n_threads: int = 1
) -> list[float]:
    """A few steps of a net whose hidden neurons are all alike: then so they must stay.

    With five inputs each, a neuron's weights stand in other lanes than the next one's.
    """
    x, y = draw(dtype, (64, 5), (64, 3))
    net = fastnn.Network([5, 37, 3], fastnn.QuadraticCost, output="identity", normalization=norm,
                         dropout=0 if alike else 0.3, dtype=dtype, rng=1)  # fmt: skip
    if alike:
        net.weights[0][:] = net.weights[0][0]
        net.weights[1][:] = net.weights[1][:, :1]
        net.biases[0][:] = 0.1
    batch_size = 64 if optimizer == "Rprop" else 16
    net.fit(
        x,
        y,
        epochs=4,
        batch_size=batch_size,
        learning_rate=0.01,
        optimizer=OPTIMIZERS[optimizer],
        regularizer=Regularizer(l1=0.1, l2=0.2, max_norm=0.9),
        n_threads=n_threads,
    )
    if alike:
        for same in (net.weights[0], net.biases[0], net.weights[1].T, *net.gammas, *net.betas):
            np.testing.assert_array_equal(same, np.broadcast_to(same[:1], same.shape))
    return net.parameters.tolist()


def check_threads(norm: str | None, dtype: type) -> None:
    for optimizer in ("SGD", "Adam"):
        alone = trained(optimizer, norm, dtype, alike=False)
        for n in (2, 3):
            assert trained(optimizer, norm, dtype, alike=False, n_threads=n) == alone


def main() -> None:
    for dtype in FLOATS:
        for m in (2, 7, 8, 33):
            check_columns(dtype, m)
        for sizes in ((1, 83, 1), (4, 5, 1), (3, 2, 7), (2, 3, 19)):
            check_blocks(dtype, *sizes)
        for norm in NORMS:
            check_threads(norm, dtype)
        for name in OPTIMIZERS:
            trained(name, None, dtype)
            trained(name, "batch", dtype)
    results = {
        f"{name} {norm} {np.dtype(dtype).name}": trained(name, norm, dtype, alike=False)
        for name in OPTIMIZERS
        for norm in NORMS
        for dtype in FLOATS
    }
    masks = [dropped(dtype) for dtype in FLOATS]
    print(json.dumps({"level": _isa.instruction_set, "masks": masks, "trained": results}))
