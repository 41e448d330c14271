"""Whether a training can go on from where it is."""

from __future__ import annotations

from typing import Any

from fastnn._common.soundness import all_finite

__all__ = ["is_finite"]


def is_finite(model: Any) -> bool:
    """Whether all that a training has made of ``model`` is: it would be saved otherwise."""
    running, slots = model.running_statistics, model.training_state.slots
    return (
        all_finite(model.parameters)
        and (not running.size or all_finite(running))
        and (not slots.size or all_finite(slots))
    )
