"""Random search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from luthier.errors import InvalidInput
from luthier.model.frozen import Frozen
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.samplers.base import Suggestion
from luthier.space.space import Space

TRIES, BATCH = 8, 32
"""Draws from the beliefs, in batches, before the constraints count as contradicting them."""

_FROM_PRIOR = Frozen(how="random")
_FROM_BELIEF = Frozen(how="belief")
_RULED_OUT = Frozen(
    how="random", because=f"none of {TRIES * BATCH} draws from the beliefs met the constraints"
)


@dataclass(frozen=True, slots=True)
class Random:
    """Draw every parameter from its prior, independently of what happened.

    Where an expert stated a belief, a share of the trials is drawn from it, as
    in PriorBand's ensemble of sampling policies (Mallik et al. 2023,
    arXiv:2306.12370); the others see the whole space, so that a wrong belief
    costs at most that share.

    Parameters
    ----------
    belief_share : float, default 0.5
        Probability that a trial is drawn from the beliefs, in [0, 1]. Without
        beliefs in the space it has no effect.

    References
    ----------
    Bergstra and Bengio (2012), Random Search for Hyper-Parameter Optimization, JMLR 13.
    """

    belief_share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.belief_share <= 1:
            raise InvalidInput("Random: belief_share", self.belief_share, "a number in [0, 1]")

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose `n` independent draws."""
        space = problem.space
        if self.belief_share and space.has_beliefs:
            return [
                _believed(space, rng)
                if rng.random() < self.belief_share
                else Suggestion(space.sample(rng)[0], _FROM_PRIOR)
                for _ in range(n)
            ]
        return [Suggestion(params) for params in space.sample(rng, n)]


def _believed(space: Space, rng: np.random.Generator) -> Suggestion:
    codec = space.codec
    for _ in range(TRIES):
        points = codec.from_uniform(rng.random((BATCH, codec.d)), belief=True)
        feasible = np.flatnonzero(codec.feasible(points))
        if len(feasible):
            return Suggestion(codec.decode(points[feasible[:1]])[0], _FROM_BELIEF)
    # The constraints rule out what the expert believes in: then only the space counts.
    return Suggestion(space.sample(rng)[0], _RULED_OUT)
