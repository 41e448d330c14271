"""Which keys a saved network has, and each of its parts: the one table of format 1.

A new key that older files lack is ``optional``. A new field of an optimizer, a normalization or an
initializer is a keyword only (``kw_only``): then it is written only if it is not the default.
"""

from __future__ import annotations

from fastnn._common.keys import Keys

__all__ = ["BOOK", "JSON", "LISTS", "NPZ", "PLATEAU", "TRAINING"]

# All that a file of the book's own ``save`` has.
BOOK = Keys(("sizes", "weights", "biases", "cost"))

# What is a list of numbers in JSON, and a part of a vector in an .npz.
LISTS = ("weights", "biases", "gammas", "betas", "running", "slots")

# table: what the columns of the table were that the network was trained on. version: fastnn's.
NPZ = Keys(
    ("sizes", "cost", "fastnn", "activation", "output", "dtype", "input_scale", "cost_parameter",
     "normalization", "dropout", "training", "rng"),
    optional=("table", "version"),
)  # fmt: skip
JSON = Keys((*NPZ.required, *LISTS), NPZ.optional)

# The first files had no initializer (LSUV, as long as it waits for data), no summary, nor did they
# count masks of dropout beside the steps.
TRAINING = Keys(
    ("optimizer", "steps", "epochs", "seed", "plateau"),
    optional=("masks", "initializer", "summary"),
)
PLATEAU = Keys(("cuts", "waited"), optional=("best", "best_epoch"))
