"""What every sampler promises: the next params as a pure function of the history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import Params


@runtime_checkable
class Sampler(Protocol):
    """Proposes where to look next.

    A sampler is a frozen dataclass whose fields are the algorithm's settings.
    It holds no state, reads no clock and draws only from `rng`, so that any
    suggestion can be computed again from the log.

    In a study that avoids duplicates the points of a sampler that were tried
    before are replaced, unless the class says ``exact = True``: its points are
    run as they are.
    """

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Params]:
        """Propose `n` points of ``problem.space`` that satisfy its constraints.

        Parameters
        ----------
        problem : Problem
            Its space may be narrower than the history's when a person fixed values.
        history : History
            What happened so far, running trials included.
        rng : numpy.random.Generator
            The only source of randomness.
        n : int, default 1
            How many points, to be tried at the same time.

        Raises
        ------
        EmptySpace
            If no point satisfies the constraints.
        SpaceExhausted
            If the sampler has nothing more to propose.
        """
        ...
