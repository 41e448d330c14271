"""A journal: what was done is not done again, wherever a search was killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from fastnn.many import fit_many
from fastnn.stopping import EarlyStopping

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 4))
y = (X[:, 0] > 0).astype(int)
GRID = {
    "sizes": [[4, 6, 2]],
    "epochs": 2,
    "learning_rate": [0.1, 1e300],
    "optimizer": ["sgd", "adam"],
    "activation": "relu",
    "cost": "log_likelihood",
}
TIMES = ("seconds",)


def table(found):
    return {name: column for name, column in found.to_dict().items() if name not in TIMES}


def same(a, b):
    return repr(table(a)) == repr(table(b))


def test_a_finished_search_is_read_and_not_trained_again(tmp_path):
    path = tmp_path / "runs.jsonl"
    whole = fit_many(X, y, GRID, seeds=range(3), keep="all")
    assert any(whole["error"]) and not all(whole["error"])
    first = fit_many(X, y, GRID, seeds=range(3), keep="all", journal=path)
    content = path.read_bytes()
    again = fit_many(
        X, y, GRID, seeds=range(3), keep="all", journal=path, scoring=None, progress=False
    )
    assert path.read_bytes() == content
    assert same(first, whole) and same(again, whole)
    assert again["seconds"].tolist() == first["seconds"].tolist()
    lines = [json.loads(line) for line in content.splitlines()]
    assert len(lines) == 1 + len(whole)
    # A network that the journal cannot hold is trained again, to the same bits.
    row = whole.best()["row"]
    assert np.array_equal(again.network(row).parameters, whole.network(row).parameters)


def test_a_line_cut_anywhere_is_the_only_job_done_again(tmp_path):
    path = tmp_path / "runs.jsonl"
    whole = fit_many(X, y, GRID, journal=path)
    content = path.read_bytes()
    header = content.index(b"\n") + 1
    cuts = [0, 1, header - 1, header, *range(header + 1, len(content), 37), len(content) - 1]
    for cut in cuts:
        path.write_bytes(content[:cut])
        kept = content[: content.rfind(b"\n", 0, cut) + 1]
        assert same(fit_many(X, y, GRID, journal=path, n_jobs=1), whole)
        now = path.read_bytes()
        assert now.startswith(kept) and now.endswith(b"\n")
        rows = sorted(json.loads(line)["row"] for line in now.splitlines()[1:])
        assert rows == list(range(len(whole)))


OTHERS = {
    "data": {"X": X + 1},
    "settings": {"settings": {**GRID, "epochs": 3}},
    "seeds": {"seeds": (1,)},
    "cv": {"cv": [(np.arange(40), np.arange(40, 80))]},
    "scoring": {"scoring": "mean_squared_error"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_searchs_journal_is_refused(tmp_path, name):
    path = tmp_path / "runs.jsonl"
    fit_many(X, y, GRID, journal=path)
    content = path.read_bytes()
    told = {"X": X, "y": y, "settings": GRID, **OTHERS[name]}
    with pytest.raises(ValueError, match=rf"^journal: .*differs in {name}: "):
        fit_many(**told, journal=path)
    assert path.read_bytes() == content


def test_a_file_that_is_no_journal_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    for text in ("hello", "hello\n", '{"a": 1}\n', "[]\n"):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"^journal: .*expected a journal of fastnn's"):
            fit_many(X, y, GRID, journal=path)
        assert path.read_text() == text


LINE = (
    '{"row": %s, "training_cost": 1.0, "validation_cost": "nan", "score": 1.0, "epochs": 1, '
    '"seconds": 1.0, "error": ""}'
)


@pytest.mark.parametrize(
    "line", ["{}", "nonsense", '{"row": 99}', "\xff", "[1]", LINE % 1.0, LINE % 99, LINE % -1]
)
def test_a_damaged_line_is_named(tmp_path, line):
    path = tmp_path / "runs.jsonl"
    fit_many(X, y, GRID, journal=path)
    content = path.read_bytes()
    path.write_bytes(content + line.encode("latin-1") + b"\n")
    number = content.count(b"\n") + 1
    with pytest.raises(ValueError, match=rf"^journal: .*line {number}: expected a job"):
        fit_many(X, y, GRID, journal=path)


def test_a_line_that_is_there_twice_counts_once(tmp_path):
    path = tmp_path / "runs.jsonl"
    first = fit_many(X, y, GRID, journal=path)
    with path.open("a") as file:
        file.write(LINE % 1 + "\n")
    assert same(fit_many(X, y, GRID, journal=path), first)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_no_pipe_is_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"^journal: .*pipe: not an ordinary file"):
        fit_many(X, y, GRID, journal=tmp_path / "pipe")
    with pytest.raises(IsADirectoryError):
        fit_many(X, y, GRID, journal=tmp_path)


def test_settings_are_told_apart_by_what_they_are(tmp_path):
    path = tmp_path / "runs.jsonl"
    base = {"sizes": [4, 6, 2], "epochs": 2}
    stop = {**base, "stopping": EarlyStopping(3), "sample_weight": np.ones(80)}
    validated = {"validation_data": (X, y), "journal": path}
    fit_many(X, y, [stop], **validated)
    equal = {**base, "stopping": EarlyStopping(3), "sample_weight": np.ones(80)}
    assert len(fit_many(X, y, [equal], **validated)) == 1
    for other in ({"stopping": EarlyStopping(4)}, {"sample_weight": np.arange(80)}):
        with pytest.raises(ValueError, match="differs in settings"):
            fit_many(X, y, [{**stop, **other}], **validated)


PROGRAM = """
import sys
import numpy as np
from fastnn.many import fit_many
rng = np.random.default_rng(0)
X = rng.normal(size=(500, 4))
y = (X[:, 0] > 0).astype(int)
print("ready", flush=True)
fit_many(X, y, {"sizes": [[4, 6, 2], [4, 30, 2]], "epochs": 100, "learning_rate": [0.1, 0.2]},
         seeds=range(300), keep="none", journal=sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_at_any_moment_it_loses_no_finished_job(tmp_path):
    def run(name, seconds=None):
        """Run the program, for so many seconds of its search; return how it ended."""
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / name)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            if seconds is not None:
                time.sleep(seconds)
                process.kill()
        return process.returncode

    def lines(name):
        path = tmp_path / name
        return path.read_bytes().splitlines(keepends=True) if path.exists() else []

    def read(name):
        found = sorted((json.loads(line) for line in lines(name)[1:]), key=lambda job: job["row"])
        return [{k: v for k, v in job.items() if k not in TIMES} for job in found]

    assert run("whole") == 0
    chance = random.Random(0)
    n_killed, before = 0, []
    for _ in range(10):
        n_killed += run("killed", chance.uniform(0, 0.12)) == -signal.SIGKILL
        now = lines("killed")
        whole = [line for line in now if line.endswith(b"\n")]
        assert whole[: len(before)] == before
        before = whole
    assert n_killed == 10 and len(before) < 1201, len(before)
    assert run("killed") == 0
    assert read("killed") == read("whole") and len(read("whole")) == 1200
