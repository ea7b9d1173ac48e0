"""How far a run is from the best: regret of what it would recommend, trial by trial."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from .base import Outcome, Problem

TABLES = Path(__file__).parents[1] / "tables"
KNOWN = TABLES / "known.json"
"""Per problem: the best that is known, and the regret of who has nothing to recommend."""


def hypervolume(points: ArrayLike, reference: Sequence[float]) -> float:
    """Return the volume that points to minimise dominate, up to the reference point.

    Parameters
    ----------
    points : array of shape (n, m)
        With m of 2 or 3.
    reference : sequence of m floats
    """
    inside = np.asarray(points, np.float64).reshape(-1, len(reference))
    inside = inside[(inside < np.asarray(reference)).all(1)]
    if len(inside) == 0:
        return 0.0
    if len(reference) == 2:
        front = inside[np.lexsort((inside[:, 1], inside[:, 0]))]
        lowest = np.minimum.accumulate(front[:, 1])
        right = np.append(front[1:, 0], reference[0])
        return float(((right - front[:, 0]) * (reference[1] - lowest)).sum())
    front = inside[np.argsort(inside[:, 2], kind="stable")]
    heights = np.diff(np.append(front[:, 2], reference[2]))
    volume, kept = 0.0, np.empty((0, 2))
    for point, height in zip(front[:, :2], heights, strict=True):
        if not (kept <= point).all(1).any():
            kept = np.vstack([kept[~(kept >= point).all(1)], point])
            area = hypervolume(kept, reference[:2])
        volume += area * height  # the first point is never below an empty front
    return volume


@cache
def known() -> dict[str, dict[str, float]]:
    """Return what ``known.py`` found, by problem."""
    return json.loads(KNOWN.read_text()) if KNOWN.exists() else {}


def best_of(problem: Problem) -> float:
    """Return the optimum, or the best that is known."""
    return problem.best if problem.best is not None else known()[problem.name]["best"]


class Progress:
    """Follows a run and says how far its recommendation is from the best.

    One objective: the true value of the eligible trial with the best observed value, less the
    optimum. Several: the share of the best hypervolume that the eligible trials lack. Before
    anything is eligible it is the regret of a bad configuration, the worst tenth of random
    eligible ones, or with several objectives 1.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._best = best_of(problem)
        several = len(problem.directions) > 1
        self.regret = 1.0 if several else known()[problem.name]["nothing"]
        self._observed = np.inf
        self._front: list[tuple[float, ...]] = []
        self._reference = tuple(
            sign * bound for sign, bound in zip(problem.signs, problem.reference, strict=False)
        )

    def add(self, outcome: Outcome) -> float:
        """Take the next trial, and return the regret after it."""
        if not outcome.eligible:
            return self.regret
        assert outcome.values is not None and outcome.truth is not None  # noqa: PT018
        signs = self.problem.signs
        if len(signs) > 1:
            self._add_to_front(tuple(s * v for s, v in zip(signs, outcome.truth, strict=True)))
        elif signs[0] * outcome.values[0] < self._observed:
            self._observed = signs[0] * outcome.values[0]
            self.regret = self.regret_of(outcome.truth[0])
        return self.regret

    def regret_of(self, truth: float) -> float:
        """Return the regret of a configuration with this true value of the one objective."""
        return max(0.0, self.problem.signs[0] * (truth - self._best))

    def _add_to_front(self, point: tuple[float, ...]) -> None:
        if any(all(a <= b for a, b in zip(other, point, strict=True)) for other in self._front):
            return
        self._front = [
            other
            for other in self._front
            if not all(a >= b for a, b in zip(other, point, strict=True))
        ]
        self._front.append(point)
        volume = hypervolume(self._front, self._reference)
        self.regret = max(0.0, 1.0 - volume / self._best)


def curve(problem: Problem, outcomes: Iterable[Outcome]) -> NDArray[np.float64]:
    """Return the regret after each trial of a run."""
    progress = Progress(problem)
    return np.array([progress.add(outcome) for outcome in outcomes])


def write_known(values: dict[str, Any]) -> None:
    """Write what is known of the problems."""
    KNOWN.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")
    known.cache_clear()
