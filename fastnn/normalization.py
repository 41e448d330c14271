"""Normalization between a dense layer and its activation: small frozen objects.

Each hidden layer's weighted inputs are brought to mean 0 and variance 1, x̂ = (x − μ) / √(σ² + ε)
with the biased variance, then scaled and shifted: γ x̂ + β, one γ and β a neuron. What is averaged
over is the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fastnn._common.checks import (
    brief,
    check_finite_number,
    check_flag,
    check_number,
    check_whole,
    settle,
)
from fastnn._core.norm import Norm

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "Normalization", "get"]


class Normalization:
    """Base of the three normalizations.

    Each declares its own fields, ``eps`` last: a field inherited from here would come first, and
    ``GroupNorm(2)`` would set it.

    Attributes
    ----------
    eps : float
        ε, added to the variance.
    """

    eps: float

    kernel = Norm.NO_NORM

    def __post_init__(self) -> None:
        settle(self, eps=check_number(self.eps, "eps", positive=True))

    def groups_of(self, n_out: int) -> int:
        """Return how many groups a layer of ``n_out`` neurons has.

        Parameters
        ----------
        n_out : int
            Neurons of the layer.
        """
        return 1


@dataclass(frozen=True)
class BatchNorm(Normalization):
    """Each neuron over the rows of the mini-batch (Ioffe and Szegedy, 2015).

    Prediction uses running statistics instead, (1 − momentum) running + momentum batch after each
    mini-batch; so an output never depends on other rows. A mini-batch must
    have two rows: a last one of a single row is left out of its epoch.

    Parameters
    ----------
    momentum : float, default 0.1
        Weight of the newest mini-batch, above 0 and up to 1.
    eps : float, default 1e-5
        Added to the variance.
    initial_mean, initial_variance : float, default 0 and 1
        Where the running statistics of all neurons start. Several texts start both at 0.
    unbiased : bool, default True
        Whether the variance that goes into the running one is Σ(x − μ)² / (m − 1), as in the paper,
        or / m, as several texts have it.
    """

    momentum: float = 0.1
    eps: float = 1e-5
    initial_mean: float = field(default=0.0, kw_only=True)
    initial_variance: float = field(default=1.0, kw_only=True)
    unbiased: bool = field(default=True, kw_only=True)

    kernel = Norm.BATCH

    def __post_init__(self) -> None:
        super().__post_init__()
        settle(self, momentum=check_number(self.momentum, "momentum", positive=True))
        if self.momentum > 1:
            raise ValueError(f"momentum: expected a number up to 1, got {self.momentum}")
        settle(self, initial_mean=check_finite_number(self.initial_mean, "initial_mean"))
        settle(self, initial_variance=check_number(self.initial_variance, "initial_variance"))
        settle(self, unbiased=check_flag(self.unbiased, "unbiased"))


@dataclass(frozen=True)
class LayerNorm(Normalization):
    """Each row over the neurons of its layer (Ba, Kiros and Hinton, 2016).

    Parameters
    ----------
    eps : float, default 1e-5
        Added to the variance.
    """

    eps: float = 1e-5

    kernel = Norm.GROUP


@dataclass(frozen=True)
class GroupNorm(Normalization):
    """Each row over groups of neighbouring neurons of its layer (Wu and He, 2018).

    Parameters
    ----------
    groups : int, default 2
        How many; divides the number of neurons of every hidden layer.
    eps : float, default 1e-5
        Added to the variance.
    """

    groups: int = 2
    eps: float = 1e-5

    kernel = Norm.GROUP

    def __post_init__(self) -> None:
        super().__post_init__()
        settle(self, groups=check_whole(self.groups, "groups", 1))

    def groups_of(self, n_out: int) -> int:
        if n_out % self.groups:
            raise ValueError(
                f"normalization: {self.groups} groups do not divide a layer of {n_out} neurons"
            )
        return self.groups


NAMES: dict[str, type[Normalization]] = {
    "batch": BatchNorm,
    "layer": LayerNorm,
    "group": GroupNorm,
}


def get(normalization: str | Normalization | None) -> Normalization | None:
    """Return the normalization that a name or an object means; ``None`` stays ``None``.

    Parameters
    ----------
    normalization : {"batch", "layer", "group"}, Normalization or None

    Raises
    ------
    ValueError
        For an unknown name.
    TypeError
        For something else than a name or an object of this module.
    """
    if normalization is None or isinstance(normalization, Normalization):
        return normalization
    if not isinstance(normalization, str):
        raise TypeError(
            "normalization: expected None, a name or an object of fastnn.normalization, "
            f"got {type(normalization).__name__}"
        )
    if normalization not in NAMES:
        raise ValueError(
            f"normalization: expected None or one of {', '.join(NAMES)}, got {brief(normalization)}"
        )
    return NAMES[normalization]()
