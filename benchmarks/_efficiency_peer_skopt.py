"""scikit-optimize's Gaussian process with its defaults. It knows no conditions."""

from __future__ import annotations

import warnings
from typing import Any

from _efficiency_worker import Losses, active, plain, serve
from problems import Outcome, Problem
from problems.spaces import Params, Spec
from skopt import Optimizer
from skopt.space import Categorical, Integer, Real

warnings.simplefilter("ignore")


def dimension(name: str, spec: Spec) -> Any:
    part = plain(spec)
    if part.kind == "one of":
        return Categorical(list(part.choices), name=name)
    prior = "log-uniform" if part.log else "uniform"
    kind = Integer if part.kind == "whole" else Real
    return kind(part.low, part.high, prior=prior, name=name)


class Skopt:
    def __init__(self, problem: Problem, seed: int) -> None:
        self._problem = problem
        dimensions = [dimension(name, spec) for name, spec in problem.space.items()]
        self._optimizer = Optimizer(dimensions, random_state=seed)
        self._losses = Losses(problem)

    def ask(self) -> dict[str, Any]:
        self._point = self._optimizer.ask()
        return active(self._problem.space, dict(zip(self._problem.space, self._point, strict=True)))

    def tell(self, params: Params, outcome: Outcome) -> None:
        self._optimizer.tell(self._point, self._losses.of(outcome.values))


def make(problem: Problem, sampler: str, seed: int, trials: int) -> Skopt:
    return Skopt(problem, seed)


if __name__ == "__main__":
    serve(make)
