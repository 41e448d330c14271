"""Every public name of fastnn has its entry in the reference: one without is a warning."""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

INDEX = Path(__file__).resolve().parents[1] / "api" / "index.rst"
logger = logging.getLogger(__name__)


def public_modules() -> list[str]:
    """Return the modules that the reference lists."""
    return re.findall(r"^ +(fastnn[\w.]*)$", INDEX.read_text(encoding="utf-8"), re.MULTILINE)


def public_names(module: ModuleType) -> Iterator[str]:
    """Yield what a module offers: its ``__all__``, or else what is defined in it; no modules."""
    listed = getattr(module, "__all__", None)
    for name in listed if listed is not None else vars(module):
        thing = getattr(module, name)
        defined_here = getattr(thing, "__module__", "") == module.__name__
        if isinstance(thing, ModuleType) or name.startswith("_"):
            continue
        if listed is not None or defined_here:
            yield name


def without_entry(entries: Collection[str]) -> list[str]:
    """Return the public names that are not among ``entries``, nor what they are names of."""
    missing = []
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        for name in public_names(module):
            thing = getattr(module, name)
            made = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"
            if f"{module_name}.{name}" not in entries and made not in entries:
                missing.append(f"{module_name}.{name}")
    return missing


def warn_of_missing(app: Sphinx, env: BuildEnvironment) -> None:
    if app.config.language == "en":
        for name in without_entry(env.domains.python_domain.objects):
            logger.warning("not in the reference: %s", name)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("env-check-consistency", warn_of_missing)
    return {"parallel_read_safe": True}
