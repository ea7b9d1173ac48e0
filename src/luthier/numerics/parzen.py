"""Parzen estimators: a density over numbers and choices, made of one kernel for each point.

A kernel is a product over the columns: a normal distribution cut off at the ends for a number,
and for a choice its own value with some probability and any value otherwise. One more kernel, as
wide as the domain, is the prior, so that the density is nowhere zero.

References
----------
Bergstra et al. (2011), Algorithms for hyper-parameter optimization, NeurIPS. Watanabe (2023),
Tree-structured Parzen estimator: understanding its algorithm components, arXiv:2304.11127.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

SMALL_PRODUCT = 262_144
"""Matrix products of at most so many multiplications are computed by one thread in OpenBLAS."""

PROBABILITIES = np.concatenate([[0.0], 1.0 / (1.0 + np.exp(np.linspace(12.0, -12.0, 63))), [1.0]])
"""Where the quantiles of a prior are looked up: dense in the tails, which begin at 6e-6."""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of a domain.

    Attributes
    ----------
    numbers : array of shape ``(n, d)``
        In [0, 1].
    choices : array of int, shape ``(n, c)``
        From 0.
    """

    numbers: Array
    choices: IntArray

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, slots=True, eq=False)
class Domain:
    """What the columns of points can be, and the prior over it.

    Attributes
    ----------
    levels : array of shape ``(d,)``
        Into how many equal cells each number is divided; 0 for none.
    quantiles : array of shape ``(65, d)``, optional
        Of the prior over each number, at `PROBABILITIES`; between them it is uniform. None if
        it is uniform everywhere.
    sizes : array of int, shape ``(c,)``
        How many choices there are.
    chances : tuple of (array or None)
        For each column of choices their prior probabilities; None if they are equal.
    """

    levels: Array
    quantiles: Array | None
    sizes: IntArray
    chances: tuple[Array | None, ...]

    def part(self, numbers: IntArray, choices: IntArray) -> Domain:
        """Return the domain of some of the columns."""
        return Domain(
            self.levels[numbers],
            None if self.quantiles is None else self.quantiles[:, numbers],
            self.sizes[choices],
            tuple(self.chances[column] for column in choices),
        )

    def draw(self, rng: np.random.Generator, n: int) -> Points:
        """Draw points from the prior."""
        numbers = rng.random((n, len(self.levels)))
        if self.quantiles is not None:
            for column, quantiles in enumerate(self.quantiles.T):
                numbers[:, column] = np.interp(numbers[:, column], PROBABILITIES, quantiles)
        choices = np.minimum(
            (rng.random((n, len(self.sizes))) * self.sizes).astype(np.int64), self.sizes - 1
        )
        for column, chances in enumerate(self.chances):
            if chances is not None:
                drawn = np.searchsorted(np.cumsum(chances), rng.random(n), side="right")
                choices[:, column] = np.minimum(drawn, len(chances) - 1)
        return Points(self.snapped(numbers), choices)

    def snapped(self, numbers: Array) -> Array:
        """Return the numbers, those in cells moved to the centre of theirs."""
        if not self.levels.any():
            return numbers
        cells = np.maximum(self.levels, 1.0)
        centres = (np.minimum(np.floor(numbers * cells), cells - 1) + 0.5) / cells
        return np.where(self.levels > 0, centres, numbers)

    def log_density(self, points: Points) -> Array:
        """Return the log density of the prior, shape ``(n,)``."""
        total = np.zeros(len(points))
        if self.quantiles is not None:
            for column, quantiles in enumerate(self.quantiles.T):
                cell = np.searchsorted(quantiles, points.numbers[:, column], side="right") - 1
                densities = np.diff(PROBABILITIES) / np.maximum(np.diff(quantiles), 1e-12)
                total += np.log(densities[np.clip(cell, 0, len(densities) - 1)])
        for column in range(len(self.sizes)):
            total += np.log(self.chance(column, points.choices[:, column]))
        return total

    def chance(self, column: int, choices: IntArray) -> Array:
        """Return the prior probabilities of choices in one column."""
        chances = self.chances[column]
        if chances is None:
            return np.full(len(choices), 1.0 / self.sizes[column])
        return chances[choices]


