"""The engine: plan, threads, and the compiled kernels below them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from types import ModuleType

LIBRARY = f"{__name__}.kernels"


class CompiledFinder:
    """Finds the compiled modules of this package in the library of one, which holds them all."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Python's protocol for ``sys.meta_path``; None for any other module."""
        if name.rpartition(".")[0] != __name__:
            return None
        library = PathFinder.find_spec(LIBRARY, __path__)
        if library is None or library.origin is None:
            return None
        loader = ExtensionFileLoader(name, library.origin)
        return spec_from_file_location(name, library.origin, loader=loader)


sys.meta_path.append(CompiledFinder)  # last: it is asked for what is no file of its own
