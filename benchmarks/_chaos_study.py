"""The study that chaos.py torments: an ordinary script, started again with the same arguments.

It prints a line for each trial as soon as `optimize` says that it has ended. Its heart beats more
often than usual, and it waits for less, so that a fault takes a second and not a minute.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import luthier
import luthier.storage.sqlite
import luthier.study.heartbeat
import luthier.study.leases
import luthier.study.owner

SPACE = {"x": luthier.Float(-1.0, 1.0), "layers": luthier.Int(1, 8)}
SEED = 7
STEPS = 5
STEP = 0.01  # seconds
TRIAL_TIMEOUT = 3.0
TRIAL_MEMORY = 600_000_000  # bytes
HUNGER = 1_500_000_000
"""Bytes that a trial takes which finds the file `EAT`."""

READY = "ready"
EAT, CLOCK = "eat", "clock"


def main() -> None:
    storage, name, folder, trials, jobs = sys.argv[1:]
    luthier.study.heartbeat.HEARTBEAT = 0.3
    luthier.study.leases.SURE = 0.6
    luthier.study.owner.HUNG = 1.5
    luthier.storage.sqlite.PATIENCE = 0.2
    if storage.startswith("postgresql"):
        from luthier.storage import sql

        sql.PATIENCE = 0.5
    _let_the_clock_jump(Path(folder) / CLOCK)
    study = luthier.create_study(
        SPACE,
        study_name=name,
        storage=storage,
        sampler="random",
        seed=SEED,
        load_if_exists=True,
        checkpoints=str(Path(folder) / "checkpoints"),
    )
    print(READY, flush=True)
    study.optimize(
        Objective(folder),
        total_trials=int(trials),
        n_jobs=int(jobs),
        retries=1000,
        max_failures=None,
        trial_timeout=TRIAL_TIMEOUT,
        trial_memory=TRIAL_MEMORY,
        grace=0.5,
        max_outage=120.0,
        callbacks=[tell],
    )


class Objective:
    """Adds up a little at each step, and goes on from its checkpoint."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, trial: luthier.Trial) -> float:
        state = trial.load() or {"sum": 0.0}
        for step in range((trial.restored_step or 0) + 1, STEPS + 1):
            self._eat()
            time.sleep(STEP)
            state = {"sum": state["sum"] + step * trial["x"]}
            trial.report(state["sum"], step)
            trial.save(state)
            if trial.should_prune():
                raise luthier.TrialPruned
        return state["sum"] + trial["layers"]

    def _eat(self) -> None:
        try:
            os.unlink(os.path.join(self.folder, EAT))
        except FileNotFoundError:
            return
        taken = bytearray(HUNGER)
        time.sleep(60.0)
        del taken


def expected(params: luthier.FrozenTrial | dict[str, float]) -> float:
    """Return the value of a trial with these params."""
    total = 0.0
    for step in range(1, STEPS + 1):
        total += step * params["x"]  # type: ignore[index]
    return total + params["layers"]  # type: ignore[index]


def tell(study: luthier.Study, trial: luthier.FrozenTrial) -> None:
    print(trial.number, trial.value, flush=True)


def _let_the_clock_jump(path: Path) -> None:
    """Add to the wall clock what the file says."""
    real = time.time

    def now() -> float:
        try:
            return real() + float(path.read_text())
        except (OSError, ValueError):
            return real()

    time.time = now


if __name__ == "__main__":
    main()
