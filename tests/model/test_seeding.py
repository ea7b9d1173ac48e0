"""The generators of trials are NumPy's, to the bit."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import PCG64, Generator, SeedSequence

from luthier.model.seeding import AT_ONCE, generator


def numpys(seed: int, number: int) -> Generator:
    return Generator(PCG64(SeedSequence(seed, spawn_key=(number,))))


@given(st.integers(0, 2**300), st.one_of(st.integers(0, 200), st.integers(0, 2**40)))
def test_the_stream_is_that_of_numpy(seed: int, number: int) -> None:
    ours, theirs = generator(seed, number), numpys(seed, number)
    assert ours.bit_generator.state == theirs.bit_generator.state


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**128 - 1, 2**128, 2**160])
@pytest.mark.parametrize("number", [0, AT_ONCE - 1, AT_ONCE, 2**32 - 1, 2**32, 2**64 + 1])
def test_words_and_blocks_end_where_they_should(seed: int, number: int) -> None:
    drawn = generator(seed, number).integers(2**63, size=9)
    np.testing.assert_array_equal(drawn, numpys(seed, number).integers(2**63, size=9))


def test_two_generators_of_one_trial_do_not_share_their_state() -> None:
    first, second = generator(3, 5), generator(3, 5)
    assert first.random(4).tolist() == second.random(4).tolist()


def test_a_generator_spawns_and_travels_as_those_of_numpy_do() -> None:
    ours, theirs = generator(7, 11), numpys(7, 11)
    for _ in range(2):  # children of a second call are others
        assert [c.random() for c in ours.spawn(2)] == [c.random() for c in theirs.spawn(2)]
    ours.random()
    assert pickle.loads(pickle.dumps(ours)).random() == ours.random()
