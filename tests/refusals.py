"""What a refusal must be: one line that names the argument, and nothing has changed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest


def frozen(value: Any) -> Any:
    """Return what can be compared later, to see whether ``value`` was changed."""
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, (list, tuple)):
        return type(value), [frozen(entry) for entry in value]
    if isinstance(value, dict):
        return [(key, frozen(entry)) for key, entry in value.items()]
    if isinstance(value, (str, bytes, int, float, complex, np.generic)):
        return type(value), np.array(value).tobytes()
    return type(value), id(value)


def global_state() -> Any:
    """The states of ``random`` and ``numpy.random``."""
    return random.getstate(), frozen(np.random.get_state())


def state_of(net: Any) -> Any:
    """All that training could change in ``net``."""
    generator = getattr(net.random_source, "bit_generator", None)
    return frozen(net.parameters), str(generator and generator.state), frozen(net.sizes), net.cost


def assert_one_line(error: BaseException) -> None:
    message = str(error)
    assert message and "\n" not in message
    assert len(message) < 400, "an error is read by people"


@contextmanager
def refused(kind: Any, match: str, net: Any = None, given: Any = ()) -> Iterator[None]:
    """Assert that the block raises ``kind`` with one line, and leaves all as it was.

    Parameters
    ----------
    kind : exception class or tuple of classes
    match : str
        Regular expression at the start of the message, which names the argument.
    net : network, optional
    given : data passed to it, optional
    """
    before = frozen(given), global_state(), net and state_of(net)
    with pytest.raises(kind, match=rf"\A{match}") as caught:
        yield
    assert_one_line(caught.value)
    assert (frozen(given), global_state(), net and state_of(net)) == before
