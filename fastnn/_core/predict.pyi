"""Many rows predicted, in blocks that stay in the cache on their way through the layers."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastnn._core.compiled_plan import CompiledPlan
from fastnn._core.row_source import RowSource

_Float = TypeVar("_Float", np.float32, np.float64)

def second_cache() -> int:
    """Return the bytes of this processor's second cache."""

def predict(
    plan: CompiledPlan,
    parameters: NDArray[_Float],
    running: NDArray[_Float],
    work: NDArray[_Float],
    X: RowSource | NDArray[Any],
    out: NDArray[_Float],
    n_threads: int,
    checked: bool = True,
) -> bool:
    """Write the network's outputs for the rows of ``X`` (n, n_in) into ``out`` (n, n_out).

    ``parameters`` (plan.n_parameters,), ``running`` (plan.n_running,) and ``work``
    (n_threads * plan.work_size,) are laid out by the plan. Return False, with ``out`` half
    written, as soon as an input that was not ``checked`` may not be finite.
    """
