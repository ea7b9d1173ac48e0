"""What earlier studies say, as a prior mean that is believed as far as it has proved right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.model.earlier import Earlier
from luthier.numerics.ensemble import Ensemble
from luthier.numerics.evidence import Prior
from luthier.numerics.kernels import Kernel
from luthier.samplers.gp.surrogate import learn
from luthier.space.space import Space

Array = NDArray[np.float64]

MOST = 100
"""Of each earlier study so many trials are looked at."""

FEW = 5
"""An earlier study with fewer trials in this space says nothing."""


def opinion(
    earlier: Earlier, space: Space, objective: int, kernel: Kernel, prior: Prior
) -> Ensemble | None:
    """Return a process of one objective of an earlier study; None if it says too little.

    Losses are the normal quantiles of their ranks, so that scales of other data sets do not
    matter (Salinas et al. 2020, A Quantile-based Approach for Hyperparameter Transfer Learning).
    """
    X, A = earlier.encoded(space)
    scores = earlier.scores()[:, objective]
    rows = np.flatnonzero(A.any(axis=1) & ~np.isnan(scores))
    if len(rows) > MOST:
        rows = rows[np.linspace(0, len(rows) - 1, MOST).round().astype(int)]
    if len(rows) < FEW or np.ptp(scores[rows]) == 0:
        return None
    y = scores[rows] - scores[rows].mean()
    thetas = learn(kernel, prior, X[rows], A[rows], y, 1, 0)
    return Ensemble(kernel, thetas, X[rows], A[rows], y)


@dataclass(frozen=True, slots=True)
class Blend:
    """A weighted sum of opinions.

    Attributes
    ----------
    opinions : sequence of Ensemble
        One a source, with one member each.
    weights : ndarray, shape (s,)
        Of each; 0 for those that have not proved right.
    """

    opinions: Sequence[Ensemble]
    weights: Array

    def mean(self, X: Array, A: Array) -> Array:
        """Return the blend at points, ``(n,)``."""
        total = np.zeros(len(X))
        for each, weight in zip(self.opinions, self.weights, strict=True):
            if weight:
                total += weight * each.mean(X, A)[0]
        return total

    def gradient(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return the blend ``(n,)`` and its derivatives by the coordinates ``(n, d)``."""
        total, slope = np.zeros(len(X)), np.zeros(X.shape)
        for each, weight in zip(self.opinions, self.weights, strict=True):
            if weight:
                p = each.predict_with_gradient(X, A)
                total += weight * p.mean[0]
                slope += weight * p.by_mean[0]
        return total, slope


def blended(opinions: Sequence[Ensemble], X: Array, A: Array, z: Array) -> Blend:
    """Weigh opinions by how well they foretold the observations.

    Each counts by its correlation with them, less what chance alone would give; so does
    their sum, whose slope is that of a regression, shrunk by the same amount. Unrelated
    studies therefore weigh next to nothing, and the less the more is known.

    Parameters
    ----------
    opinions : sequence of Ensemble
        What earlier studies say.
    X, A, z : ndarray
        Observations of this one; `z` standardised.
    """
    said = np.array([each.mean(X, A)[0] for each in opinions]).reshape(len(opinions), len(z))
    trust = np.array([_beyond_chance(one, z) ** 2 for one in said])
    if not trust.any():
        return Blend(opinions, np.zeros(len(opinions)))
    weights = trust / trust.sum()
    together = weights @ said
    slope = _beyond_chance(together, z) * float(z.std()) / float(together.std())
    return Blend(opinions, weights * slope)


def _beyond_chance(said: Array, z: Array) -> float:
    if len(z) < 3 or not said.std() > 1e-9 or not z.std() > 1e-9:
        return 0.0
    correlation = float(np.corrcoef(said, z)[0, 1])
    return max(0.0, correlation - float(np.sqrt(1 / len(z))))
