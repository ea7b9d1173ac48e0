"""HEBO with its defaults. It knows no conditions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from _efficiency_worker import Losses, active, plain, serve
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO
from problems import Outcome, Problem
from problems.spaces import Params, Spec

warnings.simplefilter("ignore")
torch.set_num_threads(1)


def described(name: str, spec: Spec) -> dict[str, Any]:
    part = plain(spec)
    if part.kind == "one of":
        return {"name": name, "type": "cat", "categories": list(part.choices)}
    kind = {"real": "num", "whole": "int"}[part.kind]
    if part.log:
        kind = {"num": "pow", "int": "pow_int"}[kind]
    return {"name": name, "type": kind, "lb": part.low, "ub": part.high}


class Hebo:
    def __init__(self, problem: Problem, seed: int) -> None:
        np.random.seed(seed)  # noqa: NPY002 - it draws from the global generators
        torch.manual_seed(seed)
        self._problem = problem
        space = DesignSpace().parse([described(*item) for item in problem.space.items()])
        self._optimizer = HEBO(space, scramble_seed=seed)
        self._losses = Losses(problem)

    def ask(self) -> dict[str, Any]:
        self._proposed = self._optimizer.suggest(1)
        return active(self._problem.space, self._proposed.iloc[0].to_dict())

    def tell(self, params: Params, outcome: Outcome) -> None:
        self._optimizer.observe(self._proposed, np.array([[self._losses.of(outcome.values)]]))


def make(problem: Problem, sampler: str, seed: int, trials: int) -> Hebo:
    return Hebo(problem, seed)


if __name__ == "__main__":
    serve(make)
