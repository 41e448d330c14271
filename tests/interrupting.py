"""Something happens at a chosen instruction of fastnn's Python code: as at a signal, but exactly.

Python runs a signal's handler between two instructions, so each of them is a place where one may
run, or raise. What C does in one step has no such place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import fastnn

PACKAGE = str(Path(fastnn.__file__).parent)
Call = Callable[[], object]


def _traced(work: Call, by: str, at: int, action: Call) -> tuple[int, BaseException | None]:
    """Run ``work``, and ``action`` before event number ``at``; return its events and its error."""
    seen = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal seen
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes = by == "opcode"
        if event == by:
            seen += 1
            if seen == at:
                action()
        return trace

    error = None
    sys.settrace(trace)
    try:
        work()
    except BaseException as caught:
        error = caught.with_traceback(None)
    finally:
        sys.settrace(None)
    return seen, error


def interrupt() -> None:
    """Do what Python's own handler of Ctrl-C does."""
    raise KeyboardInterrupt


def at_each(
    make: Callable[[], Call], action: Call, by: str = "opcode", step: int = 1
) -> Iterator[BaseException | None]:
    """Call ``action`` before each instruction, or line, in turn of what ``make`` returns.

    ``make`` is called before each turn. Yields what error each ended with, if any.
    """
    events, _ = _traced(make(), by, -1, interrupt)
    for at in range(1, events + 1, step):
        yield _traced(make(), by, at, action)[1]
