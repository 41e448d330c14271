"""The options that say how a command shows its results, where several do."""

from __future__ import annotations

from typing import Any


def add_language(group: Any) -> None:
    """Add the option that says in which language pictures are."""
    group.add_argument(
        "--language", choices=("en", "zh"), help="of the texts in pictures (default: en)"
    )


def add_json(group: Any) -> None:
    """Add the option that asks for JSON."""
    group.add_argument(
        "--json",
        action="store_true",
        help="write one object of JSON with what came of it to standard output, and all else to "
        "standard error",
    )
