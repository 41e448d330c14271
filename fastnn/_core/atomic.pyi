"""What is done in one step, as signals and other threads see it."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from typing_extensions import Self

_Result = TypeVar("_Result")

class Users:
    """Counts the calls at work, and lets a subclass hold something from the first to the last."""

    @property
    def at_work(self) -> int: ...
    @property
    def sharing(self) -> int: ...
    def call(self, work: Callable[..., _Result], *arguments: Any) -> _Result:
        """Return ``work(*arguments)``, counted meanwhile, however it ends."""
    def call_alone(
        self, thing: object, refusal: str, work: Callable[..., _Result], *arguments: Any
    ) -> _Result:
        """Return ``work(*arguments)`` as ``call`` and ``alone`` do, in one step."""
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def forget(self) -> None:
        """In a forked child: let all go, for the other threads are gone."""

def alone(thing: object, refusal: str, work: Callable[..., _Result], *arguments: Any) -> _Result:
    """Return ``work(*arguments)``, or raise RuntimeError if another thread is in such a call."""

def forget_visits() -> None:
    """In a forked child: nobody else is in a call of ``alone`` any more."""

def with_attributes(
    thing: object, changes: dict[str, Any], work: Callable[..., _Result], *arguments: Any
) -> _Result:
    """Return ``work(*arguments)``, during which ``thing`` has other values of some attributes."""

def write_all(targets: tuple[np.ndarray, ...], sources: tuple[np.ndarray, ...]) -> None:
    """Copy each source into its target, or nothing: ValueError if their shapes differ."""
