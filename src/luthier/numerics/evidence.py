"""Learning the hyperparameters of a Gaussian process: the mode of their posterior.

Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, eqs. 2.30
(the evidence) and 5.9 (its gradient).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log, pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidInput
from luthier.numerics.cholesky import factored, inverse, solved
from luthier.numerics.covariance import Covariance, Part
from luthier.numerics.kernels import Kernel
from luthier.numerics.sites import Sites

Array = NDArray[np.float64]

AT_ONCE = 1 << 14
"""Covariances between points that are computed together: some arrays of them fit into a cache."""

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
        Bounds: no hyperparameter is used that lies beyond.
    """

    mean: Array
    sd: Array
    low: Array
    high: Array

    def penalty(self, theta: Array) -> tuple[float, Array]:
        """Return the negative log density, up to a constant, and its gradient."""
        z = (theta - self.mean) / self.sd
        return 0.5 * float(z @ z), z / self.sd

    def within(self, thetas: Array) -> Array:
        """Return the nearest hyperparameters within the bounds, of the same shape."""
        return np.clip(thetas, self.low, self.high)


class _Solved(NamedTuple):
    """A covariance under one setting.

    Attributes
    ----------
    covariance : Covariance
    parts : list of Part
        Of the observed points, with slopes.
    loss : float
        The negative log likelihood.
    W : ndarray, shape (n, n)
        Twice its derivative by each entry of the covariance, ``K^-1 - alpha alpha^T``.
    """

    covariance: Covariance
    parts: list[Part]
    loss: float
    W: Array


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

    Raises
    ------
    InvalidInput
        If the shapes do not agree, or a number is not finite.
    """

    def __init__(self, kernel: Kernel, prior: Prior, X: Array, A: Array, y: Array) -> None:
        if y.shape != (len(X),):
            raise InvalidInput("y", y.shape, f"shape ({len(X)},), one observation a point")
        if not np.isfinite(y).all():
            raise InvalidInput("y", y, "finite numbers")
        self.kernel = kernel
        self.prior = prior
        self.y = y
        self._sites = Sites(kernel, X, A)

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Return the negative log posterior at a setting, and its gradient.

        Parameters
        ----------
        theta : ndarray, shape (p + 1,)

        Returns
        -------
        value : float
            Up to a constant of the prior; `HOPELESS`, with a gradient of zeros, where the
            covariance cannot be factored.
        gradient : ndarray, shape (p + 1,)
        """
        found = self._solved(theta)
        if found is None:
            return HOPELESS, np.zeros_like(theta)
        value, gradient = self.prior.penalty(theta)
        value += found.loss
        W, noise = found.W, float(found.covariance.noise[0])
        # Eq. 5.9: the derivative is half the trace of W times that of the covariance.
        gradient[:-1] += 0.5 * found.covariance.by_hyperparameters(found.parts, W)
        gradient[-1] += 0.5 * noise * float(np.trace(W))
        return value, gradient

    def by_points(self, theta: Array) -> tuple[float, Array]:
        """Return the negative log likelihood at a setting, and its gradient by the points.

        Parameters
        ----------
        theta : ndarray, shape (p + 1,)

        Returns
        -------
        value : float
            `HOPELESS`, with a gradient of zeros, where the covariance cannot be factored.
        gradient : ndarray, shape (n, d)
            Zero by choices.
        """
        view = self._sites.view
        found = self._solved(theta)
        if found is None:
            return HOPELESS, np.zeros_like(view.X)
        # A point is in a row and in a column of the covariance, which takes the half away.
        weights = found.W[None, None]
        by_points = found.covariance.by_coordinates(view, found.parts, np.zeros(1), weights)
        return found.loss, by_points[0, 0]

    def _solved(self, theta: Array) -> _Solved | None:
        """Return what both gradients need; None where the covariance cannot be factored."""
        covariance = Covariance(self._sites, theta[None])
        parts = list(covariance.parts(self._sites.view, slopes=True))
        try:
            factor = factored(covariance.own(parts)[0], float(covariance.noise[0]))
        except np.linalg.LinAlgError:
            return None
        white = solved(factor, self.y[:, None])
        alpha = solved(factor, white, transposed=True)
        W = inverse(factor)
        W -= alpha @ alpha.T
        return _Solved(covariance, parts, -_log_density(factor, white), W)

    def log_likelihoods(self, thetas: Array) -> Array:
        """Return the log density of the observations under each of several settings.

        Parameters
        ----------
        thetas : ndarray, shape (m, p + 1)

        Returns
        -------
        ndarray, shape (m,)
            Minus infinity where the covariance cannot be factored.
        """
        found = np.full(len(thetas), -np.inf)
        step = max(1, AT_ONCE // max(1, len(self.y) ** 2))
        for start in range(0, len(thetas), step):
            covariance = Covariance(self._sites, thetas[start : start + step])
            for i, own in enumerate(covariance.own()):
                try:
                    factor = factored(own, float(covariance.noise[i]))
                except np.linalg.LinAlgError:
                    continue
                found[start + i] = _log_density(factor, solved(factor, self.y[:, None]))
        return found


def _log_density(factor: Array, white: Array) -> float:
    """Return the log density of a normal vector, from ``L`` and ``L^-1 y``."""
    determinant = float(np.log(np.diagonal(factor)).sum())
    return -0.5 * float(np.vdot(white, white)) - determinant - 0.5 * len(white) * log(2 * pi)


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

    Returns
    -------
    ndarray, shape (p + 1,)

    Raises
    ------
    InvalidInput
        If there is no start.
    """
    from scipy.optimize import minimize

    prior = evidence.prior
    best: Array | None = None
    lowest = np.inf
    for start in starts:
        found = minimize(
            evidence,
            prior.within(start),
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
