"""Nevergrad's wizard. It knows no conditions."""

from __future__ import annotations

import warnings
from typing import Any

import nevergrad as ng
from _efficiency_worker import Losses, active, plain, serve
from problems import Outcome, Problem
from problems.spaces import Params, Spec

warnings.simplefilter("ignore")


def parameter(spec: Spec) -> Any:
    part = plain(spec)
    if part.kind == "one of":
        return ng.p.Choice(list(part.choices))
    if part.log:
        made = ng.p.Log(lower=part.low, upper=part.high)
    else:
        made = ng.p.Scalar(lower=part.low, upper=part.high)
    return made.set_integer_casting() if part.kind == "whole" else made


class Nevergrad:
    def __init__(self, problem: Problem, sampler: str, seed: int, trials: int) -> None:
        self._problem = problem
        space = ng.p.Dict(**{name: parameter(spec) for name, spec in problem.space.items()})
        space.random_state.seed(seed)
        self._optimizer = ng.optimizers.registry[sampler](space, budget=trials)
        self._losses = Losses(problem)

    def ask(self) -> dict[str, Any]:
        self._candidate = self._optimizer.ask()
        return active(self._problem.space, self._candidate.value)

    def tell(self, params: Params, outcome: Outcome) -> None:
        self._optimizer.tell(self._candidate, self._losses.of(outcome.values))


def make(problem: Problem, sampler: str, seed: int, trials: int) -> Nevergrad:
    return Nevergrad(problem, sampler, seed, trials)


if __name__ == "__main__":
    serve(make)
