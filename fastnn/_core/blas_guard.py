"""BLAS at one thread while kernels run: its own threads cost more than they give.

The products of small networks are too short to share out, and idle BLAS workers spin on the core
that the next kernel wants.
"""

from __future__ import annotations

import copy
import ctypes
import functools
import os
from collections.abc import Callable
from typing import Any, TypeVar

import threadpoolctl

from fastnn._core.blas import need_blas
from fastnn._core.quiet_blas import QuietBlas

__all__ = ["blas_limit", "quietly", "single_threaded_blas"]

Result = TypeVar("Result")

_quiet = QuietBlas()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_quiet.forget)

# Newer threadpoolctl obeys only the thread that set OpenBLAS's number first, until it lets go.
_let_go: Callable[..., None] = getattr(
    getattr(threadpoolctl, "OpenBLASController", None),
    "clear_controlling_thread",
    lambda force: None,
)


class _Watched:
    """Stands for a library and remembers which of its functions was called last."""

    def __init__(self, library: Any) -> None:
        self._library, self.called = library, None

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._library, name)

        def called(*arguments: Any) -> Any:
            self.called = function
            return function(*arguments)

        return called


def _functions_of(controller: Any) -> tuple[int, int, bool] | None:
    """Return what ``QuietBlas.learn`` takes of the library that threadpoolctl controls, if any.

    threadpoolctl knows their names. They are called in C, where no signal is handled in between.
    """
    own = getattr(controller, "threading_layer", None) == "openmp"
    twin = copy.copy(controller)
    twin.dynlib = watched = _Watched(controller.dynlib)
    number = twin.get_num_threads()
    get, watched.called = watched.called, None
    twin.set_num_threads(number)
    put = watched.called
    if get is None or put is None:
        return None
    # MKL's, where threadpoolctl sets the calling thread's.
    own = own or put.__name__.endswith("_Local")
    get_address, put_address = (ctypes.cast(each, ctypes.c_void_p).value for each in (get, put))
    return get_address, put_address, own  # type: ignore[return-value]


def _functions() -> list[tuple[int, int, bool]]:
    controllers = threadpoolctl.ThreadpoolController().lib_controllers
    _let_go(force=True)
    found = [_functions_of(each) for each in controllers if each.user_api == "blas"]
    _let_go(force=True)
    return [functions for functions in found if functions is not None]


def single_threaded_blas() -> QuietBlas:
    """Return what holds BLAS at one thread, from the first caller until the last one leaves.

    Looking the libraries up takes a millisecond: once is enough, with that of the kernels among
    them.
    """
    if not _quiet.knows_libraries:
        need_blas()
        _quiet.learn(_functions())
    return _quiet


def quietly(work: Callable[..., Result], *arguments: Any) -> Result:
    """Return ``work(*arguments)``, with BLAS held at one thread meanwhile."""
    return single_threaded_blas().call(work, *arguments)  # type: ignore[no-any-return]


@functools.cache
def _numpys() -> QuietBlas:
    """Return what knows NumPy's BLAS alone, which does not have to be waited for."""
    known = QuietBlas()
    known.learn(_functions())
    return known


def blas_limit() -> int:
    """Return how many threads BLAS may use, but for our own holding it."""
    return _quiet.limit if _quiet.knows_libraries else _numpys().limit
