"""NSGA-III: a genetic algorithm for many objectives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from luthier.numerics.nds import fronts
from luthier.numerics.reference_points import das_dennis, divisions_for, niched, normalised
from luthier.samplers._genetic import Genetic
from luthier.samplers._population import Rows, Standing


@dataclass(frozen=True, slots=True)
class NSGA3(Genetic):
    """Evolve a population that covers reference directions, for three objectives and more.

    With many objectives hardly any point dominates another, and crowding says little. Here
    the last front survives where a direction of an even fan is not covered yet.

    Parameters
    ----------
    population : int, default 50
        How many survive, at most; there are as many directions as fit into it.
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
    Deb and Jain (2014), An Evolutionary Many-Objective Optimization Algorithm Using
    Reference-Point-Based Nondominated Sorting Approach, Part I, and Jain and Deb (2014),
    Part II: Handling Constraints, IEEE Transactions on Evolutionary Computation 18(4).
    """

    def _select(self, candidates: Standing) -> Rows:
        rank = fronts(candidates.losses, candidates.violations)
        finite = np.isfinite(candidates.losses).all(axis=1)
        losses = candidates.losses.copy()
        # A trial without a result lies in no direction: it stands at the worst corner.
        losses[~finite] = losses[finite].max(axis=0) if finite.any() else 0.0
        m = losses.shape[1]
        directions = das_dennis(m, divisions_for(m, self.population))
        count = min(self.population, len(rank))
        chosen = niched(normalised(losses), rank, directions, count)
        return chosen[np.argsort(rank[chosen], kind="stable")]
