"""How weights and biases start: small frozen objects, each with the formula of its text.

An initializer draws a layer's weights (n_out, n_in) and biases (n_out, 1). ``fan_in`` is n_in, the
number of weights into a neuron, and ``fan_out`` is n_out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from fastnn._common.checks import (
    brief,
    check_choice,
    check_finite_number,
    check_flag,
    check_number,
    check_whole,
    settle,
)
from fastnn._common.rng import RandomSource

__all__ = [
    "Constant",
    "Default",
    "Epsilon",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "Large",
    "LSUV",
    "LeCunNormal",
    "Normal",
    "Orthogonal",
    "Uniform",
    "XavierNormal",
    "XavierUniform",
    "Zeros",
    "get",
]


class Initializer:
    """Base of all initializers; biases start at zero unless one says otherwise."""

    # How many times its numbers a draw may be: normal ones are hardly ever farther out.
    farthest: ClassVar[int] = 16

    def check(self, dtype: np.dtype) -> None:
        """Raise unless weights drawn by the numbers of this object are finite.

        Parameters
        ----------
        dtype : numpy.dtype
            Of the network: float32 or float64.

        Raises
        ------
        ValueError
            Naming the number that is too large.
        """
        if not is_dataclass(self):
            return
        most = float(np.finfo(dtype).max) / self.farthest
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and abs(value) > most:
                raise ValueError(
                    f"{field.name}: expected a number up to {most:.3g} for {dtype}, got {value:g}"
                )

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        """Draw the weights (n_out, n_in) of one layer.

        Parameters
        ----------
        rng : RandomSource
            Where the numbers come from: a ``numpy.random.Generator``, or NumPy's global state.
        n_out, n_in : int
            Neurons of the layer, and of the one before it.
        """
        raise TypeError(f"{type(self).__name__} does not say how to draw weights")

    def biases(self, rng: RandomSource, n_out: int) -> np.ndarray:
        """Draw the biases (n_out, 1) of one layer.

        Parameters
        ----------
        rng : RandomSource
            Where the numbers come from.
        n_out : int
            Neurons of the layer.
        """
        return np.zeros((n_out, 1))

    def draw(
        self, rng: RandomSource, sizes: Sequence[int]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Draw a whole network in the book's order: all biases, then all weights.

        Parameters
        ----------
        rng : RandomSource
        sizes : sequence of int
            Neurons in each layer, the input layer first.

        Returns
        -------
        weights, biases : lists of float64 arrays (n_out, n_in) and (n_out, 1)
        """
        biases = [self.biases(rng, n_out) for n_out in sizes[1:]]
        weights = [self.weights(rng, n_out, n_in) for n_in, n_out in pairwise(sizes)]
        return weights, biases


@dataclass(frozen=True)
class Default(Initializer):
    """The book's default: weights N(0, 1/fan_in), biases N(0, 1) (Nielsen, chapter 3)."""

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        return rng.standard_normal((n_out, n_in)) / math.sqrt(n_in)

    def biases(self, rng: RandomSource, n_out: int) -> np.ndarray:
        return rng.standard_normal((n_out, 1))


@dataclass(frozen=True)
class Large(Initializer):
    """The book's first: weights and biases N(0, 1) (Nielsen, chapter 1)."""

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        return rng.standard_normal((n_out, n_in))

    def biases(self, rng: RandomSource, n_out: int) -> np.ndarray:
        return rng.standard_normal((n_out, 1))


@dataclass(frozen=True)
class Zeros(Initializer):
    """All weights zero: the neurons of a layer can then never become different."""

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        return np.zeros((n_out, n_in))


@dataclass(frozen=True)
class Constant(Initializer):
    """All weights ``value``.

    Parameters
    ----------
    value : float, default 0.1
        Any finite number.
    """

    value: float = 0.1

    farthest = 1

    def __post_init__(self) -> None:
        settle(self, value=check_finite_number(self.value, "value"))

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        return np.full((n_out, n_in), float(self.value))


@dataclass(frozen=True)
class Uniform(Initializer):
    """Weights uniform between −r and r.

    Parameters
    ----------
    r : float, default 0.1
        0 or more.
    """

    r: float = 0.1

    def __post_init__(self) -> None:
        settle(self, r=check_number(self.r, "r"))
        self.check(np.dtype(np.float64))

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        return rng.uniform(-self.r, self.r, (n_out, n_in))


