"""What commands write: lines on standard output, and the files they were told to."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from fastnn._common.printable import printable

PICTURES = (".png", ".pdf", ".svg")
MODELS = (".json", ".npz")


def say(text: str) -> None:
    """Print a line at once; what standard output's encoding does not have, such as in a file's
    name, is written with a backslash, and so is what could steer a terminal."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(printable(text).encode(encoding, "backslashreplace").decode(encoding), flush=True)


@contextmanager
def silent_but_for(json_is_wanted: bool) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Let nothing reach standard output but one object of JSON, if that is wanted.

    What is said in the block goes to standard error then. Yields what takes the object.
    """
    if not json_is_wanted:
        yield lambda found: None
        return
    told: list[Mapping[str, Any]] = []
    with redirect_stdout(sys.stderr):
        yield told.append
    for found in told:
        print(json.dumps(found, allow_nan=False), flush=True)


@contextmanager
def hints() -> Iterator[None]:
    """Print the warnings of the block after it, a plain line each on standard error.

    At once they would be written into a bar. The filters of warnings are changed.
    """
    heard: list[str] = []
    warnings.filterwarnings("default", category=RuntimeWarning)
    warnings.showwarning = lambda message, *_, **__: heard.append(str(message))
    yield
    for text in heard:
        if sys.stderr is not None:
            print(f"fastnn: warning: {printable(' '.join(text.split()))}", file=sys.stderr)


def check_outputs(
    files: Mapping[str, str | None],
    inputs: Sequence[str | os.PathLike[str]],
    endings: Mapping[str, tuple[str, ...]],
) -> None:
    """Raise before the work is done if a file could not be written after it.

    Parameters
    ----------
    files : mapping
        From option to path, or None where the option was not given.
    inputs : sequence of paths
        Files and folders that are read, or would be if they were there, and must not be written
        over, be it by another path, a symbolic link or a hard one.
    endings : mapping
        From option to the endings that its path may have.

    Raises
    ------
    ValueError
        Naming the option, the path and what was expected.
    """
    taken = {key: f"{path} is read, too" for path in inputs for key in _identities(path)}
    for option, path in files.items():
        if path is None:
            continue
        _check_ending(option, path, endings.get(option, ()))
        _check_place(option, Path(path))
        for key in _identities(path):
            if key in taken:
                raise ValueError(f"{option}: expected another file, as {taken[key]}")
        taken.update((key, f"{path} is what {option} writes") for key in _identities(path))


def _identities(path: str | os.PathLike[str]) -> list[object]:
    """Return what two paths have in common if they lead to one file: its place, or its number."""
    found: list[object] = [Path(os.path.realpath(path))]
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return found
    return [*found, (status.st_dev, status.st_ino)] if status.st_ino else found


def _check_ending(option: str, path: str, endings: tuple[str, ...]) -> None:
    if endings and Path(path).suffix not in endings:
        raise ValueError(f"{option}: expected a name ending in {' or '.join(endings)}, got {path}")


def _check_place(option: str, path: Path) -> None:
    folder = path.resolve().parent
    if not folder.is_dir():
        raise ValueError(f"{option}: expected a file in a folder that exists, got {path}")
    if path.exists() and not path.is_file():  # no device or pipe is written whole
        raise ValueError(f"{option}: expected an ordinary file or a new one, got {path}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"{option}: expected a folder that can be written to, got {path}")


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Let an ``OSError`` of the block name ``path``, and not the file that is to become it."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), path) from error


def write_files(*writers: tuple[str | None, Callable[[str], object]], kept: bool = False) -> None:
    """Write the files that were asked for, the network's first, and say which.

    Parameters
    ----------
    *writers : pairs of path and function
        None where the file was not asked for; what writes it there.
    kept : bool, default False
        Whether the network was saved elsewhere.
    """
    for path, write in writers:
        if path is not None:
            with writing(path):
                write(path)
            say(f"wrote {path}")
    if writers[0][0] is None and not kept:
        say("the network was not saved: --output model.json would")
