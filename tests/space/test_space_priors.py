"""Priors: what random search draws, and densities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from luthier.space import Beta, Categorical, Codec, Float, Int, LogNormal, Normal, Space, Uniform

N = 4000
TINY = 1e-4


def draw(param, n=N, seed=1):
    space = Space({"x": param})
    return np.array([row["x"] for row in space.sample(np.random.default_rng(seed), n)])


@pytest.mark.parametrize(
    ("param", "cdf"),
    [
        (Float(-2, 3), stats.uniform(-2, 5).cdf),
        (Float(1e-4, 1, log=True), stats.loguniform(1e-4, 1).cdf),
        (
            Float(0.5, 0.999, scale="reverse_log"),
            lambda x: 1 - stats.loguniform(1e-3, 0.5).cdf(1 - x),
        ),
        (
            Float(0.1, 0.9, scale="logit"),
            lambda x: (stats.logistic.ppf(x) + math.log(9)) / (2 * math.log(9)),
        ),
        (Float(0, 1, prior=Normal(0.3, 0.2)), stats.truncnorm(-1.5, 3.5, 0.3, 0.2).cdf),
        (Float(8, 9, prior=Normal(0, 1)), stats.truncnorm(8, 9).cdf),
        (Float(-9, -8, prior=Normal(0, 1)), stats.truncnorm(-9, -8).cdf),
        (Float(prior=Normal(5, 2)), stats.norm(5, 2).cdf),
        (Float(4, None, prior=Normal(5, 2)), stats.truncnorm(-0.5, np.inf, 5, 2).cdf),
        (Float(prior=LogNormal(1, 0.5)), stats.lognorm(0.5, scale=math.e).cdf),
        (Float(1e-3, 1, log=True, prior=Normal(0.5, 0.1)), stats.truncnorm(-4.99, 5, 0.5, 0.1).cdf),
        (Float(0, 10, prior=Beta(2, 5)), stats.beta(2, 5, 0, 10).cdf),
        (
            Float(2, 4, prior=Beta(2, 5), frame=(0, 10)),
            lambda x: (
                (stats.beta(2, 5, 0, 10).cdf(x) - stats.beta(2, 5, 0, 10).cdf(2))
                / (stats.beta(2, 5, 0, 10).cdf(4) - stats.beta(2, 5, 0, 10).cdf(2))
            ),
        ),
        (Float(2, 4, frame=(0, 10)), stats.uniform(2, 2).cdf),
    ],
)
def test_samples_follow_the_prior(param, cdf):
    assert stats.kstest(draw(param), cdf).pvalue > TINY


@pytest.mark.parametrize(
    ("param", "weight"),
    [
        (Int(0, 9), lambda v: 1),
        (Int(3, 6, frame=(0, 9)), lambda v: 1),
        (Int(1, 30, log=True), lambda v: math.log((v + 0.5) / (v - 0.5))),
        (Int(1, 64, log=True, step=2), lambda v: 1),
        (Int(0, 20, step=5), lambda v: 1),
        (
            Int(0, 9, prior=Normal(4, 2)),
            lambda v: np.diff(stats.norm(4, 2).cdf([v - 0.5, v + 0.5])),
        ),
        (
            Int(2, None, prior=Normal(3, 2)),
            lambda v: np.diff(stats.norm(3, 2).cdf([v - 0.5, v + 0.5])),
        ),
        (Categorical([0, 1, 2], weights=[1, 2, 7]), lambda v: [1, 2, 7][v]),
        (Categorical([0, 1, 2], weights=[1, 2, 7], retired=[1]), lambda v: [1, 0, 7][v]),
        (Categorical([0, 1, 2], retired=[0]), lambda v: 1),
    ],
)
def test_levels_are_drawn_by_their_probability(param, weight):
    values, counts = np.unique(draw(param), return_counts=True)
    expected = np.array([float(np.squeeze(weight(int(value)))) for value in values])
    kept = expected / expected.sum() * N > 5
    observed, wanted = counts[kept], expected[kept]
    assert stats.chisquare(observed, wanted / wanted.sum() * observed.sum()).pvalue > TINY


def test_truncation_far_out_in_a_tail_keeps_its_digits():
    p = np.array([0.0, 0.1, 0.5, 0.9, 1 - 1e-12])
    # Far out, the normal tail is exponential with rate a: x = a - log(1 - p) / a.
    for sign in (1, -1):
        far = Normal(0, 1).quantile(p, *sorted((sign * 1e4, sign * 2e4)))
        with np.errstate(divide="ignore"):
            steps = -(np.log1p(-p) if sign > 0 else np.log(p)) / 1e4
        finite = np.isfinite(steps)
        assert np.allclose(np.abs(far[finite]) - 1e4, steps[finite], rtol=1e-6, atol=1e-9)
    farthest = Normal(0, 1).quantile([0.5], -2e200, -1e200)
    assert farthest == [-1e200]
    assert Normal(0, 1).log_density([1e4], 1e4, 2e4)[0] == pytest.approx(math.log(1e4), abs=1e-6)


@pytest.mark.parametrize(
    ("prior", "low", "high"),
    [
        (Uniform(), 2, 5),
        (Normal(0, 1), -1, 3),
        (Normal(0, 1), 30, 31),
        (Normal(0, 1), -31, -30),
        (Normal(0, 1), 1, 1 + 1e-9),
        (LogNormal(0, 1), 0, 3),
        (LogNormal(0, 1), 0.5, 3),
        (Beta(2, 3), 0, 1),
        (Beta(2, 3), 0.9, 1),
        (Beta(2, 3), 0.1, 0.2),
    ],
)
def test_densities_integrate_to_one_and_are_the_slope_of_the_quantile(prior, low, high):
    total, _ = integrate.quad(lambda x: math.exp(float(prior.log_density(x, low, high))), low, high)
    assert total == pytest.approx(1, rel=1e-6)
    median = float(prior.quantile(0.5, low, high))
    half, _ = integrate.quad(
        lambda x: math.exp(float(prior.log_density(x, low, high))), low, median
    )
    assert half == pytest.approx(0.5, rel=1e-6)
    assert prior.log_density(high + 1, low, high) == -math.inf


def test_a_truncation_that_holds_no_mass_is_uniform():
    narrow = Beta(500, 500).quantile([0.0, 0.5, 1.0], 0.0, 1e-12)
    assert narrow.tolist() == [0.0, 5e-13, 1e-12]
    assert Normal(0, 1).log_density([1.0], 1.0, math.nextafter(1, 2))[0] == pytest.approx(
        -math.log(math.ulp(1.0)), rel=1e-6
    )


def test_uniform_numbers_pass_unchanged_for_uniform_priors():
    space = Space({"x": Float(1e-5, 1, log=True), "k": Int(1, 9), "c": Categorical([1, 2, 3])})
    U = np.random.default_rng(0).random((20, 3))
    assert np.array_equal(Codec(space).from_uniform(U), U)
