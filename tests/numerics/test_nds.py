"""Fronts, crowding, and reference directions."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from luthier.numerics.nds import crowding, fronts
from luthier.numerics.pareto import nondominated
from luthier.numerics.reference_points import das_dennis, divisions_for, niched, normalised
from luthier.numerics.variation import mirrored

LOSSES = st.integers(1, 3).flatmap(
    lambda m: arrays(float, st.tuples(st.integers(1, 30), st.just(m)), elements=st.integers(0, 5))
)


@given(LOSSES)
def test_each_front_is_what_the_earlier_ones_leave_undominated(losses):
    rank = fronts(losses)
    for front in range(rank.max() + 1):
        left = rank >= front
        np.testing.assert_array_equal(rank[left] == front, nondominated(losses[left]))


@given(LOSSES, st.data())
def test_less_violation_comes_before_any_loss(losses, data):
    violations = data.draw(
        arrays(float, len(losses), elements=st.sampled_from([0.0, 1.0, 2.5, np.inf]))
    )
    rank = fronts(losses, violations)
    for level in np.unique(violations):
        same = violations == level
        np.testing.assert_array_equal(rank[same] - rank[same].min(), fronts(losses[same]))
        assert (rank[violations < level] < rank[same].min()).all()


def test_points_without_a_result_share_the_last_front():
    losses = np.array([[np.inf, np.inf], [1.0, 2.0], [np.inf, np.inf], [2.0, 1.0]])
    np.testing.assert_array_equal(fronts(losses), [1, 0, 1, 0])


def test_the_ends_of_a_front_are_alone_and_gaps_are_measured():
    losses = np.array([[0.0, 4.0], [1.0, 3.0], [3.0, 1.0], [4.0, 0.0]])
    np.testing.assert_allclose(crowding(losses), [np.inf, 1.5, 1.5, np.inf])


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_crowding_does_not_depend_on_the_scale(scale):
    losses = np.array([[-1.0, 4.0], [0.0, 3.0], [2.0, 1.0], [4.0, -1.0]])
    np.testing.assert_allclose(crowding(losses * scale), crowding(losses))


@pytest.mark.parametrize(("m", "divisions"), [(1, 5), (2, 7), (3, 12), (5, 4)])
def test_directions_are_all_multiples_on_the_simplex(m, divisions):
    points = das_dennis(m, divisions)
    assert len(points) == comb(divisions + m - 1, m - 1)
    np.testing.assert_allclose(points.sum(axis=1), 1)
    assert len(np.unique(points.round(9), axis=0)) == len(points)
    np.testing.assert_allclose(points * divisions, np.rint(points * divisions), atol=1e-9)


def test_as_many_divisions_as_fit():
    assert len(das_dennis(3, divisions_for(3, 50))) == 45
    assert len(das_dennis(2, divisions_for(2, 50))) == 50
    assert divisions_for(1, 50) == 1
    assert divisions_for(10, 5) == 1


def test_normalised_fronts_have_their_ideal_at_zero_and_their_extremes_at_one():
    angle = np.linspace(0, np.pi / 2, 9)
    losses = np.column_stack([3 + 100 * np.cos(angle), -7 + 0.01 * np.sin(angle)])
    points = normalised(losses)
    np.testing.assert_allclose(points.min(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(points.max(axis=0), 1, rtol=1e-6)


def test_uncovered_directions_are_filled_first():
    directions = das_dennis(2, 2)  # (0, 1), (1/2, 1/2), (1, 0)
    points = np.array([[0.0, 1.0], [0.01, 0.99], [0.02, 0.98], [0.5, 0.52], [1.0, 0.0]])
    chosen = niched(points, np.zeros(5, int), directions, 3)
    np.testing.assert_array_equal(chosen, [0, 3, 4])
    # What is chosen from an earlier front already covers its direction.
    chosen = niched(points, np.array([1, 0, 1, 1, 1]), directions, 3)
    np.testing.assert_array_equal(chosen, [1, 3, 4])


@given(arrays(float, 5, elements=st.floats(-3, 3)))
def test_mirrored_points_are_inside_and_inside_points_stay(points):
    inside = mirrored(points)
    assert ((inside >= 0) & (inside <= 1)).all()
    np.testing.assert_allclose(mirrored(inside), inside)
