"""Hypervolume and contributions against inclusion and exclusion."""

from itertools import combinations
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import InvalidInput
from luthier.numerics.hypervolume import contributions, hypervolume, infer_reference
from luthier.numerics.pareto import nondominated


@st.composite
def fronts(draw, most_objectives=5, most_points=6):
    """Points, some beyond the reference of ones; often on a coarse grid, so that many tie."""
    m = draw(st.integers(1, most_objectives))
    value = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.floats(0.0, 1.25))
    rows = draw(st.lists(st.tuples(*[value] * m), max_size=most_points))
    return np.array(rows).reshape(len(rows), m)


def by_inclusion_and_exclusion(points, reference):
    """The volume of a union of boxes, from the volumes of all their intersections."""
    return sum(
        (-1) ** (k + 1) * prod(np.maximum(reference - np.max(some, axis=0), 0.0))
        for k in range(1, len(points) + 1)
        for some in combinations(points, k)
    )


@given(fronts())
def test_hypervolume_agrees_with_inclusion_and_exclusion(points):
    reference = np.ones(points.shape[1])
    expected = by_inclusion_and_exclusion(points, reference)
    assert hypervolume(points, reference) == pytest.approx(expected, abs=1e-12)


@given(fronts())
def test_contributions_are_what_the_front_loses_without_the_point(points):
    reference = np.ones(points.shape[1])
    inside = points[(points < reference).all(axis=1)]
    front = inside[nondominated(inside)]
    whole = by_inclusion_and_exclusion(front, reference)
    for point, share in zip(points, contributions(points, reference), strict=True):
        same = (front == point).all(axis=1)
        rest = np.delete(front, np.flatnonzero(same)[:1], axis=0)
        expected = whole - by_inclusion_and_exclusion(rest, reference)
        assert share == pytest.approx(expected, abs=1e-12)


def test_contributions_of_three_objectives_with_many_ties():
    rng = np.random.default_rng(2)
    for levels in range(2, 12):
        for _ in range(20):
            points = rng.integers(0, levels, (int(rng.integers(1, 20)), 3)).astype(float)
            points = points[nondominated(points)]
            reference = np.full(3, levels - rng.uniform())
            whole = hypervolume(points, reference)
            for i, share in enumerate(contributions(points, reference)):
                rest = hypervolume(np.delete(points, i, axis=0), reference)
                assert share == pytest.approx(whole - rest, abs=1e-9)


@pytest.mark.parametrize("m", [2, 3, 4])
@pytest.mark.parametrize("curve", [0.5, 1.0, 2.0])
def test_larger_fronts_agree_between_the_ways_to_compute(m, curve):
    rng = np.random.default_rng(5)
    points = rng.random((40, m)) ** (1 / curve)
    points /= (points**curve).sum(axis=1, keepdims=True) ** (1 / curve)
    points[:5] = points[5:10]  # some twice
    reference = np.full(m, 1.1)
    whole = hypervolume(points, reference)
    # An objective in which all are equal multiplies the volume by its height.
    raised = np.column_stack([points, np.full(40, 0.5)])
    assert hypervolume(raised, np.append(reference, 2.5)) == pytest.approx(2 * whole)
    shares = contributions(points, reference)
    for i in range(40):
        rest = hypervolume(np.delete(points, i, axis=0), reference)
        assert shares[i] == pytest.approx(whole - rest, abs=1e-12)
    assert not shares[:10].any()
    assert (shares[10:] > 0).all()
    assert hypervolume(points[::-1], reference) == pytest.approx(whole)


def test_known_volumes():
    assert hypervolume([[1, 2], [2, 1]], [3, 3]) == 3.0
    assert contributions([[1, 2], [2, 1]], [3, 3]).tolist() == [1.0, 1.0]
    assert hypervolume(np.eye(3), [2, 2, 2]) == 7.0
    assert contributions(np.eye(3), [2, 2, 2]).tolist() == [1.0, 1.0, 1.0]
    assert hypervolume(np.empty((0, 3)), [1, 1, 1]) == 0.0
    assert hypervolume([[0.0, np.inf]], [1, 1]) == 0.0


@pytest.mark.parametrize(
    ("points", "reference", "field"),
    [
        ([[0.0, np.nan]], [1, 1], "points"),
        ([[0.0, -np.inf]], [1, 1], "points"),
        ([[0.0, 0.0, 0.0]], [1, 1], "points"),
        ([0.0, 0.0], [1, 1], "points"),
        ([[0.0, 0.0]], [1, np.inf], "reference"),
        ([[0.0, 0.0]], [[1, 1]], "reference"),
        (np.empty((1, 0)), [], "reference"),
    ],
)
def test_what_has_no_volume_is_rejected(points, reference, field):
    for measure in (hypervolume, contributions):
        with pytest.raises(InvalidInput) as caught:
            measure(points, reference)
        assert caught.value.field == field


def test_the_inferred_reference_lies_a_tenth_beyond_the_front():
    losses = [[0.0, 5.0], [10.0, 1.0], [20.0, 20.0]]
    np.testing.assert_allclose(infer_reference(losses), [11.0, 5.4])
    # One point is best in both, so that the range of all of them is taken, if there is one.
    np.testing.assert_allclose(infer_reference([[0.0, 3.0], [10.0, 3.0]]), [1.0, 3.1])


@pytest.mark.parametrize("losses", [np.empty((0, 2)), [[np.nan, 1.0]], [[np.inf, 1.0]], [1.0]])
def test_no_reference_is_inferred_from_nothing(losses):
    with pytest.raises(InvalidInput, match="losses"):
        infer_reference(losses)
