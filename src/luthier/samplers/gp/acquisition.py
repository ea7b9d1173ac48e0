"""How much is expected of a point: logarithms of expected improvements and of chances, summed.

Every part has `value`, shape ``(n,)`` for n points, and `gradient`, which also
returns the derivatives, ``(n, d)``. In logarithms a product of an improvement
and several chances is a sum, and its gradient stays alive where each is tiny
(Ament et al. 2023, Unexpected Improvements to Expected Improvement).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from luthier.numerics.ehvi import Cells, log_ehvi_gradient
from luthier.numerics.log_ei import log_ei, log_ei_gradient
from luthier.samplers.gp.prior_mean import Surrogate
from luthier.space.codec import Codec

Array = NDArray[np.float64]

STEP = 1e-5
"""Of the unit cube, for the derivative of what only has values."""


class Part(Protocol):
    """A summand of an acquisition function."""

    def value(self, X: Array, A: Array) -> Array:
        """Return the values at points, shape ``(n,)``."""
        ...

    def gradient(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return values ``(n,)`` and derivatives by the coordinates ``(n, d)``."""
        ...


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of its parts."""

    parts: Sequence[Part]

    def value(self, X: Array, A: Array) -> Array:
        """Return the values at points."""
        total: Array = np.sum([part.value(X, A) for part in self.parts], axis=0)
        return total

    def gradient(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return values and derivatives."""
        both = [part.gradient(X, A) for part in self.parts]
        return np.sum([v for v, _ in both], axis=0), np.sum([g for _, g in both], axis=0)


@dataclass(frozen=True, slots=True)
class Improvement:
    """Log of the expected improvement on `best`, the mean over the members' expectations.

    Attributes
    ----------
    model : Surrogate
        Of the loss.
    best : ndarray, shape (m,)
        What is to be improved on, by each member.
    log_units : ndarray, shape (m,)
        Log of what one unit of each member's scale is worth.
    """

    model: Surrogate
    best: Array
    log_units: Array

    def value(self, X: Array, A: Array) -> Array:
        """Return the values at points."""
        mean, sd = self.model.predict(X, A)
        each = log_ei(mean, sd, self.best[:, None]) + self.log_units[:, None]
        return _mean_of_exp(each)[0]

    def gradient(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return values and derivatives."""
        p = self.model.predict_with_gradient(X, A)
        each, by_mean, by_sd = log_ei_gradient(p.mean, p.sd, self.best[:, None])
        value, share = _mean_of_exp(each + self.log_units[:, None])
        slope = np.einsum("mn,mnd->nd", share * by_mean, p.by_mean)
        slope += np.einsum("mn,mnd->nd", share * by_sd, p.by_sd)
        return value, slope


@dataclass(frozen=True, slots=True)
class HypervolumeImprovement:
    """Log of the expected gain in hypervolume, the mean over the members' expectations.

    Attributes
    ----------
    models : sequence of Surrogate
        Of each loss, with as many members each.
    cells : sequence of Cells
        What no known point dominates, as each member sees it.
    """

    models: Sequence[Surrogate]
    cells: Sequence[Cells]

    def value(self, X: Array, A: Array) -> Array:
        """Return the values at points."""
        predictions = [model.predict(X, A) for model in self.models]
        mean = np.stack([p.mean for p in predictions], axis=-1)
        sd = np.stack([p.sd for p in predictions], axis=-1)
        each = [log_ehvi_gradient(m, s, c)[0] for m, s, c in zip(mean, sd, self.cells, strict=True)]
        return _mean_of_exp(np.array(each))[0]

    def gradient(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return values and derivatives."""
        ps = [model.predict_with_gradient(X, A) for model in self.models]
        mean = np.stack([p.mean for p in ps], axis=-1)
        sd = np.stack([p.sd for p in ps], axis=-1)
        each = [log_ehvi_gradient(m, s, c) for m, s, c in zip(mean, sd, self.cells, strict=True)]
        value, share = _mean_of_exp(np.array([e[0] for e in each]))
        slope = np.zeros_like(X)
        for k, p in enumerate(ps):
            by_mean = share * np.array([e[1][:, k] for e in each])
            by_sd = share * np.array([e[2][:, k] for e in each])
            slope += np.einsum("mn,mnd->nd", by_mean, p.by_mean)
            slope += np.einsum("mn,mnd->nd", by_sd, p.by_sd)
        return value, slope


@dataclass(frozen=True, slots=True)
class Below:
    """Log of the chance that a function lies below a bound.

    Attributes
    ----------
    model : Surrogate
        Of the function; its first member counts.
    bound : float
        The bound.
    """

    model: Surrogate
    bound: float

    def value(self, X: Array, A: Array) -> Array:
        """Return the values at points."""
        mean, sd = self.model.predict(X, A)
        chance: Array = log_ndtr((self.bound - mean[0]) / sd[0])
        return chance

    def gradient(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return values and derivatives."""
        p = self.model.predict_with_gradient(X, A)
        z = (self.bound - p.mean[0]) / p.sd[0]
        chance = log_ndtr(z)
        # phi(z) / Phi(z), in logarithms so that it does not become 0 / 0.
        rate = np.exp(-0.5 * z * z - 0.5 * np.log(2 * np.pi) - chance) / p.sd[0]
        return chance, -rate[:, None] * (p.by_mean[0] + z[:, None] * p.by_sd[0])


@dataclass(frozen=True, slots=True)
class Expected:
    """A multiple of the mean of a function: of the log of the cost, to gain most per unit of it.

    Attributes
    ----------
    model : Surrogate
        Of the function; its first member counts.
    weight : float
        The factor.
    """

    model: Surrogate
    weight: float

    def value(self, X: Array, A: Array) -> Array:
        """Return the values at points."""
        value: Array = self.weight * self.model.mean(X, A)[0]
        return value

    def gradient(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return values and derivatives."""
        p = self.model.predict_with_gradient(X, A)
        return self.weight * p.mean[0], self.weight * p.by_mean[0]


@dataclass(frozen=True, slots=True)
class Belief:
    """A multiple of the log density of what an expert believes to be best.

    Hvarfner et al. (2022), piBO, ICLR, eq. 6: the weight falls as one over the trials.

    Attributes
    ----------
    codec : Codec
        Knows the beliefs.
    weight : float
        The factor.
    """

    codec: Codec
    weight: float

    def value(self, X: Array, A: Array) -> Array:
        """Return the values at points."""
        return self.weight * self.codec.log_belief(X)

    def gradient(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return values and derivatives, by differences: beliefs are of one column each."""
        slope = np.zeros_like(X)
        for j in range(X.shape[1]):
            up, down = X.copy(), X.copy()
            up[:, j] = np.minimum(up[:, j] + STEP, 1.0)
            down[:, j] = np.maximum(down[:, j] - STEP, 0.0)
            slope[:, j] = (self.value(up, A) - self.value(down, A)) / (up[:, j] - down[:, j])
        return self.value(X, A), slope


def _mean_of_exp(logs: Array) -> tuple[Array, Array]:
    """Return the log of the mean of the exponentials over the first axis, and each one's share."""
    top = logs.max(axis=0)
    share = np.exp(logs - top)
    total = share.sum(axis=0)
    return top + np.log(total / len(logs)), share / total
