"""SMAC's facades for hyperparameters (random forest) and black boxes (Gaussian process)."""

from __future__ import annotations

import logging
import tempfile
import warnings
from typing import Any

import ConfigSpace as cs
from _efficiency_worker import Losses, plain, serve, value
from problems import Outcome, Problem
from problems.spaces import Params, Space, Spec, is_active
from smac import BlackBoxFacade, HyperparameterOptimizationFacade, Scenario
from smac.runhistory import StatusType, TrialInfo, TrialValue

warnings.simplefilter("ignore")
FACADES = {"hpo": HyperparameterOptimizationFacade, "blackbox": BlackBoxFacade}


def hyperparameter(name: str, spec: Spec) -> Any:
    part = plain(spec)
    if part.kind == "one of":
        return cs.CategoricalHyperparameter(name, list(part.choices))
    kind = {"real": cs.UniformFloatHyperparameter, "whole": cs.UniformIntegerHyperparameter}
    return kind[part.kind](name, part.low, part.high, log=part.log)


def space_of(space: Space, seed: int) -> cs.ConfigurationSpace:
    made = cs.ConfigurationSpace(seed=seed)
    made.add([hyperparameter(name, spec) for name, spec in space.items()])
    for name, spec in space.items():
        for parent, values in spec.get("when", {}).items():
            made.add(cs.InCondition(made[name], made[parent], values))
    return made


class Smac:
    def __init__(self, problem: Problem, sampler: str, seed: int, trials: int) -> None:
        logging.disable(logging.WARNING)
        self._problem = problem
        self._folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            space_of(problem.space, seed),
            deterministic=problem.noise is None,
            n_trials=trials,
            seed=seed,
            output_directory=self._folder.name,
        )
        self._smac = FACADES[sampler](
            scenario, lambda config, seed=0: 0.0, overwrite=True, logging_level=False
        )
        self._losses = Losses(problem)

    def ask(self) -> dict[str, Any]:
        self._info: TrialInfo = self._smac.ask()
        raw = dict(self._info.config)
        params: dict[str, Any] = {}
        for name, spec in self._problem.space.items():
            if is_active(spec, params):
                found = raw[name]
                params[name] = value(spec, found.item() if hasattr(found, "item") else found)
        return params

    def tell(self, params: Params, outcome: Outcome) -> None:
        status = StatusType.CRASHED if outcome.values is None else StatusType.SUCCESS
        self._smac.tell(self._info, TrialValue(cost=self._losses.of(outcome.values), status=status))


def make(problem: Problem, sampler: str, seed: int, trials: int) -> Smac:
    return Smac(problem, sampler, seed, trials)


if __name__ == "__main__":
    serve(make)
