"""How many threads are worth it: found out while they work."""

from typing_extensions import Self

from fastnn._core.atomic import Users
from fastnn._core.compiled_plan import CompiledPlan

class Stalls:
    """What the trainings of a process know of workers that had no processor."""

    def __new__(cls) -> Self:
        """Nothing is known yet."""

class ThreadTuner:
    """How many threads work, and how fast they did."""

    @property
    def max_workers(self) -> int: ...
    def __new__(
        cls,
        max_workers: int,
        fixed: bool = False,
        trainings: Users | None = None,
        processors: int = 1,
        stalls: Stalls | None = None,
    ) -> Self:
        """Up to ``max_workers``, or always so many; a share of the processors if others train."""
    def recall(self, plan: CompiledPlan) -> None:
        """Begin as the last training of the plan ended, if nothing is known yet."""
    def remember(self, plan: CompiledPlan) -> None:
        """Let the next training of the plan know what was found out."""
    def next_stretch(self) -> tuple[int, float]:
        """Return how many workers run the next stretch, and how much work it is."""
    def record(self, n_workers: int, seconds: float, work: float, stalled: bool = False) -> None:
        """Record how long so much work took so many workers, and whether they stalled."""
