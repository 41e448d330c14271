"""BLAS libraries held at one thread, by as many callers as there are."""

from fastnn._core.atomic import Users

class QuietBlas(Users):
    """Holds BLAS at one thread while calls are at work, and afterwards puts back what was."""

    @property
    def knows_libraries(self) -> bool: ...
    @property
    def limit(self) -> int: ...
    def learn(self, functions: list[tuple[int, int, bool]]) -> None:
        """Say what to hold by addresses (number, set_number, own); a second time has no effect."""
