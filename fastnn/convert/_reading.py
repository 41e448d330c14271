"""Files of other libraries: opened if they are ordinary ones, and refused in one line."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from fastnn._common.files import as_path, open_regular, shown
from fastnn._common.printable import printable

__all__ = ["reading"]


@contextmanager
def reading(path: str | os.PathLike[str], expected: str, name: str = "path") -> Iterator[BinaryIO]:
    """Open a file for a block in which whatever goes wrong is the file's fault.

    Parameters
    ----------
    path : path
    expected : str
        What the file should be, for messages.
    name : str
        Of the argument.

    Raises
    ------
    ValueError
        For whatever the block raises, in one line that names the file.
    OSError
        If the file cannot be read.
    """
    path = as_path(path, name)
    with open_regular(path, expected) as file:
        try:
            yield file
        except Exception as error:  # libraries raise all kinds for a damaged file
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise  # the disk's
            text = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(f"{shown(path)}: {printable(text)[:300]}") from None
