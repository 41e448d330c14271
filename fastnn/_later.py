"""Modules of a package as its attributes, each imported when it is first asked for (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from types import ModuleType
from typing import Any


def modules_later(
    names_there: dict[str, Any], modules: Iterable[str], needs: Mapping[str, str] | None = None
) -> tuple[Callable[[str], ModuleType], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__``, by which it has ``modules``, too.

    Parameters
    ----------
    names_there : dict
        The package's ``globals()``.
    modules : iterable of str
        Modules of the package.
    needs : mapping of str to str, optional
        From a module to the library without which it cannot be imported. Where that is not
        installed ``dir`` leaves the module out, for ``help`` asks for all that it names.
    """
    package, later = names_there["__name__"], frozenset(modules)

    def get(name: str) -> ModuleType:
        if name in later:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        missing = {name for name, library in (needs or {}).items() if find_spec(library) is None}
        return sorted({*names_there, *later} - missing)

    return get, names
