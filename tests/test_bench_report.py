"""What the benchmark's reports count, format and draw."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fastnn

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "bench" / "epoch.py").exists():
    pytest.skip("the benchmark is not beside the tests", allow_module_level=True)
sys.path.append(str(ROOT))

from bench_results import WORK, result, row  # noqa: E402

from bench import chart, counting, data, report  # noqa: E402
from bench.problem import make_problem, targets  # noqa: E402
from bench.works import WORKS, Target, Work  # noqa: E402


def test_operations_are_those_of_the_three_products() -> None:
    # Forward 2·(7·5 + 5·3) = 100, as many for dW, and 2·5·3 = 30 for the deltas of layer 1.
    assert counting.flops_of_row((7, 5, 3)) == 230
    assert counting.flops_of_row((7, 5, 3), training=False) == 100
    assert counting.flops_of_row((4, 2)) == 32
    assert counting.flops(replace(WORK, epochs=9, per=2), 40) == 2 * 40 * 230
    assert counting.flops(replace(WORK, predict_rows=6), 40) == 600
    assert counting.flops(WORKS["nielsen30"], 50_000) == 50_000 * 95_880


def test_parameters_are_the_networks() -> None:
    for work in (WORK, replace(WORK, sizes=(7, 6, 5, 3), batch_norm=True)):
        net = fastnn.Network(list(work.sizes), normalization="batch" if work.batch_norm else None)
        assert counting.n_parameters(work) == net.n_parameters


def test_bytes_are_counted_by_row_and_by_batch() -> None:
    # A row: 2·(7 + 3) for the gather, 4·(5 + 3) for outputs and deltas; 58 parameters.
    assert counting.bytes_moved(WORK, 40) == 8 * (40 * 52 + 4 * (4 * 58 - 35))
    assert counting.bytes_moved(replace(WORK, dtype="float32"), 41) == 4 * (41 * 52 + 5 * 197)
    assert counting.bytes_moved(replace(WORK, predict_rows=1), 40) == 8 * (7 + 16 + 58)


def test_ratio_is_the_median_of_the_rounds_ratios() -> None:
    own = row("fastnn", 2.0, 10.0, 1.0)
    assert report.ratio(row("numpy", 4.0, 40.0, 6.0), own) == 4.0
    assert report.ratio(None, own) is None
    assert report.ratio(own, None) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12.3456, "12.35 s"), (1.0, "1.000 s"), (0.0123456, "12.35 ms"), (0.5, "500.0 ms"),
     (3.21e-6, "3.210 µs"), (4e-8, "0.040 µs")],
)  # fmt: skip
def test_duration_in_the_unit_that_suits(seconds: float, text: str) -> None:
    assert report.duration(seconds) == text


def test_numbers_without_a_value_are_dashes() -> None:
    assert report.times(None) == report.percent(None) == "–"
    assert (report.times(2.345), report.times(123.4)) == ("2.35", "123")
    assert report.percent(0.876) == "88%"


def test_share_is_of_the_threads_a_contender_may_use() -> None:
    # 1000 rows of 230 operations in 0.23 s are 1 MFLOP/s.
    rows = row("numpy", 0.23, threads=2), row("fastnn", 0.23), row("fastnn_1", 0.23)
    found = result(*rows)
    assert [found.share(line) for line in rows] == pytest.approx([0.5, 0.5, 1.0])
    assert replace(found, roofs={}).share(rows[0]) is None
    assert report.threads_of(rows[1]) == "auto"


def test_verdicts_name_what_is_met_and_what_is_not() -> None:
    found = result(row("reference", 10.0), row("numpy", 2.0), row("fastnn", 0.4))
    assert report.verdicts(found) == [
        "met: 3.00 × best peer", "met: 20.00 × reference", "NOT met: 50% of peak",
    ]  # fmt: skip
    slow = replace(WORK, target=Target(seconds=0.3))
    assert report.verdicts(replace(found, work=slow)) == ["NOT met: at most 300.0 ms"]
    assert report.verdicts(result(row("numpy", 1.0))) == []


def test_table_and_summary_hold_what_was_measured() -> None:
    rows = (
        row("reference", 8.0, rows=100), row("numpy", 3.0), row("jax", 2.0, threads=2),
        row("fastnn", 0.5), row("fastnn_1", 1.0),
    )  # fmt: skip
    text = report.table(result(*rows))
    assert "| reference (100 rows, scaled) | 1 | 8.000 s |" in text
    assert "| fastnn | auto | 500.0 ms | 500.0 ms–500.0 ms | 16.00 | 4.00 | 0.00 | 23% |" in text
    assert "Counted: 0.00023 GFLOP and" in text
    assert "by number of threads: JAX (one jitted scan) 1: 500.0 ms, 2: 250.0 ms." in text
    line = report.summary([result(*rows)]).splitlines()[-1]
    assert line.startswith(
        "| small | 8.000 s | JAX (one jitted scan) 2.000 s | 500.0 ms | 1.000 s | 4.00 | 16.00 |"
    )
    assert "NOT met: 20.00 × reference" in line


def test_chart_draws_every_contender_that_has_a_peer(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = result(row("reference", 8.0), row("numpy", 3.0), row("fastnn", 0.5))
    assert [value for _, value in chart.ratios_to_best_peer(found)] == pytest.approx([0.375, 1, 6])
    assert chart.ratios_to_best_peer(result(row("fastnn", 0.5))) == []
    chart.chart(tmp_path / "a.png", [found, result(row("fastnn", 0.5))])
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_write_whole_leaves_the_old_file_when_saving_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("old", "utf-8")

    def fail(temporary: Path) -> None:
        temporary.write_text("half", "utf-8")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        report.write_whole(path, fail)
    assert [p.name for p in tmp_path.iterdir()] == ["a.md"]
    assert path.read_text("utf-8") == "old"


def test_synthetic_rows_do_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work("s", "synthetic", (6, 4, 3), dtype="float32", rows=50)
    whole = data.load(work)
    monkeypatch.setattr(data, "BLOCK", 7)
    X, labels = data.synthetic(50, work)
    np.testing.assert_array_equal(X, whole.X)
    np.testing.assert_array_equal(labels, whole.X[:, :3].argmax(axis=1))
    assert X.dtype == np.float32
    assert len(whole.X_test) == data.TEST_ROWS
    assert set(data.synthetic(50, replace(work, sizes=(6, 1)))[1]) == {0, 1}


def test_circles_are_the_tiny_works_data() -> None:
    arrays = data.load(WORKS["tiny"])
    assert arrays.X.shape == arrays.X_test.shape == (300, 2)
    problem = make_problem(WORKS["tiny"], arrays, shuffle=True)
    assert problem.Y.shape == (300, 1)
    assert problem.whole
    assert not problem.shuffle


def test_targets_are_one_hot_or_the_label() -> None:
    labels = np.array([0, 1, 1])
    np.testing.assert_array_equal(
        targets(replace(WORK, sizes=(7, 2)), labels), [[1, 0], [0, 1], [0, 1]]
    )
    np.testing.assert_array_equal(targets(replace(WORK, sizes=(7, 1)), labels), [[0], [1], [1]])
