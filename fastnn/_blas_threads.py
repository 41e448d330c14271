"""BLAS at one thread while kernels run: its own threads cost more than they give.

The products of small networks are too short to share out, and idle BLAS workers spin on the core
that the next kernel wants.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import threadpoolctl

from fastnn._blas import need_blas

_lock = threading.Lock()
_users = 0
_shared_before: list[int] = []


@functools.cache
def _libraries() -> tuple[list[Any], list[Any]]:
    """Return the BLAS libraries with a number of threads for each caller, and one for all.

    Looking them up takes a millisecond: once is enough, with that of the kernels among them.
    """
    need_blas()
    return _loaded()


def _loaded() -> tuple[list[Any], list[Any]]:
    everything = threadpoolctl.ThreadpoolController().lib_controllers
    blas = [library for library in everything if library.user_api == "blas"]
    own = [each for each in blas if getattr(each, "threading_layer", None) == "openmp"]
    return own, [each for each in blas if each not in own]


# Newer threadpoolctl obeys only the thread that set OpenBLAS's number first, until it lets go.
_let_go = getattr(
    getattr(threadpoolctl, "OpenBLASController", None),
    "clear_controlling_thread",
    lambda force: None,
)


def _set_threads(libraries: Sequence[Any], numbers: Sequence[int]) -> None:
    if not libraries:
        return
    _let_go(force=True)
    for library, number in zip(libraries, numbers, strict=True):
        library.set_num_threads(number)
    _let_go(force=True)


def _renew_lock() -> None:
    """In a forked child: the thread that may hold the lock stayed in the parent."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


# NumPy's alone is enough to know, and does not have to be waited for.
_numpys = functools.cache(_loaded)


def blas_limit() -> int:
    """Return how many threads BLAS may use, but for our own holding it."""
    own, shared = _numpys()
    limits = [library.num_threads for library in own]
    with _lock:
        limits += _shared_before if _users else [library.num_threads for library in shared]
    return min((limit for limit in limits if limit), default=1)


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold BLAS at one thread until the last of all users leaves, then restore it."""
    global _users, _shared_before
    own, shared = _libraries()
    own_before = [library.num_threads for library in own]
    with _lock:
        if _users == 0:
            _shared_before = [library.num_threads for library in shared]
            _set_threads(shared, [1] * len(shared))
        _users += 1
    try:
        _set_threads(own, [1] * len(own))
        yield
    finally:
        _set_threads(own, own_before)
        with _lock:
            _users -= 1
            if _users == 0:
                _set_threads(shared, _shared_before)
