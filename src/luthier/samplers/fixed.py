"""A list of points, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from luthier.errors import SpaceExhausted
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import Params
from luthier.samplers.base import Suggestion


@dataclass(frozen=True, slots=True)
class Fixed:
    """Propose given points in order and nothing else: manual search as a sampler.

    Parameters
    ----------
    points : sequence of mapping of str to object
        Each a complete configuration of the space.

    Raises
    ------
    InvalidParams
        By `suggest`, if a point does not belong to the space.
    SpaceExhausted
        By `suggest`, after the last point.
    """

    points: Sequence[Params]
    exact: ClassVar[bool] = True
    """Given points are run as they are, also twice."""

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose the next `n` points, fewer at the end of the list."""
        first = history.asked_by.get("fixed", 0)
        points = self.points[first : first + n]
        if not points:
            raise SpaceExhausted(f"all {len(self.points)} given points have been proposed")
        for point in points:
            problem.space.check(point)
        return [
            Suggestion(problem.space.canonical(point), {"how": "given", "index": index})
            for index, point in enumerate(points, first)
        ]
