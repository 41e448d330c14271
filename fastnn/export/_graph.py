"""What a model computes, as plain numbers: what every format is written from.

Rows go through the stages of a preparation, column by column, then through the layers of one
network or several, whose outputs are averaged. Nothing here knows the model it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Graph", "Layer", "Member", "Norm", "Preparation", "Stage"]


@dataclass(frozen=True)
class Stage:
    """One step of a preparation: some columns, each turned into a new one by its own numbers.

    Attributes
    ----------
    kind : str
        "center": (x − a) / b; "scale": a x + b; "clip": x brought to a ≤ x ≤ b; "fill": a where x
        is NaN, else x; "equals": 1 where x is a, else 0; "bend": u / √(1 + (u/3)²) with
        u = (x − a) b; "lookup": the number beside x in a table, for a single column.
    sources : intp array (k,)
        Which columns are read: the inputs first, then those that earlier stages made.
    a, b : float64 arrays (k,)
        Of "lookup" (n,) each: what is looked up, and what it becomes. NaN equals NaN.
    default : float or None
        Of "lookup": what everything else becomes; None if that is an error.
    """

    kind: str
    sources: np.ndarray
    a: np.ndarray
    b: np.ndarray
    default: float | None = None

    @property
    def width(self) -> int:
        """How many columns it makes."""
        return len(self.sources)


@dataclass(frozen=True)
class Preparation:
    """From the columns that a user has to the inputs of the layers.

    Attributes
    ----------
    n_in : int
        Columns that a user gives.
    stages : tuple of Stage
    columns : intp array (width,)
        Which of all columns, those given and those made, go into the layers.
    texts : mapping of int to tuple of str
        Inputs that are texts, with their categories in order. To stages, and in languages where a
        row is an array of numbers, such a column is the number of its category from 0, −1 for any
        other text, and NaN for a missing one.
    """

    n_in: int
    stages: tuple[Stage, ...]
    columns: np.ndarray
    texts: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether the columns go into the layers as they are given."""
        return not self.stages and np.array_equal(self.columns, np.arange(self.n_in))


@dataclass(frozen=True)
class Norm:
    """What stands between a dense layer and its activation: γ (z − μ) / √(σ² + ε) + β.

    Attributes
    ----------
    kind : "batch" or "group"
        Of "batch", μ and σ² are the running statistics; of "group", each row's over a group of
        neighbouring neurons, σ² with 1/n. Layer norm is that with one group.
    gamma, beta : arrays (n_out,)
    eps : float
    groups : int
    mean, variance : arrays (n_out,) or None
        Of "batch" alone.
    """

    kind: str
    gamma: np.ndarray
    beta: np.ndarray
    eps: float
    groups: int = 1
    mean: np.ndarray | None = None
    variance: np.ndarray | None = None


@dataclass(frozen=True)
class Layer:
    """A dense layer: z = W h + b, perhaps normalized, then ``factor`` times f(z).

    Attributes
    ----------
    weights : array (n_out, n_in)
    bias : array (n_out,)
    activation : str
        A name of ``fastnn.activations``.
    norm : Norm or None
    dropout : float
        The rate in training; predictions know of it only by ``factor``.
    factor : float
        1, or what classic dropout multiplies with in predictions.
    """

    weights: np.ndarray
    bias: np.ndarray
    activation: str
    norm: Norm | None = None
    dropout: float = 0.0
    factor: float = 1.0


@dataclass(frozen=True)
class Member:
    """One network.

    Attributes
    ----------
    layers : tuple of Layer
    input_scale : float
        The factor on all its inputs.
    """

    layers: tuple[Layer, ...]
    input_scale: float = 1.0


@dataclass(frozen=True)
class Graph:
    """All that a model computes, and what it knows of itself.

    Attributes
    ----------
    preparation : Preparation
        What is done to the inputs before the layers.
    members : tuple of Member
        Networks whose outputs are averaged.
    kind : "network", "classifier", "multilabel" or "regressor"
        What predictions mean. Of a network they are its outputs; of a classifier the label of the
        most probable class; of "multilabel" whether each output is above 0.5; of a regressor the
        outputs.
    classes : tuple
        Labels, texts or numbers, of the outputs; of a single output, for below and above 0.5.
        Empty if there are none.
    features : tuple of str or None
        Names of the columns that a user gives.
    dtype : numpy.dtype
        Of the model's numbers, float32 or float64.
    training : mapping of str to str, int or float
        A summary of how it was trained.
    """

    preparation: Preparation
    members: tuple[Member, ...]
    kind: str
    classes: tuple[Any, ...]
    features: tuple[str, ...] | None
    dtype: np.dtype
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_outputs(self) -> int:
        """Outputs of each network."""
        return len(self.members[0].layers[-1].bias)

    @property
    def complements(self) -> bool:
        """Whether a single output p becomes the probabilities 1 − p and p of two classes."""
        return self.kind == "classifier" and self.n_outputs == 1

    @property
    def n_results(self) -> int:
        """Numbers that a prediction consists of: probabilities of all classes, or outputs."""
        return 2 if self.complements else self.n_outputs
