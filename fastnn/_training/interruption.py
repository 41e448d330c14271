"""A training in one thread, ended from another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["check", "ended_by"]

_of_thread = threading.local()


@contextmanager
def ended_by(is_asked: Callable[[], bool]) -> Iterator[None]:
    """Let this thread's trainings within the block end once ``is_asked()`` is true.

    They are asked every tenth of a second or, if an epoch takes longer, after it, and end as if by
    Ctrl-C, which only the main thread hears.
    """
    before = getattr(_of_thread, "is_asked", None)
    _of_thread.is_asked = is_asked
    try:
        yield
    finally:
        _of_thread.is_asked = before


def check() -> None:
    """Raise ``KeyboardInterrupt`` if this thread's training is to end."""
    is_asked = getattr(_of_thread, "is_asked", None)
    if is_asked is not None and is_asked():
        raise KeyboardInterrupt
