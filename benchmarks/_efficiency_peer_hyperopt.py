"""Hyperopt's TPE, its conditions as nested choices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from _efficiency_worker import Losses, plain, serve, value
from hyperopt import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK, Trials, hp, space_eval, tpe
from hyperopt.base import Domain
from problems import Outcome, Problem
from problems.spaces import Params, Space, Spec, is_active


def node_of(name: str, spec: Spec) -> Any:
    part = plain(spec)
    if part.kind == "one of":
        return hp.choice(name, list(part.choices))
    if part.log:
        low, high = math.log(part.low), math.log(part.high)
        if part.kind == "whole":
            return hp.qloguniform(name, low, high, 1)
        return hp.loguniform(name, low, high)
    if part.kind == "whole":
        return hp.quniform(name, part.low, part.high, 1)
    return hp.uniform(name, part.low, part.high)


def tree_of(space: Space) -> dict[str, Any]:
    """Return the space with what depends on a parent inside of the parent's choices."""
    children: dict[str, list[str]] = {}
    for name, spec in space.items():
        for parent in spec.get("when", {}):
            children.setdefault(parent, []).append(name)
    nodes: dict[str, Any] = {}
    for name, spec in reversed(list(space.items())):  # children first
        own = children.get(name)
        if own is None:
            nodes[name] = node_of(name, spec)
            continue
        values = spec.get("choices") or range(spec["low"], spec["high"] + 1)
        nodes[name] = hp.choice(
            name,
            [
                {name: given}
                | {child: nodes[child] for child in own if given in space[child]["when"][name]}
                for given in values
            ],
        )
    return {name: nodes[name] for name, spec in space.items() if "when" not in spec}


def flat(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a tree; a parent's choice names its own value again."""
    values: dict[str, Any] = {}
    for name, node in tree.items():
        values |= flat(node) if isinstance(node, dict) else {name: node}
    return values


class Hyperopt:
    def __init__(self, problem: Problem, seed: int) -> None:
        self._problem = problem
        self._tree = tree_of(problem.space)
        self._domain = Domain(lambda params: 0.0, self._tree)
        self._trials = Trials()
        self._rng = np.random.default_rng(seed)
        self._losses = Losses(problem)

    def ask(self) -> dict[str, Any]:
        ids = self._trials.new_trial_ids(1)
        (self._doc,) = tpe.suggest(
            ids, self._domain, self._trials, int(self._rng.integers(2**31 - 1))
        )
        chosen = {name: found[0] for name, found in self._doc["misc"]["vals"].items() if found}
        raw = flat(space_eval(self._tree, chosen))
        params: dict[str, Any] = {}
        for name, spec in self._problem.space.items():
            if is_active(spec, params):
                params[name] = value(spec, raw[name])
        return params

    def tell(self, params: Params, outcome: Outcome) -> None:
        if outcome.values is None:
            result: dict[str, Any] = {"status": STATUS_FAIL}
        else:
            result = {"status": STATUS_OK, "loss": self._losses.of(outcome.values)}
        self._doc |= {"state": JOB_STATE_DONE, "result": result}
        self._trials.insert_trial_docs([self._doc])
        self._trials.refresh()


def make(problem: Problem, sampler: str, seed: int, trials: int) -> Hyperopt:
    return Hyperopt(problem, seed)


if __name__ == "__main__":
    serve(make)
