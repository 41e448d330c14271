"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` beside ``path``, then put it in its place in one step.

    A reader sees the old file or the new one; an error leaves the old one alone. What is no file,
    such as a pipe or a device, is written to directly.

    Raises
    ------
    OSError
        If the folder is not there or cannot be written to.
    """
    path = Path(os.path.realpath(path))  # a link stays a link: what it points to is replaced
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(path.parent))
    temporary = path.with_name(f".{path.name[:50]}.{os.urandom(8).hex()}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
