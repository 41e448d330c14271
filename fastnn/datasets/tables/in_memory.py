"""A table that is no file, but was sent: read by the same rules."""

from __future__ import annotations

import io
from typing import IO, Literal, overload


class TableBytes:
    """The bytes of a table, which ``read_table`` reads as those of a file.

    Parameters
    ----------
    name : str
        What errors call it.
    content : bytes
        All of it, in any encoding that ``read_table`` takes.

    Raises
    ------
    TypeError
        If ``content`` is no bytes, or ``name`` no str.
    """

    def __init__(self, name: str, content: bytes) -> None:
        if not isinstance(name, str) or not isinstance(content, bytes):
            kinds = f"{type(name).__name__} and {type(content).__name__}"
            raise TypeError(f"TableBytes: expected a name and bytes, got {kinds}")
        self.name, self.content = name, content

    def __str__(self) -> str:
        return self.name

    @overload
    def open(self, mode: Literal["rb"]) -> IO[bytes]: ...

    @overload
    def open(
        self, mode: Literal["r"] = ..., *, encoding: str | None = ..., newline: str | None = ...
    ) -> IO[str]: ...

    def open(
        self, mode: str = "r", *, encoding: str | None = None, newline: str | None = None
    ) -> IO[str] | IO[bytes]:
        """Open it for reading, as ``pathlib.Path.open`` does.

        Parameters
        ----------
        mode : {"r", "rb"}, default "r"
            Text or bytes.
        encoding, newline : str, optional
            Of the text.
        """
        raw = io.BytesIO(self.content)
        return raw if mode == "rb" else io.TextIOWrapper(raw, encoding=encoding, newline=newline)
