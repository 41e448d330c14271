"""How many threads are worth it: found out while they work."""

from typing_extensions import Self

class ThreadTuner:
    """How many threads work, and how fast they did."""

    @property
    def max_workers(self) -> int: ...
    def __new__(cls, max_workers: int, fixed: bool = False) -> Self:
        """Up to ``most`` threads, or if ``fixed`` always so many."""
