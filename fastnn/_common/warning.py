"""A warning in the name of the line that called fastnn, however far above it is."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

__all__ = ["warn_caller"]


def warn_caller(text: str) -> None:
    """Issue a ``RuntimeWarning`` in the name of the line that called fastnn."""
    frame: FrameType | None = sys._getframe(1)
    level = 2  # 1 is this function
    while frame is not None and _is_ours(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, RuntimeWarning, stacklevel=level)


def _is_ours(frame: FrameType) -> bool:
    package = __name__.partition(".")[0]
    return frame.f_globals.get("__name__", "").partition(".")[0] == package
