"""The named works: what is trained or predicted, on which data, with which numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """What fastnn must reach in a work; None where nothing was promised.

    Attributes
    ----------
    peer, reference : float or None
        How many times as fast as the best peer, as the reference.
    share : float or None
        Share of the machine's peak in large products, from 0 to 1.
    seconds : float or None
        Upper limit of the time itself.
    """

    peer: float | None = None
    reference: float | None = None
    share: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Work:
    """Some epochs of mini-batch gradient descent, or some predictions, fully specified.

    Attributes
    ----------
    name : str
        What the command line calls it.
    data : str
        ``"mnist"`` (50,000 training rows of 784), ``"digits"`` (rows of 64), ``"circles"``
        (300 rows of 2) or ``"synthetic"`` (``rows`` rows of Gaussian numbers).
    sizes : tuple of int
        Units per layer, the input first.
    batch : int
        Rows in a mini-batch; the last one of an epoch may be shorter.
    eta : float
        Learning rate: W ← (1 − ηλ/n) W − (η/m) ΣdW.
    lmbda : float
        λ of that rule, 0 for no decay. Biases, γ and β do not decay.
    dtype : str
        ``"float64"`` or ``"float32"``, for data, parameters and arithmetic.
    activation : str
        Of the hidden layers: ``"sigmoid"`` or ``"relu"``.
    cost : str
        ``"cross_entropy"`` or ``"quadratic"`` over sigmoid outputs, or ``"log_likelihood"``
        over a softmax.
    batch_norm : bool
        Whether the hidden layers are batch-normalized before their activation.
    dropout : float
        Share of the hidden units dropped, 0 for none.
    shuffle : bool
        Whether every epoch takes the rows in a fresh random order.
    epochs : int
        Epochs (or predictions) timed together, so that short ones are not lost in the clock's
        noise.
    per : int
        For how many of them the time is reported.
    rows : int
        Rows of synthetic data; other data have their own number.
    predict_rows : int
        Above 0, nothing is trained: that many rows are predicted in one call.
    reference_rows : int or None
        Where a whole epoch of the reference would take minutes: the rows on which it is timed,
        its seconds scaled up, and on which all are checked.
    target : Target
        What fastnn must reach.
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
    batch_norm: bool = False
    dropout: float = 0.0
    shuffle: bool = True
    epochs: int = 1
    per: int = 1
    rows: int = 0
    predict_rows: int = 0
    reference_rows: int | None = None
    target: Target = Target()
    default: bool = False

    @property
    def n_hidden(self) -> int:
        """Hidden layers."""
        return len(self.sizes) - 2

    def unit(self) -> str:
        """What the reported time is the time of."""
        if self.predict_rows:
            return "a prediction"
        return "an epoch" if self.per == 1 else f"for {self.per} epochs"

    def describe(self) -> str:
        """The work in one line, for a table's heading."""
        layers = "-".join(map(str, self.sizes))
        if self.predict_rows:
            rows = "1 row" if self.predict_rows == 1 else f"{self.predict_rows} rows"
            return f"prediction of {rows}, {layers} {self.activation}, {self.dtype}"
        extras = [
            *(["batch norm"] if self.batch_norm else []),
            *([f"dropout {self.dropout:g}"] if self.dropout else []),
        ]
        return (
            f"{layers} {' + '.join([self.activation, *extras, self.cost.replace('_', '-')])} "
            f"on {self.data}, batch {self.batch}, η {self.eta:g}, λ {self.lmbda:g}, {self.dtype}"
        )


def _deep(name: str, sizes: tuple[int, ...], batch: int, **more: Any) -> Work:
    """ReLU layers under a softmax on MNIST in float32, as all the larger works have them."""
    return Work(
        name, "mnist", sizes, batch, eta=0.1, dtype="float32", activation="relu",
        cost="log_likelihood", **more,
    )  # fmt: skip


_ALL = (
    Work("nielsen30", "mnist", (784, 30, 10), lmbda=5.0, target=Target(3, 20), default=True),
    Work("nielsen100", "mnist", (784, 100, 10), lmbda=5.0, target=Target(3, 20), default=True),
    Work(
        "nielsen30_f32", "mnist", (784, 30, 10), lmbda=5.0, dtype="float32", target=Target(3, 40),
        default=True,
    ),
    Work("digits30", "digits", (64, 30, 10), epochs=10, default=True),
    Work("quadratic30", "mnist", (784, 30, 10), eta=3.0, cost="quadratic"),
    _deep("relu256", (784, 256, 128, 10), 64, reference_rows=5_000, target=Target(1.5)),
    _deep(
        "wide512", (784, 512, 512, 10), 128, reference_rows=1_280,
        target=Target(1.2, share=0.88),
    ),
    _deep(
        "bn512", (784, 512, 512, 10), 128, batch_norm=True, dropout=0.2, reference_rows=1_280,
        target=Target(1.4),
    ),
    _deep(
        "deep100", (784, *5 * (100,), 10), 32, batch_norm=True, reference_rows=3_200,
        target=Target(2.5),
    ),
    _deep(
        "wide2048", (784, 2048, 2048, 10), 256, reference_rows=256,
        target=Target(1.05, share=0.92),
    ),
    Work(
        "tiny", "circles", (2, 10, 5, 1), batch=300, eta=0.01, activation="relu", shuffle=False,
        epochs=1_000, per=1_000, target=Target(5),
    ),
    Work(
        "tiny_shuffled", "circles", (2, 10, 5, 1), batch=300, eta=0.01, activation="relu",
        epochs=1_000, per=1_000, target=Target(5),
    ),
    Work(
        "predict_row20", "synthetic", (20, 32, 1), rows=100, predict_rows=1, epochs=2_000,
        target=Target(seconds=3e-6),
    ),
    Work(
        "predict_row784", "synthetic", (784, 30, 10), rows=100, predict_rows=1, epochs=2_000,
        target=Target(seconds=8e-6),
    ),
    Work(
        "predict_10000", "synthetic", (784, 30, 10), rows=10_000, predict_rows=10_000, epochs=10,
        target=Target(1),
    ),
)  # fmt: skip

WORKS = {work.name: work for work in _ALL}

# Names on the command line that stand for several works.
GROUPS = {
    "all": list(WORKS),
    "predict": [name for name, work in WORKS.items() if work.predict_rows],
}
