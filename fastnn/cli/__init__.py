"""The command ``fastnn``: what it does, from a shell, is a file each beside this one.

``main`` turns whatever goes wrong into one line on standard error and an exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from fastnn._common.printable import printable
from fastnn.cli.arguments import build_parser

__all__ = ["main"]

WRONG = 2  # what argparse exits with, too
INTERRUPTED = 130  # 128 + SIGINT, as shells count
BROKEN_PIPE = 141  # 128 + SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` says.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.

    Returns
    -------
    int
        Exit code: 0; 2 after an error, which is one line on standard error; 130 after Ctrl-C; 141
        if the reader of standard output went away.
    """
    try:
        return _run(arguments)
    except KeyboardInterrupt as interrupt:
        return _fail(INTERRUPTED, f"interrupted {interrupt}".strip())
    except BrokenPipeError:
        _forget_output()
        return BROKEN_PIPE
    except OSError as error:
        _forget_output()  # it may be standard output that failed
        return _fail(WRONG, f"error: {_of_file(error)}")
    except MemoryError as error:
        return _fail(WRONG, f"error: out of memory: {error}")
    except (ValueError, TypeError, ImportError) as error:
        return _fail(WRONG, f"error: {error}")


def _run(arguments: Sequence[str] | None) -> int:
    status = 0
    try:
        parsed = build_parser().parse_args(arguments)
        parsed.run(parsed)
    except SystemExit as exit_:  # after --help and --version
        status = int(exit_.code or 0)
    if sys.stdout is not None:
        sys.stdout.flush()  # here, where a broken pipe is still ours to handle
    return status


def _fail(status: int, message: str) -> int:
    if sys.stderr is not None:
        print(f"fastnn: {printable(' '.join(message.split()))}", file=sys.stderr)
    return status


def _of_file(error: OSError) -> str:
    """Return what the system said, the file first and without its error number."""
    if error.strerror is None:
        return str(error) or type(error).__name__
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"


def _forget_output() -> None:
    """Send what is left in the buffer nowhere, or Python fails once more at its exit."""
    try:
        output = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # none, or one that tests put there
        return
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output)
        os.close(nowhere)
