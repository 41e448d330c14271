"""The optimizers to choose from: small frozen objects; their steps are in the compiled core.

``g`` is the mean gradient over a mini-batch with its penalty, ``η`` the learning rate.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import ClassVar

from fastnn._common.checks import brief, check_flag, check_number, check_whole, settle
from fastnn._core.optimizer import SLOTS, Rule
from fastnn._core.optimizer import Optimizer as Kernel
from fastnn.regularizers import Regularizer

__all__ = ["SGD", "RMSprop", "AdaGrad", "Adam", "AdamW", "Rprop", "LBFGS", "Optimizer", "get"]


@dataclass(frozen=True)
class Optimizer:
    """Base of all optimizers."""

    # What a subclass says of itself.
    default_learning_rate = 0.1
    full_batch = False
    # Rows of state that hold sums of squares, or sizes of steps.
    never_negative: ClassVar[tuple[int, ...]] = ()

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(each.default, bool):
                settle(self, **{each.name: check_flag(value, each.name)})
                continue
            if each.type in (int, "int"):
                settle(self, **{each.name: check_whole(value, each.name, 1)})
                continue
            number = check_number(value, each.name)
            settle(self, **{each.name: number})
            if each.name in ("momentum", "alpha", "beta1", "beta2") and number >= 1:
                raise ValueError(f"{each.name}: expected a number below 1, got {value}")

    def kernel(self) -> Kernel:
        """Return the number of the compiled step."""
        raise TypeError(f"{type(self).__name__} has no compiled step")

    @property
    def n_slots(self) -> int:
        """Rows of state, a number for each parameter in each."""
        return SLOTS[self.kernel()]

    def rule(self, penalty: Regularizer, n: int) -> Rule:
        """Return what the kernels take: this optimizer, and ``penalty`` for ``n`` rows.

        Parameters
        ----------
        penalty : Regularizer
            Added to the cost.
        n : int
            Rows of the training set, by which its strengths are divided.
        """
        numbers = {each.name: getattr(self, each.name) for each in fields(self)}
        return Rule(
            kind=self.kernel(),
            first=numbers.get("momentum", numbers.get("alpha", numbers.get("beta1", 0.0))),
            second=numbers.get("beta2", 0.0),
            eps=numbers.get("eps", 0.0),
            nesterov=numbers.get("nesterov", False),
            weight_decay=numbers.get("weight_decay", 0.0),
            l2=penalty.l2 / n,
            l1=penalty.l1 / n,
            max_norm=penalty.max_norm or 0.0,
            epsilon_hat=numbers.get("epsilon_hat", False),
            per_batch=False,
            penalty_in_cost=0.0,
        )


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent: p ← p − η g; with momentum v ← μ v − η g, p ← p + v.

    Parameters
    ----------
    momentum : float, default 0
        μ, below 1.
    nesterov : bool, default False
        Whether to step by μ v − η g instead (Sutskever, Martens, Dahl and Hinton, 2013).
    """

    momentum: float = 0.0
    nesterov: bool = False

    def kernel(self) -> Kernel:
        return Kernel.MOMENTUM if self.momentum else Kernel.SGD


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """s ← α s + (1 − α) g², p ← p − η g / (√s + ε) (Tieleman and Hinton, 2012).

    Parameters
    ----------
    alpha : float, default 0.99
        α, below 1: how much of s is kept.
    eps : float, default 1e-8
        ε, 0 or more.
    """

    alpha: float = 0.99
    eps: float = 1e-8

    default_learning_rate = 0.001
    never_negative = (0,)

    def kernel(self) -> Kernel:
        return Kernel.RMSPROP


@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """s ← s + g², p ← p − η g / (√s + ε) (Duchi, Hazan and Singer, 2011).

    Parameters
    ----------
    eps : float, default 1e-10
        ε, 0 or more.
    """

    eps: float = 1e-10

    default_learning_rate = 0.01
    never_negative = (0,)

    def kernel(self) -> Kernel:
        return Kernel.ADAGRAD


