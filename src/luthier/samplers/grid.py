"""Grid search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from luthier.errors import SpaceExhausted
from luthier.model.columns import point_key
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import Params
from luthier.samplers.base import Suggestion
from luthier.space.enumeration import check_resolution
from luthier.space.space import Space


@dataclass(frozen=True, slots=True)
class Grid:
    """Try every combination exactly once, also when the study is resumed or runs in parallel.

    Conditional parameters are only combined where they are active, and points
    that violate a constraint are left out. Points that were tried for another
    reason (queued, or by another sampler) are not tried again.

    Parameters
    ----------
    resolution : int or mapping of str to int, optional
        How many values a continuous parameter takes, evenly on its scale with
        both ends. Not needed where every parameter is finite.

    Raises
    ------
    InvalidInput
        If a resolution is no whole number of at least 1.
    SpaceExhausted
        By `suggest`, when every point has been tried.
    """

    resolution: int | Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        check_resolution("Grid: resolution", self.resolution)

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose the next `n` points, fewer at the end of the grid."""
        grid = _grid(problem.space, _hashable(self.resolution))
        # The first k proposals of a grid are among its first k + (points tried otherwise),
        # so nothing before the k-th point can be left.
        index = history.asked_by.get("grid", 0) if problem.space == history.problem.space else 0
        found: list[Suggestion] = []
        chosen = set()
        while len(found) < n:
            point = grid.at(index)
            if point is None:
                break
            if history.find(point) is None and point_key(point) not in chosen:
                chosen.add(point_key(point))
                found.append(Suggestion(point, {"how": "grid", "index": index}))
            index += 1
        if not found:
            raise SpaceExhausted(f"all {len(grid.points)} points of the grid have been tried")
        return found


class _Lazy:
    """Points of a grid, produced as far as they were needed."""

    def __init__(self, points: Iterator[Params]) -> None:
        self.points: list[Params] = []
        self._rest = points

    def at(self, index: int) -> Params | None:
        while len(self.points) <= index:
            point = next(self._rest, None)
            if point is None:
                return None
            self.points.append(point)
        return self.points[index]


_Resolution = int | tuple[tuple[str, int], ...] | None


def _hashable(resolution: int | Mapping[str, int] | None) -> _Resolution:
    return tuple(sorted(resolution.items())) if isinstance(resolution, Mapping) else resolution


@lru_cache(maxsize=8)
def _grid(space: Space, resolution: _Resolution) -> _Lazy:
    return _Lazy(space.grid(dict(resolution) if isinstance(resolution, tuple) else resolution))
