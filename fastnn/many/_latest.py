"""What was made last, and may be wanted again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Latest"]

Made = TypeVar("Made")


class Latest(Generic[Made]):
    """Things by their keys, no more than so many. Threads may share it.

    Parameters
    ----------
    most : int
        The first of more is forgotten.
    """

    def __init__(self, most: int) -> None:
        self._made: OrderedDict[Hashable, Made] = OrderedDict()
        self._most = most

    def get(self, key: Hashable, make: Callable[..., Made], *arguments: object) -> Made:
        """Return what was made for ``key``, or make it.

        Raises
        ------
        TypeError
            If ``key`` has no hash, before anything is made.
        """
        found = self._made.get(key)
        if found is None:
            found = self._made.setdefault(key, make(*arguments))
            if len(self._made) > self._most:
                self._made.popitem(last=False)
        return found
