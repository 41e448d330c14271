"""What ``network2.Network.SGD`` measures, prints and stops by after each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastnn._common.checks import check_flag, check_whole
from fastnn.history import BookLists

if TYPE_CHECKING:
    from fastnn.book._drop_in import DropIn
    from fastnn.book._examples import Watched


class Monitors:
    """Asks the network for its costs and accuracies, in the book's order and with its arguments.

    Parameters
    ----------
    network : DropIn
    training, evaluation : Watched
        None for no evaluation data.
    lmbda : float
    wanted : mapping of str to bool
        ``monitor_evaluation_cost`` and so on.
    patience : int
        ``early_stopping_n``.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, or data of which compiled code is asked.
    """

    def __init__(
        self,
        network: DropIn,
        training: Watched,
        evaluation: Watched | None,
        lmbda: Any,
        wanted: Mapping[str, Any],
        patience: Any,
    ) -> None:
        self.network, self.lmbda = network, lmbda
        self.sets = {"training": training, "evaluation": evaluation}
        self.wanted = {
            name.removeprefix("monitor_") for name, flag in wanted.items() if check_flag(flag, name)
        }
        self.patience = check_whole(patience, "early_stopping_n", 0)
        self.lists: dict[str, list[Any]] = {
            f"{name}_{what}": []
            for name in ("evaluation", "training")
            for what in ("cost", "accuracy")
        }
        self._best, self._waited = 0, 0
        if evaluation is not None and network._is_plain():
            evaluation.rows()  # bad data is refused, even if nobody asked about it
        stopping = {"evaluation_accuracy"} if self.patience else set()
        for each in self.wanted | stopping:
            self._check(*each.split("_"))

    def _check(self, name: str, what: str) -> None:
        data = self.sets[name]
        if data is None:
            raise ValueError(
                f"{name}_data: expected data, since it is monitored or stopped by; got None"
            )
        if self._takes_rows(what):
            data.rows()

    def _takes_rows(self, what: str) -> bool:
        return self.network._takes_rows("total_cost" if what == "cost" else what)

    def __call__(self, epoch: int) -> bool:
        """Measure and print; return whether training should stop."""
        print(f"Epoch {epoch} training complete")
        for name in ("training", "evaluation"):
            for what in ("cost", "accuracy"):
                if f"{name}_{what}" in self.wanted:
                    self._report(name, what)
        print()
        return self.patience > 0 and self._should_stop()

    def _report(self, name: str, what: str) -> None:
        value = self._measure(name, what)
        self.lists[f"{name}_{what}"].append(value)
        text = f"{what.capitalize()} on {name} data: "
        if what == "cost":
            print(f"{text}{value}")
            return
        if name == "evaluation" and not self._takes_rows(what):
            value = self._measure(name, what)  # the book asks once more for what it prints
        print(f"{text}{value} / {len(self._data(name))}")

    def _data(self, name: str) -> Watched:
        data = self.sets[name]
        assert data is not None
        return data

    def _measure(self, name: str, what: str) -> Any:
        data = self._data(name)
        given = data.rows() if self._takes_rows(what) else data.given
        # Labels stand in evaluation data and columns in training data.
        converts = {"convert": True} if (name == "evaluation") == (what == "cost") else {}
        if what == "cost":
            return self.network.total_cost(given, self.lmbda, **converts)
        return self.network.accuracy(given, **converts)

    def _should_stop(self) -> bool:
        known = self.lists["evaluation_accuracy"]
        accuracy = known[-1] if known else self._measure("evaluation", "accuracy")
        self._waited = 0 if accuracy > self._best else self._waited + 1
        self._best = max(self._best, accuracy)
        return self._waited >= self.patience

    def book_lists(self) -> BookLists:
        """Return what ``SGD`` returns."""
        return tuple(self.lists.values())  # type: ignore[return-value]
