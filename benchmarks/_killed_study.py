"""The study that resume.py kills: an ordinary script, started again with the same arguments.

It prints a line for each trial as soon as `optimize` says that it has ended.
"""

from __future__ import annotations

import sys
import time

import luthier

SPACE = {
    "x": luthier.Float(-1.0, 1.0),
    "rate": luthier.Float(1e-5, 1e-1, log=True),
    "layers": luthier.Int(1, 8),
    "kind": luthier.Categorical(["red", "green", "blue"]),
}
SHORTEST, LONGEST = 0.005, 0.010  # seconds a trial takes


def main() -> None:
    storage, name, sampler, trials, jobs = sys.argv[1:]
    study = luthier.create_study(
        SPACE, study_name=name, storage=storage, sampler=sampler, seed=7, load_if_exists=True
    )
    study.optimize(objective, total_trials=int(trials), n_jobs=int(jobs), callbacks=[tell])


def objective(trial: luthier.Trial) -> float:
    params = trial.params
    time.sleep(SHORTEST + (LONGEST - SHORTEST) * abs(params["x"]))
    return float(params["x"] ** 2 + params["layers"] * params["rate"] + len(params["kind"]))


def tell(study: luthier.Study, trial: luthier.FrozenTrial) -> None:
    print(trial.number, trial.value, flush=True)


if __name__ == "__main__":
    main()
