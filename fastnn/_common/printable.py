"""Texts from outside, such as names in files, made fit to be shown on a terminal."""

from __future__ import annotations

from unicodedata import category


def printable(text: str) -> str:
    r"""Return ``text`` with what is not for the eye as Python escapes it, such as ``\x1b``.

    That is control characters, with which a text can move the cursor, colour the screen or name
    its window, marks that change the direction of writing, and halves of characters.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or category(c) == "Zs" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
