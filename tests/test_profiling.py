"""Where the time goes: every phase there is, and nothing trained but a copy."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import reference
from fastnn._core.context import Phase
from fastnn.profiling import profile_epoch

sys.path.append(str(Path(__file__).resolve().parents[1]))
from bench import profile

X, Y = np.random.default_rng(0).random((300, 40)), np.arange(300) % 10


def network(**options):
    return fastnn.Network([40, 30, 10], fastnn.LogLikelihoodCost, rng=0, **options)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_every_phase_of_the_work_takes_time_and_no_other(n_threads):
    net = network(normalization="batch", activation="relu")
    before = net.parameters.copy()
    seconds = profile_epoch(net, X, Y, optimizer="adam", n_threads=n_threads)
    assert list(seconds) == [phase.name.lower() for phase in Phase]
    assert all(value > 0 for name, value in seconds.items() if name != "sync")
    np.testing.assert_array_equal(net.parameters, before)
    plain = profile_epoch(network(), X, Y, n_threads=1)
    assert plain["normalization"] == plain["sync"] == 0
    assert plain["forward"] > 0


BAD = {"n_threads": 0, "batch_size": 0, "optimizer": "lbfgs", "learning_rate": "fast"}


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_refused(name):
    with pytest.raises((TypeError, ValueError), match=name):
        profile_epoch(network(), X, Y, **{name: BAD[name]})


def test_the_reference_has_no_such_clock():
    with pytest.raises(TypeError, match="network"):
        profile_epoch(reference.Network([40, 10]), X, Y)


def test_the_command_prints_a_table(capsys):
    assert profile.main(["nielsen30", "--rows", "200"]) == 0
    out = capsys.readouterr().out
    assert "nielsen30: milliseconds an epoch of 200 rows" in out
    assert "| forward |" in out


def test_the_command_refuses_an_unknown_work():
    with pytest.raises(SystemExit):
        profile.main(["nothing"])
