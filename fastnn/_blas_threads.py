"""BLAS at one thread while kernels run: its own threads cost more than they give.

The products of small networks are too short to share out, and idle BLAS workers spin on the core
that the next kernel wants.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_users = 0
_limit: Any = None


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looking the libraries up takes a millisecond: once is enough


def _renew_lock() -> None:
    """In a forked child: the thread that may hold the lock stayed in the parent."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold BLAS at one thread until the last of all users leaves, then restore it."""
    global _users, _limit
    with _lock:
        if _limit is None:
            _limit = _controller().limit(limits=1, user_api="blas")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _limit.restore_original_limits()
                _limit = None
