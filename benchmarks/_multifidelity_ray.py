"""Ray Tune's ASHA, asked as its controller asks it, without starting Ray."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import numpy as np
from _multifidelity_runs import Play, Run, serve
from ray.tune.schedulers import ASHAScheduler, TrialScheduler


class FakeTrial:
    """What the scheduler needs to know of a trial."""

    def __init__(self, number: int) -> None:
        self.trial_id = f"trial-{number}"

    def __hash__(self) -> int:
        return hash(self.trial_id)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, FakeTrial) and other.trial_id == self.trial_id


def asha(reduction_factor: float) -> Play:
    """Return how random search with ASHA is played; one worker."""

    def play(run: Run) -> None:
        scheduler = ASHAScheduler(
            time_attr="training_iteration",
            metric="value",
            mode="min",
            max_t=run.steps,
            grace_period=1,
            reduction_factor=reduction_factor,
        )
        controller = Mock()
        rows = np.random.default_rng(run.seed).permutation(len(run.table.final))
        for number, row in enumerate(rows):
            trial = FakeTrial(number)
            scheduler.on_trial_add(controller, trial)
            for step in range(1, run.steps + 1):
                result = {"value": run.epoch(int(row), step), "training_iteration": step}
                if step == run.steps:
                    scheduler.on_trial_complete(controller, trial, result)
                elif scheduler.on_trial_result(controller, trial, result) == TrialScheduler.STOP:
                    break

    return play


CONTENDERS: dict[str, Play] = {"ray-asha": asha(4)}

if __name__ == "__main__":
    serve(CONTENDERS)
