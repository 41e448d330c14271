"""Numbers, tables, texts and comments as C has them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["comment", "integers", "literal", "quoted", "table", "texts"]

LINE = 96


def literal(value: float, real: str) -> str:
    """Return a number of the type ``real``, "double" or "float", to the bit.

    Raises
    ------
    ValueError
        If it is too large for it.
    """
    if value != value:
        return f"({real})NAN"
    number = np.float64(value)
    if real == "float":
        with np.errstate(over="ignore"):
            narrow = np.float32(value)
        if not np.isfinite(narrow):
            raise ValueError(f"dtype: expected 'float64' for a number as large as {value:g}")
        return f"{narrow!s}f"
    return str(number)


def table(name: str, values: np.ndarray, real: str) -> str:
    """Return the definition of a table of numbers."""
    flat = [literal(value, real) for value in np.asarray(values).reshape(-1).tolist()]
    return _defined(f"static const {real} {name}[{len(flat)}]", flat)


def integers(name: str, values: Iterable[int], kind: str = "int") -> str:
    """Return the definition of a table of whole numbers."""
    flat = [str(int(value)) for value in values]
    return _defined(f"static const {kind} {name}[{len(flat)}]", flat)


def texts(name: str, values: Sequence[str]) -> str:
    """Return the definition of a table of texts, which the header declares."""
    return _defined(f"const char *const {name}[{len(values)}]", [quoted(text) for text in values])


def _defined(what: str, items: list[str]) -> str:
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) + 2 > LINE and line.strip():
            lines.append(line)
            line = "   "
        line += f" {item},"
    lines.append(line)
    return f"{what} = {{\n" + "\n".join(lines) + "\n};\n"


def quoted(text: str) -> str:
    """Return a text as C's string: what is not plain ASCII as octal numbers of its UTF-8."""
    plain = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode("utf-8", "surrogatepass")
    )
    return f'"{plain}"'


def comment(text: str) -> str:
    """Return lines as a comment, which nothing in them ends."""
    plain = text.encode("ascii", "backslashreplace").decode()
    plain = "".join(c if c == "\n" or 32 <= ord(c) < 127 else "?" for c in plain)
    for sign, other in (("*/", "* /"), ("/*", "/ *"), ("??", "? ?"), ("??", "? ?")):
        plain = plain.replace(sign, other)
    lines = [
        part
        for line in plain.split("\n")
        for part in (textwrap.wrap(line, LINE, subsequent_indent="    ") or [""])
    ]
    body = "\n".join(f" * {line}".rstrip().rstrip("\\") for line in lines)
    return f"/*\n{body}\n */\n"
