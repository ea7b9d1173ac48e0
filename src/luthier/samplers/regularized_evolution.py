"""Regularized (ageing) evolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.numerics.variation import mirrored
from luthier.samplers._population import (
    Array,
    Child,
    genes,
    offspring,
    one_objective,
    standing,
    startup,
    whole_number,
    width,
)
from luthier.samplers.base import Suggestion
from luthier.space.space import Space


@dataclass(frozen=True, slots=True)
class RegularizedEvolution:
    """Mutate the best of a few of the newest trials; what is old dies, however good it was.

    Made for large spaces of choices, such as neural architectures. Because of the ageing, a
    result that was lucky cannot rule for ever.

    Parameters
    ----------
    population : int, default 100
        The newest so many trials can have offspring; as many are drawn evenly to begin with.
    tournament : int, default 25
        The best of so many drawn from the population has the next child; at most `population`.
    step : float, default 0.1
        Standard deviation by which a mutated number moves, of its scaled range. Unordered
        choices are drawn anew.

    References
    ----------
    Real, Aggarwal, Huang and Le (2019), Regularized Evolution for Image Classifier
    Architecture Search, AAAI, arXiv:1802.01548.
    """

    population: int = 100
    tournament: int = 25
    step: float = 0.1

    def __post_init__(self) -> None:
        whole_number("RegularizedEvolution: population", self.population, 1)
        whole_number("RegularizedEvolution: tournament", self.tournament, 1)
        if self.tournament > self.population:
            raise InvalidInput(
                "RegularizedEvolution: tournament", self.tournament, "at most the population"
            )
        width("RegularizedEvolution: step", self.step)

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose `n` children, each of the winner of its own tournament."""
        one_objective(self, problem)
        ended = len(history.ended)
        if ended < self.population:
            return startup(problem, history, rng, n)

        def child() -> Child:
            drawn = ended - 1 - rng.choice(self.population, self.tournament, replace=False)
            winner = drawn[standing(history, drawn).order[:1]]
            parent = genes(problem.space, history, winner)[0]
            why = {"how": "offspring", "parents": [history.ended[int(winner[0])].number]}
            return self._mutated(parent, problem.space, rng), why

        return [offspring(problem, rng, child) for _ in range(n)]

    def _mutated(self, parent: Array, space: Space, rng: np.random.Generator) -> Array:
        """Change one active gene such that the params change, if any gene can."""
        codec = space.codec
        child = parent.copy()
        movable = [
            i
            for i, column in enumerate(codec.columns)
            if column.levels != 1 and column.low < column.high and not np.isnan(parent[i])
        ]
        if not movable:
            return child
        before = codec.decode_one(np.where(np.isnan(parent), 0.5, parent).tolist())
        for _ in range(MUTATIONS):
            child[:] = parent
            gene = movable[int(rng.integers(len(movable)))]
            if codec.columns[gene].kind == "categorical":
                child[gene] = codec.draw_one(rng)[gene]
            else:
                child[gene] = mirrored(parent[gene] + self.step * rng.standard_normal())
            if codec.decode_one(np.where(np.isnan(child), 0.5, child).tolist()) != before:
                break
        return child


MUTATIONS = 20
"""How often a mutation that changes no value is tried again."""
