"""Exact Gaussian-process regression with hyperparameters at the mode of their posterior.

Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, chapters
2 and 5: eqs. 2.25, 2.26 (prediction), 2.30 (evidence), 5.9 (its gradient), 5.12
(leave-one-out).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import log, pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs, dtrtrs
from scipy.optimize import minimize

from luthier.errors import InvalidInput
from luthier.numerics.kernels import TREND, Kernel, correlate, gates, squared_distances

Array = NDArray[np.float64]

JITTERS = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
"""Added to the diagonal, relative to its mean, until the covariance is positive definite."""

HOPELESS = 1e10
"""The negative log posterior where no jitter helps."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Independent normal beliefs about the logarithms of all hyperparameters.

    Attributes
    ----------
    mean, sd : ndarray, shape (p + 1,)
        For the kernel's hyperparameters, in its order, and at last the noise variance.
    low, high : ndarray, shape (p + 1,)
        Bounds of the search for the mode.
    """

    mean: Array
    sd: Array
    low: Array
    high: Array

    def penalty(self, theta: Array) -> tuple[float, Array]:
        """Return the negative log density, up to a constant, and its gradient."""
        z = (theta - self.mean) / self.sd
        return 0.5 * float(z @ z), z / self.sd


class Prediction(NamedTuple):
    """Mean and standard deviation of the noise-free function, each of shape ``(n,)``."""

    mean: Array
    sd: Array


class Gradient(NamedTuple):
    """A prediction and its derivatives by the coordinates, each of shape ``(n, d)``."""

    mean: Array
    sd: Array
    by_mean: Array
    by_sd: Array


class Evidence:
    """The negative log posterior of the hyperparameters, given observations.

    Parameters
    ----------
    kernel : Kernel
        The covariance.
    prior : Prior
        Of its hyperparameters and the noise.
    X : ndarray, shape (n, d)
        Points of the unit cube.
    A : ndarray, shape (n, d)
        1.0 where a column is active.
    y : ndarray, shape (n,)
        Observations, standardised.
    """

    def __init__(self, kernel: Kernel, prior: Prior, X: Array, A: Array, y: Array) -> None:
        self.kernel = kernel
        self.prior = prior
        self.y = y
        self._numeric = [np.ascontiguousarray(X[:, list(term.numeric)]) for term in kernel.terms]
        self._unequal = [
            [(X[:, j][:, None] != X[:, j][None, :]).astype(float) for j in term.choices]
            for term in kernel.terms
        ]
        self._gates = [
            None if term.gate is None else gates(term.gate, A, A) for term in kernel.terms
        ]
        self._trend = kernel.trend_cross(X, A, X, A) if kernel.trend else None

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Return the negative log posterior at `theta` and its gradient."""
        n = len(self.y)
        noise = float(np.exp(theta[-1]))
        covariance, parts = self._covariance(theta)
        factor = _factor(covariance, noise)
        penalty, gradient = self.prior.penalty(theta)
        if factor is None:
            return HOPELESS, np.zeros_like(theta)
        alpha = dpotrs(factor, self.y, lower=1)[0]
        fit = 0.5 * float(self.y @ alpha) + float(np.log(np.diag(factor)).sum())
        W = _inverse(factor) - np.outer(alpha, alpha)
        start = 0
        for i, part in enumerate(parts):
            width = len(part.lengths)
            gradient[start : start + width] += self._by_lengths(i, part, W)
            gradient[self.kernel.n_lengths + i] += 0.5 * float(np.vdot(W, part.covariance))
            start += width
        if self._trend is not None:
            weights = np.exp(theta[-1 - len(TREND) : -1])
            gradient[-1 - len(TREND) : -1] += 0.5 * weights * np.tensordot(self._trend, W, axes=2)
        gradient[-1] += 0.5 * noise * float(np.trace(W))
        return penalty + fit + 0.5 * n * log(2 * pi), gradient

    def _covariance(self, theta: Array) -> tuple[Array, list[_Part]]:
        parts = []
        total: Array | None = None
        for i, (lengths, amplitude) in enumerate(self.kernel.split(theta[:-1])):
            Z = self._numeric[i] / lengths[: self._numeric[i].shape[1]]
            norms = np.einsum("ij,ij->i", Z, Z)
            squared = Z @ Z.T
            squared *= -2.0
            squared += norms[:, None]
            squared += norms
            np.maximum(squared, 0.0, out=squared)
            for unequal, length in zip(self._unequal[i], lengths[Z.shape[1] :], strict=True):
                squared += unequal / length**2
            covariance, slope = correlate(self.kernel.correlation, squared)
            gate = self._gates[i]
            scale = amplitude if gate is None else amplitude * gate
            covariance *= scale
            slope *= scale
            total = covariance if total is None else total + covariance
            parts.append(_Part(lengths, Z, covariance, slope))
        assert total is not None
        if self._trend is not None:
            total = total + np.tensordot(np.exp(theta[-1 - len(TREND) : -1]), self._trend, axes=1)
        return total, parts

    def _by_lengths(self, i: int, part: _Part, W: Array) -> Array:
        """Return the derivatives by the log length-scales of one term.

        With ``G = W o dk/dr^2 / 2`` and ``Z`` scaled: ``sum_ab G_ab (z_a - z_b)^2`` is
        ``2 (z^2 . G1 - z^T G z)``, so that no (n, n, d) array is made.
        """
        G = W * part.slope
        by_numeric = (part.Z**2).T @ G.sum(1) - np.einsum("ij,ij->j", part.Z, G @ part.Z)
        by_choice = [
            float(np.vdot(G, unequal)) / length**2
            for unequal, length in zip(
                self._unequal[i], part.lengths[part.Z.shape[1] :], strict=True
            )
        ]
        return np.concatenate([-2.0 * by_numeric, -np.array(by_choice)])


