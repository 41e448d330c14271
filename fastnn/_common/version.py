"""The version of fastnn that is running, for files that say who wrote them."""

from __future__ import annotations

import sys

__all__ = ["version"]


def version() -> str:
    """Return fastnn's version."""
    return str(sys.modules["fastnn"].__version__)
