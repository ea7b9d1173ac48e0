"""Non-dominated sorting: fronts, and how crowded they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def fronts(losses: Array, violations: Array | None = None) -> NDArray[np.int64]:
    """Return the front of each point: 0 if none is better, 1 if only front 0 is, and so on.

    A point is better than another if it violates the constraints less, or as much and it
    dominates it (Deb et al. 2002, definition 1).

    Parameters
    ----------
    losses : array of shape ``(n, m)``
        Less is better; infinities are allowed, NaN is not.
    violations : array of shape ``(n,)``, optional
        0 where feasible; may be infinite. None if all points are feasible.

    Returns
    -------
    array of int, shape ``(n,)``

    Notes
    -----
    Compares all pairs at once, ``n * n * m`` comparisons, which up to a few hundred points is
    faster than any loop.
    """
    n = len(losses)
    nowhere_larger = np.all(losses[:, None, :] <= losses[None, :, :], axis=2)
    better = nowhere_larger & ~nowhere_larger.T
    if violations is not None:
        less = violations[:, None] < violations[None, :]
        better = less | (better & (violations[:, None] == violations[None, :]))
    beaten_by = better.sum(axis=0)
    rank = np.full(n, -1)
    front, left = 0, n
    while left:
        members = np.flatnonzero((beaten_by == 0) & (rank < 0))
        rank[members] = front
        beaten_by -= better[members].sum(axis=0)
        left -= len(members)
        front += 1
    return rank


def crowding(losses: Array) -> Array:
    """Return how far apart the neighbours of each point are, in sum over the objectives.

    Parameters
    ----------
    losses : array of shape ``(n, m)``
        Of one front; finite.

    Returns
    -------
    array of shape ``(n,)``
        Infinite at the ends of an objective. More is less crowded.

    References
    ----------
    Deb, Pratap, Agarwal and Meyarivan (2002), A Fast and Elitist Multiobjective Genetic
    Algorithm: NSGA-II, IEEE Transactions on Evolutionary Computation 6(2).
    """
    n, m = losses.shape
    distance = np.zeros(n)
    for j in range(m):
        column = scaled(losses[:, j])
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        span = ordered[-1] - ordered[0] if n else 0.0
        if span <= 0:
            continue
        gaps = np.full(n, np.inf)
        gaps[1:-1] = (ordered[2:] - ordered[:-2]) / span
        distance[order] += gaps
    return distance


def scaled(losses: Array) -> Array:
    """Return losses divided by their largest size, so that differences cannot overflow."""
    size = np.abs(losses).max(initial=0.0)
    return losses / size if size > 0 else losses