class Mixture:
    """A density with one kernel for each point, and the prior.

    How wide the kernels are in a column of numbers, `widths` says. In a column of choices, a
    kernel of `k` keeps its choice with probability ``k / (k + curiosity * size)``, and draws from
    the prior otherwise.

    Parameters
    ----------
    domain : Domain
    points : Points
        The centres of the kernels; there may be none.
    weights : array of shape ``(k,)``
        Of the kernels; their mean is the weight of the prior.
    smoothing : float, default 0.0
        Lower bound of the kernels' widths, as a multiple of the width of Scott's rule.
    curiosity : float, default 1.0
        How readily a kernel leaves its choice.
    """

    def __init__(
        self,
        domain: Domain,
        points: Points,
        weights: Array,
        *,
        smoothing: float = 0.0,
        curiosity: float = 1.0,
    ) -> None:
        self._domain, self._points = domain, points
        k = len(points)
        # The prior comes last. It counts as one more point of mean weight.
        weights = np.append(weights, weights.mean() if k else 1.0)
        self._weights = weights / weights.sum()
        self._widths = widths(points.numbers, domain.levels, smoothing)
        self._leaves = curiosity * domain.sizes / (k + curiosity * domain.sizes)
        centres, precisions = points.numbers, 1.0 / (self._widths * self._widths)
        # -(x - c)^2 / 2w^2 as a product of (x^2, x) with what depends on the kernel alone.
        self._slopes = np.hstack([-0.5 * precisions, centres * precisions]).T
        self._offsets = (
            np.log(self._weights[:-1])
            - 0.5 * (centres * centres * precisions).sum(axis=1)
            - np.log(math.sqrt(2 * math.pi) * self._widths * inside(centres, self._widths)).sum(
                axis=1
            )
            + np.log(self._leaves).sum()
        )
        self._gains = [
            np.log1p((1 - leaves) / (leaves * domain.chance(column, points.choices[:, column])))
            for column, leaves in enumerate(self._leaves)
        ]

    def draw(self, rng: np.random.Generator, n: int) -> Points:
        """Draw points from the density; numbers in cells are the centres of theirs."""
        kernel = np.searchsorted(np.cumsum(self._weights[:-1]), rng.random(n), side="right")
        points = self._domain.draw(rng, n)
        drawn = np.flatnonzero(kernel < len(self._points))
        kernel = kernel[drawn]
        centres, widths = self._points.numbers[kernel], self._widths[kernel]
        points.numbers[drawn] = self._domain.snapped(_cut_normal(rng, centres, widths))
        stays = rng.random((len(drawn), len(self._leaves))) >= self._leaves
        own = self._points.choices[kernel]
        points.choices[drawn] = np.where(stays, own, points.choices[drawn])
        return points

    def log_density(self, points: Points) -> Array:
        """Return the log density, shape ``(n,)``."""
        prior = math.log(self._weights[-1]) + self._domain.log_density(points)
        if not len(self._points):
            return prior
        logs = self._log_kernels(points)
        top = np.maximum(logs.max(axis=1), prior)
        logs -= top[:, None]
        total: Array = top + np.log(np.exp(logs, out=logs).sum(axis=1) + np.exp(prior - top))
        return total

    def _log_kernels(self, points: Points) -> Array:
        """Return the log of each weighted kernel at each point, shape ``(n, k)``."""
        n, k = len(points), len(self._points)
        numbers = np.hstack([points.numbers * points.numbers, points.numbers])
        logs = np.empty((n, k))
        # In parts that are too small for threads: they would cost more than they give, and the
        # sum would depend on how many there are.
        step = max(1, SMALL_PRODUCT // max(1, n * numbers.shape[1]))
        for start in range(0, k, step):
            part = slice(start, start + step)
            logs[:, part] = numbers @ self._slopes[:, part]
        logs += self._offsets
        for column, gains in enumerate(self._gains):
            choices = points.choices[:, column]
            logs += np.equal.outer(choices, self._points.choices[:, column]) * gains
            logs += np.log(self._domain.chance(column, choices))[:, None]
        return logs


def widths(numbers: Array, levels: Array, smoothing: float = 0.0) -> Array:
    """Return the width of each kernel in each column, shape ``(k, d)``.

    The distance to the farther of the two neighbours in the column. The outermost points have
    one neighbour; a point alone has the ends of the range. At least ``1 / (k + 2)``, a hundredth
    of the range, half a cell, and `smoothing` times the width of Scott's rule, and at most 1.
    """
    k, d = numbers.shape
    if not k:
        return np.empty_like(numbers)
    order, column = np.argsort(numbers, axis=0), np.arange(d)
    inner = numbers[order, column]
    if k == 1:
        gaps = np.maximum(inner, 1.0 - inner)
    else:
        between = inner[1:] - inner[:-1]
        gaps = np.empty_like(inner)
        gaps[0], gaps[-1] = between[0], between[-1]
        np.maximum(between[1:], between[:-1], out=gaps[1:-1])
    result = np.empty_like(gaps)
    result[order, column] = gaps
    half_cell = 0.5 / np.where(levels > 0, levels, np.inf)
    least = np.maximum(max(0.01, 1.0 / (k + 2)), half_cell)
    if smoothing:
        least = np.maximum(least, smoothing * _scott(numbers))
    return np.minimum(np.maximum(result, least), 1.0)


def _scott(numbers: Array) -> Array:
    """Return the width of Scott's rule in each column.

    Two points of a uniform distribution temper the deviation of a few points close together.
    """
    k, d = numbers.shape
    offsets = numbers - numbers.sum(axis=0) / k
    variance = (np.einsum("kd,kd->d", offsets, offsets) + 2 / 12) / (k + 2)
    width: Array = np.sqrt(variance) * k ** (-1.0 / (d + 4))
    return width


def inside(centres: Array, widths: Array) -> Array:
    """Return how much of each normal distribution lies in [0, 1]."""
    return _normal_cdf((1.0 - centres) / widths) - _normal_cdf(-centres / widths)


def _normal_cdf(x: Array) -> Array:
    """Return the normal distribution function to 2e-4 (Page 1977, Applied Statistics 26).

    Enough to weigh kernels by, and without SciPy, which takes longer to import than hundreds of
    suggestions take.
    """
    return 0.5 + 0.5 * np.tanh(x * (0.7988 + 0.035283 * x * x))


def _cut_normal(rng: np.random.Generator, centres: Array, widths: Array) -> Array:
    """Draw from normal distributions cut off at 0 and 1, by trying again.

    With centres inside and widths of at most 1, a third of what is drawn lies inside.
    """
    drawn = centres + widths * rng.standard_normal(centres.shape)
    outside = (drawn < 0) | (drawn > 1)
    while outside.any():
        again = int(outside.sum())
        drawn[outside] = centres[outside] + widths[outside] * rng.standard_normal(again)
        outside = (drawn < 0) | (drawn > 1)
    return drawn
