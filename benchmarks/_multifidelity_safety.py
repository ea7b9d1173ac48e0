"""Does `scheduler="auto"` cost the best trial? The same configurations with it and without.

    python benchmarks/_multifidelity_safety.py [--seeds 50] [--trials 60]

Random search draws the same configurations whatever the scheduler does, so that what full
training would have found is known from the table. A run is safe if its best is no worse than that
by more than the noise: twice the standard deviation of the last five epochs, as the median over
the best twentieth of all configurations.
"""

from __future__ import annotations

import argparse

import numpy as np
from _multifidelity_luthier import objective
from _multifidelity_runs import Run
from curves import Source, sources
from tabulate import tabulate

import luthier
from luthier.executors.simulated import Simulated

LAST = 5


def noise(source: Source) -> float:
    """Return by how much the metric of a good configuration moves from epoch to epoch, twice."""
    best = np.argsort(source.final)[: len(source.final) // 20]
    return 2 * float(np.median(source.curves[best, -LAST:].std(axis=1)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=50, help="of each source (default 50)")
    parser.add_argument("--trials", type=int, default=60, help="of each run (default 60)")
    options = parser.parse_args()
    rows = []
    for name, source in sources().items():
        lost, used = [], []
        for seed in range(1000, 1000 + options.seeds):
            run = Run(name, seed, 1, least=np.inf, most=np.inf)
            study = luthier.create_study(
                source.space, sampler="random", scheduler="auto", seed=seed
            )
            study.optimize(objective(run), n_trials=options.trials, executor=Simulated(1))
            full = min(source.final[source.row(trial.params)] for trial in study.trials)
            lost.append(study.best_value - full)
            used.append(run.epochs / (options.trials * run.steps))
        same, near = np.mean(np.array(lost) <= 0), np.mean(np.array(lost) <= noise(source))
        rows.append([name, f"{same:.0%}", f"{near:.0%}", f"{np.mean(used):.0%}"])
        print(*rows[-1], flush=True)
    print(tabulate(rows, ["", "same best", "within noise", "epochs used"]))


if __name__ == "__main__":
    main()
