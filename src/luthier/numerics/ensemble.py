"""Several Gaussian processes over the same points, computed together.

They differ in their hyperparameters, and may differ in their observations. What
does not depend on either is computed once, and every array carries the members
in front. Rasmussen and Williams (2006), Gaussian Processes for Machine Learning,
algorithm 2.1 (prediction) and eqs. 5.10 to 5.12 (leave-one-out).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from math import log, pi
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luthier.errors import InvalidInput
from luthier.numerics.cholesky import factored, inverse, solved
from luthier.numerics.covariance import Covariance
from luthier.numerics.kernels import Kernel
from luthier.numerics.sites import Sites, View

Array = NDArray[np.float64]

AT_ONCE = 1 << 15
"""Numbers in an array of a prediction: the few that are in use fit into a core's cache."""

LEAST_VARIANCE = 1e-12
"""What rounding left of a variance is no less."""


class Predictions(NamedTuple):
    """Mean and standard deviation by each member, both ``(m, k)``."""

    mean: Array
    sd: Array


class Gradients(NamedTuple):
    """Predictions ``(m, k)``, and their derivatives by the coordinates, ``(m, k, d)``."""

    mean: Array
    sd: Array
    by_mean: Array
    by_sd: Array


class Ensemble:
    """Gaussian processes with one kernel and several settings of its hyperparameters.

    Their prior mean is zero. One process is an ensemble of one.

    Parameters
    ----------
    kernel : Kernel
        The covariance.
    thetas : array_like, shape (m, p + 1)
        Logarithms of hyperparameters and noise variance, one row a member.
    X, A : ndarray, shape (n, d)
        Points of the unit cube, and 1.0 where a column is active.
    y : ndarray, shape (n,) or (m, n)
        Observations, the same for all members or one row each.

    Attributes
    ----------
    noise : ndarray, shape (m,)
        Variances of the noise.

    Raises
    ------
    InvalidInput
        If the shapes do not agree, or an observation is not finite.
    numpy.linalg.LinAlgError
        From whatever needs the observations, if a covariance is not positive definite.
    """

    def __init__(self, kernel: Kernel, thetas: ArrayLike, X: Array, A: Array, y: Array) -> None:
        self.kernel = kernel
        self.thetas = np.asarray(thetas, np.float64)
        if X.shape != A.shape or y.shape[-1:] != X.shape[:1]:
            raise InvalidInput("X, A, y", (X.shape, A.shape, y.shape), "one row each a point")
        if not np.isfinite(y).all():
            raise InvalidInput("y", y, "finite numbers")
        self.X, self.A = X, A
        self.y = np.broadcast_to(y, (len(self.thetas), len(X)))
        self._sites = Sites(kernel, X, A)
        self._covariance = Covariance(self._sites, self.thetas)
        self.noise = self._covariance.noise

    def __len__(self) -> int:
        return len(self.thetas)

    @cached_property
    def _members(self) -> list[Covariance]:
        """The covariance of each member alone, for arrays so large that all fill the cache."""
        return [Covariance(self._sites, theta[None]) for theta in self.thetas]

    @cached_property
    def factors(self) -> list[Array]:
        """Each member's lower Cholesky factor of the observations' covariance, ``(n, n)``."""
        return [factored(one.own()[0], float(one.noise[0])) for one in self._members]

    @cached_property
    def alpha(self) -> Array:
        """Inverse covariances times observations, ``(m, n)``."""
        alpha = np.empty(self.y.shape)
        for row, factor, y in zip(alpha, self.factors, self.y, strict=True):
            row[:] = solved(factor, solved(factor, y[:, None]), transposed=True)[:, 0]
        return alpha

    @cached_property
    def fitted(self) -> Array:
        """The posterior means at the observed points, ``(m, n)``."""
        return self.y - self.noise[:, None] * self.alpha

    def cross(self, X: Array, A: Array, Y: Array, B: Array) -> Array:
        """Return the covariances between rows of X and of Y, ``(m, len(X), len(Y))``."""
        sites = Sites(self.kernel, Y, B)
        return Covariance(sites, self.thetas).cross(sites.see(X, A))

    def mean(self, X: Array, A: Array) -> Array:
        """Predict the means alone, ``(m, k)`` at k points."""
        mean = np.empty((len(self), len(X)))
        for piece, view in self._pieces(X, A):
            for i, k in enumerate(self._each(view)):
                mean[i, piece] = k @ self.alpha[i]
        return mean

    def predict(self, X: Array, A: Array) -> Predictions:
        """Predict the noise-free functions at k points.

        Parameters
        ----------
        X, A : ndarray, shape (k, d)
            Points of the unit cube, and 1.0 where a column is active.
        """
        mean, variance = np.empty((len(self), len(X))), np.empty((len(self), len(X)))
        for piece, view in self._pieces(X, A):
            variance[:, piece] = self._covariance.variance(view)
            for i, k in enumerate(self._each(view)):
                mean[i, piece] = k @ self.alpha[i]
                white = solved(self.factors[i], k.T, overwrite=True)
                variance[i, piece] -= np.einsum("ji,ji->i", white, white)
        return Predictions(mean, _root(variance))

    def predict_with_gradient(self, X: Array, A: Array) -> Gradients:
        """Predict, with derivatives by the coordinates (zero by choices).

        Parameters
        ----------
        X, A : ndarray, shape (k, d)
            Points of the unit cube, and 1.0 where a column is active.
        """
        covariance, view = self._covariance, self._sites.see(X, A)
        parts = list(covariance.parts(view, slopes=True))
        k = covariance.total(view, parts)
        variance = covariance.variance(view)
        # The derivatives of alpha . k, and of k(x, x) - 2 (K^-1 k) . k with the bracket held: that
        # is the variance's, which depends on k twice.
        own, factors = np.array([0.0, 1.0]), np.empty((2, *k.shape))
        factors[0] = self.alpha[:, None, :]
        for i, factor in enumerate(self.factors):
            white = solved(factor, k[i].T)
            variance[i] -= np.einsum("ji,ji->i", white, white)
            factors[1, i] = solved(factor, white, transposed=True).T
        factors[1] *= -2.0
        by_mean, by_variance = covariance.by_coordinates(view, parts, own, factors)
        sd = _root(variance)
        return Gradients(self._mean(k), sd, by_mean, by_variance / (2.0 * sd[:, :, None]))

    def followed_by(self, X: Array, A: Array, noise: float | None = None) -> Ensemble:
        """Return the processes as if what they expect had been seen at more points.

        Means stay as they are, and uncertainty shrinks (Ginsbourger et al. 2010, Kriging Is
        Well-Suited to Parallelize Optimization: the kriging believer). Only the new rows
        of the factors are computed.

        Parameters
        ----------
        X, A : ndarray, shape (k, d)
            Points of the unit cube, and 1.0 where a column is active.
        noise : float, optional
            Variance of the noise in what is expected; by default that of each member. With
            0 nothing is left to be learnt at these points.
        """
        k = self._covariance.cross(self._sites.see(X, A))
        y = np.hstack([self.y, self._mean(k)])
        more = Ensemble(self.kernel, self.thetas, np.vstack([self.X, X]), np.vstack([self.A, A]), y)
        prior = self.cross(X, A, X, A)
        more.factors = [
            _extended(factor, k[i], prior[i], float(self.noise[i]) if noise is None else noise)
            for i, factor in enumerate(self.factors)
        ]
        # What was expected is no news.
        more.alpha = np.hstack([self.alpha, np.zeros((len(self), len(X)))])
        return more

    @cached_property
    def left_out(self) -> Predictions:
        """Predict each observation from all others, ``(m, n)``; `sd` is that of the observation."""
        precision = np.array([np.diagonal(inverse(factor)) for factor in self.factors])
        return Predictions(self.y - self.alpha / precision, 1.0 / np.sqrt(precision))

    @property
    def left_out_density(self) -> Array:
        """Log density of each observation given all others, shape ``(m, n)``."""
        mean, sd = self.left_out
        z = (self.y - mean) / sd
        density: Array = -0.5 * (z * z + log(2 * pi)) - np.log(sd)
        return density

    def _mean(self, k: Array) -> Array:
        mean: Array = np.matmul(k, self.alpha[:, :, None])[:, :, 0]
        return mean

    def _pieces(self, X: Array, A: Array) -> Iterator[tuple[slice, View]]:
        """Yield points in pieces that are small enough, and where they are."""
        step = max(1, AT_ONCE // max(1, len(self.X)))
        for start in range(0, len(X), step):
            piece = slice(start, start + step)
            yield piece, self._sites.see(X[piece], A[piece])

    def _each(self, view: View) -> Iterator[Array]:
        """Yield each member's covariance of a view's k points with the observed, ``(k, n)``."""
        trend = self._sites.trend(view) if self.kernel.trend else None
        for member in self._members:
            yield member.cross(view, trend)[0]


def _root(variance: Array) -> Array:
    return np.sqrt(np.maximum(variance, LEAST_VARIANCE))


def _extended(factor: Array, k: Array, prior: Array, noise: float) -> Array:
    """Return the factor of more points: k are their covariances with the old, prior among them."""
    n, m = len(factor), len(k)
    beside = solved(factor, k.T)
    larger = np.zeros((n + m, n + m), order="F")
    larger[:n, :n] = factor
    larger[n:, :n] = beside.T
    scale = float(np.trace(prior)) / max(m, 1)
    larger[n:, n:] = factored(prior - beside.T @ beside, noise, scale)
    return larger
