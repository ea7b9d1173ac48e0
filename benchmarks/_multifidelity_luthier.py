"""Luthier's samplers and schedulers, on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from _multifidelity_runs import Play, Run, serve

import luthier
from luthier.executors.simulated import Simulated
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial
from luthier.schedulers import Decision, FreezeThaw, Resume, Scheduler, Start


@dataclass(frozen=True, slots=True)
class OneEpochThenTop:
    """Train rounds of trials for one step each, and the best of each round to the end.

    Egele et al. (2023), Is One Epoch All You Need For Multi-Fidelity Hyperparameter
    Optimization?, https://arxiv.org/abs/2307.15422.
    """

    trials: int = 100
    top: int = 10

    def next(self, problem: Problem, history: History) -> Start | Resume:
        """Resume the best of a complete round, or begin a trial."""
        begun = history.count // self.trials * self.trials
        waiting = [t for t in history.paused if t.number < begun and t.reports.last is not None]
        rounds: dict[int, list[tuple[float, int]]] = {}
        for trial in waiting:
            value = trial.reports[0].metrics["value"]
            rounds.setdefault(trial.number // self.trials, []).append((value, trial.number))
        for paused in rounds.values():
            if len(paused) > self.trials - self.top:
                return Resume(min(paused)[1])
        return Start()

    def decide(self, problem: Problem, history: History, trial: FrozenTrial) -> Decision:
        """Pause after the first step."""
        last = trial.reports.last
        return Decision.PAUSE if last is not None and last.step == 1 else Decision.CONTINUE


def objective(run: Run) -> Callable[[luthier.Trial], Generator[float, None, float]]:
    """Return an objective that trains by looking up the table, in the time that it took."""
    seconds = run.table.seconds_per_step

    def train(trial: luthier.Trial) -> Generator[float, None, float]:
        row = run.table.row(trial.params)
        value = float("nan")
        for step in range((trial.restored_step or 0) + 1, run.steps + 1):
            yield float(seconds[row])
            value = run.epoch(row, step)
            trial.report(value, step)
            if step < run.steps and trial.should_prune():
                raise luthier.TrialPruned
        return value

    return train


def study(sampler: Any, scheduler: Any) -> Play:
    """Return how a study is played."""

    def play(run: Run) -> None:
        made = scheduler(run.steps) if callable(scheduler) else scheduler
        study = luthier.create_study(
            run.table.space, sampler=sampler, scheduler=made, seed=run.seed
        )
        study.optimize(objective(run), executor=Simulated(run.workers))

    return play


def asha(**settings: Any) -> Any:
    """Return a maker of ASHA for trials of so many steps."""
    return lambda steps: luthier.schedulers.SuccessiveHalving(max_step=steps, **settings)


def hyperband(steps: int) -> Scheduler:
    """Return Hyperband for trials of so many steps."""
    return luthier.schedulers.Hyperband(max_step=steps)


def freeze_thaw(steps: int) -> Scheduler:
    """Return freeze-thaw for trials of so many steps."""
    return FreezeThaw(max_step=steps)


CONTENDERS: dict[str, Play] = {
    "freeze-thaw": study("auto", freeze_thaw),
    "random": study("random", "full"),
    "gp": study("auto", "full"),
    "random+asha": study("random", asha()),
    "random+asha-promote": study("random", asha(kind="promote")),
    "random+asha-4": study("random", asha(eta=4)),
    "random+hyperband": study("random", hyperband),
    "one-epoch-top-10": study("random", OneEpochThenTop()),
    "random+auto": study("random", "auto"),
    "gp+asha": study("auto", asha()),
    "gp+asha-promote": study("auto", asha(kind="promote")),
    "gp+asha-4": study("auto", asha(eta=4)),
    "gp+auto": study("auto", "auto"),
}

if __name__ == "__main__":
    serve(CONTENDERS)
