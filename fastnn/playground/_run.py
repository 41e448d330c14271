"""One training from its beginning: the network, and what was recorded of it."""

from __future__ import annotations

from typing import Any

from fastnn.network import Network
from fastnn.playground._data import Data
from fastnn.playground._program import Phase
from fastnn.playground._settings import Settings, fit_arguments, network_arguments

# The names of the curves on the page, and the columns of a history that they are.
CURVES = {
    "training_cost": ("training_cost", "training_cost"),
    "test_cost": ("validation_cost", "validation_cost"),
    "training_score": ("training_accuracy", "training_r2"),
    "test_score": ("validation_accuracy", "validation_r2"),
}


class Run:
    """A network that is trained by one thread; others may read ``curves`` up to a known length.

    Parameters
    ----------
    settings : Settings
    data : Data

    Attributes
    ----------
    settings : Settings
        For the epochs to come; of the training, they may be changed between two.
    network : Network
    epochs : int
        Trained so far.
    curves : dict of lists
        A number an epoch; None where it is not finite.
    phases : list of (Settings, int)
        With which settings how many epochs were trained.

    Raises
    ------
    TypeError, ValueError
        As ``Network``.
    """

    def __init__(self, settings: Settings, data: Data) -> None:
        self.settings, self.data = settings, data
        n_in, n_out = data.sizes
        self.network = Network(
            [n_in, *settings.hidden, n_out],
            **network_arguments(settings, data.regression, data.dtype),
        )
        self.epochs = 0
        self.curves: dict[str, list[float | None]] = {name: [] for name in CURVES}
        self.phases: list[Phase] = []

    def train(self, epochs: int) -> bool:
        """Train some epochs more and return whether that went well, or else diverged.

        Raises
        ------
        TypeError, ValueError
            As ``Network.fit``.
        """
        history = self.network.fit(
            *self.data.train,
            epochs=epochs,
            validation_data=self.data.test,
            **fit_arguments(self.settings, self.data.regression),
        )
        self.epochs += len(history)
        for name, columns in CURVES.items():
            column = columns[self.data.regression]
            self.curves[name] += [plain(value) for value in history[column]] if history else []
        if len(history):
            self._remember(len(history))
        return len(history) == epochs

    def _remember(self, epochs: int) -> None:
        phases = self.phases
        if phases and phases[-1][0].in_training() == self.settings.in_training():
            phases[-1] = (phases[-1][0], phases[-1][1] + epochs)
        else:
            phases.append((self.settings, epochs))

    def planned(self) -> list[Phase]:
        """Return the phases there were or, before the first epoch, the one that is to come."""
        return list(self.phases) or [(self.settings, self.settings.epochs)]


def plain(value: Any) -> float | None:
    """Return a number with six digits for JSON, which has no infinity; None for that."""
    number = float(f"{float(value):.6g}")
    return number if abs(number) < float("inf") else None
