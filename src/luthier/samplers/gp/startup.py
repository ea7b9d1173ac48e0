"""The first points, before there is a model: even, and of every branch and choice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from luthier.errors import EmptySpace
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.numerics.qmc import Sequence as QmcSequence
from luthier.samplers.gp.search import Terrain
from luthier.space.space import Space

Array = NDArray[np.float64]

CANDIDATES = 64
"""Points of the sequence among which the one farthest from all others is taken."""

CHOICE = 0.25
"""Squared distance of two different choices, and of what is active from what is not."""

SAME = 1e-18
"""Squared distance below which two points are one: what is run is rounded to 14 digits."""


def spread_out(
    problem: Problem, history: History, terrain: Terrain, tried: Array, number: int
) -> Array:
    """Return the point of a low-discrepancy sequence that is farthest from all that were tried.

    Where hundreds begin at once all points of the sequence run out; then it is any point.

    Parameters
    ----------
    problem : Problem
        Its space and seed choose the sequence.
    history : History
        Keeps the sequence.
    terrain : Terrain
        The legal points.
    tried : ndarray, shape (n, d)
        Points that were tried or are being tried.
    number : int
        The trial's number.

    Returns
    -------
    ndarray, shape (d,)
    """
    space, seed = problem.space, problem.seed
    points, active = history.remember(
        ("startup", space, seed), lambda: _sequence(space, seed, terrain)
    )
    if len(tried) == 0:
        first: Array = points[0]
        return first
    seen = terrain.legal(tried)[1]
    distance = np.zeros((len(points), len(tried)))
    for j in range(points.shape[1]):
        if terrain.choices[j]:
            distance += CHOICE * (points[:, j, None] != tried[None, :, j])
        else:
            distance += (points[:, j, None] - tried[None, :, j]) ** 2
        distance += CHOICE * (active[:, j, None] != seen[None, :, j])
    nearest = distance.min(axis=1)
    if nearest.max() < SAME:
        return next_of_sequence(problem, history, terrain, number)
    farthest: Array = points[int(np.argmax(nearest))]
    return farthest


def next_of_sequence(problem: Problem, history: History, terrain: Terrain, number: int) -> Array:
    """Return the point of the sequence that belongs to a trial's number, whatever was tried."""
    space, seed = problem.space, problem.seed
    points, _ = history.remember(("startup", space, seed), lambda: _sequence(space, seed, terrain))
    if number < len(points):
        point: Array = points[number]
        return point
    drawn: Array = terrain.legal(terrain.draw(problem.rng(number, "sequence"), 1))[0][0]
    return drawn


def _sequence(space: Space, seed: int, terrain: Terrain) -> tuple[Array, Array]:
    codec = space.codec
    kept = np.zeros((0, codec.d))
    sequence = QmcSequence("sobol", codec.d, seed)
    for _ in range(4):
        uniform = sequence.next_block()
        points = codec.from_uniform(uniform)
        if space.has_beliefs:
            # Every other point is drawn from what the expert believes.
            points[::2] = codec.from_uniform(uniform[::2], belief=True)
        points, _ = terrain.legal(points)
        kept = np.vstack([kept, points[terrain.feasible(points)]])
        if len(kept) >= CANDIDATES:
            break
    if len(kept) < CANDIDATES:
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, 1)))
        kept = np.vstack([kept, terrain.legal(terrain.draw(rng, CANDIDATES - len(kept)))[0]])
    if not len(kept):
        raise EmptySpace("no point satisfies the constraints")
    kept = kept[:CANDIDATES]
    return kept, terrain.legal(kept)[1]
