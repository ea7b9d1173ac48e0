"""What the workers of the tests run."""

from __future__ import annotations

import time

import luthier


def square(trial: luthier.Trial) -> float:
    return trial["x"] ** 2


def failing(trial: luthier.Trial) -> float:
    raise RuntimeError("no such GPU")


def slowly(trial: luthier.Trial) -> float:
    """Take ten steps, and go on where an earlier attempt was stopped."""
    state = trial.load()
    step = 0 if state is None else state["step"]
    while step < 10:
        step += 1
        time.sleep(0.1)
        trial.report(trial["x"] / step, step)
        if trial.should_prune():
            trial.save({"step": step})
            raise luthier.TrialPruned
    return trial["x"]
