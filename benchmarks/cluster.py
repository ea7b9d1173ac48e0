"""Trials per second of a no-op objective on Ray and on Dask, beside Ray Tune on the same machine.

Real clusters of two workers on this machine, started before the clock. The rate is that between the
first and the last result, in memory, with random search. Ray Tune runs the same objective with two
trials at a time and everything off that only costs time: terminal, loggers, checkpoints; it may
need an environment of its own, `--tune-python`.

    python benchmarks/cluster.py [--trials 1000] [--tune-trials 15] [--runs 5] [--tune-python PATH]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _clusters import installed, ready
from _processes import fresh
from _report import Measure, report

import luthier

WORKERS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000, help="trials a run (default 1000)")
    parser.add_argument("--tune-trials", type=int, default=15, help="of Ray Tune (default 15)")
    parser.add_argument("--runs", type=int, default=5, help="default 5")
    parser.add_argument("--tune-python", help="interpreter with ray[tune]; none: leave it out")
    options = parser.parse_args()

    tune = None
    if options.tune_python:
        rates = ray_tune(options.tune_python, options.tune_trials, options.runs)
        tune = Measure("Ray Tune", "trials/s", rates)
    measures = []
    for name in installed():
        rates = fresh(luthier_on, name, options.trials, options.runs)
        bar = 100 * tune.median if tune is not None and name == "ray" else None
        measures.append(Measure(f"Luthier on {name}", "trials/s", rates, at_least=bar))
    if tune is not None:
        measures.append(tune)
    sys.exit(report(f"A no-op objective, {WORKERS} workers", measures))


def luthier_on(name: str, trials: int, runs: int) -> list[float]:
    """Return the trials per second of each run."""
    rates = []
    with ready(name, WORKERS) as executor:
        for _ in range(runs):
            space = {"x": luthier.Float(0.0, 1.0)}
            study = luthier.create_study(space, sampler="random", seed=0)
            ends: list[float] = []
            study.optimize(
                lambda trial: trial.params["x"],
                n_trials=trials,
                executor=executor,
                callbacks=[lambda study, trial, ends=ends: ends.append(time.perf_counter())],
            )
            assert len(study.trials) == len(ends) == trials
            rates.append((trials - 1) / (ends[-1] - ends[0]))
    return rates


def ray_tune(python: str, trials: int, runs: int) -> list[float]:
    """Return the trials per second of each run of Ray Tune."""
    program = Path(__file__).with_name("_cluster_ray_tune.py")
    with tempfile.TemporaryDirectory() as folder:
        command = [python, str(program), str(trials), str(runs), folder]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    rates: list[float] = json.loads(done.stdout.splitlines()[-1])
    return rates


if __name__ == "__main__":
    main()
