"""The benchmark of growing work: its grid, its reports, its command."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import fastnn  # noqa: F401 before the repository is put on the path: the installed package is meant

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench" / "scaling.py").exists():
    pytest.skip("the benchmark is not beside the tests", allow_module_level=True)
sys.path.append(str(ROOT))

from bench import scaling, scaling_report, scaling_threads, timing  # noqa: E402
from bench.contenders import CONTENDERS  # noqa: E402
from bench.contenders.numpy_by_hand import NumpyByHand  # noqa: E402
from bench.scaling_grid import BATCH, GRID, QUICK, ROWS, WIDTH, Point, point, points  # noqa: E402
from bench.scaling_report import Measured  # noqa: E402
from bench.timing import Timing  # noqa: E402


def measured(axis: str, value: int, timed: int = ROWS, **seconds: Sequence[float]) -> Measured:
    timings = {name: Timing(tuple(each), 1, {}) for name, each in seconds.items()}
    return Measured(Point(axis, value, ROWS, timed), timings)


def test_grid_reaches_from_end_to_end() -> None:
    ends = {axis: (values[0], values[-1]) for axis, values in GRID.items()}
    assert ends == {
        "width": (8, 4096), "batch": (1, 1024), "depth": (1, 20), "rows": (1_000, 1_000_000),
    }  # fmt: skip
    assert len(points(GRID, 1.0)) == sum(map(len, GRID.values()))
    assert {axis: len(values) for axis, values in QUICK.items()} == dict.fromkeys(GRID, 3)


def test_one_size_varies_and_the_others_stay() -> None:
    work = {axis: point(axis, 64, 100.0).work() for axis in ("width", "batch", "depth")}
    assert work["width"].sizes == (128, 64, 10)
    assert (work["batch"].batch, work["batch"].sizes) == (64, (128, WIDTH, 10))
    assert work["depth"].sizes == (128, *64 * (WIDTH,), 10)
    assert {each.rows for each in work.values()} == {ROWS}
    assert [work["width"].batch, work["depth"].batch] == [BATCH, BATCH]


def test_long_epochs_are_cut_to_whole_mini_batches() -> None:
    cut = point("width", 4096, 0.1)
    assert 4 * BATCH <= cut.timed_rows < ROWS
    assert cut.timed_rows % BATCH == 0
    assert cut.scale == pytest.approx(ROWS / cut.timed_rows)
    assert cut.work().rows == cut.timed_rows
    assert point("batch", 1024, 1e-9).timed_rows == 4 * 1024
    assert point("rows", 1_000_000, 1e-9).timed_rows == 1_000_000


def test_short_epochs_are_timed_together() -> None:
    short, long = point("rows", 1_000, 1.0), point("rows", 1_000_000, 1.0)
    assert short.epochs > 1
    assert short.work().epochs == short.epochs
    assert long.epochs == 1


def test_only_points_slower_by_a_tenth_are_named() -> None:
    all_points = [
        measured("width", 8, numpy=[2, 2, 9], jax=[1, 1, 1], fastnn=[1.09, 1.09, 5], timed=2_000),
        measured("width", 16, numpy=[2, 2, 2], jax=[9, 9, 9], fastnn=[2.4, 2.4, 1], timed=2_000),
        measured("depth", 3, numpy=[1], fastnn=[0.5], fastnn_1=[9]),
        measured("depth", 5, fastnn=[0.5]),
    ]
    assert [each.best_peer() for each in all_points] == ["jax", "numpy", "numpy", None]
    assert scaling_report.slower(all_points) == [
        "width 16: fastnn takes 1.20 times as long as NumPy by hand, 24.00 s an epoch"
    ]
    assert "- width 16: " in scaling_report.cliffs(all_points)
    assert scaling_report.cliffs(all_points[2:]).startswith("Nowhere is fastnn slower")


def test_slowness_is_the_median_of_the_rounds_ratios() -> None:
    assert measured("rows", 9, numpy=[4, 40, 6], fastnn=[2, 10, 1]).slowness() == 0.25
    assert measured("rows", 9, numpy=[4]).slowness() is None


def test_csv_has_a_line_for_every_point_and_contender() -> None:
    each = measured("batch", 4, numpy=[3, 1, 2], fastnn=[0.5, 0.25, 1], timed=10_000)
    rows = list(csv.DictReader(scaling_report.as_csv([each]).splitlines()))
    assert [row["contender"] for row in rows] == ["numpy", "fastnn"]
    assert [row["threads"] for row in rows] == ["1", "auto"]
    assert rows[1]["seconds_an_epoch"] == "1"
    assert (rows[0]["seconds_min"], rows[0]["seconds_max"]) == ("2", "6")
    assert (rows[0]["rows"], rows[0]["timed_rows"]) == (str(ROWS), "10000")


def test_document_shows_scaled_seconds_and_the_ratio() -> None:
    text = scaling_report.document(
        ["a machine"], [measured("batch", 4, numpy=[3], fastnn=[1], timed=10_000)], 1
    )
    assert "- a machine\n" in text
    assert "## Rows in a mini-batch" in text
    assert "| 4 | 6.000 s | 2.000 s | 3.00 | 10000 |" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(8, "8"), (1_000, "1k"), (1_024, "1024"), (300_000, "300k"), (1_000_000, "1M")],
)
def test_short_numbers(value: int, text: str) -> None:
    assert scaling_report.short(value) == text


def test_command_measures_and_writes_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(timing, "SETTLE", 0)
    monkeypatch.setattr(timing, "PROBE_RUNS", 1)
    monkeypatch.setattr(scaling, "QUICK", {"width": (3, 5), "depth": (1, 2)})
    skip = ["torch_by_hand", "jax"]
    options = ["--quick", "--repeats", "1", "--seconds", "0.001", "--max-threads", "1"]
    assert scaling.main([*options, "--skip", *skip, "--output", str(tmp_path)]) == 0
    names = ["scaling.csv", "scaling.md", "scaling.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    rows = list(csv.DictReader((tmp_path / "scaling.csv").read_text("utf-8").splitlines()))
    contenders = ["numpy", "fastnn", "fastnn_1"]
    assert [(row["axis"], row["value"], row["contender"]) for row in rows] == [
        (axis, value, name)
        for axis, value in (("width", "3"), ("width", "5"), ("depth", "1"), ("depth", "2"))
        for name in contenders
    ]
    assert all(float(row["seconds_an_epoch"]) > 0 for row in rows)
    assert (tmp_path / "scaling.md").read_text("utf-8") in capsys.readouterr().out
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")


def test_command_stops_at_another_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Idle(NumpyByHand):
        def train(self) -> None:
            return None

    monkeypatch.setitem(CONTENDERS, "numpy", Idle)
    skip = ["torch_by_hand", "jax", "fastnn_1"]
    options = ["width", "--quick", "--skip", *skip, "--output", str(tmp_path)]
    assert scaling.main([*options, "--seconds", "0.001"]) == 1
    assert "not equal: width=8 in float64: the parameters" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["height"], "unknown axis 'height'; choose from width, batch, depth, rows"),
        (["--seconds", "0"], "expected a number above 0, got '0'"),
        (["--seconds", "nan"], "expected a number above 0, got 'nan'"),
        (["--repeats", "1.5"], "expected a whole number from 1, got '1.5'"),
        (["--skip", "reference"], "invalid choice: 'reference'"),
    ],
)
def test_command_refuses_bad_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        scaling.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_threads_are_measured_or_counted() -> None:
    found = scaling_threads.measure("digits30", [1, 2, 64], 1, rows=200)
    assert [each.n_threads for each in found] == [1, 2, 64]
    assert found[0].seconds is not None and found[0].barriers == 0 and found[0].share == 1
    assert found[1].barriers >= 1
    assert found[2].seconds is None or scaling_threads.available_cores() >= 64
    assert scaling_threads.share_of_busiest((10, 64), 4) == 0.25
    assert scaling_threads.share_of_busiest((10, 64), 3) == 0.5
    assert scaling_threads.share_of_busiest((10, 10, 10), 8, 0, 2) == 0.75
    assert scaling_threads.share_of_busiest((10, 10, 10), 3, 1, 4) == 0.5
    assert len(scaling_threads.table(found).splitlines()) == 5
