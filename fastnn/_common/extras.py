"""Optional libraries: imported where they are used, with an error that says what to install."""

from __future__ import annotations

import importlib
from types import ModuleType

# The name to install by; on PyPI ``fastnn`` is another project.
DISTRIBUTION = "fastnn-cpu"


def pip_command(extra: str) -> str:
    """Return what installs the libraries of the optional extra ``extra``."""
    return f'pip install "{DISTRIBUTION}[{extra}]"'


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
            f"{name} is needed for this and cannot be imported: {pip_command(extra)}"
        ) from error
