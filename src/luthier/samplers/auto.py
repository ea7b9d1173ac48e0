"""The sampler that chooses the sampler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.samplers.base import Choice, Recommendation, Recommender, Suggestion
from luthier.samplers.registry import describe, name_of

FREE = 300
"""So many trials are always worth the model's time: a few seconds in all."""

SHARE = 0.05
"""Later, the model may take this share of the time that trials take."""

WIDE = 100
"""With more columns a Gaussian process learns too little to be worth its time."""

LONG = 1000
"""From so many trials on, evolution finds more than a density of good points does."""

RECENT = 50
"""Trials whose times count."""


@dataclass(frozen=True, slots=True)
class Auto:
    """Choose by the problem and by what happened so far, and say why.

    A Gaussian process needs the fewest trials on most problems, so it does the work as long as
    it can be afforded: for the first 300 trials, and after them while its suggestions take
    less than a twentieth of the time that trials take. Then a Parzen estimator (TPE) takes
    over, and in long studies evolution: CMA-ES where all parameters are numbers, NSGA-II
    where there are several objectives. All of them go on from all trials so far.

    Parameters
    ----------
    share : float, default 0.05
        Share of the trials' time that the Gaussian process may take, in (0, 1].
    free : int, default 300
        So many trials are the Gaussian process's whatever it takes. With 0 it proposes only
        where trials are known to take long enough.
    """

    share: float = SHARE
    free: int = FREE

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InvalidInput("Auto: share", self.share, "a number in (0, 1]")
        if isinstance(self.free, bool) or not isinstance(self.free, int) or self.free < 0:
            raise InvalidInput("Auto: free", self.free, "a whole number from 0 on")

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose what the chosen sampler proposes."""
        sampler = self.choose(problem, history).sampler
        name = name_of(describe(sampler))
        return [
            Suggestion(params, {"sampler": name, **why})
            for params, why in sampler.suggest(problem, history, rng, n)
        ]

    def choose(self, problem: Problem, history: History) -> Choice:
        """Return the sampler that comes next."""
        columns = problem.space.codec.columns
        trials = len(history.ended)
        if len(columns) > WIDE:
            return self._cheap(problem, trials, f"the space has {len(columns)} columns")
        if trials < self.free:
            return Choice(_gp(), "it needs the fewest trials, and there are few so far")
        if not trials:
            return self._cheap(problem, trials, "no trial has ended yet")
        needed = _seconds(trials, len(columns), len(problem.objectives))
        rate = _rate(history)
        if rate is None or needed * rate <= self.share:
            return Choice(_gp(), "it needs the fewest trials, and trials take long enough")
        return self._cheap(problem, trials, f"{rate:.3g} trials end each second")

    def recommend(self, problem: Problem, history: History) -> Recommendation | None:
        """Return the trial to use, as a Gaussian process sees it."""
        return _gp().recommend(problem, history)

    def _cheap(self, problem: Problem, trials: int, because: str) -> Choice:
        from luthier.samplers.tpe import TPE

        if trials < LONG:
            return Choice(TPE(), because)
        if len(problem.objectives) > 1:
            from luthier.samplers.nsga2 import NSGA2

            return Choice(NSGA2(), f"{because}, and there are several objectives")
        numbers = all(column.kind != "categorical" for column in problem.space.codec.columns)
        if numbers and not problem.space.conditional and not problem.dynamic:
            from luthier.samplers.cmaes import CMAES

            return Choice(CMAES(), f"{because}, and all parameters are numbers")
        return Choice(TPE(), because)


def _gp() -> Recommender:
    from luthier.samplers.gp import GP

    return GP()


def _seconds(trials: int, columns: int, objectives: int) -> float:
    """Return about what a suggestion of the Gaussian process takes on one core."""
    return objectives * (0.01 + 1e-4 * min(trials, FREE)) * (1 + columns / 30)


def _rate(history: History) -> float | None:
    """Return how many trials end each second, None if their times are not known."""
    recent = history.ended[-RECENT:]
    durations = [trial.duration for trial in recent if trial.duration is not None]
    if not durations:
        return None
    return max(len(history.running), 1) / max(median(durations), 1e-6)
