"""The networks of one kind that jobs train, and the memory that goes from one to the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastnn import costs, initializers
from fastnn._core.engine import CompiledEngine
from fastnn.many._data import Data, Form
from fastnn.network import Network

__all__ = ["Design", "kept"]


class _LastingEngine(CompiledEngine):
    """An engine that lasts from one training to the next, with its memory."""

    _is_of_training = True

    def for_training(self) -> CompiledEngine:
        return self


class Design:
    """What of a setting makes a network, checked; and networks whose memory is free.

    Parameters
    ----------
    data : Data
    keywords : mapping
        Of ``Network``.

    Raises
    ------
    TypeError, ValueError
        Naming the key.
    """

    def __init__(self, data: Data, keywords: Mapping[str, Any]) -> None:
        first = Network(**keywords, rng=0)
        if first.sizes[0] != data.n_inputs:
            raise ValueError(
                f"sizes: expected {data.n_inputs} inputs, as many as X has columns, "
                f"got {first.sizes[0]}"
            )
        self.first = first
        self.form = Form(first.sizes[0], first.sizes[-1], first.dtype, first.input_scale)
        for part, name in (("train", "y"), ("test", "validation_data")):
            try:
                rows = data.rows(self.form, -1, part)
            except (TypeError, ValueError) as error:
                raise ValueError(f"sizes: a network of {first.sizes}: {error}") from None
            try:
                costs.check_targets(first.cost, rows.Y, name)
            except ValueError as error:
                raise ValueError(f"cost: {error}") from None
        self.are_classes = data.rows(self.form).are_classes
        self._initializer = initializers.get(keywords.get("initializer") or "default")
        self._free: list[Network] = []

    def network(self, seed: int) -> Network:
        """Return ``Network(**keywords, rng=seed)``, in the memory of one that is not needed."""
        try:
            network = self._free.pop()
        except IndexError:
            network = self.first._another()
            network._engine = _LastingEngine()
            network.tells_of_divergence = False
        network._draw_anew(self._initializer, seed)
        return network

    def release(self, network: Network) -> None:
        """Take back a network that nobody needs."""
        self._free.append(network)


def kept(network: Network) -> Network:
    """Return a job's network as its owner's."""
    network._engine = CompiledEngine()
    del network.tells_of_divergence
    return network
