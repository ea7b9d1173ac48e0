"""The recorded learning curves are whole, and params find their own."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from benchmarks.curves import FOLDER, get, sources

from luthier import Float

NAMES = sorted(path.stem for path in FOLDER.glob("*.npz"))


def test_there_are_several_sources() -> None:
    assert len(NAMES) >= 5
    assert set(sources()) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_table_is_whole_and_small(name: str) -> None:
    source = get(name)
    n = source.space.size
    assert n is not None
    assert n >= 1000
    assert source.curves.shape == (n, source.steps)
    assert source.steps >= 27
    assert source.test.shape == source.seconds_per_step.shape == (n,)
    assert (source.seconds_per_step > 0).all()
    # Training that has diverged does not come back.
    diverged = np.isnan(source.curves)
    assert (diverged[:, 1:] >= diverged[:, :-1]).all()
    assert np.array_equal(np.isnan(source.test), diverged[:, -1])
    assert diverged[:, -1].mean() < 0.5
    assert (FOLDER / f"{name}.npz").stat().st_size < 1.5e6


@pytest.mark.parametrize("name", NAMES)
def test_params_find_their_own_row(name: str) -> None:
    source = get(name)
    assert len(source.configs) == source.space.size
    assert [source.row(params) for params in source.configs] == list(range(len(source.configs)))
    assert source.final[source.final.argmin()] == source.best


@pytest.mark.parametrize("name", NAMES)
def test_what_lies_between_two_levels_finds_the_nearer_one(name: str) -> None:
    source = get(name)
    config = source.configs[-1]
    floats = [name for name in config if isinstance(source.space.params[name], Float)]
    assert floats
    for param in floats:
        levels = sorted({other[param] for other in source.configs if param in other})
        log = source.space.params[param].scale == "log"
        for low, high in pairwise(levels):
            middle = math.sqrt(low * high) if log else (low + high) / 2
            for value, level in ((middle * 0.999, low), (middle * 1.001, high)):
                params = {**config, param: value}
                source.continuous.check(params)
                assert source.configs[source.row(params)] == {**config, param: level}
