"""The evidence against scikit-learn, SciPy and finite differences; its mode against its start."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern

from luthier.errors import InvalidInput
from luthier.numerics import evidence as module
from luthier.numerics.evidence import HOPELESS, Evidence, fit
from luthier.numerics.kernels import Kernel, Term
from numerics.processes import (
    KERNELS,
    NUMERIC,
    covariances,
    function,
    gaussian,
    points,
    prior_of,
    settings,
    slopes,
)


def evidence_of(kernel, n=25, seed=0):
    rng = np.random.default_rng(seed)
    X, A = points(rng, n, kernel)
    y = function(X) + 0.05 * rng.standard_normal(n)
    return Evidence(kernel, prior_of(kernel), X, A, y)


@pytest.mark.parametrize("kernel", [NUMERIC, gaussian(NUMERIC)], ids=["matern52", "gaussian"])
def test_agrees_with_scikit_learn(kernel):
    rng = np.random.default_rng(0)
    X, A = points(rng, 30, kernel)
    y = function(X)
    correlation = RBF if kernel.correlation == "gaussian" else Matern
    more = {} if kernel.correlation == "gaussian" else {"nu": 2.5}
    for theta in settings(rng, kernel, 5):
        lengths, amplitude, noise = np.exp(theta[:3]), np.exp(theta[3]), np.exp(theta[4])
        theirs = GaussianProcessRegressor(
            ConstantKernel(amplitude) * correlation(lengths, **more), alpha=noise, optimizer=None
        ).fit(X[:, :3], y)
        evidence = Evidence(kernel, prior_of(kernel), X, A, y)
        expected, by_theta = theirs.log_marginal_likelihood(theirs.kernel_.theta, True)
        penalty, by_penalty = evidence.prior.penalty(theta)
        value, gradient = evidence(theta)
        # Our jitter is 1e-9 of the variance, which is 1e-6 of the noise.
        assert evidence.log_likelihoods(theta[None]) == pytest.approx(expected, rel=1e-5)
        assert value == pytest.approx(penalty - expected, rel=1e-5)
        # Theirs has the amplitude first.
        ours = (by_penalty - gradient)[[3, 0, 1, 2]]
        np.testing.assert_allclose(ours, by_theta, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
class TestEveryKernel:
    def test_the_likelihood_is_that_of_a_normal_vector(self, kernel):
        rng = np.random.default_rng(1)
        X, A = points(rng, 12, kernel)
        y = function(X)
        evidence = Evidence(kernel, prior_of(kernel), X, A, y)
        thetas = settings(rng, kernel, 3, noise=0.01)
        for theta, found in zip(thetas, evidence.log_likelihoods(thetas), strict=True):
            K = covariances(kernel, theta, X, A, X, A)
            K += (np.exp(theta[-1]) + 1e-9 * np.trace(K) / 12) * np.eye(12)
            expected = multivariate_normal(np.zeros(12), K).logpdf(y)
            assert found == pytest.approx(expected, rel=1e-10)

    def test_the_gradient_agrees_with_finite_differences(self, kernel):
        evidence = evidence_of(kernel)
        # With so much noise the jitter, which follows the amplitudes, is not felt.
        for theta in settings(np.random.default_rng(2), kernel, 3, noise=0.2):
            _, gradient = evidence(theta)
            expected = slopes(lambda t: np.float64(evidence(t)[0]), theta, 1e-3)
            np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6)

    def test_the_mode_is_flat_or_at_a_bound(self, kernel):
        evidence = evidence_of(kernel)
        prior = evidence.prior
        mode = fit(evidence, [prior.mean])
        value, gradient = evidence(mode)
        gradient[(mode <= prior.low) & (gradient > 0)] = 0
        gradient[(mode >= prior.high) & (gradient < 0)] = 0
        assert np.abs(gradient).max() < 0.3
        assert value < evidence(prior.mean)[0] - 1
        assert (mode >= prior.low).all()
        assert (mode <= prior.high).all()


def test_the_best_end_of_all_starts_wins():
    evidence = evidence_of(NUMERIC)
    good = fit(evidence, [evidence.prior.mean])
    bad = np.where(np.arange(5) < 3, evidence.prior.low, evidence.prior.high)
    for starts in ([bad, good], [good, bad]):
        np.testing.assert_array_equal(fit(evidence, starts, max_iterations=0), good)


def test_a_start_beyond_the_bounds_is_brought_within():
    evidence = evidence_of(NUMERIC)
    found = fit(evidence, [np.full(5, 100.0)])
    np.testing.assert_array_equal(found, fit(evidence, [evidence.prior.high]))


def test_without_a_start_there_is_no_fit():
    with pytest.raises(InvalidInput, match="at least one"):
        fit(evidence_of(NUMERIC), [])


def test_where_nothing_can_be_factored_there_is_no_hope_and_no_slope():
    evidence = evidence_of(NUMERIC)
    value, gradient = evidence(np.full(5, np.nan))
    assert value == HOPELESS
    assert not gradient.any()
    both = evidence.log_likelihoods(np.array([np.full(5, np.nan), np.zeros(5)]))
    assert both[0] == -np.inf
    assert np.isfinite(both[1])


def test_many_settings_are_taken_in_pieces_that_nobody_sees(monkeypatch):
    evidence = evidence_of(NUMERIC, n=10)
    thetas = settings(np.random.default_rng(1), NUMERIC, 7)
    together = evidence.log_likelihoods(thetas)
    monkeypatch.setattr(module, "AT_ONCE", 3 * 10**2)
    np.testing.assert_allclose(evidence.log_likelihoods(thetas), together, rtol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_observations_are_enough(n):
    value, gradient = evidence_of(NUMERIC, n)(np.zeros(5))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_equal_points_are_told_apart_by_noise_alone():
    X, A = np.full((20, 1), 0.3), np.ones((20, 1))
    kernel = Kernel((Term((0,)),))
    y = np.random.default_rng(0).standard_normal(20)
    evidence = Evidence(kernel, prior_of(kernel), X, A, y)
    assert np.exp(fit(evidence, [evidence.prior.mean])[-1]) == pytest.approx(y.var(), rel=0.3)


def test_observations_are_checked():
    X, A = np.zeros((3, 4)), np.ones((3, 4))
    with pytest.raises(InvalidInput, match="one observation a point"):
        Evidence(NUMERIC, prior_of(NUMERIC), X, A, np.zeros(2))
    with pytest.raises(InvalidInput, match="finite"):
        Evidence(NUMERIC, prior_of(NUMERIC), X, A, np.array([0.0, np.nan, 1.0]))
