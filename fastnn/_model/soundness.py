"""Whether the numbers of a network, and of its optimizer, are such as a training comes to."""

from __future__ import annotations

from typing import Any

from fastnn._common.checks import brief
from fastnn._common.soundness import all_finite

__all__ = ["check_numbers", "check_variances"]


def check_variances(variances: Any, name: str = "running_variances") -> None:
    """Raise ``ValueError`` if one of the arrays ``variances`` holds a negative number."""
    for i, each in enumerate(variances):
        if each.size and each.min() < 0:
            raise ValueError(f"{name}[{i}]: expected numbers of 0 or more, got {each.min()}")


def check_numbers(model: Any, purpose: str = "") -> None:
    """Raise unless every number of a network and of its optimizer is one that training comes to.

    Parameters
    ----------
    model : Model
    purpose : str
        What the numbers are expected for, such as " to save".

    Raises
    ------
    ValueError
        Naming the vector: if a number is not finite, a running variance is negative, or a number
        of the optimizer's that is a sum of squares or the size of a step.
    """
    state = model.training_state
    vectors = {
        "parameters": model.parameters,
        "running_statistics": model.running_statistics,
        "slots": state.slots,
    }
    for name, vector in vectors.items():
        if vector.size and not all_finite(vector):
            raise ValueError(f"{name}: expected finite numbers{purpose}, got NaN or infinity")
    check_variances(model.running_variances)
    for row in () if state.optimizer is None else state.optimizer.never_negative:
        if state.slots[row].min() < 0:
            least = brief(float(state.slots[row].min()))
            raise ValueError(f"slots[{row}]: expected numbers of 0 or more{purpose}, got {least}")
