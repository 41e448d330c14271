"""Made-up measurements, to test what the benchmark's reports make of them."""

from __future__ import annotations

from bench.checking import Check
from bench.contenders import CONTENDERS
from bench.report import Result, Row
from bench.timing import Timing
from bench.works import Target, Work

WORK = Work("small", "none", (7, 5, 3), target=Target(peer=3, reference=20, share=0.5))


def row(name: str, *seconds: float, threads: int = 1, rows: int | None = None) -> Row:
    """A contender's line with these seconds, a round each."""
    probe = {1: 0.5, 2: 0.25} if threads > 1 else {}
    timing = Timing(seconds, threads, probe, rows)
    return Row(CONTENDERS[name](), timing, Check(1e-14, 0.75))


def result(*rows: Row, work: Work = WORK) -> Result:
    """All lines of one work of 1000 rows on a machine of 1 and 2 MFLOP/s."""
    return Result(work, 1000, len(rows[0].timing.seconds), list(rows), [], {1: 1e6, 2: 2e6})
