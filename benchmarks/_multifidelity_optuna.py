"""Optuna by ask and tell: Hyperband or successive halving, with TPE."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import optuna
from _multifidelity_runs import Play, Run, serve

from luthier import Categorical, Space

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")


def suggested(trial: optuna.Trial, space: Space) -> dict[str, Any]:
    """Return the params of a trial; a number on a grid is the index of its level."""
    params: dict[str, Any] = {}
    for name, param in space.params.items():
        if param.when is not None and not param.when.holds(params):
            continue
        if isinstance(param, Categorical) and not param.ordered:
            params[name] = trial.suggest_categorical(name, list(param.choices))
        else:
            levels = list(Space({name: replace(param, when=None)}).grid())
            params[name] = levels[trial.suggest_int(name, 0, len(levels) - 1)][name]
    return params


def study(sampler: Any, pruner: Any) -> Play:
    """Return how a study is played; one worker."""

    def play(run: Run) -> None:
        study = optuna.create_study(sampler=sampler(run.seed), pruner=pruner(run.steps))
        while True:
            trial = study.ask()
            row = run.table.row(suggested(trial, run.table.space))
            value = float("nan")
            for step in range(1, run.steps + 1):
                value = run.epoch(row, step)
                trial.report(value, step)
                if step < run.steps and trial.should_prune():
                    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                    break
            else:
                study.tell(trial, value)

    return play


def tpe(seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.TPESampler(seed=seed)


def hyperband(steps: int) -> optuna.pruners.BasePruner:
    return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=steps)


def halving(steps: int) -> optuna.pruners.BasePruner:
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=1)


CONTENDERS: dict[str, Play] = {
    "optuna-tpe+hyperband": study(tpe, hyperband),
    "optuna-tpe+asha": study(tpe, halving),
    "optuna-tpe+median": study(tpe, lambda steps: optuna.pruners.MedianPruner()),
}

if __name__ == "__main__":
    serve(CONTENDERS)
