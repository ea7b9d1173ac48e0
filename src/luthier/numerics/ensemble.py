"""Several Gaussian processes over the same points, computed together.

They differ in their hyperparameters, and may differ in their observations. What
is shared, the distances by each coordinate, is computed once, and every array
carries the members in front, so that ten members cost little more than one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.gp import JITTERS, Prior
from luthier.numerics.kernels import TREND, Kernel, correlate

Array = NDArray[np.float64]


class Predictions(NamedTuple):
    """Mean and standard deviation by each member, both ``(m, n)``."""

    mean: Array
    sd: Array


class Gradients(NamedTuple):
    """Predictions ``(m, n)``, and their derivatives by the coordinates, ``(m, n, d)``."""

    mean: Array
    sd: Array
    by_mean: Array
    by_sd: Array


class Ensemble:
    """Gaussian processes with one kernel and several settings of its hyperparameters.

    Parameters
    ----------
    kernel : Kernel
        The covariance.
    thetas : sequence of ndarray, shape (p + 1,)
        Logarithms of hyperparameters and noise variance, one a member.
    X, A : ndarray, shape (n, d)
        Points of the unit cube, and 1.0 where a column is active.
    y : ndarray, shape (n,) or (m, n)
        Observations, the same for all members or one row each.
    """

    def __init__(
        self, kernel: Kernel, thetas: Sequence[Array], X: Array, A: Array, y: Array
    ) -> None:
        self.kernel = kernel
        self.thetas = np.array(thetas)
        self.X, self.A = X, A
        self.y = np.broadcast_to(y, (len(self.thetas), len(X)))
        values = np.exp(self.thetas)
        self.noise = values[:, -1]
        self._weights: list[Array] = []
        self._amplitudes: list[Array] = []
        start = 0
        for i, term in enumerate(kernel.terms):
            stop = start + len(term.columns)
            self._weights.append(values[:, start:stop] ** -2)
            self._amplitudes.append(values[:, kernel.n_lengths + i])
            start = stop
        self._trend = values[:, -1 - len(TREND) : -1] if kernel.trend else None

    def __len__(self) -> int:
        return len(self.thetas)

    def cross(self, X: Array, A: Array, Y: Array, B: Array) -> Array:
        """Return the covariances between rows of X and of Y, ``(m, len(X), len(Y))``."""
        total = 0.0
        for i in range(len(self.kernel.terms)):
            squared = self._squared(i, _differences(self.kernel, i, X, Y) ** 2)
            part, _ = correlate(self.kernel.correlation, squared)
            total = total + part * self._scale(i, A, B)
        if self._trend is not None:
            total = total + np.tensordot(
                self._trend, self.kernel.trend_cross(X, A, Y, B), axes=1
            )
        return np.asarray(total)

    def _squared(self, i: int, squares: Array) -> Array:
        p, n, m = squares.shape
        return (self._weights[i] @ squares.reshape(p, n * m)).reshape(len(self), n, m)

    def _scale(self, i: int, A: Array, B: Array) -> Array:
        scale = self._amplitudes[i][:, None, None]
        gate = self.kernel.terms[i].gate
        return scale if gate is None else scale * np.outer(A[:, gate], B[:, gate])

    def _variance(self, X: Array, A: Array) -> Array:
        total = np.zeros((len(self), len(A)))
        if self._trend is not None:
            total += self._trend @ self.kernel.trend_variance(X, A)
        for term, amplitude in zip(self.kernel.terms, self._amplitudes, strict=True):
            total += amplitude[:, None] if term.gate is None else np.outer(amplitude, A[:, term.gate])
        return total

    @cached_property
    def inverses(self) -> Array:
        """Inverse covariances of the observations, noise included, ``(m, n, n)``."""
        n = len(self.X)
        covariances = self.cross(self.X, self.A, self.X, self.A)
        diagonal = np.diagonal(covariances, axis1=1, axis2=2).mean(1)
        for jitter in JITTERS:
            noisy = covariances + (self.noise + jitter * diagonal)[:, None, None] * np.eye(n)
            try:
                return np.linalg.inv(noisy) if n < 3 else _inverse(noisy)
            except np.linalg.LinAlgError:
                continue
        raise np.linalg.LinAlgError("a covariance is not positive definite")

    @cached_property
    def alpha(self) -> Array:
        """Inverse covariances times observations, ``(m, n)``."""
        return np.einsum("mij,mj->mi", self.inverses, self.y)

    @cached_property
    def fitted(self) -> Array:
        """The posterior means at the observed points, ``(m, n)``."""
        return self.y - self.noise[:, None] * self.alpha

    def followed_by(self, X: Array, A: Array) -> Ensemble:
        """Return the processes as if what they expect had been seen at more points.

        Means stay as they are, and uncertainty shrinks (Ginsbourger et al. 2010, Kriging Is
        Well-Suited to Parallelize Optimization: the kriging believer).
        """
        y = np.concatenate([self.y, self.mean(X, A)], axis=1)
        return Ensemble(
            self.kernel, self.thetas, np.vstack([self.X, X]), np.vstack([self.A, A]), y
        )

    def mean(self, X: Array, A: Array) -> Array:
        """Predict the means alone, ``(m, n)``."""
        return np.einsum("mij,mj->mi", self.cross(X, A, self.X, self.A), self.alpha)

    def predict(self, X: Array, A: Array) -> Predictions:
        """Predict the noise-free functions at points."""
        k = self.cross(X, A, self.X, self.A)
        variance = self._variance(X, A) - np.einsum("mij,mij->mi", k @ self.inverses, k)
        mean = np.einsum("mij,mj->mi", k, self.alpha)
        return Predictions(mean, np.sqrt(np.maximum(variance, 1e-12)))

    def predict_with_gradient(self, X: Array, A: Array) -> Gradients:
        """Predict, with derivatives by the coordinates (zero by choices)."""
        terms = range(len(self.kernel.terms))
        differences = [_differences(self.kernel, i, X, self.X) for i in terms]
        k, slopes = None, []
        for i in terms:
            part, slope = correlate(
                self.kernel.correlation, self._squared(i, differences[i] ** 2)
            )
            scale = self._scale(i, A, self.A)
            part *= scale
            slope *= scale
            k = part if k is None else k + part
            slopes.append(slope)
        assert k is not None
        if self._trend is not None:
            k = k + np.tensordot(self._trend, self.kernel.trend_cross(X, A, self.X, self.A), axes=1)
        weights = k @ self.inverses
        mean = np.einsum("mij,mj->mi", k, self.alpha)
        variance = self._variance(X, A) - np.einsum("mij,mij->mi", weights, k)
        sd = np.sqrt(np.maximum(variance, 1e-12))
        m, n = mean.shape
        by_mean, by_variance = np.zeros((m, *X.shape)), np.zeros((m, *X.shape))
        for i, slope in enumerate(slopes):
            numeric = list(self.kernel.terms[i].numeric)
            if not numeric:
                continue
            q = len(numeric)
            # (n points, observed, coordinates), to contract over the observed for all members.
            D = differences[i][:q].transpose(1, 2, 0)
            both = np.concatenate([self.alpha[:, None, :] * slope, weights * slope])
            total = both.transpose(1, 0, 2) @ D
            scale = 2.0 * self._weights[i][:, None, :q]
            by_mean[:, :, numeric] += scale * total[:, :m].transpose(1, 0, 2)
            by_variance[:, :, numeric] -= 2.0 * scale * total[:, m:].transpose(1, 0, 2)
        if self._trend is not None and self.kernel.numeric:
            numeric = self.kernel.numeric
            at = zip(
                self.kernel.waves(X, A),
                self.kernel.wave_slopes(X, A),
                self.kernel.waves(self.X, self.A),
                self._trend.T,
                strict=False,
            )
            for wave, slope_of_wave, seen, weight in at:
                scale = weight[:, None, None] / len(numeric) * slope_of_wave
                by_mean[:, :, numeric] += scale * (self.alpha @ seen)[:, None, :]
                by_variance[:, :, numeric] += 2.0 * scale * (wave - weights @ seen)
        return Gradients(mean, sd, by_mean, by_variance / (2.0 * sd[:, :, None]))


def _differences(kernel: Kernel, i: int, X: Array, Y: Array) -> Array:
    """Return ``x - y`` by each column of a term, 1.0 for choices that differ, ``(p, n, m)``."""
    term = kernel.terms[i]
    columns = list(term.columns)
    D = X.T[columns][:, :, None] - Y.T[columns][:, None, :]
    if term.choices:
        q = len(term.numeric)
        D[q:] = D[q:] != 0.0
    return D


def _inverse(matrices: Array) -> Array:
    """Invert positive definite matrices; raise where one is not."""
    np.linalg.cholesky(matrices)
    return np.linalg.inv(matrices)


def sample(
    kernel: Kernel,
    prior: Prior,
    X: Array,
    A: Array,
    y: Array,
    starts: Array,
    rng: np.random.Generator,
    steps: int,
) -> Array:
    """Draw hyperparameters from their posterior by elliptical slice sampling, in chains.

    Every step is accepted, and there is nothing to tune, since the priors are normal
    (Murray, Adams, MacKay 2010, Elliptical slice sampling, AISTATS, figure 2). The
    chains do not know each other, but are computed together.

    Parameters
    ----------
    kernel, prior : Kernel, Prior
        The model.
    X, A, y : ndarray
        Observations, as `luthier.numerics.gp.Evidence` takes them.
    starts : ndarray, shape (m, p + 1)
        Where the chains begin, best at a mode.
    rng : numpy.random.Generator
        The source of randomness.
    steps : int
        How many steps each chain takes.

    Returns
    -------
    ndarray, shape (m, p + 1)
        The ends of the chains.
    """
    squares = [_differences(kernel, i, X, X) ** 2 for i in range(len(kernel.terms))]
    trend = kernel.trend_cross(X, A, X, A) if kernel.trend else None
    theta = np.clip(starts, prior.low, prior.high)
    level = _log_likelihoods(kernel, theta, A, squares, trend, y)
    m = len(theta)
    for _ in range(steps):
        ellipse = prior.sd * rng.standard_normal(theta.shape)
        floor = level + np.log(rng.random(m))
        angle = 2 * pi * rng.random(m)
        least, most = angle - 2 * pi, angle.copy()
        moving = np.ones(m, dtype=bool)
        centred = theta - prior.mean
        for _ in range(40):
            at = np.flatnonzero(moving)
            turned = centred[at] * np.cos(angle[at, None]) + ellipse[at] * np.sin(angle[at, None])
            found = np.clip(prior.mean + turned, prior.low, prior.high)
            reached = _log_likelihoods(kernel, found, A, squares, trend, y)
            ok = reached > floor[at]
            theta[at[ok]], level[at[ok]] = found[ok], reached[ok]
            moving[at[ok]] = False
            if not moving.any():
                break
            negative = angle < 0
            least = np.where(negative, angle, least)
            most = np.where(negative, most, angle)
            angle = np.where(moving, least + (most - least) * rng.random(m), angle)
    return theta


def _log_likelihoods(
    kernel: Kernel, thetas: Array, A: Array, squares: list[Array], trend: Array | None, y: Array
) -> Array:
    values = np.exp(thetas)
    total: Array | None = None
    start = 0
    for i, (term, square) in enumerate(zip(kernel.terms, squares, strict=True)):
        p, n, _ = square.shape
        weights = values[:, start : start + p] ** -2
        start += p
        part, _ = correlate(
            kernel.correlation, (weights @ square.reshape(p, n * n)).reshape(-1, n, n)
        )
        part *= values[:, kernel.n_lengths + i][:, None, None]
        if term.gate is not None:
            part *= np.outer(A[:, term.gate], A[:, term.gate])
        total = part if total is None else total + part
    assert total is not None
    if trend is not None:
        total += np.tensordot(values[:, -1 - len(TREND) : -1], trend, axes=1)
    n = len(y)
    total[:, np.arange(n), np.arange(n)] += values[:, -1, None] + 1e-9
    result = np.full(len(thetas), -np.inf)
    try:
        factors = np.linalg.cholesky(total)
    except np.linalg.LinAlgError:
        for i, covariance in enumerate(total):
            try:
                factor = np.linalg.cholesky(covariance)
            except np.linalg.LinAlgError:
                continue
            result[i] = _density(factor[None], y)[0]
        return result
    return _density(factors, y)


def _density(factors: Array, y: Array) -> Array:
    scaled = np.linalg.solve(factors, np.broadcast_to(y, (len(factors), len(y)))[:, :, None])
    logdet = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
    return -0.5 * (scaled[:, :, 0] ** 2).sum(1) - logdet
