"""What keeps weights small: penalties with the book's scale strength / n, and a largest length.

``n`` is the size of the training set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from fastnn._common.checks import brief, check_number, settle

__all__ = ["Regularizer", "L1", "L2", "L1L2", "MaxNorm", "get"]


@dataclass(frozen=True)
class Regularizer:
    """Penalty l1/n Σ|w| + l2/2n Σw² on the weights; biases, gamma and beta are not penalised.

    Parameters
    ----------
    l1, l2 : float
        Strengths λ₁ and λ of the two terms, 0 or more (Nielsen, chapter 3).
    max_norm : float, optional
        After each step a neuron's weights whose length √Σw² is larger are scaled back to it
        (Srivastava et al., 2014).

    Raises
    ------
    TypeError, ValueError
        If a strength is no number, negative or not finite, or ``max_norm`` not above 0.
    """

    l1: float = 0.0
    l2: float = 0.0
    max_norm: float | None = None

    def __post_init__(self) -> None:
        for name in ("l1", "l2"):
            settle(self, **{name: check_number(getattr(self, name), name)})
        if self.max_norm is not None:
            settle(self, max_norm=check_number(self.max_norm, "max_norm", positive=True))

    def penalty(self, weights: Iterable[np.ndarray], n: int) -> float:
        """Return l1/n Σ|w| + l2/2n Σw² over all ``weights``.

        Parameters
        ----------
        weights : iterable of arrays
            Of all layers.
        n : int
            Rows of the training set.
        """
        total = 0.0
        with np.errstate(all="ignore"):  # weights that diverged have an infinite penalty
            for w in weights:
                if self.l2:
                    total += 0.5 * self.l2 / n * float(np.sum(np.square(w, dtype=np.float64)))
                if self.l1:
                    total += self.l1 / n * float(np.sum(np.abs(w), dtype=np.float64))
        return total

    def scaled(self, factor: float) -> Regularizer:
        """Return the same with both strengths times ``factor``.

        Parameters
        ----------
        factor : float
            0 or more.
        """
        if factor == 1:
            return self
        return replace(self, l1=self.l1 * factor, l2=self.l2 * factor)


def L2(strength: float) -> Regularizer:
    """Weight decay: adds strength/2n Σw² to the cost (Nielsen, chapter 3).

    Parameters
    ----------
    strength : float
        λ, 0 or more.
    """
    return Regularizer(l2=strength)


def L1(strength: float) -> Regularizer:
    """Adds strength/n Σ|w| to the cost, which drives weights to zero (Nielsen, chapter 3).

    Parameters
    ----------
    strength : float
        λ, 0 or more.
    """
    return Regularizer(l1=strength)


def L1L2(l1: float, l2: float) -> Regularizer:
    """Both penalties at once.

    Parameters
    ----------
    l1, l2 : float
        The strengths of ``L1`` and of ``L2``.
    """
    return Regularizer(l1=l1, l2=l2)


def MaxNorm(length: float) -> Regularizer:
    """No neuron's weights longer than ``length`` (Srivastava et al., 2014).

    Parameters
    ----------
    length : float
        The largest √Σw² of a neuron's weights, above 0.
    """
    return Regularizer(max_norm=length)


def get(regularizer: Regularizer | None) -> Regularizer:
    """Return ``regularizer``, or the penalty of strength 0 for ``None``.

    Parameters
    ----------
    regularizer : Regularizer or None

    Raises
    ------
    TypeError
        For something else than an object of this module.
    """
    if regularizer is None:
        return Regularizer()
    if not isinstance(regularizer, Regularizer):
        raise TypeError(
            "regularizer: expected None or an object of fastnn.regularizers such as L2(5.0), "
            f"got {brief(regularizer)}"
        )
    return regularizer
