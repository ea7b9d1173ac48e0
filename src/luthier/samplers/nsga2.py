"""NSGA-II: a genetic algorithm for one or several objectives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from luthier.numerics.nds import crowding, fronts
from luthier.samplers._genetic import Genetic
from luthier.samplers._population import Rows, Standing


@dataclass(frozen=True, slots=True)
class NSGA2(Genetic):
    """Evolve a population that spreads along the Pareto front.

    Survivors are chosen front by front, and within the last front where it is least crowded.
    Points within the limits beat those beyond them, and less violation beats more.

    Parameters
    ----------
    population : int, default 50
        How many survive; as many points are drawn evenly to begin with.
    batch : int, default 10
        After so many ended trials the survivors are chosen again; `population` for the
        generations of the paper.
    swap : float, default 0.5
        Probability with which a child takes a coordinate from its second parent.
    mutation : float, optional
        Probability with which a coordinate mutates; 1 / their number by default, and at least
        one does.
    step : float, default 0.1
        Standard deviation by which a mutated number moves, of its scaled range; one in five,
        and any unordered choice, is drawn anew instead.

    References
    ----------
    Deb, Pratap, Agarwal and Meyarivan (2002), A Fast and Elitist Multiobjective Genetic
    Algorithm: NSGA-II, IEEE Transactions on Evolutionary Computation 6(2).
    """

    def _select(self, candidates: Standing) -> Rows:
        rank = fronts(candidates.losses, candidates.violations)
        finite = np.isfinite(candidates.losses).all(axis=1)
        space = np.zeros(len(rank))
        for front in range(int(rank[finite].max(initial=-1)) + 1):
            members = np.flatnonzero((rank == front) & finite)
            space[members] = crowding(candidates.losses[members])
        return np.lexsort((-space, rank))[: self.population]
