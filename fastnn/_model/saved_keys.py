"""Which keys a saved network has, and each of its parts: the one table of format 1.

A new key that older files lack is ``optional``. A new field of an optimizer, a normalization or an
initializer is a keyword only (``kw_only``): then it is written only if it is not the default.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from fastnn._common.checks import brief

__all__ = ["BOOK", "JSON", "LISTS", "NPZ", "PLATEAU", "TRAINING", "check_keys"]


@dataclass(frozen=True)
class Keys:
    """The keys that an object in a file must have, and those that it may have."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


# All that a file of the book's own ``save`` has.
BOOK = Keys(("sizes", "weights", "biases", "cost"))

# What is a list of numbers in JSON, and a part of a vector in an .npz.
LISTS = ("weights", "biases", "gammas", "betas", "running", "slots")

# table: what the columns of the table were that the network was trained on.
NPZ = Keys(
    ("sizes", "cost", "fastnn", "activation", "output", "dtype", "input_scale", "cost_parameter",
     "normalization", "dropout", "training", "rng"),
    optional=("table",),
)  # fmt: skip
JSON = Keys((*NPZ.required, *LISTS), NPZ.optional)

# The first files had no initializer (LSUV, as long as it waits for data), nor did they count masks
# of dropout beside the steps.
TRAINING = Keys(
    ("optimizer", "steps", "epochs", "seed", "plateau"), optional=("masks", "initializer")
)
PLATEAU = Keys(("cuts", "waited"), optional=("best", "best_epoch"))


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
