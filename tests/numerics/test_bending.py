"""Bent axes: gradients against finite differences, and what is learnt from rough ends."""

import numpy as np
import pytest

from luthier.numerics.bending import Bend, Bent, learn_bend, straight
from luthier.numerics.ensemble import Ensemble
from luthier.numerics.evidence import HOPELESS, Evidence
from numerics.processes import KERNELS, NUMERIC, function, points, prior_of, settings, slopes


def bend_of(kernel, seed=3):
    rng = np.random.default_rng(seed)
    p = len(kernel.numeric)
    return Bend(kernel.numeric, 0.5 * rng.standard_normal(p), 0.5 * rng.standard_normal(p))


def processes_of(kernel, n=25):
    rng = np.random.default_rng(0)
    X, A = points(rng, n, kernel)
    bend = bend_of(kernel)
    thetas = settings(rng, kernel, 3)
    return Bent(Ensemble(kernel, thetas, bend(X, A), A, function(X)), X, bend)


BENDABLE = {name: kernel for name, kernel in KERNELS.items() if kernel.numeric}


@pytest.mark.parametrize("kernel", BENDABLE.values(), ids=BENDABLE)
class TestEveryKernel:
    def test_the_evidence_by_the_points_agrees_with_finite_differences(self, kernel):
        rng = np.random.default_rng(1)
        X, A = points(rng, 8, kernel)
        prior, y = prior_of(kernel), function(X)
        theta = settings(rng, kernel, 1, noise=0.2)[0]
        value, gradient = Evidence(kernel, prior, X, A, y).by_points(theta)
        assert value == pytest.approx(
            -Evidence(kernel, prior, X, A, y).log_likelihoods(theta[None])[0]
        )

        def moved(x, i):
            Z = X.copy()
            Z[i, kernel.numeric] = x
            return np.float64(Evidence(kernel, prior, Z, A, y).by_points(theta)[0])

        for i in range(len(X)):
            expected = slopes(lambda x, i=i: moved(x, i), X[i, kernel.numeric], 1e-4)
            active = A[i, kernel.numeric] > 0
            found = gradient[i, kernel.numeric]
            np.testing.assert_allclose(found[active], expected[active], rtol=1e-5, atol=1e-5)
        others = [j for j in range(4) if j not in kernel.numeric]
        assert not gradient[:, others].any()

    def test_predictions_change_as_their_gradients_say(self, kernel):
        model = processes_of(kernel)
        X, A = points(np.random.default_rng(5), 4, kernel)
        found = model.predict_with_gradient(X, A)
        np.testing.assert_allclose(found.mean, model.predict(X, A).mean)
        np.testing.assert_allclose(found.mean, model.mean(X, A))
        for i in range(len(X)):
            free = [j for j in kernel.numeric if A[i, j]]

            def mean(x, i=i, free=free):
                Z = X[i : i + 1].copy()
                Z[0, free] = x
                return model.predict(Z, A[i : i + 1]).mean[:, 0]

            if free:
                expected = slopes(mean, X[i, free], 1e-4)
                by_mean = found.by_mean[:, i, free]
                np.testing.assert_allclose(by_mean, expected.reshape(by_mean.shape), 1e-4, 1e-5)

    def test_no_warp_changes_nothing(self, kernel):
        X, A = points(np.random.default_rng(2), 9, kernel)
        np.testing.assert_allclose(straight(kernel)(X, A), X, atol=1e-12)


def test_choices_and_what_is_inactive_stay_where_they_are():
    kernel = KERNELS["tree"]
    X, A = points(np.random.default_rng(2), 20, kernel)
    bent = bend_of(kernel)(X, A)
    np.testing.assert_array_equal(bent[:, 3], X[:, 3])
    np.testing.assert_array_equal(bent[A == 0], X[A == 0])
    assert (bent[:, 0] != X[:, 0]).any()


def test_a_function_that_is_rough_at_one_end_is_explained_better():
    rng = np.random.default_rng(0)
    X, A = rng.random((60, 3)), np.ones((60, 3))
    y = np.sin(12 * X[:, 0] ** 4) + X[:, 1]
    y = (y - y.mean()) / y.std()
    prior = prior_of(NUMERIC)
    theta = prior.mean
    bend = learn_bend(NUMERIC, prior, theta, X, A, y, 0.5)
    before = Evidence(NUMERIC, prior, X, A, y).by_points(theta)[0]
    after = Evidence(NUMERIC, prior, bend(X, A), A, y).by_points(theta)[0]
    assert after < before - 10
    # The first axis is stretched at its upper end, more than the others are at any.
    slope = bend.with_slope(np.array([[0.95, 0.95, 0.95], [0.05, 0.05, 0.05]]), A[:2])[1]
    assert slope[0, 0] > 2 * slope[1, 0]


def test_expected_points_leave_the_means_as_they_are():
    model = processes_of(NUMERIC)
    X, A = points(np.random.default_rng(7), 3, NUMERIC)
    more = model.followed_by(X, A, noise=0.0)
    there = points(np.random.default_rng(8), 5, NUMERIC)
    np.testing.assert_allclose(more.mean(*there), model.mean(*there), atol=1e-6)
    assert (more.predict(X, A).sd < 1e-2).all()
    assert len(more.X) == len(model.X) + 3
    assert len(more) == len(model) == 3


def test_where_nothing_can_be_factored_there_is_no_slope():
    X, A = points(np.random.default_rng(1), 5, NUMERIC)
    value, gradient = Evidence(NUMERIC, prior_of(NUMERIC), X, A, function(X)).by_points(
        np.full(5, np.nan)
    )
    assert value == HOPELESS
    assert not gradient.any()
