"""Optional libraries: imported where they are used, with an error that says what to install."""

from __future__ import annotations

import importlib
from types import ModuleType


def require(module: str, *, extra: str) -> ModuleType:
    """Import and return ``module``, which the optional extra ``extra`` installs.

    Raises
    ------
    ImportError
        If it is not installed, naming the pip command.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise ImportError(
            f'{name} is needed for this and cannot be imported: pip install "fastnn[{extra}]"'
        ) from error