@dataclass(frozen=True)
class Adam(Optimizer):
    """m ← β₁ m + (1 − β₁) g, s ← β₂ s + (1 − β₂) g², p ← p − η m̂ / (√ŝ + ε).

    The hats divide by 1 − βᵗ in step t (Kingma and Ba, 2015, algorithm 1).

    Parameters
    ----------
    beta1, beta2 : float, default 0.9 and 0.999
        β₁ and β₂, below 1: how much of m and of s is kept.
    eps : float, default 1e-8
        ε, 0 or more.
    epsilon_hat : bool, default False
        Whether ``eps`` is the paper's ε̂, outside of the bias correction: p ← p − η √(1 − β₂ᵗ) /
        (1 − β₁ᵗ) · m / (√s + ε̂), the form at the end of its section 2 that many texts print, and
        scikit-learn's. In step t it is the same as an ε of ε̂ / √(1 − β₂ᵗ).

    Examples
    --------
    >>> from fastnn import optimizers
    >>> optimizers.Adam(eps=1e-7, epsilon_hat=True)
    Adam(beta1=0.9, beta2=0.999, eps=1e-07, epsilon_hat=True)
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    epsilon_hat: bool = field(default=False, kw_only=True)

    default_learning_rate = 0.001
    never_negative = (1,)

    def kernel(self) -> Kernel:
        return Kernel.ADAM


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam after w ← (1 − η weight_decay) w, on weights only (Loshchilov and Hutter, 2019).

    Parameters
    ----------
    beta1, beta2 : float, default 0.9 and 0.999
        β₁ and β₂, below 1: how much of m and of s is kept.
    eps : float, default 1e-8
        ε, 0 or more.
    weight_decay : float, default 0.01
        0 or more; a schedule may change it.
    epsilon_hat : bool, default False
        As for ``Adam``.
    """

    weight_decay: float = 0.01


@dataclass(frozen=True)
class Rprop(Optimizer):
    """Each parameter its own step, × 1.2 while its gradient keeps its sign, × 0.5 when it turns.

    Needs the whole data as one mini-batch (Riedmiller and Braun, 1993). The learning rate is the
    first step; steps stay within 1e-6 and 50.
    """

    default_learning_rate = 0.01
    full_batch = True
    never_negative = (1,)

    def kernel(self) -> Kernel:
        return Kernel.RPROP


@dataclass(frozen=True)
class LBFGS(Optimizer):
    """L-BFGS on the cost of the whole data; an epoch is one iteration, a line search by SciPy.

    It has no learning rate and no mini-batches, and refuses dropout, with which no two looks at
    the cost agree (Liu and Nocedal, 1989).

    Parameters
    ----------
    memory : int, default 10
        Steps remembered, each with the change of the gradient over it; 1 or more.
    tolerance : float, default 1e-9
        It ends when the cost falls by less than this share of itself, or no component of the
        gradient is larger.
    """

    memory: int = 10
    tolerance: float = 1e-9

    full_batch = True

    @property
    def n_slots(self) -> int:
        """Rows of state: a step and a change of the gradient for each step remembered."""
        return 2 * self.memory


NAMES: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adagrad": AdaGrad,
    "adam": Adam,
    "adamw": AdamW,
    "rprop": Rprop,
    "lbfgs": LBFGS,
}


def get(optimizer: str | Optimizer) -> Optimizer:
    """Return the optimizer that a name or an object means.

    Parameters
    ----------
    optimizer : str or Optimizer
        "sgd", "rmsprop", "adagrad", "adam", "adamw", "rprop" or "lbfgs", or an object.

    Raises
    ------
    ValueError
        For an unknown name.
    TypeError
        For something else than a name or an object of this module.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if not isinstance(optimizer, str):
        raise TypeError(
            "optimizer: expected a name or an object of fastnn.optimizers, "
            f"got {type(optimizer).__name__}"
        )
    if optimizer not in NAMES:
        raise ValueError(f"optimizer: expected one of {', '.join(NAMES)}, got {brief(optimizer)}")
    return NAMES[optimizer]()
