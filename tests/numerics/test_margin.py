"""Margins of discrete coordinates, and numbers that are drawn again within bounds."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm, truncnorm

from luthier.numerics.margin import imputed, with_margin

MEANS = st.floats(-5, 5)
WIDTHS = st.floats(1e-6, 10)
LEAST = st.floats(0.001, 0.4)


@given(MEANS, WIDTHS, st.floats(0.01, 3), LEAST)
def test_inner_cells_are_left_often_enough_on_each_side(mean, sd, half, least):
    centre = round(mean)
    low, high = centre - half, centre + half
    assume(low < mean < high)
    (m,), (s,) = with_margin(*(np.array([v]) for v in (mean, sd, low, high)), least)
    left, right = norm.cdf((low - m) / s), norm.sf((high - m) / s)
    assert left >= 0.999 * least / 2
    assert right >= 0.999 * least / 2


@given(MEANS, WIDTHS, st.booleans(), LEAST)
def test_outer_cells_are_left_often_enough(mean, sd, leftmost, least):
    low, high = (-np.inf, mean + 0.1) if leftmost else (mean - 0.1, np.inf)
    (m,), (s,) = with_margin(*(np.array([v]) for v in (mean, sd, low, high)), least)
    assert s == sd
    leaving = norm.sf((high - m) / s) if leftmost else norm.cdf((low - m) / s)
    assert leaving >= 0.999 * least
    assert low <= m <= high


def test_a_wide_distribution_stays_as_it_is():
    mean, sd = np.array([0.1, 0.6]), np.array([1.0, 2.0])
    low, high = np.array([-0.5, -np.inf]), np.array([0.5, 0.7])
    m, s = with_margin(mean, sd, low, high, 0.1)
    np.testing.assert_array_equal(m, mean)
    np.testing.assert_array_equal(s, sd)


def test_redrawn_numbers_follow_the_truncated_normal_distribution():
    uniform = (np.arange(10_000) + 0.5) / 10_000
    for mean, sd, low, high in [
        (0, 1, -1, 2),
        (0, 1, 3, np.inf),
        (5, 0.5, -np.inf, 2),
        (0, 1, 9, 10),
    ]:
        drawn = imputed(*(np.array([float(v)]) for v in (mean, sd, low, high)), uniform)
        expected = truncnorm.ppf(uniform, (low - mean) / sd, (high - mean) / sd, mean, sd)
        np.testing.assert_allclose(drawn, expected, rtol=1e-6, atol=1e-6)


def test_numbers_out_of_reach_are_at_the_nearer_bound():
    drawn = imputed(
        np.zeros(2),
        np.ones(2),
        np.array([100.0, -200.0]),
        np.array([200.0, -100.0]),
        np.full(2, 0.3),
    )
    np.testing.assert_allclose(drawn, [100, -100])
