"""The named works: what is trained, on which data, with which numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """One epoch of mini-batch gradient descent, fully specified.

    Attributes
    ----------
    name : str
        What the command line calls it.
    data : str
        ``"mnist"`` (50,000 training rows of 784) or ``"digits"`` (rows of 64).
    sizes : tuple of int
        Units per layer, the input first.
    batch : int
        Rows in a mini-batch; the last one of an epoch may be shorter.
    eta : float
        Learning rate: W ← (1 − ηλ/n) W − (η/m) ΣdW.
    lmbda : float
        λ of that rule, 0 for no decay. Biases do not decay.
    dtype : str
        ``"float64"`` or ``"float32"``, for data, parameters and arithmetic.
    activation : str
        Of the hidden layers: ``"sigmoid"`` or ``"relu"``.
    cost : str
        ``"cross_entropy"`` or ``"quadratic"`` over sigmoid outputs, or ``"log_likelihood"``
        over a softmax.
    epochs : int
        Epochs timed together, so that a short one is not lost in the clock's noise.
    default : bool
        Whether the command runs it when no work is named.
    """

    name: str
    data: str
    sizes: tuple[int, ...]
    batch: int = 10
    eta: float = 0.5
    lmbda: float = 0.0
    dtype: str = "float64"
    activation: str = "sigmoid"
    cost: str = "cross_entropy"
    epochs: int = 1
    default: bool = True

    def describe(self) -> str:
        """The work in one line, for a table's heading."""
        layers = "-".join(map(str, self.sizes))
        return (
            f"{layers} {self.activation} + {self.cost.replace('_', '-')} on {self.data}, "
            f"batch {self.batch}, η {self.eta:g}, λ {self.lmbda:g}, {self.dtype}"
        )


WORKS = {
    work.name: work
    for work in (
        Work("nielsen30", "mnist", (784, 30, 10), lmbda=5.0),
        Work("nielsen100", "mnist", (784, 100, 10), lmbda=5.0),
        Work("nielsen30_f32", "mnist", (784, 30, 10), lmbda=5.0, dtype="float32"),
        Work("digits30", "digits", (64, 30, 10), epochs=10),
        Work("quadratic30", "mnist", (784, 30, 10), eta=3.0, cost="quadratic", default=False),
        Work(
            "relu256",
            "mnist",
            (784, 256, 128, 10),
            batch=64,
            eta=0.1,
            dtype="float32",
            activation="relu",
            cost="log_likelihood",
            default=False,
        ),
    )
}
