"""Measures one tuner's suggestions in its own environment; prints one line of JSON per size."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any, Protocol

from problems import Outcome, Problem
from problems.spaces import Params, Space, choice, integer, real, to_unit


def floats() -> Space:
    """10 real numbers, 3 of them on a logarithmic scale"""
    return {f"x{i}": real(1e-4, 1.0, log=i >= 7) for i in range(10)}


def mixed() -> Space:
    """4 real numbers, 3 integers, 3 choices"""
    return {
        **{f"x{i}": real(1e-4, 1.0, log=i >= 2) for i in range(4)},
        **{f"n{i}": integer(1, 100, log=i == 2) for i in range(3)},
        **{f"c{i}": choice("a", "b", "c", "d") for i in range(3)},
    }


def conditional() -> Space:
    """a choice of three models with three parameters each, of which one is shown"""
    space: dict[str, Any] = {"model": choice("a", "b", "c")}
    for model in "abc":
        when = {"model": [model]}
        space |= {
            f"{model}_rate": real(1e-4, 1.0, log=True, when=when),
            f"{model}_share": real(0.0, 1.0, when=when),
            f"{model}_depth": integer(1, 20, when=when),
        }
    return space


SPACES = {function.__name__: function for function in (floats, mixed, conditional)}


def problem_of(space: Space) -> Problem:
    """Return a smooth problem over a space."""

    def loss(params: Params) -> float:
        return sum((to_unit(space[name], value) - 0.3) ** 2 for name, value in params.items())

    return Problem("latency", "synthetic", space, loss, "tune")


class Filled(Protocol):
    """A tuner whose trials can be drawn at random, too."""

    def random(self, random: bool) -> None:
        """Choose what proposes from now on: random search, or the sampler."""
        ...

    def ask(self) -> dict[str, Any]: ...

    def tell(self, params: Params, outcome: Outcome) -> None: ...


def tuner_of(job: dict[str, Any], problem: Problem) -> Filled:
    if job["tuner"] == "luthier":
        return luthier_of(job["sampler"], problem)
    return optuna_of(job["sampler"], problem) if job["tuner"] == "optuna" else Rustuna(problem)


def luthier_of(sampler: str, problem: Problem) -> Filled:
    from problems.ours import Ours, make_sampler

    class Luthier(Ours):
        def random(self, random: bool) -> None:
            self.study.sampler = make_sampler("random" if random else sampler, {})

    return Luthier(problem, "random", 0)


def optuna_of(sampler: str, problem: Problem) -> Filled:
    import optuna
    from _efficiency_peer_optuna import Optuna

    class Switched(Optuna):
        def random(self, random: bool) -> None:
            if random:
                self.study.sampler = optuna.samplers.RandomSampler(seed=0)
            else:
                self.study.sampler = self.sampler

        def __init__(self) -> None:
            super().__init__(problem, sampler, 0)
            self.sampler = self.study.sampler

    return Switched()


class Rustuna:
    """Two studies on one storage in memory: one that draws at random, and one with TPE."""

    def __init__(self, problem: Problem) -> None:
        import rustuna
        from _efficiency_worker import plain, value
        from problems.spaces import is_active

        self._plain, self._value, self._is_active = plain, value, is_active
        self._problem = problem
        storage = rustuna.storages.InMemoryStorage()
        kinds = rustuna.samplers
        self._filler = rustuna.create_study(
            study_name="s", storage=storage, sampler=kinds.RandomSampler(seed=0)
        )
        self._study = rustuna.load_study(
            study_name="s", storage=storage, sampler=kinds.TPESampler(seed=0)
        )
        self._now = self._filler

    def random(self, random: bool) -> None:
        self._now = self._filler if random else self._study

    def ask(self) -> dict[str, Any]:
        self._trial = self._now.ask()
        params: dict[str, Any] = {}
        for name, spec in self._problem.space.items():
            if not self._is_active(spec, params):
                continue
            part = self._plain(spec)
            if part.kind == "one of":
                raw = self._trial.suggest_categorical(name, list(part.choices))
            elif part.kind == "whole":
                raw = self._trial.suggest_int(name, part.low, part.high, log=part.log)
            else:
                raw = self._trial.suggest_float(name, part.low, part.high, log=part.log)
            params[name] = self._value(spec, raw)
        return params

    def tell(self, params: Params, outcome: Outcome) -> None:
        assert outcome.values is not None
        self._now.tell(self._trial.number, outcome.values[0])


def one(tuner: Filled, problem: Problem) -> float:
    """Run a trial and return the seconds of processor time of ask and tell."""
    began = time.process_time()
    params = tuner.ask()
    asked = time.process_time()
    outcome = problem.evaluate(params)
    evaluated = time.process_time()
    tuner.tell(params, outcome)
    return time.process_time() - evaluated + asked - began


def warm_up(tuner: Filled, problem: Problem) -> None:
    """Let a tuner of its own import what it needs, and compile what it compiles."""
    for random in (True, False):
        tuner.random(random)
        for _ in range(12):
            one(tuner, problem)


def main() -> None:
    job = json.loads(sys.argv[1])
    problem = problem_of(SPACES[job["space"]]())
    warm_up(tuner_of(job, problem), problem)
    tuner = tuner_of(job, problem)
    made = 0
    for size in job["sizes"]:
        tuner.random(True)
        for _ in range(size - made):
            one(tuner, problem)
        tuner.random(False)
        first = one(tuner, problem)
        seconds = [one(tuner, problem)]
        while len(seconds) < job["repeats"] and sum(seconds) < job["limit"]:
            seconds.append(one(tuner, problem))
        made = max(made, size) + 1 + len(seconds)
        cell = {key: job[key] for key in ("tuner", "sampler", "space")}
        cell |= {"n": size, "suggestions": len(seconds), "first": 1e3 * first}
        cell |= {
            "median": 1e3 * statistics.median(seconds),
            "mean": 1e3 * statistics.fmean(seconds),
        }
        print(json.dumps(cell), flush=True)
        if len(seconds) < job["repeats"]:
            break


if __name__ == "__main__":
    main()
