"""The grid that ``fastnn search`` reads: a TOML file of seeds, folds and settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastnn._common.checks import brief
from fastnn._common.files import shown
from fastnn.cli.toml_files import by_python_names, read_toml

KEYS = ("settings", "seeds", "cv", "scoring")
# Neurons of the hidden layers; inputs and outputs are those of the data.
HIDDEN = "hidden"


@dataclass(frozen=True)
class Grid:
    """What a file says.

    Attributes
    ----------
    settings : dict or list of dict
        A grid, or the settings one by one.
    seeds : list of int
    cv : int or None
    scoring : str or None
    """

    settings: Any
    seeds: list[int]
    cv: int | None
    scoring: str | None


def read_grid(path: str) -> Grid:
    """Return what the file says.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no TOML, or a key is missing or unknown; naming the file and the key.
    ImportError
        If Python is older than 3.11 and tomli is missing.
    """
    found = read_toml(path)
    for key in found:
        if key not in KEYS:
            raise ValueError(
                f"{shown(path)}: {brief(key)}: expected one of {', '.join(KEYS)}; what is tried "
                "stands under [settings]"
            )
    settings = found.get("settings")
    if not isinstance(settings, (dict, list)):
        raise ValueError(f"{shown(path)}: settings: expected a table [settings], got none")
    if isinstance(settings, dict):
        settings = by_python_names(settings, f"{shown(path)}: settings")
    else:
        settings = [
            by_python_names(each, f"{shown(path)}: settings[{i}]")
            if isinstance(each, dict)
            else each
            for i, each in enumerate(settings)
        ]
    cv, scoring = found.get("cv"), found.get("scoring")
    if type(cv) not in (int, type(None)):
        raise ValueError(f"{shown(path)}: cv: expected a number of folds, got {brief(cv)}")
    if not isinstance(scoring, (str, type(None))):
        raise ValueError(f"{shown(path)}: scoring: expected a name, got {brief(scoring)}")
    return Grid(settings, _seeds(found.get("seeds", 1), path), cv, scoring)


def _seeds(given: Any, path: str) -> list[int]:
    if type(given) is int and given > 0:
        return list(range(given))
    if not isinstance(given, list) or not all(type(seed) is int for seed in given):
        raise ValueError(
            f"{shown(path)}: seeds: expected how many or a list of them, got {brief(given)}"
        )
    return given


def with_defaults(settings: Any, n_in: int, n_out: int, defaults: dict[str, Any]) -> Any:
    """Return settings with ``sizes`` in place of ``hidden``, and what they do not say.

    Parameters
    ----------
    settings : dict or list of dict
    n_in, n_out : int
        What the data need.
    defaults : dict

    Raises
    ------
    TypeError, ValueError
        Naming the setting and the key.
    """

    def sizes(hidden: Any, where: str) -> list[int]:
        return [n_in, *check_hidden(hidden, where), n_out]

    def choices(hidden: Any) -> list[list[int]]:
        several = isinstance(hidden, list) and any(isinstance(each, list) for each in hidden)
        return [sizes(each, f"settings: {HIDDEN}") for each in (hidden if several else [hidden])]

    if isinstance(settings, dict):
        return _replaced(settings, "settings", choices, defaults)
    replaced = []
    for i, setting in enumerate(settings):
        where = f"settings[{i}]"
        if not isinstance(setting, dict):
            raise TypeError(f"{where}: expected a table [[settings]], got {brief(setting)}")

        def one(hidden: Any, where: str = where) -> list[int]:
            return sizes(hidden, f"{where}: {HIDDEN}")

        replaced.append(_replaced(setting, where, one, defaults))
    return replaced


def check_hidden(hidden: Any, where: str) -> list[int]:
    """Return the neurons of the hidden layers.

    Raises
    ------
    ValueError
        If it is no list of whole numbers above 0; named by ``where``.
    """
    if not isinstance(hidden, list) or not all(type(n) is int and n > 0 for n in hidden):
        raise ValueError(f"{where}: expected numbers of neurons, got {brief(hidden)}")
    return hidden


def _replaced(
    setting: dict[str, Any], where: str, sizes: Callable[[Any], Any], defaults: dict[str, Any]
) -> dict[str, Any]:
    """Return a setting or a grid with ``sizes`` where ``hidden`` was, in its order."""
    if (HIDDEN in setting) == ("sizes" in setting):
        got = "both" if HIDDEN in setting else "neither"
        raise ValueError(f"{where}: {HIDDEN}: expected it or sizes, got {got}")
    named = {
        "sizes" if key == HIDDEN else key: sizes(value) if key == HIDDEN else value
        for key, value in setting.items()
    }
    return {**defaults, **named}
