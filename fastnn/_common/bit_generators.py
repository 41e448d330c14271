"""States of NumPy's bit generators, as they stand in files.

NumPy copies what it is given into C without a look: a place outside a generator's buffer is then
read from, and the process ends. So every field is checked before a state is set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fastnn._common.checks import brief
from fastnn._common.keys import Keys, check_keys

__all__ = ["KINDS", "generator_from", "plain_state"]

Check = Callable[[Any, str], Any]


def _whole(least: int, most: int) -> Check:
    """Return a check for a whole number from ``least`` to ``most``."""

    def check(value: Any, name: str) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(
                f"{name}: expected a whole number from {least} to {most}, got {brief(value)}"
            )
        return value

    return check


def _words(count: int, bits: int) -> Check:
    """Return a check for a list of ``count`` whole numbers of ``bits`` bits."""
    word = _whole(0, 2**bits - 1)

    def check(value: Any, name: str) -> np.ndarray:
        if not isinstance(value, list) or len(value) != count:
            raise ValueError(f"{name}: expected {count} whole numbers, got {brief(value)}")
        checked = [word(each, f"{name}[{i}]") for i, each in enumerate(value)]
        return np.array(checked, dtype=f"uint{bits}")

    return check


def _odd(value: Any, name: str) -> int:
    """Check PCG's increment: an even one gives a generator that may repeat one number for ever."""
    if not _whole(0, 2**128 - 1)(value, name) % 2:
        raise ValueError(f"{name}: expected an odd number, got {brief(value)}")
    return value


def _key(value: Any, name: str) -> np.ndarray:
    """Check the Mersenne Twister's words: all zeros stay zeros."""
    words = _words(624, 32)(value, name)
    if not (words[0] >> 31 or words[1:].any()):
        raise ValueError(f"{name}: expected numbers that are not all 0")
    return words


_HALF_USED: dict[str, Check] = {"has_uint32": _whole(0, 1), "uinteger": _whole(0, 2**32 - 1)}
_PCG: dict[str, Any] = {"state": {"state": _whole(0, 2**128 - 1), "inc": _odd}, **_HALF_USED}
# The fields of each kind's ``state``, beside its name.
_FIELDS: dict[str, dict[str, Any]] = {
    "PCG64": _PCG,
    "PCG64DXSM": _PCG,
    "MT19937": {"state": {"key": _key, "pos": _whole(0, 624)}},
    "Philox": {
        "state": {"counter": _words(4, 64), "key": _words(2, 64)},
        "buffer": _words(4, 64),
        "buffer_pos": _whole(0, 4),
        **_HALF_USED,
    },
    "SFC64": {"state": {"state": _words(4, 64)}, **_HALF_USED},
}
KINDS: dict[str, type[Any]] = {name: getattr(np.random, name) for name in _FIELDS}


def _checked(value: Any, fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the mapping ``value`` with all its fields checked, and no others."""
    check_keys(value, Keys(tuple(fields)), name)
    checked = {}
    for key, check in fields.items():
        inner = f"{name}.{key}"
        checked[key] = (
            _checked(value[key], check, inner)
            if isinstance(check, dict)
            else check(value[key], inner)
        )
    return checked


def _checked_state(state: Any) -> dict[str, Any]:
    name = state.get("bit_generator") if isinstance(state, dict) else None
    if not isinstance(name, str) or name not in _FIELDS:
        raise ValueError(f"rng: expected the state of {', '.join(_FIELDS)}, got {brief(state)}")
    rest = {key: value for key, value in state.items() if key != "bit_generator"}
    return {"bit_generator": name, **_checked(rest, _FIELDS[name], "rng")}


def generator_from(state: Any) -> np.random.Generator:
    """Return a Generator in the state that ``plain_state`` wrote.

    Raises
    ------
    ValueError
        If it is not the whole state of one of ``KINDS``; naming the field.
    """
    checked = _checked_state(state)
    bits = KINDS[checked["bit_generator"]](0)
    bits.state = checked
    return np.random.Generator(bits)


def plain_state(generator: np.random.Generator) -> dict[str, Any]:
    """Return a Generator's state in Python's numbers and lists.

    Raises
    ------
    ValueError
        If ``generator_from`` could not take it: for a bit generator that NumPy does not have, or a
        state that no bit generator comes to.
    """
    bits = generator.bit_generator
    if KINDS.get(type(bits).__name__) is not type(bits):
        raise ValueError(
            f"rng: expected one of {', '.join(KINDS)} to save, got {type(bits).__name__}; "
            "set net.random_source to numpy.random.default_rng()"
        )
    state: dict[str, Any] = _plain(bits.state)
    _checked_state(state)
    return state


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value
