"""One epoch of training, and its parts.

``parameters`` and ``gradient`` (plan.n_parameters,) and ``work`` (plan.work_size,) are laid out by
the plan; ``X`` (n, n_in), ``Y`` and ``out`` (n, n_out) hold one sample a row; ``m`` is the number
of rows in use of the plan's batch.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fastnn._plan import CompiledPlan

_Float = TypeVar("_Float", np.float32, np.float64)

def train_epoch(
    plan: CompiledPlan,
    parameters: NDArray[_Float],
    work: NDArray[_Float],
    X: NDArray[_Float],
    Y: NDArray[_Float],
    order: NDArray[np.intp],
    learning_rate: float,
    decay: float,
    l1: float,
    with_cost: bool,
) -> float:
    """Train on the rows in ``order`` (n_order,); return the sum of their costs, or NaN."""

def forward_batch(
    plan: CompiledPlan,
    parameters: NDArray[_Float],
    work: NDArray[_Float],
    X: NDArray[_Float],
    Y: NDArray[_Float],
    order: NDArray[np.intp],
) -> int:
    """Gather and run forward the first mini-batch of ``order``; return its number of rows."""

def output_delta(plan: CompiledPlan, work: NDArray[_Float], m: int) -> None:
    """Write the compiled cost's delta of the ``m`` rows last run forward into ``work``."""

def update_batch(
    plan: CompiledPlan,
    parameters: NDArray[_Float],
    work: NDArray[_Float],
    m: int,
    learning_rate: float,
    decay: float,
    l1: float,
) -> None:
    """Step the parameters from the output's delta of ``m`` rows in ``work``."""

def gradient_batch(
    plan: CompiledPlan,
    gradient: NDArray[_Float],
    parameters: NDArray[_Float],
    work: NDArray[_Float],
    m: int,
    scale: float,
    keep: float,
) -> None:
    """``gradient`` := keep · gradient + scale · Σ ∂C/∂parameters over the ``m`` rows."""

def predict(
    plan: CompiledPlan,
    parameters: NDArray[_Float],
    work: NDArray[_Float],
    X: NDArray[_Float],
    out: NDArray[_Float],
) -> None:
    """Write the network's outputs for the rows of ``X`` into ``out``."""
