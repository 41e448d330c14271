"""The optimizers' steps in NumPy, over the flat vectors of parameters and gradient.

``state`` is the optimizer's own memory, one vector a row; ``t`` counts steps from 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastnn.optimizers import SGD, AdaGrad, Adam, Optimizer, RMSprop, Rprop


def sgd(
    p: np.ndarray, g: np.ndarray, state: np.ndarray, optimizer: SGD, rate: float, t: int
) -> None:
    """p ← p − η g; with momentum v ← μ v − η g and p ← p + v, or p + μ v − η g by Nesterov.

    (Sutskever, Martens, Dahl and Hinton, 2013.)
    """
    if not optimizer.momentum:
        p -= rate * g
        return
    v = state[0]
    v[...] = optimizer.momentum * v - rate * g
    p += optimizer.momentum * v - rate * g if optimizer.nesterov else v


def rmsprop(
    p: np.ndarray, g: np.ndarray, state: np.ndarray, optimizer: RMSprop, rate: float, t: int
) -> None:
    """s ← α s + (1 − α) g², p ← p − η g / (√s + ε) (Tieleman and Hinton, 2012)."""
    s = state[0]
    s[...] = optimizer.alpha * s + (1 - optimizer.alpha) * g**2
    p -= rate * g / (np.sqrt(s) + optimizer.eps)


def adagrad(
    p: np.ndarray, g: np.ndarray, state: np.ndarray, optimizer: AdaGrad, rate: float, t: int
) -> None:
    """s ← s + g², p ← p − η g / (√s + ε) (Duchi, Hazan and Singer, 2011)."""
    s = state[0]
    s += g**2
    p -= rate * g / (np.sqrt(s) + optimizer.eps)


def adam(
    p: np.ndarray, g: np.ndarray, state: np.ndarray, optimizer: Adam, rate: float, t: int
) -> None:
    """m ← β₁ m + (1 − β₁) g, s ← β₂ s + (1 − β₂) g², p ← p − η m̂ / (√ŝ + ε).

    m̂ = m / (1 − β₁ᵗ) and ŝ = s / (1 − β₂ᵗ) (Kingma and Ba, 2015, algorithm 1). With ε̂ for ε:
    p ← p − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√s + ε̂) (end of section 2).
    """
    m, s = state
    m[...] = optimizer.beta1 * m + (1 - optimizer.beta1) * g
    s[...] = optimizer.beta2 * s + (1 - optimizer.beta2) * g**2
    if optimizer.epsilon_hat:
        rate_t = rate * np.sqrt(1 - optimizer.beta2**t) / (1 - optimizer.beta1**t)
        p -= rate_t * m / (np.sqrt(s) + optimizer.eps)
        return
    m_hat = m / (1 - optimizer.beta1**t)
    s_hat = s / (1 - optimizer.beta2**t)
    p -= rate * m_hat / (np.sqrt(s_hat) + optimizer.eps)


def rprop(
    p: np.ndarray, g: np.ndarray, state: np.ndarray, optimizer: Rprop, rate: float, t: int
) -> None:
    """p ← p − step sgn(g); a step grows × 1.2 while g keeps its sign, shrinks × 0.5 when it turns.

    When it turns, g is forgotten and the parameter rests (Riedmiller and Braun, 1993).
    """
    before, steps = state
    if t == 1:
        steps[...] = rate
    agreement = np.sign(g * before)
    steps[agreement > 0] = np.minimum(steps * 1.2, 50)[agreement > 0]
    steps[agreement < 0] = np.maximum(steps * 0.5, 1e-6)[agreement < 0]
    before[...] = np.where(agreement < 0, 0, g)
    p -= steps * np.sign(before)


STEPS: dict[type[Optimizer], Callable[..., None]] = {
    SGD: sgd,
    RMSprop: rmsprop,
    AdaGrad: adagrad,
    Adam: adam,
    Rprop: rprop,
}


def step(
    p: np.ndarray, g: np.ndarray, slots: np.ndarray, optimizer: Optimizer, rate: float, t: int
) -> None:
    """Take step ``t`` of ``optimizer`` in place; AdamW's decay is done before, on weights only."""
    function = next(STEPS[kind] for kind in type(optimizer).__mro__ if kind in STEPS)
    function(p, g, slots, optimizer, rate, t)
