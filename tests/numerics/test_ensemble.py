"""Processes against scikit-learn, dense formulas, arithmetic of 60 digits, and themselves."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern

from luthier.errors import InvalidInput
from luthier.numerics import ensemble as module
from luthier.numerics.ensemble import Ensemble
from luthier.numerics.kernels import Kernel, Term
from numerics.processes import (
    KERNELS,
    MIXED,
    NUMERIC,
    covariances,
    function,
    gaussian,
    points,
    settings,
    slopes,
    with_trend,
)

every_kernel = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)


def ensemble_of(kernel, n=20, m=3, noise=1e-3, seed=0):
    rng = np.random.default_rng(seed)
    X, A = points(rng, n, kernel)
    return Ensemble(kernel, settings(rng, kernel, m, noise), X, A, function(X))


def dense(kernel, theta, X, A, y, Y, B):
    """Mean and standard deviation by the textbook, with the covariance by its definition."""
    K = covariances(kernel, theta, X, A, X, A)
    K += (np.exp(theta[-1]) + 1e-9 * np.trace(K) / len(K)) * np.eye(len(K))
    k = covariances(kernel, theta, Y, B, X, A)
    prior = np.diagonal(covariances(kernel, theta, Y, B, Y, B))
    return k @ np.linalg.solve(K, y), np.sqrt(prior - (k * np.linalg.solve(K, k.T).T).sum(1))


@pytest.mark.parametrize("kernel", [NUMERIC, gaussian(NUMERIC)], ids=["matern52", "gaussian"])
def test_every_member_agrees_with_scikit_learn(kernel):
    model = ensemble_of(kernel, n=30, m=4)
    Y, B = points(np.random.default_rng(1), 50, kernel)
    mean, sd = model.predict(Y, B)
    correlation = RBF if kernel.correlation == "gaussian" else Matern
    more = {} if kernel.correlation == "gaussian" else {"nu": 2.5}
    for i, theta in enumerate(model.thetas):
        lengths, amplitude, noise = np.exp(theta[:3]), np.exp(theta[3]), np.exp(theta[4])
        theirs = GaussianProcessRegressor(
            ConstantKernel(amplitude) * correlation(lengths, **more), alpha=noise, optimizer=None
        ).fit(model.X[:, :3], model.y[i])
        expected, deviation = theirs.predict(Y[:, :3], return_std=True)
        np.testing.assert_allclose(mean[i], expected, atol=1e-5)
        np.testing.assert_allclose(sd[i], deviation, rtol=1e-5)


@every_kernel
class TestEveryKernel:
    def test_predicts_what_the_textbook_says(self, kernel):
        model = ensemble_of(kernel)
        Y, B = points(np.random.default_rng(1), 15, kernel)
        found, with_gradient = model.predict(Y, B), model.predict_with_gradient(Y, B)
        for i, theta in enumerate(model.thetas):
            mean, sd = dense(kernel, theta, model.X, model.A, model.y[i], Y, B)
            np.testing.assert_allclose(found.mean[i], mean, atol=1e-9)
            np.testing.assert_allclose(found.sd[i], sd, rtol=1e-8)
        np.testing.assert_allclose(with_gradient.mean, found.mean, atol=1e-11)
        np.testing.assert_allclose(with_gradient.sd, found.sd, rtol=1e-10)
        np.testing.assert_allclose(model.mean(Y, B), found.mean, atol=1e-12)

    def test_gradients_agree_with_finite_differences(self, kernel):
        model = ensemble_of(kernel)
        Y, B = points(np.random.default_rng(1), 6, kernel)
        found = model.predict_with_gradient(Y, B)
        for k, (y, b) in enumerate(zip(Y, B, strict=True)):
            for i in (0, 1):
                by_all = slopes(lambda z, b=b, i=i: model.predict(z[None], b[None])[i][:, 0], y)
                # What is inactive does not move, and choices do not slide.
                by_all[:, kernel.choices] = 0.0
                idle = [j for j in kernel.numeric if not b[j]]
                expected, ours = by_all, found[2 + i][:, k].copy()
                np.testing.assert_allclose(
                    np.delete(ours, idle, 1), np.delete(expected, idle, 1), rtol=1e-5, atol=1e-7
                )

    def test_seeing_what_was_expected_is_like_learning_it_anew(self, kernel):
        model = ensemble_of(kernel)
        rng = np.random.default_rng(1)
        X, A = points(rng, 3, kernel)
        Y, B = points(rng, 15, kernel)
        believed = model.followed_by(X[:1], A[:1]).followed_by(X[1:], A[1:])
        y = np.hstack([model.y, model.mean(X, A)])
        anew = Ensemble(kernel, model.thetas, np.vstack([model.X, X]), np.vstack([model.A, A]), y)
        np.testing.assert_allclose(believed.y, anew.y, atol=1e-12)
        np.testing.assert_allclose(believed.predict(Y, B).mean, anew.predict(Y, B).mean, atol=1e-7)
        np.testing.assert_allclose(believed.predict(Y, B).sd, anew.predict(Y, B).sd, rtol=1e-5)
        np.testing.assert_allclose(believed.mean(Y, B), model.mean(Y, B), atol=1e-12)
        assert (believed.predict(X, A).sd < model.predict(X, A).sd).all()
        np.testing.assert_allclose(believed.left_out.sd, anew.left_out.sd, rtol=1e-6)

    def test_leaving_one_out_is_like_never_having_seen_it(self, kernel):
        model = ensemble_of(kernel, n=8, noise=0.05)
        found, density = model.left_out, model.left_out_density
        for j in range(8):
            rest = np.arange(8) != j
            without = Ensemble(
                kernel, model.thetas, model.X[rest], model.A[rest], model.y[:, rest]
            ).predict(model.X[j : j + 1], model.A[j : j + 1])
            sd = np.sqrt(without.sd[:, 0] ** 2 + model.noise)
            np.testing.assert_allclose(found.mean[:, j], without.mean[:, 0], atol=1e-6)
            np.testing.assert_allclose(found.sd[:, j], sd, rtol=1e-6)
            expected = norm(without.mean[:, 0], sd).logpdf(model.y[:, j])
            np.testing.assert_allclose(density[:, j], expected, atol=1e-5)

    def test_the_fit_is_the_mean_where_it_was_observed(self, kernel):
        model = ensemble_of(kernel)
        np.testing.assert_allclose(model.fitted, model.mean(model.X, model.A), atol=1e-5)

    def test_covariances_of_any_points(self, kernel):
        model = ensemble_of(kernel)
        rng = np.random.default_rng(1)
        X, A = points(rng, 4, kernel)
        Y, B = points(rng, 5, kernel)
        for theta, found in zip(model.thetas, model.cross(X, A, Y, B), strict=True):
            np.testing.assert_allclose(found, covariances(kernel, theta, X, A, Y, B), atol=1e-13)


def test_members_may_see_different_observations():
    model = ensemble_of(MIXED)
    y = np.random.default_rng(1).standard_normal((3, 20))
    Y, B = points(np.random.default_rng(2), 4, MIXED)
    together = Ensemble(MIXED, model.thetas, model.X, model.A, y)
    for i in range(3):
        alone = Ensemble(MIXED, model.thetas[i : i + 1], model.X, model.A, y[i])
        for ours, theirs in zip(together.predict(Y, B), alone.predict(Y, B), strict=True):
            np.testing.assert_allclose(ours[i], theirs[0], rtol=1e-12)


def test_many_points_are_predicted_in_pieces_that_nobody_sees(monkeypatch):
    model = ensemble_of(with_trend(MIXED))
    Y, B = points(np.random.default_rng(1), 100, MIXED)
    whole, mean = model.predict(Y, B), model.mean(Y, B)
    monkeypatch.setattr(module, "AT_ONCE", 7 * 20)
    np.testing.assert_allclose(model.predict(Y, B), whole, rtol=1e-12)
    np.testing.assert_allclose(model.mean(Y, B), mean, rtol=1e-12)


def exact_variance(X, length, noise, jitter, x):
    """The variance at x by 60 digits, with the Gaussian correlation in one dimension."""
    with localcontext() as context:
        context.prec = 60
        X, x = [Decimal(float(z)) for z in X], Decimal(float(x))
        w = Decimal(length) ** -2

        def k(u, v):
            return (-((u - v) ** 2) * w / 2).exp()

        rows = [[k(u, v) for v in X] + [k(u, x)] for u in X]
        for i in range(len(X)):
            rows[i][i] += Decimal(noise) + Decimal(jitter)
        for i, row in enumerate(rows):  # Gauss
            for other in rows[i + 1 :]:
                factor = other[i] / row[i]
                for j in range(i, len(row)):
                    other[j] -= factor * row[j]
        variance = Decimal(1)
        for i, row in enumerate(rows):
            variance -= row[-1] ** 2 / row[i]
        return float(variance)


def test_little_noise_costs_few_digits():
    # Points so near each other that the covariance's condition number is 4e8.
    X = np.linspace(0, 1, 30)[:, None]
    kernel = Kernel((Term((0,)),), "gaussian")
    length, noise = 0.5, 1e-6
    model = Ensemble(
        kernel, [np.log([length, 1.0, noise])], X, np.ones_like(X), np.sin(4 * X[:, 0])
    )
    for x in (0.0, 0.013, 0.5, 1.0):
        sd = model.predict(np.array([[x]]), np.ones((1, 1))).sd[0, 0]
        variance = exact_variance(X[:, 0], length, noise, 1e-9, x)
        assert variance < noise
        assert sd**2 == pytest.approx(variance, rel=1e-4)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_observations_are_enough(n):
    model = ensemble_of(with_trend(MIXED), n)
    Y, B = points(np.random.default_rng(1), 5, MIXED)
    found = model.predict_with_gradient(Y, B)
    assert all(np.isfinite(part).all() for part in found)
    np.testing.assert_allclose(found.sd, model.predict(Y, B).sd, rtol=1e-12)
    if n == 0:
        np.testing.assert_array_equal(found.mean, 0.0)
        prior = np.diagonal(model.cross(Y, B, Y, B), axis1=1, axis2=2)
        np.testing.assert_allclose(found.sd**2, prior, rtol=1e-12)
    followed = model.followed_by(Y, B)
    assert (followed.predict(Y, B).sd < found.sd).all()


def test_one_observation_is_shared_with_the_noise():
    kernel = Kernel((Term((0,)),))
    model = Ensemble(
        kernel, [np.log([0.3, 4.0, 1.0])], np.array([[0.2]]), np.ones((1, 1)), np.array([2.0])
    )
    mean, sd = model.predict(np.array([[0.2]]), np.ones((1, 1)))
    assert mean[0, 0] == pytest.approx(2.0 * 4 / 5)
    assert sd[0, 0] ** 2 == pytest.approx(4 * 1 / 5)
    assert model.left_out.mean[0, 0] == pytest.approx(0.0, abs=1e-12)
    assert model.left_out.sd[0, 0] ** 2 == pytest.approx(5.0)


def test_equal_points_share_their_observations():
    kernel = Kernel((Term((0,)),))
    X, A = np.full((50, 1), 0.4), np.ones((50, 1))
    y = np.random.default_rng(0).standard_normal(50)
    mean, sd = Ensemble(kernel, [np.log([0.3, 1.0, 0.1])], X, A, y).predict(X[:1], A[:1])
    assert mean[0, 0] == pytest.approx(y.sum() / (50 + 0.1))
    assert sd[0, 0] ** 2 == pytest.approx(0.1 / (50 + 0.1))


def test_without_noise_equal_points_still_have_a_factor():
    kernel = Kernel((Term((0,)),))
    X, A = np.repeat([[0.2], [0.7]], 3, axis=0), np.ones((6, 1))
    model = Ensemble(kernel, [[-1.0, 0.0, -80.0]], X, A, np.repeat([1.0, -1.0], 3))
    for each in (model, model.followed_by(X[:2], A[:2])):
        mean, sd = each.predict(X, A)
        np.testing.assert_allclose(mean[0], np.repeat([1.0, -1.0], 3), atol=1e-6)
        assert (sd < 1e-4).all()


@pytest.mark.parametrize("d", [0, 1, 200])
def test_any_number_of_columns(d):
    rng = np.random.default_rng(d)
    X, A = rng.random((12, d)), np.ones((12, d))
    y = rng.standard_normal(12)
    kernel = Kernel((Term(tuple(range(d))),), trend=True)
    theta = np.zeros(kernel.n_parameters + 1)
    theta[:d] = np.log(0.5 * max(d, 1) ** 0.5)
    model = Ensemble(kernel, theta[None], X, A, y)
    mean, sd, by_mean, by_sd = model.predict_with_gradient(X, A)
    assert by_mean.shape == by_sd.shape == (1, 12, d)
    if d == 0:
        # Without columns the function is a constant.
        np.testing.assert_allclose(mean, y.sum() / 13)
        np.testing.assert_allclose(sd**2, 1 / 13)
    else:
        expected, _ = dense(kernel, theta, X, A, y, X, A)
        np.testing.assert_allclose(mean[0], expected, atol=1e-9)


def test_no_points_are_no_predictions():
    model = ensemble_of(MIXED)
    none = np.zeros((0, 4))
    assert model.predict(none, none).mean.shape == (3, 0)
    assert model.mean(none, none).shape == (3, 0)
    assert model.predict_with_gradient(none, none).by_sd.shape == (3, 0, 4)
    np.testing.assert_array_equal(model.followed_by(none, none).alpha, model.alpha)


def test_hyperparameters_without_a_covariance_are_told():
    X, A = points(np.random.default_rng(0), 5, NUMERIC)
    model = Ensemble(NUMERIC, np.full((1, 5), np.nan), X, A, np.zeros(5))
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        model.predict(X, A)


def test_what_does_not_fit_together_is_rejected():
    X, A = np.zeros((3, 4)), np.ones((3, 4))
    with pytest.raises(InvalidInput, match="one row each a point"):
        Ensemble(NUMERIC, np.zeros((1, 5)), X, A[:2], np.zeros(3))
    with pytest.raises(InvalidInput, match="one row each a point"):
        Ensemble(NUMERIC, np.zeros((1, 5)), X, A, np.zeros(2))
    with pytest.raises(InvalidInput, match="finite"):
        Ensemble(NUMERIC, np.zeros((1, 5)), X, A, np.array([0.0, np.inf, 1.0]))
    with pytest.raises(InvalidInput, match=r"shape \(m, 5\)"):
        Ensemble(NUMERIC, np.zeros((1, 4)), X, A, np.zeros(3))
