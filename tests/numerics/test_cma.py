"""The normal distribution of CMA-ES."""

import numpy as np
import pytest
from cmaes import CMA

from luthier.numerics import cma


@pytest.mark.parametrize("adapt", [False, True])
@pytest.mark.parametrize("d", [1, 2, 5, 20])
def test_it_moves_as_the_reference_implementation_does(d, adapt):
    rng = np.random.default_rng(d)
    population = max(4, cma.default_population(d))
    reference = CMA(np.full(d, 0.3), 0.2, population_size=population, seed=1, lr_adapt=adapt)
    own = cma.Gaussian.start(np.full(d, 0.3), np.full(d, 0.2), adapt=adapt)
    for _ in range(30):
        points = own.sample(rng.standard_normal((population, d)))
        losses = ((points - 1) ** 2 * np.arange(1, d + 1)).sum(axis=1) + rng.normal(size=population)
        reference.tell([(x, float(v)) for x, v in zip(points, losses, strict=True)])
        own = cma.updated(own, points[np.argsort(losses)])
    np.testing.assert_allclose(own.mean, reference._mean, rtol=1e-9)
    np.testing.assert_allclose(own.sigma, reference._sigma, rtol=1e-9)
    np.testing.assert_allclose(own.covariance, reference._C, rtol=1e-7, atol=1e-9)


def test_samples_have_the_mean_and_covariance_of_the_distribution():
    state = cma.Gaussian.start(np.array([1.0, -2.0]), np.array([0.5, 2.0]))
    for seed in range(20):  # some history, so that the axes are turned
        points = state.sample(np.random.default_rng(seed).standard_normal((8, 2)))
        state = cma.updated(state, points[np.argsort(points.sum(axis=1) ** 2)])
    drawn = state.sample(np.random.default_rng(0).standard_normal((200_000, 2)))
    spread = state.sigma * np.sqrt(np.diag(state.covariance))
    np.testing.assert_allclose(drawn.mean(axis=0), state.mean, atol=0.02 * spread.max())
    np.testing.assert_allclose(
        np.cov(drawn.T), state.sigma**2 * state.covariance, atol=0.02 * spread.max() ** 2
    )
    np.testing.assert_allclose(drawn.std(axis=0), state.sd, rtol=0.02)


def test_foreign_points_from_afar_move_it_by_a_plausible_step_only():
    state = cma.Gaussian.start(np.zeros(3), np.ones(3))
    points = np.full((7, 3), 1e6)
    far = cma.updated(state, points, np.ones(7, dtype=bool))
    assert np.linalg.norm(far.mean) < 5
    assert np.linalg.norm(cma.updated(state, points).mean) > 1e5


def test_weights_of_the_best_sum_to_one_and_fall():
    by = cma.rates(10, 12)
    assert by.weights[: by.mu].sum() == pytest.approx(1)
    assert (np.diff(by.weights) < 0).all()
    assert (by.weights[by.mu :] < 0).all()


def test_noise_slows_the_learning_of_one_that_adapts():
    rng = np.random.default_rng(0)
    quiet = noisy = cma.Gaussian.start(np.full(4, 3.0), np.ones(4), adapt=True)
    for _ in range(300):
        points = quiet.sample(rng.standard_normal((8, 4)))
        quiet = cma.updated(quiet, points[np.argsort((points**2).sum(axis=1))])
        points = noisy.sample(rng.standard_normal((8, 4)))
        noisy = cma.updated(noisy, points[rng.permutation(8)])
    assert noisy.learning.rate_mean < 0.5 * quiet.learning.rate_mean
