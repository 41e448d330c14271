"""What the tests of the command line share."""

from __future__ import annotations

import pytest

from fastnn.cli import main


def run(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command, which must go well and without a complaint; return what it printed."""
    status = main(command.split())
    printed = capsys.readouterr()
    assert (status, printed.err) == (0, "")
    return printed.out
