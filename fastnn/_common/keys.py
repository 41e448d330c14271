"""Which keys a description in a file must have, and whether it has them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from fastnn._common.checks import brief

__all__ = ["Keys", "check_keys"]


@dataclass(frozen=True)
class Keys:
    """The keys that an object in a file must have, and those that it may have."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


def check_keys(given: Any, keys: Keys, where: str = "") -> None:
    """Raise unless ``given`` is a mapping with exactly these keys.

    Parameters
    ----------
    given : object
    keys : Keys
    where : str
        Which part of the file it is; "" for the whole.

    Raises
    ------
    ValueError
        Naming the keys that are missing or unknown.
    """
    prefix = f"{where}: " if where else ""
    if not isinstance(given, dict):
        raise ValueError(f"{prefix}expected a description, got {brief(given)}")
    missing = [key for key in keys.required if key not in given]
    unknown = _unknown(given, keys)
    complaints = []
    if missing:
        complaints.append(f"the keys {', '.join(missing)} are missing")
    if unknown:
        complaints.append(f"the keys {brief(unknown)[1:-1]} are unknown")
    if complaints:
        raise ValueError(prefix + "; ".join(complaints))


def _unknown(given: Collection[str], keys: Keys) -> list[str]:
    return [key for key in given if key not in keys.required and key not in keys.optional]
