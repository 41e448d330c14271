"""What stands first in a normalization's arguments is what a reader takes it for."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import fastnn
from fastnn.normalization import BatchNorm, GroupNorm, LayerNorm


def test_positions() -> None:
    assert GroupNorm(4) == GroupNorm(groups=4, eps=1e-5)
    assert GroupNorm(4, 1e-3) == GroupNorm(groups=4, eps=1e-3)
    assert BatchNorm(0.3) == BatchNorm(momentum=0.3, eps=1e-5)
    assert BatchNorm(0.3, 1e-3) == BatchNorm(momentum=0.3, eps=1e-3)
    assert LayerNorm(1e-3) == LayerNorm(eps=1e-3)


def test_a_small_number_is_no_number_of_groups() -> None:
    with pytest.raises(TypeError, match="groups: expected a whole number, got 1e-05"):
        GroupNorm(1e-5)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [BatchNorm, LayerNorm, GroupNorm])
def test_eps_comes_last(kind: type) -> None:
    by_position = [field.name for field in dataclasses.fields(kind) if not field.kw_only]
    assert by_position[-1] == "eps"
    with pytest.raises(ValueError, match="eps: "):
        kind(eps=0.0)


def test_four_groups_by_position_are_four_groups() -> None:
    X = np.random.default_rng(0).normal(size=(6, 5))
    nets = [
        fastnn.Network([5, 8, 2], normalization=norm, rng=0)
        for norm in (GroupNorm(4), GroupNorm(groups=4), GroupNorm(groups=2))
    ]
    first, same, other = (net.predict(X) for net in nets)
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3
