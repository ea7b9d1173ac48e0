"""A Gaussian process whose function drifts as time goes by.

The covariance of two observations falls with the time between them, so that what was seen
long ago counts less (Bogunovic, Scarlett and Cevher 2016, Time-Varying Gaussian Process Bandit
Optimization, section 2):

    k((x, t), (x', t')) = s^2 c(r^2(x, x') / l^2) (1 - e)^(|t - t'| / 2)

with the Matern-5/2 correlation `c`, and distances as in `luthier.numerics.kernels`. There are three
hyperparameters beside the variance ``s^2``: the length-scale l, the forgetting e, and the share of
the noise. They are the best of a small grid, and ``s^2`` is the best one for each of its points.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.cholesky import factored, solved
from luthier.numerics.kernels import correlate

Array = NDArray[np.float64]

LENGTHS = (0.15, 0.3, 0.6, 1.2)
"""Of the unit cube's side, for one column; more columns are farther apart."""

FORGETTING = (0.0, 0.03, 0.1, 0.3)
NOISES = (0.01, 0.1, 1.0)
"""Variance of the noise, as a multiple of that of the function."""


class Inputs(NamedTuple):
    """Where a function is observed or asked for.

    Attributes
    ----------
    numeric : ndarray, shape (n, p)
        Columns whose difference counts, of about the size of the unit interval.
    choices : ndarray, shape (n, q)
        Columns of which only equality counts.
    times : ndarray, shape (n,)
    """

    numeric: Array
    choices: Array
    times: Array

    def squared(self, other: Inputs) -> Array:
        """Return squared distances between these points and others, the time aside."""
        found: Array = np.sum((self.numeric[:, None] - other.numeric[None]) ** 2, axis=2)
        found += np.sum(self.choices[:, None] != other.choices[None], axis=2)
        return found

    def apart(self, other: Inputs) -> Array:
        """Return the time between these points and others."""
        apart: Array = np.abs(self.times[:, None] - other.times[None])
        return apart

    def followed_by(self, other: Inputs) -> Inputs:
        """Return these points and then the others."""
        pairs = zip(self, other, strict=True)
        return Inputs(*(np.concatenate(pair) for pair in pairs))


class Drifting:
    """What was learnt of a drifting function.

    Parameters
    ----------
    inputs : Inputs
        Where it was observed, at least one point.
    y : ndarray, shape (n,)
        What was observed.

    Attributes
    ----------
    length, forgetting, noise : float
        The hyperparameters.
    variance : float
        ``s^2``.
    """

    def __init__(self, inputs: Inputs, y: Array) -> None:
        self._inputs = inputs
        self._center = float(y.mean())
        self._scale = float(y.std()) or 1.0
        z = (y - self._center) / self._scale
        columns = inputs.numeric.shape[1] + inputs.choices.shape[1]
        squared, apart = inputs.squared(inputs), inputs.apart(inputs)
        best = np.inf
        for length, forgetting in product(LENGTHS, FORGETTING):
            stretched = length * max(columns, 1) ** 0.5
            covariance = _covariance(squared, apart, stretched, forgetting)
            for noise in NOISES:
                factor = factored(covariance, noise)
                half = solved(factor, z[:, None])[:, 0]
                variance = max(float(half @ half) / len(z), 1e-12)
                # Minus the logarithm of the evidence at the best variance, up to a constant.
                loss = 0.5 * len(z) * np.log(variance) + np.log(np.diag(factor)).sum()
                if loss < best:
                    best, self._factor, self._half = loss, factor, half
                    self.length, self.forgetting, self.noise = stretched, forgetting, noise
                    self.variance = variance

    def mean(self, at: Inputs) -> Array:
        """Return what is expected at some points, in the unit of the observations."""
        cross = self._cross(self._inputs, at)
        found: Array = solved(self._factor, cross).T @ self._half
        return self._center + self._scale * found

    def deviation(self, at: Inputs, pending: Inputs) -> Array:
        """Return how uncertain the function is at some points, once the pending ones are known.

        Whatever is found at those, the uncertainty will be the same: so a batch is spread
        (Desautels, Krause and Burdick 2014, Parallelizing Exploration-Exploitation Tradeoffs in
        Gaussian Process Bandit Optimization).
        """
        known = self._inputs.followed_by(pending)
        cross = self._cross(known, at)
        factor = factored(self._cross(known, known), self.noise)
        left = 1.0 - np.sum(solved(factor, cross) ** 2, axis=0)
        found: Array = self._scale * np.sqrt(self.variance * np.maximum(left, 0.0))
        return found

    def _cross(self, one: Inputs, other: Inputs) -> Array:
        return _covariance(one.squared(other), one.apart(other), self.length, self.forgetting)


def _covariance(squared: Array, apart: Array, length: float, forgetting: float) -> Array:
    found = squared / length**2
    correlate("matern52", found)
    found *= (1.0 - forgetting) ** (apart / 2)
    return np.asfortranarray(found)
