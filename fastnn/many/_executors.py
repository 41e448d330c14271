"""Jobs sent to whatever has ``submit``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastnn._common.checks import brief
from fastnn.many._jobs import Done, Job, Search

__all__ = ["check_executor", "run_over"]


def check_executor(executor: Any) -> None:
    """Raise unless jobs can be submitted.

    Raises
    ------
    TypeError
        If there is no ``submit``.
    """
    if not callable(getattr(executor, "submit", None)):
        raise TypeError(f"executor: expected an object with submit, got {brief(executor)}")


def run_over(
    executor: Any, search: Search, jobs: Sequence[Job], heard: Callable[[Done], None]
) -> None:
    """Run the jobs and hand on what became of each."""
    for each in [executor.submit(search.run, job) for job in jobs]:
        heard(each.result())
