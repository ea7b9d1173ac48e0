"""Luthier on the problems, by ask and tell in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import luthier

from .base import Outcome, Problem
from .runs import Advice
from .spaces import Params, Spec


def space_of(problem: Problem) -> luthier.Space:
    """Return a problem's space with its known constraints."""
    params = {name: _param(spec) for name, spec in problem.space.items()}
    return luthier.Space(params, constraints=list(problem.constraints))


def _param(spec: Spec) -> Any:
    when = spec.get("when")
    match spec["type"]:
        case "float":
            return luthier.Float(
                spec["low"], spec["high"], log=spec["log"], step=spec["step"], when=when
            )
        case "int":
            return luthier.Int(spec["low"], spec["high"], log=spec["log"], when=when)
        case kind:
            return luthier.Categorical(spec["choices"], ordered=kind == "ordered", when=when)


def make_sampler(spec: str, settings: Mapping[str, Any]) -> Any:
    """Return a sampler with some settings.

    Parameters
    ----------
    spec : str
        A name of the registry, a mapping of name and settings as JSON, or "module:Class".
    settings : mapping of str to object
        On top of these.
    """
    if spec.startswith("{"):
        return {**json.loads(spec), **settings}
    if ":" in spec:
        module, _, name = spec.partition(":")
        return getattr(import_module(module), name)(**settings)
    return {"name": spec, **settings}


class Ours:
    """A study in memory as a `Tuner`."""

    def __init__(self, problem: Problem, sampler: Any, seed: int) -> None:
        several = len(problem.directions) > 1
        self.study = luthier.create_study(
            space_of(problem),
            directions=problem.directions if several else None,
            direction=None if several else problem.directions[0],
            limits=[luthier.Limit(name, high=bound) for name, bound in problem.limits.items()],
            sampler=sampler,
            seed=seed,
        )

    def ask(self) -> dict[str, Any]:
        """Return the active parameters of the next trial."""
        self._trial = self.begin()
        return dict(self._trial.params)

    def tell(self, params: Params, outcome: Outcome) -> None:
        """Tell the study what came of it."""
        self.end(self._trial, outcome)

    def begin(self) -> luthier.Trial:
        """Return the next trial, which runs beside those that have not ended."""
        return self.study.ask()

    def end(self, trial: luthier.Trial, outcome: Outcome) -> None:
        """Tell the study what came of a trial."""
        if outcome.values is None:
            self.study.tell(trial, state="FAILED", error="diverged")
        else:
            self.study.tell(trial, outcome.values, metrics=outcome.metrics)

    def recommend(self) -> Advice | None:
        """Return the trial that the study recommends."""
        found = self.study.recommend()
        return None if found is None else (found.trial.number, *found.interval)
