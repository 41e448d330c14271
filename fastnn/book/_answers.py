"""What the book's networks say of examples, through whatever of it a program replaced."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from fastnn import costs
from fastnn._common.checks import check_number
from fastnn._data.rows import Rows, inputs_of_pairs, split_pairs
from fastnn.book import _algorithm
from fastnn.book._examples import as_examples
from fastnn.book._parameters import BookParameters
from fastnn.book._replaced import Module, is_plain_cost


class BookAnswers(BookParameters):
    """A network that knows what of it was replaced, and answers accordingly."""

    def __init_subclass__(cls, names: dict[str, Any] | None = None, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if names is not None:  # one of the book's own classes: its module's names
            cls._book = Module(names, cls)

    # What was replaced

    def _replaced(self, *methods: str) -> bool:
        """Whether a subclass or the program put its own method in place of one of ``methods``."""
        return any(self._book.is_replaced(self, method) for method in methods)

    def _computes(self) -> bool:
        """Whether compiled code gives what the module's functions give for these layers."""
        return self._book.has_its_sigmoid() and ("_parameters" in vars(self) or self._is_compiled())

    def _answers_compiled(self) -> bool:
        return not self._replaced("feedforward") and self._computes()

    def _steps_compiled(self) -> bool:
        return not self._replaced("backprop") and self._goes_back_compiled()

    def _goes_back_compiled(self) -> bool:
        return self._computes() and self.num_layers == len(self._layout.sizes)

    def _is_plain(self) -> bool:
        """Whether nothing was replaced through which the program could look on."""
        replaced = self._book.replaces_any(self)
        return not replaced and self._has_plain_delta() and self._has_plain_cost()

    def _has_plain_delta(self) -> bool:
        """Whether ∂C/∂z of the outputs is that of a compiled cost."""
        return is_plain_cost(self.cost, "delta")

    def _has_plain_cost(self) -> bool:
        """Whether the cost of an example is that of a compiled cost."""
        return is_plain_cost(self.cost, "fn")

    def _cost_kernel(self) -> int:
        return costs.kernel_id(self.cost) if self._has_plain_delta() else costs.CUSTOM

    def _output_delta(self, z: Any, a: Any, y: Any) -> Any:
        """Return ∂C/∂z of one example's outputs, as the book's ``backprop`` finds it."""
        raise NotImplementedError

    def _delta_name(self) -> str:
        """Return what errors call the program's own part of ``_output_delta``."""
        return f"cost: {costs.name_of(self.cost)}.delta"

    # Answers

    def feedforward(self, a: Any) -> np.ndarray:
        """Return the outputs for inputs in columns.

        As ``fastnn.Network.feedforward``; in Python where the module's ``sigmoid`` was replaced.
        """
        if not self._computes():
            return _algorithm.feedforward(self, a)
        if type(a) is np.ndarray and a.shape == (self.sizes[0], 1):  # a column, as in the book
            outputs = self._engine._ready(self).predict(a.reshape(-1))
            if outputs is not None:
                return outputs.reshape(-1, 1)
        return super().feedforward(a)

    def evaluate(self, test_data: Any) -> int:
        """Return for how many of ``test_data`` the network is right; see ``accuracy``."""
        return self._count_right(test_data, "test_data", False)

    def accuracy(self, data: Any, convert: bool = False) -> int:
        """Return for how many examples the largest output is at the right class.

        As ``fastnn.Network.accuracy``; through the program's own ``feedforward``, if it has one.
        """
        return self._count_right(data, "data", convert)

    def _count_right(self, data: Any, name: str, convert: bool) -> int:
        plain = self._has_plain_delta() and self._has_plain_cost()
        if isinstance(data, Rows) or (plain and self._answers_compiled()):
            return super().accuracy(self._rows(data, name))
        return _algorithm.count_right(self, as_examples(data, self, name), convert)

    def total_cost(self, data: Any, lmbda: float, convert: bool = False) -> float:
        """Return the mean cost over ``data`` plus λ/2n Σw², with n the number of examples.

        As ``fastnn.Network.total_cost``; through the program's own ``feedforward``, and with a
        cost of its own an example at a time, ``y`` as it is given, or with ``convert`` as the
        module's ``vectorized_result`` makes it.
        """
        plain = self._has_plain_cost() and not self._book.has_other("vectorized_result")
        if isinstance(data, Rows) or (plain and self._answers_compiled()):
            return super().total_cost(self._rows(data, "data"), lmbda)
        check_number(lmbda, "lmbda")
        return _algorithm.total_cost(self, as_examples(data, self, "data"), lmbda, convert)

    def _takes_rows(self, method: str) -> bool:
        """Whether ``accuracy`` or ``total_cost`` is all compiled, for data that is rows."""
        plain = self._has_plain_delta() and self._has_plain_cost() and self._answers_compiled()
        return (
            plain
            and not self._replaced(method)
            and not (method == "total_cost" and self._book.has_other("vectorized_result"))
        )

    def _answers(self, examples: list[Any]) -> Iterable[Any]:
        """Return each example's outputs, from the program's own ``feedforward`` when asked for."""
        if not self._answers_compiled():
            return (self.feedforward(x) for x, _ in examples)
        xs, _ = split_pairs(examples, "data")
        X = inputs_of_pairs(xs, self.sizes[0], self._dtype, "data")
        return iter(self._engine.predict(self, X)[:, :, np.newaxis])

    def _cost_of(self, a: Any, y: Any, convert: bool) -> Any:
        """Return the cost of one example, whose target a label of a compiled cost may be."""
        if convert and self._book.has_other("vectorized_result"):
            y = self._book.names["vectorized_result"](y)
        elif convert or self._has_plain_cost():
            y = self._as_column(y)
        return self.cost.fn(a, y)

    def _as_column(self, y: Any) -> Any:
        """Return a label as the column of zeros and a one that it means, any other as it is."""
        n_out = len(self.biases[-1])
        if n_out == 1 or np.size(y) != 1:
            return y
        return self._book.names["vectorized_result"](y, n_out)
