"""Factors of covariances that are well, badly, or not at all positive definite."""

import numpy as np
import pytest

from luthier.numerics.cholesky import JITTERS, factored, inverse, solved


def some_covariance(n, rng):
    B = rng.standard_normal((n, n))
    return B @ B.T + np.eye(n)


@pytest.mark.parametrize("n", [0, 1, 2, 40])
def test_a_factor_solves_and_inverts(n):
    rng = np.random.default_rng(n)
    K, B = some_covariance(n, rng), rng.standard_normal((n, 3))
    before = K.copy()
    L = factored(K, 0.5)
    np.testing.assert_array_equal(K, before)
    np.testing.assert_array_equal(L, np.tril(L))
    noisy = K + 0.5 * np.eye(n)
    np.testing.assert_allclose(L @ L.T, noisy, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(L @ solved(L, B), B, atol=1e-9)
    np.testing.assert_allclose(L.T @ solved(L, B, transposed=True), B, atol=1e-9)
    np.testing.assert_allclose(inverse(L) @ (L @ L.T), np.eye(n), atol=1e-9)
    np.testing.assert_array_equal(L, factored(K, 0.5))


def test_overwriting_gives_the_same():
    rng = np.random.default_rng(0)
    L, B = factored(some_covariance(9, rng), 0.0), rng.standard_normal((9, 4))
    kept = solved(L, B)
    np.testing.assert_array_equal(solved(L, np.asfortranarray(B), overwrite=True), kept)


def test_equal_rows_need_the_smallest_jitter_only():
    K = np.full((5, 5), 4.0)
    L = factored(K, 0.0)
    np.testing.assert_allclose(L @ L.T, K + 4.0 * JITTERS[0] * np.eye(5), atol=1e-14)


def test_the_jitter_grows_as_far_as_needed():
    K = np.array([[1.0, 1.0 + 1e-5], [1.0 + 1e-5, 1.0]])
    L = factored(K, 0.0)
    np.testing.assert_allclose(np.diagonal(L @ L.T), 1.0 + 1e-4)


def test_the_jitter_may_be_relative_to_another_scale():
    L = factored(np.eye(2), 0.0, scale=1e6)
    np.testing.assert_allclose(np.diagonal(L @ L.T), 1.001)


@pytest.mark.parametrize(
    "K", [np.diag([1.0, -1.0]), np.full((3, 3), np.nan), np.diag([1.0, np.nan, 1.0])]
)
def test_what_is_no_covariance_is_rejected(K):
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        factored(K, 1e-6)
