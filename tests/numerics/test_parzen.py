"""Parzen estimators against their definition, computed one kernel at a time."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kstest, truncnorm

from luthier.numerics.parzen import PROBABILITIES, Domain, Mixture, Points, inside, widths
from luthier.numerics.parzen_split import leading, split, split_by_limits, thinned


def domain(levels=(), sizes=(), quantiles=None, chances=None):
    return Domain(
        np.array(levels, float),
        None if quantiles is None else np.array(quantiles, float),
        np.array(sizes, np.int64),
        tuple(chances) if chances is not None else (None,) * len(sizes),
    )


def points(numbers=None, choices=None):
    n = len(numbers if numbers is not None else choices)
    numbers = np.empty((n, 0)) if numbers is None else np.array(numbers, float)
    choices = np.empty((n, 0), np.int64) if choices is None else np.array(choices, np.int64)
    return Points(numbers, choices)


def some_points(rng, n, d=2, sizes=(3,)):
    return points(rng.random((n, d)), rng.integers(0, sizes, (n, len(sizes))))


def by_definition(where, centres, weights, sizes, curiosity):
    """Return the density at each point, kernel by kernel."""
    k = len(centres)
    sd = widths(centres.numbers, np.zeros(centres.numbers.shape[1]))
    weights = np.append(weights, weights.mean())
    weights = weights / weights.sum()
    total = np.full(len(where), weights[-1] / np.prod(sizes))
    for i in range(k):
        low, high = -centres.numbers[i] / sd[i], (1 - centres.numbers[i]) / sd[i]
        kernel = truncnorm.pdf(where.numbers, low, high, centres.numbers[i], sd[i]).prod(axis=1)
        for column, size in enumerate(sizes):
            leaves = curiosity * size / (k + curiosity * size)
            same = where.choices[:, column] == centres.choices[i, column]
            kernel = kernel * (leaves / size + np.where(same, 1 - leaves, 0.0))
        total = total + weights[i] * kernel
    return total


class TestMixture:
    @pytest.mark.parametrize("k", [1, 2, 30, 700])
    @pytest.mark.parametrize("curiosity", [1.0, 3.0])
    def test_is_what_its_definition_says(self, k, curiosity):
        rng = np.random.default_rng(k)
        sizes = (2, 5)
        centres, where = some_points(rng, k, 3, sizes), some_points(rng, 200, 3, sizes)
        weights = rng.random(k) + 0.1
        mixture = Mixture(domain([0, 0, 0], sizes), centres, weights, curiosity=curiosity)
        expected = by_definition(where, centres, weights, sizes, curiosity)
        np.testing.assert_allclose(np.exp(mixture.log_density(where)), expected, rtol=2e-3)

    @pytest.mark.parametrize("k", [0, 1, 5, 50])
    def test_integrates_to_one(self, k):
        rng = np.random.default_rng(k)
        mixture = Mixture(domain([0], [3]), some_points(rng, k, 1), rng.random(k) + 0.1)
        grid = (np.arange(2000) + 0.5) / 2000
        total = 0.0
        for choice in range(3):
            where = points(grid[:, None], np.full((2000, 1), choice))
            total += np.exp(mixture.log_density(where)).mean()
        assert total == pytest.approx(1.0, abs=2e-3)

    def test_draws_follow_the_density(self):
        rng = np.random.default_rng(0)
        mixture = Mixture(domain([0], [3]), some_points(rng, 6, 1), np.arange(1.0, 7.0))
        drawn = mixture.draw(rng, 60_000)
        edges = np.linspace(0, 1, 11)
        fine = (np.arange(2000) + 0.5) / 2000
        for choice in range(3):
            mine = drawn.numbers[drawn.choices[:, 0] == choice, 0]
            share = np.histogram(mine, edges)[0] / len(drawn)
            density = np.exp(mixture.log_density(points(fine[:, None], np.full((2000, 1), choice))))
            expected = density.reshape(10, 200).mean(axis=1) / 10
            np.testing.assert_allclose(share, expected, atol=0.005)

    def test_without_points_it_is_the_prior(self):
        chances = np.array([0.7, 0.2, 0.1])
        where = domain([0], [3], chances=[chances])
        mixture = Mixture(where, points(np.empty((0, 1)), np.empty((0, 1))), np.empty(0))
        logs = mixture.log_density(points([[0.1], [0.9]], [[0], [2]]))
        np.testing.assert_allclose(np.exp(logs), [0.7, 0.1])
        drawn = mixture.draw(np.random.default_rng(1), 20_000).choices[:, 0]
        np.testing.assert_allclose(np.bincount(drawn) / 20_000, chances, atol=0.01)

    def test_a_prior_by_its_quantiles(self):
        prior = truncnorm(-4, 6, 0.4, 0.1)
        where = domain([0], quantiles=prior.ppf(PROBABILITIES)[:, None])
        drawn = where.draw(np.random.default_rng(0), 20_000).numbers[:, 0]
        assert kstest(drawn, prior.cdf).statistic < 0.02
        x = np.linspace(0.2, 0.6, 50)
        found = np.exp(where.log_density(points(x[:, None])))
        np.testing.assert_allclose(found, prior.pdf(x), rtol=0.25)

    def test_numbers_in_cells_are_drawn_at_their_centres(self):
        mixture = Mixture(domain([4, 0]), points([[0.125, 0.2], [0.625, 0.4]]), np.ones(2))
        drawn = mixture.draw(np.random.default_rng(0), 500).numbers
        assert set(drawn[:, 0]) == {0.125, 0.375, 0.625, 0.875}
        assert len(set(drawn[:, 1])) == 500

    def test_a_million_choices_cost_no_memory(self):
        rng = np.random.default_rng(0)
        size = 10**6
        where = domain(sizes=[size])
        centres = points(choices=rng.integers(0, size, (500, 1)))
        tracemalloc.start()
        try:
            mixture = Mixture(where, centres, np.ones(500))
            logs = mixture.log_density(mixture.draw(rng, 64))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert np.isfinite(logs).all()
        assert peak < 10**7

    def test_far_out_in_many_dimensions_is_finite(self):
        rng = np.random.default_rng(0)
        mixture = Mixture(domain([0] * 200), points(rng.random((50, 200)) * 1e-3), np.ones(50))
        assert np.isfinite(mixture.log_density(points(np.ones((3, 200))))).all()

    def test_identical_points(self):
        mixture = Mixture(domain([0, 0]), points(np.full((3000, 2), 0.3)), np.ones(3000))
        near, far = mixture.log_density(points([[0.3, 0.3], [0.9, 0.9]]))
        assert near > far + 5


class TestWidths:
    @given(
        st.integers(0, 40).flatmap(
            lambda k: arrays(float, (k, 2), elements=st.floats(0, 1, allow_subnormal=False))
        ),
        st.sampled_from([0.0, 0.5]),
    )
    def test_are_within_their_bounds(self, numbers, smoothing):
        found = widths(numbers, np.array([0.0, 4.0]), smoothing)
        assert found.shape == numbers.shape
        assert (found <= 1).all()
        assert (found >= max(0.01, 1 / (len(numbers) + 2))).all()
        assert (found[:, 1] >= 0.125).all()

    def test_are_the_distance_to_the_farther_neighbour(self):
        column = np.linspace(0, 1, 51) ** 2
        found = widths(column[::-1, None], np.zeros(1))[::-1, 0]
        expected = np.append(np.diff(column), column[-1] - column[-2])
        np.testing.assert_allclose(found, np.maximum(expected, 1 / 53))

    def test_smoothing_widens_what_is_narrow(self):
        numbers = np.linspace(0, 1, 200)[:, None]
        assert (widths(numbers, np.zeros(1), 0.5) > 3 * widths(numbers, np.zeros(1))).all()

    def test_how_much_lies_inside(self):
        found = inside(np.array([0.0, 0.5, 0.3]), np.array([0.1, 0.5, 1.0]))
        np.testing.assert_allclose(found, [0.5, 0.682689, 0.375948], atol=5e-4)


class TestSplit:
    def test_the_lowest_are_good(self):
        losses = np.array([[5.0], [1.0], [3.0], [np.nan], [2.0], [4.0]])
        parts = split(losses, 2, 100)
        assert parts.good.tolist() == [1, 4]
        assert parts.bad.tolist() == [0, 2, 3, 5]
        assert parts.good_weights[0] > parts.good_weights[1] > 0
        assert parts.good_weights.mean() == pytest.approx(1)
        assert parts.share == pytest.approx(2 / 6)

    def test_of_equal_ones_the_earlier_with_equal_weights(self):
        parts = split(np.ones((20, 1)), 3, 100)
        assert parts.good.tolist() == [0, 1, 2]
        np.testing.assert_allclose(parts.good_weights, 1)
        assert split(np.array([[1.0], [1.0], [0.0]]), 2, 9).good.tolist() == [2, 0]

    def test_no_result_no_good(self):
        parts = split(np.full((5, 1), np.nan), 3, 100)
        assert not len(parts.good)
        assert parts.bad.tolist() == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize("scale", [1e300, 1e-300])
    def test_extreme_losses(self, scale):
        losses = np.arange(10.0)[::-1, None] * scale
        assert split(losses, 3, 100).good.tolist() == [9, 8, 7]

    def test_many_bad_ones_are_thinned_where_they_are_old(self):
        rows, weights = thinned(np.arange(1000), 100)
        assert rows[25:].tolist() == list(range(925, 1000))
        assert (np.diff(rows[:25]) == 37).all()
        assert weights.mean() == pytest.approx(1)
        # What was left out is stood for: an old row counts as many times as there are old ones.
        assert weights[0] / weights[-1] == pytest.approx(925 / 25)

    def test_by_limits(self):
        violations = np.array([0.0, 2.0, np.nan, np.inf, 0.0, 1.0])
        parts = split_by_limits(violations, 1, 100)
        assert parts.good.tolist() == [0, 4]
        assert parts.bad.tolist() == [1, 3, 5]
        assert parts.share == pytest.approx(2 / 5)
        assert split_by_limits(violations, 3, 100).good.tolist() == [0, 4, 5]
        assert split_by_limits(violations + 1, 1, 100).good.tolist() == [0]


def dominated_by(rows, i):
    return (rows <= rows[i]).all(axis=1) & (rows < rows[i]).any(axis=1)


class TestLeading:
    @given(
        arrays(int, st.tuples(st.integers(1, 25), st.integers(2, 3)), elements=st.integers(0, 6)),
        st.data(),
    )
    def test_nobody_is_chosen_before_who_dominates_him(self, losses, data):
        k = data.draw(st.integers(0, len(losses)))
        chosen = leading(losses.astype(float), k)
        assert len(set(chosen.tolist())) == k
        for index in chosen:
            better = np.flatnonzero(dominated_by(losses, index))
            assert np.isin(better, chosen).all()

    def test_a_front_that_is_too_long_is_spread(self):
        x = np.linspace(0, 1, 101)
        chosen = np.sort(leading(np.column_stack([x, 1 - x]), 5))
        assert chosen.tolist() == [0, 25, 50, 75, 100]

    def test_the_scales_of_the_objectives_do_not_matter(self):
        rng = np.random.default_rng(0)
        losses = rng.random((60, 2))
        scaled = losses * [1e300, 1e-300]
        assert leading(scaled, 20).tolist() == leading(losses, 20).tolist()
