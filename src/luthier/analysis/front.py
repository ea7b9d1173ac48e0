"""The best results so far, kept up to date trial by trial."""

from __future__ import annotations

from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial


class Front:
    """What no other result beats: one value with one objective, a Pareto front with several.

    Parameters
    ----------
    problem : Problem
        Says what is better and which limits count.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.values: list[tuple[float, ...]] = []

    def add(self, trial: FrozenTrial) -> bool:
        """Take in a trial that has ended, and tell whether it is better than all before.

        With several objectives: whether no earlier one is at least as good in all of them.
        """
        values = trial.values
        if values is None or not self._problem.within_limits(trial.metrics):
            return False
        if any(self._as_good(kept, values) for kept in self.values):
            return False
        self.values = [kept for kept in self.values if not self._as_good(values, kept)]
        self.values.append(values)
        return True

    @property
    def best(self) -> float | None:
        """The best value with one objective; None if there is none, or with several."""
        if len(self._problem.objectives) > 1 or not self.values:
            return None
        return self.values[0][0]

    def _as_good(self, a: tuple[float, ...], b: tuple[float, ...]) -> bool:
        return all(s * x <= s * y for s, x, y in zip(self._problem.signs, a, b, strict=True))