@dataclass(frozen=True)
class Normal(Initializer):
    """Weights N(mu, sigma²); the texts print sigma 0.1, 0.01 and 1.

    Parameters
    ----------
    mu : float, default 0
        The mean.
    sigma : float, default 0.1
        The standard deviation, 0 or more.
    """

    mu: float = 0.0
    sigma: float = 0.1

    def __post_init__(self) -> None:
        settle(self, mu=check_finite_number(self.mu, "mu"))
        settle(self, sigma=check_number(self.sigma, "sigma"))
        self.check(np.dtype(np.float64))

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        return self.mu + self.sigma * rng.standard_normal((n_out, n_in))


@dataclass(frozen=True)
class LeCunNormal(Initializer):
    """Weights N(0, 1/fan_in) (LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998)."""

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        return rng.standard_normal((n_out, n_in)) * math.sqrt(1 / n_in)


@dataclass(frozen=True)
class XavierNormal(Initializer):
    """Weights N(0, 2/(fan_in + fan_out)) (Glorot and Bengio, 2010).

    ``variant="sum"`` takes N(0, 1/(fan_in + fan_out)), as some texts print it.

    Parameters
    ----------
    variant : {"mean", "sum"}, default "mean"
        What the variance goes by: the mean of fan_in and fan_out, or their sum.
    """

    variant: str = "mean"

    def __post_init__(self) -> None:
        check_choice(self.variant, "variant", ("mean", "sum"))

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        variance = (2 if self.variant == "mean" else 1) / (n_in + n_out)
        return rng.standard_normal((n_out, n_in)) * math.sqrt(variance)


@dataclass(frozen=True)
class XavierUniform(Initializer):
    """Weights uniform within ±√(6/(fan_in + fan_out)) (Glorot and Bengio, 2010)."""

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        r = math.sqrt(6 / (n_in + n_out))
        return rng.uniform(-r, r, (n_out, n_in))


@dataclass(frozen=True)
class HeNormal(Initializer):
    """Weights N(0, 2/fan_in), for ReLU (He, Zhang, Ren and Sun, 2015)."""

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        return rng.standard_normal((n_out, n_in)) * math.sqrt(2 / n_in)


@dataclass(frozen=True)
class HeUniform(Initializer):
    """Weights uniform within ±√(6/fan_in), for ReLU (He, Zhang, Ren and Sun, 2015)."""

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        r = math.sqrt(6 / n_in)
        return rng.uniform(-r, r, (n_out, n_in))


