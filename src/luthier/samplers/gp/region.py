"""Where to look when there are many observations: a box around the best point.

Eriksson et al. (2019), Scalable Global Optimization via Local Bayesian
Optimization (TuRBO), NeurIPS: the box grows with successes and shrinks with
failures, and begins anew when it has become too small to find anything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from luthier.samplers.gp.search import Terrain

Array = NDArray[np.float64]

FIRST, SMALLEST, LARGEST = 0.8, 2.0**-7, 1.6
"""Sides of the box, in the unit cube."""

SUCCESSES, FAILURES = 3, 8
"""In a row, until the box grows or shrinks."""

MOVED = 20
"""About so many columns of the best point are changed at once."""


def side(losses: Array, start: int) -> float:
    """Return the side of the box after these losses, the first `start` of which were before it.

    Parameters
    ----------
    losses : ndarray, shape (n,)
        In the order in which trials ended; NaN without a result.
    start : int
        From here on the box was in use.
    """
    best = np.fmin.reduce(losses[:start], initial=np.inf)
    length, successes, failures = FIRST, 0, 0
    for loss in losses[start:].tolist():
        if loss < best:
            best, successes, failures = loss, successes + 1, 0
        else:
            successes, failures = 0, failures + 1
        if successes == SUCCESSES:
            length, successes = min(2 * length, LARGEST), 0
        elif failures == FAILURES:
            length, failures = length / 2, 0
            if length < SMALLEST:
                length = FIRST
    return length


class Region(Terrain):
    """The legal points in a box around a point; choices are free.

    Parameters
    ----------
    whole : Terrain
        The legal points of the space.
    centre : ndarray, shape (d,)
        A legal point.
    length : float
        Side of the box.
    """

    def __init__(self, whole: Terrain, centre: Array, length: float) -> None:
        self.__dict__.update(whole.__dict__)
        self._whole = whole
        self._centre = centre
        free = whole.choices
        self.low = np.where(free, whole.low, np.maximum(whole.low, centre - length / 2))
        self.high = np.where(free, whole.high, np.minimum(whole.high, centre + length / 2))

    def draw(self, rng: np.random.Generator, n: int) -> Array:
        """Return points of the box that differ from its centre in some of the columns."""
        d = len(self._centre)
        points = self.low + (self.high - self.low) * rng.random((n, d))
        moved = rng.random((n, d)) < min(1.0, MOVED / d)
        moved[:, self.choices] &= rng.random((n, int(self.choices.sum()))) < 0.3
        moved[np.arange(n), rng.integers(d, size=n)] = True
        return np.where(moved, points, self._centre)

    def anywhere(self, rng: np.random.Generator, n: int) -> Array:
        """Return points of the whole space."""
        return self._whole.draw(rng, n)
