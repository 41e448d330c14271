"""What is done before and after each epoch of several that are run in one call."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from fastnn._core.judge import Judge
from fastnn._core.shuffle import Shuffler

_Pairs = tuple[tuple[NDArray[np.generic], NDArray[np.generic]], ...]

class Column(IntEnum):
    """The first columns of a record."""

    EPOCH = 0
    LEARNING_RATE = 1
    SECONDS = 2
    FIRST_MEASURE = 3

class Ending(IntEnum):
    """Why a call came back."""

    GOING = 0
    ENOUGH = 1
    DIVERGED = 2
    INTERRUPTED = 3
    NO_MEMORY = 4

class Watch:
    """What a rule that goes by a column of the record has seen."""

    def __new__(
        cls,
        column: int,
        larger: bool,
        min_delta: float,
        patience: int,
        value: float | None,
        epoch: int | None,
        waited: int,
    ) -> Self: ...
    def state(self) -> tuple[float | None, int | None, int]:
        """Return the best value and its epoch, or None and None, and the epochs since."""

class ToleranceWatch:
    """What scikit-learn's rule has seen: so many epochs that were no better by ``tol``."""

    def __new__(
        cls,
        column: int,
        larger: bool,
        tol: float,
        n_iter_no_change: float,
        best: float,
        count: int,
        rate: float | None,
        least_rate: float,
    ) -> Self: ...
    @property
    def best(self) -> float: ...
    @property
    def count(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def found(self) -> bool: ...

class EpochLoop:
    """The epochs of one call of ``train_epoch``.

    ``record`` (n_epochs, n_columns) has the columns of ``Column``, then the mean cost if there is
    one, then those of ``measures``: each a judge, a number of ``Measure``, and the l1 and l2 of a
    penalty. ``rates`` are (1 or n_epochs, 1 or n_batches). Pairs of arrays are those to copy into
    and from: ``standing`` before each epoch, ``best`` in the best one so far. ``orders``
    (n_epochs, n) are the rows of each epoch, if they are known before.
    """

    def __init__(
        self,
        order: NDArray[np.intp],
        rates: NDArray[np.float64],
        record: NDArray[np.float64],
        first_epoch: int,
        *,
        shuffler: Shuffler | None = None,
        fresh: bool = False,
        takes_order: bool = False,
        with_cost: bool = True,
        cost: tuple[float, float] = (1.0, 0.0),
        penalty: tuple[float, float, float] = (0.0, 0.0, 1.0),
        measures: tuple[tuple[Judge, int, float, float], ...] = (),
        standing: _Pairs | None = None,
        stopping: Watch | None = None,
        best: _Pairs = (),
        plateau: Watch | None = None,
        tolerance: ToleranceWatch | None = None,
        halving: tuple[float, float, float] = (0.0, 0.0, 0.0),
        cuts: int = 0,
        seconds_left: float = float("inf"),
        part: float = 0.0,
        pause: float = float("inf"),
        orders: NDArray[np.intp] | None = None,
    ) -> None: ...
    @property
    def needs_blas(self) -> bool: ...
    @property
    def n_trained(self) -> int: ...
    @property
    def n_recorded(self) -> int: ...
    @property
    def cuts(self) -> int: ...
    @property
    def ending(self) -> int: ...
