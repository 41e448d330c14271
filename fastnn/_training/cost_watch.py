"""A warning, once a training, when a cost that is recorded stops being finite."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnn._common.warning import warn_caller

__all__ = ["CostWatch"]

NOT_FINITE = (
    "the {name} is no longer finite: {value} in epoch {epoch}. Try {rate}inputs, and targets "
    "that are no classes, scaled to about 1"
)


class CostWatch:
    """Remembers the first cost that is not finite, and warns of it when training has ended.

    Whoever ends it in another way, with a warning or an error of its own, does not ask for that.

    Parameters
    ----------
    silent : bool, default False
        Whether to say nothing at all.
    has_rate : bool, default True
        Whether the training has a learning rate to lower.
    """

    def __init__(self, silent: bool = False, has_rate: bool = True) -> None:
        self._silent, self._has_rate = silent, has_rate
        self._text: str | None = None

    def observe(self, row: Mapping[str, Any]) -> None:
        """Take the history's row of an epoch, whose costs are the columns named so."""
        if self._silent or self._text is not None:
            return
        for name, value in row.items():
            if name.endswith("_cost") and not math.isfinite(value):
                self._text = self._text_of(name, value, row["epoch"], row["learning_rate"])
                return

    def observe_columns(self, columns: Mapping[str, np.ndarray]) -> None:
        """Take several epochs, as columns (n_epochs,)."""
        if self._silent or self._text is not None:
            return
        costs = [column for name, column in columns.items() if name.endswith("_cost")]
        finite = np.all([np.isfinite(each) for each in costs], axis=0) if costs else np.True_
        if finite.all():
            return
        first = int(np.argmin(finite))
        self.observe({name: column[first].item() for name, column in columns.items()})

    def _text_of(self, name: str, value: float, epoch: int, rate: float) -> str:
        lower = f"a learning rate below {rate:g}, or " if self._has_rate else ""
        return NOT_FINITE.format(name=name.replace("_", " "), value=value, epoch=epoch, rate=lower)

    def tell(self) -> None:
        """Say it, if there was such a cost.

        Warns
        -----
        RuntimeWarning
        """
        if self._text is not None:
            warn_caller(self._text)
