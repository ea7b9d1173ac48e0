"""Quasi-random search."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import get_args

import numpy as np

from luthier.errors import EmptySpace, InvalidInput
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import Params
from luthier.numerics.qmc import BLOCK, Kind
from luthier.numerics.qmc import Sequence as QmcSequence
from luthier.samplers.base import Suggestion
from luthier.space.space import Space


@dataclass(frozen=True, slots=True)
class QMC:
    """Fill the space evenly with a scrambled low-discrepancy sequence.

    Each parameter's prior applies through its quantiles; points that violate a
    constraint are skipped.

    Parameters
    ----------
    kind : {"sobol", "halton"}, default "sobol"
        Sobol is the more even one, best at powers of two; Halton is even at any number.

    References
    ----------
    Bousquet et al. (2017), Critical Hyper-Parameters: No Random, No Cry, arXiv:1706.03200.
    """

    kind: Kind = "sobol"

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InvalidInput("QMC: kind", self.kind, "'sobol' or 'halton'")

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose the next `n` feasible points of the sequence."""
        points = points_of(problem, history, self.kind)
        index = history.asked_by.get("qmc", 0)
        found: list[Suggestion] = []
        skipped = 0
        while len(found) < n:
            point = points.at(index)
            # On a coarse space many points of the sequence are the same.
            if problem.avoids_duplicates and skipped < SKIPPED and history.find(point) is not None:
                skipped += 1
            else:
                found.append(Suggestion(point, {"how": self.kind, "index": index}))
            index += 1
        return found


class Points:
    """Feasible points of a sequence, produced as far as they were needed.

    Threads may share it: its state is replaced as a whole, and the worst that two can do to each
    other is that both produce the same points.

    Parameters
    ----------
    space : Space
        Which the points fill.
    kind : {"sobol", "halton"}
        Which sequence.
    seed : int
        Chooses the scrambling.
    """

    def __init__(self, space: Space, kind: Kind, seed: int) -> None:
        self._codec = space.codec
        # The points, the sequence behind them, and how many blocks without any came last.
        self._state: tuple[list[Params], QmcSequence | None, int] = [], None, 0
        if self._codec.d:
            self._state = [], QmcSequence(kind, self._codec.d, seed), 0

    def at(self, index: int) -> Params:
        """Return the feasible point at an index, counted from 0.

        Raises
        ------
        EmptySpace
            If too many points in a row violate the constraints.
        """
        points, sequence, empty = self._state
        if sequence is None:
            return self._codec.decode(np.empty((1, 0)))[0]
        while len(points) <= index:
            sequence = deepcopy(sequence)
            block = self._codec.from_uniform(sequence.next_block())
            feasible = block[self._codec.feasible(block)]
            points = [*points, *self._codec.decode(feasible)]
            empty = 0 if len(feasible) else empty + 1
            self._state = points, sequence, empty
            if empty >= EMPTY_BLOCKS:
                raise EmptySpace(
                    f"no point satisfies the constraints among {empty * BLOCK} points of the "
                    "sequence in a row"
                )
        return points[index]


def points_of(problem: Problem, history: History, kind: Kind) -> Points:
    """Return the sequence that a problem's space and seed choose; the history keeps it."""
    space, seed = problem.space, problem.seed
    return history.remember(("points", kind, space, seed), lambda: Points(space, kind, seed))


SKIPPED = 4096
"""How many points that were tried before are passed over at once."""

EMPTY_BLOCKS = 512
"""After so many blocks without a feasible point the space counts as empty."""
