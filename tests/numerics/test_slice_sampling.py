"""Samples against the prior, without data, and against quadrature, with some."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

from luthier.numerics.evidence import Evidence, Prior
from luthier.numerics.kernels import Kernel, Term
from luthier.numerics.slice_sampling import sample

KERNEL = Kernel((Term((0,)),))
"""Hyperparameters: a length-scale, an amplitude, and the noise."""


def prior(sd=(1.0, 0.5, 2.0), low=(-9.0, -9.0, -9.0), high=(9.0, 9.0, 9.0)):
    return Prior(np.array([-2.0, 0.2, -4.0]), np.array(sd), np.array(low), np.array(high))


def seen(n):
    X = np.linspace(0, 1, n)[:, None]
    return X, np.ones((n, 1)), np.sin(4 * X[:, 0])


def test_without_observations_it_is_the_prior():
    belief = prior()
    starts = np.tile(belief.mean, (600, 1))
    ends = sample(KERNEL, belief, *seen(0), starts, np.random.default_rng(0), 4)
    for j in range(3):
        assert kstest(ends[:, j], norm(belief.mean[j], belief.sd[j]).cdf).pvalue > 0.01


def test_beyond_a_bound_all_lies_on_it():
    belief = prior(low=(-9.0, -9.0, -5.0), high=(-1.0, 9.0, 9.0))
    starts = np.tile(belief.mean, (1000, 1))
    ends = sample(KERNEL, belief, *seen(0), starts, np.random.default_rng(1), 4)
    assert np.mean(ends[:, 2] == -5.0) == pytest.approx(norm.cdf(-0.5), abs=0.04)
    assert np.mean(ends[:, 0] == -1.0) == pytest.approx(norm.sf(1.0), abs=0.04)
    assert ends[:, 2].min() == -5.0
    assert ends[:, 0].max() == -1.0


def test_with_observations_it_is_the_posterior():
    # The amplitude is known; of the rest the posterior is a sum over a grid of the prior's
    # quantiles, where a bound holds the noise up for half of the prior.
    belief = prior(sd=(1.0, 1e-9, 2.0), low=(-9.0, -9.0, -4.0))
    X, A, y = seen(5)
    evidence = Evidence(KERNEL, belief, X, A, y)
    normal = norm.ppf((np.arange(60) + 0.5) / 60)
    lengths, noises = np.meshgrid(-2.0 + normal, -4.0 + 2.0 * normal, indexing="ij")
    grid = np.stack([lengths.ravel(), np.full(3600, 0.2), noises.ravel()], axis=1)
    grid = belief.within(grid)
    weights = np.exp(evidence.log_likelihoods(grid))
    weights /= weights.sum()
    mean = weights @ grid
    sd = np.sqrt(weights @ (grid - mean) ** 2)
    on_bound = weights @ (grid[:, 2] == -4.0)

    starts = np.tile(belief.mean, (500, 1))
    ends = sample(KERNEL, belief, X, A, y, starts, np.random.default_rng(2), 10)
    for j in (0, 2):
        assert abs(mean[j] - belief.mean[j]) > 0.2 * sd[j]  # the data do matter
        assert ends[:, j].mean() == pytest.approx(mean[j], abs=4 * sd[j] / 500**0.5)
        assert ends[:, j].std() == pytest.approx(sd[j], rel=0.15)
    assert np.mean(ends[:, 2] == -4.0) == pytest.approx(on_bound, abs=0.08)


def test_the_same_source_of_randomness_gives_the_same():
    starts = np.tile(prior().mean, (2, 1))
    ends = [
        sample(KERNEL, prior(), *seen(6), starts, np.random.default_rng(3), 5) for _ in range(2)
    ]
    np.testing.assert_array_equal(*ends)
    assert not (ends[0][0] == ends[0][1]).any()
    np.testing.assert_array_equal(starts, np.tile(prior().mean, (2, 1)))


def test_without_steps_a_chain_stays_within_the_bounds():
    starts = np.array([[20.0, 0.0, -20.0]])
    ends = sample(KERNEL, prior(), *seen(3), starts, np.random.default_rng(4), 0)
    assert ends.tolist() == [[9.0, 0.0, -9.0]]
