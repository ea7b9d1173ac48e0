"""Warps of losses: their order, their straight part, and doubles of any size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from luthier.errors import InvalidInput
from luthier.numerics.warping import WARPS, half_log, half_rank, signed_log, standardised, tamed

LARGEST, SMALLEST = np.finfo(float).max, 5e-324

every_warp = pytest.mark.parametrize("warp", WARPS.values(), ids=WARPS)
sizes = st.sampled_from([LARGEST, -LARGEST, 1e300, -1e300, 1e-300, -1e-300, SMALLEST, 0.0, 1.0])
losses = arrays(np.float64, st.integers(1, 30), elements=st.one_of(sizes, st.floats(-1e3, 1e3)))


def in_order(y, z):
    """Whether z falls nowhere as y rises, and is the same where y is."""
    order = np.lexsort((z, y))
    return (np.diff(z[order]) >= 0).all() and all(len(np.unique(z[y == value])) == 1 for value in y)


@every_warp
class TestEveryWarp:
    @given(y=losses)
    def test_keeps_the_order_of_all_doubles_and_standardises(self, warp, y):
        before = y.copy()
        z = warp(y)
        np.testing.assert_array_equal(y, before)
        assert np.isfinite(z).all()
        assert in_order(y, z)
        if z.any():
            assert z.mean() == pytest.approx(0.0, abs=1e-9)
            assert z.std() == pytest.approx(1.0)
        else:
            # All is equal, as far as digits tell.
            assert np.ptp(y / np.abs(y).max(initial=SMALLEST)) < 1e-10

    @given(
        y=arrays(np.float64, st.integers(3, 30), elements=st.integers(-1000, 1000)),
        scale=st.sampled_from([1e-300, 1e-9, 1.0, 7e6, 1e300]),
        shift=st.integers(-100, 100),
    )
    def test_knows_neither_unit_nor_origin(self, warp, y, scale, shift):
        np.testing.assert_allclose(warp(scale * (y + shift)), warp(y), atol=1e-9)

    def test_the_good_half_stays_straight(self, warp):
        y = np.random.default_rng(0).standard_normal(41) ** 3
        good = y <= np.median(y)
        z = warp(y)
        slope, offset = np.polyfit(y[good], z[good], 1)
        assert slope > 0
        np.testing.assert_allclose(z[good], slope * y[good] + offset, atol=1e-9)

    @pytest.mark.parametrize("value", [0.0, 3.0, LARGEST, -SMALLEST])
    @pytest.mark.parametrize("n", [0, 1, 4])
    def test_equal_losses_are_zero(self, warp, value, n):
        assert warp(np.full(n, value)).tolist() == [0.0] * n

    def test_whole_numbers_are_losses_too(self, warp):
        y = [3, 1, 2]
        np.testing.assert_array_equal(warp(np.array(y)), warp(np.array(y, float)))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_what_is_not_finite_is_rejected(self, warp, value):
        with pytest.raises(InvalidInput, match="finite"):
            warp(np.array([0.0, value]))


def test_taming_puts_the_median_at_zero_and_the_good_half_within_one():
    z = tamed(np.array([5.0, 1.0, 3.0, 9.0, 4.0]))
    # Below the median of 4 are 1 and 3: with the median itself their mean square is 10 / 3.
    np.testing.assert_allclose(z, np.array([1.0, -3.0, -1.0, 5.0, 0.0]) / (10 / 3) ** 0.5)


def test_where_nothing_is_below_the_median_the_next_above_is_one():
    np.testing.assert_allclose(tamed(np.array([2.0, 2.0, 2.0, 5.0, 8.0])), [0, 0, 0, 1, 2])


def test_the_bad_half_has_the_quantiles_of_a_normal():
    y = np.array([-2.0, -1.0, 0.0, 10.0, 1e9])
    before = np.array([-2.0, -1.0, 0.0]) / (5 / 3) ** 0.5
    expected = standardised(np.append(before, norm.ppf([0.5 + 0.25 / 2, 0.5 + 0.75 / 2])))
    np.testing.assert_allclose(half_rank(y), expected)


@pytest.mark.parametrize("strength", [1.0, 3.0])
def test_the_bad_half_grows_like_a_logarithm(strength):
    y = np.array([-1.0, -1.0, 0.0, 3.0, 1e6])
    unit = (2 / 3) ** 0.5
    bad = np.log1p(strength * np.array([3.0, 1e6]) / unit) / strength
    expected = standardised(np.append(np.array([-1.0, -1.0, 0.0]) / unit, bad))
    np.testing.assert_allclose(half_log(y, strength), expected)


@pytest.mark.parametrize("warp", [half_rank, half_log])
def test_a_loss_beyond_all_measure_leaves_the_good_ones_apart(warp):
    y = np.array([1e-12, 2e-12, 4e-12, 8e-12, 1e300])
    z = warp(y)
    assert (z[2] - z[1]) / (z[1] - z[0]) == pytest.approx(2.0)
    assert (np.diff(z) > 1e-3).all()


def test_differences_without_a_digit_left_are_none():
    assert standardised(1.0 + 1e-14 * np.arange(5)).tolist() == [0.0] * 5


class TestSignedLog:
    @given(y=losses)
    def test_keeps_order_sign_and_zero(self, y):
        z = signed_log(y)
        assert np.isfinite(z).all()
        assert in_order(y, z)
        assert not z[y == 0].any()
        assert (z[y > 0] >= 0).all()
        assert (z[y < 0] <= 0).all()

    def test_is_an_area_hyperbolic_sine_of_the_typical_size(self):
        y = np.array([-4.0, 0.0, 2.0, 1e200])
        np.testing.assert_allclose(signed_log(y), np.arcsinh(y / 4))

    def test_does_not_overflow_where_the_quotient_would(self):
        z = signed_log(np.array([1e-100, -1e-100, 1e300]))
        np.testing.assert_allclose(z[2], np.log(2) + 400 * np.log(10))

    def test_what_is_not_finite_is_rejected(self):
        with pytest.raises(InvalidInput, match="finite"):
            signed_log(np.array([np.nan]))
