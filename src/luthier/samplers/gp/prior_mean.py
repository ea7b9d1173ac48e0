"""What is expected of a point before any result: the prior mean of the processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.bending import Bent
from luthier.numerics.ensemble import Ensemble, Gradients, Predictions
from luthier.space.codec import Codec

Array = NDArray[np.float64]


class PriorMean(Protocol):
    """A known function of the points, in standard deviations of the losses."""

    def mean(self, X: Array, A: Array) -> Array:
        """Return its values at points, ``(n,)``."""
        ...

    def gradient(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return its values ``(n,)`` and their derivatives by the coordinates ``(n, d)``."""
        ...


class Bowl:
    """The belief that people choose ranges with the best value somewhere inside.

    ``m(x) = depth / sqrt(p) * sum_j ((2 x_j - 1)^2 - 1/3)`` over the p numeric columns, of
    which those that are active count: 0 on average, and higher towards the ends. Without it
    an uncertain trend promises most in the corners, and under noise it stays uncertain for
    long: the search goes from corner to corner.

    Parameters
    ----------
    codec : Codec
        Of the space.
    depth : float
        How much worse an end of the range is than its middle in a space of one column, in
        standard deviations of the losses.
    """

    def __init__(self, codec: Codec, depth: float) -> None:
        self._numeric = np.array([c.kind != "categorical" for c in codec.columns], np.float64)
        self._depth = depth / max(self._numeric.sum(), 1.0) ** 0.5

    def mean(self, X: Array, A: Array) -> Array:
        """Return its values at points, ``(n,)``."""
        side = 2.0 * X - 1.0
        total: Array = self._depth * ((side * side - 1.0 / 3.0) * A) @ self._numeric
        return total

    def gradient(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return its values ``(n,)`` and their derivatives by the coordinates ``(n, d)``."""
        slope = 4.0 * self._depth * (2.0 * X - 1.0) * A * self._numeric
        return self.mean(X, A), slope


@dataclass(frozen=True, slots=True)
class Together:
    """The sum of several prior means."""

    parts: Sequence[PriorMean]

    def mean(self, X: Array, A: Array) -> Array:
        """Return its values at points, ``(n,)``."""
        total: Array = np.sum([part.mean(X, A) for part in self.parts], axis=0)
        return total

    def gradient(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return its values ``(n,)`` and their derivatives by the coordinates ``(n, d)``."""
        both = [part.gradient(X, A) for part in self.parts]
        return np.sum([v for v, _ in both], axis=0), np.sum([g for _, g in both], axis=0)


class Shifted:
    """Processes around a prior mean: an `Ensemble` of what the mean does not explain.

    Parameters
    ----------
    rest : Ensemble or Bent
        Of the observations less the mean.
    prior_mean : PriorMean
        The mean.
    """

    def __init__(self, rest: Ensemble | Bent, prior_mean: PriorMean) -> None:
        self.rest = rest
        self.prior_mean = prior_mean
        self.X, self.A, self.noise = rest.X, rest.A, rest.noise

    def __len__(self) -> int:
        return len(self.rest)

    @cached_property
    def _there(self) -> Array:
        return self.prior_mean.mean(self.X, self.A)

    @property
    def y(self) -> Array:
        """The observations, ``(m, n)``."""
        return self.rest.y + self._there

    @property
    def fitted(self) -> Array:
        """The posterior means at the observed points, ``(m, n)``."""
        return self.rest.fitted + self._there

    def mean(self, X: Array, A: Array) -> Array:
        """Predict the means alone, ``(m, k)``."""
        return self.rest.mean(X, A) + self.prior_mean.mean(X, A)

    def predict(self, X: Array, A: Array) -> Predictions:
        """Predict the noise-free functions at points."""
        mean, sd = self.rest.predict(X, A)
        return Predictions(mean + self.prior_mean.mean(X, A), sd)

    def predict_with_gradient(self, X: Array, A: Array) -> Gradients:
        """Predict, with derivatives by the coordinates (zero by choices)."""
        p = self.rest.predict_with_gradient(X, A)
        mean, slope = self.prior_mean.gradient(X, A)
        return Gradients(p.mean + mean, p.sd, p.by_mean + slope, p.by_sd)

    def followed_by(self, X: Array, A: Array, noise: float | None = None) -> Shifted:
        """Return the processes as if what they expect had been seen at more points."""
        return Shifted(self.rest.followed_by(X, A, noise), self.prior_mean)


Surrogate = Ensemble | Bent | Shifted
"""Processes, over bent axes or straight ones, with a prior mean or without one."""
