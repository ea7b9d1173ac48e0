"""Kernels and their covariances against the definition, pair of points by pair of points."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import InvalidInput
from luthier.numerics.covariance import Covariance
from luthier.numerics.kernels import Kernel, Term, correlate
from luthier.numerics.sites import Sites
from numerics.processes import KERNELS, MIXED, covariances, points, settings, slopes, with_trend


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
class TestCovariance:
    def test_is_what_its_definition_says(self, kernel):
        rng = np.random.default_rng(0)
        X, A = points(rng, 9, kernel)
        Y, B = points(rng, 12, kernel)
        thetas = settings(rng, kernel, 3)
        sites = Sites(kernel, Y, B)
        found = Covariance(sites, thetas)
        for theta, cross, own in zip(
            thetas, found.cross(sites.see(X, A)), found.own(), strict=True
        ):
            np.testing.assert_allclose(cross, covariances(kernel, theta, X, A, Y, B), atol=1e-13)
            np.testing.assert_allclose(own, covariances(kernel, theta, Y, B, Y, B), atol=1e-13)

    def test_a_point_varies_as_it_covaries_with_itself(self, kernel):
        rng = np.random.default_rng(1)
        X, A = points(rng, 9, kernel)
        sites = Sites(kernel, X, A)
        found = Covariance(sites, settings(rng, kernel, 3))
        diagonal = np.diagonal(found.own(), axis1=1, axis2=2)
        np.testing.assert_allclose(found.variance(sites.view), diagonal, atol=1e-13)

    def test_is_no_less_than_zero_in_any_direction(self, kernel):
        @given(st.integers(0, 2**32), st.integers(1, 25), st.floats(0.1, 3.0))
        def check(seed, n, spread):
            rng = np.random.default_rng(seed)
            X, A = points(rng, n, kernel)
            again = rng.integers(n, size=n // 2)
            sites = Sites(kernel, np.vstack([X, X[again]]), np.vstack([A, A[again]]))
            own = Covariance(sites, spread * settings(rng, kernel, 1)).own()[0]
            np.testing.assert_allclose(own, own.T, atol=1e-12 * np.trace(own))
            assert np.linalg.eigvalsh(own)[0] > -1e-13 * np.trace(own)

        check()


def test_a_value_that_was_never_observed_is_unlike_all_others():
    kernel = with_trend(MIXED)
    rng = np.random.default_rng(2)
    X, A = points(rng, 6, kernel)
    X[:, 1], X[:, 3] = 0.1, 0.5
    new = X.copy()
    new[:, 1], new[:, 3] = 0.9, 1 / 6
    sites = Sites(kernel, X, A)
    theta = settings(rng, kernel, 1)
    found = Covariance(sites, theta).cross(sites.see(new, A))[0]
    np.testing.assert_allclose(found, covariances(kernel, theta[0], new, A, X, A), atol=1e-13)


def test_tiny_lengths_cost_no_digits_that_matter():
    kernel = Kernel((Term((0, 1, 2)),))
    rng = np.random.default_rng(3)
    X, A = points(rng, 20, kernel)
    X[10:] = np.clip(X[:10] + 1e-3 * rng.standard_normal((10, 4)), 0, 1)
    theta = np.append(np.full(3, np.log(0.02)), [0.0, -9.0])
    own = Covariance(Sites(kernel, X, A), theta[None]).own()[0]
    np.testing.assert_allclose(own, covariances(kernel, theta, X, A, X, A), atol=1e-12)


def test_memory_does_not_grow_with_the_columns():
    kernel = with_trend(Kernel((Term(tuple(range(180)), tuple(range(180, 200))),)))
    rng = np.random.default_rng(4)
    X = rng.random((556, 200))
    X[:, 180:] = np.floor(3 * X[:, 180:])
    A = np.ones_like(X)
    sites = Sites(kernel, X[:100], A[:100])
    covariance = Covariance(sites, settings(rng, kernel, 1))
    tracemalloc.start()
    covariance.cross(sites.see(X[100:], A[100:]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A number for each column and pair of points would be 73 MB.
    assert peak < 8e6


class TestCorrelate:
    S = np.array([0.0, 1e-12, 1e-3, 0.4, 3.0, 50.0])

    @pytest.mark.parametrize("correlation", ["matern52", "gaussian"])
    def test_falls_from_one_with_the_slope_that_it_says(self, correlation):
        def value(s):
            out = np.array(s)
            correlate(correlation, out)
            return out

        slope = np.empty(6)
        correlate(correlation, self.S.copy(), slope)
        expected = [slopes(value, np.array([s]), 1e-4 * s)[0, 0] for s in self.S[2:]]
        np.testing.assert_allclose(slope[2:], expected, rtol=1e-6)
        assert value(self.S)[0] == 1.0
        assert (np.diff(value(self.S)) < 0).all()
        assert slope[0] == {"matern52": -5 / 6, "gaussian": -1 / 2}[correlation]

    @pytest.mark.parametrize("correlation", ["matern52", "gaussian"])
    def test_what_rounding_left_below_zero_is_zero(self, correlation):
        squared, slope = np.array([-1e-15, 0.0]), np.empty(2)
        correlate(correlation, squared, slope)
        assert squared.tolist() == [1.0, 1.0]
        assert slope[0] == slope[1]


class TestWaves:
    KERNEL = Kernel((Term((2, 0)),), trend=True)

    def test_are_orthonormal_over_the_unit_interval(self):
        nodes, weights = np.polynomial.legendre.leggauss(5)
        X = np.repeat((nodes[:, None] + 1) / 2, 3, axis=1)
        waves = self.KERNEL.waves(X, np.ones_like(X))[:, ::2]  # of column 0: linear, quadratic
        both = np.column_stack([np.ones(5), waves])
        np.testing.assert_allclose(both.T @ (weights[:, None] / 2 * both), np.eye(3), atol=1e-14)

    def test_slopes_are_their_derivatives(self):
        x = np.array([0.2, 0.9, 0.7])
        A = np.array([[1.0, 1.0, 1.0]])
        by_all = slopes(lambda z: self.KERNEL.waves(z[None], A)[0], x)
        found = self.KERNEL.wave_slopes(x[None], A)[0]
        np.testing.assert_allclose(found, by_all[[0, 1, 2, 3], [0, 2, 0, 2]], rtol=1e-8)

    def test_are_flat_where_a_column_is_inactive(self):
        X, A = np.array([[0.5, 0.5, 0.3]]), np.array([[0.0, 1.0, 1.0]])
        assert self.KERNEL.waves(X, A)[0, [0, 2]].tolist() == [0.0, 0.0]
        assert self.KERNEL.wave_slopes(X, A)[0, [0, 2]].tolist() == [0.0, 0.0]


class TestKernel:
    def test_reads_hyperparameters_in_their_order(self):
        kernel = with_trend(Kernel((Term((0,), (1,)), Term((2,), gate=2))))
        found = kernel.split(np.log(np.arange(1.0, 10.0))[None])
        assert kernel.n_parameters == 8
        assert [lengths.round(12).tolist() for lengths in found.lengths] == [[[1, 2]], [[3]]]
        np.testing.assert_allclose(found.amplitudes, [[4, 5]])
        np.testing.assert_allclose(found.trend, [[6, 7, 8]])
        np.testing.assert_allclose(found.noise, [9])

    def test_rejects_what_makes_no_sense(self):
        with pytest.raises(InvalidInput, match="at least one term"):
            Kernel(())
        with pytest.raises(InvalidInput, match="matern52"):
            Kernel((Term((0,)),), "cubic")
        with pytest.raises(InvalidInput, match=r"shape \(m, 3\)"):
            Kernel((Term((0,)),)).split(np.zeros((1, 2)))
