"""Tune a network of your own in Slurm jobs, or in local processes where there is no Slurm.

    python examples/on_slurm.py [--partition gpu] [--workers 2] [--trials 20]

Run it on a login node, in a folder that all nodes share, and leave it running. Each trial saves a
checkpoint after every epoch; when Slurm ends its job, it goes on from there in another one.
"""

import argparse

import numpy as np

import luthier
from luthier.executors.slurm import Slurm


def objective(trial: luthier.Trial) -> float:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(200, 8))
    targets = np.sin(inputs @ rng.normal(size=8))
    weights, first = rng.normal(size=8) * 0.1, 1
    state = trial.load()
    if state is not None:
        weights, first = state["weights"], trial.restored_step + 1
    for epoch in range(first, 10):
        outputs = np.tanh(inputs @ weights)
        slope = (outputs - targets) * (1 - outputs**2)
        weights = weights - trial["lr"] * (inputs.T @ slope / len(inputs))
        trial.report(float(np.mean((outputs - targets) ** 2)), epoch)
        trial.save({"weights": weights})
        trial.prune_if_hopeless()
    return float(np.mean((np.tanh(inputs @ weights) - targets) ** 2))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--partition")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=20)
    options = parser.parse_args()

    study = luthier.create_study(
        {"lr": luthier.Float(1e-3, 10, log=True)},
        scheduler="asha",
        seed=1,
        storage="slurm-study.db",
        study_name="network",
        load_if_exists=True,
    )
    executor = Slurm(options.workers, minutes=30, cpus=1, partition=options.partition)
    study.optimize(objective, total_trials=options.trials, executor=executor)
    print(f"{len(study.trials)} trials, the best: {study.best_params}")


if __name__ == "__main__":
    main()
