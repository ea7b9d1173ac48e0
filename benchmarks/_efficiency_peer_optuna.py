"""Optuna, by ask and tell, with its samplers' defaults."""

from __future__ import annotations

import warnings
from typing import Any

import optuna
from _efficiency_worker import plain, serve, value
from problems import Outcome, Problem
from problems.spaces import Params, is_active, violations

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")
LIMITS = "limits"


class Optuna:
    def __init__(self, problem: Problem, sampler: str, seed: int) -> None:
        self._problem = problem
        options: dict[str, Any] = {"seed": seed}
        if problem.limits or problem.constraints:
            options["constraints_func"] = lambda trial: trial.user_attrs[LIMITS]
        kinds = {
            "tpe": optuna.samplers.TPESampler,
            "gp": optuna.samplers.GPSampler,
            "nsga2": optuna.samplers.NSGAIISampler,
            "cmaes": optuna.samplers.CmaEsSampler,  # knows no limits
        }
        if sampler == "cmaes":
            options.pop("constraints_func", None)
        made = kinds[sampler](**options)
        self.study = optuna.create_study(directions=list(problem.directions), sampler=made)

    def ask(self) -> dict[str, Any]:
        self._trial = self.study.ask()
        params: dict[str, Any] = {}
        for name, spec in self._problem.space.items():
            if not is_active(spec, params):
                continue
            part = plain(spec)
            if part.kind == "one of":
                raw = self._trial.suggest_categorical(name, part.choices)
            elif part.kind == "whole":
                raw = self._trial.suggest_int(name, part.low, part.high, log=part.log)
            else:
                raw = self._trial.suggest_float(name, part.low, part.high, log=part.log)
            params[name] = value(spec, raw)
        return params

    def tell(self, params: Params, outcome: Outcome) -> None:
        limits = self._problem.limits
        if not self._problem.allows(params):
            # It has no constraints on params alone. A pruned trial that is beyond limits tells
            # it where they are, and how far away.
            known = violations(self._problem.constraints, params)
            self._trial.set_user_attr(LIMITS, [0.0] * len(limits) + known)
            self.study.tell(self._trial, state=optuna.trial.TrialState.PRUNED)
        elif outcome.values is None:
            self.study.tell(self._trial, state=optuna.trial.TrialState.FAIL)
        else:
            beyond = [outcome.metrics[name] - bound for name, bound in limits.items()]
            self._trial.set_user_attr(LIMITS, [*beyond, *(0.0 for _ in self._problem.constraints)])
            self.study.tell(self._trial, list(outcome.values))


def make(problem: Problem, sampler: str, seed: int, trials: int) -> Optuna:
    return Optuna(problem, sampler, seed)


if __name__ == "__main__":
    serve(make)
