"""Prints the seconds that Optuna takes for a number of trials; overhead.py runs it."""

from __future__ import annotations

import sys
import time

import optuna

WARM_UP = 5


def main() -> None:
    kind, path, trials, dimensions = sys.argv[1:]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = [f"x{i}" for i in range(int(dimensions))]

    def objective(trial: optuna.Trial) -> float:
        return float(sum(trial.suggest_float(name, 0.0, 1.0) for name in names))

    study = optuna.create_study(
        storage=storage(kind, path), sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(objective, n_trials=WARM_UP)
    began = time.perf_counter()
    study.optimize(objective, n_trials=int(trials))
    print(time.perf_counter() - began)


def storage(kind: str, path: str) -> str | optuna.storages.BaseStorage | None:
    if kind == "memory":
        return None
    if kind == "sqlite":
        return f"sqlite:///{path}"
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))


if __name__ == "__main__":
    main()