@dataclass(frozen=True)
class Epsilon(Initializer):
    """Weights uniform between −epsilon and epsilon (Ng, Machine Learning, 2011, has 0.12).

    0.12 is about √6/√(fan_in + fan_out) for the 400 inputs and 25 neurons that it was meant for.

    Parameters
    ----------
    epsilon : float, default 0.12
        0 or more.
    bias_column : bool, default False
        Whether biases are drawn too, as in that text: layer by layer one matrix (n_out, 1 + n_in),
        row by row, ``rand(n_out, 1 + n_in) * 2 * epsilon - epsilon``. Its first column are the
        biases, for an input that is always 1; the others are the weights. Else biases are zero.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> from fastnn.initializers import Epsilon
    >>> net = fastnn.Network([2, 3, 1], initializer=Epsilon(0.12, bias_column=True), rng=0)
    >>> theta = np.random.default_rng(0).random((3, 1 + 2)) * 2 * 0.12 - 0.12
    >>> bool((net.biases[0] == theta[:, :1]).all() and (net.weights[0] == theta[:, 1:]).all())
    True
    """

    epsilon: float = 0.12
    bias_column: bool = False

    def __post_init__(self) -> None:
        settle(self, epsilon=check_number(self.epsilon, "epsilon"))
        settle(self, bias_column=check_flag(self.bias_column, "bias_column"))
        self.check(np.dtype(np.float64))

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        return rng.uniform(-self.epsilon, self.epsilon, (n_out, n_in))

    def draw(
        self, rng: RandomSource, sizes: Sequence[int]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Draw a whole network: with ``bias_column`` layer by layer, biases and weights together.

        As ``Initializer.draw``.
        """
        if not self.bias_column:
            return super().draw(rng, sizes)
        thetas = [
            rng.uniform(0.0, 1.0, (n_out, 1 + n_in)) * 2 * self.epsilon - self.epsilon
            for n_in, n_out in pairwise(sizes)
        ]
        return [theta[:, 1:] for theta in thetas], [theta[:, :1] for theta in thetas]


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """``gain`` times orthonormal rows or columns, whichever are fewer (Saxe et al., 2014).

    A layer then keeps lengths up to ``gain``; √2 suits ReLU. The matrix is Q of the QR
    decomposition of normal numbers, with the signs for which the diagonal of R is positive: then
    all directions are equally likely (Mezzadri, 2007).

    Parameters
    ----------
    gain : float, default 1
        Above 0.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        settle(self, gain=check_number(self.gain, "gain", positive=True))
        self.check(np.dtype(np.float64))

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        tall = rng.standard_normal((max(n_out, n_in), min(n_out, n_in)))
        q, r = np.linalg.qr(tall)
        q *= np.copysign(self.gain, np.diagonal(r))
        return q if n_out >= n_in else np.ascontiguousarray(q.T)


@dataclass(frozen=True)
class LSUV(Initializer):
    """Orthonormal weights, scaled by the first data: layer-sequential unit-variance.

    A network starts with the weights of ``Orthogonal``. At the beginning of its first training
    they are divided, layer by layer, by the standard deviation of the layer's weighted inputs Wx
    over ``rows`` rows of the training set, spread evenly over it, so that all layers start with
    variance 1 (Mishkin and Matas, *All you need is a good init*, 2016). Under a normalization it
    is still Wx that gets variance 1.

    Until then the network predicts with the weights as drawn. Weights that are assigned as a whole
    (``net.weights = ...``, ``net.parameters = ...``) are not scaled. A saved network knows whether
    it still has to be. ``fastnn.lsuv.lsuv`` does it at once, with data of your choice.

    Parameters
    ----------
    rows : int, default 512
        2 or more; fewer if the training set has fewer.

    Notes
    -----
    The first training is the first ``fit`` or ``SGD`` of an epoch or more, ``update_mini_batch`` or
    ``pretrain.greedy_autoencoder``. No random numbers are drawn for it. It raises ``ValueError``
    and changes nothing if the weighted inputs of a layer are all the same.
    """

    rows: int = 512

    def __post_init__(self) -> None:
        settle(self, rows=check_whole(self.rows, "rows", 2))

    def weights(self, rng: RandomSource, n_out: int, n_in: int) -> np.ndarray:
        return Orthogonal().weights(rng, n_out, n_in)


NAMES: dict[str, type[Initializer]] = {
    "default": Default,
    "large": Large,
    "zeros": Zeros,
    "constant": Constant,
    "uniform": Uniform,
    "normal": Normal,
    "lecun": LeCunNormal,
    "xavier_normal": XavierNormal,
    "xavier_uniform": XavierUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "epsilon": Epsilon,
    "orthogonal": Orthogonal,
    "lsuv": LSUV,
}


def get(initializer: str | Initializer) -> Initializer:
    """Return the initializer that a name or an object means.

    Parameters
    ----------
    initializer : str or Initializer
        "default", "large", "zeros", "constant", "uniform", "normal", "lecun", "xavier_normal",
        "xavier_uniform", "he_normal", "he_uniform", "epsilon", "orthogonal", "lsuv"; or an object.

    Raises
    ------
    ValueError
        For an unknown name.
    TypeError
        For something else than a name or an ``Initializer``.
    """
    if isinstance(initializer, Initializer):
        return initializer
    if not isinstance(initializer, str):
        raise TypeError(
            "initializer: expected a name or an object of fastnn.initializers, "
            f"got {type(initializer).__name__}"
        )
    if initializer not in NAMES:
        raise ValueError(
            f"initializer: expected one of {', '.join(NAMES)}, got {brief(initializer)}"
        )
    return NAMES[initializer]()