class _Part(NamedTuple):
    lengths: Array
    Z: Array
    covariance: Array
    slope: Array


def fit(evidence: Evidence, starts: Iterable[Array], max_iterations: int = 50) -> Array:
    """Return the hyperparameters of highest posterior density found from the starts.

    Parameters
    ----------
    evidence : Evidence
        What to minimise.
    starts : iterable of ndarray, shape (p + 1,)
        Where L-BFGS-B begins; the best end wins.
    max_iterations : int, default 50
        For each start.
    """
    prior = evidence.prior
    best, lowest = None, np.inf
    for start in starts:
        start = np.clip(start, prior.low, prior.high)
        found = minimize(
            evidence,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=np.stack([prior.low, prior.high], axis=1),
            options={"maxiter": max_iterations, "gtol": 1e-2, "ftol": 1e-6},
        )
        if best is None or found.fun < lowest:
            best, lowest = found.x, float(found.fun)
    if best is None:
        raise InvalidInput("starts", starts, "at least one")
    return best


class GaussianProcess:
    """A Gaussian process with fixed hyperparameters, given observations.

    Parameters
    ----------
    kernel : Kernel
        The covariance.
    theta : ndarray, shape (p + 1,)
        Logarithms of the kernel's hyperparameters and of the noise variance.
    X, A : ndarray, shape (n, d)
        Points of the unit cube, and 1.0 where a column is active.
    y : ndarray, shape (n,)
        Observations; the mean of the process is zero.

    Raises
    ------
    InvalidInput
        If the shapes do not agree.
    numpy.linalg.LinAlgError
        If the covariance is not positive definite, whatever the jitter.
    """

    def __init__(self, kernel: Kernel, theta: Array, X: Array, A: Array, y: Array) -> None:
        if X.shape != A.shape or len(X) != len(y):
            raise InvalidInput("X, A, y", (X.shape, A.shape, y.shape), "one row each a point")
        if len(theta) != kernel.n_parameters + 1:
            raise InvalidInput("theta", len(theta), f"{kernel.n_parameters + 1} numbers")
        self.kernel = kernel
        self.theta = theta
        self.X, self.A, self.y = X, A, y
        self.noise = float(np.exp(theta[-1]))
        self._parts = list(zip(kernel.terms, kernel.split(theta[:-1]), strict=True))

    @cached_property
    def factor(self) -> Array:
        """Lower Cholesky factor of the covariance of the observations, noise included."""
        covariance = self.kernel.cross(self.theta[:-1], self.X, self.A, self.X, self.A)
        factor = _factor(covariance, self.noise)
        if factor is None:
            raise np.linalg.LinAlgError("the covariance is not positive definite")
        return factor

    @cached_property
    def alpha(self) -> Array:
        """The covariance's inverse times the observations."""
        alpha: Array = dpotrs(self.factor, self.y, lower=1)[0]
        return alpha

    @cached_property
    def inverse(self) -> Array:
        """The inverse of the covariance of the observations."""
        return _inverse(self.factor)

    def cross(self, X: Array, A: Array) -> Array:
        """Return the covariance of points with the observed ones, ``(m, n)``."""
        return self.kernel.cross(self.theta[:-1], X, A, self.X, self.A)

    def mean(self, X: Array, A: Array) -> Array:
        """Predict the mean alone, shape ``(m,)``."""
        return self.cross(X, A) @ self.alpha

    def predict(self, X: Array, A: Array) -> Prediction:
        """Predict the noise-free function at points."""
        k = self.cross(X, A)
        variance = self.kernel.variance(self.theta[:-1], X, A)
        variance -= np.einsum("ij,ij->i", k @ self.inverse, k)
        return Prediction(k @ self.alpha, np.sqrt(np.maximum(variance, 1e-12)))

    def predict_with_gradient(self, X: Array, A: Array) -> Gradient:
        """Predict, with derivatives by the coordinates (zero by choices)."""
        k = np.zeros((len(X), len(self.X)))
        slopes = []
        for term, (lengths, amplitude) in self._parts:
            squared = squared_distances(term, lengths, X, self.X)
            part, slope = correlate(self.kernel.correlation, squared)
            scale = amplitude
            if term.gate is not None:
                scale = amplitude * gates(term.gate, A, self.A)
            k += scale * part
            slopes.append(scale * slope)
        weights = k @ self.inverse
        variance = self.kernel.variance(self.theta[:-1], X, A) - np.einsum("ij,ij->i", weights, k)
        sd = np.sqrt(np.maximum(variance, 1e-12))
        by_mean, by_variance = np.zeros_like(X), np.zeros_like(X)
        for (term, (lengths, _)), slope in zip(self._parts, slopes, strict=True):
            numeric = list(term.numeric)
            scale = 2.0 / lengths[: len(numeric)] ** 2
            at, seen = X[:, numeric], self.X[:, numeric]
            for weight, out in ((self.alpha, by_mean), (-2.0 * weights, by_variance)):
                each = weight * slope
                out[:, numeric] += scale * (at * each.sum(1)[:, None] - each @ seen)
        return Gradient(k @ self.alpha, sd, by_mean, by_variance / (2.0 * sd[:, None]))

    def joint(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Predict the mean, ``(m,)``, and the covariance of points, ``(m, m)``."""
        k = self.cross(X, A)
        prior = self.kernel.cross(self.theta[:-1], X, A, X, A)
        return k @ self.alpha, prior - k @ self.inverse @ k.T

    def followed_by(self, X: Array, A: Array, y: Array | None = None) -> GaussianProcess:
        """Return the process given more observations, without factoring anew.

        Parameters
        ----------
        X, A : ndarray, shape (m, d)
            Where.
        y : ndarray, shape (m,), optional
            What was seen there; by default what the process expects (Ginsbourger et al.
            2010, Kriging Is Well-Suited to Parallelize Optimization: the believer).
        """
        if y is None:
            y = self.mean(X, A)
        more = GaussianProcess(
            self.kernel,
            self.theta,
            np.vstack([self.X, X]),
            np.vstack([self.A, A]),
            np.concatenate([self.y, y]),
        )
        n, m = len(self.X), len(X)
        k = self.cross(X, A)
        below = dtrtrs(self.factor, k.T, lower=1)[0].T
        rest = self.kernel.cross(self.theta[:-1], X, A, X, A) - below @ below.T
        corner = _factor(rest, self.noise)
        if corner is not None:
            factor = np.zeros((n + m, n + m), order="F")
            factor[:n, :n] = np.tril(self.factor)
            factor[n:, :n] = below
            factor[n:, n:] = np.tril(corner)
            more.factor = factor
        return more

    @cached_property
    def left_out(self) -> Prediction:
        """Predict each observation from all others; `sd` is that of the observation."""
        precision = np.diag(self.inverse)
        return Prediction(self.y - self.alpha / precision, 1.0 / np.sqrt(precision))

    @property
    def left_out_density(self) -> Array:
        """Log density of each observation given all others, shape ``(n,)``."""
        mean, sd = self.left_out
        z = (self.y - mean) / sd
        return -0.5 * (z * z + log(2 * pi)) - np.log(sd)


def _factor(covariance: Array, noise: float) -> Array | None:
    """Return the lower Cholesky factor of covariance plus noise; None if there is none."""
    n = len(covariance)
    scale = float(np.trace(covariance)) / max(n, 1)
    for jitter in JITTERS:
        noisy = covariance.copy(order="F")
        noisy[np.diag_indices(n)] += noise + jitter * scale
        factor, info = dpotrf(noisy, lower=1, overwrite_a=1)
        if info == 0:
            lower: Array = factor
            return lower
    return None


def _inverse(factor: Array) -> Array:
    inverse: Array = dpotri(factor, lower=1)[0]
    lower = np.tril(inverse)
    return lower + np.tril(lower, -1).T
