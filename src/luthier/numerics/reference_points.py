"""Directions spread evenly over several objectives, and a choice of points that covers them."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.nds import scaled

Array = NDArray[np.float64]


@lru_cache(maxsize=32)
def das_dennis(m: int, divisions: int) -> Array:
    """Return all points of the simplex whose coordinates are multiples of ``1 / divisions``.

    Returns
    -------
    array of shape ``(comb(divisions + m - 1, m - 1), m)``, read-only
        Each row sums to 1.

    References
    ----------
    Das and Dennis (1998), Normal-Boundary Intersection, SIAM Journal on Optimization 8(3).
    """
    bars = np.array(list(combinations(range(divisions + m - 1), m - 1)), np.int64)
    bars = bars.reshape(comb(divisions + m - 1, m - 1), m - 1)
    walls = np.pad(bars, ((0, 0), (1, 1)), constant_values=(-1, divisions + m - 1))
    points = (np.diff(walls, axis=1) - 1) / divisions
    points.flags.writeable = False
    return points


def divisions_for(m: int, population: int) -> int:
    """Return the most divisions that give at most `population` points, at least 1."""
    divisions = 1
    while m > 1 and comb(divisions + m, m - 1) <= population:
        divisions += 1
    return divisions


def normalised(losses: Array) -> Array:
    """Return losses such that the ideal point is 0 and the plane of the extremes meets 1.

    Parameters
    ----------
    losses : array of shape ``(n, m)``
        Of the points to choose from; finite, at least one.

    Notes
    -----
    Where the extreme points span no plane, the largest loss of each objective takes the
    place of its intercept (Deb and Jain 2014, section IV-C).
    """
    shifted = np.column_stack([scaled(column) for column in losses.T])
    shifted = shifted - shifted.min(axis=0)
    m = shifted.shape[1]
    largest = shifted.max(axis=0)
    # An extreme point of an axis is the one that is least far along all others.
    weights = np.where(np.eye(m, dtype=bool), 1.0, 1e6)
    extremes = shifted[[int((shifted * w).max(axis=1).argmin()) for w in weights]]
    intercepts = largest
    if np.linalg.matrix_rank(extremes) == m:
        plane = np.linalg.solve(extremes, np.ones(m))
        if (plane > 0).all() and (plane * largest >= 1e-6).all():
            intercepts = 1 / plane
    points: Array = shifted / np.where(intercepts > 0, intercepts, 1.0)
    return points


def niched(
    points: Array, rank: NDArray[np.int64], directions: Array, count: int
) -> NDArray[np.int64]:
    """Choose points front by front; of the last front those in directions least covered.

    Parameters
    ----------
    points : array of shape ``(n, m)``
        As `normalised` gives them.
    rank : array of int, shape ``(n,)``
        The front of each point.
    directions : array of shape ``(k, m)``
    count : int
        How many to choose, at most n.

    Returns
    -------
    array of int, shape ``(count,)``
        Positions of the chosen points, ascending.

    References
    ----------
    Deb and Jain (2014), An Evolutionary Many-Objective Optimization Algorithm Using
    Reference-Point-Based Nondominated Sorting Approach, Part I (NSGA-III), IEEE Transactions
    on Evolutionary Computation 18(4), algorithms 3 and 4; ties go to the earlier point
    instead of to a random one.
    """
    last = np.sort(rank)[count - 1]
    chosen = np.flatnonzero(rank < last)
    open_ = np.flatnonzero(rank == last)
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    along = points @ unit.T
    apart = np.sqrt(np.maximum((points**2).sum(axis=1)[:, None] - along**2, 0.0))
    niche, distance = apart.argmin(axis=1), apart.min(axis=1)
    covered = np.bincount(niche[chosen], minlength=len(directions)).astype(float)
    added: list[int] = []
    free = np.zeros(len(points), dtype=bool)
    free[open_] = True
    while len(chosen) + len(added) < count:
        candidates = np.flatnonzero(free)
        crowd = covered[niche[candidates]]
        # The nearest to a direction that nobody covers, else the next of the least covered one.
        order = np.lexsort((distance[candidates], niche[candidates], crowd))
        pick = int(candidates[order[0]])
        added.append(pick)
        free[pick] = False
        covered[niche[pick]] += 1
    return np.sort(np.concatenate([chosen, np.array(added, np.int64)]))
