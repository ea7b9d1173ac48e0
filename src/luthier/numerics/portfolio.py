"""Portfolios: a few points that are good together, from tables of earlier tasks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.blas import single_threaded

Array = NDArray[np.float64]

LENGTH = 0.3
"""The distance at which what is known of one point tells little of another."""

DRAWS = 128
"""So many disturbances are drawn, and their mirror images."""

NUGGET = 1e-6
"""Keeps points at distance 0 from each other solvable: what was measured there is averaged."""


def portfolio(
    distances: Array,
    scores: Array,
    rng: np.random.Generator,
    candidates: NDArray[np.bool_] | None = None,
) -> Iterator[int]:
    """Yield points, each chosen to make the best of those so far as good as can be expected.

    The new task is thought of as one of the earlier tasks, each as likely as the others, plus a
    smooth random function as large as the differences that they show. So the first point is the
    best on average over the tasks. Each later one is good for a task for which those before are
    not, or good and far from them: a portfolio for one task is its best point, then good ones
    elsewhere.

    Parameters
    ----------
    distances : array of shape ``(n, n)``
        Euclidean distances of the points, of the order of 1 across the space.
    scores : array of shape ``(n, t)``
        What each task found at each point, less is better, scaled to mean 0 and variance 1; NaN
        where a point was not tried. There the score is interpolated, and far from all that was
        tried it is 0.
    rng : numpy.random.Generator
        Draws the random functions.
    candidates : array of bool, shape ``(n,)``, optional
        The points that may be chosen. None for all.

    Yields
    ------
    int
        The place of a point; none at distance 0 from one before.

    Notes
    -----
    Without the random function it would be the greedy portfolio of Wistuba, Schilling and
    Schmidt-Thieme (2015, Sequential Model-Free Hyperparameter Tuning) and of Feurer et al. (2022,
    Auto-sklearn 2.0, section 3.2), which needs a full table and has nothing to say once the best
    point of each task is taken.
    """
    n, tasks = scores.shape
    with single_threaded():
        similarity = np.exp(-distances / LENGTH)
        filled = np.stack([_filled(similarity, scores[:, t]) for t in range(tasks)])
        half = np.linalg.cholesky(similarity + NUGGET * np.eye(n)) @ rng.standard_normal((n, DRAWS))
    disturbance = np.hstack([half, -half])
    best = np.full((tasks, 2 * DRAWS), np.inf)
    left = np.ones(n, dtype=bool) if candidates is None else candidates.copy()
    while left.any():
        expected = np.zeros(n)
        for task in range(tasks):
            outcomes = filled[task][:, None] + disturbance
            expected += np.minimum(best[task], outcomes).mean(axis=1)
        chosen = int(np.argmin(np.where(left, expected, np.inf)))
        yield chosen
        best = np.minimum(best, filled[:, chosen, None] + disturbance[chosen])
        left &= distances[chosen] > 0


def _filled(similarity: Array, scores: Array) -> Array:
    """Return the scores of one task with the holes filled: the mean of a Gaussian process."""
    tried = ~np.isnan(scores)
    known = similarity[np.ix_(tried, tried)] + NUGGET * np.eye(tried.sum())
    weights = np.linalg.solve(known, scores[tried])
    mean: Array = similarity[:, tried] @ weights
    return mean
