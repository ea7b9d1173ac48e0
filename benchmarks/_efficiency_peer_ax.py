"""Ax with the generation strategy that it chooses itself. Conditions are left out."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import torch
from _efficiency_worker import active, plain, serve
from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from problems import Outcome, Problem
from problems.spaces import Params, Spec

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
torch.set_num_threads(1)


def parameter(name: str, spec: Spec) -> Any:
    part = plain(spec)
    if part.kind == "one of":
        kind = "bool" if isinstance(part.choices[0], bool) else "str"
        return ChoiceParameterConfig(
            name=name, values=list(part.choices), parameter_type=kind, is_ordered=False
        )
    return RangeParameterConfig(
        name=name,
        parameter_type="float" if part.kind == "real" else "int",
        bounds=(part.low, part.high),
        scaling="log" if part.log else "linear",
    )


class Ax:
    def __init__(self, problem: Problem, seed: int) -> None:
        self._problem = problem
        self._client = Client(random_seed=seed)
        self._client.configure_experiment(
            parameters=[parameter(name, spec) for name, spec in problem.space.items()]
        )
        self._objectives = [f"objective{i}" for i in range(len(problem.directions))]
        signed = [
            name if direction == "maximize" else f"-{name}"
            for name, direction in zip(self._objectives, problem.directions, strict=True)
        ]
        self._client.configure_optimization(
            objective=", ".join(signed),
            outcome_constraints=[f"{name} <= {bound}" for name, bound in problem.limits.items()],
        )

    def ask(self) -> dict[str, Any]:
        ((self._index, raw),) = self._client.get_next_trials(max_trials=1).items()
        return active(self._problem.space, raw)

    def tell(self, params: Params, outcome: Outcome) -> None:
        if outcome.values is None:
            self._client.mark_trial_failed(self._index)
            return
        data = dict(zip(self._objectives, outcome.values, strict=True))
        data |= {name: outcome.metrics[name] for name in self._problem.limits}
        self._client.complete_trial(self._index, raw_data=data)


def make(problem: Problem, sampler: str, seed: int, trials: int) -> Ax:
    return Ax(problem, seed)


if __name__ == "__main__":
    serve(make)
