"""The first points of TPE: a design that fills the space evenly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from luthier.model.frozen import Frozen
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.samplers.base import Suggestion
from luthier.samplers.tpe_record import wants_new

TRIES = 20
"""How many designs are drawn; the one whose points lie farthest apart is taken."""

_DESIGN = Frozen(how="startup")
_FORBIDDEN = Frozen(how="random", because="the design's point violates a constraint")
_TRIED = Frozen(how="random", because="the design's point was tried before")


def startup(
    problem: Problem, history: History, rng: np.random.Generator, index: int, size: int
) -> Suggestion:
    """Return one point of the design, or a draw from the prior where the design's is of no use.

    Parameters
    ----------
    problem, history, rng
        As given to the sampler.
    index : int
        Which point, from 0. Designs follow each other without end.
    size : int
        Of one design.
    """
    space = problem.space
    codec = space.codec
    design = history.remember(
        ("tpe: design", problem.seed, codec.d, size, index // size),
        lambda: latin_hypercube(problem.rng(index // size, "tpe: design"), size, codec.d),
    )
    # Of two points one asks the experts; without beliefs that makes no difference.
    unit = codec.from_uniform(design[[index % size]], belief=index % 2 == 1)
    params = codec.decode(unit)[0]
    if not space.satisfied(params):
        return Suggestion(space.sample(rng)[0], _FORBIDDEN)
    if wants_new(problem) and history.find(params) is not None:
        return Suggestion(space.sample(rng)[0], _TRIED)
    return Suggestion(params, _DESIGN)


def latin_hypercube(rng: np.random.Generator, n: int, d: int) -> NDArray[np.float64]:
    """Return `n` points in [0, 1), each coordinate of which falls once into each n-th.

    Of some random designs it is the one with the greatest distance between its closest points
    (Morris and Mitchell 1995, Exploratory designs for computational experiments).
    """
    strata = np.arange(n)[:, None]
    designs = [
        (rng.permuted(np.broadcast_to(strata, (n, d)), axis=0) + rng.random((n, d))) / n
        for _ in range(TRIES)
    ]
    return max(designs, key=_least_distance)


def _least_distance(points: NDArray[np.float64]) -> float:
    squares = ((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    return float(squares.min())
