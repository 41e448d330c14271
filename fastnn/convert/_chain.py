"""What a file or a module of another library computes: its layers, one after the other.

Each reader makes a list of these; ``assemble`` makes a ``Network`` of it. Every layer carries the
name that it has where it comes from, for messages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastnn.normalization import Normalization

__all__ = ["Activation", "Affine", "Dense", "Drop", "Layer", "Norm"]


@dataclass(frozen=True)
class Dense:
    """z = W a + b.

    Attributes
    ----------
    name : str
    W : array (n_out, n_in)
    b : array (n_out,)
    """

    name: str
    W: np.ndarray
    b: np.ndarray


@dataclass(frozen=True)
class Affine:
    """x → scale · x + shift, neuron by neuron.

    Attributes
    ----------
    name : str
    scale, shift : arrays (n,), or () for all alike
    """

    name: str
    scale: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True)
class Norm:
    """γ x̂ + β, with x̂ as ``kind`` says.

    Attributes
    ----------
    name : str
    kind : Normalization
    gamma, beta : arrays (n,)
    mean, variance : arrays (n,) or None
        Batch norm's running statistics.
    """

    name: str
    kind: Normalization
    gamma: np.ndarray
    beta: np.ndarray
    mean: np.ndarray | None = None
    variance: np.ndarray | None = None


@dataclass(frozen=True)
class Activation:
    """a = f(z).

    Attributes
    ----------
    name : str
    function : str
        One of ``fastnn.activations``, or "log_softmax".
    """

    name: str
    function: str


@dataclass(frozen=True)
class Drop:
    """Inverted dropout.

    Attributes
    ----------
    name : str
    rate : float
    """

    name: str
    rate: float


Layer = Dense | Affine | Norm | Activation | Drop
