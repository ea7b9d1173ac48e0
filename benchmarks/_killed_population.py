"""The study that kills.py kills: trials that are paused, resumed and forked from checkpoints.

Each step of a trial hashes what came before, its own params and the step; the hash goes into the
checkpoint, and into what is reported. So a checkpoint of another trial, of another step or of
other params would show in every report that follows.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import luthier

SPACE = {
    "rate": luthier.Float(1e-4, 1e-1, log=True),
    "layers": luthier.Int(1, 8),
    "kind": luthier.Categorical(["red", "green", "blue"]),
}
STEPS = 12
SCHEDULERS: dict[str, Mapping[str, Any]] = {
    "asha": {"name": "asha", "kind": "promote", "min_step": 1, "max_step": STEPS, "eta": 2},
    "pbt": {"name": "pbt", "interval": 2, "max_step": STEPS, "population": 6, "backtrack": 1},
}
ASHA_TRIALS = 16
PAUSE = 0.002  # seconds a step takes, beside its checkpoint
BEGINNING = "beginning"


def hashed(before: str, params: Mapping[str, Any], step: int) -> str:
    """Return the trail of a training after one more step."""
    return sha256(
        f"{before} {json.dumps(dict(params), sort_keys=True)} {step}".encode()
    ).hexdigest()


def value_of(trail: str, step: int) -> float:
    """Return what is reported: a number that the whole trail decides."""
    return int(trail[:12], 16) / 16**12 + 1 / step


def train(trial: luthier.Trial) -> float:
    Path(sys.argv[4], str(os.getpid())).touch()  # for those who kill workers
    state = trial.load() or {"trail": BEGINNING}
    trail = state["trail"]
    for step in range((trial.restored_step or 0) + 1, STEPS + 1):
        time.sleep(PAUSE)
        trail = hashed(trail, trial.params, step)
        trial.report(value_of(trail, step), step)
        if trial.should_prune() or step % 3 == 0:
            trial.save({"trail": trail})
        trial.prune_if_hopeless()
    return value_of(trail, STEPS)


def main() -> None:
    storage, name, kind, _, jobs = sys.argv[1:]
    study = luthier.create_study(
        SPACE,
        study_name=name,
        storage=storage,
        sampler="random",
        scheduler=SCHEDULERS[kind],
        seed=7,
        load_if_exists=True,
    )
    print("begins", flush=True)
    study.optimize(
        train,
        total_trials=ASHA_TRIALS if kind == "asha" else None,
        n_jobs=int(jobs),
        retries=1000,
        max_failures=None,
    )


if __name__ == "__main__":
    main()
