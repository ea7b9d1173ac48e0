"""Probabilities that follow the natural gradient."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from luthier.numerics import asng

WEIGHTS = np.array([0.5, 0.3, 0.2])


def test_the_options_of_the_best_become_likely():
    state = asng.Choices.start([np.full(4, 0.25), np.full(2, 0.5)])
    rng = np.random.default_rng(0)
    for _ in range(60):
        options = state.sample(rng.random((9, 2)))
        losses = (options[:, 0] != 2) + 2.0 * (options[:, 1] != 0)
        state = asng.updated(state, options[np.argsort(losses, kind="stable")[:3]], WEIGHTS, 0.1)
    first, second = state.probabilities[:4], state.probabilities[4:]
    assert first.argmax() == 2
    assert second.argmax() == 0
    assert first.max() > 0.8
    assert second.max() > 0.8


@given(
    st.lists(st.tuples(*[st.integers(-1, 2), st.integers(-1, 1)]), min_size=3, max_size=3),
    st.floats(0.01, 0.4),
)
def test_they_stay_probabilities_with_a_margin(options, least):
    state = asng.Choices.start([np.array([0.2, 0.5, 0.3]), np.array([0.9, 0.1])])
    for _ in range(30):
        state = asng.updated(state, np.array(options), WEIGHTS, least)
        assert np.isfinite(state.probabilities).all()
    moved = not np.array_equal(state.probabilities, [0.2, 0.5, 0.3, 0.9, 0.1])
    for part, count in ((state.probabilities[:3], 3), (state.probabilities[3:], 2)):
        assert abs(part.sum() - 1) < 1e-9
        assert not moved or part.min() >= 0.99 * least / (count - 1) * 0.9


def test_choices_that_were_active_nowhere_stay():
    state = asng.Choices.start([np.array([0.2, 0.8]), np.array([0.5, 0.5])])
    after = asng.updated(state, np.array([[-1, 0], [-1, 0], [-1, 0]]), WEIGHTS, 0.1)
    np.testing.assert_allclose(after.probabilities[:2], [0.2, 0.8])
    assert after.probabilities[2] > 0.5


def test_points_that_say_nothing_change_nothing():
    state = asng.Choices.start([np.array([0.2, 0.8])])
    assert asng.updated(state, np.full((3, 1), -1), WEIGHTS, 0.1) is state


def test_options_are_drawn_with_their_probabilities():
    state = asng.Choices.start([np.array([0.2, 0.5, 0.3])])
    uniform = (np.arange(1000) + 0.5)[:, None] / 1000
    np.testing.assert_array_equal(np.bincount(state.sample(uniform)[:, 0]), [200, 500, 300])
