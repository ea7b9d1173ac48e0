"""Tune a network of your own on a Dask cluster, or on this machine if there is none.

    python examples/on_dask.py [--address tcp://host:8786] [--trials 20]

Each trial saves a checkpoint after every epoch. If its machine goes away, it goes on from there on
another one: with several machines, give a folder or a URI that all of them reach.
"""

import argparse

import numpy as np

import luthier
from luthier.executors.dask import Dask


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
    parser.add_argument("--address", help="of a scheduler, such as tcp://host:8786")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--checkpoints", help="folder or URI that all nodes reach")
    options = parser.parse_args()

    study = luthier.create_study(
        {"lr": luthier.Float(1e-3, 10, log=True)},
        scheduler="asha",
        seed=1,
        checkpoints=options.checkpoints,
    )
    executor = Dask(options.address, None if options.address else 2)
    study.optimize(objective, n_trials=options.trials, executor=executor)
    print(f"{len(study.trials)} trials, the best: {study.best_params}")


if __name__ == "__main__":
    main()
