"""PyTorch, which many results are compared with."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest


def import_torch() -> Any:
    """The module; without it the test is skipped, or fails if FASTNN_NEEDS_TORCH is 1."""
    if os.environ.get("FASTNN_NEEDS_TORCH") == "1":
        return importlib.import_module("torch")
    return pytest.importorskip(
        "torch", reason="PyTorch is not installed: nothing to compare with (the extra torch)"
    )
